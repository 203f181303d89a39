"""How invocations start, whether all of them were counted, and whether any lost work silently.

In: frames and counts from logs and metrics. Out: findings. Does no I/O.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from statistics import median

import numpy as np
import pandas as pd

from opslib.health.verdicts import (
    Finding,
    Verdict,
    judge,
    nothing_ran,
    number,
    points_of,
    span,
    utc,
)
from opslib.system import Thresholds

# So many cold starts before a rate or a percentile of them says anything.
_FEW = 3


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
        return [nothing_ran(subject, evidence)]
    findings = []
    points = points_of(starts, "init_ms")
    frequent = cold_rate_finding(
        cold=len(points),
        invocations=invocations,
        median_ms=median(point.value for point in points) if points else math.nan,
        thresholds=thresholds,
        subject=subject,
        evidence=evidence,
    )
    if frequent is not None:
        findings.append(frequent)
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
                detail=f"The p95 of init durations was {span(was_ms)} over {len(before)} cold "
                f"starts before the change of {utc(deployed_at)}, and is {span(is_ms)} over "
                f"{len(after)} since.",
                subject=subject,
                evidence=tuple(evidence),
                since=deployed_at,
            )
        )
    return findings


def cold_rate_finding(
    *,
    cold: int,
    invocations: int,
    median_ms: float,
    thresholds: Thresholds,
    subject: str,
    evidence: Sequence[str] = (),
) -> Finding | None:
    """Judge how often invocations start cold.

    Parameters
    ----------
    cold, invocations
        How many of how many.
    median_ms
        The median of their init or restore durations, in milliseconds.

    Returns
    -------
    ``cold-starts.frequent`` when the rate breaches its threshold and there were at least 3; None
    otherwise, and when there were no invocations.
    """
    if cold < _FEW or not invocations:
        return None
    rate = cold / invocations * 100
    severity = judge(rate, thresholds.cold_start_rate)
    if severity is Verdict.HEALTHY:
        return None
    return Finding(
        id="cold-starts.frequent",
        severity=severity,
        title=f"{number(rate)} % of the invocations of {subject} start cold",
        detail=f"{cold:,} of {invocations:,} invocations waited for an init, "
        f"{span(median_ms)} in the median.",
        subject=subject,
        evidence=tuple(evidence),
    )


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
        title = f"Logs and metrics of {subject} could not be compared"
        severity, detail = Verdict.UNKNOWN, f"The {missing} give no number of invocations."
    else:
        apart = abs(from_logs - from_metrics)
        if apart <= max(2, 0.05 * max(from_logs, from_metrics)):
            return None
        title = f"Logs and metrics of {subject} tell different stories"
        severity = Verdict.WARNING
        detail = (
            f"The logs count {from_logs:,.0f} invocations and the metrics {from_metrics:,.0f}. "
            "What is computed from the logs stands for those alone."
        )
    return Finding(
        id="logs.metrics-disagree",
        severity=severity,
        title=title,
        detail=detail,
        subject=subject,
        evidence=tuple(evidence),
    )


def swallowed_finding(
    *,
    batches: int,
    failed: int | None,
    records: int | None,
    expected: bool,
    thresholds: Thresholds,
    subject: str,
    evidence: Sequence[str] = (),
) -> Finding | None:
    """Judge records that failed inside invocations that succeeded.

    Parameters
    ----------
    batches, failed, records
        How many batches were reported over the window, and the sums of their ``error_count`` and
        ``processed_count``; None and pd.NA when no batch stated them.
    expected
        Whether the function is one that reports its batches; then no batch at all is no proof that
        no record failed.

    Returns
    -------
    ``errors.swallowed-records``: as ``swallowed_records`` of the thresholds has it, where any is
    critical, for each is lost work that raises no error metric, is not tried again and leaves no
    dead letter; unknown when batches are expected
    and none was reported, or when batches were reported without these numbers. None otherwise.
    """
    lost, read = _count(failed), _count(records)
    if not batches and expected:
        return Finding(
            id="errors.swallowed-records",
            severity=Verdict.UNKNOWN,
            title=f"Whether records failed in {subject} is not known",
            detail="No batch was reported in the window: nothing ran, or its lines are not logged.",
            subject=subject,
            evidence=tuple(evidence),
        )
    if batches and not lost and (lost is None or read is None):
        return Finding(
            id="errors.swallowed-records",
            severity=Verdict.UNKNOWN,
            title=f"Whether records failed in {subject} is not known",
            detail=f"{batches:,} batches were reported, but their lines do not state "
            f"{'error_count' if lost is None else 'processed_count'}.",
            subject=subject,
            evidence=tuple(evidence),
        )
    severity = judge(float(lost or 0), thresholds.swallowed_records)
    if not lost or severity is Verdict.HEALTHY:
        return None
    among = f"{lost:,} records" if read is None else f"{lost:,} of {read:,} records"
    return Finding(
        id="errors.swallowed-records",
        severity=severity,
        title=f"{lost:,} records failed in {subject} without any alarm",
        detail=f"{among} were counted in error_count while their "
        "invocations succeeded: no error metric, no retry, no dead letter.",
        subject=subject,
        evidence=tuple(evidence),
    )


def _count(value: int | None) -> int | None:
    """Return a count, None for what a query did not see: None, pd.NA and NaN."""
    return None if value is None or pd.isna(value) else int(value)
