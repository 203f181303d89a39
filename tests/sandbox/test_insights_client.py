"""opslib's own client of Logs Insights, before the sandbox over HTTP."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from opslib.insights import Answer, Insights, Question
from opslib.sandbox.api import Sandbox
from opslib.window import Window
from sandbox.log_groups import S, client, fill

WINDOW = Window(datetime.fromtimestamp(S, UTC), datetime.fromtimestamp(S, UTC) + timedelta(hours=1))
LINES = 3000


@pytest.fixture
def group(empty: Sandbox) -> str:
    """Give a log group of 3,000 lines: a third in one minute, the rest evenly over the hour."""
    even = [(place * 1800, json.dumps({"n": place})) for place in range(2000)]
    burst = [(1_200_000 + place * 60, json.dumps({"n": 2000 + place})) for place in range(1000)]
    return fill(empty, {"even": even, "burst": burst})


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_parts_of_a_window_are_the_whole_of_it(empty: Sandbox, group: str, order: str) -> None:
    text = f"fields @timestamp, @logStream, n | sort @timestamp {order}"
    columns = {"@timestamp": "time", "@logStream": "text", "n": "int"}
    logs = empty.client("logs")

    whole = Insights(logs).query("w", text, groups=[group], window=WINDOW, columns=columns)
    parts = Insights(logs, part_rows=400).query(
        "p", text, groups=[group], window=WINDOW, columns=columns
    )

    assert len(whole.rows) == LINES
    assert sorted(parts.rows["n"]) == list(range(LINES))
    assert parts.rows["@timestamp"].tolist() == whole.rows["@timestamp"].tolist()
    assert (whole.receipt.parts, whole.receipt.truncated) == (1, False)
    assert parts.receipt.parts > 8
    assert (parts.receipt.matched, parts.receipt.truncated) == (LINES, False)


def test_more_questions_than_the_account_has_places_are_all_answered(
    empty: Sandbox, group: str
) -> None:
    empty.set_query_quota(2)
    texts = [f"filter n < {10 * place} | stats count(*) as n" for place in range(1, 7)]
    questions = [Question(text, text, (group,), WINDOW, {"n": "int"}) for text in texts]

    try:
        answers = Insights(empty.client("logs")).query_all(questions)
    finally:
        empty.set_query_quota(None)

    counts = [answer.rows["n"].tolist() for answer in answers if isinstance(answer, Answer)]
    assert counts == [[10], [20], [30], [40], [50], [60]]


def test_questions_that_run_out_of_time_leave_no_query_running(empty: Sandbox, group: str) -> None:
    empty.set_fault("logs:QueryExecution", code="Running", latency_ms=60_000)
    questions = [
        Question(f"q{n}", "stats count(*) as n", (group,), WINDOW, {"n": "int"}) for n in (1, 2)
    ]

    answers = Insights(empty.client("logs")).query_all(questions, deadline_s=0.5)

    running = client(empty).describe_queries(logGroupName=group, status="Running")["queries"]
    cancelled = client(empty).describe_queries(logGroupName=group, status="Cancelled")["queries"]
    assert [type(answer).__name__ for answer in answers] == ["CouldNotLook", "CouldNotLook"]
    assert running == []
    assert len(cancelled) == 2
