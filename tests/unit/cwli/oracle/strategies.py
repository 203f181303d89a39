"""Queries made of stages that know which names exist by then, and what kind they are.

A kind is only a leaning: a field of kind ``number`` may be missing or text on some events.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hypothesis import strategies as st

from cwli.oracle.events import LONG_IDS, NUMERIC_TEXTS, WORDS, events
from cwli.oracle.interpreter import answer
from cwli.oracle.syntax import (
    Aggregate,
    Arithmetic,
    Call,
    Column,
    Comparison,
    Dedup,
    Expression,
    Fields,
    Filter,
    Like,
    Limit,
    Logical,
    Member,
    Name,
    Negative,
    Not,
    Number,
    ParseGlob,
    ParsePattern,
    Pattern,
    Query,
    Sort,
    Span,
    Stage,
    Stats,
    Text,
    Truth,
)
from cwli.oracle.values import Undetermined
from opslib.cwli.switches import DEFAULT, Switches

Kind = Literal["number", "text", "bool", "time", "any"]

LOGGED: dict[str, Kind] = {
    "n": "number", "m": "number", "p": "number", "t": "number", "foo-bar": "number",
    "u.n": "number", "u.list.0.k": "number", "u.two words": "number", "a.c": "number",
    "@duration": "number", "@billedDuration": "number", "@memorySize": "number",
    "@maxMemoryUsed": "number", "@initDuration": "number",
    "s": "text", "w": "text", "id": "text", "u.id": "text", "e": "text", "@message": "text",
    "@type": "text", "@requestId": "text", "@logStream": "text", "@@timestamp": "text",
    "ok": "bool", "@timestamp": "time", "@ingestionTime": "time",
    "x": "any", "a.b": "any", "nul": "any", "nothing": "any", "late": "any", "u": "any",
    "u.list": "any", "@xrayTraceId": "text",
}  # fmt: skip
NUMERIC_CALLS = [
    "abs", "ceil", "floor", "round", "round", "sqrt", "log", "greatest", "least", "toNumber",
    "toInt", "toLong", "toDouble", "strlen", "messageSize", "toMillis", "isNumeric",
]  # fmt: skip
AGGREGATES = [
    "count", "count", "sum", "sum", "avg", "min", "max", "pct", "percentile", "median", "stddev",
    "variance", "count_distinct", "countDistinct", "earliest", "latest", "sortsFirst", "sortsLast",
    "expression", "expression",
]  # fmt: skip
seldom = st.sampled_from([False] * 4 + [True])
rarely = st.sampled_from([False] * 9 + [True])
ALIASES = ["k1", "k2", "total", "p99.9", "@x", "two words", "ключ", "n", "s", "count", "by"]
PATTERNS = [
    Pattern("ERROR", "ERROR"),
    Pattern("(?i)error", "(?i)error"),
    Pattern(r"^\w+$", r"^\w+\Z"),
    Pattern(r"\d\d", r"\d\d"),
    Pattern("a|b", "a|b"),
    Pattern("[^a-z]", "[^a-z]"),
    Pattern(r"^-?\d+$", r"^-?\d+\Z"),
    Pattern("s/1", "s/1"),
    Pattern(r"x_?\d{1,2}\b", r"x_?\d{1,2}\b"),
    Pattern("^$", r"^\Z"),
    Pattern(r"user=(?:ann|bob)", r"user=(?:ann|bob)"),
]
GLOBS = [
    ("user=*, method:*, latency := * ms", 3), ("user=*,", 1), ("user=*", 1), ("latency := *", 1),
    ("*: *", 2), ("[*] *", 2), ("*=*", 2), ('"n":*,', 1), ("Duration: * ms", 1),
    ("RequestId: * ", 1), ("*", 1), ("a*b", 1),
]  # fmt: skip
GROUPS = [
    (r"user=(?<{0}>\w*)", r"user=(\w*)", 1),
    (r"(?<{0}>\d+) ms(?<{1}>, retry)?", r"(\d+) ms(, retry)?", 2),
    (r"(?<{0}>[A-Z]+) RequestId: (?<{1}>\S+)", r"([A-Z]+) RequestId: (\S+)", 2),
    (r"^(?<{0}>.)(?<{1}>.*)", r"^(.)(.*)", 2),
    (r"code=(?<{0}>4\d\d)", r"code=(4\d\d)", 1),
]


@dataclass
class Names:
    """The names a stage may use, and whether they are those of events."""

    kinds: dict[str, Kind]
    events: bool = True
    free: list[str] = field(default_factory=lambda: list(ALIASES))

    def of(self, *kinds: Kind) -> list[str]:
        return [name for name, kind in self.kinds.items() if kind in kinds]


@dataclass(frozen=True)
class Maker:
    """Draws expressions over some names; ``depth`` is how much deeper they may go."""

    draw: st.DrawFn
    names: Names
    depth: int = 3

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    @property
    def deeper(self) -> "Maker":
        return replace(self, depth=self.depth - 1)

    def name(self, *kinds: Kind) -> Expression:
        """Draw a name of one of the kinds, at times of any kind, or a literal if there is none."""
        if self.draw(seldom):
            kinds = ("number", "text", "any", "bool")
        found = self.names.of(*kinds)
        return Name(self.pick(found)) if found else Number("2")

    def number(self) -> Expression:
        kind = self.draw(st.integers(0, 13 if self.depth > 0 else 4))
        if kind <= 2:
            return self.name("number", "number", "any")
        if kind <= 4:
            return Number(self.pick(["0", "1", "2", "3", "10", "0.5", "2.25", "404", "1000000"]))
        make = self.deeper
        if kind <= 8:
            return Arithmetic(make.number(), self.pick(list("+-*/%")), make.number())
        match kind:
            case 9:
                return Arithmetic(
                    make.number(), "^", Number(self.pick(["0", "1", "2", "3", "0.5"]))
                )
            case 10:
                return Negative(make.number())
            case 11:
                return make.numeric_call()
            case 12:
                return make.choice(make.number)
            case _:
                return make.condition()

    def numeric_call(self) -> Expression:
        name = self.pick(NUMERIC_CALLS)
        if name in ("strlen", "messageSize"):
            return Call(name, (self.text(),))
        if name == "toMillis":
            return Call(name, (Name("@timestamp"),)) if self.names.events else Number("5")
        if name in ("greatest", "least"):
            return Call(name, (self.number(), self.number(), self.number()))
        if name == "round" and self.draw(st.booleans()):
            return Call(name, (self.number(), Number(self.pick(["0", "1", "2"]))))
        return Call(name, (self.number(),))

    def choice(self, make: Any) -> Expression:
        name = self.pick(["if", "case", "case", "coalesce", "coalesce"])
        if name == "if":
            return Call(name, (self.condition(), make(), make()))
        if name == "coalesce":
            return Call(name, tuple(make() for _ in range(self.draw(st.integers(1, 3)))))
        default = (make(),) if self.draw(st.booleans()) else ()
        return Call(name, (self.condition(), make(), self.condition(), make(), *default))

    def literal_text(self) -> Text:
        return Text(self.pick([*WORDS, *NUMERIC_TEXTS, *LONG_IDS]), self.pick(['"', "'"]))

    def text(self) -> Expression:
        kind = self.draw(st.integers(0, 9 if self.depth > 0 else 4))
        if kind <= 3:
            return self.name("text", "any")
        if kind == 4:
            return self.literal_text()
        make = self.deeper
        if kind == 5:
            return make.choice(make.text)
        if kind == 6:
            return Call(
                "concat", (make.text(), self.literal_text(), make.name("text", "any", "bool"))
            )
        return make.textual_call()

    def textual_call(self) -> Expression:
        name = self.pick(
            [
                "toupper",
                "tolower",
                "trim",
                "ltrim",
                "rtrim",
                "substr",
                "substr",
                "replace",
                "replace",
            ]
        )
        if name.endswith("trim") and self.draw(st.booleans()):
            return Call(name, (self.text(), Text(self.pick(["a", "ab", " -", "1x", "ü"]))))
        if name == "substr":
            start = Number(self.pick(["0", "1", "2", "9"]))
            length = (Number(self.pick(["0", "1", "3"])),) if self.draw(st.booleans()) else ()
            return Call(name, (self.text(), start, *length))
        if name == "replace":
            old, new = (
                self.pick(["a", "=", "\\", ".", "ü", "1"]),
                self.pick(["", "-", "$1", "\\1", "aa"]),
            )
            return Call(name, (self.text(), Text(old), Text(new)))
        return Call(name, (self.text(),))

    def condition(self) -> Expression:
        kind = self.draw(st.integers(0, 12 if self.depth > 0 else 8))
        compared = self.pick(["=", "==", "!=", "<", "<=", ">", ">="])
        make = self.deeper
        if kind <= 2:
            return Comparison(make.number(), compared, make.number())
        if kind == 3:
            return Comparison(make.text(), compared, make.text())
        if kind == 4:
            return Comparison(make.name("any", "number"), compared, self.literal_text())
        if kind == 5:
            return self.membership()
        if kind == 6:
            what = self.literal_text() if self.draw(st.booleans()) else self.pick(PATTERNS)
            ways = ["like", "not like"] + ["=~"] * (not isinstance(what, Text))
            return Like(self.name("text", "any", "number"), what, self.pick(ways))
        if kind == 7:
            return Call("ispresent", (self.name("number", "text", "any", "bool"),))
        if kind == 8:
            return self.yes_or_no()
        if kind == 12:
            return Not(make.condition())
        return Logical(make.condition(), self.pick(["and", "or"]), make.condition())

    def membership(self) -> Expression:
        among = [
            self.literal_text()
            if self.draw(st.booleans())
            else Number(self.pick(["0", "2", "200"]))
            for _ in range(self.draw(st.integers(1, 3)))
        ]
        return Member(self.name("any", "number", "text"), tuple(among), self.draw(st.booleans()))

    def yes_or_no(self) -> Expression:
        flags = self.names.of("bool")
        name = self.pick(["flag", "strcontains", "startsWith", "endsWith", "isempty", "isblank"])
        if name == "flag":
            return Name(self.pick(flags)) if flags else Truth(True)
        if name in ("isempty", "isblank"):
            return Call(name, (self.text(),))
        folded = (Truth(self.draw(st.booleans())),) if name == "strcontains" else ()
        return Call(name, (self.text(), self.literal_text(), *folded))

    def span(self) -> Span:
        amount = self.pick([1, 1, 2, 5, 30, 300, 1500])
        unit = self.pick(["ms", "s", "m", "h", "d", "w", "mo", "q", "y", "min", "hours", "sec"])
        if unit in ("d", "w", "mo", "q", "y"):
            amount = 1
        return Span(amount, unit)

    def aggregate(self) -> Expression:
        name = self.pick(AGGREGATES)
        if name == "expression" and self.depth > 0:
            inner = self.deeper
            return Arithmetic(inner.aggregate(), self.pick(list("+-*/")), inner.aggregate())
        shallow = replace(self, depth=1)
        if name in ("count", "expression"):
            return Aggregate("count", None if self.draw(st.booleans()) else shallow.any_name())
        if name in ("pct", "percentile"):
            return Aggregate(
                name, shallow.number(), self.pick(["0", "50", "90", "99", "99.9", "100"])
            )
        if name in ("earliest", "latest") and not self.names.events:
            name = "max"
        if name in ("count_distinct", "countDistinct", "earliest", "latest"):
            return Aggregate(name, shallow.any_name())
        if name in ("sortsFirst", "sortsLast"):
            return Aggregate(name, shallow.any_name())
        return Aggregate(name, shallow.number())

    def any_name(self) -> Expression:
        return self.name("number", "text", "any", "bool", "time")

    def any_expression(self) -> tuple[Expression, Kind]:
        kind = self.pick(["number", "text", "bool", "name", "name", "time"])
        if kind == "number":
            return self.number(), "number"
        if kind == "text":
            return self.text(), "text"
        if kind == "bool":
            return self.condition(), "bool"
        if kind == "time" and self.names.events:
            span = self.span()
            if self.draw(st.booleans()):
                way = self.pick(["bin", "datefloor", "dateceil"])
                span = replace(span, of=Name("@timestamp"), function=way)
            return span, "time"
        name = self.pick(list(self.names.kinds))
        return Name(name), self.names.kinds[name]


@st.composite
def columns(draw: st.DrawFn, names: Names, most: int) -> tuple[Column, ...]:
    """Draw columns of distinct headers; an alias may be used by the columns after it."""
    made: list[Column] = []
    for _ in range(draw(st.integers(1, most))):
        expression, kind = Maker(draw, names).any_expression()
        named = bool(names.free) and draw(st.booleans())
        alias = draw(st.sampled_from(names.free)) if named else None
        column = Column(expression, alias)
        if column.header in {each.header for each in made}:
            continue
        made.append(column)
        if alias is not None:
            names.free.remove(alias)
            names.kinds[alias] = kind
    return tuple(made)


@st.composite
def parses(draw: st.DrawFn, names: Names) -> Stage:
    source = draw(st.sampled_from([None, "@message", "@message", *names.of("text")]))
    fresh = [f"c{len(names.kinds)}_{index}" for index in range(3)]
    if draw(st.booleans()):
        glob, count = draw(st.sampled_from(GLOBS))
        stage: Stage = ParseGlob(source, glob, tuple(fresh[:count]))
    else:
        written, python, count = draw(st.sampled_from(GROUPS))
        named = draw(st.booleans())
        written = written.format(*fresh) if named else python
        stage = ParsePattern(source, Pattern(written, python), tuple(fresh[:count]), named)
    names.kinds |= dict.fromkeys(fresh[:count], "any")
    return stage


@st.composite
def sorts(draw: st.DrawFn, names: Names) -> Sort:
    keys = draw(st.lists(st.sampled_from(list(names.kinds)), min_size=1, max_size=3, unique=True))
    return Sort(tuple((key, draw(st.sampled_from(["asc", "desc", None]))) for key in keys))


@st.composite
def stats(draw: st.DrawFn, names: Names) -> Stats:
    make = Maker(draw, names, 2)
    taken: set[str] = set()
    keys, kinds = [], {}
    for index in range(draw(st.integers(0, 3))):
        expression, kind = make.any_expression()
        if kind == "time" and isinstance(expression, Span):
            expression = replace(expression, of=None, function="bin")
        column = Column(expression, f"key{index}" if draw(st.booleans()) else None)
        if column.header not in taken:
            taken.add(column.header)
            keys.append(column)
            if column.alias or isinstance(expression, Name):
                kinds[column.header] = kind
    values: list[Column] = []
    for index in range(draw(st.integers(1, 4))):
        column = Column(make.aggregate(), f"v{index}" if draw(st.booleans()) else None)
        earlier = [each.header for each in values if each.alias]
        if earlier and draw(st.integers(0, 3)) == 0:
            before = Name(draw(st.sampled_from(earlier)))
            column = Column(Arithmetic(before, "-", make.aggregate()), f"v{index}")
        if column.header not in taken:
            taken.add(column.header)
            values.append(column)
            if column.alias:
                kinds[column.header] = "number"
    if not values:
        values.append(Column(Aggregate("count")))
    names.kinds, names.events, names.free = kinds, False, list(ALIASES[:3])
    return Stats(tuple(values), tuple(keys))


@st.composite
def beginnings(draw: st.DrawFn, names: Names) -> list[Stage]:
    """Draw one to three stages on events, before any ``stats``."""
    stages: list[Stage] = []
    kinds = st.sampled_from(["fields", "fields", "filter", "parse"])
    for kind in draw(st.lists(kinds, min_size=1, max_size=3)):
        if kind == "fields":
            stages.append(Fields(draw(columns(names, 4))))
        elif kind == "filter":
            stages.append(Filter(Maker(draw, names).condition()))
        else:
            stages.append(draw(parses(names)))
    return stages


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Draw a query that the language allows."""
    names = Names(dict(LOGGED))
    stages = draw(beginnings(names))
    parsed = any(isinstance(stage, ParseGlob | ParsePattern) for stage in stages)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        stages += [draw(stats(names))] if names.kinds else []
    if not names.kinds:
        return tuple(stages)
    if draw(seldom):
        stages.append(Filter(Maker(draw, names, 2).condition()))
    # What parse adds to the columns of a query without display is not documented.
    if draw(st.booleans()) or (parsed and names.events):
        stages.append(Fields(draw(columns(names, 5)), "display"))
    if draw(st.booleans()):
        stages.append(draw(sorts(names)))
    if draw(seldom) and names.events:
        keys = [name for name in names.kinds if name not in ("u", "u.list")]
        chosen = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=2, unique=True))
        stages.append(Dedup(tuple(chosen)))
    if draw(seldom):
        stages.append(Limit(draw(st.integers(1, 6))))
    return tuple(stages)


