"""Which metrics a triage asks for, and its answer taken apart by what each is about. Does no I/O.

A metric is named by its indicator and its subject: ``errors of orders-ingest``.

Facts leaned on
---------------
Metrics by FunctionName, QueueName, StreamName and TableName: the developer guides of Lambda, SQS,
Kinesis and DynamoDB. An average of the iterator age hides a blocked shard, so its maximum is asked.
Zero throttles of a table have no datapoint, nor have zero system errors, which are counted by table
and operation together. A call takes 500 metrics and gives 100,800 points
(botocore, GetMetricData).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import NamedTuple

import pandas as pd

from opslib.fleet.scope import Scope
from opslib.health.series import Series
from opslib.health.verdicts import Point
from opslib.metrics import Metric, MetricAnswer
from opslib.metrics.wanted import OPERATIONS
from opslib.window import Window

_OF = " of "
#: The alarms' own period, as long as a window of it stays within what one call gives.
_PERIODS = (
    (timedelta(hours=16), 300),
    (timedelta(days=2), 900),
    (timedelta(days=8), 3600),
    (timedelta(days=31), 14_400),
)


class _Measure(NamedTuple):
    """One metric of a kind; what is ``counted`` may have a shorter period than the alarms'."""

    indicator: str
    metric: str
    stat: str
    unit: str
    counted: bool = False


_FUNCTION = (
    _Measure("invocations", "Invocations", "Sum", "invocations", True),
    _Measure("errors", "Errors", "Sum", "errors", True),
    _Measure("throttles", "Throttles", "Sum", "throttles"),
    _Measure("duration_p95_ms", "Duration", "p95", "ms"),
)
_READER = (_Measure("iterator_age_ms", "IteratorAge", "Maximum", "ms"),)
_DEAD_LETTERS = (
    _Measure("dead_letters", "ApproximateNumberOfMessagesVisible", "Maximum", "messages", True),
    _Measure("queue_age_ms", "ApproximateAgeOfOldestMessage", "Maximum", "s"),
)
_QUEUE = (
    _Measure("queue_depth", "ApproximateNumberOfMessagesVisible", "Maximum", "messages"),
    _Measure("queue_age_ms", "ApproximateAgeOfOldestMessage", "Maximum", "s"),
)
_STREAM = (
    _Measure("stream_records", "IncomingRecords", "Sum", "records"),
    _Measure("stream_throttles", "WriteProvisionedThroughputExceeded", "Sum", "records"),
    _Measure("stream_age_ms", "GetRecords.IteratorAgeMilliseconds", "Maximum", "ms"),
)
_TABLE = (
    _Measure("table_writes", "ConsumedWriteCapacityUnits", "Sum", "write units"),
    _Measure("read_throttles", "ReadThrottleEvents", "Sum", "throttles"),
    _Measure("write_throttles", "WriteThrottleEvents", "Sum", "throttles"),
)
_INDEX = _TABLE[1:]
#: Of each operation on a table: DynamoDB counts them in no other way.
_OPERATION = (
    _Measure("system_errors", "SystemErrors", "Sum", "errors"),
    _Measure("latency_p99_ms", "SuccessfulRequestLatency", "p99", "ms"),
)
#: Up to so many tables are asked by operation: with more, that alone would take several calls.
MOST_BY_OPERATION = 35


def counts_of(scope: Scope, window: Window) -> int:
    """Return the seconds of a datapoint of what is counted: a minute where there are few."""
    return 60 if scope.few else period_of(scope, window)


def period_of(scope: Scope, window: Window) -> int:
    """Return the seconds of a datapoint: those of the alarms, unless it is much and long."""
    if scope.few:
        return 300
    return next((every_s for most, every_s in _PERIODS if window.length <= most), 14_400)


def unasked(scope: Scope) -> tuple[str, ...]:
    """Say what is not asked of a system because it is too large."""
    if len(scope.tables) <= MOST_BY_OPERATION:
        return ()
    return (
        f"Not asked: errors and latency of DynamoDB itself, which are counted by table and "
        f"operation, for there are more than {MOST_BY_OPERATION} tables. Throttles are.",
    )


def lines(answer: MetricAnswer, function: str) -> list[pd.DataFrame]:
    """Return ``at`` and ``value`` of a function's duration, iterator age, invocations, errors."""
    indicators = ("duration_p95_ms", "iterator_age_ms", "invocations", "errors")
    return [answer.series(f"{each}{_OF}{function}") for each in indicators]


