"""The kernel of a headless run: this very Python, over sockets in a folder of its own.

In: environment variables, a `Watch`. Out: a kernel manager class for nbclient. While a
`server.Server` is up in this process, kernels are forked by it.

Sources
-------
jupyter_client 8.10 and ipykernel 7.4, measured: an installed kernelspec named ``python3`` may
belong to another environment. On TCP the ports are chosen first and bound by the kernel later, when
another process may have one of them: four triages at once on 512 ports lost 7 of 60 kernels. On
IPC, kernels that start at once with sockets in one folder share them.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from opslib.errors import OpsError
from opslib.kernel import server
from opslib.kernel.watch import Watch

# The path of a socket has at most 107 bytes; "/opslib-", eight letters and "/kernel-5" take 25.
_LONGEST = 107 - 25


@contextmanager
def kernels(environment: Mapping[str, str], watch: Watch) -> Iterator[type[AsyncKernelManager]]:
    """Give a manager for one kernel, which has these variables too and is watched.

    Raises
    ------
    OpsError
        There is nowhere to make the folder.
    """
    with _folder() as folder:

        class Kernels(AsyncKernelManager):
            def __init__(self, **options: Any) -> None:
                own = KernelSpecManager(kernel_dirs=[])
                where = f"{folder}/kernel"
                super().__init__(kernel_spec_manager=own, transport="ipc", ip=where, **options)
                watch.process = lambda: getattr(self.provisioner, "process", None)

            async def _async_pre_start_kernel(self, **options: Any) -> Any:
                options["env"] = {**os.environ, **environment}
                # Nobody goes back to what a headless kernel ran, and the file is the user's own.
                options["extra_arguments"] = ["--HistoryManager.enabled=False"]
                if self.provisioner is None and server.current():
                    self.provisioner = _Forked(
                        kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self
                    )
                return await super()._async_pre_start_kernel(**options)

            pre_start_kernel = _async_pre_start_kernel

        yield Kernels


def _folder() -> "tempfile.TemporaryDirectory[str]":
    try:
        kept = tempfile.gettempdir()
        within = kept if len(os.fsencode(kept)) <= _LONGEST else "/tmp"  # noqa: S108 - a folder in it
        # Nobody but its user can enter a folder that is made so; the kernel obeys whoever can.
        return tempfile.TemporaryDirectory(prefix="opslib-", dir=within, ignore_cleanup_errors=True)
    except OSError as error:
        raise OpsError(
            f"No kernel was started: its sockets need a temporary folder. {error.strerror}. Make "
            "room, or set TMPDIR to a folder that can be written."
        ) from error


class _Forked(LocalProvisioner):
    """Asks the server for a process, and starts one itself when the server is gone."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        forking = server.current()
        try:
            if forking is None:
                raise ConnectionError("the server was closed")
            arguments = cmd[cmd.index("-f") :]
            forked = forking.fork(arguments, folder=kwargs.get("cwd"), environment=kwargs["env"])
        except ConnectionError:
            return await super().launch_kernel(cmd, **kwargs)
        # The class above needs no more of Popen than this is.
        self.process = cast(Any, forked)
        self.pid = self.pgid = forked.pid
        return self.connection_info
