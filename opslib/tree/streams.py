"""Rows of the tree about streams, dead letters and throttled tables. Does no I/O."""

from opslib.tree.branch import Branch

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

_SILENT = """\
See whether the mapping of `{subject}` is enabled. Disabling and enabling it keeps its position;
deleting and creating it again loses the position and with it records.

```
aws lambda list-event-source-mappings --function-name {subject} \\
  --query 'EventSourceMappings[].[UUID,State,StateTransitionReason,LastProcessingResult]'
```
"""

ROWS = (
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
)
