"""How late a stream is read, and why: one batch that holds its shard, or too little work at once.

In: points of metrics and frames that `opslib.streams` saw. Out: `Course` and findings. Does no I/O.

Lambda's IteratorAge is the age of a batch's last record when it was read, and a batch that is tried
again is the same batch: seen at T with age A, its last record arrived at T - A, and that instant
stands still. When batches move on, it moves on too. So a stuck batch is told by that instant, even
where other shards are read in between, which a slope of the ages would not show. No batch read
means no datapoint, never a high one (AWS Lambda developer guide, metrics).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from opslib.health.verdicts import (
    Finding,
    Point,
    Verdict,
    breach,
    held,
    judge,
    number,
    points_of,
    span,
    sustained,
    utc,
)
from opslib.system import Threshold, Thresholds
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
_OFF = ("Disabled", "Disabling", "Deleting")


@dataclass(frozen=True, slots=True)
class Course:
    """How the age of what is read went.

    Parameters
    ----------
    word
        ``stuck``: one batch is tried again and again; ``was stuck``: until some time ago;
        ``falling behind``: later by the minute; ``late``: above the threshold, and no worse;
        ``keeping up``; ``not seen``: nothing was read.
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
    last_ms
        The last age that was seen.
    """

    word: str
    arrived_at: datetime | None = None
    until: datetime | None = None
    failures: float = 0.0
    grows_s_per_s: float | None = None
    points: tuple[Point, ...] = ()
    last_ms: float | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the facts for a table."""
        highest = max((point.value for point in self.points), default=None)
        return {
            "course": self.word,
            "age now (s)": None if self.last_ms is None else self.last_ms / 1000,
            "highest (s)": None if highest is None else highest / 1000,
            "grows (s/s)": self.grows_s_per_s,
            "its record arrived at": self.arrived_at,
            "failed meanwhile": self.failures if self.arrived_at else None,
        }


