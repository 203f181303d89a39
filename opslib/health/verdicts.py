"""The words of a judgement: `Verdict`, `Finding`, `Check`, and how a value meets a threshold.

In: numbers, None where one was not seen. Out: a verdict; text for people. Does no I/O.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import pandas as pd

from opslib.system import Threshold
from opslib.window import iso


class Verdict(StrEnum):
    """What a runbook concludes."""

    HEALTHY = "healthy"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """The exit code of a run, as monitoring plugins have it: 0, 1, 2, and 3 for unknown."""
        return ("healthy", "warning", "critical", "unknown").index(self.value)


_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_ORDER = (Verdict.HEALTHY, Verdict.WARNING, Verdict.UNKNOWN, Verdict.CRITICAL)


def worst(verdicts: Iterable[Verdict], *, default: Verdict = Verdict.UNKNOWN) -> Verdict:
    """Return the worst: critical, then unknown, then warning, then healthy.

    A critical that was seen stands; short of that, not having looked outranks a warning.

    Parameters
    ----------
    verdicts
        Any number of them.
    default
        The answer when there is none: nothing judged is unknown, unless the caller knows better.
    """
    return max(verdicts, key=_ORDER.index, default=default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something seen that somebody should know, with the numbers that show it.

    Parameters
    ----------
    id
        Stable and dotted; `opslib.tree` holds the table of them.
    severity
        ``unknown`` for what could not be seen.
    title, detail
        A headline; one or two sentences with numbers, units and UTC times.
    subject
        The name of the function or queue.
    evidence
        Names of the queries and metrics that show it.
    since
        When it first held, tz-aware UTC; None when that is not known.
    until
        When it was last seen, if it is over; None while it may go on. Its title says so.
    period
        How much later than ``since`` it may have begun, where that is the start of a bin or of a
        metric's period; zero for what an event dates.
    notebook, remedy
        Where to go next; `opslib.tree.ranked` fills them in.
    """

    id: str
    severity: Verdict
    title: str
    detail: str
    subject: str
    evidence: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    period: timedelta = timedelta(0)
    notebook: str | None = None
    remedy: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the finding as result.json, schema 1, holds it."""
        return {
            "id": self.id,
            "severity": self.severity.value,
            "title": self.title,
            "detail": self.detail,
            "subject": self.subject,
            "evidence": list(self.evidence),
            "next": {"notebook": self.notebook, "remedy": self.remedy},
            "since": None if self.since is None else iso(self.since),
        }


def bad(findings: Iterable[Finding | None], *begin: str) -> bool:
    """Whether a finding whose id begins so is a warning or critical."""
    return any(
        each is not None
        and each.severity in (Verdict.WARNING, Verdict.CRITICAL)
        and each.id.startswith(begin)
        for each in findings
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of the health table: a value, what each verdict would take, and which it is.

    Parameters
    ----------
    value
        In ``unit``; None when it could not be seen.
    healthy, warning, critical
        The ranges as text; empty where the threshold has no such level.
    note
        How the value came about, or why there is none.
    source
        Whose threshold it is.
    finding
        What to report; None when healthy.
    """

    indicator: str
    subject: str
    value: float | None
    unit: str
    healthy: str
    warning: str
    critical: str
    verdict: Verdict
    source: str
    note: str = ""
    finding: Finding | None = None

    @property
    def shown(self) -> str:
        """The value with its unit, or that it was not seen."""
        return "not seen" if self.value is None else f"{number(self.value)} {self.unit}"


def judge(value: float | None, threshold: Threshold) -> Verdict:
    """Return the verdict on a value in the threshold's own unit.

    None and NaN are unknown; else as `Threshold.level` has it: where greater is worse, greater than
    ``critical`` is critical, and at least ``warning`` and not zero is a warning.
    """
    if value is None or math.isnan(value):
        return Verdict.UNKNOWN
    return Verdict(threshold.level(value))


def sustained(values: Iterable[float | None], periods: int) -> float | None:
    """Return the highest level that was held for so many consecutive periods.

    Parameters
    ----------
    values
        One a period, oldest first. None and NaN are passed over, not taken as zero: a period
        without invocations says nothing about how long they take.
    periods
        How many in a row have to hold the level.

    Returns
    -------
    The maximum, over all runs of ``periods`` values, of the minimum in the run. With fewer values
    than ``periods``, the minimum of all there are. None when there is none.

    Source
    ------
    The way a CloudWatch alarm with as many evaluation periods sees it, missing data being ignored.
    """
    seen = [float(value) for value in values if value is not None and not math.isnan(value)]
    if not seen:
        return None
    run = min(periods, len(seen))
    return max(min(seen[first : first + run]) for first in range(len(seen) - run + 1))


