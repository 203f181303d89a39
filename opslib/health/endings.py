"""Whether what was bad is over, and since when: an incident that has ended must not read as one.

In: instants or points, the end of what was looked at. Out: the instant at which something bad was
last seen, or None while it may go on; words for it. Does no I/O.

Over is what was not seen again for `QUIET` while it could have been: while invocations ran, while
values came. What merely stopped being measured is not over, nor what comes again and again, every
night at three, before it stayed away for some of its rounds.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
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
# Twice may be chance.
_ROUNDS = 3
_MINUTE = timedelta(minutes=1)


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
    """Return what `over_at` does, of all bad instants, in any order.

    How far apart they are is their median, or that of their rounds, if there are several.

    Parameters
    ----------
    width
        How much time a bad instant covers.
    """
    ordered = sorted(bad)
    steps = [after - before for before, after in itertools.pairwise(ordered)]
    apart = median_low(steps) if steps else timedelta(0)
    apart = max(apart, rounds_apart(ordered, width=width))
    return over_at(ordered[-1] + width, ran_until=ran_until, apart=apart) if ordered else None


def rounds_apart(bad: Sequence[datetime], *, width: timedelta = timedelta(0)) -> timedelta:
    """Return how far apart something comes again, by the median; zero for less than three rounds.

    A round ends where nothing bad was seen for `QUIET`.

    Parameters
    ----------
    bad
        Oldest first.
    width
        How much time a bad instant covers.
    """
    begun = _begun(bad, apart=width + QUIET)
    steps = [after - before for before, after in itertools.pairwise(begun)]
    return median_low(steps) if len(begun) >= _ROUNDS else timedelta(0)


def _begun(bad: Sequence[datetime], *, apart: timedelta) -> list[datetime]:
    """Return the first of each row of instants that are no further apart than so much."""
    later = [after for before, after in itertools.pairwise(bad) if after - before > apart]
    return [*bad[:1], *later]


def recovered_at(points: Sequence[Point], threshold: Threshold) -> datetime | None:
    """Return the instant of the last value that was a warning or worse, if healthy ones followed.

    None when none was, or when those that followed do not span `QUIET`.
    """
    bad = [point.at for point in points if judge(point.value, threshold) is not Verdict.HEALTHY]
    steps = [after.at - before.at for before, after in itertools.pairwise(points)]
    apart = rounds_apart(bad, width=min(steps, default=timedelta(0)))
    return over_at(bad[-1], ran_until=points[-1].at, apart=apart) if bad else None


def ran_until(points: Iterable[Point], *, width: timedelta = timedelta(0)) -> datetime | None:
    """Return the end of the last period in which anything was counted; None without any."""
    return max((point.at + width for point in points if point.value > 0), default=None)


def worded(now: str, then: str, until: datetime | None) -> str:
    """Return the words for what goes on, or those for what is over with until when."""
    return now if until is None else f"{then} until {utc(until)}"


def none_since(
    until: datetime | None, looked: datetime | None, *, width: timedelta = _MINUTE
) -> str:
    """Return a sentence on what was not seen again, a space before it; empty while it may go on.

    Parameters
    ----------
    width
        How long a period it was counted in, whose end ``until`` is.
    """
    if until is None or looked is None:
        return ""
    counted = f", counted by {width / _MINUTE:g} min" if width > _MINUTE else ""
    after = f" None was seen after {utc(until)}{counted}"
    return f"{after}; what followed was looked at until {utc(looked)}."


def seen_in(bad: Iterable[datetime], *, width: timedelta = _MINUTE) -> str:
    """Return a sentence on what came in bursts, a space before it; empty for what mostly was there.

    Parameters
    ----------
    bad
        Instants at which something bad was seen, any order.
    width
        Of the bins that are counted, from the first that has one to the last.
    """
    zero = datetime.min.replace(tzinfo=UTC)
    bins = sorted({at - (at - zero) % width for at in bad})
    bursts = len(_begun(bins, apart=width))
    of = (bins[-1] - bins[0]) // width + 1 if bins else 0
    if bursts < _ROUNDS or 2 * len(bins) > of:
        return ""
    named = "minutes" if width == _MINUTE else f"periods of {width / _MINUTE:g} min"
    return f" Seen in {len(bins):,} of {of:,} {named}, in {bursts:,} bursts."


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
