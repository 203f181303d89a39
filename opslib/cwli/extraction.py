"""The stages that take values apart: the forms of ``parse``, ``unnest`` and ``expand``.

In: a stage and the stack below it. Out: nothing; the stack has the stage on top.

Must not know where events come from.

Source
------
CWL_QuerySyntax-Parse (glob, regular expression, multi, logfmt, csv), -Unnest, -Expand.
"""

from opslib.cwli import plan
from opslib.cwli.stack import Stack
from opslib.cwli.values import Kind, Value, as_text, flat, quoted, shown, within

_PAIR = r'(?:^|\s)([^\s="]+)=("(?:\\.|[^"\\])*"|[^\s"]*)'
"""A pair of logfmt: a key and what follows the sign, with its quotes."""

_CELL = r',("(?:[^"]|"")*"|[^,]*)'
"""A comma, which is also put before the first cell, and a cell of CSV with its quotes."""


def parse(stack: Stack, stage: plan.Parse) -> None:
    """Capture parts of a text; one row for each match with ``multi``."""
    text = stack.add(shown(stack.at(stage.source), stack.switches), "t")
    regex = quoted(stage.pattern.regex)
    groups = "[" + ", ".join(f"'g{i}'" for i in range(1, len(stage.pattern.groups) + 1)) + "]"
    if stage.multi:
        found = f"regexp_extract_all({text}, {regex}, {groups})"
        # A text without a match keeps its row.
        captures = stack.multiply(f"CASE WHEN len({found}) > 0 THEN {found} ELSE [NULL] END")
        matched = f"{captures} IS NOT NULL"
    else:
        matched = stack.add(f"regexp_matches({text}, {regex})", "m")
        captures = stack.add(f"regexp_extract({text}, {regex}, {groups})", "m")
    for i, name in stage.names:
        # A group that took no part is empty in one function of DuckDB and missing in the other.
        captured = f"coalesce({captures}['g{i}'], '')"
        if stack.switches.empty_capture == "missing":
            captured = f"nullif({captured}, '')"
        stack.define(name, Value(f"CASE WHEN {matched} THEN {captured} END", Kind.TEXT))
    _show(stack, *(name for _, name in stage.names))


def parse_logfmt(stack: Stack, stage: plan.ParseLogfmt) -> None:
    """Make a map of the pairs in a text. Of two pairs with one key the first counts."""
    text = shown(stack.at(stage.source), stack.switches)
    pairs = stack.add(f"regexp_extract_all({text}, {quoted(_PAIR)}, ['k', 'v'])", "l")
    inner = "substring(x.v, 2, length(x.v) - 2)"
    unescaped = rf"regexp_replace({inner}, '\\(.)', '\1', 'g')"
    value = f"CASE WHEN starts_with(x.v, '\"') THEN {unescaped} ELSE x.v END"
    member = f"lambda x: to_json(x.k) || ':' || to_json({value})"
    members = f"array_to_string(list_transform({pairs}, {member}), ',')"
    map_ = f"CASE WHEN len({pairs}) > 0 THEN CAST('{{' || {members} || '}}' AS JSON) END"
    stack.define(stage.name, Value(map_, Kind.JSON))
    _show(stack, stage.name)


def parse_csv(stack: Stack, stage: plan.ParseCsv) -> None:
    """Give each name its cell; a text of fewer cells leaves the last names missing."""
    text = shown(stack.at(stage.source), stack.switches)
    cells = stack.add(f"regexp_extract_all(',' || {text}, {quoted(_CELL)}, 1)", "l")
    for i, name in enumerate(stage.names, start=1):
        cell = f"{cells}[{i}]"
        inner = f"replace(substring({cell}, 2, length({cell}) - 2), '\"\"', '\"')"
        whole = f"starts_with({cell}, '\"') AND length({cell}) > 1"
        stack.define(name, Value(f"CASE WHEN {whole} THEN {inner} ELSE {cell} END", Kind.TEXT))
    _show(stack, *stage.names)


def parse_json(stack: Stack, stage: plan.ParseJson) -> None:
    """Reach into a text that is JSON, or into a map or list."""
    value = stack.at(stage.source)
    if value.kind is not Kind.JSON:
        text = stack.add(as_text(value), "t")
        parsed = f"CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) END"
        value = Value(stack.add(parsed), Kind.JSON)
    stack.define(stage.name, within(value, stage.steps))
    _show(stack, stage.name)


def unnest(stack: Stack, stage: plan.Unnest) -> None:
    """Make a row for each member of a list; anything else is a list of one member."""
    value = stack.at(stage.of)
    if value.kind is Kind.JSON:
        value = Value(stack.multiply(_members(stack, value.sql)), Kind.JSON)
    stack.define(stage.name, value)
    _show(stack, stage.name)


def expand(stack: Stack, stage: plan.Expand) -> None:
    """Make an event for each member of a JSON list, also one that is in a text."""
    value = stack.at(stage.of)
    if value.kind is not Kind.JSON and not value.is_text:
        _show(stack, stage.of.name)  # a number or a time is never a list
        return
    text = stack.add(f"CAST({as_text(flat(value))} AS VARCHAR)", "t")
    tree = value.sql if value.kind is Kind.JSON else value.tree
    tree = stack.add(f"CAST({tree} AS JSON)" if tree else "CAST(NULL AS JSON)")
    listed = f"json_type({tree}) = 'ARRAY'"
    in_text = f"starts_with(ltrim({text}), '[') AND json_valid({text})"
    whole = (
        f"CASE WHEN {listed} THEN {tree} WHEN {in_text} THEN CAST({text} AS JSON) "
        f"ELSE to_json({text}) END"
    )
    element = stack.multiply(_members(stack, stack.add(whole)))
    stack.define(stage.of.name, Value(element, Kind.JSON))
    _show(stack, stage.of.name)


def _members(stack: Stack, tree: str) -> str:
    """Return SQL of the members of a JSON list; of a list of one for any other value."""
    members = f"CAST({tree} AS JSON[])"
    if stack.switches.empty_list == "one row":
        members = f"CASE WHEN json_array_length({tree}) > 0 THEN {members} ELSE [NULL] END"
    return f"CASE WHEN json_type({tree}) = 'ARRAY' THEN {members} ELSE [{tree}] END"


def _show(stack: Stack, *names: str) -> None:
    if stack.switches.extracted_fields == "shown":
        stack.show(names)
