"""Notebooks 10 to 13 as cron runs them where nothing failed, and where there is nothing to see.

What they say of an incident, `test_incidents` asks beside what triage says of it.
"""

import pytest

from opslib import headless
from opslib.parameters import collect, declared
from sandbox.projects import MakeProject

NOTEBOOKS = ("10-error-rate", "11-permission-denied", "12-timeout", "13-code-error")


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

    assert outcome.result["verdict"] == "unknown"
    assert outcome.exit_code == 3
    assert '"output_type": "error"' not in (outcome.folder / "notebook.ipynb").read_text()
