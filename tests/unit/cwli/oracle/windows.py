"""The stages that make other rows of rows, or look at the rows above.

Source
------
CloudWatch Logs User Guide, the page of each command.
"""

import csv
import re
from dataclasses import replace

from cwli.oracle import spans
from cwli.oracle.discovery import lists_of, read_json
from cwli.oracle.syntax import (
    Accum,
    AddTotals,
    Autoregress,
    CountFrequent,
    FillDown,
    FillMissing,
    ParseJson,
    ParseText,
    Sessionize,
    Unnest,
)
from cwli.oracle.tables import Line, Table
from cwli.oracle.terms import Number, Text
from cwli.oracle.values import (
    Instant,
    Tree,
    Undetermined,
    Value,
    inside,
    key_of,
    number_of,
    scalar_or_tree,
    taken,
)
from opslib.cwli.switches import Switches

LOGFMT = re.compile(r'([A-Za-z_]+)=(?:"([^"]*)"|(\S*))')


def _in_order(table: Table) -> list[Line]:
    if any(len(tie) > 1 for tie in table.ties):
        raise Undetermined("which of two rows stands above the other?")
    return [tie[0] for tie in table.ties]


def _show(table: Table, *names: str) -> None:
    if table.columns is not None:
        table.columns += [name for name in names if name not in table.columns]


def accum(stage: Accum, table: Table, switches: Switches) -> Table:
    total = 0.0
    name = stage.alias or stage.source
    for line in _in_order(table):
        number = number_of(line.lookup(stage.source))
        total += number or 0.0
        line.made[name] = None if number is None else total
    _show(table, name)
    return table


def autoregress(stage: Autoregress, table: Table, switches: Switches) -> Table:
    lines = _in_order(table)
    values = [line.lookup(stage.source) for line in lines]
    for lag in range(stage.first, stage.last + 1):
        name = f"{stage.source}_p{lag}"
        for index, line in enumerate(lines):
            line.made[name] = values[index - lag] if index >= lag else None
        _show(table, name)
    return table


def fill_down(stage: FillDown, table: Table, switches: Switches) -> Table:
    lines = _in_order(table)
    for name in stage.names:
        last: Value = None
        for line in lines:
            value = line.lookup(name)
            last = last if value is None else value
            line.made[name] = last
    return table


def add_totals(stage: AddTotals, table: Table, switches: Switches) -> Table:
    for tie in table.ties:
        for line in tie:
            numbers = [number_of(line.lookup(name)) for name in stage.names]
            present = [number for number in numbers if number is not None]
            line.made[stage.total] = sum(present) if present else None
    _show(table, stage.total)
    return table


def unnest(stage: Unnest, table: Table, switches: Switches) -> Table:
    ties: list[list[Line]] = []
    for tie in table.ties:
        fresh = [each for line in tie for each in _members(stage, line)]
        if fresh:
            ties.append(fresh)
    table.ties = ties
    return table


def _members(stage: Unnest, line: Line) -> list[Line]:
    if stage.alias is None:
        lists = lists_of(str(line.lookup("@message")))
        value: Value = Tree(lists[stage.source]) if stage.source in lists else None
    else:
        value = line.lookup(stage.source)
    if not (isinstance(value, Tree) and isinstance(value.json, list)):
        if stage.alias is None or value is None or isinstance(value, Tree):
            raise Undetermined("what becomes of a row whose field is no list?")
        members: list[Value] = [value]
    else:
        members = [scalar_or_tree(each) for each in value.json]
    name = stage.alias or stage.source
    return [replace(line, made={**line.made, name: member}) for member in members]


def sessionize(stage: Sessionize, table: Table, switches: Switches) -> Table:
    """Name the sessions; their names say nothing, and two may only be told apart."""
    gap_ms = 1000 * (1800 if stage.gap_s is None else stage.gap_s)
    last: dict[tuple[str | None, ...], int] = {}
    count = 0
    names: dict[tuple[str | None, ...], str] = {}
    for line in sorted((line for tie in table.ties for line in tie), key=lambda line: line.at):
        key = tuple(key_of(line.lookup(name)) for name in stage.names)
        if None in key:
            raise Undetermined("the session of an event without identity")
        if key not in last or line.at[0] - last[key] > gap_ms:
            count += 1
            names[key] = f"session {count}"
        last[key] = line.at[0]
        line.made[stage.alias] = names[key]
    _show(table, stage.alias)
    return table


def count_frequent(stage: CountFrequent, table: Table, switches: Switches) -> Table:
    groups: dict[tuple[str | None, ...], list[Line]] = {}
    for tie in table.ties:
        for line in tie:
            key = tuple(key_of(line.lookup(name)) for name in stage.names)
            if None in key:
                raise Undetermined("how frequent is what is missing?")
            groups.setdefault(key, []).append(line)
    ties: dict[int, list[Line]] = {}
    for members in groups.values():
        made: dict[str, Value] = {name: members[0].lookup(name) for name in stage.names}
        made["_approxcount"] = float(len(members))
        ties.setdefault(len(members), []).append(Line({}, made))
    ordered = [ties[count] for count in sorted(ties, reverse=True)]
    return Table(ordered, [*stage.names, "_approxcount"], events=False)


def parse_json(stage: ParseJson, table: Table, switches: Switches) -> Table:
    for tie in table.ties:
        for line in tie:
            text = taken(line.lookup(stage.source), switches)
            try:
                found = read_json(text or "")
            except ValueError:
                found = None
            line.made[stage.name] = inside(Tree(found), stage.keys)
    return table


MOST_FILLED = 300


def fill_missing(stage: FillMissing, table: Table, switches: Switches) -> Table:
    """Put in a row for each bin between the first and the last that has none."""
    bins, name = table.bins, table.bin_column
    if bins is None or name is None or not bins.alone:
        raise Undetermined("which groups has an empty bin?")
    amount, unit = bins.offset or (0, "s")
    have = {line.lookup(name): line for line in _in_order(table)}
    begins = sorted(at.epoch_ms for at in have if isinstance(at, Instant))
    if len(begins) < len(have):
        raise Undetermined("a row without its bin")
    at = spans.later(Instant(begins[0]), -amount, unit) if begins else Instant(0)
    lines: list[Line] = []
    while begins and spans.later(at, amount, unit).epoch_ms <= begins[-1]:
        shown = spans.later(at, amount, unit)
        given = {column: _constant(value) for value, column in stage.given}
        lines.append(have.get(shown) or Line({}, {name: shown, **given}))
        if len(lines) > MOST_FILLED:
            raise Undetermined("are so many bins filled?")
        at = spans.ceiling(Instant(at.epoch_ms + 1), bins.span.amount, bins.span.unit, switches)
    if switches.stats_order == "newest bin first":
        lines.reverse()
    table.ties = [[line] for line in lines]
    return table


def _constant(value: Text | Number) -> Value:
    return value.text if isinstance(value, Text) else float(value.written)


def parse_text(stage: ParseText, table: Table, switches: Switches) -> Table:
    for tie in table.ties:
        for line in tie:
            text = taken(line.lookup(stage.source), switches)
            if stage.kind == "logfmt":
                pairs = LOGFMT.findall(text or "")
                line.made[stage.names[0]] = Tree({k: quoted or bare for k, quoted, bare in pairs})
                continue
            cells = next(csv.reader([text or ""]), [])
            for index, name in enumerate(stage.names):
                line.made[name] = cells[index] if index < len(cells) else None
    return table
