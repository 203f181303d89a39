"""Whether the records that pointers name are still there: looked at by halves, or told by age."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.aws import Connection, Identity
from opslib.dead_letters import Kind, Peek
from opslib.dead_letters.kinds import frame
from opslib.streams import left
from opslib.system import load

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"
KINESIS = "arn:aws:kinesis:us-east-1:000000000000:stream/s"


class FakeStream:
    """A shard that begins at a sequence number; what is before it was trimmed."""

    def __init__(self, begins: int, *, refuses: str = "") -> None:
        self.begins = begins
        self.refuses = refuses
        self.asked: list[str] = []

    def get_shard_iterator(self, **asked: str) -> dict[str, str]:
        self.asked.append(asked["SequenceNumber"])
        code = self.refuses
        if not code and int(asked["SequenceNumber"]) < self.begins:
            code = "TrimmedDataAccessException"
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetShardIterator")
        return {"ShardIterator": "i"}


class FakeKinesis:
    """A stream that keeps records for two days."""

    def describe_stream_summary(self, **asked: str) -> dict[str, Any]:
        return {"StreamDescriptionSummary": {"RetentionPeriodHours": 48}}


def _connection(stream: FakeStream | None = None) -> Connection:
    system = load(
        {
            "name": "s",
            "environment": "sandbox",
            "account": "000000000000",
            "region": "us-east-1",
        }
    )
    identity = Identity("000000000000", "arn:aws:iam::000000000000:root", "us-east-1", NOW)
    clients = {"dynamodbstreams": stream, "kinesis": FakeKinesis()}
    return Connection(system, identity, None, None, clients)


def _letter(first: int, last: int, *, hours: float, **changed: object) -> dict[str, object]:
    return {
        "message_id": f"m-{first}",
        "kind": Kind.DYNAMODB.value,
        "sent_at": NOW - timedelta(hours=hours),
        "receives": 0,
        "source": TABLE,
        "shard": "shardId-1",
        "first_sequence": str(first),
        "last_sequence": str(last),
        "records": last - first + 1,
        "first_arrived_at": NOW - timedelta(hours=hours),
    } | changed


def _peek(*letters: dict[str, object]) -> Peek:
    return Peek(frame(letters), len(letters), "")


def test_records_that_the_stream_trimmed_are_gone_and_a_batch_can_be_gone_in_part() -> None:
    letters = [
        _letter(1, 9, hours=27),
        _letter(95, 120, hours=24.5),
        _letter(1000, 1004, hours=1),
    ]

    seen = left(_connection(FakeStream(begins=100)), _peek(*letters), kept_days=14)

    assert dict(zip(seen.rows["message_id"], seen.rows["state"], strict=True)) == {
        "m-1": "gone",
        "m-95": "partly gone",
        "m-1000": "there",
    }
    assert set(seen.rows["how"]) == {"looked at in the stream"}
    assert seen.limits == ()


def test_the_edge_is_found_by_halves_and_numbers_are_compared_as_numbers() -> None:
    stream = FakeStream(begins=900)
    letters = [_letter(number, number, hours=2) for number in range(0, 1000, 10)]

    seen = left(_connection(stream), _peek(*letters), kept_days=14)

    assert seen.states["state"].tolist() == ["gone", "there"]
    assert seen.states["letters"].tolist() == [90, 10]
    assert len(stream.asked) <= 7


def test_how_long_is_left_counts_from_when_the_first_record_arrived() -> None:
    seen = left(_connection(FakeStream(begins=0)), _peek(_letter(5, 6, hours=20.5)), kept_days=14)

    assert seen.rows["hours_left"].tolist() == [3.5]
    assert seen.rows["expires_at"].tolist() == [NOW + timedelta(hours=3.5)]


def test_a_record_past_24_hours_that_the_stream_still_has_is_there() -> None:
    seen = left(_connection(FakeStream(begins=0)), _peek(_letter(5, 6, hours=25)), kept_days=14)

    assert seen.rows["state"].tolist() == ["there"]
    assert seen.rows["hours_left"].tolist() == [-1.0]


@pytest.mark.parametrize(("hours", "state"), [(2.0, "not seen"), (25.0, "past keeping")])
def test_a_denied_look_leaves_the_age_to_tell_and_is_said(hours: float, state: str) -> None:
    stream = FakeStream(begins=0, refuses="AccessDeniedException")

    seen = left(_connection(stream), _peek(_letter(5, 6, hours=hours)), kept_days=14)

    assert (seen.rows["state"].tolist(), seen.rows["how"].tolist()) == ([state], ["by age"])
    assert "lacks dynamodb:GetShardIterator" in seen.limits[0]


def test_a_stream_that_is_gone_took_its_records_along() -> None:
    stream = FakeStream(begins=0, refuses="ResourceNotFoundException")

    seen = left(_connection(stream), _peek(_letter(5, 6, hours=2)), kept_days=14)

    assert seen.rows["state"].tolist() == ["gone"]


def test_another_accounts_stream_is_not_taken_for_one_that_is_gone() -> None:
    stream = FakeStream(begins=0, refuses="ResourceNotFoundException")
    foreign = TABLE.replace("000000000000", "123456789012")

    seen = left(_connection(stream), _peek(_letter(5, 6, hours=2, source=foreign)), kept_days=14)

    assert seen.rows["state"].tolist() == ["not seen"]
    assert "It is not in 000000000000, us-east-1" in seen.limits[0]
    assert stream.asked == []


def test_kinesis_keeps_records_for_as_long_as_the_stream_was_told() -> None:
    of_kinesis = {"kind": Kind.KINESIS.value, "source": KINESIS}
    letters = [_letter(1, 2, hours=47, **of_kinesis), _letter(3, 4, hours=49, **of_kinesis)]

    seen = left(_connection(), _peek(*letters), kept_days=14)

    assert seen.rows["hours_left"].tolist() == [-1.0, 1.0]
    assert seen.rows["state"].tolist() == ["gone", "there"]


def test_a_letter_that_is_no_pointer_is_kept_as_long_as_the_queue_keeps_it() -> None:
    event = _letter(1, 1, hours=90, kind=Kind.ASYNC.value, source=None, shard=None)

    seen = left(_connection(), _peek(event), kept_days=4)

    assert seen.rows["state"].tolist() == ["in the letter"]
    assert seen.rows["hours_left"].tolist() == [6.0]


def test_without_letters_the_columns_stay() -> None:
    seen = left(_connection(), _peek(), kept_days=None)

    assert list(seen.rows) == [
        "message_id",
        "state",
        "how",
        "records",
        "first_arrived_at",
        "expires_at",
        "hours_left",
    ]
    assert list(seen.states)[:3] == ["state", "how", "letters"]
