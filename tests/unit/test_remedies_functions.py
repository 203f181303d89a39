"""Plans for a function and its role: what exactly, from which state, and how it is undone."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from fakes.clients import Connected, Lambda, refusal

from opslib.aws import Identity
from opslib.health.policies import Policy
from opslib.remedies.function_state import Feeds, Versions, feeds, versions
from opslib.remedies.functions import alias_plan, memory_plan, timeout_plan
from opslib.remedies.roles import RolePolicies, permission_plan

PLACE = {"account": "000000000000", "region": "us-east-1"}
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
CONFIGURATION = {"FunctionArn": ARN, "Timeout": 10, "MemorySize": 256, "RevisionId": "r-1"}
QUEUE = "arn:aws:sqs:us-east-1:000000000000:jobs"
WHEN = datetime(2026, 10, 14, tzinfo=UTC)
URL = "https://sqs.us-east-1.amazonaws.com/000000000000/jobs"


def _versions(*rows: tuple[str, str], aliases: tuple[dict[str, Any], ...] = ()) -> Versions:
    frame = pd.DataFrame(
        {
            "version": pd.Series([version for version, _ in rows], dtype="string"),
            "code": pd.Series([code for _, code in rows], dtype="string"),
        }
    )
    return Versions(frame, (), "f", aliases, latest=CONFIGURATION)


def _feeds(*rows: tuple[str, str, int | None]) -> Feeds:
    frame = pd.DataFrame(
        {
            "source": pd.Series([row[0] for row in rows], dtype="string"),
            "invokes": pd.Series([row[1] for row in rows], dtype="string"),
            "visibility_s": pd.Series([row[2] for row in rows], dtype="Int64"),
        }
    )
    return Feeds(frame, (), {QUEUE: URL})


ALONE = _versions(("$LATEST", "b"))
BLIND = replace(ALONE, latest={})
LIVE = {"Name": "live", "FunctionVersion": "3", "AliasArn": f"{ARN}:live", "RevisionId": "a-1"}


def test_a_timeout_is_raised_from_the_revision_that_was_seen() -> None:
    plan = timeout_plan(ALONE, _feeds(), timeout_s=20, **PLACE)

    assert plan is not None
    assert plan.action == "Set the timeout of f from 10 to 20 s"
    assert [call.as_dict() for call in plan.calls] == [
        {
            "service": "lambda",
            "operation": "UpdateFunctionConfiguration",
            "arguments": {"FunctionName": "f", "Timeout": 20, "RevisionId": "r-1"},
        }
    ]
    assert (plan.before, plan.after) == ({"Timeout": 10, "RevisionId": "r-1"}, {"Timeout": 20})
    assert [call.cli("aws") for call in plan.undo_calls] == [
        "aws lambda update-function-configuration --function-name f --timeout 10"
    ]
    assert plan.first == ()


def test_the_visibility_timeout_of_a_queue_goes_first_where_it_is_below_six_times() -> None:
    fed = _feeds((QUEUE, "$LATEST", 60))

    plan = timeout_plan(ALONE, fed, timeout_s=20, **PLACE)

    assert plan is not None
    assert [call.operation for call in plan.calls] == [
        "SetQueueAttributes",
        "UpdateFunctionConfiguration",
    ]
    assert plan.calls[0].arguments == {
        "QueueUrl": URL,
        "Attributes": {"VisibilityTimeout": "120"},
    }
    assert plan.before["VisibilityTimeout of jobs"] == 60
    assert "from 60 to 120 s first" in plan.touches
    assert [call.cli("aws") for call in plan.undo_calls] == [
        "aws lambda update-function-configuration --function-name f --timeout 10",
        f"aws sqs set-queue-attributes --queue-url {URL} "
        """--attributes '{"VisibilityTimeout": "60"}'""",
    ]


@pytest.mark.parametrize("visibility_s", [120, 300, None])
def test_a_visibility_timeout_that_is_long_enough_is_left_alone(visibility_s: int | None) -> None:
    fed = _feeds((QUEUE, "$LATEST", visibility_s))

    plan = timeout_plan(ALONE, fed, timeout_s=20, **PLACE)

    assert plan is not None
    assert [call.operation for call in plan.calls] == ["UpdateFunctionConfiguration"]


def test_a_source_is_shown_by_its_name() -> None:
    table = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-10-14T00:00:00.000"

    shown = _feeds((QUEUE, "$LATEST", 60), (table, "$LATEST", None)).shown

    assert shown["source"].tolist() == ["jobs", "table/t"]
    assert _feeds().shown.empty


def _mapping(uuid: str, invokes: str = "") -> dict[str, object]:
    table = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/s"
    return {"UUID": uuid, "EventSourceArn": table, "FunctionArn": ARN + invokes, "BatchSize": 100}


def test_what_feeds_an_alias_feeds_the_function() -> None:
    pages = {
        "f": [{"EventSourceMappings": [_mapping("m-1")]}],
        "f:live": [{"EventSourceMappings": [_mapping("m-2", ":live")]}],
    }
    connection: Any = Connected(**{"lambda": Lambda(CONFIGURATION, mappings=pages)})
    held = _versions(("$LATEST", "b"), ("3", "b"), aliases=(LIVE,))

    fed = feeds(connection, "f", held)

    assert fed.rows[["uuid", "invokes"]].to_numpy().tolist() == [
        ["m-1", "$LATEST"],
        ["m-2", "live"],
    ]
    assert feeds(connection, "f").rows["uuid"].tolist() == ["m-1"]


def test_a_longer_timeout_says_that_queues_could_not_be_seen_where_mappings_may_not_be_listed() -> (
    None
):
    denied = refusal("AccessDeniedException", "no")
    connection: Any = Connected(**{"lambda": Lambda(CONFIGURATION, mappings=[denied])})

    fed = feeds(connection, "f", ALONE)
    longer = timeout_plan(ALONE, fed, timeout_s=20, **PLACE)
    larger = memory_plan(ALONE, fed, memory_mb=512, **PLACE)

    assert (len(fed.notes), fed.limits) == (1, ())
    assert '"Action": "lambda:ListEventSourceMappings"' in fed.notes[0]
    assert longer is not None
    assert longer.first[0].startswith("What feeds it could not be seen: raise the visibility")
    assert larger is not None
    assert larger.first == ()


def test_the_settings_of_versions_are_told_apart() -> None:
    listed = [
        {"Version": "$LATEST", "CodeSha256": "b", "Timeout": 2, "RevisionId": "r-3"},
        {"Version": "8", "CodeSha256": "b", "Timeout": 2, "RevisionId": "r-2"},
        {"Version": "7", "CodeSha256": "b", "Timeout": 10, "RevisionId": "r-1"},
    ]
    connection: Any = Connected(
        **{"lambda": Lambda(CONFIGURATION, versions=[{"Versions": listed}])}
    )
    connection.identity = Identity(
        "000000000000", "arn:aws:iam::000000000000:user/ada", "us-east-1", WHEN
    )

    held = versions(connection, "f")

    assert (held.before("8"), held.before("$LATEST"), held.before("7")) == ("7", "7", None)


def test_code_is_numbered_so_that_the_same_code_is_seen_at_once() -> None:
    held = _versions(("$LATEST", "b"), ("8", "b"), ("7", "a"))

    assert held.numbered["code"].tolist() == [1, 1, 2]
    assert held.numbered["version"].tolist() == ["$LATEST", "8", "7"]


def test_a_plan_says_that_an_alias_does_not_move_with_the_configuration() -> None:
    held = _versions(("$LATEST", "b"), ("3", "b"), aliases=(LIVE,))
    fed = _feeds((QUEUE, "live", 600))

    plan = memory_plan(held, fed, memory_mb=512, **PLACE)

    assert plan is not None
    assert plan.first == (
        "Alias live stays on version 3; a mapping invokes live: nothing changes there until a "
        "version is published (lambda publish-version) and the alias is moved "
        "(lambda update-alias).",
    )
    assert plan.touches.startswith("$LATEST only.")
    assert (plan.before["alias live"], plan.after["alias live"]) == ("version 3", "version 3")


def test_a_plan_says_that_publishing_brings_other_code_to_the_alias_too() -> None:
    held = _versions(("$LATEST", "c"), ("3", "b"), aliases=(LIVE,))

    plan = memory_plan(held, _feeds(), memory_mb=512, **PLACE)

    assert plan is not None
    assert plan.first[1:] == (
        "$LATEST has other code than live on version 3: a version published now brings that code "
        "to it too.",
    )


@pytest.mark.parametrize("memory_mb", [256, 10_241])
def test_no_memory_plan_without_a_change_or_beyond_the_limit(memory_mb: int) -> None:
    assert memory_plan(ALONE, _feeds(), memory_mb=memory_mb, **PLACE) is None
    assert memory_plan(BLIND, _feeds(), memory_mb=512, **PLACE) is None


@pytest.mark.parametrize("timeout_s", [10, 901, None])
def test_no_timeout_plan_without_a_change_or_beyond_the_limit(timeout_s: int | None) -> None:
    assert timeout_plan(ALONE, _feeds(), timeout_s=timeout_s, **PLACE) is None
    assert timeout_plan(BLIND, _feeds(), timeout_s=20, **PLACE) is None


def test_another_revision_makes_another_token() -> None:
    plans = [
        timeout_plan(
            replace(ALONE, latest={**CONFIGURATION, "RevisionId": r}),
            _feeds(),
            timeout_s=20,
            **PLACE,
        )
        for r in ("r-1", "r-2")
    ]

    assert len({plan.token for plan in plans if plan}) == 2


def test_an_alias_goes_back_to_the_version_before_with_its_weights_cleared() -> None:
    alias = {**LIVE, "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}}
    held = _versions(
        ("$LATEST", "d"), ("4", "d"), ("3", "c"), ("2", "c"), ("1", "a"), aliases=(alias,)
    )

    plan = alias_plan(held, "live", **PLACE)

    assert plan is not None
    assert plan.action == "Move the alias live of f from version 3 back to 1"
    assert plan.calls[0].arguments == {
        "FunctionName": "f",
        "Name": "live",
        "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": {}},
        "RevisionId": "a-1",
    }
    assert plan.before == {"FunctionVersion": "3", "weights": {"2": 0.1}, "RevisionId": "a-1"}
    (undone,) = plan.undo_calls
    assert undone.arguments["FunctionVersion"] == "3"
    assert undone.arguments["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.1}}


def test_a_canary_is_taken_out_of_an_alias_that_stays_on_the_version_before_it() -> None:
    weights = {"AdditionalVersionWeights": {"4": 0.1}}
    held = _versions(
        ("4", "d"), ("3", "c"), ("1", "a"), aliases=({**LIVE, "RoutingConfig": weights},)
    )

    plan = alias_plan(held, "live", **PLACE)

    assert plan is not None
    assert plan.action == "Take version 4 out of the alias live of f, back to 3"
    assert plan.calls[0].arguments["FunctionVersion"] == "3"
    assert plan.calls[0].arguments["RoutingConfig"] == {"AdditionalVersionWeights": {}}
    assert plan.after == {"FunctionVersion": "3", "weights": {}}
    assert plan.first == ("See that what is wrong is of version 4, and not of 3 too.",)
    (undone,) = plan.undo_calls
    assert undone.arguments["RoutingConfig"] == weights


def test_without_an_older_version_of_other_code_there_is_no_way_back() -> None:
    same = _versions(("3", "c"), ("2", "c"), aliases=(LIVE,))

    assert alias_plan(same, "live", **PLACE) is None
    assert alias_plan(same, "other", **PLACE) is None


def test_an_alias_on_a_version_that_only_its_settings_tell_apart_goes_back_to_the_one_before() -> (
    None
):
    rows = _versions(("$LATEST", "b"), ("8", "b"), ("7", "b"), ("6", "a")).rows
    settings = {"$LATEST": "2 s", "8": "2 s", "7": "10 s", "6": "10 s"}
    held = Versions(rows, (), "f", ({**LIVE, "FunctionVersion": "8"},), settings)

    plan = alias_plan(held, "live", **PLACE)

    assert plan is not None
    assert plan.action == "Move the alias live of f from version 8 back to 7"
    assert held.before("$LATEST") == "7"
    assert held.before("$LATEST", other_code=True) == "6"


@pytest.mark.parametrize(
    ("rows", "before"),
    [
        ([("$LATEST", "b"), ("2", "b"), ("1", "a")], "1"),
        ([("$LATEST", "b"), ("1", "a")], "1"),
        ([("$LATEST", "a"), ("1", "a")], None),
        ([("$LATEST", "a")], None),
        ([], None),
    ],
)
def test_the_version_before_latest_has_other_code(
    rows: list[tuple[str, str]], before: str | None
) -> None:
    assert _versions(*rows).before("$LATEST") == before


ROLE = RolePolicies(
    pd.DataFrame(),
    (),
    "aggr",
    "arn:aws:iam::000000000000:role/aggr",
    (Policy("own", {"Statement": []}),),
    None,
)
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/t"
DENIAL = {
    "action": "dynamodb:UpdateItem",
    "resource": TABLE,
    "because": "no identity-based policy allows it",
}


def test_a_denial_is_mended_by_one_statement_beside_the_policies_there_are() -> None:
    plan = permission_plan(DENIAL, ROLE, **PLACE)

    assert plan is not None
    (call,) = plan.calls
    assert (call.service, call.operation) == ("iam", "PutRolePolicy")
    assert call.arguments["PolicyName"] == "Allow-dynamodb-UpdateItem"
    assert json.loads(str(call.arguments["PolicyDocument"])) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": TABLE},
        ],
    }
    assert plan.before == {"policies": ["own"], "Allow-dynamodb-UpdateItem": None}
    assert [call.cli("aws") for call in plan.undo_calls] == [
        "aws iam delete-role-policy --role-name aggr --policy-name Allow-dynamodb-UpdateItem"
    ]


def test_a_policy_that_is_there_is_never_replaced() -> None:
    taken = Policy("Allow-dynamodb-UpdateItem", {"Statement": []})
    held = RolePolicies(pd.DataFrame(), (), "aggr", ROLE.arn, (taken,), None)

    plan = permission_plan(DENIAL, held, **PLACE)

    assert plan is not None
    assert plan.calls[0].arguments["PolicyName"] == "Allow-dynamodb-UpdateItem-2"


@pytest.mark.parametrize(
    "changed",
    [
        {"resource": "*"},
        {"resource": f"{TABLE}*"},
        {"action": "dynamodb:*"},
        {"action": "UpdateItem"},
        {"because": "explicit deny by identity-based policy"},
        {"because": "no service control policy allows it"},
    ],
)
def test_no_wildcard_is_planned_and_nothing_that_would_not_mend(changed: dict[str, str]) -> None:
    assert permission_plan({**DENIAL, **changed}, ROLE, **PLACE) is None


def test_without_having_seen_every_policy_nothing_is_planned() -> None:
    blind = RolePolicies(pd.DataFrame(), ("Not seen.",), "aggr", ROLE.arn, (), None)
    gone = RolePolicies(pd.DataFrame(), (), "aggr", "", (), None)

    assert permission_plan(DENIAL, blind, **PLACE) is None
    assert permission_plan(DENIAL, gone, **PLACE) is None
