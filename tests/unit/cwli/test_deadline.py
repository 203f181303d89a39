"""A query that runs away is stopped, and says so."""

import threading
import time

import pytest

from opslib import cwli
from opslib.errors import OpsError

LONG = [{"timestamp": 1_795_309_200_000, "message": "x" * 500}]
# 500 characters, each beside each beside each beside each: 62,500,000,000 rows, which take hours.
RUNAWAY = " | ".join(f"parse @message /(.)/ as {name} multi" for name in "abcd")
MINUTE_S = 60


def test_a_query_that_runs_away_is_stopped_at_its_deadline() -> None:
    began = time.monotonic()

    with pytest.raises(cwli.QueryStopped) as caught:
        cwli.query(f"{RUNAWAY} | stats count(*) as n by a, b", LONG, deadline_s=0.3)

    assert time.monotonic() - began < MINUTE_S
    assert isinstance(caught.value, OpsError)
    assert caught.value.deadline_s == 0.3
    assert caught.value.message.startswith("Query not finished: it was stopped after 0.3 s.")


def test_a_query_within_its_deadline_answers_and_leaves_no_thread() -> None:
    threads = {*threading.enumerate()}

    rows = cwli.query("parse @message /(.)/ as a multi | stats count(*) as n", LONG, deadline_s=60)

    assert rows == [{"n": "500"}]
    assert {*threading.enumerate()} <= threads


def test_the_deadline_of_one_query_does_not_touch_the_next() -> None:
    with pytest.raises(cwli.QueryStopped):
        cwli.query(f"{RUNAWAY} | stats count(*) as n", LONG, deadline_s=0.05)

    rows = cwli.query("stats count(*) as n", LONG)

    assert rows == [{"n": "1"}]


def test_long_hostile_messages_do_not_keep_a_query_from_its_deadline() -> None:
    message = '{"a":' * 70 + '"' + "y " * 45_000 + '"} }'
    lines = [{"timestamp": 1_795_309_200_000, "message": message}] * 1500
    began_s = time.process_time()

    with pytest.raises(cwli.QueryStopped):
        cwli.query("filter ispresent(a)", lines, deadline_s=0.2)

    # All of them would take twice that, of the processor's time: other work does not count.
    assert time.process_time() - began_s < 8


def test_long_messages_come_to_duckdb_few_at_a_time_and_short_ones_together() -> None:
    long = [{"timestamp": 0, "message": "x" * 100_000}] * 200
    short = [{"timestamp": 0, "message": "x" * 100}] * 3000

    tables = [cwli.held(lines).table for lines in (long, short)]

    assert [[b.num_rows for b in table.to_batches()] for table in tables] == [[79, 79, 42], [3000]]
