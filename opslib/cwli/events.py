"""Events into DuckDB: a private connection that holds one relation, ``events``.

In: an iterable of mappings, or a DuckDB relation, with ``timestamp`` (epoch milliseconds) and
``message``, and optionally ``logStream``, ``log`` and ``ingestionTime`` (epoch milliseconds). Out:
a connection with the view ``events``, whose columns ``discovery`` describes, cut to a span of time.

Must not know the query, but for whether it reads JSON.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opslib.cwli.discovery import MAX_FIELDS, embedded
from opslib.cwli.switches import DEFAULT, Switches
from opslib.errors import BadInput

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    Events = Iterable[Mapping[str, Any]] | duckdb.DuckDBPyRelation

_PARALLEL_FROM = 200_000
"""Below so many events a second thread costs more than it gives."""
_MAX_THREADS = 4
_MAX_OPENINGS = 64
"""How many opening braces of one message are tried as the beginning of an object."""

_WRONG_TYPE = (
    "Query not run: an event holds a value of the wrong type. timestamp and ingestionTime "
    "are integers (epoch ms); message, logStream and log are strings."
)


@contextmanager
def opened(
    events: "Events", *, start: int | None, end: int | None
) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Open a connection on the events of a span; it is closed at the end.

    Parameters
    ----------
    start, end
        Epoch milliseconds, both inclusive; None for no bound.

    Raises
    ------
    BadInput
        When an event lacks ``timestamp`` or ``message``, or one is of another type.
    """
    import duckdb

    table = _table(events)
    threads = 1 if table.num_rows < _PARALLEL_FROM else _MAX_THREADS
    connection = duckdb.connect(config={"threads": threads})
    try:
        connection.register("loaded", table)
        # The bounds are integers by now; a view takes no parameters.
        bounds = [f"ts >= {start:d}"] if start is not None else []
        bounds += [f"ts <= {end:d}"] if end is not None else []
        where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
        connection.execute(f"CREATE TEMP VIEW spanned AS SELECT * FROM loaded{where}")  # noqa: S608
        connection.execute(
            "CREATE TEMP VIEW events AS SELECT *, CAST(NULL AS VARCHAR) AS fragment FROM spanned"
        )
        yield connection
    finally:
        connection.close()


def find_fragments(
    connection: "duckdb.DuckDBPyConnection", *, switches: Switches = DEFAULT
) -> None:
    """Find the JSON objects that are only part of their message, and add them to ``events``."""
    import pyarrow as pa

    found = connection.execute(f"SELECT n, msg FROM spanned WHERE {embedded(switches)}").fetchall()  # noqa: S608
    fragments = [(n, fragment(message, switches=switches)) for n, message in found]
    kept = [(n, text) for n, text in fragments if text is not None]
    if not kept:
        return
    table = pa.table(
        {
            "n": pa.array([n for n, _ in kept], pa.int64()),
            "fragment": pa.array([text for _, text in kept], pa.string()),
        }
    )
    connection.register("fragments", table)
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW events AS "
        "SELECT spanned.*, fragments.fragment FROM spanned LEFT JOIN fragments USING (n)"
    )


def fragment(message: str, *, switches: Switches = DEFAULT) -> str | None:
    """Return the first JSON object in a message, cut to the fields that are discovered.

    Returns
    -------
    The object's text as logged; rewritten when it has more than 200 fields, or when keys written
    twice must go; None when there is no object.
    """
    found = _object_at(message, lists=switches.json_lists_in_lines == "searched")
    if found is None:
        return None
    text = message[slice(*found)]
    last = switches.repeated_json_key == "last"
    if text.count(",") < MAX_FIELDS and not last:
        return text
    # Numbers are kept as texts, with the digits they were written in.
    pairs = dict if last else _first_of_each
    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_float=str, parse_int=str)
        return json.dumps(_pruned(value, [MAX_FIELDS]))
    except RecursionError:
        # Nested hundreds of levels deep: no path of a query leads there, so it may stay as it is.
        return text


def _object_at(message: str, *, lists: bool) -> tuple[int, int] | None:
    """Find the first JSON object that is not within a list; ``lists`` looks into them too."""
    decoder = json.JSONDecoder()
    at = 0
    for _ in range(_MAX_OPENINGS):
        openings = [message.find(char, at) for char in ("{" if lists else "{[")]
        at = min((opening for opening in openings if opening >= 0), default=-1)
        if at < 0 or (openings[0] < 0):
            return None
        try:
            _, end = decoder.raw_decode(message, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        if message[at] == "{":
            return at, end
        at = end
    return None


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of pairs; of a key written twice the first counts, as in DuckDB."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        made.setdefault(key, value)
    return made


def _pruned(value: Any, left: list[int]) -> Any:
    """Keep the first so many leaves of a JSON value, in the order they are written."""
    if isinstance(value, dict):
        return {key: _pruned(item, left) for key, item in value.items() if left[0] > 0}
    if isinstance(value, list):
        return [_pruned(item, left) for item in value if left[0] > 0]
    left[0] -= 1
    return value


def _table(events: "Events") -> "pa.Table":
    """Return the events as an Arrow table with the columns ts, msg, stream, grp, ingested, n."""
    import duckdb
    import pyarrow as pa

    if isinstance(events, duckdb.DuckDBPyRelation):
        return _of_relation(events)
    listed = events if isinstance(events, list) else list(events)
    try:
        # Arrow would cut a float without a word.
        if any(isinstance(e["timestamp"], float) for e in listed) or any(
            isinstance(e.get("ingestionTime"), float) for e in listed
        ):
            raise BadInput(_WRONG_TYPE)
        return pa.table(
            {
                "ts": pa.array([e["timestamp"] for e in listed], pa.int64()),
                "msg": _texts([e["message"] for e in listed]),
                "stream": _texts([e.get("logStream") for e in listed]),
                "grp": _texts([e.get("log") for e in listed]),
                "ingested": pa.array([e.get("ingestionTime") for e in listed], pa.int64()),
                "n": pa.array(range(len(listed)), pa.int64()),
            }
        )
    except KeyError as error:
        found = f"Query not run: an event has no {error}. Every event needs timestamp and message."
        raise BadInput(found) from None
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        # Arrow's own words would quote the value, which may be a log line.
        raise BadInput(_WRONG_TYPE) from None


def _texts(values: list[Any]) -> "pa.Array":
    import pyarrow as pa

    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        # Half of a surrogate pair, as a cut message may end; no file or API could carry it either.
        repaired = [v and v.encode("utf-8", "replace").decode("utf-8") for v in values]
        return pa.array(repaired, pa.string())


def _of_relation(relation: "duckdb.DuckDBPyRelation") -> "pa.Table":
    """Copy a relation of any connection, so that the query runs on a private one."""
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
    columns.append("row_number() OVER () - 1 AS n")
    return relation.select(", ".join(columns)).to_arrow_table()
