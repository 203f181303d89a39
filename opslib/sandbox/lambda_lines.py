"""What Lambda writes to CloudWatch Logs about one invocation, in its format Text or JSON.

In: a `Run`, which says what happened when. Out: log events in order, as CloudWatch Logs keeps them.
Pure: no clock, no process, no log group.

Sources
-------
Text lines: Lambda Developer Guide, "Sending function logs to CloudWatch Logs"; ``Status`` and
``Error Type``, the two ``INIT_REPORT`` lines of an initialization that failed twice and the
runtime's exit: captured logs. JSON: Telemetry API schema reference; which level each platform
event has: Developer Guide, "System log level event mapping"; what printed JSON needs in order to
be dropped by its level: "Log-level filtering". Since August 2025 the billed duration includes
initialization. Undocumented, and so: neither REPORT nor platform.report names the error type of
what a handler raised; a dropped number of events is told in JSON only.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from opslib.sandbox.lambda_function import Function
from opslib.sandbox.lambda_process import Output

# CloudWatch Logs counts 26 bytes more for each event, and takes 256 KiB of one.
LONGEST_MESSAGE_BYTES = 256 * 1024 - 26
_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_SPELLED = {"WARNING": "WARN", "CRITICAL": "FATAL", "NOTSET": "TRACE"}

Status = Literal["success", "error", "timeout"]


@dataclass(frozen=True, kw_only=True)
class Initialization:
    """One initialization of an execution environment.

    Parameters
    ----------
    at_us, ended_at_us
        When its process was started, and when it was ready or had failed; epoch microseconds.
    duration_ms
        How long importing the handler took; when it failed, how long until then. Milliseconds.
    phase
        ``init``; ``invoke`` when it was done again within the invocation.
    status, error_type
        How it ended; the type as the platform classifies it.
    output
        What it printed.
    """

    at_us: int
    ended_at_us: int
    duration_ms: float
    phase: Literal["init", "invoke"] = "init"
    status: Status = "success"
    error_type: str | None = None
    output: tuple[Output, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Run:
    """One invocation.

    Parameters
    ----------
    function
        What ran.
    request_id
        A UUID.
    initializations
        Before it; none when the environment was warm.
    at_us
        When the handler started, epoch microseconds.
    duration_ms
        How long the handler ran, milliseconds; the timeout, when it timed out.
    status
        How it ended.
    platform_error
        What the platform reports as its error type; None for what a handler raised.
    last_words
        What the platform says of a process that ended or was ended, without newline.
    output
        What was printed.
    dropped
        How many events of it are lacking, for there were too many.
    memory_used_mb
        Largest resident memory of the process.
    trace
        ``_X_AMZN_TRACE_ID``, when traced.
    """

    function: Function
    request_id: str
    initializations: tuple[Initialization, ...]
    at_us: int
    duration_ms: float
    status: Status
    platform_error: str | None
    last_words: str | None
    output: tuple[Output, ...]
    dropped: int
    memory_used_mb: int
    trace: str | None

    @property
    def init_ms(self) -> float | None:
        """Initialization before the invocation; None when there was none, or it failed."""
        first = self.initializations[0] if self.initializations else None
        return first.duration_ms if first and first.status == "success" else None

    @property
    def ended_at_us(self) -> int:
        """When the handler ended."""
        return self.at_us + round(self.duration_ms * 1000)

    @property
    def billed_ms(self) -> int:
        """Billed Duration."""
        return math.ceil(round(self.duration_ms, 2) + round(self.init_ms or 0.0, 2))


@dataclass(frozen=True, kw_only=True)
class Line:
    """One log event.

    Parameters
    ----------
    timestamp
        Epoch milliseconds.
    message
        As CloudWatch Logs keeps it, with its newline.
    """

    timestamp: int
    message: str


def lines(run: Run, *, after: int = 0) -> list[Line]:
    """Write the log events of an invocation.

    Parameters
    ----------
    after
        The last timestamp in the log stream, epoch milliseconds: nothing comes before it.

    Returns
    -------
    In order. The platform's own lines stand at instants of their own, so that events sorted by
    time alone begin with ``START`` and end with ``REPORT``.
    """
    made: list[Line] = []
    least, platform_before = after, False
    for at_us, message, of_platform in _as_json(run) if run.function.as_json else _as_text(run):
        if of_platform or platform_before:
            least += 1
        least, platform_before = max(at_us // 1000, least), of_platform
        made += [Line(timestamp=least, message=part) for part in _parts(message)]
    return made


def is_sent(level: str, *, least: str) -> bool:
    """Tell whether an event of a level is sent where another is the least; unknown ones are."""
    spelled = level.upper()
    spelled = _SPELLED.get(spelled, spelled)
    return spelled not in _LEVELS or _LEVELS.index(spelled) >= _LEVELS.index(least)


def _as_text(run: Run) -> Iterator[tuple[int, str, bool]]:
    function = run.function
    for number, initialization in enumerate(run.initializations):
        if number == 0:
            yield (
                initialization.at_us,
                f"INIT_START Runtime Version: {function.runtime_version}\t"
                f"Runtime Version ARN: {function.runtime_version_arn}\n",
                True,
            )
        for output in initialization.output:
            yield min(output.at_us, initialization.ended_at_us), output.message, False
        if initialization.status != "success":
            yield initialization.ended_at_us, _init_report(initialization), True
    yield run.at_us, f"START RequestId: {run.request_id} Version: {function.version}\n", True
    for output in run.output:
        yield min(output.at_us, run.ended_at_us), output.message, False
    if run.last_words:
        yield run.ended_at_us, f"{run.last_words}\n", True
    yield run.ended_at_us, f"END RequestId: {run.request_id}\n", True
    yield run.ended_at_us, _report(run), True


def _init_report(initialization: Initialization) -> str:
    parts = [
        f"INIT_REPORT Init Duration: {initialization.duration_ms:.2f} ms",
        f"Phase: {initialization.phase}",
        *_status(initialization.status, initialization.error_type),
    ]
    return "\t".join(parts) + "\n"


def _report(run: Run) -> str:
    parts = [
        f"REPORT RequestId: {run.request_id}",
        f"Duration: {run.duration_ms:.2f} ms",
        f"Billed Duration: {run.billed_ms} ms",
        f"Memory Size: {run.function.memory_mb} MB",
        f"Max Memory Used: {run.memory_used_mb} MB",
    ]
    if run.init_ms is not None:
        parts.append(f"Init Duration: {run.init_ms:.2f} ms")
    if run.platform_error or run.status == "timeout":
        parts += _status(run.status, run.platform_error)
    else:
        # Captured lines end with a tab, unless they name a status.
        parts.append("")
    return "\t".join(parts) + "\n" + _x_ray(run)


def _status(status: Status, error_type: str | None) -> list[str]:
    return [f"Status: {status}", *([f"Error Type: {error_type}"] if error_type else [])]


def _x_ray(run: Run) -> str:
    """Write the second line of a traced REPORT."""
    if not run.trace:
        return ""
    said = dict(part.split("=", 1) for part in run.trace.split(";") if "=" in part)
    sampled = "true" if said.get("Sampled") == "1" else "false"
    return (
        f"XRAY TraceId: {said.get('Root', '')}\tSegmentId: {said.get('Parent', '')}\t"
        f"Sampled: {sampled}\t\n"
    )


def _as_json(run: Run) -> Iterator[tuple[int, str, bool]]:
    function = run.function
    for told in _events(run):
        if isinstance(told, _PlatformEvent):
            if is_sent(told.level, least=function.system_level):
                yield told.at_us, told.message(), True
        elif is_sent(_level(told), least=function.application_level):
            yield told.at_us, told.message, False


@dataclass(frozen=True, kw_only=True)
class _PlatformEvent:
    at_us: int
    level: str
    type: str
    record: dict[str, Any]

    def message(self) -> str:
        told = {"time": _iso(self.at_us), "type": self.type, "record": self.record}
        return json.dumps(told, separators=(",", ":")) + "\n"


def _events(run: Run) -> Iterator[_PlatformEvent | Output]:
    for number, initialization in enumerate(run.initializations):
        if number == 0:
            yield _init_start(run, initialization)
        for output in initialization.output:
            yield replace(output, at_us=min(output.at_us, initialization.ended_at_us))
        yield from _init_end(initialization)
    tracing = {"tracing": _tracing(run.trace)} if run.trace else {}
    asked = {"requestId": run.request_id}
    yield _PlatformEvent(
        at_us=run.at_us,
        level="INFO",
        type="platform.start",
        record={**asked, "version": run.function.version, **tracing},
    )
    for output in run.output:
        yield replace(output, at_us=min(output.at_us, run.ended_at_us))
    if run.dropped:
        yield _PlatformEvent(
            at_us=run.ended_at_us,
            level="WARN",
            type="platform.logsDropped",
            record={"reason": "Too much was printed.", "droppedRecords": run.dropped},
        )
    status = _json_status(run.status, run.platform_error)
    well = run.status == "success"
    duration_ms = round(run.duration_ms, 3)
    yield _PlatformEvent(
        at_us=run.ended_at_us,
        level="DEBUG" if well else "WARN",
        type="platform.runtimeDone",
        record={**asked, **status, "metrics": {"durationMs": duration_ms}, **tracing},
    )
    metrics = {
        "durationMs": duration_ms,
        "billedDurationMs": run.billed_ms,
        "memorySizeMB": run.function.memory_mb,
        "maxMemoryUsedMB": run.memory_used_mb,
        **({} if run.init_ms is None else {"initDurationMs": round(run.init_ms, 3)}),
    }
    yield _PlatformEvent(
        at_us=run.ended_at_us,
        level="INFO" if well else "WARN",
        type="platform.report",
        record={**asked, "metrics": metrics, **tracing, **status},
    )


def _init_start(run: Run, initialization: Initialization) -> _PlatformEvent:
    function = run.function
    return _PlatformEvent(
        at_us=initialization.at_us,
        level="INFO",
        type="platform.initStart",
        record={
            "initializationType": "on-demand",
            "phase": initialization.phase,
            "runtimeVersion": function.runtime_version,
            "runtimeVersionArn": function.runtime_version_arn,
            "functionName": function.name,
            "functionVersion": function.version,
        },
    )


def _init_end(initialization: Initialization) -> Iterator[_PlatformEvent]:
    ended = {
        "initializationType": "on-demand",
        "phase": initialization.phase,
        **_json_status(initialization.status, initialization.error_type),
    }
    metrics = {"metrics": {"durationMs": round(initialization.duration_ms, 3)}}
    for kind, record in (
        ("platform.initRuntimeDone", ended),
        ("platform.initReport", {**ended, **metrics}),
    ):
        yield _PlatformEvent(
            at_us=initialization.ended_at_us,
            level="DEBUG" if initialization.status == "success" else "WARN",
            type=kind,
            record=record,
        )


def _json_status(status: Status, error_type: str | None) -> dict[str, Any]:
    return {"status": status, **({"errorType": error_type} if error_type else {})}


def _tracing(trace: str) -> dict[str, str]:
    return {"type": "X-Amzn-Trace-Id", "value": trace}


def _level(output: Output) -> str:
    """Say of what level an application's event is; empty when Lambda cannot tell."""
    if output.level is not None:
        return output.level
    if not output.message.startswith("{"):
        return ""
    try:
        told = json.loads(output.message)
    except ValueError:
        return ""
    try:
        datetime.fromisoformat(told["timestamp"])
        return str(told["level"])
    except (ValueError, TypeError, KeyError):
        # Neither a level nor an instant: Lambda takes it for INFO.
        return "INFO"


def _parts(message: str) -> list[str]:
    """Cut what is too long for one event of CloudWatch Logs."""
    if len(message) * 4 <= LONGEST_MESSAGE_BYTES:
        return [message]
    encoded = message.encode(errors="replace")
    parts = []
    while len(encoded) > LONGEST_MESSAGE_BYTES:
        cut = LONGEST_MESSAGE_BYTES
        while encoded[cut] & 0xC0 == 0x80:  # not within a character
            cut -= 1
        parts.append(encoded[:cut].decode())
        encoded = encoded[cut:]
    return [*parts, encoded.decode()]


def _iso(at_us: int) -> str:
    at = datetime.fromtimestamp(at_us / 1_000_000, tz=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
