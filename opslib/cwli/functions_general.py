"""Functions of any value: what is there, what to take instead, how large it is.

In: compiled arguments. Out: values; ``ispresent``, ``isempty`` and ``isblank`` are known also for
what is missing.

Must not know stages, fields or events.

Source
------
CWL_QuerySyntax-operations-functions, general functions.
"""

from collections.abc import Sequence

from opslib.cwli.functions_call import Function, textual
from opslib.cwli.switches import Switches
from opslib.cwli.values import (
    Kind,
    Value,
    as_condition,
    as_number,
    as_text,
    boolean,
    quoted,
    shown,
)


def _ispresent(args: Sequence[Value], _: Switches) -> Value:
    return boolean(f"({args[0].sql} IS NOT NULL)")


def _is_numeric(args: Sequence[Value], _: Switches) -> Value:
    return boolean(f"({as_number(args[0])} IS NOT NULL)")


def _is_blank(args: Sequence[Value], switches: Switches) -> Value:
    written = shown(args[0], switches)
    return boolean(f"coalesce(regexp_full_match({written}, '\\s*'), true)")


def _is_empty(args: Sequence[Value], switches: Switches) -> Value:
    return boolean(f"coalesce({shown(args[0], switches)} = '', true)")


def common(values: Sequence[Value]) -> list[Value]:
    """Return values of one kind, that all of them share."""
    values = [_exact(value) for value in values] if _wholes(values) else values
    kinds = {value.kind for value in values}
    if len(kinds) == 1:
        return list(values)
    if kinds <= {Kind.NUMBER, Kind.BOOLEAN, Kind.WHOLE}:
        return [Value(as_number(value), Kind.NUMBER) for value in values]
    return [Value(as_text(value), Kind.MIXED) for value in values]


def _wholes(values: Sequence[Value]) -> bool:
    return any(value.kind is Kind.WHOLE for value in values) and all(
        value.kind is Kind.WHOLE or _is_integer(value) for value in values
    )


def _is_integer(value: Value) -> bool:
    written = (value.literal or "").removeprefix("-")
    return value.kind is Kind.NUMBER and written.isdigit() and len(written) < 19


def _exact(value: Value) -> Value:
    if value.kind is Kind.WHOLE:
        return value
    return Value(f"CAST({quoted(value.literal or '')} AS BIGINT)", Kind.WHOLE)


def _chosen(values: Sequence[Value], template: str) -> Value:
    """Return a choice among values; the template has ``{0}`` for the first."""
    shared = common(values)
    sql = template.format(*(value.sql for value in shared))
    logged = None
    if any(value.logged for value in shared):
        logged = template.format(*(value.logged or value.sql for value in shared))
    return Value(sql, shared[0].kind, logged=logged)


def _coalesce(args: Sequence[Value], _: Switches) -> Value:
    return _chosen(args, f"coalesce({', '.join(f'{{{i}}}' for i in range(len(args)))})")


def _case(args: Sequence[Value], _: Switches) -> Value:
    pairs = len(args) // 2
    results = [args[2 * i + 1] for i in range(pairs)]
    whens = " ".join(
        f"WHEN {_braced(as_condition(args[2 * i]))} THEN {{{i}}}" for i in range(pairs)
    )
    otherwise = f" ELSE {{{pairs}}}" if len(args) % 2 else ""
    return _chosen([*results, *args[2 * pairs :]], f"CASE {whens}{otherwise} END")


def _braced(sql: str) -> str:
    return sql.replace("{", "{{").replace("}", "}}")


GENERAL: dict[str, Function] = {
    "ispresent": Function(1, 1, _ispresent),
    "coalesce": Function(1, None, _coalesce),
    "if": Function(3, 3, _case),
    "case": Function(2, 21, _case),
    "isnumeric": Function(1, 1, _is_numeric),
    "isempty": Function(1, 1, _is_empty),
    "isblank": Function(1, 1, _is_blank),
    "messagesize": textual("strlen({0})", Kind.WHOLE),
}
"""By lower-case name."""
