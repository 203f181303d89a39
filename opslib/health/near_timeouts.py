"""How near invocations come to the timeout, now, and before a change that may have ended it.

In: points of the duration, the timeouts that held. Out: a finding, or None. Does no I/O.

What came before a change is held against the timeout of then. Where that is not known, it is
unknown how near they came, unless no timeout that invocations so long could have had was near.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from opslib.health.endings import (
    QUIET,
    ended_by,
    none_since,
    over_at,
    recovered_at,
    rounds_apart,
    worded,
)
from opslib.health.timeouts import Part, Timeouts
from opslib.health.unknown_timeouts import unproven
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
    worst,
)
from opslib.system import Threshold


class Turn(NamedTuple):
    """What goes on, and when it began: at the last change, or at the last one of the timeout."""

    part: Part
    at: datetime | None = None
    """None where nothing came before it."""


class Told(NamedTuple):
    """A finding, and what it is of."""

    finding: Finding
    part: Part


def turn(points: Sequence[Point], changed_at: datetime | None, *, timeouts: Timeouts) -> Turn:
    """Part what goes on from what was before a change; there is at least one point.

    What came since the last change goes on; where nothing did, what the last timeout held for.
    """
    part = timeouts.parts(points)[-1]
    after = [point for point in points if changed_at and point.at >= changed_at]
    if after and len(after) < len(points):
        return Turn(part._replace(points=after), changed_at)
    began_at = part.points[0].at
    return Turn(part, None if began_at == points[0].at else began_at)


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
    shares = _shares(points, timeout_ms)
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
    timeouts: Timeouts,
    threshold: Threshold,
    subject: str,
    evidence: Sequence[str],
    longest: Sequence[Point] = (),
) -> Told | None:
    """Return ``duration.near-timeout`` of what was before a change, or None when that was well.

    Unknown when the change is too young to have mended it, or when the timeout of then is not
    known and one that may have been was near; else as severe as it was, with its ``until``, when
    `QUIET` was seen since. Of several timeouts before, the worst is told.

    Parameters
    ----------
    points
        A series of p95, before the change and since.
    longest
        The longest invocation of each bin, as far as it is known.
    """
    if changed_at is None:
        return None
    found = []
    for part in timeouts.parts([point for point in points if point.at < changed_at]):
        if not part.is_known:
            inside = [each for each in longest if any(each.at == point.at for point in part.points)]
            told = unproven(part, inside, threshold=threshold, subject=subject, evidence=evidence)
        else:
            told = near_timeout(
                part.points,
                timeout_ms=part.timeout_ms,
                threshold=threshold,
                subject=subject,
                evidence=evidence,
            )
            told = told and _near_before(told, part, points, changed_at, threshold=threshold)
        found += [] if told is None else [Told(told, part)]
    return _worst(found)


def _near_before(
    found: Finding,
    part: Part,
    points: Sequence[Point],
    changed_at: datetime,
    *,
    threshold: Threshold,
) -> Finding:
    """Tell whether a change ended what was near the timeout before it."""
    shares = _shares(part.points, part.timeout_ms)
    until = [each.at for each in shares if judge(each.value, threshold) is not Verdict.HEALTHY][-1]
    before = [point for point in points if point.at < changed_at]
    if _too_soon(points, before, changed_at, until=until):
        return replace(
            found,
            severity=Verdict.UNKNOWN,
            title=f"Whether the change of {found.subject} ended its long durations is not known",
            detail=f"It is well since the change of {utc(changed_at)}, which is less than 15 "
            f"minutes. Before, against the timeout of {_when(part)}: {found.detail}{of_then(part)}",
            until=None,
        )
    held_at = sustained([each.value for each in shares], threshold.periods) or 0
    level = number(held_at, threshold)
    longest_ms = max(point.value for point in points if point.at > until)
    return replace(
        found,
        title=f"{found.subject} took {level} % of its timeout until {utc(until)}",
        detail=f"Against the timeout of {_when(part)}: {found.detail}{of_then(part)}"
        f"{_ended(changed_at, found.since, until)} After that the p95 was {span(longest_ms)} at "
        f"most, looked at until {utc(points[-1].at)}.",
        until=until,
    )


def weighs(before: Told, going_on: Finding | None) -> bool:
    """Whether what was before a change is to be told beside what goes on, which None is well.

    Under another timeout it was another thing; under the same it is the beginning of what goes on.
    """
    if going_on is None:
        return True
    critical = before.finding.severity is Verdict.CRITICAL
    return critical and before.part.until is not None and going_on.severity is not Verdict.CRITICAL


def of_then(part: Part) -> str:
    """Return a sentence on a timeout that is not that of now, a space before it; else nothing."""
    if part.until is None or not part.is_known:
        return ""
    return f" Until {utc(part.until)} its timeout was {span(part.timeout_ms)}, {part.by}."


def timed_out(
    longest: Sequence[Point],
    *,
    timeout_ms: float,
    subject: str,
    evidence: Sequence[str],
    ran_until: datetime | None = None,
) -> Finding | None:
    """Return ``duration.timed-out`` when an invocation took the whole timeout, or None.

    None, too, when the timeout is not known.

    Parameters
    ----------
    longest
        The longest invocation of each bin.
    ran_until
        The last bin in which invocations were seen, if that is not among these.
    """
    reached = [point for point in longest if point.value >= timeout_ms]
    if not reached:
        return None
    first, last = reached[0].at, reached[-1].at
    looked = ran_until or longest[-1].at
    apart = rounds_apart([point.at for point in reached])
    until = over_at(last, ran_until=looked, apart=apart)
    return Finding(
        id="duration.timed-out",
        severity=Verdict.CRITICAL,
        title=f"Invocations of {subject} reached the timeout of {span(timeout_ms)} and were "
        f"{worded('cut off', 'cut off', until)}",
        detail=f"In {len(reached):,} of {len(longest):,} bins the longest invocation took the "
        f"whole timeout of {span(timeout_ms)}, and Lambda ends one that does: the first in the "
        f"bin of {utc(first)}, the last in that of {utc(last)}.{none_since(until, looked)}",
        subject=subject,
        evidence=tuple(evidence),
        since=first,
        until=until,
    )


def timed_out_before(
    longest: Sequence[Point],
    changed_at: datetime | None,
    *,
    timeouts: Timeouts,
    subject: str,
    evidence: Sequence[str],
) -> Told | None:
    """Return ``duration.timed-out`` of what was before a change, as `near_before` does.

    Parameters
    ----------
    longest
        The longest invocation of each bin.
    """
    if changed_at is None:
        return None
    before = [point for point in longest if point.at < changed_at]
    found = []
    for part in timeouts.parts(before):
        told = timed_out(
            # Under the timeout of now, all bins are counted.
            longest if part.until is None else part.points,
            timeout_ms=part.timeout_ms,
            subject=subject,
            evidence=evidence,
            ran_until=longest[-1].at,
        )
        reached = [point.at for point in part.points if point.value >= part.timeout_ms]
        if told is None or not reached:
            continue
        if _too_soon(longest, before, changed_at, until=reached[-1]):
            told = replace(
                told,
                severity=Verdict.UNKNOWN,
                title=f"Whether the change of {subject} ended its timeouts is not known",
                detail=f"None was seen since the change of {utc(changed_at)}, which is less than "
                f"15 minutes. Before, against the timeout of {_when(part)}: {told.detail}"
                f"{of_then(part)}",
                until=None,
            )
        else:
            ended = _ended(changed_at, told.since, reached[-1])
            told = replace(told, detail=f"{told.detail}{of_then(part)}{ended}")
        found.append(Told(told, part))
    return _worst(found)


def _shares(points: Sequence[Point], timeout_ms: float) -> list[Point]:
    return [Point(point.at, point.value / timeout_ms * 100) for point in points]


def _when(part: Part) -> str:
    return "now" if part.until is None else "then"


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


def _worst(found: Sequence[Told]) -> Told | None:
    """Return the worst, the last of equals; None without any."""
    severity = worst((each.finding.severity for each in found), default=Verdict.HEALTHY)
    return next((each for each in reversed(found) if each.finding.severity is severity), None)
