"""The health table's rows of one function: invocations, errors, throttles, duration, lag.

In: the function's `Series` and its limits. Out: `Check` rows. Does no I/O.

Source: operations guide of the aggregator, Health Indicators; of vf-api-workers, Critical
Thresholds. The least timeout that Lambda takes is 1 s (botocore, Timeout).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from opslib.health.courses import unread_since
from opslib.health.duration_row import duration_row
from opslib.health.endings import none_since, over_of, ran_until, recovered_at, seen_in, worded
from opslib.health.series import Series, highest, in_five_minutes
from opslib.health.silences import Silences
from opslib.health.timeouts import Timeouts
from opslib.health.verdicts import (
    Check,
    Finding,
    Point,
    Verdict,
    breach,
    held,
    judge,
    number,
    span,
    sustained,
    utc,
)
from opslib.system import Function, Threshold, Thresholds
from opslib.window import Window

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionChecks:
    """One function in one window, about to be judged.

    Parameters
    ----------
    series
        With ``invocations``, ``errors``, ``throttles``, ``duration_p95_ms``, ``iterator_age_ms``,
        and of what it reads ``table_writes`` or ``stream_records``.
    deployed_at
        When code or configuration last changed, if that was inside the window.
    idle_is_well
        Whether no invocation is as good as any: it is there, and nothing is expected of it.
    timeouts
        Those that held in the window, where that is known; None for that of now, which is then held
        against nothing that was longer before ``deployed_at``.
    filtered
        Whether all that feeds it passes a mapping's filter, which may drop every record; None when
        that was not seen.
    """

    series: Series
    function: Function
    thresholds: Thresholds
    window: Window
    deployed_at: datetime | None = None
    idle_is_well: bool = False
    filtered: bool | None = None
    timeouts: Timeouts | None = None

    def rows(self, timeout_ms: float, *, timeout_from: str = "") -> list[Check]:
        """Return the rows that apply; of an idle function of which nothing is expected, one."""
        first = self.invocations()
        if first.verdict is Verdict.HEALTHY and not first.value:
            return [first]
        checks = [first, self.errors()]
        if "throttles" in self.series.status:
            checks.append(self.throttles())
        checks.append(self.duration(timeout_ms, timeout_from=timeout_from))
        if self.function.reads_stream:
            checks.append(self.iterator_age())
        return checks

    def invocations(self) -> Check:
        """Judge whether it ran: an hour of silence anywhere counts where it should have."""
        name, seen = self.function.name, self.series.seen("invocations")
        points = [point for point in self.series.of("invocations") if point.value > 0]
        silences = self._silences
        silence = _hours(silences.length)
        total = sum(point.value for point in points) if seen else None
        verdict = Verdict.HEALTHY if total else Verdict.UNKNOWN
        note = self.series.why("invocations")
        if points:
            late = silences.maybe_late([point.at for point in points])
            note = f"the last at {utc(points[-1].at)}{late}"
        finding = None
        gaps = silences.gaps([point.at for point in points])
        expected = self.function.reads_stream or self.function.critical
        if total and gaps and not self.function.critical:
            gaps = [gap for gap in gaps if not silences.unfed(gap)]
        if total is not None and expected and gaps:
            # A gap in which records waited outweighs a longer one in which none may have.
            gap = max(gaps, key=lambda each: (silences.written(each), each.length))
            verdict = Verdict.WARNING
            if self.function.critical:
                verdict = Verdict.CRITICAL
            elif silences.written(gap):
                # What a filter drops invokes nothing, and nothing counts it.
                verdict = Verdict.CRITICAL if self.filtered is False else Verdict.UNKNOWN
            between = f"between {utc(gap.start)} and {utc(gap.end)}"
            lasts = gap.end == self.window.end
            if lasts:
                title = f"{name} is not being invoked"
                when = f"since {utc(gap.start)}, looked at until {utc(gap.end)}"
            else:
                lasted = span(gap.length / timedelta(milliseconds=1))
                title, when = f"{name} was not invoked for {lasted}", between
                note = f"none {between}"
            finding = Finding(
                id="invocations.none",
                severity=verdict,
                title=title,
                detail=f"No invocation {when}. {silences.writes(gap, lasts=lasts)}".rstrip(),
                subject=name,
                evidence=self.series.evidence("invocations", silences.feed),
                since=gap.start,
            )
        elif total == 0 and self.idle_is_well and not expected and self._none_refused():
            verdict, note = Verdict.HEALTHY, "idle: nothing asked for it in this window"
        return Check(
            indicator="Invocations",
            subject=name,
            value=total,
            unit="invocations",
            healthy=f"> 0 in {silence}",
            warning=f"0 for {silence}",
            critical=f"0 for {silence}, table written, no filter",
            verdict=verdict,
            source=self.thresholds.silence_ms.source,
            note=note,
            finding=finding,
        )

    def errors(self) -> Check:
        """Judge how many of the invocations failed."""
        threshold, name = self.thresholds.error_rate, self.function.name
        ran = sum(point.value for point in self.series.of("invocations"))
        failed = [point for point in self.series.of("errors") if point.value > 0]
        if not ran or not self.series.of("errors"):
            return self.series.judged("Error rate", None, threshold, note=self.series.why("errors"))
        count = sum(point.value for point in failed)
        if not self.series.seen("invocations"):
            of = f"of how many invocations is not known: {self.series.why('invocations')}"
            note = f"{count:,.0f} errors, {of}"
            return self.series.judged("Error rate", None, threshold, note=note)
        rate = count / ran * 100
        until, width = self._over(failed), self.series.width("errors") or _MINUTE
        fails = worded("fail", "failed", until)
        first = f", the first in the period from {utc(failed[0].at)} on" if failed else ""
        said = f"{count:,.0f} of {ran:,.0f} invocations"
        return self.series.judged(
            "Error rate",
            rate,
            threshold,
            note=f"{said}; throttled ones are in neither number",
            rests_on=("invocations", "errors"),
            finding=Finding(
                id="errors.rate",
                severity=Verdict.UNKNOWN,
                title=f"{number(rate, threshold)} % of the invocations of {name} {fails}",
                detail=f"{said} ended in an error{first}."
                f"{seen_in((point.at for point in failed), width=width)}"
                f"{none_since(until, self._ran_until, width=width)}",
                subject=name,
                since=failed[0].at if failed else None,
                until=until,
            ),
        )

    def throttles(self) -> Check:
        """Judge the worst period of invocations refused for want of concurrency."""
        threshold, name = self.thresholds.throttles, self.function.name
        points = self.series.of("throttles")
        top = highest(points)
        # Throttles has a datapoint whenever something was asked of the function.
        value = in_five_minutes(points, threshold, period_s=self.series.period_s)
        if value is None and self.series.of("invocations"):
            value = 0.0
        if value is None:
            why = self.series.why("throttles")
            return self.series.judged("Throttles", None, threshold, note=why)
        total, most = sum(point.value for point in points), top.value if top else 0.0
        first = next((point.at for point in points if point.value > 0), None)
        until = self._over([point for point in points if point.value > 0], "throttles")
        return self.series.judged(
            "Throttles",
            value,
            threshold,
            note=self._count(total, most) if total else "none",
            rests_on=("throttles",),
            finding=Finding(
                id="invocations.throttled",
                severity=Verdict.UNKNOWN,
                title=f"{total:,.0f} invocations of {name} "
                f"{worded('were refused', 'were refused', until)}",
                detail=f"Lambda throttled {total:,.0f} invocations, at most {most:,.0f} in "
                f"{self.series.every()}. They count neither as invocations nor as errors."
                f"{none_since(until, self._ran_until, width=self.series.width('throttles'))}",
                subject=name,
                since=first,
                until=until,
            ),
        )

    def duration(self, timeout_ms: float, *, timeout_from: str = "") -> Check:
        """Judge the p95 against the timeout; one that no timeout could be near needs none."""
        every, changed_at = self.series.of("duration_p95_ms"), self.deployed_at
        timeouts = Timeouts.assumed(timeout_ms, every, changed_at)
        if self.timeouts is not None:
            timeouts = self.timeouts.proved(every, changed_at)
        return duration_row(
            self.series,
            self.thresholds.duration_of_timeout,
            timeouts=timeouts,
            changed_at=changed_at,
            timeout_from=timeout_from,
        )

    def iterator_age(self) -> Check:
        """Judge how old records are when they are read."""
        threshold, name = self.thresholds.iterator_age_ms, self.function.name
        points = self.series.of("iterator_age_ms")
        level_ms = sustained([point.value for point in points], threshold.periods)
        if level_ms is None:
            ran = any(point.value > 0 for point in self.series.of("invocations"))
            note = self.series.why("iterator_age_ms")
            if ran and self.series.seen("iterator_age_ms"):
                note = "invocations, but none through the stream: look at the mapping's State"
            return self.series.judged("Iterator age", None, threshold, note=note)
        since = breach(points, threshold)
        first = f", first from {utc(since)} on" if since else ""
        until, late = recovered_at(points, threshold), f"its stream {span(level_ms)} late"
        note = f"{self._held(len(points), threshold)}; last seen {span(points[-1].value)}"
        width = self.series.width("iterator_age_ms")
        read = [Point(point.at + width, point.value) for point in points]
        unread = unread_since(read, self.series.of(self._silences.feed), window=self.window)
        if unread is not None and judge(level_ms, threshold) is not Verdict.CRITICAL:
            # What is not read has no age, so the last one says nothing about now. A mapping's
            # filter may drop it, which its notebook asks and this does not.
            note = f"nothing read since {utc(read[-1].at)}, though written at {utc(unread)}"
            return self.series.judged("Iterator age", None, threshold, note=note)
        return self.series.judged(
            "Iterator age",
            level_ms,
            threshold,
            note=note,
            rests_on=("iterator_age_ms",),
            finding=Finding(
                id="stream.lag",
                severity=Verdict.UNKNOWN,
                title=f"{name} {worded(f'reads {late}', f'read {late}', until)}",
                detail=f"Records were {span(level_ms)} old or older "
                f"{held(len(points), threshold.periods)}{first}; "
                f"the last value, of {utc(points[-1].at)}, is {span(points[-1].value)}.",
                subject=name,
                since=since,
                until=until,
            ),
        )

    @property
    def _silences(self) -> Silences:
        return Silences(
            series=self.series,
            function=self.function,
            limit=self.thresholds.silence_ms,
            window=self.window,
            filtered=self.filtered,
        )

    @property
    def _ran_until(self) -> datetime | None:
        return ran_until(self.series.of("invocations"), width=self.series.width("invocations"))

    def _over(self, bad: list[Point], indicator: str = "errors") -> datetime | None:
        """Return when invocations were last seen to fail, if others ran long enough after it."""
        width = self.series.width(indicator)
        return over_of([point.at for point in bad], ran_until=self._ran_until, width=width)

    def _count(self, total: float, most: float) -> str:
        said = f"{total:,.0f} in the window"
        if self.series.period_s <= 300:
            return said
        return f"{said}, at most {most:,.0f} in {self.series.every()}; at least so many in 5 min"

    def _none_refused(self) -> bool:
        """Whether it was seen that nothing was refused: else it may be stopped, not idle."""
        points = self.series.of("throttles")
        return self.series.seen("throttles") and not any(point.value > 0 for point in points)

    def _held(self, values: int, threshold: Threshold) -> str:
        if values < threshold.periods:
            return held(values, threshold.periods)
        return f"held for {threshold.periods} periods of {self.series.every()}"


def _hours(length: timedelta) -> str:
    hours = length / timedelta(hours=1)
    return f"{hours:g} h" if hours >= 1 else f"{length / timedelta(minutes=1):g} min"
