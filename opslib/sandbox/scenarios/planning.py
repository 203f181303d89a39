"""Plans the invocations of a story: when each ran, how long it took, in which environment.

In: the shape of a story as functions of time, and a seed. Out: its invocations, oldest first. The
records of one stream shard are processed one batch after another, so a batch that arrives while
another is at work waits, and its iterator age says so: nothing about lag is invented beyond
that. The same shape and instant give the same invocations. Must not know AWS clients or log lines.
"""

import random
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from opslib.sandbox.lambda_lines import Status
from opslib.sandbox.scenarios import pipeline
from opslib.sandbox.scenarios.history import Invocation
from opslib.sandbox.scenarios.recorded import Lines
from opslib.sandbox.stream_delivery import BackOff, Delivery, Policy, Ran
from opslib.sandbox.stream_pointer import GivenUp, Invoked, Record

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


# Lambda's own waits are not documented; the guide says seconds to minutes.
_BACK_OFF = BackOff(first_s=1.0, longest_s=60.0)

POLICY = Policy(retries=3, bisects=True, oldest=timedelta(hours=1), reports_items=False)
"""What the product's own mapping does about failures."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """How an invocation goes.

    Parameters
    ----------
    status
        How it ends; whatever takes the timeout times out besides.
    lines
        Which recording tells what it printed.
    """

    status: Status = "success"
    lines: Lines = "processed"


WELL = Course()


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
    goes
        How an invocation with these records goes at that minute. A record's ``event`` holds the
        ``minute`` of its arrival and its ``position`` in the batch it arrived with.
    records
        How many records a batch has that arrives at that minute and has waited so many seconds;
        None leaves it to chance.
    policy
        What the mapping does about failures.
    timeout_ms
        The function's timeout at that minute, milliseconds.
    """

    seed: str
    duration_ms: Callable[[float], float]
    spread: Callable[[float], float]
    init_ms: Callable[[float], tuple[float, float]]
    memory_mb: Callable[[float], int]
    cold_starts: tuple[float, ...]
    goes: Callable[[float, Sequence[Record]], Course] = lambda minute, records: WELL
    records: Callable[[float, float], int | None] = lambda minute, waited_s: None
    policy: Policy = POLICY
    timeout_ms: Callable[[float], float] = lambda minute: pipeline.TIMEOUT_S * 1000.0


