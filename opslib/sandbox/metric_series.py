"""Time series, and what metric math does with them.

In: numbers, series and arrays of series. Out: the same. Timestamps are epoch seconds. A number that
has no value is not a number, and a point that has none is dropped. Must not know expressions, HTTP,
or how points are kept.

Source: CloudWatch user guide, "Using metric math". In arithmetic, comparison and the average, a
value that is missing is 0; a point that would be divided by zero is dropped. Where the guide is
silent: the least and the greatest of an array are of the values there are; ``REPEAT`` fills from
the first value on, ``LINEAR`` between values.
"""

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime


class Unanswerable(ValueError):
    """An expression has no answer; the message is the reason."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One series. ``span`` are the timestamps at which it may have a value, in order.

    ``label`` is that of the metric it was made of; ``period_s`` is set for a metric only.
    """

    label: str
    points: Mapping[int, float]
    span: range
    period_s: int | None = None

    def make(self, points: Mapping[int, float]) -> "Series":
        """Make a series of the same place with other points."""
        kept = {at: value for at, value in points.items() if math.isfinite(value)}
        return replace(self, points=kept, period_s=None)


Value = float | str | Series | list[Series]


def array_of(values: Iterable[Value]) -> list[Series]:
    """Make one array of series and arrays."""
    found: list[Series] = []
    for value in values:
        if isinstance(value, list):
            found += value
        elif isinstance(value, Series):
            found.append(value)
        else:
            raise Unanswerable("An array holds time series only")
    return found


def _over(left: float, right: float) -> float:
    return left / right if right else math.nan


def _to_the(left: float, right: float) -> float:
    try:
        raised = left**right
    except (OverflowError, ZeroDivisionError):
        return math.nan
    return math.nan if isinstance(raised, complex) else float(raised)


_Sign = Callable[[float, float], float]
_SIGNS: dict[str, _Sign] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _over,
    "^": _to_the,
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "AND": lambda left, right: float(bool(left) and bool(right)),
    "OR": lambda left, right: float(bool(left) or bool(right)),
}


def paired(sign: str, left: Value, right: Value) -> Value:
    """Combine two values by an operator, point by point where one is a series."""
    if isinstance(left, str) or isinstance(right, str):
        raise Unanswerable(f"{sign} takes no text")
    if isinstance(left, list) and isinstance(right, list):
        raise Unanswerable(f"{sign} does not take two arrays")
    if isinstance(left, list):
        return [series_of(paired(sign, each, right)) for each in left]
    if isinstance(right, list):
        return [series_of(paired(sign, left, each)) for each in right]
    if isinstance(left, float) and isinstance(right, float):
        return _SIGNS[sign](left, right)
    place = left if isinstance(left, Series) else series_of(right)
    if isinstance(left, Series) and isinstance(right, Series):
        check_spans([left, right])
    times = sorted(_times(left) | _times(right))
    return place.make({at: _SIGNS[sign](value_at(left, at), value_at(right, at)) for at in times})


def _times(value: float | Series) -> set[int]:
    return set(value.points) if isinstance(value, Series) else set()


def value_at(value: float | Series, at: int) -> float:
    """Tell the value at an instant; 0 where a series has none."""
    return value.points.get(at, 0.0) if isinstance(value, Series) else value


def series_of(value: Value) -> Series:
    """Give a value that is one series."""
    if not isinstance(value, Series):
        raise Unanswerable("A time series is needed")
    return value


def check_spans(series: Iterable[Series]) -> None:
    """Refuse series whose timestamps lie apart differently."""
    if len({each.span.step for each in series}) > 1:
        raise Unanswerable("The sandbox does not mix metrics of different periods")


def reduced(function: str, value: Value) -> Value:
    """Reduce one series to a scalar, or an array to one series."""
    over_time, across = REDUCING[function]
    if isinstance(value, Series):
        return over_time(value)
    if not isinstance(value, list) or not value:
        raise Unanswerable(f"{function} takes a time series, or an array that is not empty")
    check_spans(value)
    times = sorted({at for each in value for at in each.points})
    return value[0].make(
        {
            at: across([each.points[at] for each in value if at in each.points], len(value))
            for at in times
        }
    )


