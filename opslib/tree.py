"""The decision tree as one table: from a finding to what it means, where to look, what mends it.

In: findings. Out: the same findings ranked, causes before consequences, each with the notebook to
open and the remedy as text. The one place where finding ids are listed. Does no I/O.

The remedies are the operations guide's, as text only; where the guide is wrong about AWS, the text
says what is right.

Sources
-------
Lambda aggregator operations guide: Decision Tree, Solutions. UpdateFunctionConfiguration edits
$LATEST only and PutProvisionedConcurrencyConfig refuses it (botocore, Lambda). A queue's visibility
timeout should be six times the function's (Lambda developer guide, using Lambda with SQS).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from opslib.errors import BadInput
from opslib.health import Finding, Verdict

#: The notebooks that can be opened; one that `BRANCHES` names beside them is not there yet.
NOTEBOOKS = ("00-triage", "20-duration", "40-cold-starts")


@dataclass(frozen=True, slots=True)
class Branch:
    """One row of the tree.

    Parameters
    ----------
    finding
        The finding's id.
    rank
        Its place from cause (low) to consequence (high) among findings of the same weight.
    meaning
        What it says, in one sentence.
    notebook
        Where to look next; it can be opened only if `NOTEBOOKS` has it.
    remedy
        A name for what mends it; empty when there is only more to look at.
    steps
        The remedy in Markdown, a step each, the first one first, with ``{subject}`` for the
        function or queue.
    explains
        Findings that may be consequences of this one, which then weighs as much as they do.
    """

    finding: str
    rank: int
    meaning: str
    notebook: str
    remedy: str = ""
    steps: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether its notebook can be opened."""
        return self.notebook in NOTEBOOKS


_MEMORY = """\
Raise the memory of `{subject}`; CPU scales with it. At most double it at a time, and look again.

```
aws lambda update-function-configuration --function-name {subject} --memory-size 512
aws lambda wait function-updated-v2 --function-name {subject}
```

- It changes `$LATEST` only. If callers use an alias, publish a version and move the alias
  (`aws lambda publish-version`, `aws lambda update-alias --revision-id ...`), or nothing changes.
- It replaces every warm environment, so a burst of cold starts follows.
- The next deployment of the stack sets it back: change it there too
  (`zae-limiter deploy --name NAME --region REGION --lambda-memory 512`).
"""

_BACK = """\
If it began with a deployment of `{subject}`, going back is quicker and surer than anything below:
deploy the version before, the function only (about 2 minutes, no data is lost).

```
pip install 'zae-limiter==VERSION_BEFORE'
zae-limiter upgrade --name NAME --region REGION --lambda-only
```

- A client below the minimum version that the stack keeps is refused.
- Where callers use an alias, move it to the version before and clear its weights instead
  (`aws lambda update-alias --function-version N --routing-config '{}' --revision-id ...`).
"""

_TIMEOUT = """\
Raise the timeout of `{subject}` only to win time: it hides a slow dependency and does not mend it.

```
aws lambda update-function-configuration --function-name {subject} --timeout 120
```

- If an SQS queue feeds the function, its visibility timeout has to stay at least six times the
  timeout, or messages come back while they are still being worked on.
"""

_BATCH = """\
Have each invocation of `{subject}` do less: halve the batch of its event source mapping.

```
aws lambda list-event-source-mappings --function-name {subject} \\
  --query 'EventSourceMappings[].[UUID,EventSourceArn,BatchSize,State]' --output table
aws lambda update-event-source-mapping --uuid UUID --batch-size 50
```

- Take the UUID of the right mapping: a function may have several. The change is asynchronous:
  wait for `State` to be `Enabled` again.
- Smaller batches make more invocations. Watch the iterator age for 15 to 30 minutes.
"""

_PROVISIONED = """\
Keep environments of `{subject}` warm. Lambda refuses this on `$LATEST`: callers, or the event
source mapping, have to use an alias or a version.

```
aws lambda put-provisioned-concurrency-config --function-name {subject} \\
  --qualifier ALIAS --provisioned-concurrent-executions 2
```

- It costs while idle, counts against reserved concurrency, and excludes SnapStart.
"""

_INIT = """\
Compare what the deployment added to the start of `{subject}`: package size, imports, clients made
outside of the handler. Going back to the version before is the fastest proof.

```
aws lambda list-versions-by-function --function-name {subject}
```
"""

_DEAD_LETTERS = """\
Do not invoke the function with a dead letter's body, and do not delete any yet: the queue of a
stream mapping holds pointers (shard, sequence numbers), and the handler answers 200 to one without
having read a record. Mend the cause first, then read the records that the pointers name while the
stream still has them (24 hours for DynamoDB).

```
aws sqs get-queue-attributes --queue-url QUEUE_URL \\
  --attribute-names ApproximateNumberOfMessages MessageRetentionPeriod
```
"""

_LAG = """\
Mend slow or failing invocations of `{subject}` first: lag follows from them. If they are well, look
at the mapping's `State`, at throttles, and whether concurrency is at least the number of shards.

```
aws lambda list-event-source-mappings --function-name {subject} \\
  --query 'EventSourceMappings[].[UUID,State,BatchSize,ParallelizationFactor,LastProcessingResult]'
```
"""

_ERRORS = """\
Group the errors of `{subject}` by kind before changing anything. Timeouts, kills for lack of memory
and failed inits carry no `ERROR` in their lines.

```
aws logs tail /aws/lambda/{subject} --since 1h
```
"""

