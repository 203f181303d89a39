"""On which sandbox each committed notebook is recorded and tested."""

from pathlib import Path

import pytest

from opslib.errors import BadInput
from opslib.sandbox import notebooks, scenarios

COMMITTED = Path(__file__).parents[3] / "notebooks"


def test_every_committed_notebook_has_a_scenario_that_there_is() -> None:
    names = [path.stem for path in COMMITTED.glob("*.ipynb")]

    unknown = {notebooks.scenario_of(name) for name in names} - set(scenarios.names())

    assert unknown == set()


def test_a_notebook_without_a_scenario_is_refused_by_name() -> None:
    with pytest.raises(BadInput) as refused:
        notebooks.scenario_of("99-new")

    assert "99-new" in refused.value.message


def test_the_notebooks_of_a_scenario_come_together() -> None:
    paths = [Path("20-duration.ipynb"), Path("12-timeout.ipynb"), Path("00-triage.ipynb")]

    needed = notebooks.by_scenario(paths)

    assert needed == {
        "slow": [Path("00-triage.ipynb"), Path("20-duration.ipynb")],
        "timeouts": [Path("12-timeout.ipynb")],
    }
