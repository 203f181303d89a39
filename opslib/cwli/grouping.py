"""The stages that make groups of rows: ``stats``, ``countFrequent``, and ``fillmissing`` after it.

In: a stage and the stack below it. Out: nothing; the stack has the stage on top.

Must not know where events come from.

Source
------
CWL_QuerySyntax-Stats, -CountFrequent, -Fillmissing; CWL_QuerySyntax-timeseries-functions (offset).
"""

# ruff: noqa: S608 -- every name in the SQL is made by the stack, every literal by values.quoted.

from dataclasses import replace

from opslib.cwli import plan, spans
from opslib.cwli.aggregates import AGGREGATES, OF_NUMBERS, QUANTILE
from opslib.cwli.checks import has_bin, is_aggregate, walk
from opslib.cwli.results import printed
from opslib.cwli.stack import Bin, Stack, group_key
from opslib.cwli.values import (
    Kind,
    Value,
    as_instant,
    as_number,
    as_text,
    finite,
    natural_order,
    number,
    once,
)

MAX_FILLED = 100_000
"""Most bins ``fillmissing`` makes: as many as an answer has rows. The newest are kept."""

_NUMERIC = frozenset({Kind.NUMBER, Kind.WHOLE, Kind.BOOLEAN})

Key = tuple[str, str, Value]
"""A column, the name it has, the value it is made of."""


def stats(stack: Stack, stage: plan.Stats) -> None:
    """Group rows, and compute what the groups amount to."""
    counts = stack.counts and stack.filters and stack.matched_from is None
    stack.event_stage_ends()
    values = [(key, group_key(stack.value(key.expr))) for key in stage.keys]
    keys = [
        (stack.fresh("k"), key.name, _shifted(stack, key, value, stage)) for key, value in values
    ]
    numbers: dict[str, tuple[str, Value]] = {}
    found: dict[int, Value] = {}
    for item in stage.items:
        for node in walk(item.expr):
            if is_aggregate(node):
                found[id(node)] = _aggregate(stack, node, numbers)
    grouped, by_id = _together(stack, found)
    counter = stack.fresh("a")
    counts = counts and not (keys and stack.switches.missing_group_key == "dropped")
    if counts:
        grouped.append((counter, number("count(*)")))
    _group(stack, keys, list(numbers.values()), grouped)
    if counts:
        stack.counted = stack.pin(), counter
    stack.scope = {name: Value(column, value.kind) for column, name, value in keys}
    stack.keys = tuple(name for _, name, _ in keys)
    stack.grouped = True
    stack.display = None
    for item in stage.items:
        stack.define(item.name, stack.value(item.expr, lambda call: by_id.get(id(call))))
    stack.fields = [key.name for key in stage.keys] + [item.name for item in stage.items]
    _set_order(stack, stage, keys)


def _shifted(stack: Stack, key: plan.Item, value: Value, stage: plan.Stats) -> Value:
    """Move a bin by the offset of the stage."""
    if stage.offset is None or not isinstance(key.expr, plan.Call) or not has_bin(key.expr):
        return value
    count, unit = stage.offset.count, stage.offset.unit
    if stack.switches.bin_offset == "moves the printed time":
        return Value(spans.later(value.sql, count, unit), Kind.INSTANT)
    *of, span = key.expr.args
    if not isinstance(span, plan.Duration):
        raise TypeError("bin ends without a duration, which checks should have refused")
    source = of[0] if of else plan.Field(at=key.at, name="@timestamp", parts=("@timestamp",))
    earlier = spans.later(as_instant(stack.value(source)), -count, unit)
    begin = spans.floor(earlier, span.count, span.unit, switches=stack.switches)
    return Value(spans.later(begin, count, unit), Kind.INSTANT)


