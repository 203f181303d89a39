"""Which command may follow which.

In: a plan. Out: nothing, or ``MalformedQuery`` at the command that may not stand where it does.

Must not know expressions, SQL or events.

Source
------
CWL_QuerySyntax-Stats (ten stats, no sort or limit before the last), -Dedup (only limit may follow),
-Source (first).
"""

from opslib.cwli import plan
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.switches import Switches

MAX_STATS = 10
"""Most ``stats`` commands in a query."""


def check(query: plan.Query, *, switches: Switches) -> None:
    """Refuse a query whose commands come in an order that the language forbids."""
    stages = query.stages
    all_stats = [i for i, stage in enumerate(stages) if isinstance(stage, plan.Stats)]
    if len(all_stats) > MAX_STATS:
        found = f"a query has at most {MAX_STATS} stats commands."
        raise MalformedQuery(found, stages[all_stats[MAX_STATS]].at, text=query.text)
    limited = False
    for i, stage in enumerate(stages):
        after = stages[i + 1] if i + 1 < len(stages) else None
        if isinstance(stage, plan.Dedup) and after and not isinstance(after, plan.Limit):
            found = "only limit may follow dedup."
            raise MalformedQuery(found, after.at, text=query.text, expected=("limit",))
        ordered = isinstance(stage, plan.Sort | plan.Limit)
        if ordered and len(all_stats) > 1 and i < all_stats[-1]:
            found = "sort and limit cannot stand before the last of several stats."
            raise MalformedQuery(found, stage.at, text=query.text)
        if limited and switches.stages_after_limit == "refused":
            raise MalformedQuery("nothing may follow limit.", stage.at, text=query.text)
        limited = isinstance(stage, plan.Limit)
        if isinstance(stage, plan.Source) and not all(
            isinstance(before, plan.Source) for before in stages[:i]
        ):
            found = "SOURCE stands before every other command."
            raise MalformedQuery(found, stage.at, text=query.text)
