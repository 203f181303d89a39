"""From lark's tree to the plan: one method a rule for expressions, ``stage_rules`` for commands.

In: the tree of ``grammar.lark``. Out: ``plan`` records. Strings lose their quotes, names their
backticks, regular expressions are rewritten for DuckDB; limits on numbers are held.

Imported on first use only, because it imports lark. Must not know events or SQL.
"""

# ruff: noqa: D102 -- a method is described by its rule in grammar.lark.

from typing import Any

from lark import Token, v_args
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from opslib.cwli import plan
from opslib.cwli.draft import Draft, plain
from opslib.cwli.stage_rules import RULES
from opslib.cwli.switches import Switches


@v_args(meta=True)
class PlanBuilder(Transformer_NonRecursive[Token, Any]):
    """Builds the plan bottom up, without recursion, so that no nesting exhausts the stack."""

    def __init__(self, text: str, switches: Switches) -> None:
        super().__init__(visit_tokens=False)
        self._draft = Draft(text, switches)

    def __default__(self, data: Token, children: list[Any], meta: Meta) -> Any:
        return RULES[str(data)](self._draft, meta, children)

    # Names

    def name(self, meta: Meta, children: list[Token]) -> plan.Field:
        return self._draft.name(str(children[0]), at=meta.start_pos)

    def names(self, meta: Meta, children: list[plan.Field]) -> list[plan.Field]:
        return children

    def path(self, meta: Meta, children: list[Any]) -> plan.Expr:
        base, written = children
        steps = self._draft.steps(str(written).removeprefix("."), at=meta.start_pos)
        return plan.Path(at=meta.start_pos, base=base, steps=steps)

    # Expressions

    def any_of(self, meta: Meta, children: list[Any]) -> plan.Expr:
        parts = tuple(plain(children))
        if self._draft.switches.mixed_and_or == "refused":
            for part in parts:
                if isinstance(part, plan.AllOf) and id(part) not in self._draft.closed:
                    raise self._draft.refuse("`and` beside `or` needs parentheses.", part.at)
        return plan.AnyOf(at=meta.start_pos, parts=parts)

    def all_of(self, meta: Meta, children: list[Any]) -> plan.Expr:
        return plan.AllOf(at=meta.start_pos, parts=tuple(plain(children)))

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
        if self._draft.switches.unary_minus == "refused":
            raise self._draft.refuse("a minus sign needs a value on its left.", meta.start_pos)

    def parenthesised(self, meta: Meta, children: list[plan.Expr]) -> plan.Expr:
        self._draft.closed.add(id(children[0]))
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
            at=meta.start_pos,
            part=part,
            needle=self._draft.needle(literal),
            negated=negated is not None,
        )

    def match(self, meta: Meta, children: list[Any]) -> plan.Expr:
        part, _, literal = children
        needle = self._draft.needle(literal)
        if isinstance(needle, str):
            needle = self._draft.compiled(needle, literal.start_pos)
        return plan.Like(at=meta.start_pos, part=part, needle=needle, negated=False)

    def in_list(self, meta: Meta, children: list[Any]) -> plan.Expr:
        part, negated, _, *values = children
        present = tuple(value for value in values if value is not None)
        if not present:
            raise self._draft.refuse("the list after `in` is empty.", meta.start_pos)
        return plan.InList(
            at=meta.start_pos, part=part, values=present, negated=negated is not None
        )

    def field(self, meta: Meta, children: list[Token]) -> plan.Field:
        return self.name(meta, children)

    def string(self, meta: Meta, children: list[Token]) -> plan.Text:
        return plan.Text(at=meta.start_pos, value=self._draft.unquoted(children[0]))

    def number(self, meta: Meta, children: list[Token]) -> plan.Number:
        value = float(children[0])
        if value == float("inf"):
            raise self._draft.refuse("the number is too large.", meta.start_pos)
        return plan.Number(at=meta.start_pos, value=value, written=str(children[0]))

    def boolean(self, meta: Meta, children: list[Token]) -> plan.Boolean:
        return plan.Boolean(at=meta.start_pos, value=children[0].type == "TRUE")

    def star(self, meta: Meta, children: list[Token]) -> plan.Star:
        return plan.Star(at=meta.start_pos)

    def duration(self, meta: Meta, children: list[Token]) -> plan.Duration:
        return self._draft.duration(children[0])

    def call(self, meta: Meta, children: list[Any]) -> plan.Call:
        name, *args = children
        present = tuple(arg for arg in args if arg is not None)
        return plan.Call(at=meta.start_pos, name=str(name), args=present)
