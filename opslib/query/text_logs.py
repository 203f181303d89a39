"""Logs in lines of text: an export, ``aws logs tail``, and the plain lines of a Lambda function.

In: the lines of a file and its format. Out: events. A line that only goes on with the event before
it is joined to it: in an export or a tail, whatever lacks the time; in plain text, what is indented
or belongs to a traceback.

Must not know files.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from opslib.query.events import Event, instant
from opslib.query.formats import PREFIXES, Format
from opslib.query.sources import Line

TIME_KEYS = ("timestamp", "time", "@timestamp")
"""Where a JSON application line tells its time: Lambda's own formats, Powertools, Logstash."""

_OWN_TIME = re.compile(r"(?:\[[A-Z]+\]\t)?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)[\t ]")
_STACK = re.compile(r"\t(?:at |\.\.\. \d+ more)")
_TRACEBACK = "Traceback (most recent call last):"
_RAISED = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?")
_CHAINED = re.compile(
    "During handling of the above exception|The above exception was the direct cause"
)


def read_prefixed(lines: Iterable[Line], format_: Format, *, stream: str | None) -> Iterator[Event]:
    """Read lines that begin with their time.

    Parameters
    ----------
    stream
        The log stream, where the lines do not tell it.
    """
    prefix = PREFIXES[format_]
    begun: dict[str, Any] | None = None
    more: list[str] = []
    for line in lines:
        match = prefix.fullmatch(line.text)
        at = instant(match["time"]) if match else None
        if match is None or at is None:
            more.append(line.text)
            continue
        if begun:
            yield _joined(begun, more)
        elif any(more):
            yield Event(None, "\n".join(more).rstrip("\n"), stream)
        told = match.groupdict()
        begun = {"at": at, "message": told["message"] or "", "stream": told.get("stream", stream)}
        more = []
    if begun:
        yield _joined(begun, more)


def _joined(begun: dict[str, Any], more: list[str]) -> Event:
    # Blank lines at the end part events; within one they are its own.
    # `aws logs tail --format json` writes JSON on the lines after the time.
    message = "\n".join([begun["message"], *more]).strip("\n")
    return Event(begun["at"], message, begun["stream"])


def read_plain(
    lines: Iterable[Line], *, stream: str | None, tabbed: bool = False
) -> Iterator[Event]:
    """Read lines as a function prints them; most tell no time, some have it within.

    Parameters
    ----------
    stream
        The log stream of all.
    tabbed
        Whether a tab at the beginning of a line parts events, but for a Java stack trace's.
    """
    waiting: list[str] = []
    for line in lines:
        text = line.text
        if not text.strip():
            continue
        parts = tabbed and text[0] == "\t" and not _STACK.match(text)
        if waiting and not parts and _goes_on(text, waiting):
            waiting.append(text)
            continue
        if waiting:
            yield _plain(waiting, stream)
        waiting = [text[1:] if parts else text]
    if waiting:
        yield _plain(waiting, stream)


def _goes_on(text: str, waiting: list[str]) -> bool:
    if text[0] in " \t" or text in ("}", "]", "},", "],", ")"):
        return True
    if text.startswith(_TRACEBACK):
        return waiting[0].startswith("[") or bool(_CHAINED.match(waiting[-1]))
    traced = any(line.startswith(_TRACEBACK) for line in waiting)
    if traced and _CHAINED.match(text):
        return True
    # The last line of a traceback says what was raised.
    return traced and waiting[-1][0] in " \t" and bool(_RAISED.fullmatch(text))


def _plain(lines: list[str], stream: str | None) -> Event:
    message = "\n".join(lines)
    return Event(told_at(message), message, stream)


def told_at(message: str) -> int | None:
    """Find the instant that a line of plain text tells, in epoch milliseconds."""
    own = _OWN_TIME.match(message)
    if own:
        return instant(own[1])
    if not message.startswith("{"):
        return None
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return time_within(value) if isinstance(value, dict) else None


def time_within(value: dict[str, Any]) -> int | None:
    """Find the instant that a JSON log line tells, in epoch milliseconds."""
    known = (instant(value[key]) for key in TIME_KEYS if key in value)
    return next((at for at in known if at is not None), None)
