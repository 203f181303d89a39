"""The typed plan of a query: what a text means, before anything is known of data or SQL.

In: nothing; these are plain frozen records the parser makes and the compiler reads. Every record
carries ``at``, the offset of its first character in the query text, for error messages. Here are
the stages; the expressions within them are in ``terms``.

Must not know lark, DuckDB or events.
"""

from dataclasses import dataclass

from opslib.cwli.terms import (
    AllOf,
    AnyOf,
    Arithmetic,
    Boolean,
    Call,
    Compare,
    Duration,
    Expr,
    Field,
    InList,
    Item,
    Like,
    Minus,
    Negate,
    Number,
    Path,
    Pattern,
    Star,
    Text,
    base_of,
    joined,
)

__all__ = [
    "Accum",
    "AddTotals",
    "AllOf",
    "AnyOf",
    "AppendCols",
    "Arithmetic",
    "Autoregress",
    "Boolean",
    "Call",
    "Compare",
    "CountFrequent",
    "Dedup",
    "Display",
    "Duration",
    "Expand",
    "Expr",
    "Field",
    "Fields",
    "FillDown",
    "FillMissing",
    "Filter",
    "InList",
    "Item",
    "Like",
    "Limit",
    "Minus",
    "Negate",
    "Number",
    "Parse",
    "ParseCsv",
    "ParseJson",
    "ParseLogfmt",
    "Path",
    "Pattern",
    "Query",
    "Sessionize",
    "Sort",
    "SortKey",
    "Source",
    "Stage",
    "Star",
    "Stats",
    "Text",
    "Unnest",
    "base_of",
    "joined",
]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One command of a query."""

    at: int


@dataclass(frozen=True, kw_only=True)
class Fields(Stage):
    """``fields``: more columns to show; not a projection."""

    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class Display(Stage):
    """``display``: the columns to show; the last one counts."""

    items: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class Filter(Stage):
    """``filter`` or ``where``; ``indexed`` says that it was ``filterIndex``.

    An index lets CloudWatch skip log groups and changes no answer otherwise; this engine has none,
    so ``filterIndex`` is run as ``filter``.
    """

    condition: Expr
    indexed: bool = False


@dataclass(frozen=True, kw_only=True)
class Stats(Stage):
    """``stats items by keys offset offset``."""

    items: tuple[Item, ...]
    keys: tuple[Item, ...]
    offset: Duration | None = None


@dataclass(frozen=True, kw_only=True)
class SortKey:
    """One field of ``sort``; ``descending`` is None when no direction is written."""

    at: int
    field: Field
    descending: bool | None

    @property
    def name(self) -> str:
        """The name of the field."""
        return self.field.name


@dataclass(frozen=True, kw_only=True)
class Sort(Stage):
    """``sort keys``."""

    keys: tuple[SortKey, ...]


@dataclass(frozen=True, kw_only=True)
class Limit(Stage):
    """``limit rows``."""

    rows: int


@dataclass(frozen=True, kw_only=True)
class Dedup(Stage):
    """``dedup names``."""

    names: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class Parse(Stage):
    """``parse source pattern``; ``names`` pairs capturing groups, from 1, with new fields.

    ``multi`` gives a row for each match; without it only the first counts.
    """

    source: Field
    pattern: Pattern
    names: tuple[tuple[int, str], ...]
    multi: bool = False


@dataclass(frozen=True, kw_only=True)
class ParseLogfmt(Stage):
    """``parse source logfmt as name``: the ``key=value`` pairs of a text, as a map."""

    source: Field
    name: str


@dataclass(frozen=True, kw_only=True)
class ParseCsv(Stage):
    """``parse source csv as names``: the comma separated values of a text, in order."""

    source: Field
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ParseJson(Stage):
    """``parse json field=source "steps" as name``: one member of a JSON text."""

    source: Field
    steps: tuple[str | int, ...]
    name: str


@dataclass(frozen=True, kw_only=True)
class Source(Stage):
    """``SOURCE``: the log groups to read: one by its ``name``, or all whose name has a prefix.

    ``name`` is as written, a name or an ARN. Without a name, every log group is meant whose name
    begins with one of ``prefixes``; any at all when there are none.
    """

    name: str | None
    prefixes: tuple[str, ...] = ()

    @property
    def group(self) -> str | None:
        """The name of the log group, also where an ARN is written."""
        return self.name and self.name.removesuffix(":*").rsplit(":", 1)[-1]

    @property
    def account(self) -> str | None:
        """The account of the log group, where an ARN is written."""
        parts = (self.name or "").split(":")
        return parts[4] if parts[0] == "arn" and len(parts) > 4 else None


@dataclass(frozen=True, kw_only=True)
class Unnest(Stage):
    """``unnest of into name``: a row for each member of a list."""

    of: Field
    name: str


@dataclass(frozen=True, kw_only=True)
class Expand(Stage):
    """``expand of``: an event for each member of the JSON list that a field holds."""

    of: Field


@dataclass(frozen=True, kw_only=True)
class Accum(Stage):
    """``accum of as name``: a running sum, row by row."""

    of: Field
    name: str


@dataclass(frozen=True, kw_only=True)
class AddTotals(Stage):
    """``addtotals``: sums of the ``names`` of a row, and of a column; no names mean all."""

    total: str
    row: bool
    col: bool
    names: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class AppendCols(Stage):
    """``appendcols (query)``: the columns of another query beside these, row by row."""

    query: "Query"
    override: bool
    rows: int


@dataclass(frozen=True, kw_only=True)
class Autoregress(Stage):
    """``autoregress of``: copies of a field from earlier rows; pairs of name and rows back."""

    of: Field
    lags: tuple[tuple[str, int], ...]


@dataclass(frozen=True, kw_only=True)
class FillDown(Stage):
    """``filldown names``: a missing value is the last present one above it.

    A name may hold ``*``, which is any text; no names mean all.
    """

    names: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class FillMissing(Stage):
    """``fillmissing``: rows for the bins that have none; ``values`` are what they hold."""

    values: tuple[tuple[Field, Expr], ...]


@dataclass(frozen=True, kw_only=True)
class Sessionize(Stage):
    """``sessionize names``: numbers the sessions, parted by gaps longer than ``gap``."""

    names: tuple[Field, ...]
    gap: Duration
    name: str


@dataclass(frozen=True, kw_only=True)
class CountFrequent(Stage):
    """``countFrequent names``: how often each combination of values occurs, most often first."""

    names: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class Query:
    """A whole query: its text and its stages in order."""

    text: str
    stages: tuple[Stage, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """The log groups the query itself names, all of them to be read; empty when none is."""
        return tuple(stage for stage in self.stages if isinstance(stage, Source))
