"""Mappings of streams on a running sandbox: what is delivered, retried, given up and pointed at."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox import record
from opslib.sandbox.api import Sandbox
from sandbox.functions import TOGETHER, make, package, settle
from sandbox.projects import reset
from sandbox.streams import (
    HEALTHY,
    READER,
    batches,
    change,
    eventually,
    flat,
    mapping,
    pointed_at,
    pointers,
    put,
    queue,
    reader,
    settled,
    stream,
    table,
)


def _on_failure(arn: str) -> dict[str, Any]:
    return {"OnFailure": {"Destination": arn}}


def _code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def test_bisecting_loses_one_poison_record_of_fifty_and_points_at_it(empty: Sandbox) -> None:
    source = table(empty, "orders")
    url, arn = queue(empty, "orders-dlq")
    function = reader(empty, "orders-reader")
    uuid = mapping(
        empty,
        function,
        source,
        Enabled=False,
        MaximumRetryAttempts=1,
        BisectBatchOnFunctionError=True,
        DestinationConfig=_on_failure(arn),
    )
    names = [f"poison-{at:02}" if at == 27 else f"order-{at:02}" for at in range(50)]
    put(empty, "orders", *names)

    change(empty, uuid, Enabled=True)

    (pointer,) = pointers(empty, url, count=1)
    got = eventually(
        lambda: batches(empty, function), lambda found: found[-1:] and found[-1][-1] == "order-49"
    )
    assert pointer["requestContext"] | {"requestId": ""} == {
        "requestId": "",
        "functionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{function}",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 2,
    }
    assert pointer["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert pointer["DDBStreamBatchInfo"]["batchSize"] == 1
    assert pointed_at(empty, pointer) == ["poison-27"]
    well = [batch for batch in got if "poison-27" not in batch]
    # Each once, in the order in which they were written.
    assert flat(well) == [name for name in names if name != "poison-27"]
    # All of them but once: nobody else delivers them too.
    assert got[0] == names
    assert got.count(names) == 1
    assert got.count(["poison-27"]) == 2
    # The id is that of the last invocation, as its log has it.
    logged = empty.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{function}",
        filterPattern=f'"START RequestId: {pointer["requestContext"]["requestId"]}"',
    )["events"]
    assert len(logged) == 1
    answer = empty.client("sqs").receive_message(QueueUrl=url)
    assert "Messages" not in answer


def test_each_kinesis_shard_goes_its_own_way(empty: Sandbox, tmp_path: Path) -> None:
    source = stream(empty, "clicks", shards=2)
    url, arn = queue(empty, "clicks-dlq")
    function = "clicks-reader"
    # The batch with the poison fails when the other shard's has come: were one behind the other,
    # neither would ever end.
    meets = READER.replace("if any", f"together('{tmp_path}', names[0], 2)\n    if any", 1)
    make(empty, function, source=f"SLOW_S = 0\n{TOGETHER}\n{meets}", timeout_s=120)
    lambda_ = empty.client("lambda")
    version = lambda_.publish_version(FunctionName=function)["Version"]
    lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    mapping(
        empty,
        f"{function}:live",
        source,
        BatchSize=3,
        MaximumRetryAttempts=2,
        DestinationConfig=_on_failure(arn),
    )
    kinesis = empty.client("kinesis")

    def click(shard: int, *names: str) -> None:
        # The upper half of all hashes is the second shard's.
        kinesis.put_records(
            StreamName="clicks",
            Records=[
                {
                    "Data": name.encode(),
                    "PartitionKey": name,
                    "ExplicitHashKey": str(shard * 2**127),
                }
                for name in names
            ],
        )

    click(1, "poison", "b", "c", "d")
    click(0, "x", "y")

    (pointer,) = pointers(empty, url, count=1)
    got = eventually(lambda: batches(empty, function), lambda found: "d" in flat(found))
    assert got.count(["poison", "b", "c"]) == 3
    assert got.index(["x", "y"]) < got.index(["d"])
    assert pointer["KinesisBatchInfo"]["shardId"] == "shardId-000000000001"
    assert pointer["KinesisBatchInfo"]["batchSize"] == 3
    assert pointer["requestContext"]["approximateInvokeCount"] == 3
    assert pointer["requestContext"]["functionArn"].endswith(f":function:{function}:live")
    assert pointer["responseContext"]["executedVersion"] == version
    assert pointed_at(empty, pointer) == ["poison", "b", "c"]


def test_a_poison_record_blocks_its_shard_until_it_is_too_old(empty: Sandbox) -> None:
    source = table(empty, "orders")
    url, arn = queue(empty, "orders-dlq")
    function = reader(empty, "orders-reader")
    uuid = mapping(empty, function, source, BatchSize=1, DestinationConfig=_on_failure(arn))
    lambda_ = empty.client("lambda")

    put(empty, "orders", "poison", "later")
    blocked = eventually(lambda: batches(empty, function), lambda found: len(found) >= 4)
    result = lambda_.get_event_source_mapping(UUID=uuid)["LastProcessingResult"]
    change(empty, uuid, MaximumRecordAgeInSeconds=60)
    empty.let_pass(61)
    settled(empty, uuid, "Enabled")
    put(empty, "orders", "younger")

    found = pointers(empty, url, count=2)
    assert set(flat(blocked)) == {"poison"}
    assert result == "PROBLEM: Function call failed"
    assert {pointer["requestContext"]["condition"] for pointer in found} == {"RecordAgeExceeded"}
    assert flat([pointed_at(empty, pointer) for pointer in found][:1]) == ["poison"]


def test_a_throttled_function_costs_no_retries(empty: Sandbox) -> None:
    source = table(empty, "orders")
    function = reader(empty, "orders-reader")
    uuid = mapping(empty, function, source, MaximumRetryAttempts=0)
    lambda_ = empty.client("lambda")
    lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    put(empty, "orders", "a")
    result = eventually(
        lambda: lambda_.get_event_source_mapping(UUID=uuid)["LastProcessingResult"],
        lambda found: found != "No records processed",
    )
    while_throttled = batches(empty, function)

    lambda_.delete_function_concurrency(FunctionName=function)

    assert eventually(lambda: batches(empty, function), len) == [["a"]]
    assert (result, while_throttled) == ("PROBLEM: Function call failed", [])
    result = eventually(
        lambda: lambda_.get_event_source_mapping(UUID=uuid)["LastProcessingResult"],
        lambda found: found == "OK",
    )
    assert result == "OK"


def test_a_disabled_mapping_keeps_its_place_in_the_middle_of_retries(empty: Sandbox) -> None:
    source = table(empty, "orders")
    function = reader(empty, "orders-reader")
    uuid = mapping(empty, function, source)
    put(empty, "orders", "poison")
    eventually(lambda: batches(empty, function), lambda found: len(found) >= 2)

    disabling = change(empty, uuid, Enabled=False)
    settled(empty, uuid, "Disabled")
    before = len(batches(empty, function))
    put(empty, "orders", "b")
    lambda_ = empty.client("lambda")
    lambda_.update_function_code(FunctionName=function, ZipFile=package(f"SLOW_S = 0\n{HEALTHY}"))
    settle(lambda_, function)
    meanwhile = len(batches(empty, function))
    enabling = change(empty, uuid, Enabled=True)

    got = eventually(lambda: batches(empty, function), lambda found: "b" in flat(found))
    assert (disabling["State"], enabling["State"]) == ("Disabling", "Enabling")
    assert meanwhile == before
    assert got[before:] == [["poison", "b"]]


def test_reported_records_are_tried_again_from_the_first_of_them_on(empty: Sandbox) -> None:
    source = table(empty, "orders")
    url, arn = queue(empty, "orders-dlq")
    function = reader(empty, "orders-reader")
    uuid = mapping(
        empty,
        function,
        source,
        Enabled=False,
        MaximumRetryAttempts=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig=_on_failure(arn),
    )
    put(empty, "orders", "a", "reported", "c")

    change(empty, uuid, Enabled=True)

    (pointer,) = pointers(empty, url, count=1)
    assert batches(empty, function) == [["a", "reported", "c"], ["reported", "c"]]
    assert pointed_at(empty, pointer) == ["reported", "c"]
    assert "functionError" not in pointer["responseContext"]


def test_only_what_the_filter_lets_through_is_delivered(empty: Sandbox) -> None:
    source = table(empty, "orders")
    function = reader(empty, "orders-reader")
    pattern = {"dynamodb": {"Keys": {"name": {"S": [{"prefix": "wanted"}]}}}}
    uuid = mapping(
        empty,
        function,
        source,
        Enabled=False,
        BatchSize=2,
        FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]},
    )
    put(empty, "orders", "a", "b", "wanted-1", "c", "d", "wanted-2")

    change(empty, uuid, Enabled=True)

    got = eventually(lambda: batches(empty, function), lambda found: len(found) >= 2)
    assert got == [["wanted-1"], ["wanted-2"]]


def test_a_mapping_begins_where_it_was_told_to(empty: Sandbox) -> None:
    source = stream(empty, "clicks")
    kinesis = empty.client("kinesis")
    kinesis.put_record(StreamName="clicks", Data=b"before", PartitionKey="k")
    time.sleep(0.05)
    between = datetime.now(UTC)
    time.sleep(0.05)
    kinesis.put_record(StreamName="clicks", Data=b"after", PartitionKey="k")
    first, second = reader(empty, "from-the-first"), reader(empty, "from-an-instant")

    mapping(empty, first, source, StartingPosition="TRIM_HORIZON")
    mapping(
        empty,
        second,
        source,
        StartingPosition="AT_TIMESTAMP",
        StartingPositionTimestamp=between,
    )

    assert eventually(lambda: batches(empty, first), len) == [["before", "after"]]
    assert eventually(lambda: batches(empty, second), len) == [["after"]]


def test_a_topic_gets_the_pointer_too(empty: Sandbox) -> None:
    source = table(empty, "orders")
    url, arn = queue(empty, "listening")
    sns = empty.client("sns")
    topic = sns.create_topic(Name="lost")["TopicArn"]
    attributes = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    function = reader(empty, "orders-reader")
    empty.client("lambda").create_event_source_mapping(
        FunctionName=function,
        EventSourceArn=source,
        StartingPosition="LATEST",
        MaximumRetryAttempts=0,
        DestinationConfig=_on_failure(topic),
    )

    # At once: the place is fixed as the mapping is made.
    put(empty, "orders", "poison")

    (pointer,) = pointers(empty, url, count=1)
    assert pointed_at(empty, pointer) == ["poison"]


def test_without_its_queue_or_its_function_a_mapping_hurts_nobody_else(empty: Sandbox) -> None:
    source, other = table(empty, "orders"), table(empty, "others")
    url, arn = queue(empty, "orders-dlq")
    function = reader(empty, "orders-reader")
    another = reader(empty, "others-reader")
    uuid = mapping(
        empty,
        function,
        source,
        MaximumRetryAttempts=0,
        BatchSize=1,
        DestinationConfig=_on_failure(arn),
    )
    mapping(empty, another, other)
    lambda_ = empty.client("lambda")
    empty.client("sqs").delete_queue(QueueUrl=url)

    put(empty, "orders", "poison", "b")
    after_loss = eventually(lambda: batches(empty, function), lambda found: ["b"] in found)
    lambda_.delete_function(FunctionName=function)
    put(empty, "orders", "c")
    put(empty, "others", "x")
    others = eventually(lambda: batches(empty, another), len)
    make(empty, function, source=f"SLOW_S = 0\n{READER}")

    assert after_loss == [["poison"], ["b"]]
    assert others == [["x"]]
    assert lambda_.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    # The record waited for the function to come back.
    got = eventually(lambda: batches(empty, function), lambda found: ["c"] in found)
    assert got[2:] == [["c"]]


def test_a_reset_in_the_middle_of_an_invocation_leaves_nothing(
    empty: Sandbox, tmp_path: Path
) -> None:
    source = table(empty, "orders")
    function, noted = "orders-reader", tmp_path / "pid"
    waits = f"import os, time\ndef handler(event, context):\n    open('{noted}.draft', 'w').write("
    waits += f"str(os.getpid()))\n    os.rename('{noted}.draft', '{noted}')\n    time.sleep(300)"
    make(empty, function, source=waits, timeout_s=600)
    mapping(empty, function, source)
    put(empty, "orders", "slow")
    pid = eventually(lambda: noted.exists() and int(noted.read_text()), lambda found: found)

    reset(empty)

    # The function is not waited for.
    assert not eventually(lambda: record.alive(pid), lambda found: not found)
    time.sleep(0.3)
    assert empty.client("logs").describe_log_groups()["logGroups"] == []
    assert empty.client("cloudwatch").list_metrics()["Metrics"] == []
    source = table(empty, "orders")
    reader(empty, function)
    mapping(empty, function, source)
    put(empty, "orders", "anew")
    assert eventually(lambda: batches(empty, function), len) == [["anew"]]


def test_a_mapping_that_is_under_way_to_a_state_takes_no_change(
    empty: Sandbox, tmp_path: Path
) -> None:
    source = table(empty, "orders")
    held = f"{TOGETHER}\ndef handler(event, context): together('{tmp_path}', 'begun', 2)"
    make(empty, "orders-reader", source=held, timeout_s=120)
    uuid = mapping(empty, "orders-reader", source)
    put(empty, "orders", "a")
    eventually((tmp_path / "begun").exists, lambda found: found)

    # Not before what its function is doing has ended.
    disabling = change(empty, uuid, Enabled=False)
    with pytest.raises(ClientError) as busy:
        change(empty, uuid, BatchSize=5)
    (tmp_path / "ended").touch()
    settled(empty, uuid, "Disabled")
    after = change(empty, uuid, BatchSize=5)

    assert disabling["State"] == "Disabling"
    assert _code(busy) == "ResourceInUseException"
    assert after["BatchSize"] == 5


def test_a_mapping_has_lambda_s_defaults_and_states(empty: Sandbox) -> None:
    source = table(empty, "orders")
    function = reader(empty, "orders-reader")
    lambda_ = empty.client("lambda")

    made = lambda_.create_event_source_mapping(
        FunctionName=function, EventSourceArn=source, StartingPosition="LATEST"
    )

    settled(empty, made["UUID"], "Enabled")
    updating = lambda_.update_event_source_mapping(UUID=made["UUID"], BatchSize=5)
    settled(empty, made["UUID"], "Enabled")
    with pytest.raises(ClientError) as twice:
        lambda_.create_event_source_mapping(
            FunctionName=function, EventSourceArn=source, StartingPosition="LATEST"
        )
    deleted = lambda_.delete_event_source_mapping(UUID=made["UUID"])
    assert made["State"] == "Creating"
    asked = (
        "BatchSize",
        "MaximumRetryAttempts",
        "MaximumRecordAgeInSeconds",
        "BisectBatchOnFunctionError",
        "ParallelizationFactor",
        "LastProcessingResult",
    )
    assert [made[name] for name in asked] == [100, -1, -1, False, 1, "No records processed"]
    assert (updating["State"], updating["BatchSize"]) == ("Updating", 5)
    assert _code(twice) == "ResourceConflictException"
    assert made["UUID"] in str(twice.value)
    assert deleted["State"] == "Deleting"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MaximumRetryAttempts", 10_001),
        ("MaximumRecordAgeInSeconds", 59),
        ("MaximumRecordAgeInSeconds", 604_801),
        ("BatchSize", 10_001),
        ("ParallelizationFactor", 11),
    ],
)
def test_values_out_of_range_are_refused(empty: Sandbox, name: str, value: int) -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/none/stream/2026-10-14T00:00:00.000"

    with pytest.raises(ClientError) as raised:
        # The SDK's own check is the API's model, which is wider.
        empty.client("lambda").create_event_source_mapping(
            FunctionName="none", EventSourceArn=arn, StartingPosition="LATEST", **{name: value}
        )

    assert _code(raised) == "InvalidParameterValueException"
    assert name in str(raised.value)


def test_a_stream_that_holds_records_is_not_resharded(empty: Sandbox) -> None:
    stream(empty, "clicks")
    kinesis = empty.client("kinesis")
    asked: dict[str, Any] = {"StreamName": "clicks", "ScalingType": "UNIFORM_SCALING"}

    while_empty = kinesis.update_shard_count(TargetShardCount=2, **asked)
    kinesis.put_record(StreamName="clicks", Data=b"x", PartitionKey="x")
    with pytest.raises(ClientError) as raised:
        kinesis.update_shard_count(TargetShardCount=4, **asked)

    assert while_empty["TargetShardCount"] == 2
    assert _code(raised) == "InvalidArgumentException"
    assert "it would lose the stream's records" in str(raised.value)
    assert len(kinesis.list_shards(StreamName="clicks")["Shards"]) == 2


def test_a_queue_s_mapping_stays_the_emulator_s(empty: Sandbox) -> None:
    url, arn = queue(empty, "jobs-dlq")
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    sqs = empty.client("sqs")
    jobs = sqs.create_queue(
        QueueName="jobs", Attributes={"VisibilityTimeout": "3", "RedrivePolicy": policy}
    )["QueueUrl"]
    function = reader(empty, "jobs-reader")
    # No longer than the queue hides what was received.
    empty.client("lambda").update_function_configuration(FunctionName="jobs-reader", Timeout=3)
    settle(empty.client("lambda"), "jobs-reader")
    # Its start takes none of that time.
    empty.client("lambda").invoke(FunctionName=function, Payload=b'{"Records": []}')
    mapping(
        empty,
        function,
        arn.replace("jobs-dlq", "jobs"),
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )

    sqs.send_message_batch(
        QueueUrl=jobs,
        Entries=[{"Id": name, "MessageBody": name} for name in ("a", "reported", "c")],
    )

    letters = eventually(
        lambda: sqs.receive_message(QueueUrl=url, AttributeNames=["All"]).get("Messages", []), len
    )
    assert [letter["Body"] for letter in letters] == ["reported"]
    assert letters[0]["Attributes"]["DeadLetterQueueSourceArn"].endswith(":jobs")
    assert sorted(flat(batches(empty, function))) == ["a", "c", "reported"]


def test_a_mapping_has_the_same_uuid_at_each_start_under_a_pinned_clock(empty: Sandbox) -> None:
    names = []
    for _ in range(2):
        uuid = mapping(empty, reader(empty, "orders-reader"), table(empty, "orders"), Enabled=False)
        answer = empty.client("lambda").get_event_source_mapping(UUID=uuid)
        names.append((uuid, answer["EventSourceMappingArn"].rpartition(":")[2]))
        reset(empty)

    assert set(names) == {(names[0][0], names[0][0])}
