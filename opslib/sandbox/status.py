"""What stands behind a home folder, and how a person is told.

In: the state that was found, the record, the processes. Out: `Status`, and sentences. Must not look
for itself, start or stop anything.
"""

from dataclasses import dataclass
from pathlib import Path

from opslib.sandbox.api import Sandbox
from opslib.sandbox.record import Record, State


@dataclass(frozen=True, kw_only=True)
class Status:
    """What is known about the sandbox of a home folder.

    ``sandbox`` is None unless it is up; ``record`` is None when nothing was ever started there or
    it was stopped, or what is written there cannot be read. ``servers`` are the processes found to
    serve the folder without being recorded. ``left`` names what `down` left there, for no sandbox
    made it. ``sentence`` says it to a person, ``ended`` what `down` did about it; empty before.
    """

    state: State
    sentence: str
    record: Record | None
    sandbox: Sandbox | None
    servers: tuple[int, ...] = ()
    left: tuple[str, ...] = ()
    ended: str = ""


def sentence(state: State, known: Record | None, home: Path) -> str:
    """Say what stands behind a home folder."""
    if known is None:
        if state is State.UNRECORDED:
            return f"The record of the sandbox in {home} is gone."
        return "No sandbox is up."
    what, process = _named(known)
    return {
        State.UP: f"The sandbox is up: {what}, {process}.",
        State.UNFINISHED: f"The sandbox answers but its scenario was never finished: {what}, "
        f"{process}.",
        State.SILENT: f"The sandbox runs but does not answer: {what}, {process}.",
        State.DEAD: f"No sandbox is up; the last one ended unasked: {what}, {process}.",
        State.FOREIGN: f"No sandbox is up; the last one ended unasked ({what}) and its process "
        f"number {known.pid} belongs to another program now, which is left alone.",
    }[state]


def running(servers: tuple[int, ...]) -> str:
    """Say which servers run there without being recorded."""
    if not servers:
        return "No server of this folder runs."
    return f"A server of this folder runs: process {', '.join(map(str, servers))}."


def ended(found: Status) -> str:
    """Say what was done about what was found, to stop it."""
    if found.record is None:
        if found.state is State.DOWN:
            return "No sandbox was up; nothing was stopped."
        stopped = "It was stopped" if found.servers else "Nothing was stopped"
        removed = "; the record was removed" if found.state is State.UNREADABLE else ""
        return f"{found.sentence} {stopped}{removed}."
    what, process = _named(found.record)
    how = {
        State.UP: "The sandbox was stopped",
        State.UNFINISHED: "The sandbox, whose scenario was never finished, was stopped",
        State.SILENT: "The sandbox, which did not answer, was killed",
        State.DEAD: "No sandbox was up; the last one ended unasked, and its files were removed",
        State.FOREIGN: "No sandbox was up; the last one ended unasked, and its files were removed, "
        "but its process number belongs to another program now, which was left alone",
    }[found.state]
    said = f"{how}: {what}, {process}."
    if found.servers:
        said += f" {running(found.servers)} It was stopped."
    return said


def _named(known: Record) -> tuple[str, str]:
    return (
        f"scenario {known.scenario}, clock {known.clock}, since {known.started_at}",
        f"process {known.pid} at 127.0.0.1:{known.port}",
    )
