"""One run at a time of a notebook on a system, and who has it when a second one comes.

In: the folder of locks, what is run on what. Out: a lock that is held while a context lasts, with
a note of its holder. The kernel of the operating system keeps it (flock), so it ends with its
process, however that ends; the note is only for people. Must not know notebooks or AWS.
"""

import fcntl
import json
import os
import pwd
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from opslib.errors import BadInput, OpsError
from opslib.run_folder import file_name
from opslib.window import iso


class Lock:
    """A lock that is held. Made with `taken`."""

    def __init__(self, handle: int, since: datetime) -> None:
        self._handle = handle
        self._since = since
        self._mutex = threading.Lock()
        self.note("")

    def note(self, folder: str) -> None:
        """Write down who holds the lock, since when, and the run folder, for whoever comes next."""
        holder = {
            "pid": os.getpid(),
            "user": _user(),
            "host": socket.gethostname(),
            "since": iso(self._since.replace(microsecond=0)),
            "folder": folder,
        }
        self._write(json.dumps(holder) + "\n")

    def clear(self) -> None:
        """Take the note away."""
        self._write("")

    def _write(self, text: str) -> None:
        # Runs that hold it together write at once; that a disk is full, others say.
        with self._mutex, suppress(OSError):
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, text.encode(), 0)


@contextmanager
def taken(folder: Path, *, notebook: str, system: str, since: datetime) -> Iterator[Lock]:
    """Hold the lock of a notebook on a system while the context lasts.

    Parameters
    ----------
    folder
        Where locks are kept; made if it is not there.
    notebook, system
        ``20-duration`` and the system's name, with whatever else tells it from another.
    since
        The start of the run, tz-aware UTC.

    Raises
    ------
    OpsError
        Another process holds it; the message says who.
    BadInput
        The lock cannot be kept in this folder.
    """
    path = folder / f"{file_name(f'{notebook}-{system}', longest=200)}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise BadInput(
            f"Nothing ran: the lock {path} cannot be opened: {error.strerror}. It keeps two runs "
            "of one notebook from meeting. Make its folder writable.",
            file=str(path),
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _held(path, notebook=notebook, system=system) from error
        lock = Lock(handle, since)
        try:
            yield lock
        finally:
            lock.clear()
    finally:
        # A process that is just being started has the handle too, until it is its own program:
        # with close alone the lock would stay with it.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


class Together:
    """Locks that several runs of this process hold at once, as long as one of them does."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._locks: dict[tuple[str, str], tuple[Lock, ExitStack]] = {}
        self._runs: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def taken(self, folder: Path, *, notebook: str, system: str, since: datetime) -> Iterator[Lock]:
        """Hold a lock as `taken` does, or share it with a run of this process that has it."""
        key = (notebook, system)
        with self._mutex:
            if key not in self._locks:
                stack = ExitStack()
                held = taken(folder, notebook=notebook, system=system, since=since)
                self._locks[key] = stack.enter_context(held), stack
            self._runs[key] += 1
        try:
            yield self._locks[key][0]
        finally:
            with self._mutex:
                self._runs[key] -= 1
                if not self._runs[key]:
                    self._locks.pop(key)[1].close()


def _held(path: Path, *, notebook: str, system: str) -> OpsError:
    said = f"Nothing ran: {notebook} on {system} is being run already"
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        who = "by {user} on {host} (process {pid}) since {since}".format_map(holder)
        where = f", in {holder['folder']}" if holder["folder"] else ""
    except (OSError, ValueError, KeyError, TypeError):
        # Its holder has not come to write it, or is about to let go.
        return OpsError(f"{said}. Try again in a moment.", lock=str(path))
    return OpsError(
        f"{said}, {who}{where}. Wait for it, or end it with: kill {holder['pid']}",
        lock=str(path),
        **holder,
    )


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
