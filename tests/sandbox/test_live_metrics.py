"""What the sandbox's CloudWatch says of what really happened on it."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox
from sandbox.functions import MINUTE_S, TOGETHER, make
from sandbox.streams import (
    batches,
    change,
    eventually,
    mapping,
    pointers,
    put,
    queue,
    reader,
    settled,
    stream,
    table,
)

FAILING = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("asked to")
"""


def _points(sandbox: Sandbox, metric: str, **dimensions: str) -> list[dict[str, Any]]:
    """Read a metric of the last hour by the minute: ``AWS/Lambda Errors``."""
    namespace, name = metric.split()
    now = datetime.now(UTC)
    points: list[dict[str, Any]] = sandbox.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=2),
        Period=60,
        Statistics=["Sum", "Maximum", "SampleCount"],
    )["Datapoints"]
    return points


def _sum(sandbox: Sandbox, metric: str, **dimensions: str) -> float:
    return float(sum(point["Sum"] for point in _points(sandbox, metric, **dimensions)))


def _max(sandbox: Sandbox, metric: str, **dimensions: str) -> float:
    return max(float(point["Maximum"]) for point in _points(sandbox, metric, **dimensions))


def _listed(sandbox: Sandbox, namespace: str) -> set[str]:
    listed = sandbox.client("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]
    return {metric["MetricName"] for metric in listed}


def _invoke(sandbox: Sandbox, function: str, **event: Any) -> None:
    sandbox.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))


def test_each_invocation_is_counted_once_and_by_its_alias(empty: Sandbox) -> None:
    make(empty, "orders", source=FAILING)
    lambda_ = empty.client("lambda")
    version = lambda_.publish_version(FunctionName="orders")["Version"]
    lambda_.create_alias(FunctionName="orders", Name="live", FunctionVersion=version)

    _invoke(empty, "orders")
    _invoke(empty, "orders", fail=True)
    _invoke(empty, "orders:live")

    counts = {
        name: _sum(empty, f"AWS/Lambda {name}", FunctionName="orders")
        for name in ("Invocations", "Errors", "Throttles")
    }
    by_alias = _sum(empty, "AWS/Lambda Invocations", FunctionName="orders", Resource="orders:live")
    points = _points(empty, "AWS/Lambda Duration", FunctionName="orders")
    pages = empty.client("logs").filter_log_events(logGroupName="/aws/lambda/orders")["events"]
    reports = [
        float(found[1])
        for event in pages
        if (found := re.match(r"REPORT .*?\tDuration: ([\d.]+) ms", event["message"]))
    ]
    assert counts == {"Invocations": 3.0, "Errors": 1.0, "Throttles": 0.0}
    assert by_alias == 1.0
    assert len(reports) == 3
    assert sum(point["Sum"] for point in points) == pytest.approx(sum(reports))
    assert {point["Unit"] for point in points} == {"Milliseconds"}
    assert {point["Timestamp"].second for point in points} == {0}


def test_a_throttled_call_is_in_throttles_alone(empty: Sandbox) -> None:
    make(empty, "orders", source=FAILING)
    lambda_ = empty.client("lambda")
    lambda_.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=0)

    with pytest.raises(ClientError) as raised:
        _invoke(empty, "orders")

    # The SDK tried three times in all.
    assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == 2
    assert _listed(empty, "AWS/Lambda") == {"Throttles"}
    assert _sum(empty, "AWS/Lambda Throttles", FunctionName="orders") == 3.0


def test_what_runs_at_once_is_counted_as_concurrent(empty: Sandbox, tmp_path: Path) -> None:
    source = f"{TOGETHER}\ndef handler(event, context): together('{tmp_path}', event['name'], 3)"
    make(empty, "orders", source=source, timeout_s=120)

    with ThreadPoolExecutor(3) as callers:
        for name in "abc":
            callers.submit(_invoke, empty, "orders", name=name)

    assert _max(empty, "AWS/Lambda ConcurrentExecutions", FunctionName="orders") == 3.0


