"""Aggregates of ``stats``: name, arguments, and the SQL of the call.

In: the compiled arguments, the literals among them, and the SQL by which events are ordered in
time. Out: the value of one group. An aggregate over no value at all is missing, but for counts.

Must not know stages, fields or events.

Source
------
CWL_QuerySyntax-Stats; CWL_QuerySyntax-timeseries-functions (``rate``, ``count_over_time``,
``sum_over_time``, ``histogram``). What they leave open: see ``switches``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from opslib.cwli.functions_call import bound
from opslib.cwli.switches import Switches
from opslib.cwli.values import (
    LONG_DIGITS,
    Kind,
    Value,
    as_text,
    finite_number,
    flat,
    natural_order,
    number,
    quoted,
    shown,
    text,
    whole,
)

QUANTILE = re.compile(r"(quantile_(?:cont|disc))\((.+), ([0-9.e-]+)\)", re.DOTALL)
"""SQL of one percentile: the function, its argument, the fraction. It also takes a list of them."""

Build = Callable[[Sequence[Value], Sequence[float], str, Switches], Value]

MAX_BUCKETS = 1_000
"""Most buckets of a histogram, and most values of ``topk``. AWS names no bound."""


@dataclass(frozen=True)
class Count:
    """A literal number an aggregate takes: its bounds and what it is, in words."""

    words: str
    least: float
    most: float
    whole: bool = True


@dataclass(frozen=True)
class Aggregate:
    """How to call one aggregate.

    Attributes
    ----------
    fewest, most
        Number of arguments.
    build
        From values, literals (numbers; periods as milliseconds) and SQL terms of event time to the
        value of the group.
    literals
        Arguments, counted from 0, that the query must write out: a number or a period such as 5m.
    needs_time
        It depends on event time, so cannot follow another ``stats``.
    star
        It takes ``*``, and then no argument.
    alone
        Nothing may stand beside it, and no ``by`` after it.
    structure
        Its value is a map or list, so paths lead into it.
    """

    fewest: int
    most: int
    build: Build
    literals: Mapping[int, Count | Literal["period"]] = field(default_factory=dict)
    needs_time: bool = False
    star: bool = False
    alone: bool = False
    structure: bool = False


def _count(args: Sequence[Value], _: Sequence[float], __: str, ___: Switches) -> Value:
    counted = f"count({flat(args[0]).sql})" if args else "count(*)"
    return number(f"CAST({counted} AS DOUBLE)")


def _count_distinct(args: Sequence[Value], _: Sequence[float], __: str, ___: Switches) -> Value:
    return number(f"CAST(count(DISTINCT {flat(args[0]).sql}) AS DOUBLE)")


def _numeric(template: str) -> Aggregate:
    def build(args: Sequence[Value], _: Sequence[float], __: str, ___: Switches) -> Value:
        return number(template.format(finite_number(args[0])))

    return Aggregate(1, 1, build)


def _stddev(args: Sequence[Value], _: Sequence[float], __: str, switches: Switches) -> Value:
    name = "stddev_pop" if switches.standard_deviation == "population" else "stddev_samp"
    return number(f"{name}({finite_number(args[0])})")


def _extreme(name: str, further: str) -> Aggregate:
    """Return ``min`` or ``max``: over numbers where there are any, else over text.

    Numbers are compared as DOUBLE; beside that goes the extreme of the integers with more digits
    than a DOUBLE holds, which is taken where it is that very number.
    """

    def build(args: Sequence[Value], _: Sequence[float], __: str, switches: Switches) -> Value:
        arg = flat(args[0])
        if arg.kind in (Kind.INSTANT, Kind.WHOLE):
            formatted = switches.timestamp_aggregates == "formatted"
            kind = Kind.INSTANT if arg.kind is Kind.INSTANT and formatted else Kind.WHOLE
            return Value(f"{name}({arg.sql})", kind)
        of_numbers = f"{name}({finite_number(arg)})"
        if not arg.is_text:
            return number(of_numbers)
        many = f"strlen({arg.sql}) > 15 AND regexp_full_match({arg.sql}, {quoted(LONG_DIGITS)})"
        digits = f"({name}((length({arg.sql}), {arg.sql})) FILTER ({many}))[2]"
        exact = f"CASE WHEN CAST({digits} AS DOUBLE) {further} {of_numbers} THEN {digits} END"
        parts = (exact, as_text(number(of_numbers)), f"{name}({arg.sql})")
        return Value(f"coalesce({', '.join(parts)})", Kind.MIXED)

    return Aggregate(1, 1, build)


def _percentile(value: Value, percent: float, switches: Switches) -> Value:
    name = "quantile_cont" if switches.percentile == "interpolated" else "quantile_disc"
    return number(f"{name}({finite_number(value)}, {percent / 100!r})")


def _pct(args: Sequence[Value], literals: Sequence[float], _: str, switches: Switches) -> Value:
    return _percentile(args[0], literals[0], switches)


def _median(args: Sequence[Value], _: Sequence[float], __: str, switches: Switches) -> Value:
    return _percentile(args[0], 50.0, switches)


def _first(sql: str, of: str, terms: Sequence[str], direction: str) -> str:
    ordered = ", ".join(f"{term} {direction}" for term in terms)
    return f"first({sql} ORDER BY {ordered}) FILTER ({of} IS NOT NULL)"


def _at_end(direction: str) -> Aggregate:
    def build(args: Sequence[Value], _: Sequence[float], time: str, switches: Switches) -> Value:
        arg = flat(args[0])
        found = _first(arg.logged or arg.sql, arg.sql, time.split(","), direction)
        if arg.kind is Kind.INSTANT and switches.timestamp_aggregates == "epoch milliseconds":
            return whole(found)
        return Value(found, arg.kind)

    return Aggregate(1, 1, build, needs_time=True)


def _in_order(direction: str) -> Aggregate:
    """Return ``sortsFirst`` or ``sortsLast``: the ends of the order that ``sort`` would make."""

    def build(args: Sequence[Value], _: Sequence[float], __: str, switches: Switches) -> Value:
        arg = flat(args[0])
        found = _first(arg.logged or arg.sql, arg.sql, natural_order(arg), direction)
        if arg.kind is Kind.INSTANT and switches.timestamp_aggregates == "epoch milliseconds":
            return whole(found)
        return Value(found, arg.kind)

    return Aggregate(1, 1, build)


def _values(args: Sequence[Value], _: Sequence[float], __: str, switches: Switches) -> Value:
    """Return the values of a group as a list, in the order of ``sort``."""
    arg = flat(args[0])
    once = "DISTINCT " if switches.values_of_a_group == "each once" else ""
    listed = f"list({once}{shown(arg, switches)}) FILTER ({arg.sql} IS NOT NULL)"
    terms = natural_order(text("v"))
    keyed = ", ".join(f"k{i} := {term}" for i, term in enumerate(terms))
    ordered = f"list_sort(list_transform({listed}, lambda v: struct_pack({keyed}, v := v)))"
    return Value(f"to_json(list_transform({ordered}, lambda s: s.v))", Kind.JSON)


def _topk(args: Sequence[Value], literals: Sequence[float], _: str, switches: Switches) -> Value:
    """Return the values that occur most, those that occur as often by their text."""
    arg = flat(args[0])
    counted = f"map_entries(histogram({shown(arg, switches)}) FILTER ({arg.sql} IS NOT NULL))"
    keyed = "struct_pack(n := - CAST(e.value AS BIGINT), v := e.key)"
    ordered = f"list_sort(list_transform({counted}, lambda e: {keyed}))[1:{int(literals[0])}]"
    names = "list_transform(t, lambda s: s.v)"
    body = f"to_json({names})"
    if switches.topk_gives == "values and counts":
        body = f"to_json(map({names}, list_transform(t, lambda s: - s.n)))"
    return Value(bound("t", ordered, body), Kind.JSON)


def _rate(args: Sequence[Value], literals: Sequence[float], time: str, switches: Switches) -> Value:
    value = finite_number(args[0])
    at = time.split(",")[0]
    ends = [_first(value, value, time.split(","), direction) for direction in ("ASC", "DESC")]
    elapsed = f"(max({at}) FILTER ({value} IS NOT NULL) - min({at}) FILTER ({value} IS NOT NULL))"
    change = f"({ends[1]} - {ends[0]})"
    if switches.rate_counts == "the sum":
        change = f"fsum({value})"
    sql = f"{change} * {literals[0]!r} / {elapsed}"
    return number(f"CASE WHEN {elapsed} > 0 THEN {sql} END")


def _histogram(args: Sequence[Value], literals: Sequence[float], _: str, __: Switches) -> Value:
    """Return how many values lie in each of so many equally wide ranges, by its lower end."""
    value = finite_number(args[0])
    buckets = int(literals[0])
    listed = f"list({value}) FILTER ({value} IS NOT NULL)"
    # All values the same: one range holds them, however wide.
    width = "coalesce(nullif(list_max(h) - list_min(h), 0), 1) / " + f"{buckets}.0"
    placed = (
        f"list_transform(h, lambda x: least({buckets - 1}, floor((x - list_min(h)) / ({width}))))"
    )
    counts = f"list_aggregate(list_transform({placed}, lambda x: CAST(x AS BIGINT)), 'histogram')"
    low = as_text(number(f"round(list_min(h) + i * ({width}), 4)"))
    names = f"list_transform(range({buckets}), lambda i: {low})"
    of_each = f"list_transform(range({buckets}), lambda i: coalesce(c[i], 0))"
    body = bound("c", counts, f"to_json(map({names}, {of_each}))")
    return Value(bound("h", listed, f"CASE WHEN len(h) > 0 THEN {body} END"), Kind.JSON)


_PERCENT = Count("a percentage from 0 to 100", 0, 100, whole=False)
_BUCKETS = Count(f"a whole number from 1 to {MAX_BUCKETS:,}", 1, MAX_BUCKETS)
_PCT = Aggregate(2, 2, _pct, {1: _PERCENT})
_DISTINCT = Aggregate(1, 1, _count_distinct)
_COUNT = Aggregate(0, 1, _count, star=True)
_SUM = _numeric("fsum({0})")
_VALUES = Aggregate(1, 1, _values, structure=True)

OF_NUMBERS = frozenset({"sum", "sumovertime", "sum_over_time", "avg", "min", "max", "pct"}) | {
    *("percentile", "median", "stddev", "variance", "rate", "histogram"),
}
"""Aggregates that read the number in a text."""

AGGREGATES: dict[str, Aggregate] = {
    "count": _COUNT,
    "count_distinct": _DISTINCT,
    "countdistinct": _DISTINCT,
    "sum": _SUM,
    "avg": _numeric("favg({0})"),
    "min": _extreme("min", "<="),
    "max": _extreme("max", ">="),
    "pct": _PCT,
    "percentile": _PCT,
    "median": Aggregate(1, 1, _median),
    "stddev": Aggregate(1, 1, _stddev),
    "variance": _numeric("var_pop({0})"),
    "values": _VALUES,
    "collect_values": _VALUES,
    "topk": Aggregate(2, 2, _topk, {0: _BUCKETS}, alone=True, structure=True),
    "earliest": _at_end("ASC"),
    "latest": _at_end("DESC"),
    "sortsfirst": _in_order("ASC"),
    "sortslast": _in_order("DESC"),
    "rate": Aggregate(2, 2, _rate, {1: "period"}, needs_time=True),
    "countovertime": _COUNT,
    "count_over_time": _COUNT,
    "sumovertime": _SUM,
    "sum_over_time": _SUM,
    "histogram": Aggregate(2, 2, _histogram, {1: _BUCKETS}, structure=True),
}
"""By lower-case name. ``fsum`` and ``favg`` carry rounding errors along, so row order does not
show."""
