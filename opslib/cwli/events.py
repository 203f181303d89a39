"""Events where DuckDB can read them: one relation, ``events``, cut to a span of time.

In: an iterable of mappings, or a DuckDB relation, with ``timestamp`` (epoch milliseconds) and
``message``, and optionally ``logStream``, ``log``, ``ingestionTime`` (epoch milliseconds) and
``eventId``; or such events as ``tables`` holds them. Out: ``Loaded``, which answers SQL over
``events``, whose columns ``discovery`` describes.

Mappings become an Arrow table on a private connection. A relation is read where it is, on its own
connection, which keeps nothing of it, or on another one to its database: no copy is made, however
large it is. Only when that would not be right, it is copied to a private connection: when its
connection has settings that change what SQL means, or has a transaction open, which an interrupted
statement would end.

``n``, which tells events of one millisecond apart, is the position in an iterable; the row id for a
relation that is a table (``connection.table``), which keeps until its rows are deleted; else
``row_number()``, whose reading takes one thread.

Must not know the query.
"""

import atexit
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opslib.cwli.tables import WRONG_TYPE, Held, table
from opslib.errors import BadInput

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    Events = Iterable[Mapping[str, Any]] | duckdb.DuckDBPyRelation | Held

_PARALLEL_FROM = 200_000
"""Below so many events a second thread costs more than it gives."""
_MAX_THREADS = 4
_FEW_BYTES = 500_000
"""Size of events below which to plan a statement takes longer than to read them."""
_MOST_MEMORY = "1.5GB"
"""What a private connection may take beside the events themselves; beyond it, it uses a disk."""

_NAME = "_opslib_cwli_events"
_MEANING = {
    "default_collation": "",
    "integer_division": "false",
    "ieee_floating_point_ops": "true",
    "max_expression_depth": "1000",
    "disabled_optimizers": "",
    "default_order": "ascending",
    "default_null_order": "nulls_last",
    "calendar": "gregorian",
}
"""Settings that change what SQL means or whether it runs, and their defaults."""

_NOTHING_IN_FRONT = (
    "current_setting('search_path') = '' "
    "AND NOT EXISTS (SELECT 1 FROM duckdb_tables() WHERE temporary AND NOT internal) "
    "AND NOT EXISTS (SELECT 1 FROM duckdb_views() WHERE temporary AND NOT internal)"
)
"""SQL: whether the name of a table means the same on every connection to its database."""


@dataclass(frozen=True)
class Loaded:
    """Events that answer SQL.

    ``ask`` runs a statement that reads ``events`` and returns its rows; ``interrupt`` stops it,
    from another thread. ``measure`` returns the number of events and the bytes of their messages,
    where that costs next to nothing. ``tell`` runs a statement on all events, those outside the
    span too, where that costs next to nothing, as they are few or it ran before.
    """

    ask: Callable[[str], list[Any]]
    interrupt: Callable[[], None]
    measure: Callable[[], tuple[int, int]] | None = None
    tell: Callable[[str], list[Any]] | None = None


@contextmanager
def opened(
    events: "Events",
    *,
    start: int | None,
    end: int | None,
    functions: Mapping[str, Callable[[str], str]] | None = None,
) -> "Iterator[Loaded]":
    """Make the events of a span answer SQL, as long as the context lasts.

    Parameters
    ----------
    start, end
        Epoch milliseconds, both inclusive; None for no bound.
    functions
        Functions from text to text that the SQL calls, by name. No connection but a private one is
        given any.

    Raises
    ------
    BadInput
        When an event lacks ``timestamp`` or ``message``, or one is of another type; when a
        relation's connection has an unfinished result.
    """
    import duckdb

    # The bounds are integers by now; a view takes no parameters.
    bounds = [f"ts >= {start:d}"] if start is not None else []
    bounds += [f"ts <= {end:d}"] if end is not None else []
    within = " AND ".join(bounds) or "true"
    if isinstance(events, duckdb.DuckDBPyRelation):
        relation = _columns_of(events)
        try:
            usual, reached = (False, False) if functions else _state(relation)
        except duckdb.Error as error:
            raise BadInput(
                "Query not run: the relation's connection cannot be asked anything now "
                f"({type(error).__name__}). Fetch or close what it has begun, or give the query a "
                "relation of another connection."
            ) from error
        if usual and reached and _is_table(events):
            with relation._con.cursor() as connection:
                yield _beside(connection, relation, within)
            return
        if usual:
            yield _in_place(relation, within)
            return
        kept = Held(relation.to_arrow_table())
        few = kept.table.nbytes < _FEW_BYTES
    else:
        kept = events if isinstance(events, Held) else Held(table(events))
        few = kept is events or kept.table.nbytes < _FEW_BYTES
    with _private(kept.table, functions or {}) as connection:
        connection.execute(f"CREATE TEMP VIEW events AS SELECT * FROM loaded WHERE {within}")  # noqa: S608

        def ask(sql: str) -> list[Any]:
            return connection.execute(sql).fetchall()

        def ask_of_all(sql: str) -> list[Any]:
            return ask(f"WITH events AS (SELECT * FROM loaded) {sql}")  # noqa: S608

        yield Loaded(
            ask,
            connection.interrupt,
            lambda: _measured(kept.table, start, end),
            kept.teller(ask_of_all) if few else None,
        )


