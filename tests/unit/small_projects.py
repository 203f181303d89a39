"""A project with one small notebook, and looks at the processes that run it."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat

#: For what must not hang, however busy the machine is.
MINUTE_S = 60
ROOT = Path(__file__).parents[2]
PARAMETERS = 'system: str | dict = "sandbox"  # which\nstart: str = "-3h"\n'
# What the kernel's half of a run does, in small.
CONCLUDE = """\
import json, os, pathlib
folder = pathlib.Path(os.environ["OPSLIB_RUN_DIR"])
(folder / "evidence").mkdir()
(folder / "evidence" / "01-a.csv").write_text("a\\n")
(folder / "result.json").write_text(json.dumps({
    "schema": 1, "system": "ZAEL-demo", "verdict": %r,
    "limits": [{"what": "Not concluded.", "operation": "", "reason": "unfinished"}],
    "window": {"start": "2026-10-14T00:07:00Z", "end": "2026-10-14T03:07:00Z"},
    "findings": [{"id": "duration.rising", "severity": "warning", "title": "It climbs"}],
    "queries": [{"name": "01-a", "text": "fields 1"}],
}))
"""


def project(folder: Path, cells: Sequence[str], *, parameters: str = "") -> Path:
    """Make a project with one notebook: a title, parameters, and code under `## Looking`."""
    (folder / "params").mkdir(parents=True, exist_ok=True)
    (folder / "notebooks").mkdir()
    text = (ROOT / "params" / "sandbox.yaml").read_text()
    (folder / "params" / "sandbox.yaml").write_text(text)
    tagged = nbformat.v4.new_code_cell(PARAMETERS + parameters)
    tagged.metadata["tags"] = ["parameters"]
    tagged["outputs"] = [nbformat.v4.new_output("stream", name="stdout", text="OLD OUTPUT")]
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# 20 · Invocations are slow"),
            tagged,
            nbformat.v4.new_markdown_cell("## Looking\n\nA question."),
            *(nbformat.v4.new_code_cell(source) for source in cells),
        ]
    )
    path = folder / "notebooks" / "20-duration.ipynb"
    nbformat.write(notebook, path)
    return path


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        # It ended, and was collected, since the line above.
        return False
    # A zombie of a container without an init to collect it is dead all the same.
    return told.rpartition(")")[2].split()[0] != "Z"


class Clock:
    """A monotonic clock that stands still until a file is there, and then is much later."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self) -> float:
        return 10_000.0 if self._file.exists() else 0.0


def wait_for(path: Path) -> str:
    """Wait until a file has something in it; on a busy machine a kernel takes its time."""
    ends = time.monotonic() + 2 * MINUTE_S
    while time.monotonic() < ends:
        if path.exists() and path.read_text():
            return path.read_text()
        time.sleep(0.05)
    raise TimeoutError(str(path))
