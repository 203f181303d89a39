"""Small functions that really run on the sandbox, for the tests beside this file."""

import io
import time
import zipfile
from typing import Any

from opslib.sandbox.api import Sandbox

_DEADLINE_S = 10.0


def package(source: str) -> bytes:
    """Zip a handler module as Lambda takes it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("index.py", source)
    return held.getvalue()


def make(sandbox: Sandbox, name: str, *, source: str) -> None:
    """Create a function and wait until it is active."""
    lambda_ = sandbox.client("lambda")
    lambda_.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": package(source)},
        Timeout=10,
    )
    settle(lambda_, name)


def settle(lambda_: Any, name: str) -> None:
    """Wait until a function is active and no update of it is under way."""
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        now = lambda_.get_function_configuration(FunctionName=name)
        if (now["State"], now.get("LastUpdateStatus")) == ("Active", "Successful"):
            return
        time.sleep(0.05)
    raise TimeoutError(f"{name} did not become active")
