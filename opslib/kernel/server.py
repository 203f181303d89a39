"""Kernels forked from one process that has imported everything they need: a second less for each.

In: arguments of a kernel, its folder and environment. Out: a process of its own for each kernel,
which can be killed on its own. The server is another process (`zygote`), connected by a socket; it
ends when the socket does, and takes every kernel with it, so nothing outlives whoever asked.

Imports little: whoever begins early has the server import while it imports itself.

Sources
-------
Linux: a process that nobody has waited for keeps its number, so it can be killed without hitting
another; a pidfd says that it ended. Elsewhere there is no server, and kernels start by themselves.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

#: What one answer may take: the first comes when the server has imported.
_ANSWER_S = 120.0
_END_S = 10.0
# A fork takes one thread along, and leaves the locks of the others behind. These libraries begin
# one as they are imported: numpy its workers, pyarrow a housekeeper of its memory.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


class Server:
    """The connection to a process that forks kernels. Made with `serving`."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._socket, self._theirs = socket.socketpair()
        self._socket.settimeout(_ANSWER_S)
        self._file = self._socket.makefile("rw", encoding="utf-8")
        self._lock = threading.Lock()
        self._forked = False

    def start(self) -> None:
        """Have it import, unless it does already; the first fork waits for that."""
        with self._lock:
            if self.process is None:
                self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._theirs as theirs:
            return subprocess.Popen(  # noqa: S603 - this Python, our own module
                [sys.executable, "-m", "opslib.kernel.zygote", str(theirs.fileno())],
                cwd=Path(__file__).parents[2],
                env={**os.environ, **_ONE_THREAD},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Ctrl-C at a terminal is for whoever asked, who then ends kernels in good order.
                start_new_session=True,
            )

    def fork(
        self, arguments: Sequence[str], *, folder: str | None, environment: Mapping[str, str]
    ) -> "Process":
        """Fork a kernel with the arguments that ipykernel takes.

        Raises
        ------
        ConnectionError
            The server is gone, or does not answer.
        """
        self.start()
        asked = {"arguments": [*arguments], "folder": folder or str(Path.cwd())}
        try:
            pid = self._ask({**asked, "environment": dict(environment)})
            return Process(self, pid)
        except (OSError, ValueError) as error:
            raise ConnectionError(f"the kernel server is gone: {error}") from error

    def ended(self, pid: int) -> int:
        """Return how a kernel that ended did so, as `subprocess` counts it, and let it go."""
        try:
            return self._ask({"ended": pid})
        except (OSError, ValueError):
            return -signal.SIGKILL

    @contextmanager
    def up(self) -> Iterator["Server"]:
        """Fork the kernels of this process while the context lasts; see `serving`."""
        _up.append(self)
        try:
            yield self
        finally:
            _up.remove(self)
            self.close()

    def close(self) -> None:
        """End the server with all its kernels."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._file.close()
        self._socket.close()
        self._theirs.close()
        if self.process is None:
            return
        if not self._forked:
            # It may still be importing, and has nobody to take along.
            self.process.kill()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ask(self, order: Mapping[str, object]) -> int:
        with self._lock:
            self._forked = True
            self._file.write(json.dumps(order) + "\n")
            self._file.flush()
            return int(json.loads(self._file.readline())["answer"])


class Process:
    """A forked kernel, as `subprocess.Popen` describes a process."""

    stdin = stdout = stderr = None

    def __init__(self, server: Server, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server
        self._ended = os.pidfd_open(pid)
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return how it ended, negative for a signal; None while it runs."""
        with self._lock:
            if self.returncode is None and select.select([self._ended], [], [], 0)[0]:
                self.returncode = self._server.ended(self.pid)
                os.close(self._ended)
            return self.returncode

    def wait(self) -> int:
        """Wait for its end and return how it ended."""
        while (code := self.poll()) is None:
            select.select([self._ended], [], [], 1.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)


_up: list[Server] = []


def current() -> Server | None:
    """Return the server that is up in this process, if any."""
    return _up[-1] if _up else None


@contextmanager
def serving(*, at_once: bool = False) -> Iterator[None]:
    """Have kernels of this process forked from a server while the context lasts.

    It starts with the first kernel, or at once, to import while the caller does other things. One
    that is up already serves this context too. Where there can be none, nothing changes: kernels
    start by themselves.
    """
    if _up or sys.platform != "linux":
        yield
        return
    with Server().up() as server:
        if at_once:
            server.start()
        yield
