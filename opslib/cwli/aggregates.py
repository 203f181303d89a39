"""Aggregates of ``stats``: name, number of arguments, and the SQL of the call.

In: the compiled arguments, and the SQL by which events are ordered in time. Out: the value of one
group. An aggregate over no value at all is missing, but for counts.

Must not know stages, fields or events.

Source
------
CWL_QuerySyntax-Stats. Interpolation of ``pct`` and the divisor of ``stddev``: see ``switches``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opslib.cwli.switches import Switches
from opslib.cwli.values import Kind, Value, as_number, as_text, finite, number


@dataclass(frozen=True)
class Aggregate:
    """How to call one aggregate.

    ``literals`` is how many arguments at the end must be number literals; ``needs_time`` says that
    it depends on event time, so cannot follow another ``stats``.
    """

    fewest: int
    most: int
    build: Callable[[Sequence[Value], Sequence[float], str, Switches], Value]
    literals: int = 0
    needs_time: bool = False


def _count(args: Sequence[Value], _: Sequence[float], __: str, ___: Switches) -> Value:
    counted = f"count({args[0].sql})" if args else "count(*)"
    return number(f"CAST({counted} AS DOUBLE)")


def _count_distinct(args: Sequence[Value], _: Sequence[float], __: str, ___: Switches) -> Value:
    return number(f"CAST(count(DISTINCT {args[0].sql}) AS DOUBLE)")


def _numeric(template: str) -> Aggregate:
    def build(args: Sequence[Value], _: Sequence[float], __: str, ___: Switches) -> Value:
        return number(template.format(finite(as_number(args[0]))))

    return Aggregate(1, 1, build)


def _stddev(args: Sequence[Value], _: Sequence[float], __: str, switches: Switches) -> Value:
    name = "stddev_pop" if switches.standard_deviation == "population" else "stddev_samp"
    return number(f"{name}({finite(as_number(args[0]))})")


def _extreme(name: str) -> Aggregate:
    """Return ``min`` or ``max``: over numbers where there are any, else over text."""

    def build(args: Sequence[Value], _: Sequence[float], __: str, switches: Switches) -> Value:
        (arg,) = args
        if arg.kind is Kind.INSTANT and switches.timestamp_aggregates == "formatted":
            return Value(f"{name}({arg.sql})", Kind.INSTANT)
        of_numbers = f"{name}({finite(as_number(arg))})"
        if not arg.is_text:
            return number(of_numbers)
        return Value(f"coalesce({as_text(number(of_numbers))}, {name}({arg.sql}))", Kind.MIXED)

    return Aggregate(1, 1, build)


def _percentile(value: Value, percent: float, switches: Switches) -> Value:
    name = "quantile_cont" if switches.percentile == "interpolated" else "quantile_disc"
    return number(f"{name}({finite(as_number(value))}, {percent / 100!r})")


def _pct(args: Sequence[Value], literals: Sequence[float], _: str, switches: Switches) -> Value:
    return _percentile(args[0], literals[0], switches)


def _median(args: Sequence[Value], _: Sequence[float], __: str, switches: Switches) -> Value:
    return _percentile(args[0], 50.0, switches)


def _at_end(direction: str) -> Aggregate:
    def build(args: Sequence[Value], _: Sequence[float], time: str, switches: Switches) -> Value:
        (arg,) = args
        ordered = ", ".join(f"{term} {direction}" for term in time.split(","))
        found = f"first({arg.sql} ORDER BY {ordered}) FILTER ({arg.sql} IS NOT NULL)"
        if arg.kind is Kind.INSTANT and switches.timestamp_aggregates == "epoch milliseconds":
            return number(f"CAST({found} AS DOUBLE)")
        return Value(found, arg.kind)

    return Aggregate(1, 1, build, needs_time=True)


_PCT = Aggregate(2, 2, _pct, literals=1)
_DISTINCT = Aggregate(1, 1, _count_distinct)

AGGREGATES: dict[str, Aggregate] = {
    "count": Aggregate(0, 1, _count),
    "count_distinct": _DISTINCT,
    "countdistinct": _DISTINCT,
    "sum": _numeric("fsum({0})"),
    "avg": _numeric("favg({0})"),
    "min": _extreme("min"),
    "max": _extreme("max"),
    "pct": _PCT,
    "percentile": _PCT,
    "median": Aggregate(1, 1, _median),
    "stddev": Aggregate(1, 1, _stddev),
    "variance": _numeric("var_pop({0})"),
    "earliest": _at_end("ASC"),
    "latest": _at_end("DESC"),
}
"""By lower-case name. ``fsum`` and ``favg`` carry rounding errors along, so row order does not
show."""
