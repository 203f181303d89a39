"""Which notebooks run, with what, side by side.

In: values for 00-triage. Out: runs, why others were not made, and their `index`. The bounds: each
notebook once for each function, `DEEPEST` steps from 00-triage, `MOST` runs in all; what lies
beyond is said.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from opslib import headless
from opslib.errors import BadInput, OpsError
from opslib.headless import CELL_S, DEADLINE_S, lock
from opslib.parameters import check_deadline, declared, find_notebook
from opslib.stop import Stop, heeded
from opslib.system import System, load, project_root
from opslib.triage import index
from opslib.triage.index import Outcome, Step
from opslib.window import wall_now

FIRST = "00-triage"
DEEPEST = 4
MOST = 40
# How often the clock is looked at.
_LOOK_S = 0.5
# What a notebook may take to be told what to look at, and where a system lists such things.
_ABOUT = {"function": "functions", "queue": "queues", "stream": "streams", "table": "tables"}

Say = Callable[[str], None]
"""Told, for people, what is being done now."""


def follow(
    notebook: Path,
    values: Mapping[str, object],
    *,
    out: Path | None = None,
    deadline_s: float = DEADLINE_S,
    cell_s: float = CELL_S,
    jobs: int = headless.SIDE_BY_SIDE,
    now: Callable[[], datetime] = wall_now,
    monotonic: Callable[[], float] = time.monotonic,
    progress: Say | None = None,
    stop: Stop | None = None,
) -> Outcome:
    """Run 00-triage and what its findings point to, and write the index.

    Parameters
    ----------
    notebook
        00-triage's file.
    values
        Typed values of its parameters, checked already.
    out, cell_s, now, stop
        As for `headless.run`.
    deadline_s
        What all of it may take, in seconds.
    monotonic
        The clock that this deadline is counted on.
    jobs
        Notebooks side by side.
    progress
        Told what is being done.

    Raises
    ------
    BadInput, OpsError
        As `headless.run` for 00-triage; or the tree of this system is being followed already.
    """
    check_deadline("deadline", deadline_s)
    check_deadline("deadline of a cell", cell_s)
    out = out or project_root() / "runs"
    with nullcontext(stop) if stop else heeded() as stop:
        tree = _Tree(
            values=values,
            system=load(_system_of(values, notebook)),
            out=out,
            cell_s=cell_s,
            jobs=jobs,
            stop=stop,
            progress=progress or (lambda _: None),
            deadline_s=deadline_s,
            monotonic=monotonic,
        )
        started_at = now()
        name = f"{tree.system.name} ({tree.system.account}, {tree.system.region})"
        with (
            lock.taken(
                headless.lock_folder(out), notebook="triage-tree", system=name, since=started_at
            ),
            ExitStack() as held,
        ):
            # Answers of AWS as they came, for this user alone; gone once nobody asks any more.
            # Without a place for them each notebook asks for itself.
            with suppress(OSError):
                kept = tempfile.TemporaryDirectory(
                    prefix="opslib-triage-", ignore_cleanup_errors=True
                )
                tree.shared = Path(held.enter_context(kept))
            tree.run(notebook)
        return index.write(
            tree.steps,
            out=out,
            system=tree.system,
            window=tree.window,
            stopped=stop.reason,
            started_at=started_at,
            now=now,
        )


class _Tree:
    """The path as far as it was followed."""

    def __init__(
        self,
        *,
        values: Mapping[str, object],
        system: System,
        out: Path,
        deadline_s: float,
        cell_s: float,
        jobs: int,
        stop: Stop,
        progress: Say,
        monotonic: Callable[[], float],
    ) -> None:
        self.system = system
        self.steps: list[Step] = []
        self.window: Mapping[str, Any] = {"start": None, "end": None}
        self._stop = stop
        self._out = out
        self._values = values
        self._deadline_s = deadline_s
        self._monotonic = monotonic
        self._ends_at = monotonic() + deadline_s
        self._cell_s = cell_s
        self._jobs = jobs
        self._say = progress
        self._failed: OpsError | None = None
        # One notebook may look at several functions at once.
        self._locks = lock.Together()
        self._running: dict[Future[headless.Outcome], Step] = {}
        self.shared: Path | None = None

    def run(self, notebook: Path) -> None:
        """Run the first notebook, and after each what it points to, until nothing is left."""
        first = Step(notebook=notebook.stem)
        self.steps.append(first)
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="opslib-run") as pool:
            self._start(pool, first, notebook)
            while self._running:
                left_s = self._ends_at - self._monotonic()
                if left_s <= 0:
                    self._stop.request(f"when the deadline of {self._deadline_s:g} s passed")
                done, _ = wait(self._running, _LOOK_S, return_when=FIRST_COMPLETED)
                for future in done:
                    self._end(pool, self._running.pop(future), future)
        if first.outcome is None:
            raise self._failed or OpsError(first.why_not)

    def _start(self, pool: ThreadPoolExecutor, step: Step, path: Path) -> None:
        values = self._values_of(step, path)
        future = pool.submit(self._one, step, path, values)
        self._running[future] = step

    def _one(self, step: Step, path: Path, values: Mapping[str, object]) -> headless.Outcome:
        return headless.run(
            path,
            values,
            out=self._out,
            deadline_s=self._deadline_s,
            cell_s=self._cell_s,
            stop=self._stop,
            locks=self._locks,
            shared=self.shared,
            progress=lambda number, total, section: self._tell(step, number, total, section),
        )

    def _end(self, pool: ThreadPoolExecutor, step: Step, future: Future[headless.Outcome]) -> None:
        try:
            step.outcome = future.result()
        except OpsError as error:
            step.why_not, self._failed = error.message, error
            return
        if step.depth == 0:
            self.window = step.outcome.result["window"]
        for finding in step.outcome.result["findings"]:
            target = (finding.get("next") or {}).get("notebook")
            if target:
                self._point(pool, step, finding, target)

    def _point(
        self, pool: ThreadPoolExecutor, step: Step, finding: Mapping[str, Any], target: str
    ) -> None:
        """Go where a finding points, unless somebody was there already, or it is the beginning."""
        if target == FIRST:
            return
        came_from = {"notebook": step.notebook, "finding": finding["id"]}
        next_step = Step(notebook=target, depth=step.depth + 1)
        try:
            path = find_notebook(target)
            takes = {parameter.name for parameter in declared(path)}
        except BadInput:
            path, takes = None, set()
            next_step.why_not = f"There is no notebook {target} yet."
        next_step.about = self._about(str(finding.get("subject", "")), takes)
        known = next((s for s in self.steps if s.key == next_step.key), None)
        if known is None:
            self.steps.append(next_step)
            next_step.why_not = next_step.why_not or self._barred(next_step)
            if path is not None and not next_step.why_not:
                self._start(pool, next_step, path)
        (known or next_step).came_from.append(came_from)

    def _barred(self, step: Step) -> str:
        if self._stop.reason:
            return f"It was not begun: the triage was stopped {self._stop.reason}."
        if self.window["start"] is None:
            return f"It was not begun: {FIRST} fixed no window."
        if step.depth > DEEPEST:
            return f"It was not begun: it lies more than {DEEPEST} steps from {FIRST}."
        if sum(not s.why_not for s in self.steps) > MOST:
            return f"It was not begun: {MOST} notebooks are the most that one triage runs."
        return ""

    def _about(self, subject: str, takes: set[str]) -> dict[str, str]:
        """Return what to tell a notebook that takes it: the function, queue or table to look at."""
        found = {}
        for kind in _ABOUT.keys() & takes:
            if subject in self._names(kind):
                found[kind] = subject
        if "function" in takes and "function" not in found:
            owners = [
                f.name for f in self.system.functions if subject in (f.dead_letter_queue, f.table)
            ]
            if len(owners) == 1 and subject:
                found["function"] = owners[0]
        return found

    def _names(self, kind: str) -> set[str]:
        return {listed.name for listed in getattr(self.system, _ABOUT[kind], ())}

    def _values_of(self, step: Step, path: Path) -> dict[str, object]:
        if step.depth == 0:
            return dict(self._values)
        takes = {parameter.name for parameter in declared(path)}
        shared = {name: v for name, v in self._values.items() if name in ("system", "function")}
        fixed = {"start": self.window["start"], "end": self.window["end"]}
        given = {**shared, **fixed, **step.about}
        return {name: value for name, value in given.items() if name in takes}

    def _tell(self, step: Step, number: int, total: int, section: str) -> None:
        left = len(self._running)
        others = f", {left - 1} more" if left > 1 else ""
        self._say(f"triage: {step.notebook} {number}/{total} {section}{others}")


def _system_of(values: Mapping[str, object], notebook: Path) -> Any:
    default = next((p.default for p in declared(notebook) if p.name == "system"), "")
    return values.get("system", default)
