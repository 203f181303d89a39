"""Logs in JSON: lines, documents and envelopes, one value after another.

In: the lines of a file. Out: events. Each value is taken by its shape: an event, a list of events
(``aws logs filter-log-events``, ``get-log-events``), an envelope of a subscription (also within
Lambda's ``awslogs``; Firehose writes them without line ends), or else an application's own log
line, kept as it was written.

Must not know files.

Source
------
CloudWatch Logs User Guide, subscription filters: ``messageType``, ``owner``, ``logGroup``,
``logStream``, ``logEvents``; control messages only check that the destination can be reached.
"""

import base64
import binascii
import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from opslib.query.events import Event, instant
from opslib.query.sources import Line, Problems
from opslib.query.text_logs import time_within, told_at

_EVENT_KEYS = frozenset(
    {"timestamp", "message", "ingestionTime", "eventId", "id", "log", "logGroup", "logGroupName"}
    | {"logGroupIdentifier", "logStream", "logStreamName", "extractedFields"}
)
# Where an object may hold several events, or none.
_PLURAL = frozenset({"logEvents", "awslogs", "events", "results"})
_BROKEN = "it is not JSON"
_NO_EVENT = "it has no timestamp or message that could be read"
_ANSWER = "it is the answer of a query, not log events"
_LISTS = re.compile(r'"(?:events|logEvents)"\s*:\s*\[|^\s*\[')
_GAP = re.compile(r"[\s,]*")


class _NotAnEvent(Exception):
    """A value that should be an event lacks its timestamp or its message."""


def read_json(lines: Iterator[Line], *, problems: Problems) -> Iterator[Event]:
    """Read JSON values, one or more a line, or one over many lines."""
    first = next((line for line in lines if line.text.strip()), None)
    if first is None:
        return
    second = next(lines, None)
    rest = chain([second] if second else [], lines)
    if second and _over_lines(first.text, second.text):
        yield from _document([first, *rest], problems)
        return
    for line in chain([first], rest):
        text = line.text
        try:
            value, end = _DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            value, end = None, -1
        if end == len(text):
            # Nearly every line is one value, and files have millions of lines.
            yield from _events(value, text, line.number, problems)
        elif text.strip():
            yield from _line(line, problems)


def _over_lines(first: str, second: str) -> bool:
    """Whether a value that begins in the first line is written over many."""
    return first.strip() in ("{", "[") or (second[:1] in " \t" and bool(second.strip()))


def _line(line: Line, problems: Problems) -> Iterator[Event]:
    at = 0
    text = line.text
    while at < len(text):
        try:
            value, end = _DECODER.raw_decode(text, _GAP.match(text, at).end())  # type: ignore[union-attr]
        except (ValueError, RecursionError):
            problems.add(_BROKEN, line=line.number, lines=1)
            return
        yield from _events(value, text[at:end].strip(" \t,"), line.number, problems)
        at = _GAP.match(text, end).end()  # type: ignore[union-attr]


def _document(lines: list[Line], problems: Problems) -> Iterator[Event]:
    text = "\n".join(line.text for line in lines)
    at = _GAP.match(text).end()  # type: ignore[union-attr]
    while at < len(text):
        number = lines[0].number + text.count("\n", 0, at)
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield from _salvaged(text, at, lines[0].number, problems)
            return
        yield from _events(value, text[at:end], number, problems)
        at = _GAP.match(text, end).end()  # type: ignore[union-attr]


def _salvaged(text: str, at: int, number: int, problems: Problems) -> Iterator[Event]:
    """Read the whole events at the beginning of a list that is cut off."""
    begins = _LISTS.search(text, at)
    end = begins.end() if begins else at
    while begins:
        at = _GAP.match(text, end).end()  # type: ignore[union-attr]
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        yield from _events(value, text[at:end], number + text.count("\n", 0, at), problems)
    more = text.rstrip("\n").count("\n", end)
    place = number + text.count("\n", 0, end) + min(more, 1)
    problems.add(f"{_BROKEN} from here on", line=place, lines=max(more, 1))


