"""A query on loaded events, and what is said of its answer.

In: the text and the span as typed. Out: the engine's answer. The text is read before any file is,
so that a mistake in it costs nothing.

Must not know files.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from opslib import cwli
from opslib.errors import BadInput
from opslib.window import instant, wall_now

if TYPE_CHECKING:
    from opslib.query.loading import Loaded


class Query:
    """A query text and a span of time.

    Parameters
    ----------
    text
        In the Logs Insights query language.
    start, end
        ISO 8601, or relative to now; ``start`` is in, ``end`` is not. None for no bound.

    Raises
    ------
    MalformedQuery
        When the text cannot be run.
    BadInput
        When an instant cannot be read, or the end is not after the start.
    """

    def __init__(self, text: str, *, start: str | None = None, end: str | None = None) -> None:
        self.now = wall_now()
        self._text = text
        cwli.parse(text)
        self._start = _milliseconds("--start", start, self.now)
        self._end = _milliseconds("--end", end, self.now)
        if self._start is not None and self._end is not None and self._end <= self._start:
            raise BadInput(f"Query not run: --end {end} is not after --start {start}.")

    def run(self, loaded: "Loaded") -> cwli.Answer:
        """Run it on what was loaded."""
        last = None if self._end is None else self._end - 1
        now = int(self.now.timestamp() * 1000)
        return cwli.run(self._text, loaded.relation, start=self._start, end=last, now=now)


def _milliseconds(name: str, written: str | None, now: datetime) -> int | None:
    return None if written is None else int(instant(name, written, now=now).timestamp() * 1000)


def summary(answer: cwli.Answer, loaded: "Loaded") -> str:
    """Say in one line how much was scanned, matched and returned."""
    files = "1 file" if loaded.sources == 1 else f"{loaded.sources:,} files"
    return (
        f"{answer.scanned:,} events scanned ({_size(answer.scanned_bytes)}) in {files}, "
        f"{answer.matched:,} matched, {len(answer.rows):,} returned"
    )


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
