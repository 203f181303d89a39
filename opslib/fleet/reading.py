"""What triage reads beside metrics: timeouts, log groups, depths; and of whom.

In: a connection, a `Scope`, the metrics. Out: `Readings`. One call a function does not scale, so
beyond `FEW` functions a configuration is read only where its timeout decides: the file declares
none, and the durations are long enough that a timeout could be near. What is decided without it,
and what was left unread, is said. Must not judge.

Facts leaned on
---------------
The least timeout is 1 s (botocore, Timeout). ListFunctions gives 50 a page, which for a thousand
functions is more calls than all the rest together. A queue that has been idle for six hours
publishes no metric (Amazon SQS developer guide, metrics).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from opslib import changes, lambda_logs, streams
from opslib.aws import Connection, calling
from opslib.errors import CouldNotLook
from opslib.fleet.measures import by_subject
from opslib.fleet.scope import Scope
from opslib.fleet.timeouts import EarlierTimeouts
from opslib.health.functions import FunctionChecks
from opslib.health.series import Series
from opslib.health.timeouts import Timeouts
from opslib.health.verdicts import Verdict, sustained
from opslib.metrics import MetricAnswer
from opslib.system import Function
from opslib.window import Window

#: Beyond `FEW` functions, the most configurations that are read.
MOST_READ = 2
#: The most queues or tables without any datapoint that are asked whether they are there.
MOST_ASKED = 4
_LEAST_TIMEOUT_MS = 1000.0
_STREAMS = ("dynamodb", "kinesis")


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read.

    Parameters
    ----------
    rows
        One row a function, in the order of the scope: ``function``, ``timeout_s``, ``memory_mb``
        (float64), ``timeout_from`` (string: ``configuration``, ``params file`` or ``not read``),
        ``edited_at`` (datetime64[ns, UTC], NaT when not read).
    series
        Subject to its metrics.
    configurations
        Function to the answer of GetFunctionConfiguration; empty for one that was refused.
    depths
        Queue to the depth that SQS itself said: messages visible, in flight and delayed.
    asked_at
        When.
    groups
        The log groups of the functions; none when there are too many functions.
    functions_of
        Log group to the functions that log to it: one, unless they share it.
    own
        The beginning of a query about lines of these functions alone, to be followed by a command;
        empty when each logs to a group of its own.
    limits
        A sentence for everything that could not be seen.
    found
        What was asked whether it is there, and is.
    missing
        The functions of which Lambda says that they, or their alias, are not there.
    filtered
        Function to whether all its mappings filter records, of those that were silent though what
        they read was written.
    timeouts
        Function to the timeouts that it had, of those edited since the window began.
    """

    rows: pd.DataFrame
    series: Mapping[str, Series]
    asked_at: datetime
    configurations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    depths: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    functions_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    own: str = ""
    limits: tuple[str, ...] = ()
    found: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    filtered: Mapping[str, bool] = field(default_factory=dict)
    timeouts: Mapping[str, Timeouts] = field(default_factory=dict)

    def timeout_ms(self, function: str) -> float:
        """Return a function's timeout in milliseconds; NaN when it is not known."""
        rows = self.rows.loc[self.rows["function"] == function, "timeout_s"]
        return float(rows.iloc[0]) * 1000 if len(rows) else float("nan")


def read(connection: Connection, scope: Scope, answer: MetricAnswer, *, window: Window) -> Readings:
    """Read what the health table needs beside metrics.

    Parameters
    ----------
    answer
        To the metrics that `metrics_of` gave.
    """
    series = by_subject(scope, answer, window)
    limits: list[str] = []
    configurations = {}
    missing: set[str] = set()
    for function in _wanted(scope, series):
        configurations[function.name] = _configuration(connection, function, limits, missing)
    depths = {}
    for name in _unsaid(scope, series):
        depth = _depth(connection, name, limits)
        if depth is not None:
            depths[name] = depth
    known = {*scope.indexes, *(subject for subject, _, _ in scope.indexed)}
    tables = [
        name for name in _idle([each.name for each in scope.tables], series) if name not in known
    ]
    found = known | {name for name in tables[:MOST_ASKED] if _is_table(connection, name, limits)}
    groups = _groups(scope, configurations) if scope.few else {}
    filtered = dict(_filtered(connection, scope, series, limits, missing=missing, window=window))
    earlier = EarlierTimeouts(connection, window, closely=scope.few)
    timeouts = dict(earlier.of(scope, configurations, series))
    limits += earlier.limits
    return Readings(
        rows=_frame(scope, configurations),
        series=series,
        asked_at=connection.identity.at,
        configurations=configurations,
        depths=depths,
        groups=tuple(groups),
        functions_of=groups,
        own=_own(groups),
        limits=tuple(dict.fromkeys(limits)),
        found=frozenset(found | {name for name, seen in configurations.items() if seen}),
        missing=frozenset(missing),
        filtered=filtered,
        timeouts=timeouts,
    )


