"""How near invocations come to the timeout, now, and before a change that may have ended it.

In: points of the duration. Out: a finding, or None. Does no I/O.

The timeout is that of now. Before a change it may have been another one: durations longer than
that of now show it, and then what was before is not held against it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from opslib.health.endings import (
    QUIET,
    ended_by,
    none_since,
    over_at,
    recovered_at,
    worded,
)
from opslib.health.verdicts import (
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
from opslib.system import Threshold

# One that is cut off takes the timeout, and a little more at most.
_CUT_OFF_LATE = 1.01


def near_timeout(
    points: Sequence[Point],
    *,
    timeout_ms: float,
    threshold: Threshold,
    subject: str,
    evidence: Sequence[str],
) -> Finding | None:
    """Return ``duration.near-timeout`` when a series of p95 holds a warning or worse, or None.

    None, too, when the timeout is not known.
    """
    if not timeout_ms > 0:
        return None
    shares = [Point(point.at, point.value / timeout_ms * 100) for point in points]
    level = sustained([point.value for point in shares], threshold.periods)
    severity = judge(level, threshold)
    if level is None or severity in (Verdict.HEALTHY, Verdict.UNKNOWN):
        return None
    since, until = breach(shares, threshold), recovered_at(shares, threshold)
    share = f"{number(level, threshold)} %"
    of_it = f"{share} of its timeout"
    first = f" It first held {severity.value} from {utc(since)} on." if since else ""
    return Finding(
        id="duration.near-timeout",
        severity=severity,
        title=f"{subject} {worded(f'takes {of_it}', f'took {of_it}', until)}",
        detail=f"The p95 of the duration held {span(level / 100 * timeout_ms)} of the timeout of "
        f"{span(timeout_ms)}, {share}, {held(len(points), threshold.periods)}.{first} "
        f"The last value, of {utc(points[-1].at)}, is {span(points[-1].value)}.",
        subject=subject,
        evidence=tuple(evidence),
        since=since,
        until=until,
    )


def near_before(
    points: Sequence[Point],
    changed_at: datetime | None,
    *,
    timeout_ms: float,
    threshold: Threshold,
    subject: str,
    evidence: Sequence[str],
) -> Finding | None:
    """Return ``duration.near-timeout`` of what was before a change, or None when that was well.

    Unknown when the change is too young to have mended it, and as severe as it was, with its
    ``until``, when `QUIET` was seen since. None, too, when another timeout held.

    Parameters
    ----------
    points
        A series of p95, before the change and since; since it, none holds a warning.
    """
    before = until_change(points, changed_at, timeout_ms=timeout_ms)
    found = near_timeout(
        before, timeout_ms=timeout_ms, threshold=threshold, subject=subject, evidence=evidence
    )
    if found is None or changed_at is None:
        return None
    shares = [Point(point.at, point.value / timeout_ms * 100) for point in before]
    until = [each.at for each in shares if judge(each.value, threshold) is not Verdict.HEALTHY][-1]
    if _too_soon(points, before, changed_at, until=until):
        return replace(
            found,
            severity=Verdict.UNKNOWN,
            title=f"Whether the change of {subject} ended its long durations is not known",
            detail=f"It is well since the change of {utc(changed_at)}, which is less than 15 "
            f"minutes. Before, against the timeout of now: {found.detail}",
            until=None,
        )
    held_at = sustained([each.value for each in shares], threshold.periods) or 0
    level = number(held_at, threshold)
    longest_ms = max(point.value for point in points if point.at > until)
    return replace(
        found,
        title=f"{subject} took {level} % of its timeout until {utc(until)}",
        detail=f"Against the timeout of now: {found.detail}"
        f"{_ended(changed_at, found.since, until)} After that the p95 was {span(longest_ms)} at "
        f"most, looked at until {utc(points[-1].at)}.",
        until=until,
    )


def timed_out(
    longest: Sequence[Point], *, timeout_ms: float, subject: str, evidence: Sequence[str]
) -> Finding | None:
    """Return ``duration.timed-out`` when an invocation took the whole timeout, or None.

    Parameters
    ----------
    longest
        The longest invocation of each bin.
    """
    reached = [point for point in longest if point.value >= timeout_ms]
    if not reached:
        return None
    first, last = reached[0].at, reached[-1].at
    until = over_at(last, ran_until=longest[-1].at)
    return Finding(
        id="duration.timed-out",
        severity=Verdict.CRITICAL,
        title=f"Invocations of {subject} reached the timeout of {span(timeout_ms)} and were "
        f"{worded('cut off', 'cut off', until)}",
        detail=f"In {len(reached):,} of {len(longest):,} bins the longest invocation took the "
        f"whole timeout of {span(timeout_ms)}, and Lambda ends one that does: the first in the "
        f"bin of {utc(first)}, the last in that of {utc(last)}.{none_since(until, longest[-1].at)}",
        subject=subject,
        evidence=tuple(evidence),
        since=first,
        until=until,
    )


def timed_out_before(
    longest: Sequence[Point],
    changed_at: datetime | None,
    *,
    timeout_ms: float,
    subject: str,
    evidence: Sequence[str],
) -> Finding | None:
    """Return ``duration.timed-out`` of what was before a change, as `near_before` does.

    Parameters
    ----------
    longest
        The longest invocation of each bin; since the change, none took the timeout.
    """
    before = until_change(longest, changed_at, timeout_ms=timeout_ms)
    reached = [point.at for point in before if point.value >= timeout_ms]
    found = timed_out(longest, timeout_ms=timeout_ms, subject=subject, evidence=evidence)
    if not reached or found is None or changed_at is None:
        return None
    if _too_soon(longest, before, changed_at, until=reached[-1]):
        return replace(
            found,
            severity=Verdict.UNKNOWN,
            title=f"Whether the change of {subject} ended its timeouts is not known",
            detail=f"None was seen since the change of {utc(changed_at)}, which is less than 15 "
            f"minutes. Before, against the timeout of now: {found.detail}",
            until=None,
        )
    return replace(found, detail=f"{found.detail}{_ended(changed_at, found.since, reached[-1])}")


def until_change(
    points: Sequence[Point], changed_at: datetime | None, *, timeout_ms: float
) -> list[Point]:
    """Return the points before a change; none when they show that another timeout held."""
    before = [point for point in points if changed_at and point.at < changed_at]
    longer = any(point.value > timeout_ms * _CUT_OFF_LATE for point in before)
    return [] if longer else before


def since_change(points: Sequence[Point], changed_at: datetime | None) -> list[Point]:
    """Return the points since a change; all of them without one, or when none came since."""
    return [point for point in points if changed_at and point.at >= changed_at] or list(points)


def _too_soon(
    points: Sequence[Point], before: Sequence[Point], changed_at: datetime, *, until: datetime
) -> bool:
    """Whether only a young change speaks for its being over: it was not well before it."""
    young = points[-1].at - changed_at < QUIET
    return young and over_at(until, ran_until=before[-1].at) is None


def _ended(changed_at: datetime, since: datetime | None, until: datetime) -> str:
    if not ended_by(changed_at, since=since, until=until):
        return ""
    return f" The change of {utc(changed_at)} ended it: going back repeats it."
