"""The queries of Logs Insights, answered by the local engine over the emulator's events.

In: the bodies of StartQuery, GetQueryResults, StopQuery and DescribeQueries. Out: their answers, or
a `Refused`. A query is evaluated beside the server's loop: ``Scheduled`` until its turn comes,
``Running`` until it ends. Must not know HTTP, or where events are kept.

Source: botocore's ``logs`` model; CloudWatch Logs API reference; Logs Insights quotas. Not done as
the service does: it refuses a window that ends before the log group was made or its retention
begins, but here history is told to log groups that were made a moment ago.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opslib.errors import BadInput
from opslib.sandbox.clock import Clock
from opslib.sandbox.logs.groups import Event, Store, absent, of_query
from opslib.sandbox.logs.paging import page
from opslib.sandbox.logs.records import pointed
from opslib.sandbox.logs.refusals import (
    GROUP_NAME,
    LANGUAGES,
    epoch,
    invalid,
    limit_exceeded,
    not_found,
    one_of,
    text,
    whole,
)
from opslib.sandbox.operations import Refused, ServiceError

if TYPE_CHECKING:
    from opslib.cwli import Answer
    from opslib.cwli.plan import Source

TEXT_LIMIT = 10_000
ROWS_LIMIT = 100_000
PAGE_LIMIT = 10_000
LISTED_LIMIT = 1000
CONCURRENT_LIMIT = 100
STATUSES = ("Scheduled", "Running", "Complete", "Failed", "Cancelled", "Timeout", "Unknown")
_UNDER_WAY = ("Scheduled", "Running")
# AWS counts in seconds and includes both ends, so the last second is searched to its end. It is
# documented only as "inclusive"; were the last second not whole, a window cut into [a, b - 1 s]
# and [b, c] would lose events.
_LAST_SECOND_MS = 999
# Both seconds and milliseconds are accepted; seconds reach this number in the year 5138.
_MILLISECONDS_FROM = 100_000_000_000
# How long GetQueryResults waits for a query about to end, so that small ones need one call.
_HOLD_S = 1.0
# One that is slow by order is looked at for its state.
_HOLD_BY_ORDER_S = 0.1


@dataclass(kw_only=True)
class Query:
    """One query that was started.

    ``created_ms`` is by the sandbox's clock, ``began_s`` and ``ended_s`` by one that only measures.
    """

    query_id: str
    text: str
    groups: list[str]
    created_ms: int
    status: str = "Scheduled"
    rows: list[dict[str, str]] = field(default_factory=list)
    statistics: dict[str, float] = field(default_factory=dict)
    began_s: float = field(default_factory=time.monotonic)
    ended_s: float | None = None
    hold_s: float = _HOLD_S
    task: "asyncio.Task[None] | None" = None

    @property
    def under_way(self) -> bool:
        """Whether it has not ended."""
        return self.status in _UNDER_WAY

    def end(self, status: str) -> None:
        """Let it end so, unless it ended before."""
        if self.under_way:
            self.status = status
            self.ended_s = time.monotonic()


@dataclass(frozen=True, kw_only=True)
class Delay:
    """How the evaluation of a query is to be hindered.

    ``status`` says how the wait of ``latency_ms`` is spent: ``Scheduled``, or ``Running`` with the
    rows of the newer half of the events; or how the query ends after it: ``Failed``, ``Timeout``.
    None waits ``Running``, without rows.
    """

    latency_ms: int = 0
    status: str | None = None


@dataclass(kw_only=True)
class Quota:
    """How many queries may be under way at once in an account and region."""

    concurrent: int = CONCURRENT_LIMIT

    def order(self, body: object) -> None:
        """Take an order as the control endpoint receives it: ``{"concurrent": 2}``, null for AWS's.

        Raises
        ------
        BadInput
            It is no order.
        """
        match body:
            case {"concurrent": None}:
                self.concurrent = CONCURRENT_LIMIT
            case {"concurrent": int(concurrent)} if 0 < concurrent <= CONCURRENT_LIMIT:
                self.concurrent = concurrent
            case _:
                raise BadInput(
                    f"No quota was set: concurrent is 1 to {CONCURRENT_LIMIT} queries, or null."
                )


class Queries:
    """The queries of one account and region.

    Parameters
    ----------
    clock
        Dates the queries.
    store
        What they are asked of.
    quota
        How many may be under way.
    """

    def __init__(self, *, clock: Clock, store: Store, quota: Quota) -> None:
        self._clock = clock
        self._store = store
        self._quota = quota
        self._queries: dict[str, Query] = {}
        # One at a time: the engine's own threads use the machine well enough.
        self._engine = ThreadPoolExecutor(max_workers=1, thread_name_prefix="logs-insights")
        self._turn = asyncio.Lock()

    def start(self, body: dict[str, Any], *, delay: Callable[[], Delay]) -> dict[str, Any]:
        """Answer StartQuery: check everything that can be checked, and begin.

        ``delay`` is asked once the query is sure to start.
        """
        query_text, sources = _text(body)
        start_ms, end_ms = _span(body)
        limit = whole(body, "limit", least=1, most=ROWS_LIMIT, default=0) or None
        groups = of_query(body, sources, self._store)
        events: list[Event] = []
        for group in groups:
            found = self._store.events(group)
            if found is None:
                raise absent(group, self._store)
            events += found
        if sum(query.under_way for query in self._queries.values()) >= self._quota.concurrent:
            raise limit_exceeded(
                f"Account maximum query concurrency limit of [{self._quota.concurrent}] reached."
            )
        query = Query(
            query_id=str(uuid.uuid4()),
            text=query_text,
            groups=groups,
            created_ms=_epoch_ms(self._clock.now()),
        )
        self._queries[query.query_id] = query
        run = _Run(query=query, events=events, start_ms=start_ms, end_ms=end_ms, limit=limit)
        hindered = delay()
        if hindered.latency_ms:
            query.hold_s = _HOLD_BY_ORDER_S
        query.task = asyncio.create_task(self._evaluate(run, hindered))
        return {"queryId": query.query_id}

    async def results(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer GetQueryResults, a page at a time."""
        query = self._find(body)
        if query.task:
            await asyncio.wait({query.task}, timeout=query.hold_s)
        if body.get("maxItems") == 0:
            # The model allows 0, and does not say what it means.
            body = {name: value for name, value in body.items() if name != "maxItems"}
        rows, following = page(
            query.rows,
            body,
            subject=f"results/{query.query_id}",
            size="maxItems",
            most=PAGE_LIMIT,
        )
        answer: dict[str, Any] = {
            "queryLanguage": "CWLI",
            "status": query.status,
            "statistics": _NO_STATISTICS | query.statistics,
            "results": [
                [{"field": name, "value": value} for name, value in row.items()] for row in rows
            ],
        }
        return answer | following

    def stop(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer StopQuery; a query that ended cannot be stopped."""
        query = self._find(body)
        if not query.under_way:
            raise invalid(
                f"Query with ID {query.query_id} is not running, its status is {query.status}."
            )
        query.end("Cancelled")
        if query.task:
            query.task.cancel()
        return {"success": True}

    def describe(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer DescribeQueries: the newest first, a page at a time."""
        group = text(body, "logGroupName", least=1, most=512)
        status = one_of(body, "status", STATUSES)
        language = one_of(body, "queryLanguage", LANGUAGES)
        if group is not None:
            if not GROUP_NAME.fullmatch(group):
                raise invalid(f"'{group}' is no name of a log group.")
            if self._store.streams(group) is None:
                raise not_found("The specified log group does not exist.")
        found = [
            _listed(query)
            for query in reversed(self._queries.values())
            if (group is None or group in query.groups)
            and status in (None, query.status)
            and language in (None, "CWLI")
        ]
        queries, following = page(
            found,
            body,
            subject=f"queries/{group}/{status}",
            size="maxResults",
            most=LISTED_LIMIT,
        )
        return {"queries": queries} | following

    async def _evaluate(self, run: "_Run", delay: Delay) -> None:
        query = run.query
        loop = asyncio.get_running_loop()
        try:
            if delay.status == "Running":
                query.status = "Running"
                partly = await loop.run_in_executor(self._engine, run.partly)
                query.rows, query.statistics = partly
            elif delay.latency_ms and delay.status != "Scheduled":
                query.status = "Running"
            await asyncio.sleep(delay.latency_ms / 1000)
            if delay.status not in (None, *_UNDER_WAY):
                query.end(delay.status if delay.status in STATUSES else "Failed")
                return
            async with self._turn:
                query.status = "Running"
                whole_answer = await loop.run_in_executor(self._engine, run.wholly)
            query.rows, query.statistics = whole_answer
            query.end("Complete")
        finally:
            # Whatever stopped the engine is in the server's log; the client sees how it ended.
            query.end("Failed")

    def _find(self, body: dict[str, Any]) -> Query:
        query = self._queries.get(str(body.get("queryId")))
        if query is None:
            raise not_found(f"Query with ID {body.get('queryId')} does not exist.")
        return query


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The evaluation of one query on the events as they were when it was started."""

    query: Query
    events: list[Event]
    start_ms: int
    end_ms: int
    limit: int | None

    def wholly(self) -> tuple[list[dict[str, str]], dict[str, float]]:
        """Evaluate it on every event: rows and statistics."""
        return self._on(self.events)

    def partly(self) -> tuple[list[dict[str, str]], dict[str, float]]:
        """Evaluate it on the newer half of the events in its window."""
        instants = sorted(
            event["timestamp"]
            for event in self.events
            if self.start_ms <= event["timestamp"] <= self.end_ms
        )
        since_ms = instants[len(instants) // 2] if instants else 0
        return self._on([event for event in self.events if event["timestamp"] >= since_ms])

    def _on(self, events: list[Event]) -> tuple[list[dict[str, str]], dict[str, float]]:
        from opslib import cwli

        answer = cwli.run(
            self.query.text, events, start=self.start_ms, end=self.end_ms, limit=self.limit
        )
        rows = [pointed(row, events) for row in answer.rows]
        return rows, _statistics(answer, groups=len(self.query.groups))


def _statistics(answer: "Answer", *, groups: int) -> dict[str, float]:
    return {
        "recordsMatched": float(answer.matched),
        "recordsScanned": float(answer.scanned),
        "bytesScanned": float(answer.scanned_bytes),
        "logGroupsScanned": float(groups),
        "resultCount": float(len(answer.rows)),
    }


_NO_STATISTICS = {
    "recordsMatched": 0.0,
    "recordsScanned": 0.0,
    "bytesScanned": 0.0,
    "estimatedRecordsSkipped": 0.0,
    "estimatedBytesSkipped": 0.0,
    "logGroupsScanned": 0.0,
    "resultCount": 0.0,
}


def _listed(query: Query) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "queryLanguage": "CWLI",
        "queryId": query.query_id,
        "queryString": query.text,
        "status": query.status,
        "createTime": query.created_ms,
        "logGroupName": query.groups[0],
    }
    if query.ended_s is not None:
        listed["queryDuration"] = round((query.ended_s - query.began_s) * 1000)
        listed["bytesScanned"] = query.statistics.get("bytesScanned", 0.0)
    return listed


def _text(body: dict[str, Any]) -> "tuple[str, Iterable[Source]]":
    """Read the query's text and the log groups it names itself."""
    from opslib import cwli  # at the first query, so that a start need not wait for it

    given = text(body, "queryString", least=0, most=TEXT_LIMIT)
    if given is None:
        raise invalid("queryString is missing.")
    if one_of(body, "queryLanguage", LANGUAGES) not in (None, "CWLI"):
        raise invalid(
            f"The sandbox answers queries in CWLI only: queries in {body['queryLanguage']} are "
            "evaluated by OpenSearch, which it does not have."
        )
    try:
        return given, cwli.parse(given).sources
    except cwli.MalformedQuery as error:
        end = min(error.position + 1, len(given))
        detail = {
            "message": error.reason,
            "location": {"startCharOffset": error.position, "endCharOffset": end},
        }
        raise Refused(
            ServiceError(
                code="MalformedQueryException",
                message=error.reason,
                members=(("queryCompileError", detail),),
            )
        ) from error


def _span(body: dict[str, Any]) -> tuple[int, int]:
    start, end = epoch(body, "startTime"), epoch(body, "endTime")
    if start is None or end is None:
        raise invalid("startTime and endTime are needed, as epoch seconds.")
    start_ms = start if start >= _MILLISECONDS_FROM else start * 1000
    end_ms = end if end >= _MILLISECONDS_FROM else end * 1000 + _LAST_SECOND_MS
    if start_ms > end_ms:
        raise invalid("End time should not be before the start time.")
    return start_ms, end_ms


def _epoch_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
