"""The incidents on a running sandbox: what triage says of each, and what boto3 sees of it."""

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from botocore.exceptions import ClientError

from opslib import headless, triage
from opslib.parameters import collect, declared
from opslib.sandbox import scenarios
from opslib.sandbox.api import Sandbox
from opslib.sandbox.demo import unexpected
from sandbox.projects import MakeProject

FUNCTION = "ZAEL-demo-aggregator"
NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
START, END = (int((NOW - timedelta(hours=hours)).timestamp() * 1000) for hours in (3, 0))
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/ZAEL-demo"
#: The notebook that each incident is told for.
BRANCHES = {
    "timeouts": "12-timeout",
    "permission-denied": "11-permission-denied",
    "table-throttled": "60-dynamodb-throttling",
    "code-error": "13-code-error",
    "cold-starts": "40-cold-starts",
    "dead-letters": "30-dead-letters",
    "stream-lag": "50-stream-lag",
}
# What was lowered is not told, and what it was before is seen as far as durations show it.
NOTES = {
    "timeouts": [
        (
            "note",
            "Not judged: the p95 of ZAEL-demo-aggregator (durations by bin), until 2026-10-14 "
            "02:17 UTC at most 74 % of a timeout that is not known, which may have been a warning.",
        )
    ]
}

Followed = Callable[[str], triage.Outcome]
_FOLLOWED: dict[str, triage.Outcome] = {}


@pytest.fixture
def followed(sandbox_project: MakeProject) -> Followed:
    """Follow the tree of a scenario once in this session, and give what it left behind."""

    def outcome(scenario: str) -> triage.Outcome:
        path = sandbox_project(scenario).root / "notebooks" / "00-triage.ipynb"
        if scenario not in _FOLLOWED:
            values = collect(declared(path), notebook=path.stem, files=["sandbox"])
            _FOLLOWED[scenario] = triage.follow(path, values)
        return _FOLLOWED[scenario]

    return outcome


def _folder(outcome: triage.Outcome, notebook: str) -> Path:
    (report,) = [run["report"] for run in outcome.index["runs"] if run["notebook"] == notebook]
    return (outcome.folder / str(report)).parent


