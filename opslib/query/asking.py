"""A query on loaded events, and what is said of its answer.

In: the text and the span as typed. Out: the engine's answer. The text is read before any file is,
so that a mistake in it costs nothing.

Must not know files.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opslib import cwli
from opslib.errors import BadInput
from opslib.query.printing import visible
from opslib.window import instant, iso, require_near, wall_now

if TYPE_CHECKING:
    from opslib.query.loading import Loaded

_BEFORE, _AFTER = 60, 40


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
        When an instant cannot be read, the end is not after the start, or the start lies further
        ahead than any clock may go wrong. Files may be as old as they are.
    """

    def __init__(self, text: str, *, start: str | None = None, end: str | None = None) -> None:
        self.now = wall_now()
        self._text = text
        cwli.parse(text)
        self._start = _milliseconds("--start", start, self.now)
        self._end = _milliseconds("--end", end, self.now)
        if self._start is not None and self._end is not None and self._end <= self._start:
            raise BadInput(
                f"Query not run: --end {end} is not after --start {start}. Start is in and end is "
                "not: give a later end, or an earlier start."
            )

    def run(self, loaded: "Loaded") -> cwli.Answer:
        """Run it on what was loaded.

        Raises
        ------
        QueryStopped
            When it worked longer than it may.
        """
        last = None if self._end is None else self._end - 1
        now = int(self.now.timestamp() * 1000)
        return cwli.run(self._text, loaded.relation, start=self._start, end=last, now=now)


def _milliseconds(name: str, written: str | None, now: datetime) -> int | None:
    if written is None:
        return None
    try:
        at = instant(name, written, now=now)
        if name == "--start" and at > now:
            require_near(f"Query not run: {name}", at, wall=now)
        return int(at.timestamp() * 1000)
    except BadInput as error:
        reason = error.message.removeprefix("No window was made: ")
        reason = reason.removeprefix("Query not run: ")
        raise BadInput(f"Query not run: {reason}") from error


def pointed(error: cwli.MalformedQuery, text: str) -> str:
    """Show the line of a query that is wrong, and below it where.

    Returns
    -------
    Two lines without control characters; at most 60 characters stand before the place.
    """
    line = text.split("\n")[error.line - 1]
    cut = max(0, error.column - 1 - _BEFORE)
    before = visible(line[cut : error.column - 1], cut_end=False)
    found = visible(error.found.split("\n")[0], cut_end=False)
    after = visible(line[error.column - 1 :])
    shown = f"{'…' if cut else ''}{before}{after[:_AFTER]}{'…' if len(after) > _AFTER else ''}"
    marks = "^" * max(1, min(len(found), _AFTER))
    return f"  {shown}\n  {' ' * (len(before) + bool(cut))}{marks}\n"


def summary(answer: cwli.Answer, loaded: "Loaded") -> str:
    """Say in one line how much was scanned, matched and returned; in two if all lay elsewhere."""
    files = "1 file" if loaded.sources == 1 else f"{loaded.sources:,} files"
    events = "1 event" if answer.scanned == 1 else f"{answer.scanned:,} events"
    counts = (
        f"{events} scanned ({_size(answer.scanned_bytes)}) in {files}, "
        f"{answer.matched:,} matched, {len(answer.rows):,} returned"
    )
    return counts if answer.scanned else counts + _elsewhere(loaded)


def _elsewhere(loaded: "Loaded") -> str:
    """Say where the events lie, when none lies where the query looked."""
    read, first, last = loaded.relation.aggregate(
        "count(*), min(timestamp), max(timestamp)"
    ).fetchall()[0]
    if not read:
        return ""
    first_at, last_at = (iso(datetime.fromtimestamp(at // 1000, UTC)) for at in (first, last))
    return (
        f"\nNo event was where the query looked (--start, --end, SOURCE): the {read:,} that were "
        f"read are from {first_at} to {last_at}."
    )


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
