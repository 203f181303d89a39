"""Answers over HTTP equal the engine's own on the same events, whatever the query."""

import json
import random
from typing import Any

import pytest

from opslib import cwli
from opslib.sandbox.api import Sandbox
from sandbox.log_groups import Events, S, ended, fill, rows, start

_QUERIES = [
    "fields @timestamp, @message",
    "fields @timestamp, @logStream, @log, level, took_ms | filter ispresent(level) | limit 50",
    'filter @type = "REPORT" | stats count() as n, avg(@duration), pct(@duration, 95) by bin(5m)',
    'filter level = "ERROR" or @message like /timed out/ | fields @message | sort @timestamp asc',
    'stats sum(level = "ERROR") as errors, count(*) as n by @log | sort @log asc',
    'parse @message "took * ms" as took | filter took > 500 | stats count() as n, min(took)',
    "fields user.id, @timestamp | sort @timestamp desc | dedup user.id",
    "stats count() as n by user.id | filter n > 5 | sort n desc, user.id asc | limit 3",
    "fields strlen(@message) as size, took_ms / 3 as third | sort size desc, third asc | limit 9",
    "filter nothing like /ever/ | stats count()",
]


def _told(rng: random.Random) -> Events:
    """Make up streams of lines of Lambda, JSON lines and plain ones, many of one millisecond."""
    streams: Events = {}
    for stream in ("a", "b/[$LATEST]c"):
        instants = sorted(rng.randrange(0, 3_600_000, 250) for _ in range(120))
        streams[stream] = [(at_ms, _line(rng)) for at_ms in instants]
    return streams


def _line(rng: random.Random) -> str:
    ms = rng.randrange(1, 200_000) / 100
    match rng.randrange(4):
        case 0:
            return (
                f"REPORT RequestId: {rng.randrange(99)}\tDuration: {ms} ms\tBilled Duration: 1 ms\t"
                "Memory Size: 128 MB\tMax Memory Used: 80 MB\t\n"
            )
        case 1:
            return f"2026-10-14T03:00:00Z {rng.randrange(99)} Task timed out after {ms} seconds\n"
        case 2:
            return f"[INFO] ünïcode, took {ms} ms | 'quoted' \"twice\" \\ {{ no json"
        case _:
            told = {
                "level": rng.choice(["INFO", "WARN", "ERROR", None]),
                "took_ms": ms,
                "user": {"id": rng.randrange(20)},
            }
            return json.dumps(told) + "\n"


@pytest.fixture(scope="module")
def told() -> dict[str, Events]:
    rng = random.Random(20261014)  # noqa: S311 - the same events each time
    return {"/made-up/one": _told(rng), "/made-up/two": _told(rng)}


def _without_pointers(found: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: text for name, text in row.items() if name != "@ptr"} for row in found]


def test_every_query_answers_over_http_as_the_engine_does(
    empty: Sandbox, told: dict[str, Events]
) -> None:
    events: list[dict[str, Any]] = [
        {
            "timestamp": S * 1000 + after_ms,
            "message": message,
            "logStream": stream,
            "log": f"000000000000:{group}",
        }
        for group, streams in told.items()
        for stream, lines in streams.items()
        for after_ms, message in lines
    ]
    end_ms = (S + 2400) * 1000 + 999
    expected = {text: cwli.query(text, events, start=S * 1000, end=end_ms) for text in _QUERIES}
    for group, streams in told.items():
        fill(empty, streams, name=group)

    ids = {
        text: start(empty, text, logGroupNames=list(told), endTime=S + 2400) for text in _QUERIES
    }
    found = {text: rows(ended(empty, query_id)) for text, query_id in ids.items()}

    for text in _QUERIES:
        assert _without_pointers(found[text]) == _without_pointers(expected[text]), text
        assert ["@ptr" in row for row in found[text]] == ["@ptr" in row for row in expected[text]]
    assert [text for text in _QUERIES if not found[text]] == _QUERIES[-1:]
