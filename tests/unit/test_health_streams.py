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


def _course(
    ages_s: dict[int, float],
    failed: dict[int, float],
    *,
    written: dict[int, float] | None = None,
) -> Course:
    ages = _series({minute: age * 1000 for minute, age in ages_s.items()})
    return course(
        ages,
        _series(failed),
        threshold=T.iterator_age_ms,
        window=WINDOW,
        written=_series(written or {}),
    )


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
    finding = _found(seen)["stream.stuck-shard"]
    assert finding.title == f"One batch held a shard of f until {seen.until:%Y-%m-%d %H:%M} UTC"
    assert finding.until == seen.until


def test_bursts_that_pass_are_late_and_no_worse() -> None:
    ages = {minute: 35.0 if minute % 5 == 0 else 0.4 for minute in range(60, 0, -1)}

    assert _course(ages, {}).word == "late"


def test_young_records_are_kept_up_with_and_none_are_not_seen() -> None:
    assert _course(dict.fromkeys(range(60, 0, -1), 0.4), {}).word == "keeping up"
    assert _course({}, {}).word == "not seen"


# Read well for an hour, then no more.
ONCE = dict.fromkeys(range(180, 120, -1), 0.2)
ALWAYS = dict.fromkeys(range(180, 0, -1), 5.0)


def test_reading_has_stopped_when_what_was_written_after_the_last_read_waits_for_long() -> None:
    seen = _course(ONCE, {}, written=ALWAYS)

    assert (seen.word, seen.last_at) == ("stopped", END - timedelta(minutes=121))
    assert seen.unread_since == END - timedelta(minutes=120)


def test_reading_has_stopped_too_when_nothing_was_read_in_the_window_at_all() -> None:
    seen = _course({}, {}, written=dict.fromkeys(range(90, 0, -1), 5.0))

    assert (seen.word, seen.unread_since) == ("stopped", END - timedelta(minutes=90))


def test_a_quiet_hour_without_writes_is_kept_up_with() -> None:
    seen = _course(ONCE, {}, written={**ONCE, **dict.fromkeys(range(120, 0, -1), 0.0)})

    assert (seen.word, seen.unread_since) == ("keeping up", None)


def test_what_was_written_minutes_ago_may_still_be_in_a_long_invocation() -> None:
    ages = dict.fromkeys(range(180, 20, -1), 0.2)

    assert _course(ages, {}, written=ALWAYS).word == "keeping up"
    assert _course({m: a for m, a in ages.items() if m > 22}, {}, written=ALWAYS).word == "stopped"


MAPPING = {
    "source": "table t",
    "kind": "dynamodb",
    "changed_at": None,
    "state": "Enabled",
    "reason": "USER_INITIATED",
    "last_result": "No records processed",
    "filters": 0,
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
    room: pd.DataFrame = ROOM,
    asked_at: datetime | None = None,
) -> dict[str, Finding]:
    rows = [MAPPING | (mapping or {})] if mapping != {"none": True} else []
    findings = stream_findings(
        function="f",
        reads=reads,
        seen=seen,
        mappings=pd.DataFrame(rows, columns=list(MAPPING)),
        mappings_seen=True,
        shards=SHARDS,
        room=room,
        throttled=throttled,
        thresholds=T,
        window=WINDOW,
        asked_at=asked_at,
    )
    return {finding.id: finding for finding in findings}


WELL = _course(dict.fromkeys(range(60, 0, -1), 0.4), {})


def test_a_stream_that_is_kept_up_with_is_well() -> None:
    assert _found(WELL) == {}


@pytest.mark.parametrize(("reserved", "findings"), [(0, ["change.temporary"]), (None, [])])
def test_a_function_that_may_not_run_at_all_is_critical_before_any_lag_shows(
    reserved: int | None, findings: list[str]
) -> None:
    room = pd.DataFrame({"reserved": pd.Series([reserved], dtype="Int64")})

    found = _found(WELL, room=room)

    assert list(found) == findings
    assert {each.severity for each in found.values()} <= {Verdict.CRITICAL}
    assert {each.title for each in found.values()} <= {"f: reserved concurrency is 0"}


@pytest.mark.parametrize(
    ("later_min", "changed_min", "found"),
    [(15, 10, True), (16, 10, False), (16, -10, True), (1_440, 1_430, False)],
)
def test_a_mapping_that_is_off_now_colours_no_window_that_ended_before_it_was(
    later_min: int, changed_min: int, found: bool
) -> None:
    changed_at = pd.Timestamp(END + timedelta(minutes=changed_min))
    off = {"state": "Disabled", "changed_at": changed_at}

    seen = _found(WELL, mapping=off, asked_at=END + timedelta(minutes=later_min))

    assert list(seen) == ["stream.mapping-disabled"] * found


@pytest.mark.parametrize(("later_min", "found"), [(15, True), (16, False)])
def test_a_concurrency_of_0_now_and_no_mapping_now_colour_only_a_window_that_ends_now(
    later_min: int, found: bool
) -> None:
    none = pd.DataFrame({"reserved": [0], "account": [1000], "unreserved": [900]})
    asked_at = END + timedelta(minutes=later_min)

    stopped = _found(WELL, room=none.astype("Int64"), asked_at=asked_at)
    unmapped = _found(WELL, mapping={"none": True}, asked_at=asked_at)

    assert list(stopped) == ["change.temporary"] * found
    assert list(unmapped) == ["stream.mapping-disabled"] * found


