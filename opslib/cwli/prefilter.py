"""What a filter implies about the text of a message: cheap tests that spare most lines a parser.

In: a condition, and which of its names are discovered in JSON. Out: SQL over ``msg`` that holds for
every event for which the condition can hold, and for few others; it decides nothing by itself.

Must not know stages.
"""

from collections.abc import Callable
from dataclasses import dataclass

from opslib.cwli import documents, plan
from opslib.cwli.discovery import json_pointers
from opslib.cwli.switches import Switches
from opslib.cwli.values import quoted, reads_as_number

Discovered = Callable[[plan.Field], bool]

_PLATFORM = ("START", "END", "REPORT")


@dataclass(frozen=True)
class Test:
    """SQL over ``msg``, and ``documents.holds_any`` of the fields that it makes sure of."""

    sql: str
    sure: frozenset[str] = frozenset()


def implied(condition: plan.Expr, discovered: Discovered, *, switches: Switches) -> Test | None:
    """Return what holds wherever a condition does; None when nothing cheap is known.

    Parameters
    ----------
    discovered
        Whether a field is one that nobody defined.
    """
    if switches.missing_in_comparison != "unknown":
        return None
    match condition:
        case plan.AllOf():
            tests = [implied(part, discovered, switches=switches) for part in condition.parts]
            found = [test for test in tests if test]
            sure = frozenset[str]().union(*(test.sure for test in found))
            return Test(_joined(" AND ", found), sure) if found else None
        case plan.AnyOf():
            tests = [implied(part, discovered, switches=switches) for part in condition.parts]
            found = [test for test in tests if test]
            if len(found) < len(tests):
                return None
            sure = found[0].sure.intersection(*(test.sure for test in found))
            return Test(_joined(" OR ", found), sure)
        case plan.Compare():
            return _of_compare(condition, discovered)
        case plan.Like() | plan.InList():
            return _present(condition.part, discovered)
        case plan.Call() if condition.name.lower() == "ispresent":
            return _present(condition.args[0], discovered)
        case _:
            return None


def _joined(word: str, tests: list[Test]) -> str:
    return f"({word.join(test.sql for test in tests)})"


def _of_compare(compare: plan.Compare, discovered: Discovered) -> Test | None:
    field, literal = _beside_literal(compare)
    if literal is not None:
        return _equal(field, literal, discovered)
    tests = [_present(side, discovered) for side in (compare.left, compare.right)]
    found = [test for test in tests if test]
    sure = frozenset[str]().union(*(test.sure for test in found))
    return Test(_joined(" AND ", found), sure) if found else None


def _beside_literal(compare: plan.Compare) -> tuple[plan.Expr, str | None]:
    """Return the sides of ``x = "text"`` or ``x = 5``, whichever comes first; else no literal."""
    for field, literal in ((compare.left, compare.right), (compare.right, compare.left)):
        if compare.op == "=" and isinstance(literal, plan.Text):
            return field, literal.value
        if compare.op == "=" and isinstance(literal, plan.Number):
            return field, literal.written
    return compare.left, None


def exact(condition: plan.Expr, discovered: Discovered) -> str | None:
    """Return SQL over ``msg`` that holds where a condition does and nowhere else; None as a rule.

    It is known of ``@type = "REPORT"`` and its like, whose lines begin so.
    """
    if not isinstance(condition, plan.Compare):
        return None
    field, literal = _beside_literal(condition)
    if literal is None or not isinstance(field, plan.Field) or not discovered(field):
        return None
    return _begins(field, literal)


def _begins(field: plan.Field, value: str) -> str | None:
    if field.name != "@type" or value not in _PLATFORM:
        return None
    return f"starts_with(msg, {quoted(value + ' RequestId: ')})"


def _present(expr: plan.Expr, discovered: Discovered) -> Test | None:
    if not isinstance(expr, plan.Field) or not discovered(expr):
        return None
    pointers = json_pointers(expr.name)
    if not pointers:
        return None
    sql = documents.holds_any(pointers)
    return Test(sql, frozenset([sql]))


def _equal(expr: plan.Expr, literal: str, discovered: Discovered) -> Test | None:
    """Return what holds where a field can be equal to some literal."""
    present = _present(expr, discovered)
    if not isinstance(expr, plan.Field) or not discovered(expr):
        return None
    if begins := _begins(expr, literal):
        return Test(begins)
    if present is None:
        return None
    named = documents.names_any(json_pointers(expr.name))
    held: str | None = None
    if reads_as_number(literal):
        held = documents.holds_number(literal)
    elif documents.is_written_as_it_is(literal):
        held = documents.contains(literal)
    if named is None or held is None:
        return present
    # DuckDB would ask all of an OR and AND of every message, as a filter of a table.
    both = f"CASE WHEN {named} THEN {held} OR {documents.BACKSLASH} ELSE {documents.BACKSLASH} END"
    return Test(both, present.sure)
