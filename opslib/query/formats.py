"""Which format a log has, by its first lines.

In: the first lines of a file. Out: a `Format`. Must not read events.

Source
------
S3 export (CreateExportTask): gzip files whose lines are ``<ISO time> <message>``, the time in UTC
with milliseconds and ``Z``. ``aws logs tail``: ``<ISO time> <stream> <message>``, the time with its
offset, or with ``--format short`` ``<time> <message>``, the time without one (aws-cli 2,
``awscli/customizations/logs/tail.py``).
"""

import re
from collections.abc import Sequence
from enum import Enum

from opslib.query.sources import Line


class Format(Enum):
    """What a file holds, in words that follow "read as"."""

    JSON = "JSON"
    EXPORT = "an export to S3"
    TAIL = "the output of aws logs tail"
    SHORT_TAIL = "the output of aws logs tail --format short"
    TEXT = "plain log text"


_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
PREFIXES = {
    Format.EXPORT: re.compile(rf"(?P<time>{_TIME}\.\d{{3}}Z)(?: (?P<message>.*))?"),
    Format.TAIL: re.compile(
        rf"(?P<time>{_TIME}(?:\.\d+)?[+-]\d\d:\d\d) (?P<stream>\S+) (?P<message>.*)"
    ),
    Format.SHORT_TAIL: re.compile(rf"(?P<time>{_TIME}) (?P<message>.*)"),
}
PLATFORM = re.compile(
    r"(?:START|END|REPORT) RequestId: |INIT_(?:START|REPORT) |RESTORE_(?:START|REPORT) "
)
"""How the lines begin that Lambda itself writes."""

_JSON = re.compile(r'\s*(?:\{|\[\s*(?:[{\]"]|\[\d|$))')
TIMED_OUT = re.compile(rf"{_TIME}\.\d{{3}}Z [0-9a-f-]{{36}} (?:Task timed out|Process exited)")
"""Lambda's own line that begins with a time, as an export's lines do."""


def recognise(head: Sequence[Line]) -> Format:
    """Say which format a file has.

    Parameters
    ----------
    head
        Its first lines, as many as are cheap to look at.
    """
    texts = [line.text for line in head if line.text.strip()]
    if not texts:
        return Format.TEXT
    first = texts[0]
    for format_, prefix in PREFIXES.items():
        if prefix.fullmatch(first) and not TIMED_OUT.match(first):
            return format_
    # An application that logs JSON stands among Lambda's own lines of text.
    platform = any(PLATFORM.match(text) for text in texts)
    if _JSON.match(first) and not platform:
        return Format.JSON
    return Format.TEXT