def _result(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


def _evidence(folder: Path, name: str) -> pd.DataFrame:
    (path,) = [path for path in (folder / "evidence").glob("*.parquet") if path.stem[3:] == name]
    return pd.read_parquet(path)


def test_notebooks_of_one_incident_plan_one_timeout(followed: Followed) -> None:
    outcome = followed("timeouts")

    plans = [
        (name, plan["action"], plan["token"])
        for name in ("12-timeout", "20-duration")
        for plan in _result(_folder(outcome, name))["plans"]
        if plan["action"].startswith("Set the timeout")
    ]
    assert [(name, action) for name, action, _ in plans] == [
        ("12-timeout", "Set the timeout of ZAEL-demo-aggregator from 2 to 5 s"),
        ("20-duration", "Set the timeout of ZAEL-demo-aggregator from 2 to 5 s"),
    ]
    assert len({token for _, _, token in plans}) == 1


def test_each_scenario_is_an_incident_with_a_branch_or_is_run_elsewhere() -> None:
    # `test_runbooks` has the first of these, `test_branches_quiet` the others.
    assert {*BRANCHES, "slow", "healthy", "empty"} == set(scenarios.names())


@pytest.mark.parametrize(("name", "branch"), BRANCHES.items())
def test_triage_says_of_an_incident_what_it_declares_and_so_does_each_branch_it_leads_to(
    name: str, branch: str, followed: Followed
) -> None:
    expected = scenarios.load(name).expected

    outcome = followed(name)

    first, wanted = outcome.index["runs"][0], expected["00-triage"]
    found = {finding["id"] for finding in first["findings"]}
    assert first["verdict"] == wanted.verdict
    assert found >= wanted.findings
    assert found == set() or wanted.verdict != "healthy"
    limits = [limit for run in outcome.index["runs"] for limit in run["limits"]]
    assert [(limit["reason"], limit["what"]) for limit in limits] == NOTES.get(name, [])
    assert unexpected(outcome.index, expected) == []
    assert branch in {run["notebook"] for run in outcome.index["runs"]}
    assert outcome.index["not_run"] == []


@pytest.mark.parametrize(
    ("name", "notebook", "actions"),
    [
        ("dead-letters", "30-dead-letters", []),
        (
            "stream-lag",
            "50-stream-lag",
            [
                "Give a failing batch of table ZAEL-demo up after 3 retries, halved down to the "
                "record that fails, as a dead letter",
                "Reduce the batch of table ZAEL-demo from 100 to 50 records",
            ],
        ),
        (
            "table-throttled",
            "60-dynamodb-throttling",
            [
                "Raise the write capacity of ZAEL-demo from 2 to 8 units a second",
                "Move ZAEL-demo to on-demand until the peak is over",
            ],
        ),
    ],
)
def test_a_branch_plans_what_mends_its_incident_and_no_purge_of_letters_that_can_be_replayed(
    name: str, notebook: str, actions: list[str], followed: Followed
) -> None:
    result = _result(_folder(followed(name), notebook))

    assert [plan["action"] for plan in result["plans"]] == actions


def test_the_evidence_of_dead_letters_holds_a_command_that_reads_them_in_the_stream(
    followed: Followed,
) -> None:
    pointers = _evidence(_folder(followed("dead-letters"), "30-dead-letters"), "pointers")

    assert list(pointers["letters"]) == [68]
    command = shlex.split(pointers["command"].iloc[0].replace("\\\n", " ").replace("$(", ""))
    assert command[:8] == [
        "AT=AWS_CONFIG_FILE=runs/sandbox/aws-config",
        "aws",
        "--region",
        "us-east-1",
        "--profile",
        "opslib-sandbox",
        "dynamodbstreams",
        "get-shard-iterator",
    ]
    assert command[command.index("--stream-arn") + 1].startswith(f"{TABLE}/stream/")


def _messages(sandbox: Sandbox) -> list[dict[str, Any]]:
    sqs = sandbox.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{FUNCTION}-dlq")["QueueUrl"]
    found: dict[str, dict[str, Any]] = {}
    while page := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found |= {message["MessageId"]: message for message in page}
    # Other tests of this session look for them too.
    for message in found.values():
        sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    return [json.loads(message["Body"]) for message in found.values()]


def _records(sandbox: Sandbox, pointer: dict[str, Any]) -> list[dict[str, Any]]:
    streams = sandbox.client("dynamodbstreams")
    batch = pointer["DDBStreamBatchInfo"]
    iterator = streams.get_shard_iterator(
        StreamArn=batch["streamArn"],
        ShardId=batch["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=batch["startSequenceNumber"],
    )["ShardIterator"]
    page = streams.get_records(ShardIterator=iterator, Limit=batch["batchSize"])
    records: list[dict[str, Any]] = page["Records"]
    return records


def test_dead_letters_point_to_records_in_the_stream_but_for_the_oldest_which_are_trimmed(
    sandbox_project: MakeProject,
) -> None:
    sandbox = sandbox_project("dead-letters").sandbox
    pointers = _messages(sandbox)
    trimmed = []

    for pointer in pointers:
        batch = pointer["DDBStreamBatchInfo"]
        arrived_at = datetime.fromisoformat(batch["approximateArrivalOfFirstRecord"])
        if arrived_at < NOW - timedelta(hours=24):
            with pytest.raises(ClientError) as refused:
                _records(sandbox, pointer)
            trimmed.append(refused.value.response["Error"]["Code"])
            continue
        (record,) = _records(sandbox, pointer)
        assert record["dynamodb"]["SequenceNumber"] == batch["startSequenceNumber"]
        assert record["eventName"] == "MODIFY"
        told = record["dynamodb"]["ApproximateCreationDateTime"]
        assert abs(told - arrived_at) < timedelta(seconds=1)

    assert trimmed == ["TrimmedDataAccessException"] * 4
    assert len(pointers) == 72
    assert {pointer["requestContext"]["condition"] for pointer in pointers} == {
        "RetryAttemptsExhausted"
    }


def test_what_is_left_of_a_trimmed_stream_begins_with_the_oldest_record_kept(
    sandbox_project: MakeProject,
) -> None:
    sandbox = sandbox_project("dead-letters").sandbox
    streams = sandbox.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName="ZAEL-demo")["Streams"]
    (shard,) = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]

    records = streams.get_records(ShardIterator=iterator, Limit=1000)["Records"]

    created = [record["dynamodb"]["ApproximateCreationDateTime"] for record in records]
    assert min(created) > NOW - timedelta(hours=2)
    assert len(records) == 68


