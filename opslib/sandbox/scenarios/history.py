"""Tells planned invocations as the log events that Lambda and the aggregator would have written.

In: invocations, each with its instant and how it went. Out: log events by log stream, oldest
first: Lambda's own lines in its text format, and between them the real aggregator's recorded lines,
shifted in time, in their recorded order. Nothing is drawn at random here and no clock is read: the
same invocations give the same bytes. `opslib.sandbox.lambda_lines` writes them, as it writes those
of invocations that really run. Must not know AWS clients or what a story is about.
"""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from opslib.sandbox.lambda_function import Function
from opslib.sandbox.lambda_lines import Initialization, Line, Run, Status, lines
from opslib.sandbox.lambda_process import Output
from opslib.sandbox.scenarios import pipeline
from opslib.sandbox.scenarios.recorded import Lines, nearest

Streams = dict[str, list[Line]]
"""Log events by name of log stream, oldest first."""

FUNCTION = Function(
    name=pipeline.FUNCTION,
    version="$LATEST",
    account="",
    region="us-east-1",
    runtime="python3.12",
    handler="",
    timeout_s=pipeline.TIMEOUT_S,
    memory_mb=pipeline.MEMORY_MB,
    variables=(),
    layers=(),
    code_sha256="",
    log_group=pipeline.LOG_GROUP,
    as_json=False,
    application_level="",
    system_level="",
    traced=False,
)
"""The aggregator as the product's template makes it, as far as its log lines tell."""

# The handler starts after the runtime took the event, and Lambda ends after the handler returned.
_LEAD_MS = 0.42
_TAIL_MS = 0.87


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
    status
        How it ended; one that timed out took the timeout.
    lines
        Which recording tells what it printed.
    would_take_ms
        Of one that timed out: how long it would have taken to print every recorded line.
    """

    at: datetime
    duration_ms: float
    init_ms: float | None
    memory_used_mb: int
    record_count: int
    iterator_age_ms: float
    environment: str
    request_id: str
    status: Status = "success"
    lines: Lines = "processed"
    would_take_ms: float = 0.0

    @property
    def ended_at(self) -> datetime:
        """When ``REPORT`` was due."""
        return self.at + timedelta(milliseconds=self.duration_ms)


def tell(invocations: Iterable[Invocation], *, function: Function = FUNCTION) -> Streams:
    """Tell the invocations as log events.

    Parameters
    ----------
    invocations
        Oldest first; those of one environment do not overlap.
    function
        What ran.

    Returns
    -------
    Events by name of log stream, oldest first. A stream is named for the day on which its
    environment was first used here. Lambda's own lines stand at instants of their own.
    """
    names: dict[str, str] = {}
    streams: Streams = {}
    for invocation in invocations:
        day = f"{invocation.at:%Y/%m/%d}"
        named = function.log_stream(invocation.environment, day=day)
        events = streams.setdefault(names.setdefault(invocation.environment, named), [])
        after = events[-1].timestamp + 1 if events else 0
        events += lines(_run(invocation, function), after=after)
    return streams


def _run(invocation: Invocation, function: Function) -> Run:
    at_us = _epoch_us(invocation.at)
    initialization: tuple[Initialization, ...] = ()
    if invocation.init_ms is not None:
        begun_us = at_us - math.ceil(invocation.init_ms) * 1000
        initialization = (
            Initialization(at_us=begun_us, ended_at_us=at_us, duration_ms=invocation.init_ms),
        )
    timed_out = invocation.status == "timeout"
    return Run(
        function=function,
        request_id=invocation.request_id,
        initializations=initialization,
        at_us=at_us,
        duration_ms=invocation.duration_ms,
        status=invocation.status,
        platform_error=None,
        last_words=_timed_out(invocation) if timed_out else None,
        output=tuple(_printed(invocation)),
        dropped=0,
        memory_used_mb=invocation.memory_used_mb,
        trace=None,
    )


def _timed_out(invocation: Invocation) -> str:
    at = invocation.ended_at.astimezone(UTC)
    return (
        f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {invocation.request_id} "
        f"Task timed out after {invocation.duration_ms / 1000:.2f} seconds"
    )


def _printed(invocation: Invocation) -> Iterator[Output]:
    recorded = nearest(invocation.record_count, invocation.lines)
    whole_ms = invocation.duration_ms
    if invocation.status == "timeout":
        whole_ms = invocation.would_take_ms
    processing_ms = round(whole_ms - _LEAD_MS - _TAIL_MS, 2)
    first_at = invocation.at + timedelta(milliseconds=_LEAD_MS)
    for line, fraction in zip(recorded.lines, recorded.fractions(), strict=True):
        at = first_at + timedelta(milliseconds=processing_ms * fraction)
        if at >= invocation.ended_at:
            return
        if isinstance(line, str):
            yield Output(at_us=_epoch_us(at), message=line, level="ERROR")
            continue
        shifted = {**line, "timestamp": at.isoformat(timespec="microseconds")}
        if "request_id" in line:
            shifted["request_id"] = invocation.request_id
        if "window_key" in line:
            shifted["window_key"] = _window_key(line["window"], at)
        if "processing_time_ms" in line:
            shifted["processing_time_ms"] = _processing_ms(line, recorded.parsed, processing_ms)
        yield Output(at_us=_epoch_us(at), message=f"{json.dumps(shifted)}\n")


def _processing_ms(
    line: dict[str, Any], lines: tuple[dict[str, Any], ...], processing_ms: float
) -> float:
    """Scale a recorded processing time so that the last one printed comes out as given."""
    whole = [each["processing_time_ms"] for each in lines if "processing_time_ms" in each][-1]
    return round(processing_ms * float(line["processing_time_ms"]) / float(whole), 2)


def _window_key(window: str, at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:00:00Z" if window == "hourly" else "%Y-%m-%dT00:00:00Z")


def _epoch_us(at: datetime) -> int:
    return (at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
