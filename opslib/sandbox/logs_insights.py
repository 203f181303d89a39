"""The Logs Insights calls, answered by the local engine over the emulator's events.

In: the bodies of StartQuery, GetQueryResults, StopQuery and DescribeQueries. Out: their answers, or
a `ServiceError`. A query is evaluated beside the server's loop and is ``Running`` until it ends.
Must not know HTTP, or where events are kept.

Source: botocore's ``logs`` model; CloudWatch Logs API reference; Logs Insights quotas.
"""

import asyncio
import base64
import contextlib
import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opslib.sandbox.clock import Clock
from opslib.sandbox.operations import Refused, ServiceError

if TYPE_CHECKING:
    from opslib.cwli import Answer

Events = Callable[[str], list[dict[str, Any]] | None]
"""The events of a log group by its name; None when there is none."""

TEXT_LIMIT = 10_000
GROUPS_LIMIT = 50
ROWS_LIMIT = 100_000
PAGE_LIMIT = 10_000
LISTED_LIMIT = 1000
# AWS counts in seconds and includes both ends, so the last second is searched to its end. It is
# documented only as "inclusive"; were the last second not whole, a window cut into [a, b - 1 s]
# and [b, c] would lose events.
_LAST_SECOND_MS = 999
# Both seconds and milliseconds are accepted; seconds reach this number in the year 5138.
_MILLISECONDS_FROM = 100_000_000_000
# How long GetQueryResults waits for a query about to end, so that small ones need one call.
_HOLD_S = 1.0


@dataclass(kw_only=True)
class Query:
    """One query that was started. Times are epoch milliseconds."""

    query_id: str
    text: str
    groups: list[str]
    created_ms: int
    status: str = "Running"
    rows: list[dict[str, str]] = field(default_factory=list)
    statistics: dict[str, float] = field(default_factory=dict)
    task: "asyncio.Task[None] | None" = None


@dataclass(frozen=True, kw_only=True)
class Delay:
    """How the evaluation of a query is to be hindered: its wait, and how it then ends."""

    latency_ms: int = 0
    status: str | None = None