def test_the_role_of_permission_denied_really_lacks_the_action(
    sandbox_project: MakeProject,
) -> None:
    sandbox = sandbox_project("permission-denied").sandbox
    role = sandbox.client("iam").get_role(RoleName="ZAEL-demo-aggr")["Role"]["Arn"]

    answers = sandbox.client("iam").simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=["dynamodb:UpdateItem", "dynamodb:PutItem"],
        ResourceArns=["arn:aws:dynamodb:us-east-1:000000000000:table/ZAEL-demo"],
    )["EvaluationResults"]

    assert [answer["EvalDecision"] for answer in answers] == ["implicitDeny", "allowed"]


def test_version_one_of_code_error_is_the_release_before(sandbox_project: MakeProject) -> None:
    lambda_ = sandbox_project("code-error").sandbox.client("lambda")

    versions = lambda_.list_versions_by_function(FunctionName=FUNCTION)["Versions"]

    latest, first = versions
    assert (latest["Version"], first["Version"]) == ("$LATEST", "1")
    assert latest["LastModified"] == "2026-10-14T02:27:00.000+0000"
    assert first["LastModified"] == "2026-10-05T03:07:00.000+0000"
    assert latest["CodeSha256"] != first["CodeSha256"]
    # The same at each pinned start, or a plan that was approved would be stale.
    assert latest["RevisionId"] == "6cf2b557-9290-5471-90db-7a2a5a1cf2b7"


def test_the_mapping_of_stream_lag_never_gives_up(sandbox_project: MakeProject) -> None:
    lambda_ = sandbox_project("stream-lag").sandbox.client("lambda")

    (mapping,) = lambda_.list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]

    assert mapping["MaximumRetryAttempts"] == -1
    assert mapping["BisectBatchOnFunctionError"] is False
    assert mapping["State"] == "Enabled"


