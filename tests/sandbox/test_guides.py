"""Each row of DESIGN.md section 8: what the guide's version gives on an incident, and what ours.

The guides' queries and calls stand here as the guides print them, but for names of resources. Ours
are the cells of the notebooks and the builders of plans, as they are; they run in this process.
That a record which fails at WARNING is no ERROR either, `unit/test_errors.py` holds.
"""

import contextlib
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from opslib import aws, dead_letters
from opslib.remedies import concurrency, function_state, functions
from opslib.sandbox.api import Sandbox
from opslib.system import load
from sandbox.functions import make, settle
from sandbox.log_groups import ended, rows, start
from sandbox.projects import MakeProject, SandboxProject
from sandbox.streams import mapping

FUNCTION = "ZAEL-demo-aggregator"
QUEUE = f"{FUNCTION}-dlq"
TABLE = "ZAEL-demo"
GROUP = f"/aws/lambda/{FUNCTION}"
PLACE = {"account": "000000000000", "region": "us-east-1"}
NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
START = NOW - timedelta(hours=3)

ERRORS = """
fields @timestamp, @message
| filter @message like /ERROR/
| sort @timestamp desc
| limit 50
"""
DURATION = r"""
fields @timestamp, @message
| filter @message like /Batch processing completed/
| parse @message /processing_time_ms":(?<duration>[\d.]+)/
| stats avg(duration) as avg_ms,
        pct(duration, 50) as p50_ms,
        pct(duration, 95) as p95_ms,
        pct(duration, 99) as p99_ms
  by bin(1h)
| sort @timestamp desc
"""


def _asked(sandbox: Sandbox, text: str) -> list[dict[str, str]]:
    """Ask the window's lines of the function, the last second of it included."""
    span = {"startTime": int(START.timestamp()), "endTime": int(NOW.timestamp()) - 1}
    return rows(ended(sandbox, start(sandbox, text, logGroupName=GROUP, **span)))


def _logged(sandbox: Sandbox, word: str) -> list[str]:
    """Read the window's lines that hold a word, past any query."""
    logs, found = sandbox.client("logs"), []
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=GROUP)
    for name in [stream["logStreamName"] for page in pages for stream in page["logStreams"]]:
        page = logs.get_log_events(
            logGroupName=GROUP, logStreamName=name, startFromHead=True, limit=10_000
        )
        found += [
            event["message"]
            for event in page["events"]
            if word in event["message"]
            and START.timestamp() <= event["timestamp"] / 1000 < NOW.timestamp()
        ]
    return found


def _until(project: SandboxProject, wanted: str, notebook: str, **values: Any) -> dict[str, Any]:
    """Run a notebook's code cells, one after the other, until one has set a name."""
    path = project.root / "notebooks" / f"{notebook}.ipynb"
    names: dict[str, Any] = {}
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] != "code" or wanted in names:
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            # It is our own text.
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)  # noqa: S102
        names |= values if "parameters" in cell["metadata"].get("tags", ()) else {}
    return names


def test_the_guides_pattern_finds_no_processing_time_where_every_batch_states_one(
    sandbox_project: MakeProject,
) -> None:
    project = sandbox_project("table-throttled")
    lines = _logged(project.sandbox, '"message": "Batch processing completed"')
    stated_ms = [json.loads(line)["processing_time_ms"] for line in lines]

    by_guide = _asked(project.sandbox, DURATION)
    ours = _until(project, "work", "20-duration")
    triage = _until(project, "checks", "00-triage")

    assert len(stated_ms) == 542
    # Rows come, an hour each, of the lines that match; none has a duration in it.
    assert [list(row) for row in by_guide] == [["bin(1h)"]] * 4
    work = ours["work"]
    assert work["batches"].sum() == len(stated_ms)
    spent_ms = work["per_record_ms"] * work["records_per_batch"] * work["batches"]
    assert spent_ms.sum() == pytest.approx(sum(stated_ms), rel=1e-4)
    assert "duration.near-timeout" in {
        check.finding.id for check in triage["checks"] if check.finding
    }


def test_the_guides_search_for_error_finds_no_timeout(sandbox_project: MakeProject) -> None:
    project = sandbox_project("table-throttled")
    cut_off = _logged(project.sandbox, "Task timed out after")

    by_guide = _asked(project.sandbox, ERRORS)
    ours = _until(project, "cut_off", "12-timeout")

    assert by_guide == []
    (finding,) = ours["cut_off"]
    assert (finding.id, len(cut_off)) == ("errors.timeout", 2)
    assert finding.title.startswith(f"2 invocations of {FUNCTION} were cut off by the timeout")


