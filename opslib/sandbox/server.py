"""The sandbox's server process: ``python -m opslib.sandbox.server``, started by the launcher.

In: a listening socket, and the environment of `environment.server_environment`, which must be in
place before the emulator is imported. Out: HTTP on that socket until SIGTERM, or until whoever
holds the other end of a pipe has gone. Must not know scenarios.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import threading
import time
from pathlib import Path

from opslib.sandbox import clock as clocks
from opslib.sandbox import environment

# What ending in good order may take when nobody waits for it any more.
_GRACE_S = 5.0


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m opslib.sandbox.server")
    parser.add_argument("--fd", type=int, required=True, help="the bound socket, inherited")
    parser.add_argument("--port", type=int, required=True, help="the port it is bound to")
    parser.add_argument("--clock", required=True, help="live, or an ISO 8601 instant")
    parser.add_argument("--home", type=Path, required=True, help="where files are kept")
    parser.add_argument("--instance", required=True, help="tells this server from any other")
    parser.add_argument("--owner", type=int, help="a pipe, inherited, that closes with its owner")
    arguments = parser.parse_args()
    # Lambda workers inherit the working directory: give them nothing of the caller's.
    os.chdir(arguments.home)
    asyncio.run(
        _serve(
            fd=arguments.fd,
            port=arguments.port,
            clock=clocks.of(arguments.clock),
            instance=arguments.instance,
            owner=arguments.owner,
        )
    )


async def _serve(
    *, fd: int, port: int, clock: clocks.Clock, instance: str, owner: int | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if owner is not None:
        # A thread of its own: the loop may be held up by what a function does.
        threading.Thread(target=_end_with, args=(owner, loop, stop), daemon=True).start()
    # Imported here, for the emulator reads the environment as it is imported, and main() may yet
    # refuse its arguments.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    from opslib.sandbox.emulator.alarms import judge_alarms
    from opslib.sandbox.emulator.state import keep_old_metrics, match_dimensions_exactly
    from opslib.sandbox.wrapper import Wrapper

    keep_old_metrics()
    match_dimensions_exactly()
    judge_alarms()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"fd://{fd}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.loglevel = "WARNING"
    await serve(
        Wrapper(
            app,
            clock=clock,
            port=port,
            instance=instance,
            account=environment.ACCOUNT,
            region=environment.REGION,
        ),
        config,
        shutdown_trigger=stop.wait,
    )


def _end_with(owner: int, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Wait until the owner has gone; then end in good order, or at least end."""
    os.read(owner, 1)
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)
    time.sleep(_GRACE_S)
    # Its workers see that their pipes are closed, and end too.
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
