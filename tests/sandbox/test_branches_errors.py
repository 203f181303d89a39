"""Notebooks 10 to 13 as cron runs them, each on incidents it has to name and on ones it must not.

Numbers are counted again from the raw events, with the string methods of Python alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opslib import headless
from opslib.parameters import collect, declared
from opslib.sandbox import scenarios
from opslib.sandbox.api import Sandbox
from sandbox.projects import MakeProject

GROUP = "/aws/lambda/ZAEL-demo-aggregator"
START, END = (pd.Timestamp(f"2026-10-14T{hour}:07:00Z").value // 10**6 for hour in ("00", "03"))
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/ZAEL-demo"

Ran = Callable[[str, str], headless.Outcome]
_OUTCOMES: dict[tuple[str, str], headless.Outcome] = {}


def _run(root: Path, notebook: str) -> headless.Outcome:
    path = root / "notebooks" / f"{notebook}.ipynb"
    return headless.run(path, collect(declared(path), notebook=notebook, files=["sandbox"]))


@pytest.fixture
def ran(sandbox_project: MakeProject) -> Ran:
    """Run a notebook on a scenario once in this session, and give what it left behind."""

    def outcome(scenario: str, notebook: str) -> headless.Outcome:
        root = sandbox_project(scenario).root
        if (scenario, notebook) not in _OUTCOMES:
            _OUTCOMES[scenario, notebook] = _run(root, notebook)
        return _OUTCOMES[scenario, notebook]

    return outcome


def _evidence(outcome: headless.Outcome, name: str) -> pd.DataFrame:
    (path,) = [
        path for path in (outcome.folder / "evidence").glob("*.parquet") if path.stem[3:] == name
    ]
    return pd.read_parquet(path)


def _messages(sandbox: Sandbox) -> list[str]:
    """Read every line of the window stream by stream, past any query."""
    logs, found = sandbox.client("logs"), []
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=GROUP)
    for name in [stream["logStreamName"] for page in pages for stream in page["logStreams"]]:
        wanted = {"logGroupName": GROUP, "logStreamName": name, "startFromHead": True}
        page = logs.get_log_events(**wanted)
        while page["events"]:
            found += [e["message"] for e in page["events"] if START <= e["timestamp"] < END]
            page = logs.get_log_events(**wanted, nextToken=page["nextForwardToken"])
    return found


@pytest.mark.parametrize(
    ("scenario", "notebook"),
    [
        ("healthy", "10-error-rate"),
        ("healthy", "11-permission-denied"),
        ("healthy", "12-timeout"),
        ("healthy", "13-code-error"),
        ("code-error", "10-error-rate"),
        ("code-error", "13-code-error"),
        ("permission-denied", "10-error-rate"),
        ("permission-denied", "11-permission-denied"),
        ("permission-denied", "13-code-error"),
        ("timeouts", "10-error-rate"),
        ("timeouts", "12-timeout"),
        ("table-throttled", "10-error-rate"),
        ("table-throttled", "12-timeout"),
        ("dead-letters", "10-error-rate"),
        ("stream-lag", "12-timeout"),
    ],
)
def test_a_notebook_concludes_what_the_scenario_declares(
    scenario: str, notebook: str, ran: Ran
) -> None:
    wanted = scenarios.load(scenario).expected[notebook]

    outcome = ran(scenario, notebook)

    found = {finding["id"] for finding in outcome.result["findings"]}
    assert outcome.result["verdict"] == wanted.verdict
    assert found >= wanted.findings
    assert found == set() or wanted.verdict != "healthy"
    assert outcome.result["limits"] == []


@pytest.mark.parametrize(
    "notebook", ["10-error-rate", "11-permission-denied", "12-timeout", "13-code-error"]
)
def test_where_there_is_nothing_to_see_nothing_is_called_healthy(notebook: str, ran: Ran) -> None:
    outcome = ran("empty", notebook)

    assert outcome.result["verdict"] == "unknown"
    assert outcome.exit_code == 3
    assert '"output_type": "error"' not in (outcome.folder / "notebook.ipynb").read_text()


def test_the_kinds_are_counted_as_in_the_raw_events(ran: Ran, sandbox_project: MakeProject) -> None:
    messages = _messages(sandbox_project("timeouts").sandbox)
    cut_off = sum("Task timed out after" in message for message in messages)

    (finding,) = [
        finding
        for finding in ran("timeouts", "10-error-rate").result["findings"]
        if finding["id"] == "errors.timeout"
    ]

    assert cut_off == 13
    assert finding["title"] == "13 invocations of ZAEL-demo-aggregator failed: timeout"
    assert sum("ERROR" in message for message in messages) == 0


def test_every_line_that_denies_is_counted_and_read(ran: Ran, sandbox_project: MakeProject) -> None:
    messages = _messages(sandbox_project("permission-denied").sandbox)

    outcome = ran("permission-denied", "11-permission-denied")

    denying = sum("is not authorized to perform" in message for message in messages)
    assert _evidence(outcome, "denials")["lines"].sum() == denying
    assert _evidence(outcome, "what-the-role-may-do").to_dict("records") == [
        {
            "action": "dynamodb:UpdateItem",
            "resource": TABLE,
            "decision": "implicitDeny",
            "policy": "",
            "asked": "iam:SimulatePrincipalPolicy",
        }
    ]


def _plans(outcome: headless.Outcome) -> list[dict[str, Any]]:
    plans: list[dict[str, Any]] = outcome.result["plans"]
    return plans


def test_the_plan_for_a_denial_is_exactly_what_the_role_lost(ran: Ran) -> None:
    (plan,) = _plans(ran("permission-denied", "11-permission-denied"))

    assert plan["action"] == f"Allow ZAEL-demo-aggr dynamodb:UpdateItem on {TABLE}"
    assert plan["after"] == {
        "Allow-dynamodb-UpdateItem": [
            {"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": TABLE}
        ]
    }


def test_where_the_simulator_is_refused_the_visible_policies_decide_and_it_is_said(
    sandbox_project: MakeProject,
) -> None:
    project = sandbox_project("permission-denied")
    project.sandbox.set_fault("iam:SimulatePrincipalPolicy", code="AccessDenied")

    outcome = _run(project.root, "11-permission-denied")

    (decided,) = _evidence(outcome, "what-the-role-may-do").to_dict("records")
    assert (decided["decision"], decided["asked"]) == (
        "implicitDeny",
        "the visible policies alone (fallback)",
    )
    assert "iam:SimulatePrincipalPolicy" in outcome.result["limits"][0]["what"]
    assert [plan["action"].split()[0] for plan in _plans(outcome)] == ["Allow"]


def test_without_the_right_to_read_the_roles_policies_nothing_is_planned(
    sandbox_project: MakeProject,
) -> None:
    project = sandbox_project("permission-denied")
    project.sandbox.set_fault("iam:GetRolePolicy", code="AccessDenied")

    outcome = _run(project.root, "11-permission-denied")

    assert "iam:GetRolePolicy" in " ".join(limit["what"] for limit in outcome.result["limits"])
    assert _plans(outcome) == []
    assert outcome.exit_code == 2


def test_a_timeout_that_was_lowered_is_said_to_be_and_planned_back_up(ran: Ran) -> None:
    outcome = ran("timeouts", "12-timeout")

    (finding,) = outcome.result["findings"]
    assert finding["since"] == "2026-10-14T02:17:16.643000Z"
    assert "more than the timeout allows now: the timeout was lowered" in finding["detail"]
    assert [plan["action"] for plan in _plans(outcome)] == [
        "Set the timeout of ZAEL-demo-aggregator from 2 to 5 s",
        "Set the memory of ZAEL-demo-aggregator from 256 to 512 MB",
        "Reduce the batch of table ZAEL-demo from 100 to 50 records",
    ]


def test_while_the_table_refuses_writes_no_timeout_is_planned(ran: Ran) -> None:
    outcome = ran("table-throttled", "12-timeout")

    assert _plans(outcome) == []
    assert [finding["id"] for finding in outcome.result["findings"]] == [
        "dynamodb.write-throttled",
        "errors.timeout",
    ]


def test_the_trace_leads_to_the_line_and_to_the_version_before(ran: Ran) -> None:
    outcome = ran("code-error", "13-code-error")

    (finding,) = outcome.result["findings"]
    assert "It began 2.5 s after the change of 2026-10-14 02:27 UTC." in finding["detail"]
    assert "Version 1 holds other code" in finding["detail"]
    traces = _evidence(outcome, "traces")
    assert traces[["file", "line", "lines"]].to_numpy().tolist() == [
        ["/var/task/zae_limiter_aggregator/handler.py", "114", 480]
    ]
    assert "snapshots_written" in (outcome.folder / "report.html").read_text()


def test_a_functions_revision_is_the_same_at_each_pinned_start(
    sandbox_project: MakeProject,
) -> None:
    lambda_ = sandbox_project("code-error").sandbox.client("lambda")

    configuration = lambda_.get_function_configuration(FunctionName="ZAEL-demo-aggregator")

    assert configuration["RevisionId"] == "6cf2b557-9290-5471-90db-7a2a5a1cf2b7"
