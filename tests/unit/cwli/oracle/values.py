"""The values of one row: their text, their number, their order.

A value is None (missing), a float (computed), a ``Logged`` (a number as the log has it), a str, or
an ``Instant``. Lists and objects are no values.

Source
------
CloudWatch Logs User Guide: CWL_QuerySyntax-Sort for the order; published captures for four decimals
and the form of timestamps.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import zip_longest
from typing import Any, TypeAlias

from opslib.cwli.switches import Switches


class Undetermined(Exception):
    """Nothing documented says what the answer is, so there is nothing to compare."""


@dataclass(frozen=True)
class Logged:
    """A number as it stands in the log."""

    text: str


@dataclass(frozen=True)
class Instant:
    epoch_ms: int


@dataclass(frozen=True)
class Tree:
    """A map or list, as ``jsonParse`` gives it; a field of the log that is one is missing."""

    json: Any


Value: TypeAlias = float | Logged | str | Instant | Tree | None

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
LONG_DIGITS = re.compile(r"[0-9]{16,}")
ODD_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.|\.[0-9]+|[0-9.eE+-]*[0-9][0-9.eE+-]*)\s*")
HALF = Decimal("0.5")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def scalar_or_tree(json: Any) -> Value:
    """Return the value of a piece of JSON whose numbers were read as ``Logged``."""
    if isinstance(json, bool):
        return Logged("1" if json else "0")
    return Tree(json) if isinstance(json, (dict, list)) else json


def inside(value: Value, steps: Sequence[str | int]) -> Value:
    """Follow keys and positions, counted from 0, into a map or list."""
    for step in steps:
        json = value.json if isinstance(value, Tree) else None
        if isinstance(json, dict):
            value = scalar_or_tree(json.get(str(step)))
        elif isinstance(json, list) and str(step).isdecimal() and int(step) < len(json):
            value = scalar_or_tree(json[int(step)])
        else:
            return None
    return value


def number_of(value: Value) -> float | None:
    """Return the finite number a value is or reads as."""
    if isinstance(value, Instant):
        return float(value.epoch_ms)
    if isinstance(value, Tree):
        raise Undetermined("a map or list as a number")
    if isinstance(value, Logged):
        value = value.text
    if isinstance(value, str):
        if not NUMBER.fullmatch(value):
            if ODD_NUMBER.fullmatch(value) and value.strip("0123456789.eE+-") != value:
                _guess(value)
            return None
        value = float(value)
    return value if value is not None and math.isfinite(value) else None


def _guess(text: str) -> None:
    """Refuse to say whether `+5`, `.5`, `5.` and ` 5` are numbers: nobody documented it."""
    try:
        float(text)
    except ValueError:
        return
    raise Undetermined(f"is {text!r} a number?")


def printed(number: float, decimals: int = 4) -> str:
    """Return a computed number as a result has it."""
    unit = Decimal(1).scaleb(-decimals)
    exact = Decimal(number).quantize(unit, ROUND_HALF_UP, Context(prec=400))
    text = f"{exact:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def taken(value: Value, switches: Switches) -> str | None:
    """Return a value as ``like``, ``parse`` and the functions of text have it.

    That is what a result has of it; but a filter is documented to know no human-readable times.
    """
    if isinstance(value, Instant):
        return str(value.epoch_ms)
    if not isinstance(value, float):
        return text_of(value, switches)
    if switches.numbers_made_text == "every digit":
        if "e" in repr(value):
            raise Undetermined("which exponent has a number of many digits?")
        return repr(value).removesuffix(".0")
    exact = Context(prec=700)
    last_place = Decimal(value).scaleb(switches.decimals, exact)
    if exact.remainder(last_place, Decimal(1)).copy_abs() == HALF:
        raise Undetermined("is a half of the last place rounded up?")
    return text_of(value, switches)


def text_of(value: Value, switches: Switches) -> str | None:
    """Return a value as a result has it."""
    if isinstance(value, Tree):
        raise Undetermined("a map or list as text")
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Logged):
        return value.text
    if isinstance(value, Instant):
        at = EPOCH + timedelta(milliseconds=value.epoch_ms)
        return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"
    return printed(value, switches.decimals)


def passed_on(value: Value) -> Value:
    """Return what a function that chooses among values gives on.

    Whether ``0.50`` or ``1.123456``, chosen where a computed number might have been, is printed as
    it was logged or as computed numbers are, nobody documented.
    """
    written = value.text if isinstance(value, Logged) else value
    if isinstance(written, str):
        number = number_of(written)
        if number is not None and printed(number) != written:
            raise Undetermined(f"is {written} computed when it is chosen?")
    return value


def key_of(value: Value) -> str | None:
    """Return what tells a value from others, for groups and duplicates."""
    if isinstance(value, float):
        return printed(value, 12)
    return text_of(value, Switches())


def ordering(left: Value, right: Value, switches: Switches) -> int:
    """Return -1, 0 or 1 for two values that are present, as ``<`` and ``=`` see them."""
    texts = isinstance(left, str), isinstance(right, str)
    if switches.numbers_in_text == "compare as text" and any(texts) and not all(texts):
        raise Undetermined("how is a number compared with text where text is compared as text?")
    if switches.numbers_in_text == "compare as numbers" or not any(texts):
        ids = [each.text if isinstance(each, Logged) else str(each) for each in (left, right)]
        if any(texts) and all(LONG_DIGITS.fullmatch(each) for each in ids):
            return _sign((len(ids[0]), ids[0]), (len(ids[1]), ids[1]))
        numbers = number_of(left), number_of(right)
        if numbers[0] is not None and numbers[1] is not None:
            return _sign(numbers[0], numbers[1])
    return _sign(taken(left, switches), taken(right, switches))


def _sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def natural(left: Value, right: Value, switches: Switches) -> int:
    """Return -1, 0 or 1 for two values that are present, as an ascending ``sort`` sees them."""
    ids = [each.text if isinstance(each, Logged) else each for each in (left, right)]
    first, second = (each if isinstance(each, str) else "" for each in ids)
    if LONG_DIGITS.fullmatch(first) and LONG_DIGITS.fullmatch(second):
        return _sign((len(first), first), (len(second), second))
    numbers = number_of(left), number_of(right)
    if numbers[0] is not None and numbers[1] is not None:
        return _sign(numbers[0], numbers[1]) or _written(left, right, switches)
    if numbers[0] is not None or numbers[1] is not None:
        return 1 if numbers[0] is not None else -1
    texts = text_of(left, switches) or "", text_of(right, switches) or ""
    whole, single = (_chunkwise(*texts, chunk) for chunk in (r"[0-9]+|[^0-9]+", r"[0-9]+|[^0-9]"))
    if whole != single:
        raise Undetermined("is `a` before `1` a chunk to compare with `a b`, or with `a`?")
    return whole


def _written(left: Value, right: Value, switches: Switches) -> int:
    """Order two ways to write one number: ``01`` stands before ``1`` in the documented list."""
    texts = text_of(left, switches) or "", text_of(right, switches) or ""
    if texts[0] == texts[1] or isinstance(left, float) or isinstance(right, float):
        return 0
    if not all(re.fullmatch("0*[1-9][0-9]*", text) for text in texts):
        raise Undetermined(f"which comes first, {texts[0]} or {texts[1]}?")
    return _sign(*texts)


def _chunkwise(left: str, right: str, chunk: str) -> int:
    pairs = zip_longest(re.findall(chunk, left), re.findall(chunk, right), fillvalue="")
    for mine, theirs in pairs:
        if mine != theirs:
            if mine[:1].isdecimal() and theirs[:1].isdecimal():
                return _sign((len(mine), mine), (len(theirs), theirs))
            return _sign(mine, theirs)
    return 0
