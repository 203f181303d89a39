"""Rows of the tree about slow invocations, memory and cold starts. Does no I/O.

Sources
-------
Lambda aggregator operations guide: Solutions. UpdateFunctionConfiguration edits $LATEST only and
PutProvisionedConcurrencyConfig refuses it (botocore, Lambda). A queue's visibility timeout should
be six times the function's (Lambda developer guide, using Lambda with SQS).
"""

from opslib.tree.branch import Branch
from opslib.tree.steps import BACK, BATCH, MEMORY, TIMEOUT

_PROVISIONED = """\
Keep environments of `{subject}` warm. Lambda refuses this on `$LATEST`: callers, or the event
source mapping, have to use an alias or a version.

```
aws lambda put-provisioned-concurrency-config --function-name {subject} \\
  --qualifier ALIAS --provisioned-concurrent-executions ENVIRONMENTS
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
        (MEMORY,),
        ("errors.rate", *_STUCK),
    ),
    Branch(
        "duration.timed-out",
        21,
        "Invocations took the whole timeout and were cut off.",
        "20-duration",
        "Go back if a deployment began it; else raise the memory or reduce the batch",
        (BACK, MEMORY, BATCH, TIMEOUT),
        ("errors.rate", *_STUCK),
    ),
    Branch(
        "duration.near-timeout",
        22,
        "Invocations take so much of the timeout that some will not end in time.",
        "20-duration",
        "Go back if a deployment began it; else raise the memory or reduce the batch",
        (BACK, MEMORY, BATCH, TIMEOUT),
        ("errors.rate", *_STUCK),
    ),
    Branch(
        "duration.rising",
        23,
        "Invocations take far longer than they did in the same window.",
        "20-duration",
        "Go back if a deployment began it; else raise the memory or reduce the batch",
        (BACK, MEMORY, BATCH),
        ("duration.near-timeout", "errors.rate", *_STUCK),
    ),
    Branch(
        "cold-starts.init-slower",
        30,
        "Starting an environment takes longer since the last change.",
        "40-cold-starts",
        "Look at what the deployment added",
        (_INIT, MEMORY),
    ),
    Branch(
        "cold-starts.frequent",
        31,
        "A good part of the invocations waits for an environment to start.",
        "40-cold-starts",
        "Provisioned concurrency on an alias",
        (_PROVISIONED, MEMORY),
    ),
)
