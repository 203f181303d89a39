"""How long invocations take, against their timeout and their memory, and whether that grew.

In: a frame of bins, limits from the function's configuration. Out: findings. Does no I/O.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

import pandas as pd

from opslib.health.near_timeouts import (
    near_before,
    near_timeout,
    of_then,
    timed_out,
    timed_out_before,
    turn,
    weighs,
)
from opslib.health.stretches import from_first
from opslib.health.timeouts import Timeouts
from opslib.health.unknown_timeouts import longer_before, unjudged, unproven
from opslib.health.verdicts import (
    Finding,
    Point,
    Verdict,
    judge,
    nothing_ran,
    number,
    points_of,
    span,
    utc,
)
from opslib.system import Threshold, Thresholds

# Below a tenth of the timeout a duration that doubled is noise to whoever waits for it.
_NOTABLE_OF_TIMEOUT = 10


def duration_findings(
    bins: pd.DataFrame,
    *,
    timeout_ms: float,
    thresholds: Thresholds,
    subject: str,
    deployed_at: datetime | None = None,
    timeouts: Timeouts | None = None,
    evidence: Sequence[str] = (),
) -> list[Finding]:
    """Judge how long invocations take against the timeout, and whether that grew.

    Parameters
    ----------
    bins
        One row a bin that had invocations, oldest first: ``at`` (datetime64[ns, UTC], start of the
        bin), ``p95_ms`` and ``max_ms`` (float, milliseconds). Other columns are not read.
    timeout_ms
        The function's timeout in milliseconds; NaN or 0 when it could not be seen.
    subject
        The function's name.
    deployed_at
        When code or configuration last changed, if that was inside the window.
    timeouts
        Those that held in the window, NaN where that is not known; None for ``timeout_ms`` all the
        while, which is then held against nothing that was longer before ``deployed_at``.
    evidence
        Names of the queries behind ``bins``.

    Returns
    -------
    ``duration.timed-out``, critical, when the longest of a bin took the whole timeout;
    ``duration.near-timeout`` when the sustained p95 is a warning or worse, unknown without a
    timeout; ``duration.rising`` when a median p95 is at least ``duration_growth`` times an earlier
    one and at least 10 % of the timeout. What was bad before a deployment and is well since is
    unknown until a quarter of an hour of bins came since, and then told as over, as severe as it
    was; it is unknown, too, where the timeout of then is not known and may have been near. Two are
    compared, and the worse is told: from the
    deployment on with before it, if there are 2 bins on each side, and the last quarter of the bins
    with the first. ``invocations.none``, unknown, when ``bins`` has no p95. Empty when all is well.
    """
    points = points_of(bins, "p95_ms")
    longest = points_of(bins, "max_ms")
    if not points:
        return [nothing_ran(subject, evidence)]
    if not timeout_ms > 0:
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
    history = timeouts or Timeouts.assumed(timeout_ms, longest, deployed_at)
    if timeouts is not None:
        history = timeouts.proved(longest, deployed_at)
    factor = thresholds.duration_growth.warning or 1
    deployed = _around(points, deployed_at, factor=factor) if deployed_at is not None else None
    quarters = _quarters(points, factor=factor)
    findings = _against_timeouts(
        bins,
        history,
        deployed_at,
        threshold=thresholds.duration_of_timeout,
        subject=subject,
        evidence=evidence,
        cause=f" The median p95 was {span(deployed.before_ms)} {deployed.before}."
        if deployed is not None and deployed.ratio > 1
        else "",
    )
    notable = [
        growth
        for growth in (deployed, quarters)
        if growth is not None
        and growth.after_ms / timeout_ms * 100 >= _NOTABLE_OF_TIMEOUT
        and judge(growth.ratio, thresholds.duration_growth) is not Verdict.HEALTHY
    ]
    if notable:
        growth = max(notable, key=lambda each: each.ratio)
        share = growth.after_ms / timeout_ms * 100
        findings.append(
            Finding(
                id="duration.rising",
                severity=judge(growth.ratio, thresholds.duration_growth),
                title=f"{subject} takes {growth.ratio:.1f} times as long as before",
                detail=f"The median p95 was {span(growth.before_ms)} {growth.before}, and is "
                f"{span(growth.after_ms)} {growth.after}: {growth.ratio:.1f} times, "
                f"and {number(share)} % of the timeout of {span(timeout_ms)}.",
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
        The function's memory size in MB; NaN or 0 when it could not be seen.

    Returns
    -------
    ``memory.headroom`` when it is a warning or worse, or unknown; None when there is room.
    """
    if used_mb is None or not used_mb > 0 or not limit_mb > 0:
        return Finding(
            id="memory.headroom",
            severity=Verdict.UNKNOWN,
            title=f"How much of its memory {subject} uses is not known",
            detail="No REPORT line in the window states the memory used."
            if limit_mb > 0
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
        title=f"{subject} uses {number(share)} % of its memory",
        detail=f"The most an invocation used was {used_mb:,.0f} MB of {limit_mb:,.0f} MB. "
        "One that needs more than the limit is killed and leaves no error of its own.",
        subject=subject,
        evidence=tuple(evidence),
    )