def _aggregate(stack: Stack, call: plan.Call, numbers: dict[str, tuple[str, Value]]) -> Value:
    """Return the value of an aggregate.

    Parameters
    ----------
    numbers
        By the SQL of a text, the column of the number it reads as and its value; grows.
    """
    aggregate = AGGREGATES[call.name.lower()]
    args = [arg for arg in call.args if not isinstance(arg, plan.Star)]
    literals = [_literal(args[position]) for position in aggregate.literals]
    values = [stack.value(arg) for i, arg in enumerate(args) if i not in aggregate.literals]
    if call.name.lower() in OF_NUMBERS:
        values = [_with_number(stack, value, numbers) for value in values]
    return aggregate.build(values, literals, ", ".join(stack.moments), stack.switches)


def _with_number(stack: Stack, value: Value, numbers: dict[str, tuple[str, Value]]) -> Value:
    """Return a value with a column for its number, which several aggregates may read."""
    if not value.is_text or value.literal is not None:
        return value
    if value.sql not in numbers:
        numbers[value.sql] = (stack.fresh("f"), number(finite(as_number(value))))
    return replace(value, finite=numbers[value.sql][0])


def _together(
    stack: Stack, found: dict[int, Value]
) -> tuple[list[tuple[str, Value]], dict[int, Value]]:
    """Return the columns to make of aggregates, and what each aggregate is of them.

    Percentiles of one value are one column, as DuckDB then keeps and orders its values once.
    """
    columns: list[tuple[str, Value]] = []
    by_id: dict[int, Value] = {}
    percentiles: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for key, value in found.items():
        match = QUANTILE.fullmatch(value.sql)
        if match is None:
            columns.append((stack.fresh("a"), value))
            by_id[key] = Value(columns[-1][0], value.kind)
            continue
        column, fractions = percentiles.setdefault((match[1], match[2]), (stack.fresh("a"), []))
        fractions.append(match[3])
        by_id[key] = number(f"{column}[{len(fractions)}]")
    for (name, of), (column, fractions) in percentiles.items():
        columns.append((column, number(f"{name}({of}, [{', '.join(fractions)}])")))
    return columns, by_id


def _literal(arg: plan.Expr) -> float:
    """Return the number a query wrote, or the milliseconds of its period."""
    match arg:
        case plan.Number():
            return arg.value
        case plan.Duration():
            return float(spans.length_ms(arg.count, arg.unit))
    raise TypeError(f"{type(arg).__name__} is no literal, which checks should have refused")


def _group(
    stack: Stack,
    keys: list[Key],
    numbers: list[tuple[str, Value]],
    calls: list[tuple[str, Value]],
) -> None:
    stack.flush()
    made = [(column, value) for column, _, value in keys] + numbers
    if made:
        computed = ", ".join(f"{once(value.sql)} AS {column}" for column, value in made)
        stack.push(f"SELECT *, {computed} FROM {stack.top}")
    selected = [column for column, _, _ in keys]
    selected += [f"{value.sql} AS {column}" for column, value in calls]
    sql = f"SELECT {', '.join(selected) or '1 AS one'} FROM {stack.top}"
    if keys:
        columns = ", ".join(column for column, _, _ in keys)
        if stack.switches.missing_group_key == "dropped":
            sql += " WHERE " + " AND ".join(f"{column} IS NOT NULL" for column, _, _ in keys)
        sql += f" GROUP BY {columns}"
    elif stack.switches.stats_of_nothing == "no row":
        sql += " HAVING count(*) > 0"
    stack.push(sql)
    stack.rows_added()


def _set_order(stack: Stack, stage: plan.Stats, keys: list[Key]) -> None:
    bins = [key.name for key in stage.keys if has_bin(key.expr)]
    bins += [name for _, name, value in keys if value.kind is Kind.INSTANT]
    stack.instant_key = bins[0] if bins else None
    stack.bin = next((_bin(key, stage) for key in stage.keys if has_bin(key.expr)), None)
    newest = "DESC" if stack.switches.stats_order == "newest bin first" else "ASC"
    terms = []
    for column, name, value in keys:
        terms += _terms(Value(column, value.kind), newest if name in bins else "ASC")
    stack.order = tuple(terms) or ("1",)
    stack.is_sorted = False


