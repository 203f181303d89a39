"""Whatever is done to a query, the answer is a plan or a refusal with a place."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from opslib import cwli
from opslib.cwli.plan import Query

FIXTURES = Path(__file__).parent / "fixtures"
EVENTS = [
    {"timestamp": 1_795_309_200_000, "message": '{"a":1,"b":"x","c":{"d":true}}'},
    {"timestamp": 1_795_309_201_000, "message": "REPORT RequestId: f1\tDuration: 3.10 ms\t"},
    {"timestamp": 1_795_309_202_000, "message": "user=ann, method:GET"},
]


def _queries() -> list[str]:
    """Return the query of every case in the fixtures."""
    found: list[str] = []
    for path in sorted(FIXTURES.glob("*.txt")):
        for block in path.read_text(encoding="utf-8").split("@case ")[1:]:
            lines = block.split("\n@rows")[0].split("\n@refused")[0].splitlines()[1:]
            found.append("\n".join(lines))
    return found


QUERIES = _queries()
PIECES = [
    *"|,()[]`'\"/*#\\.@-+%^!=<> \n", "and", "or", "not", "like", "in", "as", "by", "bin(5m)",
    "stats", "fields", "filter", "sort", "parse", "dedup", "limit", "count(*)", "5m", "1e5",
    "@timestamp", "é", "\x00", "\ud800", "(?<x>", "=~", "/x/i", "display",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(QUERIES))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 6))
        text = text[:at] + draw(st.sampled_from(["", *PIECES])) + text[at + cut :]
    return text


def parsed(text: str) -> Query | cwli.MalformedQuery:
    try:
        return cwli.parse(text)
    except cwli.MalformedQuery as error:
        return error


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_a_mutated_query_gives_a_plan_or_a_refusal(text: str) -> None:
    outcome = parsed(text)

    if isinstance(outcome, cwli.MalformedQuery):
        assert 0 <= outcome.position <= len(text)
    else:
        assert outcome.stages


@settings(max_examples=80, deadline=None)
@given(mutated())
def test_a_mutated_query_that_has_a_plan_runs(text: str) -> None:
    plan_or_refusal = parsed(text)
    rows = [] if isinstance(plan_or_refusal, cwli.MalformedQuery) else cwli.query(text, EVENTS)

    assert all(isinstance(value, str) for row in rows for value in row.values())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_at_all_gives_a_plan_or_a_refusal(text: str) -> None:
    outcome = parsed(f"filter {text}")

    assert isinstance(outcome, cwli.MalformedQuery) or outcome.stages