class _Growth(NamedTuple):
    before_ms: float
    after_ms: float
    ratio: float
    since: datetime
    before: str
    after: str


def duration_notes(
    bins: pd.DataFrame,
    *,
    thresholds: Thresholds,
    subject: str,
    timeouts: Timeouts,
    deployed_at: datetime | None = None,
    evidence: Sequence[str] = (),
) -> list[str]:
    """Say what `duration_findings`, of the same, left out: a warning that may have been.

    That is of before an edit, where nothing tells which timeout held.
    """
    points, longest = points_of(bins, "p95_ms"), points_of(bins, "max_ms")
    known = timeouts.proved(longest, deployed_at)
    said = []
    for part in known.parts(points):
        of_part = {point.at for point in part.points}
        inside = [point for point in longest if point.at in of_part]
        said.append(unjudged(part, inside, threshold=thresholds.duration_of_timeout))
    seen = f" ({', '.join(evidence)})" if evidence else ""
    return [f"Not judged: the p95 of {subject}{seen}, {words}." for words in said if words]


def _against_timeouts(
    bins: pd.DataFrame,
    timeouts: Timeouts,
    changed_at: datetime | None,
    *,
    threshold: Threshold,
    subject: str,
    evidence: Sequence[str],
    cause: str,
) -> list[Finding]:
    """Return what goes on, then what was bad before a change and is not since."""
    named: dict[str, Any] = {"subject": subject, "evidence": evidence}
    points, longest = points_of(bins, "p95_ms"), points_of(bins, "max_ms")
    part, turned_at = turn(points, changed_at, timeouts=timeouts)
    since = [each for each in longest if each.at >= part.points[0].at]
    cut_off = timed_out(since, timeout_ms=part.timeout_ms, **named)
    near = near_timeout(part.points, timeout_ms=part.timeout_ms, threshold=threshold, **named)
    if near is not None and since:
        most = f" The longest took {span(max(each.value for each in since))}."
        then = longer_before(timeouts) if part.until is None else of_then(part)
        near = replace(near, detail=f"{near.detail}{most}{then}{cause}")
    limits = {**named, "threshold": threshold}
    near = from_first(
        near,
        points,
        turned_at,
        timeouts=timeouts,
        tell=lambda of: near_timeout(of.points, timeout_ms=of.timeout_ms, **limits),
    )
    cut_off = from_first(
        cut_off,
        longest,
        turned_at,
        timeouts=timeouts,
        tell=lambda of: timed_out(of.points, timeout_ms=of.timeout_ms, **named),
    )
    if not part.is_known:
        near = unproven(part, since, threshold=threshold, **named)
    found = [each for each in (cut_off, near) if each is not None]
    return found + _before(
        points,
        longest,
        turned_at,
        timeouts,
        going_on=next(iter(found), None),
        threshold=threshold,
        **named,
    )


def _before(
    points: Sequence[Point],
    longest: Sequence[Point],
    changed_at: datetime | None,
    timeouts: Timeouts,
    *,
    going_on: Finding | None,
    threshold: Threshold,
    subject: str,
    evidence: Sequence[str],
) -> list[Finding]:
    """Return what was bad before a change, and is not since, or was under another timeout."""
    named: dict[str, Any] = {"subject": subject, "evidence": evidence, "timeouts": timeouts}
    told = [
        timed_out_before(longest, changed_at, **named),
        near_before(points, changed_at, threshold=threshold, longest=longest, **named),
    ]
    found = [each.finding for each in told if each is not None and weighs(each, going_on)]
    # That it is not known yet is said once.
    unknown = all(each.until is None for each in found)
    return found[-1:] if unknown else found


def _around(points: Sequence[Point], deployed_at: datetime, *, factor: float) -> _Growth | None:
    """Compare from a deployment on with before it; None with fewer than 2 values on a side."""
    before = [point for point in points if point.at < deployed_at]
    after = [point for point in points if point.at >= deployed_at]
    if min(len(before), len(after)) < 2:
        return None
    words = (f"before the change of {utc(deployed_at)}", "since")
    return _grown(before, after, words, factor=factor)


def _quarters(points: Sequence[Point], *, factor: float) -> _Growth | None:
    """Compare the last quarter with the first; None with fewer than 4 values."""
    quarter = len(points) // 4
    if not quarter:
        return None
    before, after = list(points[:quarter]), list(points[-quarter:])
    words = (
        f"in the first quarter, from {utc(before[0].at)}",
        f"in the last quarter, from {utc(after[0].at)}",
    )
    return _grown(before, after, words, factor=factor)


def _grown(
    before: Sequence[Point],
    after: Sequence[Point],
    words: tuple[str, str],
    *,
    factor: float,
) -> _Growth | None:
    before_ms = median(point.value for point in before)
    after_ms = median(point.value for point in after)
    if before_ms <= 0:
        return None
    higher = [point.at for point in after if point.value >= factor * before_ms]
    since = higher[0] if higher else after[0].at
    return _Growth(before_ms, after_ms, after_ms / before_ms, since, *words)
