"""Which metrics a function, a queue, a stream and a table have, and which statistic tells.

In: names of resources. Out: `Metric` descriptions, each name once, so that those of a thousand
resources go into one `opslib.metrics.fetch`. A `Measure` is a metric of a kind of resource before
anybody says which resource and how often: the one place that names it. Must not ask.

Sources
-------
Names, dimensions and statistics: Lambda developer guide, types of metrics; SQS developer guide,
CloudWatch metrics; Kinesis Data Streams developer guide, monitoring with CloudWatch; DynamoDB
developer guide, metrics and dimensions. Dimensions match exactly or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from opslib.metrics.fetching import Metric
from opslib.system import Function

#: Why DynamoDB refuses, as its metrics name it between Read or Write and ThrottleEvents.
CAUSES = {
    "ProvisionedThroughput": "provisioned",
    "KeyRangeThroughput": "key_range",
    "MaxOnDemandThroughput": "on_demand_maximum",
    "AccountLimit": "account_limit",
}
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


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of a kind of resource, and the statistic that tells.

    Parameters
    ----------
    namespace, metric, stat
        As CloudWatch names them.
    by
        The dimension that names the resource; empty where it is of the whole account.
    unit
        Of its values, for people.
    """

    namespace: str
    metric: str
    by: str
    stat: str
    unit: str

    def of(
        self,
        resource: str,
        *,
        name: str,
        every_s: int,
        dimensions: Mapping[str, str] | None = None,
    ) -> Metric:
        """Return the metric of one resource.

        Parameters
        ----------
        name
            What it is called in an answer.
        every_s
            The length of a datapoint, seconds.
        dimensions
            Those it has beside the resource's.
        """
        of = {**({self.by: resource} if self.by else {}), **(dimensions or {})}
        return Metric(name, self.namespace, self.metric, of, self.stat, every_s, self.unit)


def _of_function(metric: str, stat: str, unit: str) -> Measure:
    return Measure("AWS/Lambda", metric, "FunctionName", stat, unit)


def _of_queue(metric: str, unit: str, stat: str = "Maximum") -> Measure:
    return Measure("AWS/SQS", metric, "QueueName", stat, unit)


def _of_stream(metric: str, stat: str, unit: str) -> Measure:
    return Measure("AWS/Kinesis", metric, "StreamName", stat, unit)


def _of_table(metric: str, stat: str, unit: str) -> Measure:
    return Measure("AWS/DynamoDB", metric, "TableName", stat, unit)


#: Of a function. Throttled invocations are in neither of the first two.
INVOCATIONS = _of_function("Invocations", "Sum", "invocations")
ERRORS = _of_function("Errors", "Sum", "errors")
THROTTLES = _of_function("Throttles", "Sum", "throttles")
DURATION_P95 = _of_function("Duration", "p95", "ms")
#: Maximum: an average hides a blocked shard.
ITERATOR_AGE = _of_function("IteratorAge", "Maximum", "ms")
AT_ONCE = _of_function("ConcurrentExecutions", "Maximum", "invocations")
#: Of a function: what Lambda could not send to a dead-letter queue, or to any destination.
DEAD_LETTER_ERRORS = _of_function("DeadLetterErrors", "Sum", "events")
DELIVERY_FAILURES = _of_function("DestinationDeliveryFailures", "Sum", "records")
#: Of a queue. On a standard dead-letter queue the age is since a message was moved there, while it
#: expires by when it was first sent.
VISIBLE = _of_queue("ApproximateNumberOfMessagesVisible", "messages")
OLDEST = _of_queue("ApproximateAgeOfOldestMessage", "s")
SENT = _of_queue("NumberOfMessagesSent", "messages", "Sum")
DELETED = _of_queue("NumberOfMessagesDeleted", "messages", "Sum")
#: Of a stream.
INCOMING = _of_stream("IncomingRecords", "Sum", "records")
REFUSED_PUTS = _of_stream("WriteProvisionedThroughputExceeded", "Sum", "records")
READER_AGE = _of_stream("GetRecords.IteratorAgeMilliseconds", "Maximum", "ms")
#: Of a table, or with a GlobalSecondaryIndexName of an index. No throttle has no datapoint.
CONSUMED_WRITES = _of_table("ConsumedWriteCapacityUnits", "Sum", "write units")
READ_THROTTLES = _of_table("ReadThrottleEvents", "Sum", "throttles")
WRITE_THROTTLES = _of_table("WriteThrottleEvents", "Sum", "throttles")
#: Of a table and an Operation together, and in no other way.
SYSTEM_ERRORS = _of_table("SystemErrors", "Sum", "errors")
LATENCY_P99 = _of_table("SuccessfulRequestLatency", "p99", "ms")
LATENCY = _of_table("SuccessfulRequestLatency", "Sum", "ms")
#: Of every table of an account and region together, and of no one table.
USER_ERRORS = Measure("AWS/DynamoDB", "UserErrors", "", "Sum", "errors")


def function_metrics(function: Function) -> list[Metric]:
    """Return the metrics that a function's health table is made of.

    Returns
    -------
    ``invocations`` and ``errors`` (Sum a minute), ``duration_p95_ms`` (5 min); with a table, since
    its stream is read, ``iterator_age_ms`` (Maximum of 5 min) and ``table_writes`` (consumed write
    capacity, Sum of 5 min); with a dead-letter queue ``dead_letters`` (visible messages, Maximum a
    minute).
    """
    wanted = [
        INVOCATIONS.of(function.name, name="invocations", every_s=60),
        ERRORS.of(function.name, name="errors", every_s=60),
        DURATION_P95.of(function.name, name="duration_p95_ms", every_s=300),
    ]
    if function.table:
        wanted += [
            ITERATOR_AGE.of(function.name, name="iterator_age_ms", every_s=300),
            CONSUMED_WRITES.of(function.table, name="table_writes", every_s=300),
        ]
    if function.dead_letter_queue:
        queue = function.dead_letter_queue
        wanted.append(VISIBLE.of(queue, name="dead_letters", every_s=60))
    return wanted


def invocation_metrics(function_name: str) -> list[Metric]:
    """Return what became of a function's invocations, by the minute.

    Returns
    -------
    ``invocations``, ``errors``, ``throttles`` (Sum; throttled ones are in neither of the others)
    and ``at_once`` (Maximum: how many ran at the same time).
    """
    named = {
        "invocations": INVOCATIONS,
        "errors": ERRORS,
        "throttles": THROTTLES,
        "at_once": AT_ONCE,
    }
    return [each.of(function_name, name=name, every_s=60) for name, each in named.items()]


def time_at_table(name: str | None, *, every_s: int = 300) -> list[Metric]:
    """Return all the time that DynamoDB took for answers about a table, by operation.

    Returns
    -------
    ``table_ms GetItem`` and the like (SuccessfulRequestLatency, Sum: milliseconds within DynamoDB,
    of whoever asked). None for no table.
    """
    return [
        LATENCY.of(
            name,
            name=f"table_ms {operation}",
            every_s=every_s,
            dimensions={"Operation": operation},
        )
        for operation in OPERATIONS
        if name
    ]
