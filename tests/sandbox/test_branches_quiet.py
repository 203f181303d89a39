"""Every notebook as cron runs it where nothing failed, and where there is nothing to see.

What they say of an incident, `test_incidents` and `test_runbooks` ask.
"""

import pytest

from opslib import aws, headless, streams
from opslib.parameters import collect, declared
from opslib.sandbox.api import Sandbox
from opslib.system import load
from sandbox.projects import CHECKOUT, MakeProject
from sandbox.streams import mapping, reader, table

TABLE, MAPPINGS = "dynamodb:DescribeTable", "lambda:ListEventSourceMappings"
NOTEBOOKS = sorted(path.stem for path in (CHECKOUT / "notebooks").glob("[0-9][0-9]-*.ipynb"))


def _run(project: MakeProject, scenario: str, notebook: str) -> headless.Outcome:
    path = project(scenario).root / "notebooks" / f"{notebook}.ipynb"
    return headless.run(path, collect(declared(path), notebook=notebook, files=["sandbox"]))


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_where_all_is_well_nothing_is_found_and_nothing_planned(
    notebook: str, sandbox_project: MakeProject
) -> None:
    outcome = _run(sandbox_project, "healthy", notebook)

    result = outcome.result
    assert (result["verdict"], result["findings"], outcome.exit_code) == ("healthy", [], 0)
    assert (result["limits"], result["plans"]) == ([], [])


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_where_there_is_nothing_to_see_nothing_is_called_healthy(
    notebook: str, sandbox_project: MakeProject
) -> None:
    outcome = _run(sandbox_project, "empty", notebook)

    result = outcome.result
    assert (result["verdict"], result["plans"], outcome.exit_code) == ("unknown", [], 3)
    assert '"output_type": "error"' not in (outcome.folder / "notebook.ipynb").read_text()


@pytest.mark.parametrize(
    ("notebook", "denied", "verdict"),
    [
        ("12-timeout", [TABLE, MAPPINGS], "healthy"),
        ("50-stream-lag", [MAPPINGS], "unknown"),
    ],
)
def test_what_only_the_timeline_or_a_plan_wants_is_noted_where_it_is_denied(
    notebook: str, denied: list[str], verdict: str, sandbox_project: MakeProject
) -> None:
    for operation in denied:
        sandbox_project("healthy").sandbox.set_fault(operation, code="AccessDenied")

    outcome = _run(sandbox_project, "healthy", notebook)

    limits = outcome.result["limits"]
    assert outcome.result["verdict"] == verdict
    assert {limit["reason"] == "note" for limit in limits} == {verdict == "healthy"}
    for operation in denied:
        assert any(f'"Action": "{operation}"' in limit["what"] for limit in limits)


def test_a_disabled_mapping_is_seen_though_it_has_no_metric(empty: Sandbox) -> None:
    source = table(empty, "orders")
    mapping(empty, reader(empty, "orders-reader"), source, Enabled=False)
    connection = aws.connect(load("sandbox"))

    seen = streams.mappings(connection, "orders-reader")
    read = streams.shards(connection, seen)

    row = seen.rows.iloc[0]
    assert (row["source"], row["kind"], row["state"]) == ("table orders", "dynamodb", "Disabled")
    assert read.rows[["source", "open", "kept_hours"]].to_dict("records") == [
        {"source": "table orders", "open": 1, "kept_hours": 24.0}
    ]
