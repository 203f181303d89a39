"""One start, stop or reset of a sandbox at a time.

In: the home folder. Out: a context in which nobody else starts or stops there. The lock is on the
folder itself, so that it can be removed while held. Must not know what is in the folder.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from opslib.errors import BadInput, OpsError

LOCK_DEADLINE_S = 180.0
_PAUSE_S = 0.02


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Make the folder, and keep a second start or stop in it waiting."""
    deadline = time.monotonic() + LOCK_DEADLINE_S
    while True:
        folder = _opened(home)
        if folder is not None:
            try:
                if _locked(folder, home):
                    yield
                    return
            finally:
                os.close(folder)
        if time.monotonic() > deadline:
            raise OpsError(
                "The sandbox was left as it is: another start or stop of it has been at work for "
                f"{LOCK_DEADLINE_S:.0f} s. Wait for it, or end it.",
                home=str(home),
            )
        time.sleep(_PAUSE_S)


def _opened(home: Path) -> int | None:
    """Make and open the folder; None when a stop removed it in between."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        return os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        in_the_way = [
            path for path in (home, *home.parents) if os.path.lexists(path) and not path.is_dir()
        ]
        if in_the_way:
            what, remedy = f"{in_the_way[0]} is not a folder", "Move it out of the way."
        elif isinstance(error, FileExistsError | FileNotFoundError):
            return None
        else:
            what, remedy = f"{home} cannot be opened: {error.strerror}", "Make it accessible."
        raise BadInput(
            f"The sandbox was neither started nor stopped: {what}, and it keeps its files in "
            f"{home}. {remedy}",
            home=str(home),
        ) from error


def _locked(folder: int, home: Path) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A stop may have removed the folder between our opening and our locking it.
        return os.fstat(folder).st_ino == home.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
