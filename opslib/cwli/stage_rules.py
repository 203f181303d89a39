"""From lark's tree to the plan: one function for each rule that is a command or part of one.

In: the draft, where the rule stands, and what its parts were built to; keywords are tokens, absent
options None. Out: ``plan`` stages. ``RULES`` maps the rules of ``grammar.lark`` to functions.

Must not know events or SQL.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from lark import Token
from lark.tree import Meta

from opslib.cwli import plan, regexes
from opslib.cwli.draft import Draft

MAX_LIMIT = 100_000
"""Largest ``limit``, and largest ``max`` of ``appendcols``. Source: CWL_QuerySyntax-Limit."""

DEFAULT_APPENDED = 10_000
"""Rows of ``appendcols`` without ``max``. Source: CWL_QuerySyntax-Appendcols."""

MAX_LAG = 100
"""Most rows ``autoregress`` looks back. AWS names no bound; each is a column."""

MAX_PREFIXES = 5
"""Most prefixes of log group names. Source: CWL_QuerySyntax-Source."""

Rule = Callable[[Draft, Meta, list[Any]], Any]
Pairs = list[tuple[int, plan.Field]]


def plain(children: Sequence[Any]) -> list[Any]:
    """Drop keywords and absent options."""
    return [child for child in children if child is not None and not isinstance(child, Token)]


def _start(draft: Draft, _: Meta, stages: list[plan.Stage]) -> plan.Query:
    return plan.Query(text=draft.text, stages=tuple(stages))


def _fields(_: Draft, meta: Meta, children: list[Any]) -> plan.Fields:
    return plan.Fields(at=meta.start_pos, items=tuple(plain(children)))


def _display(_: Draft, meta: Meta, children: list[Any]) -> plan.Display:
    return plan.Display(at=meta.start_pos, items=tuple(plain(children)))


def _filter(_: Draft, meta: Meta, children: list[Any]) -> plan.Filter:
    keyword, condition = children
    indexed = keyword.type == "FILTER_INDEX"
    return plan.Filter(at=meta.start_pos, condition=condition, indexed=indexed)


def _stats(_: Draft, meta: Meta, children: list[Any]) -> plan.Stats:
    *items, by = children[1:]
    keys, offset = by or ((), None)
    return plan.Stats(at=meta.start_pos, items=tuple(items), keys=keys, offset=offset)


def _by(draft: Draft, _: Meta, children: list[Any]) -> tuple[Any, plan.Duration | None]:
    *keys, _keyword, written = children
    return tuple(plain(keys)), draft.duration(written) if written is not None else None


def _item(draft: Draft, meta: Meta, children: list[Any]) -> plan.Item:
    expr, _, alias = children
    if alias is not None:
        return plan.Item(at=meta.start_pos, expr=expr, name=alias.name, aliased=True)
    if isinstance(expr, plan.Field):
        return plan.Item(at=meta.start_pos, expr=expr, name=expr.name, aliased=False)
    name = draft.text[meta.start_pos : meta.end_pos]
    if draft.switches.header_spaces == "collapsed":
        name = " ".join(name.split())
    return plan.Item(at=meta.start_pos, expr=expr, name=name, aliased=False)


def _sort(_: Draft, meta: Meta, children: list[Any]) -> plan.Sort:
    return plan.Sort(at=meta.start_pos, keys=tuple(plain(children)))


def _sort_key(_: Draft, meta: Meta, children: list[Any]) -> plan.SortKey:
    name, ascending, descending = (*children, None, None)[:3]
    direction = ascending if ascending is not None else descending
    descends = None if direction is None else direction.type == "DESC"
    return plan.SortKey(at=meta.start_pos, field=name, descending=descends)


def _limit(draft: Draft, meta: Meta, children: list[Token]) -> plan.Limit:
    rows = draft.whole(children[-1], of="limit", most=MAX_LIMIT)
    return plan.Limit(at=meta.start_pos, rows=rows)


def _dedup(_: Draft, meta: Meta, children: list[Any]) -> plan.Dedup:
    return plan.Dedup(at=meta.start_pos, names=tuple(plain(children)))


# parse


def _message(meta: Meta) -> plan.Field:
    return plan.Field(at=meta.start_pos, name="@message", parts=("@message",))


def _once(draft: Draft, names: Sequence[plan.Field], *, command: str) -> None:
    seen: set[str] = set()
    for field in names:
        if field.name in seen:
            raise draft.refuse(f"{command} names `{field.name}` twice.", field.at)
        seen.add(field.name)


def _parse_glob(draft: Draft, meta: Meta, children: list[Any]) -> plan.Parse:
    _, source, literal, _, names = children
    pattern = regexes.from_glob(
        draft.unquoted(literal), at=literal.start_pos, switches=draft.switches
    )
    if len(pattern.groups) != len(names):
        found = (
            f"the pattern of parse has {len(pattern.groups)} * "
            f"and {len(names)} names after `as`; they must be as many."
        )
        raise draft.refuse(found, literal.start_pos)
    return _parse(draft, meta, source, pattern, list(enumerate(names, start=1)), multi=False)


def _parse_regex(draft: Draft, meta: Meta, children: list[Any]) -> plan.Parse:
    _, source, literal, multi, _, names = children
    return _of_regex(draft, meta, source, literal, names, multi=multi is not None)


def _parse_multi(draft: Draft, meta: Meta, children: list[Any]) -> plan.Parse:
    _, source, literal, _, names, _ = children
    return _of_regex(draft, meta, source, literal, names, multi=True)


def _of_regex(
    draft: Draft,
    meta: Meta,
    source: plan.Field | None,
    literal: Token,
    names: list[plan.Field] | None,
    *,
    multi: bool,
) -> plan.Parse:
    pattern = draft.pattern(literal)
    at = literal.start_pos or 0
    named = [(i, name) for i, name in enumerate(pattern.groups, start=1) if name]
    if names is None:
        if not named:
            found = "parse with a regular expression needs a named group, as (?<name>...)."
            raise draft.refuse(found, at)
        pairs = [(i, plan.Field(at=at, name=name, parts=(name,))) for i, name in named]
        return _parse(draft, meta, source, pattern, pairs, multi=multi)
    if named or len(names) != len(pattern.groups):
        found = (
            "parse with a regular expression and `as` needs one unnamed group for each name; "
            f"there are {len(pattern.groups)} groups, {len(named)} of them named, "
            f"and {len(names)} names."
        )
        raise draft.refuse(found, at)
    return _parse(draft, meta, source, pattern, list(enumerate(names, start=1)), multi=multi)


def _parse(
    draft: Draft,
    meta: Meta,
    source: plan.Field | None,
    pattern: plan.Pattern,
    pairs: Pairs,
    *,
    multi: bool,
) -> plan.Parse:
    _once(draft, [field for _, field in pairs], command="parse")
    return plan.Parse(
        at=meta.start_pos,
        source=source or _message(meta),
        pattern=pattern,
        names=tuple((i, field.name) for i, field in pairs),
        multi=multi,
    )


def _parse_logfmt(_: Draft, meta: Meta, children: list[Any]) -> plan.ParseLogfmt:
    *source, name = plain(children)
    return plan.ParseLogfmt(
        at=meta.start_pos, source=source[0] if source else _message(meta), name=name.name
    )


def _parse_csv(draft: Draft, meta: Meta, children: list[Any]) -> plan.ParseCsv:
    *source, names = plain(children)
    _once(draft, names, command="parse")
    return plan.ParseCsv(
        at=meta.start_pos,
        source=source[0] if source else _message(meta),
        names=tuple(field.name for field in names),
    )


def _parse_json(draft: Draft, meta: Meta, children: list[Any]) -> plan.ParseJson:
    _, _, source, literal, _, name = children
    written = draft.unquoted(literal)
    if not re.fullmatch(r"[^.\[\]]+(\.[^.\[\]]+|\[[0-9]+\])*", written):
        found = "the path of parse json is names parted by dots, with [0] for a place in a list."
        raise draft.refuse(found, literal.start_pos)
    steps = draft.steps(written.replace("`", ""), at=literal.start_pos)
    return plan.ParseJson(at=meta.start_pos, source=source, steps=steps, name=name.name)


# SOURCE


def _source(draft: Draft, meta: Meta, children: list[Token]) -> plan.Source:
    written = children[1]
    name = draft.unquoted(written) if written.type == "STRING" else written.replace("`", "")
    if not name:
        raise draft.refuse("the name of a log group is empty.", written.start_pos or 0)
    return plan.Source(at=meta.start_pos, name=name)


def _source_groups(draft: Draft, meta: Meta, children: list[Any]) -> plan.Source:
    prefixes: list[str] = []
    for keyword, values in plain(children):
        if keyword.lower() != "nameprefix":
            found = (
                f"`{keyword}` of logGroups is refused: accounts and log classes are AWS's to "
                "know. Only namePrefix is run here."
            )
            raise draft.refuse(found, keyword.start_pos)
        prefixes.extend(values)
        if len(prefixes) > MAX_PREFIXES:
            found = f"namePrefix takes at most {MAX_PREFIXES} prefixes."
            raise draft.refuse(found, keyword.start_pos)
    return plan.Source(at=meta.start_pos, name=None, prefixes=tuple(prefixes))


def _among(draft: Draft, _: Meta, children: list[Any]) -> tuple[Token, list[str]]:
    keyword, *values = children
    return keyword, [draft.unquoted(value) for value in values if value is not None]


# Lists, windows and totals


def _unnest(_: Draft, meta: Meta, children: list[Any]) -> plan.Unnest:
    of, name = plain(children)
    return plan.Unnest(at=meta.start_pos, of=of, name=name.name)


def _expand(_: Draft, meta: Meta, children: list[Any]) -> plan.Expand:
    return plan.Expand(at=meta.start_pos, of=children[1])


def _accum(_: Draft, meta: Meta, children: list[Any]) -> plan.Accum:
    _, of, _, alias = children
    return plan.Accum(at=meta.start_pos, of=of, name=alias.name if alias else None)


def _option(name: str) -> Rule:
    def build(_: Draft, __: Meta, children: list[Any]) -> tuple[str, Any, Token]:
        keyword, value = children
        return name, value, keyword

    return build


def _options(draft: Draft, given: Sequence[tuple[str, Any, Token]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value, keyword in given:
        if name in found:
            raise draft.refuse(f"`{name}` is given twice.", keyword.start_pos or 0)
        found[name] = value
    return found


def _is_true(token: Token | None, *, by_default: bool) -> bool:
    return by_default if token is None else token.type == "TRUE"


def _addtotals(draft: Draft, meta: Meta, children: list[Any]) -> plan.AddTotals:
    *given, names = children[1:]
    options = _options(draft, given)
    stage = plan.AddTotals(
        at=meta.start_pos,
        total=options["fieldname"].name if "fieldname" in options else "Total",
        row=_is_true(options.get("row"), by_default=True),
        col=_is_true(options.get("col"), by_default=False),
        names=tuple(names or ()),
    )
    if not stage.row and not stage.col:
        raise draft.refuse("addtotals with row=false and col=false adds nothing.", meta.start_pos)
    return stage


def _appendcols(draft: Draft, meta: Meta, children: list[Any]) -> plan.AppendCols:
    *given, query = plain(children[1:])
    options = _options(draft, given)
    rows = DEFAULT_APPENDED
    if "max" in options:
        rows = draft.whole(options["max"], of="max", most=MAX_LIMIT)
    override = _is_true(options.get("override"), by_default=False)
    return plan.AppendCols(at=meta.start_pos, query=query, override=override, rows=rows)


def _autoregress(draft: Draft, meta: Meta, children: list[Any]) -> plan.Autoregress:
    _, of, _, alias, p_is, first, _, last = children
    lags = [1]
    if p_is is not None:
        begin = draft.whole(first, of="p", most=MAX_LAG)
        end = begin if last is None else draft.whole(last, of="p", most=MAX_LAG)
        if end < begin:
            raise draft.refuse("p begins after it ends.", first.start_pos)
        lags = list(range(begin, end + 1))
    name = alias.name if alias else of.name
    single = alias is not None and len(lags) == 1
    named = ((name if single else f"{name}_p{lag}", lag) for lag in lags)
    return plan.Autoregress(at=meta.start_pos, of=of, lags=tuple(named))


def _filldown(_: Draft, meta: Meta, children: list[Any]) -> plan.FillDown:
    return plan.FillDown(at=meta.start_pos, names=tuple(plain(children)))


def _filled(draft: Draft, meta: Meta, children: list[Any]) -> plan.Field:
    (name,) = children
    return draft.name(str(name), at=meta.start_pos) if isinstance(name, Token) else name


def _fillmissing(draft: Draft, meta: Meta, children: list[Any]) -> plan.FillMissing:
    values = tuple(plain(children))
    _once(draft, [field for field, _ in values], command="fillmissing")
    return plan.FillMissing(at=meta.start_pos, values=values)


def _fill(_: Draft, __: Meta, children: list[Any]) -> tuple[plan.Field, plan.Expr]:
    value, _keyword, field = children
    return field, value


def _sessionize(draft: Draft, meta: Meta, children: list[Any]) -> plan.Sessionize:
    _, names, _, written, _, alias = children
    gap = plan.Duration(at=meta.start_pos, count=30, unit="m")
    return plan.Sessionize(
        at=meta.start_pos,
        names=tuple(names),
        gap=gap if written is None else draft.duration(written),
        name=alias.name if alias else "session_id",
    )


def _count_frequent(draft: Draft, meta: Meta, children: list[Any]) -> plan.CountFrequent:
    _once(draft, children[1], command="countFrequent")
    return plan.CountFrequent(at=meta.start_pos, names=tuple(children[1]))


RULES: dict[str, Rule] = {
    "start": _start,
    "fields": _fields,
    "display": _display,
    "filter": _filter,
    "filter_index": _filter,
    "stats": _stats,
    "by": _by,
    "item": _item,
    "sort": _sort,
    "sort_key": _sort_key,
    "limit": _limit,
    "dedup": _dedup,
    "parse_glob": _parse_glob,
    "parse_regex": _parse_regex,
    "parse_multi": _parse_multi,
    "parse_logfmt": _parse_logfmt,
    "parse_csv": _parse_csv,
    "parse_json": _parse_json,
    "source": _source,
    "source_groups": _source_groups,
    "among": _among,
    "unnest": _unnest,
    "expand": _expand,
    "accum": _accum,
    "addtotals": _addtotals,
    "total_name": _option("fieldname"),
    "total_row": _option("row"),
    "total_col": _option("col"),
    "appendcols": _appendcols,
    "append_override": _option("override"),
    "append_max": _option("max"),
    "autoregress": _autoregress,
    "filldown": _filldown,
    "filled": _filled,
    "fillmissing": _fillmissing,
    "fill": _fill,
    "sessionize": _sessionize,
    "count_frequent": _count_frequent,
}
"""By the name of the rule in ``grammar.lark``."""
