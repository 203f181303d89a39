"""Logs Insights as its client sees it: queries take their time, places and pages run out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fakes.clients import refusal

_LIMIT = re.compile(r"\|\s*limit\s+(\d+)\s*$")


@dataclass
class _Query:
    rows: list[list[dict[str, str]]]
    matched: int
    polls_left: int
    ended: str = ""


@dataclass
class Service:
    """The ``logs`` client before a log group with one event at each of these instants.

    Parameters
    ----------
    at_ms
        Epoch milliseconds of the events; the number of an event is its place here.
    places
        How many queries may be under way.
    polls
        How often a query is asked for before it is complete.
    page_rows
        Rows on a page.
    ends
        What a query with this text ends as, in place of Complete.
    refused
        What StartQuery raises for a query with this text.
    """

    at_ms: Sequence[int] = ()
    places: int = 100
    polls: int = 0
    page_rows: int = 10_000
    ends: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, BaseException] = field(default_factory=dict)
    date: str = "Wed, 14 Oct 2026 03:07:12 GMT"
    started: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    most_under_way: int = 0
    interrupt_at_poll: int = 0
    _queries: dict[str, _Query] = field(default_factory=dict)
    _polled: int = 0

    @property
    def under_way(self) -> int:
        return sum(not query.ended for query in self._queries.values())

    def start_query(self, **arguments: Any) -> dict[str, Any]:
        text = arguments["queryString"]
        if text in self.refused:
            raise self.refused[text]
        if self.under_way >= self.places:
            raise refusal("LimitExceededException", "Account maximum query concurrency limit")
        self.started.append(arguments)
        found = sorted(
            (
                (at_ms, number)
                for number, at_ms in enumerate(self.at_ms)
                if arguments["startTime"] * 1000 <= at_ms < (arguments["endTime"] + 1) * 1000
            ),
            reverse="sort @timestamp asc" not in text,
        )
        limit = _LIMIT.search(text)
        query_id = f"q{len(self.started)}"
        self._queries[query_id] = _Query(
            rows=[_row(*event) for event in found[: int(limit[1]) if limit else 10_000]],
            matched=len(found),
            polls_left=self.polls,
        )
        self.most_under_way = max(self.most_under_way, self.under_way)
        return {"queryId": query_id, "ResponseMetadata": {"HTTPHeaders": {"date": self.date}}}

    def get_query_results(self, *, queryId: str, nextToken: str = "0") -> dict[str, Any]:
        self._polled += 1
        if self._polled == self.interrupt_at_poll:
            raise KeyboardInterrupt
        query = self._queries[queryId]
        if query.polls_left:
            query.polls_left -= 1
            return {"status": "Running", "results": query.rows[:1]}
        text = self.started[int(queryId[1:]) - 1]["queryString"]
        query.ended = query.ended or self.ends.get(text, "Complete")
        first = int(nextToken)
        after = first + self.page_rows
        more = {"nextToken": str(after)} if after < len(query.rows) else {}
        statistics = {"recordsMatched": query.matched, "recordsScanned": 9, "bytesScanned": 100}
        return {
            "status": query.ended,
            "results": query.rows[first:after],
            "statistics": statistics,
            **more,
        }

    def stop_query(self, *, queryId: str) -> dict[str, Any]:
        self.stopped.append(queryId)
        self._queries[queryId].ended = "Cancelled"
        return {"success": True}


def _row(at_ms: int, number: int) -> list[dict[str, str]]:
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return [
        {"field": "@timestamp", "value": f"{at:%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03d}"},
        {"field": "number", "value": str(number)},
        {"field": "@ptr", "value": f"pointer-{number}"},
    ]
