"""The JSON object of a log line, found and cut in SQL.

In: which keys a query reads. Out: SQL over the column ``msg``: the first JSON object in the
message, with no more fields than are discovered; missing when there is none.

Speed is why this is SQL, and why it asks little of most lines: only a message that holds a key the
query reads is parsed at all. A message that is one object, which is the usual case, is tested by
DuckDB's parser; only another one is searched for an object with text around it, first where braces
balance, then, rarely, at one opening brace after the other.

Must not know the plan.

Source
------
CWL_AnalyzeLogData-discoverable-fields: 200 fields an event, the first fragment only.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from opslib.cwli.switches import Switches
from opslib.cwli.values import quoted

MAX_FIELDS = 200
"""JSON fields discovered in one event; later ones are not."""

MAX_OPENINGS = 64
"""How many balanced pieces of one message are tried as an object; fewer of a long message."""

_MOST_BRACKETS = 8_192
"""A message of more that is not one object, and has no object to its end, is not searched."""
_BRACKETS_TRIED = 16_384
_BYTES_TRIED = 2**18
"""What is read of one message for all its pieces. DuckDB searches 2,048 messages at a time, and no
deadline stops it meanwhile."""

_MOST_OPEN = 1_000
"""Levels of brackets that may be open where an object is cut; a deeper one stays as it is."""

_SHIFT = 2**24
"""More brackets than any message holds."""

_MOST_NEEDLES = 8
_BLANKS = "[ \\t\\n\\r]*"
_STRING = r'"(?:[^"\\]|\\.)*"'


_OBJECT_HEAD = f"\\{{{_BLANKS}(?:\\}}|{_STRING}{_BLANKS}:)"
_SCALAR = f"(?:{_STRING}|(?i:-?(?:[0-9][0-9.eE+-]*|inf|infinity|nan))|true|false|null)"
_LIST_HEAD = f"\\[{_BLANKS}(?:[{{\\[\\]]|{_SCALAR}{_BLANKS}[,\\]])"
_TO_NEXT_BRACKET = quoted(
    '(?s)(?:[^{}\\[\\]"]|"(?:[^"\\\\]|\\\\.)*(?:"|\\\\?\\z))*(?:[{}\\[\\]]|\\z)'
)
"""SQL: a pattern of text to its next bracket that is in no quotes. An open quote takes the rest."""
_TAIL = "regexp_extract(msg, '(?s)^[^{\\[]*(\\{.*\\})', 1)"
"""SQL: from the first brace to the last one, if no list begins before it."""
_VALUES_AT_ONCE = 20
_SKIPPED = f"(?:[ \\t\\n\\r{{}}\\[\\],]|{_STRING}{_BLANKS}:)*"
_VALUE = f'(?:{_STRING}|[^ \\t\\n\\r{{}}\\[\\],:"]+)'
_SOME_VALUES = quoted(f"(?s)^(?:{_SKIPPED}{_VALUE}{_BLANKS}[,}}\\]]){{{_VALUES_AT_ONCE}}}")
"""SQL: a pattern of so many values that are no object or list, to one character behind the last."""


_BRACKETS = "(strlen(msg) - strlen(translate(msg, '{}[]', '')))"
_TRIES = (
    f"least({MAX_OPENINGS}, greatest(2, "
    f"least({_BRACKETS_TRIED} // {_BRACKETS}, {_BYTES_TRIED} // strlen(msg))))"
)
"""SQL: how many pieces of a message are tried."""


def holds_any(pointers: Iterable[str]) -> str:
    """Return SQL of whether a message can hold a value at one of some JSON pointers.

    It tells from the outermost keys alone, and lets few other messages pass. A key stands in JSON
    as it is, or some character of it stands there behind a backslash.
    """
    test = names_any(pointers)
    return "true" if test is None else f"({test} OR {BACKSLASH})"


def names_any(pointers: Iterable[str]) -> str | None:
    """Return ``holds_any`` of messages without a backslash; None when it cannot be told."""
    keys: dict[str, set[str]] = {}
    for pointer in pointers:
        key = pointer.split("/")[1].replace("~1", "/").replace("~0", "~")
        keys.setdefault(key.partition(".")[0], set()).add(key)
    # Without the quote in front: a rare first character makes the search quick.
    needles = [f'{part}"' if whole == {part} else part for part, whole in sorted(keys.items())]
    if len(needles) > _MOST_NEEDLES or not all(map(is_written_as_it_is, keys)):
        return None
    tests = " OR ".join(contains(needle) for needle in needles)
    return tests if len(needles) == 1 else f"({tests})"


_SURELY_ONE_DOUBLE = 15
"""Digits of which any two numbers differ as DOUBLE too. Source: C's DBL_DIG."""
_ODD_NUMBER = quoted("[0-9.]{16}|[^0-9A-Za-z.][0-9.]+[eE][-+]?[0-9]")


