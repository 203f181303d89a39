"""Scalar functions of the language: name, number of arguments, and the SQL of the call.

In: the compiled arguments of a call. Out: its value. A function is missing (its column is absent
from the row) where its argument is, unless its own documentation says otherwise.

Must not know stages, fields or events. Functions of time with a duration are in ``expressions``,
aggregates in ``aggregates``.

Source
------
CWL_QuerySyntax-operations-functions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opslib.cwli.switches import Switches
from opslib.cwli.values import (
    Kind,
    Value,
    as_condition,
    as_instant,
    as_number,
    as_text,
    boolean,
    number,
)

Build = Callable[[Sequence[Value], Switches], Value]


@dataclass(frozen=True)
class Function:
    """How to call one function: fewest and most arguments (None: any number), and its SQL."""

    fewest: int
    most: int | None
    build: Build


def _numeric(template: str, *, arguments: int = 1) -> Function:
    def build(args: Sequence[Value], _: Switches) -> Value:
        return number(template.format(*(as_number(arg) for arg in args)))

    return Function(arguments, arguments, build)


def _textual(template: str, kind: Kind = Kind.TEXT, *, arguments: int = 1) -> Function:
    def build(args: Sequence[Value], _: Switches) -> Value:
        return Value(template.format(*(as_text(arg) for arg in args)), kind)

    return Function(arguments, arguments, build)


def _trimming(name: str) -> Function:
    def build(args: Sequence[Value], _: Switches) -> Value:
        # Without a set of characters the language trims white space, not the space alone.
        characters = as_text(args[1]) if len(args) == 2 else "chr(32)||chr(9)||chr(10)||chr(13)"
        return Value(f"{name}({as_text(args[0])}, {characters})", Kind.TEXT)

    return Function(1, 2, build)


def _ispresent(args: Sequence[Value], _: Switches) -> Value:
    return boolean(f"({args[0].sql} IS NOT NULL)")


def _common(values: Sequence[Value]) -> tuple[Kind, list[str]]:
    """Return the kind that all values can share, and their SQL in it."""
    kinds = {value.kind for value in values}
    if len(kinds) == 1:
        return kinds.pop(), [value.sql for value in values]
    if kinds <= {Kind.NUMBER, Kind.BOOLEAN}:
        return Kind.NUMBER, [as_number(value) for value in values]
    return Kind.MIXED, [as_text(value) for value in values]


def _coalesce(args: Sequence[Value], _: Switches) -> Value:
    kind, parts = _common(args)
    return Value(f"coalesce({', '.join(parts)})", kind)


def _case(args: Sequence[Value], _: Switches) -> Value:
    pairs = len(args) // 2
    results = [args[2 * i + 1] for i in range(pairs)]
    kind, parts = _common([*results, args[-1]] if len(args) % 2 else results)
    whens = " ".join(f"WHEN {as_condition(args[2 * i])} THEN {parts[i]}" for i in range(pairs))
    otherwise = f" ELSE {parts[-1]}" if len(args) % 2 else ""
    return Value(f"CASE {whens}{otherwise} END", kind)


def _concat(args: Sequence[Value], switches: Switches) -> Value:
    parts = [as_text(arg) for arg in args]
    if switches.missing_in_concat == "skipped":
        return Value(f"concat({', '.join(parts)})", Kind.TEXT)
    return Value("(" + " || ".join(parts) + ")", Kind.TEXT)


def _round(args: Sequence[Value], _: Switches) -> Value:
    places = "0"
    if len(args) == 2:
        places = f"coalesce(try_cast({as_number(args[1])} AS INTEGER), 0)"
        places = f"greatest(-15, least(15, {places}))"
    return number(f"round({as_number(args[0])}, {places})")


def _extreme(name: str) -> Function:
    def build(args: Sequence[Value], _: Switches) -> Value:
        return number(f"{name}({', '.join(as_number(arg) for arg in args)})")

    return Function(1, None, build)


def _strcontains(args: Sequence[Value], _: Switches) -> Value:
    text, part = as_text(args[0]), as_text(args[1])
    plain = f"contains({text}, {part})"
    if len(args) == 2:
        return boolean(plain)
    folded = f"contains(lower({text}), lower({part}))"
    return boolean(f"CASE WHEN {as_condition(args[2])} THEN {folded} ELSE {plain} END")


def _substr(args: Sequence[Value], _: Switches) -> Value:
    start, *length = (
        f"CAST(greatest(0, least(2000000, {as_number(arg)})) AS BIGINT)" for arg in args[1:]
    )
    rest = "".join(f", {part}" for part in length)
    return Value(f"substring({as_text(args[0])}, {start} + 1{rest})", Kind.TEXT)


def _from_millis(args: Sequence[Value], _: Switches) -> Value:
    return Value(as_instant(args[0]), Kind.INSTANT)


def _to_millis(args: Sequence[Value], _: Switches) -> Value:
    return number(f"CAST({as_instant(args[0])} AS DOUBLE)")


def _is_numeric(args: Sequence[Value], _: Switches) -> Value:
    return boolean(f"({as_number(args[0])} IS NOT NULL)")


def _is_blank(args: Sequence[Value], _: Switches) -> Value:
    return boolean(f"coalesce(regexp_full_match({as_text(args[0])}, '\\s*'), true)")


def _is_empty(args: Sequence[Value], _: Switches) -> Value:
    return boolean(f"coalesce({as_text(args[0])} = '', true)")


FUNCTIONS: dict[str, Function] = {
    "abs": _numeric("abs({0})"),
    "ceil": _numeric("ceil({0})"),
    "floor": _numeric("floor({0})"),
    "sqrt": _numeric("CASE WHEN {0} >= 0 THEN sqrt({0}) END"),
    "log": _numeric("CASE WHEN {0} > 0 THEN ln({0}) END"),
    "tonumber": _numeric("{0}"),
    "todouble": _numeric("{0}"),
    "toint": _numeric("trunc({0})"),
    "tolong": _numeric("trunc({0})"),
    "round": Function(1, 2, _round),
    "greatest": _extreme("greatest"),
    "least": _extreme("least"),
    "ispresent": Function(1, 1, _ispresent),
    "coalesce": Function(1, None, _coalesce),
    "if": Function(3, 3, _case),
    "case": Function(2, 21, _case),
    "isnumeric": Function(1, 1, _is_numeric),
    "isempty": Function(1, 1, _is_empty),
    "isblank": Function(1, 1, _is_blank),
    "concat": Function(1, None, _concat),
    "strlen": _textual("CAST(length({0}) AS DOUBLE)", Kind.NUMBER),
    "toupper": _textual("upper({0})"),
    "tolower": _textual("lower({0})"),
    "trim": _trimming("trim"),
    "ltrim": _trimming("ltrim"),
    "rtrim": _trimming("rtrim"),
    "substr": Function(2, 3, _substr),
    "replace": _textual("replace({0}, {1}, {2})", arguments=3),
    "strcontains": Function(2, 3, _strcontains),
    "startswith": _textual("starts_with({0}, {1})", Kind.BOOLEAN, arguments=2),
    "endswith": _textual("ends_with({0}, {1})", Kind.BOOLEAN, arguments=2),
    "messagesize": _textual("CAST(octet_length(encode({0})) AS DOUBLE)", Kind.NUMBER),
    "frommillis": Function(1, 1, _from_millis),
    "tomillis": Function(1, 1, _to_millis),
    "md5": _textual("md5({0})"),
    "sha256": _textual("sha256({0})"),
}
"""By lower-case name."""

TIME_FUNCTIONS = frozenset({"bin", "datefloor", "dateceil"})
"""Functions whose argument is a duration."""

OTHER_FUNCTIONS = frozenset(
    {
        "base64decode", "base64encode", "cidrlookup", "count_over_time", "countovertime",
        "dectohex", "formatdate", "haversine", "hextoascii", "hextodec", "histogram",
        "ipv4tonumber", "isipinsubnet", "isipv4insubnet", "isipv6insubnet", "isprivateip",
        "ispublicip", "isreservedip", "isvalidip", "isvalidipv4", "isvalidipv6",
        "jsonarraycontains", "jsonarraysize", "jsonparse", "jsonstringify", "mod", "now",
        "parsedate", "pow", "queryendtime", "querystarttime", "querytimerange", "rate",
        "regex_replace", "regexreplace", "sortsfirst", "sortslast", "split", "strftime",
        "sum_over_time", "sumovertime", "topk", "unmask", "urldecode", "urlencode", "values",
    }
)  # fmt: skip
"""Functions of CloudWatch that this engine refuses by name."""