class LogsInsights:
    """The queries of one server.

    Parameters
    ----------
    clock
        Dates the queries.
    account, region
        Which groups an ARN may name.
    """

    def __init__(self, *, clock: Clock, account: str, region: str) -> None:
        self._clock = clock
        self._account = account
        self._region = region
        self._queries: dict[str, Query] = {}
        # One at a time: the engine's own threads use the machine well enough.
        self._engine = ThreadPoolExecutor(max_workers=1, thread_name_prefix="logs-insights")

    async def start_query(
        self, body: dict[str, Any], *, events: Events, delay: Delay
    ) -> dict[str, Any]:
        """Answer StartQuery: check everything that can be checked, and begin."""
        from opslib import cwli  # at the first query, so that a start need not wait for it

        text = self._text(body)
        start_ms, end_ms = self._span(body)
        limit = body.get("limit")
        if limit is not None and not (isinstance(limit, int) and 1 <= limit <= ROWS_LIMIT):
            raise _invalid(f"limit must be between 1 and {ROWS_LIMIT}.")
        groups = self._groups(body)
        held: list[dict[str, Any]] = []
        for group in groups:
            found = events(group)
            if found is None:
                raise Refused(
                    ServiceError(
                        code="ResourceNotFoundException",
                        message=f"Log group '{group}' does not exist for account ID "
                        f"'{self._account}'",
                    )
                )
            held += found
        query = Query(
            query_id=str(uuid.uuid4()),
            text=text,
            groups=groups,
            created_ms=_epoch_ms(self._clock.now()),
        )
        self._queries[query.query_id] = query

        def evaluate() -> "Answer":
            return cwli.run(text, held, start=start_ms, end=end_ms, limit=limit)

        query.task = asyncio.create_task(self._evaluate(query, evaluate, delay))
        return {"queryId": query.query_id}

    async def get_query_results(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer GetQueryResults, a page at a time."""
        query = self._find(body)
        if query.task:
            await asyncio.wait({query.task}, timeout=_HOLD_S)
        size = body.get("maxItems", PAGE_LIMIT)
        if not (isinstance(size, int) and 1 <= size <= PAGE_LIMIT):
            raise _invalid(f"maxItems must be between 1 and {PAGE_LIMIT}.")
        first = _offset(query, body.get("nextToken"))
        page = query.rows[first : first + size]
        answer: dict[str, Any] = {
            "queryLanguage": "CWLI",
            "status": query.status,
            "statistics": query.statistics,
            "results": [
                [{"field": name, "value": value} for name, value in row.items()] for row in page
            ],
        }
        if first + size < len(query.rows):
            answer["nextToken"] = _token(query, first + size)
        return answer

    async def stop_query(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer StopQuery; a query that ended cannot be stopped."""
        query = self._find(body)
        if query.status != "Running":
            raise _invalid(
                f"Query with ID {query.query_id} is not running, its status is {query.status}."
            )
        query.status = "Cancelled"
        if query.task:
            query.task.cancel()
        return {"success": True}

    async def describe_queries(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer DescribeQueries: the newest first, at most as many as asked for."""
        group, status = body.get("logGroupName"), body.get("status")
        found = [
            {
                "queryLanguage": "CWLI",
                "queryId": query.query_id,
                "queryString": query.text,
                "status": query.status,
                "createTime": query.created_ms,
                "logGroupName": query.groups[0],
            }
            for query in reversed(self._queries.values())
            if (group is None or group in query.groups) and status in (None, query.status)
        ]
        return {"queries": found[: body.get("maxResults", LISTED_LIMIT)]}

    async def _evaluate(self, query: Query, evaluate: "Callable[[], Answer]", delay: Delay) -> None:
        await asyncio.sleep(delay.latency_ms / 1000)
        if delay.status:
            query.status = delay.status
            return
        loop = asyncio.get_running_loop()
        try:
            ended = await loop.run_in_executor(self._engine, evaluate)
            query.rows = [dict(row) for row in ended.rows]
            query.statistics = {
                "recordsMatched": float(ended.matched),
                "recordsScanned": float(ended.scanned),
                "bytesScanned": float(ended.scanned_bytes),
                "estimatedRecordsSkipped": 0.0,
                "estimatedBytesSkipped": 0.0,
                "logGroupsScanned": float(len(query.groups)),
                "resultCount": float(len(query.rows)),
            }
            query.status = "Complete"
        finally:
            # Whatever stopped the engine is in the server's log; the client sees how it ended.
            if query.status == "Running":
                query.status = "Failed"

    def _text(self, body: dict[str, Any]) -> str:
        from opslib import cwli

        text = body.get("queryString")
        if not isinstance(text, str):
            raise _invalid("queryString is missing.")
        if len(text) > TEXT_LIMIT:
            raise _invalid(f"queryString must have length less than or equal to {TEXT_LIMIT}.")
        if body.get("queryLanguage", "CWLI") != "CWLI":
            raise _invalid("The sandbox answers queries in CWLI only.")
        try:
            cwli.parse(text)
        except cwli.MalformedQuery as error:
            end = min(error.position + 1, len(text))
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
        return text

    def _span(self, body: dict[str, Any]) -> tuple[int, int]:
        start, end = body.get("startTime"), body.get("endTime")
        if not isinstance(start, int) or not isinstance(end, int) or start < 0 or end < 0:
            raise _invalid("startTime and endTime are needed, as epoch seconds.")
        start_ms = start if start >= _MILLISECONDS_FROM else start * 1000
        end_ms = end if end >= _MILLISECONDS_FROM else end * 1000 + _LAST_SECOND_MS
        if start_ms > end_ms:
            raise _invalid("End time should not be before the start time.")
        return start_ms, end_ms

    def _groups(self, body: dict[str, Any]) -> list[str]:
        given = [
            name
            for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers")
            if body.get(name)
        ]
        if len(given) != 1:
            raise _invalid(
                "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers is needed."
            )
        value = body[given[0]]
        named = [value] if isinstance(value, str) else list(value)
        if len(named) > GROUPS_LIMIT:
            raise _invalid(f"A query takes at most {GROUPS_LIMIT} log groups.")
        if given[0] == "logGroupIdentifiers":
            named = [self._group_of(identifier) for identifier in named]
        return list(dict.fromkeys(named))

    def _group_of(self, identifier: str) -> str:
        if not identifier.startswith("arn:"):
            return identifier
        place = re.fullmatch(r"arn:[^:]+:logs:([^:]+):(\d{12}):log-group:([^:*]+)", identifier)
        if place is None:
            raise _invalid(f"{identifier} is no ARN of a log group (it must not end with :*).")
        region, account, group = place.groups()
        if (region, account) != (self._region, self._account):
            raise Refused(
                ServiceError(
                    code="ResourceNotFoundException",
                    message=f"Log group '{group}' does not exist for account ID '{account}'",
                )
            )
        return group

    def _find(self, body: dict[str, Any]) -> Query:
        query = self._queries.get(str(body.get("queryId")))
        if query is None:
            raise Refused(
                ServiceError(
                    code="ResourceNotFoundException",
                    message=f"Query with ID {body.get('queryId')} does not exist.",
                )
            )
        return query


def _invalid(message: str) -> Refused:
    return Refused(ServiceError(code="InvalidParameterException", message=message))


def _token(query: Query, offset: int) -> str:
    return base64.urlsafe_b64encode(f"{query.query_id}/{offset}".encode()).decode()


def _offset(query: Query, token: object) -> int:
    if token is None:
        return 0
    with contextlib.suppress(ValueError):
        query_id, _, offset = base64.urlsafe_b64decode(str(token)).decode().partition("/")
        if query_id == query.query_id and 0 < int(offset) < len(query.rows):
            return int(offset)
    raise _invalid("The specified nextToken is invalid.")


def _epoch_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
