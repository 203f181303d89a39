"""Functions of text, encodings and hashes.

In: compiled arguments. Out: texts, lengths (in code points) and conditions. Missing where an
argument is, and where a text is not what is to be decoded.

Must not know stages, fields or events.

Source
------
CWL_QuerySyntax-operations-functions, string functions; CWL_QuerySyntax-hash-functions.
"""

import re
from collections.abc import Sequence

from opslib.cwli import regexes
from opslib.cwli.functions_call import Function, textual
from opslib.cwli.switches import Switches
from opslib.cwli.values import (
    Kind,
    Value,
    as_condition,
    as_number,
    boolean,
    quoted,
    shown,
    text,
    whole,
)

MAX_POSITION = 2_000_000
"""Further into a text nobody counts; an event has at most a million bytes."""

_BLANKS = "chr(32)||chr(9)||chr(10)||chr(13)"


def _trimming(name: str) -> Function:
    def build(args: Sequence[Value], switches: Switches) -> Value:
        # Without a set of characters the language trims white space, not the space alone.
        characters = shown(args[1], switches) if len(args) == 2 else _BLANKS
        return text(f"{name}({shown(args[0], switches)}, {characters})")

    return Function(1, 2, build)


def _concat(args: Sequence[Value], switches: Switches) -> Value:
    parts = [shown(arg, switches) for arg in args]
    if switches.missing_in_concat == "skipped":
        return text(f"concat({', '.join(parts)})")
    return text("(" + " || ".join(parts) + ")")


def _strcontains(args: Sequence[Value], switches: Switches) -> Value:
    within, part = shown(args[0], switches), shown(args[1], switches)
    plain = f"contains({within}, {part})"
    if len(args) == 2:
        return boolean(plain)
    folded = f"contains(lower({within}), lower({part}))"
    return boolean(f"CASE WHEN {as_condition(args[2])} THEN {folded} ELSE {plain} END")


def _position(value: Value) -> str:
    at = as_number(value)
    inside = f"CAST(least({MAX_POSITION}, {at}) AS BIGINT)"
    return f"CASE WHEN {at} >= 0 THEN {inside} WHEN {at} < 0 THEN 0 END"


def _substr(args: Sequence[Value], switches: Switches) -> Value:
    start, *length = (f"CAST({_position(arg)} AS BIGINT)" for arg in args[1:])
    rest = "".join(f", {part}" for part in length)
    return text(f"substring({shown(args[0], switches)}, {start} + 1{rest})")


def _pattern(texts: Sequence[str | None]) -> tuple[str, int]:
    """Return a pattern as DuckDB takes it, and how many groups it has."""
    pattern = regexes.from_regex(texts[1] or "", at=0)
    return pattern.regex, len(pattern.groups)


def _replacement(texts: Sequence[str | None]) -> None:
    _, groups = _pattern(texts)
    for slashes, digit in re.findall(r"(\\+)([0-9]?)", texts[2] or ""):
        if len(slashes) % 2 and (not digit or int(digit) > groups):
            found = f"the replacement names a group the pattern lacks; it has {groups}"
            raise ValueError(f"{found}. Write a backslash itself as two.")


def _regex_replace(args: Sequence[Value], switches: Switches) -> Value:
    regex, _ = _pattern([arg.literal for arg in args])
    by = args[2].literal or ""
    if switches.groups_in_replacement == "$1":
        by = re.sub(r"\$([0-9])", r"\\\1", by.replace("\\", "\\\\"))
    return text(f"regexp_replace({shown(args[0], switches)}, {quoted(regex)}, {quoted(by)}, 'g')")


def _url_encode(args: Sequence[Value], switches: Switches) -> Value:
    encoded = f"url_encode({shown(args[0], switches)})"
    if switches.plus_in_urls == "a space":
        encoded = f"replace({encoded}, '%20', '+')"
    return text(encoded)


def _url_decode(args: Sequence[Value], switches: Switches) -> Value:
    encoded = shown(args[0], switches)
    if switches.plus_in_urls == "a space":
        encoded = f"replace({encoded}, '+', ' ')"
    return text(f"TRY(url_decode({encoded}))")


def _split(args: Sequence[Value], switches: Switches) -> Value:
    return Value(
        f"to_json(string_split({shown(args[0], switches)}, {shown(args[1], switches)}))",
        Kind.JSON,
    )


def _digits(value: Value, switches: Switches) -> str:
    """Return SQL of hexadecimal digits without their ``0x``."""
    return f"regexp_replace({shown(value, switches)}, '^0[xX]', '')"


def _hex_to_ascii(args: Sequence[Value], switches: Switches) -> Value:
    digits = _digits(args[0], switches)
    valid = f"regexp_full_match({digits}, '([0-9a-fA-F]{{2}})*')"
    return text(f"CASE WHEN {valid} THEN TRY(decode(unhex({digits}))) END")


def _hex_to_dec(args: Sequence[Value], switches: Switches) -> Value:
    digits = _digits(args[0], switches)
    valid = f"regexp_full_match({digits}, '[0-9a-fA-F]+')"
    return whole(f"CASE WHEN {valid} THEN try_cast('0x' || {digits} AS BIGINT) END")


def _dec_to_hex(args: Sequence[Value], _: Switches) -> Value:
    number = f"try_cast(trunc({as_number(args[0])}) AS BIGINT)"
    if args[0].kind is Kind.WHOLE:
        number = args[0].sql
    digits = f"lower(to_base(abs({number}), 16))"
    return text(f"CASE WHEN {number} < 0 THEN '-0x' || {digits} ELSE '0x' || {digits} END")


TEXTS: dict[str, Function] = {
    "concat": Function(1, None, _concat),
    "strlen": textual("length({0})", Kind.WHOLE),
    "toupper": textual("upper({0})"),
    "tolower": textual("lower({0})"),
    "trim": _trimming("trim"),
    "ltrim": _trimming("ltrim"),
    "rtrim": _trimming("rtrim"),
    "replace": textual("replace({0}, {1}, {2})", arguments=3),
    "regexreplace": Function(3, 3, _regex_replace, {1: _pattern, 2: _replacement}),
    "substr": Function(2, 3, _substr),
    "strcontains": Function(2, 3, _strcontains),
    "startswith": textual("starts_with({0}, {1})", Kind.BOOLEAN, arguments=2),
    "endswith": textual("ends_with({0}, {1})", Kind.BOOLEAN, arguments=2),
    "split": Function(2, 2, _split),
    "urlencode": Function(1, 1, _url_encode),
    "urldecode": Function(1, 1, _url_decode),
    "base64encode": textual("to_base64(encode({0}))"),
    "base64decode": textual("TRY(decode(TRY(from_base64({0}))))"),
    "hextoascii": Function(1, 1, _hex_to_ascii),
    "hextodec": Function(1, 1, _hex_to_dec),
    "dectohex": Function(1, 1, _dec_to_hex),
    "md5": textual("md5({0})"),
    "sha256": textual("sha256({0})"),
}
"""By lower-case name."""

TEXTS["regex_replace"] = TEXTS["regexreplace"]