def holds_number(literal: str) -> str | None:
    """Return SQL of whether a message can hold some number, in whatever way it is written.

    It holds the digits of the number in a row, from the first that is no zero to the last that is
    none or stands before the point; or it holds a number with an exponent, or one of so many digits
    that it may be another and yet the same as DOUBLE. None when that cannot be told: 0 and 1 are
    also ``false`` and ``true``.
    """
    match = re.fullmatch(r"-?0*([0-9]*)(?:[.]([0-9]*?)0*)?", literal)
    if match is None:
        return None
    before, after = match[1], match[2] or ""
    digits = f"{before}.{after}" if after else before
    if digits in ("", "1") or len(before + after) > _SURELY_ONE_DOUBLE:
        return None
    return f"CASE WHEN {contains(digits)} THEN true ELSE regexp_matches(msg, {_ODD_NUMBER}) END"


def is_written_as_it_is(text: str) -> bool:
    """Whether JSON can hold a text without a backslash."""
    return json.dumps(text, ensure_ascii=False) == f'"{text}"'


def contains(text: str) -> str:
    """Return SQL of whether a message holds a text."""
    return f"contains(msg, {quoted(text)})"


BACKSLASH = "contains(msg, '\\')"
"""SQL: whether a message holds a backslash, so may spell a text in another way."""


def whole_message(holds: str, paths: str) -> str:
    """Return SQL of the values at a list of paths, where the message is one usual JSON object.

    It is missing where the message is anything else, also an object with more fields than are
    discovered; ``found_object`` looks at those. Such a message is parsed once, not tested before:
    TRY is quick where nothing fails, and slow where something does, which the ends of the message
    make unlikely.
    """
    ends = "(ends_with(msg, '}') OR ends_with(msg, '}' || chr(10)))"
    usual = f"{holds} AND starts_with(msg, '{{') AND {ends} AND {_few_fields('msg')}"
    return f"TRY(json_extract(CASE WHEN {usual} THEN msg END, {paths}))"


def found_object(holds: str, switches: Switches) -> str:
    """Return SQL of the first JSON object in ``msg``, as logged.

    It is missing when there is none, or where ``holds`` says that the message holds no outermost
    key of interest. What is in a list without a name is no field, see
    ``switches.json_lists_in_lines``.
    """
    return (
        f"CASE WHEN NOT {holds} THEN NULL "
        "WHEN CASE WHEN starts_with(msg, '{') THEN json_valid(msg) END THEN msg "
        "WHEN NOT contains(msg, '{') OR NOT contains(msg, '}') THEN NULL "
        f"WHEN json_valid({_TAIL}) THEN {_TAIL} "
        f"WHEN {_BRACKETS} > {_MOST_BRACKETS} THEN NULL "
        f"ELSE {_search(switches)} END"
    )


def _search(switches: Switches) -> str:
    searched = switches.json_lists_in_lines == "searched"
    return _searched(_OBJECT_HEAD if searched else f"{_OBJECT_HEAD}|{_LIST_HEAD}")


def odd() -> str:
    """Return SQL of the number of messages for which ``without_search`` would not do."""
    found = f"CASE WHEN starts_with(msg, '{{') THEN msg ELSE {_TAIL} END"
    return (
        "SELECT count(*) FROM events WHERE contains(msg, '{') AND "  # noqa: S608 -- no name
        f"CASE WHEN {_few_fields('msg')} THEN NOT json_valid({found}) ELSE true END"
    )


def without_search(sql: str, letters: str, *, switches: Switches) -> str:
    """Return SQL that does the same as ``sql`` where no message is odd, and is sooner planned.

    Half of the SQL of a query says what to do with an object among other brackets, or of more
    fields than are discovered.

    Parameters
    ----------
    letters
        What the names of columns of objects begin with.
    """
    # In a literal of the query the quotes would be doubled, so these are never part of one.
    sql = sql.replace(_search(switches), "NULL")
    if switches.repeated_json_key == "first":
        for letter in letters:
            sql = sql.replace(cut(f"{letter}object", switches), f"{letter}object")
    return sql


def _searched(head: str) -> str:
    """Return SQL of the first object, tried at one opening of the message after the other.

    A step goes on with what is left of the message, after a space, or ends with the object, after
    an exclamation mark, or with nothing. All patterns are small: DuckDB compiles them for every
    statement, also where no message needs them.
    """
    after = "' ' || substring(opened, {})"
    step = (
        "CASE WHEN piece IS NULL OR NOT json_valid(piece) "
        f"THEN {after.format(2)} WHEN starts_with(piece, '{{') THEN '!' || piece "
        f"ELSE {after.format('length(piece) + 1')} END"
    )
    tried = f"list_transform([{_balanced('opened')}], lambda piece: {step})[1]"
    opened = f"regexp_extract(rest, {quoted(f'(?s)(?:{head}).*')})"
    stepped = (
        f"list_transform([{opened}], "
        f"lambda opened: CASE WHEN opened = '' THEN '' ELSE {tried} END)[1]"
    )
    going_on = f"CASE WHEN starts_with(rest, ' ') THEN {stepped} ELSE rest END"
    ended = f"list_reduce(range({_TRIES}), lambda rest, i: {going_on}, ' ' || msg)"
    found = "CASE WHEN starts_with(found, '!') THEN substring(found, 2) END"
    return f"list_transform([{ended}], lambda found: {found})[1]"


