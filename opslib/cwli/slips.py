"""What people write for what the language has, and what to write instead.

In: the text of a query and the place where it cannot go on; the name of what is no function. Out:
one sentence, or an empty string when this is no slip known here.

Must not know lark, the plan or SQL. What CloudWatch runs and this engine does not is in
``refusals``.

Source
------
SQL, the shells and the query languages of other log services, whose habits these are.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_WORDS = {
    "is": "write =, or ispresent(...) for what is not null",
    "between": "write two comparisons with and",
    "contains": "write like",
    "includes": "write like",
    "matches": "write like /.../",
    "regexp": "write like /.../",
    "rlike": "write like /.../",
    "ilike": "write like /(?i).../",
    "having": "write `| filter` after stats",
    "order": "write `| sort`",
    "ascending": "write asc",
    "descending": "write desc",
}
_FUNCTIONS = {
    "upper": "toupper",
    "ucase": "toupper",
    "lower": "tolower",
    "lcase": "tolower",
    "substring": "substr",
    "length": "strlen",
    "len": "strlen",
    "exists": "ispresent",
    "isnotnull": "ispresent",
    "contains": "strcontains",
    "ifnull": "coalesce",
    "nvl": "coalesce",
    "iif": "if",
    "ln": "log",
    "distinct": "count_distinct",
    "dcount": "count_distinct",
    "dc": "count_distinct",
    "mean": "avg",
    "average": "avg",
    "date_trunc": "datefloor",
    "to_json": "jsonStringify",
    "parse_json": "jsonParse",
}
_SIGNS = {"=>": ">=", "=<": "<=", "<>": "!=", "=!": "!="}
_NEAR = 300
"""So many characters before the place are searched, for no text to take long."""
_LITERALS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|#.*|/(?:\\.|[^/\\\n])+/")
_READ_AS_FIELD = re.compile(r"\b(and|or|not|in|like|as|by)\s+$", re.IGNORECASE)
_PARSE = re.compile(r"\bparse\s+(\"[^\"]*\"|'[^']*'|/(\\.|[^/\\\n])+/)\s+$", re.IGNORECASE)
_COUNT_OF_TIME = re.compile(r"\b(bin|datefloor|dateceil)\s*\([^|]*?([0-9]+)\s+$", re.IGNORECASE)


def slip(terminals: set[str], rest: str, word: str, *, before: str, commands: Iterable[str]) -> str:
    """Say in one sentence what was meant, or return an empty string.

    Parameters
    ----------
    terminals, rest, word, before
        As in ``refusals.complaint``.
    commands
        Names of the commands of the language.
    """
    if not word:
        return _of_sign(terminals, rest, before)
    if "VBAR" in terminals and word.lower() in {name.lower() for name in commands}:
        return f"`{word}` begins a command; write `|` before it."
    if word.lower() == "by" and "BY" not in terminals and "VBAR" in terminals:
        return f"`{word}` cannot stand here; groups are made by stats, and after its aggregates."
    if _ends_something(terminals) and word.lower() in _WORDS:
        return f"`{word}` is not in the language; {_WORDS[word.lower()]}."
    near = before[-_NEAR:]
    return (
        _of_time(word, near)
        or _of_parse(terminals, word, near)
        or _of_keyword(terminals, near)
        or _of_place(terminals, word, near)
    )


def no_function(name: str, names: Iterable[str]) -> str:
    """Say that there is no such function, and which of ``names`` may have been meant."""
    percentile = re.fullmatch(r"p([0-9]{1,2})", name.lower())
    if percentile:
        return f"`{name}` is not a function; write pct(..., {percentile.group(1)})."
    meant = _FUNCTIONS.get(name.lower())
    if meant:
        return f"`{name}` is not a function; write {meant}."
    near = get_close_matches(name.lower(), sorted(names), n=1)
    return f"`{name}` is not a function" + (f"; the nearest is {near[0]}." if near else ".")


def misplaced(name: str, within: str) -> str:
    """Say that an aggregate stands where none may: ``within`` a part of stats, or outside it."""
    if within:
        return f"the aggregate `{name}` cannot stand {within}."
    return (
        f"the aggregate `{name}` cannot stand outside stats; "
        f"write it there, as in stats {name}(...) as n, and then use n."
    )


def _ends_something(terminals: set[str]) -> bool:
    return bool({"AND", "VBAR", "ASC"} & terminals)


def _of_sign(terminals: set[str], rest: str, before: str) -> str:
    sign = rest[0]
    if before[-1:] + sign in _SIGNS:
        return f"`{before[-1:] + sign}` is not in the language; write {_SIGNS[before[-1:] + sign]}."
    if sign in "“”„‘’‚":
        return f"`{sign}` is no quote of the language; write \" or '."
    if sign == ";":
        return "`;` is not in the language; commands are parted by `|`, and nothing ends a query."
    if sign == "/" and before.endswith("/") and "NAME" in terminals:
        return "`//` cannot stand here; a comment begins with #."
    if sign == "|" and "FIELDS" in terminals:
        return "no command stands before this `|`."
    if sign == ")" and not {"RPAR", "RSQB"} & terminals and _opened(before) <= 0:
        return "`)` closes nothing; no `(` is open here."
    return ""


def _opened(before: str) -> int:
    """Return how many parentheses are open."""
    bare = _LITERALS.sub("", before)
    return bare.count("(") - bare.count(")")


def _of_time(word: str, before: str) -> str:
    counted = _COUNT_OF_TIME.search(before)
    if counted is None or not re.match("[mshdwqy]", word.lower()):
        return ""
    return f"`{word}` cannot stand here; a duration is one word, {counted.group(2)}{word}."


def _of_parse(terminals: set[str], word: str, before: str) -> str:
    if "AS" in terminals and _PARSE.search(before):
        return f"the field stands before the pattern; write parse {word} and then the pattern."
    if {"STRING", "REGEX"} == terminals:
        return f"`{word}` cannot stand here; what to look for is in quotes, or between / and /."
    return ""


def _of_keyword(terminals: set[str], before: str) -> str:
    keyword = _READ_AS_FIELD.search(before)
    if keyword is None or "NAME" in terminals:
        return ""
    name = keyword.group(1)
    if name.lower() == "by":
        return f"the `{name}` before it is read as a field; an aggregate stands before `{name}`."
    return f"the `{name}` before it is read as a field; what it was to join is missing."


def _of_place(terminals: set[str], word: str, before: str) -> str:
    if re.search(r"\(\s*distinct\s+$", before, re.IGNORECASE):
        return f"distinct is no word of the language; write count_distinct({word})."
    if {"COMMA", "VBAR", "COMPARE"} <= terminals:
        return f"`{word}` cannot stand here; columns are parted by `,` and commands by `|`."
    return ""
