"""Events where DuckDB can read them: one relation, ``events``, cut to a span of time.

In: an iterable of mappings, or a DuckDB relation, with ``timestamp`` (epoch milliseconds) and
``message``, and optionally ``logStream``, ``log`` and ``ingestionTime`` (epoch milliseconds). Out:
``Loaded``, which answers SQL over ``events``, whose columns ``discovery`` describes.

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
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opslib.errors import BadInput

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    Events = Iterable[Mapping[str, Any]] | duckdb.DuckDBPyRelation

_PARALLEL_FROM = 200_000
"""Below so many events a second thread costs more than it gives."""
_MAX_THREADS = 4
_BATCH = 50_000
"""Events of an iterable that are Python objects at the same time."""
_AT_ONCE_BYTES = 8_000_000
"""Size of the messages that DuckDB handles at the same time, if they are long. Else it takes 2,048
of any length, several copies of each, and heeds no interruption meanwhile."""
_FEW_BYTES = 500_000
"""Size of events below which to plan a statement takes longer than to read them."""
_FEWEST_AT_ONCE = 64
"""DuckDB puts fewer together again."""
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

_WRONG_TYPE = (
    "Query not run: an event holds a value of the wrong type. timestamp and ingestionTime "
    "are integers (epoch ms); message, logStream and log are strings."
)


@dataclass(frozen=True)
class Loaded:
    """Events that answer SQL.

    ``ask`` runs a statement that reads ``events`` and returns its rows; ``interrupt`` stops it,
    from another thread. ``measure`` returns the number of events and the bytes of their messages,
    where that costs next to nothing. ``few`` is whether one more statement that reads them all
    does, too.
    """

    ask: Callable[[str], list[Any]]
    interrupt: Callable[[], None]
    measure: Callable[[], tuple[int, int]] | None = None
    few: bool = False


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
        table = relation.to_arrow_table()
    else:
        table = _table(events)
    if table.num_rows < _PARALLEL_FROM and not functions:
        connection = _shared().cursor()
    else:
        connection = duckdb.connect(config=_settings(_MAX_THREADS))
    try:
        for name, function in (functions or {}).items():
            connection.create_function(name, function, ["VARCHAR"], "VARCHAR")
        connection.register("loaded", table)
        connection.execute(f"CREATE TEMP VIEW events AS SELECT * FROM loaded WHERE {within}")  # noqa: S608
        yield Loaded(
            lambda sql: connection.execute(sql).fetchall(),
            connection.interrupt,
            lambda: _measured(table, start, end),
            table.nbytes < _FEW_BYTES,
        )
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


def _table(events: "Iterable[Mapping[str, Any]]") -> "pa.Table":
    """Return events as an Arrow table with the columns ts, msg, stream, grp, ingested, n."""
    import pyarrow as pa

    coming = iter(events)
    batches = []
    loaded = 0
    try:
        while listed := list(islice(coming, _BATCH)):
            batches += _parts(_batch(listed, loaded))
            loaded += len(listed)
        return pa.Table.from_batches(batches or [_batch([], 0)])
    except KeyError as error:
        found = f"Query not run: an event has no {error}. Every event needs timestamp and message."
        raise BadInput(found) from None
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        # Arrow's own words would quote the value, which may be a log line.
        raise BadInput(_WRONG_TYPE) from None


def _parts(batch: "pa.RecordBatch") -> "list[pa.RecordBatch]":
    """Cut a batch of long messages into what DuckDB handles at the same time."""
    rows = max(_FEWEST_AT_ONCE, _AT_ONCE_BYTES * batch.num_rows // batch.nbytes)
    return [batch.slice(at, rows) for at in range(0, batch.num_rows, rows)]


def _batch(listed: list[Mapping[str, Any]], before: int) -> "pa.RecordBatch":
    import pyarrow as pa

    return pa.record_batch(
        {
            "ts": _integers([event["timestamp"] for event in listed]),
            "msg": _texts([event["message"] for event in listed]),
            "stream": _texts([event.get("logStream") for event in listed]),
            "grp": _texts([event.get("log") for event in listed]),
            "ingested": _integers([event.get("ingestionTime") for event in listed]),
            "n": pa.array(range(before, before + len(listed)), pa.int64()),
        }
    )


def _integers(values: list[Any]) -> "pa.Array":
    import pyarrow as pa

    # Arrow would cut a float without a word.
    if any(issubclass(kind, float) for kind in set(map(type, values))):
        raise BadInput(_WRONG_TYPE)
    return pa.array(values, pa.int64())


def _texts(values: list[Any]) -> "pa.Array":
    import pyarrow as pa

    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        # Half of a surrogate pair, as a cut message may end; no file or API could carry it either.
        repaired = [v and v.encode("utf-8", "replace").decode("utf-8") for v in values]
        return pa.array(repaired, pa.string())


def _columns_of(relation: "duckdb.DuckDBPyRelation") -> "duckdb.DuckDBPyRelation":
    """Return a relation with the columns ts, msg, stream, grp, ingested, n."""
    missing = [name for name in ("timestamp", "message") if name not in relation.columns]
    if missing:
        found = f"Query not run: the relation has no column {', '.join(missing)}."
        raise BadInput(f"{found} It needs timestamp (epoch ms) and message.")
    kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
    for name in ("timestamp", "ingestionTime"):
        if kinds.get(name, "").startswith(("DOUBLE", "FLOAT", "DECIMAL")):
            raise BadInput(_WRONG_TYPE)
    optional = {"logStream": "stream", "log": "grp", "ingestionTime": "ingested"}
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
