"""The stages that keep events events: which rows, in what order, and what is shown of them.

In: a stage and the stack below it. Out: nothing; the stack has the stage on top.

Must not know where events come from.

Source
------
CWL_QuerySyntax-Fields, -Display, -Filter, -Sort, -Limit, -Dedup, -Source.
"""

# ruff: noqa: S608 -- every name in the SQL is made by the stack, every literal by values.quoted.

from collections.abc import Sequence

from opslib.cwli import plan
from opslib.cwli.prefilter import exact, implied
from opslib.cwli.stack import Stack, group_key
from opslib.cwli.values import Value, as_condition, natural_order, quoted

FIRST_MS = -(2**63 - 1)
"""A time before all others, for an event of a relation that has none."""


def fields(stack: Stack, stage: plan.Fields) -> None:
    """Define and show columns."""
    names = _columns(stack, stage.items)
    if stack.grouped and stack.switches.fields_after_stats == "replace":
        stack.fields = []
    stack.show(names)


def display(stack: Stack, stage: plan.Display) -> None:
    """Show these columns and no others."""
    stack.display = _columns(stack, stage.items)


def _columns(stack: Stack, items: Sequence[plan.Item]) -> list[str]:
    """Define what the items compute; return their names."""
    for item in items:
        # A discovered name needs no column; a path into a map does, for its name is not in scope.
        if item.aliased or not isinstance(item.expr, plan.Field) or _is_path(stack, item.expr):
            stack.define(item.name, stack.value(item.expr))
        else:
            stack.announce(item.expr.name)
    return [item.name for item in items]


def _is_path(stack: Stack, field: plan.Field) -> bool:
    return field.name not in stack.scope and stack.is_path(field)


def filter_rows(stack: Stack, stage: plan.Filter) -> None:
    """Keep the rows for which a condition holds."""
    stack.filters = stack.filters or stack.matched_from is None
    condition = stage.condition
    parts = condition.parts if isinstance(condition, plan.AllOf) else (condition,)
    tests = [_test(stack, part) for part in parts]
    stack.flush()
    if not stack.grouped and not all(exact(part, stack.is_discovered) for part in parts):
        cheap = implied(condition, stack.is_discovered, switches=stack.switches)
        if cheap is not None:
            stack.tested |= cheap.sure
            if stack.alone:
                stack.bottom_tests.append(cheap.sql)
            else:
                tests = [cheap.sql, *tests]
    stack.push(f"SELECT * FROM {stack.top} WHERE {' AND '.join(tests)}")


def _test(stack: Stack, condition: plan.Expr) -> str:
    """Return SQL that holds where one of several conditions does that must all hold."""
    known = None if stack.grouped else exact(condition, stack.is_discovered)
    return known or as_condition(stack.value(condition))


def sort(stack: Stack, stage: plan.Sort) -> None:
    """Order rows, as the language orders values."""
    terms = []
    descending = False
    for key in stage.keys:
        descending = key.descending is True
        if key.descending is None:
            descending = stack.switches.sort_direction == "desc"
        direction = "DESC" if descending else "ASC"
        nulls = stack.switches.missing_sorts.upper()
        of = _sort_value(stack, key.field)
        ordered = natural_order(of)
        if len(ordered) > 1:
            terms += [f"({of.sql} IS NULL) {'ASC' if nulls == 'LAST' else 'DESC'}"]
        terms += [f"{term} {direction} NULLS {nulls}" for term in ordered]
    # Descending is the exact reverse of ascending, ties included; but the members of one list stay
    # in their order.
    last = "DESC" if descending else "ASC"
    if stack.grouped:
        terms += stack.order
    else:
        at, place, *members = stack.moments
        terms += [f"{at} {last}", f"{place} {last}", *members]
    stack.order = tuple(terms)
    stack.is_sorted = True


def _sort_value(stack: Stack, field: plan.Field) -> Value:
    by_time = field.name == "@timestamp" and field.name not in stack.scope
    if stack.grouped and by_time and stack.instant_key:
        return stack.scope[stack.instant_key]
    return group_key(stack.at(field))


def limit(stack: Stack, stage: plan.Limit, *, of_call: int | None) -> None:
    """Keep the first rows."""
    rows = stage.rows
    if of_call is not None and stack.switches.api_limit == "the call's":
        rows = of_call
    if stack.matched_from is None:
        stack.first_limit = rows
    stack.event_stage_ends()
    stack.limited = True
    stack.cut(rows)


def dedup(stack: Stack, stage: plan.Dedup) -> None:
    """Keep the first row of each combination of values, and every row that lacks one of them."""
    stack.event_stage_ends()
    keys = [group_key(stack.at(field)) for field in stage.names]
    stack.flush()
    missing = " OR ".join(f"{key.sql} IS NULL" for key in keys)
    partition = ", ".join(key.sql for key in keys)
    tests, order = [missing], ", ".join(stack.order)
    if stack.is_by_time():
        # A row that lacks a value is a combination of its own; so the rank is all that is tested.
        # With one column of order DuckDB makes that an aggregate, which keeps no row but the first.
        alone = stack.add(f"CASE WHEN {missing} THEN n END")
        at = stack.add(f"(coalesce(ts, {FIRST_MS}), n)")
        partition += f", {alone}"
        tests, order = [], f"{at} DESC"
    rank = f"row_number() OVER (PARTITION BY {partition} ORDER BY {order})"
    stack.push(f"SELECT * FROM {stack.top} QUALIFY {' OR '.join([*tests, f'{rank} = 1'])}")


def condition(sources: Sequence[plan.Source]) -> str | None:
    """Return SQL that holds for events of the log groups a query names; None when it names none.

    An event says its log group as ``account:group``, or without the account. One that says none is
    of no group.
    """
    if not sources:
        return None
    return "(" + " OR ".join(_of_group(source) for source in sources) + ")"


def _of_group(source: plan.Source) -> str:
    group = "split_part(grp, ':', -1)"
    if source.group is None:
        tests = [f"starts_with({group}, {quoted(prefix)})" for prefix in source.prefixes]
        return f"({' OR '.join(tests)})" if tests else "true"
    same = f"{group} = {quoted(source.group)}"
    if source.account is None:
        return f"({same})"
    account = f"(NOT contains(grp, ':') OR starts_with(grp, {quoted(source.account + ':')}))"
    return f"({same} AND {account})"
