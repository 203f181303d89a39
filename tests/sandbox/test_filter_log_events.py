"""FilterLogEvents over HTTP: patterns, streams, spans, and pages that lose and repeat nothing."""

from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox
from sandbox.functions import make
from sandbox.log_groups import Events, S, client, fill, put

_TOLD: Events = {
    "web/a": [
        (0, "[ERROR] 500 first failure"),
        (2000, '{"level": "ERROR", "ms": 1200, "tags": ["slow"]}'),
        (4000, "[INFO] all is well"),
    ],
    "web/b": [
        (1000, "[INFO] error in lower case"),
        (3000, "[ERROR] second failure of the first"),
        (4000, '{"level": "INFO", "ms": 40}'),
    ],
    "jobs/c": [(2500, "took 31 ms of 100"), (5000, "[WARN] nearly full")],
    "jobs/empty": [],
}


@pytest.fixture
def group(empty: Sandbox) -> str:
    return fill(empty, _TOLD)


def _asked(sandbox: Sandbox, group: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client(sandbox).filter_log_events(logGroupName=group, **arguments)
    return answer


def _found(logs: Any, group: str, **arguments: Any) -> list[int]:
    """Ask, and tell when the events of the answer happened, milliseconds after `S`."""
    events = logs.filter_log_events(logGroupName=group, **arguments)["events"]
    return [event["timestamp"] - S * 1000 for event in events]


def _refused(sandbox: Sandbox, **arguments: Any) -> dict[str, str]:
    with pytest.raises(ClientError) as caught:
        client(sandbox).filter_log_events(**arguments)
    error: dict[str, str] = caught.value.response["Error"]
    return error


def test_patterns_find_what_aws_would(empty: Sandbox, group: str) -> None:
    expected = {
        "ERROR": [0, 2000, 3000],
        "error": [1000],
        "ERROR failure": [0, 3000],
        '"first failure"': [0],
        '"[ERROR]"': [0, 3000],
        "ERROR -first": [2000],
        "?WARN ?well": [4000, 5000],
        '{ $.level = "ERROR" }': [2000],
        '{ $.level = "INFO" && $.ms < 100 }': [4000],
        '{ $.tags[0] = "sl*" || $.ms = 40 }': [2000, 4000],
        "{ $.tags NOT EXISTS }": [4000],
        r"%took \d+ ms%": [2500],
        "[w = took, ms > 30, ...]": [2500],
        # A field named ERROR of which nothing is asked, unlike the phrase above.
        "[ERROR]": [0, 1000, 2000, 2500, 3000, 4000, 4000, 5000],
        "": [0, 1000, 2000, 2500, 3000, 4000, 4000, 5000],
    }
    logs = client(empty)

    found = {pattern: _found(logs, group, filterPattern=pattern) for pattern in expected}

    assert found == expected


def test_an_event_is_told_whole(empty: Sandbox, group: str) -> None:
    (event,) = _asked(empty, group, filterPattern="WARN")["events"]

    assert event.pop("ingestionTime") > 0
    assert len(event.pop("eventId")) > 10
    assert event == {
        "logStreamName": "jobs/c",
        "timestamp": (S + 5) * 1000,
        "message": "[WARN] nearly full",
    }


def test_streams_and_spans_narrow_what_is_searched(empty: Sandbox, group: str) -> None:
    asked: list[tuple[dict[str, Any], list[int]]] = [
        ({"logStreamNamePrefix": "web/"}, [0, 1000, 2000, 3000, 4000, 4000]),
        ({"logStreamNamePrefix": "jobs/"}, [2500, 5000]),
        ({"logStreamNamePrefix": "none/"}, []),
        ({"logStreamNames": ["web/b"]}, [1000, 3000, 4000]),
        ({"logStreamNames": ["web/b", "jobs/c"]}, [1000, 2500, 3000, 4000, 5000]),
        ({"logStreamNames": ["jobs/empty"]}, []),
        ({"startTime": (S + 3) * 1000}, [3000, 4000, 4000, 5000]),
        ({"endTime": (S + 1) * 1000}, [0, 1000]),
        ({"startTime": (S + 1) * 1000 + 1, "endTime": (S + 2) * 1000}, [2000]),
        ({"interleaved": False}, [0, 1000, 2000, 2500, 3000, 4000, 4000, 5000]),
        (
            {"startFromHead": False, "startTime": S * 1000},
            [5000, 4000, 4000, 3000, 2500, 2000, 1000, 0],
        ),
    ]
    logs = client(empty)

    found = [_found(logs, group, **arguments) for arguments, _ in asked]

    assert found == [expected for _, expected in asked]


@pytest.mark.parametrize("form", ["name", "arn"])
def test_a_group_can_be_named_by_identifier(empty: Sandbox, group: str, form: str) -> None:
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    identifier = {"name": group, "arn": arn}[form]

    answer = client(empty).filter_log_events(logGroupIdentifier=identifier, filterPattern="WARN")

    assert [event["message"] for event in answer["events"]] == ["[WARN] nearly full"]


@pytest.mark.parametrize("direction", [True, False])
def test_pages_give_every_event_exactly_once(empty: Sandbox, direction: bool) -> None:
    # Many events of one millisecond, in two streams: no timestamp can tell where a page ended.
    messages = [(number // 40 * 1000, f"{number}") for number in range(100)]
    group = fill(empty, {"a": messages[:60], "b": messages[60:]})
    pages = (
        client(empty)
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=group,
            startTime=S * 1000,
            startFromHead=direction,
            PaginationConfig={"PageSize": 7},
        )
    )

    told = [event for page in pages for event in page["events"]]

    expected = [f"{number}" for number in range(100)]
    assert [event["message"] for event in told] == expected[:: 1 if direction else -1]
    assert len({event["eventId"] for event in told}) == 100


def test_a_page_is_no_larger_than_asked_for_and_the_last_has_no_token(
    empty: Sandbox, group: str
) -> None:
    first = _asked(empty, group, limit=5)
    second = _asked(empty, group, limit=5, nextToken=first["nextToken"])
    exactly = _asked(empty, group, limit=8)

    assert [len(page["events"]) for page in (first, second, exactly)] == [5, 3, 8]
    assert "nextToken" not in second
    assert "nextToken" not in exactly


def test_what_arrives_between_two_pages_repeats_nothing(empty: Sandbox, group: str) -> None:
    first = _asked(empty, group, limit=5)
    put(empty, group, "web/a", [(500, "late"), (6000, "new")])

    second = _asked(empty, group, nextToken=first["nextToken"])

    told = [event["message"] for event in first["events"] + second["events"]]
    assert told.count("late") == 0
    assert told[-1] == "new"
    assert len(told) == len(set(told)) == 9


def test_a_search_that_finds_little_gives_an_empty_page_and_goes_on(empty: Sandbox) -> None:
    told = [(number, f"{number}") for number in range(12_000)]
    group = fill(empty, {"a": told[:6000], "b": [*told[6000:-1], (12_000, "NEEDLE")]})

    first = _asked(empty, group, filterPattern="NEEDLE")
    second = _asked(empty, group, filterPattern="NEEDLE", nextToken=first["nextToken"])

    assert first["events"] == []
    assert [event["message"] for event in second["events"]] == ["NEEDLE"]
    assert "nextToken" not in second


def test_a_page_holds_at_most_a_megabyte(empty: Sandbox) -> None:
    group = fill(empty, {"a": []})
    for second in range(5):
        put(empty, group, "a", [(second * 1000, f"{second}" * 300_000)])

    pages = list(client(empty).get_paginator("filter_log_events").paginate(logGroupName=group))

    sizes = [len(page["events"]) for page in pages]
    told = [event["message"][0] for page in pages for event in page["events"]]
    assert sizes == [3, 2]
    assert told == ["0", "1", "2", "3", "4"]


def test_what_a_function_logged_is_found_with_an_id_that_stays(empty: Sandbox) -> None:
    make(empty, "noisy", source="def handler(event, context):\n    print('a LOUD line')")
    empty.client("lambda").invoke(FunctionName="noisy")

    first = _asked(empty, "/aws/lambda/noisy", filterPattern="?LOUD ?REPORT")["events"]
    again = _asked(empty, "/aws/lambda/noisy", filterPattern="?LOUD ?REPORT")["events"]

    assert [event["message"].split()[0] for event in first] == ["a", "REPORT"]
    assert [event["eventId"] for event in first] == [event["eventId"] for event in again]
    assert all(one["timestamp"] <= next_["timestamp"] for one, next_ in pairwise(first))


def test_a_wrong_request_is_refused(empty: Sandbox, group: str) -> None:
    invalid, missing = "InvalidParameterException", "ResourceNotFoundException"
    named = {"logGroupName": group}
    asked: list[tuple[dict[str, Any], str, str]] = [
        ({"logGroupName": "/no/such"}, missing, "The specified log group does not exist."),
        ({}, invalid, "Exactly one of logGroupName and logGroupIdentifier is needed."),
        (
            named | {"logGroupIdentifier": group},
            invalid,
            "Exactly one of logGroupName and logGroupIdentifier is needed.",
        ),
        (
            named | {"logStreamNames": ["web/a", "no"]},
            missing,
            "The specified log stream does not exist.",
        ),
        (
            named | {"logStreamNames": ["a"], "logStreamNamePrefix": "a"},
            invalid,
            "Only one of logStreamNames and logStreamNamePrefix can be given.",
        ),
        (named | {"limit": 10_001}, invalid, "limit must be between 1 and 10000."),
        (named | {"nextToken": "bogus"}, invalid, "The specified nextToken is invalid."),
        (
            named | {"startFromHead": False, "startTime": 1},
            invalid,
            "startFromHead false needs a startTime in 2024 or later.",
        ),
        (
            named | {"filterPattern": "Status: timeout"},
            invalid,
            "Invalid filter pattern: Invalid character(s) in term ':'.",
        ),
    ]

    refused = [_refused(empty, **arguments) for arguments, _, _ in asked]

    assert refused == [{"Code": code, "Message": message} for _, code, message in asked]


def test_a_token_of_another_group_is_refused(empty: Sandbox, group: str) -> None:
    other = fill(empty, {"s": [(0, "x")]})
    token = _asked(empty, group, limit=1)["nextToken"]

    error = _refused(empty, logGroupName=other, nextToken=token)

    assert error["Code"] == "InvalidParameterException"


def test_faults_reach_the_call(empty: Sandbox, group: str) -> None:
    empty.set_fault("logs:FilterLogEvents", code="Throttling", times=3)

    error = _refused(empty, logGroupName=group)

    assert error == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
    assert len(_asked(empty, group)["events"]) == 8