@dataclass(frozen=True, kw_only=True)
class Letter:
    """Records that the mapping gave up, as they go to the dead-letter queue.

    Parameters
    ----------
    at
        When they were given up, tz-aware UTC.
    given_up
        Which, and after how many attempts; sequence numbers count the story's records from 0.
    """

    at: datetime
    given_up: GivenUp


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A story: ``invocations`` and ``letters``, each oldest first."""

    invocations: list[Invocation]
    letters: list[Letter]


def plan(shape: Shape, *, now: datetime) -> list[Invocation]:
    """Plan the invocations of a story that ends now; `planned` says the same and more."""
    return planned(shape, now=now).invocations


def planned(shape: Shape, *, now: datetime) -> Planned:
    """Plan a story that ends now.

    Parameters
    ----------
    shape
        How it goes.
    now
        The sandbox's now, tz-aware UTC.

    Returns
    -------
    No invocations overlap, and the last ended before ``now``: those that would not have ended yet
    are left out, as Lambda has not reported them.
    """
    teller = _Teller(shape, now=now)
    for arrived_at in _arrivals(teller.chance, teller.start):
        if not teller.deliver(arrived_at):
            break
    return Planned(invocations=teller.invocations, letters=teller.letters)


class _Teller:
    """Brings one batch after another through the function, in the story's own time.

    What becomes of a batch that fails is decided by the same code that decides it for batches that
    really run.
    """

    def __init__(self, shape: Shape, *, now: datetime) -> None:
        self.chance = random.Random(shape.seed)  # noqa: S311 - a story, not a secret
        self.end = now.replace(microsecond=now.microsecond // 1000 * 1000)
        self.start = self.end - timedelta(minutes=MINUTES)
        self.invocations: list[Invocation] = []
        self.letters: list[Letter] = []
        self._shape = shape
        self._cold_starts = list(shape.cold_starts)
        self._environment, self._uses = _hex(self.chance), 0
        self._fresh = False
        self._at = self._free_at = self.start
        self._records = 0
        self._over = False

    def deliver(self, arrived_at: datetime) -> bool:
        """Bring the batch that arrives then to its end; False when the story ends before that."""
        poll = timedelta(milliseconds=self.chance.randint(60, 420))
        gap = timedelta(milliseconds=self.chance.randint(4, 40))
        self._at = max(arrived_at + poll, self._free_at + gap)
        cold = self._replaced()
        count = self._shape.records(self._minute(arrived_at), self._waited_s(arrived_at))
        if count is None:
            count = _record_count(self.chance, self._waited_s(arrived_at))
        batch = [self._record(arrived_at, position) for position in range(count)]
        first = iter([cold])
        delivery = Delivery(
            policy=lambda: None if self._over else self._shape.policy,
            invoke=lambda records: self._invoke(records, next(first, None)),
            give_up=self._give_up,
            done=lambda _: None,
            now=lambda: self._at,
            sleep=self._sleep,
            back_off=_BACK_OFF,
        )
        ended: bool = _without_waiting(delivery.deliver(batch))
        return ended and not self._over

    async def _invoke(self, records: Sequence[Record], cold: float | None) -> Ran:
        if cold is None and self._fresh:
            cold = self._initialized()
        minute, self._fresh = self._minute(self._at), False
        course = self._shape.goes(minute, records)
        would_take_ms = _duration_ms(self.chance, self._shape, minute, len(records))
        timeout_ms = self._shape.timeout_ms(minute)
        status: Status = "timeout" if would_take_ms >= timeout_ms else course.status
        if status == "timeout":
            # Nobody knows how long it would have taken; it had not come far.
            would_take_ms = max(would_take_ms, 1.5 * timeout_ms)
        invocation = Invocation(
            # The handler's clock starts after initialization; both are whole milliseconds.
            at=self._at + timedelta(milliseconds=round(cold or 0)),
            duration_ms=min(would_take_ms, timeout_ms),
            init_ms=cold,
            memory_used_mb=self._shape.memory_mb(minute) + min(6, self._uses // 9),
            record_count=len(records),
            iterator_age_ms=round(self._waited_s(records[-1].arrived_at) * 1000),
            environment=self._environment,
            request_id=str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
            status=status,
            lines=course.lines,
            would_take_ms=would_take_ms,
        )
        if invocation.ended_at + _MARGIN > self.end:
            self._over = True
        else:
            self.invocations.append(invocation)
        self._uses += 1
        # Lambda ends an environment together with an invocation that timed out.
        self._fresh = status == "timeout"
        self._at = self._free_at = _next_millisecond(invocation.ended_at)
        error = None if status == "success" else "Unhandled"
        invoked = Invoked(
            request_id=invocation.request_id, executed_version="$LATEST", function_error=error
        )
        return Ran(invoked=invoked, payload=None)

    async def _give_up(self, given_up: GivenUp) -> None:
        if not self._over:
            self.letters.append(Letter(at=self._at, given_up=given_up))

    async def _sleep(self, seconds: float) -> None:
        self._at += timedelta(milliseconds=round(seconds * 1000))

    def _replaced(self) -> float | None:
        """Replace the environment if its time has come; return its initialization."""
        if not self._cold_starts or self._minute(self._at) < self._cold_starts[0]:
            return None
        self._cold_starts.pop(0)
        return self._initialized()

    def _initialized(self) -> float:
        self._environment, self._uses, self._fresh = _hex(self.chance), 0, False
        return round(self.chance.uniform(*self._shape.init_ms(self._minute(self._at))), 2)

    def _record(self, arrived_at: datetime, position: int) -> Record:
        number, self._records = self._records, self._records + 1
        event = {"minute": self._minute(arrived_at), "position": position}
        return Record(sequence_number=f"{number:09d}", arrived_at=arrived_at, event=event)

    def _minute(self, at: datetime) -> float:
        return (at - self.start) / timedelta(minutes=1)

    def _waited_s(self, arrived_at: datetime) -> float:
        return (self._at - arrived_at).total_seconds()


def _without_waiting(course: Coroutine[Any, Any, Any]) -> Any:
    """Run what is asynchronous elsewhere and never waits here."""
    try:
        course.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("a story's time is its own: nothing in it waits")


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
