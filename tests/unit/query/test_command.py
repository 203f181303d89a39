"""``opslib query``: what goes to which stream, exit codes, and how rows are written."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from opslib.cli import main
from opslib.cwli import MalformedQuery, parse
from opslib.query import awaited, pointed, printed

AT = 1_791_946_020_123
"""2026-10-14T02:47:00.123Z"""


@pytest.fixture(name="log")
def _log(tmp_path: Path) -> str:
    lines = [{"timestamp": AT + i * 60_000, "message": f"number {i}"} for i in range(5)]
    (tmp_path / "log").write_text("\n".join(map(json.dumps, lines)))
    return str(tmp_path / "log")


def test_rows_go_to_stdout_and_the_counts_to_stderr(
    log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["query", "filter @message like /[13]/ | stats count(*) as n", log])

    out, err = capsys.readouterr()
    assert (code, out) == (0, "n\n─\n2\n")
    assert err == "5 events scanned (40 B) in 1 file, 2 matched, 1 returned\n"


def test_start_is_in_and_end_is_not(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    span = ["--start", "2026-10-14T02:48:00.123Z", "--end", "2026-10-14T02:50:00.123Z"]

    code = main(["query", "fields @message", log, "--format", "csv", *span])

    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert code == 0
    assert [row["@message"] for row in rows] == ["number 2", "number 1"]


def test_json_carries_every_value_as_the_api_sends_it(
    log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["query", "fields @timestamp, nothing | limit 1", log, "--format", "json"])

    rows = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [sorted(row) for row in rows] == [["@ptr", "@timestamp"]]
    assert rows[0]["@timestamp"] == "2026-10-14 02:51:00.123"


def test_a_mistake_in_the_query_is_said_before_a_file_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["query", "fields @message | fliter x", "/no/such/file"])

    out, err = capsys.readouterr()
    assert (code, out) == (3, "")
    assert "Line 1, column 19: `fliter` is not a command" in err
    assert "no such file" not in err


@pytest.mark.parametrize(("flags", "expected"), [([], 0), (["--strict"], 3)])
def test_a_broken_line_is_said_and_fails_only_when_strict(
    log: str, capsys: pytest.CaptureFixture[str], flags: list[str], expected: int
) -> None:
    Path(log).write_text(Path(log).read_text() + '\n{"timestamp": ')

    code = main(["query", "stats count(*) as n", log, *flags])

    out, err = capsys.readouterr()
    assert code == expected
    assert out == ("n\n─\n5\n" if expected == 0 else "")
    assert f"{log}, line 6: it is not JSON; 1 line was left out." in err


def test_nothing_that_can_be_read_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["query", "fields @message", "/no/such/file"])

    assert code == 3
    assert "/no/such/file: there is no such file." in capsys.readouterr().err


def test_a_span_that_ends_before_it_begins_is_refused(
    log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["query", "fields @message", log, "--start", "now", "--end", "-1h"])

    assert code == 3
    assert "--end -1h is not after --start now. Start is in and" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("yesterday", "Query not run: --start is 'yesterday', which is not an instant."),
        ("2026-10-14", "Query not run: --start is 2026-10-14T00:00:00, which has no time zone;"),
        ("-999999d", "Query not run: --start is -999999d, which lies outside of the years 1 to"),
        ("9999-01-01T00:00:00Z", "Query not run: --start is 9999-01-01T00:00:00Z, more than 10"),
    ],
)
def test_an_instant_that_cannot_be_read_is_said_to_be_one_of_the_query(
    log: str, capsys: pytest.CaptureFixture[str], written: str, said: str
) -> None:
    code = main(["query", "fields @message", log, "--start", written])

    err = capsys.readouterr().err
    assert code == 3
    assert said in err
    assert "window" not in err


def test_a_span_without_events_is_told_where_they_are(
    log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["query", "stats count(*) as n", log, "--end", "2026-10-14T02:00:00Z"])

    assert code == 0
    assert capsys.readouterr().err == (
        "0 events scanned (0 B) in 1 file, 0 matched, 0 returned\n"
        "No event was where the query looked (--start, --end, SOURCE): the 5 that were read are "
        "from 2026-10-14T02:47:00Z to 2026-10-14T02:51:00Z.\n"
    )


def test_very_many_problems_are_told_as_a_few_of_them_the_worst_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.log").write_text("tells no time\n")
    (tmp_path / "last.log").write_bytes(b"PK\x03\x04rest")

    code = main(["query", "stats count(*) as n", str(tmp_path)])

    lines = capsys.readouterr().err.splitlines()
    assert code == 0
    assert "last.log: it is a zip archive" in lines[0]
    assert lines[20] == "opslib: and 11 more like these."
    assert len(lines) == 22


def test_now_is_the_time_of_the_question(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["query", "fields now() > 1791946260 as later | limit 1", log, "--format", "csv"])

    # The last event is of that second.
    assert code == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("1")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fields a | fliter x", "  fields a | fliter x\n             ^^^^^^\n"),
        ("fields a\n| limit x\n| sort b", "  | limit x\n          ^\n"),
        ("fields a | stats count(*) by", "  fields a | stats count(*) by\n" + " " * 30 + "^\n"),
        ("fields '\x1b[31m' | fliter", "  fields '�[31m' | fliter\n                   ^^^^^^\n"),
        ("fields " + "a" * 70 + " | fliter",
         "  …" + "a" * 57 + " | fliter\n" + " " * 63 + "^^^^^^\n"),
    ],
)  # fmt: skip
def test_the_place_of_a_mistake_is_pointed_at(text: str, shown: str) -> None:
    with pytest.raises(MalformedQuery) as caught:
        parse(text)

    assert pointed(caught.value, text) == shown


_INTERRUPTED = """
import os, signal, threading, time, duckdb
from opslib.query.asking import Query
from opslib.query.loading import Loaded

