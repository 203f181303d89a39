"""One notebook in one kernel: papermill beneath, and the truth about how far it came.

In: the notebook as read, its run folder, a `Stop`, deadlines in seconds. Out: why it did not come
to its end, if it did not, and the executed notebook. Must not know results or reports.

Sources
-------
papermill 2.7, measured: a killed kernel leaves cells that never ran marked ``completed``;
``sys.exit(0)`` in a cell ends a run without an error; its copies of the notebook, two a cell, were
nine tenths of the processor time that it took.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillException, PapermillExecutionError

from opslib import run_folder
from opslib.errors import OpsError
from opslib.kernel.manager import kernels
from opslib.kernel.watch import Watch
from opslib.stop import Stop
from opslib.system import project_root

_ENGINE = "opslib"
_SAVE_S = 2.0
# A run tells its news itself, in its own words.
for _name in ("papermill", "traitlets"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)

Progress = Callable[[int, int, str], None]
"""Told before each code cell: its number, how many there are, and the heading it stands under."""


@dataclass(kw_only=True)
class Execution:
    """One notebook in one kernel, with the place where it stands."""

    node: Any
    source: Path
    folder: Path
    shared: Path | None
    stop: Stop
    deadline_s: float
    cell_s: float
    monotonic: Callable[[], float] = time.monotonic
    _running: Any = field(default=None, init=False)
    _saved_at: float = field(default=0.0, init=False)
    _section: str = field(default="", init=False)
    _begun: int = field(default=0, init=False)
    _failure: str = field(default="", init=False)

    def run(self, values: Mapping[str, object], progress: Progress | None) -> str:
        """Run every cell; return why it did not come to its end, empty when it did."""
        with Watch(
            self.stop,
            deadline_s=self.deadline_s,
            cell_s=self.cell_s,
            monotonic=self.monotonic,
        ) as watch:
            try:
                failure = "" if self.stop.reason else self._execute(values, watch, progress)
            except PapermillExecutionError as error:
                failure = _cell_failed(error, self._where)
            except DeadKernelError:
                failure = f"The kernel died{self._where}: it was killed, or ran out of memory."
            except OpsError as error:
                failure = error.message
            except (PapermillException, RuntimeError) as error:
                failure = f"The kernel did not start, or was lost{self._where}: {_line(error)}"
            finally:
                _close_loop()
            reason = watch.reason or (self.stop.reason and f" {self.stop.reason}")
            if reason:
                failure = f"The run was stopped{reason}{self._where}."
        self._failure = failure
        return failure

    def executed(self) -> Any:
        """Return the notebook as far as it came."""
        node = self._running or self.node
        tag = "papermill-error-cell-tag"
        node.cells = [c for c in node.cells if tag not in c.metadata.get("tags", [])]
        told = node.metadata.setdefault("papermill", {})
        told |= {"input_path": self.source.name, "output_path": run_folder.NOTEBOOK}
        if self._failure:
            told |= {"exception": True, "reason": self._failure}
            code = [cell for cell in node.cells if cell.cell_type == "code" and cell.source.strip()]
            for cell in code[self._begun :]:
                cell.metadata.setdefault("papermill", {})["status"] = "not-run"
        return node

    @property
    def _where(self) -> str:
        return f" under “{self._section}”" if self._section else ""

    def _execute(
        self, values: Mapping[str, object], watch: Watch, progress: Progress | None
    ) -> str:
        total = sum(c.cell_type == "code" and bool(c.source.strip()) for c in self.node.cells)
        total += bool(values)
        sections: dict[str, str] = {}

        def begin(cell: Any, cell_index: int) -> None:
            watch.cell_begins()
            self._begun += 1
            self._section = sections.get(cell.get("id", ""), self._section)
            self._save()
            if progress:
                progress(self._begun, total, self._section)

        sections |= _sections(self.node)
        with kernels(self._environment(), watch) as manager:
            papermill.execute_notebook(
                self.node,
                # papermill would write the whole notebook twice a cell, and over the copy before.
                None,
                engine_name=_ENGINE,
                given=self._given,
                parameters=dict(values),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                # The watch keeps the time: it lets a cell put things down, and kills in the end.
                execution_timeout=None,
                shutdown_kernel="immediate",
                resources={"metadata": {"path": str(self.source.parent)}},
                kernel_manager_class=manager,
                on_cell_execute=begin,
                on_cell_executed=lambda **_: watch.cell_ended(),
            )
        return self._silent_end()

    def _environment(self) -> dict[str, str]:
        root = {"OPSLIB_HOME": str(project_root())} if "OPSLIB_HOME" not in os.environ else {}
        shared = {run_folder.SHARED: str(self.shared.resolve())} if self.shared else {}
        return {run_folder.VARIABLE: str(self.folder.resolve()), **shared, **root}

    def _given(self, node: Any) -> None:
        self._running = node
        self._saved_at = time.monotonic()

    def _save(self) -> None:
        """Keep what there is now and then, in case this process is killed."""
        now = time.monotonic()
        if now - self._saved_at > _SAVE_S:
            run_folder.write(self.folder / run_folder.NOTEBOOK, nbformat.writes(self._running))
            self._saved_at = now

    def _silent_end(self) -> str:
        if self._running.metadata.get("papermill", {}).get("exception"):
            return f"A cell ended the notebook early{self._where}."
        return ""


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's own, which also gives away the notebook that it fills: an error loses it."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, given: Callable[[Any], None], **options: Any
    ) -> Any:
        given(nb_man.nb)
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


papermill_engines.register(_ENGINE, _Engine)


def _close_loop() -> None:
    """Close the event loop that nbclient made for this thread, and leaves open."""
    if threading.current_thread() is not threading.main_thread():
        with suppress(RuntimeError):
            asyncio.get_event_loop().close()


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
