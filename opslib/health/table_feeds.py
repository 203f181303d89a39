"""The health table's rows of a DynamoDB table: what it refused, and how DynamoDB itself answered.

In: the `Series` of a table or of an index. Out: `Check` rows. Does no I/O.

Source: operations guide of vf-api-workers, Critical Thresholds; alarms of the aggregator's stack.
A batch that is throttled in part counts in Read/WriteThrottleEvents alone, so ThrottledRequests,
which the guide names, is not asked. DynamoDB publishes a count only where there was one, and system
errors and latency by table and operation together (Amazon DynamoDB developer guide, metrics and
dimensions).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from opslib.health.courses import fives
from opslib.health.endings import none_since, over_of, recovered_at, worded
from opslib.health.series import Series, held_level, per_five_minutes
from opslib.health.verdicts import Check, Finding, Point, Verdict, breach, span, sustained, utc
from opslib.system import Threshold, Thresholds
from opslib.window import Window

_FIVE = timedelta(minutes=5)


def table_rows(
    series: Series, *, thresholds: Thresholds, window: Window, table: str = ""
) -> list[Check]:
    """Judge a table, or an index of it: reads and writes it refused.

    Parameters
    ----------
    series
        With ``read_throttles`` and ``write_throttles``. DynamoDB publishes them only when there
        was one, so no datapoint in a whole answer is none.
    table
        The table, where the series is of an index: what is found is about that.
    """
    checks = []
    for kind in ("read", "write"):
        threshold, name = thresholds.dynamodb_throttles, f"{kind}_throttles"
        points, width = series.of(name), series.width(name)
        counted = fives(points, add=True) if width < _FIVE else points
        level = _level(counted, threshold, period_s=series.period_s)
        total = sum(point.value for point in points)
        hit = [point.at for point in points if point.value > 0]
        until = over_of(hit, ran_until=window.end, width=width)
        refuses = worded(f"refuses {kind}s", f"refused {kind}s", until)
        checks.append(
            series.judged(
                f"{kind.title()} throttles",
                series.or_none(name, level),
                threshold,
                note=f"{total:,.0f} in the window" if points else series.none("none was throttled"),
                rests_on=(name,),
                finding=Finding(
                    id=f"dynamodb.{kind}-throttled",
                    severity=Verdict.UNKNOWN,
                    title=f"{series.subject} {refuses}",
                    detail=f"{total:,.0f} {kind}s of {series.subject} were throttled in the "
                    "window. The SDK tries again in silence, so callers are slow before they fail."
                    f"{none_since(until, window.end, width=width)}",
                    subject=table or series.subject,
                    since=min(hit, default=None),
                    until=until,
                ),
            )
        )
    return checks


def table_answers(series: Series, *, thresholds: Thresholds, window: Window) -> list[Check]:
    """Judge how DynamoDB itself answered about a table: with errors of its own, or late.

    Parameters
    ----------
    series
        With ``system_errors`` and ``latency_p99_ms``, a space and an operation; nothing is judged
        that was not asked, nor the latency of a table that answered nothing.
    """
    errors = [name for name in series.status if name.startswith("system_errors ")]
    latencies = [name for name in series.status if name.startswith("latency_p99_ms ")]
    found = []
    if errors:
        failed = {name: sum(point.value for point in series.of(name)) for name in errors}
        named = [name.partition(" ")[2] for name, count in failed.items() if count]
        dated = [point.at for name in errors for point in series.of(name) if point.value > 0]
        total = sum(failed.values())
        told = series.is_there and series.seen(*errors)
        when = f", from {utc(min(dated))} to {utc(max(dated))}" if dated else ""
        until = over_of(dated, ran_until=window.end)
        failed_it = f"DynamoDB failed {total:,.0f} requests to {series.subject}"
        found.append(
            series.judged(
                "System errors",
                total if total or told else None,
                thresholds.dynamodb_system_errors,
                note=f"of {', '.join(named)}" if named else series.none("there was none"),
                rests_on=tuple(errors) if not total else (),
                finding=Finding(
                    id="dynamodb.slow",
                    severity=Verdict.UNKNOWN,
                    title=worded(failed_it, failed_it, until),
                    detail=f"{total:,.0f} answers had HTTP status 500: {', '.join(named)}{when}. "
                    "Nothing in the table mends that.",
                    subject=series.subject,
                    since=min(dated, default=None),
                    until=until,
                ),
            )
        )
    # Without an answer there is no latency: that it is low would be no more than a guess.
    if latencies and (any(map(series.of, latencies)) or not series.seen(*latencies)):
        found.append(_latency(series, latencies, thresholds.dynamodb_latency_ms))
    return found


def _latency(series: Series, latencies: Sequence[str], threshold: Threshold) -> Check:
    held = {
        name: sustained([point.value for point in series.of(name)], threshold.periods)
        for name in latencies
    }
    known = {name: level for name, level in held.items() if level is not None}
    if not known:
        return series.judged("Latency", None, threshold, note=series.why(latencies[0]))
    slowest = max(known, key=lambda name: known[name])
    points, operation = series.of(slowest), slowest.partition(" ")[2]
    asked = f"{operation} of {series.subject}"
    until, long = recovered_at(points, threshold), f"{span(known[slowest])} within DynamoDB"
    check = series.judged(
        "Latency",
        known[slowest],
        threshold,
        note=f"the slowest p99, of {operation}",
        rests_on=tuple(latencies),
        finding=Finding(
            id="dynamodb.slow",
            severity=Verdict.UNKNOWN,
            title=f"{asked} {worded(f'takes {long}', f'took {long}', until)}",
            detail=f"The p99 of {operation} was {span(known[slowest])} or more; "
            f"the last value, of {utc(points[-1].at)}, is {span(points[-1].value)}.",
            subject=series.subject,
            since=breach(points, threshold),
            until=until,
        ),
    )
    if check.finding is None:
        return check
    return replace(check, finding=replace(check.finding, evidence=series.evidence(slowest)))


def _level(points: Sequence[Point], threshold: Threshold, *, period_s: int) -> float | None:
    """Return the level held for ``periods`` periods side by side, where no datapoint is zero.

    What was not held so long is no more than a warning.
    """
    if not points:
        return None
    filled: list[float] = []
    for place, point in enumerate(points):
        apart = point.at - points[place - 1].at if place else timedelta(0)
        filled += [0.0] if apart > timedelta(seconds=period_s) else []
        filled.append(point.value * per_five_minutes(period_s))
    run = math.ceil(threshold.periods * per_five_minutes(period_s))
    level = sustained([0.0, *filled, 0.0], run) or 0.0
    return held_level(level, max(point.value for point in points), threshold)
