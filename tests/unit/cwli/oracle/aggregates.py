"""The aggregates of ``stats``, each over the list of a group's values.

Source
------
CloudWatch Logs User Guide, CWL_QuerySyntax-Stats.
"""

import math
from collections.abc import Callable, Sequence
from functools import cmp_to_key

from cwli.oracle.values import Instant, Undetermined, Value, key_of, natural, number_of, text_of
from opslib.cwli.switches import Switches


def numbers_in(values: Sequence[Value]) -> list[float]:
    found = (number_of(value) for value in values)
    return [number for number in found if number is not None]


def _spread(values: Sequence[Value], switches: Switches, *, sample: bool) -> Value:
    numbers = numbers_in(values)
    if len(numbers) <= int(sample):
        return None
    mean = math.fsum(numbers) / len(numbers)
    return math.fsum((n - mean) ** 2 for n in numbers) / (len(numbers) - int(sample))


def deviation(values: Sequence[Value], switches: Switches) -> Value:
    variance = _spread(values, switches, sample=switches.standard_deviation == "sample")
    return None if variance is None else math.sqrt(float(str(variance)))


def percentile(values: Sequence[Value], share: float, switches: Switches) -> Value:
    numbers = sorted(numbers_in(values))
    if not numbers:
        return None
    if switches.percentile == "nearest rank":
        return numbers[max(math.ceil(share / 100 * len(numbers)), 1) - 1]
    place = share / 100 * (len(numbers) - 1)
    low = math.floor(place)
    high = min(low + 1, len(numbers) - 1)
    return numbers[low] + (numbers[high] - numbers[low]) * (place - low)


def extreme(choose: Callable[..., float | str]) -> Callable[[Sequence[Value], Switches], Value]:
    """Choose among the numbers, or among the texts where nothing is a number."""

    def of(values: Sequence[Value], switches: Switches) -> Value:
        numbers = numbers_in(values)
        if numbers:
            return _instant_or(choose(numbers), values, switches)
        texts = [text_of(value, switches) for value in values if value is not None]
        texts = [text for text in texts if text is not None and not _endless(text)]
        return choose(texts) if texts else None

    return of


def _endless(text: str) -> bool:
    try:
        return not math.isfinite(float(text))
    except ValueError:
        return False


def _instant_or(chosen: float | str, values: Sequence[Value], switches: Switches) -> Value:
    if switches.timestamp_aggregates == "formatted" and any(isinstance(v, Instant) for v in values):
        return Instant(int(chosen))
    return chosen


def sort_end(which: int) -> Callable[[Sequence[Value], Switches], Value]:
    def of(values: Sequence[Value], switches: Switches) -> Value:
        present: list[Value] = [value for value in values if value is not None]

        def order(left: Value, right: Value) -> int:
            return natural(left, right, switches)

        present.sort(key=cmp_to_key(order))
        return at_event(present[which], switches) if present else None

    return of


def in_time(which: int) -> Callable[[Sequence[Value], Switches], Value]:
    """Take the first or last value that is present; the values come oldest first."""

    def of(values: Sequence[Value], switches: Switches) -> Value:
        present = [value for value in values if value is not None]
        return at_event(present[which], switches) if present else None

    return of


def at_event(value: Value, switches: Switches) -> Value:
    if isinstance(value, Instant) and switches.timestamp_aggregates == "epoch milliseconds":
        return float(value.epoch_ms)
    return value


def total(values: Sequence[Value], switches: Switches) -> Value:
    numbers = numbers_in(values)
    return math.fsum(numbers) if numbers else None


def mean(values: Sequence[Value], switches: Switches) -> Value:
    numbers = numbers_in(values)
    return math.fsum(numbers) / len(numbers) if numbers else None


UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}


def rate(at_ms: Sequence[int], values: Sequence[Value], period: str, switches: Switches) -> Value:
    """Return the change from the first number to the last, by the time between them."""
    known = [(at, n) for at, n in zip(at_ms, map(number_of, values), strict=True) if n is not None]
    times = [at for at, _ in known]
    if len(set(times)) < 2 or times.count(times[0]) + times.count(times[-1]) > 2:
        raise Undetermined("the rate within no time, or from one of two numbers at once")
    if switches.rate_counts != "the change":
        raise Undetermined("the sum by which time?")
    period_ms = int(period[:-1]) * UNITS_MS[period[-1]]
    return (known[-1][1] - known[0][1]) * period_ms / (times[-1] - times[0])


def count_over_time(values: Sequence[Value], switches: Switches) -> Value:
    if None in values:
        raise Undetermined("are events counted, or values?")
    return float(len(values))


def distinct(values: Sequence[Value], switches: Switches) -> Value:
    return float(len({key_of(value) for value in values if value is not None}))


AGGREGATES: dict[str, Callable[[Sequence[Value], Switches], Value]] = {
    "count": lambda values, switches: float(sum(value is not None for value in values)),
    "sum": total,
    "avg": mean,
    "min": extreme(min),
    "max": extreme(max),
    "median": lambda values, switches: percentile(values, 50, switches),
    "stddev": deviation,
    "variance": lambda values, switches: _spread(values, switches, sample=False),
    "count_distinct": distinct,
    "countDistinct": distinct,
    "count_over_time": count_over_time,
    "countOverTime": count_over_time,
    "sum_over_time": total,
    "sumOverTime": total,
    "earliest": in_time(0),
    "latest": in_time(-1),
    "sortsFirst": sort_end(0),
    "sortsLast": sort_end(-1),
}
