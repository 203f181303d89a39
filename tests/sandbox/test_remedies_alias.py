"""Plans for a function whose traffic uses an alias start from what they change: $LATEST."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from opslib import aws, changes
from opslib.health import Finding, Verdict
from opslib.remedies.concurrency import provisioned
from opslib.remedies.fitting import Held, plans_for
from opslib.remedies.function_state import feeds, versions
from opslib.remedy import Plan
from opslib.sandbox.api import Sandbox
from opslib.system import load
from sandbox import functions

ARN = "arn:aws:lambda:us-east-1:000000000000:function:orders"
PLACE = {"account": "000000000000", "region": "us-east-1"}


def _found(finding: str) -> Finding:
    return Finding(
        id=finding,
        severity=Verdict.CRITICAL,
        title="it is so",
        detail="",
        subject="orders",
        since=datetime(2026, 10, 14, tzinfo=UTC),
    )


@pytest.fixture
def held(empty: Sandbox) -> Held:
    """Give a function with 10 s and 128 MB, live on version 1; $LATEST was edited since."""
    functions.make(empty, "orders", source="def handler(event, context): return event")
    client = empty.client("lambda")
    client.publish_version(FunctionName="orders")
    client.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
    client.update_function_configuration(FunctionName="orders", Description="edited")
    functions.settle(client, "orders")
    connection = aws.connect(load("sandbox"))
    seen = versions(connection, "orders")
    return Held(
        configuration=changes.configuration(client, "orders", alias="live"),
        versions=seen,
        feeds=feeds(connection, "orders", seen),
        traffic=frozenset({"live"}),
        kept=provisioned(connection, seen, alias="live"),
        executions=2,
    )


def _apply(client: Any, plan: Plan, *, changed: Mapping[str, object] | None = None) -> Any:
    (call,) = plan.calls
    return getattr(client, xform_name(call.operation))(**{**call.arguments, **(changed or {})})


def test_a_longer_timeout_is_taken_for_latest_while_the_alias_stays(
    empty: Sandbox, held: Held
) -> None:
    client = empty.client("lambda")

    (plan,) = [
        plan
        for plan in plans_for([_found("errors.timeout")], held, **PLACE)
        if "Timeout" in plan.after
    ]
    of_the_version = {"RevisionId": held.configuration["RevisionId"]}
    with pytest.raises(ClientError) as refused:
        _apply(client, plan, changed=of_the_version)
    taken = _apply(client, plan)
    functions.settle(client, "orders")

    assert refused.value.response["Error"]["Code"] == "PreconditionFailedException"
    assert (taken["Timeout"], taken["Version"]) == (20, "$LATEST")
    assert (
        client.get_function_configuration(FunctionName="orders", Qualifier="live")["Timeout"] == 10
    )
    assert plan.subject == ARN
    assert (plan.before["alias live"], plan.after["alias live"]) == ("version 1", "version 1")
    assert plan.first[0].startswith("Alias live stays on version 1: nothing changes there until")


def test_what_is_kept_warm_is_planned_for_the_alias_itself(empty: Sandbox, held: Held) -> None:
    plan = plans_for([_found("cold-starts.frequent")], held, **PLACE)[0]

    _apply(empty.client("lambda"), plan)

    assert plan.subject == f"{ARN}:live"
    assert (plan.before["FunctionVersion"], plan.first) == ("1", ())
