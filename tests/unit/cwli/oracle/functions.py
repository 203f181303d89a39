"""The functions of the language, one Python function each, on the values of one row.

Every argument is present when a function of ``STRICT`` is called: a missing argument makes the
result missing. ``LENIENT`` are those documented to see what is missing.

Source
------
CloudWatch Logs User Guide, CWL_QuerySyntax-operations-functions.
"""

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from cwli.oracle.values import Instant, Undetermined, Value, number_of, passed_on, taken
from opslib.cwli.switches import Switches

BLANKS = " \t\n\r"


def numeric(function: Callable[..., float | None]) -> Callable[..., Value]:
    """Give a function the numbers of its arguments; what is no number makes the result missing."""

    def on_values(switches: Switches, *arguments: Value) -> Value:
        numbers = [number_of(each) for each in arguments]
        if any(number is None for number in numbers):
            return None
        try:
            result = function(*numbers)
        except (ValueError, OverflowError):
            return None
        return None if result is None or not math.isfinite(result) else float(result)

    return on_values


def textual(function: Callable[..., Any]) -> Callable[..., Value]:
    """Give a function the texts of its arguments."""

    def on_values(switches: Switches, *arguments: Value) -> Value:
        result = function(*(taken(each, switches) for each in arguments))
        return float(result) if isinstance(result, (bool, int)) else result

    return on_values


def _round(number: float, places: float = 0) -> float:
    exact = Decimal(repr(number)).scaleb(int(places))
    if exact < 0 and (exact % 1) == Decimal("-0.5"):
        raise Undetermined("does a negative half round away from zero?")
    if places and (exact % 1) == Decimal("0.5"):
        raise Undetermined("does a decimal half that binary cannot hold round up?")
    if abs(exact) >= 2**53:  # nothing behind the point, and more digits than Decimal rounds
        return number
    return float(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP).scaleb(-int(places)))


def _substr(text: str, start: str, length: str | None = None) -> str:
    begin = int(start)
    return text[begin:] if length is None else text[begin : begin + int(length)]


def _contains(text: str, part: str, folded: str = "0") -> bool:
    if folded != "0":
        text, part = text.lower(), part.lower()
    return part in text


def _trim(way: str) -> Callable[..., str]:
    def trimmed(text: str, characters: str = BLANKS) -> str:
        return str(getattr(text, way)(characters))

    return trimmed


def _replace(text: str, old: str, new: str) -> str:
    if not old:
        raise Undetermined("what does replacing nothing do?")
    return text.replace(old, new)


def integer(bits: int) -> Callable[..., Value]:
    def of(switches: Switches, value: Value) -> Value:
        number = number_of(value)
        if number is None:
            return None
        least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        whole = math.trunc(number)
        if least <= whole <= most:
            return float(whole)
        if switches.integers_out_of_range == "missing":
            return None
        return float(most if whole > 0 else least)

    return of


def extreme(choose: Callable[..., float]) -> Callable[..., Value]:
    def of(switches: Switches, *values: Value) -> Value:
        numbers = [number_of(value) for value in values]
        present = [number for number in numbers if number is not None]
        if len(present) < len(numbers) and switches.missing_in_greatest == "missing":
            return None
        return choose(present) if present else None

    return of


def is_numeric(switches: Switches, value: Value) -> Value:
    return float(number_of(value) is not None)


def from_millis(switches: Switches, value: Value) -> Value:
    number = number_of(value)
    return None if number is None else Instant(int(number))


def to_millis(switches: Switches, value: Value) -> Value:
    if not isinstance(value, Instant):
        raise Undetermined("toMillis of what is no instant")
    return float(value.epoch_ms)


STRICT: dict[str, Callable[..., Value]] = {
    "abs": numeric(abs),
    "ceil": numeric(math.ceil),
    "floor": numeric(math.floor),
    "log": numeric(math.log),
    "round": numeric(_round),
    "sqrt": numeric(math.sqrt),
    "toNumber": numeric(lambda number: number),
    "toDouble": numeric(lambda number: number),
    "toInt": integer(32),
    "toLong": integer(64),
    "isNumeric": is_numeric,
    "fromMillis": from_millis,
    "toMillis": to_millis,
    "messageSize": textual(lambda text: len(text.encode("utf-8"))),
    "strlen": textual(len),
    "toupper": textual(str.upper),
    "tolower": textual(str.lower),
    "trim": textual(_trim("strip")),
    "ltrim": textual(_trim("lstrip")),
    "rtrim": textual(_trim("rstrip")),
    "substr": textual(_substr),
    "replace": textual(_replace),
    "strcontains": textual(_contains),
    "startsWith": textual(str.startswith),
    "endsWith": textual(str.endswith),
}


def is_empty(switches: Switches, value: Value) -> Value:
    return float(taken(value, switches) in (None, ""))


def is_blank(switches: Switches, value: Value) -> Value:
    return float((taken(value, switches) or "").strip(BLANKS) == "")


def concat(switches: Switches, *values: Value) -> Value:
    parts = [taken(value, switches) for value in values]
    if switches.missing_in_concat == "missing" and None in parts:
        return None
    if all(part is None for part in parts):
        raise Undetermined("is a concatenation of nothing empty or missing?")
    return "".join(part for part in parts if part is not None)


LENIENT: dict[str, Callable[..., Value]] = {
    "ispresent": lambda switches, value: float(value is not None),
    "isempty": is_empty,
    "isblank": is_blank,
    "coalesce": lambda switches, *values: passed_on(
        next((v for v in values if v is not None), None)
    ),
    "concat": concat,
    "greatest": extreme(max),
    "least": extreme(min),
}
