"""The scenarios on a running sandbox, read with plain boto3."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from opslib.errors import CouldNotLook
from opslib.sandbox.api import Sandbox
from opslib.sandbox.scenarios import healthy, slow
from opslib.sandbox.scenarios.history import tell
from opslib.sandbox.scenarios.planning import Shape, plan
from opslib.sandbox.scenarios.traffic import Written, wait_for
from sandbox.projects import MakeProject

FUNCTION = "ZAEL-demo-aggregator"
QUEUE = "ZAEL-demo-aggregator-dlq"
NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)


def _events(sandbox: Sandbox) -> list[tuple[str, int, str]]:
    logs = sandbox.client("logs")
    group = f"/aws/lambda/{FUNCTION}"
    found: list[tuple[str, int, str]] = []
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
    for name in [stream["logStreamName"] for page in pages for stream in page["logStreams"]]:
        asked: dict[str, Any] = {"logGroupName": group, "logStreamName": name}
        while True:
            page = logs.get_log_events(**asked, startFromHead=True)
            found += [(name, event["timestamp"], event["message"]) for event in page["events"]]
            if not page["events"]:
                break
            asked["nextToken"] = page["nextForwardToken"]
    return found


def _metric(
    sandbox: Sandbox,
    name: str,
    statistic: str,
    *,
    start: datetime,
    end: datetime,
    period_s: int,
) -> list[float]:
    namespace, dimension, value = (
        ("AWS/SQS", "QueueName", QUEUE)
        if name.startswith("Approximate")
        else ("AWS/Lambda", "FunctionName", FUNCTION)
    )
    query = {
        "Id": "m",
        "MetricStat": {
            "Metric": {
                "Namespace": namespace,
                "MetricName": name,
                "Dimensions": [{"Name": dimension, "Value": value}],
            },
            "Period": period_s,
            "Stat": statistic,
        },
    }
    answer = sandbox.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=start, EndTime=end
    )
    values: list[float] = answer["MetricDataResults"][0]["Values"]
    return values


def test_the_pipeline_is_deployed_as_the_product_s_template_says(
    sandbox_project: MakeProject,
) -> None:
    sandbox = sandbox_project("slow").sandbox

    function = sandbox.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    (mapping,) = sandbox.client("lambda").list_event_source_mappings(FunctionName=FUNCTION)[
        "EventSourceMappings"
    ]
    table = sandbox.client("dynamodb").describe_table(TableName="ZAEL-demo")["Table"]
    sqs = sandbox.client("sqs")
    queue = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], AttributeNames=["All"]
    )["Attributes"]

    assert (function["State"], function["Timeout"], function["MemorySize"]) == ("Active", 10, 256)
    assert function["Handler"] == "zae_limiter_aggregator.handler.handler"
    assert function["LastModified"] == "2026-10-14T01:52:00.000+0000"
    assert mapping["State"] == "Enabled"
    assert mapping["EventSourceArn"] == table["LatestStreamArn"]
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": queue["QueueArn"]}}
    asked = ("BatchSize", "MaximumRetryAttempts", "BisectBatchOnFunctionError")
    assert [mapping[name] for name in asked] == [100, 3, True]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert (queue["VisibilityTimeout"], queue["MessageRetentionPeriod"]) == ("300", "1209600")


@pytest.mark.parametrize(
    ("name", "shape"), [("slow", slow.SHAPE), ("healthy", healthy.SHAPE)], ids=["slow", "healthy"]
)
def test_the_log_group_holds_the_whole_told_history(
    sandbox_project: MakeProject, name: str, shape: Shape
) -> None:
    sandbox = sandbox_project(name).sandbox

    found = sorted(event for event in _events(sandbox) if event[1] < NOW.timestamp() * 1000)

    told = tell(plan(shape, now=NOW))
    assert found == sorted(
        (stream, event.timestamp, event.message)
        for stream, events in told.items()
        for event in events
    )


def test_the_metrics_of_slow_say_what_its_report_lines_say(sandbox_project: MakeProject) -> None:
    sandbox = sandbox_project("slow").sandbox
    # A quarter of an hour as the period cuts it.
    start, end = NOW - timedelta(minutes=22), NOW - timedelta(minutes=7)

    (p95,) = _metric(sandbox, "Duration", "p95", start=start, end=end, period_s=900)
    (invocations,) = _metric(sandbox, "Invocations", "Sum", start=start, end=end, period_s=900)
    ages = _metric(sandbox, "IteratorAge", "Maximum", start=start, end=end, period_s=300)
    errors = _metric(sandbox, "Errors", "Sum", start=start, end=end, period_s=900)

    durations = [i.duration_ms for i in plan(slow.SHAPE, now=NOW) if start <= i.at < end]
    assert invocations == len(durations)
    assert p95 == pytest.approx(np.percentile(durations, 95))
    assert p95 > 8000
    assert max(ages) > 30_000
    assert errors == [0.0]


def test_the_metrics_of_healthy_are_below_every_threshold(sandbox_project: MakeProject) -> None:
    sandbox = sandbox_project("healthy").sandbox
    window: dict[str, Any] = {"start": NOW - timedelta(hours=3), "end": NOW, "period_s": 300}

    p95 = _metric(sandbox, "Duration", "p95", **window)
    ages = _metric(sandbox, "IteratorAge", "Maximum", **window)
    errors = _metric(sandbox, "Errors", "Sum", **window)
    waiting = _metric(sandbox, "ApproximateNumberOfMessagesVisible", "Maximum", **window)
    oldest = _metric(sandbox, "ApproximateAgeOfOldestMessage", "Maximum", **window)

    # 00:07 to 03:07 touches 37 bins of five minutes.
    assert [len(values) for values in (p95, ages, errors, waiting, oldest)] == [37] * 5
    assert max(p95) < 1000
    assert max(ages) < 1000
    assert {*errors, *waiting, *oldest} == {0.0}


def test_empty_has_nothing_deployed(empty: Sandbox) -> None:
    assert empty.client("lambda").list_functions()["Functions"] == []
    assert empty.client("logs").describe_log_groups()["logGroups"] == []
    assert empty.client("dynamodb").list_tables()["TableNames"] == []
    assert empty.client("sqs").list_queues().get("QueueUrls", []) == []


@pytest.mark.parametrize(
    ("name", "records", "longest_ms", "oldest_ms"),
    # What really ran took no less than its late writes, and no more than its timeout.
    [("slow", 5, (7000, 10_000), (30_000, 60_000)), ("healthy", 8, (240, 10_000), (300, 30_000))],
    ids=["slow", "healthy"],
)
def test_with_a_live_clock_the_real_function_continues_the_history(
    sandbox_project: MakeProject,
    name: str,
    records: int,
    longest_ms: tuple[int, int],
    oldest_ms: tuple[int, int],
) -> None:
    sandbox = sandbox_project(name, clock="live").sandbox
    now = datetime.now(UTC)
    window: dict[str, Any] = {
        "start": now - timedelta(hours=4),
        "end": now + timedelta(minutes=1),
        "period_s": 86_400,
    }

    events = sorted((timestamp, message) for _, timestamp, message in _events(sandbox))
    invocations = sum(_metric(sandbox, "Invocations", "Sum", **window))
    ages = _metric(sandbox, "IteratorAge", "Maximum", **window)

    lines = [json.loads(message) for _, message in events if message.startswith("{")]
    # Told lines carry ids of their own, real ones the emulator's: the last are the real ones.
    ended = [line for line in lines if line["message"] == "Lambda invocation completed"]
    ended.sort(key=lambda line: line["timestamp"])
    processed, real = 0, []
    while processed < records:
        real.append(ended.pop())
        processed += real[-1]["processed"]
    assert processed == records
    assert [line["error_count"] for line in real] == [0] * len(real)
    longest = max(line["processing_time_ms"] for line in real)
    assert longest_ms[0] < longest < longest_ms[1]
    reports = [message for _, message in events if message.startswith("REPORT")]
    assert invocations == len(reports)
    assert oldest_ms[0] < max(ages) < oldest_ms[1]


def test_records_that_nobody_processes_are_waited_for_only_so_long(
    sandbox_project: MakeProject,
) -> None:
    sandbox = sandbox_project("healthy").sandbox
    never = Written(records=2, at=datetime.now(UTC))

    with pytest.raises(CouldNotLook) as raised:
        wait_for(sandbox, never, since=never.at, deadline_s=0.2)

    assert raised.value.reason == "timeout"
    assert str(raised.value).startswith(
        "The pipeline was not seen at work: 0 of 2 records were processed within 0 s."
    )


def test_cold_starts_leave_no_deployment_behind_the_windows_of_a_triage_at_once(
    sandbox_project: MakeProject,
) -> None:
    begun = datetime.now(UTC)

    sandbox = sandbox_project("cold-starts", clock="live").sandbox

    function = sandbox.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    assert datetime.fromisoformat(function["LastModified"]) < begun
