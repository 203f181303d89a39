"""How a story is planned when invocations take about as long as there is time for them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from opslib.sandbox.scenarios.planning import Shape, plan

NOW = datetime(2026, 10, 14, 3, 7, 0, 123_456, tzinfo=UTC)


def _shape(seed: str) -> Shape:
    return Shape(
        seed=seed,
        duration_ms=lambda minute: 21_000.0,
        spread=lambda minute: 0.01,
        init_ms=lambda minute: (100.0, 100.0),
        memory_mb=lambda minute: 90,
        cold_starts=(0.0, 60.0, 120.0),
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
