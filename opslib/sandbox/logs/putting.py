"""What PutLogEvents takes: the checks that the service makes and the emulator does not.

In: the body of a call, the sandbox's time. Out: the body with the events that are taken, and what
the answer says of the others; or a `Refused`. Must not know where events are kept.

Source: CloudWatch Logs API reference, PutLogEvents. Too old and too new are so by the sandbox's
clock. Not checked: events older than the log group's retention.
"""

from typing import Any

from opslib.sandbox.logs.refusals import invalid

EVENTS_LIMIT = 10_000
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
SPAN_MS = 24 * 3600 * 1000
OLDEST_MS = 14 * 24 * 3600 * 1000
NEWEST_MS = 2 * 3600 * 1000


def accepted(body: dict[str, Any], *, now_ms: int) -> tuple[dict[str, Any], dict[str, int]]:
    """Part the events that are taken from those that are not.

    Returns
    -------
    The body as the emulator shall have it, and ``rejectedLogEventsInfo``, empty when all are taken.

    Raises
    ------
    Refused
        The batch as a whole is refused: not in order, too long, too large, over too long a time.
    """
    events = body.get("logEvents")
    if not isinstance(events, list) or not 1 <= len(events) <= EVENTS_LIMIT:
        raise invalid(f"logEvents must have 1 to {EVENTS_LIMIT} events.")
    instants: list[int] = []
    size = 0
    for event in events:
        match event:
            case {"timestamp": int(at_ms), "message": str(message)} if at_ms >= 0 and message:
                instants.append(at_ms)
                size += len(message.encode("utf-8", "replace")) + EVENT_OVERHEAD_BYTES
            case _:
                raise invalid("Each event needs a timestamp (epoch ms) and a message.")
    if size > BATCH_BYTES:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {BATCH_BYTES}")
    if instants != sorted(instants):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    first = sum(at_ms < now_ms - OLDEST_MS for at_ms in instants)
    upto = sum(at_ms <= now_ms + NEWEST_MS for at_ms in instants)
    taken = instants[first:upto]
    if taken and taken[-1] - taken[0] > SPAN_MS:
        raise invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 "
            "hours."
        )
    rejected: dict[str, int] = {}
    if first:
        rejected["tooOldLogEventEndIndex"] = first
    if upto < len(instants):
        rejected["tooNewLogEventStartIndex"] = upto
    return body | {"logEvents": events[first:upto]}, rejected