TURNED: dict[str, list[Any]] = {
    "missing_in_comparison": ["false"],
    "numbers_in_text": ["compare as text"],
    "percentile": ["nearest rank"],
    "standard_deviation": ["sample"],
    "missing_group_key": ["dropped"],
    "stats_of_nothing": ["one row"],
    "stats_order": ["oldest bin first"],
    "sort_direction": ["desc"],
    "missing_sorts": ["first"],
    "star_in_glob": ["greedy"],
    "empty_capture": ["missing"],
    "remainder_sign": ["the divisor's"],
    "week_starts": ["thursday"],
    "timestamp_aggregates": ["formatted"],
    "decimals": [2, 6],
    "request_id_in_application_lines": ["only in START, END and REPORT"],
    "fields_after_stats": ["replace"],
    "missing_in_concat": ["missing"],
}


@st.composite
def settings(draw: st.DrawFn) -> Switches:
    """Draw switches: mostly the defaults, at times one of them turned."""
    if not draw(seldom):
        return DEFAULT
    name = draw(st.sampled_from(list(TURNED)))
    return replace(DEFAULT, **{name: draw(st.sampled_from(TURNED[name]))})


@dataclass(frozen=True)
class Case:
    query: Query
    events: list[dict[str, Any]]
    switches: Switches


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a query and events of which it keeps some, as an empty answer shows little."""
    logged = draw(events)
    query = draw(queries())
    switches = draw(settings())
    if draw(rarely):
        return Case(query, logged, switches)
    for index, stage in enumerate(query):
        if isinstance(stage, Filter):
            opened = (stage.condition, Not(stage.condition), _or_true(stage.condition))
            ways = [(*query[:index], Filter(each), *query[index + 1 :]) for each in opened]
            kept = (way for way in ways if _keeps(Case(way[: index + 1], logged, switches)))
            query = next(kept, query)
    return Case(query, logged, switches)


def _or_true(condition: Expression) -> Expression:
    return Logical(condition, "or", Comparison(Number("1"), "=", Number("1")))


def _keeps(case: Case) -> bool:
    try:
        return bool(answer(case.query, case.events, case.switches).ties)
    except Undetermined:
        return False
