"""Rows of the tree about slow invocations, memory and cold starts. Does no I/O.

Sources
-------
Lambda aggregator operations guide: Solutions. UpdateFunctionConfiguration edits $LATEST only and
PutProvisionedConcurrencyConfig refuses it (botocore, Lambda). A queue's visibility timeout should
be six times the function's (Lambda developer guide, using Lambda with SQS).
"""

from opslib.tree.branch import Branch

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

_STUCK = ("stream.lag", "queue.backlog", "dead-letters.waiting")

ROWS = (
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
)
