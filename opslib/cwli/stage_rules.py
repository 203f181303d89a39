"""From lark's tree to the plan: one function for each rule that is a command or part of one.

In: the draft, where the rule stands, and what its parts were built to; keywords are tokens, absent
options None. Out: ``plan`` stages. ``RULES`` maps the rules of ``grammar.lark`` to functions.

Must not know events or SQL.
"""

from collections.abc import Sequence
from typing import Any

from lark import Token
from lark.tree import Meta

from opslib.cwli import plan
from opslib.cwli.draft import Draft, Rule, named_once, plain
from opslib.cwli.parse_rules import PARSE_RULES

MAX_LIMIT = 100_000
"""Largest ``limit``, and largest ``max`` of ``appendcols``. Source: CWL_QuerySyntax-Limit."""

DEFAULT_APPENDED = 10_000
"""Rows of ``appendcols`` without ``max``. Source: CWL_QuerySyntax-Appendcols."""

MAX_LAG = 100
"""Most rows ``autoregress`` looks back. AWS names no bound; each is a column."""

MAX_PREFIXES = 5
"""Most prefixes of log group names. Source: CWL_QuerySyntax-Source."""


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


def _accum(draft: Draft, meta: Meta, children: list[Any]) -> plan.Accum:
    _, of, _, alias = children
    own = of.name if draft.switches.accum_without_name == "replaces" else "_accum"
    return plan.Accum(at=meta.start_pos, of=of, name=alias.name if alias else own)


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
    named_once(draft, [field for field, _ in values], command="fillmissing")
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
    named_once(draft, children[1], command="countFrequent")
    return plan.CountFrequent(at=meta.start_pos, names=tuple(children[1]))


RULES: dict[str, Rule] = {
    **PARSE_RULES,
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
