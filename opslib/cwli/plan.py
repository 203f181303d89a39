"""The typed plan of a query: what a text means, before anything is known of data or SQL.

In: nothing; these are plain frozen records the parser makes and the compiler reads. Every record
carries ``at``, the offset of its first character in the query text, for error messages.

Must not know lark, DuckDB or events.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Expr:
    """A part of an expression."""

    at: int

    def children(self) -> "tuple[Expr, ...]":
        """Return the expressions directly below this one, in the order they are written."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Field(Expr):
    """A field or alias by its flat name, without backticks: ``httpRequest.uri``, ``@message``.

    ``parts`` are the pieces of the name as it was written: a dot parts them, but not one within
    backticks, and the index of a list is a number, so that ``m.users[1].`a.b` `` has the parts
    ``m``, ``users``, 1, ``a.b``. Whether the first of them name a map is known to the compiler.
    """

    name: str
    parts: tuple[str | int, ...] = ()


def joined(parts: Sequence[str | int]) -> str:
    """Return the flat name of the first parts of a name, as ``Field.name`` has it."""
    flat = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return flat.removeprefix(".")


def base_of(field: Field, known: Collection[str]) -> tuple[str, tuple[str | int, ...]] | None:
    """Cut a name into the longest known name it begins with, and the steps from there."""
    for end in range(len(field.parts) - 1, 0, -1):
        base = joined(field.parts[:end])
        if base in known:
            return base, field.parts[end:]
    return None


@dataclass(frozen=True, kw_only=True)
class Path(Expr):
    """``base.key[0]``: what is reached within a map or list that a call returns.

    ``steps`` are keys (text) and positions (numbers), outermost first. The value of ``base`` is of
    ``values.Kind.JSON``; ``values.within`` takes the steps. A path that begins at a name is a
    ``Field``.
    """

    base: Expr
    steps: tuple[str | int, ...]

    def children(self) -> tuple[Expr, ...]:
        """Return what the path begins at."""
        return (self.base,)


@dataclass(frozen=True, kw_only=True)
class Text(Expr):
    """A string literal, unescaped."""

    value: str


@dataclass(frozen=True, kw_only=True)
class Number(Expr):
    """A number literal; ``written`` is its source text."""

    value: float
    written: str


@dataclass(frozen=True, kw_only=True)
class Boolean(Expr):
    """``true`` or ``false``."""

    value: bool


@dataclass(frozen=True, kw_only=True)
class Duration(Expr):
    """A span such as ``5m``: ``count`` as written (caps not applied) and the canonical ``unit``."""

    count: int
    unit: str


@dataclass(frozen=True, kw_only=True)
class Star(Expr):
    """The ``*`` of ``count(*)``."""


@dataclass(frozen=True, kw_only=True)
class AnyOf(Expr):
    """``a or b or c``."""

    parts: tuple[Expr, ...]

    def children(self) -> tuple[Expr, ...]:
        """Return the alternatives."""
        return self.parts


@dataclass(frozen=True, kw_only=True)
class AllOf(Expr):
    """``a and b and c``."""

    parts: tuple[Expr, ...]

    def children(self) -> tuple[Expr, ...]:
        """Return the conditions."""
        return self.parts


@dataclass(frozen=True, kw_only=True)
class Negate(Expr):
    """``not a`` or ``!a``."""

    part: Expr

    def children(self) -> tuple[Expr, ...]:
        """Return the condition negated."""
        return (self.part,)


@dataclass(frozen=True, kw_only=True)
class Minus(Expr):
    """``-a``."""

    part: Expr

    def children(self) -> tuple[Expr, ...]:
        """Return the operand."""
        return (self.part,)


@dataclass(frozen=True, kw_only=True)
class Compare(Expr):
    """``left op right``; ``op`` is one of ``= != < <= > >=``."""

    op: str
    left: Expr
    right: Expr

    def children(self) -> tuple[Expr, ...]:
        """Return both sides."""
        return (self.left, self.right)


@dataclass(frozen=True, kw_only=True)
class Arithmetic(Expr):
    """``left op right``; ``op`` is one of ``+ - * / % ^``."""

    op: str
    left: Expr
    right: Expr

    def children(self) -> tuple[Expr, ...]:
        """Return both sides."""
        return (self.left, self.right)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A regular expression as DuckDB takes it.

    ``groups`` has one entry a capturing group, in order: its name, or None.
    """

    at: int
    regex: str
    groups: tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Like(Expr):
    """``part like needle``: substring for a string, search for a pattern."""

    part: Expr
    needle: str | Pattern
    negated: bool

    def children(self) -> tuple[Expr, ...]:
        """Return what is searched."""
        return (self.part,)


@dataclass(frozen=True, kw_only=True)
class InList(Expr):
    """``part in [values]``; values are literals."""

    part: Expr
    values: tuple[Expr, ...]
    negated: bool

    def children(self) -> tuple[Expr, ...]:
        """Return what is looked up, then the list."""
        return (self.part, *self.values)


@dataclass(frozen=True, kw_only=True)
class Call(Expr):
    """``name(args)``; the name is as written."""

    name: str
    args: tuple[Expr, ...]

    def children(self) -> tuple[Expr, ...]:
        """Return the arguments."""
        return self.args


@dataclass(frozen=True, kw_only=True)
class Item:
    """One column of ``fields``, ``display`` or ``stats``; ``name`` is its alias or source text."""

    at: int
    expr: Expr
    name: str
    aliased: bool


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
    """``accum of as name``: a running sum, row by row; ``name`` is None when none is written."""

    of: Field
    name: str | None


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
