"""Logs Insights over HTTP: boto3 sees what AWS documents, and the rows are the engine's."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from opslib import cwli
from opslib.sandbox.api import Sandbox

# 2026-10-14T03:00:00Z.
_S = 1_791_946_800
_REPORT = (
    "REPORT RequestId: {id}\tDuration: {ms:.2f} ms\tBilled Duration: {billed} ms\t"
    "Memory Size: 256 MB\tMax Memory Used: 91 MB\t{init}\n"
)


def _report(number: int, *, at_s: int, ms: float, init_ms: float | None = None) -> dict[str, Any]:
    message = _REPORT.format(
        id=f"00000000-0000-4000-8000-{number:012d}",
        ms=ms,
        billed=int(ms) + 1,
        init=f"Init Duration: {init_ms:.2f} ms\t" if init_ms else "",
    )
    return {"timestamp": at_s * 1000, "message": message}


# By stream, oldest first. Durations 100, 300 before 03:05; 500 and 1100 after.
_EVENTS = {
    "2026/10/14/[$LATEST]aa": [
        _report(1, at_s=_S, ms=100.0, init_ms=215.5),
        _report(2, at_s=_S + 60, ms=300.0),
        {
            "timestamp": (_S + 61) * 1000,
            "message": '{"level": "INFO", "message": "Batch done", "processing_time_ms": 41.2}\n',
        },
    ],
    "2026/10/14/[$LATEST]bb": [
        _report(3, at_s=_S + 300, ms=500.0, init_ms=300.5),
        _report(4, at_s=_S + 360, ms=1100.0),
    ],
}

_SIZE = sum(len(event["message"]) for events in _EVENTS.values() for event in events)


@pytest.fixture
def group(empty: Sandbox) -> Iterator[str]:
    """Give a log group that holds the events above."""
    logs = empty.client("logs")
    name = f"/aws/lambda/orders-{uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=name)
    for stream, events in _EVENTS.items():
        logs.create_log_stream(logGroupName=name, logStreamName=stream)
        logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)
    yield name
    logs.delete_log_group(logGroupName=name)


def _start(sandbox: Sandbox, text: str, **arguments: Any) -> str:
    spans = {"startTime": _S, "endTime": _S + 3600} | arguments
    started: str = sandbox.client("logs").start_query(queryString=text, **spans)["queryId"]
    return started


def _ended(sandbox: Sandbox, query_id: str, **arguments: Any) -> dict[str, Any]:
    logs = sandbox.client("logs")
    deadline = time.monotonic() + 60
    while True:
        answer: dict[str, Any] = logs.get_query_results(queryId=query_id, **arguments)
        if answer["status"] != "Running" or time.monotonic() > deadline:
            return answer


def _asked(sandbox: Sandbox, text: str, **arguments: Any) -> dict[str, Any]:
    return _ended(sandbox, _start(sandbox, text, **arguments))


def _rows(answer: dict[str, Any]) -> list[dict[str, str]]:
    return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]


def _error(sandbox: Sandbox, text: str, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        _start(sandbox, text, **arguments)
    understood: dict[str, Any] = caught.value.response
    return understood


def test_durations_by_five_minutes_are_those_of_the_events(empty: Sandbox, group: str) -> None:
    answer = _asked(
        empty,
        'filter @type = "REPORT" | stats avg(@duration) as mean, count() as n by bin(5m) as at'
        " | sort at asc",
        logGroupName=group,
    )

    assert answer["status"] == "Complete"
    assert _rows(answer) == [
        {"at": "2026-10-14 03:00:00.000", "mean": "200", "n": "2"},
        {"at": "2026-10-14 03:05:00.000", "mean": "800", "n": "2"},
    ]


def test_statistics_count_what_was_searched_found_and_returned(empty: Sandbox, group: str) -> None:
    answer = _asked(empty, "filter @duration > 200 | limit 2", logGroupName=group)

    assert answer["statistics"] == {
        "recordsMatched": 3.0,
        "recordsScanned": 5.0,
        "bytesScanned": float(_SIZE),
        "estimatedRecordsSkipped": 0.0,
        "estimatedBytesSkipped": 0.0,
        "logGroupsScanned": 1.0,
        "resultCount": 2.0,
    }


@pytest.mark.parametrize(
    "text",
    [
        "fields @timestamp, @message, @logStream, @log",
        "fields @timestamp, processing_time_ms | filter ispresent(processing_time_ms)",
        "filter @initDuration > 0 | fields @requestId, @memorySize | sort @timestamp",
        "stats pct(@duration, 95) as p95, max(@duration), count(*) by bin(1m)",
        'parse @message "Duration: * ms" as ms | stats sum(ms) by @logStream',
        "fields @message | sort @timestamp asc | limit 1",
    ],
)
def test_rows_equal_the_engines_own_on_the_same_events(
    empty: Sandbox, group: str, text: str
) -> None:
    events = [
        {**event, "logStream": stream, "log": f"000000000000:{group}"}
        for stream, held in _EVENTS.items()
        for event in held
    ]
    expected = cwli.query(text, events, start=_S * 1000, end=(_S + 3600) * 1000)

    answer = _asked(empty, text, logGroupName=group)

    assert _without_pointers(_rows(answer)) == _without_pointers(expected)
    assert ["@ptr" in row for row in _rows(answer)] == ["@ptr" in row for row in expected]
    assert len(expected) > 0


def _without_pointers(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: text for name, text in row.items() if name != "@ptr"} for row in rows]


def test_a_pointer_comes_last_in_a_row_of_an_event(empty: Sandbox, group: str) -> None:
    answer = _asked(empty, "fields @message | limit 1", logGroupName=group)

    (row,) = answer["results"]
    assert [cell["field"] for cell in row] == ["@message", "@ptr"]


@pytest.mark.parametrize("form", ["name", "names", "identifiers", "identifier by arn"])
def test_a_group_can_be_named_in_each_form(empty: Sandbox, group: str, form: str) -> None:
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    forms: dict[str, dict[str, Any]] = {
        "name": {"logGroupName": group},
        "names": {"logGroupNames": [group]},
        "identifiers": {"logGroupIdentifiers": [group]},
        "identifier by arn": {"logGroupIdentifiers": [arn]},
    }

    answer = _asked(empty, "stats count() as n", **forms[form])

    assert _rows(answer) == [{"n": "5"}]


def test_two_groups_are_searched_together_and_told_apart_by_log(empty: Sandbox, group: str) -> None:
    logs = empty.client("logs")
    other = f"{group}-other"
    logs.create_log_group(logGroupName=other)
    logs.create_log_stream(logGroupName=other, logStreamName="s")
    logs.put_log_events(
        logGroupName=other,
        logStreamName="s",
        logEvents=[{"timestamp": (_S + 1) * 1000, "message": "one"}],
    )

    answer = _asked(empty, "stats count() as n by @log | sort n asc", logGroupNames=[group, other])
    logs.delete_log_group(logGroupName=other)

    assert _rows(answer) == [
        {"@log": f"000000000000:{other}", "n": "1"},
        {"@log": f"000000000000:{group}", "n": "5"},
    ]
    assert answer["statistics"]["logGroupsScanned"] == 2.0


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (_S, _S + 2, ["a", "b", "c", "d"]),
        (_S, _S + 1, ["a", "b", "c"]),
        (_S + 1, _S + 1, ["b", "c"]),
        (_S * 1000, _S * 1000 + 1999, ["a", "b", "c"]),
        (_S * 1000 + 1, _S * 1000 + 1000, ["b"]),
    ],
    ids=["whole", "last second to its end", "one second", "milliseconds", "exact milliseconds"],
)
def test_a_window_includes_both_ends_in_seconds_and_in_milliseconds(
    empty: Sandbox, start: int, end: int, expected: list[str]
) -> None:
    logs = empty.client("logs")
    name = f"/edges/{uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    instants_ms = {"a": 0, "b": 1000, "c": 1999, "d": 2000}
    logs.put_log_events(
        logGroupName=name,
        logStreamName="s",
        logEvents=[
            {"timestamp": _S * 1000 + after_ms, "message": letter}
            for letter, after_ms in instants_ms.items()
        ],
    )

    answer = _asked(
        empty,
        "fields @message | sort @timestamp asc",
        logGroupName=name,
        startTime=start,
        endTime=end,
    )

    assert [row["@message"] for row in _rows(answer)] == expected


def test_more_than_ten_thousand_rows_come_in_pages_that_lose_and_repeat_nothing(
    empty: Sandbox,
) -> None:
    logs = empty.client("logs")
    name = f"/many/{uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    for first in (0, 6_000):
        logs.put_log_events(
            logGroupName=name,
            logStreamName="s",
            logEvents=[
                {"timestamp": _S * 1000 + number, "message": f"{number}"}
                for number in range(first, first + 6_000)
            ],
        )
    query_id = _start(empty, "fields @message | limit 100000", logGroupName=name)

    first_page = _ended(empty, query_id)
    second_page = _ended(empty, query_id, nextToken=first_page["nextToken"])

    sizes = [len(first_page["results"]), len(second_page["results"])]
    messages = {row["@message"] for row in _rows(first_page) + _rows(second_page)}
    assert sizes == [10_000, 2_000]
    assert len(messages) == 12_000
    assert "nextToken" not in second_page
    assert first_page["statistics"]["resultCount"] == 12_000.0


def test_a_page_is_as_small_as_asked_for(empty: Sandbox, group: str) -> None:
    query_id = _start(empty, "fields @duration | sort @timestamp asc", logGroupName=group)

    first = _ended(empty, query_id, maxItems=4)
    second = _ended(empty, query_id, maxItems=4, nextToken=first["nextToken"])

    assert (len(first["results"]), len(second["results"])) == (4, 1)


def test_a_token_of_another_query_is_refused(empty: Sandbox, group: str) -> None:
    one = _start(empty, "fields @message", logGroupName=group)
    other = _start(empty, "fields @message", logGroupName=group)
    token = _ended(empty, one, maxItems=2)["nextToken"]

    with pytest.raises(ClientError) as caught:
        _ended(empty, other, nextToken=token)

    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def test_the_limit_of_the_call_holds_without_one_in_the_text(empty: Sandbox, group: str) -> None:
    answer = _asked(empty, "fields @message", logGroupName=group, limit=3)

    assert len(answer["results"]) == 3


@pytest.mark.parametrize(
    ("text", "offset"),
    [("fields @message | foo bar", 18), ("fields nosuch(@message)", 7)],
)
def test_a_malformed_query_is_refused_with_its_place(
    empty: Sandbox, group: str, text: str, offset: int
) -> None:
    understood = _error(empty, text, logGroupName=group)

    assert understood["Error"]["Code"] == "MalformedQueryException"
    assert understood["queryCompileError"]["location"]["startCharOffset"] == offset
    assert understood["queryCompileError"]["message"] == understood["Error"]["Message"]


@pytest.mark.parametrize(
    "named",
    [
        {"logGroupName": "/no/such"},
        {"logGroupNames": ["{group}", "/no/such"]},
        {"logGroupIdentifiers": ["arn:aws:logs:us-east-1:000000000000:log-group:/no/such"]},
        {"logGroupIdentifiers": ["arn:aws:logs:eu-west-1:000000000000:log-group:/no/such"]},
    ],
    ids=["name", "one of two", "arn", "arn of another region"],
)
def test_one_missing_group_fails_the_call(
    empty: Sandbox, group: str, named: dict[str, Any]
) -> None:
    spelled = {
        key: value.replace("{group}", group)
        if isinstance(value, str)
        else [one.replace("{group}", group) for one in value]
        for key, value in named.items()
    }

    understood = _error(empty, "fields @message", **spelled)

    assert understood["Error"] == {
        "Code": "ResourceNotFoundException",
        "Message": "Log group '/no/such' does not exist for account ID '000000000000'",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"logGroupName": "/a", "logGroupNames": ["/a"]},
        {"logGroupNames": [f"/g{number}" for number in range(51)]},
        {"logGroupIdentifiers": ["arn:aws:logs:us-east-1:000000000000:log-group:/a:*"]},
        {"logGroupName": "/a", "startTime": _S, "endTime": _S - 1},
        {"logGroupName": "/a", "limit": 100_001},
        {"logGroupName": "/a", "queryLanguage": "SQL"},
    ],
    ids=["no group", "two forms", "51 groups", "arn with :*", "end first", "limit", "language"],
)
def test_a_wrong_parameter_is_refused(empty: Sandbox, arguments: dict[str, Any]) -> None:
    understood = _error(empty, "fields @message", **arguments)

    assert understood["Error"]["Code"] == "InvalidParameterException"


def test_a_query_longer_than_the_quota_is_refused(empty: Sandbox, group: str) -> None:
    understood = _error(empty, "fields @message" + " " * 10_000, logGroupName=group)

    assert understood["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize("call", ["get_query_results", "stop_query"])
def test_an_unknown_query_is_not_found(empty: Sandbox, call: str) -> None:
    logs = empty.client("logs")

    with pytest.raises(ClientError) as caught:
        getattr(logs, call)(queryId="00000000-0000-4000-8000-000000000000")

    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_a_slow_query_is_seen_running_before_it_completes(empty: Sandbox, group: str) -> None:
    empty.set_fault("logs:QueryExecution", latency_ms=1500, times=1)
    query_id = _start(empty, "stats count() as n", logGroupName=group)

    early = empty.client("logs").get_query_results(queryId=query_id)
    late = _ended(empty, query_id)

    assert (early["status"], early["results"]) == ("Running", [])
    assert (late["status"], _rows(late)) == ("Complete", [{"n": "5"}])


@pytest.mark.parametrize("status", ["Failed", "Timeout"])
def test_a_query_can_be_made_to_end_badly(empty: Sandbox, group: str, status: str) -> None:
    empty.set_fault("logs:QueryExecution", code=status, times=1)

    answer = _asked(empty, "fields @message", logGroupName=group)

    assert (answer["status"], answer["results"]) == (status, [])


def test_a_running_query_is_stopped_and_stays_cancelled(empty: Sandbox, group: str) -> None:
    empty.set_fault("logs:QueryExecution", latency_ms=60_000, times=1)
    query_id = _start(empty, "fields @message", logGroupName=group)

    stopped = empty.client("logs").stop_query(queryId=query_id)

    after = _ended(empty, query_id)
    assert stopped["success"] is True
    assert (after["status"], after["results"]) == ("Cancelled", [])


def test_a_query_that_ended_cannot_be_stopped(empty: Sandbox, group: str) -> None:
    query_id = _start(empty, "fields @message", logGroupName=group)
    _ended(empty, query_id)

    with pytest.raises(ClientError) as caught:
        empty.client("logs").stop_query(queryId=query_id)

    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    assert "is not running, its status is Complete" in str(caught.value)


def test_queries_of_a_group_are_described_newest_first(empty: Sandbox, group: str) -> None:
    first = _start(empty, "fields @message", logGroupName=group)
    second = _start(empty, "fields @duration", logGroupName=group)
    _ended(empty, first)
    _ended(empty, second)

    described = empty.client("logs").describe_queries(logGroupName=group)["queries"]

    assert [query["queryId"] for query in described] == [second, first]
    assert described[1].pop("queryDuration") >= 0
    assert described[1] == {
        "bytesScanned": float(_SIZE),
        "queryLanguage": "CWLI",
        "queryId": first,
        "queryString": "fields @message",
        "status": "Complete",
        # 2026-10-14T03:07:00Z, the pinned instant.
        "createTime": 1_791_947_220_000,
        "logGroupName": group,
    }


def test_other_calls_of_logs_go_to_the_emulator(empty: Sandbox, group: str) -> None:
    described = empty.client("logs").describe_log_streams(logGroupName=group)["logStreams"]

    assert {stream["logStreamName"] for stream in described} == set(_EVENTS)
