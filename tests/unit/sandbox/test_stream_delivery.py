"""Batches on their way through a function: retries, halves, ages, and when they are given up."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opslib.sandbox.stream_delivery import (
    BackOff,
    Delivery,
    NotInvoked,
    Outcome,
    Policy,
    Ran,
)
from opslib.sandbox.stream_pointer import GivenUp, Invoked, Record

START = datetime(2026, 10, 14, 3, 0, tzinfo=UTC)
DAY = timedelta(hours=24)
Answering = Callable[[list[str]], Outcome]


def _ran(payload: Any = None, error: str | None = None) -> Ran:
    invoked = Invoked(request_id="r", executed_version="$LATEST", function_error=error)
    return Ran(invoked=invoked, payload=payload)


def _policy(
    *,
    retries: int | None = 2,
    bisects: bool = False,
    oldest: timedelta = DAY,
    reports_items: bool = False,
) -> Policy:
    return Policy(retries=retries, bisects=bisects, oldest=oldest, reports_items=reports_items)


class World:
    """A function, a clock and a destination; everything that happened is kept."""

    def __init__(self, answer: Answering, policy: Policy | None) -> None:
        self.answer = answer
        self.policy = policy
        self.now = START
        self.batches: list[list[str]] = []
        self.given_up: list[GivenUp] = []
        self.done: list[str] = []
        self.slept_s: list[float] = []

    def deliver(self, records: Sequence[Record]) -> bool:
        delivery = Delivery(
            policy=lambda: self.policy,
            invoke=self._invoke,
            give_up=self._give_up,
            done=lambda record: self.done.append(record.sequence_number),
            now=lambda: self.now,
            sleep=self._sleep,
            back_off=BackOff(first_s=1.0, longest_s=8.0),
        )
        return asyncio.run(delivery.deliver(records))

    @property
    def lost(self) -> list[tuple[str, list[str], int]]:
        return [
            (
                str(each.condition),
                [record.sequence_number for record in each.records],
                each.invocations,
            )
            for each in self.given_up
        ]

    async def _invoke(self, records: Sequence[Record]) -> Outcome:
        self.batches.append([record.sequence_number for record in records])
        return self.answer(self.batches[-1])

    async def _give_up(self, given_up: GivenUp) -> None:
        self.given_up.append(given_up)

    async def _sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now += timedelta(seconds=seconds)


def _records(numbers: str) -> list[Record]:
    """Make a record of each letter, one second apart, the last at START."""
    last = len(numbers) - 1
    return [
        Record(sequence_number=number, arrived_at=START - timedelta(seconds=last - at), event={})
        for at, number in enumerate(numbers)
    ]


def _fails_on(letter: str) -> Answering:
    return lambda numbers: _ran(error="Unhandled") if letter in numbers else _ran()


def test_a_batch_that_succeeds_is_done_at_its_last_record() -> None:
    world = World(lambda _: _ran(), _policy())

    whole = world.deliver(_records("abc"))

    assert whole
    assert (world.batches, world.done, world.given_up) == ([["a", "b", "c"]], ["c"], [])


def test_a_failing_batch_is_retried_with_growing_waits_and_then_given_up_whole() -> None:
    world = World(_fails_on("b"), _policy(retries=4))

    world.deliver(_records("abc"))

    assert world.batches == [["a", "b", "c"]] * 5
    assert world.slept_s == [1.0, 2.0, 4.0, 8.0]
    assert world.lost == [("RetryAttemptsExhausted", ["a", "b", "c"], 5)]
    assert world.done == ["c"]


def test_no_retries_give_up_at_the_first_failure() -> None:
    world = World(_fails_on("a"), _policy(retries=0))

    world.deliver(_records("a"))

    assert world.batches == [["a"]]
    assert world.lost == [("RetryAttemptsExhausted", ["a"], 1)]


def test_a_batch_that_recovers_in_time_is_not_given_up() -> None:
    answers = iter([_ran(error="Unhandled"), _ran(error="Unhandled"), _ran()])
    world = World(lambda _: next(answers), _policy(retries=2))

    world.deliver(_records("ab"))

    assert (len(world.batches), world.given_up, world.done) == (3, [], ["b"])


def test_bisecting_isolates_the_one_bad_record_in_order_and_spends_no_retries() -> None:
    world = World(_fails_on("c"), _policy(retries=1, bisects=True))

    world.deliver(_records("abcdef"))

    assert world.batches == [
        list("abcdef"),
        list("abc"),
        ["a"],
        ["b", "c"],
        ["b"],
        ["c"],
        ["c"],
        list("def"),
    ]
    assert world.slept_s == [1.0]
    assert world.lost == [("RetryAttemptsExhausted", ["c"], 2)]
    assert world.done == ["a", "b", "c", "f"]


def test_without_an_end_of_retries_the_shard_is_blocked_until_the_records_expire() -> None:
    world = World(_fails_on("a"), _policy(retries=None, oldest=timedelta(seconds=60)))

    world.deliver(_records("ab"))

    # Tried at 0, 1, 3, 7 and then every 8 s up to 55; at 63 s both are past 60.
    assert world.lost == [("RecordAgeExceeded", ["a", "b"], 10)]
    assert world.done == ["b"]


def test_records_already_too_old_are_given_up_without_an_invocation() -> None:
    world = World(lambda _: _ran(), _policy(oldest=timedelta(seconds=1)))

    world.deliver(_records("abcd"))

    assert world.lost == [("RecordAgeExceeded", ["a", "b"], 0)]
    assert world.batches == [["c", "d"]]
    assert world.done == ["b", "d"]


def test_what_could_not_be_invoked_is_tried_again_whatever_the_retries_are() -> None:
    answers: list[Outcome] = [NotInvoked(reason="TooManyRequestsException")] * 5
    answers += [_ran(error="Unhandled"), _ran()]
    remaining = iter(answers)
    world = World(lambda _: next(remaining), _policy(retries=1))

    world.deliver(_records("ab"))

    assert (len(world.batches), world.given_up, world.done) == (7, [], ["b"])
    assert world.slept_s == [1.0, 2.0, 4.0, 8.0, 8.0, 1.0]


def test_the_lowest_reported_record_is_the_checkpoint() -> None:
    reported = {"batchItemFailures": [{"itemIdentifier": "d"}, {"itemIdentifier": "c"}]}
    answers = iter([_ran(reported), _ran()])
    world = World(lambda _: next(answers), _policy(reports_items=True))

    world.deliver(_records("abcde"))

    assert world.batches == [list("abcde"), list("cde")]
    assert world.done == ["b", "e"]


def test_a_record_reported_for_ever_is_given_up_with_what_follows_it() -> None:
    reported = {"batchItemFailures": [{"itemIdentifier": "c"}]}
    world = World(lambda _: _ran(reported), _policy(retries=2, reports_items=True))

    world.deliver(_records("abcd"))

    assert world.lost == [("RetryAttemptsExhausted", ["c", "d"], 3)]
    assert world.given_up[0].invoked == Invoked(
        request_id="r", executed_version="$LATEST", function_error=None
    )


def test_with_bisecting_a_reported_record_is_where_the_batch_is_split() -> None:
    def answer(numbers: list[str]) -> Outcome:
        return _ran({"batchItemFailures": [{"itemIdentifier": "c"}]} if "c" in numbers else None)

    world = World(answer, _policy(retries=0, bisects=True, reports_items=True))

    world.deliver(_records("abcde"))

    assert world.batches == [list("abcde"), list("cde"), ["c"], list("de")]
    assert [lost[:2] for lost in world.lost] == [("RetryAttemptsExhausted", ["c"])]
    assert world.done == ["b", "c", "e"]


@pytest.mark.parametrize(
    "payload",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"identifier": "b"}]},
        {"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "z"}]},
        '{"batchItemFailures": [{"itemIdentifier": "z"}]}',
    ],
    ids=["empty", "null", "misnamed", "one of no record", "as text"],
)
def test_an_identifier_of_no_record_fails_the_whole_batch(payload: Any) -> None:
    world = World(lambda _: _ran(payload), _policy(retries=0, reports_items=True))

    world.deliver(_records("abc"))

    assert world.lost == [("RetryAttemptsExhausted", ["a", "b", "c"], 1)]


@pytest.mark.parametrize(
    "payload",
    [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}, "", "done"],
    ids=["null", "empty", "empty list", "null list", "empty text", "text"],
)
def test_a_report_of_nothing_is_success(payload: Any) -> None:
    world = World(lambda _: _ran(payload), _policy(reports_items=True))

    world.deliver(_records("abc"))

    assert (world.given_up, world.done, len(world.batches)) == ([], ["c"], 1)


def test_a_report_is_not_read_unless_the_mapping_says_so() -> None:
    world = World(lambda _: _ran({"batchItemFailures": [{"itemIdentifier": "a"}]}), _policy())

    world.deliver(_records("ab"))

    assert (world.done, len(world.batches)) == (["b"], 1)


def test_a_mapping_that_stops_in_the_middle_keeps_its_place() -> None:
    def answer(numbers: list[str]) -> Outcome:
        if len(numbers) == 2:
            world.policy = None
        return _fails_on("d")(numbers)

    world = World(answer, _policy(bisects=True))

    whole = world.deliver(_records("abcd"))

    assert not whole
    assert world.batches == [list("abcd"), ["a", "b"]]
    assert (world.done, world.given_up) == (["b"], [])


def test_a_change_of_the_mapping_holds_at_the_next_attempt() -> None:
    def answer(_: list[str]) -> Outcome:
        if len(world.batches) == 3:
            world.policy = _policy(retries=2)
        return _ran(error="Unhandled")

    world = World(answer, _policy(retries=None))

    world.deliver(_records("a"))

    assert world.lost == [("RetryAttemptsExhausted", ["a"], 4)]
