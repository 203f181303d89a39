"""What can be said of durations before an edit whose timeout nobody tells.

In: points that one timeout held for, which is not known. Out: a finding, or words. Does no I/O.

The least timeout that so long durations could have had is the worst case: what would be critical
under it is unknown, what would be a warning is said, and the rest was well under any.
"""

import math
from collections.abc import Sequence

from opslib.health.timeouts import CUT_OFF_LATE, Part, Timeouts
from opslib.health.verdicts import Finding, Point, Verdict, judge, number, span, sustained, utc
from opslib.system import Threshold

# So much longer than the timeout is at most what was cut off by it.
_MOST_LATE_MS = 100.0


def unproven(
    part: Part,
    longest: Sequence[Point] = (),
    *,
    threshold: Threshold,
    subject: str,
    evidence: Sequence[str],
) -> Finding | None:
    """Return ``duration.near-timeout``, unknown, of what an unknown timeout held for, or None.

    None where it is no worse than a warning under the least timeout that so long durations could
    have had, and no longest one took whole seconds, as what is cut off does: a warning that may
    have been is nothing to wake anybody for, and `unjudged` says it.

    Parameters
    ----------
    part
        A series of p95 that one timeout held for, which is not known.
    longest
        The longest invocation of each bin of it, as far as it is known.
    """
    if _may_have_been(part, longest, threshold) is not Verdict.CRITICAL:
        return None
    level, share = _most(part, threshold)
    most_ms = max((point.value for point in longest), default=0.0)
    when = "" if part.until is None else f" until {utc(part.until)}"
    longest_said = f" The longest took {span(most_ms)}." if most_ms else ""
    return Finding(
        id="duration.near-timeout",
        severity=Verdict.UNKNOWN,
        title=f"How near {subject} was to its timeout{when} is not known",
        detail=f"It was edited then, and nothing seen tells which timeout it had before: at least "
        f"{span(part.least_ms)}, of which the p95 held {number(share, threshold)} %, "
        f"{span(level)}.{longest_said} What was cut off by it, if anything, 12-timeout reads in "
        "the logs. What it was, CloudTrail (UpdateFunctionConfiguration) and a version published "
        "before the edit would tell.",
        subject=subject,
        evidence=tuple(evidence),
        since=part.points[0].at,
    )


def unjudged(part: Part, longest: Sequence[Point] = (), *, threshold: Threshold) -> str:
    """Say what a warning of before may have been missed; empty where there can have been none.

    Parameters
    ----------
    part, longest
        As for `unproven`.
    """
    if part.until is None or part.is_known:
        return ""
    if _may_have_been(part, longest, threshold) is not Verdict.WARNING:
        return ""
    _, share = _most(part, threshold)
    return (
        f"until {utc(part.until)} at most {number(share, threshold)} % of a timeout that is not "
        "known, which may have been a warning"
    )


def longer_before(timeouts: Timeouts) -> str:
    """Return a sentence on a timeout that was longer before, a space before it; else nothing."""
    if not timeouts.earlier:
        return ""
    last = timeouts.earlier[-1]
    if last.timeout_ms > timeouts.now_ms:
        was = f"was {span(last.timeout_ms)}, {last.by}"
    elif math.isnan(last.timeout_ms) and timeouts.now_ms < last.least_ms < math.inf:
        was = f"was longer, at least {span(last.least_ms)}, as durations show"
    else:
        return ""
    return f" Until {utc(last.until)} the timeout {was}."


def _may_have_been(part: Part, longest: Sequence[Point], threshold: Threshold) -> Verdict:
    """Return the worst that an unknown timeout allows; the worst there is, of one that cut off."""
    _, share = _most(part, threshold)
    verdict = judge(share, threshold)
    most_ms = max((point.value for point in longest), default=0.0)
    whole_ms = most_ms // 1000 * 1000
    late_ms = min(whole_ms * (CUT_OFF_LATE - 1), _MOST_LATE_MS)
    at_a_wall = most_ms - whole_ms <= late_ms and part.least_ms <= whole_ms
    worst_there_is = verdict is Verdict.WARNING and threshold.critical is None
    return Verdict.CRITICAL if at_a_wall or worst_there_is else verdict


def _most(part: Part, threshold: Threshold) -> tuple[float, float]:
    """Return the level of a p95 in ms, and its share of the least timeout, in percent."""
    level_ms = sustained([point.value for point in part.points], threshold.periods) or 0.0
    return level_ms, level_ms / part.least_ms * 100
