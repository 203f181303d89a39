"""One run of one notebook, from values to a sealed run folder; see the package's text."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat

import opslib
from opslib import masking, report, run_folder
from opslib.errors import OpsError
from opslib.headless import checks, lock, result
from opslib.headless.execution import Execution, Progress
from opslib.parameters import check_deadline, declared
from opslib.stop import Stop, heeded
from opslib.system import System, project_root
from opslib.window import iso, wall_now

#: What a whole run may take, kernel start included.
DEADLINE_S = 600.0
#: What one cell may take. A Logs Insights query of an hour belongs in a person's hands.
CELL_S = 300.0
#: Notebooks side by side: two a core, since one that waits for AWS leaves its core to another.
SIDE_BY_SIDE = 2 * (os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind.

    Parameters
    ----------
    folder
        The run folder, sealed.
    result
        The content of its ``result.json``.
    """

    folder: Path
    result: Mapping[str, Any]

    @property
    def exit_code(self) -> int:
        """0 healthy, 1 warning, 2 critical, 3 unknown."""
        return result.EXIT_CODES[self.result["verdict"]]


def run(
    notebook: Path,
    values: Mapping[str, object],
    *,
    out: Path | None = None,
    deadline_s: float = DEADLINE_S,
    cell_s: float = CELL_S,
    now: Callable[[], datetime] = wall_now,
    monotonic: Callable[[], float] = time.monotonic,
    progress: Progress | None = None,
    stop: Stop | None = None,
    locks: lock.Together | None = None,
    shared: Path | None = None,
) -> Outcome:
    """Run a notebook to a sealed run folder with a report.

    Parameters
    ----------
    notebook
        The .ipynb file; it is read, never written.
    values
        Typed values of its parameters, checked already.
    out
        The folder of all runs; ``runs`` of the project when not given.
    deadline_s, cell_s
        What the whole run and one cell may take, in seconds; above 0, at most a day.
    now
        The clock for when the run started and ended.
    monotonic
        The clock that the deadlines are counted on.
    progress
        Told of each cell as it begins.
    stop
        Ends the run when it is asked for; signals of this process do when not given.
    locks
        Shared by runs that may meet; this run's own when not given.
    shared
        A folder for what its notebook and others may tell one another.

    Raises
    ------
    BadInput
        A deadline is out of its bounds, the notebook or the system cannot be read, a parameter is
        wrong at any time, or no run folder can be made. Nothing ran.
    OpsError
        The notebook is being run on this system already; or the run folder could not be written to
        the end, as on a full disk.
    """
    check_deadline("deadline", deadline_s)
    check_deadline("deadline of a cell", cell_s)
    parameters = declared(notebook)
    values = dict(values)
    system = checks.system(values, parameters)
    checks.subject(values, parameters, system)
    node = checks.read(notebook)
    out = out or project_root() / "runs"
    started_at = now()
    with (
        nullcontext(stop) if stop else heeded() as stop,
        (locks or lock.Together()).taken(
            lock_folder(out), notebook=notebook.stem, system=_identity(system), since=started_at
        ) as held,
    ):
        folder = run_folder.create(
            out,
            started_at=started_at,
            notebook=notebook.stem,
            system=system.name if system else "",
        )
        try:
            held.note(str(folder))
            execution = Execution(
                node=node,
                source=notebook,
                folder=folder,
                shared=shared,
                stop=stop,
                deadline_s=deadline_s,
                cell_s=cell_s,
                monotonic=monotonic,
            )
            _audit(folder, started_at, "run.started", notebook=notebook.stem, process=os.getpid())
            failure = execution.run(values, progress)
            return _sealed(
                folder, execution, failure, system=system, started_at=started_at, now=now
            )
        except OSError as error:
            raise OpsError(
                f"The run did not finish: {folder} could not be written: "
                f"{error.strerror or error}. What is there is incomplete, and nothing in it counts "
                "as a verdict. Make room and run it again.",
                folder=str(folder),
            ) from error


def lock_folder(out: Path) -> Path:
    """Return where locks are kept: with the project's runs, wherever a run folder goes.

    Where nobody may write there, as in an installed project, beside the run folders.
    """
    runs = project_root() / "runs"
    at_hand = runs if runs.exists() else runs.parent
    return (runs if os.access(at_hand, os.W_OK) else out) / ".locks"


def _sealed(
    folder: Path,
    execution: Execution,
    failure: str,
    *,
    system: System | None,
    started_at: datetime,
    now: Callable[[], datetime],
) -> Outcome:
    masks = masking.of(system)
    executed = masking.notebook(execution.executed(), masks)
    # Where the system's people read their clocks, for the report; result.json is UTC alone.
    executed.metadata["opslib"] = {"timezone": system.timezone if system else "UTC"}
    run_folder.write(folder / run_folder.NOTEBOOK, nbformat.writes(executed))
    found = result.of_kernel(folder)
    failure = masks.text(failure)
    whole = result.complete(found, failure, system=system, notebook=execution.source.stem)
    whole = masks.value(whole)
    whole |= {"run_id": run_folder.run_id(folder), "started": iso(started_at)}
    ended_at = now()
    whole["ended"] = iso(ended_at)
    run_folder.write_json(folder / run_folder.RESULT, whole)
    run_folder.write(folder / run_folder.REPORT, report.render(folder))
    _audit(folder, ended_at, "run.ended", verdict=whole["verdict"], failure=failure)
    return Outcome(run_folder.seal(folder), whole)


def _identity(system: System | None) -> str:
    """Return what tells a system from another: two files may use one name."""
    return f"{system.name} ({system.account}, {system.region})" if system else "no system"


def _audit(folder: Path, at: datetime, event: str, **facts: object) -> None:
    run_folder.audit(folder, at=iso(at), event=event, opslib=opslib.__version__, **facts)
