"""``opslib query``: what goes to which stream, exit codes, and how rows are written."""

import csv
import io
import json
from pathlib import Path

import pytest

from opslib.cli import main
from opslib.query import printed

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
    assert "--end -1h is not after --start now" in capsys.readouterr().err


def test_a_table_shows_control_characters_and_does_not_obey_them() -> None:
    rows = [{"m": "red \x1b[31m\ttab\nline\u202e", "n": "7"}, {"n": "12.5"}]

    table = printed(rows, ("m", "n"), format_="table")

    assert table == (
        "m                       n\n"
        "───────────────────  ────\n"
        "red �[31m tab⏎line�     7\n"
        "                     12.5\n"
    )


def test_a_table_is_cut_to_the_width_of_the_terminal() -> None:
    rows = [{"a": "x" * 50, "b": "y" * 30, "@ptr": "p"}]

    table = printed(rows, ("a", "b", "@ptr"), format_="table", width=42)

    assert table.splitlines()[2] == "x" * 19 + "…  " + "y" * 19 + "…"


def test_csv_has_every_column_also_where_no_row_has_a_value() -> None:
    text = printed([{"a": '1,"2"'}], ("a", "b"), format_="csv")

    assert text == 'a,b\n"1,""2""",\n'
