"""How an initialization or an invocation fails, in Lambda's words.

In: what a process answered, or that it did not. Out: an `End`: what the caller gets, and what the
log has. Must not know how processes run.

Source: what an exit and a timeout are answered with: captured answers. An error type that is not
the platform's own is reported as ``Runtime.Unknown``: captured logs. The limit of a response:
Lambda Developer Guide, "Lambda quotas".
"""

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opslib.sandbox.lambda_lines import Status
from opslib.sandbox.lambda_process import Ended, TimedOut

_RESPONSE_LIMIT_BYTES = 6_291_556
_OF_THE_PLATFORM = re.compile(r"(Runtime|Function|Extension|Sandbox)\.[A-Z][A-Za-z]+")
_SIGNALS = {
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "aborted",
    signal.SIGTERM: "terminated",
    signal.SIGINT: "interrupt",
}


@dataclass(frozen=True, kw_only=True)
class End:
    """How an initialization or an invocation failed."""

    payload: dict[str, Any]
    status: Status
    platform_error: str | None
    last_words: str | None = None


def of_answer(
    answer: dict[str, Any], *, told: Callable[[str], str], initializing: bool = False
) -> End | None:
    """Read an error that the runtime itself answered; None if it is none.

    Parameters
    ----------
    told
        Names files as on Lambda.
    initializing
        Whether the runtime answered that it started, not an invocation.
    """
    error = answer["error"]
    if error is None:
        if len(answer.get("payload", "").encode()) <= _RESPONSE_LIMIT_BYTES:
            return None
        error = {
            "errorMessage": "Response payload size exceeded maximum allowed payload size "
            f"({_RESPONSE_LIMIT_BYTES} bytes).",
            "errorType": "Function.ResponseSizeTooLarge",
        }
    elif error["stackTrace"]:
        error["stackTrace"] = [told(line) for line in error["stackTrace"]]
    kind = str(error["errorType"])
    of_the_platform = bool(_OF_THE_PLATFORM.fullmatch(kind))
    platform_error = kind if of_the_platform else "Runtime.Unknown"
    reported = of_the_platform or initializing
    return End(payload=error, status="error", platform_error=platform_error if reported else None)


def without_answer(ended: Ended | TimedOut, request_id: str, *, limit_s: float) -> End:
    """Tell what came of a process that ended, or had to be ended, before it answered."""
    if isinstance(ended, TimedOut):
        said = f"Task timed out after {limit_s:.2f} seconds"
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return End(
            payload={
                "errorType": "Sandbox.Timedout",
                "errorMessage": f"RequestId: {request_id} Error: {said}",
            },
            status="timeout",
            platform_error=None,
            last_words=f"{at} {request_id} {said}\n",
        )
    said = f"RequestId: {request_id} Error: {_exit(ended.returncode)}"
    return End(
        payload={"errorType": "Runtime.ExitError", "errorMessage": said},
        status="error",
        platform_error="Runtime.ExitError",
        last_words=f"{said}\nRuntime.ExitError",
    )


def _exit(returncode: int) -> str:
    """Say how a runtime exited, as Lambda says it."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode > 0:
        return f"Runtime exited with error: exit status {returncode}"
    number = signal.Signals(-returncode)
    return f"Runtime exited with error: signal: {_SIGNALS.get(number, number.name)}"
