"""The stages that look at more than one row: running sums, earlier rows, gaps, sessions, totals.

In: a stage and the stack below it. Out: nothing; the stack has the stage on top.

"Above" and "earlier" mean the order in which the rows stand at that stage: see ``running_order``
in ``switches``.

Must not know where events come from.

Source
------
CWL_QuerySyntax-Accum, -Autoregress, -Filldown, -Sessionize, -Addtotals, -Appendcols.
"""

# ruff: noqa: S608 -- every name in the SQL is made by the stack, every literal by values.quoted.

import re
from collections.abc import Sequence

from opslib.cwli import plan
from opslib.cwli.results import printed
from opslib.cwli.spans import MILLISECONDS, MONTHS
from opslib.cwli.stack import Stack, group_key
from opslib.cwli.values import Kind, Value, as_number, as_text, finite, flat, number

_ALWAYS_PRESENT = frozenset({"@timestamp", "@message", "@ptr"})
_MONTH_MS = 30 * MILLISECONDS["d"]


def accum(stack: Stack, stage: plan.Accum) -> None:
    """Add up a field row by row; a row without a number has no sum and adds nothing."""
    of = stack.add(finite(as_number(stack.at(stage.of))))
    so_far = f"sum({of}) OVER (ORDER BY {stack.row_order()} ROWS UNBOUNDED PRECEDING)"
    if stack.switches.accum_without_number == "missing":
        so_far = f"CASE WHEN {of} IS NOT NULL THEN {so_far} END"
    stack.define(stage.name, number(so_far))
    stack.show([stage.name])


def autoregress(stack: Stack, stage: plan.Autoregress) -> None:
    """Copy a field from rows above."""
    of = stack.at(stage.of)
    stack.flush()
    order = stack.row_order()
    for name, lag in stage.lags:
        stack.define(name, Value(f"lag({_exact(of)}, {lag}) OVER (ORDER BY {order})", of.kind))
    stack.show(name for name, _ in stage.lags)


def fill_down(stack: Stack, stage: plan.FillDown) -> None:
    """Give a row that lacks a field the last value above it."""
    names = _filled_names(stack, stage)
    values = {name: stack.at(field) for name, field in names.items()}
    stack.flush()
    over = f"OVER (ORDER BY {stack.row_order()} ROWS UNBOUNDED PRECEDING)"
    for name, value in values.items():
        filled = f"last_value({_exact(value)} IGNORE NULLS) {over}"
        stack.define(name, Value(filled, value.kind))


def _exact(value: Value) -> str:
    """Return SQL of a value as it is printed in another row than its own."""
    return as_text(value) if value.kind is Kind.TEXT else value.sql


def _filled_names(stack: Stack, stage: plan.FillDown) -> dict[str, plan.Field]:
    """Return the fields to fill; a wildcard stands for those that the query names anywhere."""
    known = list(stack.scope)
    if not stack.grouped:
        known += [name for name in stack.mentioned if name not in _ALWAYS_PRESENT]
    chosen: dict[str, plan.Field] = {}
    wanted = stage.names or (plan.Field(at=stage.at, name="*", parts=("*",)),)
    for field in wanted:
        if "*" not in field.name:
            chosen[field.name] = field
            continue
        pattern = ".*".join(re.escape(piece) for piece in field.name.split("*"))
        for name in known:
            if "*" not in name and re.fullmatch(pattern, name):
                chosen.setdefault(name, plan.Field(at=field.at, name=name, parts=(name,)))
    return chosen


def sessionize(stack: Stack, stage: plan.Sessionize) -> None:
    """Give every event the number of its session; they count from 1 as they begin.

    A session goes on as long as its next event is no later than the gap. An event that lacks one
    of the fields is of no session.
    """
    keys = [group_key(stack.at(field)) for field in stage.names]
    unit = stage.gap.unit
    unit_ms = MONTHS[unit] * _MONTH_MS if unit in MONTHS else MILLISECONDS[unit]
    whole = " AND ".join(f"{key.sql} IS NOT NULL" for key in keys)
    order = ", ".join(stack.moments)
    within = f"PARTITION BY {', '.join(key.sql for key in keys)} ORDER BY {order}"
    stack.flush()
    since = stack.add(f"ts - lag(ts) OVER ({within})")
    begins = stack.add(
        f"{whole} AND ({since} IS NULL OR {since} > {stage.gap.count * unit_ms})", "m"
    )
    so_far = stack.add(
        f"count(*) FILTER ({begins}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING)"
    )
    begun = f"max(CASE WHEN {begins} THEN {so_far} END)"
    session = f"{begun} OVER ({within} ROWS UNBOUNDED PRECEDING)"
    stack.define(stage.name, number(f"CASE WHEN {whole} THEN CAST({session} AS DOUBLE) END"))
    stack.show([stage.name])


