"""The message for records that a stream mapping gave up."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from opslib.sandbox.stream_pointer import Condition, GivenUp, Invoked, Record, message

AT = datetime(2026, 10, 14, 3, 7, 12, 345_678, tzinfo=UTC)
TABLE_STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-10-14T01:00:00.000"
KINESIS = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:orders-reader"


def _records(count: int) -> list[Record]:
    return [
        Record(
            sequence_number=f"{number:03d}",
            arrived_at=AT - timedelta(seconds=60 - number),
            event={},
        )
        for number in range(count)
    ]


def _message(given_up: GivenUp, stream_arn: str = TABLE_STREAM) -> dict[str, Any]:
    written = message(
        given_up,
        function_arn=FUNCTION,
        stream_arn=stream_arn,
        shard_id="shard-7",
        request_id="stand-in",
        at=AT,
    )
    decoded: dict[str, Any] = json.loads(written)
    return decoded


def test_a_batch_that_failed_to_the_end_is_told_of_as_documented() -> None:
    invoked = Invoked(request_id="r-4", executed_version="$LATEST", function_error="Unhandled")

    told = _message(
        GivenUp(records=_records(3), condition=Condition.RETRIES, invocations=4, invoked=invoked)
    )

    assert told == {
        "requestContext": {
            "requestId": "r-4",
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 4,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2026-10-14T03:07:12.345Z",
        "DDBStreamBatchInfo": {
            "shardId": "shard-7",
            "startSequenceNumber": "000",
            "endSequenceNumber": "002",
            "approximateArrivalOfFirstRecord": "2026-10-14T03:06:12.345Z",
            "approximateArrivalOfLastRecord": "2026-10-14T03:06:14.345Z",
            "batchSize": 3,
            "streamArn": TABLE_STREAM,
        },
    }
    assert list(told) == [
        "requestContext",
        "responseContext",
        "version",
        "timestamp",
        "DDBStreamBatchInfo",
    ]


def test_records_too_old_to_be_delivered_have_no_response() -> None:
    told = _message(
        GivenUp(records=_records(1), condition=Condition.AGE, invocations=0, invoked=None)
    )

    assert told["requestContext"] == {
        "requestId": "stand-in",
        "functionArn": FUNCTION,
        "condition": "RecordAgeExceeded",
        "approximateInvokeCount": 0,
    }
    assert "responseContext" not in told


def test_a_kinesis_batch_has_a_member_of_its_own() -> None:
    invoked = Invoked(request_id="r-1", executed_version="3", function_error=None)

    told = _message(
        GivenUp(records=_records(2), condition=Condition.RETRIES, invocations=1, invoked=invoked),
        KINESIS,
    )

    assert told["KinesisBatchInfo"]["batchSize"] == 2
    assert told["KinesisBatchInfo"]["streamArn"] == KINESIS
    assert "DDBStreamBatchInfo" not in told
    # The function returned: it reported records as failed.
    assert told["responseContext"] == {"statusCode": 200, "executedVersion": "3"}
