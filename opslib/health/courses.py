"""How the age of what a function reads went: one batch that holds its shard, a backlog, silence.

In: points of metrics. Out: a `Course`. Does no I/O and makes no finding: `streams` judges.

Lambda's IteratorAge is the age of a batch's last record when it was read, and a batch that is tried
again is the same batch: seen at T with age A, its last record arrived at T - A, and that instant
stands still. When batches move on, it moves on too. So a stuck batch is told by that instant, even
where other shards are read in between, which a slope of the ages would not show. No batch read
means no datapoint, never a high one (AWS Lambda developer guide, metrics): so the last age says
nothing about now when it is old, and what was written after it does.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from opslib.health.verdicts import Point, Verdict, judge, points_of, sustained
from opslib.system import Threshold
from opslib.window import Window

# The alarm's two periods of 5 minutes: shorter than that, a failing batch is being retried.
_STUCK_FOR = timedelta(minutes=10)
_STUCK_POINTS = 5
_RECENT = timedelta(minutes=15)
# Long enough for bursts to pass, short enough to be about now.
_TREND = timedelta(minutes=30)
# A burst of a minute every five moves the trend of half an hour by less.
_BEHIND = 0.1
_FIVE = timedelta(minutes=5)
# An invocation takes up to 15 minutes and a batch is collected for up to 5: after both, a record
# that was written has been read.
_STALE = timedelta(minutes=20)
#: What consumed capacity does not tell of a table (Amazon DynamoDB developer guide, Change data
#: capture for DynamoDB Streams; consumed write capacity of conditional writes).
NO_RECORD = (
    "A write that changes nothing, or whose condition fails, takes units too and makes no record: "
    "if all were such, none waits."
)


@dataclass(frozen=True, slots=True)
class Course:
    """How the age of what is read went.

    Parameters
    ----------
    word
        ``stuck``: one batch is tried again and again; ``was stuck``: until some time ago;
        ``falling behind``: later by the minute; ``late``: above the threshold, and no worse;
        ``stopped``: what was written is not read; ``keeping up``; ``not seen``: nothing was read.
    arrived_at
        When the last record of the stuck batch came to the stream, about.
    until
        When the stuck batch was last seen.
    failures
        Failed invocations while it was stuck.
    grows_s_per_s
        How much the age grew a second in the last half hour.
    points
        The age, the highest of each 5 minutes, oldest first.
    last_ms, last_at
        The last age that was seen, and when.
    unread_since, unread
        When the first of what was written and never read was written, about, and how much was since
        then, in the unit of what is written; None and 0 when there is nothing of the kind.
    silent
        Whether the last age is too old to say anything, and no write was seen either.
    """

    word: str
    arrived_at: datetime | None = None
    until: datetime | None = None
    failures: float = 0.0
    grows_s_per_s: float | None = None
    points: tuple[Point, ...] = ()
    last_ms: float | None = None
    last_at: datetime | None = None
    unread_since: datetime | None = None
    unread: float = 0.0
    silent: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return the facts for a table."""
        highest = max((point.value for point in self.points), default=None)
        return {
            "course": self.word,
            "last age (s)": None if self.last_ms is None else self.last_ms / 1000,
            "last read at": self.last_at,
            "highest (s)": None if highest is None else highest / 1000,
            "grows (s/s)": self.grows_s_per_s,
            "its record arrived at": self.arrived_at,
            "failed meanwhile": self.failures if self.arrived_at else None,
        }