def levels(threshold: Threshold) -> tuple[str, str, str]:
    """Return the ranges of healthy, warning and critical as text, without the unit."""
    low, high = threshold.warning, threshold.critical
    if threshold.worse == "below":
        critical = "" if high is None else f"< {number(high)}"
        if low is None:
            return f"≥ {number(high or 0)}", "", critical
        warning = f"< {number(low)}" if high is None else f"< {number(low)}, ≥ {number(high)}"
        return f"≥ {number(low)}", warning, critical
    critical = "" if high is None else f"> {number(high)}"
    if low is None:
        return (f"≤ {number(high)}" if high else "0"), "", critical
    healthy = "0" if low == 0 else f"< {number(low)}"
    above = f"> {number(low)}" if low == 0 else f"≥ {number(low)}"
    warning = above if high is None else f"{above}, ≤ {number(high)}"
    return healthy, warning, critical


class Point(NamedTuple):
    """One value of a series, and when."""

    at: datetime
    value: float


def points_of(frame: pd.DataFrame, column: str) -> list[Point]:
    """Return the present values with their instants, oldest first."""
    present = frame.dropna(subset=[column]).sort_values("at")
    instants = pd.to_datetime(present["at"], utc=True)
    return [
        Point(at.to_pydatetime(), float(value))
        for at, value in zip(instants, present[column], strict=True)
    ]


def breach(points: Sequence[Point], threshold: Threshold) -> datetime | None:
    """Return when a run of ``periods`` values first held the verdict that the worst run has."""
    run = min(threshold.periods, len(points))
    values = [point.value for point in points]
    severity = judge(sustained(values, threshold.periods), threshold)
    for first in range(len(points) - run + 1):
        if judge(min(values[first : first + run]), threshold) is severity:
            return points[first].at
    return None


def held(values: int, periods: int) -> str:
    """Say for how long a level of `sustained` was held, given how many values there were."""
    if values >= periods:
        return "for 1 period" if periods == 1 else f"for {periods} periods running"
    return "in the only value there was" if values == 1 else f"in all {values} values there were"


def nothing_ran(subject: str, evidence: Sequence[str]) -> Finding:
    """Return the finding, unknown, of a window without invocations."""
    return Finding(
        id="invocations.none",
        severity=Verdict.UNKNOWN,
        title=f"No invocation of {subject} was seen",
        detail="The window holds no invocation, so there is nothing to judge: "
        "neither that it is well nor that it is not.",
        subject=subject,
        evidence=tuple(evidence),
    )


def number(value: float, against: Threshold | None = None) -> str:
    """Write a number as people do: two digits below 100, whole from there on; NaN as not known.

    With more digits where it would read as a limit ``against`` which it is judged, and is not one:
    80.4 is over 80.
    """
    if math.isnan(value):
        return "not known"
    # From 99.5 on two digits would be written 1e+02.
    whole = abs(value) >= 99.5 or value == round(value)
    said = f"{value:,.0f}" if whole else f"{value:.2g}"
    limits = [] if against is None else [against.warning, against.critical]
    for limit in limits:
        if limit is not None and value != limit and said == number(limit):
            digits = range(3, 17)
            return next(
                (more for n in digits if float(more := f"{value:.{n}g}") != limit), f"{value}"
            )
    return said


def span(value: float) -> str:
    """Write milliseconds as a person says them.

    ``862 ms``, ``34.9 s``, from 2 minutes on ``6 min 40 s``, from 10 minutes on ``62 min``, from 2
    hours on ``9.5 h``, from a day on ``1 d 17 h``, and from 10 days on ``12 d``; NaN is ``not
    known``.
    """
    if math.isnan(value):
        return "not known"
    seconds = value / 1000
    if seconds < 1:
        return f"{value:,.0f} ms"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:,.1f} s"
    if seconds < 10 * _MINUTE_S:
        minutes, rest = divmod(round(seconds), _MINUTE_S)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    if seconds < _DAY_S:
        return f"{seconds / _HOUR_S:.1f}".removesuffix(".0") + " h"
    days, hours = divmod(round(seconds / _HOUR_S), 24)
    return f"{days} d {hours} h" if hours and days < 10 else f"{seconds / _DAY_S:,.0f} d"


def utc(at: datetime) -> str:
    """Write an instant to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