def _balanced(text: str) -> str:
    """Return SQL of a text that begins with a bracket, to where as many are closed as opened.

    Brackets of both sorts are counted alike: whether they match is the parser's to tell. A sum of
    lengths, shifted, and of open brackets goes from one bracket to the next, and turns negative
    where none is open any more. It is missing where that is nowhere so.
    """
    ends = "right(x, 1) IN"
    depth = f"CASE WHEN {ends} ('{{', '[') THEN 1 WHEN {ends} ('}}', ']') THEN -1 ELSE 0 END"
    pieces = f"regexp_extract_all({text}, {_TO_NEXT_BRACKET})"
    steps = f"list_transform({pieces}, lambda x: length(x) * {_SHIFT} + {depth})"
    added = f"CASE WHEN (sum + x) % {_SHIFT} = 0 THEN -(sum + x) ELSE sum + x END"
    going_on = f"CASE WHEN sum < 0 THEN sum ELSE {added} END"
    total = f"list_reduce({steps}, lambda sum, x: {going_on}, 0::BIGINT)"
    length = f"CASE WHEN total < 0 THEN left({text}, -total // {_SHIFT}) END"
    return f"list_transform([{total}], lambda total: {length})[1]"


def cut(column: str, switches: Switches) -> str:
    """Return SQL of a JSON object with its first 200 fields; most have no more and stay as is."""
    if switches.repeated_json_key == "last":
        return f"{LAST_OF_EACH}({column})"
    return f"CASE WHEN {_few_fields(column)} THEN {column} ELSE {_pruned(column)} END"


def _few_fields(column: str) -> str:
    """Return SQL of whether an object surely has no more fields than are discovered.

    Two hundred fields need as many commas, but for one, and as many values.
    """
    commas = f"strlen({column}) - strlen(replace({column}, ',', ''))"
    return f"(strlen({column}) < {2 * MAX_FIELDS} OR {commas} < {MAX_FIELDS})"


def _pruned(column: str) -> str:
    """Return SQL of an object up to its last discovered value, with its brackets closed.

    Some values at a time are counted off, so that no list is as long as the object. An object with
    more brackets before that value than are counted stays as it is.
    """
    values = f"regexp_extract(substring({column}, ends + 1), {_SOME_VALUES})"
    step = (
        f"list_transform([length({values})], lambda n: CASE WHEN n > 0 THEN ends + n ELSE -1 END)"
    )
    counted = (
        f"list_reduce(range({MAX_FIELDS // _VALUES_AT_ONCE}), "
        f"lambda ends, i: CASE WHEN ends >= 0 THEN {step}[1] ELSE ends END, 0::BIGINT)"
    )
    # Behind the last value stands one more character.
    kept = f"CASE WHEN ends > 0 THEN left({column}, ends - 1) END"
    brackets = "regexp_replace(kept, " + quoted(f'(?s){_STRING}|[^{{}}\\[\\]"]+') + ", '', 'g')"
    opened = (
        "list_reduce(string_split(brackets, ''), lambda open, x: "
        f"CASE WHEN x IN ('}}', ']') THEN substring(open, 2) "
        f"WHEN length(open) < {_MOST_OPEN} THEN x || open ELSE open END, '')"
    )
    closed = f"kept || translate({opened}, '{{[', '}}]')"
    made = f"CASE WHEN strlen(brackets) BETWEEN 1 AND {_MOST_BRACKETS} THEN {closed} END"
    whole = f"CASE WHEN json_valid(made) THEN made ELSE {column} END"
    for name, of in (("made", made), ("brackets", brackets), ("kept", kept), ("ends", counted)):
        whole = f"list_transform([{of}], lambda {name}: {whole})[1]"
    return whole


LAST_OF_EACH = "opslib_cwli_last_of_each"
"""The SQL name of ``last_of_each``, which a connection must know under that switch."""


def last_of_each(text: str) -> str:
    """Return a JSON object whose keys stand once, with the last value, and its first 200 fields."""
    try:
        # Numbers are kept as texts, with the digits they were written in.
        value = json.loads(text, parse_float=str, parse_int=str)
        return json.dumps(_first_leaves(value, [MAX_FIELDS]))
    except (ValueError, RecursionError):
        # DuckDB reads it, Python does not: too deep, or a number of no kind that JSON has.
        return text


def _first_leaves(value: Any, left: list[int]) -> Any:
    if isinstance(value, dict):
        return {key: _first_leaves(item, left) for key, item in value.items() if left[0] > 0}
    if isinstance(value, list):
        return [_first_leaves(item, left) for item in value if left[0] > 0]
    left[0] -= 1
    return value
