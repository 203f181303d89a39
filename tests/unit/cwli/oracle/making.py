"""Expressions drawn by hypothesis over the names that exist at a stage.

A kind is only a leaning: a field of kind ``number`` may be missing or text on some events.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from hypothesis import strategies as st

from cwli.oracle.events import LONG_IDS, NUMERIC_TEXTS, WORDS
from cwli.oracle.terms import (
    Aggregate,
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Like,
    Logical,
    Member,
    Name,
    Negative,
    Not,
    Number,
    Path,
    Pattern,
    Span,
    Text,
    Truth,
)

Ordering = Literal["=", "==", "!=", "<", "<=", ">", ">="]
Kind = Literal["number", "text", "bool", "time", "any"]

LOGGED: dict[str, Kind] = {
    "n": "number", "m": "number", "p": "number", "t": "number", "foo-bar": "number",
    "u.n": "number", "u.list.0.k": "number", "u.two words": "number", "a.c": "number",
    "@duration": "number", "@billedDuration": "number", "@memorySize": "number",
    "@maxMemoryUsed": "number", "@initDuration": "number",
    "s": "text", "w": "text", "id": "text", "u.id": "text", "e": "text", "@message": "text",
    "@type": "text", "@requestId": "text", "@logStream": "text", "@log": "text",
    "@@timestamp": "text",
    "ok": "bool", "@timestamp": "time", "@ingestionTime": "time",
    "x": "any", "a.b": "any", "nul": "any", "nothing": "any", "late": "any", "u": "any",
    "u.list": "any", "@xrayTraceId": "text",
}  # fmt: skip
NUMERIC_CALLS = [
    "abs", "ceil", "floor", "round", "round", "sqrt", "log", "greatest", "least", "toNumber",
    "toInt", "toLong", "toDouble", "strlen", "messageSize", "toMillis", "isNumeric",
]  # fmt: skip
IPS = [
    "10.1.2.3",
    "8.8.8.8",
    "192.168.1.256",
    "172.31.0.1",
    "172.32.0.1",
    "::1",
    "2001:db8::1",
    "1.2.3",
    "",
]
CODED: dict[str, list[tuple[str, ...]]] = {
    "md5": [("a",), ("ü",), ("",)],
    "sha256": [("a",), ("日本",)],
    "base64encode": [("a",), ("ü&é",), ("",)],
    "base64decode": [("w7w=",), ("YQ==",)],
    "urlencode": [("a=b&c/d?e+f",), ("ü%",), ("a-b_c.d",)],
    "urldecode": [("a%20b",), ("%C3%BC",), ("plain",)],
    "hexToAscii": [("48656c6c6f",), ("",)],
    "hexToDec": [("ff",), ("0xFF",), ("10",)],
    "isValidIp": [(ip,) for ip in IPS],
    "isValidIpV4": [(ip,) for ip in IPS],
    "isValidIpV6": [(ip,) for ip in IPS],
    "ipv4ToNumber": [(ip,) for ip in IPS],
    "isPrivateIP": [(ip,) for ip in IPS],
    "isIpInSubnet": [(ip, "10.0.0.0/8") for ip in IPS],
    "isIpv4InSubnet": [(ip, "172.16.0.0/12") for ip in IPS],
    "isIpv6InSubnet": [(ip, "2001:db8::/32") for ip in IPS],
    "regexReplace": [("a1b22", "[0-9]+", "#"), ("aXbX", "X$", ""), ("abc", "z", "y")],
    "parseDate": [
        ("2026-11-22 01:02:03", "yyyy-MM-dd HH:mm:ss"),
        ("22/11/2026", "dd/MM/yyyy", "Europe/Paris"),
        ("no date", "yyyy-MM-dd"),
    ],
}
COMMON = ("n", "m", "p", "t", "s", "w", "x", "u.n", "foo-bar")
COMPARISONS: list[Ordering] = ["=", "==", "!=", "<", "<=", ">", ">="]
NEAR = {
    "m": ["0", "1", "2", "3"], "w": ["a", "b", "c", "B"], "t": ["0", "3", "12", "4.50", "2"],
    "x": ["0", "1", "a", "12", "404", "200"], "n": ["0", "1", "200", "404"], "s": ["a", "x9", "ab"],
    "foo-bar": ["4", "5", "10"], "id": LONG_IDS, "@memorySize": ["512000000", "128000000"],
}  # fmt: skip
JSON_PATHS: list[tuple[str | int, ...]] = [
    ("k",), ("k", "q"), ("l", 0), ("l", 1), ("l", 9), ("b",), ("nul",), ("s",), ("none", "x"),
    (0,), (1,),
]  # fmt: skip
AGGREGATES = [
    "count", "count", "sum", "sum", "avg", "min", "max", "pct", "percentile", "median", "stddev",
    "variance", "count_distinct", "countDistinct", "earliest", "latest", "sortsFirst", "sortsLast",
    "expression", "expression", "rate", "count_over_time", "sumOverTime",
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


@dataclass
class Names:
    """The names a stage may use, and whether they are those of events."""

    kinds: dict[str, Kind]
    events: bool = True
    free: list[str] = field(default_factory=lambda: list(ALIASES))

    def of(self, *kinds: Kind) -> list[str]:
        found = [name for name, kind in self.kinds.items() if kind in kinds]
        return found + [name for name in found if name in COMMON or name not in LOGGED] * 4


@dataclass(frozen=True)
class Maker:
    """Draws expressions over some names; ``depth`` is how much deeper they may go."""

    draw: st.DrawFn
    names: Names
    depth: int = 2

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
        return Name(self.pick(found)) if found else Number("2.5")

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
        if self.draw(rarely) and "e" in self.names.kinds:
            return Path(Call("jsonParse", (Name("e"),)), self.pick(JSON_PATHS))
        kind = self.draw(st.integers(0, 10 if self.depth > 0 else 4))
        if kind <= 3:
            return self.name("text", "any")
        if kind == 10:
            return self.deeper.number()
        if kind == 4:
            return self.literal_text()
        make = self.deeper
        if kind == 5:
            return make.choice(make.text)
        if kind == 6:
            other = make.name("text", "any", "bool", "time")
            return Call("concat", (make.text(), self.literal_text(), other))
        return make.textual_call()

    def coded(self) -> Expression:
        name = self.pick([*CODED, "decToHex", "haversine", "formatDate", "strftime"])
        if name == "decToHex":
            return Call(name, (Number(self.pick(["0", "255", "4096"])),))
        if name == "haversine":
            return Call(name, tuple(Number(self.pick(["0", "45.5", "89", "12"])) for _ in range(4)))
        if name in ("formatDate", "strftime"):
            zone = (Text(self.pick(["Europe/Paris", "UTC", "Asia/Kolkata"])),)
            form = Text(self.pick(["%Y-%m-%d %H:%M:%S", "%d/%m/%y", "%H"]))
            at = Name("@timestamp") if self.names.events else Call("fromMillis", (Number("0"),))
            return Call(name, (at, form, *(zone if self.draw(st.booleans()) else ())))
        first, *rest = map(Text, self.pick(CODED[name]))
        if name in ("md5", "sha256", "base64encode") and self.draw(st.booleans()):
            return Call(name, (self.text(),))
        return Call(name, (first, *rest))

    def textual_call(self) -> Expression:
        if self.draw(seldom):
            return self.coded()
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
        compared = self.pick(COMPARISONS)
        make = self.deeper
        if kind == 0:
            return self.near()
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
            return Like(self.name("text", "any", "number", "time"), what, self.pick(ways))
        if kind == 7:
            return Call("ispresent", (self.name("number", "text", "any", "bool"),))
        if kind == 8:
            return self.yes_or_no()
        if kind == 12:
            return Not(make.condition())
        return Logical(make.condition(), self.pick(["and", "or"]), make.condition())

    def near(self) -> Expression:
        """Compare a field with a value it often has, or one beside it."""
        return self.nears()[self.draw(st.integers(0, len(COMPARISONS) - 1))]

    def nears(self) -> list[Expression]:
        """Compare a field in each way with a value it often has, or one beside it."""
        found = [name for name in NEAR if name in self.names.kinds]
        if not found:
            return [Comparison(self.number(), way, Number("2")) for way in COMPARISONS]
        name = self.pick(found)
        value = self.pick(NEAR[name])
        other = Number(value) if value.isdecimal() and self.draw(st.booleans()) else Text(value)
        return [Comparison(Name(name), way, other) for way in COMPARISONS]

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
        ways = ["flag", "strcontains", "startsWith", "endsWith", "isempty", "isblank", "listed"]
        name = self.pick(ways if "e" in self.names.kinds else ways[:-1])
        if name == "listed":
            parsed = Path(Call("jsonParse", (Name("e"),)), self.pick([("l",), ("k",), ("none",)]))
            return Call("jsonArrayContains", (parsed, Text(self.pick(["a", "b", "A", "q"]))))
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
        if name in ("earliest", "latest", "rate", "count_over_time") and not self.names.events:
            name = "max"
        if name == "rate":
            return Aggregate(name, shallow.number(), self.pick(["1s", "5m", "1h"]))
        if name == "count_over_time":
            return Aggregate(self.pick([name, "countOverTime"]), shallow.any_name())
        if name in ("count_distinct", "countDistinct", "earliest", "latest"):
            return Aggregate(name, shallow.any_name())
        if name in ("sortsFirst", "sortsLast"):
            return Aggregate(name, shallow.any_name())
        return Aggregate(name, shallow.number())

    def any_name(self) -> Expression:
        return self.name("number", "text", "any", "bool", "time")

    def any_expression(self) -> tuple[Expression, Kind]:
        kind = self.pick(["number", "text", "bool", "near", "name", "name", "time"])
        if kind == "number":
            return self.number(), "number"
        if kind == "text":
            return self.text(), "text"
        if kind == "bool":
            return self.condition(), "bool"
        if kind == "near":
            return self.near(), "bool"
        if kind == "time" and self.names.events:
            span = self.span()
            if self.draw(st.booleans()):
                way = self.pick(["bin", "datefloor", "dateceil"])
                span = replace(span, of=Name("@timestamp"), function=way)
            return span, "time"
        name = self.pick(list(self.names.kinds))
        return Name(name), self.names.kinds[name]
