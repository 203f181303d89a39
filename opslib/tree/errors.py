"""Rows of the tree about invocations and records that fail. Does no I/O.

Sources
-------
Lambda aggregator operations guide: Error Rate Issues, Procedures; operations guide of
vf-api-workers: Lambda Function Errors Spike, Verdict Not Posted to Slack.
UpdateFunctionConfiguration edits $LATEST only; UpdateAlias keeps the weights of a canary unless
they are cleared (botocore, Lambda).
"""

from opslib.tree.branch import Branch
from opslib.tree.steps import BATCH, MEMORY, TIMEOUT

_ERRORS = """\
Group the errors of `{subject}` by kind before changing anything. Timeouts, kills for lack of memory
and failed inits carry no `ERROR` in their lines.

```
aws logs tail {group} --since 1h
```
"""

_PERMISSION = """\
Grant the role of `{subject}` the one action on the one resource that the denial names, in a policy
of its own, never with a `*`. A denial by a boundary, an organization's policy or an explicit `Deny`
is not mended so: whoever owns that policy has to.

```
aws iam put-role-policy --role-name ROLE --policy-name NAME --policy-document file://statement.json
```

- The next deployment of the stack sets the role back: put the statement into its template too.
- Records that were lost meanwhile are not tried again: see what has to be counted anew.
"""

_WAITED = """\
See first what the invocations of `{subject}` waited for: a throttled table or a slow service is not
mended by anything below. A stream's batch that is cut off is tried again from its first record.
"""

_CODE = """\
Go back to the version of `{subject}` before the first error. Where callers use an alias, move it
and clear its weights, or a canary keeps part of the traffic on the broken version:

```
aws lambda update-alias --function-name {subject} --name ALIAS --function-version N \\
  --routing-config '{}' --revision-id REVISION
```

Where they use `$LATEST`, deploy the version before, the function only{back}

- Read the trace first: when the data changed and not the code, going back mends nothing.
"""

_DEPENDENCY = """\
Do not go back to another version of `{subject}` for this, unless its finding says that a deployment
may have brought it: a service that it calls fails. See in the lines of 10-error-rate which one, and
whether it fails for others too: call whoever runs it, look at its status page.

- Away, too slow, 429 or 5xx: wait until it is back. Batches and messages are tried again until
  their retries or their retention end, so see then what went to a dead-letter queue.
- A token that is refused (`invalid_auth`, expired, status 401): renew it, and check what it may do;
  for Slack the channel, too, and that the bot is in it.
- A name that is not found, or a connection refused from one minute on for this function alone: its
  address, its subnets and security groups. Going back mends it only if a deployment brought them.

```
aws lambda get-function-configuration --function-name {subject} --query VpcConfig
```

- Afterwards: retries with a growing pause, and a breaker that stops asking what does not answer.
"""

_SLOW_INIT = """\
See what `{subject}` imports and asks for before its handler: an initialization over 10 s is ended
and done again inside the first invocation, on that invocation's time. Load less, or raise the
memory.

```
aws lambda update-function-configuration --function-name {subject} --memory-size MEMORY_MB
```
"""

_RESOURCE = """\
Compare the names in the environment of `{subject}` with what exists. If they differ, mend that and
deploy the stack again{deploy}.

```
aws lambda get-function-configuration --function-name {subject} --query Environment.Variables
```
"""

_STUCK = ("stream.lag", "queue.backlog", "dead-letters.waiting")
_FAILED = ("errors.rate", "errors.unexplained", *_STUCK)
_CUT_OFF = (*_FAILED, "duration.timed-out")

ROWS = (
    Branch(
        "errors.permission-denied",
        4,
        "The role lacks a permission, or a policy denies it.",
        "11-permission-denied",
        "Grant the one action on the one resource",
        (_PERMISSION,),
        (*_FAILED, "errors.swallowed-records"),
    ),
    Branch(
        "errors.missing-resource",
        5,
        "A table, stream, queue or object that the function names is not there.",
        "10-error-rate",
        "Compare the names with what exists",
        (_RESOURCE,),
        (*_FAILED, "errors.swallowed-records"),
    ),
    Branch(
        "errors.init-failed",
        6,
        "The package does not load, so no invocation gets to the handler.",
        "13-code-error",
        "Go back to the version before",
        (_CODE,),
        _FAILED,
    ),
    Branch(
        "errors.dependency",
        6,
        "A service that the function calls is away, fails, or refuses its token.",
        "10-error-rate",
        "Wait for the service, or renew the token",
        (_DEPENDENCY,),
        (*_CUT_OFF, "errors.timeout", "errors.swallowed-records"),
    ),
    Branch(
        "errors.code",
        7,
        "An exception that nothing catches ends invocations.",
        "13-code-error",
        "Go back to the version before",
        (_CODE,),
        _FAILED,
    ),
    Branch(
        "errors.validation",
        8,
        "A service does not accept a request: the schema or the data changed.",
        "13-code-error",
        "Go back to the version before, or mend the source of the data",
        (_CODE,),
        (*_FAILED, "errors.swallowed-records"),
    ),
    Branch(
        "errors.out-of-memory",
        8,
        "Invocations are killed for lack of memory.",
        "12-timeout",
        "Raise the memory",
        (MEMORY,),
        (*_FAILED, "memory.headroom"),
    ),
    Branch(
        "errors.dynamodb",
        8,
        "The table, or another service, refuses the rate or the condition of a request.",
        "60-dynamodb-throttling",
        explains=(*_CUT_OFF, "errors.timeout", "errors.swallowed-records"),
    ),
    Branch(
        "errors.timeout",
        9,
        "Invocations are cut off by the timeout.",
        "12-timeout",
        "See what they waited for; raise timeout or memory, or halve the batch",
        (_WAITED, TIMEOUT, MEMORY, BATCH),
        _CUT_OFF,
    ),
    Branch(
        "errors.init-timeout",
        9,
        "Initializations take over 10 s: each is ended, and done again in an invocation.",
        "40-cold-starts",
        "Load less at the start, or raise the memory",
        (_SLOW_INIT,),
        (*_CUT_OFF, "errors.timeout", "cold-starts.frequent", "cold-starts.init-slower"),
    ),
    Branch(
        "errors.rate",
        10,
        "Invocations end in an error.",
        "10-error-rate",
        "Mend the kind of error that most of them are",
        (_ERRORS,),
        _STUCK,
    ),
    Branch(
        "errors.swallowed-records",
        11,
        "Records fail inside invocations that succeed: no alarm sees them, and they are lost.",
        "10-error-rate",
        "Mend what makes the records fail",
        (_ERRORS,),
    ),
    Branch(
        "errors.unexplained",
        71,
        "Invocations failed and no line says why.",
        "10-error-rate",
    ),
)
