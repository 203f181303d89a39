"""Log events as they are read, collected into one Arrow table.

In: one event at a time, its instant unknown if the line tells none. Out: a table with the columns
the engine takes: ``timestamp``, ``ingestionTime`` (int64, epoch milliseconds), ``message``,
``logStream``, ``log`` (string).

Must not know formats or files.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 20_000
# A number of seconds since 1970 has ten digits until the year 2286; milliseconds have thirteen.
_SECONDS_BELOW = 100_000_000_000
_LATEST = 10**15


class Event(NamedTuple):
    """One log event; ``timestamp`` and ``ingestion_time`` in epoch milliseconds."""

    timestamp: int | None
    message: str
    log_stream: str | None = None
    log: str | None = None
    ingestion_time: int | None = None


class Collector:
    """Takes the events of one source, in order, and gives them as a table.

    An event without an instant gets that of the event before it, the first ones that of the first
    known, and where no event has any, the one given to `table`.
    """

    def __init__(self) -> None:
        self.count = 0
        self.undated = 0
        self._batches: list[pa.Table] = []

    def take(self, events: Iterator[Event]) -> None:
        """Take every event there is."""
        while rows := list(islice(events, _BATCH)):
            self._keep(rows)

    def table(self, *, otherwise: int) -> "pa.Table":
        """Give the events.

        Parameters
        ----------
        otherwise
            Epoch milliseconds for a source none of whose events tells its instant.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._batches:
            self._keep([])
        whole = pa.concat_tables(self._batches)
        known = whole["timestamp"].combine_chunks()
        filled = pc.fill_null_backward(pc.fill_null_forward(known))
        return whole.set_column(0, "timestamp", pc.fill_null(filled, otherwise))

    def _keep(self, rows: list[Event]) -> None:
        import pyarrow as pa

        kinds = (pa.int64(), pa.string(), pa.string(), pa.string(), pa.int64())
        names = ("timestamp", "message", "logStream", "log", "ingestionTime")
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        arrays = [pa.array(column, kind) for kind, column in zip(kinds, columns, strict=True)]
        self.count += len(rows)
        self.undated += arrays[0].null_count
        self._batches.append(pa.table(dict(zip(names, arrays, strict=True))))


def instant(written: Any) -> int | None:
    """Read an instant as log lines write it; None when it is none.

    Parameters
    ----------
    written
        Epoch milliseconds or seconds as a number or its text, or ISO 8601; without a zone it is
        UTC.

    Returns
    -------
    Epoch milliseconds.
    """
    if type(written) is int and _SECONDS_BELOW <= written < _LATEST:
        return written
    if isinstance(written, bool):
        return None
    if isinstance(written, str):
        try:
            return _milliseconds(datetime.fromisoformat(written))
        except (ValueError, OverflowError):
            pass
        try:
            written = float(written)
        except ValueError:
            return None
    if not isinstance(written, int | float) or not 0 <= written < _LATEST:
        return None
    return round(written * 1000) if written < _SECONDS_BELOW else int(written)


def _milliseconds(at: datetime) -> int:
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
