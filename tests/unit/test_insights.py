"""One query: sent, waited for, read to its last page, typed, or stopped."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from fakes.clients import Clock, Logs, refusal

from opslib.errors import BadInput, CouldNotLook
from opslib.insights import Answer, Insights, typed
from opslib.window import Window

WINDOW = Window(datetime(2026, 10, 14, 0, 7, tzinfo=UTC), datetime(2026, 10, 14, 3, 7, tzinfo=UTC))
COLUMNS = {"bin(5m)": "time", "p95_ms": "float", "invocations": "int", "note": "text"}


def _row(**values: str) -> list[dict[str, str]]:
    return [{"field": name, "value": value} for name, value in values.items()]


def _done(*rows: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    statistics = {"recordsMatched": 540.0, "recordsScanned": 3240.0, "bytesScanned": 812345.0}
    return {"status": "Complete", "results": list(rows), "statistics": statistics, **more}


def _query(
    logs: Logs,
    *,
    text: str = "stats count(*)",
    columns: Mapping[str, str] = COLUMNS,
    deadline_s: float = 60,
    clock: Clock | None = None,
    groups: tuple[str, ...] = ("/aws/lambda/f",),
) -> Answer:
    clock = clock or Clock()
    insights = Insights(logs, sleep=clock.sleep, monotonic=clock.monotonic, deadline_s=deadline_s)
    return insights.query("durations", text, groups=groups, window=WINDOW, columns=columns)


def test_the_half_open_window_is_sent_in_seconds_as_inclusive_ends_and_no_limit() -> None:
    logs = Logs(_done())

    _query(logs)

    assert logs.started == [
        {
            "logGroupNames": ["/aws/lambda/f"],
            "startTime": 1791936420,
            "endTime": 1791947219,
            "queryString": "stats count(*)",
        }
    ]


def test_groups_by_arn_are_sent_as_identifiers() -> None:
    logs = Logs(_done())
    groups = ("arn:aws:logs:us-east-1:123456789012:log-group:/x", "/aws/lambda/f")

    _query(logs, groups=groups)

    assert logs.started[0]["logGroupIdentifiers"] == list(groups)
    assert "logGroupNames" not in logs.started[0]


def test_rows_are_typed_and_what_is_missing_stays_missing() -> None:
    first = {"bin(5m)": "2026-10-14 00:05:00.000", "p95_ms": "732.4219", "invocations": "15"}
    logs = Logs(_done(_row(**first, note="a"), _row(invocations="1.28E8", **{"@ptr": "x"})))

    rows = _query(logs).rows

    assert list(rows.columns) == ["bin(5m)", "p95_ms", "invocations", "note"]
    assert [str(dtype) for dtype in rows.dtypes] == [
        "datetime64[ns, UTC]",
        "float64",
        "Int64",
        "string",
    ]
    assert rows["bin(5m)"][0] == pd.Timestamp("2026-10-14T00:05:00Z")
    assert rows["p95_ms"][0] == 732.4219
    assert list(rows["invocations"]) == [15, 128_000_000]
    assert rows["note"][0] == "a"
    assert rows[["bin(5m)", "p95_ms", "note"]].isna().loc[1].all()


def test_an_empty_answer_has_the_same_columns_and_kinds() -> None:
    rows = _query(Logs(_done())).rows

    assert len(rows) == 0
    assert [str(dtype) for dtype in rows.dtypes] == [
        "datetime64[ns, UTC]",
        "float64",
        "Int64",
        "string",
    ]


def test_an_instant_may_come_as_epoch_milliseconds() -> None:
    rows = typed([{"first": "1791936420500"}], {"first": "time"})

    assert rows["first"][0] == pd.Timestamp("2026-10-14T00:07:00.500Z")


def test_columns_that_nobody_named_are_an_error_that_names_them() -> None:
    logs = Logs(_done(_row(p95="1", surprise="2", note="3")))

    with pytest.raises(BadInput) as refused:
        _query(logs)

    assert "Query durations returns p95, surprise, which its columns do not name" in (
        refused.value.message
    )
    assert "they name bin(5m), p95_ms, invocations, note" in refused.value.message


@pytest.mark.parametrize(
    ("kind", "value"), [("int", "1.5"), ("int", "many"), ("float", "12 ms"), ("time", "noon-ish")]
)
def test_a_value_of_another_kind_is_an_error_that_does_not_show_it(kind: str, value: str) -> None:
    with pytest.raises(BadInput) as refused:
        typed([{"x": value}], {"x": kind}, name="durations")

    assert f"Query durations returns values in x that are not of the kind {kind}" in (
        refused.value.message
    )
    assert value not in refused.value.message


def test_partial_answers_are_waited_out_with_growing_pauses() -> None:
    clock = Clock()
    running = {"status": "Running", "results": [_row(note="partial")]}
    logs = Logs({"status": "Scheduled"}, *[running] * 6, _done(_row(note="whole")))

    answer = _query(logs, clock=clock)

    assert list(answer.rows["note"]) == ["whole"]
    assert clock.slept == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert logs.stopped == []


def test_a_query_that_takes_too_long_is_stopped_and_is_no_answer() -> None:
    clock = Clock()
    logs = Logs({"status": "Running", "results": [_row(note="partial")]})

    with pytest.raises(CouldNotLook) as refused:
        _query(logs, clock=clock, deadline_s=5)

    assert (refused.value.reason, refused.value.operation) == ("timeout", "logs:GetQueryResults")
    assert "After 5 s it was still Running; it was stopped" in refused.value.message
    assert logs.stopped == ["query-1"]
    assert sum(clock.slept) <= 5


def test_a_person_who_interrupts_stops_the_query_too() -> None:
    logs = Logs(KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        _query(logs)

    assert logs.stopped == ["query-1"]


def test_a_query_that_cannot_be_stopped_does_not_hide_why_it_should_be() -> None:
    logs = Logs(refusal("AccessDeniedException", "no"), stop=refusal("InvalidParameterException"))

    with pytest.raises(CouldNotLook) as refused:
        _query(logs)

    assert refused.value.reason == "forbidden"
    assert logs.stopped == ["query-1"]


@pytest.mark.parametrize(
    ("status", "reason"), [("Failed", "failed"), ("Cancelled", "failed"), ("Timeout", "timeout")]
)
def test_a_query_that_ended_otherwise_is_no_answer_and_needs_no_stopping(
    status: str, reason: str
) -> None:
    logs = Logs({"status": status, "results": [_row(note="partial")]})

    with pytest.raises(CouldNotLook) as refused:
        _query(logs)

    assert refused.value.reason == reason
    assert f"Logs Insights ended it with status {status}" in refused.value.message
    assert logs.stopped == []


def test_a_full_account_is_waited_for() -> None:
    clock = Clock()
    full = refusal("LimitExceededException")
    logs = Logs(_done(_row(note="a")), starts=[full, full])

    answer = _query(logs, clock=clock)

    assert len(answer.rows) == 1
    assert len(logs.started) == 3
    assert clock.slept == [0.05, 0.1]


def test_a_full_account_is_not_waited_for_beyond_the_deadline() -> None:
    logs = Logs(_done(), starts=[refusal("LimitExceededException")] * 100)

    with pytest.raises(CouldNotLook) as refused:
        _query(logs, deadline_s=3)

    assert (refused.value.reason, refused.value.operation) == ("throttled", "logs:StartQuery")
    assert logs.asked == []


def test_a_refused_query_is_not_asked_again() -> None:
    logs = Logs(_done(), starts=[refusal("MalformedQueryException", "unexpected symbol")])

    with pytest.raises(CouldNotLook) as refused:
        _query(logs)

    assert refused.value.reason == "failed"
    assert "MalformedQueryException: unexpected symbol" in refused.value.message
    assert len(logs.started) == 1


def test_throttled_polling_goes_on() -> None:
    logs = Logs(refusal("ThrottlingException"), _done(_row(note="a")))

    assert len(_query(logs).rows) == 1


def test_every_page_is_read() -> None:
    logs = Logs(
        _done(_row(note="a"), nextToken="t1"),
        _done(_row(note="b"), nextToken="t2"),
        _done(_row(note="c")),
    )

    answer = _query(logs)

    assert list(answer.rows["note"]) == ["a", "b", "c"]
    assert logs.asked == [
        {"queryId": "query-1"},
        {"queryId": "query-1", "nextToken": "t1"},
        {"queryId": "query-1", "nextToken": "t2"},
    ]


def test_the_receipt_says_what_was_asked_and_what_it_cost() -> None:
    receipt = _query(Logs(_done(_row(note="a"), _row(note="b")))).receipt

    assert receipt.as_dict() == {
        "name": "durations",
        "text": "stats count(*)",
        "query_id": "query-1",
        "status": "Complete",
        "rows": 2,
        "matched": 540,
        "scanned": 3240,
        "scanned_bytes": 812345,
        "truncated": False,
        "completeness": "Every row came.",
        "groups": ["/aws/lambda/f"],
        "window": WINDOW.as_dict(),
    }
    assert receipt.sentence == (
        "durations: 2 rows, from 540 matching of 3,240 events read (0.8 MB). Complete."
    )


@pytest.mark.parametrize(
    ("text", "truncated"),
    [
        ("fields @message | limit 2", True),
        ("fields @message\n| LIMIT 2 # no more", True),
        ("fields @message | limit any 2\n", True),
        ("fields @message | limit 3", False),
        ("fields @message # | limit 2", False),
        ("filter @message like 'limit 2'", False),
        ("fields @message", False),
    ],
)
def test_as_many_rows_as_may_come_are_taken_as_cut_off(text: str, truncated: bool) -> None:
    answer = _query(Logs(_done(_row(note="a"), _row(note="b"))), text=text)

    assert answer.receipt.truncated is truncated


def test_pages_that_are_left_over_are_said_to_be_cut_off() -> None:
    page = {**_done(_row(note="a")), "nextToken": "more"}

    answer = _query(Logs(page), text="fields @message | limit 50000")

    assert answer.receipt.rows == 100
    assert answer.receipt.truncated is True


def test_ten_thousand_rows_without_a_limit_are_taken_as_cut_off() -> None:
    answer = _query(Logs(_done(*[_row(note="a")] * 10_000)))

    assert answer.receipt.truncated is True


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"columns": {"x": "number"}}, "number is no kind of column; there are time, float, int"),
        ({"groups": ()}, "it names 0 log groups; it takes 1 to 50"),
        ({"groups": ("g",) * 51}, "it names 51 log groups"),
        ({"text": "x" * 10_001}, "its text has 10,001 characters; it takes 10,000"),
    ],
)
def test_what_the_service_would_refuse_is_not_sent(changed: dict[str, Any], said: str) -> None:
    logs = Logs(_done())

    with pytest.raises(BadInput) as refused:
        _query(logs, **changed)

    assert said in refused.value.message
    assert logs.started == []
