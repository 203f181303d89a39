"""Single events: pointers to them, GetLogRecord, and GetLogGroupFields.

In: events, the bodies of these calls. Out: pointers, answers, or a `Refused`. The fields of JSON
are read here, those of Lambda's lines by the engine. Must not know queries.

A pointer is the engine's own ``@ptr``, which has the event's id.

Source: botocore's ``logs`` model; AWS CLI's example of get-log-record (instants in epoch
milliseconds, no ``@ptr`` in the record).
"""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from opslib.sandbox.clock import Clock
from opslib.sandbox.logs.groups import Event, Store, of_one
from opslib.sandbox.logs.refusals import epoch, invalid, not_found

FIELDS_LIMIT = 200
"""JSON fields discovered in one event."""
POINTER = "@ptr"
_INSTANTS = {"@timestamp": "timestamp", "@ingestionTime": "ingestionTime"}
_TEXTS = {"@message": "message", "@logStream": "logStream", "@log": "log"}
_OF_LAMBDA = (
    "@type",
    "@requestId",
    "@duration",
    "@billedDuration",
    "@initDuration",
    "@memorySize",
    "@maxMemoryUsed",
    "@xrayTraceId",
    "@xraySegmentId",
)
_AROUND_S = 8 * 60
_RECENT_S = 15 * 60


def opened(pointer: str) -> tuple[str, str, str]:
    """Read a pointer as the engine makes it: the log group, the stream and the id of an event.

    Raises
    ------
    ValueError
        It is no pointer.
    """
    log, _, rest = base64.b64decode(pointer, validate=True).decode().partition("|")
    # Only the name of a stream may have the mark, too.
    stream, _, identity = rest.rpartition("|")
    stream, mark, _ = stream.rpartition("|")
    if not mark:
        raise ValueError("no pointer")
    return log.partition(":")[2], stream, identity


def get_log_record(body: dict[str, Any], *, store: Store) -> dict[str, Any]:
    """Answer GetLogRecord: every field of one event."""
    try:
        group, stream, identity = opened(str(body.get("logRecordPointer")))
        for event in store.events(group) or ():
            if (event["logStream"], event["eventId"]) == (stream, identity):
                return {"logRecord": _record(event)}
    except ValueError:
        pass
    raise invalid("Invalid logRecordPointer provided.")


def get_log_group_fields(body: dict[str, Any], *, store: Store, clock: Clock) -> dict[str, Any]:
    """Answer GetLogGroupFields: in how many of a log group's events each field is, in percent."""
    held = store.events(of_one(body, store))
    if held is None:
        raise not_found("The specified log group does not exist.")
    centre_s = epoch(body, "time")
    now_s = round(clock.now().timestamp())
    start_s, end_s = (
        (now_s - _RECENT_S, now_s)
        if centre_s is None
        else (centre_s - _AROUND_S, centre_s + _AROUND_S)
    )
    events = [e for e in held if start_s * 1000 <= e["timestamp"] <= end_s * 1000 + 999]
    counted = Counter(name for event in events for name in _names(event))
    counted |= Counter(_of_lambda(events))
    fields = [
        {"name": name, "percent": round(100 * count / len(events))}
        for name, count in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        if count
    ]
    return {"logGroupFields": fields}


def _record(event: Event) -> dict[str, str]:
    from opslib import cwli

    record = {name: str(event[member]) for name, member in _INSTANTS.items()}
    record |= {name: event[member] for name, member in _TEXTS.items()}
    for row in cwli.query(f"fields {', '.join(_OF_LAMBDA)}", [event]):
        record |= {name: text for name, text in row.items() if name != POINTER}
    return record | _of_json(event["message"])


def _names(event: Event) -> list[str]:
    return [*_INSTANTS, *_TEXTS, POINTER, *_of_json(event["message"])]


def _of_lambda(events: list[Event]) -> dict[str, int]:
    from opslib import cwli

    counts = ", ".join(f"count({name}) as {name[1:]}" for name in _OF_LAMBDA)
    return {
        f"@{name}": int(count)
        for row in cwli.query(f"stats {counts}", events)
        for name, count in row.items()
    }


def _of_json(message: str) -> dict[str, str]:
    """Read the fields of the first JSON object in a message, by dot paths, as the engine has them.

    Booleans are 1 and 0, nulls are missing, numbers are as logged.
    """
    line = message.lstrip()
    if not line.startswith("{") and _is_json(line):
        return {}
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    at = message.find("{")
    while at >= 0:
        try:
            found, _ = decoder.raw_decode(message, at)
        except (ValueError, RecursionError):
            at = message.find("{", at + 1)
            continue
        return dict(islice(_leaves(found, ""), FIELDS_LIMIT))
    return {}


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _leaves(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, inner in node.items():
            # A logged name that begins with @ is shown with one more.
            name = f"@{key}" if not path and key.startswith("@") else key
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(node, list):
        for place, inner in enumerate(node):
            yield from _leaves(inner, f"{path}.{place}")
    elif isinstance(node, bool):
        yield path, str(int(node))
    elif node is not None:
        yield path, str(node)
