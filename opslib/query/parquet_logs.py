"""Events in a Parquet file, by the names of its columns.

In: a file. Out: a table as `opslib.query.events` makes it. The columns are named as the engine
names them (``timestamp``, ``message``, ``logStream``, ``log``, ``ingestionTime``) or as a query's
rows do (``@timestamp``, ...), so that the evidence of a run can be queried too.

Must not know other formats.
"""

from typing import IO, TYPE_CHECKING

from opslib.query.events import instant
from opslib.query.sources import Problems, Unreadable

if TYPE_CHECKING:
    import pyarrow as pa

_TIMES = ("timestamp", "ingestionTime")
_TEXTS = ("message", "logStream", "log")


def read_parquet(file: IO[bytes], *, problems: Problems) -> "pa.Table":
    """Read the events of a Parquet file; rows without timestamp or message are left out.

    Raises
    ------
    Unreadable
        When it is broken or has no such columns.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        # Columns first: reading starts threads, and a process that ends at once may then abort.
        opened = pq.ParquetFile(file)
        names = {name.removeprefix("@"): name for name in opened.schema_arrow.names}
        missing = [name for name in ("timestamp", "message") if name not in names]
        if missing:
            raise Unreadable(f"it is Parquet without a column {' or '.join(missing)}")
        whole = opened.read()
    except (pa.ArrowException, OSError):
        raise Unreadable("it begins as Parquet, but is broken") from None
    columns = {name: _instants(whole[names[name]]) for name in _TIMES if name in names}
    columns |= {name: _texts(whole[names[name]]) for name in _TEXTS if name in names}
    for name, kind in [("ingestionTime", pa.int64()), ("logStream", pa.string()),
                       ("log", pa.string())]:  # fmt: skip
        columns.setdefault(name, pa.nulls(whole.num_rows, kind))
    table = pa.table({name: columns[name] for name in
                      ("timestamp", "message", "logStream", "log", "ingestionTime")})  # fmt: skip
    kept = table.filter(pc.and_(pc.is_valid(table["timestamp"]), pc.is_valid(table["message"])))
    if kept.num_rows < table.num_rows:
        left_out = table.num_rows - kept.num_rows
        problems.add("rows have no timestamp or message", lines=left_out)
    return kept


def _instants(column: "pa.ChunkedArray") -> "pa.ChunkedArray | pa.Array":
    """Return epoch milliseconds, from numbers, from instants of any unit, or from text."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64())
    if pa.types.is_int64(column.type):
        return column
    return pa.array([instant(value) for value in column.to_pylist()], pa.int64())


def _texts(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa

    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        raise Unreadable(
            f"it is Parquet with a column of {column.type} where text is due"
        ) from None