def test_a_lag_that_was_caught_up_with_is_told_until_when() -> None:
    late = dict.fromkeys(range(170, 60, -1), 400.0) | dict.fromkeys(range(60, 0, -1), 0.4)

    lag = _found(_course(late, {}))["stream.lag"]

    assert lag.title == "f read its stream 6 min 40 s late until 2026-10-14 01:55 UTC"
    assert lag.until is not None


def test_a_lag_that_one_good_value_followed_goes_on() -> None:
    late = dict.fromkeys(range(170, 3, -1), 400.0) | dict.fromkeys(range(3, 0, -1), 0.4)

    lag = _found(_course(late, {}))["stream.lag"]

    assert (lag.title, lag.until) == ("f reads its stream 6 min 40 s late", None)


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


def test_a_disabled_mapping_says_from_when_on_what_it_left_unread_is_gone() -> None:
    at = END - timedelta(minutes=40)

    off = _found(WELL, mapping={"state": "Disabled", "changed_at": pd.Timestamp(at)})

    finding = off["stream.mapping-disabled"]
    assert finding.since == at
    assert finding.detail.endswith(
        f"since 2026-10-{at:%d %H:%M} UTC is gone from 2026-10-{at.day + 1} {at:%H:%M} UTC on."
    )


def test_no_mapping_where_one_should_be_is_critical() -> None:
    found = _found(Course("not seen"), mapping={"none": True})

    assert found["stream.mapping-disabled"].title == "No mapping hands records to f"


@pytest.mark.parametrize(("mapping", "reads"), [({"none": True}, False), (None, True)])
def test_no_age_is_unknown_and_never_healthy(
    mapping: dict[str, object] | None, *, reads: bool
) -> None:
    found = _found(Course("not seen"), mapping=mapping, reads=reads)

    assert found["stream.lag"].severity is Verdict.UNKNOWN


def test_records_that_nobody_reads_are_critical_though_the_last_age_was_low() -> None:
    finding = _found(_course(ONCE, {}, written=ALWAYS))["stream.lag"]

    assert (finding.severity, finding.since) == (Verdict.CRITICAL, END - timedelta(minutes=120))
    assert finding.title == "f reads nothing of what is written"
    assert finding.detail.endswith(
        "A write that changes nothing, or whose condition fails, takes units too and makes no "
        "record: if all were such, none waits."
    )
    assert finding.detail.startswith(
        "Nothing was read after 2026-10-14 00:59 UTC, and since 2026-10-14 01:00 UTC 600 units"
    )


def test_a_filter_may_drop_all_that_is_written_so_silence_is_unknown() -> None:
    finding = _found(_course(ONCE, {}, written=ALWAYS), mapping={"filters": 1})["stream.lag"]

    assert finding.severity is Verdict.UNKNOWN
    assert "filter" in finding.detail


def test_an_old_age_is_unknown_where_no_write_was_seen_at_all() -> None:
    finding = _found(_course(ONCE, {}))["stream.lag"]

    assert finding.severity is Verdict.UNKNOWN
    assert "00:59 UTC" in finding.detail


def test_an_old_age_is_well_where_nothing_was_written_after_it() -> None:
    written = {**ONCE, **dict.fromkeys(range(120, 0, -1), 0.0)}

    assert _found(_course(ONCE, {}, written=written)) == {}


@pytest.mark.parametrize(
    ("result", "severity"),
    [
        ("PROBLEM: The role lacks dynamodb:GetRecords", Verdict.CRITICAL),
        ("PROBLEM: Function call failed", Verdict.WARNING),
    ],
)
def test_a_mapping_that_reports_a_problem_is_a_finding(result: str, severity: Verdict) -> None:
    found = _found(WELL, mapping={"last_result": result})

    assert list(found) == ["stream.mapping-problem"]
    assert found["stream.mapping-problem"].severity is severity
    assert result.removeprefix("PROBLEM: ") in found["stream.mapping-problem"].detail


QUEUE: dict[str, object] = {"source": "queue orders", "kind": "sqs"}


def test_a_disabled_mapping_of_a_queue_is_critical() -> None:
    found = _found(Course("not seen"), mapping=QUEUE | {"state": "Disabled"}, reads=False)

    finding = found["stream.mapping-disabled"]
    assert finding.severity is Verdict.CRITICAL
    assert finding.title == "The mapping of queue orders is Disabled"
    assert "stream" not in finding.detail


def test_an_enabled_mapping_of_a_queue_is_no_finding_and_its_age_is_not_known_here() -> None:
    found = _found(Course("not seen"), mapping=QUEUE, reads=False)

    assert list(found) == ["stream.lag"]
    assert found["stream.lag"].severity is Verdict.UNKNOWN
    assert "00-triage" in found["stream.lag"].detail


def test_a_disabled_queue_does_not_hide_that_the_age_of_the_stream_is_not_known() -> None:
    findings = stream_findings(
        function="f",
        reads=True,
        seen=Course("not seen"),
        mappings=pd.DataFrame([MAPPING, MAPPING | QUEUE | {"state": "Disabled"}]),
        mappings_seen=True,
        shards=SHARDS,
        room=ROOM,
        throttled=NOTHING,
        thresholds=T,
    )

    assert {each.id for each in findings} == {"stream.lag", "stream.mapping-disabled"}


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
