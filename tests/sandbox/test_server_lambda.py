"""Functions carry the dates that a story tells, and see nothing of the caller's environment."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from opslib.sandbox.api import Sandbox
from sandbox import functions
from sandbox.projects import reset

_TOLD = datetime(2026, 10, 14, 1, 52, 0, tzinfo=UTC)
_EARLIER = datetime(2026, 9, 1, 8, 0, 0, 500_000, tzinfo=UTC)


@pytest.fixture
def function(empty: Sandbox) -> Iterator[str]:
    functions.make(empty, "orders", source="def handler(event, context): return event")
    yield "orders"
    empty.client("lambda").delete_function(FunctionName="orders")


def _everywhere(lambda_: Any, function: str) -> list[str]:
    """Read when the function was last modified, by every operation that tells it."""
    return [
        lambda_.get_function_configuration(FunctionName=function)["LastModified"],
        lambda_.get_function(FunctionName=function)["Configuration"]["LastModified"],
        lambda_.list_functions()["Functions"][0]["LastModified"],
        lambda_.list_versions_by_function(FunctionName=function)["Versions"][0]["LastModified"],
    ]


def test_a_told_date_stands_in_every_answer(empty: Sandbox, function: str) -> None:
    empty.set_lambda_history(function, last_modified_at=_TOLD)

    told = _everywhere(empty.client("lambda"), function)

    assert told == ["2026-10-14T01:52:00.000+0000"] * 4


def test_a_version_and_an_alias_to_it_carry_the_versions_date(
    empty: Sandbox, function: str
) -> None:
    lambda_ = empty.client("lambda")
    version = lambda_.publish_version(FunctionName=function)["Version"]
    lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    empty.set_lambda_history(function, last_modified_at=_TOLD)
    empty.set_lambda_history(function, last_modified_at=_EARLIER, qualifier=version)

    by_version = lambda_.get_function_configuration(FunctionName=function, Qualifier=version)
    by_alias = lambda_.get_function_configuration(FunctionName=function, Qualifier="live")
    latest = lambda_.get_function_configuration(FunctionName=function)

    assert by_version["LastModified"] == "2026-09-01T08:00:00.500+0000"
    assert by_alias["LastModified"] == "2026-09-01T08:00:00.500+0000"
    assert latest["LastModified"] == "2026-10-14T01:52:00.000+0000"


def test_a_change_under_a_pinned_clock_happened_at_the_pinned_instant(
    empty: Sandbox, function: str
) -> None:
    lambda_ = empty.client("lambda")
    empty.set_lambda_history(function, last_modified_at=_EARLIER)

    changed = lambda_.update_function_configuration(FunctionName=function, MemorySize=256)

    assert changed["LastModified"] == "2026-10-14T03:07:00.000+0000"
    assert _everywhere(lambda_, function) == ["2026-10-14T03:07:00.000+0000"] * 4


def test_a_reset_forgets_what_was_told_and_ordered(empty: Sandbox, function: str) -> None:
    empty.set_lambda_history(function, last_modified_at=_EARLIER)
    empty.set_fault("sts:GetCallerIdentity", code="AccessDenied")

    reset(empty)
    functions.make(empty, function, source="def handler(event, context): return event")

    lambda_ = empty.client("lambda")
    assert _everywhere(lambda_, function) == ["2026-10-14T03:07:00.000+0000"] * 4
    assert empty.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_handler_runs_and_its_clients_reach_the_sandbox(empty: Sandbox, function: str) -> None:
    lambda_ = empty.client("lambda")
    source = (
        "import boto3\ndef handler(event, context):\n"
        "    return boto3.client('sts').get_caller_identity()['Account']"
    )
    lambda_.update_function_code(FunctionName=function, ZipFile=functions.package(source))
    functions.settle(lambda_, function)

    answer = lambda_.invoke(FunctionName=function)

    assert json.loads(answer["Payload"].read()) == "000000000000"
    assert "FunctionError" not in answer
