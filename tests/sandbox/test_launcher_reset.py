"""A reset forgets everything in the running server and tells the same scenario anew."""

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from opslib.errors import BadInput, OpsError
from opslib.sandbox import launcher, record
from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.commands import sandbox as command
from opslib.sandbox.record import State
from sandbox import functions
from sandbox.projects import processes_of


@dataclass
class _OneQueue:
    """A scenario of one queue with one message, that can be told to break."""

    name: str = "one-queue"
    breaks: bool = False
    told: list[Sandbox] = field(default_factory=list)

    def build(self, sandbox: Sandbox, *, progress: Progress) -> None:
        self.told.append(sandbox)
        if self.breaks:
            raise OpsError("The queue was not made.")
        sqs = sandbox.client("sqs")
        url = sqs.create_queue(QueueName="orders")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="first")


@pytest.fixture
def story() -> _OneQueue:
    return _OneQueue()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "runs" / "sandbox"
    yield folder
    launcher.down(folder)


def _reset(home: Path, story: _OneQueue, told: list[str] | None = None) -> Sandbox:
    progress = told.append if told is not None else lambda _: None
    return launcher.tell_again(lambda _: story, home=home, progress=progress)


def _seen(sandbox: Sandbox) -> dict[str, Any]:
    """List what is in a sandbox, service by service."""
    sqs = sandbox.client("sqs")
    url = sqs.list_queues()["QueueUrls"][0]
    count = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return {
        "queues": sqs.list_queues()["QueueUrls"],
        "messages": count["Attributes"]["ApproximateNumberOfMessages"],
        "functions": sandbox.client("lambda").list_functions()["Functions"],
        "tables": sandbox.client("dynamodb").list_tables()["TableNames"],
        "streams": sandbox.client("kinesis").list_streams()["StreamNames"],
        "buckets": sandbox.client("s3").list_buckets().get("Buckets", []),
        "groups": sandbox.client("logs").describe_log_groups()["logGroups"],
        "queries": sandbox.client("logs").describe_queries()["queries"],
        "metrics": sorted(
            metric["MetricName"]
            for metric in sandbox.client("cloudwatch").list_metrics()["Metrics"]
        ),
        "alarms": sandbox.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "roles": sandbox.client("iam").list_roles()["Roles"],
    }


def _use(sandbox: Sandbox) -> None:
    """Leave something in every service, a query and a fault."""
    sandbox.client("sqs").create_queue(QueueName="mine")
    functions.make(sandbox, "mine", source="def handler(event, context): return 1")
    sandbox.client("lambda").invoke(FunctionName="mine")
    sandbox.client("dynamodb").create_table(
        TableName="mine",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    sandbox.client("kinesis").create_stream(StreamName="mine", ShardCount=1)
    sandbox.client("s3").create_bucket(Bucket="mine")
    sandbox.client("iam").create_role(RoleName="mine", AssumeRolePolicyDocument="{}")
    sandbox.client("logs").create_log_group(logGroupName="mine")
    sandbox.client("logs").start_query(
        logGroupName="mine", startTime=0, endTime=1, queryString="fields @message"
    )
    cloudwatch = sandbox.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "n", "Value": 1}])
    cloudwatch.put_metric_alarm(
        AlarmName="mine",
        Namespace="Mine",
        MetricName="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    sandbox.set_fault("sts:GetCallerIdentity", code="AccessDenied")


def test_a_reset_leaves_the_scenario_as_it_was_told_and_nothing_else(
    home: Path, story: _OneQueue
) -> None:
    told: list[str] = []
    first = launcher.start(story, clock="pinned", home=home, progress=lambda _: None, tied=True)
    before, was = record.read(home), _seen(first)
    _use(first)
    in_use = processes_of(home)

    again = _reset(home, story, told)

    assert _seen(again) == was
    assert was["messages"] == "1"
    assert was["functions"] == was["groups"] == was["queries"] == []
    # Of the story's own queue and its message, which are measured as they stand.
    assert was["metrics"] == [
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
        "NumberOfMessagesSent",
    ]
    assert again.client("sts").get_caller_identity()["Account"] == "000000000000"
    assert again == first
    assert record.read(home) == before
    assert (len(in_use), len(processes_of(home))) == (2, 1)
    assert told == [
        f"The sandbox at {first.endpoint} forgot everything.",
        "Scenario one-queue was told anew, clock 2026-10-14T03:07:00+00:00.",
    ]


def test_a_second_reset_leaves_what_the_first_left_and_open_connections_go_on(
    home: Path, story: _OneQueue
) -> None:
    sandbox = launcher.start(story, clock="pinned", home=home, progress=lambda _: None, tied=True)
    connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint).netloc, timeout=60)
    connection.request("GET", "/_opslib/identity")
    before, was = json.loads(connection.getresponse().read()), _seen(sandbox)

    _reset(home, story)
    _reset(home, story)
    connection.request("GET", "/_opslib/identity")
    after = json.loads(connection.getresponse().read())
    connection.close()

    assert after == before
    assert _seen(sandbox) == was
    assert len(story.told) == 3


