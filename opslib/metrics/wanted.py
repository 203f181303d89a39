"""Which metrics a function, a queue, a stream and a table have, and which statistic tells.

In: names of resources. Out: `Metric` descriptions, each name once, so that those of a thousand
resources go into one `opslib.metrics.fetch`. A name is the resource's and a dot and what it is,
with its unit: ``orders-ingest.duration_p95_ms``. Must not ask.

Sources
-------
Names, dimensions and statistics: Lambda developer guide, types of metrics; SQS developer guide,
CloudWatch metrics; Kinesis Data Streams developer guide, monitoring with CloudWatch; DynamoDB
developer guide, metrics and dimensions. Dimensions match exactly or not at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from opslib.metrics.fetching import Metric
from opslib.system import Function

#: Why DynamoDB refuses, as its metrics name it between Read or Write and ThrottleEvents.
CAUSES = {
    "ProvisionedThroughput": "provisioned",
    "KeyRangeThroughput": "key_range",
    "MaxOnDemandThroughput": "on_demand_maximum",
    "AccountLimit": "account_limit",
}
_TABLE_ONLY = "WriteAccountLimitThrottleEvents"


def function_metrics(function: Function) -> list[Metric]:
    """Return the metrics that a function's health table is made of.

    Returns
    -------
    ``invocations`` and ``errors`` (Sum a minute), ``duration_p95_ms`` (5 min); with a table, since
    its stream is read, ``iterator_age_ms`` (Maximum of 5 min: an average hides a blocked shard) and
    ``table_writes`` (consumed write capacity, Sum of 5 min); with a dead-letter queue
    ``dead_letters`` (visible messages, Maximum a minute).
    """
    by_function = {"FunctionName": function.name}
    wanted = [
        Metric("invocations", "AWS/Lambda", "Invocations", by_function, "Sum", 60, "invocations"),
        Metric("errors", "AWS/Lambda", "Errors", by_function, "Sum", 60, "errors"),
        Metric("duration_p95_ms", "AWS/Lambda", "Duration", by_function, "p95", 300, "ms"),
    ]
    if function.table:
        by_table = {"TableName": function.table}
        wanted += [
            Metric(
                "iterator_age_ms", "AWS/Lambda", "IteratorAge", by_function, "Maximum", 300, "ms"
            ),
            Metric(
                "table_writes",
                "AWS/DynamoDB",
                "ConsumedWriteCapacityUnits",
                by_table,
                "Sum",
                300,
                "write units",
            ),
        ]
    if function.dead_letter_queue:
        wanted.append(
            Metric(
                "dead_letters",
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                {"QueueName": function.dead_letter_queue},
                "Maximum",
                60,
                "messages",
            )
        )
    return wanted


#: What functions mostly do with a table, as DynamoDB counts it.
OPERATIONS = (
    "GetItem",
    "PutItem",
    "UpdateItem",
    "Query",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactWriteItems",
)


def of_function(name: str, *, every_s: int = 60, named: str | None = None) -> list[Metric]:
    """Return the metrics of a function.

    Parameters
    ----------
    name
        The function's name.
    every_s
        The length of a datapoint, seconds; durations and ages are never finer than 300.
    named
        What the names begin with; the function's name and a dot when None.

    Returns
    -------
    ``invocations``, ``errors`` and ``throttles`` (Sum; the first has no throttled ones),
    ``duration_p95_ms``, ``iterator_age_ms`` (Maximum: an average hides a blocked shard) and
    ``concurrent_executions`` (Maximum).
    """
    of = _Of("AWS/Lambda", {"FunctionName": name}, _begin(name, named), every_s)
    coarse = of.every(max(every_s, 300))
    return [
        of("invocations", "Invocations", "Sum", "invocations"),
        of("errors", "Errors", "Sum", "errors"),
        of("throttles", "Throttles", "Sum", "invocations"),
        coarse("duration_p95_ms", "Duration", "p95", "ms"),
        coarse("iterator_age_ms", "IteratorAge", "Maximum", "ms"),
        of("concurrent_executions", "ConcurrentExecutions", "Maximum", "executions"),
    ]


def of_queue(name: str, *, every_s: int = 60, named: str | None = None) -> list[Metric]:
    """Return the metrics of a queue: ``visible_messages`` and ``oldest_age_s``, both Maximum.

    Of a standard dead-letter queue the age is since a message was moved there, while it expires by
    when it was first sent (SQS developer guide, dead-letter queues).
    """
    of = _Of("AWS/SQS", {"QueueName": name}, _begin(name, named), every_s)
    return [
        of("visible_messages", "ApproximateNumberOfMessagesVisible", "Maximum", "messages"),
        of("oldest_age_s", "ApproximateAgeOfOldestMessage", "Maximum", "s"),
    ]


def of_stream(name: str, *, every_s: int = 60, named: str | None = None) -> list[Metric]:
    """Return the metrics of a Kinesis stream.

    Returns
    -------
    ``reader_age_ms`` (Maximum of all readers and shards), ``refused_writes`` and
    ``refused_reads`` (Sum), ``incoming_records`` (Sum).
    """
    of = _Of("AWS/Kinesis", {"StreamName": name}, _begin(name, named), every_s)
    return [
        of("reader_age_ms", "GetRecords.IteratorAgeMilliseconds", "Maximum", "ms"),
        of("refused_writes", "WriteProvisionedThroughputExceeded", "Sum", "records"),
        of("refused_reads", "ReadProvisionedThroughputExceeded", "Sum", "calls"),
        of("incoming_records", "IncomingRecords", "Sum", "records"),
    ]


def of_table(
    name: str,
    *,
    indexes: Iterable[str] = (),
    every_s: int = 60,
    named: str | None = None,
) -> list[Metric]:
    """Return the metrics of a DynamoDB table and of its global secondary indexes.

    Parameters
    ----------
    indexes
        Names of global secondary indexes: the table's own metrics are without theirs. The names of
        an index's metrics have its name and a dot before the rest.

    Returns
    -------
    For ``read`` and ``write``: ``..._throttles`` (events, Sum), the same by cause
    (``..._throttles_provisioned``, ``_key_range``, ``_on_demand_maximum``, ``_account_limit``),
    ``consumed_..._units`` (Sum: divide by the period for units a second) and
    ``provisioned_..._units`` (Average; published every five minutes, and not for on-demand). An
    index has no ``write_throttles_account_limit``: it is documented by table only.
    """
    begin = _begin(name, named)
    found = _throughput(_Of("AWS/DynamoDB", {"TableName": name}, begin, every_s))
    for index in indexes:
        dimensions = {"TableName": name, "GlobalSecondaryIndexName": index}
        of_index = _throughput(_Of("AWS/DynamoDB", dimensions, f"{begin}{index}.", every_s))
        found += [
            metric for metric in of_index if metric.metric != "WriteAccountLimitThrottleEvents"
        ]
    return found


def of_table_operation(
    name: str, operation: str, *, every_s: int = 60, named: str | None = None
) -> list[Metric]:
    """Return what DynamoDB counts by table and operation together, and in no other way.

    Parameters
    ----------
    operation
        As DynamoDB names it: ``PutItem``.

    Returns
    -------
    ``throttled_requests`` (Sum: one a request however many of its events were refused, and of a
    batch only when all were; so it only adds to the throttle events), ``system_errors`` (Sum),
    ``latency_p95_ms`` (of successful requests, within DynamoDB). The operation and a dot stand
    before each.
    """
    dimensions = {"TableName": name, "Operation": operation}
    of = _Of("AWS/DynamoDB", dimensions, f"{_begin(name, named)}{operation}.", every_s)
    return [
        of("throttled_requests", "ThrottledRequests", "Sum", "requests"),
        of("system_errors", "SystemErrors", "Sum", "requests"),
        of("latency_p95_ms", "SuccessfulRequestLatency", "p95", "ms"),
    ]


def time_at_table(name: str | None, *, every_s: int = 300) -> list[Metric]:
    """Return all the time that DynamoDB took for answers about a table, by operation.

    Returns
    -------
    ``table_ms GetItem`` and the like (SuccessfulRequestLatency, Sum: milliseconds within DynamoDB,
    of whoever asked). None for no table.
    """
    return [
        Metric(
            f"table_ms {operation}",
            "AWS/DynamoDB",
            "SuccessfulRequestLatency",
            {"TableName": name, "Operation": operation},
            "Sum",
            every_s,
            "ms",
        )
        for operation in OPERATIONS
        if name
    ]


def _throughput(of: "_Of") -> list[Metric]:
    found = []
    for kind in ("Read", "Write"):
        low = kind.lower()
        found.append(of(f"{low}_throttles", f"{kind}ThrottleEvents", "Sum", "events"))
        found += [
            of(f"{low}_throttles_{word}", f"{kind}{cause}ThrottleEvents", "Sum", "events")
            for cause, word in CAUSES.items()
        ]
        found.append(
            of(f"consumed_{low}_units", f"Consumed{kind}CapacityUnits", "Sum", f"{low} units")
        )
        slow = of.every(max(of.every_s, 300))
        found.append(
            slow(
                f"provisioned_{low}_units",
                f"Provisioned{kind}CapacityUnits",
                "Average",
                f"{low} units a second",
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Of:
    """Metrics of one resource."""

    namespace: str
    dimensions: Mapping[str, str]
    begin: str
    every_s: int

    def __call__(self, name: str, metric: str, stat: str, unit: str) -> Metric:
        return Metric(
            f"{self.begin}{name}",
            self.namespace,
            metric,
            self.dimensions,
            stat,
            self.every_s,
            unit,
        )

    def every(self, every_s: int) -> "_Of":
        return replace(self, every_s=every_s)


def _begin(name: str, named: str | None) -> str:
    return f"{name}." if named is None else named