def _terms(key: Value, direction: str) -> list[str]:
    ordered = [f"{term} {direction} NULLS LAST" for term in natural_order(key)]
    return [f"({key.sql} IS NULL)", *ordered]


def _bin(key: plan.Item, stage: plan.Stats) -> Bin | None:
    span = key.expr.children()[-1]
    if not isinstance(span, plan.Duration):
        return None
    return Bin(name=key.name, span=span, offset=stage.offset)


def count_frequent(stack: Stack, stage: plan.CountFrequent) -> None:
    """Count each combination of values, and order them by how often they occur."""
    call = plan.Call(at=stage.at, name="count", args=())
    counted = plan.Item(at=stage.at, expr=call, name="_approxcount", aliased=True)
    keys = tuple(
        plan.Item(at=field.at, expr=field, name=field.name, aliased=False) for field in stage.names
    )
    stats(stack, plan.Stats(at=stage.at, items=(counted,), keys=keys))
    stack.flush()
    often = stack.field("_approxcount")
    stack.order = (f"{often.sql} DESC", *stack.order)


def fill_missing(stack: Stack, stage: plan.FillMissing) -> None:
    """Add a row for every bin, between the first and the last, that has none.

    Where the rows have other group keys too, that is so for each combination of them.
    """
    if stack.bin is None:
        raise LookupError("fillmissing without a bin, which checks should have refused")
    stack.flush()
    given = {field.name: _fitting(stack, field, expr) for field, expr in stage.values}
    rows = stack.pin()
    instant = stack.field(stack.bin.name).sql
    others = [stack.field(name).sql for name in stack.keys if name != stack.bin.name]
    series = _series(rows, instant, stack.bin)
    grid = stack.fresh("s")
    beside = f", (SELECT DISTINCT {', '.join(others)} FROM {rows})" if others else ""
    stack.ctes.append(f"{grid} AS (SELECT * FROM ({series}) AS steps{beside})")
    same = " AND ".join(f"g.{key} IS NOT DISTINCT FROM t.{key}" for key in [instant, *others])
    filled = "".join(f", {sql} AS {stack.field(name).sql}" for name, sql in given.items())
    stack.push(
        f"SELECT * FROM {rows} UNION ALL BY NAME SELECT g.*{filled} FROM {grid} AS g "
        f"WHERE NOT EXISTS (SELECT 1 FROM {rows} AS t WHERE {same})"
    )
    stack.rows_added()


def _series(rows: str, instant: str, binned: Bin) -> str:
    """Return a query for every beginning of a bin from the first to the last."""
    ends = f"SELECT min({instant}) AS low, max({instant}) AS high FROM {rows}"
    months, width_ms = spans.width(binned.span.count, binned.span.unit)
    if months:
        ends_of_time = "make_timestamp(high * 1000), make_timestamp(low * 1000)"
        beginnings = f"epoch_ms(unnest(generate_series({ends_of_time}, to_months(-{months}))))"
    else:
        # From the newest backwards, so that a series too long loses its oldest.
        low = f"greatest(low, high - {MAX_FILLED * width_ms})"
        beginnings = f"unnest(generate_series(high, {low}, -{width_ms}))"
    return f"SELECT {beginnings} AS {instant} FROM ({ends}) AS ends"


def _fitting(stack: Stack, field: plan.Field, expr: plan.Expr) -> str:
    """Return SQL of a constant that fits the column of a field, which is changed if it must."""
    column, constant = stack.at(field), stack.value(expr)
    if constant.kind is Kind.NUMBER and column.kind in _NUMERIC:
        stack.define(field.name, number(as_number(column)))
        return constant.sql
    # Values that were logged stay as they were, so the constant is what would be printed of it.
    kind = Kind.TEXT if column.kind is Kind.TEXT else Kind.MIXED
    stack.define(field.name, Value(f"CAST({as_text(column)} AS VARCHAR)", kind))
    return printed(constant, stack.switches) if kind is Kind.TEXT else as_text(constant)
