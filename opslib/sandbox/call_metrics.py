"""The datapoints that AWS keeps of calls: of tables, streams and queues, from what was answered.

In: a call of DynamoDB, Kinesis or SQS as its caller saw it answered, throttled by order included;
capacity that was consumed. Out: `Datum`, one value each. Must not know how they are kept.

Source: Amazon DynamoDB Developer Guide, "DynamoDB metrics and dimensions": ThrottledRequests counts
requests, Read- and WriteThrottleEvents what they were about, others the same by cause; consumed
capacity of an index has the index's name as second dimension. Amazon SQS Developer Guide and Amazon
Kinesis Data Streams Developer Guide, their chapters on CloudWatch.
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from opslib.sandbox.datum import Datum, Metric, Place
from opslib.sandbox.live_metrics import DELETED, RECEIVED, SENT, of_queue
from opslib.sandbox.operations import Operation
from opslib.sandbox.wire import Answer, Request

LATENCY = Metric("AWS/DynamoDB", "SuccessfulRequestLatency", "Milliseconds")
THROTTLED = Metric("AWS/DynamoDB", "ThrottledRequests", "Count")
READ_THROTTLES = Metric("AWS/DynamoDB", "ReadThrottleEvents", "Count")
WRITE_THROTTLES = Metric("AWS/DynamoDB", "WriteThrottleEvents", "Count")
CAUSES = {
    "ProvisionedThroughputExceededException": "ProvisionedThroughput",
    "RequestLimitExceeded": "AccountLimit",
}
"""Why a request was throttled, as metrics by cause say; ThrottlingException says nothing."""
CONSUMED_READS = Metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", "Count")
CONSUMED_WRITES = Metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "Count")
INCOMING_RECORDS = Metric("AWS/Kinesis", "IncomingRecords", "Count")
INCOMING_BYTES = Metric("AWS/Kinesis", "IncomingBytes", "Bytes")
EMPTY_RECEIVES = Metric("AWS/SQS", "NumberOfEmptyReceives", "Count")

_THROTTLING = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)
READS = frozenset({"BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems"})
WRITES = frozenset({"BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"})
# How an entry of each list looks where the answer is XML.
_IN_XML = {"Messages": b"<Message>", "Successful": b"ResultEntry><"}


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A call as its caller saw it answered."""

    place: Place
    operation: Operation
    request: Request
    answer: Answer
    took: timedelta


Watcher = Callable[[Answered], None]
"""Looks on as calls are answered; it is quick, and does not raise."""


@dataclass(frozen=True, kw_only=True)
class Consumed:
    """Capacity units that a call consumed of a table, or of a global index of it."""

    place: Place
    table: str
    index: str | None
    reads: float = 0.0
    writes: float = 0.0


def of_consumed(consumed: Consumed, *, at: datetime) -> Iterator[Datum]:
    """Tell of capacity that was consumed."""
    dimensions: tuple[tuple[str, str], ...] = (("TableName", consumed.table),)
    if consumed.index:
        dimensions += (("GlobalSecondaryIndexName", consumed.index),)
    for metric, value in ((CONSUMED_READS, consumed.reads), (CONSUMED_WRITES, consumed.writes)):
        if value:
            yield Datum(
                place=consumed.place, metric=metric, dimensions=dimensions, at=at, value=value
            )


def of_call(answered: Answered, *, at: datetime) -> Iterator[Datum]:
    """Tell of an answered call; of one of another service, nothing."""
    match answered.operation.service:
        case "dynamodb":
            yield from _of_table_call(answered, at)
        case "kinesis" if answered.answer.status == HTTPStatus.OK:
            yield from _of_stream_call(answered, at)
        case "sqs" if answered.answer.status == HTTPStatus.OK:
            yield from _of_queue_call(answered, at)


def _of_table_call(answered: Answered, at: datetime) -> Iterator[Datum]:
    operation = answered.operation.name
    throttled = _error(answered) in _THROTTLING
    if operation not in READS | WRITES:
        return
    if not throttled and answered.answer.status != HTTPStatus.OK:
        return
    values = {LATENCY: answered.took / timedelta(milliseconds=1)}
    if throttled:
        events = READ_THROTTLES if operation in READS else WRITE_THROTTLES
        values = {events: 1.0, THROTTLED: 1.0}
        if cause := CAUSES.get(_error(answered)):
            kind = "Read" if operation in READS else "Write"
            values[Metric("AWS/DynamoDB", f"{kind}{cause}ThrottleEvents", "Count")] = 1.0
    for table in _tables(_body(answered)):
        for metric, value in values.items():
            dimensions: tuple[tuple[str, str], ...] = (("TableName", table),)
            if metric in (LATENCY, THROTTLED):
                dimensions += (("Operation", operation),)
            yield Datum(
                place=answered.place, metric=metric, dimensions=dimensions, at=at, value=value
            )


def _tables(body: dict[str, Any]) -> list[str]:
    """Name the tables a call is about, each once."""
    names = [body.get("TableName")]
    asked = body.get("RequestItems")
    names += list(asked) if isinstance(asked, dict) else []
    for item in body.get("TransactItems") or ():
        names += [part.get("TableName") for part in item.values() if isinstance(part, dict)]
    return sorted({str(name).rpartition("/")[2] for name in names if name})


def _of_stream_call(answered: Answered, at: datetime) -> Iterator[Datum]:
    body = _body(answered)
    stream = body.get("StreamName") or str(body.get("StreamARN") or "").rpartition("/")[2]
    match answered.operation.name:
        case "PutRecord":
            records = [body]
        case "PutRecords":
            records = list(body.get("Records") or ())
        case _:
            return
    size = sum(len(base64.b64decode(record.get("Data") or "")) for record in records)
    for metric, value in ((INCOMING_RECORDS, len(records)), (INCOMING_BYTES, size)):
        yield Datum(
            place=answered.place,
            metric=metric,
            dimensions=(("StreamName", str(stream)),),
            at=at,
            value=float(value),
        )


def _of_queue_call(answered: Answered, at: datetime) -> Iterator[Datum]:
    match answered.operation.name:
        case "SendMessage":
            metric, count = SENT, 1
        case "SendMessageBatch":
            metric, count = SENT, _listed(answered, "Successful")
        case "DeleteMessage":
            metric, count = DELETED, 1
        case "DeleteMessageBatch":
            metric, count = DELETED, _listed(answered, "Successful")
        case "ReceiveMessage":
            count = _listed(answered, "Messages")
            metric, count = (RECEIVED, count) if count else (EMPTY_RECEIVES, 1)
        case _:
            return
    form = _body(answered) or answered.request.form()
    queue = str(form.get("QueueUrl") or "").rpartition("/")[2]
    if count and queue:
        yield of_queue(answered.place, queue, metric, at=at, value=count)


def _listed(answered: Answered, member: str) -> int:
    """Count the entries of a list in an answer."""
    if answered.answer.is_json():
        return len(json.loads(answered.answer.body).get(member) or ())
    return answered.answer.body.count(_IN_XML[member])


def _body(answered: Answered) -> dict[str, Any]:
    try:
        body = answered.request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _error(answered: Answered) -> str:
    if answered.answer.status == HTTPStatus.OK or not answered.answer.is_json():
        return ""
    return str(json.loads(answered.answer.body).get("__type", "")).rpartition("#")[2]