def metrics_of(
    scope: Scope, window: Window, *, only: Collection[str] | None = None
) -> list[Metric]:
    """Return the metrics that a system's health table is made of.

    Parameters
    ----------
    only
        Names of functions, queues, streams or tables; all of the scope's when None.
    """
    period_s, counts_s = period_of(scope, window), counts_of(scope, window)
    found = []
    for subject, namespace, dimensions, measure in _measured(scope):
        if only is None or subject in only:
            every_s = counts_s if measure.counted else period_s
            found.append(
                Metric(
                    f"{measure.indicator}{_OF}{subject}",
                    namespace,
                    measure.metric,
                    dimensions,
                    measure.stat,
                    every_s,
                    measure.unit,
                )
            )
    return found


def _measured(scope: Scope) -> Iterator[tuple[str, str, dict[str, str], _Measure]]:
    for function in scope.functions:
        for measure in (*_FUNCTION, *(_READER if function.reads_stream else ())):
            yield function.name, "AWS/Lambda", {"FunctionName": function.name}, measure
    for queue in scope.queues:
        for measure in _DEAD_LETTERS if queue.kind == "dead-letter" else _QUEUE:
            yield queue.name, "AWS/SQS", {"QueueName": queue.name}, measure
    for stream in scope.streams:
        for measure in _STREAM:
            yield stream.name, "AWS/Kinesis", {"StreamName": stream.name}, measure
    for table in scope.tables:
        for measure in _TABLE:
            yield table.name, "AWS/DynamoDB", {"TableName": table.name}, measure
    yield from _measured_operations(scope)
    yield from _measured_indexes(scope)


def _measured_operations(scope: Scope) -> Iterator[tuple[str, str, dict[str, str], _Measure]]:
    if len(scope.tables) > MOST_BY_OPERATION:
        return
    for table in scope.tables:
        for operation in OPERATIONS:
            dimensions = {"TableName": table.name, "Operation": operation}
            for measure in _OPERATION:
                named = measure._replace(indicator=f"{measure.indicator} {operation}")
                yield table.name, "AWS/DynamoDB", dimensions, named


def _measured_indexes(scope: Scope) -> Iterator[tuple[str, str, dict[str, str], _Measure]]:
    for subject, name, index in scope.indexed:
        for measure in _INDEX:
            dimensions = {"TableName": name, "GlobalSecondaryIndexName": index}
            yield subject, "AWS/DynamoDB", dimensions, measure


def by_subject(scope: Scope, answer: MetricAnswer, window: Window) -> dict[str, Series]:
    """Return the series of each subject; a function has those of what it reads, too."""
    points: dict[str, list[Point]] = defaultdict(list)
    rows = answer.points
    instants = pd.to_datetime(rows["at"], utc=True).dt.to_pydatetime()
    for name, at, value in zip(rows["metric"], instants, rows["value"], strict=True):
        # SQS says ages in seconds.
        told = value * 1000 if name.startswith("queue_age_ms") else value
        points[name].append(Point(at, float(told)))
    parts: dict[str, dict[str, _Part]] = defaultdict(dict)
    for metric in answer.metrics:
        indicator, _, subject = metric.name.partition(_OF)
        came = points.get(metric.name, [])
        status = answer.status[metric.name]
        parts[subject][indicator] = _Part(metric.name, came, status, metric.period_s)
    for function in scope.functions:
        for feed, indicator in (
            (function.table, "table_writes"),
            (function.stream, "stream_records"),
        ):
            if feed in parts and indicator in parts[feed] and function.name in parts:
                parts[function.name][indicator] = parts[feed][indicator]
    period_s = period_of(scope, window)
    return {subject: _series(subject, found, period_s) for subject, found in parts.items()}


class _Part(NamedTuple):
    name: str
    points: list[Point]
    status: str
    period_s: int


def _series(subject: str, parts: dict[str, _Part], period_s: int) -> Series:
    return Series(
        subject=subject,
        points={indicator: part.points for indicator, part in parts.items()},
        status={indicator: part.status for indicator, part in parts.items()},
        names={indicator: part.name for indicator, part in parts.items()},
        periods={indicator: part.period_s for indicator, part in parts.items()},
        period_s=period_s,
        is_there=any(part.points for part in parts.values()),
    )
