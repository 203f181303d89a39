"""The index of a triage: which notebooks ran, why others did not, and the verdict of all of them.

In: the steps of the path, as they were followed. Out: a sealed run folder with ``index.json`` and
``index.html``. Must not run anything.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import opslib
from opslib import headless, run_folder
from opslib.errors import OpsError
from opslib.headless import EXIT_CODES
from opslib.system import System, project_root
from opslib.triage import members
from opslib.window import iso

_WORST_FIRST = ("critical", "unknown", "warning", "healthy")


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


def write(
    steps: Sequence[Step],
    *,
    out: Path,
    system: System,
    window: Mapping[str, Any],
    stopped: str,
    started_at: datetime,
    now: Callable[[], datetime],
) -> Outcome:
    """Write the index of a path that was followed to its end.

    Parameters
    ----------
    out
        Folder of run folders; those of the steps are in it.
    window
        ``start`` and ``end`` as 00-triage fixed them; None each, where it fixed none.
    stopped
        Why it was stopped, as ``by SIGTERM``; empty when it was not.

    Raises
    ------
    OpsError
        The folder could not be written.
    """
    folder = run_folder.create(
        out, started_at=started_at, notebook="triage-tree", system=system.name
    )
    try:
        ended_at = now()
        index = {
            "schema": run_folder.SCHEMA,
            "run_id": run_folder.run_id(folder),
            "system": system.name,
            "window": dict(window),
            # Where the system's people read their clocks, for the page.
            "timezone": system.timezone,
            "verdict": _verdict(steps),
            "stopped": stopped,
            "runs": [_ran(step, folder) for step in steps if step.outcome],
            "not_run": [_missed(step) for step in steps if not step.outcome],
            "not_taken": _not_taken(steps),
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


def _verdict(steps: Sequence[Step]) -> str:
    """Return the worst verdict: critical stands; then what could not be seen or run."""
    found = {step.outcome.result["verdict"] if step.outcome else "unknown" for step in steps}
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


def _not_taken(steps: Sequence[Step]) -> list[str]:
    """Return the notebooks of the project that no finding pointed to."""
    named = {step.notebook for step in steps}
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
