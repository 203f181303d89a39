"""The process that kernels are forked from: imports what they need, then forks on order.

In: on a socket, a line of JSON an order: fork a kernel, or say how one ended. Out: an answer each.
It has one thread and opens no socket of its own, so that a fork takes everything along. When the
other end of the socket is gone it kills what it forked, and ends. Must not run a notebook itself.

Sources
-------
Linux prctl(2): PR_SET_PDEATHSIG kills a kernel whose server was killed. ipykernel 7.4: an
application with a ``parent_handle`` does not print its connection file.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

# What a kernel or a runbook imports sooner or later, found by comparing sys.modules.
_NEEDED = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "encodings.idna",
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "matplotlib_inline.backend_inline",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
    "tornado.queues",
    "pandas",
    "pyarrow.parquet",
    "botocore.httpsession",
    "opslib.runbook",
)
# What runbooks have clients for.
_SERVICES = (
    *("sts", "logs", "cloudwatch", "cloudtrail", "lambda"),
    *("sqs", "dynamodb", "dynamodbstreams", "kinesis", "iam"),
)
_PR_SET_PDEATHSIG = 1
# They end the asker, who then ends kernels in good order; this process ends with its socket.
_NOT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Serve the socket whose number is the first argument."""
    for number in _NOT_FOR_US:
        signal.signal(number, signal.SIG_IGN)
    connection = socket.socket(fileno=int(sys.argv[1]))
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    # Nobody debugs a run that nobody sees; without this ipykernel loads a hundred modules for it.
    sys.modules.setdefault("debugpy", None)  # type: ignore[arg-type]
    for name in _NEEDED:
        importlib.import_module(name)
    _warm()
    # As ipykernel's own launcher: the folder this was started in is nothing to a notebook.
    if sys.path[0] == str(Path.cwd()):
        del sys.path[0]
    # What is here stays: no kernel collects it, which would copy all of it for each.
    gc.collect()
    gc.freeze()
    kernels: set[int] = set()
    with suppress(ConnectionError):
        _serve(connection, connection.makefile("rw", encoding="utf-8"), kernels)
    for pid in kernels:
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _serve(connection: socket.socket, file: TextIO, kernels: set[int]) -> None:
    for line in file:
        order = json.loads(line)
        if "ended" in order:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["ended"], 0)[1])
            kernels.discard(order["ended"])
        else:
            server = os.getpid()
            answer = os.fork()
            if answer == 0:
                # Its own close leaves it open as long as the file is.
                os.close(connection.detach())
                _be_kernel(order, server=server)
            kernels.add(answer)
        file.write(json.dumps({"answer": answer}) + "\n")
        file.flush()


def _be_kernel(order: dict[str, Any], *, server: int) -> None:
    """Turn this fresh copy into a kernel. Does not return."""
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in _NOT_FOR_US[1:]:
            signal.signal(number, signal.SIG_DFL)
        os.environ.clear()
        os.environ.update(order["environment"])
        time.tzset()
        os.chdir(order["folder"])
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance(
            argv=[*order["arguments"], f"--IPKernelApp.parent_handle={server}"]
        )
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _warm() -> None:
    """Do once what every kernel does: that imports more, finds the fonts, reads descriptions."""
    import pandas as pd

    from opslib import aws, plots
    from opslib.window import Window

    aws.read_descriptions(_SERVICES)
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    points = pd.DataFrame({"at": [window.start, window.end], "value": [0.0, 1.0]})
    for write in (points.to_csv, points.to_string, points.to_dict, points.to_html):
        write()
    panel = plots.Panel(points, [plots.Line("value", "a")], "0", "ms", 300)
    plots.png(plots.timeline([panel], window=window))


if __name__ == "__main__":
    main()