def test_a_scenario_that_cannot_be_told_anew_stops_the_server_and_says_why(
    home: Path, story: _OneQueue
) -> None:
    launcher.start(story, clock="pinned", home=home, progress=lambda _: None, tied=True)
    story.breaks = True

    with pytest.raises(OpsError) as caught:
        _reset(home, story)

    assert caught.value.message == (
        "The sandbox is not up: its scenario one-queue could not be built, so the server was "
        "stopped. What stopped it: The queue was not made."
    )
    assert launcher.status(home).state is State.DOWN


def test_a_reset_that_was_killed_is_not_taken_for_complete_and_can_be_repeated(
    home: Path, story: _OneQueue
) -> None:
    sandbox = launcher.start(story, clock="pinned", home=home, progress=lambda _: None, tied=True)
    known = record.read(home)
    assert known is not None
    record.Record(**{**known.__dict__, "built": False}).write(home)
    sandbox.forget()

    before = launcher.status(home).state
    _reset(home, story)

    assert before is State.UNFINISHED
    assert launcher.status(home).state is State.UP
    assert _seen(sandbox)["messages"] == "1"


def test_a_reset_of_a_dead_sandbox_is_refused_and_changes_nothing(
    home: Path, story: _OneQueue
) -> None:
    launcher.start(story, clock="pinned", home=home, progress=lambda _: None, tied=True)
    known = record.read(home)
    assert known is not None
    os.kill(known.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while record.alive(known.pid) and time.monotonic() < deadline:
        time.sleep(0.02)

    with pytest.raises(BadInput) as caught:
        _reset(home, story)

    assert caught.value.message.startswith(
        "Nothing was reset. No sandbox is up; the last one ended unasked: scenario one-queue"
    )
    assert record.read(home) == known


@pytest.mark.usefixtures("project_root")
def test_the_command_says_that_nothing_is_up_and_makes_no_folder(project_root: Path) -> None:
    result = CliRunner().invoke(command, ["reset"])

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == (
        "Nothing was reset. No sandbox is up. Start one with: opslib sandbox up\n"
    )
    assert not (project_root / "runs" / "sandbox").exists()


def test_the_command_tells_a_listed_scenario_anew(project_root: Path) -> None:
    runner = CliRunner()
    runner.invoke(command, ["up", "--scenario", "empty"])
    home = project_root / "runs" / "sandbox"
    sandbox = launcher.status(home).sandbox
    assert sandbox is not None
    sandbox.client("sqs").create_queue(QueueName="mine")

    result = runner.invoke(command, ["reset"])

    queues = sandbox.client("sqs").list_queues().get("QueueUrls", [])
    launcher.down(home)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert queues == []