def _wanted(scope: Scope, series: Mapping[str, Series]) -> list[Function]:
    """Return the functions whose configuration is read, those that may decide most first."""
    if scope.few:
        return list(scope.functions)
    levels = {}
    for function in scope.functions:
        threshold = scope.system.thresholds_of(function.name).duration_of_timeout
        points = series[function.name].of("duration_p95_ms") if function.name in series else []
        level = sustained([point.value for point in points], threshold.periods) or 0.0
        near = threshold.warning if threshold.warning is not None else threshold.critical or 0.0
        if function.timeout_s is None and level >= near / 100 * _LEAST_TIMEOUT_MS:
            levels[function] = level
    return sorted(levels, key=lambda each: -levels[each])[:MOST_READ]


def _configuration(
    connection: Connection, function: Function, limits: list[str], missing: set[str]
) -> Mapping[str, Any]:
    try:
        client = connection.client("lambda")
        return changes.configuration(client, function.name, alias=function.alias)
    except CouldNotLook as error:
        limits.append(error.message)
        missing |= {function.name} if error.reason == "missing" else set()
        return {}


def _filtered(
    connection: Connection,
    scope: Scope,
    series: Mapping[str, Series],
    limits: list[str],
    *,
    missing: set[str],
    window: Window,
) -> Iterator[tuple[str, bool]]:
    """Look at the mappings of functions that did not run though something was written for them."""
    there = [each for each in scope.functions if each.name not in missing]
    asked = [each for each in there if _unread(scope, each, series, window)]
    for function in asked[:MOST_ASKED]:
        seen = streams.mappings(connection, function.name, alias=function.alias or "")
        limits += seen.limits
        if not seen.limits:
            reads = seen.rows[seen.rows["kind"].isin(_STREAMS)]
            yield function.name, bool(len(reads)) and bool((reads["filters"] > 0).all())


def _unread(scope: Scope, function: Function, series: Mapping[str, Series], window: Window) -> bool:
    if not function.reads_stream or function.name not in series:
        return False
    checks = FunctionChecks(
        series=series[function.name],
        function=function,
        thresholds=scope.system.thresholds_of(function.name),
        window=window,
        filtered=False,
    )
    return checks.invocations().verdict is Verdict.CRITICAL


def _unsaid(scope: Scope, series: Mapping[str, Series]) -> list[str]:
    """Return the queues that SQS itself is asked about: few, or without a metric."""
    names = [queue.name for queue in scope.queues]
    letters = [queue.name for queue in scope.queues if queue.kind == "dead-letter"]
    wanted = [*letters, *_idle(names, series)] if scope.few else _idle(names, series)
    return list(dict.fromkeys(wanted))[:MOST_ASKED]


def _idle(names: Sequence[str], series: Mapping[str, Series]) -> list[str]:
    return [name for name in names if name in series and not series[name].is_there]


def _depth(connection: Connection, queue: str, limits: list[str]) -> int | None:
    # One that somebody peeks at, or that was sent with a delay, is a dead letter all the same.
    states = ("", "NotVisible", "Delayed")
    names = [f"ApproximateNumberOfMessages{state}" for state in states]
    sqs = connection.client("sqs")
    try:
        with calling("sqs:GetQueueAttributes", f"the depth of {queue}"):
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    except CouldNotLook as error:
        limits.append(error.message)
        return None
    return sum(int(answer["Attributes"].get(name, 0)) for name in names)


def _is_table(connection: Connection, name: str, limits: list[str]) -> bool:
    try:
        with calling("dynamodb:DescribeTable", f"whether there is a table {name}"):
            connection.client("dynamodb").describe_table(TableName=name)
    except CouldNotLook as error:
        limits.append(error.message)
        return False
    return True


def _groups(
    scope: Scope, configurations: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for function in scope.functions:
        known = {"FunctionName": function.name, **configurations.get(function.name, {})}
        if function.log_group and "LoggingConfig" not in known:
            known["LoggingConfig"] = {"LogGroup": function.log_group}
        group = lambda_logs.shape(known).group
        found[group] = (*found.get(group, ()), function.name)
    return found


def _own(groups: Mapping[str, tuple[str, ...]]) -> str:
    """Keep of a group that others may log to only what the functions of the scope did."""
    named = [name for group, names in groups.items() for name in names if not _alone(group, name)]
    if not named:
        return ""
    alone = [group for group, names in groups.items() if all(_alone(group, n) for n in names)]
    streams = [f'@logStream like "/{name}["' for name in named]
    kept = [*(f'@log like ":{group}"' for group in alone), *streams]
    return f"filter {' or '.join(kept)}\n| "


def _alone(group: str, function: str) -> bool:
    return lambda_logs.shape(
        {"FunctionName": function, "LoggingConfig": {"LogGroup": group}}
    ).own_group


def _frame(scope: Scope, configurations: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    rows = []
    for function in scope.functions:
        seen = configurations.get(function.name, {})
        source = "configuration" if seen else "params file" if function.timeout_s else "not read"
        rows.append(
            (
                function.name,
                float(seen.get("Timeout", function.timeout_s or "nan")),
                float(seen.get("MemorySize", function.memory_mb or "nan")),
                source,
                seen.get("LastModified"),
            )
        )
    columns = ["function", "timeout_s", "memory_mb", "timeout_from", "edited_at"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"function": "string", "timeout_from": "string"}).assign(
        edited_at=pd.to_datetime(frame["edited_at"], utc=True, format="ISO8601")
    )
