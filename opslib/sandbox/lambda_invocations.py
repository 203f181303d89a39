"""What really happened to each invocation on the sandbox, told to whoever listens.

In: one `LiveInvocation` for each that ran or was throttled, as it ends. Out: the same, to every
listener, on the thread that ran it. Metrics and event source mappings are made from these; log
lines are not read back. Must not know log lines, or how a function is run.

Not to be confused with `scenarios.history.Invocation`, which is told and never ran.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class LiveInvocation:
    """One invocation that really ran, or was throttled.

    Parameters
    ----------
    account, region
        Of the function.
    function
        Its name.
    version
        The version that ran: ``$LATEST`` or a number.
    invoked_arn
        The ARN it was invoked by; its qualifier, if any, is the alias or version asked for.
    source_arn
        Where the event's records came from; None when it is no event of records.
    request_id
        A UUID; that of the Invoke call, which the retries of an asynchronous one share. Empty when
        throttled.
    at
        When the handler started, by the wall's clock, tz-aware UTC.
    duration_ms
        As ``REPORT`` says it: without initialization; the timeout, when it timed out; 0 when
        throttled. Milliseconds.
    init_ms
        Initialization before it, milliseconds; None when the environment was warm, or failed.
    status
        How it ended. ``error`` is what the caller sees as FunctionError; ``throttled`` never ran.
    error_type
        ``errorType`` of the answer (``ValueError``, ``Sandbox.Timedout``, ...); None on success.
    log_group, log_stream
        Where its lines are; None when throttled.
    environment
        32 hexadecimal digits that name the execution environment; None when throttled.
    """

    account: str
    region: str
    function: str
    version: str
    invoked_arn: str
    source_arn: str | None
    request_id: str
    at: datetime
    duration_ms: float
    init_ms: float | None
    status: Literal["success", "error", "timeout", "throttled"]
    error_type: str | None
    log_group: str | None
    log_stream: str | None
    environment: str | None


Listener = Callable[[LiveInvocation], None]


class LiveInvocations:
    """Whoever wants to hear of invocations.

    A listener is called on the invocation's own thread before its caller is answered, so it
    is quick, takes care of threads, and does not raise.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have a listener told of every invocation from now on."""
        self._listeners.append(listener)

    def tell(self, invocation: LiveInvocation) -> None:
        """Tell every listener, in the order in which they came."""
        for listener in self._listeners:
            listener(invocation)


def source_of(event: Any) -> str | None:
    """Tell where the records of an event came from; None when it has none.

    Source: the event shapes of SQS, Kinesis and DynamoDB Streams (``eventSourceARN``), AWS Lambda
    Developer Guide.
    """
    match event:
        case {"Records": [{"eventSourceARN": str(arn)}, *_]}:
            return arn
    return None
