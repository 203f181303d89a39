"""The metrics that AWS keeps of invocations and of a queue, as datapoints of a minute.

In: when each invocation started and how it went. Out: PutMetricData entries by namespace, oldest
first. A minute without invocations has no Lambda datapoint at all, as on AWS. Percentiles computed
from them equal those of the invocations, since every value is kept (``Values``/``Counts``), never a
summary. Must not know AWS clients, log lines or stories.

Source: AWS Lambda Developer Guide, "Types of metrics for Lambda functions": Invocations, Errors,
Throttles, Duration, ConcurrentExecutions and IteratorAge by FunctionName. Amazon SQS Developer
Guide, "Available CloudWatch metrics": ApproximateNumberOfMessagesVisible and
ApproximateAgeOfOldestMessage by QueueName. Amazon DynamoDB Developer Guide, "DynamoDB metrics and
dimensions": ConsumedWriteCapacityUnits, WriteThrottleEvents and the same by cause by TableName,
ThrottledRequests by TableName and Operation, no datapoint where nothing was throttled.
PutMetricData takes at most 150 values an entry.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_VALUES = 150
Entries = dict[str, list[dict[str, Any]]]
"""PutMetricData entries by namespace."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the metrics need of one invocation.

    Parameters
    ----------
    at
        When it started, tz-aware UTC.
    duration_ms, iterator_age_ms
        Milliseconds.
    failed
        Whether it counts as an error: the handler raised, or it timed out.
    """

    at: datetime
    duration_ms: float
    iterator_age_ms: float
    failed: bool = False


def datapoints(samples: Sequence[Sample], *, function: str) -> Entries:
    """Make a function's datapoints, none of whose invocations was throttled.

    Parameters
    ----------
    samples
        The invocations, oldest first.
    function
        Its name.
    """
    minutes: dict[datetime, list[Sample]] = defaultdict(list)
    for sample in samples:
        minutes[_minute(sample.at)].append(sample)
    concurrent = _concurrent(samples)
    entries: list[dict[str, Any]] = []
    for minute, inside in minutes.items():
        values: list[tuple[str, str, list[float]]] = [
            ("Invocations", "Count", [1.0 for _ in inside]),
            ("Errors", "Count", [float(sample.failed) for sample in inside]),
            ("Throttles", "Count", [0.0 for _ in inside]),
            ("Duration", "Milliseconds", [sample.duration_ms for sample in inside]),
            ("IteratorAge", "Milliseconds", [sample.iterator_age_ms for sample in inside]),
            ("ConcurrentExecutions", "Count", [concurrent[sample.at] for sample in inside]),
        ]
        for name, unit, measured in values:
            entries += _entries(
                name, unit, measured, at=minute, dimensions=[("FunctionName", function)]
            )
    return {"AWS/Lambda": entries}


def queue_datapoints(
    arrivals: Sequence[datetime], *, queue: str, start: datetime, end: datetime
) -> Entries:
    """Make the datapoints, one a minute, of a queue that nobody reads.

    Parameters
    ----------
    arrivals
        When each message came, oldest first; before ``start`` also.
    queue
        Its name.
    start, end
        Half-open; the minutes that begin within it.
    """
    entries: list[dict[str, Any]] = []
    for minute in _minutes(start, end):
        next_minute = minute + timedelta(minutes=1)
        there = sum(at < next_minute for at in arrivals)
        oldest_s = (next_minute - arrivals[0]).total_seconds() if there else 0.0
        for name, unit, value in (
            ("ApproximateNumberOfMessagesVisible", "Count", float(there)),
            ("ApproximateAgeOfOldestMessage", "Seconds", float(round(oldest_s))),
        ):
            entries += _entries(name, unit, [value], at=minute, dimensions=[("QueueName", queue)])
    return {"AWS/SQS": entries}


def table_datapoints(batches: Sequence[tuple[datetime, int, int]], *, table: str) -> Entries:
    """Make the datapoints of the table that the aggregator writes to.

    Parameters
    ----------
    batches
        For each invocation, oldest first: when it wrote, how many stream records it had, and how
        many of its writes were throttled, for want of provisioned capacity. A record costs four
        writes of the aggregator, and one of the client that made it.
    table
        Its name.
    """
    consumed: Counter[datetime] = Counter()
    throttled: Counter[datetime] = Counter()
    for at, records, refused in batches:
        consumed[_minute(at)] += 5 * records
        throttled[_minute(at)] += refused
    entries: list[dict[str, Any]] = []
    of_table = [("TableName", table)]
    of_updates = [*of_table, ("Operation", "UpdateItem")]
    for name, counts, dimensions in (
        ("ConsumedWriteCapacityUnits", consumed, of_table),
        ("WriteThrottleEvents", throttled, of_table),
        ("WriteProvisionedThroughputThrottleEvents", throttled, of_table),
        ("ThrottledRequests", throttled, of_updates),
    ):
        for minute, count in sorted(counts.items()):
            if count:
                entries += _entries(name, "Count", [1.0] * count, at=minute, dimensions=dimensions)
    return {"AWS/DynamoDB": entries}


def _entries(
    name: str,
    unit: str,
    measured: Iterable[float],
    *,
    at: datetime,
    dimensions: Sequence[tuple[str, str]],
) -> Iterator[dict[str, Any]]:
    counted = sorted(Counter(measured).items())
    for first in range(0, len(counted), MAX_VALUES):
        part = counted[first : first + MAX_VALUES]
        yield {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
            "Timestamp": at,
            "Unit": unit,
            "Values": [value for value, _ in part],
            "Counts": [float(count) for _, count in part],
        }


def _concurrent(samples: Sequence[Sample]) -> dict[datetime, float]:
    """Count, at the start of each invocation, how many were running, itself included."""
    spans = [
        (sample.at, sample.at + timedelta(milliseconds=sample.duration_ms)) for sample in samples
    ]
    return {at: float(sum(1 for start, end in spans if start <= at < end)) for at, _ in spans}


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    minute = _minute(start)
    if minute < start:
        minute += timedelta(minutes=1)
    while minute < end:
        yield minute
        minute += timedelta(minutes=1)
