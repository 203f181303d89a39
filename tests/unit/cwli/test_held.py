"""Events held for several queries, and rows written as JSON: the same answers as from a list."""

import json
from typing import Any

import pytest

from opslib import cwli

BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC

LINES = [
    '{"level": "INFO", "ms": 1.50, "say \\"x\\"": "a"}',
    'START "quoted" \\ back\tslash\n',
    '[x] {"ms": 2} {y}',
    "control \x00\x01\x1f\x7f and \u2028, ä, 😀",
    "",
    '{"ms": 3, ' + ", ".join(f'"f{n}": {n}' for n in range(300)) + ', "level": "late"}',
]
TEXTS = [
    "fields @timestamp, @message, level, ms, nothing",
    'fields `say "x"`, @logStream, @log',
    "display nothing",
    "filter ms > 1 | sort ms asc | limit 2",
    "stats count(*) as n, max(ms) as `most, 100%` by level",
    "filter ms > 99 | stats count(*) as n by level",
]


def events(*messages: str, log: str = "1:/a") -> list[dict[str, Any]]:
    return [
        {"timestamp": BASE_MS + i, "message": m, "log": log, "logStream": "s", "eventId": f"e{i}"}
        for i, m in enumerate(messages)
    ]


def _as_mappings(rows: list[str]) -> list[dict[str, str]]:
    return [{cell["field"]: cell["value"] for cell in json.loads(row)} for row in rows]


@pytest.mark.parametrize("text", TEXTS)
def test_written_rows_and_what_is_counted_are_those_of_the_list(text: str) -> None:
    answer = cwli.run(text, events(*LINES), start=BASE_MS + 1)

    written = cwli.write(text, cwli.held(events(*LINES)), start=BASE_MS + 1)

    assert _as_mappings(written.rows) == answer.rows
    assert (written.columns, written.matched, written.scanned, written.scanned_bytes) == (
        answer.columns,
        answer.matched,
        answer.scanned,
        answer.scanned_bytes,
    )


def test_a_written_row_is_a_list_of_cells_without_the_missing_ones() -> None:
    written = cwli.write("fields level, nothing, ms", events('{"level": "\\"ä", "ms": 1.50}'))

    assert written.rows == [
        '[{"field": "level", "value": "\\"ä"}, {"field": "ms", "value": "1.50"}, '
        '{"field": "@ptr", "value": "MTovYXxzfDE3OTUzMDkyMDAwMDB8ZTA="}]'
    ]


def test_what_is_asked_first_changes_nothing_of_what_is_asked_next() -> None:
    kept = cwli.held(events(*LINES))

    first = cwli.run("fields ms", kept, start=BASE_MS + 4, end=BASE_MS + 4)
    second = cwli.run("fields ms | sort @timestamp asc", kept)

    assert [row.get("ms") for row in first.rows] == [None]
    assert [row.get("ms") for row in second.rows] == ["1.50", None, "2", None, None, "3"]


def test_events_held_apart_are_asked_together_the_first_part_first() -> None:
    parts = [cwli.held(events("a", "b")), cwli.held(events("c", log="1:/b"))]

    answer = cwli.run("fields @message, @log | sort @timestamp asc", cwli.together(parts))

    assert [(row["@message"], row["@log"]) for row in answer.rows] == [
        ("a", "1:/a"),
        ("c", "1:/b"),
        ("b", "1:/a"),
    ]
    assert (answer.matched, answer.scanned_bytes) == (3, 3)


def test_events_since_an_instant_keep_their_pointers() -> None:
    kept = cwli.held(events("a", "b", "c"))

    later = cwli.run("fields @message", kept.since(BASE_MS + 1))

    assert later.rows == cwli.run("fields @message", kept).rows[:2]