def _events(value: Any, written: str, number: int, problems: Problems) -> Iterator[Event]:
    """Take one value by its shape; ``written`` is its text."""
    parts: Iterable[tuple[Any, str]] = ((value, written),)
    if isinstance(value, list):
        parts = _listed(written)
    elif not isinstance(value, dict):
        problems.add("it is JSON, but no object", line=number, lines=1)
        return
    for part, text in parts:
        try:
            event = _single(part, text)
        except _NotAnEvent as error:
            problems.add(str(error) or _NO_EVENT, line=number, lines=1)
            continue
        if event:
            yield event
        else:
            yield from _within(part, number, problems)


def _listed(written: str) -> Iterator[tuple[Any, str]]:
    """Take the elements of a list, each with its own text."""
    at = written.index("[") + 1
    while True:
        at = _GAP.match(written, at).end()  # type: ignore[union-attr]
        if written[at] == "]":
            return
        value, end = _DECODER.raw_decode(written, at)
        yield value, written[at:end]
        at = end


def _single(value: Any, written: str) -> Event | None:
    """Take a value that is one event; None when it holds several."""
    if isinstance(value, dict) and _PLURAL.isdisjoint(value):
        if "timestamp" in value and "message" in value and value.keys() <= _EVENT_KEYS:
            return _event(value)
        if "@message" not in value:
            return Event(time_within(value), written)
    elif isinstance(value, dict):
        if isinstance(value.get("logEvents"), list) or isinstance(value.get("awslogs"), dict):
            return None
        if isinstance(value.get("events"), list) and "message" not in value:
            return None
        if "results" in value and "statistics" in value:
            raise _NotAnEvent(_ANSWER)
    return _rest(value, written)


def _rest(value: Any, written: str) -> Event:
    match value:
        case {"@timestamp": str(at), "@message": str(message), "@ptr": _}:
            # A row of a query, as `opslib query --format json` prints it.
            return Event(instant(at), message, value.get("@logStream"), value.get("@log"))
        case dict():
            return Event(time_within(value), written)
        # What is left of events by --query 'events[].message' or 'events[].[timestamp,message]'.
        case str():
            return Event(told_at(value), value)
        case [int(at), str(message)]:
            return Event(instant(at), message)
    raise _NotAnEvent


def _within(value: dict[str, Any], number: int, problems: Problems) -> Iterator[Event]:
    """Take the events that one value holds."""
    try:
        envelope = value if "awslogs" not in value else _decoded(value["awslogs"])
    except _NotAnEvent:
        problems.add(_NO_EVENT, line=number, lines=1)
        return
    if envelope.get("messageType") == "CONTROL_MESSAGE":
        return
    owner, group = envelope.get("owner"), envelope.get("logGroup")
    log = ":".join(part for part in (owner, group) if isinstance(part, str)) or None
    for each in envelope["logEvents"] if "logEvents" in envelope else envelope["events"]:
        try:
            event = _event(each)
        except _NotAnEvent:
            problems.add(_NO_EVENT, line=number, lines=1)
            continue
        if "logEvents" in envelope:
            event = event._replace(log_stream=_text(envelope.get("logStream")), log=log)
        yield event


def _decoded(awslogs: dict[str, Any]) -> dict[str, Any]:
    try:
        packed = base64.b64decode(awslogs["data"], validate=True)
        envelope = json.loads(gzip.decompress(packed))
    except (KeyError, TypeError, ValueError, binascii.Error, OSError, EOFError, zlib.error):
        raise _NotAnEvent from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("logEvents"), list):
        raise _NotAnEvent
    return envelope


def _event(value: Any) -> Event:
    if not isinstance(value, dict):
        raise _NotAnEvent
    at, message = instant(value.get("timestamp")), value.get("message")
    if isinstance(message, dict | list):
        message = json.dumps(message, ensure_ascii=False)
    if at is None or not isinstance(message, str):
        raise _NotAnEvent
    return Event(
        at,
        message,
        _first(value, "logStreamName", "logStream"),
        _first(value, "logGroupName", "logGroup", "log"),
        instant(value.get("ingestionTime")),
    )


def _first(value: dict[str, Any], *keys: str) -> str | None:
    for key in keys:
        found = value.get(key)
        if isinstance(found, str):
            return found
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_DECODER = json.JSONDecoder()
