"""What is written down about a running sandbox, and whether it is still true.

In: the home folder. Out: the record, and the state of the process behind it. A process is ours only
if its command line names the record's instance, for a pid and a port may belong to another by now.
Must not start or stop anything.
"""

import contextlib
import errno
import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from opslib.errors import OpsError
from opslib.sandbox import clock as clocks
from opslib.sandbox.api import IDENTITY_PATH

SERVER = "opslib.sandbox.server"
"""The module that a server's command line names, beside ``--home``."""

_ANSWER_DEADLINE_S = 5.0
_PS_DEADLINE_S = 5.0


class State(StrEnum):
    """What stands behind a record."""

    UP = "up"
    """Our server answers, and its scenario is built."""
    UNFINISHED = "unfinished"
    """Our server answers, but its scenario was never finished."""
    SILENT = "silent"
    """Our server's process is there and does not answer."""
    DEAD = "dead"
    """The process is gone."""
    FOREIGN = "foreign"
    """The pid belongs to another program now; ours is gone."""
    UNREADABLE = "unreadable"
    """There is a record, and it cannot be read."""
    UNRECORDED = "unrecorded"
    """There is no record, and a server of the folder runs."""
    DOWN = "down"
    """There is no record, and no server."""


class Unreadable(OpsError):
    """There is a record that no sandbox wrote so."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One sandbox, as written to ``record.json``.

    ``clock`` is ``live`` or the pinned instant in ISO 8601; ``started_at`` is the wall's time in
    ISO 8601, UTC; ``ready_s`` is how long the server took to answer, seconds; ``built`` says
    whether the scenario is complete.
    """

    pid: int
    port: int
    instance: str
    scenario: str
    clock: str
    started_at: str
    ready_s: float | None = None
    built: bool = False

    def write(self, home: Path) -> None:
        """Write the record whole or not at all."""
        draft = draft_path(home)
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(path(home))


def path(home: Path) -> Path:
    """Name the record's file."""
    return home / "record.json"


def draft_path(home: Path) -> Path:
    """Name the file that the record is first written to."""
    return path(home).with_suffix(".draft")


def read(home: Path) -> Record | None:
    """Read the record; None when there is none.

    Raises
    ------
    Unreadable
        There is one, but not as a sandbox writes it.
    """
    try:
        known = Record(**json.loads(path(home).read_text()))
        clocks.of(known.clock)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, OpsError) as error:
        raise _unreadable(home) from error
    # A signal goes to this number: 0 and below would be whole groups of processes. And every
    # command line has an empty instance in it.
    numbers = isinstance(known.pid, int) and isinstance(known.port, int) and known.pid > 1
    if not (numbers and isinstance(known.instance, str) and known.instance):
        raise _unreadable(home)
    return known


def _unreadable(home: Path) -> Unreadable:
    return Unreadable(f"The sandbox's record {path(home)} cannot be read.", path=str(path(home)))


def servers(home: Path) -> list[int]:
    """List the processes whose command line says that they serve this folder, whatever is written.

    In ascending order; empty when there is none.
    """
    found = []
    for pid, arguments in _command_lines():
        if arguments[1:3] == ["-m", SERVER] and "--home" in arguments[:-1]:
            served = arguments[arguments.index("--home") + 1]
            if os.path.realpath(served) == os.path.realpath(home) and alive(pid):
                found.append(pid)
    return sorted(found)


def _command_lines() -> Iterator[tuple[int, list[str]]]:
    if Path("/proc/self/cmdline").exists():
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    written = os.fsdecode((entry / "cmdline").read_bytes())
                    yield int(entry.name), written.split("\0")[:-1]
        return
    # No /proc: macOS. A folder with a blank in its name is not recognised there.
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        shown = subprocess.run(
            ["ps", "-axww", "-o", "pid=,command="],  # noqa: S607 - wherever this system has it
            capture_output=True,
            text=True,
            timeout=_PS_DEADLINE_S,
            check=False,
        )
        for line in shown.stdout.splitlines():
            pid, *arguments = line.split()
            yield int(pid), arguments


def now() -> str:
    """Tell the wall's time as a record spells it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def state(record: Record | None) -> State:
    """Say what stands behind a record."""
    if record is None:
        return State.DOWN
    if not alive(record.pid):
        return State.DEAD
    if record.instance not in command_line(record.pid):
        return State.FOREIGN
    if not answers(record):
        return State.SILENT
    return State.UP if record.built else State.UNFINISHED


def alive(pid: int) -> bool:
    """Whether a process runs under this pid. One that ended and was not yet collected does not."""
    try:
        # Collects it if it is a child of this process; otherwise says so.
        collected, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    else:
        return collected == 0
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


def command_line(pid: int) -> str:
    """Read a process's command line; empty when it cannot be read."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        pass
    try:
        # No /proc: macOS.
        shown = subprocess.run(  # noqa: S603 - a number is all that is passed
            ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607 - wherever this system has it
            capture_output=True,
            text=True,
            timeout=_PS_DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return shown.stdout


def answers(record: Record, *, deadline_s: float = _ANSWER_DEADLINE_S) -> bool:
    """Whether the record's own server answers at its port."""
    connection = http.client.HTTPConnection("127.0.0.1", record.port, timeout=deadline_s)
    try:
        connection.request("GET", IDENTITY_PATH)
        body = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(body, dict) and body.get("instance") == record.instance
