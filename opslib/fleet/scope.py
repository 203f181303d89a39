"""What a triage looks at: a whole system, or one function with what feeds it. Does no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from opslib.system import Function, Queue, Stream, System, Table

#: Up to so many functions, each one's configuration and logs are read.
FEW = 10
_INDEX = ", index "


@dataclass(frozen=True, slots=True)
class Scope:
    """The things that are looked at together, each kind in the order of the params file."""

    system: System
    functions: tuple[Function, ...]
    queues: tuple[Queue, ...]
    streams: tuple[Stream, ...]
    tables: tuple[Table, ...]
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Table to its global secondary indexes, of those tables that were asked."""

    @property
    def few(self) -> bool:
        """Whether each function can be read by itself."""
        return len(self.functions) <= FEW

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of all of them."""
        kinds = (self.functions, self.queues, self.streams, self.tables)
        return tuple(each.name for kind in kinds for each in kind)

    @property
    def indexed(self) -> tuple[tuple[str, str, str], ...]:
        """Subject, table and index of each global secondary index that is known."""
        return tuple(
            (f"{table}{_INDEX}{index}", table, index)
            for table, indexes in self.indexes.items()
            for index in indexes
        )

    def __str__(self) -> str:
        return f"{self.system.name}: {len(self.functions)} functions"


def table_of(subject: str) -> str:
    """Return the table of the subject of an index; of any other, itself."""
    return subject.partition(_INDEX)[0]


def scope(system: System, function: str = "") -> Scope:
    """Return all of a system, or one function with its queues, stream and table.

    Raises
    ------
    BadInput
        The system has no such function.
    """
    if not function:
        return Scope(system, system.functions, system.queues, system.streams, system.tables)
    named = system.function(function)
    queues = {named.dead_letter_queue, *named.queues}
    return Scope(
        system,
        (named,),
        tuple(queue for queue in system.queues if queue.name in queues),
        tuple(stream for stream in system.streams if stream.name == named.stream),
        tuple(table for table in system.tables if table.name == named.table),
    )
