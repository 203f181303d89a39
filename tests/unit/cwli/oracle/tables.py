"""The rows between two stages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cwli.oracle.terms import Span
from cwli.oracle.values import Tree, Value, inside


@dataclass
class Line:
    """One row: what was found in its event, what stages made, and when it happened."""

    found: Mapping[str, Value]
    made: dict[str, Value] = field(default_factory=dict)
    at: tuple[int, int] = (0, 0)  # epoch ms, then the order of arrival

    def lookup(self, name: str) -> Value:
        if name in self.made:
            return self.made[name]
        parts = name.split(".")
        for length in range(len(parts) - 1, 0, -1):
            tree = self.made.get(".".join(parts[:length]))
            if isinstance(tree, Tree):
                return inside(tree, parts[length:])
        return self.found.get(name)


@dataclass(frozen=True)
class Bins:
    """What the first key of a ``stats`` is when it is a bin, and whether it is the only key."""

    span: Span
    offset: tuple[int, str] | None
    alone: bool


@dataclass
class Table:
    """The rows in ties; ``cut`` rows of the last tie are left out, it is open which.

    Rows of one tie have no documented order among themselves.
    """

    ties: list[list[Line]]
    columns: list[str] | None = None
    events: bool = True
    cut: int = 0
    bin_column: str | None = None
    bins: Bins | None = None
