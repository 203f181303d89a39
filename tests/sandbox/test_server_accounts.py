"""A key of twelve digits opens an account of its own; two sandboxes share nothing."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox import launcher, record
from opslib.sandbox.api import Progress, Sandbox
from sandbox import functions

_OTHER = "111111111111"


class _Nothing:
    """A scenario of nothing at all."""

    name = "nothing"

    def build(self, sandbox: Sandbox, *, progress: Progress) -> None:
        pass


@pytest.fixture
def other(empty: Sandbox) -> Sandbox:
    return replace(empty, access_key_id=_OTHER, account=_OTHER)


def test_accounts_of_one_server_see_nothing_of_each_other(empty: Sandbox, other: Sandbox) -> None:
    for sandbox, value in ((empty, 1), (other, 2)):
        sandbox.client("sqs").create_queue(QueueName=f"queue-{value}")
        sandbox.client("logs").create_log_group(logGroupName=f"group-{value}")
        sandbox.client("cloudwatch").put_metric_data(
            Namespace="Test/Account",
            MetricData=[
                {"MetricName": "n", "Value": value, "Timestamp": empty.clock.pinned_at},
            ],
        )

    seen = [_seen(sandbox) for sandbox in (empty, other)]

    assert [
        sandbox.client("sts").get_caller_identity()["Account"] for sandbox in (empty, other)
    ] == [
        "000000000000",
        _OTHER,
    ]
    assert seen == [
        {"queue": "000000000000/queue-1", "groups": ["group-1"], "values": [1.0]},
        {"queue": f"{_OTHER}/queue-2", "groups": ["group-2"], "values": [2.0]},
    ]


def _seen(sandbox: Sandbox) -> dict[str, Any]:
    (url,) = sandbox.client("sqs").list_queues()["QueueUrls"]
    at = sandbox.clock.now().replace(second=0)
    query = {
        "Id": "n",
        "MetricStat": {
            "Metric": {"Namespace": "Test/Account", "MetricName": "n"},
            "Period": 60,
            "Stat": "Sum",
        },
    }
    (result,) = sandbox.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=at, EndTime=at.replace(minute=at.minute + 1)
    )["MetricDataResults"]
    return {
        "queue": "/".join(url.split("/")[3:]),
        "groups": [
            group["logGroupName"]
            for group in sandbox.client("logs").describe_log_groups()["logGroups"]
        ],
        "values": result["Values"],
    }


def test_queries_functions_and_moves_of_another_account_are_not_found(
    empty: Sandbox, other: Sandbox
) -> None:
    logs = empty.client("logs")
    logs.create_log_group(logGroupName="mine")
    query_id = logs.start_query(
        logGroupName="mine", startTime=0, endTime=1, queryString="fields @message"
    )["queryId"]
    functions.make(empty, "mine", source="def handler(event, context): return 1")

    with pytest.raises(ClientError) as of_the_query:
        other.client("logs").get_query_results(queryId=query_id)
    with pytest.raises(ClientError) as of_the_function:
        other.client("lambda").put_function_concurrency(
            FunctionName="mine", ReservedConcurrentExecutions=1
        )
    with pytest.raises(ClientError) as of_the_queue:
        other.client("sqs").list_message_move_tasks(
            SourceArn="arn:aws:sqs:us-east-1:000000000000:none"
        )

    raised = (of_the_query, of_the_function, of_the_queue)
    assert {caught.value.response["Error"]["Code"] for caught in raised} == {
        "ResourceNotFoundException"
    }


def test_two_sandboxes_are_two_processes_and_neither_is_ours(
    empty: Sandbox, tmp_path: Path
) -> None:
    home = tmp_path / "second"
    second = launcher.start(
        _Nothing(), clock="pinned", home=home, progress=lambda _: None, tied=True
    )
    empty.client("sqs").create_queue(QueueName="only-in-the-first")

    queues = second.client("sqs").list_queues().get("QueueUrls", [])
    known = record.read(home), record.read(empty.home)
    launcher.down(home)
    still_there = empty.client("sqs").list_queues()["QueueUrls"]

    pids = {each.pid for each in known if each}
    assert queues == []
    assert len(pids) == 2
    assert os.getpid() not in pids
    assert len(still_there) == 1
