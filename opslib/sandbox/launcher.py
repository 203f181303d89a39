"""Starting the sandbox, asking after it, stopping it.

In: a scenario's name, a clock, the folder to keep everything in. Out: a `Sandbox` that answers and
whose scenario is complete. Whoever starts may go away: the server lives on until `down`, unless it
was tied to its starter, whose end it then sees by a pipe, also when nothing else could tell it.
Must not know what is in a scenario.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

import opslib
from opslib.errors import BadInput, OpsError
from opslib.sandbox import clock as clocks
from opslib.sandbox import environment, record
from opslib.sandbox import status as words
from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.lock import alone
from opslib.sandbox.record import Record, State
from opslib.sandbox.status import Status

# Whether it is there is seen at once; a very busy machine takes long to start it.
READY_DEADLINE_S = 120.0
STOP_DEADLINE_S = 10.0
_PAUSE_S = 0.02
# By home, what keeps a tied server up as long as it is open.
_ties: dict[Path, int] = {}


class Story(Protocol):
    """What is built on a fresh sandbox; `opslib.sandbox.scenarios` lists those that ship."""

    @property
    def name(self) -> str:
        """What it is called, in a record and in sentences."""

    def build(self, sandbox: Sandbox, *, progress: Progress) -> None:
        """Build it; return when it is complete."""


def up(
    *, scenario: str, clock: str | datetime, home: Path, progress: Progress, tied: bool = False
) -> Sandbox:
    """Start the sandbox with a scenario; with the same one already up, hand that over.

    Parameters
    ----------
    scenario
        Its name, as `opslib.sandbox.scenarios` lists it.
    clock
        ``live``, ``pinned``, or the instant at which the clock stands still.
    home
        Folder for everything the sandbox keeps; made if missing, removed by `down` unless
        something else is in it.
    progress
        Told a sentence at each step.
    tied
        Whether the server ends with this process, however that ends: for tests and whatever else
        stops what it started. One that was up before is not tied.

    Raises
    ------
    BadInput
        No such scenario or clock, another scenario is up, or ``home`` cannot be a folder.
    OpsError
        The server did not start, or the scenario could not be built; nothing is left running.
    """
    from opslib.sandbox import scenarios  # here, for scenarios are written against this package

    return start(scenarios.load(scenario), clock=clock, home=home, progress=progress, tied=tied)


def start(
    story: Story,
    *,
    clock: str | datetime,
    home: Path,
    progress: Progress,
    tied: bool = False,
) -> Sandbox:
    """Start the sandbox with a story that stands in no list; otherwise as `up`."""
    wanted = clocks.of(clock)
    home = home.absolute()
    with alone(home):
        running = status(home)
        if running.sandbox and running.record:
            if (running.record.scenario, running.record.clock) == (story.name, wanted.spelled()):
                progress(running.sentence)
                return running.sandbox
            raise BadInput(
                f"Scenario {story.name} (clock {wanted.spelled()}) was not started. "
                f"{running.sentence} Stop it first with: opslib sandbox down",
                running=running.record.scenario,
                wanted=story.name,
            )
        if running.state is not State.DOWN:
            progress(running.sentence)
        _clear(home, running)
        with contextlib.ExitStack() as undo:
            fresh = _spawn(home, scenario=story.name, clock=wanted, tied=tied)
            undo.callback(_abandon, fresh, home)
            fresh = replace(fresh, ready_s=_wait_until_ready(fresh, home))
            sandbox = _sandbox(fresh, home)
            environment.profile(home).write_text(environment.aws_config(sandbox))
            progress(f"The sandbox answers at {sandbox.endpoint} after {fresh.ready_s:.1f} s.")
            _build(story, sandbox, progress=progress)
            replace(fresh, built=True).write(home)
            undo.pop_all()
    return replace(sandbox, started=True)


def reset(*, home: Path, progress: Progress) -> Sandbox:
    """Let the running sandbox forget everything, and tell its scenario anew.

    Port, process and clock stay. What was deployed, seeded, ordered or asked since is gone.

    Parameters
    ----------
    home
        Folder of the sandbox that is up.
    progress
        Told a sentence at each step.

    Raises
    ------
    BadInput
        None is up there.
    OpsError
        The scenario could not be built; nothing is left running.
    """
    from opslib.sandbox import scenarios  # here, for scenarios are written against this package

    return tell_again(scenarios.load, home=home, progress=progress)


def tell_again(find: Callable[[str], Story], *, home: Path, progress: Progress) -> Sandbox:
    """Reset a sandbox whose story stands in no list; otherwise as `reset`.

    Parameters
    ----------
    find
        Gives the story of the name that is up.
    """
    home = home.absolute()
    nothing = "Nothing was reset. {} Start one with: opslib sandbox up"
    if not home.is_dir():
        raise BadInput(nothing.format("No sandbox is up."), home=str(home))
    with alone(home):
        running = status(home)
        known = running.record
        if known is None or running.state not in (State.UP, State.UNFINISHED):
            raise BadInput(nothing.format(running.sentence), home=str(home))
        story, sandbox = find(known.scenario), _sandbox(known, home)
        with contextlib.ExitStack() as undo:
            undo.callback(_abandon, known, home)
            # Until it is told again, whoever asks must not take it for complete.
            replace(known, built=False).write(home)
            sandbox.forget()
            progress(f"The sandbox at {sandbox.endpoint} forgot everything.")
            _build(story, sandbox, progress=progress)
            replace(known, built=True).write(home)
            undo.pop_all()
        progress(f"Scenario {story.name} was told anew, clock {known.clock}.")
    return sandbox


def status(home: Path) -> Status:
    """Say what stands behind a home folder, without changing anything there."""
    home = home.absolute()
    said = ""
    try:
        known = record.read(home)
    except record.Unreadable as error:
        known, said = None, error.message
    state = State.UNREADABLE if said else record.state(known)
    ours = known.pid if known and state is not State.FOREIGN else None
    strays = tuple(pid for pid in record.servers(home) if pid != ours)
    if state is State.DOWN and strays:
        state = State.UNRECORDED
    sandbox = _sandbox(known, home) if known and state is State.UP else None
    sentence = said or words.sentence(state, known, home)
    if strays or said:
        sentence += f" {words.running(strays)}"
    return Status(state=state, sentence=sentence, record=known, sandbox=sandbox, servers=strays)


def down(home: Path) -> Status:
    """Stop the sandbox and remove the files it made; say what was there before, and what is left.

    Raises
    ------
    OpsError
        The process did not end.
    """
    home = home.absolute()
    if not home.is_dir() and status(home).state is State.DOWN:
        found = status(home)
        return replace(found, ended=words.ended(found))
    with alone(home):
        found = status(home)
        _clear(home, found)
        left = tuple(sorted(entry.name for entry in home.iterdir()))
        with contextlib.suppress(OSError):
            home.rmdir()
    ended = words.ended(found)
    if left:
        ended += f" Left in {home}, for no sandbox made it: {', '.join(left)}."
    return replace(found, left=left, ended=ended)


def _build(story: Story, sandbox: Sandbox, *, progress: Progress) -> None:
    try:
        story.build(sandbox, progress=progress)
    except (OpsError, BotoCoreError, ClientError, OSError) as error:
        raise OpsError(
            f"The sandbox is not up: its scenario {story.name} could not be built, "
            f"so the server was stopped. What stopped it: {error}",
            scenario=story.name,
        ) from error


def _log(home: Path) -> Path:
    return home / "server.log"


def _spawn(home: Path, *, scenario: str, clock: clocks.Clock, tied: bool) -> Record:
    for folder in (environment.temporary(home), environment.state(home)):
        folder.mkdir()
    instance = secrets.token_hex(8)
    # Bound here and inherited, so that nobody can take the port in between.
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        _log(home).open("wb") as log,
        _tie(home) if tied else contextlib.nullcontext() as owner,
    ):
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", record.SERVER]
        command += ["--fd", str(listener.fileno()), "--port", str(port)]
        command += ["--clock", clock.spelled(), "--home", str(home), "--instance", instance]
        command += [] if owner is None else ["--owner", str(owner)]
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own arguments
            command,
            # Where opslib is imported from; -m puts it first on the path of modules.
            cwd=Path(opslib.__file__).parent.parent,
            env=environment.server_environment(home=home, port=port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno(), *([] if owner is None else [owner])],
            start_new_session=True,
        )
    # It outlives whoever starts it, and `record.alive` collects it; an object that is dropped
    # before its process ended would complain.
    process.returncode = 0
    fresh = Record(
        pid=process.pid,
        port=port,
        instance=instance,
        scenario=scenario,
        clock=clock.spelled(),
        started_at=record.now(),
    )
    fresh.write(home)
    return fresh


@contextlib.contextmanager
def _tie(home: Path) -> Iterator[int]:
    """Give the end of a pipe that a server is to inherit; the other one ends with this process.

    A process that is forked from this one, and runs no other program, keeps it open too.
    """
    theirs, ours = os.pipe()
    _untie(home)
    _ties[home] = ours
    try:
        yield theirs
    finally:
        os.close(theirs)


def _untie(home: Path) -> None:
    if home in _ties:
        os.close(_ties.pop(home))


def _wait_until_ready(fresh: Record, home: Path) -> float:
    started = time.monotonic()
    what = f"did not answer within {READY_DEADLINE_S:.0f} s and was stopped"
    while time.monotonic() - started < READY_DEADLINE_S:
        if record.answers(fresh):
            return round(time.monotonic() - started, 2)
        if not record.alive(fresh.pid):
            what = "ended before it answered"
            break
        time.sleep(_PAUSE_S)
    raise OpsError(
        f"The sandbox is not up: its server {what}. What it said last is in {_log(home)}.",
        log=str(_log(home)),
    )


def _clear(home: Path, found: Status) -> None:
    """Stop what is ours and remove every file of it, those of a start that failed too."""
    for pid in found.servers:
        _stop(pid)
    if found.record and found.state in (State.UP, State.UNFINISHED, State.SILENT):
        _stop(found.record.pid, at_once=found.state is State.SILENT)
    _untie(home)
    _empty(home)


def _abandon(fresh: Record, home: Path) -> None:
    """Undo a start that failed; what the server said stays to be read."""
    _stop(fresh.pid)
    _untie(home)
    _empty(home, keep=_log(home))


def _empty(home: Path, *, keep: Path | None = None) -> None:
    made = {
        record.path(home),
        record.draft_path(home),
        _log(home),
        environment.profile(home),
        environment.temporary(home),
        environment.state(home),
    }
    for entry in made - {keep}:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _stop(pid: int, *, at_once: bool = False) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL)[1 if at_once else 0 :]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + STOP_DEADLINE_S
        while time.monotonic() < deadline:
            if not record.alive(pid):
                return
            time.sleep(_PAUSE_S)
    raise OpsError(
        f"The sandbox was not stopped: process {pid} did not end when it was killed. "
        f"Look at it with: ps -p {pid}",
        pid=pid,
    )


def _sandbox(known: Record, home: Path) -> Sandbox:
    return Sandbox(
        endpoint=f"http://127.0.0.1:{known.port}",
        region=environment.REGION,
        account=environment.ACCOUNT,
        access_key_id=environment.ACCESS_KEY_ID,
        secret_access_key=environment.SECRET_ACCESS_KEY,
        clock=clocks.of(known.clock),
        home=home,
    )
