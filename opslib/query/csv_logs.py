"""Events in CSV: what the console downloads, and rows that ``opslib query`` printed.

In: the lines of a file whose first names its columns. Out: events. Must not know files.

Source
------
CloudWatch console, Log events, Actions, Download search results (CSV): columns ``timestamp`` (epoch
milliseconds) and ``message``. Logs Insights, Export results: the columns of the query, as
``@timestamp`` and ``@message``.
"""

import csv
from collections.abc import Iterable, Iterator

from opslib.query.events import Event, instant
from opslib.query.sources import Line, Problems

_NAMES = {"timestamp", "message"}
# csv refuses longer fields than it is told; an event has a megabyte at most.
_LONGEST = 1 << 30


def is_heading(text: str) -> bool:
    """Whether a line names the columns that events need."""
    return "," in text and set(_columns(text)) >= _NAMES


def _columns(text: str) -> list[str]:
    return [name.strip('" ').removeprefix("@") for name in text.split(",")]


def read_csv(lines: Iterator[Line], *, problems: Problems) -> Iterator[Event]:
    """Read rows; one without timestamp or message is left out."""
    names = _columns(next(line.text for line in lines if line.text.strip()))
    place = _Place(lines)
    csv.field_size_limit(_LONGEST)
    rows = csv.reader(place)
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            problems.add("it is not CSV", line=place.number, lines=1)
            continue
        if row is None:
            return
        told = dict(zip(names, row, strict=False))
        at = instant(told.get("timestamp", ""))
        if at is not None and "message" in told:
            yield Event(at, told["message"], told.get("logStream"), told.get("log"))
        elif row:
            what = "it has no timestamp or message that could be read"
            problems.add(what, line=place.number, lines=1)


class _Place:
    """The texts of lines with their line ends, and the number of the last one."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)
        self.number = 1

    def __iter__(self) -> "_Place":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number = line.number
        return line.text + "\n"