def test_a_mapping_s_invocations_and_the_age_of_its_records_are_measured(empty: Sandbox) -> None:
    source = table(empty, "orders")
    url, arn = queue(empty, "orders-dlq")
    function = reader(empty, "orders-reader")
    uuid = mapping(
        empty,
        function,
        source,
        Enabled=False,
        MaximumRetryAttempts=1,
        BatchSize=1,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    put(empty, "orders", "poison", "poison-2", "c")
    empty.let_pass(100)

    change(empty, uuid, Enabled=True)
    pointers(empty, url, count=2)
    eventually(lambda: batches(empty, function), lambda found: ["c"] in found)
    settled(empty, uuid, "Enabled")
    empty.client("sqs").delete_queue(QueueUrl=url)
    put(empty, "orders", "poison-3", "e")
    eventually(lambda: batches(empty, function), lambda found: ["e"] in found)

    ages = _points(empty, "AWS/Lambda IteratorAge", FunctionName=function)
    # Two attempts with each of three poison records, and two good ones.
    assert _sum(empty, "AWS/Lambda Invocations", FunctionName=function) == 8.0
    assert _sum(empty, "AWS/Lambda Errors", FunctionName=function) == 6.0
    assert sum(point["SampleCount"] for point in ages) == 8.0
    assert 100_000 < max(point["Maximum"] for point in ages) < 100_000 + 5 * MINUTE_S * 1000
    assert {point["Unit"] for point in ages} == {"Milliseconds"}
    lost = _sum(empty, "AWS/Lambda DestinationDeliveryFailures", FunctionName=function)
    assert lost == 1.0
    assert _sum(empty, "AWS/SQS NumberOfMessagesSent", QueueName="orders-dlq") == 2.0


def test_a_queue_is_told_of_as_it_stands_and_as_it_is_used(empty: Sandbox) -> None:
    url, _ = queue(empty, "jobs")
    sqs = empty.client("sqs")

    sqs.send_message(QueueUrl=url, MessageBody="a")
    entries = [{"Id": name, "MessageBody": name} for name in "bc"]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    visible = _max(empty, "AWS/SQS ApproximateNumberOfMessagesVisible", QueueName="jobs")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    hidden = _max(empty, "AWS/SQS ApproximateNumberOfMessagesNotVisible", QueueName="jobs")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    used = {
        name: _sum(empty, f"AWS/SQS NumberOfMessages{name}", QueueName="jobs")
        for name in ("Sent", "Received", "Deleted")
    }
    oldest = _points(empty, "AWS/SQS ApproximateAgeOfOldestMessage", QueueName="jobs")
    assert (visible, hidden) == (3.0, 1.0)
    assert used == {"Sent": 3.0, "Received": 1.0, "Deleted": 1.0}
    assert 0 < max(point["Maximum"] for point in oldest) < 5 * MINUTE_S
    assert {point["Unit"] for point in oldest} == {"Seconds"}


def test_lambda_s_poller_of_a_queue_counts_as_its_consumer(empty: Sandbox) -> None:
    url, arn = queue(empty, "jobs")
    function = reader(empty, "jobs-reader")
    mapping(empty, function, arn)

    empty.client("sqs").send_message(QueueUrl=url, MessageBody="a")

    deleted = eventually(
        lambda: _sum(empty, "AWS/SQS NumberOfMessagesDeleted", QueueName="jobs"),
        lambda found: found > 0,
    )
    assert deleted == 1.0
    assert _sum(empty, "AWS/SQS NumberOfMessagesReceived", QueueName="jobs") == 1.0
    assert _sum(empty, "AWS/Lambda Invocations", FunctionName=function) == 1.0


def test_consumed_capacity_is_measured_and_told_only_to_who_asks(empty: Sandbox) -> None:
    table(empty, "orders")
    dynamodb = empty.client("dynamodb")
    large = {"name": {"S": "a"}, "text": {"S": "x" * 9000}}

    written = dynamodb.put_item(TableName="orders", Item=large)
    read = dynamodb.get_item(
        TableName="orders",
        Key={"name": {"S": "a"}},
        ConsistentRead=True,
        ReturnConsumedCapacity="TOTAL",
    )
    dynamodb.scan(TableName="orders")
    many = dynamodb.batch_get_item(
        RequestItems={"orders": {"Keys": [{"name": {"S": "a"}}, {"name": {"S": "none"}}]}}
    )

    # 9 kB are nine write units, and three units of 4 kB to read, half of that when not consistent:
    # 3 + 1.5 + 1.5.
    assert _sum(empty, "AWS/DynamoDB ConsumedWriteCapacityUnits", TableName="orders") == 9.0
    assert _sum(empty, "AWS/DynamoDB ConsumedReadCapacityUnits", TableName="orders") == 6.0
    assert "ConsumedCapacity" not in written
    assert many["Responses"] == {"orders": [large]}
    assert "ConsumedCapacity" not in many
    assert set(read["ConsumedCapacity"]) == {"TableName", "CapacityUnits"}
    assert read["Item"] == large


def test_calls_throttled_and_delayed_by_order_show_in_the_table_s_metrics(empty: Sandbox) -> None:
    table(empty, "orders")
    of_puts = {"TableName": "orders", "Operation": "PutItem"}

    empty.set_fault("dynamodb:PutItem", code="Throttling", times=2)
    put(empty, "orders", "a")
    empty.set_fault("dynamodb:GetItem", latency_ms=300, times=1)
    empty.client("dynamodb").get_item(TableName="orders", Key={"name": {"S": "a"}})

    assert _sum(empty, "AWS/DynamoDB WriteThrottleEvents", TableName="orders") == 2.0
    by_cause = "AWS/DynamoDB WriteProvisionedThroughputThrottleEvents"
    assert _sum(empty, by_cause, TableName="orders") == 2.0
    assert _sum(empty, "AWS/DynamoDB ThrottledRequests", **of_puts) == 2.0
    puts = _points(empty, "AWS/DynamoDB SuccessfulRequestLatency", **of_puts)
    assert sum(point["SampleCount"] for point in puts) == 1.0
    gets = of_puts | {"Operation": "GetItem"}
    latency_ms = _max(empty, "AWS/DynamoDB SuccessfulRequestLatency", **gets)
    assert 300 <= latency_ms < MINUTE_S * 1000
    assert "ReadThrottleEvents" not in _listed(empty, "AWS/DynamoDB")


def test_a_stream_s_traffic_is_measured(empty: Sandbox) -> None:
    source = stream(empty, "clicks")
    function = reader(empty, "clicks-reader")
    mapping(empty, function, source)
    records = [{"Data": b"abc", "PartitionKey": "k"}, {"Data": b"de", "PartitionKey": "k"}]

    empty.client("kinesis").put_records(StreamName="clicks", Records=records)

    eventually(lambda: batches(empty, function), len)
    assert _sum(empty, "AWS/Kinesis IncomingRecords", StreamName="clicks") == 2.0
    assert _sum(empty, "AWS/Kinesis IncomingBytes", StreamName="clicks") == 5.0
    ages = _points(empty, "AWS/Kinesis GetRecords.IteratorAgeMilliseconds", StreamName="clicks")
    assert sum(point["SampleCount"] for point in ages) == 1.0


def test_an_alarm_fires_on_what_really_happened(empty: Sandbox) -> None:
    make(empty, "orders", source=FAILING)
    cloudwatch = empty.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="orders-errors",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": "orders"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )

    _invoke(empty, "orders", fail=True)

    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["orders-errors"])["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"


def test_where_nothing_happens_nothing_is_measured_but_queues(empty: Sandbox) -> None:
    table(empty, "orders")
    make(empty, "orders", source=FAILING)
    queue(empty, "jobs")

    listed = empty.client("cloudwatch").list_metrics()["Metrics"]
    assert {(metric["Namespace"], metric["MetricName"]) for metric in listed} == {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateNumberOfMessagesNotVisible"),
        ("AWS/SQS", "ApproximateNumberOfMessagesDelayed"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    }
