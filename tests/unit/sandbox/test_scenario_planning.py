"""How a story is planned when invocations take about as long as there is time for them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from opslib.sandbox.scenarios.planning import WELL, Course, Shape, plan, planned
from opslib.sandbox.stream_delivery import Policy
from opslib.sandbox.stream_pointer import Condition, Record

NOW = datetime(2026, 10, 14, 3, 7, 0, 123_456, tzinfo=UTC)


def _shape(seed: str) -> Shape:
    return Shape(
        seed=seed,
        duration_ms=lambda minute: 21_000.0,
        spread=lambda minute: 0.01,
        init_ms=lambda minute: (100.0, 100.0),
        memory_mb=lambda minute: 90,
        cold_starts=(0.0, 60.0, 120.0),
        timeout_ms=lambda minute: 60_000.0,
    )


@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_batches_wait_for_each_other_and_none_outlasts_the_story(seed: str) -> None:
    invocations = plan(_shape(seed), now=NOW)

    for earlier, later in pairwise(invocations):
        assert earlier.ended_at < later.at
    assert invocations[-1].ended_at < NOW
    assert invocations[0].at >= NOW - timedelta(hours=3, milliseconds=1)
    # Fifteen batches in five minutes, each 21 s: every five minutes 15 s more of work are left.
    assert invocations[-1].iterator_age_ms > 300_000


def test_environments_are_replaced_at_the_minutes_named() -> None:
    invocations = plan(_shape("a"), now=NOW)

    cold = [invocation for invocation in invocations if invocation.init_ms is not None]
    minutes = [(each.at - (NOW - timedelta(hours=3))).total_seconds() / 60 for each in cold]
    assert [each.init_ms for each in cold] == [100.0, 100.0, 100.0]
    assert [int(minute) // 60 for minute in minutes] == [0, 1, 2]
    assert [minute % 60 < 3 for minute in minutes] == [True, True, True]
    assert len({invocation.environment for invocation in invocations}) == 3


def test_another_seed_is_another_run_of_the_same_story() -> None:
    first, second = plan(_shape("a"), now=NOW), plan(_shape("b"), now=NOW)

    assert {each.request_id for each in first}.isdisjoint(each.request_id for each in second)


def _failing(goes: Callable[[float, Sequence[Record]], Course]) -> Shape:
    return replace(
        _shape("a"),
        duration_ms=lambda minute: 500.0,
        records=lambda minute, waited_s: 4,
        timeout_ms=lambda minute: 10_000.0,
        goes=goes,
    )


def _poisoned(minute: float, records: Sequence[Record]) -> Course:
    """Fail with the third record of whatever arrives in the first minute."""
    poison = [r for r in records if r.event["minute"] < 1 and r.event["position"] == 2]
    return Course(status="error", lines="failed") if poison else WELL


def test_a_poison_record_is_parted_from_its_batch_tried_again_and_given_up_alone() -> None:
    story = planned(_failing(_poisoned), now=NOW)

    # The burst of the first minute: seven batches of four; of each, the third record fails.
    first = [each.record_count for each in story.invocations[:8]]
    assert first == [4, 2, 2, 1, 1, 1, 1, 1]
    assert [each.status for each in story.invocations[:8]] == [
        "error", "success", "error", "error", "error", "error", "error", "success",
    ]  # fmt: skip
    assert len(story.letters) == 7
    letter = story.letters[0].given_up
    assert [record.sequence_number for record in letter.records] == ["000000002"]
    assert (letter.condition, letter.invocations) == (Condition.RETRIES, 4)
    assert letter.invoked is not None
    assert letter.invoked.request_id == story.invocations[6].request_id


def test_lambda_ends_the_environment_of_an_invocation_that_timed_out() -> None:
    timed_out = Course(status="timeout")

    story = planned(_failing(lambda minute, records: timed_out if minute < 2 else WELL), now=NOW)

    pairs = list(pairwise(story.invocations))
    after = [later for earlier, later in pairs if earlier.status == "timeout"]
    assert len(after) > 5
    assert {each.init_ms for each in after} == {100.0}
    assert {each.duration_ms for each in story.invocations if each.status == "timeout"} == {1e4}


def test_a_batch_that_is_tried_for_ever_holds_all_that_come_after_it() -> None:
    forever = Policy(retries=None, bisects=False, oldest=timedelta(days=1), reports_items=False)
    stuck = Course(status="error", lines="failed")
    shape = replace(_failing(lambda minute, records: stuck), policy=forever)

    story = planned(shape, now=NOW)

    assert story.letters == []
    assert {each.status for each in story.invocations} == {"error"}
    ages_s = [each.iterator_age_ms / 1000 for each in story.invocations]
    assert ages_s == sorted(ages_s)
    # Tried again once a minute to the end; the record that is held arrived three hours before.
    assert 10_700 < ages_s[-1] < 10_800
    assert 170 < len(ages_s) < 190
