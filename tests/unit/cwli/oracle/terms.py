"""The expressions of a query as a tree of plain records, and their text as the engine reads it.

Must not know stages, nor how anything is evaluated.
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

KEYWORDS = ("by",)  # `sort by desc` could mean two things
PLAIN_PART = re.compile(r"[A-Za-z_@][A-Za-z0-9_@]*|[0-9]+")


@dataclass(frozen=True)
class Name:
    name: str


@dataclass(frozen=True)
class Text:
    text: str
    quote: str = '"'


@dataclass(frozen=True)
class Number:
    """A literal; ``written`` is a decimal without sign and exponent."""

    written: str


@dataclass(frozen=True)
class Truth:
    value: bool


@dataclass(frozen=True)
class Negative:
    of: "Expression"


@dataclass(frozen=True)
class Arithmetic:
    left: "Expression"
    operator: Literal["+", "-", "*", "/", "%", "^"]
    right: "Expression"


@dataclass(frozen=True)
class Comparison:
    left: "Expression"
    operator: Literal["=", "==", "!=", "<", "<=", ">", ">="]
    right: "Expression"


@dataclass(frozen=True)
class Member:
    left: "Expression"
    among: tuple["Expression", ...]
    negated: bool = False


@dataclass(frozen=True)
class Pattern:
    """A regular expression, as the query has it and as Python has it."""

    written: str
    python: str


@dataclass(frozen=True)
class Like:
    left: "Expression"
    what: Text | Pattern
    operator: Literal["like", "not like", "=~"] = "like"


@dataclass(frozen=True)
class Logical:
    left: "Expression"
    operator: Literal["and", "or"]
    right: "Expression"


@dataclass(frozen=True)
class Not:
    of: "Expression"


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple["Expression", ...] = ()


@dataclass(frozen=True)
class Span:
    """``bin(5m)``, or ``datefloor(f, 5m)`` and its kin when ``of`` is given."""

    amount: int
    unit: str
    of: "Expression | None" = None
    function: str = "bin"


@dataclass(frozen=True)
class Aggregate:
    """``of`` is None for ``count(*)``; ``detail`` is the percentage of ``pct``."""

    function: str
    of: "Expression | None" = None
    detail: str | None = None


@dataclass(frozen=True)
class Path:
    """What lies inside a map or list: ``jsonParse(e).k[0]``."""

    of: Call
    steps: tuple[str | int, ...]


Expression: TypeAlias = (
    Name
    | Path
    | Text
    | Number
    | Truth
    | Negative
    | Arithmetic
    | Comparison
    | Member
    | Like
    | Logical
    | Not
    | Call
    | Span
    | Aggregate
)


OR, AND, NOT, COMPARED, SUM, PRODUCT, POWER, SIGN, ATOM = range(9)
SUMS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT}


def field(name: str) -> str:
    """Return a field name as a query has it, in backticks where it must be."""
    if name in KEYWORDS:
        return f"`{name}`"
    parts = name.split(".")
    return ".".join(part if PLAIN_PART.fullmatch(part) else f"`{part}`" for part in parts)


def string(text: str, quote: str = '"') -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def write(expression: Expression, least: int = OR) -> str:
    """Return the text of an expression, in parentheses if it binds looser than ``least``."""
    level, text = _written(expression)
    return text if level >= least else f"({text})"


def _written(expression: Expression) -> tuple[int, str]:
    match expression:
        case Name(name):
            return ATOM, field(name)
        case Text(text, quote):
            return ATOM, string(text, quote)
        case Number(written):
            return ATOM, written
        case Truth(value):
            return ATOM, "true" if value else "false"
        case Call(function, arguments):
            return ATOM, f"{function}({', '.join(write(each) for each in arguments)})"
        case Path(of, steps):
            inner = "".join(f"[{s}]" if isinstance(s, int) else f".{field(s)}" for s in steps)
            return ATOM, write(of) + inner
        case Span(amount, unit, of, function):
            first = "" if of is None else write(of) + ", "
            return ATOM, f"{function}({first}{amount}{unit})"
        case Aggregate(function, of, detail):
            first = "*" if of is None else write(of)
            return ATOM, f"{function}({first}{'' if detail is None else ', ' + detail})"
        case _:
            return _operation(expression)


def _operation(expression: Expression) -> tuple[int, str]:
    match expression:
        case Negative(of):
            return SIGN, "-" + write(of, ATOM)
        case Arithmetic(left, "^", right):
            return POWER, f"{write(left, ATOM)} ^ {write(right, POWER)}"
        case Arithmetic(left, operator, right):
            level = SUMS[operator]
            return level, f"{write(left, level)} {operator} {write(right, level + 1)}"
        case Comparison(left, operator, right):
            return COMPARED, f"{write(left, SUM)} {operator} {write(right, SUM)}"
        case Member(left, among, negated):
            listed = ", ".join(write(each, SUM) for each in among)
            return COMPARED, f"{write(left, SUM)}{' not' if negated else ''} in [{listed}]"
        case Like(left, what, operator):
            return COMPARED, f"{write(left, SUM)} {operator} {sought(what)}"
        case Logical(left, operator, right):
            level = OR if operator == "or" else AND
            return level, f"{write(left, level)} {operator} {write(right, level + 1)}"
        case Not(of):
            return NOT, f"not {write(of, NOT)}"
        case _:
            raise TypeError(expression)


def sought(what: Text | Pattern) -> str:
    if isinstance(what, Text):
        return string(what.text, what.quote)
    return "/" + what.written.replace("/", "\\/") + "/"


def field_whole(name: str) -> str:
    """Return an alias as a query has it."""
    plain = all(PLAIN_PART.fullmatch(part) for part in name.split("."))
    return name if plain else f"`{name}`"
