"""Execute the committed notebooks again, on the pinned sandbox: ``make record``.

In: the notebooks as they stand. Out: the same files with fresh outputs, byte for byte the same
when nothing changed: no times, no machine, one kernelspec. A notebook that fails is left as it was.

Every notebook is recorded on scenario ``slow``, which has something to see in each of them.
"""

import os
import sys
from pathlib import Path
from typing import Any

import click
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

from opslib.sandbox import project
from opslib.system import project_root

SCENARIO = "slow"
CELL_S = 120
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


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


def main() -> int:
    """Record all notebooks and say which changed. Exit code 1 when one of them failed."""
    root = project_root()
    code = 0
    with project.temporary(SCENARIO) as folder:
        os.environ["OPSLIB_HOME"] = str(folder)
        for path in sorted((root / "notebooks").glob("*.ipynb")):
            try:
                word = "changed" if record(path) else "unchanged"
            except CellExecutionError as error:
                word, code = f"failed, and was left as it was:\n{error}", 1
            click.echo(f"{path.name}: {word}")
    return code


if __name__ == "__main__":
    sys.exit(main())
