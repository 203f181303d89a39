"""All notebooks swept on this machine's cores, against ``xargs -P papermill`` on the same.

Prints walls, processor time and their ratios; asserts nothing. Both run every committed notebook,
each in a process of its own, on the same sandbox (scenario ``slow``, pinned), in turn; ours also
writes a report, evidence and a manifest for each. Run it on an otherwise idle machine:
``make bench``.
"""

import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from opslib.sandbox import project

ROUNDS = 3
CORES = os.cpu_count() or 1
BIN = Path(sys.executable).parent
# As a patrol would: the server of the kernels imports while the runner does.
OURS = """\
import sys
from pathlib import Path
import opslib.cli
from opslib.kernel.server import serving
with serving(at_once=True):
    from opslib import headless
    outcomes = headless.sweep([Path(name) for name in sys.argv[1:]], files=["sandbox"])
for outcome in outcomes:
    if isinstance(outcome, Exception):
        raise outcome
    failed = [each["what"] for each in outcome.result["limits"] if each["reason"] == "unfinished"]
    if failed:
        sys.exit(f"{outcome.folder.name}: {failed[0]}")
"""


def _timed(command: list[str], *, text: str, folder: Path) -> tuple[float, float]:
    """Return wall and processor time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, input=text, capture_output=True, text=True, check=False
    )
    wall_s = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} failed:\n{done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with project.temporary("slow") as folder:
        os.environ["OPSLIB_HOME"] = str(folder)
        (folder / "out").mkdir()
        notebooks = sorted((folder / "notebooks").glob("*.ipynb"))
        names = [path.name for path in notebooks]
        ours = [sys.executable, "-c", OURS, *(f"notebooks/{name}" for name in names)]
        papermill = f"{BIN}/papermill notebooks/{{}} out/{{}} -f params/sandbox.yaml"
        theirs = ["xargs", f"-P{CORES}", "-I{}", *papermill.split(), "--no-progress-bar"]
        taken: dict[str, list[tuple[float, float]]] = {"opslib": [], "xargs papermill": []}
        for _ in range(ROUNDS):
            taken["opslib"].append(_timed(ours, text="", folder=folder))
            listed = "\n".join(names)
            taken["xargs papermill"].append(_timed(theirs, text=listed, folder=folder))
    print(f"{platform.machine()}, {CORES} cores, Python {platform.python_version()}")
    print(f"{len(names)} notebooks swept, {ROUNDS} rounds in turn")
    for name, seconds in taken.items():
        walls, cpus = zip(*seconds, strict=True)
        print(
            f"  {name:18} median {statistics.median(walls):.2f} s  min {min(walls):.2f} s  "
            f"processor {statistics.median(cpus):.2f} s"
        )
    for number, word in enumerate(("wall", "processor time")):
        medians = [statistics.median(run[number] for run in runs) for runs in taken.values()]
        print(f"  times faster, {word:15} {medians[1] / medians[0]:.2f}")


if __name__ == "__main__":
    main()