def test_the_guides_replay_reads_no_record_of_a_letter_and_calls_it_well(
    sandbox_project: MakeProject,
) -> None:
    project = sandbox_project("dead-letters")
    lambda_ = project.sandbox.client("lambda")
    sqs = project.sandbox.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    (letter,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    body = letter["Body"].encode()

    in_the_back = lambda_.invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=body)
    waited_for = lambda_.invoke(FunctionName=FUNCTION, Payload=body)
    ours = _until(project, "pointers", "30-dead-letters")

    # The guide deletes the letter on either answer.
    assert in_the_back["StatusCode"] == 202
    assert (waited_for["StatusCode"], waited_for.get("FunctionError")) == (200, None)
    assert json.loads(waited_for["Payload"].read())["body"]["processed"] == 0
    assert set(json.loads(body)) >= {"DDBStreamBatchInfo"}
    assert "Records" not in json.loads(body)
    # Every letter is still there, and each record that the stream still has is pointed at.
    assert set(ours["peek"].rows["kind"]) == {"DynamoDB stream pointer"}
    assert ours["peek"].rows["message_id"].nunique() == 72
    assert ours["pointers"].rows["records"].sum() == _kept(project.sandbox) == 68


def _kept(sandbox: Sandbox) -> int:
    """Count the records that the table's stream still has."""
    streams = sandbox.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=TABLE)["Streams"]
    of = {"StreamArn": stream["StreamArn"]}
    (shard,) = streams.describe_stream(**of)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        **of, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return len(streams.get_records(ShardIterator=iterator, Limit=1000)["Records"])


class TestPeeking:
    """Thirteen messages in a dead-letter queue, looked at."""

    @pytest.fixture
    def url(self, empty: Sandbox) -> str:
        sqs = empty.client("sqs")
        url: str = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        for number in range(13):
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"n": number}))
        return url

    def test_the_guides_peek_reads_some_messages_again_and_others_never(
        self, empty: Sandbox, url: str
    ) -> None:
        sqs = empty.client("sqs")

        pages = [
            sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
            for _ in range(2)
        ]

        # The second look shows the first ten again, and each look counts as a receive.
        assert len({message["MessageId"] for page in pages for message in page["Messages"]}) == 10
        assert sorted(_counts(empty, url).values()) == [0] * 3 + [2] * 10

    def test_ours_leaves_every_message_and_raises_its_receive_count_by_exactly_one(
        self, empty: Sandbox, url: str
    ) -> None:
        connection = aws.connect(load("sandbox"))

        seen = dead_letters.peek(connection, dead_letters.waiting(connection, QUEUE), most=100)

        # All are visible at once, without waiting for a timeout.
        assert sorted(_counts(empty, url).values()) == [1] * 13
        assert len(seen.rows) == 13
        assert set(seen.rows["receives"]) == {0}
        assert seen.touched.startswith(
            "Touched: the receive count of 13 messages was raised by one;"
        )

    def test_the_guides_peek_moves_messages_on_and_ours_does_not_read_them(
        self, empty: Sandbox, url: str
    ) -> None:
        sqs = empty.client("sqs")
        last = sqs.create_queue(QueueName="last")["QueueUrl"]
        to = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{PLACE['account']}:last"}
        policy = {"RedrivePolicy": json.dumps({**to, "maxReceiveCount": 1})}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=policy)
        connection = aws.connect(load("sandbox"))

        seen = dead_letters.peek(connection, dead_letters.waiting(connection, QUEUE), most=100)
        left_by_ours = _depth(sqs, url)
        for _ in range(2):
            sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)

        assert (left_by_ours, seen.touched) == (13, "No message was touched.")
        assert "a receive can move a message on to last" in seen.limits[0]
        assert (_depth(sqs, url), _depth(sqs, last)) == (3, 10)


def _depth(sqs: Any, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def _counts(sandbox: Sandbox, url: str) -> dict[str, int]:
    """Receive every message once and say how often each was received before that."""
    sqs = sandbox.client("sqs")
    found: dict[str, int] = {}
    while page := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
        VisibilityTimeout=20,
    ).get("Messages"):
        for message in page:
            received = int(message["Attributes"]["ApproximateReceiveCount"])
            found[message["MessageId"]] = received - 1
    return found


def test_the_guides_age_is_no_attribute_of_a_queue_and_ours_is_the_metrics(
    sandbox_project: MakeProject, empty: Sandbox
) -> None:
    sqs = empty.client("sqs")
    url = sqs.create_queue(QueueName="verdicts")["QueueUrl"]
    _told(empty, "verdicts", "ApproximateAgeOfOldestMessage", [600.0, 1260.0, 1200.0])
    _told(empty, "verdicts", "ApproximateNumberOfMessagesVisible", [3.0, 4.0, 4.0])
    names = ["ApproximateNumberOfMessages", "ApproximateAgeOfOldestMessage"]
    project = sandbox_project("empty")
    system = yaml.safe_load((project.root / "params" / "sandbox.yaml").read_text())["system"]
    system |= {"functions": [], "tables": [], "queues": [{"name": "verdicts", "kind": "work"}]}

    with pytest.raises(ClientError) as refused:
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    ours = _until(project, "checks", "00-triage", system=system)

    assert refused.value.response["Error"]["Code"] == "InvalidAttributeName"
    (oldest,) = [check for check in ours["checks"] if check.indicator == "Oldest message"]
    assert oldest.value == 1260 * 1000
    assert oldest.finding is not None
    assert (oldest.finding.id, oldest.verdict.value) == ("queue.backlog", "critical")


