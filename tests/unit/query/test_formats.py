"""Every format that ``opslib query`` recognises by itself, and what of it becomes an event."""

import base64
import gzip
import io
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opslib import query

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
AT = 1_791_946_020_123
"""2026-10-14T02:47:00.123Z"""
STREAM = "2026/10/14/[$LATEST]aa"
REPORT = (
    "REPORT RequestId: 6f5e\tDuration: 14.97 ms\tBilled Duration: 15 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 67 MB\t"
)
REQUEST = "40c9ba54-b78f-4c01-b215-995e91848786"
EVENTS = [
    {"logStreamName": STREAM, "timestamp": AT, "message": REPORT + "\n", "ingestionTime": AT + 900,
     "eventId": "1"},
    {"logStreamName": STREAM, "timestamp": AT + 1, "message": "héllo\n", "ingestionTime": AT + 901,
     "eventId": "2"},
]  # fmt: skip
ENVELOPE = {
    "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/lambda/orders",
    "logStream": STREAM, "subscriptionFilters": ["all"],
    "logEvents": [{"id": "1", "timestamp": AT, "message": REPORT},
                  {"id": "2", "timestamp": AT + 1, "message": "second"}],
}  # fmt: skip
CONTROL = {
    "messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "",
    "subscriptionFilters": [],
    "logEvents": [{"id": "", "timestamp": AT, "message": "CWL CONTROL MESSAGE: Checking health"}],
}  # fmt: skip


def loaded(path: Path | str, content: str | bytes | None = None) -> query.Loaded:
    if isinstance(content, str):
        content = content.encode()
    if content is not None:
        Path(path).write_bytes(content)
    return query.load([str(path)], now=NOW)


def events(path: Path, content: str | bytes) -> list[tuple[Any, ...]]:
    """Timestamp and message of every event, in order."""
    rows = loaded(path, content).relation.select("timestamp", "message").fetchall()
    return [tuple(row) for row in rows]


def test_lines_of_events(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(event) for event in EVENTS)

    found = loaded(tmp_path / "log", lines).relation.fetchall()

    assert found == [
        (AT, REPORT + "\n", STREAM, None, AT + 900),
        (AT + 1, "héllo\n", STREAM, None, AT + 901),
    ]


def test_the_output_of_filter_log_events(tmp_path: Path) -> None:
    output = json.dumps({"events": EVENTS, "searchedLogStreams": []}, indent=4)

    found = events(tmp_path / "log.json", output)

    assert found == [(AT, REPORT + "\n"), (AT + 1, "héllo\n")]


def test_the_output_of_get_log_events_on_one_line(tmp_path: Path) -> None:
    listed = [{"timestamp": AT, "message": "a", "ingestionTime": AT}]
    output = json.dumps({"events": listed, "nextForwardToken": "f/1", "nextBackwardToken": "b/1"})

    found = events(tmp_path / "log.json", output)

    assert found == [(AT, "a")]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_events(tmp_path: Path, indent: int | None) -> None:
    found = events(tmp_path / "log.json", json.dumps(EVENTS, indent=indent))

    assert found == [(AT, REPORT + "\n"), (AT + 1, "héllo\n")]


@pytest.mark.parametrize("indent", [None, 4])
def test_the_messages_alone_as_the_query_option_of_aws_leaves_them(
    tmp_path: Path, indent: int | None
) -> None:
    application = '{"timestamp": "2026-10-14T02:47:00.123+00:00", "level": "INFO"}\n'

    found = events(tmp_path / "log.json", json.dumps([application, REPORT], indent=indent))

    assert found == [(AT, application), (AT, REPORT)]


def test_pairs_of_timestamp_and_message_as_the_query_option_of_aws_leaves_them(
    tmp_path: Path,
) -> None:
    found = events(tmp_path / "log.json", json.dumps([[AT, REPORT], [AT + 1, "b"]], indent=4))

    assert found == [(AT, REPORT), (AT + 1, "b")]


def test_pairs_with_output_text(tmp_path: Path) -> None:
    text = f"{AT}\tSTART RequestId: 1\n\n{AT + 1}\t[ERROR] boom\nTraceback\n\n{AT + 2}\tend\n"

    found = events(tmp_path / "log", text)

    assert found == [
        (AT, "START RequestId: 1"),
        (AT + 1, "[ERROR] boom\nTraceback"),
        (AT + 2, "end"),
    ]


