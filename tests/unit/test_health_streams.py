"""How late a stream is read: one batch holds its shard, too little runs at once, or nothing."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from opslib.health import Course, Finding, Verdict, course, needed, stream_findings
from opslib.system import Thresholds
from opslib.window import Window

END = datetime(2026, 10, 14, 3, 0, tzinfo=UTC)
WINDOW = Window(END - timedelta(hours=3), END)
T = Thresholds()
NOTHING = pd.DataFrame(
    {
        "at": pd.Series([], dtype="datetime64[ns, UTC]"),
        "value": pd.Series([], dtype="float64"),
    }
)


def _series(values: dict[int, float]) -> pd.DataFrame:
    """Return points by minutes before the end."""
    at = [END - timedelta(minutes=minutes) for minutes in values]
    return pd.DataFrame(
        {
            "at": pd.Series(at, dtype="datetime64[ns, UTC]"),
            "value": pd.Series(list(values.values()), dtype="float64"),
        }
    )


def _course(ages_s: dict[int, float], failed: dict[int, float]) -> Course:
    ages = _series({minute: age * 1000 for minute, age in ages_s.items()})
    return course(ages, _series(failed), threshold=T.iterator_age_ms, window=WINDOW)


# A batch whose last record came 40 minutes before the end, tried every 2 minutes.
STUCK = {minute: (40 - minute) * 60.0 for minute in range(38, 0, -2)}
TRIES = dict.fromkeys(range(38, 0, -2), 1.0)


def test_a_batch_that_is_tried_again_and_again_is_stuck_since_its_record_arrived() -> None:
    seen = _course(STUCK, TRIES)

    assert seen.word == "stuck"
    assert seen.arrived_at == END - timedelta(minutes=40)
    assert (seen.until, seen.failures) == (END - timedelta(minutes=2), 19)
    assert seen.grows_s_per_s == pytest.approx(1.0)


def test_a_stuck_shard_is_seen_between_the_readings_of_others_that_run() -> None:
    others = dict.fromkeys(range(39, 0, -2), 0.2)

    seen = _course(dict(sorted((STUCK | others).items(), reverse=True)), TRIES)

    assert (seen.word, seen.arrived_at) == ("stuck", END - timedelta(minutes=40))


def test_a_shard_that_fails_nothing_is_slow_though_its_age_grows_alike() -> None:
    seen = _course(STUCK, {})

    assert seen.word == "falling behind"


def test_an_age_that_grows_more_slowly_is_another_batch_each_time() -> None:
    ages = {minute: (60 - minute) * 30.0 for minute in range(58, 0, -2)}

    seen = _course(ages, dict.fromkeys(ages, 1.0))

    assert (seen.word, seen.arrived_at) == ("falling behind", None)
    assert seen.grows_s_per_s == pytest.approx(0.5)


def test_retries_that_end_within_ten_minutes_hold_no_shard() -> None:
    ages = {minute: (40 - minute) * 60.0 for minute in range(39, 31, -1)}

    seen = _course({**ages, **dict.fromkeys(range(30, 0, -1), 0.3)}, dict.fromkeys(ages, 4.0))

    assert seen.arrived_at is None


def test_a_batch_that_was_given_up_long_ago_was_stuck() -> None:
    ages = {minute: (90 - minute) * 60.0 for minute in range(88, 60, -2)}

    seen = _course(
        {**ages, **dict.fromkeys(range(59, 0, -1), 0.3)}, dict.fromkeys(range(88, 60, -2), 1.0)
    )

    assert (seen.word, seen.until) == ("was stuck", END - timedelta(minutes=62))


def test_bursts_that_pass_are_late_and_no_worse() -> None:
    ages = {minute: 35.0 if minute % 5 == 0 else 0.4 for minute in range(60, 0, -1)}

    assert _course(ages, {}).word == "late"


def test_young_records_are_kept_up_with_and_none_are_not_seen() -> None:
    assert _course(dict.fromkeys(range(60, 0, -1), 0.4), {}).word == "keeping up"
    assert _course({}, {}).word == "not seen"


MAPPING = {
    "source": "table t",
    "kind": "dynamodb",
    "state": "Enabled",
    "reason": "USER_INITIATED",
    "retries": -1,
    "at_once": 2,
    "source_arn": "arn:t",
}
SHARDS = pd.DataFrame({"source_arn": ["arn:t"], "open": [3], "kept_hours": [24.0]})
ROOM = pd.DataFrame({"reserved": pd.Series([4], dtype="Int64")})


def _found(
    seen: Course,
    *,
    mapping: dict[str, object] | None = None,
    reads: bool = True,
    throttled: pd.DataFrame = NOTHING,
) -> dict[str, Finding]:
    rows = [MAPPING | (mapping or {})] if mapping != {"none": True} else []
    findings = stream_findings(
        function="f",
        reads=reads,
        seen=seen,
        mappings=pd.DataFrame(rows, columns=list(MAPPING)),
        mappings_seen=True,
        shards=SHARDS,
        room=ROOM,
        throttled=throttled,
        thresholds=T,
    )
    return {finding.id: finding for finding in findings}


WELL = _course(dict.fromkeys(range(60, 0, -1), 0.4), {})


def test_a_stream_that_is_kept_up_with_is_well() -> None:
    assert _found(WELL) == {}


def test_a_stuck_shard_is_critical_and_says_until_when_it_is_tried() -> None:
    found = _found(_course(STUCK, TRIES))

    stuck = found["stream.stuck-shard"]
    assert (stuck.severity, stuck.since) == (Verdict.CRITICAL, END - timedelta(minutes=40))
    assert "until 2026-10-15 02:20 UTC; then it is lost." in stuck.detail
    assert "Other shards go on" in stuck.detail
    assert found["stream.lag"].severity is Verdict.CRITICAL
    assert found["stream.lag"].title == "f reads its stream 34 min late"


@pytest.mark.parametrize("state", ["Disabled", "Disabling"])
def test_a_disabled_mapping_is_critical_though_nothing_is_measured(state: str) -> None:
    found = _found(Course("not seen"), mapping={"state": state})

    assert list(found) == ["stream.mapping-disabled"]
    assert found["stream.mapping-disabled"].severity is Verdict.CRITICAL


def test_no_mapping_where_one_should_be_is_critical() -> None:
    found = _found(Course("not seen"), mapping={"none": True})

    assert found["stream.mapping-disabled"].title == "No mapping hands records to f"


@pytest.mark.parametrize(("mapping", "reads"), [({"none": True}, False), (None, True)])
def test_no_age_is_unknown_and_never_healthy(
    mapping: dict[str, object] | None, *, reads: bool
) -> None:
    found = _found(Course("not seen"), mapping=mapping, reads=reads)

    assert found["stream.lag"].severity is Verdict.UNKNOWN


@pytest.mark.parametrize(("count", "severity"), [(10, Verdict.WARNING), (11, Verdict.CRITICAL)])
def test_throttles_are_summed_over_five_minutes(count: int, severity: Verdict) -> None:
    throttled = _series({4: 6.0, 3: count - 6.0, 40: 2.0})

    finding = _found(WELL, throttled=throttled)["invocations.throttled"]

    assert finding.severity is severity
    assert f"{count + 2} invocations were throttled, at most {count} in 5 min" in finding.detail
    assert "4 are reserved for it, and its streams want 6 at once." in finding.detail


def test_streams_want_open_shards_times_the_factor_at_once() -> None:
    mappings = pd.DataFrame([MAPPING])

    assert needed(mappings, SHARDS) == 6
    assert needed(mappings, SHARDS.iloc[:0]) is None
