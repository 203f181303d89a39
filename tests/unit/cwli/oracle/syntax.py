"""A query as a tree of plain records, and the text that means the same to the engine.

Must not know how anything is evaluated.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cwli.oracle.terms import (
    Expression,
    Name,
    Number,
    Pattern,
    Text,
    field,
    field_whole,
    sought,
    string,
    write,
)


@dataclass(frozen=True)
class Column:
    expression: Expression
    alias: str | None = None

    @property
    def header(self) -> str:
        """The name of the column: its alias, its field, or its source text."""
        if self.alias is not None:
            return self.alias
        if isinstance(self.expression, Name):
            return self.expression.name
        return write(self.expression)


@dataclass(frozen=True)
class Fields:
    columns: tuple[Column, ...]
    command: Literal["fields", "display"] = "fields"


@dataclass(frozen=True)
class Filter:
    condition: Expression


@dataclass(frozen=True)
class Stats:
    """``offset`` is how much later bins are printed: a count and a unit."""

    values: tuple[Column, ...]
    keys: tuple[Column, ...] = ()
    offset: tuple[int, str] | None = None


@dataclass(frozen=True)
class Sort:
    keys: tuple[tuple[str, Literal["asc", "desc"] | None], ...]


@dataclass(frozen=True)
class Limit:
    count: int


@dataclass(frozen=True)
class Dedup:
    names: tuple[str, ...]


@dataclass(frozen=True)
class ParseGlob:
    source: str | None
    glob: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class ParsePattern:
    """``python`` holds its groups in the order of ``names``; ``named`` says who names them."""

    source: str | None
    pattern: Pattern
    names: tuple[str, ...]
    named: bool
    multi: bool = False


@dataclass(frozen=True)
class ParseText:
    """``csv`` gives its columns to ``names``; ``logfmt`` gives a map to the one name."""

    source: str
    kind: Literal["csv", "logfmt"]
    names: tuple[str, ...]


@dataclass(frozen=True)
class ParseJson:
    """``keys`` lead into the map that the text of ``source`` is."""

    source: str
    keys: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class FillMissing:
    """``given`` are the constants of the rows that are put in, by column."""

    given: tuple[tuple[Text | Number, str], ...] = ()


@dataclass(frozen=True)
class Unnest:
    """One row a member of a list; ``alias`` is None for ``expand``."""

    source: str
    alias: str | None


@dataclass(frozen=True)
class Accum:
    source: str
    alias: str | None


@dataclass(frozen=True)
class Autoregress:
    source: str
    first: int
    last: int


@dataclass(frozen=True)
class FillDown:
    names: tuple[str, ...]


@dataclass(frozen=True)
class AddTotals:
    names: tuple[str, ...]
    total: str = "Total"


@dataclass(frozen=True)
class Sessionize:
    names: tuple[str, ...]
    gap_s: int | None
    alias: str = "session_id"


@dataclass(frozen=True)
class CountFrequent:
    names: tuple[str, ...]


Stage: TypeAlias = (
    Fields
    | Filter
    | Stats
    | Sort
    | Limit
    | Dedup
    | ParseGlob
    | ParsePattern
    | ParseText
    | ParseJson
    | FillMissing
    | Unnest
    | Accum
    | Autoregress
    | FillDown
    | AddTotals
    | Sessionize
    | CountFrequent
)
Query: TypeAlias = tuple[Stage, ...]


def text_of(query: Query) -> str:
    """Return the whole query as the engine reads it."""
    return " | ".join(_stage(stage) for stage in query)


def _column(column: Column) -> str:
    alias = "" if column.alias is None else f" as {field_whole(column.alias)}"
    return write(column.expression) + alias


def _stage(stage: Stage) -> str:
    match stage:
        case Fields(columns, command):
            return f"{command} {', '.join(map(_column, columns))}"
        case Filter(condition):
            return f"filter {write(condition)}"
        case Stats(values, keys, offset):
            by = f" by {', '.join(map(_column, keys))}" if keys else ""
            by += f" offset {offset[0]}{offset[1]}" if offset else ""
            return f"stats {', '.join(map(_column, values))}{by}"
        case Sort(keys):
            listed = [field(name) + (f" {way}" if way else "") for name, way in keys]
            return f"sort {', '.join(listed)}"
        case Limit(count):
            return f"limit {count}"
        case Dedup(names):
            return f"dedup {', '.join(map(field, names))}"
        case ParseGlob(source, glob, names):
            of = "" if source is None else field(source) + " "
            return f"parse {of}{string(glob)} as {', '.join(map(field_whole, names))}"
        case ParsePattern(source, pattern, names, named):
            of = "" if source is None else field(source) + " "
            after = "" if named else f" as {', '.join(map(field_whole, names))}"
            return f"parse {of}{sought(pattern)}{after}{' multi' if stage.multi else ''}"
        case _:
            return _newer_stage(stage)


def _newer_stage(stage: Stage) -> str:
    match stage:
        case FillMissing(given):
            filled = [f"{write(value)} for {field(name)}" for value, name in given]
            return "fillmissing" + (f" with {', '.join(filled)}" if filled else "")
        case Accum(source, alias):
            return f"accum {field(source)}" + (f" as {alias}" if alias else "")
        case Autoregress(source, first, last):
            return f"autoregress {field(source)} p={first}" + (f"-{last}" if last > first else "")
        case FillDown(names):
            return f"filldown {' '.join(map(field, names))}"
        case AddTotals(names, total):
            named = "" if total == "Total" else f"fieldname={total} "
            return f"addtotals {named}{', '.join(map(field, names))}"
        case Sessionize(names, gap_s, alias):
            gap = "" if gap_s is None else f" maxspan {gap_s}s"
            named = "" if alias == "session_id" else f" as {alias}"
            return f"sessionize {', '.join(map(field, names))}{gap}{named}"
        case CountFrequent(names):
            return f"countFrequent {', '.join(map(field, names))}"
        case _:
            return _extraction(stage)


def _extraction(stage: Stage) -> str:
    match stage:
        case ParseText(source, kind, names):
            return f"parse {field(source)} {kind} as {', '.join(names)}"
        case ParseJson(source, keys, name):
            return f"parse json field={field(source)} {string('.'.join(keys))} as {name}"
        case Unnest(source, None):
            return f"expand {field(source)}"
        case Unnest(source, alias):
            return f"unnest {field(source)} into {alias}"
        case _:
            raise TypeError(stage)
