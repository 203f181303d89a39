"""What feeds functions: how old dead letters are, how late a stream is read, DynamoDB's answers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from opslib.health import Check, Finding, Verdict
from opslib.health.feeds import dead_letter_rows, queue_rows, stream_rows
from opslib.health.series import Series
from opslib.health.table_feeds import table_answers, table_rows
from opslib.health.undelivered import lost_letters, undelivered_row, user_errors_row
from opslib.health.verdicts import Point
from opslib.system import Threshold, Thresholds
from opslib.window import Window

T = Thresholds()
START = datetime(2026, 10, 14, 0, 7, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=3))
CRITICAL, HEALTHY, UNKNOWN = Verdict.CRITICAL, Verdict.HEALTHY, Verdict.UNKNOWN
HOUR_MS = 3_600_000.0


def _series(subject: str, *, is_there: bool = True, **points: list[tuple[int, float]]) -> Series:
    """Give series by indicator (two underscores for a space); points are minutes and values."""
    held = {
        name.replace("__", " "): [Point(START + timedelta(minutes=at), value) for at, value in each]
        for name, each in points.items()
    }
    status = dict.fromkeys(held, "Complete")
    return Series(subject=subject, points=held, status=status, is_there=is_there)


def _of(rows: list[Check]) -> dict[str, tuple[str, Verdict]]:
    return {row.indicator: (row.shown, row.verdict) for row in rows}


def test_one_dead_letter_that_is_older_than_an_hour_is_critical() -> None:
    series = _series("q", dead_letters=[(179, 1.0)], queue_age_ms=[(175, HOUR_MS + 1)])

    rows = dead_letter_rows(series, thresholds=T, window=WINDOW)

    assert _of(rows) == {
        "Dead letters": ("1 messages", Verdict.WARNING),
        "Oldest dead letter": ("3,600,001 ms", CRITICAL),
    }
    (finding,) = [row.finding for row in rows if row.finding]
    assert (finding.id, finding.severity) == ("dead-letters.waiting", CRITICAL)
    assert finding.detail.endswith("The oldest has been there for 60 min.")
    assert finding.evidence == ("dead_letters", "queue_age_ms")


@pytest.mark.parametrize(("minutes", "verdict"), [(61, CRITICAL), (59, HEALTHY)])
def test_where_the_age_was_not_asked_a_queue_that_is_never_empty_says_as_much(
    minutes: int, verdict: Verdict
) -> None:
    depths = [(minute, float(minute > 179 - minutes)) for minute in range(180)]
    series = _series("q", dead_letters=depths)

    row = dead_letter_rows(series, thresholds=T, window=WINDOW)[1]

    assert (row.indicator, row.verdict) == ("Oldest dead letter", verdict)
    assert row.note.startswith("not empty since 2026-10-14 02:0")


def test_a_young_dead_letter_is_what_its_number_says() -> None:
    series = _series("q", dead_letters=[(179, 1.0)], queue_age_ms=[(175, HOUR_MS)])

    rows = dead_letter_rows(series, thresholds=T, window=WINDOW)

    assert _of(rows)["Oldest dead letter"] == ("3,600,000 ms", HEALTHY)
    assert [row.finding.severity for row in rows if row.finding] == [Verdict.WARNING]


def test_an_age_from_when_letters_still_waited_is_not_of_an_empty_queue() -> None:
    emptied = _series("q", dead_letters=[(100, 9.0), (179, 0.0)], queue_age_ms=[(100, 9e9)])

    rows = dead_letter_rows(emptied, thresholds=T, window=WINDOW)

    assert _of(rows)["Oldest dead letter"] == ("0 ms", HEALTHY)


@pytest.mark.parametrize("ages", [[], [(100, 9e9)]])
def test_without_a_fresh_age_only_the_number_of_letters_is_told(
    ages: list[tuple[int, float]],
) -> None:
    series = _series("q", dead_letters=[(179, 3.0)], queue_age_ms=ages)

    rows = dead_letter_rows(series, thresholds=T, window=WINDOW)

    assert [row.indicator for row in rows] == ["Dead letters"]


def _stream(**points: list[tuple[int, float]]) -> Series:
    empty: dict[str, list[tuple[int, float]]] = {"stream_throttles": [], "stream_records": []}
    return _series("clicks", is_there=True, **(empty | {"stream_age_ms": []} | points))


def test_a_stream_whose_records_are_read_more_than_an_hour_late_is_critical() -> None:
    late = _stream(stream_age_ms=[(170, 60_000.0), (175, HOUR_MS + 1000)])

    row = stream_rows(late, thresholds=T, window=WINDOW)[1]

    assert (row.indicator, row.verdict) == ("Stream age", CRITICAL)
    assert row.finding is not None
    assert (row.finding.id, row.finding.title) == (
        "stream.age",
        "clicks is read 60 min late",
    )
    assert row.finding.since == START + timedelta(minutes=175)
    assert row.source.endswith("GetRecords.IteratorAge > 1 hour")


def test_a_stream_that_was_late_and_caught_up_is_told_as_over() -> None:
    caught_up = _stream(stream_age_ms=[(60, 2 * HOUR_MS), (65, 900.0), (175, 800.0)])

    row = stream_rows(caught_up, thresholds=T, window=WINDOW)[1]

    assert row.finding is not None
    assert row.finding.title == "clicks was read 2 h late until 2026-10-14 01:07 UTC"
    assert row.finding.until == START + timedelta(minutes=60)


@pytest.mark.parametrize(
    ("written", "is_read", "verdict"),
    [(False, False, HEALTHY), (True, True, HEALTHY), (True, False, UNKNOWN)],
)
def test_a_stream_without_an_age_is_well_only_where_nothing_waits_or_a_reader_was_seen(
    written: bool, is_read: bool, verdict: Verdict
) -> None:
    series = _stream(stream_records=[(10, 5.0)] if written else [])

    row = stream_rows(series, thresholds=T, window=WINDOW, is_read=is_read)[1]

    assert row.verdict is verdict


def test_one_error_of_dynamodbs_own_is_critical_and_names_its_operation() -> None:
    series = _series(
        "t", system_errors__PutItem=[(10, 2.0), (12, 1.0)], system_errors__Query=[], table_writes=[]
    )

    (row,) = table_answers(series, thresholds=T, window=WINDOW)

    assert (row.indicator, row.shown, row.verdict) == ("System errors", "3 errors", CRITICAL)
    assert row.finding is not None
    assert row.finding.title == "DynamoDB failed 3 requests to t until 2026-10-14 00:19 UTC"
    assert row.finding.detail.startswith("3 answers had HTTP status 500: PutItem, from")


def test_no_datapoint_of_errors_is_none_for_a_table_that_is_there_and_unknown_for_another() -> None:
    there = _series("t", system_errors__PutItem=[])
    missing = _series("t", is_there=False, system_errors__PutItem=[])

    assert [row.verdict for row in table_answers(there, thresholds=T, window=WINDOW)] == [HEALTHY]
    assert [row.verdict for row in table_answers(missing, thresholds=T, window=WINDOW)] == [UNKNOWN]


def test_the_latency_of_a_table_that_answered_nothing_is_not_called_low() -> None:
    silent = _series("t", latency_p99_ms__PutItem=[], latency_p99_ms__Query=[])
    blind = replace(silent, status=dict.fromkeys(silent.status, "Forbidden"))

    assert table_answers(silent, thresholds=T, window=WINDOW) == []
    assert [
        (row.indicator, row.verdict) for row in table_answers(blind, thresholds=T, window=WINDOW)
    ] == [("Latency", UNKNOWN)]


def test_the_slowest_operation_decides_and_what_was_not_asked_is_not_judged() -> None:
    series = _series(
        "t", latency_p99_ms__GetItem=[(175, 9.0)], latency_p99_ms__Query=[(170, 90.0), (175, 101.0)]
    )

    (row,) = table_answers(series, thresholds=T, window=WINDOW)

    assert (row.indicator, row.shown, row.verdict) == ("Latency", "101 ms", CRITICAL)
    assert row.finding is not None
    assert row.finding.title == "Query of t takes 101 ms within DynamoDB"
    assert row.finding.evidence == ("latency_p99_ms Query",)
    assert table_answers(_series("t", table_writes=[]), thresholds=T, window=WINDOW) == []


@pytest.mark.parametrize(
    ("last", "title", "ends"),
    [
        (170, "t refuses writes", "slow before they fail."),
        (
            140,
            "t refused writes until 2026-10-14 02:27 UTC",
            "None was seen after 2026-10-14 02:27 UTC; what followed was looked at until "
            "2026-10-14 03:07 UTC.",
        ),
    ],
)
def test_throttling_that_ended_forty_minutes_ago_says_so(last: int, title: str, ends: str) -> None:
    hit = [(minute, 40.0) for minute in range(100, last + 1, 5)]
    series = _series("t", read_throttles=[], write_throttles=hit)

    row = table_rows(series, thresholds=T, window=WINDOW)[1]

    assert row.finding is not None
    assert row.finding.title == title
    assert row.finding.detail.endswith(ends)


def _refused(every_min: int, hit: list[tuple[int, float]]) -> Finding:
    series = replace(
        _series("t", read_throttles=[], write_throttles=hit),
        periods={"write_throttles": 60 * every_min},
    )
    finding = table_rows(series, thresholds=T, window=WINDOW)[1].finding
    assert finding is not None
    return finding


def test_an_end_is_as_exact_as_the_periods_that_were_counted_and_says_how_exact() -> None:
    by_minute = _refused(1, [(minute, 9.0) for minute in range(100, 131)])
    by_five = _refused(5, [(minute, 40.0) for minute in range(98, 131, 5)])

    assert by_minute.title == "t refused writes until 2026-10-14 02:18 UTC"
    assert " after 2026-10-14 02:18 UTC; " in by_minute.detail
    assert by_five.title == "t refused writes until 2026-10-14 02:20 UTC"
    assert " after 2026-10-14 02:20 UTC, counted by 5 min; " in by_five.detail


def test_throttles_by_the_minute_are_judged_by_five_minutes() -> None:
    finding = _refused(1, [(minute, 1.0) for minute in range(170, 180)])

    assert finding.severity is Verdict.CRITICAL


def test_a_queue_that_was_worked_off_is_told_as_over() -> None:
    ages = [(60, 2e6), (65, 1.5e6), (70, 1000.0), (175, 1000.0)]
    series = _series("jobs", queue_age_ms=ages, queue_depth=[(60, 50.0), (175, 0.0)])

    row = queue_rows(series, thresholds=T)[0]

    assert row.finding is not None
    assert row.finding.title == "Messages waited in jobs until 2026-10-14 01:12 UTC"


@pytest.mark.parametrize(
    ("oldest_ms", "told"),
    [(2e6, ["Oldest message"]), (4e5, ["Queue depth"])],
)
def test_a_backlog_that_is_long_and_old_is_told_once_with_the_worse_of_the_two(
    oldest_ms: float, told: list[str]
) -> None:
    depths = [(60, 0.0), (175, 10_000.0)]
    series = _series("jobs", queue_age_ms=[(175, oldest_ms)], queue_depth=depths)

    own = T.model_copy(
        update={"queue_age_ms": Threshold(warning=3e5, critical=9e5, unit="ms", source="x")}
    )

    rows = queue_rows(series, thresholds=own)

    assert rows[1].verdict is Verdict.CRITICAL
    assert rows[0].verdict is not Verdict.HEALTHY
    assert [row.indicator for row in rows if row.finding] == told
    assert [row.finding.severity for row in rows if row.finding] == [Verdict.CRITICAL]


@pytest.mark.parametrize(
    ("sent", "deleted", "said"),
    [
        (
            [600.0, 600.0],
            [],
            "1,200 were sent and 0 deleted: its consumer fails each time, ",
        ),
        ([600.0, 600.0], [300.0], "1,200 were sent and 300 deleted: more comes than "),
        (
            [600.0],
            [590.0],
            "600 were sent and 590 deleted: its consumer keeps up ",
        ),
        ([], [40.0], "0 were sent and 40 deleted: its consumer is working it off."),
        (None, [40.0], "Its consumer does not keep up, fails, or does not run."),
    ],
)
def test_a_backlog_says_whether_the_queue_is_fed_and_drained(
    sent: list[float] | None, deleted: list[float], said: str
) -> None:
    flow: Any = {"queue_deleted": list(enumerate(deleted))}
    flow |= {} if sent is None else {"queue_sent": list(enumerate(sent))}
    series = _series("jobs", queue_age_ms=[(175, 2e6)], queue_depth=[(175, 90.0)], **flow)

    row = queue_rows(series, thresholds=T)[0]

    assert row.finding is not None
    assert f"the oldest waited 33 min. {'In the window ' * (sent is not None)}{said}" in (
        row.finding.detail
    )


def test_a_system_sets_its_own_age_of_a_stream() -> None:
    own = Thresholds(stream_age_ms=Threshold(critical=1000, unit="ms", source="owner, 2026-10-01"))
    series = _stream(stream_age_ms=[(175, 1001.0)])

    assert stream_rows(series, thresholds=own, window=WINDOW)[1].verdict is CRITICAL


def test_one_failure_that_did_not_come_to_the_dead_letter_queue_is_lost_and_critical() -> None:
    series = _series("f", dead_letter_errors=[(170, 2.0)], delivery_failures=[(172, 1.0)])

    row = undelivered_row(series, thresholds=T, window=WINDOW)

    assert row is not None
    assert (row.indicator, row.shown, row.verdict) == (
        "Undelivered letters",
        "3 failures",
        CRITICAL,
    )
    assert row.finding is not None
    assert row.finding.title == "3 failures of f were not kept"


def test_lost_letters_of_an_answer_are_critical_and_none_are_well() -> None:
    nothing = pd.DataFrame({"at": pd.Series(dtype="datetime64[ns, UTC]"), "value": []})
    one = pd.DataFrame({"at": pd.to_datetime([WINDOW.start], utc=True), "value": [3.0]})
    status = {"dead_letter_errors": "Complete", "delivery_failures": "Complete"}
    asked: Any = {"status": status, "subject": "f", "thresholds": T, "window": WINDOW}

    some = lost_letters(
        {"dead_letter_errors": nothing, "delivery_failures": one}.__getitem__, **asked
    )
    none = lost_letters(lambda name: nothing, **asked)
    blind = lost_letters(
        lambda name: nothing, **asked | {"status": dict.fromkeys(status, "Forbidden")}
    )

    assert [each.verdict for each in (some, none, blind)] == [CRITICAL, HEALTHY, UNKNOWN]
    assert some.finding is not None
    assert some.finding.id == "dead-letters.undelivered"


def test_no_datapoint_of_lost_letters_is_none_and_without_a_queue_nothing_is_judged() -> None:
    none = undelivered_row(
        _series("f", dead_letter_errors=[], delivery_failures=[]), thresholds=T, window=WINDOW
    )

    assert none is not None
    assert (none.shown, none.verdict, none.finding) == ("0 failures", HEALTHY, None)
    assert undelivered_row(_series("f", errors=[]), thresholds=T, window=WINDOW) is None


def test_lost_letters_that_could_not_be_seen_are_unknown() -> None:
    series = _series("f", dead_letter_errors=[], delivery_failures=[])
    blind = replace(series, status={"dead_letter_errors": "Forbidden", "delivery_failures": "F"})

    row = undelivered_row(blind, thresholds=T, window=WINDOW)

    assert row is not None
    assert row.verdict is UNKNOWN


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ([], HEALTHY),
        ([(60, 9.0), (65, 9.0)], HEALTHY),
        ([(60, 10.0), (65, 11.0)], Verdict.WARNING),
    ],
)
def test_requests_that_dynamodb_calls_wrong_are_at_most_a_warning(
    counts: list[tuple[int, float]], verdict: Verdict
) -> None:
    row = user_errors_row(_series("account", user_errors=counts), thresholds=T, window=WINDOW)

    assert (row.indicator, row.verdict) == ("User errors", verdict)
