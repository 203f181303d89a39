"""Queries of the sandbox, where no client can order what is shown."""

import asyncio
from typing import Any

from opslib import cwli
from opslib.sandbox.clock import PINNED_AT, Clock
from opslib.sandbox.logs.groups import Event, Store
from opslib.sandbox.logs.queries import Delay, Queries, Quota

_AT_MS = 1_791_946_800_000
# Each character of an event beside each, beside each.
_RUNAWAY = " | ".join(f"parse @message /(.)/ as {name} multi" for name in "abc")


def _events(group: str) -> list[Event] | None:
    return [
        {
            "timestamp": _AT_MS + number,
            "ingestionTime": _AT_MS,
            "message": "x" * 500,
            "logStream": "s",
            "log": f"000000000000:{group}",
            "eventId": f"{number}",
        }
        for number in range(4)
    ]


def _ended(text: str, *, deadline_s: float) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        queries = Queries(
            clock=Clock(pinned_at=PINNED_AT),
            store=Store(
                account="000000000000",
                region="us-east-1",
                names=lambda: ["/a"],
                events=_events,
                streams=lambda _: ["s"],
                merged=_events,
                held=lambda groups: cwli.held(_events(groups[0]) or []),
            ),
            quota=Quota(),
            deadline_s=deadline_s,
        )
        started = queries.start(
            {
                "logGroupName": "/a",
                "queryString": text,
                "startTime": _AT_MS // 1000,
                "endTime": _AT_MS // 1000 + 60,
            },
            delay=Delay,
        )
        answer = await queries.results(started)
        while answer["status"] in ("Scheduled", "Running"):
            answer = await queries.results(started)
        return answer

    return asyncio.run(ask())


def test_a_query_that_runs_away_ends_as_timeout() -> None:
    answer = _ended(f"{_RUNAWAY} | stats count(*) as n by a, b", deadline_s=0.2)

    assert (answer["status"], answer["results"]) == ("Timeout", [])
    assert answer["statistics"]["recordsScanned"] == 0.0


def test_a_query_within_its_deadline_completes() -> None:
    answer = _ended("stats count(*) as n", deadline_s=60)

    assert answer["status"] == "Complete"
    assert answer["results"] == [[{"field": "n", "value": "4"}]]
