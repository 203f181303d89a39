"""The engine against a second, plain implementation, on queries and events made at random.

``ORACLE_EXAMPLES=20000 pytest tests/unit/cwli/test_oracle.py`` tries so many, each time others; without it a
fixed set of examples is tried, the same each time.
"""

import os
from typing import Any

from hypothesis import HealthCheck, Phase, assume, given, note, settings
from hypothesis import strategies as st

from cwli.oracle.compare import disagreement
from cwli.oracle.events import events
from cwli.oracle.interpreter import answer
from cwli.oracle.strategies import queries
from cwli.oracle.syntax import Query, text_of
from cwli.oracle.values import Undetermined
from opslib import cwli
from opslib.cwli.switches import DEFAULT

WANTED = int(os.environ.get("ORACLE_EXAMPLES", "0"))
EXAMPLES = settings(
    max_examples=WANTED or 120,
    derandomize=not WANTED,
    database=None,
    deadline=None,
    print_blob=False,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)


@EXAMPLES
@given(queries(), events)
def test_the_engine_answers_as_the_plain_interpreter(
    query: Query, logged: list[dict[str, Any]]
) -> None:
    text = text_of(query)
    note(text)
    try:
        expected = answer(query, logged)
    except Undetermined:
        assume(False)

    rows = cwli.query(text, logged)

    assert disagreement(expected, rows, DEFAULT) is None
