"""The health table's row of durations: the p95 against the timeout that held.

In: a function's `Series`, its timeouts, when it was last changed. Out: a `Check`. Does no I/O.

Source: operations guide of the aggregator, Health Indicators. The least timeout that Lambda takes
is 1 s (botocore, Timeout).
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from opslib.health.near_timeouts import (
    Told,
    near_before,
    near_timeout,
    of_then,
    turn,
    weighs,
)
from opslib.health.series import Series
from opslib.health.stretches import from_first
from opslib.health.timeouts import Part, Timeouts
from opslib.health.unknown_timeouts import longer_before, unjudged, unproven
from opslib.health.verdicts import Check, Finding, Verdict, held, judge, span, sustained, utc
from opslib.system import Threshold

_LEAST_TIMEOUT_MS = 1000.0
_RESTS_ON = ("duration_p95_ms",)


def duration_row(
    series: Series,
    threshold: Threshold,
    *,
    timeouts: Timeouts,
    changed_at: datetime | None,
    timeout_from: str = "",
) -> Check:
    """Judge the p95 against the timeout; one that no timeout could be near needs none.

    Parameters
    ----------
    timeouts
        NaN for that of now when it is not known.
    changed_at
        When code or configuration last changed, if that was inside the window.
    timeout_from
        Words on where the timeout is from, when that is not the configuration.
    """
    every = series.of("duration_p95_ms")
    if not timeouts.now_ms > 0:
        return _without_timeout(series, threshold)
    if not every:
        note = series.why("duration_p95_ms")
        return series.judged("Duration", None, threshold, note=note)
    limits: dict[str, Any] = {
        "threshold": threshold,
        "subject": series.subject,
        "evidence": series.evidence(*_RESTS_ON),
    }
    part, turned_at = turn(every, changed_at, timeouts=timeouts)
    found = near_timeout(part.points, timeout_ms=part.timeout_ms, **limits)
    found = from_first(
        found,
        every,
        turned_at,
        timeouts=timeouts,
        tell=lambda of: near_timeout(of.points, timeout_ms=of.timeout_ms, **limits),
    )
    if found is not None:
        then = longer_before(timeouts) if part.until is None else of_then(part)
        found = replace(found, detail=f"{found.detail}{then}{_cause(found, changed_at)}")
    unknown = None if part.is_known else unproven(part, **limits)
    before = near_before(every, turned_at, timeouts=timeouts, **limits)
    possible = (unjudged(each, threshold=threshold) for each in timeouts.parts(every))
    over = "".join(f"; {words}" for words in possible if words)
    if before is not None and weighs(before, found or unknown):
        over += _over(before, part, turned_at, threshold, is_over=found is None)
        if before.finding.until is None:
            unknown = before.finding
        else:
            # What is over is told as the errors are that are over.
            (found, part), unknown = before, None
    level_ms = _level_ms(part, threshold)
    # Of a timeout that is not known it is at most so much.
    timeout_ms = part.timeout_ms if part.is_known else part.least_ms
    check = series.judged(
        "Duration",
        level_ms / timeout_ms * 100,
        threshold,
        note=f"p95 of {span(level_ms)} {_held(series, len(part.points), threshold)}, "
        f"{_worded(part)}{timeout_from if part.until is None else ''}{over}",
        rests_on=_RESTS_ON,
        finding=found,
    )
    if unknown is not None:
        return replace(check, verdict=Verdict.UNKNOWN, finding=unknown)
    return replace(check, verdict=series.trusted(check.verdict, *_RESTS_ON))


def _cause(found: Finding, changed_at: datetime | None) -> str:
    if changed_at is None or found.since is None or changed_at > found.since:
        return ""
    return f" Code or configuration was changed before that, at {utc(changed_at)}."


def _over(
    before: Told, part: Part, turned_at: datetime | None, threshold: Threshold, *, is_over: bool
) -> str:
    """Say what became of what was before a change."""
    until, level = before.finding.until, span(_level_ms(part, threshold))
    if until is not None:
        words = f"it is over, with a p95 of {level}" if is_over else f"the p95 is {level}"
        return f"; since {utc(until)} {words}"
    if before.part.is_known and turned_at is not None:
        return f"; too soon after the change of {utc(turned_at)} to say it is over"
    return "; before that not known, nor is the timeout of then"


def _without_timeout(series: Series, threshold: Threshold) -> Check:
    values = [point.value for point in series.of("duration_p95_ms")]
    level_ms = sustained(values, threshold.periods)
    most = None if level_ms is None else level_ms / _LEAST_TIMEOUT_MS * 100
    if level_ms is None or judge(most, threshold) is not Verdict.HEALTHY:
        note = "the timeout is not known"
        return series.judged("Duration", None, threshold, note=note)
    note = f"p95 of {span(level_ms)}: at most so much, for no timeout is below 1 s"
    return series.judged("Duration", most, threshold, note=note, rests_on=_RESTS_ON)


def _level_ms(part: Part, threshold: Threshold) -> float:
    return sustained([point.value for point in part.points], threshold.periods) or 0.0


def _worded(part: Part) -> str:
    if not part.is_known:
        return f"timeout of then not known, at least {span(part.least_ms)}"
    then = "" if part.until is None else f" until {utc(part.until)}"
    return f"timeout {span(part.timeout_ms)}{then}"


def _held(series: Series, values: int, threshold: Threshold) -> str:
    if values < threshold.periods:
        return held(values, threshold.periods)
    return f"held for {threshold.periods} periods of {series.every()}"