def add_totals(stack: Stack, stage: plan.AddTotals) -> None:
    """Add the sum of each row, and a row of the sums of each column at the bottom."""
    fields = stage.names or tuple(
        plan.Field(at=stage.at, name=name, parts=(name,)) for name in stack.shown()
    )
    summed = {field.name: stack.at(field) for field in fields}
    summed = {name: value for name, value in summed.items() if value.kind is not Kind.INSTANT}
    stack.flush()
    if stage.row:
        parts = [stack.add(finite(as_number(value))) for value in summed.values()]
        total = " + ".join(f"coalesce({part}, 0)" for part in parts)
        known = " OR ".join(f"{part} IS NOT NULL" for part in parts)
        value = number(f"CASE WHEN {known} THEN {total} END" if parts else "CAST(NULL AS DOUBLE)")
        summed[stage.total] = stack.define(stage.total, value)
        stack.show([stage.total])
        stack.flush()
    if stage.col:
        _add_bottom_row(stack, summed)


def _add_bottom_row(stack: Stack, summed: dict[str, Value]) -> None:
    stack.event_stage_ends()
    sums = []
    for name, value in summed.items():
        sum_ = f"sum({finite(as_number(value))})"
        if value.kind is Kind.TEXT:
            # The column stays the text that was logged, so the sum is what would be printed of it.
            shown, kind, sum_ = as_text(value), Kind.TEXT, printed(number(sum_), stack.switches)
        elif value.is_text or value.kind is Kind.JSON:
            shown, kind, sum_ = as_text(flat(value)), Kind.MIXED, as_text(number(sum_))
        else:
            shown, kind = as_number(value), Kind.NUMBER
        stack.define(name, Value(f"({shown})", kind))
        sums.append((name, sum_))
    stack.flush()
    bottom = stack.add("0", "q")
    row = ", ".join(
        [f"1 AS {bottom}", *(f"{sql} AS {stack.scope[name].sql}" for name, sql in sums)]
    )
    rows = stack.pin()
    stack.push(
        f"SELECT * FROM {rows} UNION ALL BY NAME SELECT {row} FROM {rows} HAVING count(*) > 0"
    )
    stack.order = (bottom, *stack.order)
    stack.rows_added()


def append_columns(
    stack: Stack, stage: plan.AppendCols, other: Stack, columns: Sequence[tuple[str, Value]]
) -> None:
    """Put the columns of another query beside these rows, the first beside the first.

    Where both have a value the one here stays, or goes with ``override``. Rows that the other
    query has beyond these are left out.

    Parameters
    ----------
    other
        The stack of the other query, finished; its steps stand below already.
    columns
        What it shows: name and value on its top.
    """
    place = stack.add(f"row_number() OVER (ORDER BY {stack.ordered()})", "r")
    theirs = [(name, stack.fresh("c"), value) for name, value in columns]
    selected = "".join(f"{_exact(value)} AS {column}, " for _, column, value in theirs)
    beside = stack.fresh("s")
    order = ", ".join(other.order)
    stack.ctes.append(
        f"{beside} AS NOT MATERIALIZED (SELECT {selected}row_number() OVER "
        f"(ORDER BY {order}) AS place FROM {other.top} ORDER BY place LIMIT {stage.rows})"
    )
    stack.push(
        f"SELECT t.*, o.* EXCLUDE (place) FROM {stack.top} AS t "
        f"LEFT JOIN {beside} AS o ON t.{place} = o.place"
    )
    stack.order = (place,)
    stack.is_sorted = True
    for name, column, value in theirs:
        _combine(stack, name, Value(column, value.kind), override=stage.override)
    stack.show(name for name, _ in columns)


def _combine(stack: Stack, name: str, theirs: Value, *, override: bool) -> None:
    if name not in stack.scope and (stack.grouped or name not in stack.mentioned):
        stack.define(name, theirs)
        return
    ours = stack.field(name)
    first, second = (theirs, ours) if override else (ours, theirs)
    if first.kind is second.kind:
        stack.define(name, Value(f"coalesce({_exact(first)}, {_exact(second)})", first.kind))
        return
    both = ", ".join(as_text(flat(value)) for value in (first, second))
    stack.define(name, Value(f"coalesce({both})", Kind.MIXED))