def _extreme(choose: Callable[[Iterable[float]], float]) -> Callable[[Series], float]:
    def of(series: Series) -> float:
        return choose(series.points.values()) if series.points else math.nan

    return of


REDUCING: dict[str, tuple[Callable[[Series], float], Callable[[list[float], int], float]]] = {
    "SUM": (lambda series: math.fsum(series.points.values()), lambda values, _: math.fsum(values)),
    "AVG": (
        lambda series: math.fsum(series.points.values()) / (len(series.span) or 1),
        lambda values, count: math.fsum(values) / count,
    ),
    "MIN": (_extreme(min), lambda values, _: min(values)),
    "MAX": (_extreme(max), lambda values, _: max(values)),
    "DATAPOINT_COUNT": (
        lambda series: float(len(series.points)),
        lambda values, _: float(len(values)),
    ),
}


def each_of(change: Callable[[Series], Mapping[int, float]], value: Value) -> Value:
    """Change one series, or each of an array."""
    if isinstance(value, list):
        return [each.make(change(each)) for each in value]
    return series_of(value).make(change(series_of(value)))


def _by_point(change: Callable[[float], float]) -> Callable[[Series], dict[int, float]]:
    return lambda series: {at: change(value) for at, value in series.points.items()}


def _logarithm(of: Callable[[float], float]) -> Callable[[Series], dict[int, float]]:
    return lambda series: {at: of(value) for at, value in series.points.items() if value > 0}


def _by_step(
    change: Callable[[float, float], float],
) -> Callable[[Series], dict[int, float]]:
    """Make a value of each point and the one before it: of their difference, and seconds apart."""

    def changed(series: Series) -> dict[int, float]:
        points = sorted(series.points.items())
        return {
            at: change(value - before, at - before_at)
            for (before_at, before), (at, value) in itertools.pairwise(points)
        }

    return changed


def _running_sum(series: Series) -> dict[int, float]:
    total, found = 0.0, {}
    for at, value in sorted(series.points.items()):
        total += value
        found[at] = total
    return found


def _of_time(part: Callable[[datetime], int]) -> Callable[[Series], dict[int, float]]:
    return lambda series: {at: float(part(datetime.fromtimestamp(at, UTC))) for at in series.span}


EACH: dict[str, Callable[[Series], Mapping[int, float]]] = {
    "ABS": _by_point(abs),
    "CEIL": _by_point(lambda value: float(math.ceil(value))),
    "FLOOR": _by_point(lambda value: float(math.floor(value))),
    "LOG": _logarithm(math.log),
    "LOG10": _logarithm(math.log10),
    "RATE": _by_step(operator.truediv),
    "DIFF": _by_step(lambda difference, _: difference),
    "DIFF_TIME": _by_step(lambda _, apart_s: float(apart_s)),
    "RUNNING_SUM": _running_sum,
    "MINUTE": _of_time(lambda at: at.minute),
    "HOUR": _of_time(lambda at: at.hour),
    "DAY": _of_time(lambda at: at.isoweekday()),
    "DATE": _of_time(lambda at: at.day),
    "MONTH": _of_time(lambda at: at.month),
    "YEAR": _of_time(lambda at: at.year),
    "EPOCH": _of_time(lambda at: int(at.timestamp())),
}


def repeated(series: Series) -> dict[int, float]:
    """Fill each gap with the value before it."""
    points: dict[int, float] = {}
    last: float | None = None
    for at in series.span:
        last = series.points.get(at, last)
        if last is not None:
            points[at] = last
    return points


def interpolated(series: Series) -> dict[int, float]:
    """Fill each gap on the line between the values around it."""
    points = dict(series.points)
    known = sorted(series.points)
    for before, after in itertools.pairwise(known):
        slope = (points[after] - points[before]) / (after - before)
        for at in series.span:
            if before < at < after:
                points[at] = points[before] + slope * (at - before)
    return points