_SILENT = """\
See whether the mapping of `{subject}` is enabled. Disabling and enabling it keeps its position;
deleting and creating it again loses the position and with it records.

```
aws lambda list-event-source-mappings --function-name {subject} \\
  --query 'EventSourceMappings[].[UUID,State,StateTransitionReason,LastProcessingResult]'
```
"""

_STUCK = ("stream.lag", "dead-letters.waiting")

#: The tree, causes before consequences.
BRANCHES = (
    Branch(
        "errors.rate",
        10,
        "Invocations end in an error.",
        "10-error-rate",
        "Group the errors by kind",
        (_ERRORS,),
        _STUCK,
    ),
    Branch(
        "errors.swallowed-records",
        11,
        "Records fail inside invocations that succeed: no alarm sees them, and they are lost.",
        "10-error-rate",
        "Group the errors by kind",
        (_ERRORS,),
    ),
    Branch(
        "memory.headroom",
        20,
        "An invocation came near the memory limit, at which it is killed.",
        "20-duration",
        "Raise the memory",
        (_MEMORY,),
        ("errors.rate", *_STUCK),
    ),
    Branch(
        "duration.timed-out",
        21,
        "Invocations took the whole timeout and were cut off.",
        "20-duration",
        "Go back if a deployment began it; else raise the memory or reduce the batch",
        (_BACK, _MEMORY, _BATCH, _TIMEOUT),
        ("errors.rate", *_STUCK),
    ),
    Branch(
        "duration.near-timeout",
        22,
        "Invocations take so much of the timeout that some will not end in time.",
        "20-duration",
        "Go back if a deployment began it; else raise the memory or reduce the batch",
        (_BACK, _MEMORY, _BATCH, _TIMEOUT),
        ("errors.rate", *_STUCK),
    ),
    Branch(
        "duration.rising",
        23,
        "Invocations take far longer than they did in the same window.",
        "20-duration",
        "Go back if a deployment began it; else raise the memory or reduce the batch",
        (_BACK, _MEMORY, _BATCH),
        ("duration.near-timeout", "errors.rate", *_STUCK),
    ),
    Branch(
        "cold-starts.init-slower",
        30,
        "Starting an environment takes longer since the last change.",
        "40-cold-starts",
        "Look at what the deployment added",
        (_INIT, _MEMORY),
    ),
    Branch(
        "cold-starts.frequent",
        31,
        "A good part of the invocations waits for an environment to start.",
        "40-cold-starts",
        "Provisioned concurrency on an alias",
        (_PROVISIONED, _MEMORY),
    ),
    Branch(
        "invocations.none",
        40,
        "The function is not invoked, or nobody can tell.",
        "50-stream-lag",
        "Look at the event source mapping",
        (_SILENT,),
    ),
    Branch(
        "stream.lag",
        50,
        "Records wait in the stream longer than they should.",
        "50-stream-lag",
        "Mend the invocations first",
        (_LAG,),
    ),
    Branch(
        "dead-letters.waiting",
        60,
        "Batches were given up and wait in the dead-letter queue.",
        "30-dead-letters",
        "Mend the cause, then read what the pointers name",
        (_DEAD_LETTERS,),
    ),
    Branch(
        "logs.metrics-disagree",
        70,
        "Logs and metrics count different invocations, so one of them is not whole.",
        "00-triage",
    ),
)

_BY_FINDING = {branch.finding: branch for branch in BRANCHES}
_SEVERITIES = (Verdict.CRITICAL, Verdict.WARNING, Verdict.UNKNOWN, Verdict.HEALTHY)


def branch(finding: str) -> Branch:
    """Return the row of a finding's id.

    Raises
    ------
    BadInput
        The table has no such id.
    """
    if finding not in _BY_FINDING:
        raise BadInput(
            f"Not ranked: {finding!r} is not a finding of the tree; "
            f"it has {', '.join(_BY_FINDING)}.",
            finding=finding,
        )
    return _BY_FINDING[finding]


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, what was seen before what was not, causes before consequences.

    Each gets the notebook to open, if it is there, and the name of its remedy. The more severe
    comes first, but a finding weighs as much as the worst that it explains: a critical lag goes
    away when the slow invocations behind it do, though they be only a warning.

    Raises
    ------
    BadInput
        The table has no such id.
    """
    held = list(findings)

    def place(finding: Finding) -> tuple[bool, int, int]:
        row = branch(finding.id)
        blind = finding.severity is Verdict.UNKNOWN
        explained = [other.severity for other in held if other.id in row.explains]
        weight = min(_SEVERITIES.index(each) for each in [finding.severity, *explained])
        # Without any invocation, whatever else is unknown is so because of that.
        rank = 0 if blind and finding.id == "invocations.none" else row.rank
        return blind, weight, rank

    filled = []
    for finding in sorted(held, key=place):
        row = branch(finding.id)
        notebook = row.notebook if row.is_there else None
        filled.append(replace(finding, notebook=notebook, remedy=row.remedy or None))
    return filled


def next_notebook(findings: Iterable[Finding]) -> str | None:
    """Return the notebook of the first cause that has one that is there, or None."""
    return next((finding.notebook for finding in ranked(findings) if finding.notebook), None)


def remedies(findings: Iterable[Finding]) -> str:
    """Return what would mend the findings, as Markdown, each remedy once. Nothing is changed.

    Empty when nothing was found that has a remedy. What could not be seen has none.
    """
    said: list[str] = []
    for finding in ranked(findings):
        row = branch(finding.id)
        steps = [step.replace("{subject}", finding.subject) for step in row.steps]
        fresh = [step for step in steps if step not in said]
        if fresh and finding.severity is not Verdict.UNKNOWN:
            said += [f"#### {row.remedy} ({finding.subject})\n", *fresh]
    return "\n".join(said)
