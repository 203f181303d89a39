"""A notebook run without a person: papermill beneath, a run folder with a report as the outcome.

In: a notebook, typed values (`parameters.collect`), a folder for runs, deadlines in seconds. Out:
a sealed run folder (`run_folder`) and an `Outcome` with the verdict. The kernel's half, which asks
AWS and writes ``result.json``, is `evidence` and `runbook`; this half starts the kernel, ends it
when it must, and completes the result. A run that fails, dies or is stopped still leaves its folder
and a report that says how far it came; its verdict is unknown, never green.

Must not know AWS or judge.

Sources
-------
papermill 2.7, measured: a killed kernel leaves cells that never ran marked ``completed``;
``sys.exit(0)`` in a cell ends a run without an error; output paths are format strings.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillException, PapermillExecutionError

import opslib
from opslib import report, run_folder
from opslib.errors import BadInput, OpsError
from opslib.kernel import Watch, kernels
from opslib.parameters import Parameter, declared
from opslib.system import System, load, load_params, project_root
from opslib.window import iso, wall_now

#: What a whole run may take, kernel start included.
DEADLINE_S = 600.0
#: What one cell may take. A Logs Insights query of an hour belongs in a person's hands.
CELL_S = 300.0
#: The longest deadline; a thread cannot wait for every number of seconds.
_LONGEST_S = 86_400.0
EXIT_CODES = {"healthy": 0, "warning": 1, "critical": 2, "unknown": 3}

_WORK = ".work"
_UNFINISHED = "unfinished"
_LISTS = ("findings", "plans", "queries", "metrics", "limits")

Progress = Callable[[int, int, str], None]
"""Told before each code cell: its number, how many there are, and the heading it stands under."""


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
        return EXIT_CODES[self.result["verdict"]]


def run(
    notebook: Path,
    values: Mapping[str, object],
    *,
    out: Path | None = None,
    deadline_s: float = DEADLINE_S,
    cell_s: float = CELL_S,
    now: Callable[[], datetime] = wall_now,
    progress: Progress | None = None,
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
    progress
        Told of each cell as it begins.

    Raises
    ------
    BadInput
        A deadline is out of its bounds, the notebook or the system cannot be read, or no run
        folder can be made. Nothing ran.
    OpsError
        The run folder could not be written to the end, as on a full disk.
    """
    _bounded("deadline", deadline_s)
    _bounded("deadline of a cell", cell_s)
    parameters = declared(notebook)
    values = dict(values)
    system = _system(values, parameters)
    node = _read(notebook)
    started_at = now()
    folder = run_folder.create(
        out or project_root() / "runs",
        started_at=started_at,
        notebook=notebook.stem,
        system=system.name if system else "",
    )
    execution = _Execution(
        node=node, source=notebook, folder=folder, deadline_s=deadline_s, cell_s=cell_s
    )
    try:
        _audit(folder, started_at, "run.started", notebook=notebook.stem, process=os.getpid())
        failure = execution.run(values, progress)
        executed = execution.executed()
        # Where the system's people read their clocks, for the report; result.json is UTC alone.
        executed.metadata["opslib"] = {"timezone": system.timezone if system else "UTC"}
        run_folder.write(folder / run_folder.NOTEBOOK, nbformat.writes(executed))
        result = _complete(_result_of(folder), failure, system=system, notebook=notebook.stem)
        result |= {"run_id": run_folder.run_id(folder), "started": iso(started_at)}
        ended_at = now()
        result["ended"] = iso(ended_at)
        run_folder.write_json(folder / run_folder.RESULT, result)
        run_folder.write(folder / run_folder.REPORT, report.render(folder))
        _audit(folder, ended_at, "run.ended", verdict=result["verdict"], failure=failure)
        return Outcome(run_folder.seal(folder), result)
    except OSError as error:
        raise OpsError(
            f"The run did not finish: {folder} could not be written: {error.strerror or error}. "
            "What is there is incomplete, and nothing in it counts as a verdict. Make room and run "
            "it again.",
            folder=str(folder),
        ) from error


