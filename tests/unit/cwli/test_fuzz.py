"""Whatever is done to a query, the answer is a plan or a refusal with a place.

``FUZZ_QUERIES=200000 pytest tests/unit/cwli/test_fuzz.py`` tries so many, other ones each time;
without it the same ten thousand are tried each time.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwli.oracle.events import event_of
from cwli.oracle.mutations import CORPUS, mutated, texts
from opslib import cwli
from opslib.cwli.plan import Query

WANTED = int(os.environ.get("FUZZ_QUERIES", "0"))
SEED = time.time_ns() if WANTED else 20_261_122
LONGEST_S = 2.0  # of processor time, for one query of at most 4,000 characters
EVENTS = [event_of(seed) for seed in range(6)]
FIXED = settings(max_examples=150, derandomize=True, database=None, deadline=None)


@contextmanager
def told(text: str) -> Iterator[None]:
    """Let whatever goes wrong inside say which query it was."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"seed {SEED}, query {text!r}")
        raise


def parsed(text: str) -> Query | cwli.MalformedQuery:
    try:
        return cwli.parse(text)
    except cwli.MalformedQuery as error:
        return error


def complaint(text: str, outcome: Query | cwli.MalformedQuery) -> str | None:
    """Return what is wrong with the outcome of a text, or None."""
    if isinstance(outcome, Query):
        return None if outcome.stages else "a plan without stages"
    position, end = outcome.position, outcome.end
    if not 0 <= position <= end <= len(text):
        return f"position {position} to {end} of {len(text)}"
    lines = text[:position].split("\n")
    if (outcome.line, outcome.column) != (len(lines), len(lines[-1]) + 1):
        return f"position {position} is not line {outcome.line}, column {outcome.column}"
    if outcome.found != text[position:end] or not outcome.reason:
        return f"found {outcome.found!r}, reason {outcome.reason!r}"
    return None


def ran(text: str) -> str | None:
    """Run a query that has a plan; return what is wrong with what comes of it, or None."""
    try:
        rows = cwli.query(text, EVENTS)
    except cwli.MalformedQuery as error:
        return complaint(text, error)
    values = [value for row in rows for value in row.values()]
    return None if all(isinstance(value, str) for value in values) else f"values {values}"


def test_ten_thousand_mutated_queries_each_give_a_plan_or_a_refusal_with_a_place() -> None:
    plans = 0
    for text in texts(SEED, WANTED or 10_000):
        began_s = time.process_time()
        with told(text):
            outcome = parsed(text)
        took_s = time.process_time() - began_s

        assert complaint(text, outcome) is None, (SEED, text)
        assert took_s < LONGEST_S, (SEED, text)
        plans += isinstance(outcome, Query)

    assert plans > (WANTED or 10_000) // 20


def test_mutated_queries_that_have_a_plan_run_or_are_refused() -> None:
    random = Random(SEED)  # noqa: S311 - a test's choices, not a secret
    candidates = (mutated(random) for _ in range(100_000))
    planned = (text for text in candidates if isinstance(parsed(text), Query))

    for text in islice(planned, 40):
        with told(text):
            assert ran(text) is None


@pytest.mark.parametrize("text", CORPUS)
def test_the_queries_that_are_mutated_have_a_plan(text: str) -> None:
    assert cwli.parse(text).stages


@FIXED
@given(st.text(max_size=60), st.sampled_from(["", "filter ", "stats count(*) by ", "parse a "]))
def test_any_text_at_all_gives_a_plan_or_a_refusal(text: str, command: str) -> None:
    outcome = parsed(command + text)

    assert complaint(command + text, outcome) is None
