"""One headless runbook from command to report, against papermill and nbconvert.

Prints walls and their ratio; asserts nothing. Both run the same notebook, in a process of their
own, in turn, on the same sandbox (scenario ``slow``, pinned). Run it on an otherwise idle
machine: ``make bench``.
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from opslib.sandbox import project

ROUNDS = 5
NOTEBOOK = "20-duration"
BIN = Path(sys.executable).parent


def _wall_s(commands: list[list[str]], *, folder: Path) -> float:
    began = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        # 2 is a verdict (critical); anything above it, or a crash, is no measurement.
        if done.returncode > 2 or "Traceback" in done.stderr:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return time.perf_counter() - began


def main() -> None:
    with project.temporary("slow") as folder:
        os.environ["OPSLIB_HOME"] = str(folder)
        ours = [[str(BIN / "opslib"), "run", NOTEBOOK, "-f", "params/sandbox.yaml"]]
        theirs = [
            [
                str(BIN / "papermill"),
                f"notebooks/{NOTEBOOK}.ipynb",
                "out.ipynb",
                "-f",
                "params/sandbox.yaml",
            ],
            [str(BIN / "jupyter"), "nbconvert", "--to", "html", "out.ipynb"],
        ]
        walls: dict[str, list[float]] = {"opslib run": [], "papermill + nbconvert": []}
        for _ in range(ROUNDS):
            walls["opslib run"].append(_wall_s(ours, folder=folder))
            walls["papermill + nbconvert"].append(_wall_s(theirs, folder=folder))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{NOTEBOOK}, {ROUNDS} rounds in turn")
    for name, seconds in walls.items():
        print(f"  {name:24} median {statistics.median(seconds):.2f} s  min {min(seconds):.2f} s")
    ratio = statistics.median(walls["opslib run"]) / statistics.median(
        walls["papermill + nbconvert"]
    )
    print(f"  ratio of medians         {ratio:.2f}")


if __name__ == "__main__":
    main()
