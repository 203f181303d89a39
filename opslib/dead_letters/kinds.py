"""Of which kind a dead letter is, told by its shape, and what it says about itself.

In: a message as SQS gives it. Out: a row, or a frame of them. Pure: does no I/O. Never switches on
exact words: Lambda's conditions are not a closed set. Takes the type of an error along, never its
message, which may hold a payload.

Source: AWS Lambda developer guide, "Retain discarded records" (stream mappings), "Dead-letter
queues" (RequestID, ErrorCode, ErrorMessage) and "Destinations" (requestContext, requestPayload,
responsePayload) of asynchronous invocation; S3 event message structure. SQS gives
DeadLetterQueueSourceArn with each message that it moved itself.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pandas as pd


class Kind(StrEnum):
    """What a dead letter is."""

    DYNAMODB = "DynamoDB stream pointer"
    KINESIS = "Kinesis stream pointer"
    ASYNC = "asynchronous event"
    DESTINATION = "failure envelope"
    REDRIVEN = "moved here by SQS"
    S3 = "S3 event"
    UNKNOWN = "not recognised"


#: A pointer names records; the letter itself holds none.
POINTERS = (Kind.DYNAMODB, Kind.KINESIS)

_COLUMNS = {
    "message_id": "string",
    "kind": "string",
    "sent_at": "datetime64[ns, UTC]",
    "receives": "int64",
    "given_up_at": "datetime64[ns, UTC]",
    "condition": "string",
    "error": "string",
    "invocations": "Int64",
    "source": "string",
    "shard": "string",
    "first_sequence": "string",
    "last_sequence": "string",
    "records": "Int64",
    "first_arrived_at": "datetime64[ns, UTC]",
    "last_arrived_at": "datetime64[ns, UTC]",
}


def letter(message: Mapping[str, Any]) -> dict[str, Any]:
    """Take one message apart, as a row of `frame`."""
    attributes = message.get("Attributes", {})
    body = _json(message.get("Body", ""))
    named = {
        name: value.get("StringValue", "")
        for name, value in (message.get("MessageAttributes") or {}).items()
    }
    kind = _kind(body, named, attributes)
    sent_ms = int(attributes.get("SentTimestamp", 0))
    return {
        "message_id": message["MessageId"],
        "kind": kind.value,
        "sent_at": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=sent_ms),
        # This peek's own receive is in the count.
        "receives": max(int(attributes.get("ApproximateReceiveCount", 1)) - 1, 0),
        **dict(_told(kind, body, named, attributes)),
    }


def _kind(body: Any, named: Mapping[str, str], attributes: Mapping[str, str]) -> Kind:
    if attributes.get("DeadLetterQueueSourceArn"):
        return Kind.REDRIVEN
    if isinstance(body, Mapping):
        if isinstance(body.get("DDBStreamBatchInfo"), Mapping):
            return Kind.DYNAMODB
        if isinstance(body.get("KinesisBatchInfo"), Mapping):
            return Kind.KINESIS
        if "requestContext" in body and {"requestPayload", "responsePayload"} & set(body):
            return Kind.DESTINATION
    if {"ErrorCode", "ErrorMessage"} & set(named) and "RequestID" in named:
        return Kind.ASYNC
    return Kind.S3 if _is_s3(body) else Kind.UNKNOWN


def _is_s3(body: Any) -> bool:
    if not isinstance(body, Mapping):
        return False
    if body.get("Event") == "s3:TestEvent":
        return True
    records = body.get("Records")
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(each, Mapping) and "s3" in each for each in records)
    )


def _told(
    kind: Kind, body: Any, named: Mapping[str, str], attributes: Mapping[str, str]
) -> Iterator[tuple[str, Any]]:
    """Yield what a letter of its kind says about itself."""
    if kind is Kind.REDRIVEN:
        yield "source", attributes["DeadLetterQueueSourceArn"]
        yield "condition", "maxReceiveCount of the source queue"
    elif kind is Kind.ASYNC:
        yield "condition", f"ErrorCode {named.get('ErrorCode', 'not given')}"
        yield "error", _error_type(named.get("ErrorMessage", ""))
    elif isinstance(body, Mapping) and isinstance(body.get("requestContext"), Mapping):
        context = body["requestContext"]
        yield "condition", context.get("condition")
        yield "invocations", _number(context.get("approximateInvokeCount"))
        yield "source", context.get("functionArn")
        yield "given_up_at", _instant(body.get("timestamp"))
        yield "error", _function_error(body)
    if kind in POINTERS:
        batch = body["DDBStreamBatchInfo" if kind is Kind.DYNAMODB else "KinesisBatchInfo"]
        yield "source", batch.get("streamArn")
        yield "shard", batch.get("shardId")
        yield "first_sequence", batch.get("startSequenceNumber")
        yield "last_sequence", batch.get("endSequenceNumber")
        yield "records", _number(batch.get("batchSize"))
        yield "first_arrived_at", _instant(batch.get("approximateArrivalOfFirstRecord"))
        yield "last_arrived_at", _instant(batch.get("approximateArrivalOfLastRecord"))


def _function_error(body: Mapping[str, Any]) -> str | None:
    """Return the type of the function's error; its message may hold a payload and is left out."""
    response, payload = body.get("responseContext"), body.get("responsePayload")
    if isinstance(payload, Mapping) and payload.get("errorType"):
        return str(payload["errorType"])
    error = response.get("functionError") if isinstance(response, Mapping) else None
    return None if error is None else str(error)


def _error_type(message: str) -> str | None:
    """Return the name before the colon, as ``KeyError: ...`` has one; nothing of what follows."""
    head = message.partition(":")[0].strip()
    return head if head.isidentifier() else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _instant(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def frame(letters: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return letters as a frame, the first that was given up first; its columns even when empty."""
    rows = pd.DataFrame(
        {
            name: pd.Series([letter.get(name) for letter in letters], dtype=dtype)
            for name, dtype in _COLUMNS.items()
        }
    )
    return rows.sort_values(["given_up_at", "sent_at"], ignore_index=True)
