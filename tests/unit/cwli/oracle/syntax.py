"""A query as a tree of plain records, and the text that means the same to the engine.

Must not know how anything is evaluated.
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


@dataclass(frozen=True)
class Column:
    expression: Expression
    alias: str | None = None

    @property
    def header(self) -> str:
        """The name of the column: its alias, its field, or its source text."""
        if self.alias is not None:
            return self.alias
        if isinstance(self.expression, Name):
            return self.expression.name
        return write(self.expression)


@dataclass(frozen=True)
class Fields:
    columns: tuple[Column, ...]
    command: Literal["fields", "display"] = "fields"


@dataclass(frozen=True)
class Filter:
    condition: Expression


@dataclass(frozen=True)
class Stats:
    values: tuple[Column, ...]
    keys: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Sort:
    keys: tuple[tuple[str, Literal["asc", "desc"] | None], ...]


@dataclass(frozen=True)
class Limit:
    count: int


@dataclass(frozen=True)
class Dedup:
    names: tuple[str, ...]


@dataclass(frozen=True)
class ParseGlob:
    source: str | None
    glob: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class ParsePattern:
    """``python`` holds its groups in the order of ``names``; ``named`` says who names them."""

    source: str | None
    pattern: Pattern
    names: tuple[str, ...]
    named: bool
    multi: bool = False


@dataclass(frozen=True)
class ParseText:
    """``csv`` gives its columns to ``names``; ``logfmt`` gives a map to the one name."""

    source: str
    kind: Literal["csv", "logfmt"]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Unnest:
    """One row a member of a list; ``alias`` is None for ``expand``."""

    source: str
    alias: str | None


@dataclass(frozen=True)
class Accum:
    source: str
    alias: str | None


@dataclass(frozen=True)
class Autoregress:
    source: str
    first: int
    last: int


@dataclass(frozen=True)
class FillDown:
    names: tuple[str, ...]


@dataclass(frozen=True)
class AddTotals:
    names: tuple[str, ...]
    total: str = "Total"


@dataclass(frozen=True)
class Sessionize:
    names: tuple[str, ...]
    gap_s: int | None
    alias: str = "session_id"


@dataclass(frozen=True)
class CountFrequent:
    names: tuple[str, ...]


Stage: TypeAlias = (
    Fields
    | Filter
    | Stats
    | Sort
    | Limit
    | Dedup
    | ParseGlob
    | ParsePattern
    | ParseText
    | Unnest
    | Accum
    | Autoregress
    | FillDown
    | AddTotals
    | Sessionize
    | CountFrequent
)
Query: TypeAlias = tuple[Stage, ...]

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


def text_of(query: Query) -> str:
    """Return the whole query as the engine reads it."""
    return " | ".join(_stage(stage) for stage in query)


def _column(column: Column) -> str:
    alias = "" if column.alias is None else f" as {field_whole(column.alias)}"
    return write(column.expression) + alias


def field_whole(name: str) -> str:
    """Return an alias as a query has it."""
    plain = all(PLAIN_PART.fullmatch(part) for part in name.split("."))
    return name if plain else f"`{name}`"


def _stage(stage: Stage) -> str:
    match stage:
        case Fields(columns, command):
            return f"{command} {', '.join(map(_column, columns))}"
        case Filter(condition):
            return f"filter {write(condition)}"
        case Stats(values, keys):
            by = f" by {', '.join(map(_column, keys))}" if keys else ""
            return f"stats {', '.join(map(_column, values))}{by}"
        case Sort(keys):
            listed = [field(name) + (f" {way}" if way else "") for name, way in keys]
            return f"sort {', '.join(listed)}"
        case Limit(count):
            return f"limit {count}"
        case Dedup(names):
            return f"dedup {', '.join(map(field, names))}"
        case ParseGlob(source, glob, names):
            of = "" if source is None else field(source) + " "
            return f"parse {of}{string(glob)} as {', '.join(map(field_whole, names))}"
        case ParsePattern(source, pattern, names, named):
            of = "" if source is None else field(source) + " "
            after = "" if named else f" as {', '.join(map(field_whole, names))}"
            return f"parse {of}{sought(pattern)}{after}{' multi' if stage.multi else ''}"
        case _:
            return _newer_stage(stage)


def _newer_stage(stage: Stage) -> str:
    match stage:
        case ParseText(source, kind, names):
            return f"parse {field(source)} {kind} as {', '.join(names)}"
        case Unnest(source, None):
            return f"expand {field(source)}"
        case Unnest(source, alias):
            return f"unnest {field(source)} into {alias}"
        case Accum(source, alias):
            return f"accum {field(source)}" + (f" as {alias}" if alias else "")
        case Autoregress(source, first, last):
            return f"autoregress {field(source)} p={first}" + (f"-{last}" if last > first else "")
        case FillDown(names):
            return f"filldown {' '.join(map(field, names))}"
        case AddTotals(names, total):
            named = "" if total == "Total" else f"fieldname={total} "
            return f"addtotals {named}{', '.join(map(field, names))}"
        case Sessionize(names, gap_s, alias):
            gap = "" if gap_s is None else f" maxspan {gap_s}s"
            named = "" if alias == "session_id" else f" as {alias}"
            return f"sessionize {', '.join(map(field, names))}{gap}{named}"
        case CountFrequent(names):
            return f"countFrequent {', '.join(map(field, names))}"
        case _:
            raise TypeError(stage)
