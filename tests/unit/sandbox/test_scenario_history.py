"""The told log events, read back by regular expressions and pandas alone."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from opslib.sandbox.lambda_lines import Line
from opslib.sandbox.scenarios import healthy, slow
from opslib.sandbox.scenarios.history import Invocation, tell
from opslib.sandbox.scenarios.planning import Shape, plan
from opslib.sandbox.scenarios.recorded import recordings

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
DEPLOYED_AT = datetime(2026, 10, 14, 1, 52, tzinfo=UTC)
COLD = Invocation(
    at=datetime(2026, 10, 14, 0, 59, 59, 500_000, tzinfo=UTC),
    duration_ms=812.43,
    init_ms=451.2,
    memory_used_mb=97,
    record_count=1,
    iterator_age_ms=310.0,
    environment="0123456789abcdef0123456789abcdef",
    request_id="11111111-2222-4333-8444-555555555555",
)
WARM = Invocation(
    at=datetime(2026, 10, 14, 1, 0, 10, tzinfo=UTC),
    duration_ms=700.0,
    init_ms=None,
    memory_used_mb=98,
    record_count=1,
    iterator_age_ms=200.0,
    environment="0123456789abcdef0123456789abcdef",
    request_id="66666666-7777-4888-8999-aaaaaaaaaaaa",
)
# As AWS documents the line: tab separated, Init Duration only after a cold start, tab newline last.
REPORT = re.compile(
    r"REPORT RequestId: (?P<request_id>[0-9a-f-]{36})\tDuration: (?P<duration>\d+\.\d\d) ms\t"
    r"Billed Duration: (?P<billed>\d+) ms\tMemory Size: (?P<size>\d+) MB\t"
    r"Max Memory Used: (?P<used>\d+) MB\t(?:Init Duration: (?P<init>\d+\.\d\d) ms\t)?\n"
)


def _reports(streams: Mapping[str, list[Line]]) -> pd.DataFrame:
    rows = []
    for stream, events in streams.items():
        for event in events:
            if event.message.startswith("REPORT"):
                match = REPORT.fullmatch(event.message)
                assert match, event.message
                rows.append({"at": event.timestamp, "stream": stream, **match.groupdict()})
    reports = pd.DataFrame(rows).sort_values("at", ignore_index=True)
    numbers = ["duration", "billed", "size", "used", "init"]
    reports[numbers] = reports[numbers].astype(float)
    return reports.assign(at=pd.to_datetime(reports["at"], unit="ms", utc=True))


def _told(shape: Shape) -> dict[str, list[Line]]:
    return tell(plan(shape, now=NOW))


def test_a_cold_start_is_told_in_the_order_and_the_words_of_lambda() -> None:
    (events,) = tell([COLD]).values()

    messages = [event.message for event in events]
    assert messages[0].startswith("INIT_START Runtime Version: python:3.12.v")
    assert messages[1] == "START RequestId: 11111111-2222-4333-8444-555555555555 Version: $LATEST\n"
    assert messages[-2] == "END RequestId: 11111111-2222-4333-8444-555555555555\n"
    # 812.43 + 451.20 = 1263.63: initialization is billed since August 2025.
    assert messages[-1] == (
        "REPORT RequestId: 11111111-2222-4333-8444-555555555555\tDuration: 812.43 ms\t"
        "Billed Duration: 1264 ms\tMemory Size: 256 MB\tMax Memory Used: 97 MB\t"
        "Init Duration: 451.20 ms\t\n"
    )


def test_a_warm_invocation_has_no_init_and_bills_its_duration() -> None:
    (events,) = tell([WARM]).values()

    assert events[0].message.startswith("START ")
    assert events[-1].message == (
        "REPORT RequestId: 66666666-7777-4888-8999-aaaaaaaaaaaa\tDuration: 700.00 ms\t"
        "Billed Duration: 700 ms\tMemory Size: 256 MB\tMax Memory Used: 98 MB\t\n"
    )


def test_an_environment_has_one_stream_named_for_the_day_and_its_invocations_follow() -> None:
    streams = tell([COLD, WARM])

    assert list(streams) == ["2026/10/14/[$LATEST]0123456789abcdef0123456789abcdef"]
    timestamps = [event.timestamp for events in streams.values() for event in events]
    assert timestamps == sorted(set(timestamps))


def test_the_application_lines_are_the_recorded_ones_shifted_in_time() -> None:
    (events,) = tell([WARM]).values()

    told = [json.loads(event.message) for event in events if event.message.startswith("{")]
    recorded = recordings()[0].parsed
    assert [(line["level"], line["message"]) for line in told] == [
        (line["level"], line["message"]) for line in recorded
    ]
    assert [list(line) for line in told] == [list(line) for line in recorded]
    assert told[0]["timestamp"] == "2026-10-14T01:00:10.000420+00:00"
    assert told[0]["request_id"] == "66666666-7777-4888-8999-aaaaaaaaaaaa"
    assert told[-1]["timestamp"] == "2026-10-14T01:00:10.699130+00:00"


def test_processing_time_is_printed_with_a_space_and_is_a_bit_less_than_the_duration() -> None:
    (events,) = tell([WARM]).values()

    (last,) = [event.message for event in events if "invocation completed" in event.message]
    assert '"processing_time_ms": 698.71}' in last


def test_a_snapshot_belongs_to_the_hour_in_which_it_is_told() -> None:
    (events,) = tell([COLD]).values()

    snapshots = [
        json.loads(event.message) for event in events if "Snapshot updated" in event.message
    ]
    # The invocation begins half a second before one o'clock and outlasts it.
    keys = {(line["window"], line["window_key"]) for line in snapshots}
    assert keys == {("hourly", "2026-10-14T01:00:00Z"), ("daily", "2026-10-14T00:00:00Z")}


@pytest.mark.parametrize("shape", [slow.SHAPE, healthy.SHAPE], ids=["slow", "healthy"])
def test_the_same_instant_gives_the_same_bytes(shape: Shape) -> None:
    first, second = (
        json.dumps(
            {name: [[e.timestamp, e.message] for e in events] for name, events in told.items()}
        )
        for told in (_told(shape), _told(shape))
    )

    assert first == second


@pytest.mark.parametrize("shape", [slow.SHAPE, healthy.SHAPE], ids=["slow", "healthy"])
def test_every_invocation_is_whole_inside_the_three_hours_and_apart_from_the_next(
    shape: Shape,
) -> None:
    streams = _told(shape)

    everything = sorted(
        (event.timestamp, event.message) for events in streams.values() for event in events
    )
    assert everything[0][0] >= (NOW - timedelta(hours=3)).timestamp() * 1000
    assert everything[-1][0] < NOW.timestamp() * 1000
    kinds = [m.split(" ")[0] for _, m in everything if m.startswith(("START", "END", "REPORT"))]
    assert kinds == ["START", "END", "REPORT"] * (len(kinds) // 3)
    assert 500 < len(kinds) / 3 < 570


def test_slow_creeps_to_the_timeout_after_the_deployment_and_never_reaches_it() -> None:
    reports = _reports(_told(slow.SHAPE))

    before = reports[reports["at"] < DEPLOYED_AT]["duration"]
    last = reports[reports["at"] >= NOW - timedelta(minutes=15)]["duration"]
    assert 700 < before.median() < 850
    assert before.max() < 1000
    assert last.min() > 8000
    assert last.quantile(0.95) > 9000
    assert reports["duration"].max() < 9900
    assert reports["duration"].quantile(0.95) > 8000


def test_slow_shows_nothing_in_the_first_minutes_and_then_only_grows() -> None:
    reports = _reports(_told(slow.SHAPE))

    after = reports[reports["at"] >= DEPLOYED_AT].set_index("at")["duration"]
    medians = after.resample("15min", origin=DEPLOYED_AT).median()
    assert len(medians) == 5
    assert medians.is_monotonic_increasing
    assert after[after.index < DEPLOYED_AT + timedelta(minutes=4)].max() < 1000


# A live clock cuts periods of five minutes anywhere through the story.
@pytest.mark.parametrize("seconds", range(0, 300, 37))
def test_slow_leaves_records_waiting_longer_than_thirty_seconds_period_by_period(
    seconds: int,
) -> None:
    now = NOW + timedelta(seconds=seconds)

    invocations = plan(slow.SHAPE, now=now)

    ages = pd.Series(
        [invocation.iterator_age_ms for invocation in invocations],
        index=pd.DatetimeIndex([invocation.at for invocation in invocations]),
    )
    assert ages[ages.index < DEPLOYED_AT].max() < 1000
    periods = ages.resample("5min").max()
    late = periods[periods.index >= now - timedelta(minutes=20)].iloc[:3]
    assert late.min() > 30_000


def test_slow_starts_three_times_slower_after_the_deployment() -> None:
    reports = _reports(_told(slow.SHAPE))

    cold = reports.dropna(subset=["init"])
    before = cold[cold["at"] < DEPLOYED_AT]["init"]
    after = cold[cold["at"] >= DEPLOYED_AT]["init"]
    assert len(before) == 6
    assert len(after) == 8
    assert 400 < before.quantile(0.95) < 460
    assert 1350 < after.quantile(0.95) < 1450
    burst = cold["at"].between(DEPLOYED_AT, DEPLOYED_AT + timedelta(minutes=6))
    assert burst.sum() == 4


def test_healthy_is_healthy_by_every_number() -> None:
    reports = _reports(_told(healthy.SHAPE))

    ages = [invocation.iterator_age_ms for invocation in plan(healthy.SHAPE, now=NOW)]
    assert reports["duration"].quantile(0.95) < 1000
    assert reports["duration"].max() < 1000
    assert max(ages) < 1000
    assert reports["used"].max() < 128
    assert reports["init"].notna().sum() == 3
    assert reports["init"].notna().mean() < 0.01


@pytest.mark.parametrize("shape", [slow.SHAPE, healthy.SHAPE], ids=["slow", "healthy"])
def test_nothing_told_looks_like_an_error(shape: Shape) -> None:
    lines = [
        json.loads(event.message)
        for events in _told(shape).values()
        for event in events
        if event.message.startswith("{")
    ]

    assert {line["level"] for line in lines} == {"INFO", "DEBUG"}
    assert {line["error_count"] for line in lines if "error_count" in line} == {0}


def test_a_timeout_is_told_as_far_as_it_came_and_in_lambda_s_last_words() -> None:
    late = replace(WARM, duration_ms=10_000.0, status="timeout", would_take_ms=20_000.0)

    (events,) = tell([late]).values()

    printed = [json.loads(e.message)["message"] for e in events if e.message.startswith("{")]
    assert printed[:2] == ["Lambda invocation started", "Batch processing started"]
    assert "Lambda invocation completed" not in printed
    assert [event.message for event in events[-3:]] == [
        "2026-10-14T01:00:20.000Z 66666666-7777-4888-8999-aaaaaaaaaaaa "
        "Task timed out after 10.00 seconds\n",
        "END RequestId: 66666666-7777-4888-8999-aaaaaaaaaaaa\n",
        "REPORT RequestId: 66666666-7777-4888-8999-aaaaaaaaaaaa\tDuration: 10000.00 ms\t"
        "Billed Duration: 10000 ms\tMemory Size: 256 MB\tMax Memory Used: 98 MB\t"
        "Status: timeout\n",
    ]


def test_what_the_handler_raised_is_one_event_before_the_end() -> None:
    (events,) = tell([replace(WARM, status="error", lines="failed")]).values()

    raised = events[-3].message
    assert raised.startswith(
        "[ERROR] AttributeError: 'ProcessResult' object has no attribute 'snapshots_written'\n"
        "Traceback (most recent call last):\n"
    )
    assert 'File "/var/task/zae_limiter_aggregator/handler.py", line 114' in raised
    assert "Status" not in events[-1].message


def test_denied_writes_are_warnings_that_name_the_role_and_the_action() -> None:
    (events,) = tell([replace(WARM, lines="denied")]).values()

    lines = [json.loads(event.message) for event in events if event.message.startswith("{")]
    denied = [line for line in lines if line["level"] == "WARNING"]
    assert len(denied) == 4
    assert (
        "assumed-role/ZAEL-demo-aggr/ZAEL-demo-aggregator is not authorized" in denied[0]["message"]
    )
    assert [line["error_count"] for line in lines if "error_count" in line] == [4, 4]
