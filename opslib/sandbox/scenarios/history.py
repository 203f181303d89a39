"""Tells planned invocations as the log events that Lambda and the aggregator would have written.

In: invocations, each with its instant and how it went. Out: log events by log stream, oldest
first: Lambda's own lines in its text format, and between them the real aggregator's recorded lines,
shifted in time, in their recorded order. Nothing is drawn at random here and no clock is read: the
same invocations give the same bytes. Must not know AWS clients or what a story is about.

Source: the text format of Lambda's ``INIT_START``, ``START``, ``END`` and ``REPORT`` lines, AWS
Lambda Developer Guide, "Sending function logs to CloudWatch Logs"; one log stream for each
execution environment. Since August 2025 the billed duration of managed runtimes includes
initialization.
"""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from opslib.sandbox.scenarios.pipeline import MEMORY_MB
from opslib.sandbox.scenarios.recorded import LAST, nearest

# The handler starts after the runtime took the event, and Lambda ends after the handler returned.
_LEAD_MS = 0.42
_TAIL_MS = 0.87
_RUNTIME_ARN = "arn:aws:lambda:us-east-1::runtime:" + hashlib.sha256(b"python3.12").hexdigest()


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One invocation of a story.

    Parameters
    ----------
    at
        When the handler's clock started (``START``), tz-aware UTC, whole milliseconds.
    duration_ms
        As ``REPORT`` says it, milliseconds, at most two decimals.
    init_ms
        Initialization before it, milliseconds, at most two decimals; None when the environment was
        warm.
    memory_used_mb
        Max Memory Used, MB.
    record_count
        Stream records in the batch; told with the recording whose count is nearest.
    iterator_age_ms
        Age of the batch's last record when it was read from the stream.
    environment
        32 hexadecimal digits that name the execution environment, and so its log stream.
    request_id
        A UUID.
    """

    at: datetime
    duration_ms: float
    init_ms: float | None
    memory_used_mb: int
    record_count: int
    iterator_age_ms: float
    environment: str
    request_id: str

    @property
    def ended_at(self) -> datetime:
        """When ``REPORT`` was due."""
        return self.at + timedelta(milliseconds=self.duration_ms)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One log event.

    Parameters
    ----------
    timestamp
        Epoch milliseconds.
    message
        As CloudWatch Logs keeps it.
    """

    timestamp: int
    message: str


def tell(
    invocations: Iterable[Invocation], *, memory_mb: int = MEMORY_MB
) -> dict[str, list[Event]]:
    """Tell the invocations as log events.

    Parameters
    ----------
    invocations
        Oldest first; those of one environment do not overlap.
    memory_mb
        Memory size of the function.

    Returns
    -------
    Events by name of log stream, oldest first. A stream is named for the day on which its
    environment was first used here. Timestamps within an invocation are distinct.
    """
    names: dict[str, str] = {}
    streams: dict[str, list[Event]] = {}
    for invocation in invocations:
        name = names.setdefault(
            invocation.environment, f"{invocation.at:%Y/%m/%d}/[$LATEST]{invocation.environment}"
        )
        streams.setdefault(name, []).extend(_events(invocation, memory_mb))
    return streams


def report_line(invocation: Invocation, *, memory_mb: int = MEMORY_MB) -> str:
    """Write the REPORT line of an invocation, with its tabs and its closing tab and newline."""
    billed_ms = math.ceil(invocation.duration_ms + (invocation.init_ms or 0.0))
    parts = [
        f"REPORT RequestId: {invocation.request_id}",
        f"Duration: {invocation.duration_ms:.2f} ms",
        f"Billed Duration: {billed_ms} ms",
        f"Memory Size: {memory_mb} MB",
        f"Max Memory Used: {invocation.memory_used_mb} MB",
    ]
    if invocation.init_ms is not None:
        parts.append(f"Init Duration: {invocation.init_ms:.2f} ms")
    return "\t".join(parts) + "\t\n"


def _events(invocation: Invocation, memory_mb: int) -> list[Event]:
    start = _epoch_ms(invocation.at)
    told: list[tuple[int, str]] = []
    if invocation.init_ms is not None:
        line = f"INIT_START Runtime Version: python:3.12.v38\tRuntime Version ARN: {_RUNTIME_ARN}\n"
        told.append((start - math.ceil(invocation.init_ms), line))
    told.append((start, f"START RequestId: {invocation.request_id} Version: $LATEST"))
    told += _application_lines(invocation)
    end = _epoch_ms(invocation.ended_at)
    told.append((end, f"END RequestId: {invocation.request_id}"))
    told.append((end + 1, report_line(invocation, memory_mb=memory_mb)))
    events: list[Event] = []
    for timestamp, message in told:
        # Two lines of one invocation never share a millisecond, so that sorting keeps their order.
        after = events[-1].timestamp + 1 if events else timestamp
        events.append(Event(timestamp=max(timestamp, after), message=message))
    return events


def _application_lines(invocation: Invocation) -> list[tuple[int, str]]:
    recorded = nearest(invocation.record_count)
    processing_ms = round(invocation.duration_ms - _LEAD_MS - _TAIL_MS, 2)
    first_at = invocation.at + timedelta(milliseconds=_LEAD_MS)
    lines = []
    for line, fraction in zip(recorded.lines, recorded.fractions(), strict=True):
        at = first_at + timedelta(milliseconds=processing_ms * fraction)
        shifted = {**line, "timestamp": at.isoformat(timespec="microseconds")}
        if "request_id" in line:
            shifted["request_id"] = invocation.request_id
        if "window_key" in line:
            shifted["window_key"] = _window_key(line["window"], at)
        if "processing_time_ms" in line:
            shifted["processing_time_ms"] = _processing_ms(line, recorded.lines, processing_ms)
        lines.append((_epoch_ms(at), json.dumps(shifted)))
    return lines


def _processing_ms(
    line: dict[str, Any], lines: tuple[dict[str, Any], ...], processing_ms: float
) -> float:
    """Scale a recorded processing time so that the handler's own comes out as given."""
    (whole,) = (each["processing_time_ms"] for each in lines if each["message"] == LAST)
    return round(processing_ms * float(line["processing_time_ms"]) / float(whole), 2)


def _window_key(window: str, at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:00:00Z" if window == "hourly" else "%Y-%m-%dT00:00:00Z")


def _epoch_ms(at: datetime) -> int:
    return (at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
