"""What a metric math expression makes of the metrics of its request.

In: a tree of `metric_math`, and a `Scope`. Out: a `Value`, or `Unanswerable`. Must not know HTTP,
or how points are kept.

Source: CloudWatch user guide, "Using metric math"; what IF makes of missing values is tabled there.
Where the guide is silent: ``FILL`` reaches over the whole range that is asked for. What is not
documented enough to be right, or needs more than the metrics of the request, is refused by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opslib.sandbox.metric_math import Array, Calling, Name, Negative, Node, Number, Pair, Text
from opslib.sandbox.metric_series import (
    EACH,
    REDUCING,
    Series,
    Unanswerable,
    Value,
    array_of,
    check_spans,
    each_of,
    interpolated,
    paired,
    reduced,
    repeated,
    series_of,
    value_at,
)

REFUSED = {
    "ANOMALY_DETECTION_BAND": "it needs a model that only AWS has",
    "DB_PERF_INSIGHTS": "it needs a service that the sandbox has not",
    "INSIGHT_RULE_METRIC": "it needs a service that the sandbox has not",
    "LAMBDA": "it needs a data source that the sandbox has not",
    "SEARCH": "the order and the tokens of its matches are not documented",
    "SERVICE_QUOTA": "it needs a service that the sandbox has not",
    "STDDEV": "the guide does not say over what it divides",
}


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an expression may refer to: metrics by id, in order, and what other expressions made."""

    metrics: Mapping[str, Series]
    span: range
    expressions: Mapping[str, Value] = field(default_factory=dict)


def evaluate(node: Node, scope: Scope) -> Value:
    """Evaluate an expression.

    Raises
    ------
    Unanswerable
        It has no answer, or none that would be right.
    """
    match node:
        case Number(value):
            return value
        case Text(value):
            return value
        case Name(name):
            return _named(name, scope)
        case Array(items):
            return array_of([evaluate(item, scope) for item in items])
        case Negative(of):
            return paired("-", 0.0, evaluate(of, scope))
        case Pair(sign, left, right):
            return paired(sign, evaluate(left, scope), evaluate(right, scope))
        case Calling(function, arguments):
            return _called(function, arguments, scope)


def _named(name: str, scope: Scope) -> Value:
    if name in scope.metrics:
        return scope.metrics[name]
    if name in scope.expressions:
        return scope.expressions[name]
    raise Unanswerable(f"Undefined identifier {name!r}")


def _called(function: str, arguments: tuple[Node, ...], scope: Scope) -> Value:
    if function in REFUSED:
        raise Unanswerable(f"The sandbox does not answer {function}: {REFUSED[function]}")
    if function in _WITH_WORDS:
        return _WITH_WORDS[function](arguments, scope)
    values = [evaluate(argument, scope) for argument in arguments]
    if function in REDUCING:
        return reduced(function, _only(function, values))
    if function in EACH:
        return each_of(EACH[function], _only(function, values))
    if function in _OTHERS:
        return _OTHERS[function](values, scope)
    raise Unanswerable(f"Unknown function {function!r}")


def _only(function: str, values: list[Value]) -> Value:
    if len(values) != 1:
        raise Unanswerable(f"{function} takes one argument")
    return values[0]


def _if(values: list[Value], scope: Scope) -> Value:
    if len(values) not in (2, 3) or any(isinstance(value, list | str) for value in values):
        raise Unanswerable("IF takes a condition and one or two values, none of them an array")
    condition, then = values[0], values[1]
    otherwise = values[2] if len(values) == 3 else None
    if isinstance(condition, float):
        chosen = then if condition else otherwise
        if chosen is None:
            return _flat(scope, None)
        return _flat(scope, chosen) if isinstance(chosen, float) else chosen
    condition = series_of(condition)
    check_spans(value for value in values if isinstance(value, Series))
    points = {}
    for at, holds in condition.points.items():
        if holds:
            points[at] = _scalar_at(then, at)
        elif isinstance(otherwise, float):
            points[at] = otherwise
        elif isinstance(otherwise, Series) and at in otherwise.points:
            points[at] = otherwise.points[at]
    return condition.make(points)