def test_messages_with_output_text(tmp_path: Path) -> None:
    application = '{"timestamp": "2026-10-14T02:47:00.123+00:00", "level": "INFO"}'
    java = "failed\n\tat com.example.Handler(Handler.java:3)\n\t... 3 more"

    found = events(tmp_path / "log", "\n\t".join(["first", application, java, "plain", REPORT]))

    assert found == [(AT, m) for m in ("first", application, java, "plain", REPORT)]


def test_csv_as_the_console_downloads_it(tmp_path: Path) -> None:
    text = f'timestamp,message\n{AT},"a ""b""\nc, d\n"\nnonsense\n{AT + 1},"e"\n'

    found = loaded(tmp_path / "log-events-viewer-result.csv", text)

    assert found.relation.select("timestamp", "message").fetchall() == [
        (AT, 'a "b"\nc, d\n'), (AT + 1, "e"),
    ]  # fmt: skip
    assert "line 5: it has no timestamp or message" in str(found.problems[0])


def test_rows_that_a_query_printed_as_csv_can_be_queried_again(tmp_path: Path) -> None:
    rows = [
        {"@timestamp": "2026-10-14 02:47:00.123", "@message": 'a, "b"\nc', "@logStream": STREAM}
    ]
    text = query.printed(rows, tuple(rows[0]), format_="csv")

    found = loaded(tmp_path / "rows.csv", text).relation

    assert found.select("timestamp", "message", "logStream").fetchall() == [
        (AT, 'a, "b"\nc', STREAM)
    ]


def test_rows_that_a_query_printed_as_json_can_be_queried_again(tmp_path: Path) -> None:
    rows = [{"@timestamp": "2026-10-14 02:47:00.123", "@message": "a\nb", "@logStream": STREAM,
             "@ptr": "x"}]  # fmt: skip
    text = query.printed(rows, tuple(rows[0]), format_="json")

    found = loaded(tmp_path / "rows.json", text).relation

    assert found.select("timestamp", "message", "logStream").fetchall() == [(AT, "a\nb", STREAM)]


def test_an_export_to_s3(tmp_path: Path) -> None:
    stream = tmp_path / "2026-10-14-[$LATEST]aa"
    stream.mkdir()
    (tmp_path / "aws-logs-write-test").write_text("Permission Check Successful")
    text = (
        f"2026-10-14T02:47:00.123Z START RequestId: {REQUEST} Version: $LATEST\n"
        "2026-10-14T02:47:00.124Z [ERROR] ValueError: boom\n"
        "Traceback (most recent call last):\n"
        '  File "/var/task/app.py", line 3, in handler\n'
        "2026-10-14T02:47:03.127Z 2026-10-14T02:47:03.126Z "
        f"{REQUEST} Task timed out after 3.00 seconds\n\n"
        f"2026-10-14T02:47:03.127Z {REPORT}\n"
    )
    (stream / "000000.gz").write_bytes(gzip.compress(text.encode()))

    found = loaded(tmp_path).relation.select("timestamp", "message", "logStream").fetchall()

    assert found == [
        (AT, f"START RequestId: {REQUEST} Version: $LATEST", stream.name),
        (AT + 1, "[ERROR] ValueError: boom\nTraceback (most recent call last):\n"
            '  File "/var/task/app.py", line 3, in handler', stream.name),
        (AT + 3004, f"2026-10-14T02:47:03.126Z {REQUEST} Task timed out after 3.00 seconds",
            stream.name),
        (AT + 3004, REPORT, stream.name),
    ]  # fmt: skip


def test_envelopes_of_firehose_without_line_ends_packed_twice(tmp_path: Path) -> None:
    members = b"".join(
        gzip.compress(json.dumps(each).encode()) for each in (ENVELOPE, CONTROL, ENVELOPE)
    )

    found = loaded(tmp_path / "delivery", gzip.compress(members)).relation

    assert found.select("timestamp", "message", "logStream", "log").fetchall() == 2 * [
        (AT, REPORT, STREAM, "123456789012:/aws/lambda/orders"),
        (AT + 1, "second", STREAM, "123456789012:/aws/lambda/orders"),
    ]