@dataclass(kw_only=True)
class _Execution:
    """One notebook in one kernel, with the place where it stands."""

    node: Any
    source: Path
    folder: Path
    deadline_s: float
    cell_s: float
    _section: str = ""
    _begun: int = 0
    _failure: str = field(default="", init=False)

    @property
    def _file(self) -> Path:
        return self.folder / _WORK / run_folder.NOTEBOOK

    def run(self, values: Mapping[str, object], progress: Progress | None) -> str:
        """Run every cell; return why it did not come to its end, empty when it did."""
        self._file.parent.mkdir()
        with _quiet("papermill", "traitlets"), Watch(self.deadline_s) as watch:
            try:
                self._papermill(values, watch, progress)
                failure = self._silent_end()
            except PapermillExecutionError as error:
                failure = _cell_failed(error, self._where)
            except CellTimeoutError:
                failure = f"The run was stopped: a cell took longer than {self.cell_s:g} s"
                failure += f"{self._where}."
            except DeadKernelError:
                failure = f"The kernel died{self._where}: it was killed, or ran out of memory."
            except (PapermillException, RuntimeError) as error:
                failure = f"The kernel did not start, or was lost{self._where}: {_line(error)}"
            if watch.reason:
                failure = f"The run was stopped {watch.reason}{self._where}."
        self._failure = failure
        return failure

    def executed(self) -> Any:
        """Return the notebook as far as it came, and take the working copy away."""
        node = nbformat.read(self._file, as_version=4) if self._file.exists() else self.node
        tag = "papermill-error-cell-tag"
        node.cells = [c for c in node.cells if tag not in c.metadata.get("tags", [])]
        told = node.metadata.setdefault("papermill", {})
        told |= {"input_path": self.source.name, "output_path": run_folder.NOTEBOOK}
        if self._failure:
            told |= {"exception": True, "reason": self._failure}
            code = [cell for cell in node.cells if cell.cell_type == "code" and cell.source.strip()]
            for cell in code[self._begun :]:
                cell.metadata.setdefault("papermill", {})["status"] = "not-run"
        self._file.unlink(missing_ok=True)
        self._file.parent.rmdir()
        return node

    @property
    def _where(self) -> str:
        return f" under “{self._section}”" if self._section else ""

    def _papermill(
        self, values: Mapping[str, object], watch: Watch, progress: Progress | None
    ) -> None:
        total = sum(c.cell_type == "code" and bool(c.source.strip()) for c in self.node.cells)
        total += bool(values)
        sections: dict[str, str] = {}

        def begin(cell: Any, cell_index: int) -> None:
            self._begun += 1
            self._section = sections.get(cell.get("id", ""), self._section)
            if progress:
                progress(self._begun, total, self._section)

        sections |= _sections(self.node)
        papermill.execute_notebook(
            self.node,
            str(self._file).replace("{", "{{").replace("}", "}}"),
            parameters=dict(values),
            kernel_name="python3",
            language="python",
            progress_bar=False,
            execution_timeout=self.cell_s,
            shutdown_kernel="immediate",
            resources={"metadata": {"path": str(self.source.parent)}},
            kernel_manager_class=kernels(self._environment(), watch),
            on_cell_execute=begin,
        )

    def _environment(self) -> dict[str, str]:
        root = {"OPSLIB_HOME": str(project_root())} if "OPSLIB_HOME" not in os.environ else {}
        return {run_folder.VARIABLE: str(self.folder.resolve()), **root}

    def _silent_end(self) -> str:
        node = nbformat.read(self._file, as_version=4)
        if node.metadata.get("papermill", {}).get("exception"):
            return f"A cell ended the notebook early{self._where}."
        return ""


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Keep loggers still whose news the run tells itself, in its own words."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _bounded(name: str, given_s: float) -> None:
    # What is not a number fails this too: nan compares false with everything.
    if not 0 < given_s <= _LONGEST_S:
        raise BadInput(
            f"Nothing ran: the {name} is {given_s:g} s. Give a number of seconds above 0 and at "
            f"most {_LONGEST_S:.0f}.",
            seconds=given_s,
        )


def _read(notebook: Path) -> Any:
    try:
        return nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise OpsError(
            f"{notebook}: this is not a notebook: {_line(error)} Nothing ran."
        ) from error


def _system(values: dict[str, object], parameters: list[Parameter]) -> System | None:
    """Return the system of the run, so that a wrong one is refused before a kernel starts.

    A path becomes the mapping in that file: the kernel works in another folder, and the executed
    notebook then says by itself which system it looked at.
    """
    default = next((p.default for p in parameters if p.name == "system"), None)
    given = values.get("system", default)
    if not isinstance(given, str | Mapping):
        return None
    system = load(given)
    if isinstance(given, str) and ("/" in given or given.endswith((".yaml", ".yml"))):
        values["system"] = load_params(given)["system"]
    return system


def _sections(node: Any) -> dict[str, str]:
    """Return, by id of the code cell, the heading it stands under."""
    heading, found = "", {}
    for cell in node.cells:
        if cell.cell_type == "markdown":
            lines = [line for line in cell.source.splitlines() if line.startswith("#")]
            heading = lines[-1].lstrip("#").strip() if lines else heading
        elif cell.get("id"):
            found[cell["id"]] = heading
    return found


def _cell_failed(error: PapermillExecutionError, where: str) -> str:
    trace = "\n".join(error.traceback or [])
    if error.evalue and trace.strip() == error.evalue.strip():
        # An OpsError shows its message instead of a traceback, and the message is the whole story.
        return str(error.evalue)
    said = f"{error.ename}: {_line(error.evalue)}" if error.evalue else str(error.ename)
    return f"A cell failed{where}: {said}"


def _line(error: object) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def _result_of(folder: Path) -> dict[str, Any]:
    """Return what the kernel wrote; empty when it wrote nothing that can be used."""
    try:
        found = json.loads((folder / run_folder.RESULT).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(found, dict) or found.get("schema") != run_folder.SCHEMA:
        return {}
    whole = found.get("verdict") in EXIT_CODES
    whole = whole and all(isinstance(found.get(name, []), list) for name in _LISTS)
    return found if whole else {}


def _complete(
    found: dict[str, Any], failure: str, *, system: System | None, notebook: str
) -> dict[str, Any]:
    limits = list(found.get("limits", []))
    if not found and not failure:
        failure = "The notebook ended without a result, so nothing was judged."
    if failure:
        # The kernel could only say that it had not concluded yet; now the reason is known.
        limits = [limit for limit in limits if limit.get("reason") != _UNFINISHED]
        limits.insert(0, {"what": failure, "operation": "", "reason": _UNFINISHED})
    return {
        "schema": run_folder.SCHEMA,
        "run_id": "",
        "notebook": notebook,
        "system": found.get("system") or (system.name if system else ""),
        "window": {"start": None, "end": None, **(found.get("window") or {})},
        "verdict": "unknown" if failure else found.get("verdict", "unknown"),
        "findings": found.get("findings", []),
        "plans": found.get("plans", []),
        "queries": found.get("queries", []),
        "metrics": found.get("metrics", []),
        "identity": {"account": None, "arn": None, "region": None, **(found.get("identity") or {})},
        "limits": limits,
        "started": "",
        "ended": "",
        "opslib": opslib.__version__,
    }


def _audit(folder: Path, at: datetime, event: str, **facts: object) -> None:
    run_folder.audit(folder, at=iso(at), event=event, opslib=opslib.__version__, **facts)