def _scalar_at(value: Value, at: int) -> float:
    return value_at(value, at) if isinstance(value, float | Series) else 0.0


def _flat(scope: Scope, value: float | None) -> Series:
    points = {} if value is None else dict.fromkeys(scope.span, value)
    return Series(label="", points=points, span=scope.span)


def _metrics(values: list[Value], scope: Scope) -> Value:
    match values:
        case []:
            return list(scope.metrics.values())
        case [str(part)]:
            return [series for name, series in scope.metrics.items() if part in name]
    raise Unanswerable("METRICS takes nothing, or one text")


def _period(values: list[Value], scope: Scope) -> Value:
    match values:
        case [Series(period_s=int(period_s))]:
            return float(period_s)
    raise Unanswerable("PERIOD takes a metric, not the result of an expression")


def _metric_count(values: list[Value], scope: Scope) -> Value:
    match values:
        case [list(array)]:
            return float(len(array))
    raise Unanswerable("METRIC_COUNT takes an array")


def _time_series(values: list[Value], scope: Scope) -> Value:
    match values:
        case [float(value)]:
            return _flat(scope, value)
    raise Unanswerable("TIME_SERIES takes a scalar")


def _end(place: int) -> Callable[[list[Value], Scope], Value]:
    def of(values: list[Value], scope: Scope) -> Value:
        match values:
            case [[*array]] if array:
                return series_of(array[place])
        raise Unanswerable("FIRST and LAST take an array that is not empty")

    return of


def _slice(values: list[Value], scope: Scope) -> Value:
    match values:
        case [[*array], float(first)]:
            return array_of(array[int(first) :])
        case [[*array], float(first), float(end)]:
            return array_of(array[int(first) : int(end)])
    raise Unanswerable("SLICE takes an array and one or two scalars")


def _remove_empty(values: list[Value], scope: Scope) -> Value:
    match values:
        case [[*array]]:
            return [series for series in array_of(array) if series.points]
    raise Unanswerable("REMOVE_EMPTY takes an array")


_OTHERS: dict[str, Callable[[list[Value], Scope], Value]] = {
    "FIRST": _end(0),
    "IF": _if,
    "LAST": _end(-1),
    "METRICS": _metrics,
    "METRIC_COUNT": _metric_count,
    "PERIOD": _period,
    "REMOVE_EMPTY": _remove_empty,
    "SLICE": _slice,
    "TIME_SERIES": _time_series,
}


def _fill(arguments: tuple[Node, ...], scope: Scope) -> Value:
    if len(arguments) != 2:
        raise Unanswerable("FILL takes a time series or an array, and what fills it")
    value = evaluate(arguments[0], scope)
    match arguments[1]:
        case Name("REPEAT"):
            return each_of(repeated, value)
        case Name("LINEAR"):
            return each_of(interpolated, value)
    filler = evaluate(arguments[1], scope)
    if not isinstance(filler, float | Series):
        raise Unanswerable("FILL fills with a scalar, a time series, REPEAT or LINEAR")
    held = filler

    def filled(series: Series) -> dict[int, float]:
        points = dict(series.points)
        for at in series.span:
            if isinstance(held, float) or at in held.points:
                points.setdefault(at, value_at(held, at))
        return points

    return each_of(filled, value)


def _sort(arguments: tuple[Node, ...], scope: Scope) -> Value:
    match arguments:
        case (array, Name(function), Name("ASC" | "DESC" as order), *limit) if (
            function in ("AVG", "MIN", "MAX", "SUM") and len(limit) <= 1
        ):
            series = array_of([evaluate(array, scope)])
        case _:
            raise Unanswerable("SORT takes an array, AVG, MIN, MAX or SUM, ASC or DESC, a number")
    over_time = REDUCING[function][0]
    full = [each for each in series if each.points]
    full.sort(key=over_time, reverse=order == "DESC")
    ordered = full + [each for each in series if not each.points]
    most = evaluate(limit[0], scope) if limit else float(len(ordered))
    if not isinstance(most, float):
        raise Unanswerable("The limit of SORT is a number")
    return ordered[: int(most)]


_WITH_WORDS: dict[str, Callable[[tuple[Node, ...], Scope], Value]] = {
    "FILL": _fill,
    "SORT": _sort,
}
