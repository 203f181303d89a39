"""What cannot be read is named with file and line, counted, and does not stop the rest."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opslib import query
from opslib.errors import BadInput

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
AT = 1_791_946_020_123
LINE = json.dumps({"timestamp": AT, "message": "a"})


def _messages(loaded: query.Loaded) -> list[str]:
    return [row[0] for row in loaded.relation.select("message").fetchall()]


def _told(loaded: query.Loaded) -> list[str]:
    return [str(problem) for problem in loaded.problems]


def test_broken_lines_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f'{LINE}\n{{"timestamp": 1, "mess\n{LINE}\n}}{{\n{LINE}\n')

    loaded = query.load([str(path)], now=NOW)

    assert _messages(loaded) == ["a", "a", "a"]
    assert _told(loaded) == [f"{path}, line 2: it is not JSON; 2 lines were left out."]
    assert loaded.incomplete


def test_an_event_without_a_message_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f'{LINE}\n{{"timestamp": {AT}, "message": 7}}\n')

    loaded = query.load([str(path)], now=NOW)

    assert _messages(loaded) == ["a"]
    assert _told(loaded) == [
        f"{path}, line 2: it has no timestamp or message that could be read; 1 line was left out."
    ]


@pytest.mark.parametrize("listed", ['{{"events": [{}]}}', '{{"logEvents": [{}]}}', "[{}]"])
def test_one_broken_event_of_a_list_costs_only_itself(tmp_path: Path, listed: str) -> None:
    path = tmp_path / "log"
    path.write_text(listed.format(", ".join([LINE, '{"timestamp": 1, "message": 7}', LINE])))

    loaded = query.load([str(path)], now=NOW)

    assert _messages(loaded) == ["a", "a"]
    assert _told(loaded) == [
        f"{path}, line 1: it has no timestamp or message that could be read; 1 line was left out."
    ]


def test_a_document_that_is_cut_off_gives_its_whole_events(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    listed = [{"timestamp": AT, "message": "a"}, {"timestamp": AT, "message": "b"}]
    whole = json.dumps({"events": listed}, indent=4)
    path.write_text(whole[: whole.index('"b"')])

    loaded = query.load([str(path)], now=NOW)

    assert _messages(loaded) == ["a"]
    assert _told(loaded) == [f"{path}, line 7: it is not JSON from here on; 3 lines were left out."]


def test_compressed_data_that_is_cut_off_gives_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    text = "".join(json.dumps({"timestamp": AT, "message": str(i * i)}) + "\n" for i in range(9000))
    packed = gzip.compress(text.encode())
    path.write_bytes(packed[: len(packed) // 2])

    loaded = query.load([str(path)], now=NOW)

    messages = _messages(loaded)
    assert messages == [str(i * i) for i in range(len(messages))]
    assert 1000 < len(messages) < 9000
    assert "the compressed data is broken or cut off" in _told(loaded)[0]
    assert loaded.incomplete


def test_bytes_that_are_not_utf_8_are_shown_as_such_and_nothing_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"START RequestId: 1\ncaf\xe9\n")

    loaded = query.load([str(path)], now=NOW)

    assert _messages(loaded) == ["START RequestId: 1", "caf�"]
    assert _told(loaded)[0] == f"{path}, line 2: bytes that are not UTF-8 were read as �."
    assert not loaded.incomplete


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x7fELF\x00\x00\x01", "binary data"),
        (b"PAR1nothing of the sort", "begins as Parquet, but is broken"),
        (b"\x1f\x8bnot gzip at all", "broken"),
        (b'{"results": [], "statistics": {}}', "the answer of a query, not log events"),
    ],
)
def test_a_file_that_is_no_log_is_said_to_be_what_it_is(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(BadInput) as caught:
        query.load([str(path)], now=NOW)

    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("text", "b/1:0\tf/1:1\nEVENTS\t1795329974842\tSTART RequestId: 1\n\t1795327552168\n"),
        ("text", "EVENTS\t776c\t1795329974189\t[$LATEST]aa\tSTART RequestId: 1\n\t1795319151758\n"),
        ("table", "-------------------\n| FilterLogEvents |\n+-----------------+\n"),
        ("yaml", "events:\n- eventId: '1'\n  message: 'START RequestId: 1'\n"),
    ],
)
def test_an_output_of_aws_that_is_for_people_is_named_with_the_one_to_use(
    tmp_path: Path, form: str, content: str
) -> None:
    (tmp_path / "log").write_text(content)

    with pytest.raises(BadInput) as caught:
        query.load([str(tmp_path / "log")], now=NOW)

    assert f"aws prints with --output {form}, which is not read; use --output json" in str(
        caught.value
    )


def test_what_is_missing_does_not_stop_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LINE)
    missing = str(tmp_path / "nothing")

    loaded = query.load([missing, str(tmp_path / "*.gz"), str(tmp_path / "log")], now=NOW)

    assert _messages(loaded) == ["a"]
    assert _told(loaded) == [
        f"{missing}: there is no such file.",
        f"{tmp_path}/*.gz: nothing matches it.",
    ]


def test_a_file_that_may_not_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "log")

    with pytest.raises(BadInput) as caught:
        query.load([str(tmp_path / "log")], now=NOW)

    assert "no event could be read" in str(caught.value)


def test_many_files_that_cannot_be_read_are_told_a_line_each_and_no_more_than_twenty(
    tmp_path: Path,
) -> None:
    for number in range(23):
        rows = pa.table({"p95_ms": [1.5]})
        pq.write_table(rows, tmp_path / f"{number:02d}-bins\x1b[2J.parquet")

    with pytest.raises(BadInput) as caught:
        query.load([str(tmp_path)], now=NOW)

    first, *told, last = str(caught.value).splitlines()
    assert first == "Query not run: no event could be read."
    assert len(told) == 20
    assert told[19] == (
        f"  {tmp_path}/19-bins�[2J.parquet: it is Parquet without a column timestamp or message."
    )
    assert last == "  and 3 more like these."


def test_an_empty_file_holds_no_events_and_no_problem(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")

    loaded = query.load([str(tmp_path / "log")], now=NOW)

    assert _messages(loaded) == []
    assert loaded.problems == ()
