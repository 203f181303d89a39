"""Whether what was bad is over, and since when: an incident that has ended must not read as one.

In: instants or points, the end of what was looked at. Out: the instant at which something bad was
last seen, or None while it may go on; words for it. Does no I/O.

Over is what was not seen again for `QUIET` while it could have been: while invocations ran, while
values came. What merely stopped being measured is not over.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median_low

import pandas as pd

from opslib.health.verdicts import Finding, Point, Verdict, judge, utc
from opslib.system import Threshold

#: House rule: for so long nothing bad, and it is over. An alarm's recovery is 10 minutes in the
#: guides, and metrics come up to some minutes late.
QUIET = timedelta(minutes=15)
# An environment that was busy when it was replaced still ends its invocation; LastModified is
# when an update began.
_TAIL = timedelta(minutes=2)
#: Findings about what others run: it fails by itself, unless a deployment brought another address,
#: token or load with it, and then at once.
OUTSIDE = frozenset({"errors.dependency", "errors.dynamodb"})
# House rule: so many times as long as it usually stayed away.
_TIMES = 3


def over_at(
    last: datetime | None,
    *,
    ran_until: datetime | None,
    apart: timedelta = timedelta(0),
) -> datetime | None:
    """Return when something bad was last seen, if it could have been seen again and was not.

    Parameters
    ----------
    last
        The last bad instant; None when there is none.
    ran_until
        Until when the same thing was seen to go on, such as the last invocation; None and NaT when
        that is not known, and then nothing is over.
    apart
        How far apart it was seen: what comes once an hour is not over after a quarter of one.
    """
    if last is None or ran_until is None or pd.isna(ran_until):
        return None
    return last if ran_until - last >= max(QUIET, _TIMES * apart) else None


def over_of(
    bad: Sequence[datetime], *, ran_until: datetime | None, width: timedelta = timedelta(0)
) -> datetime | None:
    """Return what `over_at` does, of all bad instants, in any order: how far apart is their median.

    Parameters
    ----------
    width
        How much time a bad instant covers.
    """
    ordered = sorted(bad)
    steps = [after - before for before, after in itertools.pairwise(ordered)]
    apart = median_low(steps) if steps else timedelta(0)
    return over_at(ordered[-1] + width, ran_until=ran_until, apart=apart) if ordered else None


def recovered_at(points: Sequence[Point], threshold: Threshold) -> datetime | None:
    """Return the instant of the last value that was a warning or worse, if healthy ones followed.

    None when none was, or when those that followed do not span `QUIET`.
    """
    bad = [point for point in points if judge(point.value, threshold) is not Verdict.HEALTHY]
    return over_at(bad[-1].at, ran_until=points[-1].at) if bad else None


def ran_until(points: Iterable[Point], *, width: timedelta = timedelta(0)) -> datetime | None:
    """Return the end of the last period in which anything was counted; None without any."""
    return max((point.at + width for point in points if point.value > 0), default=None)


def worded(now: str, then: str, until: datetime | None) -> str:
    """Return the words for what goes on, or those for what is over with until when."""
    return now if until is None else f"{then} until {utc(until)}"


def none_since(until: datetime | None, looked: datetime | None) -> str:
    """Return a sentence on what was not seen again, a space before it; empty while it may go on."""
    if until is None or looked is None:
        return ""
    return f" None was seen after {utc(until)}; what followed was looked at until {utc(looked)}."


def ended_by(
    changed_at: datetime | None, *, since: datetime | None, until: datetime | None
) -> bool:
    """Whether a change fits the end of something: it began before it, and was last seen then.

    Going back from such a change would bring it again.

    Parameters
    ----------
    since, until
        When it began, and when it was last seen if it is over, as a finding has them.
    """
    if changed_at is None or until is None or since is None:
        return False
    return since < changed_at and changed_at - QUIET <= until <= changed_at + _TAIL


def may_have_begun(changed_at: datetime | None, finding: Finding) -> bool:
    """Whether a change may have begun what was found, by what it is and when it was first seen.

    What others run has to fail within two minutes of it; what the function does, at any time since.
    """
    if changed_at is None or finding.since is None or finding.since < changed_at:
        return False
    return finding.id not in OUTSIDE or finding.since <= changed_at + _TAIL
