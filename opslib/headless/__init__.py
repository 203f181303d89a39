"""A notebook run without a person: papermill beneath, a run folder with a report as the outcome.

In: a notebook, typed values (`parameters.collect`), a folder for runs, deadlines in seconds. Out:
a sealed run folder (`run_folder`) and an `Outcome` with the verdict. The kernel's half, which asks
AWS and writes ``result.json``, is `evidence` and `runbook`; this half starts the kernel, ends it
when it must, and completes the result. A run that fails, dies or is stopped still leaves its folder
and a report that says how far it came; its verdict is unknown, never green.

Must not know AWS or judge.
"""

from opslib.headless.execution import Progress
from opslib.headless.result import EXIT_CODES
from opslib.headless.single import (
    CELL_S,
    DEADLINE_S,
    SIDE_BY_SIDE,
    Outcome,
    lock_folder,
    run,
)
from opslib.headless.sweep import sweep

__all__ = [
    "CELL_S",
    "DEADLINE_S",
    "EXIT_CODES",
    "SIDE_BY_SIDE",
    "Outcome",
    "Progress",
    "lock_folder",
    "run",
    "sweep",
]
