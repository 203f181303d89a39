"""Events as Arrow tables, made for one query or held for several.

In: mappings with ``timestamp`` (epoch milliseconds), ``message`` and optionally ``logStream``,
``log``, ``ingestionTime`` and ``eventId``. Out: a table with the columns that ``discovery``
describes, or `Held`. To make one takes as long as a small query; whoever asks more than one query
of the same events holds them.

Must not know the query.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from opslib.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 50_000
"""Events of an iterable that are Python objects at the same time."""
_AT_ONCE_BYTES = 8_000_000
"""Size of the messages that DuckDB handles at the same time, if they are long. Else it takes 2,048
of any length, several copies of each, and heeds no interruption meanwhile."""
_FEWEST_AT_ONCE = 64
"""DuckDB puts fewer together again."""
WRONG_TYPE = (
    "Query not run: an event holds a value of the wrong type. timestamp and ingestionTime "
    "are integers (epoch ms); message, logStream, log and eventId are strings."
)


@dataclass(frozen=True)
class Held:
    """Events that are asked more than one query.

    ``table`` has them; what was told of all of them is kept.
    """

    table: "pa.Table"
    _told: dict[str, list[Any]] = field(default_factory=dict)

    def teller(self, ask: Callable[[str], list[Any]]) -> Callable[[str], list[Any]]:
        """Return what asks a statement about all the events, the first time it is wanted."""

        def told(sql: str) -> list[Any]:
            if sql not in self._told:
                self._told[sql] = ask(sql)
            return self._told[sql]

        return told

    def since(self, at_ms: int) -> "Held":
        """Return those of an instant (epoch milliseconds) and later."""
        import pyarrow.compute as pc

        return Held(self.table.filter(pc.field("ts") >= at_ms))

    def middle_ms(self, start_ms: int, end_ms: int) -> int:
        """Return the instant in whose front half of the events of a span are; 0 without events."""
        import pyarrow.compute as pc

        at = self.table["ts"]
        within = pc.and_(pc.greater_equal(at, start_ms), pc.less_equal(at, end_ms))
        instants = sorted(pc.filter(at, within).to_pylist())
        return instants[len(instants) // 2] if instants else 0


def held(events: "Iterable[Mapping[str, Any]]") -> Held:
    """Hold events for more than one query.

    Raises
    ------
    BadInput
        When an event lacks ``timestamp`` or ``message``, or one is of another type.
    """
    return Held(table(events))


def together(parts: Sequence[Held]) -> Held:
    """Return events that are held apart as one, those of the first part first."""
    import pyarrow as pa

    if len(parts) == 1:
        return parts[0]
    joined = pa.concat_tables([part.table.drop_columns(["n"]) for part in parts])
    places = pa.array(range(joined.num_rows), pa.int64())
    return Held(joined.append_column("n", places))


def table(events: "Iterable[Mapping[str, Any]]") -> "pa.Table":
    """Return events as an Arrow table with the columns ts, msg, stream, grp, ingested, id, n.

    Raises
    ------
    BadInput
        When an event lacks ``timestamp`` or ``message``, or one is of another type.
    """
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
        raise BadInput(WRONG_TYPE) from None


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
            "id": _texts([event.get("eventId") for event in listed]),
            "n": pa.array(range(before, before + len(listed)), pa.int64()),
        }
    )


def _integers(values: list[Any]) -> "pa.Array":
    import pyarrow as pa

    # Arrow would cut a float without a word.
    if any(issubclass(kind, float) for kind in set(map(type, values))):
        raise BadInput(WRONG_TYPE)
    return pa.array(values, pa.int64())


def _texts(values: list[Any]) -> "pa.Array":
    import pyarrow as pa

    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        # Half of a surrogate pair, as a cut message may end; no file or API could carry it either.
        repaired = [v and v.encode("utf-8", "replace").decode("utf-8") for v in values]
        return pa.array(repaired, pa.string())