def test_the_event_that_a_subscribed_function_is_given(tmp_path: Path) -> None:
    packed = base64.b64encode(gzip.compress(json.dumps(ENVELOPE).encode())).decode()

    found = events(tmp_path / "event.json", json.dumps({"awslogs": {"data": packed}}))

    assert found == [(AT, REPORT), (AT + 1, "second")]


def test_application_lines_stay_as_they_were_written(tmp_path: Path) -> None:
    first = '{"timestamp": "2026-10-14T02:47:00.123+00:00",  "level": "INFO", "message": "a"}'
    second = '{"time":"2026-10-14T02:47:00.124Z","type":"platform.start","record":{}}'

    found = events(tmp_path / "log", f"{first}\n{second}\n")

    assert found == [(AT, first), (AT + 1, second)]


def test_an_application_line_without_a_time_takes_that_of_the_line_before(tmp_path: Path) -> None:
    lines = ['{"a": 1}', '{"time": "2026-10-14T02:47:00.123Z", "a": 2}', '{"a": 3}']

    found = events(tmp_path / "log", "\n".join(lines))

    assert found == [(AT, lines[0]), (AT, lines[1]), (AT, lines[2])]


def test_plain_lambda_text(tmp_path: Path) -> None:
    application = '{"timestamp": "2026-10-14T02:47:00.123+00:00", "level": "INFO"}'
    traceback = (
        f"[ERROR]\t2026-10-14T02:47:00.124Z\t{REQUEST}\tboom\n"
        "Traceback (most recent call last):\n"
        '  File "/var/task/app.py", line 3, in handler\n'
        "    raise ValueError('boom')\n"
        "ValueError: boom"
    )
    timed_out = f"2026-10-14T02:47:03.123Z {REQUEST} Task timed out after 3.00 seconds"
    start = f"START RequestId: {REQUEST} Version: $LATEST"
    text = "\n".join([application, start, traceback, "done: 3", timed_out, "", REPORT, ""])

    found = events(tmp_path / "log.txt", text)

    assert found == [
        (AT, application), (AT, start), (AT + 1, traceback), (AT + 1, "done: 3"),
        (AT + 3000, timed_out), (AT + 3000, REPORT),
    ]  # fmt: skip


def test_a_log_that_tells_no_time_is_given_that_of_the_file_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("a\nb\n")
    os.utime(tmp_path / "log.txt", ns=(0, 1_795_309_200_500 * 1_000_000))

    found = loaded(tmp_path / "log.txt")

    assert {row[0] for row in found.relation.fetchall()} == {1_795_309_200_500}
    assert "no line tells its time: all are given the file's" in str(found.problems[0])
    assert not found.incomplete


def test_the_output_of_aws_logs_tail(tmp_path: Path) -> None:
    text = f"2026-10-14T02:47:00.123000+00:00 {STREAM} first\nmore of it\n"
    text += f"2026-10-14T02:47:01+00:00 {STREAM} second\n"

    found = loaded(tmp_path / "log", text).relation.select("timestamp", "message", "logStream")

    assert found.fetchall() == [(AT, "first\nmore of it", STREAM), (AT + 877, "second", STREAM)]


def test_the_json_output_of_aws_logs_tail(tmp_path: Path) -> None:
    text = f'2026-10-14T02:47:00.123000+00:00 {STREAM} \n{{\n    "level": "INFO"\n}}\n'

    found = events(tmp_path / "log", text)

    assert found == [(AT, '{\n    "level": "INFO"\n}')]


def test_the_short_output_of_aws_logs_tail_is_utc(tmp_path: Path) -> None:
    found = events(tmp_path / "log", "2026-10-14T02:47:00 first\n2026-10-14T02:47:01 second\n")

    assert found == [(AT - 123, "first"), (AT + 877, "second")]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_with_instants_of_any_unit(tmp_path: Path, unit: str) -> None:
    at = pa.array([NOW, None]).cast(pa.timestamp(unit, "UTC"))
    pq.write_table(pa.table({"timestamp": at, "message": ["a", "b"]}), tmp_path / "log.parquet")

    found = loaded(tmp_path / "log.parquet")

    assert found.relation.select("timestamp", "message").fetchall() == [(1791947220000, "a")]
    assert "rows have no timestamp or message; 1 line was left out" in str(found.problems[0])