def course(
    age: pd.DataFrame, failed: pd.DataFrame, *, threshold: Threshold, window: Window
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
    """
    points = points_of(age, "value")
    if not points:
        return Course("not seen")
    fives = _fives(points)
    growth = _growth(points, since=window.end - _TREND)
    severity = judge(sustained([p.value for p in fives], threshold.periods), threshold)
    word = "falling behind" if growth and growth > _BEHIND else "late"
    known = Course(
        "keeping up" if severity is Verdict.HEALTHY else word,
        grows_s_per_s=growth,
        points=tuple(fives),
        last_ms=points[-1].value,
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
        word="stuck" if window.end - last <= _RECENT else "was stuck",
        arrived_at=min(point.at - timedelta(milliseconds=point.value) for point in batch),
        until=last,
        failures=sum(point.value for point in bad),
    )


def stream_findings(
    *,
    function: str,
    reads: bool,
    seen: Course,
    mappings: pd.DataFrame,
    mappings_seen: bool,
    shards: pd.DataFrame,
    room: pd.DataFrame,
    throttled: pd.DataFrame,
    thresholds: Thresholds,
    evidence: Sequence[str] = (),
) -> list[Finding]:
    """Judge how a function reads its streams.

    Parameters
    ----------
    reads
        Whether the params file says that it reads one.
    seen
        As `course` tells it.
    mappings, shards, room
        As `opslib.streams` sees them.
    mappings_seen
        Whether every mapping was seen.
    throttled
        ``at``, ``value``: throttled invocations a period.

    Returns
    -------
    ``stream.stuck-shard``; ``stream.lag``, unknown when nothing was read;
    ``stream.mapping-disabled`` when a mapping hands nothing on, or there is none where there should
    be; and ``invocations.throttled``. Empty when all is well.
    """
    streams = mappings[mappings["kind"].isin(["dynamodb", "kinesis"])]
    about = _About(function, tuple(evidence))
    found = [about.off(row) for row in _rows(streams) if row["state"] in _OFF]
    if mappings_seen and reads and streams.empty:
        found.append(about.unmapped())
    found += about.stuck(seen, streams, shards)
    found += about.throttled(throttled, streams, shards, room, thresholds)
    found += about.late(seen, thresholds.iterator_age_ms, off=bool(found), streams=len(streams))
    return found


@dataclass(frozen=True, slots=True)
class _About:
    """Makes the findings of one function."""

    function: str
    evidence: tuple[str, ...]

    def off(self, row: dict[str, object]) -> Finding:
        why = f" ({row['reason']})" if row["reason"] else ""
        return self._finding(
            "stream.mapping-disabled",
            Verdict.CRITICAL,
            f"The mapping of {row['source']} is {row['state']}",
            f"{self.function} gets no record of {row['source']}: its mapping is "
            f"{row['state']}{why}. No batch means no iterator age, so no alarm says so, and "
            "records are dropped at the end of the stream's retention.",
        )

    def unmapped(self) -> Finding:
        return self._finding(
            "stream.mapping-disabled",
            Verdict.CRITICAL,
            f"No mapping hands records to {self.function}",
            "The params file says that it reads a stream, and there is no event source mapping of "
            "one: it was deleted, or belongs to an alias that the file does not name.",
        )

    def stuck(self, seen: Course, streams: pd.DataFrame, shards: pd.DataFrame) -> list[Finding]:
        if seen.arrived_at is None or seen.until is None:
            return []
        now = seen.word == "stuck"
        retries = streams["retries"].dropna()
        for_ever = bool((retries < 0).any())
        kept = shards["kept_hours"].dropna()
        ends = seen.arrived_at + timedelta(hours=float(kept.min())) if len(kept) else None
        gives_up = "Its mapping gives a batch up after its retries."
        if for_ever:
            gives_up = "Its mapping tries for as long as the stream keeps the batch"
            gives_up += f", until {utc(ends)}; then it is lost." if ends else "."
        if len(shards) and shards["open"].sum() > 1:
            gives_up += " Other shards go on: an average would hide this."
        return [
            self._finding(
                "stream.stuck-shard",
                Verdict.CRITICAL if now else Verdict.WARNING,
                f"One batch {'holds' if now else 'held'} a shard of {self.function}",
                f"A batch whose last record arrived at about {utc(seen.arrived_at)} "
                f"{'is being tried again and again' if now else 'was tried'}, the last time seen "
                f"at {utc(seen.until)}; {number(seen.failures)} invocations failed meanwhile. "
                f"What is behind it on its shard waits. {gives_up}",
                since=seen.arrived_at,
            )
        ]

    def late(self, seen: Course, threshold: Threshold, *, off: bool, streams: int) -> list[Finding]:
        if seen.word == "not seen":
            why = "No batch was read in the window, and then there is no age at all."
            if not streams:
                why = "It has no mapping of a stream that could be seen."
            # A mapping that is off says it better.
            return [] if off else [self._unknown(why)]
        level_ms = sustained([point.value for point in seen.points], threshold.periods)
        severity = judge(level_ms, threshold)
        if level_ms is None or severity is Verdict.HEALTHY:
            return []
        first = breach(seen.points, threshold)
        growth = ""
        if seen.grows_s_per_s is not None and seen.word in ("stuck", "falling behind"):
            growth = f" It grows by {number(seen.grows_s_per_s)} s a second."
        last = _long(seen.last_ms) if seen.last_ms is not None else "not known"
        over = seen.last_ms is not None and judge(seen.last_ms, threshold) is Verdict.HEALTHY
        return [
            self._finding(
                "stream.lag",
                severity,
                f"{self.function} {'read' if over else 'reads'} its stream {_long(level_ms)} late",
                f"Records were {_long(level_ms)} old or older "
                f"{held(len(seen.points), threshold.periods)} of 5 min"
                f"{f', first from {utc(first)} on' if first else ''}; the last age is {last}."
                f"{growth}",
                since=first,
            )
        ]

    def throttled(
        self,
        throttled: pd.DataFrame,
        streams: pd.DataFrame,
        shards: pd.DataFrame,
        room: pd.DataFrame,
        thresholds: Thresholds,
    ) -> list[Finding]:
        points = [point for point in points_of(throttled, "value") if point.value > 0]
        fives = _fives(points, add=True)
        severity = judge(max((p.value for p in fives), default=0.0), thresholds.throttles)
        if severity is Verdict.HEALTHY:
            return []
        needs = needed(streams, shards)
        reserved = room["reserved"].dropna()
        limit = ""
        if len(reserved):
            limit = f" {int(reserved.iloc[0])} are reserved for it"
            limit += f", and its streams want {needs} at once." if needs else "."
        return [
            self._finding(
                "invocations.throttled",
                severity,
                f"Invocations of {self.function} are refused for want of concurrency",
                f"{sum(p.value for p in points):,.0f} invocations were throttled, at most "
                f"{max(p.value for p in fives):,.0f} in 5 minutes.{limit} They are in neither "
                "Invocations nor Errors.",
                since=points[0].at,
            )
        ]

    def _unknown(self, why: str) -> Finding:
        return self._finding(
            "stream.lag",
            Verdict.UNKNOWN,
            f"How late {self.function} reads its stream is not known",
            f"{why} Absence is not health.",
        )

    def _finding(
        self, name: str, severity: Verdict, title: str, detail: str, since: datetime | None = None
    ) -> Finding:
        return Finding(
            id=name,
            severity=severity,
            title=title,
            detail=detail,
            subject=self.function,
            evidence=self.evidence,
            since=since,
        )


def _long(value_ms: float) -> str:
    """Write a time as ``862 ms``, ``34.9 s``, ``62 min`` or ``9.5 h``."""
    minutes = value_ms / 60_000
    if minutes < 2:
        return span(value_ms)
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def needed(streams: pd.DataFrame, shards: pd.DataFrame) -> int | None:
    """Return how many invocations stream mappings want at once; None when shards were not seen.

    Open shards times the parallelization factor, summed over mappings.
    """
    by_source = dict(zip(shards["source_arn"], shards["open"], strict=True))
    if streams.empty or not set(streams["source_arn"]) <= set(by_source):
        return None
    pairs = zip(streams["source_arn"], streams["at_once"].fillna(1), strict=True)
    return int(sum(by_source[arn] * factor for arn, factor in pairs))


def _rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _fives(points: Sequence[Point], *, add: bool = False) -> list[Point]:
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
