"""Which timeout held when, as far as somebody can tell, and points parted by it.

In: the timeout of now, what is known of earlier ones, points of durations. Out: points, with the
timeout that they are held against. Must not know who told of it; does no I/O.

Sources
-------
A timeout is a whole number of seconds, at least 1 (botocore, Timeout). An invocation that is cut
off takes it to the millisecond, or a little more; nothing takes more than 1 % longer. What waits
for a client's own timeout is as round, but not to the millisecond, so only that counts as proof.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from opslib.health.verdicts import Point

#: One that is cut off takes the timeout, and a little more at most.
CUT_OFF_LATE = 1.01
_LEAST_MS = 1000.0
_WALL_MS = 1.0
_WALL_BINS = 3


class Earlier(NamedTuple):
    """The timeout until an instant: NaN where it is not known, and then at least ``least_ms``."""

    until: datetime
    timeout_ms: float
    by: str = ""
    """Who tells it, as ``version 7 has it``."""
    least_ms: float = _LEAST_MS


class Part(NamedTuple):
    """Points that one timeout held for; NaN where it is not known."""

    points: list[Point]
    timeout_ms: float
    by: str = ""
    until: datetime | None = None
    """Until when it held; None for that of now."""
    least_ms: float = _LEAST_MS

    @property
    def is_known(self) -> bool:
        """Whether the timeout is known."""
        return self.timeout_ms > 0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The timeout of now, and those before it.

    Parameters
    ----------
    now_ms
        In milliseconds; it held all the while where ``earlier`` is empty.
    earlier
        Oldest first; each holds from the end of the one before.
    """

    now_ms: float
    earlier: tuple[Earlier, ...] = ()

    def parts(self, points: Sequence[Point]) -> list[Part]:
        """Return points, oldest first, parted where the timeout changed."""
        found = []
        for _, group in groupby(points, key=lambda point: _kind(self._of(point.at))):
            held = group_of = list(group)
            step = self._of(held[-1].at)
            if step is None:
                found.append(Part(held, self.now_ms))
                continue
            if step.timeout_ms > 0:
                # The bin in which it was raised may hold longer ones, which came after.
                held = [p for p in held if p.value <= step.timeout_ms * CUT_OFF_LATE]
            kept = Part(held, step.timeout_ms, step.by, step.until, step.least_ms)
            found.append(kept if held else Part(group_of, math.nan, until=step.until))
        return found

    @classmethod
    def assumed(
        cls, now_ms: float, longest: Sequence[Point], changed_at: datetime | None
    ) -> "Timeouts":
        """Return that of now all the while; where durations before a change exceed it, nothing.

        For who knows nothing of earlier ones: what was before is then held against none, if
        anything came since.
        """
        before = [point.value for point in longest if changed_at and point.at < changed_at]
        exceeds = max(before, default=0.0) > now_ms * CUT_OFF_LATE
        if changed_at is None or not exceeds or len(before) == len(longest):
            return cls(now_ms)
        return cls(now_ms, (Earlier(changed_at, math.nan, least_ms=math.inf),))

    def proved(self, longest: Sequence[Point], changed_at: datetime | None) -> "Timeouts":
        """Return these as far as durations bear them out, and with what durations themselves show.

        Longer ones than an earlier timeout show that another one held; those that end in a wall,
        which one.

        Parameters
        ----------
        longest
            The longest duration of each bin, or whatever comes nearest to it.
        changed_at
            When the function was last changed: of the timeout of now, all before it has to bear it
            out, too.
        """
        known = [*self.earlier]
        if changed_at and (not known or known[-1].until < changed_at):
            known.append(Earlier(changed_at, self.now_ms))
        steps = []
        for place, step in enumerate(known):
            start = known[place - 1].until if place else None
            inside = [
                p.value for p in longest if p.at < step.until and (not start or p.at >= start)
            ]
            # The bin in which it was changed may hold durations of both.
            sure = inside[:-1]
            if step.timeout_ms > 0 and max(sure, default=0.0) <= step.timeout_ms * CUT_OFF_LATE:
                steps.append(step)
                continue
            wall_ms = _wall(sure)
            by = "as several of the longest show, which took exactly that" if wall_ms > 0 else ""
            steps.append(step._replace(timeout_ms=wall_ms, by=by, least_ms=least(sure)))
        if steps and steps[-1].timeout_ms == self.now_ms:
            del steps[-1]
        return replace(self, earlier=tuple(steps))

    def _of(self, at: datetime) -> Earlier | None:
        return next((step for step in self.earlier if at < step.until), None)


def least(durations_ms: Iterable[float]) -> float:
    """Return the least timeout in ms under which invocations could take so long."""
    longest_ms = max(durations_ms, default=0.0)
    return max(_LEAST_MS, math.ceil(longest_ms / CUT_OFF_LATE / 1000) * 1000.0)


def _kind(step: Earlier | None) -> tuple[object, ...]:
    if step is None:
        return ()
    # NaN is not equal to itself.
    return (None, step.until) if math.isnan(step.timeout_ms) else (step.timeout_ms,)


def _wall(durations_ms: Sequence[float]) -> float:
    """Return the timeout at which several durations end, and none goes on; NaN without one."""
    wall_ms = math.floor(max(durations_ms, default=0.0) / 1000) * 1000.0
    at_it = [each for each in durations_ms if wall_ms <= each < wall_ms + _WALL_MS]
    beyond = any(each >= wall_ms + _WALL_MS for each in durations_ms)
    return wall_ms if wall_ms > 0 and len(at_it) >= _WALL_BINS and not beyond else math.nan
