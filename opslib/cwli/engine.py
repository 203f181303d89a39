"""Run a query on events: the whole path from text to rows.

In: query text and events. Out: rows as GetQueryResults sends them, and what its statistics say. One
DuckDB statement does the work. ``run`` asks up to two more: one for the bytes of events that are in
a relation, one for the events matched where neither the rows nor the groups of the answer tell.

Must not know AWS.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opslib.cwli.compile import MAX_ROWS, Compiled, compile_query
from opslib.cwli.deadline import DEADLINE_S, finished
from opslib.cwli.discovery import OBJECT_LETTERS
from opslib.cwli.documents import LAST_OF_EACH, last_of_each, odd, without_search
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.events import Loaded, opened
from opslib.cwli.functions_time import QUERY_TIMES
from opslib.cwli.parser import parse
from opslib.cwli.results import rows
from opslib.cwli.switches import DEFAULT, Switches
from opslib.errors import BadInput

if TYPE_CHECKING:
    from opslib.cwli.events import Events


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The rows of a query and its statistics.

    Attributes
    ----------
    rows
        One mapping a row, from column to text, in column order; missing fields are absent.
    columns
        Every column in order, also those that no row has.
    matched
        Events that passed every filter before the first ``stats``, ``dedup`` or ``limit``.
    scanned
        Events within start and end.
    scanned_bytes
        Size of their messages in UTF-8.
    """

    rows: list[dict[str, str]]
    columns: tuple[str, ...]
    matched: int
    scanned: int
    scanned_bytes: int


@dataclass(frozen=True, kw_only=True)
class Written:
    """The rows of a query as JSON, and its statistics.

    Attributes
    ----------
    rows
        Each row as GetQueryResults sends it, a list of cells: ``[{"field": .., "value": ..}, ..]``.
    columns, matched, scanned, scanned_bytes
        As of `Answer`.
    """

    rows: list[str]
    columns: tuple[str, ...]
    matched: int
    scanned: int
    scanned_bytes: int


def run(
    text: str,
    events: "Events",
    *,
    start: int | None = None,
    end: int | None = None,
    now: int | None = None,
    limit: int | None = None,
    switches: Switches = DEFAULT,
    deadline_s: float = DEADLINE_S,
) -> Answer:
    """Run a query and count what it read.

    Parameters
    ----------
    text
        The query.
    events
        Mappings with ``timestamp`` (int, epoch ms) and ``message`` (str), optionally ``logStream``,
        ``log`` (str), ``ingestionTime`` (int, epoch ms) and ``eventId`` (str, which ``@ptr`` then
        has for the place among the events); or a DuckDB relation with those columns; or such
        mappings as `held` holds them. Their order tells events of the same millisecond apart: later
        ones are newer.
    start, end
        Epoch milliseconds, both inclusive. None for no bound; ``queryStartTime()`` and
        ``queryEndTime()`` are then the times of the first and the last event.
    now
        Epoch milliseconds: when the query starts, as ``now()`` gives it. None for ``end``.
    limit
        The limit of the call, as StartQuery takes it.
    switches
        The unverified points of the language.
    deadline_s
        How long the query may work on the events, once they are loaded.

    Raises
    ------
    MalformedQuery
        When the text is not in the language or uses what this engine lacks.
    QueryStopped
        When the deadline passed.
    BadInput
        When an event lacks ``timestamp`` or ``message``, or one is of another type; when ``limit``
        is not from 1 to 100,000.
    """
    found = _ran(
        _compiled(text, limit=limit, counts=True, switches=switches),
        events,
        text=text,
        span=(start, end, now),
        switches=switches,
        deadline_s=deadline_s,
    )
    return Answer(
        rows=rows(found.compiled.columns, found.rows),
        columns=found.compiled.columns,
        matched=found.matched,
        scanned=found.scanned,
        scanned_bytes=found.scanned_bytes,
    )