# What starts this process may have told it to ignore the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
relation = duckdb.connect().sql(
    "SELECT 1791946020123 + i AS timestamp, NULL::BIGINT AS ingestionTime, "
    "repeat(i::VARCHAR, 9) AS message, NULL::VARCHAR AS logStream, NULL::VARCHAR AS log "
    "FROM range(1_000_000_000) AS numbers(i)"
)
began = time.monotonic()
threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
try:
    Query("stats count_distinct(@message)").run(Loaded(relation=relation, sources=1, problems=()))
except KeyboardInterrupt:
    print("interrupted", "at once" if time.monotonic() - began < 60 else "late")
"""


def test_ctrl_c_while_the_query_works_is_an_interruption() -> None:
    # In a process of its own: where tests run, the signal may be ignored.
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout == "interrupted at once\n"


def test_a_named_pipe_is_said_to_be_waited_for(tmp_path: Path, log: str) -> None:
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)

    assert awaited([log, pipe, "/no/such/file"]) == [
        f"{pipe}: it is a named pipe; waiting until it is written to."
    ]


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">/dev/full", "The rows were not written: standard output cannot be written to (No space"),
        (">&-", "Query not run: standard output is closed."),
        ("- <&-", "Query not run: no event could be read. standard input: it is closed."),
    ],
)
def test_a_stream_that_cannot_be_used_is_said_in_a_sentence(redirection: str, said: str) -> None:
    log = "" if redirection.startswith("-") else "-"
    python = shlex.quote(sys.executable)
    command = f"echo a | {python} -m opslib query 'fields @message' {log} {redirection}"

    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_table_shows_control_characters_and_does_not_obey_them() -> None:
    rows = [{"m": "red \x1b[31m\ttab\nline\u202e", "n": "7"}, {"n": "12.5"}]

    table = printed(rows, ("m", "n"), format_="table")

    assert table == (
        "m                       n\n"
        "───────────────────  ────\n"
        "red �[31m tab⏎line�     7\n"
        "                     12.5\n"
    )


def test_json_escapes_what_acts_so_that_it_reads_back_as_it_was() -> None:
    rows = [{"m": "\x1b[2J\x9b2J\u202e\n é"}]

    text = printed(rows, ("m",), format_="json")

    assert text == '[\n{"m": "\\u001b[2J\\u009b2J\\u202e\\n é"}\n]\n'
    assert json.loads(text) == rows


def test_csv_is_exact_but_on_a_terminal_does_not_act() -> None:
    rows = [{"m": "\x1b[2J\x9b2J\nb"}]

    kept, shown = (
        printed(rows, ("m",), format_="csv", terminal=terminal) for terminal in (False, True)
    )

    assert kept == 'm\n"\x1b[2J\x9b2J\nb"\n'
    assert shown == 'm\n"�[2J�2J\nb"\n'


def test_a_terminal_gets_no_codes_of_a_log_line_as_csv(tmp_path: Path) -> None:
    line = {"timestamp": AT, "message": "\x1b[2Jowned"}
    (tmp_path / "log").write_text(json.dumps(line))
    command = ["query", "fields @message", str(tmp_path / "log"), "--format", "csv"]
    ours, theirs = os.openpty()

    subprocess.run(
        [sys.executable, "-m", "opslib", *command],
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=True,
    )
    os.close(theirs)
    seen = os.read(ours, 4096).decode()
    os.close(ours)

    assert "�[2Jowned" in seen
    assert "\x1b" not in seen


def test_a_table_is_cut_to_the_width_of_the_terminal() -> None:
    rows = [{"a": "x" * 50, "b": "y" * 30, "@ptr": "p"}]

    table = printed(rows, ("a", "b", "@ptr"), format_="table", width=42)

    assert table.splitlines()[2] == "x" * 19 + "…  " + "y" * 19 + "…"


def test_csv_has_every_column_also_where_no_row_has_a_value() -> None:
    text = printed([{"a": '1,"2"'}], ("a", "b"), format_="csv")

    assert text == 'a,b\n"1,""2""",\n'
