"""The kernel of a headless run: this very Python, and a watch that ends it when it must end.

In: environment variables, deadlines in seconds, a `Stop`. Out: a kernel manager class for nbclient,
and the reason why a kernel was ended. Must not know notebooks or AWS.

Sources
-------
jupyter_client 8.10 and ipykernel 7.4, measured: an installed kernelspec named ``python3`` may
belong to another environment; a kernel on plain TCP warns on stderr at every start; on IPC,
kernels that start at once in one folder share a socket.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Mapping
from typing import Any, Self

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from opslib.stop import Stop

#: From the interrupt, which lets a cell stop its queries, to the kill.
GRACE_S = 3.0
_KILL_AGAIN_S = 0.2


class Watch:
    """Ends the kernel when a deadline passes or a stop is asked for, and remembers why.

    The kernel gets an interrupt first, so that a cell can stop what it started; then it is killed,
    and papermill notices on its own.

    Parameters
    ----------
    stop
        Ends the kernel when it is asked for.
    deadline_s, cell_s
        What the whole run and one cell may take, in seconds.
    """

    def __init__(self, stop: Stop, *, deadline_s: float, cell_s: float) -> None:
        self.reason = ""
        self.manager: AsyncKernelManager | None = None
        self._stop = stop
        self._deadline_s = deadline_s
        self._cell_s = cell_s
        self._ends_at = time.monotonic() + deadline_s
        self._cell_ends_at = float("inf")
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
        self._cell_ends_at = time.monotonic() + self._cell_s

    def cell_ended(self) -> None:
        """Stop counting: no cell runs until the next one begins."""
        self._cell_ends_at = float("inf")

    def _wait(self) -> None:
        while not self._late():
            ends_at = min(self._ends_at, self._cell_ends_at)
            # A cell that begins meanwhile ends no earlier than this.
            pause_s = min(max(ends_at - time.monotonic(), 0.0), self._cell_s)
            ready, _, _ = select.select([self._stop.fileno(), self._reader], [], [], pause_s)
            if self._reader in ready:
                return
        if self._over.is_set():
            return
        self._signal(signal.SIGINT)
        pause_s = GRACE_S
        while not self._over.wait(pause_s):
            self._signal(signal.SIGKILL)
            pause_s = _KILL_AGAIN_S

    def _late(self) -> bool:
        now = time.monotonic()
        if self._stop.reason:
            self.reason = f" {self._stop.reason}"
        elif now >= self._ends_at:
            self.reason = f" when its deadline of {self._deadline_s:g} s passed"
        elif now >= self._cell_ends_at:
            self.reason = f": a cell took longer than {self._cell_s:g} s"
        return bool(self.reason)

    def _signal(self, number: int) -> None:
        provisioner = self.manager.provisioner if self.manager else None
        process = getattr(provisioner, "process", None)
        if process is None or process.poll() is not None:
            return
        try:
            # The kernel leads its own process group: what a cell started goes with it.
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return


def kernels(environment: Mapping[str, str], watch: Watch) -> type[AsyncKernelManager]:
    """Return a manager that starts this very Python, over an encrypted transport."""

    class Kernels(AsyncKernelManager):
        def __init__(self, **options: Any) -> None:
            own = KernelSpecManager(kernel_dirs=[])
            super().__init__(kernel_spec_manager=own, transport_encryption="required", **options)
            watch.manager = self

        async def _async_pre_start_kernel(self, **options: Any) -> Any:
            options["env"] = {**os.environ, **environment}
            return await super()._async_pre_start_kernel(**options)

        pre_start_kernel = _async_pre_start_kernel

    return Kernels
