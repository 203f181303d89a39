"""Which log groups a query is asked of over HTTP, by the call or by the query itself."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox
from sandbox.log_groups import S, ended, fill, rows, start


@pytest.fixture
def orders(empty: Sandbox) -> Sandbox:
    """Give a sandbox with three log groups of one, two and three events."""
    fill(empty, {"s": [(0, "x")]}, name="/orders/web")
    fill(empty, {"s": [(0, "x"), (1, "y")]}, name="/orders/jobs")
    fill(empty, {"s": [(0, "x"), (1, "y"), (2, "z")]}, name="/billing")
    return empty


def _count(sandbox: Sandbox, text: str, **arguments: Any) -> str:
    (row,) = rows(ended(sandbox, start(sandbox, text, **arguments)))
    return row["n"]


def _error(sandbox: Sandbox, text: str, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        start(sandbox, text, **arguments)
    understood: dict[str, Any] = caught.value.response
    return understood


def test_a_source_command_selects_what_is_searched(orders: Sandbox) -> None:
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:/orders/jobs"
    expected = {
        "SOURCE '/billing' | stats count() as n": "3",
        f"SOURCE '{arn}' | stats count() as n": "2",
        "SOURCE '/billing' | SOURCE '/orders/web' | stats count() as n": "4",
        "SOURCE logGroups(namePrefix: ['/orders/']) | stats count() as n": "3",
        "SOURCE logGroups(namePrefix: ['/orders/j', '/bil']) | stats count() as n": "5",
        "SOURCE logGroups() | stats count() as n": "6",
    }

    found = {text: _count(orders, text) for text in expected}

    assert found == expected


def test_the_statistics_count_the_groups_a_source_selected(orders: Sandbox) -> None:
    text = "SOURCE logGroups(namePrefix: ['/orders/']) | fields @message"

    answer = ended(orders, start(orders, text))

    assert answer["statistics"]["logGroupsScanned"] == 2.0
    assert answer["statistics"]["recordsScanned"] == 3.0


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        (
            "SOURCE '/billing' | fields @message",
            {"logGroupName": "/billing"},
            "InvalidParameterException",
        ),
        ("SOURCE '/no/such' | fields @message", {}, "ResourceNotFoundException"),
        (
            "SOURCE logGroups(namePrefix: ['/no/such']) | fields @message",
            {},
            "ResourceNotFoundException",
        ),
        ("fields @message", {"logGroupName": "no name"}, "InvalidParameterException"),
        ("fields @message", {"logGroupName": "/a:*"}, "InvalidParameterException"),
        ("fields @message", {"logGroupNames": []}, "InvalidParameterException"),
        (
            "fields @message",
            {"logGroupIdentifiers": ["arn:aws:sqs"]},
            "InvalidParameterException",
        ),
        ("fields @message | SOURCE '/billing'", {}, "MalformedQueryException"),
    ],
)
def test_a_wrong_way_to_name_groups_is_refused(
    orders: Sandbox, text: str, arguments: dict[str, Any], code: str
) -> None:
    assert _error(orders, text, **arguments)["Error"]["Code"] == code


def test_more_groups_than_fifty_are_refused_when_a_source_selects_them(empty: Sandbox) -> None:
    logs = empty.client("logs")
    for number in range(51):
        logs.create_log_group(logGroupName=f"/many/{number}")

    fifty_one = _error(empty, "SOURCE logGroups(namePrefix: ['/many/']) | limit 1")
    ten = ended(empty, start(empty, "SOURCE logGroups(namePrefix: ['/many/1']) | limit 1"))

    assert fifty_one["Error"]["Message"] == "A query takes at most 50 log groups."
    assert ten["statistics"]["logGroupsScanned"] == 11.0


def test_a_group_named_twice_is_searched_once(orders: Sandbox) -> None:
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:/billing"

    found = _count(orders, "stats count() as n", logGroupIdentifiers=["/billing", arn])

    assert found == "3"


def test_sql_and_ppl_are_refused_with_the_reason(orders: Sandbox) -> None:
    refused = [
        _error(orders, "SELECT 1", logGroupName="/billing", queryLanguage=language)["Error"]
        for language in ("SQL", "PPL")
    ]

    assert [error["Code"] for error in refused] == ["InvalidParameterException"] * 2
    assert [error["Message"][:77] for error in refused] == [
        "The sandbox answers queries in CWLI only: queries in SQL are evaluated by Ope",
        "The sandbox answers queries in CWLI only: queries in PPL are evaluated by Ope",
    ]


def test_a_malformed_query_is_refused_with_its_whole_place(orders: Sandbox) -> None:
    text = "fields @message\n| filter level = = 3"

    understood = _error(orders, text, logGroupName="/billing")

    location = understood["queryCompileError"]["location"]
    assert understood["Error"]["Code"] == "MalformedQueryException"
    assert text[location["startCharOffset"] : location["endCharOffset"]] == "="
    assert location["startCharOffset"] == text.rindex("=")


def test_now_is_the_sandboxs_time_when_the_query_started(orders: Sandbox) -> None:
    answer = ended(orders, start(orders, "fields now() as n | limit 1", logGroupName="/billing"))

    # 2026-10-14T03:07:00Z, the pinned instant, in seconds.
    assert rows(answer)[0]["n"] == f"{S + 7 * 60}"
