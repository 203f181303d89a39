"""From numbers to a verdict: thresholds, findings, and what each runbook's numbers mean.

In: numbers and frames that somebody else fetched, with units in their names. Out: `Verdict`,
`Finding`, and `Check` (one row of the health table). Does no I/O and knows no client.

Three answers, never two: *healthy*, *unhealthy* (warning, critical) and *unknown*. What was not
seen is unknown, never healthy, so each function here that finds no data says so in a finding of its
own: **an empty list of findings means that it looked and all was well.**

How a threshold's edges fall is written in `opslib.system`; every number that stands here instead of
there has its reason next to it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import NamedTuple

import numpy as np
import pandas as pd

from opslib.system import Function, Threshold, Thresholds
from opslib.window import Window, iso

# A depth that is older says nothing about now: an active queue publishes it every minute.
_FRESH = timedelta(minutes=15)
# "Invocations = 0 for 1 hour" alarms, in the operations guide of vf-api-workers.
_SILENCE = timedelta(hours=1)
# Below a tenth of the timeout a duration that doubled is noise to whoever waits for it.
_NOTABLE_OF_TIMEOUT = 10
# So many cold starts before a rate or a percentile of them says anything.
_FEW = 3


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
        return "not seen" if self.value is None else f"{_number(self.value)} {self.unit}"


def judge(value: float | None, threshold: Threshold) -> Verdict:
    """Return the verdict on a value in the threshold's own unit.

    None and NaN are unknown. Greater than ``critical`` is critical; at least ``warning`` and not
    zero is a warning; anything else is healthy.
    """
    if value is None or math.isnan(value):
        return Verdict.UNKNOWN
    if threshold.critical is not None and value > threshold.critical:
        return Verdict.CRITICAL
    if threshold.warning is not None and value >= threshold.warning and value > 0:
        return Verdict.WARNING
    return Verdict.HEALTHY


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
    critical = "" if high is None else f"> {_number(high)}"
    if low is None:
        return f"≤ {_number(high or 0)}", "", critical
    healthy = "0" if low == 0 else f"< {_number(low)}"
    above = f"> {_number(low)}" if low == 0 else f"≥ {_number(low)}"
    warning = above if high is None else f"{above}, ≤ {_number(high)}"
    return healthy, warning, critical


class _Point(NamedTuple):
    at: datetime
    value: float


def duration_findings(
    bins: pd.DataFrame,
    *,
    timeout_ms: float,
    thresholds: Thresholds,
    subject: str,
    deployed_at: datetime | None = None,
    evidence: Sequence[str] = (),
) -> list[Finding]:
    """Judge how long invocations take against the timeout, and whether that grew.

    Parameters
    ----------
    bins
        One row a bin that had invocations, oldest first: ``at`` (datetime64[ns, UTC], start of the
        bin), ``p95_ms`` and ``max_ms`` (float, milliseconds). Other columns are not read.
    timeout_ms
        The function's timeout in milliseconds; NaN when it could not be seen.
    subject
        The function's name.
    deployed_at
        When code or configuration last changed, if that was inside the window.
    evidence
        Names of the queries behind ``bins``.

    Returns
    -------
    ``duration.near-timeout`` when the sustained p95 is a warning or worse, unknown without a
    timeout; ``duration.rising`` when the median p95 from the deployment on (without one, or with
    fewer than 2 bins on a side of it: in the last quarter of the bins) is at least
    ``duration_growth`` times that before it (in the first quarter) and at least 10 % of the
    timeout. ``invocations.none``, unknown, when ``bins`` has no p95. Empty when all is well.
    """
    points = _points(bins, "p95_ms")
    if not points:
        return [_nothing_ran(subject, evidence)]
    if math.isnan(timeout_ms):
        return [
            Finding(
                id="duration.near-timeout",
                severity=Verdict.UNKNOWN,
                title=f"How near {subject} is to its timeout is not known",
                detail="Its configuration could not be read, and with it the timeout.",
                subject=subject,
                evidence=tuple(evidence),
            )
        ]
    findings = []
    factor = thresholds.duration_growth.warning or 1
    growth = _growth(points, deployed_at, factor=factor)
    near = _near_timeout(
        points,
        timeout_ms=timeout_ms,
        threshold=thresholds.duration_of_timeout,
        subject=subject,
        evidence=evidence,
    )
    if near is not None:
        cause = ""
        if growth is not None and growth.deployed and growth.ratio > 1:
            cause = f" The median p95 was {_ms(growth.before_ms)} {growth.before}."
        longest_ms = float(bins["max_ms"].max())
        detail = f"{near.detail} The longest took {_ms(longest_ms)}.{cause}"
        findings.append(replace(near, detail=detail))
    if growth is not None:
        share = growth.after_ms / timeout_ms * 100
        severity = judge(growth.ratio, thresholds.duration_growth)
        if severity is not Verdict.HEALTHY and share >= _NOTABLE_OF_TIMEOUT:
            findings.append(
                Finding(
                    id="duration.rising",
                    severity=severity,
                    title=f"{subject} takes {growth.ratio:.1f} times as long as before",
                    detail=f"The median p95 was {_ms(growth.before_ms)} {growth.before} and is "
                    f"{_ms(growth.after_ms)} {growth.after}: {growth.ratio:.1f} times, "
                    f"and {_number(share)} % of the timeout of {_ms(timeout_ms)}.",
                    subject=subject,
                    evidence=tuple(evidence),
                    since=growth.since,
                )
            )
    return findings


def memory_finding(
    *,
    used_mb: float | None,
    limit_mb: float,
    thresholds: Thresholds,
    subject: str,
    evidence: Sequence[str] = (),
) -> Finding | None:
    """Judge the most memory an invocation used against the limit.

    Parameters
    ----------
    used_mb
        The highest ``Max Memory Used`` of the window in MB. None, NaN and 0 are unknown: a platform
        that says 0 MB has not measured.
    limit_mb
        The function's memory size in MB; NaN when it could not be seen.

    Returns
    -------
    ``memory.headroom`` when it is a warning or worse, or unknown; None when there is room.
    """
    if used_mb is None or not used_mb > 0 or math.isnan(limit_mb):
        return Finding(
            id="memory.headroom",
            severity=Verdict.UNKNOWN,
            title=f"How much of its memory {subject} uses is not known",
            detail="No REPORT line in the window states the memory used."
            if not math.isnan(limit_mb)
            else "Its configuration could not be read, and with it the memory size.",
            subject=subject,
            evidence=tuple(evidence),
        )
    share = used_mb / limit_mb * 100
    severity = judge(share, thresholds.memory_of_limit)
    if severity is Verdict.HEALTHY:
        return None
    return Finding(
        id="memory.headroom",
        severity=severity,
        title=f"{subject} uses {_number(share)} % of its memory",
        detail=f"The most an invocation used was {used_mb:,.0f} MB of {limit_mb:,.0f} MB. "
        "One that needs more than the limit is killed and leaves no error of its own.",
        subject=subject,
        evidence=tuple(evidence),
    )


def cold_start_findings(
    starts: pd.DataFrame,
    *,
    invocations: int | None,
    thresholds: Thresholds,
    subject: str,
    deployed_at: datetime | None = None,
    evidence: Sequence[str] = (),
) -> list[Finding]:
    """Judge how often invocations start cold, and whether starting takes longer than it did.

    Parameters
    ----------
    starts
        One row a cold start, any order: ``at`` (datetime64[ns, UTC]), ``init_ms`` (float,
        milliseconds). Empty when there was none.
    invocations
        All invocations of the window, warm and cold; None when that is not known.
    deployed_at
        When code or configuration last changed, if that was inside the window.

    Returns
    -------
    ``cold-starts.frequent`` when the rate breaches its threshold and there were at least 3;
    ``cold-starts.init-slower`` when the p95 of the init durations from ``deployed_at`` on is at
    least ``init_growth`` times that before it, with at least 3 on each side. ``invocations.none``,
    unknown, when there were no invocations. Empty when all is well.

    Source
    ------
    Percentiles: linear interpolation between closest ranks, as numpy's default.
    """
    if not invocations:
        return [_nothing_ran(subject, evidence)]
    findings = []
    points = _points(starts, "init_ms")
    rate = len(points) / invocations * 100
    severity = judge(rate, thresholds.cold_start_rate)
    if severity is not Verdict.HEALTHY and len(points) >= _FEW:
        findings.append(
            Finding(
                id="cold-starts.frequent",
                severity=severity,
                title=f"{_number(rate)} % of the invocations of {subject} start cold",
                detail=f"{len(points):,} of {invocations:,} invocations waited for an init, "
                f"{_ms(median(point.value for point in points))} in the median.",
                subject=subject,
                evidence=tuple(evidence),
                since=points[0].at,
            )
        )
    if deployed_at is None:
        return findings
    before = [point.value for point in points if point.at < deployed_at]
    after = [point.value for point in points if point.at >= deployed_at]
    if min(len(before), len(after)) < _FEW:
        return findings
    was_ms, is_ms = float(np.percentile(before, 95)), float(np.percentile(after, 95))
    severity = judge(is_ms / was_ms if was_ms else None, thresholds.init_growth)
    if severity in (Verdict.WARNING, Verdict.CRITICAL):
        findings.append(
            Finding(
                id="cold-starts.init-slower",
                severity=severity,
                title=f"Cold starts of {subject} take {is_ms / was_ms:.1f} times as long as before",
                detail=f"The p95 of init durations was {_ms(was_ms)} over {len(before)} cold "
                f"starts before the change of {_utc(deployed_at)}, and is {_ms(is_ms)} over "
                f"{len(after)} since.",
                subject=subject,
                evidence=tuple(evidence),
                since=deployed_at,
            )
        )
    return findings


def agreement_finding(
    *,
    from_logs: float | None,
    from_metrics: float | None,
    subject: str,
    evidence: Sequence[str] = (),
) -> Finding | None:
    """Compare the invocations the logs count with those the metrics count.

    Returns
    -------
    ``logs.metrics-disagree``: unknown when either is missing, a warning when they differ by more
    than 5 % and by more than 2 (house default: late ingestion and the two ends of the window
    explain less). None when they agree.
    """
    if from_logs is None or from_metrics is None:
        missing = "log lines" if from_logs is None else "metrics"
        severity, detail = Verdict.UNKNOWN, f"The {missing} give no number of invocations."
    else:
        apart = abs(from_logs - from_metrics)
        if apart <= max(2, 0.05 * max(from_logs, from_metrics)):
            return None
        severity = Verdict.WARNING
        detail = (
            f"The logs count {from_logs:,.0f} invocations and the metrics {from_metrics:,.0f}. "
            "What is computed from the logs stands for those alone."
        )
    return Finding(
        id="logs.metrics-disagree",
        severity=severity,
        title=f"Logs and metrics of {subject} tell different stories",
        detail=detail,
        subject=subject,
        evidence=tuple(evidence),
    )


def swallowed_finding(
    *, failed: int | None, records: int | None, subject: str, evidence: Sequence[str] = ()
) -> Finding | None:
    """Judge records that failed inside invocations that succeeded.

    Parameters
    ----------
    failed, records
        Sums of ``error_count`` and ``processed_count`` over the window; None or NA when the
        function wrote no such line, which leaves the question open and finds nothing.

    Returns
    -------
    ``errors.swallowed-records``, critical, when any record failed: each is lost work that raises no
    error metric, is not tried again and leaves no dead letter. None otherwise.
    """
    if failed is None or pd.isna(failed) or failed == 0:
        return None
    return Finding(
        id="errors.swallowed-records",
        severity=Verdict.CRITICAL,
        title=f"{failed:,} records failed in {subject} without any alarm",
        detail=f"{failed:,} of {records or 0:,} records were counted in error_count while their "
        "invocations succeeded: no error metric, no retry, no dead letter.",
        subject=subject,
        evidence=tuple(evidence),
    )


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
        The function's timeout in milliseconds.
    queue_depth
        The depth as SQS itself says, if it was asked. An idle queue publishes no metric after six
        hours, so for a healthy one this may be all there is.

    Returns
    -------
    Rows for invocations, error rate, duration, and where they apply iterator age and dead letters.
    Without data a row is unknown. Two absences mean something: invocations without an iterator age
    did not come through the stream (its mapping may be disabled), and a stream's function that was
    not invoked for an hour is ``invocations.none``: critical if its table was written meanwhile,
    otherwise a warning.
    """
    series = {name: _points(points[points["metric"] == name], "value") for name in status}
    triage = _Triage(series, status, function, thresholds, window)
    checks = [triage.invocations(), triage.errors(), triage.duration(timeout_ms)]
    if function.table:
        checks.append(triage.iterator_age())
    if function.dead_letter_queue:
        checks.append(triage.dead_letters(function.dead_letter_queue, queue_depth))
    return checks


