"""A query on its way from tree to plan: its text, its switches, and how its literals are read.

In: tokens of the grammar. Out: strings without quotes, names without backticks cut into parts,
regular expressions for DuckDB, or ``MalformedQuery`` with the place. ``builder`` and
``stage_rules`` share one draft.

Must not know events or SQL.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from lark import Token
from lark.tree import Meta

from opslib.cwli import plan, regexes, spans
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.switches import Switches

MAX_PARTS = 16
"""Most dotted parts of a name: each dot may also be part of a key, so the ways to read one grow."""

_PIECE = re.compile(r"\[[0-9]+\]|@?`[^`]+`|[^.\[\]`]+")


@dataclass(frozen=True)
class Draft:
    """What every rule needs. ``closed`` are the expressions that stand in parentheses, by id."""

    text: str
    switches: Switches
    closed: set[int] = field(default_factory=set)

    def refuse(
        self, message: str, at: int, *, end: int | None = None, expected: tuple[str, ...] = ()
    ) -> MalformedQuery:
        """Return the error to raise."""
        return MalformedQuery(message, at, text=self.text, expected=expected, end=end)

    def name(self, written: str, *, at: int) -> plan.Field:
        """Read a name as a field."""
        flat = written.replace("`", "")
        return plan.Field(at=at, name=flat, parts=self.steps(written, at=at))

    def steps(self, written: str, *, at: int) -> tuple[str | int, ...]:
        """Cut a name where its dots and indexes are; a dot within backticks is none."""
        pieces = _PIECE.findall(written)
        # The flat name is searched too, so that its dots count even within backticks.
        parts = max(len(pieces), written.count(".") + 1)
        if parts > MAX_PARTS:
            found = f"a name of {parts} dotted parts; {MAX_PARTS} is the most this engine reads."
            raise self.refuse(found, at)
        return tuple(self._step(piece, at=at) for piece in pieces)

    def _step(self, piece: str, *, at: int) -> str | int:
        if not piece.startswith("["):
            return piece.replace("`", "")
        if len(piece) > 11:
            raise self.refuse("the index of a list has more than nine digits.", at)
        return int(piece[1:-1])

    def unquoted(self, literal: Token) -> str:
        """Read a string."""
        inner = str(literal)[1:-1]
        if self.switches.string_escapes == "none":
            return inner
        return re.sub(r"\\([\"'\\])", r"\1", inner)

    def needle(self, literal: Token) -> str | plan.Pattern:
        """Read what stands after ``like``."""
        return self.pattern(literal) if literal.type == "REGEX" else self.unquoted(literal)

    def pattern(self, literal: Token) -> plan.Pattern:
        """Read a regular expression between slashes."""
        return self.compiled(str(literal)[1:-1], cast("int", literal.start_pos))

    def compiled(self, source: str, at: int) -> plan.Pattern:
        """Rewrite a regular expression."""
        try:
            return regexes.from_regex(source, at=at)
        except ValueError as error:
            found = f"the regular expression does not compile: {error}."
            raise self.refuse(found, at) from None

    def duration(self, written: Token) -> plan.Duration:
        """Read a span such as ``5m``."""
        at = written.start_pos or 0
        try:
            count, unit = spans.read(str(written))
        except ValueError as error:
            raise self.refuse(str(error), at) from None
        return plan.Duration(at=at, count=count, unit=unit)

    def whole(self, written: Token, *, of: str, most: int) -> int:
        """Read a whole number from 1."""
        if not written.isdigit() or len(written) > 9 or not 1 <= int(written) <= most:
            found = f"{of} takes a whole number from 1 to {most:,}, not {written}."
            raise self.refuse(found, written.start_pos or 0)
        return int(written)


Rule = Callable[[Draft, Meta, list[Any]], Any]
"""A rule of the grammar: the draft, where it stands, what its parts were built to; its result."""


def plain(children: Sequence[Any]) -> list[Any]:
    """Drop keywords and absent options."""
    return [child for child in children if child is not None and not isinstance(child, Token)]


def named_once(draft: Draft, names: Sequence[plan.Field], *, command: str) -> None:
    """Refuse a list of names that has one twice."""
    seen: set[str] = set()
    for name in names:
        if name.name in seen:
            raise draft.refuse(f"{command} names `{name.name}` twice.", name.at)
        seen.add(name.name)
