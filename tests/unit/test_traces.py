"""Traces grouped by the place in the function's own code that raises."""

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from opslib.health import Finding, Verdict, traces

PYTHON = (
    "[ERROR] KeyError: 'user-17'\nTraceback (most recent call last):\n"
    '\u00a0\u00a0File "/var/task/app/main.py", line 12, in handler\n\u00a0\u00a0\u00a0\u00a0go()\n'
    '\u00a0\u00a0File "/var/task/app/work.py", line 40, in go\n'
    '\u00a0\u00a0File "/var/task/botocore/client.py", line 606, in _api_call\n'
    '\u00a0\u00a0File "/var/lang/lib/python3.12/site-packages/boto3/x.py", line 1, in y\n'
)
ESCAPED = (
    '{"level": "WARNING", "message": "no", "exception": "Traceback (most recent call last):\\n'
    '  File \\"/var/task/app/work.py\\", line 41, in <lambda>\\n    x()\\n'
    'botocore.exceptions.ClientError: An error occurred"}'
)
LISTED = (
    '{"errorType":"ValueError","errorMessage":"bad","stackTrace":["  File '
    '\\"/var/task/app/work.py\\", line 7, in go\\n    raise\\n"]}'
)
NODE = (
    "2026-10-14T02:17:16Z\tid\tERROR\tInvoke Error\t"
    '{"errorType":"TypeError","stack":["TypeError: x","    at go (/var/task/app.js:5:9)",'
    '"    at Runtime.handler (/var/task/app.js:20:3)","    at f (/var/runtime/index.mjs:1:1)"]}'
)


@pytest.mark.parametrize(
    ("trace", "root", "where"),
    [
        (PYTHON, "app", "app/work.py:40 in go"),
        (PYTHON, "", "botocore/client.py:606 in _api_call"),
        (PYTHON, "ap", "botocore/client.py:606 in _api_call"),
        (ESCAPED, "app", "app/work.py:41 in <lambda>"),
        (LISTED, "app", "app/work.py:7 in go"),
        (NODE, "app", "app.js:5 in go"),
        ('File "/usr/lib/json.py", line 3, in loads', "app", "/usr/lib/json.py:3 in loads"),
        ("[ERROR] KeyError: no trace", "app", ""),
    ],
)
def test_the_innermost_frame_of_the_functions_own_code_is_found(
    trace: str, root: str, where: str
) -> None:
    assert traces.innermost(trace, root=root) == where


@pytest.mark.parametrize(
    ("handler", "root"),
    [
        ("zae_limiter_aggregator.handler.handler", "zae_limiter_aggregator"),
        ("app.handler", "app"),
        ("src/index.handler", "src"),
        ("", ""),
        ("[x].y", ""),
    ],
)
def test_the_root_is_the_handlers_top_level_module(handler: str, root: str) -> None:
    assert traces.own_root(handler) == root


def _lines(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Make rows of (error type, what was said, the trace), one line each."""
    texts = {
        "version": ["$LATEST"] * len(rows),
        "shape": [""] * len(rows),
        "status": [""] * len(rows),
        "level": [""] * len(rows),
        "error_type": [error_type for error_type, _, _ in rows],
        "said": [said for _, said, _ in rows],
        "trace": [trace for _, _, trace in rows],
    }
    at = pd.date_range("2026-10-14T02:27Z", periods=len(rows), freq="1min")
    lines = pd.Series([1] * len(rows), dtype="Int64")
    frame = pd.DataFrame({**texts, "lines": lines, "first_at": at, "last_at": at})
    return frame.astype(dict.fromkeys(texts, "string"))


def test_traces_of_one_place_are_one_row_whatever_ids_they_name() -> None:
    other = PYTHON.replace("user-17", "user-4")

    found = traces.traces(
        _lines(("", PYTHON, PYTHON), ("", other, other), ("ValueError", "bad", LISTED)), root="app"
    )

    columns = ["kind", "exception", "where", "tells", "lines"]
    assert found[columns].to_numpy().tolist() == [
        ["code error", "KeyError", "app/work.py:40 in go", "uncaught", 2],
        ["code error", "ValueError", "app/work.py:7 in go", "uncaught", 1],
    ]
    assert found.loc[0, "message"] == "KeyError: 'user-<n>'"


def test_a_caught_exception_is_named_by_the_last_line_of_its_traceback() -> None:
    found = traces.traces(_lines(("", "An error occurred", ESCAPED)), root="app")

    assert found[["exception", "tells"]].to_numpy().tolist() == [["ClientError", "logged"]]


def test_without_a_trace_the_columns_stay() -> None:
    found = traces.traces(_lines(), root="app")

    assert "example" in found
    assert found.empty
    assert traces.example_of(found).to_dict("list") == {"trace": []}


def test_an_example_is_shown_a_line_a_row_and_bounded() -> None:
    found = traces.traces(_lines(("", "no", ESCAPED)), root="app")

    rows = traces.example_of(found, most=2)["trace"].tolist()

    assert len(rows) == 2
    assert rows[1] == '\u00a0\u00a0File "/var/task/app/work.py", line 41, in <lambda>'


def test_a_finding_says_where_most_of_its_traces_were_raised() -> None:
    caught = _lines(("", "no", ESCAPED), ("", PYTHON, PYTHON))
    found = traces.traces(caught, root="app")
    code = Finding(id="errors.code", severity=Verdict.CRITICAL, title="t", detail="d.", subject="f")

    said = traces.dated(
        [code, replace(code, id="errors.rate")], deployed_at=None, before=None, found=found
    )

    assert [each.detail for each in said] == ["d. Raised at app/work.py:40 in go.", "d."]


def test_a_finding_is_dated_against_the_deployment() -> None:
    deployed = datetime(2026, 10, 14, 2, 27, tzinfo=UTC)
    finding = Finding(
        id="errors.code",
        severity=Verdict.CRITICAL,
        title="t",
        detail="d.",
        subject="f",
        since=datetime(2026, 10, 14, 2, 27, 3, tzinfo=UTC),
    )

    (after,) = traces.dated([finding], deployed_at=deployed, before="1")
    (earlier,) = traces.dated([finding], deployed_at=deployed.replace(minute=40), before="1")
    (without,) = traces.dated([finding], deployed_at=None, before=None)

    assert after.detail == (
        "d. It began 3.0 s after the change of 2026-10-14 02:27 UTC. "
        "Version 1 holds other code, from before it."
    )
    assert earlier.detail == "d. It began before the change of 2026-10-14 02:40 UTC."
    assert without.detail == "d."
