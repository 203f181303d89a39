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

_TRIMMED = """\
No replay brings these records back. What they held may stand elsewhere: a table's stream carries
its items, so their newest state is in the table, and what was derived from each change has to be
computed again from it, or from a backup. Write down which span of time is missing, and for whom.
Mend the cause and replay the other letters before they follow.
"""

_EXPIRING = """\
Replay first, or read the records and keep them somewhere; the cause may be mended after. The queue
keeps its pointers longer than the stream keeps what they point to (24 hours for DynamoDB, the
stream's retention for Kinesis), so the queue's own retention buys nothing.
"""

_STUCK = """\
A batch that fails is tried again, and everything behind it on its shard waits. Mend the failure
(a timeout, an error of the code), or let the mapping give the batch up: `MaximumRetryAttempts`,
`BisectBatchOnFunctionError` and an on-failure destination together turn it into a dead letter that
names the records, and the rest goes on. Never delete the mapping: its position goes with it.
"""

_DISABLED = """\
Find out who disabled it and why: it may be how somebody stopped an incident. Enabling it goes on
from where it stood. A stream keeps records for 24 hours (Kinesis: its retention), a queue its
messages for its own retention; after that the backlog is lost, with no dead letter to say so.
"""

_PROBLEM = """\
Lambda tells of the last batch of each mapping of `{subject}` what became of it. What stands there
is the cause: a permission of the function's role, a key, a stream that is gone. When it is that the
call failed, it is the function's own error.

```
aws lambda list-event-source-mappings --function-name {subject} \\
  --query 'EventSourceMappings[].[UUID,EventSourceArn,State,LastProcessingResult]'
```
"""

_REFUSED = """\
Invocations are refused for want of concurrency. A stream or queue mapping tries again, so work is
late; asynchronous events are dropped after 6 hours. Look at reserved concurrency, at what else in
the account takes it, and have at least as much as shards times the parallelization factor.
"""

_TABLE = """\
What mends it depends on the cause that is named. SDKs retry a throttled request in silence, so the
function shows it as duration, not as errors.

- Provisioned capacity: give the table (or the index that is named) what it consumes, or move it to
  on-demand until the peak is over.
- An on-demand maximum: somebody set it, perhaps against cost. Ask why; then raise it, or take it
  away with -1 (reads have a maximum of their own).
- One partition's limit: a hot key, which neither mends.
- The account's limit: ask for more in Service Quotas, and see which table takes it.

```
aws dynamodb describe-table --table-name {subject} \\
  --query 'Table.[BillingModeSummary,ProvisionedThroughput,OnDemandThroughput]'
```
"""

_HOT = """\
One key takes more than a partition gives (1,000 write units or 3,000 read units a second). More
capacity for the table does not mend that: spread the key, or write it less often.
"""

_UNDELIVERED = """\
See whether the role of `{subject}` may send to its dead-letter queue or destination, whether that
is there, and whether it takes messages of that size. What was not sent is lost: the logs say what
failed.

```
aws lambda get-function-configuration --function-name {subject} --query DeadLetterConfig
aws lambda get-function-event-invoke-config --function-name {subject}
```
"""

_WAITS = ("stream.lag", "queue.backlog", "dead-letters.waiting")
_BACKLOGS = ("stream.lag", "queue.backlog")
_SLOW = (
    "duration.timed-out",
    "duration.near-timeout",
    "duration.rising",
    "errors.rate",
    "errors.timeout",
    "errors.dynamodb",
)

ROWS = (
    Branch(
        "dynamodb.hot-key",
        4,
        "One key takes more than a partition can give, whatever the table's capacity.",
        "60-dynamodb-throttling",
        "Spread the key",
        (_HOT,),
        ("dynamodb.write-throttled", "dynamodb.read-throttled", *_SLOW, *_WAITS),
    ),
    Branch(
        "dynamodb.write-throttled",
        5,
        "The table or an index of it refuses writes.",
        "60-dynamodb-throttling",
        "Give it the write capacity that it lacks, by the cause",
        (_TABLE,),
        (*_SLOW, "stream.stuck-shard", *_WAITS),
    ),
    Branch(
        "dynamodb.read-throttled",
        6,
        "The table or an index of it refuses reads.",
        "60-dynamodb-throttling",
        "Give it the read capacity that it lacks, by the cause",
        (_TABLE,),
        (*_SLOW, "stream.stuck-shard", *_WAITS),
    ),
    Branch(
        "dynamodb.slow",
        7,
        "DynamoDB itself answers late or with errors of its own.",
        "60-dynamodb-throttling",
        "Look at the AWS Health Dashboard",
        (),
        (*_SLOW, *_WAITS),
    ),
    Branch(
        "invocations.throttled",
        35,
        "Invocations are refused for want of concurrency.",
        "50-stream-lag",
        "Give it the concurrency it needs",
        (_REFUSED,),
        (*_BACKLOGS, "dead-letters.waiting"),
    ),
    Branch(
        "stream.mapping-problem",
        37,
        "A mapping reports that what it reads, or what it invokes, does not work.",
        "50-stream-lag",
        "Mend what the mapping reports",
        (_PROBLEM,),
        ("invocations.none", *_BACKLOGS),
    ),
    Branch(
        "stream.mapping-disabled",
        38,
        "A mapping hands nothing on, so nothing is measured and nothing is processed.",
        "50-stream-lag",
        "Enable the mapping",
        (_DISABLED,),
        ("invocations.none", *_BACKLOGS),
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
        "stream.stuck-shard",
        45,
        "One batch is tried again and again, and everything behind it on its shard waits.",
        "50-stream-lag",
        "Let the mapping give the batch up, and mend the failure",
        (_STUCK,),
        ("stream.lag",),
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
        "dead-letters.expiring",
        59,
        "What dead letters lead to will soon be gone.",
        "30-dead-letters",
        "Replay, or keep the records elsewhere, first",
        (_EXPIRING,),
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
        "dead-letters.undelivered",
        58,
        "What was given up did not come to the dead-letter queue: it is lost.",
        "30-dead-letters",
        "Let the function send to its dead-letter queue",
        (_UNDELIVERED,),
    ),
    Branch(
        "dynamodb.user-errors",
        69,
        "DynamoDB refuses requests of this account as wrong; whose they are is not counted.",
        "10-error-rate",
    ),
    Branch(
        "dead-letters.trimmed",
        61,
        "Dead letters point to records that the stream no longer has: they are lost.",
        "30-dead-letters",
        "Say what is lost; mend it from elsewhere",
        (_TRIMMED,),
    ),
)
