"""The plan of a query to one SQL statement.

In: ``plan.Query``. Out: ``Compiled``: a statement over the relation ``events`` (see ``events``),
the names of its columns, and what else the run must know. Each stage is a few common table
expressions on top of the one before; ``stages``, ``extraction``, ``grouping`` and ``windows`` say
which, ``stack`` keeps them.

A discovered column is computed at the bottom, once, and only when some stage asked for it; DuckDB
pushes filters below it and drops what nothing reads.

Must not know where events come from.
"""

# ruff: noqa: S608 -- every name in the SQL is made by the stack, every literal by values.quoted.

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from opslib.cwli import extraction, grouping, plan, results, stages, windows
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.results import printed
from opslib.cwli.stack import Stack
from opslib.cwli.switches import DEFAULT, Switches
from opslib.cwli.values import TooLong

DEFAULT_LIMIT = 10_000
"""Rows of a query without ``limit``. Source: CWL_QuerySyntax-Limit."""

MAX_ROWS = 100_000
"""Most rows of any answer. Source: GetQueryResults."""


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A statement and how to read its rows.

    ``matched_sql`` counts the events that pass every filter before the first ``stats``, ``dedup``
    or ``limit``; it is None when there is no such filter, so that every event matches. ``source``
    is SQL over the columns of an event that holds for those of the log groups that the query
    names, None when it names none; only they are scanned. ``columns`` are the names of the columns
    in order; every column is VARCHAR.

    ``counts_itself`` is whether ``sql`` gives the number of matched events beside each row, as one
    column more; ``none_without_rows`` whether none matched where there is no row to tell. Rows
    fewer than ``all_below`` are all the matched events, one each. A row that is to be written is
    one column, JSON, and no longer one for each of ``columns``.
    """

    sql: str
    matched_sql: str | None
    counts_itself: bool
    none_without_rows: bool
    all_below: int
    source: str | None
    columns: tuple[str, ...]
    needs_json: bool


def compile_query(
    query: plan.Query,
    *,
    limit: int | None = None,
    counts: bool = False,
    written: bool = False,
    switches: Switches = DEFAULT,
) -> Compiled:
    """Compile a plan.

    Parameters
    ----------
    limit
        The limit of the call, beside any in the text; see ``switches.api_limit``.
    counts
        Whether the statement is to count the matched events, if it can do so by the way.
    written
        Whether the statement is to write each row as JSON, see ``results.written``.

    Raises
    ------
    MalformedQuery
        When the SQL would be unreasonably long.
    """
    stack = Stack(switches, _mentioned(query))
    stack.counts = counts
    _pile(stack, query, limit=limit, text=query.text)
    return _finished(stack, query, limit, written=written)


_STAGES: dict[type[plan.Stage], Callable[[Stack, Any], None]] = {
    plan.Fields: stages.fields,
    plan.Display: stages.display,
    plan.Filter: stages.filter_rows,
    plan.Sort: stages.sort,
    plan.Dedup: stages.dedup,
    plan.Stats: grouping.stats,
    plan.CountFrequent: grouping.count_frequent,
    plan.FillMissing: grouping.fill_missing,
    plan.Parse: extraction.parse,
    plan.ParseLogfmt: extraction.parse_logfmt,
    plan.ParseCsv: extraction.parse_csv,
    plan.ParseJson: extraction.parse_json,
    plan.Unnest: extraction.unnest,
    plan.Expand: extraction.expand,
    plan.Accum: windows.accum,
    plan.AddTotals: windows.add_totals,
    plan.Autoregress: windows.autoregress,
    plan.FillDown: windows.fill_down,
    plan.Sessionize: windows.sessionize,
}


_OF_ONE_ROW = (plan.Source, plan.Fields, plan.Display, plan.Filter, plan.Sort, plan.Parse)


def _pile(stack: Stack, query: plan.Query, *, limit: int | None, text: str) -> None:
    """Put every stage on the stack, in order."""
    at = 0
    try:
        for stage in query.stages:
            at = stage.at
            if isinstance(stage, plan.Source):
                continue  # the bottom of the stack holds to it
            if isinstance(stage, plan.Limit):
                stages.limit(stack, stage, of_call=limit)
            elif isinstance(stage, plan.AppendCols):
                _append(stack, stage, text=text)
            else:
                _STAGES[type(stage)](stack, stage)
            stack.flush()
            stack.alone = stack.alone and isinstance(stage, _OF_ONE_ROW)
    except TooLong:
        found = "the expressions of this command are too large to run."
        raise MalformedQuery(found, at, text=text) from None


def _append(stack: Stack, stage: plan.AppendCols, *, text: str) -> None:
    """Compile the query of ``appendcols`` below what stands, and put its columns beside it."""
    stack.flush()
    other = Stack(stack.switches, _mentioned(stage.query), serial=stack.serial)
    _pile(other, stage.query, limit=None, text=text)
    columns = [(name, other.field(name)) for name in other.shown()]
    other.flush()
    stack.below += other.base(stages.condition(stage.query.sources))
    stack.below += other.ctes
    stack.needs_json = stack.needs_json or other.discovery.needs_json
    windows.append_columns(stack, stage, other, columns)


def _finished(stack: Stack, query: plan.Query, limit: int | None, *, written: bool) -> Compiled:
    """Select the columns to show and put the statement together."""
    names = stack.shown()
    switches = stack.switches
    if not stack.grouped and "@ptr" not in names:
        names.append("@ptr")
    matched = f"SELECT count(*) FROM {stack.matched_from or stack.top}"
    rows = _rows(stack, limit)
    values = stack.shown_columns(names, rows)
    texts = [printed(value, switches) for value in values]
    selected = ", ".join(f"{text} AS o{i}" for i, text in enumerate(texts))
    if written:
        selected = f"{results.written(names, texts)} AS o"
    order = stack.ordered()
    if stack.counted is not None:
        groups, events = stack.counted
        selected += f", (SELECT coalesce(sum({events}), 0)::BIGINT FROM {groups})"
    final = f"SELECT {selected} FROM {stack.top} ORDER BY {order} LIMIT {rows}"
    source = stages.condition(query.sources)
    with_ = f"WITH {', '.join([*stack.base(source), *stack.below, *stack.ctes])} "
    return Compiled(
        sql=with_ + final,
        matched_sql=with_ + matched if stack.filters else None,
        counts_itself=stack.counted is not None,
        none_without_rows=stack.counted is not None and _all_groups_stay(query),
        all_below=_all_below(stack, query, rows),
        source=source,
        columns=tuple(names),
        needs_json=stack.discovery.needs_json or stack.needs_json,
    )


def _all_groups_stay(query: plan.Query) -> bool:
    """Whether nothing after the first ``stats`` takes the last row away."""
    kept = (plan.Fields, plan.Display, plan.Sort, plan.Limit)
    grouped = [isinstance(stage, plan.Stats | plan.CountFrequent) for stage in query.stages]
    return all(isinstance(stage, kept) for stage in query.stages[grouped.index(True) + 1 :])


def _all_below(stack: Stack, query: plan.Query, rows: int) -> int:
    """Return how many rows an answer must not reach to hold every matched event; 0 if unknown."""
    if stack.matched_from is None:
        return rows
    if stack.first_limit is None:
        return 0
    first = next(i for i, stage in enumerate(query.stages) if isinstance(stage, plan.Limit))
    kept = (plan.Fields, plan.Display, plan.Sort)
    rest = query.stages[first + 1 :]
    return min(rows, stack.first_limit) if all(isinstance(stage, kept) for stage in rest) else 0


def _rows(stack: Stack, limit: int | None) -> int:
    texts = stack.limited and stack.switches.api_limit == "the text's"
    if limit is not None and not texts:
        return limit
    return MAX_ROWS if stack.limited else DEFAULT_LIMIT


def _mentioned(query: plan.Query) -> list[str]:
    """Return the names of the fields that a query mentions anywhere, each once."""
    found: dict[str, None] = {}
    pending: list[Any] = [query.stages]
    while pending:
        node = pending.pop()
        if isinstance(node, plan.Field):
            found[node.name] = None
        elif isinstance(node, tuple):
            pending.extend(node)
        elif is_dataclass(node) and not isinstance(node, plan.Query):
            pending.extend(getattr(node, field.name) for field in fields(node))
    return sorted(found)
