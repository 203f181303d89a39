"""What the arguments of one call must be, beyond their number.

In: calls of the plan. Out: the first complaint about one, with its place, or None; ``checks`` makes
the refusal.

Must not know lark, SQL or events.
"""

from opslib.cwli import plan
from opslib.cwli.aggregates import AGGREGATES, Aggregate
from opslib.cwli.functions_call import Function

Complaint = tuple[str, int]
"""A sentence, and the offset in the query text of what it is about."""

_PLACES = ("first", "second", "third")


def of_function(call: plan.Call, function: Function) -> Complaint | None:
    """Complain of an argument that must be a string of the query, and is none or a wrong one."""
    texts = [arg.value if isinstance(arg, plan.Text) else None for arg in call.args]
    for position, read in function.literals.items():
        if position >= len(call.args):
            continue
        at = call.args[position].at
        if texts[position] is None:
            return f"the {_PLACES[position]} argument of `{call.name}` must be a string.", at
        try:
            read(texts)
        except ValueError as error:
            return f"{str(error).rstrip('.')}.", at
    return None


def of_aggregate(call: plan.Call, aggregate: Aggregate) -> Complaint | None:
    """Complain of an argument that must be a number or a period, and is none or a wrong one."""
    for position, wanted in aggregate.literals.items():
        arg = call.args[position]
        place = f"as its {_PLACES[position]} argument"
        if wanted == "period":
            if not isinstance(arg, plan.Duration):
                return f"`{call.name}` takes a period such as 5m {place}.", arg.at
            continue
        fits = isinstance(arg, plan.Number) and wanted.least <= arg.value <= wanted.most
        if not fits or (wanted.whole and isinstance(arg, plan.Number) and arg.value % 1):
            return f"`{call.name}` takes {wanted.words} {place}.", arg.at
    return None


def beside(stage: plan.Stats) -> Complaint | None:
    """Complain of anything beside an aggregate that must stand alone."""
    for item in stage.items:
        pending = [item.expr]
        while pending:
            node = pending.pop()
            pending += node.children()
            if not isinstance(node, plan.Call) or node.name.lower() not in AGGREGATES:
                continue
            if not AGGREGATES[node.name.lower()].alone:
                continue
            if stage.keys or len(stage.items) > 1 or node is not item.expr:
                found = f"`{node.name}` stands alone in stats: nothing beside it, and no by."
                return found, node.at
    return None
