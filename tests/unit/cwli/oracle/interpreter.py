"""What a query answers, worked out one row and one stage at a time.

Rows are kept in an ordered list of ties: rows of one tie have no documented order among themselves.

Source
------
CloudWatch Logs User Guide, the page of each command; the switches where they are silent.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cmp_to_key, partial
from itertools import groupby
from typing import Any

from cwli.oracle import spans, windows
from cwli.oracle.aggregates import AGGREGATES, percentile, rate
from cwli.oracle.discovery import fields_of
from cwli.oracle.expressions import Row
from cwli.oracle.syntax import (
    Accum,
    AddTotals,
    Autoregress,
    Column,
    CountFrequent,
    Dedup,
    Fields,
    FillDown,
    FillMissing,
    Filter,
    Limit,
    ParseGlob,
    ParseJson,
    ParsePattern,
    ParseText,
    Query,
    Sessionize,
    Sort,
    Stage,
    Stats,
    Unnest,
)
from cwli.oracle.tables import Bins, Line, Table
from cwli.oracle.terms import (
    Aggregate,
    Name,
    Span,
)
from cwli.oracle.values import Instant, Tree, Undetermined, Value, key_of, natural, taken
from opslib.cwli.switches import DEFAULT, Switches


@dataclass(frozen=True)
class Answer:
    """Rows as values, in ties; ``cut`` as in Table; ``events`` says whether rows have ``@ptr``."""

    ties: list[list[dict[str, Value]]]
    cut: int
    events: bool


def answer(
    query: Query, events: Sequence[Mapping[str, Any]], switches: Switches = DEFAULT
) -> Answer:
    """Interpret a query over events in the order they arrived."""
    lines = [
        Line(fields_of(event, switches), at=(event["timestamp"], arrival))
        for arrival, event in enumerate(events)
    ]
    lines.sort(key=lambda line: line.at, reverse=True)
    table = Table([[line] for line in lines])
    for stage in query:
        if table.cut:
            raise Undetermined("a stage after a limit that cut a tie")
        table = STAGES[type(stage)](stage, table, switches)
    names = table.columns if table.columns is not None else ["@timestamp", "@message"]
    ties = [[_shown(line, names) for line in tie] for tie in table.ties]
    return Answer(ties, table.cut, table.events)


def _shown(line: Line, names: Iterable[str]) -> dict[str, Value]:
    values = {name: line.lookup(name) for name in names}
    if any(isinstance(value, Tree) for value in values.values()):
        raise Undetermined("the text of a map or list")
    return {name: value for name, value in values.items() if value is not None}


def _over(table: Table, change: Callable[[Line], bool]) -> None:
    """Do something to each row and keep those for which it answers True."""
    kept = [[line for line in tie if change(line)] for tie in table.ties]
    table.ties = [tie for tie in kept if tie]


def _columns(stage: Fields, table: Table, switches: Switches) -> Table:
    def computed(line: Line) -> bool:
        row = Row(line.lookup, switches)
        for column in stage.columns:
            if column.alias is not None or not isinstance(column.expression, Name):
                line.made[column.header] = row.value(column.expression)
        return True

    _over(table, computed)
    replaced = stage.command == "display" or (
        not table.events and switches.fields_after_stats == "replace"
    )
    before = [] if replaced else table.columns or []
    table.columns = list(dict.fromkeys([*before, *(column.header for column in stage.columns)]))
    return table


def _filter(stage: Filter, table: Table, switches: Switches) -> Table:
    _over(table, lambda line: Row(line.lookup, switches).truth(stage.condition) is True)
    return table


def _sort(stage: Sort, table: Table, switches: Switches) -> Table:
    keys = [(name, way or switches.sort_direction) for name, way in stage.keys]
    if table.bin_column is not None:
        keys = [(table.bin_column if n == "@timestamp" else n, way) for n, way in keys]

    def order(left: Line, right: Line) -> int:
        for name, way in keys:
            mine, theirs = left.lookup(name), right.lookup(name)
            if mine is None or theirs is None:
                first = -1 if switches.missing_sorts == "first" else 1
                decided = first * ((mine is None) - (theirs is None))
            else:
                decided = natural(mine, theirs, switches) * (-1 if way == "desc" else 1)
            if decided:
                return decided
        return 0

    lines = [line for tie in table.ties for line in tie]
    lines.sort(key=lambda line: line.at, reverse=keys[-1][1] == "desc")
    lines.sort(key=cmp_to_key(order))

    def order_of_events(left: Line, right: Line) -> int:
        return order(left, right) or int(left.at != right.at)

    table.ties = _ties(lines, order_of_events if table.events else order)
    return table


def _ties(lines: list[Line], order: Callable[[Line, Line], int]) -> list[list[Line]]:
    return [list(tie) for _, tie in groupby(lines, key=cmp_to_key(order))]


def _limit(stage: Limit, table: Table, switches: Switches) -> Table:
    kept: list[list[Line]] = []
    left = stage.count
    for tie in table.ties:
        if left <= 0:
            break
        kept.append(tie)
        left -= len(tie)
    table.ties, table.cut = kept, max(-left, 0)
    return table


def _dedup(stage: Dedup, table: Table, switches: Switches) -> Table:
    seen: dict[tuple[str | None, ...], int] = {}
    kept: list[list[Line]] = []
    for number, tie in enumerate(table.ties):
        fresh = []
        for line in tie:
            key = tuple(key_of(line.lookup(name)) for name in stage.names)
            if None not in key and key in seen:
                if seen[key] == number:
                    raise Undetermined("duplicates within a tie")
                continue
            seen[key] = number
            fresh.append(line)
        if fresh:
            kept.append(fresh)
    table.ties = kept
    return table


def _parse(stage: ParseGlob | ParsePattern, table: Table, switches: Switches) -> Table:
    if isinstance(stage, ParsePattern) and stage.multi:
        return _parse_multi(stage, table, switches)
    pattern = _glob(stage.glob, switches) if isinstance(stage, ParseGlob) else None
    expression = pattern or re.compile(_python_of(stage), re.ASCII)

    def captured(line: Line) -> bool:
        text = taken(line.lookup(stage.source or "@message"), switches)
        match = expression.search(text) if text is not None else None
        for index, name in enumerate(stage.names, start=1):
            value = None if match is None else match[index] or ""
            if value == "" and switches.empty_capture == "missing":
                value = None
            line.made[name] = value
        return True

    _over(table, captured)
    return table


def _parse_multi(stage: ParsePattern, table: Table, switches: Switches) -> Table:
    """Make one row of each match."""
    ties = []
    for tie in table.ties:
        fresh = []
        for line in tie:
            text = taken(line.lookup(stage.source or "@message"), switches) or ""
            matches = list(re.finditer(stage.pattern.python, text, re.ASCII))
            if not matches:
                raise Undetermined("what becomes of a row without a match?")
            for match in matches:
                captured = [match[i] or "" for i in range(1, len(stage.names) + 1)]
                if "" in captured:
                    raise Undetermined("an empty capture of many")
                fresh.append(
                    replace(
                        line, made={**line.made, **dict(zip(stage.names, captured, strict=True))}
                    )
                )
        ties.append(fresh)
    table.ties = ties
    return table


def _python_of(stage: ParseGlob | ParsePattern) -> str:
    assert isinstance(stage, ParsePattern)
    return stage.pattern.python


def _glob(glob: str, switches: Switches) -> re.Pattern[str]:
    star = "(.*?)" if switches.star_in_glob == "lazy" else "(.*)"
    pieces = [re.escape(piece) for piece in glob.split("*")]
    text = star.join(pieces)
    if glob.endswith("*"):
        text = text.removesuffix(star) + "(.*)"
    return re.compile(text, re.DOTALL)


def _stats(stage: Stats, table: Table, switches: Switches) -> Table:
    groups: dict[tuple[str | None, ...], tuple[list[Value], list[Line]]] = {}
    for line in sorted((line for tie in table.ties for line in tie), key=lambda line: line.at):
        row = Row(line.lookup, switches)
        values = [_key(row, column, stage, switches) for column in stage.keys]
        key = tuple(key_of(value) for value in values)
        if None in key and switches.missing_group_key == "dropped":
            continue
        groups.setdefault(key, (values, []))[1].append(line)
    if not groups and not stage.keys and switches.stats_of_nothing == "one row":
        groups[()] = ([], [])
    lines = [_group(stage, values, members, switches) for values, members in groups.values()]
    names = [column.header for column in (*stage.keys, *stage.values)]
    ordered, bin_column = _default_order(stage, lines, switches)
    first = stage.keys[0] if stage.keys else None
    bins = None
    if first and isinstance(first.expression, Span) and first.header == bin_column:
        bins = Bins(first.expression, stage.offset, alone=len(stage.keys) == 1)
    return Table(ordered, names, events=False, bin_column=bin_column, bins=bins)


def _key(row: Row, column: Column, stage: Stats, switches: Switches) -> Value:
    value, span = row.value(column.expression), column.expression
    if stage.offset is None or not isinstance(span, Span) or not isinstance(value, Instant):
        return value
    amount, unit = stage.offset
    if switches.bin_offset == "moves the boundaries":
        at = row.lookup("@timestamp")
        assert isinstance(at, Instant)
        earlier = spans.later(at, -amount, unit)
        value = spans.floor(earlier, span.amount, span.unit, switches)
    return spans.later(value, amount, unit)


def _group(stage: Stats, key: list[Value], members: list[Line], switches: Switches) -> Line:
    made: dict[str, Value] = {}
    fold = partial(_fold, members, switches)
    for column in stage.values:
        made[column.header] = Row(made.get, switches, fold).value(column.expression)
    keys = {column.header: value for column, value in zip(stage.keys, key, strict=True)}
    return Line({}, keys | made)


def _fold(members: list[Line], switches: Switches, aggregate: Aggregate) -> Value:
    if aggregate.of is None:
        return float(len(members))
    inner = aggregate.of
    values = [Row(line.lookup, switches).value(inner) for line in members]
    if aggregate.function == "rate":
        return rate([line.at[0] for line in members], values, aggregate.detail or "", switches)
    if aggregate.detail is not None:
        return percentile(values, float(aggregate.detail), switches)
    return AGGREGATES[aggregate.function](values, switches)


def _default_order(
    stage: Stats, lines: list[Line], switches: Switches
) -> tuple[list[list[Line]], str | None]:
    """Order the groups: newest bin first, or by the keys; what is left open stays one tie."""
    bins = [c.header for c in stage.keys if isinstance(c.expression, Span) and _is_bin(c)]
    if bins and bins[0] != stage.keys[0].header:
        return [lines], bins[0]  # does the newest bin come first, or the least of the key before?
    if bins:
        sign = -1 if switches.stats_order == "newest bin first" else 1

        def order(left: Line, right: Line) -> int:
            return sign * natural(left.lookup(bins[0]), right.lookup(bins[0]), switches)

        return _ties(sorted(lines, key=cmp_to_key(order)), order), bins[0]
    keys = tuple((column.header, None) for column in stage.keys)
    if not keys:
        return [[line] for line in lines], None
    values = [line.lookup(name) for line in lines for name, _ in keys]
    if any(isinstance(value, Instant) or str(value).startswith("session ") for value in values):
        return [lines], None  # other times than bins, and names of sessions, have no known order
    table = Table([[line] for line in lines], events=False)
    return _sort(Sort(keys), table, DEFAULT).ties, None


def _is_bin(column: Column) -> bool:
    span = column.expression
    if not isinstance(span, Span):
        return False
    if span.function != "bin" or span.of is not None:
        raise Undetermined("which order have groups of another span of time?")
    return True


STAGES: dict[type[Stage], Callable[[Any, Table, Switches], Table]] = {
    Fields: _columns,
    Filter: _filter,
    Stats: _stats,
    Sort: _sort,
    Limit: _limit,
    Dedup: _dedup,
    ParseGlob: _parse,
    ParsePattern: _parse,
    ParseText: windows.parse_text,
    ParseJson: windows.parse_json,
    FillMissing: windows.fill_missing,
    Unnest: windows.unnest,
    Accum: windows.accum,
    Autoregress: windows.autoregress,
    FillDown: windows.fill_down,
    AddTotals: windows.add_totals,
    Sessionize: windows.sessionize,
    CountFrequent: windows.count_frequent,
}
