"""A plan names exactly one change."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from opslib.remedy import Call, Plan

AWS = "aws --region eu-west-1 --profile orders-prod"
CALL = Call(
    service="lambda",
    operation="UpdateFunctionConfiguration",
    arguments={"FunctionName": "orders", "MemorySize": 512, "RevisionId": "r-1"},
)
WHEN = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
PLAN = Plan(
    action="Raise the memory of orders from 256 to 512 MB",
    subject="arn:aws:lambda:eu-west-1:123456789012:function:orders",
    calls=(CALL,),
    before={"MemorySize": 256, "RevisionId": "r-1"},
    after={"MemorySize": 512},
    touches="Every warm environment is replaced.",
    check="The p95 of the duration.",
    undo="Set it back to 256 MB.",
    account="123456789012",
    region="eu-west-1",
)


def test_a_call_is_written_for_the_aws_command() -> None:
    assert CALL.cli(AWS) == (
        "aws --region eu-west-1 --profile orders-prod lambda update-function-configuration "
        "--function-name orders --memory-size 512 --revision-id r-1"
    )


def test_what_a_shell_would_read_otherwise_is_quoted() -> None:
    call = Call(
        service="sqs",
        operation="SendMessage",
        arguments={"QueueUrl": "https://q/$A", "MessageAttributes": {"a": "it's"}},
    )

    assert call.cli(AWS) == (
        "aws --region eu-west-1 --profile orders-prod sqs send-message --queue-url 'https://q/$A' "
        """--message-attributes '{"a": "it'"'"'s"}'"""
    )


def test_a_switch_is_written_as_the_aws_command_has_it() -> None:
    call = Call(
        service="lambda",
        operation="UpdateEventSourceMapping",
        arguments={"UUID": "u", "Enabled": False},
    )

    assert call.cli("aws") == "aws lambda update-event-source-mapping --uuid u --no-enabled"


def test_the_token_is_the_same_for_the_same_plan_and_no_number() -> None:
    assert PLAN.token == replace(PLAN).token
    assert PLAN.token.startswith("plan-")
    assert len(PLAN.token) == len("plan-") + 8


@pytest.mark.parametrize(
    "other",
    [
        {"action": "Raise the memory of orders"},
        {"subject": "arn:aws:lambda:eu-west-1:123456789012:function:other"},
        {"calls": (replace(CALL, arguments={"FunctionName": "orders", "MemorySize": 513}),)},
        {"before": {"MemorySize": 256, "RevisionId": "r-2"}},
        {"account": "210987654321"},
        {"region": "us-east-1"},
    ],
)
def test_another_plan_has_another_token(other: dict[str, object]) -> None:
    assert replace(PLAN, **other).token != PLAN.token  # type: ignore[arg-type]


def test_what_takes_a_plan_back_goes_to_the_same_account_and_region_as_the_plan() -> None:
    back = replace(CALL, arguments={"FunctionName": "orders", "MemorySize": 256})
    plan = replace(PLAN, undo_calls=(back, CALL), undo="what ran meanwhile ran")

    assert plan.as_dict(shown_at=WHEN, aws=AWS)["undo"] == (
        "aws --region eu-west-1 --profile orders-prod lambda update-function-configuration "
        "--function-name orders --memory-size 256 && "
        "aws --region eu-west-1 --profile orders-prod lambda update-function-configuration "
        "--function-name orders --memory-size 512 --revision-id r-1; what ran meanwhile ran"
    )
    assert replace(plan, undo="").reversible


def test_how_commands_begin_is_no_part_of_the_token() -> None:
    shown = [PLAN.as_dict(shown_at=WHEN, aws=each) for each in ("aws", AWS)]

    assert [row["token"] for row in shown] == [PLAN.token, PLAN.token]


def test_a_result_holds_the_plan_with_its_expiry_and_its_commands() -> None:
    held = PLAN.as_dict(shown_at=WHEN, aws=AWS)

    assert held["expires"] == "2026-10-14T04:07:00Z"
    assert held["reversible"] is True
    assert held["cli"] == [
        "aws --region eu-west-1 --profile orders-prod lambda update-function-configuration "
        "--function-name orders --memory-size 512 --revision-id r-1"
    ]
    assert (held["before"], held["after"]) == (
        {"MemorySize": 256, "RevisionId": "r-1"},
        {"MemorySize": 512},
    )
