"""Functions of time: instants out of text and back, and the instants of the query itself.

In: compiled arguments; instants are epoch milliseconds. Out: epoch milliseconds, texts. When the
query runs, and over what span, is known to DuckDB by the variables of ``QUERY_TIMES``, which
``engine`` sets; no clock is read here.

Functions of time with a duration (``bin``, ``datefloor``, ``dateceil``) are in ``expressions``.
Must not know stages, fields or events.

Source
------
CWL_QuerySyntax-operations-functions, datetime functions: ``now`` is in seconds, the others in
milliseconds; ``parseDate`` reads patterns of Java's DateTimeFormatter; ``formatDate`` writes those
of strftime.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from opslib.cwli.functions_call import Function
from opslib.cwli.switches import Switches
from opslib.cwli.values import Kind, Value, as_instant, quoted, shown, text, whole

QUERY_TIMES = ("query_now_ms", "query_start_ms", "query_end_ms")
"""Variables of the connection: when the query was started, and both ends of its span."""

_NOW, _START, _END = (f"getvariable('{name}')" for name in QUERY_TIMES)

_JAVA = {
    "y": "%Y", "yy": "%y", "yyyy": "%Y", "u": "%Y", "uu": "%y", "uuuu": "%Y",
    "M": "%m", "MM": "%m", "MMM": "%b", "MMMM": "%B", "L": "%m", "LL": "%m",
    "d": "%d", "dd": "%d", "D": "%j", "DDD": "%j",
    "E": "%a", "EE": "%a", "EEE": "%a", "EEEE": "%A",
    "H": "%H", "HH": "%H", "h": "%I", "hh": "%I", "m": "%M", "mm": "%M", "s": "%S", "ss": "%S",
    "S": "%f", "SS": "%f", "SSS": "%f", "SSSS": "%f", "SSSSS": "%f", "SSSSSS": "%f",
    "SSSSSSS": "%n", "SSSSSSSS": "%n", "SSSSSSSSS": "%n", "a": "%p",
    "X": "%z", "XX": "%z", "XXX": "%z", "x": "%z", "xx": "%z", "xxx": "%z", "Z": "%z", "ZZ": "%z",
    "ZZZ": "%z", "z": "%Z", "zz": "%Z", "zzz": "%Z", "VV": "%Z",
}  # fmt: skip
_JAVA_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']")

_STRFTIME = {
    **{letter: f"%{letter}" for letter in "aAwdbBmyYHIpMSfgjUWcxXu"},
    **{f"-{letter}": f"%-{letter}" for letter in "dmyHIMSj"},
    "L": "%g", "F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y", "%": "%%",
}  # fmt: skip
_STRFTIME_TOKEN = re.compile(r"%(-?.?)|[^%]+", re.DOTALL)


def from_java(pattern: str) -> str:
    """Return a pattern of DateTimeFormatter as one of DuckDB's strptime.

    Raises
    ------
    ValueError
        When it holds a letter, or an apostrophe, that this engine cannot read.
    """
    pieces = []
    at = 0
    while at < len(pattern):
        token = _JAVA_TOKEN.match(pattern, at)
        if token is None:
            raise ValueError(f"the date pattern `{pattern}` has an apostrophe that is not closed.")
        at = token.end()
        written = token.group()
        if written.startswith("'"):
            inner = written[1:-1].replace("''", "'") or "'"
            pieces.append(inner.replace("%", "%%"))
        elif not token.group(1):
            pieces.append(written.replace("%", "%%"))
        elif written in _JAVA:
            pieces.append(_JAVA[written])
        else:
            found = f"`{written}` in the date pattern is not in this local engine"
            raise ValueError(f"{found}; it reads those such as yyyy-MM-dd'T'HH:mm:ss.SSSXXX.")
    return "".join(pieces)


def from_strftime(pattern: str) -> list[str]:
    """Return a pattern of strftime in pieces: DuckDB's, but ``%z``, ``%Z`` and ``%s`` apart.

    Raises
    ------
    ValueError
        When a letter after a percent sign is none of strftime's.
    """
    pieces = [""]
    for token in _STRFTIME_TOKEN.finditer(pattern):
        letters = token.group(1)
        if letters is None:
            pieces[-1] += token.group()
        elif letters in ("z", "Z", "s"):
            pieces += [f"%{letters}", ""]
        elif letters in _STRFTIME:
            pieces[-1] += _STRFTIME[letters]
        else:
            found = f"`%{letters}` in the date pattern is not in this local engine"
            raise ValueError(f'{found}; it writes those such as "%Y-%m-%d %H:%M:%S".')
    return [piece for piece in pieces if piece]


@lru_cache(maxsize=64)
def _zone_exists(zone: str) -> bool:
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        known = "SELECT count(*) FROM pg_timezone_names() WHERE name = ?"
        return bool(connection.execute(known, [zone]).fetchall()[0][0])


def _java(texts: Sequence[str | None]) -> str:
    return from_java(texts[1] or "")


def _strftime(texts: Sequence[str | None]) -> list[str]:
    return from_strftime(texts[1] or "")


def _zone(texts: Sequence[str | None]) -> None:
    if not _zone_exists(texts[2] or ""):
        raise ValueError(f"`{texts[2]}` is not a time zone; write one such as Europe/Berlin.")


def _parse_date(args: Sequence[Value], switches: Switches) -> Value:
    pattern = from_java(args[1].literal or "")
    zone = args[2].literal if len(args) == 3 else "UTC"
    written = shown(args[0], switches)
    if "%z" in pattern:
        # A Z, for Zulu, is not among the offsets DuckDB reads.
        written = f"regexp_replace({written}, '([0-9 ])Z', '\\1+00')"
    if not re.search("%[Yy]", pattern):
        # DuckDB begins in 1900 where a pattern has no year; an instant without one is of 1970.
        pattern, written = f"%Y {pattern}", f"'1970 ' || {written}"
    read = f"try_strptime({written}, {quoted(pattern)})"
    zoned = "%z" in pattern or "%Z" in pattern
    if "%n" in pattern:
        read = f"CAST({read} AS {'TIMESTAMPTZ' if zoned else 'TIMESTAMP'})"
    if not zoned and zone != "UTC":
        read = f"timezone({quoted(zone or '')}, {read})"
    return whole(f"epoch_ms({read})")


def _format_date(args: Sequence[Value], _: Switches) -> Value:
    zone = (args[2].literal if len(args) == 3 else None) or "UTC"
    at = as_instant(args[0])
    utc = f"make_timestamp({at} * 1000)"
    local = utc
    if zone != "UTC":
        local = f"timezone({quoted(zone)}, make_timestamptz({at} * 1000))"
    ahead = f"date_diff('minute', {utc}, {local})"
    sign = f"CASE WHEN {ahead} < 0 THEN '-' ELSE '+' END"
    apart = {
        "%z": f"{sign} || printf('%02d%02d', abs({ahead}) // 60, abs({ahead}) % 60)",
        "%Z": quoted(zone),
        "%s": f"CAST({at} // 1000 AS VARCHAR)",
    }
    pieces = [
        apart.get(piece) or f"strftime({local}, {quoted(piece)})"
        for piece in from_strftime(args[1].literal or "")
    ]
    return text(f"({' || '.join(pieces)})" if pieces else f"left(CAST({at} AS VARCHAR), 0)")


def _from_millis(args: Sequence[Value], _: Switches) -> Value:
    return Value(as_instant(args[0]), Kind.INSTANT)


def _to_millis(args: Sequence[Value], _: Switches) -> Value:
    return whole(as_instant(args[0]))


def _instant(sql: str) -> Function:
    return Function(0, 0, lambda _, __: whole(f"CAST({sql} AS BIGINT)"))


_FORMAT_DATE = Function(2, 3, _format_date, {1: _strftime, 2: _zone})

TIMES: dict[str, Function] = {
    "frommillis": Function(1, 1, _from_millis),
    "tomillis": Function(1, 1, _to_millis),
    "now": _instant(f"{_NOW} // 1000"),
    "querystarttime": _instant(_START),
    "queryendtime": _instant(_END),
    "querytimerange": _instant(f"({_END} - {_START})"),
    "parsedate": Function(2, 3, _parse_date, {1: _java, 2: _zone}),
    "formatdate": _FORMAT_DATE,
    "strftime": _FORMAT_DATE,
}
"""By lower-case name."""
