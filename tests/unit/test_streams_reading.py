"""The commands that list what dead letters point to."""

from datetime import UTC, datetime

import pandas as pd

from opslib.dead_letters import Kind, Peek
from opslib.dead_letters.kinds import frame
from opslib.streams import Left, reading

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
    }


def _read(letters: list[dict[str, object]], states: list[str]) -> str:
    names = [letter["message_id"] for letter in letters]
    left = Left(pd.DataFrame({"message_id": names, "state": states}))
    return reading(Peek(frame(letters), len(letters), ""), left)


def test_the_records_of_a_shard_are_listed_from_the_first_that_is_still_there() -> None:
    letters = [_letter("a", "90", "90"), _letter("b", "1000", "1002"), _letter("c", "200", "210")]

    text = _read(letters, ["gone", "there", "there"])

    assert text.partition("```\n")[2].splitlines() == [
        "# 2 letters: sequence numbers 200 to 1002",
        f"AT=$(aws dynamodbstreams get-shard-iterator --stream-arn {STREAM} --shard-id s-1 \\",
        "  --shard-iterator-type AT_SEQUENCE_NUMBER --sequence-number 200 \\",
        "  --query ShardIterator --output text)",
        'aws dynamodbstreams get-records --shard-iterator "$AT" --limit 1000 \\',
        "  --query '{records: Records[].dynamodb.[SequenceNumber,Keys], next: NextShardIterator}'",
        "```",
    ]


def test_each_shard_has_its_commands_and_what_a_letter_says_is_quoted_for_the_shell() -> None:
    letters = [_letter("a", "1", "1"), _letter("b", "2", "2", shard="s-2; rm x")]

    text = _read(letters, ["there", "there"])

    assert text.count("get-shard-iterator") == 2
    assert "--shard-id 's-2; rm x' " in text


def test_a_number_that_is_none_is_no_argument() -> None:
    assert "aws" not in _read([_letter("a", "$(rm x)", "2")], ["there"])


def test_what_is_gone_has_no_command() -> None:
    text = _read([_letter("a", "1", "1")], ["gone"])

    assert text == "No letter that was read points to records that may still be there."


def test_no_letter_has_no_command() -> None:
    assert reading(Peek(frame([]), 0, ""), Left(pd.DataFrame({"message_id": [], "state": []}))) == (
        "No letter that was read points to records that may still be there."
    )
