"""Execute the committed notebooks again, each on its pinned sandbox: ``make record``.

In: the notebooks as they stand, all of them or those named. Out: the same files with fresh outputs,
byte for byte the same when nothing changed: no times, no machine, one kernelspec. A notebook that
fails is left as it was.

`SCENARIOS` says on which incident each notebook is recorded, and tested: one that it can see.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

from opslib.errors import BadInput, OpsError
from opslib.parameters import find_notebook
from opslib.sandbox import project
from opslib.system import project_root

#: The incident that each notebook shows, by the notebook's name.
SCENARIOS: Mapping[str, str] = {
    "00-triage": "slow",
    "10-error-rate": "code-error",
    "11-permission-denied": "permission-denied",
    "12-timeout": "timeouts",
    "13-code-error": "code-error",
    "20-duration": "slow",
    "30-dead-letters": "dead-letters",
    "40-cold-starts": "slow",
    "50-stream-lag": "stream-lag",
    "60-dynamodb-throttling": "table-throttled",
}
CELL_S = 120
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def scenario_of(notebook: str) -> str:
    """Return the scenario that a notebook is recorded on.

    Raises
    ------
    BadInput
        `SCENARIOS` does not say.
    """
    if notebook not in SCENARIOS:
        raise BadInput(
            f"Not recorded: on which scenario {notebook} is shown is not said. "
            "Add it to SCENARIOS in opslib/sandbox/notebooks.py.",
            notebook=notebook,
        )
    return SCENARIOS[notebook]


def by_scenario(notebooks: Iterable[Path]) -> dict[str, list[Path]]:
    """Sort notebooks by the sandbox they need, so that each is started once.

    Raises
    ------
    BadInput
        As `scenario_of`.
    """
    needed: dict[str, list[Path]] = {}
    for path in sorted(notebooks):
        needed.setdefault(scenario_of(path.stem), []).append(path)
    return needed


def record(path: Path) -> bool:
    """Execute one notebook where it stands and write it back.

    Returns
    -------
    Whether its bytes changed.

    Raises
    ------
    CellExecutionError
        A cell failed; the file was not written.
    """
    before = path.read_text(encoding="utf-8")
    notebook: Any = nbformat.reads(before, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_S,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        shutdown_kernel="immediate",
        # A kernel on plain TCP warns on stderr at every start.
        config=Config({"KernelManager": {"transport_encryption": "required"}}),
    )
    client.execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    after = f"{nbformat.writes(notebook, version=4).rstrip()}\n"
    if after != before:
        path.write_text(after, encoding="utf-8")
    return after != before


def main(named: Sequence[str] = ()) -> int:
    """Record notebooks and say which changed. Exit code 1 when one of them failed.

    Parameters
    ----------
    named
        Names, numbers or paths of notebooks; all of them when there is none.
    """
    code = 0
    try:
        every = (project_root() / "notebooks").glob("*.ipynb")
        needed = by_scenario([find_notebook(name) for name in named] or every)
    except OpsError as error:
        click.echo(error.message, err=True)
        return 1
    for scenario, paths in needed.items():
        with project.temporary(scenario) as folder:
            os.environ["OPSLIB_HOME"] = str(folder)
            for path in paths:
                try:
                    word = "changed" if record(path) else "unchanged"
                except CellExecutionError as error:
                    word, code = f"failed, and was left as it was:\n{error}", 1
                click.echo(f"{path.name} on {scenario}: {word}")
        del os.environ["OPSLIB_HOME"]
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
