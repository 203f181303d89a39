"""Functions of numbers.

In: compiled arguments. Out: values of numbers; missing where an argument is none, and outside a
function's domain.

Must not know stages, fields or events.

Source
------
CWL_QuerySyntax-operations-functions, numeric functions. ``mod`` and ``pow`` are in published
lists of keywords only, and are the operators ``%`` and ``^``.
"""

from collections.abc import Sequence

from opslib.cwli.functions_call import Function, bound, numeric
from opslib.cwli.switches import Switches
from opslib.cwli.values import Kind, Value, as_number, finite, number, whole

EARTH_RADIUS_KM = 6371
"""Mean radius of the Earth."""

_LARGEST_INT = 2**31
_LARGEST_LONG = 2**63


def remainder(left: str, right: str, *, switches: Switches) -> str:
    """Return SQL of ``left % right``, both DOUBLE; missing where the divisor is 0."""
    name = "fmod" if switches.remainder_sign == "the divisor's" else "mod"
    return finite(f"{name}({left}, {right})")


def _round(args: Sequence[Value], _: Switches) -> Value:
    places = "0"
    if len(args) == 2:
        places = f"try_cast({as_number(args[1])} AS INTEGER)"
        places = f"CASE WHEN {places} IS NOT NULL THEN greatest(-15, least(15, {places})) END"
    return number(f"round({as_number(args[0])}, {places})")


def _extreme(name: str) -> Function:
    def build(args: Sequence[Value], switches: Switches) -> Value:
        numbers = [as_number(arg) for arg in args]
        found = f"{name}({', '.join(numbers)})"
        if switches.missing_in_greatest == "missing":
            present = " AND ".join(f"({sql}) IS NOT NULL" for sql in numbers)
            found = f"CASE WHEN {present} THEN {found} END"
        return number(found)

    return Function(1, None, build)


def _integer(largest: int) -> Function:
    def build(args: Sequence[Value], switches: Switches) -> Value:
        (arg,) = args
        if arg.kind is Kind.WHOLE and largest == _LARGEST_LONG:
            return arg
        cut = f"try_cast(trunc({as_number(arg)}) AS BIGINT)"
        if switches.integers_out_of_range == "clamped":
            least, most = (f"CAST({n} AS BIGINT)" for n in (-largest, largest - 1))
            cut = (
                f"CASE WHEN {as_number(arg)} >= {largest} THEN {most} "
                f"WHEN {as_number(arg)} < -{largest} THEN {least} ELSE {cut} END"
            )
        else:
            inside = f"{as_number(arg)} < {largest} AND {as_number(arg)} >= -{largest}"
            cut = f"CASE WHEN {inside} THEN {cut} END"
        if arg.is_text and largest == _LARGEST_LONG:
            # Read from the text itself: a DOUBLE has no room for 64 bits. DuckDB would also read
            # 0x10 and 1_000.
            digits = f"regexp_full_match({arg.sql}, '[-+]?[0-9]{{16,19}}')"
            return whole(f"CASE WHEN {digits} THEN try_cast({arg.sql} AS BIGINT) ELSE {cut} END")
        return whole(cut)

    return Function(1, 1, build)


def _haversine(args: Sequence[Value], _: Switches) -> Value:
    """Return the distance in km between two places, each a latitude and a longitude in degrees."""
    lat1, lon1, lat2, lon2 = (f"radians({as_number(arg)})" for arg in args)
    inner = (
        f"pow(sin(({lat2} - {lat1}) / 2), 2) + "
        f"cos({lat1}) * cos({lat2}) * pow(sin(({lon2} - {lon1}) / 2), 2)"
    )
    angle = bound("a", inner, "asin(sqrt(CASE WHEN a > 1 THEN 1.0 ELSE a END))")
    return number(f"(2 * {EARTH_RADIUS_KM} * {angle})")


def _mod(args: Sequence[Value], switches: Switches) -> Value:
    return number(remainder(as_number(args[0]), as_number(args[1]), switches=switches))


def _pow(args: Sequence[Value], _: Switches) -> Value:
    return number(finite(f"pow({as_number(args[0])}, {as_number(args[1])})"))


def _histogram(args: Sequence[Value], _: Switches) -> Value:
    """Return the lower end of the range a number is in; ranges are as wide as the second says."""
    value, width = (as_number(arg) for arg in args)
    return number(f"CASE WHEN {width} > 0 THEN floor({value} / {width}) * {width} END")


NUMBERS: dict[str, Function] = {
    "histogram": Function(2, 2, _histogram),
    "abs": numeric("abs({0})"),
    "ceil": numeric("ceil({0})"),
    "floor": numeric("floor({0})"),
    "sqrt": numeric("CASE WHEN {0} >= 0 THEN sqrt({0}) END"),
    "log": numeric("CASE WHEN {0} > 0 THEN ln({0}) END"),
    "round": Function(1, 2, _round),
    "greatest": _extreme("greatest"),
    "least": _extreme("least"),
    "haversine": Function(4, 4, _haversine),
    "mod": Function(2, 2, _mod),
    "pow": Function(2, 2, _pow),
    "tonumber": numeric("{0}"),
    "todouble": numeric("{0}"),
    "toint": _integer(_LARGEST_INT),
    "tolong": _integer(_LARGEST_LONG),
}
"""By lower-case name."""
