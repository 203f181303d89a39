"""Log groups with events in them, and queries of them, for the tests beside this file."""

import time
from functools import cache
from typing import Any
from uuid import uuid4

from opslib.sandbox.api import Sandbox

S = 1_791_946_800
"""2026-10-14T03:00:00Z, seven minutes before the pinned instant."""

Events = dict[str, list[tuple[int, str]]]
"""By stream: milliseconds after `S`, and the message; oldest first."""


@cache
def client(sandbox: Sandbox) -> Any:
    """Give one client of the logs of a sandbox, however often it is asked for."""
    return sandbox.client("logs")


def fill(sandbox: Sandbox, events: Events, *, name: str = "") -> str:
    """Make a log group that holds events, and name it."""
    logs = client(sandbox)
    name = name or f"/orders/{uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=name)
    for stream, told in events.items():
        logs.create_log_stream(logGroupName=name, logStreamName=stream)
        if told:
            put(sandbox, name, stream, told)
    return name


def put(sandbox: Sandbox, group: str, stream: str, told: list[tuple[int, str]]) -> dict[str, Any]:
    """Add events to a stream."""
    answer: dict[str, Any] = client(sandbox).put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[
            {"timestamp": S * 1000 + after_ms, "message": message} for after_ms, message in told
        ],
    )
    return answer


def start(sandbox: Sandbox, text: str, **arguments: Any) -> str:
    """Start a query over the hour from `S`, and give its id."""
    span = {"startTime": S, "endTime": S + 3600} | arguments
    query_id: str = client(sandbox).start_query(queryString=text, **span)["queryId"]
    return query_id


def ended(sandbox: Sandbox, query_id: str, **arguments: Any) -> dict[str, Any]:
    """Wait until a query has ended, at most a minute, and give the answer."""
    logs = client(sandbox)
    deadline = time.monotonic() + 60
    while True:
        answer: dict[str, Any] = logs.get_query_results(queryId=query_id, **arguments)
        if answer["status"] not in ("Scheduled", "Running") or time.monotonic() > deadline:
            return answer


def rows(answer: dict[str, Any]) -> list[dict[str, str]]:
    """Give the rows of GetQueryResults as mappings."""
    return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
