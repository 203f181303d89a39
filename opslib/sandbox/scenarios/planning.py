"""Plans the invocations of a story: when each ran, how long it took, in which environment.

In: the shape of a story as functions of time, and a seed. Out: its invocations, oldest first. The
records of one stream shard are processed one batch after another, so a batch that arrives while
another is at work waits, and its iterator age says so: nothing about lag is invented beyond
that. The same shape and instant give the same invocations. Must not know AWS clients or log lines.
"""

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from opslib.sandbox.scenarios.history import Invocation

MINUTES = 180
"""How far a story reaches back from the sandbox's now."""

# Batches that arrive in a minute: every fifth minute begins with a burst, as of a client's job, and
# between bursts come these, in any order. Three a minute in all.
_BURST = 7
_BETWEEN_BURSTS = (1, 1, 2, 4)
_RECORD_COUNTS = (1, 2, 3, 4, 6)
_RECORD_WEIGHTS = (5, 4, 3, 2, 1)
# What gathers in the stream while a batch waits this long comes as a bigger batch.
_LATE_S = 5.0
_LATE_RECORD_COUNT = 9
# Between the end of the last invocation and now, so that its REPORT line is in the past too.
_MARGIN = timedelta(milliseconds=250)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a story goes, as functions of the minutes since its start (0 to `MINUTES`).

    Parameters
    ----------
    seed
        Any text; another seed is another run of the same story.
    duration_ms
        What an invocation of a middling batch takes at that minute, milliseconds.
    spread
        By what fraction of it durations vary at that minute: most lie within twice that, none
        beyond three times.
    init_ms
        Least and most initialization at that minute, milliseconds.
    memory_mb
        Max Memory Used of a fresh environment at that minute, MB; it grows by up to 6 with use.
    cold_starts
        Minutes at which the execution environment is replaced, ascending; the first of all is fresh
        only if 0 is among them.
    """

    seed: str
    duration_ms: Callable[[float], float]
    spread: Callable[[float], float]
    init_ms: Callable[[float], tuple[float, float]]
    memory_mb: Callable[[float], int]
    cold_starts: tuple[float, ...]


def plan(shape: Shape, *, now: datetime) -> list[Invocation]:
    """Plan a story that ends now.

    Parameters
    ----------
    shape
        How it goes.
    now
        The sandbox's now, tz-aware UTC.

    Returns
    -------
    Invocations, oldest first, none overlapping, the last ended before ``now``. Those that would not
    have ended yet are left out, as Lambda has not reported them.
    """
    chance = random.Random(shape.seed)  # noqa: S311 - a story, not a secret
    end = now.replace(microsecond=now.microsecond // 1000 * 1000)
    start = end - timedelta(minutes=MINUTES)
    cold_starts = list(shape.cold_starts)
    environment, uses = _hex(chance), 0
    free_at = start
    told: list[Invocation] = []
    for arrived_at in _arrivals(chance, start):
        poll = timedelta(milliseconds=chance.randint(60, 420))
        read_at = max(arrived_at + poll, free_at + timedelta(milliseconds=chance.randint(4, 40)))
        minute = (read_at - start) / timedelta(minutes=1)
        init_ms = None
        if cold_starts and minute >= cold_starts[0]:
            cold_starts.pop(0)
            environment, uses = _hex(chance), 0
            init_ms = round(chance.uniform(*shape.init_ms(minute)), 2)
        waited_s = (read_at - arrived_at).total_seconds()
        record_count = _record_count(chance, waited_s)
        invocation = Invocation(
            # The handler's clock starts after initialization; both are whole milliseconds.
            at=read_at + timedelta(milliseconds=round(init_ms or 0)),
            duration_ms=_duration_ms(chance, shape, minute, record_count),
            init_ms=init_ms,
            memory_used_mb=shape.memory_mb(minute) + min(6, uses // 9),
            record_count=record_count,
            iterator_age_ms=round(waited_s * 1000),
            environment=environment,
            request_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        )
        if invocation.ended_at + _MARGIN > end:
            break
        told.append(invocation)
        uses += 1
        free_at = _next_millisecond(invocation.ended_at)
    return told


def _arrivals(chance: random.Random, start: datetime) -> Iterator[datetime]:
    between: list[int] = []
    for minute in range(MINUTES):
        burst = minute % 5 == 0
        if burst:
            between = chance.sample(_BETWEEN_BURSTS, k=len(_BETWEEN_BURSTS))
        batches = _BURST if burst else between.pop()
        gaps_s = [chance.uniform(2.2, 3.2) for _ in range(batches)]
        latest_s = 5.0 if burst else 60.0 - sum(gaps_s)
        at_s = 60.0 * minute + chance.uniform(0.0, latest_s)
        for gap_s in gaps_s:
            yield start + timedelta(milliseconds=round(at_s * 1000))
            at_s += gap_s


def _record_count(chance: random.Random, waited_s: float) -> int:
    if waited_s > _LATE_S:
        return _LATE_RECORD_COUNT
    return chance.choices(_RECORD_COUNTS, weights=_RECORD_WEIGHTS)[0]


def _duration_ms(chance: random.Random, shape: Shape, minute: float, record_count: int) -> float:
    spread = shape.spread(minute)
    size = (record_count - 3) / 6  # -1/3 for one record, 1 for nine
    deviation = max(-2.0, min(2.0, chance.gauss(0.0, 1.0)))
    return round(shape.duration_ms(minute) * (1 + spread * (size + deviation)), 2)


def _hex(chance: random.Random) -> str:
    return f"{chance.getrandbits(128):032x}"


def _next_millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000) + timedelta(milliseconds=1)