def write(
    text: str,
    events: "Events",
    *,
    start: int | None = None,
    end: int | None = None,
    now: int | None = None,
    limit: int | None = None,
    switches: Switches = DEFAULT,
    deadline_s: float = DEADLINE_S,
) -> Written:
    """Run a query for whoever sends its rows on; ``run`` says the same of everything but them."""
    found = _ran(
        _compiled(text, limit=limit, counts=True, written=True, switches=switches),
        events,
        text=text,
        span=(start, end, now),
        switches=switches,
        deadline_s=deadline_s,
    )
    return Written(
        rows=[row for (row,) in found.rows],
        columns=found.compiled.columns,
        matched=found.matched,
        scanned=found.scanned,
        scanned_bytes=found.scanned_bytes,
    )


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The rows that DuckDB gave, and what was counted."""

    compiled: Compiled
    rows: list[Any]
    matched: int
    scanned: int
    scanned_bytes: int


_Span = tuple[int | None, int | None, int | None]
"""When it starts and ends, and when it is asked."""


def _ran(
    compiled: Compiled,
    events: "Events",
    *,
    text: str,
    span: _Span,
    switches: Switches,
    deadline_s: float,
) -> _Found:
    start, end, _ = span
    with opened(events, start=start, end=end, functions=_functions(switches)) as loaded:

        def work() -> _Found:
            return _counted(loaded, _fitting(loaded, compiled, text, switches), text, span)

        return finished(work, interrupt=loaded.interrupt, deadline_s=deadline_s)


def _counted(loaded: Loaded, compiled: Compiled, text: str, span: _Span) -> _Found:
    start, end, now = span
    times = _times(loaded, compiled.sql, start=start, end=end, now=now)
    scanned, scanned_bytes = _scanned(loaded, compiled, text)
    found = _fetched(loaded.ask, _told(compiled.sql, times), text)
    matched = scanned if compiled.matched_sql is None else _matched(compiled, found)
    if matched is None:
        matched = _fetched(loaded.ask, _told(compiled.matched_sql or "", times), text)[0][0]
    if compiled.counts_itself:
        found = [row[:-1] for row in found]
    return _Found(
        compiled=compiled,
        rows=found,
        matched=matched,
        scanned=scanned,
        scanned_bytes=scanned_bytes,
    )


def _scanned(loaded: Loaded, compiled: Compiled, text: str) -> tuple[int, int]:
    """Return the number of events that were read and the bytes of their messages."""
    if compiled.source is None and loaded.measure is not None:
        return loaded.measure()
    counted = "SELECT count(*), coalesce(sum(strlen(msg)), 0) FROM events"
    if compiled.source is not None:
        counted += f" WHERE {compiled.source}"
    events, size = _fetched(loaded.ask, counted, text)[0]
    return events, int(size)


def _matched(compiled: Compiled, found: list[Any]) -> int | None:
    """Return the number of matched events where the rows of the answer tell it."""
    if compiled.counts_itself and found:
        return int(found[0][-1])
    if compiled.none_without_rows and not found:
        return 0
    if not compiled.counts_itself and len(found) < compiled.all_below:
        return len(found)
    return None


def _compiled(
    text: str, *, limit: int | None, counts: bool, switches: Switches, written: bool = False
) -> Compiled:
    if limit is not None and not 1 <= limit <= MAX_ROWS:
        raise BadInput(f"Query not run: limit is {limit}; it must be from 1 to {MAX_ROWS:,}.")
    plan = parse(text, switches=switches)
    return compile_query(plan, limit=limit, counts=counts, written=written, switches=switches)


def _fitting(loaded: Loaded, compiled: Compiled, text: str, switches: Switches) -> Compiled:
    """Leave out what none of a few events needs: it would take longest, and most have none."""
    smaller = without_search(compiled.sql, OBJECT_LETTERS, switches=switches)
    if loaded.tell is None or smaller == compiled.sql or _fetched(loaded.tell, odd(), text)[0][0]:
        return compiled
    matched = compiled.matched_sql
    if matched is not None:
        matched = without_search(matched, OBJECT_LETTERS, switches=switches)
    return replace(compiled, sql=smaller, matched_sql=matched)


def _functions(switches: Switches) -> dict[str, Callable[[str], str]]:
    return {LAST_OF_EACH: last_of_each} if switches.repeated_json_key == "last" else {}


def _times(
    loaded: Loaded, sql: str, *, start: int | None, end: int | None, now: int | None
) -> dict[str, int | None]:
    """Return the values of the variables that functions of the query's own times read."""
    if not any(name in sql for name in QUERY_TIMES):
        return {}
    bounds = loaded.ask("SELECT min(ts), max(ts) FROM events")[0]
    first, last = (
        given if given is not None else at for given, at in zip((start, end), bounds, strict=True)
    )
    return dict(zip(QUERY_TIMES, (last if now is None else now, first, last), strict=True))


def _told(sql: str, times: dict[str, int | None]) -> str:
    """Write the times into the SQL: a connection that is not ours is given no variable."""
    for name, at in times.items():
        # In a literal of the query the quotes would be doubled, so this is never one.
        value = "NULL" if at is None else str(int(at))
        sql = sql.replace(f"getvariable('{name}')", f"CAST({value} AS BIGINT)")
    return sql


def _fetched(ask: Callable[[str], list[Any]], sql: str, text: str) -> list[Any]:
    import duckdb

    try:
        return ask(sql)
    except duckdb.InterruptException:
        raise  # whoever interrupted explains it
    except duckdb.Error as error:
        # Nothing known gets here; if something does, it is an error with a name, not wrong rows.
        # DuckDB's own words may quote an event, so only their kind is told; the cause has the rest.
        found = f"DuckDB could not run it ({type(error).__name__})."
        raise MalformedQuery(found, 0, text=text) from error


def query(
    text: str,
    events: "Events",
    *,
    start: int | None = None,
    end: int | None = None,
    now: int | None = None,
    switches: Switches = DEFAULT,
    deadline_s: float = DEADLINE_S,
) -> list[dict[str, str]]:
    """Run a query and return its rows; ``run`` says the same and more.

    It counts nothing, so it reads the events once.
    """
    compiled = _compiled(text, limit=None, counts=False, switches=switches)
    with opened(events, start=start, end=end, functions=_functions(switches)) as loaded:

        def work() -> list[Any]:
            sql = _fitting(loaded, compiled, text, switches).sql
            times = _times(loaded, sql, start=start, end=end, now=now)
            return _fetched(loaded.ask, _told(sql, times), text)

        found = finished(work, interrupt=loaded.interrupt, deadline_s=deadline_s)
    return rows(compiled.columns, found)
