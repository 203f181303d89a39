"""The commands that list what dead letters point to."""

from datetime import UTC, datetime

import pandas as pd

from opslib.aws import Connection, Identity
from opslib.dead_letters import Kind, Peek
from opslib.dead_letters.kinds import frame
from opslib.streams import Left, reading
from opslib.system import load

STREAM = "arn:aws:dynamodb:eu-west-1:1:table/t/stream/2026-10-13T00:00:00.000"
AT = datetime(2026, 10, 14, 2, 0, tzinfo=UTC)


def _letter(name: str, first: str, last: str, *, shard: str = "s-1") -> dict[str, object]:
    return {
        "message_id": name,
        "kind": Kind.DYNAMODB.value,
        "receives": 0,
        "source": STREAM,
        "shard": shard,
        "first_sequence": first,
        "last_sequence": last,
        "first_arrived_at": AT,
        "last_arrived_at": AT,
        "records": 3,
    }


def _read(letters: list[dict[str, object]], states: list[str]) -> pd.DataFrame:
    names = [letter["message_id"] for letter in letters]
    left = Left(pd.DataFrame({"message_id": names, "state": states}))
    system = load(
        {"name": "x", "environment": "sandbox", "account": "000000000000", "region": "eu-west-1"}
    )
    identity = Identity("000000000000", "arn:x", "eu-west-1", AT)
    connection = Connection(system, identity, None, None, {})
    return reading(connection, Peek(frame(letters), len(letters), ""), left).rows


def test_the_records_of_a_shard_are_listed_from_the_first_that_is_still_there() -> None:
    letters = [_letter("a", "90", "90"), _letter("b", "1000", "1002"), _letter("c", "200", "210")]

    rows = _read(letters, ["gone", "there", "there"])

    assert rows[["letters", "records", "shard", "first_sequence", "last_sequence"]].to_dict(
        "records"
    ) == [
        {
            "letters": 2,
            "records": 6,
            "shard": "s-1",
            "first_sequence": "200",
            "last_sequence": "1002",
        }
    ]
    assert rows["command"].iloc[0].splitlines() == [
        f"AT=$(aws --region eu-west-1 dynamodbstreams get-shard-iterator --stream-arn {STREAM} \\",
        "  --shard-id s-1 --shard-iterator-type AT_SEQUENCE_NUMBER \\",
        "  --sequence-number 200 --query ShardIterator --output text)",
        'aws --region eu-west-1 dynamodbstreams get-records --shard-iterator "$AT" --limit 1000 \\',
        "  --query '{records: Records[].dynamodb.[SequenceNumber,Keys], next: NextShardIterator}'",
    ]


def test_each_shard_has_its_command_and_what_a_letter_says_is_quoted_for_the_shell() -> None:
    letters = [_letter("a", "1", "1"), _letter("b", "2", "2", shard="s-2; rm x")]

    commands = list(_read(letters, ["there", "there"])["command"])

    assert len(commands) == 2
    assert "--shard-id 's-2; rm x' " in commands[1]


def test_a_number_that_is_none_is_no_argument() -> None:
    assert _read([_letter("a", "$(rm x)", "2")], ["there"]).empty


def test_what_is_gone_has_no_command() -> None:
    assert _read([_letter("a", "1", "1")], ["gone"]).empty


def test_without_a_letter_the_columns_stay() -> None:
    rows = _read([], [])

    assert (len(rows), list(rows)[:3]) == (0, ["letters", "records", "shard"])
