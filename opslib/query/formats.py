"""Which format a log has, by its first lines.

In: the first lines of a file. Out: a `Format`. Must not read events.

Source
------
S3 export (CreateExportTask): gzip files whose lines are ``<ISO time> <message>``, the time in UTC
with milliseconds and ``Z``. ``aws logs tail``: ``<ISO time> <stream> <message>``, the time with its
offset, or with ``--format short`` ``<time> <message>``, the time without one (aws-cli 2,
``awscli/customizations/logs/tail.py``). ``aws --output text``: a list of texts on one line, parted
by tabs, a list of lists on a line each (``awscli/text.py``); messages end with a line end of their
own.
"""

import re
from collections.abc import Sequence
from enum import Enum

from opslib.query.csv_logs import is_heading
from opslib.query.sources import Line, Unreadable


class Format(Enum):
    """What a file holds, in words that follow "read as"."""

    JSON = "JSON"
    EXPORT = "an export to S3"
    TAIL = "the output of aws logs tail"
    SHORT_TAIL = "the output of aws logs tail --format short"
    PAIRS = "the timestamps and messages that --query of aws left"
    MESSAGES = "the messages that --query of aws left"
    CSV = "CSV"
    TEXT = "plain log text"


_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
PREFIXES = {
    Format.EXPORT: re.compile(rf"(?P<time>{_TIME}\.\d{{3}}Z)(?: (?P<message>.*))?"),
    Format.TAIL: re.compile(
        rf"(?P<time>{_TIME}(?:\.\d+)?[+-]\d\d:\d\d) (?P<stream>\S+) (?P<message>.*)"
    ),
    Format.SHORT_TAIL: re.compile(rf"(?P<time>{_TIME}) (?P<message>.*)"),
    Format.PAIRS: re.compile(r"(?P<time>\d{13})\t(?P<message>.*)"),
}
PLATFORM = re.compile(
    r"(?:START|END|REPORT) RequestId: |INIT_(?:START|REPORT) |RESTORE_(?:START|REPORT) "
)
"""How the lines begin that Lambda itself writes."""

# With --output text, what is in a list is parted by tabs.
_LISTED = re.compile(rf'\t(?:{PLATFORM.pattern}|\[[A-Z]+\]\t|\{{".*\}}$)')
_JSON = re.compile(r'\s*(?:\{|\[\s*(?:[{\]"]|\[\d|$))')
TIMED_OUT = re.compile(rf"{_TIME}\.\d{{3}}Z [0-9a-f-]{{36}} (?:Task timed out|Process exited)")
"""Lambda's own line that begins with a time, as an export's lines do."""


def recognise(head: Sequence[Line]) -> Format:
    """Say which format a file has.

    Parameters
    ----------
    head
        Its first lines, as many as are cheap to look at.

    Raises
    ------
    Unreadable
        When it is events in a form for people, which does not say where an event ends.
    """
    texts = [line.text for line in head if line.text.strip()]
    if not texts:
        return Format.TEXT
    first = texts[0]
    form = _for_people(texts)
    if form:
        raise Unreadable(
            f"it is what aws prints with --output {form}, which is not read; use --output json"
        )
    if is_heading(first):
        return Format.CSV
    for format_, prefix in PREFIXES.items():
        if prefix.fullmatch(first) and not TIMED_OUT.match(first):
            return format_
    # An application that logs JSON stands among Lambda's own lines of text.
    platform = any(PLATFORM.match(text) for text in texts)
    if _JSON.match(first) and not platform:
        return Format.JSON
    if first[0] != "\t" and any(_LISTED.match(text) for text in texts):
        return Format.MESSAGES
    return Format.TEXT


def _for_people(texts: Sequence[str]) -> str | None:
    """Say which ``--output`` of aws it is, if it is one that cannot be read."""
    if any(text.startswith("EVENTS\t") for text in texts[:2]):
        return "text"
    second = texts[1] if len(texts) > 1 else ""
    if set(texts[0]) == {"-"} and second[:1] == "|":
        return "table"
    if texts[0].rstrip() == "events:" and re.match(r" *- \w+: ", second):
        return "yaml"
    return None
