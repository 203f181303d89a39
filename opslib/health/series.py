"""The metrics of one thing, a function, queue, stream or table, and how one value becomes a row.

In: points by indicator, and whether all of them came. Out: `Check` rows. Does no I/O.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from opslib.health.verdicts import Check, Finding, Point, Verdict, judge, levels
from opslib.system import Threshold

_COMPLETE = "Complete"
# Thresholds of throttles count them in so many seconds.
_COUNTED_IN_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The metrics of one subject.

    Parameters
    ----------
    subject
        The name of the function, queue, stream or table.
    points
        Indicator (``errors``) to its points, oldest first; one that is not there has none.
    status
        Indicator to GetMetricData's status; one that is not ``Complete`` can show what is bad, not
        what is well.
    period_s
        Seconds of one period, for whoever counts periods.
    periods
        Indicator to the seconds that a datapoint of it covers, from its instant on; one that is not
        there is taken for an instant.
    names
        Indicator to the metric's name in the evidence, where that is another.
    is_there
        Whether anything shows that the subject is there. A name that was mistyped has no datapoint
        either, and must not be taken for one of which nothing was asked.
    """

    subject: str
    points: Mapping[str, list[Point]]
    status: Mapping[str, str]
    period_s: int = 300
    periods: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    is_there: bool = True

    def of(self, indicator: str) -> list[Point]:
        """Return the points of an indicator; none when it was not asked for."""
        return self.points.get(indicator, [])

    def seen(self, *indicators: str) -> bool:
        """Whether every point of these came."""
        return all(self.status.get(each) == _COMPLETE for each in indicators)

    def width(self, indicator: str) -> timedelta:
        """Return how much time a datapoint of an indicator covers."""
        return timedelta(seconds=self.periods.get(indicator, 0))

    def why(self, indicator: str) -> str:
        """Say why an indicator has no value."""
        state = self.status.get(indicator, "not asked")
        return "no datapoint in the window" if state == _COMPLETE else f"status {state}"

    def or_none(self, indicator: str, value: float | None) -> float | None:
        """Return zero for what was asked, answered whole, and has no datapoint; else the value."""
        if value is not None or not (self.is_there and self.seen(indicator)):
            return value
        return 0.0

    def none(self, means: str) -> str:
        """Say what it means that there is no datapoint."""
        return f"no datapoint: {means}" if self.is_there else "no datapoint, and it was not found"

    def trusted(self, verdict: Verdict, *indicators: str) -> Verdict:
        """Return the verdict, but unknown for a value that may be too low: data is missing."""
        if self.seen(*indicators) or verdict is Verdict.CRITICAL:
            return verdict
        return Verdict.UNKNOWN

    def evidence(self, *indicators: str) -> tuple[str, ...]:
        """Return what the evidence calls these metrics."""
        return tuple(self.names.get(each, each) for each in indicators)

    def every(self) -> str:
        """Say how long a period is: ``5 min``."""
        minutes = self.period_s // 60
        return f"{minutes} min" if minutes < 60 else f"{minutes / 60:.3g} h"

    def judged(
        self,
        indicator: str,
        value: float | None,
        threshold: Threshold,
        *,
        note: str,
        rests_on: tuple[str, ...] = (),
        finding: Finding | None = None,
    ) -> Check:
        """Return the row of a value; its finding stays only when the value breaches.

        Parameters
        ----------
        indicator
            What people call it: ``Error rate``.
        rests_on
            The indicators that have to be whole for the value to show that all is well.
        """
        judged = judge(value, threshold)
        healthy, warning, critical = levels(threshold)
        if finding is not None:
            finding = replace(
                finding,
                severity=judged,
                evidence=self.evidence(*rests_on),
                period=max(map(self.width, rests_on), default=finding.period),
            )
        return Check(
            indicator=indicator,
            subject=self.subject,
            value=value,
            unit=threshold.unit,
            healthy=healthy,
            warning=warning,
            critical=critical,
            verdict=self.trusted(judged, *rests_on),
            source=threshold.source,
            note=note,
            finding=None if judged in (Verdict.HEALTHY, Verdict.UNKNOWN) else finding,
        )


def in_five_minutes(
    points: Sequence[Point], threshold: Threshold, *, period_s: int
) -> float | None:
    """Return the worst count in 5 minutes, of counts in longer periods; None without points.

    Of a longer period the average is the least that its worst 5 minutes had. Where that is well and
    the whole count would not be, it is not known which, so it is no worse than a warning.
    """
    top = highest(points)
    if top is None:
        return None
    least = top.value * per_five_minutes(period_s)
    return top.value if threshold.warning is None else held_level(least, top.value, threshold)


def per_five_minutes(period_s: int) -> float:
    """Return the share of a period's count that falls on 5 minutes, if it is spread evenly."""
    return min(1.0, _COUNTED_IN_S / period_s)


def held_level(least: float, most: float, threshold: Threshold) -> float:
    """Return what is told of a level that was held, and a higher one that may not have been.

    The lower, unless that is well: then the higher, as far as it is no more than a warning.
    """
    if judge(least, threshold) is not Verdict.HEALTHY:
        return least
    return most if threshold.critical is None else min(most, threshold.critical)


def highest(points: Iterable[Point]) -> Point | None:
    """Return the highest point, the first of equals; None when there is none."""
    return max(points, key=lambda point: point.value, default=None)
