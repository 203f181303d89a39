"""Whole queries, events and switches drawn by hypothesis: the cases the engine is compared on."""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from cwli.oracle.events import events, singles
from cwli.oracle.interpreter import answer
from cwli.oracle.making import LOGGED, Maker, Names, rarely, seldom
from cwli.oracle.stages import beginnings, columns, newer, series, sorts, stats, tallies
from cwli.oracle.syntax import (
    Column,
    Dedup,
    Fields,
    Filter,
    Limit,
    ParseGlob,
    ParsePattern,
    Query,
    Stats,
)
from cwli.oracle.terms import (
    Aggregate,
    Arithmetic,
    Comparison,
    Expression,
    Logical,
    Name,
    Not,
    Number,
)
from cwli.oracle.values import Undetermined
from opslib.cwli.switches import DEFAULT, Switches


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Draw a query that the language allows."""
    names = Names(dict(LOGGED))
    stages = draw(beginnings(names))
    extracted = False
    if draw(seldom):
        stages += draw(newer(names))
        extracted = True
    for counted in draw(st.sampled_from([(), (), (), (), (), (), (), (), (tallies,), (series,)])):
        stages += draw(counted(names))
    parsed = extracted or any(isinstance(stage, ParseGlob | ParsePattern) for stage in stages)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2])) if names.events else 0):
        stages += [draw(stats(names))] if names.kinds else []
    if not names.kinds:
        return tuple(stages)
    if draw(seldom):
        stages.append(Filter(Maker(draw, names, 2).condition()))
    # What parse adds to the columns of a query without display is not documented.
    if draw(st.booleans()) or (parsed and names.events):
        stages.append(Fields(draw(columns(names, 4, 10)), "display"))
    if draw(st.booleans()):
        stages.append(draw(sorts(names)))
    if names.events and draw(st.sampled_from([False, False, True])):
        keys = [name for name in names.kinds if name not in ("u", "u.list")]
        keys += ["m", "w", "ok"] * 12  # two rows are seldom alike in other fields
        chosen = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=2, unique=True))
        stages.append(Dedup(tuple(chosen)))
    if draw(seldom):
        stages.append(Limit(draw(st.integers(1, 6))))
    return tuple(stages)


TURNED: dict[str, list[Any]] = {
    "missing_in_comparison": ["false"],
    "numbers_in_text": ["compare as text"],
    "percentile": ["nearest rank"],
    "standard_deviation": ["sample"],
    "missing_group_key": ["dropped"],
    "stats_of_nothing": ["one row"],
    "stats_order": ["oldest bin first"],
    "sort_direction": ["desc"],
    "missing_sorts": ["first"],
    "star_in_glob": ["greedy"],
    "empty_capture": ["missing"],
    "remainder_sign": ["the divisor's"],
    "week_starts": ["thursday"],
    "timestamp_aggregates": ["formatted"],
    "decimals": [2, 6],
    "bin_offset": ["moves the boundaries"],
    "numbers_made_text": ["every digit"],
    "request_id_in_application_lines": ["only in START, END and REPORT"],
    "fields_after_stats": ["replace"],
    "missing_in_greatest": ["missing"],
    "integers_out_of_range": ["clamped"],
    "missing_in_concat": ["missing"],
}


@st.composite
def settings(draw: st.DrawFn) -> Switches:
    """Draw switches: mostly the defaults, at times one of them turned."""
    if not draw(seldom):
        return DEFAULT
    name = draw(st.sampled_from(list(TURNED)))
    return replace(DEFAULT, **{name: draw(st.sampled_from(TURNED[name]))})


@dataclass(frozen=True)
class Case:
    query: Query
    events: list[dict[str, Any]]
    switches: Switches


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a query and events of which it keeps some, as an empty answer shows little."""
    logged = draw(events)
    query = draw(queries())
    switches = draw(settings())
    if draw(rarely):
        return Case(query, logged, switches)
    for index, stage in enumerate(query):
        if isinstance(stage, Filter):
            opened = (stage.condition, Not(stage.condition), _or_true(stage.condition))
            ways = [(*query[:index], Filter(each), *query[index + 1 :]) for each in opened]
            kept = (way for way in ways if _keeps(Case(way[: index + 1], logged, switches)))
            query = next(kept, query)
    return Case(query, logged, switches)


@st.composite
def wide(draw: st.DrawFn) -> Case:
    """Draw one stage of many columns, since a query costs more than a column does."""
    logged = draw(st.lists(singles, min_size=8, max_size=12))
    switches = draw(settings())
    make = Maker(draw, Names(dict(LOGGED)))
    if draw(st.booleans()):
        ways = [make.number, make.number, make.text, make.condition]
        drawn = [*make.nears(), *make.nears(), *(make.pick(ways)() for _ in range(12))]
        shown = _decided([Column(e, f"c{i}") for i, e in enumerate(drawn)], logged, switches)
        return Case((Fields(shown, "display"),), logged, switches)
    drawn = [make.aggregate() for _ in range(12)]
    values = _decided([Column(e, f"c{i}") for i, e in enumerate(drawn)], logged, switches)
    keys = make.pick([(), (Column(Name("w")),), (Column(Name("m")),), (Column(make.span()),)])
    return Case((Stats(values, keys),), logged, switches)


def _decided(
    drawn: list[Column], logged: list[dict[str, Any]], switches: Switches
) -> tuple[Column, ...]:
    """Return the columns on which the interpreter has an opinion, or one that is in no doubt."""
    found = []
    for column in drawn:
        stage = Stats if _aggregates(column.expression) else Fields
        try:
            answer((stage((column,)),), logged, switches)
        except Undetermined:
            continue
        found.append(column)
    return tuple(found) or (Column(Aggregate("count") if stage is Stats else Number("1")),)


def _aggregates(expression: Expression) -> bool:
    if isinstance(expression, Arithmetic):
        return _aggregates(expression.left) or _aggregates(expression.right)
    return isinstance(expression, Aggregate)


def _or_true(condition: Expression) -> Expression:
    return Logical(condition, "or", Comparison(Number("1"), "=", Number("1")))


def _keeps(case: Case) -> bool:
    try:
        return bool(answer(case.query, case.events, case.switches).ties)
    except Undetermined:
        return False