@contextmanager
def _private(
    loaded: "pa.Table", functions: Mapping[str, Callable[[str], str]]
) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open a connection that has a table under the name ``loaded``, and functions."""
    import duckdb

    if loaded.num_rows < _PARALLEL_FROM and not functions:
        connection = _shared().cursor()
    else:
        connection = duckdb.connect(config=_settings(_MAX_THREADS))
    try:
        for name, function in functions.items():
            connection.create_function(name, function, ["VARCHAR"], "VARCHAR")
        connection.register("loaded", loaded)
        yield connection
    finally:
        connection.close()


def _measured(table: "pa.Table", start: int | None, end: int | None) -> tuple[int, int]:
    """Return the number of events of a span and the bytes of their messages."""
    import pyarrow.compute as pc

    table = table.select(["ts", "msg"])
    if start is not None:
        table = table.filter(pc.field("ts") >= start)
    if end is not None:
        table = table.filter(pc.field("ts") <= end)
    return table.num_rows, pc.sum(pc.binary_length(table["msg"])).as_py() or 0


@lru_cache(maxsize=1)
def _shared() -> "duckdb.DuckDBPyConnection":
    """Open the private database of few events, once a process, as it costs more than most queries.

    A cursor of it is a connection of its own: what one registers or names, no other sees.
    """
    import duckdb

    connection = duckdb.connect(config=_settings(1))
    atexit.register(connection.close)
    return connection


def _settings(threads: int) -> dict[str, Any]:
    # DuckDB would spill into the working folder; it makes this one when it must, and removes it.
    spill = Path(tempfile.gettempdir()) / f"opslib-cwli-{secrets.token_hex(8)}"
    return {"threads": threads, "memory_limit": _MOST_MEMORY, "temp_directory": str(spill)}


def _in_place(relation: "duckdb.DuckDBPyRelation", within: str) -> Loaded:
    def ask(sql: str) -> list[Any]:
        events = f"events AS NOT MATERIALIZED (SELECT * FROM {_NAME} WHERE {within})"  # noqa: S608
        after = f", {sql[5:]}" if sql.startswith("WITH ") else f" {sql}"
        answer = relation.query(_NAME, f"WITH {events}{after}")
        return [] if answer is None else answer.fetchall()

    # A relation names its connection in no public way; the pinned DuckDB has it here.
    return Loaded(ask, relation._con.interrupt)


def _beside(
    connection: "duckdb.DuckDBPyConnection", table: "duckdb.DuckDBPyRelation", within: str
) -> Loaded:
    """Read a table on another connection to its database.

    There a statement is bound once, and no result is touched that the first has yet to give.
    """
    events = f"events AS NOT MATERIALIZED (SELECT * FROM ({table.sql_query()}) WHERE {within})"  # noqa: S608

    def ask(sql: str) -> list[Any]:
        after = f", {sql[5:]}" if sql.startswith("WITH ") else f" {sql}"
        return connection.execute(f"WITH {events}{after}").fetchall()

    return Loaded(ask, connection.interrupt)


def _state(relation: "duckdb.DuckDBPyRelation") -> tuple[bool, bool]:
    """Tell about a relation's connection.

    Returns
    -------
    Whether it has the usual settings and no transaction open; whether the name of a table means the
    same on another connection to its database, as nothing temporary can stand in front of it.
    """
    settings = [f"lower(CAST(current_setting('{name}') AS VARCHAR))" for name in _MEANING]
    state = f"SELECT txid_current(), {_NOTHING_IN_FRONT}, {', '.join(settings)}"

    def asked(sql: str) -> Any:
        answer = relation.query(_NAME, sql)
        return answer.fetchall()[0] if answer is not None else (None, False)

    first, reaches, *found = asked(state)
    # Outside of a transaction every statement has one of its own.
    alone: bool = asked("SELECT txid_current()")[0] != first
    return alone and found == list(_MEANING.values()), reaches


def _columns_of(relation: "duckdb.DuckDBPyRelation") -> "duckdb.DuckDBPyRelation":
    """Return a relation with the columns ts, msg, stream, grp, ingested, id, n."""
    missing = [name for name in ("timestamp", "message") if name not in relation.columns]
    if missing:
        found = f"Query not run: the relation has no column {', '.join(missing)}."
        raise BadInput(f"{found} It needs timestamp (epoch ms) and message.")
    kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
    for name in ("timestamp", "ingestionTime"):
        if kinds.get(name, "").startswith(("DOUBLE", "FLOAT", "DECIMAL")):
            raise BadInput(WRONG_TYPE)
    optional = {"logStream": "stream", "log": "grp", "ingestionTime": "ingested", "eventId": "id"}
    columns = ['CAST("timestamp" AS BIGINT) AS ts', 'CAST("message" AS VARCHAR) AS msg']
    for name, column in optional.items():
        kind = "BIGINT" if column == "ingested" else "VARCHAR"
        source = f'"{name}"' if name in relation.columns else "NULL"
        columns.append(f"CAST({source} AS {kind}) AS {column}")
    columns.append("rowid AS n" if _is_table(relation) else "row_number() OVER () - 1 AS n")
    return relation.select(", ".join(columns))


def _is_table(relation: "duckdb.DuckDBPyRelation") -> bool:
    """Whether a relation is a table, and no more, whose rows have ids."""
    return relation.type == "TABLE_RELATION" and "rowid" not in map(str.lower, relation.columns)
