"""Values as the compiler handles them: a piece of SQL and what kind of thing it yields.

Log fields have no type, so most SQL here is text that may read as a number. The rules for that, and
only they, live here: what counts as a number, how a number reads as text, how two values compare.
This module is also the only one that writes a literal into SQL; no other text of a user gets there.

Must not know the plan.

Source
------
What a text and a number do beside each other is not documented; see ``switches.numbers_in_text``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from opslib.cwli.switches import Switches

MAX_SQL_CHARACTERS = 400_000
"""Beyond this the query is refused: nested text comparisons double the SQL at each level."""


class Kind(Enum):
    """What the SQL of a value yields."""

    TEXT = "VARCHAR, as logged"
    MIXED = "VARCHAR, computed: printed as a number if it reads as one"
    NUMBER = "DOUBLE"
    WHOLE = "BIGINT, printed with every digit"
    BOOLEAN = "BOOLEAN, printed 1 or 0"
    INSTANT = "BIGINT, epoch milliseconds, printed as a timestamp"
    JSON = "JSON, a map, a list or one of their members; a map or list is missing as text or number"


class TooLong(Exception):
    """The SQL of one value grew beyond reason."""


@dataclass(frozen=True)
class Value:
    """SQL of one value; ``literal`` is its text when the query itself wrote it.

    ``logged`` is SQL of the text as it was logged, where ``sql`` may have lost some of it: a JSON
    number 1.50 is ``1.5`` in ``sql``, which is cheaper and the same number. ``tree`` is SQL of the
    JSON a field was read from, also where that is a map or list and the field therefore missing.
    ``finite`` is the column of the finite number that a text reads as, where there is one.
    """

    sql: str
    kind: Kind
    literal: str | None = None
    logged: str | None = None
    tree: str | None = None
    finite: str | None = None

    def __post_init__(self) -> None:
        if len(self.sql) > MAX_SQL_CHARACTERS:
            raise TooLong

    @property
    def is_text(self) -> bool:
        """Whether the SQL yields VARCHAR."""
        return self.kind in (Kind.TEXT, Kind.MIXED)


_COLUMN = re.compile(r"[a-z]+[0-9]+")
_SIMPLE = re.compile(r"[a-z]+[0-9]*|CAST\((NULL|'[^']*') AS [A-Z]+\)|'[^']*'|[0-9.]+")


def quoted(text: str) -> str:
    """Write a text as an SQL literal. The only function that does."""
    return "'" + text.replace("'", "''") + "'"


def text_literal(text: str) -> Value:
    """Return a string the query wrote."""
    return Value(quoted(text), Kind.TEXT, literal=text)


def number_literal(number: float, written: str | None = None) -> Value:
    """Return a number the query wrote; ``written`` keeps the digits a DOUBLE has no room for."""
    return Value(f"CAST({quoted(repr(number))} AS DOUBLE)", Kind.NUMBER, literal=written)


def boolean(sql: str) -> Value:
    """Return a condition."""
    return Value(sql, Kind.BOOLEAN)


def number(sql: str) -> Value:
    """Return a computed DOUBLE that is finite, or at least harmless until it is printed."""
    return Value(sql, Kind.NUMBER)


def whole(sql: str) -> Value:
    """Return a computed BIGINT."""
    return Value(sql, Kind.WHOLE)


def text(sql: str) -> Value:
    """Return a computed VARCHAR."""
    return Value(sql, Kind.TEXT)


MISSING = Value("CAST(NULL AS VARCHAR)", Kind.TEXT)
"""A field no event has."""


def finite(sql: str) -> str:
    """Return SQL of a DOUBLE that is missing where it is infinite or not a number.

    It names its argument twice, so it must not be put around every step of a computation.
    """
    return f"CASE WHEN isfinite({sql}) THEN {sql} END"


def once(sql: str) -> str:
    """Return SQL of the same value that DuckDB computes where it stands, and once a row.

    DuckDB moves a filter below the columns that it reads, and writes their SQL out wherever the
    filter names them; where columns are made of columns, that multiplies the work and the time to
    plan it. It does not do so with what may change from call to call, as this function by its word.
    """
    if _SIMPLE.fullmatch(sql):
        return sql
    return f"CASE WHEN current_connection_id() IS NOT NULL THEN {sql} END"


def within(value: Value, steps: Sequence[str | int]) -> Value:
    """Return what is reached in a map or list by keys and positions, counted from 0.

    It is missing where there is no such member, where the member is null, and where ``value`` is
    not of ``Kind.JSON``.
    """
    if value.kind is not Kind.JSON:
        return MISSING
    pointer = "".join("/" + str(s).replace("~", "~0").replace("/", "~1") for s in steps)
    found = f"json_extract({value.sql}, {quoted(pointer)})"
    return Value(f"CASE WHEN json_type({found}) <> 'NULL' THEN {found} END", Kind.JSON)


def scalar(value: Value) -> str:
    """Return SQL of a VARCHAR: a JSON member as text, booleans 1 and 0; a map or list is missing.

    It names its argument three times.
    """
    return (
        f"CASE json_type({value.sql}) WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL "
        f"WHEN 'BOOLEAN' THEN CASE CAST({value.sql} AS VARCHAR) WHEN 'true' THEN '1' ELSE '0' END "
        f"ELSE json_extract_string({value.sql}, '$') END"
    )


def flat(value: Value) -> Value:
    """Return a value itself, but a JSON member as the text it is, a map or list as missing."""
    return Value(scalar(value), Kind.TEXT) if value.kind is Kind.JSON else value


def as_number(value: Value) -> str:
    """Return SQL of a DOUBLE: the number a value is or reads as; missing otherwise.

    A text reads as a number when all of it does: ``12``, ``-1.5``, ``1.28E8``, also within spaces.
    """
    if value.kind is Kind.JSON:
        return as_number(flat(value))
    if value.kind is Kind.NUMBER:
        return value.sql
    if value.kind is Kind.BOOLEAN:
        return f"CAST(CAST({value.sql} AS INTEGER) AS DOUBLE)"
    if value.kind in (Kind.INSTANT, Kind.WHOLE):
        return f"CAST({value.sql} AS DOUBLE)"
    # DuckDB also reads 1_000, inf and nan as numbers; no number holds any of these characters.
    if _COLUMN.fullmatch(value.sql):
        # The same in cheaper parts. No number begins with a character beyond the digits.
        odd = " OR ".join(f"contains({value.sql}, '{char}')" for char in "_nN")
        return (
            f"CASE WHEN {value.sql} < ':' AND NOT ({odd}) THEN try_cast({value.sql} AS DOUBLE) END"
        )
    return f"try_cast(translate({value.sql}, '_nN', '???') AS DOUBLE)"


def finite_number(value: Value) -> str:
    """Return SQL of the finite number a value is or reads as, a column if there is one."""
    return value.finite or finite(as_number(value))


def as_text(value: Value) -> str:
    """Return SQL of a VARCHAR: ``12`` for the number 12.0, ``1`` and ``0`` for conditions.

    Every digit of a number is kept, so that the text reads as the same number.
    """
    if value.is_text:
        return value.logged or value.sql
    if value.kind is Kind.JSON:
        return scalar(value)
    if value.kind in (Kind.INSTANT, Kind.WHOLE):
        return f"CAST({value.sql} AS VARCHAR)"
    if value.kind is Kind.BOOLEAN:
        return f"CAST(CAST({value.sql} AS INTEGER) AS VARCHAR)"
    return f"regexp_replace(CAST({value.sql} AS VARCHAR), '\\.0$', '')"


def shown(value: Value, switches: Switches) -> str:
    """Return SQL of a VARCHAR: the text that ``like`` and functions of text take a value for.

    A computed number is the text that a result has of it; an instant is its epoch milliseconds. It
    names its argument twice and more often.
    """
    if value.kind in (Kind.NUMBER, Kind.MIXED) and switches.numbers_made_text == "as shown":
        return rounded(value, switches.decimals)
    return as_text(value)


def rounded(value: Value, decimals: int) -> str:
    """Return SQL of a number as text, without an exponent, a trailing zero or ``-0``.

    Text that reads as no number stays as it is.
    """
    fixed = f"printf('%.{decimals}f', {finite_number(value)})"
    if decimals:
        fixed = f"rtrim(rtrim({fixed}, '0'), '.')"
    fixed = f"regexp_replace({fixed}, '^-0$', '0')"
    if not value.is_text:
        return fixed
    # Nothing is rounded in an integer, and an id of many digits must not be.
    integer = f"regexp_full_match({value.sql}, '-?[1-9][0-9]*|0[0-9]*')"
    return f"CASE WHEN {integer} THEN {value.sql} ELSE coalesce({fixed}, {value.sql}) END"


def as_condition(value: Value) -> str:
    """Return SQL of a BOOLEAN: a number other than 0 holds; a text that is no number does not."""
    if value.kind is Kind.BOOLEAN:
        return value.sql
    holds = f"({as_number(value)} <> 0)"
    return f"coalesce({holds}, {value.sql} IS NULL AND NULL)" if value.is_text else holds


def as_instant(value: Value) -> str:
    """Return SQL of a BIGINT, epoch milliseconds; missing when it is no instant DuckDB can hold."""
    if value.kind is Kind.INSTANT:
        return value.sql
    cast = f"try_cast({as_number(value)} AS BIGINT)"
    return f"CASE WHEN abs({as_number(value)}) < 2e14 THEN {cast} END"


def compared(op: str, left: Value, right: Value, *, switches: Switches) -> str:
    """Return SQL of a BOOLEAN: two values as numbers if both read as finite numbers, else as text.

    Integers of more than 15 digits each are compared digit by digit, the longer the larger. It is
    missing where a side is; ``known`` settles what becomes of that.

    Parameters
    ----------
    op
        One of ``= != < <= > >=``.
    """
    left, right = flat(left), flat(right)
    sql_op = {"!=": "<>"}.get(op, op)
    if switches.numbers_in_text == "compare as text" and left.is_text and right.is_text:
        return f"({shown(left, switches)} {sql_op} {shown(right, switches)})"
    if left.kind is right.kind is Kind.WHOLE:
        return f"({left.sql} {sql_op} {right.sql})"
    left, right = _digits_kept(left, beside=right), _digits_kept(right, beside=left)
    # Only a number has lost some of its text in ``sql``, and a number is not compared as text.
    texts = [shown(_cheap(side), switches) for side in (left, right)]
    as_texts = f"({texts[0]} {sql_op} {texts[1]})"
    as_numbers = f"({as_number(left)} {sql_op} {as_number(right)})"
    if not left.is_text and not right.is_text:
        return as_numbers
    if _never_number(left) or _never_number(right):
        return as_texts
    both = " AND ".join(
        f"{as_number(side)} IS NOT NULL" for side in (left, right) if _maybe_number(side)
    )
    if not both:
        return as_numbers
    long = _long_digits(left, right)
    if long and op in ("=", "!="):
        return f"CASE WHEN {both} AND NOT ({long}) THEN {as_numbers} ELSE {as_texts} END"
    if long:
        pairs = " ".join(
            [f"(length({left.sql}), {left.sql})", sql_op, f"(length({right.sql}), {right.sql})"]
        )
        as_numbers = f"CASE WHEN {long} THEN {pairs} ELSE {as_numbers} END"
    return f"CASE WHEN {both} THEN {as_numbers} ELSE {as_texts} END"


LONG_DIGITS = "[0-9]{16,}"
"""An integer of more digits than a DOUBLE tells apart: an id, such as a sequence number."""


def _long_digits(left: Value, right: Value) -> str:
    """Return SQL of whether both sides are texts of many digits; empty when they cannot be."""
    if not (left.is_text and right.is_text):
        return ""
    terms = []
    for side in (left, right):
        if side.literal is None:
            terms.append(f"regexp_full_match({side.sql}, {quoted(LONG_DIGITS)})")
        elif not re.fullmatch(LONG_DIGITS, side.literal):
            return ""
    return " AND ".join(terms)


def _digits_kept(value: Value, *, beside: Value) -> Value:
    """Return a whole number beside text as the text of its digits, where a DOUBLE would round."""
    if not beside.is_text:
        return value
    if value.kind is Kind.WHOLE:
        return text(as_text(value))
    if value.kind is Kind.NUMBER and re.fullmatch(LONG_DIGITS, value.literal or ""):
        return text_literal(value.literal or "")
    return value


def _cheap(value: Value) -> Value:
    """Return a value without its text as logged, where only the number in it counts."""
    return replace(value, logged=None)


def known(sql: str, *, switches: Switches) -> Value:
    """Return a condition, having settled what a missing side makes of it."""
    if switches.missing_in_comparison == "false":
        return boolean(f"coalesce({sql}, false)")
    return boolean(f"({sql})")


def reads_as_number(text: str) -> bool:
    """Whether DuckDB would read a literal of the query as a finite number."""
    if "_" in text or not text.isascii():  # Python also reads the digits of other scripts
        return False
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _never_number(value: Value) -> bool:
    return value.literal is not None and not reads_as_number(value.literal)


def _maybe_number(value: Value) -> bool:
    return value.is_text and value.literal is None


def natural_order(value: Value) -> tuple[str, ...]:
    """Return SQL terms whose ascending order is the documented one of ``sort``.

    Values that are no numbers come first, their runs of digits ordered by length, then value, the
    rest by Unicode; then numbers by value.

    Source
    ------
    CWL_QuerySyntax-Sort, with its list of examples.
    """
    value = flat(value)
    if value.kind in (Kind.INSTANT, Kind.WHOLE):
        return (value.sql,)
    if not value.is_text:
        return (as_number(value),)
    digits = "x[1] BETWEEN '0' AND '9'"
    keyed = (
        f"CASE WHEN {digits} THEN '0' || lpad(CAST(length(x) AS VARCHAR), 7, '0') || x ELSE x END"
    )
    chunks = f"regexp_extract_all({value.sql}, '[0-9]+|[^0-9]+')"
    text_key = f"array_to_string(list_transform({chunks}, lambda x: {keyed}), '')"
    as_a_number = as_number(value)
    return (
        f"({as_a_number} IS NOT NULL)",
        f"coalesce({as_a_number}, 0)",
        f"CASE WHEN {as_a_number} IS NULL THEN {text_key} END",
        value.sql,
    )
