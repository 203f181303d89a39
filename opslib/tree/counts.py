"""Rows of the tree about what stands open, what fires, and what was seen being whole. No I/O."""

from opslib.tree.branch import Branch

_OPEN = """\
Ask who did it and why before taking it back: it may be what keeps something worse from happening.

```
aws lambda get-function-concurrency --function-name {subject}
aws lambda list-event-source-mappings --function-name {subject} \\
  --query 'EventSourceMappings[].[UUID,State,LastModified]' --output table
```

- Reserved concurrency that was never set is restored by deleting it, not by a number
  (`aws lambda delete-function-concurrency`).
- A mapping that is enabled again goes on where it stopped, as far as the stream still has the
  records.
"""

_CONSUMER = """\
Look at what reads `{subject}`, in this order. The health table has its errors, durations and
throttles beside the queue's, and what stands open says whether its mapping is off.

1. Is it invoked? No mapping, or one that is not `Enabled`, and nothing reads the queue.
2. Does it fail? 10-error-rate says of what. What fails goes round again after the visibility
   timeout, which has to be at least six times the function's timeout.
3. Is it refused? Reserved concurrency, or the mapping's own maximum, may be too little.
4. Is it slow (20-duration), or is simply more sent than it can work off? A larger batch, more
   concurrency, or less work a message.

```
aws lambda list-event-source-mappings \\
  --query "EventSourceMappings[?contains(EventSourceArn, '{subject}')].[UUID,FunctionArn,State]"
```
"""

_READERS = """\
Look at what reads `{subject}`, which may be another team's: one reader that is late makes the age,
though the others keep up. Each function's own iterator age tells which.

```
aws lambda list-event-source-mappings \\
  --query "EventSourceMappings[?contains(EventSourceArn, '{subject}')].[UUID,FunctionArn,State]"
aws kinesis list-stream-consumers --stream-arn STREAM_ARN
```
"""

_SHARDS = """\
See whether one key takes one shard, which more shards do not mend, before adding shards to
`{subject}`.

```
aws kinesis describe-stream-summary --stream-name {subject}
```
"""

ROWS = (
    Branch(
        "change.temporary",
        3,
        "Something that was meant for a while still stands: a function stopped, a mapping off.",
        "50-stream-lag",
        "Take it back, once it is known why it was done",
        (_OPEN,),
        (
            "invocations.none",
            "invocations.throttled",
            "stream.mapping-disabled",
            "stream.lag",
            "queue.backlog",
            "dead-letters.waiting",
        ),
    ),
    Branch(
        "stream.write-throttled",
        39,
        "A stream refuses records, so its producers try again or lose them.",
        "50-stream-lag",
        "Look for one key that takes one shard; else add shards",
        (_SHARDS,),
    ),
    Branch(
        "stream.age",
        51,
        "Some reader of a stream is further behind than it should be.",
        "50-stream-lag",
        "Look at what reads the stream",
        (_READERS,),
    ),
    Branch(
        "queue.backlog",
        55,
        "Messages wait longer than they should: the consumer fails, is slow, or does not run.",
        "",
        "Look at what reads the queue",
        (_CONSUMER,),
    ),
    Branch(
        "logs.metrics-disagree",
        70,
        "Logs and metrics count different invocations, so one of them is not whole.",
        "00-triage",
    ),
    Branch(
        "alarms.firing",
        72,
        "An alarm fires that nothing else explains.",
        "00-triage",
    ),
)
