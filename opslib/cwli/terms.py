"""The expressions of a plan: names, literals, operators and calls.

In: nothing; these are plain frozen records the parser makes and the compiler reads. Every record
carries ``at``, the offset of its first character in the query text, for error messages. The rest of
the package knows them as names of ``plan``.

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
