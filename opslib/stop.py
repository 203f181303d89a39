"""Whether this process was asked to end: heard at any moment, acted on in good order.

In: SIGINT, SIGTERM and SIGHUP, or a reason that a program gives. Out: a `Stop` that remembers what
came first and wakes whoever waits for it. Nothing is raised in a signal handler: whoever runs
something looks, ends what it started, writes what there is, and says so. Must not know what is
being run.

Sources
-------
Python's ``signal``: handlers run in the main thread only, between two of its instructions, so one
must not take a lock that this thread may hold; writing to a pipe takes none. ``nohup`` has SIGHUP
ignored, and means it.
"""

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """A request to end that any number of threads can wait for. Made with `heeded`.

    ``reason`` is ``by SIGTERM``, or what a program said; empty while nobody asked.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._reader, self._writer = os.pipe()

    def fileno(self) -> int:
        """Return what `select` finds readable from the request on, for everyone who looks."""
        return self._reader

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; return whether the request has come."""
        return bool(select.select([self], [], [], seconds)[0])

    def request(self, reason: str) -> None:
        """Ask to end. The first reason is kept, whatever comes later."""
        if not self.reason:
            self.reason = reason
            os.write(self._writer, b"!")

    def caught(self, number: int, _frame: FrameType | None) -> None:
        """Ask to end because a signal came."""
        self.request(f"by {signal.Signals(number).name}")

    def close(self) -> None:
        """Give the pipe back."""
        os.close(self._reader)
        os.close(self._writer)


@contextmanager
def heeded() -> Iterator[Stop]:
    """Catch the signals while the context lasts; in another thread than the main one, none."""
    stop = Stop()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            before[number] = signal.signal(number, stop.caught)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()