def test_parquet_of_a_query_s_rows(tmp_path: Path) -> None:
    rows = {"@timestamp": ["2026-10-14 02:47:00.123"], "@message": ["a"], "@logStream": [STREAM]}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")

    found = loaded(tmp_path / "rows.parquet").relation

    assert found.select("timestamp", "message", "logStream").fetchall() == [(AT, "a", STREAM)]


def test_a_folder_s_parquet_is_read_and_not_its_copies_beside_it(tmp_path: Path) -> None:
    rows = {"@timestamp": ["2026-10-14 02:47:00.123"], "@message": ["a"]}
    pq.write_table(pa.table(rows), tmp_path / "01-errors.parquet")
    (tmp_path / "01-errors.csv").write_text("@timestamp,@message\n2026-10-14 02:47:00.123,a\n")
    (tmp_path / "01-errors.json").write_text('{"name": "errors"}')
    (tmp_path / "notes.txt").write_text("b\n")

    found = loaded(tmp_path)

    assert [row[0] for row in found.relation.select("message").fetchall()] == ["a", "b"]


def test_of_a_run_s_folder_its_evidence_is_read_and_not_what_tells_of_it(tmp_path: Path) -> None:
    run = tmp_path / "20261014T030700Z-10-error-rate-ZAEL-demo"
    (run / "evidence").mkdir(parents=True)
    for name in ("manifest.json", "audit.jsonl", "result.json", "report.html", "notebook.ipynb"):
        (run / name).write_text('{"at": "2026-10-14T03:07:00Z"}\n')
    rows = {"@timestamp": ["2026-10-14 02:47:00.123"], "@message": ["a"]}
    pq.write_table(pa.table(rows), run / "evidence" / "01-errors.parquet")

    of_the_run, of_all, named = (
        loaded(path).relation.select("message").fetchall()
        for path in (run, tmp_path, run / "audit.jsonl")
    )

    assert of_the_run == of_all == [("a",)]
    assert named == [('{"at": "2026-10-14T03:07:00Z"}',)]


def test_utf_16_as_powershell_redirects(tmp_path: Path) -> None:
    output = json.dumps({"events": EVENTS}, indent=4, ensure_ascii=False)

    found = events(tmp_path / "log.json", output.encode("utf-16"))

    assert found[1] == (AT + 1, "héllo\n")


def test_text_in_utf_16_has_no_line_ends_in_it(tmp_path: Path) -> None:
    text = f"2026-10-14T02:47:00.123Z {REPORT}\r\n2026-10-14T02:47:00.124Z b\r\n"

    found = events(tmp_path / "log", text.encode("utf-16"))

    assert found == [(AT, REPORT), (AT + 1, "b")]


def test_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    lines = "\r\n".join(json.dumps(event) for event in EVENTS)

    found = events(tmp_path / "log", b"\xef\xbb\xbf" + lines.encode())

    assert [at for at, _ in found] == [AT, AT + 1]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(json.dumps(EVENTS[0]).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(packed))))

    found = loaded("-")

    assert found.relation.select("timestamp", "message").fetchall() == [(AT, REPORT + "\n")]


def test_folders_and_globs_are_read_in_order_and_a_file_only_once(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("never read")
    for name, text in [("a.log", "1"), ("b/a.log", "2"), ("b/c.txt", "3")]:
        (tmp_path / name).write_text(text)

    found = query.load([str(tmp_path), str(tmp_path / "**" / "*.log")], now=NOW)

    assert [row[0] for row in found.relation.select("message").fetchall()] == ["1", "2", "3"]
    assert found.sources == 3


def test_progress_adds_up_to_the_bytes_on_disk(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(EVENTS[0]) for _ in range(5000)).encode()
    (tmp_path / "log.gz").write_bytes(gzip.compress(lines))
    told: list[int] = []

    def begin(size: int) -> Any:
        told.append(-size)
        return told.append

    query.load([str(tmp_path / "log.gz")], now=NOW, progress=begin)

    assert told[0] < 0
    assert sum(told) == 0
