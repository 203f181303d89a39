"""Expressions of the plan to SQL.

In: an expression, and how to look up a field and an aggregate. Out: a ``Value``. The rules for
kinds and comparisons are in ``values``; here is only which rule an operator uses.

Must not know stages or events.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opslib.cwli import plan, spans
from opslib.cwli.functions import FUNCTIONS
from opslib.cwli.functions_numbers import remainder
from opslib.cwli.switches import Switches
from opslib.cwli.values import (
    Kind,
    Value,
    as_condition,
    as_instant,
    as_number,
    boolean,
    compared,
    finite,
    known,
    number,
    number_literal,
    quoted,
    shown,
    text_literal,
    within,
)

_ARITHMETIC = {
    "+": "({0} + {1})",
    "-": "({0} - {1})",
    "*": "({0} * {1})",
    "/": "({0} / {1})",
    "^": "pow({0}, {1})",
}
# Division by zero is missing, not infinite; sums and products of finite numbers need no such care.
_MAY_BE_INFINITE = frozenset("/^")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an expression can see.

    ``field`` gives the value of a field; ``aggregate`` that of a call, None when it is
    no aggregate; ``short`` the same value again, as a column if its SQL is long: most operators
    name their operands several times.
    """

    field: Callable[[plan.Field], Value]
    aggregate: Callable[[plan.Call], Value | None]
    short: Callable[[Value], Value]
    switches: Switches

    def value(self, expr: plan.Expr) -> Value:
        """Return the value of an expression that ``checks`` has let through."""
        return self.short(_RULES[type(expr)](self, expr))


def _any_of(scope: Scope, expr: plan.AnyOf) -> Value:
    return boolean(f"({' OR '.join(as_condition(scope.value(part)) for part in expr.parts)})")


def _all_of(scope: Scope, expr: plan.AllOf) -> Value:
    return boolean(f"({' AND '.join(as_condition(scope.value(part)) for part in expr.parts)})")


def _compare(scope: Scope, expr: plan.Compare) -> Value:
    sides = scope.value(expr.left), scope.value(expr.right)
    return known(compared(expr.op, *sides, switches=scope.switches), switches=scope.switches)


def _arithmetic(scope: Scope, expr: plan.Arithmetic) -> Value:
    sides = as_number(scope.value(expr.left)), as_number(scope.value(expr.right))
    if expr.op == "%":
        return number(remainder(*sides, switches=scope.switches))
    sql = _ARITHMETIC[expr.op].format(*sides)
    return number(finite(sql) if expr.op in _MAY_BE_INFINITE else sql)


def _like(scope: Scope, expr: plan.Like) -> Value:
    part = shown(scope.value(expr.part), scope.switches)
    if isinstance(expr.needle, str):
        sql = f"contains({part}, {quoted(expr.needle)})"
    else:
        sql = f"regexp_matches({part}, {quoted(expr.needle.regex)})"
    return known(f"NOT {sql}" if expr.negated else sql, switches=scope.switches)


def _in_list(scope: Scope, expr: plan.InList) -> Value:
    part = scope.value(expr.part)
    equal = " OR ".join(
        compared("=", part, scope.value(each), switches=scope.switches) for each in expr.values
    )
    return known(f"NOT ({equal})" if expr.negated else equal, switches=scope.switches)


def _call(scope: Scope, call: plan.Call) -> Value:
    aggregated = scope.aggregate(call)
    if aggregated is not None:
        return aggregated
    name = call.name.lower()
    if name in FUNCTIONS:
        return FUNCTIONS[name].build([scope.value(arg) for arg in call.args], scope.switches)
    *of, span = call.args
    source = of[0] if of else plan.Field(at=call.at, name="@timestamp")
    instant = as_instant(scope.value(source))
    cut = spans.ceiling if name == "dateceil" else spans.floor
    if not isinstance(span, plan.Duration):
        raise TypeError(f"{name} ends with {type(span).__name__}, which checks should have refused")
    return Value(cut(instant, span.count, span.unit, switches=scope.switches), Kind.INSTANT)


_RULES: dict[type[plan.Expr], Callable[[Scope, Any], Value]] = {
    plan.Field: lambda scope, expr: scope.field(expr),
    plan.Path: lambda scope, expr: within(scope.value(expr.base), expr.steps),
    plan.Text: lambda _, expr: text_literal(expr.value),
    plan.Number: lambda _, expr: number_literal(expr.value, expr.written),
    plan.Boolean: lambda _, expr: boolean("true" if expr.value else "false"),
    plan.AnyOf: _any_of,
    plan.AllOf: _all_of,
    plan.Negate: lambda scope, expr: boolean(f"(NOT {as_condition(scope.value(expr.part))})"),
    plan.Minus: lambda scope, expr: number(f"(- {as_number(scope.value(expr.part))})"),
    plan.Compare: _compare,
    plan.Arithmetic: _arithmetic,
    plan.Like: _like,
    plan.InList: _in_list,
    plan.Call: _call,
}
