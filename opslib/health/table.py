"""The health table of the operations guide: a function's metrics, a row an indicator.

In: points of metrics with their statuses. Out: `Check` rows, with a finding where one is not well.
Does no I/O.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import pandas as pd

from opslib.health.durations import near_timeout
from opslib.health.verdicts import (
    Check,
    Finding,
    Point,
    Verdict,
    breach,
    held,
    judge,
    levels,
    number,
    points_of,
    span,
    sustained,
    utc,
)
from opslib.system import Function, Threshold, Thresholds
from opslib.window import Window

# An older depth says nothing about now: SQS publishes it every minute while a queue is active.
_FRESH = timedelta(minutes=15)
# "Invocations = 0 for 1 hour" alarms, in the operations guide of vf-api-workers.
_SILENCE = timedelta(hours=1)
# The longest that a mapping may gather records (MaximumBatchingWindowInSeconds, at most 300): a
# write this near to the end of a silence need not have been read in it.
_BATCHING = timedelta(minutes=5)


def rows(checks: Iterable[Check]) -> pd.DataFrame:
    """Return the health table as a frame of text, one row a check, in the order given."""
    return pd.DataFrame(
        [
            {
                "indicator": check.indicator,
                "value": check.shown,
                "verdict": check.verdict.value,
                "healthy": check.healthy,
                "warning": check.warning,
                "critical": check.critical,
                "note": check.note,
            }
            for check in checks
        ],
        dtype="str",
    )


def triage_checks(
    points: pd.DataFrame,
    *,
    status: Mapping[str, str],
    function: Function,
    timeout_ms: float,
    thresholds: Thresholds,
    window: Window,
    queue_depth: int | None = None,
    queue_asked_at: datetime | None = None,
    deployed_at: datetime | None = None,
) -> list[Check]:
    """Judge a function's metrics against the guide's health table.

    Parameters
    ----------
    points
        One row a datapoint: ``metric`` (str), ``at`` (datetime64[ns, UTC]), ``value`` (float), with
        the names that `opslib.metrics.function_metrics` gives: ``invocations``, ``errors``,
        ``duration_p95_ms``, ``iterator_age_ms``, ``dead_letters``, ``table_writes``.
    status
        Metric name to its status; one that is not ``Complete`` can show what is bad, not what is
        well.
    function
        With a ``table`` it has a stream, with a ``dead_letter_queue`` it has dead letters; a row
        that does not apply is left out.
    timeout_ms
        The function's timeout in milliseconds; NaN or 0 when it could not be seen.
    queue_depth
        The depth as SQS itself says, if it was asked. An idle queue publishes no metric after six
        hours, so for a healthy one this may be all there is.
    queue_asked_at
        When SQS said so, tz-aware. The depth judges the window only when that is at most 15 minutes
        after its end, not before it; otherwise, or when None, the metric has to.
    deployed_at
        When code or configuration last changed, if that was inside the window.

    Returns
    -------
    Rows for invocations, error rate, duration, and where they apply iterator age and dead letters.
    Without data a row is unknown. Two absences mean something: invocations without an iterator age
    did not come through the stream (its mapping may be disabled), and a stream's function that was
    not invoked for an hour, wherever in the window, is ``invocations.none``: critical if its table
    was written meanwhile, otherwise a warning. A window shorter than an hour proves no silence.
    """
    series = {name: points_of(points[points["metric"] == name], "value") for name in status}
    triage = _Triage(series, status, function, thresholds, window, deployed_at)
    checks = [triage.invocations(), triage.errors(), triage.duration(timeout_ms)]
    if function.table:
        checks.append(triage.iterator_age())
    if function.dead_letter_queue:
        queue = function.dead_letter_queue
        checks.append(triage.dead_letters(queue, queue_depth, queue_asked_at))
    return checks


class _Gap(NamedTuple):
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class _Triage:
    series: Mapping[str, list[Point]]
    status: Mapping[str, str]
    function: Function
    thresholds: Thresholds
    window: Window
    deployed_at: datetime | None

    def invocations(self) -> Check:
        name, table = self.function.name, self.function.table
        points = [point for point in self.series.get("invocations", []) if point.value > 0]
        total = sum(point.value for point in points) if self._seen("invocations") else None
        verdict = Verdict.HEALTHY if total else Verdict.UNKNOWN
        note = f"the last at {utc(points[-1].at)}" if points else self._why("invocations")
        finding = None
        gaps = self._gaps([point.at for point in points])
        if total is not None and table and gaps:
            # A gap in which records waited outweighs a longer one in which none may have.
            gap = max(gaps, key=lambda each: (self._written(each), each.length))
            verdict = Verdict.CRITICAL if self._written(gap) else Verdict.WARNING
            between = f"between {utc(gap.start)} and {utc(gap.end)}"
            lasts = gap.end == self.window.end
            if lasts:
                title = f"{name} is not being invoked"
                when = f"since {utc(gap.start)}, looked at until {utc(gap.end)}"
            else:
                minutes = gap.length / timedelta(minutes=1)
                title, when = f"{name} was not invoked for {minutes:,.0f} minutes", between
                note = f"none {between}"
            finding = Finding(
                id="invocations.none",
                severity=verdict,
                title=title,
                detail=f"No invocation {when}. {self._writes(gap, table, lasts=lasts)}",
                subject=name,
                evidence=("invocations", "table_writes"),
                since=gap.start,
            )
        return Check(
            indicator="Invocations",
            subject=name,
            value=total,
            unit="invocations",
            healthy="> 0 in 1 h",
            warning="0 for 1 h",
            critical="0 for 1 h, table written",
            verdict=verdict,
            source="Operations guide of vf-api-workers, No Invocations: = 0 for 1 hour",
            note=note,
            finding=finding,
        )

    def _gaps(self, instants: list[datetime]) -> list[_Gap]:
        """Return the spans of at least an hour without an instant, the window's ends included."""
        edges = [self.window.start, *instants, self.window.end]
        gaps = [_Gap(start, end) for start, end in itertools.pairwise(edges)]
        return [gap for gap in gaps if gap.length >= _SILENCE]

    def _written(self, gap: _Gap) -> bool:
        """Whether the table was written in a gap, early enough to have been read in it."""
        return any(
            point.value > 0 and gap.start < point.at < gap.end - _BATCHING
            for point in self.series.get("table_writes", [])
        )

    def _writes(self, gap: _Gap, table: str, *, lasts: bool) -> str:
        """Say what is known of the table's writes during a gap."""
        if self._written(gap):
            waits = "wait" if lasts else "waited"
            return f"Its table {table} was written meanwhile, so records {waits} unread."
        writes = self.series.get("table_writes", [])
        if any(point.value > 0 and gap.start < point.at < gap.end for point in writes):
            return (
                f"Its table {table} was written only in the last 5 minutes of that, "
                "which a batch may wait for."
            )
        if not self._seen("table_writes"):
            why = self._why("table_writes")
            return f"Whether its table {table} was written was not looked at: {why}."
        return (
            f"No write to its table {table} was seen either; "
            "if none was made, this is as it should be."
        )

    def errors(self) -> Check:
        threshold, name = self.thresholds.error_rate, self.function.name
        ran = sum(point.value for point in self.series.get("invocations", []))
        failed = [point for point in self.series.get("errors", []) if point.value > 0]
        if not ran or not self.series.get("errors"):
            return self._judged("Error rate", None, threshold, note=self._why("errors"))
        count = sum(point.value for point in failed)
        if not self._seen("invocations"):
            of = f"of how many invocations is not known: {self._why('invocations')}"
            note = f"{count:,.0f} errors, {of}"
            return self._judged("Error rate", None, threshold, note=note)
        rate = count / ran * 100
        first = f", the first in the period from {utc(failed[0].at)} on" if failed else ""
        said = f"{count:,.0f} of {ran:,.0f} invocations"
        return self._judged(
            "Error rate",
            rate,
            threshold,
            note=f"{said}; throttled ones are in neither number",
            finding=Finding(
                id="errors.rate",
                severity=Verdict.UNKNOWN,
                title=f"{number(rate)} % of the invocations of {name} fail",
                detail=f"{said} ended in an error{first}.",
                subject=name,
                evidence=("invocations", "errors"),
                since=failed[0].at if failed else None,
            ),
        )

    def duration(self, timeout_ms: float) -> Check:
        threshold, evidence = self.thresholds.duration_of_timeout, ("duration_p95_ms",)
        points = self.series.get("duration_p95_ms", [])
        level_ms = sustained([point.value for point in points], threshold.periods)
        if not timeout_ms > 0:
            return self._judged("Duration", None, threshold, note="the timeout is not known")
        if level_ms is None:
            return self._judged("Duration", None, threshold, note=self._why("duration_p95_ms"))
        found = near_timeout(
            points,
            timeout_ms=timeout_ms,
            threshold=threshold,
            subject=self.function.name,
            evidence=evidence,
        )
        changed = self.deployed_at
        if found is not None and changed is not None and found.since and changed <= found.since:
            cause = f" Code or configuration was changed before that, at {utc(changed)}."
            found = replace(found, detail=f"{found.detail}{cause}")
        check = self._judged(
            "Duration",
            level_ms / timeout_ms * 100,
            threshold,
            note=f"p95 of {span(level_ms)} {self._held(points, threshold)}, "
            f"timeout {span(timeout_ms)}",
            finding=found,
        )
        return replace(check, verdict=self._trusted(check.verdict, *evidence))

    def iterator_age(self) -> Check:
        threshold, name = self.thresholds.iterator_age_ms, self.function.name
        points = self.series.get("iterator_age_ms", [])
        level_ms = sustained([point.value for point in points], threshold.periods)
        if level_ms is None:
            ran = any(point.value > 0 for point in self.series.get("invocations", []))
            note = self._why("iterator_age_ms")
            if ran and self._seen("iterator_age_ms"):
                note = "invocations, but none through the stream: look at the mapping's State"
            return self._judged("Iterator age", None, threshold, note=note)
        since = breach(points, threshold)
        first = f", first from {utc(since)} on" if since else ""
        return self._judged(
            "Iterator age",
            level_ms,
            threshold,
            note=f"{self._held(points, threshold)}; last seen {span(points[-1].value)}",
            finding=Finding(
                id="stream.lag",
                severity=Verdict.UNKNOWN,
                title=f"{name} reads its stream {span(level_ms)} late",
                detail=f"Records were {span(level_ms)} old or older "
                f"{held(len(points), threshold.periods)}{first}; "
                f"the last value, of {utc(points[-1].at)}, is {span(points[-1].value)}.",
                subject=name,
                evidence=("iterator_age_ms",),
                since=since,
            ),
        )

    def dead_letters(self, queue: str, queue_depth: int | None, asked_at: datetime | None) -> Check:
        threshold = self.thresholds.dead_letters
        points = self.series.get("dead_letters", [])
        asked = None
        if queue_depth is not None and asked_at is not None:
            late = asked_at - self.window.end
            asked = asked_at if timedelta(0) <= late <= _FRESH else None
        if queue_depth is not None and asked is not None:
            depth, at = float(queue_depth), asked
            note = f"as SQS itself said at {utc(at)}"
        elif points and self.window.end - points[-1].at <= _FRESH:
            depth, at = points[-1].value, points[-1].at
            note = f"last datapoint, {utc(at)}"
        else:
            note = self._why("dead_letters")
            if points:
                note = f"the last datapoint is of {utc(points[-1].at)}, too old to say"
            if queue_depth is not None:
                note += "; what SQS says now is not of this window"
            return self._judged("Dead letters", None, threshold, subject=queue, note=note)
        empty = [place for place, point in enumerate(points) if point.value == 0]
        waiting = points[empty[-1] + 1 :] if empty else points
        check = self._judged(
            "Dead letters",
            depth,
            threshold,
            subject=queue,
            note=note,
            finding=Finding(
                id="dead-letters.waiting",
                severity=Verdict.UNKNOWN,
                title=f"{depth:,.0f} dead letters wait in {queue}",
                detail=f"{depth:,.0f} messages were visible in {queue} at {utc(at)}. "
                "A stream's dead letters only point at records, which expire with the stream.",
                subject=queue,
                evidence=("dead_letters",),
                since=waiting[0].at if waiting else None,
            ),
        )
        # What SQS itself says stands, whatever became of the metric.
        return check if asked is None else replace(check, verdict=judge(depth, threshold))

    def _held(self, points: list[Point], threshold: Threshold) -> str:
        if len(points) < threshold.periods:
            return held(len(points), threshold.periods)
        return f"held for {threshold.periods} periods of 5 min"

    def _seen(self, *metrics: str) -> bool:
        return all(self.status.get(metric) == "Complete" for metric in metrics)

    def _why(self, metric: str) -> str:
        state = self.status.get(metric, "not asked")
        return "no datapoint in the window" if state == "Complete" else f"status {state}"

    def _trusted(self, verdict: Verdict, *metrics: str) -> Verdict:
        """Return the verdict, but unknown for a value that may be too low: data is missing."""
        if self._seen(*metrics) or verdict is Verdict.CRITICAL:
            return verdict
        return Verdict.UNKNOWN

    def _judged(
        self,
        indicator: str,
        value: float | None,
        threshold: Threshold,
        *,
        note: str,
        subject: str = "",
        finding: Finding | None = None,
    ) -> Check:
        """Return the row of a value; its finding stays only when the value breaches."""
        judged = judge(value, threshold)
        evidence = finding.evidence if finding is not None else ()
        healthy, warning, critical = levels(threshold)
        return Check(
            indicator=indicator,
            subject=subject or self.function.name,
            value=value,
            unit=threshold.unit,
            healthy=healthy,
            warning=warning,
            critical=critical,
            verdict=self._trusted(judged, *evidence),
            source=threshold.source,
            note=note,
            finding=None
            if finding is None or judged in (Verdict.HEALTHY, Verdict.UNKNOWN)
            else replace(finding, severity=judged),
        )
