"""What a filter implies about the text of a message: cheap tests that spare most lines a parser.

In: a condition, and which of its names are discovered in JSON. Out: SQL over ``msg`` that holds for
every event for which the condition can hold, and for few others; it decides nothing by itself.

Must not know stages.
"""

from collections.abc import Callable

from opslib.cwli import documents, plan
from opslib.cwli.discovery import json_pointers
from opslib.cwli.switches import Switches
from opslib.cwli.values import quoted, reads_as_number

Discovered = Callable[[plan.Field], bool]

_PLATFORM = ("START", "END", "REPORT")


def implied(condition: plan.Expr, discovered: Discovered, *, switches: Switches) -> str | None:
    """Return SQL that holds wherever a condition does; None when nothing cheap is known.

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
            return _joined(" AND ", [test for test in tests if test])
        case plan.AnyOf():
            tests = [implied(part, discovered, switches=switches) for part in condition.parts]
            found = [test for test in tests if test]
            return _joined(" OR ", found) if len(found) == len(tests) else None
        case plan.Compare():
            return _of_compare(condition, discovered)
        case plan.Like() | plan.InList():
            return _present(condition.part, discovered)
        case plan.Call() if condition.name.lower() == "ispresent":
            return _present(condition.args[0], discovered)
        case _:
            return None


def _joined(word: str, tests: list[str]) -> str | None:
    return f"({word.join(tests)})" if tests else None


def _of_compare(compare: plan.Compare, discovered: Discovered) -> str | None:
    tests = [_present(side, discovered) for side in (compare.left, compare.right)]
    field, text = _beside_text(compare)
    if text is not None:
        # Rarer than the key, as a rule.
        tests.insert(0, _holds(field, text.value, discovered))
    return _joined(" AND ", [test for test in tests if test])


def _beside_text(compare: plan.Compare) -> tuple[plan.Expr, plan.Text | None]:
    """Return the sides of ``x = "text"``, whichever comes first; no text when it is not that."""
    for field, text in ((compare.left, compare.right), (compare.right, compare.left)):
        if compare.op == "=" and isinstance(text, plan.Text):
            return field, text
    return compare.left, None


def exact(condition: plan.Expr, discovered: Discovered) -> str | None:
    """Return SQL over ``msg`` that holds where a condition does and nowhere else; None as a rule.

    It is known of ``@type = "REPORT"`` and its like, whose lines begin so.
    """
    if not isinstance(condition, plan.Compare):
        return None
    field, text = _beside_text(condition)
    if text is None or not isinstance(field, plan.Field) or not discovered(field):
        return None
    return _begins(field, text.value)


def _begins(field: plan.Field, value: str) -> str | None:
    if field.name != "@type" or value not in _PLATFORM:
        return None
    return f"starts_with(msg, {quoted(value + ' RequestId: ')})"


def _present(expr: plan.Expr, discovered: Discovered) -> str | None:
    if not isinstance(expr, plan.Field) or not discovered(expr):
        return None
    pointers = json_pointers(expr.name)
    return documents.holds_any(pointers) if pointers else None


def _holds(expr: plan.Expr, value: str, discovered: Discovered) -> str | None:
    """Return SQL that holds where a field can be some text."""
    if not isinstance(expr, plan.Field) or not discovered(expr):
        return None
    if begins := _begins(expr, value):
        return begins
    plain = documents.is_written_as_it_is(value) and not reads_as_number(value)
    if not plain or not json_pointers(expr.name):
        return None
    return f"({documents.contains(value)} OR {documents.BACKSLASH})"
