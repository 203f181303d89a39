"""Dead letters: told by their shape, and read with bounds and without leaving anything unsaid."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from opslib.aws import Connection, Identity
from opslib.dead_letters import Kind, Waiting, peek, waiting
from opslib.dead_letters.kinds import frame, letter
from opslib.system import load

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"
POINTER = {
    "requestContext": {
        "requestId": "r-1",
        "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "condition": "SomethingLambdaAddsLater",
        "approximateInvokeCount": 4,
    },
    "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
    "timestamp": "2026-10-14T02:05:36.016Z",
    "DDBStreamBatchInfo": {
        "shardId": "shardId-1",
        "startSequenceNumber": "100",
        "endSequenceNumber": "120",
        "approximateArrivalOfFirstRecord": "2026-10-14T02:05:24.000Z",
        "approximateArrivalOfLastRecord": "2026-10-14T02:05:30.000Z",
        "batchSize": 7,
        "streamArn": STREAM,
    },
}


def _message(
    body: object,
    *,
    name: str = "m-1",
    attributes: Mapping[str, str] | None = None,
    named: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "MessageId": name,
        "ReceiptHandle": f"handle of {name}",
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {
            "SentTimestamp": "1791943537000",
            "ApproximateReceiveCount": "3",
            **(attributes or {}),
        },
        "MessageAttributes": {
            key: {"DataType": "String", "StringValue": value}
            for key, value in (named or {}).items()
        },
    }


# --- what each is


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (_message(POINTER), Kind.DYNAMODB),
        (_message({"KinesisBatchInfo": {"shardId": "shardId-0"}}), Kind.KINESIS),
        (
            _message({"any": 1}, named={"RequestID": "r", "ErrorCode": "200", "ErrorMessage": "x"}),
            Kind.ASYNC,
        ),
        (
            _message(
                {"version": "1.0", "requestContext": {}, "requestPayload": {}, "responsePayload": 1}
            ),
            Kind.DESTINATION,
        ),
        (
            _message(POINTER, attributes={"DeadLetterQueueSourceArn": "arn:aws:sqs:x:1:orders"}),
            Kind.REDRIVEN,
        ),
        (_message({"Records": [{"s3": {"bucket": {}}}]}), Kind.S3),
        (_message({"Event": "s3:TestEvent"}), Kind.S3),
        (_message({"Records": []}), Kind.UNKNOWN),
        (_message({"Records": [{"kinesis": {}}]}), Kind.UNKNOWN),
        (_message("no JSON at all"), Kind.UNKNOWN),
        (_message("[1, 2]"), Kind.UNKNOWN),
    ],
)
def test_a_letter_is_told_by_its_shape(message: dict[str, Any], kind: Kind) -> None:
    assert letter(message)["kind"] == kind.value


def test_a_pointer_says_where_its_records_were_and_why_they_were_given_up() -> None:
    row = letter(_message(POINTER))

    assert (row["shard"], row["first_sequence"], row["last_sequence"]) == (
        "shardId-1",
        "100",
        "120",
    )
    assert (row["records"], row["invocations"], row["source"]) == (7, 4, STREAM)
    assert (row["condition"], row["error"]) == ("SomethingLambdaAddsLater", "Unhandled")
    assert row["first_arrived_at"] == datetime(2026, 10, 14, 2, 5, 24, tzinfo=UTC)
    assert row["given_up_at"] == datetime(2026, 10, 14, 2, 5, 36, 16000, tzinfo=UTC)


def test_the_receives_are_those_before_the_peek() -> None:
    assert letter(_message(POINTER))["receives"] == 2


def test_of_an_error_only_its_type_is_taken_along_never_its_message() -> None:
    secret = "KeyError: customer 4711"
    told = letter(_message({}, named={"RequestID": "r", "ErrorMessage": secret}))
    envelope = letter(
        _message(
            {
                "requestContext": {"condition": "RetriesExhausted"},
                "responsePayload": {"errorType": "ValueError", "errorMessage": secret},
            }
        )
    )

    assert (told["error"], envelope["error"]) == ("KeyError", "ValueError")
    assert "4711" not in str([told, envelope])


def test_a_malformed_pointer_is_a_pointer_of_which_less_is_known() -> None:
    row = letter(_message({"DDBStreamBatchInfo": {"batchSize": "many"}, "timestamp": "soon"}))

    assert (row["kind"], row["records"]) == (Kind.DYNAMODB.value, None)
    assert frame([row])["shard"].isna().all()


# --- reading them


class FakeQueue:
    """Messages that can be received, held, and put back, as SQS has them."""

    def __init__(self, messages: Sequence[dict[str, Any]], *, page: int = 10) -> None:
        self.messages = {message["MessageId"]: message for message in messages}
        self.page = page
        self.held: set[str] = set()
        self.receives: dict[str, int] = defaultdict(int)
        self.waits: list[int] = []
        self.returns_held = False
        self.refuses_to_put_back: set[str] = set()

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        self.waits.append(asked["WaitTimeSeconds"])
        free = [
            message
            for name, message in self.messages.items()
            if name not in self.held or self.returns_held
        ]
        given = free[: min(asked["MaxNumberOfMessages"], self.page)]
        for message in given:
            self.held.add(message["MessageId"])
            self.receives[message["MessageId"]] += 1
        return {"Messages": given} if given else {}

    def change_message_visibility_batch(self, **asked: Any) -> dict[str, Any]:
        failed = []
        for entry in asked["Entries"]:
            name = entry["ReceiptHandle"].removeprefix("handle of ")
            if name in self.refuses_to_put_back:
                failed.append({"Id": entry["Id"]})
            elif entry["VisibilityTimeout"] == 0:
                self.held.discard(name)
        return {"Failed": failed}


def _connection(queue: object) -> Connection:
    system = load(
        {
            "name": "s",
            "environment": "sandbox",
            "account": "000000000000",
            "region": "us-east-1",
            "functions": [{"name": "f", "dead_letter_queue": "f-dlq"}],
            "queues": [{"name": "f-dlq"}, {"name": "orders", "dead_letter_queue": "f-dlq"}],
        }
    )
    identity = Identity("000000000000", "arn:aws:iam::000000000000:root", "us-east-1", NOW)
    return Connection(system, identity, None, None, {"sqs": queue})


def _seen(name: str = "f-dlq", *, visible: int, **facts: str) -> Waiting:
    told = {"moves_on_to": "", "filled_by": "", "read_by": "", **facts}
    columns = waiting(_connection(None), "").rows.columns
    rows = pd.DataFrame([[visible, 0, 0, 14.0, 300.0, *told.values()]], columns=columns)
    return Waiting(name, f"arn:aws:sqs:us-east-1:000000000000:{name}", "http://q", rows)


def _letters(count: int) -> list[dict[str, Any]]:
    return [_message(POINTER, name=f"m-{number}") for number in range(count)]


def test_a_peek_reads_each_message_once_and_puts_all_of_them_back() -> None:
    queue = FakeQueue(_letters(23), page=7)

    seen = peek(_connection(queue), _seen(visible=23), most=100)

    assert len(seen.rows) == 23
    assert set(queue.receives.values()) == {1}
    assert queue.held == set()
    assert seen.touched == (
        "Touched: the receive count of 23 messages was raised by one; all were put back at once. "
        "None was deleted."
    )
    assert seen.coverage == "A sample of 23 of about 23 messages."
    assert seen.whole
    assert set(queue.waits) == {1}


def test_a_peek_takes_no_more_than_it_was_told() -> None:
    queue = FakeQueue(_letters(40))

    seen = peek(_connection(queue), _seen(visible=40), most=12)

    assert sum(queue.receives.values()) == 12
    assert seen.coverage == "A sample of 12 of about 40 messages."
    assert not seen.whole


def test_a_sample_of_nothing_touches_nothing() -> None:
    queue = FakeQueue(_letters(3))

    seen = peek(_connection(queue), _seen(visible=3), most=0)

    assert (dict(queue.receives), seen.touched) == ({}, "No message was touched.")


def test_messages_that_come_again_are_counted_once_and_it_is_said() -> None:
    queue = FakeQueue(_letters(3))
    queue.returns_held = True

    seen = peek(_connection(queue), _seen(visible=5), most=100)

    assert len(seen.rows) == 3
    assert "the receive count of 3 messages was raised by one; 6 came more than once" in (
        seen.touched
    )


def test_what_could_not_be_put_back_is_said() -> None:
    queue = FakeQueue(_letters(4))
    queue.refuses_to_put_back = {"m-1", "m-3"}

    seen = peek(_connection(queue), _seen(visible=4), most=10)

    assert "2 of them could not be put back and stay hidden for up to 60 s" in seen.touched


@pytest.mark.parametrize(
    ("queue", "words"),
    [
        (_seen("orders", visible=3), "It is no dead-letter queue of s"),
        (_seen(visible=3, read_by="g"), "It feeds g"),
        (_seen(visible=3, moves_on_to="graveyard"), "move a message on to graveyard"),
    ],
)
def test_a_queue_that_a_receive_would_harm_is_not_read(queue: Waiting, words: str) -> None:
    fake = FakeQueue(_letters(3))

    seen = peek(_connection(fake), queue, most=10)

    assert dict(fake.receives) == {}
    assert words in seen.limits[0]
    assert not seen.whole


def test_a_queue_with_a_redrive_policy_is_read_when_asked() -> None:
    fake = FakeQueue(_letters(3))

    seen = peek(
        _connection(fake), _seen(visible=3, moves_on_to="graveyard"), most=10, may_move=True
    )

    assert len(seen.rows) == 3


def test_letters_of_two_incidents_are_two_causes() -> None:
    later = {**POINTER, "timestamp": "2026-10-14T02:50:00.000Z"}
    other_day = {**POINTER, "timestamp": "2026-10-13T00:07:00.000Z"}
    bodies = [POINTER, later, other_day]
    queue = FakeQueue([_message(body, name=f"m-{n}") for n, body in enumerate(bodies)])

    causes = peek(_connection(queue), _seen(visible=3), most=10).causes

    assert causes["letters"].tolist() == [2, 1]
    assert causes["records"].tolist() == [14, 7]
    assert causes["first_at"].tolist() == [
        datetime(2026, 10, 14, 2, 5, 36, 16000, tzinfo=UTC),
        datetime(2026, 10, 13, 0, 7, tzinfo=UTC),
    ]


def test_a_function_without_a_dead_letter_queue_is_not_seen_rather_than_well() -> None:
    seen = waiting(_connection(None), "")

    assert seen.depth is None
    assert "names no dead_letter_queue" in seen.limits[0]
    assert list(seen.rows)[:2] == ["visible", "in_flight"]
