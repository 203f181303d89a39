"""The queries of Logs Insights, answered by the local engine over the emulator's events.

In: the bodies of StartQuery, GetQueryResults, StopQuery and DescribeQueries. Out: their answers, or
a `Refused`. A query is evaluated beside the server's loop: ``Scheduled`` until its turn comes,
``Running`` until it ends. Must not know HTTP, or where events are kept.

Source: botocore's ``logs`` model; CloudWatch Logs API reference; Logs Insights quotas. Not done as
the service does: it refuses a window that ends before the log group was made or its retention
begins, but here history is told to log groups that were made a moment ago.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opslib.errors import BadInput
from opslib.sandbox.clock import Clock
from opslib.sandbox.logs.asking import Question, asked
from opslib.sandbox.logs.groups import Store, absent, of_query
from opslib.sandbox.logs.paging import page
from opslib.sandbox.logs.refusals import (
    GROUP_NAME,
    LANGUAGES,
    invalid,
    limit_exceeded,
    not_found,
    one_of,
    text,
)

if TYPE_CHECKING:
    from opslib.cwli import Held, Written

PAGE_LIMIT = 10_000
LISTED_LIMIT = 1000
CONCURRENT_LIMIT = 100
DEADLINE_S = 900.0
"""AWS lets a query work for an hour."""
STATUSES = ("Scheduled", "Running", "Complete", "Failed", "Cancelled", "Timeout", "Unknown")
_UNDER_WAY = ("Scheduled", "Running")
# How long GetQueryResults waits for a query about to end, so that small ones need one call.
_HOLD_S = 1.0
# One that is slow by order is looked at for its state.
_HOLD_BY_ORDER_S = 0.1


@dataclass(kw_only=True)
class Query:
    """One query that was started.

    ``rows`` are JSON, each a list of cells. ``created_ms`` is by the sandbox's clock, ``began_s``
    and ``ended_s`` by one that only measures.
    """

    query_id: str
    text: str
    groups: list[str]
    created_ms: int
    status: str = "Scheduled"
    rows: list[str] = field(default_factory=list)
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
    rows of the newer half of the events; or how the query ends after it: ``Failed``, ``Timeout``,
    ``Cancelled``, ``Unknown``. None waits ``Running``, without rows.
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
    deadline_s
        How long the engine may work on one; it then ends ``Timeout``.
    """

    def __init__(
        self, *, clock: Clock, store: Store, quota: Quota, deadline_s: float = DEADLINE_S
    ) -> None:
        self._clock = clock
        self._deadline_s = deadline_s
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
        question = asked(body)
        groups = of_query(body, question.sources, self._store)
        for group in groups:
            if self._store.streams(group) is None:
                raise absent(group, self._store)
        if sum(query.under_way for query in self._queries.values()) >= self._quota.concurrent:
            raise limit_exceeded(
                f"Account maximum query concurrency limit of [{self._quota.concurrent}] reached."
            )
        query = Query(
            query_id=str(uuid.uuid4()),
            text=question.text,
            groups=groups,
            created_ms=_epoch_ms(self._clock.now()),
        )
        self._queries[query.query_id] = query
        events = self._store.held(groups)
        run = _Run(query=query, question=question, events=events, deadline_s=self._deadline_s)
        hindered = delay()
        if hindered.latency_ms:
            query.hold_s = _HOLD_BY_ORDER_S
        query.task = asyncio.create_task(self._evaluate(run, hindered))
        return {"queryId": query.query_id}

    async def results(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer GetQueryResults, a page at a time."""
        answer, rows = await self.page_of(body)
        return answer | {"results": [json.loads(row) for row in rows]}

    async def page_of(self, body: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Answer GetQueryResults without its results, and give these beside it, each as JSON."""
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
        }
        return answer | following, rows

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
        try:
            if delay.status == "Running":
                query.status = "Running"
                query.rows, query.statistics = await self._engaged(run.partly)
            elif delay.latency_ms and delay.status != "Scheduled":
                query.status = "Running"
            await asyncio.sleep(delay.latency_ms / 1000)
            if delay.status and delay.status not in _UNDER_WAY:
                query.end(delay.status)
                return
            async with self._turn:
                query.status = "Running"
                whole_answer = await self._engaged(run.wholly)
            query.rows, query.statistics = whole_answer
            query.end("Complete")
        except TimeoutError:
            query.end("Timeout")
        finally:
            # Whatever stopped the engine is in the server's log; the client sees how it ended.
            query.end("Failed")

    async def _engaged(self, evaluate: Callable[[], "_Found"]) -> "_Found":
        """Have the engine evaluate beside the server's loop.

        Raises
        ------
        TimeoutError
            The engine stopped the query at its deadline.
        """
        from opslib import cwli

        try:
            return await asyncio.get_running_loop().run_in_executor(self._engine, evaluate)
        except cwli.QueryStopped as error:
            raise TimeoutError from error

    def _find(self, body: dict[str, Any]) -> Query:
        query = self._queries.get(str(body.get("queryId")))
        if query is None:
            raise not_found(f"Query with ID {body.get('queryId')} does not exist.")
        return query


_Found = tuple[list[str], dict[str, float]]
"""Rows as JSON, and statistics."""


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The evaluation of one query on the events as they were when it was started."""

    query: Query
    question: Question
    events: "Held"
    deadline_s: float

    def wholly(self) -> "_Found":
        """Evaluate it on every event: rows and statistics."""
        return self._on(self.events)

    def partly(self) -> "_Found":
        """Evaluate it on the newer half of the events in its window."""
        span = (self.question.start_ms, self.question.end_ms)
        return self._on(self.events.since(self.events.middle_ms(*span)))

    def _on(self, events: "Held") -> "_Found":
        from opslib import cwli

        answer = cwli.write(
            self.question.text,
            events,
            start=self.question.start_ms,
            end=self.question.end_ms,
            now=self.query.created_ms,
            limit=self.question.limit,
            deadline_s=self.deadline_s,
        )
        return answer.rows, _statistics(answer, groups=len(self.query.groups))


def _statistics(answer: "Written", *, groups: int) -> dict[str, float]:
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


def _epoch_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
