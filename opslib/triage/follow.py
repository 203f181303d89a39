"""Which notebooks run, with what, side by side; and the index that is written of it.

In: values for 00-triage. Out: runs, and why others were not made. The bounds: each notebook once
for each function, `DEEPEST` steps from 00-triage, `MOST` runs in all; what lies beyond is said.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import opslib
from opslib import headless, run_folder
from opslib.errors import BadInput, OpsError
from opslib.headless import CELL_S, DEADLINE_S, EXIT_CODES, lock
from opslib.parameters import check_deadline, declared, find_notebook
from opslib.stop import Stop, heeded
from opslib.system import System, load, project_root
from opslib.triage import members
from opslib.window import iso, wall_now

FIRST = "00-triage"
DEEPEST = 4
MOST = 40
# How often the clock is looked at.
_LOOK_S = 0.5
# What a notebook may take to be told what to look at, and where a system lists such things.
_ABOUT = {"function": "functions", "queue": "queues", "stream": "streams", "table": "tables"}
_WORST_FIRST = ("critical", "unknown", "warning", "healthy")

Say = Callable[[str], None]
"""Told, for people, what is being done now."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What following the tree left behind.

    Parameters
    ----------
    folder
        The tree's run folder, sealed.
    index
        The content of its ``index.json``.
    """

    folder: Path
    index: Mapping[str, Any]

    @property
    def exit_code(self) -> int:
        """0 healthy, 1 warning, 2 critical, 3 unknown."""
        return EXIT_CODES[self.index["verdict"]]


@dataclass(kw_only=True)
class Step:
    """One notebook on the path: where it was pointed to from, and what became of it."""

    notebook: str
    about: dict[str, str] = field(default_factory=dict)
    depth: int = 0
    came_from: list[dict[str, str]] = field(default_factory=list)
    outcome: headless.Outcome | None = None
    why_not: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two steps the same."""
        return (self.notebook, *sorted(self.about.items()))


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
        return _written(tree, started_at=started_at, now=now)


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
        self.stop = stop
        self.out = out
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
                    self.stop.request(f"when the deadline of {self._deadline_s:g} s passed")
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
            out=self.out,
            deadline_s=self._deadline_s,
            cell_s=self._cell_s,
            stop=self.stop,
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
        if self.stop.reason:
            return f"It was not begun: the triage was stopped {self.stop.reason}."
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


def _written(tree: _Tree, *, started_at: datetime, now: Callable[[], datetime]) -> Outcome:
    folder = run_folder.create(
        tree.out, started_at=started_at, notebook="triage-tree", system=tree.system.name
    )
    try:
        ended_at = now()
        index = {
            "schema": run_folder.SCHEMA,
            "run_id": run_folder.run_id(folder),
            "system": tree.system.name,
            "window": dict(tree.window),
            # Where the system's people read their clocks, for the page.
            "timezone": tree.system.timezone,
            "verdict": _verdict(tree),
            "stopped": tree.stop.reason,
            "runs": [_ran(step, folder) for step in tree.steps if step.outcome],
            "not_run": [_missed(step) for step in tree.steps if not step.outcome],
            "not_taken": _not_taken(tree),
            "started": iso(started_at),
            "ended": iso(ended_at),
            "opslib": opslib.__version__,
        }
        run_folder.write_json(folder / run_folder.INDEX, index)
        run_folder.write(folder / run_folder.PAGE, members.page_of(index))
        run_folder.audit(
            folder,
            at=iso(ended_at),
            event="triage.ended",
            opslib=opslib.__version__,
            verdict=index["verdict"],
        )
        return Outcome(run_folder.seal(folder), index)
    except OSError as error:
        raise OpsError(
            f"The index was not written: {folder} could not be written: "
            f"{error.strerror or error}. The runs of the notebooks stand beside it.",
            folder=str(folder),
        ) from error


def _verdict(tree: _Tree) -> str:
    """Return the worst verdict: critical stands; then what could not be seen or run."""
    found = {step.outcome.result["verdict"] if step.outcome else "unknown" for step in tree.steps}
    return next(verdict for verdict in _WORST_FIRST if verdict in found)


def _ran(step: Step, folder: Path) -> dict[str, Any]:
    assert step.outcome is not None  # noqa: S101 - for mypy; the caller looked
    result = step.outcome.result
    return {
        "notebook": step.notebook,
        **_place(step),
        "verdict": result["verdict"],
        "exit_code": step.outcome.exit_code,
        "findings": result["findings"],
        "limits": result["limits"],
        "run_id": result["run_id"],
        "report": Path(os.path.relpath(step.outcome.folder / run_folder.REPORT, folder)).as_posix(),
        "started": result["started"],
        "ended": result["ended"],
    }


def _not_taken(tree: _Tree) -> list[str]:
    """Return the notebooks of the project that no finding pointed to."""
    named = {step.notebook for step in tree.steps}
    every = sorted(path.stem for path in (project_root() / "notebooks").glob("[0-9][0-9]-*.ipynb"))
    return [name for name in every if name not in named]


def _missed(step: Step) -> dict[str, Any]:
    return {"notebook": step.notebook, **_place(step), "why": step.why_not}


def _place(step: Step) -> dict[str, Any]:
    return {
        "function": step.about.get("function", ""),
        "about": step.about,
        "depth": step.depth,
        "came_from": step.came_from,
    }
