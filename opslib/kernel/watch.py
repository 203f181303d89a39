"""A watch on one kernel: it ends the kernel when it must end, and remembers why.

In: deadlines in seconds, a `Stop`. Out: an interrupt, then a kill, and the reason. Must not know
notebooks or AWS.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Protocol, Self

from opslib.stop import Stop

#: From the interrupt, which lets a cell stop its queries, to the kill.
GRACE_S = 3.0
_KILL_AGAIN_S = 0.2


class Process(Protocol):
    """A process that leads its own group, as `subprocess.Popen` describes one."""

    pid: int

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""


class Watch:
    """Ends the kernel when a deadline passes or a stop is asked for, and remembers why.

    ``process`` says which process that is, once there is one.

    The kernel gets an interrupt first, so that a cell can stop what it started; then it is killed,
    and papermill notices on its own. One that no cell has begun in is killed at once: it holds
    nothing, and while it imports an interrupt would only be a traceback on stderr.

    Parameters
    ----------
    stop
        Ends the kernel when it is asked for.
    deadline_s, cell_s
        What the whole run and one cell may take, in seconds.
    monotonic
        The clock that they are counted on; looked at once in ``cell_s`` at least.
    """

    def __init__(
        self,
        stop: Stop,
        *,
        deadline_s: float,
        cell_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reason = ""
        self.process: Callable[[], Process | None] = lambda: None
        self._stop = stop
        self._deadline_s = deadline_s
        self._cell_s = cell_s
        self._monotonic = monotonic
        self._ends_at = monotonic() + deadline_s
        self._cell_ends_at = float("inf")
        self._begun = False
        self._over = threading.Event()
        self._reader, self._writer = os.pipe()
        self._thread = threading.Thread(target=self._wait, name="opslib-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        os.write(self._writer, b"!")
        self._thread.join()
        os.close(self._reader)
        os.close(self._writer)

    def cell_begins(self) -> None:
        """Give the cell that begins now its time."""
        self._begun = True
        self._cell_ends_at = self._monotonic() + self._cell_s

    def cell_ended(self) -> None:
        """Stop counting: no cell runs until the next one begins."""
        self._cell_ends_at = float("inf")

    def _wait(self) -> None:
        while not self._late():
            ends_at = min(self._ends_at, self._cell_ends_at)
            # A cell that begins meanwhile ends no earlier than this.
            pause_s = min(max(ends_at - self._monotonic(), 0.0), self._cell_s)
            ready, _, _ = select.select([self._stop.fileno(), self._reader], [], [], pause_s)
            if self._reader in ready:
                return
        if self._over.is_set():
            return
        self._signal(signal.SIGINT if self._begun else signal.SIGKILL)
        pause_s = GRACE_S if self._begun else _KILL_AGAIN_S
        while not self._over.wait(pause_s):
            self._signal(signal.SIGKILL)
            pause_s = _KILL_AGAIN_S

    def _late(self) -> bool:
        now = self._monotonic()
        if self._stop.reason:
            self.reason = f" {self._stop.reason}"
        elif now >= self._ends_at:
            self.reason = f" when its deadline of {self._deadline_s:g} s passed"
        elif now >= self._cell_ends_at:
            self.reason = f": a cell took longer than {self._cell_s:g} s"
        return bool(self.reason)

    def _signal(self, number: int) -> None:
        process = self.process()
        if process is None or process.poll() is not None:
            return
        try:
            # The kernel leads its own process group: what a cell started goes with it.
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