def course(
    age: pd.DataFrame,
    failed: pd.DataFrame,
    *,
    threshold: Threshold,
    window: Window,
    written: pd.DataFrame,
) -> Course:
    """Tell how the age of what a function reads went.

    Parameters
    ----------
    age
        ``at``, ``value``: IteratorAge, Maximum a period, milliseconds; periods of 1 to 5 minutes.
    failed
        ``at``, ``value``: errors a period. A period without a datapoint had none.
    threshold
        In milliseconds; over periods of 5 minutes.
    written
        ``at``, ``value``: what was written to the source a period; empty when that was not seen.
    """
    points, puts = points_of(age, "value"), points_of(written, "value")
    since = unread_since(points, puts, window=window)
    unread = sum(put.value for put in puts if since and put.at >= since)
    if not points:
        word = "stopped" if since else "not seen"
        return Course(word, unread_since=since, unread=unread)
    highest = fives(points)
    growth = _growth(points, since=window.end - _TREND)
    severity = judge(sustained([p.value for p in highest], threshold.periods), threshold)
    word = "falling behind" if growth and growth > _BEHIND else "late"
    if severity is Verdict.HEALTHY:
        word = "keeping up"
    known = Course(
        "stopped" if since else word,
        grows_s_per_s=growth,
        points=tuple(highest),
        last_ms=points[-1].value,
        last_at=points[-1].at,
        unread_since=since,
        unread=unread,
        silent=window.end - points[-1].at > _STALE and not any(put.value > 0 for put in puts),
    )
    batch = _same_batch(points)
    if not batch:
        return known
    first, last = batch[0].at, batch[-1].at
    bad = [p for p in points_of(failed, "value") if p.value > 0 and first <= p.at <= last]
    # A shard that is only slow fails nothing.
    if 2 * len(bad) < len(batch):
        return known
    return replace(
        known,
        word="stopped" if since else "stuck" if window.end - last <= _RECENT else "was stuck",
        arrived_at=min(point.at - timedelta(milliseconds=point.value) for point in batch),
        until=last,
        failures=sum(point.value for point in bad),
    )


def fives(points: Sequence[Point], *, add: bool = False) -> list[Point]:
    """Return the highest value of each 5 minutes, or their sum, where there is one."""
    held: dict[datetime, float] = {}
    for point in points:
        at = point.at - (point.at - datetime.min.replace(tzinfo=point.at.tzinfo)) % _FIVE
        kept = held.get(at)
        value = point.value
        if kept is not None:
            value = kept + value if add else max(kept, value)
        held[at] = value
    return [Point(at, value) for at, value in sorted(held.items())]


def _growth(points: Sequence[Point], *, since: datetime) -> float | None:
    """Return the trend of the age from an instant on, in seconds a second."""
    late = [point for point in points if point.at >= since]
    if len(late) < _STUCK_POINTS:
        return None
    x = np.array([(point.at - late[0].at).total_seconds() for point in late])
    y = np.array([point.value / 1000 for point in late])
    return float(np.polyfit(x, y, 1)[0]) if x[-1] > 0 else None


def unread_since(
    read: Sequence[Point], puts: Sequence[Point], *, window: Window
) -> datetime | None:
    """Return when the first thing was written that nothing read, if it had the time to be read.

    Parameters
    ----------
    read, puts
        What shows that something was read, and what was written; oldest first.
    """
    later = [put.at for put in puts if put.value > 0 and (not read or put.at > read[-1].at)]
    period = min((b.at - a.at for a, b in itertools.pairwise(puts)), default=timedelta(minutes=1))
    return later[0] if later and window.end - (later[0] + period) >= _STALE else None


def _same_batch(points: Sequence[Point]) -> list[Point]:
    """Return the longest series of readings of one and the same batch, oldest first.

    They are alike in when their last record arrived, up to the width of a period.
    """
    apart = [b.at - a.at for a, b in itertools.pairwise(points)]
    period = min(apart, default=timedelta(minutes=1))
    alike = 1.5 * min(max(period, timedelta(minutes=1)), _FIVE)
    births = sorted((point.at - timedelta(milliseconds=point.value), point) for point in points)
    best: list[Point] = []
    first = 0
    for last in range(len(births)):
        while births[last][0] - births[first][0] > alike:
            first += 1
        group = sorted(point for _, point in births[first : last + 1])
        long = group[-1].at - group[0].at
        enough = len(group) >= _STUCK_POINTS and long >= _STUCK_FOR
        if enough and (not best or long > best[-1].at - best[0].at):
            best = group
    return best
