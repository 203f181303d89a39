"""Stages drawn by hypothesis, each with the names that exist before it, which it changes."""

from dataclasses import replace

from hypothesis import strategies as st

from cwli.oracle.making import ALIASES, Maker, Names
from cwli.oracle.syntax import (
    Accum,
    AddTotals,
    Autoregress,
    Column,
    CountFrequent,
    Fields,
    FillDown,
    FillMissing,
    Filter,
    ParseGlob,
    ParseJson,
    ParsePattern,
    ParseText,
    Sessionize,
    Sort,
    Stage,
    Stats,
    Unnest,
)
from cwli.oracle.terms import (
    Aggregate,
    Arithmetic,
    Call,
    Name,
    Number,
    Path,
    Pattern,
    Span,
    Text,
)

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


@st.composite
def columns(draw: st.DrawFn, names: Names, fewest: int, most: int) -> tuple[Column, ...]:
    """Draw columns of distinct headers; an alias may be used by the columns after it."""
    made: list[Column] = []
    for _ in range(draw(st.integers(fewest, most))):
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
    for index in range(draw(st.integers(2, 6))):
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
    binned = any(isinstance(key.expression, Span) for key in keys)
    offset = draw(st.sampled_from([None, None, *OFFSETS])) if binned else None
    return Stats(tuple(values), tuple(keys), offset)


OFFSETS = [(1, "h"), (1, "d"), (90, "s"), (1, "ms")]


@st.composite
def series(draw: st.DrawFn, names: Names) -> list[Stage]:
    """Draw the counts of bins, and perhaps rows for the empty ones."""
    make = Maker(draw, names, 1)
    span = Span(draw(st.sampled_from([1, 5, 12])), draw(st.sampled_from(["h", "h", "d"])))
    if span.unit == "d":
        span = Span(1, draw(st.sampled_from(["d", "w", "mo", "q", "y"])))
    key = Column(span, draw(st.sampled_from(["at", None])))
    values = tuple(Column(make.aggregate(), f"v{index}") for index in range(3))
    stages: list[Stage] = [
        Stats(values, (key,), draw(st.sampled_from([None, *OFFSETS]))),
    ]
    if draw(st.sampled_from([True, True, False])):
        constants: list[Text | Number] = [Number("0"), Number("2.5"), Text("none")]
        constant = draw(st.sampled_from(constants))
        given = draw(st.sampled_from([(), ("v0",), ("v0", "v2")]))
        stages.append(FillMissing(tuple((constant, name) for name in given)))
    names.kinds = dict.fromkeys(("v0", "v1", "v2"), "number")
    names.kinds |= {"at": "time"} if key.alias else {}
    names.events, names.free = False, list(ALIASES[:3])
    return stages


@st.composite
def beginnings(draw: st.DrawFn, names: Names) -> list[Stage]:
    """Draw one to three stages on events, before any ``stats``."""
    stages: list[Stage] = []
    kinds = st.sampled_from(["fields", "fields", "filter", "parse"])
    for kind in draw(st.lists(kinds, min_size=1, max_size=3)):
        if kind == "fields":
            stages.append(Fields(draw(columns(names, 1, 5))))
        elif kind == "filter":
            stages.append(Filter(Maker(draw, names).condition()))
        else:
            stages.append(draw(parses(names)))
    return stages


NEWER = [
    "accum", "autoregress", "filldown", "addtotals", "unnest", "expand", "csv", "logfmt", "json",
    "map",
]  # fmt: skip
JSON_KEYS = [("k",), ("k", "q"), ("s",), ("b",), ("nul",), ("none", "x")]


@st.composite
def newer(draw: st.DrawFn, names: Names) -> list[Stage]:
    """Draw a command of 2026 on events."""
    numbers = [n for n in names.of("number") if "." not in n and "-" not in n]
    number = draw(st.sampled_from(numbers))
    fresh = f"d{len(names.kinds)}"
    match draw(st.sampled_from(NEWER)):
        case "accum":
            alias = draw(st.sampled_from([fresh, None]))
            names.kinds[alias or number] = "number"
            return [Accum(number, alias)]
        case "autoregress":
            first, last = draw(st.sampled_from([(1, 1), (1, 3), (2, 2), (2, 4)]))
            names.kinds |= {f"{number}_p{lag}": "any" for lag in range(first, last + 1)}
            return [Autoregress(number, first, last)]
        case "filldown":
            filled = draw(
                st.lists(st.sampled_from(["n", "s", "ok", "x", "w"]), min_size=1, unique=True)
            )
            return [FillDown(tuple(filled))]
        case "addtotals":
            names.kinds[fresh] = "number"
            return [AddTotals((number, *draw(st.sampled_from([(), ("x",), ("m", "t")]))), fresh)]
        case "unnest":
            names.kinds |= {fresh: "any", f"{fresh}.q": "any"}
            path = Path(Call("jsonParse", (Name("e"),)), ("l",))
            present = Filter(Call("ispresent", (path,)))
            parsed = Fields((Column(Call("jsonParse", (Name("e"),)), "tree"),))
            return [present, parsed, Unnest("tree.l", fresh)]
        case "expand":
            present = Filter(Call("ispresent", (Name("u.list.0.k"),)))
            return [present, Unnest("u.list", None)]
        case "json":
            names.kinds |= {fresh: "any"}
            source = draw(st.sampled_from(["e", "e", "@message"]))
            return [ParseJson(source, draw(st.sampled_from(JSON_KEYS)), fresh)]
        case "map":
            names.kinds |= {".".join([fresh, *keys]): "any" for keys in JSON_KEYS}
            return [Fields((Column(Call("jsonParse", (Name("e"),)), fresh),))]
        case "csv":
            row = Fields((Column(Text(draw(st.sampled_from(CSV))), "row"),))
            names.kinds |= {f"{fresh}a": "any", f"{fresh}b": "any"}
            return [row, ParseText("row", "csv", (f"{fresh}a", f"{fresh}b"))]
        case _:
            row = Fields((Column(Text(draw(st.sampled_from(LOGFMT))), "row"),))
            names.kinds |= {f"{fresh}.a": "any", f"{fresh}.b": "any"}
            return [row, ParseText("row", "logfmt", (fresh,))]


CSV = ["a,b", "1,,3", "only", '"x, y",2', '"say ""hi""",z', "ü, 2"]
LOGFMT = ["a=1 b=two", 'b="x y" a=3', "a=1", "c=9", "level=info a=-2.5 b=b"]


@st.composite
def tallies(draw: st.DrawFn, names: Names) -> list[Stage]:
    """Draw sessions or frequencies, which end with groups."""
    present = [Filter(Call("ispresent", (Name("w"),)))]
    names.kinds = {"w": "text", "_approxcount": "number"}
    names.events = False
    if draw(st.booleans()):
        return [*present, CountFrequent(("w",))]
    gap_s = draw(st.sampled_from([None, 1, 60, 3600]))
    names.kinds = {"v0": "number", "v1": "number", "v2": "number"}
    counted = Stats(
        (
            Column(Aggregate("count"), "v0"),
            Column(Aggregate("min", Name("@timestamp")), "v1"),
            Column(Aggregate("sum", Name("m")), "v2"),
        ),
        (Column(Name("session_id")),),
    )
    shown = Fields(tuple(Column(Name(name)) for name in names.kinds), "display")
    return [*present, Sessionize(("w",), gap_s), counted, shown]
