"""The health table of a system, its baseline beside it, and what the logs of few functions add.

In: readings, frames of queries. Out: `Check` rows and findings. Does no I/O.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd

from opslib import health
from opslib.fleet.measures import EVERY_TABLE, by_subject
from opslib.fleet.reading import Readings
from opslib.fleet.scope import FEW, Scope, table_of
from opslib.health import Check, Finding, Verdict
from opslib.health.feeds import dead_letter_rows, queue_rows, stream_rows
from opslib.health.functions import FunctionChecks
from opslib.health.series import Series
from opslib.health.table_feeds import table_answers, table_rows
from opslib.health.undelivered import undelivered_row, user_errors_row
from opslib.health.verdicts import Point
from opslib.metrics import MetricAnswer
from opslib.system import Function
from opslib.window import Window

#: So many functions are looked at closely: those in trouble, the worst first.
MOST_CLOSE = 3
#: So many subjects are compared with the day before, when there are many.
MOST_COMPARED = 60
_SEVERITY = (Verdict.CRITICAL, Verdict.UNKNOWN, Verdict.WARNING, Verdict.HEALTHY)


def checks_of(scope: Scope, readings: Readings, *, window: Window) -> list[Check]:
    """Judge everything in the scope.

    Returns
    -------
    The rows of each function, then of each queue, stream and table, in the order of the params
    file; when there are many functions, the worst first. A subject of which no metric came, as in a
    baseline that was asked for some of them only, has none.
    """
    limits: dict[str, dict[str, Any]] = readings.rows.set_index("function").to_dict("index")  # type: ignore[assignment]
    ran = any(each.of("invocations") for each in readings.series.values())
    checks: list[Check] = []
    for function in scope.functions:
        series = readings.series.get(function.name)
        if series is None:
            continue
        if function.name in readings.missing and not series.of("invocations"):
            checks.append(_not_there(function))
            continue
        row = limits[function.name]
        edited_at = _inside(row["edited_at"], window)
        source = " as the params file says" if row["timeout_from"] == "params file" else ""
        lost = undelivered_row(
            series, thresholds=scope.system.thresholds_of(function.name), window=window
        )
        checks += FunctionChecks(
            series=series,
            function=function,
            thresholds=scope.system.thresholds_of(function.name),
            window=window,
            deployed_at=edited_at,
            idle_is_well=ran and function.name in readings.found,
            filtered=readings.filtered.get(function.name),
            timeouts=readings.timeouts.get(function.name),
        ).rows(row["timeout_s"] * 1000, timeout_from=source)
        checks += [] if lost is None else [lost]
    checks += _feeds(scope, readings, window)
    account = readings.series.get(EVERY_TABLE)
    if account is not None:
        # It is there without a datapoint, too.
        account = replace(account, is_there=True)
        limits_of = scope.system.thresholds
        checks.append(user_errors_row(account, thresholds=limits_of, window=window))
    return checks if scope.few else sorted(checks, key=lambda each: _SEVERITY.index(each.verdict))


def _not_there(function: Function) -> Check:
    """Return the row of a function that does not exist: its silence says nothing about it."""
    alias = f", or has no alias {function.alias}" if function.alias else ""
    return Check(
        indicator="Invocations",
        subject=function.name,
        value=None,
        unit="invocations",
        healthy="",
        warning="",
        critical="",
        verdict=Verdict.UNKNOWN,
        source="Lambda, GetFunctionConfiguration",
        note=f"there is no such function{alias}, in this account and region",
    )


def _feeds(scope: Scope, readings: Readings, window: Window) -> Iterable[Check]:
    thresholds = scope.system.thresholds
    for queue in scope.queues:
        series = _known(readings, queue.name)
        if series is None:
            continue
        if queue.kind == "dead-letter":
            yield from dead_letter_rows(
                series,
                thresholds=thresholds,
                window=window,
                depth=readings.depths.get(queue.name),
                asked_at=readings.asked_at,
            )
        else:
            yield from queue_rows(series, thresholds=thresholds)
    for stream in scope.streams:
        series = _known(readings, stream.name)
        if series is not None:
            yield from stream_rows(
                series,
                thresholds=thresholds,
                window=window,
                is_read=_is_read(scope, readings, stream.name),
            )
    for table in scope.tables:
        series = _known(readings, table.name)
        if series is not None:
            yield from table_rows(series, thresholds=thresholds, window=window)
            yield from table_answers(series, thresholds=thresholds, window=window)
    for subject, name, _ in scope.indexed:
        series = _known(readings, subject)
        if series is not None:
            rows = table_rows(series, thresholds=thresholds, window=window, table=name)
            # A table may have twenty; those that are well would bury the rest.
            yield from (row for row in rows if row.verdict is not Verdict.HEALTHY)


def _known(readings: Readings, name: str) -> Series | None:
    """Return the series of a subject, with what asking it itself has shown of its being there."""
    series = readings.series.get(name)
    if series is None or series.is_there:
        return series
    return replace(series, is_there=name in readings.depths or name in readings.found)


def _is_read(scope: Scope, readings: Readings, stream: str) -> bool:
    """Whether a function of the system was seen to get records of a stream."""
    readers = [each.name for each in scope.functions if each.stream == stream]
    series = [readings.series[name] for name in readers if name in readings.series]
    return any(each.of("iterator_age_ms") for each in series)


def _inside(at: object, window: Window) -> datetime | None:
    if not isinstance(at, pd.Timestamp) or pd.isna(at):
        return None
    instant = at.to_pydatetime()
    return instant if instant in window else None


def compared(scope: Scope, checks: Sequence[Check]) -> set[str]:
    """Return what is worth comparing with another window: all, or of many things the worst."""
    subjects = list(dict.fromkeys(check.subject for check in checks))
    kept = subjects if scope.few else subjects[:MOST_COMPARED]
    feeds = {each.table for each in scope.functions} | {each.stream for each in scope.functions}
    return {name for name in kept if scope.few or name not in feeds}


def checks_before(
    scope: Scope, readings: Readings, answer: MetricAnswer, *, window: Window
) -> list[Check]:
    """Judge another window by its own metrics and by the limits of now.

    Parameters
    ----------
    answer
        To metrics of that window.
    """
    series = by_subject(scope, answer, window)
    return checks_of(scope, replace(readings, series=series, timeouts={}), window=window)


def beside(checks: Sequence[Check], before: Sequence[Check]) -> pd.DataFrame:
    """Return the health table as a frame of text, with what the value was in the window before.

    Parameters
    ----------
    before
        The same rows of the other window; those that it lacks were not compared.
    """
    shown = {(each.indicator, each.subject): each for each in before}
    rows = health.rows(checks)
    was = [shown.get((each.indicator, each.subject)) for each in checks]
    told = ["–" if each is None or each.value is None else each.shown for each in was]
    rows = rows.assign(day_before=told, subject=[each.subject for each in checks])
    # What decides stands first: a narrow screen shows no more without scrolling.
    columns = ["verdict", "indicator", "value", "day_before", "subject", "note"]
    return rows[[*columns, "warning", "critical"]]


def suspects(scope: Scope, checks: Sequence[Check]) -> list[str]:
    """Return the functions to look at closely, the worst first.

    A queue, stream or table in trouble points to the functions that it feeds, or whose failures it
    takes. Of few functions that are well the first is looked at all the same; of many only one
    that is a warning or worse, since a close look takes six calls.
    """
    order = (Verdict.CRITICAL, Verdict.UNKNOWN, Verdict.WARNING)
    found: dict[str, None] = {}
    for verdict in order if scope.few else (Verdict.CRITICAL, Verdict.WARNING):
        for check in checks:
            if check.verdict is verdict:
                found |= dict.fromkeys(_functions_of(scope, check.subject))
    names = list(found) or [function.name for function in scope.functions if scope.few]
    return names[: MOST_CLOSE if scope.few and found else 1]


def maybe_stopped(scope: Scope, readings: Readings, named: Sequence[str]) -> list[str]:
    """Return the functions that something open may stop: those named, and of few the silent."""
    silent = [
        function.name
        for function in scope.functions
        if scope.few and not _total(readings.series.get(function.name))
    ]
    return list(dict.fromkeys([*named, *silent]))


def _functions_of(scope: Scope, subject: str) -> list[str]:
    about = table_of(subject)
    return [
        each.name
        for each in scope.functions
        if about in {each.name, each.dead_letter_queue, each.table, each.stream, *each.queues}
    ]


def log_findings(
    scope: Scope, readings: Readings, *, batches: pd.DataFrame, reports: pd.DataFrame
) -> list[Finding]:
    """Judge what only logs show: records lost silently, cold starts, whether lines are missing.

    Parameters
    ----------
    batches
        One row a log group: ``log``, ``batches``, ``records``, ``failed_records``.
    reports
        One row a log group: ``log``, ``invocations``, ``cold_starts``, ``p50_init_ms``.

    Returns
    -------
    Empty when all is well. Where no logs were read, because there are many functions, one finding,
    unknown, if any of them is known to count records that fail.
    """
    read = {name for names in readings.functions_of.values() for name in names}
    found: list[Finding | None] = [_unread(scope, read)]
    for group, names in readings.functions_of.items():
        # What is logged to a group that functions share is told of the first.
        name = names[0]
        function = scope.system.function(name)
        ours = {frame: _row(rows, group) for frame, rows in enumerate((batches, reports))}
        in_metrics = _sum(_total(readings.series.get(each)) for each in names)
        if not in_metrics and ours[0] is None and ours[1] is None and not function.reads_stream:
            continue  # It was idle, by both.
        lost, ran = ours[0], ours[1]
        logged = None if ran is None else int(ran["invocations"])
        found += [
            health.swallowed_finding(
                batches=0 if lost is None else int(lost["batches"]),
                failed=None if lost is None else lost["failed_records"],
                records=None if lost is None else lost["records"],
                expected=function.batch_lines,
                thresholds=scope.system.thresholds_of(name),
                subject=name,
                evidence=("records that fail",),
            ),
            health.agreement_finding(
                from_logs=logged,
                from_metrics=in_metrics,
                subject=name,
                evidence=("reports",),
            ),
        ]
        if ran is not None:
            found.append(
                health.cold_rate_finding(
                    cold=int(ran["cold_starts"]),
                    invocations=int(ran["invocations"]),
                    median_ms=float(ran["p50_init_ms"]),
                    thresholds=scope.system.thresholds_of(name),
                    subject=name,
                    evidence=("reports",),
                )
            )
    return [each for each in found if each is not None]


def _unread(scope: Scope, read: Collection[str]) -> Finding | None:
    """Return a finding, unknown, of functions that state failed records in logs not looked at."""
    names = [each.name for each in scope.functions if each.batch_lines and each.name not in read]
    if not names or scope.few:
        return None
    return Finding(
        id="errors.swallowed-records",
        severity=Verdict.UNKNOWN,
        title=f"Whether records failed silently in {len(names):,} functions was not asked",
        detail=f"There are more than {FEW} functions, so no logs were read. Give `function` "
        f"and run again: {', '.join(names[:MOST_CLOSE])}{' and more' * (len(names) > MOST_CLOSE)}.",
        subject=names[0],
    )


def counted(reports: pd.DataFrame, readings: Readings) -> pd.DataFrame:
    """Return the invocations that the logs count, with those that the metrics do beside them.

    Parameters
    ----------
    reports
        One row a log group: ``log``, as ``account:group``.

    Returns
    -------
    The same with a last column ``in_metrics`` (float64).
    """
    totals = {
        group: _sum(_total(readings.series.get(name)) for name in names)
        for group, names in readings.functions_of.items()
    }
    groups = [str(log).partition(":")[2] for log in reports["log"]]
    return reports.assign(in_metrics=pd.Series(map(totals.get, groups), dtype="float64"))


def traffic(readings: Readings) -> dict[str, list[Point]]:
    """Return the invocations of each function, a point a period."""
    return {name: each.of("invocations") for name, each in readings.series.items()}


def looked_for(scope: Scope) -> tuple[str, ...]:
    """Return the findings that triage looks for beside its health table."""
    logs = ("errors.swallowed-records", "cold-starts.frequent", "logs.metrics-disagree")
    return ("alarms.firing", "change.temporary", *(logs if scope.few else ()))


def together(changes: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the changes of several functions as one frame, oldest first, undated ones last."""
    if not changes:
        return pd.DataFrame(columns=["at", "function", "what", "detail"], dtype="str")
    frames = [rows.assign(function=name) for name, rows in changes.items()]
    rows = pd.concat(frames, ignore_index=True)
    columns = ["at", "function", *(name for name in rows if name not in ("at", "function"))]
    return rows.sort_values("at", kind="stable", na_position="last")[columns]


def _row(rows: pd.DataFrame, group: str) -> "pd.Series[Any] | None":
    """Return the row of a log group, which Logs Insights calls ``account:group``."""
    ours = rows[rows["log"].str.endswith(f":{group}").fillna(False)]
    return None if ours.empty else ours.iloc[0]


def _sum(totals: Iterable[float | None]) -> float | None:
    seen = [total for total in totals if total is not None]
    return sum(seen) if seen else None


def _total(series: Series | None) -> float | None:
    if series is None or not series.seen("invocations") or not series.of("invocations"):
        return None
    return sum(point.value for point in series.of("invocations"))
