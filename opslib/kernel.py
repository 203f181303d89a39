"""The kernel of a headless run: this very Python, and a watch that ends it when it must end.

In: environment variables, a deadline in seconds, signals of this process. Out: a kernel manager
class for nbclient, and the reason why a kernel was ended. Must not know notebooks or AWS.

Sources
-------
jupyter_client 8.10 and ipykernel 7.4, measured: an installed kernelspec named ``python3`` may
belong to another environment; a kernel on plain TCP warns on stderr at every start; on IPC,
kernels that start at once in one folder share a socket.
"""

import os
import queue
import signal
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any, Self

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

#: From the interrupt, which lets a cell stop its queries, to the kill.
GRACE_S = 3.0
_KILL_AGAIN_S = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Watch:
    """Ends the kernel when the deadline passes or a signal comes, and remembers why.

    The kernel gets an interrupt first, so that a cell can stop what it started; then it is killed,
    and papermill notices on its own. Nothing is raised in a signal handler, so the runner goes on
    to write what there is. Signals are caught only in the main thread, where Python delivers them.
    """

    def __init__(self, deadline_s: float) -> None:
        self.reason = ""
        self.manager: AsyncKernelManager | None = None
        self._deadline_s = deadline_s
        # A SimpleQueue, unlike an Event, may be filled from a signal handler at any moment.
        self._wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._wait, name="opslib-watch", daemon=True)
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._handlers[number] = signal.signal(number, self._caught)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._over.set()
        self._wanted.put("")
        self._thread.join()

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        self._wanted.put(f"by {signal.Signals(number).name}")

    def _wait(self) -> None:
        try:
            self.reason = self._wanted.get(timeout=self._deadline_s)
        except queue.Empty:
            self.reason = f"when its deadline of {self._deadline_s:g} s passed"
        if self._over.is_set():
            return
        self._signal(signal.SIGINT)
        pause_s = GRACE_S
        while not self._over.wait(pause_s):
            self._signal(signal.SIGKILL)
            pause_s = _KILL_AGAIN_S

    def _signal(self, number: signal.Signals) -> None:
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
