"""Small functions that really run on the sandbox, for the tests beside this file."""

import io
import time
import zipfile
from typing import Any

from opslib.sandbox.api import Sandbox

#: For what must not hang, however busy the machine is.
MINUTE_S = 60.0


def package(source: str) -> bytes:
    """Zip a handler module as Lambda takes it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("index.py", source)
    return held.getvalue()


def make(sandbox: Sandbox, name: str, *, source: str, timeout_s: int = 10) -> None:
    """Create a function and wait until it is active."""
    lambda_ = sandbox.client("lambda")
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": package(source)},
        Timeout=timeout_s,
    )
    settle(lambda_, name)


#: A handler's function that waits until so many files are in a folder; each caller adds its own.
TOGETHER = """
import os, time

def together(folder, name, count):
    open(f"{folder}/{name}", "w").close()
    wait_for(lambda: len(os.listdir(folder)) >= count)

def wait_for(condition):
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
"""


def settle(lambda_: Any, name: str) -> None:
    """Wait until a function is active and no update of it is under way."""
    deadline = time.monotonic() + MINUTE_S
    while time.monotonic() < deadline:
        now = lambda_.get_function_configuration(FunctionName=name)
        if (now["State"], now.get("LastUpdateStatus")) == ("Active", "Successful"):
            return
        time.sleep(0.05)
    raise TimeoutError(f"{name} did not become active")
