"""Expressions of the plan to SQL.

In: an expression, and how to look up a field and an aggregate. Out: a ``Value``. The rules for kinds
and comparisons are in ``values``; here is only which rule an operator uses.

Must not know stages or events.
"""

from collections.abc import Callable

from opslib.cwli import plan, spans
from opslib.cwli.functions import FUNCTIONS
from opslib.cwli.switches import Switches
from opslib.cwli.values import (
    Kind,
    Value,
    as_condition,
    as_instant,
    as_number,
    as_text,
    boolean,
    compare,
    finite,
    known,
    number,
    number_literal,
    quoted,
    text_literal,
)

_ARITHMETIC = {
    "+": "({0} + {1})",
    "-": "({0} - {1})",
    "*": "({0} * {1})",
    # Division by zero is missing, not an error and not infinite.
    "/": "({0} / nullif({1}, 0))",
    "%": "({0} % nullif({1}, 0))",
    "^": "pow({0}, {1})",
}


def compile_expression(
    expr: plan.Expr,
    *,
    field: Callable[[str], Value],
    aggregate: Callable[[plan.Call], Value | None],
    switches: Switches,
) -> Value:
    """Return the value of an expression.

    Parameters
    ----------
    field
        Gives the value of a field by its name.
    aggregate
        Gives the value of a call that is an aggregate, None for any other call.
    """

    def value(node: plan.Expr) -> Value:
        return compile_expression(node, field=field, aggregate=aggregate, switches=switches)

    match expr:
        case plan.Field():
            return field(expr.name)
        case plan.Text():
            return text_literal(expr.value)
        case plan.Number():
            return number_literal(expr.value)
        case plan.Boolean():
            return boolean("true" if expr.value else "false")
        case plan.AnyOf():
            return boolean("(" + " OR ".join(as_condition(value(p)) for p in expr.parts) + ")")
        case plan.AllOf():
            return boolean("(" + " AND ".join(as_condition(value(p)) for p in expr.parts) + ")")
        case plan.Negate():
            return boolean(f"(NOT {as_condition(value(expr.part))})")
        case plan.Minus():
            return number(f"(- {as_number(value(expr.part))})")
        case plan.Compare():
            return compare(expr.op, value(expr.left), value(expr.right), switches=switches)
        case plan.Arithmetic():
            sides = as_number(value(expr.left)), as_number(value(expr.right))
            return number(finite(_ARITHMETIC[expr.op].format(*sides)))
        case plan.Like():
            return _like(expr, value(expr.part), switches)
        case plan.InList():
            return _in_list(expr, value(expr.part), [value(v) for v in expr.values], switches)
        case plan.Call():
            found = aggregate(expr)
            return _call(expr, value, switches) if found is None else found
    raise AssertionError(f"{type(expr).__name__} is no value; checks should have refused it")


def _like(expr: plan.Like, part: Value, switches: Switches) -> Value:
    if isinstance(expr.needle, str):
        sql = f"contains({as_text(part)}, {quoted(expr.needle)})"
    else:
        sql = f"regexp_matches({as_text(part)}, {quoted(expr.needle.regex)})"
    return known(f"NOT {sql}" if expr.negated else sql, switches=switches)


def _in_list(expr: plan.InList, part: Value, values: list[Value], switches: Switches) -> Value:
    equal = " OR ".join(compare("=", part, each, switches=switches).sql for each in values)
    return known(f"NOT ({equal})" if expr.negated else equal, switches=switches)


def _call(call: plan.Call, value: Callable[[plan.Expr], Value], switches: Switches) -> Value:
    name = call.name.lower()
    if name in FUNCTIONS:
        return FUNCTIONS[name].build([value(arg) for arg in call.args], switches)
    *of, span = call.args
    if not isinstance(span, plan.Duration):
        raise AssertionError(f"{name} without a duration; checks should have refused it")
    source = of[0] if of else plan.Field(at=call.at, name="@timestamp")
    instant = as_instant(value(source))
    cut = spans.ceiling if name == "dateceil" else spans.floor
    return Value(cut(instant, span.count, span.unit, switches=switches), Kind.INSTANT)
