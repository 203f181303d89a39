"""The message that a stream mapping sends for records it gave up: where they are, not what.

In: what was given up, and why. Out: the JSON document that a queue or topic gets. Whoever wants the
records reads them from the stream again, from ``startSequenceNumber`` on, while it still has them.
Must not know the emulator, or when records are given up.

Source: AWS Lambda Developer Guide, "Retain discarded records for a DynamoDB event source" and the
same for Kinesis: the members, in their documented order, milliseconds and a ``Z`` in instants. The
guide shows one condition, ``RetryAttemptsExhausted``; ``RecordAgeExceeded`` is seen in the wild.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Condition(StrEnum):
    """Why records were given up."""

    RETRIES = "RetryAttemptsExhausted"
    AGE = "RecordAgeExceeded"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record of a shard.

    Parameters
    ----------
    sequence_number
        As the stream's own API has it; within a shard, text order is the order of the records.
    arrived_at
        When the stream took it, tz-aware UTC.
    event
        The record as a function gets it.
    """

    sequence_number: str
    arrived_at: datetime
    event: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Invoked:
    """The last invocation with these records.

    Parameters
    ----------
    request_id
        As in the function's log.
    executed_version
        ``$LATEST`` or a number.
    function_error
        ``Unhandled``, or None when the function returned (it reported records as failed).
    """

    request_id: str
    executed_version: str
    function_error: str | None


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """Records of one shard that will not be tried again.

    Parameters
    ----------
    records
        At least one, oldest first.
    invocations
        How often the function was invoked with them as a batch.
    invoked
        The last of these; None when they were never delivered.
    """

    records: Sequence[Record]
    condition: Condition
    invocations: int
    invoked: Invoked | None


def message(
    given_up: GivenUp,
    *,
    function_arn: str,
    stream_arn: str,
    shard_id: str,
    request_id: str,
    at: datetime,
) -> str:
    """Write the message.

    Parameters
    ----------
    function_arn
        Of the mapping, with its qualifier if it has one.
    request_id
        Stands in where no invocation has one.
    at
        When they were given up.
    """
    records, invoked = given_up.records, given_up.invoked
    document: dict[str, Any] = {
        "requestContext": {
            "requestId": invoked.request_id if invoked else request_id,
            "functionArn": function_arn,
            "condition": str(given_up.condition),
            "approximateInvokeCount": given_up.invocations,
        }
    }
    if invoked:
        context: dict[str, Any] = {
            "statusCode": 200,
            "executedVersion": invoked.executed_version,
        }
        if invoked.function_error:
            context["functionError"] = invoked.function_error
        document["responseContext"] = context
    document["version"] = "1.0"
    document["timestamp"] = _spelled(at)
    document[_member(stream_arn)] = {
        "shardId": shard_id,
        "startSequenceNumber": records[0].sequence_number,
        "endSequenceNumber": records[-1].sequence_number,
        "approximateArrivalOfFirstRecord": _spelled(records[0].arrived_at),
        "approximateArrivalOfLastRecord": _spelled(records[-1].arrived_at),
        "batchSize": len(records),
        "streamArn": stream_arn,
    }
    return json.dumps(document)


def _member(stream_arn: str) -> str:
    return "KinesisBatchInfo" if ":kinesis:" in stream_arn else "DDBStreamBatchInfo"


def _spelled(at: datetime) -> str:
    """Spell an instant as the message does: ``2026-10-14T01:52:00.120Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
