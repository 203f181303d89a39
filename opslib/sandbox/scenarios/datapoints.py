"""The metrics that AWS keeps of invocations and of a queue, as datapoints of a minute.

In: when each invocation started and how it went. Out: PutMetricData entries by namespace, oldest
first. A minute without invocations has no Lambda datapoint at all, as on AWS. Percentiles computed
from them equal those of the invocations, since every value is kept (``Values``/``Counts``), never a
summary. Must not know AWS clients, log lines or stories.

Source: AWS Lambda Developer Guide, "Types of metrics for Lambda functions": Invocations, Errors,
Throttles, Duration, ConcurrentExecutions and IteratorAge by FunctionName. Amazon SQS Developer
Guide, "Available CloudWatch metrics": ApproximateNumberOfMessagesVisible and
ApproximateAgeOfOldestMessage by QueueName. PutMetricData takes at most 150 values an entry.
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
                name, unit, measured, at=minute, dimension=("FunctionName", function)
            )
    return {"AWS/Lambda": entries}


def idle_queue(*, queue: str, start: datetime, end: datetime) -> Entries:
    """Make the datapoints of a queue that stays empty, one a minute.

    Parameters
    ----------
    queue
        Its name.
    start, end
        Half-open; the minutes that begin within it.
    """
    entries: list[dict[str, Any]] = []
    for minute in _minutes(start, end):
        for name, unit in (
            ("ApproximateNumberOfMessagesVisible", "Count"),
            ("ApproximateAgeOfOldestMessage", "Seconds"),
        ):
            entries += _entries(name, unit, [0.0], at=minute, dimension=("QueueName", queue))
    return {"AWS/SQS": entries}


def _entries(
    name: str, unit: str, measured: Iterable[float], *, at: datetime, dimension: tuple[str, str]
) -> Iterator[dict[str, Any]]:
    counted = sorted(Counter(measured).items())
    for first in range(0, len(counted), MAX_VALUES):
        part = counted[first : first + MAX_VALUES]
        yield {
            "MetricName": name,
            "Dimensions": [{"Name": dimension[0], "Value": dimension[1]}],
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