@dataclass(frozen=True, slots=True)
class _Triage:
    series: Mapping[str, list[_Point]]
    status: Mapping[str, str]
    function: Function
    thresholds: Thresholds
    window: Window

    def invocations(self) -> Check:
        name, table = self.function.name, self.function.table
        points = [point for point in self.series.get("invocations", []) if point.value > 0]
        total = sum(point.value for point in points) if self._seen("invocations") else None
        silent_since = points[-1].at if points else self.window.start
        quiet = self.window.end - silent_since > min(_SILENCE, self.window.length / 2)
        verdict = Verdict.UNKNOWN if total is None else Verdict.HEALTHY
        finding = None
        if total is not None and table and quiet:
            writes = self.series.get("table_writes", [])
            written = any(point.value > 0 for point in writes if point.at > silent_since)
            verdict = Verdict.CRITICAL if written else Verdict.WARNING
            tail = (
                f"Its table {table} was written meanwhile, so records wait unread."
                if written
                else f"No write to its table {table} was seen either; "
                "if none was made, this is as it should be."
            )
            finding = Finding(
                id="invocations.none",
                severity=verdict,
                title=f"{name} is not being invoked",
                detail=f"No invocation since {_utc(silent_since)}, looked at until "
                f"{_utc(self.window.end)}. {tail}",
                subject=name,
                evidence=("invocations", "table_writes"),
                since=silent_since,
            )
        elif total == 0:
            verdict = Verdict.UNKNOWN
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
            note=self._why("invocations") if not points else f"the last at {_utc(silent_since)}",
            finding=finding,
        )

    def errors(self) -> Check:
        threshold, name = self.thresholds.error_rate, self.function.name
        ran = sum(point.value for point in self.series.get("invocations", []))
        failed = [point for point in self.series.get("errors", []) if point.value > 0]
        if not ran or not self.series.get("errors"):
            return self._judged("Error rate", None, threshold, note=self._why("errors"))
        count = sum(point.value for point in failed)
        rate = count / ran * 100
        first = f", the first in the period from {_utc(failed[0].at)} on" if failed else ""
        said = f"{count:,.0f} of {ran:,.0f} invocations"
        return self._judged(
            "Error rate",
            rate,
            threshold,
            note=f"{said}; throttled ones are in neither number",
            finding=Finding(
                id="errors.rate",
                severity=Verdict.UNKNOWN,
                title=f"{_number(rate)} % of the invocations of {name} fail",
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
        if level_ms is None:
            return self._judged("Duration", None, threshold, note=self._why("duration_p95_ms"))
        found = _near_timeout(
            points,
            timeout_ms=timeout_ms,
            threshold=threshold,
            subject=self.function.name,
            evidence=evidence,
        )
        check = self._judged(
            "Duration",
            level_ms / timeout_ms * 100,
            threshold,
            note=f"p95 of {_ms(level_ms)} held for {threshold.periods} periods of 5 min, "
            f"timeout {_ms(timeout_ms)}",
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
        since = _breach(points, threshold)
        first = f", first from {_utc(since)} on" if since else ""
        return self._judged(
            "Iterator age",
            level_ms,
            threshold,
            note=f"held for {threshold.periods} periods of 5 min; "
            f"last seen {_ms(points[-1].value)}",
            finding=Finding(
                id="stream.lag",
                severity=Verdict.UNKNOWN,
                title=f"{name} reads its stream {_ms(level_ms)} late",
                detail=f"Records were {_ms(level_ms)} old or older for {threshold.periods} periods "
                f"running{first}; the last value, of {_utc(points[-1].at)}, is "
                f"{_ms(points[-1].value)}.",
                subject=name,
                evidence=("iterator_age_ms",),
                since=since,
            ),
        )

    def dead_letters(self, queue: str, queue_depth: int | None) -> Check:
        threshold = self.thresholds.dead_letters
        points = self.series.get("dead_letters", [])
        if queue_depth is not None:
            depth, at, note = float(queue_depth), self.window.end, "as SQS itself says"
        elif points and self.window.end - points[-1].at <= _FRESH:
            depth, at = points[-1].value, points[-1].at
            note = f"last datapoint, {_utc(at)}"
        else:
            note = self._why("dead_letters")
            if points:
                note = f"the last datapoint is of {_utc(points[-1].at)}, too old to say"
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
                detail=f"{depth:,.0f} messages were visible in {queue} at {_utc(at)}. "
                "A stream's dead letters only point at records, which expire with the stream.",
                subject=queue,
                evidence=("dead_letters",),
                since=waiting[0].at if waiting else None,
            ),
        )
        # What SQS itself says stands, whatever became of the metric.
        return check if queue_depth is None else replace(check, verdict=judge(depth, threshold))

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


class _Growth(NamedTuple):
    before_ms: float
    after_ms: float
    ratio: float
    since: datetime
    before: str
    after: str
    deployed: bool


def _near_timeout(
    points: Sequence[_Point],
    *,
    timeout_ms: float,
    threshold: Threshold,
    subject: str,
    evidence: Sequence[str],
) -> Finding | None:
    shares = [_Point(point.at, point.value / timeout_ms * 100) for point in points]
    level = sustained([point.value for point in shares], threshold.periods)
    severity = judge(level, threshold)
    if level is None or severity in (Verdict.HEALTHY, Verdict.UNKNOWN):
        return None
    since = _breach(shares, threshold)
    first = f" It first held {severity.value} from {_utc(since)} on." if since else ""
    return Finding(
        id="duration.near-timeout",
        severity=severity,
        title=f"{subject} takes {_number(level)} % of its timeout",
        detail=f"The p95 of the duration held {_ms(level / 100 * timeout_ms)} of the timeout of "
        f"{_ms(timeout_ms)}, {_number(level)} %, for {threshold.periods} periods running.{first} "
        f"The last value, of {_utc(points[-1].at)}, is {_ms(points[-1].value)}.",
        subject=subject,
        evidence=tuple(evidence),
        since=since,
    )


def _growth(
    points: Sequence[_Point], deployed_at: datetime | None, *, factor: float
) -> _Growth | None:
    """Compare after a deployment with before it, or the last quarter with the first."""
    if deployed_at is not None:
        before = [point for point in points if point.at < deployed_at]
        after = [point for point in points if point.at >= deployed_at]
        if min(len(before), len(after)) >= 2:
            words = (
                f"before the change of {_utc(deployed_at)}",
                "since",
            )
            return _grown(before, after, words, factor=factor, deployed=True)
    quarter = len(points) // 4
    if not quarter:
        return None
    before, after = list(points[:quarter]), list(points[-quarter:])
    words = (
        f"in the first quarter, from {_utc(before[0].at)}",
        f"in the last quarter, from {_utc(after[0].at)}",
    )
    return _grown(before, after, words, factor=factor, deployed=False)


def _grown(
    before: Sequence[_Point],
    after: Sequence[_Point],
    words: tuple[str, str],
    *,
    factor: float,
    deployed: bool,
) -> _Growth | None:
    before_ms = median(point.value for point in before)
    after_ms = median(point.value for point in after)
    if before_ms <= 0:
        return None
    higher = [point.at for point in after if point.value >= factor * before_ms]
    since = higher[0] if higher else after[0].at
    return _Growth(before_ms, after_ms, after_ms / before_ms, since, *words, deployed)


def _breach(points: Sequence[_Point], threshold: Threshold) -> datetime | None:
    """Return when a run of ``periods`` values first held the verdict that the worst run has."""
    run = min(threshold.periods, len(points))
    values = [point.value for point in points]
    severity = judge(sustained(values, threshold.periods), threshold)
    for first in range(len(points) - run + 1):
        if judge(min(values[first : first + run]), threshold) is severity:
            return points[first].at
    return None


def _nothing_ran(subject: str, evidence: Sequence[str]) -> Finding:
    return Finding(
        id="invocations.none",
        severity=Verdict.UNKNOWN,
        title=f"No invocation of {subject} was seen",
        detail="The window holds no invocation, so there is nothing to judge: "
        "neither that it is well nor that it is not.",
        subject=subject,
        evidence=tuple(evidence),
    )


def _points(frame: pd.DataFrame, column: str) -> list[_Point]:
    """Return the present values with their instants, oldest first."""
    present = frame.dropna(subset=[column]).sort_values("at")
    instants = pd.to_datetime(present["at"], utc=True)
    return [
        _Point(at.to_pydatetime(), float(value))
        for at, value in zip(instants, present[column], strict=True)
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.2g}"


def _ms(value: float) -> str:
    return f"{value / 1000:,.1f} s" if value >= 1000 else f"{value:,.0f} ms"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
