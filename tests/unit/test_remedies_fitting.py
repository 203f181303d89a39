"""Each finding about one function has its own plans, and no other's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from opslib.health import Finding, Verdict
from opslib.remedies.concurrency import Kept
from opslib.remedies.fitting import FITS, Held, plans_for
from opslib.remedies.function_state import Feeds, Versions
from opslib.streams import Seen
from opslib.tree import BRANCHES

PLACE = {"account": "000000000000", "region": "us-east-1"}
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
WHEN = datetime(2026, 10, 14, 2, 0, tzinfo=UTC)
ALIAS = {"Name": "live", "FunctionVersion": "2", "AliasArn": f"{ARN}:live", "RevisionId": "a-1"}
OTHER = {**ALIAS, "Name": "beta", "AliasArn": f"{ARN}:beta"}
BACK = "Move the alias live of f from version 2 back to 1"
MEMORY = "Set the memory of f from 128 to 256 MB"
TIMEOUT = "Set the timeout of f from 10 to 20 s"
BATCH = "Reduce the batch of table/t from 100 to 50 records"
WARM = "Keep 3 environments of f:live warm"


def _held(**changed: Any) -> Held:
    rows = pd.DataFrame({"version": ["$LATEST", "2", "1"], "code": ["b", "b", "a"]}, dtype="string")
    latest = {"FunctionArn": ARN, "Timeout": 10, "MemorySize": 128, "RevisionId": "r-1"}
    fed = pd.DataFrame({"source": [], "invokes": [], "visibility_s": []})
    kept = pd.DataFrame({"executions": pd.Series([], dtype="Int64")})
    mapping = {"uuid": "u", "kind": "dynamodb", "source": "table/t", "batch": 100}
    held = Held(
        configuration={"Timeout": 10, "MemorySize": 128},
        versions=Versions(rows, (), "f", (ALIAS, OTHER), latest=latest),
        feeds=Feeds(fed, (), {}),
        traffic=frozenset({"live"}),
        deployed_at=WHEN,
        mappings=Seen(pd.DataFrame([{**mapping, "function_arn": ARN}])),
        kept=Kept(kept, (), "live"),
        executions=3,
    )
    return replace(held, **changed)


def _found(finding: str, *, since: datetime = WHEN) -> Finding:
    return Finding(
        id=finding, severity=Verdict.CRITICAL, title="so", detail="", subject="f", since=since
    )


def _actions(*findings: Finding | None, held: Held | None = None) -> list[str]:
    return [plan.action for plan in plans_for(findings, held or _held(), **PLACE)]


@pytest.mark.parametrize(
    ("finding", "actions"),
    [
        ("errors.timeout", [BACK, TIMEOUT, MEMORY, BATCH]),
        ("errors.out-of-memory", [BACK, MEMORY, BATCH]),
        ("duration.near-timeout", [BACK, MEMORY, BATCH, TIMEOUT]),
        ("duration.rising", [BACK, MEMORY, BATCH]),
        ("memory.headroom", [MEMORY]),
        ("cold-starts.frequent", [WARM, MEMORY]),
        ("cold-starts.init-slower", [BACK, MEMORY]),
        ("logs.metrics-disagree", []),
    ],
)
def test_a_finding_has_the_plans_that_mend_it_and_no_others(
    finding: str, actions: list[str]
) -> None:
    assert _actions(_found(finding)) == actions


def test_two_findings_have_each_plan_once_and_going_back_first() -> None:
    both = _actions(_found("memory.headroom"), None, _found("duration.rising"))

    assert both == [BACK, MEMORY, BATCH]


def test_what_began_before_the_deployment_is_not_mended_by_going_back() -> None:
    earlier = _found("duration.rising", since=WHEN - timedelta(minutes=5))

    assert _actions(earlier) == [MEMORY, BATCH]
    assert _actions(_found("duration.rising"), held=_held(deployed_at=None)) == [MEMORY, BATCH]


def test_what_is_over_has_no_plan_whatever_ended_it() -> None:
    earlier, later = WHEN - timedelta(minutes=40), WHEN + timedelta(minutes=40)
    ended = replace(_found("errors.timeout", since=earlier), until=WHEN - timedelta(minutes=1))
    passed = replace(_found("duration.timed-out"), until=later)

    assert _actions(ended, passed) == []
    assert _actions(ended, passed, _found("memory.headroom")) == [MEMORY]


@pytest.mark.parametrize(
    ("traffic", "back"),
    [
        ({"live"}, [("live", False)]),
        ({"$LATEST"}, []),
        ({"$LATEST", "beta"}, [("beta", False)]),
        (set(), [("live", True), ("beta", True)]),
    ],
)
def test_only_an_alias_that_carries_traffic_goes_back_and_where_nothing_tells_the_plan_says_so(
    traffic: set[str], back: list[tuple[str, bool]]
) -> None:
    held = _held(traffic=frozenset(traffic))

    plans = plans_for([_found("duration.rising")], held, **PLACE)

    assert [
        (plan.subject.removeprefix(f"{ARN}:"), "Nothing tells that traffic is" in str(plan.first))
        for plan in plans
        if plan.action.startswith("Move")
    ] == back


def test_what_could_not_be_seen_has_no_plan() -> None:
    unknown = replace(_found("duration.rising"), severity=Verdict.UNKNOWN)

    assert _actions(unknown) == []


def test_nothing_is_lowered_where_latest_already_has_more_than_the_version_behind_the_alias() -> (
    None
):
    latest = {"FunctionArn": ARN, "Timeout": 60, "MemorySize": 512, "RevisionId": "r-1"}
    held = _held(versions=replace(_held().versions, latest=latest))

    assert _actions(_found("errors.timeout"), held=held) == [BACK, BATCH]


def test_memory_and_timeout_grow_no_further_than_lambda_takes() -> None:
    big = {"FunctionArn": ARN, "Timeout": 600, "MemorySize": 8192, "RevisionId": "r-1"}
    held = _held(configuration=big, versions=replace(_held().versions, latest=big))

    assert _actions(_found("errors.timeout"), held=held)[1:3] == [
        "Set the timeout of f from 600 to 900 s",
        "Set the memory of f from 8192 to 10240 MB",
    ]


def test_every_finding_that_has_plans_is_one_of_the_tree() -> None:
    assert set(FITS) - {branch.finding for branch in BRANCHES} == set()
