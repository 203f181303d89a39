"""Saved queries over HTTP: put, replaced, listed by prefix and page, deleted, refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox
from opslib.sandbox.clock import Clock
from opslib.sandbox.logs.definitions import Definitions
from opslib.sandbox.operations import Refused

_TEXT = "stats count() by bin(5m)"


def _named(answer: dict[str, Any]) -> list[str]:
    return [definition["name"] for definition in answer["queryDefinitions"]]


def _refused(logs: Any, operation: str, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        getattr(logs, operation)(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_a_definition_is_told_as_it_was_put(empty: Sandbox) -> None:
    logs = empty.client("logs")
    query_id = logs.put_query_definition(
        name="lambda/errors",
        queryString="filter level = {{level}} | stats count()",
        logGroupNames=["/aws/lambda/a", "/aws/lambda/b"],
        parameters=[{"name": "level", "defaultValue": '"ERROR"', "description": "which"}],
    )["queryDefinitionId"]

    (told,) = logs.describe_query_definitions()["queryDefinitions"]

    assert told == {
        "queryDefinitionId": query_id,
        "name": "lambda/errors",
        "queryString": "filter level = {{level}} | stats count()",
        "queryLanguage": "CWLI",
        "logGroupNames": ["/aws/lambda/a", "/aws/lambda/b"],
        "parameters": [{"name": "level", "defaultValue": '"ERROR"', "description": "which"}],
        # 2026-10-14T03:07:00Z, the pinned instant.
        "lastModified": 1_791_947_220_000,
    }


def test_a_definition_put_again_by_its_id_keeps_nothing_of_the_old(empty: Sandbox) -> None:
    logs = empty.client("logs")
    first = logs.put_query_definition(name="one", queryString=_TEXT, logGroupNames=["/a"])
    logs.put_query_definition(name="two", queryString=_TEXT)

    again = logs.put_query_definition(
        name="one renamed", queryString="limit 1", queryDefinitionId=first["queryDefinitionId"]
    )

    told = logs.describe_query_definitions()["queryDefinitions"]
    assert again["queryDefinitionId"] == first["queryDefinitionId"]
    assert [(one["name"], one["queryString"], one["logGroupNames"]) for one in told] == [
        ("one renamed", "limit 1", []),
        ("two", _TEXT, []),
    ]


def test_the_same_client_token_makes_one_definition(empty: Sandbox) -> None:
    logs = empty.client("logs")
    asked = {"name": "once", "queryString": _TEXT, "clientToken": "t" * 36}

    ids = {logs.put_query_definition(**asked)["queryDefinitionId"] for _ in range(2)}

    assert len(ids) == 1
    assert _named(logs.describe_query_definitions()) == ["once"]


def test_definitions_are_listed_by_prefix_and_page(empty: Sandbox) -> None:
    logs = empty.client("logs")
    for name in ("lambda/a", "lambda/b", "lambda/c", "sqs/a"):
        logs.put_query_definition(name=name, queryString=_TEXT)
    asked = {"queryDefinitionNamePrefix": "lambda/", "maxResults": 2}

    first = logs.describe_query_definitions(**asked)
    second = logs.describe_query_definitions(**asked, nextToken=first["nextToken"])

    assert (_named(first), _named(second)) == (["lambda/a", "lambda/b"], ["lambda/c"])
    assert "nextToken" not in second
    assert _named(logs.describe_query_definitions(queryLanguage="PPL")) == []
    assert (
        _refused(logs, "describe_query_definitions", nextToken=first["nextToken"])
        == "InvalidParameterException"
    )


def test_a_deleted_definition_is_gone(empty: Sandbox) -> None:
    logs = empty.client("logs")
    query_id = logs.put_query_definition(name="gone", queryString=_TEXT)["queryDefinitionId"]

    deleted = logs.delete_query_definition(queryDefinitionId=query_id)

    assert deleted["success"] is True
    assert _named(logs.describe_query_definitions()) == []
    assert (
        _refused(logs, "delete_query_definition", queryDefinitionId=query_id)
        == "ResourceNotFoundException"
    )


def test_a_wrong_definition_is_refused(empty: Sandbox) -> None:
    logs = empty.client("logs")
    right = {"name": "n", "queryString": _TEXT}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": "n" * 256}, "InvalidParameterException"),
        ({"queryString": "x" * 10_001}, "InvalidParameterException"),
        ({"logGroupNames": ["no name!"]}, "InvalidParameterException"),
        ({"parameters": [{"name": "1st"}]}, "InvalidParameterException"),
        ({"parameters": [{"name": f"p{n}"} for n in range(21)]}, "InvalidParameterException"),
        ({"queryLanguage": "SQL", "parameters": [{"name": "p"}]}, "InvalidParameterException"),
        ({"queryLanguage": "KQL"}, "InvalidParameterException"),
        ({"queryDefinitionId": "no-such"}, "ResourceNotFoundException"),
    ]

    refused = [_refused(logs, "put_query_definition", **right | one) for one, _ in wrong]

    assert refused == [code for _, code in wrong]
    assert _named(logs.describe_query_definitions()) == []


def test_more_than_a_thousand_definitions_are_refused() -> None:
    definitions = Definitions(clock=Clock())
    for number in range(1000):
        kept = definitions.put({"name": f"{number}", "queryString": _TEXT})

    with pytest.raises(Refused) as caught:
        definitions.put({"name": "one more", "queryString": _TEXT})
    replaced = definitions.put({"name": "the last, renamed", "queryString": _TEXT} | kept)

    assert caught.value.error.code == "LimitExceededException"
    assert replaced == kept
    assert len(definitions.describe({})["queryDefinitions"]) == 1000
