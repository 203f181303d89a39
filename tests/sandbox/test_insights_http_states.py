"""The states of a query over HTTP: Scheduled, Running with partial rows, and each of its ends."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.errors import CouldNotLook
from opslib.sandbox.api import Sandbox
from opslib.sandbox.logs.queries import Quota
from sandbox.log_groups import client, ended, fill, rows, start

_TOLD = [(number * 1000, f"line {number}") for number in range(6)]


@pytest.fixture
def group(empty: Sandbox) -> str:
    return fill(empty, {"a": _TOLD})


def _look(sandbox: Sandbox, query_id: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client(sandbox).get_query_results(queryId=query_id, **arguments)
    return answer


def _messages(answer: dict[str, Any]) -> list[str]:
    return [row["@message"] for row in rows(answer)]


def _code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_a_query_waits_scheduled_for_its_turn(empty: Sandbox, group: str) -> None:
    empty.set_fault("logs:QueryExecution", code="Scheduled", latency_ms=1000, times=1)
    query_id = start(empty, "stats count() as n", logGroupName=group)

    early = _look(empty, query_id)
    late = ended(empty, query_id)

    assert (early["status"], early["results"]) == ("Scheduled", [])
    assert set(early["statistics"].values()) == {0.0}
    assert (late["status"], rows(late)) == ("Complete", [{"n": "6"}])


def test_a_running_query_shows_the_rows_of_what_it_searched_so_far(
    empty: Sandbox, group: str
) -> None:
    empty.set_fault("logs:QueryExecution", code="Running", latency_ms=60_000, times=1)
    query_id = start(empty, "fields @message", logGroupName=group)

    first = _look(empty, query_id)
    while not first["results"]:
        first = _look(empty, query_id)
    paged = _look(empty, query_id, maxItems=2)
    rest = _look(empty, query_id, maxItems=2, nextToken=paged["nextToken"])
    client(empty).stop_query(queryId=query_id)

    assert first["status"] == "Running"
    assert _messages(first) == ["line 5", "line 4", "line 3"]
    assert first["statistics"]["recordsScanned"] == 3.0
    assert first["statistics"]["resultCount"] == 3.0
    assert _messages(paged) + _messages(rest) == ["line 5", "line 4", "line 3"]


def test_a_count_of_a_running_query_is_only_of_what_it_searched_so_far(
    empty: Sandbox, group: str
) -> None:
    empty.set_fault("logs:QueryExecution", code="Running", latency_ms=1500, times=1)
    query_id = start(empty, "stats count() as n", logGroupName=group)

    early = _look(empty, query_id)
    while not early["results"]:
        early = _look(empty, query_id)
    late = ended(empty, query_id)

    assert (early["status"], rows(early)) == ("Running", [{"n": "3"}])
    assert early["statistics"]["recordsScanned"] == 3.0
    assert (late["status"], rows(late)) == ("Complete", [{"n": "6"}])
    assert late["statistics"]["recordsScanned"] == 6.0


@pytest.mark.parametrize("state", ["Scheduled", "Running"])
def test_a_query_is_stopped_before_it_ends(empty: Sandbox, group: str, state: str) -> None:
    empty.set_fault("logs:QueryExecution", code=state, latency_ms=60_000, times=1)
    query_id = start(empty, "fields @message", logGroupName=group)

    stopped = client(empty).stop_query(queryId=query_id)

    assert stopped["success"] is True
    assert _look(empty, query_id)["status"] == "Cancelled"


def test_a_fault_that_is_no_status_of_a_query_is_not_set(empty: Sandbox, group: str) -> None:
    with pytest.raises(CouldNotLook) as caught:
        empty.set_fault("logs:QueryExecution", code="Throttling")

    assert "Throttling is no status of a query" in str(caught.value)
    assert ended(empty, start(empty, "limit 1", logGroupName=group))["status"] == "Complete"


def test_a_query_that_is_refused_uses_up_no_fault(empty: Sandbox, group: str) -> None:
    empty.set_fault("logs:QueryExecution", code="Failed", times=1)

    with pytest.raises(ClientError):
        start(empty, "fields @message", logGroupName="/no/such")
    answer = ended(empty, start(empty, "fields @message", logGroupName=group))

    assert answer["status"] == "Failed"


def test_more_queries_than_the_quota_are_refused_until_one_ends(empty: Sandbox, group: str) -> None:
    empty.set_query_quota(2)
    empty.set_fault("logs:QueryExecution", code="Timeout", latency_ms=60_000)
    first = start(empty, "fields @message", logGroupName=group)
    start(empty, "fields @message", logGroupName=group)

    with pytest.raises(ClientError) as caught:
        start(empty, "fields @message", logGroupName=group)
    client(empty).stop_query(queryId=first)
    third = start(empty, "fields @message", logGroupName=group)

    assert caught.value.response["Error"] == {
        "Code": "LimitExceededException",
        "Message": "Account maximum query concurrency limit of [2] reached.",
    }
    assert _look(empty, third)["status"] == "Running"


def test_the_quota_is_awss_own_hundred_unless_ordered_otherwise(empty: Sandbox, group: str) -> None:
    empty.set_query_quota(1)
    empty.set_query_quota(None)
    empty.set_fault("logs:QueryExecution", code="Timeout", latency_ms=60_000)

    ids = {start(empty, "fields @message", logGroupName=group) for _ in range(2)}

    assert len(ids) == 2
    assert Quota().concurrent == 100


@pytest.mark.parametrize("quota", [0, 101, "two"])
def test_a_quota_beyond_awss_is_no_quota(empty: Sandbox, quota: Any) -> None:
    with pytest.raises(CouldNotLook) as caught:
        empty.set_query_quota(quota)

    assert "concurrent is 1 to 100 queries" in str(caught.value)


def test_a_throttled_call_is_refused_and_tells_nothing_of_the_query(
    empty: Sandbox, group: str
) -> None:
    query_id = start(empty, "fields @message", logGroupName=group)
    empty.set_fault("logs:GetQueryResults", code="AccessDenied", times=1)

    with pytest.raises(ClientError) as caught:
        _look(empty, query_id)

    assert _code(caught) == "AccessDeniedException"
    assert ended(empty, query_id)["status"] == "Complete"


def test_queries_are_described_by_status_a_page_at_a_time(empty: Sandbox, group: str) -> None:
    other = fill(empty, {"s": [(0, "x")]})
    complete = [start(empty, "fields @message", logGroupName=group) for _ in range(3)]
    for query_id in complete:
        ended(empty, query_id)
    elsewhere = start(empty, "fields @message", logGroupNames=[other, group])
    ended(empty, elsewhere)
    empty.set_fault("logs:QueryExecution", code="Timeout", latency_ms=60_000)
    running = start(empty, "fields @message", logGroupName=group)
    logs = client(empty)

    def described(**arguments: Any) -> list[str]:
        answer = logs.describe_queries(**arguments)
        return [query["queryId"] for query in answer["queries"]]

    first = logs.describe_queries(logGroupName=group, status="Complete", maxResults=3)
    second = logs.describe_queries(
        logGroupName=group, status="Complete", maxResults=3, nextToken=first["nextToken"]
    )

    ids = [query["queryId"] for query in first["queries"] + second["queries"]]
    assert ids == [elsewhere, *reversed(complete)]
    assert "nextToken" not in second
    assert described(status="Running") == [running]
    assert described(logGroupName=other) == [elsewhere]
    assert described(queryLanguage="SQL") == []
    assert described(status="Scheduled") == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"status": "Done"}, "InvalidParameterException"),
        ({"nextToken": "bogus"}, "InvalidParameterException"),
        ({"maxResults": 1001}, "InvalidParameterException"),
        ({"logGroupName": "/no/such"}, "ResourceNotFoundException"),
    ],
)
def test_a_wrong_request_to_describe_queries_is_refused(
    empty: Sandbox, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        client(empty).describe_queries(**arguments)

    assert _code(caught) == code
