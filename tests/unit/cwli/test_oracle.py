"""The engine against a second, plain implementation, on queries and events made at random.

``ORACLE_EXAMPLES=20000 pytest tests/unit/cwli/test_oracle.py`` tries so many, others each time;
without it a fixed set of examples is tried, the same each time.
"""

import os

from hypothesis import HealthCheck, assume, given, note, settings

from cwli.oracle.compare import disagreement
from cwli.oracle.interpreter import answer
from cwli.oracle.strategies import Case, cases, wide
from cwli.oracle.syntax import (
    text_of,
)
from cwli.oracle.values import Undetermined
from opslib import cwli

WANTED = int(os.environ.get("ORACLE_EXAMPLES", "0"))


def examples(fixed: int) -> settings:
    return settings(
        max_examples=WANTED or fixed,
        derandomize=not WANTED,
        database=None,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
        ],
    )


def complaint(case: Case) -> str | None:
    text = text_of(case.query)
    note(text)
    try:
        expected = answer(case.query, case.events, case.switches)
    except Undetermined:
        assume(False)

    rows = cwli.query(text, case.events, switches=case.switches)

    return disagreement(expected, rows, case.switches)


@examples(50)
@given(cases())
def test_the_engine_answers_as_the_plain_interpreter(case: Case) -> None:
    assert complaint(case) is None


@examples(25)
@given(wide())
def test_the_engine_computes_as_the_plain_interpreter(case: Case) -> None:
    assert complaint(case) is None
