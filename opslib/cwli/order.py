"""Which command may follow which, and which columns they leave.

In: a plan. Out: nothing, or ``MalformedQuery`` at the command that may not stand where it does; the
names of the columns of the answer.

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


def shown(query: plan.Query, *, switches: Switches) -> list[str]:
    """Return the names of the columns that a query shows, without ``@ptr``."""
    fields: list[str] = []
    display: list[str] | None = None
    grouped = False
    for stage in query.stages:
        match stage:
            case plan.Display():
                display = [item.name for item in stage.items]
            case plan.Stats() | plan.CountFrequent():
                fields, display, grouped = _of_groups(stage), None, True
            case plan.Fields():
                kept = not grouped or switches.fields_after_stats == "added"
                fields = [*(fields if kept else []), *(item.name for item in stage.items)]
            case _:
                fields = [*fields, *_made(stage, switches)]
    names = fields if display is None else display
    return list(dict.fromkeys(names)) or ([] if grouped else ["@timestamp", "@message"])


def _of_groups(stage: plan.Stats | plan.CountFrequent) -> list[str]:
    if isinstance(stage, plan.CountFrequent):
        return [*(field.name for field in stage.names), "_approxcount"]
    return [item.name for item in (*stage.keys, *stage.items)]


def _made(stage: plan.Stage, switches: Switches) -> list[str]:
    """Return the columns that a command adds by itself."""
    extracted: list[str] = []
    match stage:
        case plan.Parse():
            extracted = [name for _, name in stage.names]
        case plan.ParseCsv():
            extracted = list(stage.names)
        case plan.ParseLogfmt() | plan.ParseJson() | plan.Unnest():
            extracted = [stage.name]
        case plan.Expand():
            extracted = [stage.of.name]
        case plan.Accum() | plan.Sessionize():
            return [stage.name]
        case plan.Autoregress():
            return [name for name, _ in stage.lags]
        case plan.AddTotals():
            return [stage.total] if stage.row else []
        case plan.AppendCols():
            return shown(stage.query, switches=switches)
    return extracted if switches.extracted_fields == "shown" else []
