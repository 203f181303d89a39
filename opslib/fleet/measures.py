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

from opslib.fleet.scope import FEW, Scope
from opslib.health.series import Series
from opslib.health.verdicts import Point
from opslib.metrics import OPERATIONS, Measure, Metric, MetricAnswer, wanted
from opslib.window import Window

_OF = " of "
#: The alarms' own period, as long as a window of it stays within what one call gives.
_PERIODS = (
    (timedelta(hours=16), 300),
    (timedelta(days=2), 900),
    (timedelta(days=8), 3600),
    (timedelta(days=31), 14_400),
)


class _Indicator(NamedTuple):
    """What a measure is called here; what is ``counted`` may have a shorter period than alarms."""

    name: str
    measure: Measure
    counted: bool = False


_FUNCTION = (
    _Indicator("invocations", wanted.INVOCATIONS, True),
    _Indicator("errors", wanted.ERRORS, True),
    _Indicator("throttles", wanted.THROTTLES),
    _Indicator("duration_p95_ms", wanted.DURATION_P95),
)
_READER = (_Indicator("iterator_age_ms", wanted.ITERATOR_AGE),)
_GIVES_UP = (
    _Indicator("dead_letter_errors", wanted.DEAD_LETTER_ERRORS),
    _Indicator("delivery_failures", wanted.DELIVERY_FAILURES),
)
_DEAD_LETTERS = (_Indicator("dead_letters", wanted.VISIBLE, True),)
#: Of many queues this would be a call more: how long one was not empty stands for it.
_OLDEST_LETTER = (_Indicator("queue_age_ms", wanted.OLDEST),)
_QUEUE = (_Indicator("queue_depth", wanted.VISIBLE), _Indicator("queue_age_ms", wanted.OLDEST))
#: Of many queues these, too, would be a call more.
_QUEUE_FLOW = (_Indicator("queue_sent", wanted.SENT), _Indicator("queue_deleted", wanted.DELETED))
_STREAM = (
    _Indicator("stream_records", wanted.INCOMING),
    _Indicator("stream_throttles", wanted.REFUSED_PUTS),
    _Indicator("stream_age_ms", wanted.READER_AGE),
)
_TABLE = (
    _Indicator("table_writes", wanted.CONSUMED_WRITES),
    # By the minute, as the notebook on throttling counts them, so that both end them alike.
    _Indicator("read_throttles", wanted.READ_THROTTLES, True),
    _Indicator("write_throttles", wanted.WRITE_THROTTLES, True),
)
_INDEX = _TABLE[1:]
#: Of each operation on a table: DynamoDB counts them in no other way.
_OPERATION = (
    _Indicator("system_errors", wanted.SYSTEM_ERRORS),
    _Indicator("latency_p99_ms", wanted.LATENCY_P99),
)
_ACCOUNT = _Indicator("user_errors", wanted.USER_ERRORS)
#: What is counted of all tables of an account and region stands under this name.
EVERY_TABLE = "DynamoDB in this account"
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
    """Say what is not asked of a system because it is too large, a sentence each."""
    return tuple(_unasked(scope))


def _unasked(scope: Scope) -> Iterator[str]:
    if len(scope.tables) > MOST_BY_OPERATION:
        yield (
            f"Not asked: errors and latency of DynamoDB itself, which are counted by table and "
            f"operation, for there are more than {MOST_BY_OPERATION} tables. Throttles are."
        )
    if scope.few:
        return
    many = f"for there are more than {FEW} functions. Give `function` and run again"
    if any(each.dead_letter_queue for each in scope.functions):
        yield (
            "Not asked: dead letters that Lambda could not deliver (DeadLetterErrors, "
            f"DestinationDeliveryFailures), {many}. What waits in the queues is."
        )
    if scope.tables:
        yield f"Not asked: requests that DynamoDB refuses as wrong (UserErrors), {many}."


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
    return [
        asked.indicator.measure.of(
            asked.resource,
            name=f"{asked.indicator.name}{_OF}{asked.subject}",
            every_s=counts_s if asked.indicator.counted else period_s,
            dimensions=asked.dimensions,
        )
        for asked in _asked(scope)
        if only is None or asked.subject in only
    ]


class _Asked(NamedTuple):
    """An indicator of a subject: of a resource, or of an index or an operation of it."""

    subject: str
    resource: str
    indicator: _Indicator
    dimensions: dict[str, str]


def _asked(scope: Scope) -> Iterator[_Asked]:
    letters, work = _DEAD_LETTERS + _OLDEST_LETTER * scope.few, _QUEUE + _QUEUE_FLOW * scope.few
    kinds: list[tuple[str, tuple[_Indicator, ...]]] = [
        *((each.name, _FUNCTION + _READER * each.reads_stream) for each in scope.functions),
        *((each.name, letters if each.kind == "dead-letter" else work) for each in scope.queues),
        *((each.name, _STREAM) for each in scope.streams),
        *((each.name, _TABLE) for each in scope.tables),
    ]
    if scope.few:
        kinds += [(each.name, _GIVES_UP) for each in scope.functions if each.dead_letter_queue]
    for name, indicators in kinds:
        for indicator in indicators:
            yield _Asked(name, name, indicator, {})
    yield from _asked_by_operation(scope)
    if scope.few and scope.tables:
        yield _Asked(EVERY_TABLE, "", _ACCOUNT, {})
    for subject, name, index in scope.indexed:
        for indicator in _INDEX:
            yield _Asked(subject, name, indicator, {"GlobalSecondaryIndexName": index})


def _asked_by_operation(scope: Scope) -> Iterator[_Asked]:
    if len(scope.tables) > MOST_BY_OPERATION:
        return
    for table in scope.tables:
        for operation in OPERATIONS:
            for indicator in _OPERATION:
                named = indicator._replace(name=f"{indicator.name} {operation}")
                yield _Asked(table.name, table.name, named, {"Operation": operation})


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
