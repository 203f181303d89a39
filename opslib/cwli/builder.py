"""From lark's tree to the plan: one method a rule of the grammar.

In: the tree of ``grammar.lark``. Out: ``plan`` records. Strings lose their quotes, names their
backticks, regular expressions are rewritten for DuckDB; limits on numbers are held.

Imported on first use only, because it imports lark. Must not know events or SQL.
"""

# ruff: noqa: D102 -- a method is described by its rule in grammar.lark.

import re
from collections.abc import Sequence
from typing import Any, cast

from lark import Token, v_args
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from opslib.cwli import plan, regexes, spans
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.switches import Switches

MAX_LIMIT = 100_000
"""Largest ``limit``. Source: CWL_QuerySyntax-Limit."""

MAX_PARTS = 16
"""Most dotted parts of a name: each dot may also be part of a key, so the ways to read one grow."""

_PIECE = re.compile(r"\[[0-9]+\]|@?`[^`]+`|[^.\[\]`]+")


def _plain(children: Sequence[Any]) -> list[Any]:
    """Drop keywords and absent options."""
    return [child for child in children if child is not None and not isinstance(child, Token)]


@v_args(meta=True)
class PlanBuilder(Transformer_NonRecursive[Token, Any]):
    """Builds the plan bottom up, without recursion, so that no nesting exhausts the stack."""

    def __init__(self, text: str, switches: Switches) -> None:
        super().__init__(visit_tokens=False)
        self._text = text
        self._switches = switches
        self._closed: set[int] = set()

    def _refuse(self, message: str, at: int, *, expected: tuple[str, ...] = ()) -> MalformedQuery:
        return MalformedQuery(message, at, text=self._text, expected=expected)

    # Stages

    def start(self, meta: Meta, stages: list[plan.Stage]) -> list[plan.Stage]:
        return stages

    def fields(self, meta: Meta, children: list[Any]) -> plan.Fields:
        return plan.Fields(at=meta.start_pos, items=tuple(_plain(children)))

    def display(self, meta: Meta, children: list[Any]) -> plan.Display:
        return plan.Display(at=meta.start_pos, items=tuple(_plain(children)))

    def filter(self, meta: Meta, children: list[Any]) -> plan.Filter:
        (condition,) = _plain(children)
        return plan.Filter(at=meta.start_pos, condition=condition)

    def stats(self, meta: Meta, children: list[Any]) -> plan.Stats:
        *items, keys = children[1:]
        return plan.Stats(at=meta.start_pos, items=tuple(items), keys=keys or ())

    def by(self, meta: Meta, children: list[Any]) -> tuple[plan.Item, ...]:
        return tuple(_plain(children))

    def item(self, meta: Meta, children: list[Any]) -> plan.Item:
        expr, _, alias = children
        if alias is not None:
            return plan.Item(at=meta.start_pos, expr=expr, name=alias.name, aliased=True)
        if isinstance(expr, plan.Field):
            return plan.Item(at=meta.start_pos, expr=expr, name=expr.name, aliased=False)
        name = self._text[meta.start_pos : meta.end_pos]
        if self._switches.header_spaces == "collapsed":
            name = " ".join(name.split())
        return plan.Item(at=meta.start_pos, expr=expr, name=name, aliased=False)

    def sort(self, meta: Meta, children: list[Any]) -> plan.Sort:
        return plan.Sort(at=meta.start_pos, keys=tuple(_plain(children)))

    def sort_key(self, meta: Meta, children: list[Any]) -> plan.SortKey:
        name, ascending, descending = (*children, None, None)[:3]
        direction = ascending if ascending is not None else descending
        descends = None if direction is None else direction.type == "DESC"
        return plan.SortKey(at=meta.start_pos, name=name.name, descending=descends)

    def limit(self, meta: Meta, children: list[Token]) -> plan.Limit:
        written = children[-1]
        if not written.isdigit() or not 1 <= int(written[:9]) <= MAX_LIMIT or len(written) > 9:
            found = f"limit takes a whole number from 1 to {MAX_LIMIT:,}, not {written}."
            raise self._refuse(found, written.start_pos or 0)
        return plan.Limit(at=meta.start_pos, rows=int(written))

    def dedup(self, meta: Meta, children: list[Any]) -> plan.Dedup:
        return plan.Dedup(at=meta.start_pos, names=tuple(_plain(children)))

    def parse_glob(self, meta: Meta, children: list[Any]) -> plan.Parse:
        _, source, literal, _, names = children
        pattern = regexes.from_glob(
            self._unquoted(literal), at=literal.start_pos, switches=self._switches
        )
        if len(pattern.groups) != len(names):
            found = (
                f"the pattern of parse has {len(pattern.groups)} * "
                f"and {len(names)} names after `as`; they must be as many."
            )
            raise self._refuse(found, literal.start_pos)
        return self._parse(meta, source, pattern, list(enumerate(names, start=1)))

    def parse_regex(self, meta: Meta, children: list[Any]) -> plan.Parse:
        _, source, literal, _, names = children
        pattern = self._pattern(literal)
        named = [(i, name) for i, name in enumerate(pattern.groups, start=1) if name]
        if names is None:
            if not named:
                found = "parse with a regular expression needs a named group, as (?<name>...)."
                raise self._refuse(found, literal.start_pos)
            at = literal.start_pos
            pairs = [(i, plan.Field(at=at, name=name)) for i, name in named]
            return self._parse(meta, source, pattern, pairs)
        if named or len(names) != len(pattern.groups):
            found = (
                "parse with a regular expression and `as` needs one unnamed group for each name; "
                f"there are {len(pattern.groups)} groups, {len(named)} of them named, "
                f"and {len(names)} names."
            )
            raise self._refuse(found, literal.start_pos)
        return self._parse(meta, source, pattern, list(enumerate(names, start=1)))

    def _parse(
        self,
        meta: Meta,
        source: plan.Field | None,
        pattern: plan.Pattern,
        pairs: list[tuple[int, plan.Field]],
    ) -> plan.Parse:
        seen: set[str] = set()
        for _, field in pairs:
            if field.name in seen:
                raise self._refuse(f"parse names `{field.name}` twice.", field.at)
            seen.add(field.name)
        return plan.Parse(
            at=meta.start_pos,
            source=source or plan.Field(at=meta.start_pos, name="@message"),
            pattern=pattern,
            names=tuple((i, field.name) for i, field in pairs),
        )

    def names(self, meta: Meta, children: list[plan.Field]) -> list[plan.Field]:
        return children

    def name(self, meta: Meta, children: list[Token]) -> plan.Field:
        written = str(children[0])
        self._bound_parts(written.count(".") + written.count("[") + 1, meta.start_pos)
        return plan.Field(
            at=meta.start_pos, name=written.replace("`", ""), parts=self._steps(written, meta)
        )

    def _bound_parts(self, parts: int, at: int) -> None:
        if parts > MAX_PARTS:
            found = f"a name of {parts} dotted parts; {MAX_PARTS} is the most this engine reads."
            raise self._refuse(found, at)

    def _steps(self, written: str, meta: Meta) -> tuple[str | int, ...]:
        """Cut a name where its dots and indexes are; a dot within backticks is none."""
        steps: list[str | int] = []
        for piece in _PIECE.findall(written):
            if piece.startswith("["):
                steps.append(self._position(piece[1:-1], meta.start_pos))
            else:
                steps.append(piece.replace("`", ""))
        return tuple(steps)

    def _position(self, digits: str, at: int) -> int:
        if len(digits) > 9:
            raise self._refuse("the index of a list has more than nine digits.", at)
        return int(digits)

    def path(self, meta: Meta, children: list[Any]) -> plan.Expr:
        base, written = children
        self._bound_parts(written.count(".") + written.count("["), meta.start_pos)
        return plan.Path(
            at=meta.start_pos, base=base, steps=self._steps(str(written).lstrip("."), meta)
        )

    # Expressions

    def any_of(self, meta: Meta, children: list[Any]) -> plan.Expr:
        parts = tuple(_plain(children))
        if self._switches.mixed_and_or == "refused":
            for part in parts:
                if isinstance(part, plan.AllOf) and id(part) not in self._closed:
                    raise self._refuse("`and` beside `or` needs parentheses.", part.at)
        return plan.AnyOf(at=meta.start_pos, parts=parts)

    def all_of(self, meta: Meta, children: list[Any]) -> plan.Expr:
        return plan.AllOf(at=meta.start_pos, parts=tuple(_plain(children)))

    def negate(self, meta: Meta, children: list[Any]) -> plan.Expr:
        return plan.Negate(at=meta.start_pos, part=children[1])

    def minus(self, meta: Meta, children: list[Any]) -> plan.Expr:
        self._allow_minus(meta)
        return plan.Minus(at=meta.start_pos, part=children[1])

    def negative(self, meta: Meta, children: list[Token]) -> plan.Expr:
        self._allow_minus(meta)
        written = f"-{children[1]}"
        return plan.Number(at=meta.start_pos, value=float(written), written=written)

    def _allow_minus(self, meta: Meta) -> None:
        if self._switches.unary_minus == "refused":
            raise self._refuse("a minus sign needs a value on its left.", meta.start_pos)

    def parenthesised(self, meta: Meta, children: list[plan.Expr]) -> plan.Expr:
        self._closed.add(id(children[0]))
        return children[0]

    def compare(self, meta: Meta, children: list[Any]) -> plan.Expr:
        left, op, right = children
        written = "=" if op == "==" else str(op)
        return plan.Compare(at=meta.start_pos, op=written, left=left, right=right)

    def arithmetic(self, meta: Meta, children: list[Any]) -> plan.Expr:
        left, op, right = children
        return plan.Arithmetic(at=meta.start_pos, op=str(op), left=left, right=right)

    def like(self, meta: Meta, children: list[Any]) -> plan.Expr:
        part, negated, _, literal = children
        return plan.Like(
            at=meta.start_pos, part=part, needle=self._needle(literal), negated=negated is not None
        )

    def match(self, meta: Meta, children: list[Any]) -> plan.Expr:
        part, _, literal = children
        needle = self._needle(literal)
        if isinstance(needle, str):
            needle = self._compiled(needle, literal.start_pos)
        return plan.Like(at=meta.start_pos, part=part, needle=needle, negated=False)

    def in_list(self, meta: Meta, children: list[Any]) -> plan.Expr:
        part, negated, _, *values = children
        present = tuple(value for value in values if value is not None)
        if not present:
            raise self._refuse("the list after `in` is empty.", meta.start_pos)
        return plan.InList(
            at=meta.start_pos, part=part, values=present, negated=negated is not None
        )

    def field(self, meta: Meta, children: list[Token]) -> plan.Field:
        return self.name(meta, children)

    def string(self, meta: Meta, children: list[Token]) -> plan.Text:
        return plan.Text(at=meta.start_pos, value=self._unquoted(children[0]))

    def number(self, meta: Meta, children: list[Token]) -> plan.Number:
        value = float(children[0])
        if value == float("inf"):
            raise self._refuse("the number is too large.", meta.start_pos)
        return plan.Number(at=meta.start_pos, value=value, written=str(children[0]))

    def boolean(self, meta: Meta, children: list[Token]) -> plan.Boolean:
        return plan.Boolean(at=meta.start_pos, value=children[0].type == "TRUE")

    def star(self, meta: Meta, children: list[Token]) -> plan.Star:
        return plan.Star(at=meta.start_pos)

    def duration(self, meta: Meta, children: list[Token]) -> plan.Duration:
        try:
            count, unit = spans.read(str(children[0]))
        except ValueError as error:
            raise self._refuse(str(error), meta.start_pos) from None
        return plan.Duration(at=meta.start_pos, count=count, unit=unit)

    def call(self, meta: Meta, children: list[Any]) -> plan.Call:
        name, *args = children
        present = tuple(arg for arg in args if arg is not None)
        return plan.Call(at=meta.start_pos, name=str(name), args=present)

    # Literals

    def _needle(self, literal: Token) -> str | plan.Pattern:
        return self._pattern(literal) if literal.type == "REGEX" else self._unquoted(literal)

    def _pattern(self, literal: Token) -> plan.Pattern:
        return self._compiled(str(literal)[1:-1], cast("int", literal.start_pos))

    def _compiled(self, source: str, at: int) -> plan.Pattern:
        try:
            return regexes.from_regex(source, at=at)
        except ValueError as error:
            found = f"the regular expression does not compile: {error}."
            raise self._refuse(found, at) from None

    def _unquoted(self, literal: Token) -> str:
        inner = str(literal)[1:-1]
        if self._switches.string_escapes == "none":
            return inner
        return re.sub(r"\\([\"'\\])", r"\1", inner)