def test_the_table_of_table_throttled_has_the_capacity_that_is_too_little(
    sandbox_project: MakeProject,
) -> None:
    table = (
        sandbox_project("table-throttled")
        .sandbox.client("dynamodb")
        .describe_table(TableName="ZAEL-demo")["Table"]
    )

    assert table["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 2


def _run(root: Path, notebook: str) -> headless.Outcome:
    path = root / "notebooks" / f"{notebook}.ipynb"
    return headless.run(path, collect(declared(path), notebook=notebook, files=["sandbox"]))


def _logged(sandbox: Sandbox) -> list[str]:
    """Read every line of the window stream by stream, past any query."""
    logs, found = sandbox.client("logs"), []
    group = f"/aws/lambda/{FUNCTION}"
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
    for name in [stream["logStreamName"] for page in pages for stream in page["logStreams"]]:
        wanted = {"logGroupName": group, "logStreamName": name, "startFromHead": True}
        page = logs.get_log_events(**wanted)
        while page["events"]:
            found += [e["message"] for e in page["events"] if START <= e["timestamp"] < END]
            page = logs.get_log_events(**wanted, nextToken=page["nextForwardToken"])
    return found


def test_the_kinds_are_counted_as_in_the_raw_events(
    followed: Followed, sandbox_project: MakeProject
) -> None:
    folder = _folder(followed("timeouts"), "10-error-rate")
    lines = _logged(sandbox_project("timeouts").sandbox)

    (finding,) = [f for f in _result(folder)["findings"] if f["id"] == "errors.timeout"]

    assert sum("Task timed out after" in line for line in lines) == 13
    assert finding["title"] == "13 invocations of ZAEL-demo-aggregator failed: timeout"


def test_a_timeout_that_was_lowered_is_said_to_be_and_planned_back_up(followed: Followed) -> None:
    result = _result(_folder(followed("timeouts"), "12-timeout"))

    (finding,) = result["findings"]
    assert finding["since"] == "2026-10-14T02:17:16.643000Z"
    assert "more than the timeout allows now: the timeout was lowered" in finding["detail"]
    assert [plan["action"] for plan in result["plans"]] == [
        "Set the timeout of ZAEL-demo-aggregator from 2 to 5 s",
        "Set the memory of ZAEL-demo-aggregator from 256 to 512 MB",
        "Reduce the batch of table ZAEL-demo from 100 to 50 records",
    ]


def test_while_the_table_refuses_writes_no_timeout_is_planned(followed: Followed) -> None:
    result = _result(_folder(followed("table-throttled"), "12-timeout"))

    assert result["plans"] == []
    assert [finding["id"] for finding in result["findings"]] == [
        "dynamodb.write-throttled",
        "errors.timeout",
    ]


def test_whoever_lowered_the_table_is_the_first_suspect_and_stands_on_the_plots(
    followed: Followed,
) -> None:
    notebook = nbformat.read(
        _folder(followed("table-throttled"), "00-triage") / "notebook.ipynb", as_version=4
    )

    shown = [
        str(output["data"].get("text/plain", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "data" in output
    ]
    (suspects,) = [text for text in shown if "began it" in text]
    assert suspects.startswith(
        "1. ✖ The change of ZAEL-demo-aggregator at 2026-10-14 02:07 UTC (table updated) began it"
    )
    assert any(text.endswith("Changes: table updated 02:07.") for text in shown)


def test_every_line_that_denies_is_counted_and_read_and_what_the_role_lost_is_planned(
    followed: Followed, sandbox_project: MakeProject
) -> None:
    lines = _logged(sandbox_project("permission-denied").sandbox)

    folder = _folder(followed("permission-denied"), "11-permission-denied")

    denying = sum("is not authorized to perform" in line for line in lines)
    assert _evidence(folder, "denials")["lines"].sum() == denying
    assert _evidence(folder, "what-the-role-may-do").to_dict("records") == [
        {
            "action": "dynamodb:UpdateItem",
            "resource": TABLE,
            "decision": "implicitDeny",
            "policy": "",
            "asked": "iam:SimulatePrincipalPolicy",
        }
    ]
    (plan,) = _result(folder)["plans"]
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

    (decided,) = _evidence(outcome.folder, "what-the-role-may-do").to_dict("records")
    assert (decided["decision"], decided["asked"]) == (
        "implicitDeny",
        "the visible policies alone (fallback)",
    )
    assert "iam:SimulatePrincipalPolicy" in outcome.result["limits"][0]["what"]
    assert [plan["action"].split()[0] for plan in outcome.result["plans"]] == ["Allow"]


def test_without_the_right_to_read_the_roles_policies_nothing_is_planned(
    sandbox_project: MakeProject,
) -> None:
    project = sandbox_project("permission-denied")
    project.sandbox.set_fault("iam:GetRolePolicy", code="AccessDenied")

    outcome = _run(project.root, "11-permission-denied")

    assert "iam:GetRolePolicy" in " ".join(limit["what"] for limit in outcome.result["limits"])
    assert outcome.result["plans"] == []
    assert outcome.exit_code == 2


def test_a_denial_that_loses_records_is_critical_where_exceptions_are_looked_for_too(
    sandbox_project: MakeProject,
) -> None:
    outcome = _run(sandbox_project("permission-denied").root, "13-code-error")

    wanted = scenarios.load("permission-denied").expected["13-code-error"]
    assert (wanted.verdict, *wanted.findings) == ("critical", "errors.permission-denied")
    found = {each["id"]: each["severity"] for each in outcome.result["findings"]}
    assert found == {"errors.permission-denied": "critical"}
    assert outcome.result["verdict"] == "critical"
    assert (outcome.result["limits"], outcome.result["plans"]) == ([], [])


def test_the_trace_leads_to_the_line_and_to_the_version_before(followed: Followed) -> None:
    folder = _folder(followed("code-error"), "13-code-error")

    (finding,) = _result(folder)["findings"]
    assert "It began 2.5 s after the change of 2026-10-14 02:27 UTC." in finding["detail"]
    assert "Version 1 holds other code" in finding["detail"]
    assert _evidence(folder, "traces")[["file", "line", "lines"]].to_numpy().tolist() == [
        ["/var/task/zae_limiter_aggregator/handler.py", "114", 480]
    ]
    assert "snapshots_written" in (folder / "report.html").read_text()
