"""Streams with a function behind them, for the tests beside this file.

The function says which records each batch holds, and fails when one of them is poison.
"""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from opslib.sandbox.api import Sandbox
from sandbox.functions import MINUTE_S, make

Found = TypeVar("Found")
# An item's key, or a record's data, is its name; poison and slow ones say so themselves.
READER = """
import base64, time

def name(record):
    if "kinesis" in record:
        return base64.b64decode(record["kinesis"]["data"]).decode()
    if "body" in record:
        return record["body"]
    return record["dynamodb"]["Keys"]["name"]["S"]

def handler(event, context):
    names = [name(record) for record in event["Records"]]
    print("batch", *names)
    if any(each.startswith("slow") for each in names):
        time.sleep(SLOW_S)
    if any(each.startswith("poison") for each in names):
        raise ValueError("poison")
    reported = [r for r in event["Records"] if name(r).startswith("reported")]
    return {"batchItemFailures": [{"itemIdentifier": identifier(r)} for r in reported]}

def identifier(record):
    return record.get("messageId") or record.get("kinesis", record.get("dynamodb"))[
        "sequenceNumber" if "kinesis" in record else "SequenceNumber"
    ]
"""
HEALTHY = READER.replace('raise ValueError("poison")', "pass")


def reader(sandbox: Sandbox, name: str, *, slow_s: float = 0.0) -> str:
    """Make the function."""
    make(sandbox, name, source=f"SLOW_S = {slow_s}\n{READER}")
    return name


def table(sandbox: Sandbox, name: str) -> str:
    """Make a table with a stream, and give the stream's ARN."""
    made = sandbox.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def put(sandbox: Sandbox, table_name: str, *names: str) -> None:
    """Write items, each by itself."""
    dynamodb = sandbox.client("dynamodb")
    for name in names:
        dynamodb.put_item(TableName=table_name, Item={"name": {"S": name}})


def stream(sandbox: Sandbox, name: str, *, shards: int = 1) -> str:
    """Make a Kinesis stream, and give its ARN."""
    kinesis = sandbox.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    summary = eventually(
        lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"],
        lambda found: found["StreamStatus"] == "ACTIVE",
    )
    return str(summary["StreamARN"])


def queue(sandbox: Sandbox, name: str) -> tuple[str, str]:
    """Make a queue, and give its URL and ARN."""
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, asked["Attributes"]["QueueArn"]


def mapping(sandbox: Sandbox, function: str, source: str, **settings: Any) -> str:
    """Map a stream or a queue to a function, wait until that holds, and give its UUID."""
    begins = {} if ":sqs:" in source else {"StartingPosition": "LATEST"}
    made = sandbox.client("lambda").create_event_source_mapping(
        FunctionName=function, EventSourceArn=source, **begins | settings
    )
    enabled = settings.get("Enabled", True)
    return settled(sandbox, made["UUID"], "Enabled" if enabled else "Disabled")


def change(sandbox: Sandbox, uuid: str, **settings: Any) -> dict[str, Any]:
    """Change a mapping."""
    changed: dict[str, Any] = sandbox.client("lambda").update_event_source_mapping(
        UUID=uuid, **settings
    )
    return changed


def settled(sandbox: Sandbox, uuid: str, state: str) -> str:
    """Wait until a mapping is in a state."""
    lambda_ = sandbox.client("lambda")
    eventually(
        lambda: lambda_.get_event_source_mapping(UUID=uuid)["State"],
        lambda found: found == state,
    )
    return uuid


def batches(sandbox: Sandbox, function: str) -> list[list[str]]:
    """List the batches that a function has got, by the names in them, in order."""
    group = f"/aws/lambda/{function}"
    logs = sandbox.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    messages = [event["message"].split() for page in pages for event in page["events"]]
    return [words[1:] for words in messages if words[:1] == ["batch"]]


def pointers(sandbox: Sandbox, url: str, *, count: int) -> list[dict[str, Any]]:
    """Wait for so many messages of a queue, and decode them in order."""
    sqs = sandbox.client("sqs")
    found: list[dict[str, Any]] = []
    until = time.monotonic() + 2 * MINUTE_S
    while len(found) < count and time.monotonic() < until:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        found += [json.loads(message["Body"]) for message in answer.get("Messages", ())]
    return found


def pointed_at(sandbox: Sandbox, pointer: dict[str, Any]) -> list[str]:
    """Read the records that a pointer names from their stream, and give their names."""
    if "DDBStreamBatchInfo" in pointer:
        place = pointer["DDBStreamBatchInfo"]
        client = sandbox.client("dynamodbstreams")
        iterator = client.get_shard_iterator(
            StreamArn=place["streamArn"],
            ShardId=place["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=place["startSequenceNumber"],
        )["ShardIterator"]
    else:
        place = pointer["KinesisBatchInfo"]
        client = sandbox.client("kinesis")
        iterator = client.get_shard_iterator(
            StreamARN=place["streamArn"],
            ShardId=place["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            StartingSequenceNumber=place["startSequenceNumber"],
        )["ShardIterator"]
    records = client.get_records(ShardIterator=iterator, Limit=place["batchSize"])["Records"]
    return [
        record["dynamodb"]["Keys"]["name"]["S"] if "dynamodb" in record else record["Data"].decode()
        for record in records
    ]


def eventually(look: Callable[[], Found], enough: Callable[[Found], object]) -> Found:
    """Look until it is enough, and give what was seen last, enough or not."""
    until = time.monotonic() + 2 * MINUTE_S
    while True:
        found = look()
        if enough(found) or time.monotonic() > until:
            return found
        time.sleep(0.05)


def flat(found: Sequence[Sequence[str]]) -> list[str]:
    """List the names of all batches."""
    return [name for batch in found for name in batch]