def _told(sandbox: Sandbox, queue: str, metric: str, values: list[float]) -> None:
    """Publish a queue's metric, one value five minutes, the last five minutes before now."""
    first = NOW - timedelta(minutes=5 * len(values))
    entries = [
        {
            "MetricName": metric,
            "Dimensions": [{"Name": "QueueName", "Value": queue}],
            "Timestamp": first + timedelta(minutes=5 * place),
            "Value": value,
        }
        for place, value in enumerate(values)
    ]
    sandbox.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=entries)


def test_the_guides_throttled_requests_of_a_table_have_no_datapoint_and_its_throttles_have(
    sandbox_project: MakeProject,
) -> None:
    project = sandbox_project("table-throttled")

    by_guide = _sums(project.sandbox, "ThrottledRequests")
    refused = _sums(project.sandbox, "WriteThrottleEvents")
    ours = _until(project, "used", "60-dynamodb-throttling")
    triage = _until(project, "checks", "00-triage")

    assert by_guide == []
    assert sum(refused) > 100
    assert ours["used"]["throttles"].sum() == sum(refused)
    (check,) = [each for each in triage["checks"] if each.indicator == "Write throttles"]
    assert check.finding is not None
    assert (check.finding.id, check.verdict.value) == ("dynamodb.write-throttled", "critical")
    assert f"{sum(refused):,.0f} writes of {TABLE} were throttled" in check.finding.detail


def _sums(sandbox: Sandbox, metric: str) -> list[float]:
    """Ask a metric of the table by the table's name alone."""
    points = sandbox.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/DynamoDB",
        MetricName=metric,
        Dimensions=[{"Name": "TableName", "Value": TABLE}],
        StartTime=START,
        EndTime=NOW,
        Period=300,
        Statistics=["Sum"],
    )["Datapoints"]
    return [point["Sum"] for point in points]


class TestChangesOfAFunctionWithAnAlias:
    """A function of 128 MB and 10 s whose queue invokes its alias, which is at version 1."""

    @pytest.fixture
    def lambda_(self, empty: Sandbox) -> Any:
        lambda_, sqs = empty.client("lambda"), empty.client("sqs")
        make(empty, "orders", source="def handler(event, context): return None")
        lambda_.publish_version(FunctionName="orders")
        lambda_.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
        sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "60"})
        mapping(empty, "orders:live", f"arn:aws:sqs:us-east-1:{PLACE['account']}:jobs")
        return lambda_

    def test_the_guides_memory_reaches_latest_alone_and_our_plan_says_what_the_alias_needs(
        self, lambda_: Any
    ) -> None:
        connection = aws.connect(load("sandbox"))
        held = function_state.versions(connection, "orders")
        fed = function_state.feeds(connection, "orders", held)

        memory = functions.memory_plan(held, fed, memory_mb=512, **PLACE)
        timeout = functions.timeout_plan(held, fed, timeout_s=120, **PLACE)
        lambda_.update_function_configuration(FunctionName="orders", MemorySize=512, Timeout=120)
        settle(lambda_, "orders")
        invoked = lambda_.get_function_configuration(FunctionName="orders", Qualifier="live")

        assert (invoked["MemorySize"], invoked["Timeout"]) == (128, 10)
        assert memory is not None
        assert timeout is not None
        assert memory.first == timeout.first
        assert memory.first[0].startswith("Alias live stays on version 1; a mapping invokes live:")
        # Six times the new timeout, and before it.
        assert [(call.operation, call.arguments.get("Attributes")) for call in timeout.calls] == [
            ("SetQueueAttributes", {"VisibilityTimeout": "720"}),
            ("UpdateFunctionConfiguration", None),
        ]

    def test_the_guides_provisioned_concurrency_is_refused_and_what_our_plan_calls_is_taken(
        self, lambda_: Any
    ) -> None:
        connection = aws.connect(load("sandbox"))
        configuration = lambda_.get_function_configuration(FunctionName="orders")
        held = function_state.versions(connection, "orders")
        kept = concurrency.provisioned(connection, held, alias=None)

        plan = concurrency.provisioned_plan(
            configuration, held, kept, executions=2, traffic=None, **PLACE
        )
        assert plan is not None
        (call,) = plan.calls
        with pytest.raises(ClientError) as refused:
            lambda_.put_provisioned_concurrency_config(
                FunctionName="orders", Qualifier="$LATEST", ProvisionedConcurrentExecutions=2
            )
        taken = lambda_.put_provisioned_concurrency_config(**call.arguments)

        assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
        assert call.arguments["Qualifier"] == "live"
        assert taken["RequestedProvisionedConcurrentExecutions"] == 2
        assert plan.first == ()
