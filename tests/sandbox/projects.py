"""Projects with a sandbox of their own, for the tests beside this file."""

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from opslib.sandbox.api import Sandbox

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class SandboxProject:
    """A folder like a newcomer's checkout, and the sandbox that is up in it."""

    root: Path
    sandbox: Sandbox


def reset(sandbox: Sandbox) -> None:
    """Empty a sandbox of everything that was deployed, seeded or told."""
    order = Request(f"{sandbox.endpoint}/_ministack/reset", method="POST")  # noqa: S310
    with urlopen(order, timeout=60) as answer:  # noqa: S310 - loopback
        assert answer.status == 200


def processes_of(home: Path) -> list[int]:
    """List the processes whose environment names a sandbox's folder: the server and its workers."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(home).encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


MakeProject = Callable[..., SandboxProject]
"""``sandbox_project(scenario="slow", clock="pinned")``."""


def lay_out(root: Path) -> None:
    """Make the folder: the params file of the sandbox as it is committed, and the notebooks."""
    (root / "params").mkdir()
    shutil.copy(CHECKOUT / "params" / "sandbox.yaml", root / "params" / "sandbox.yaml")
    (root / "notebooks").symlink_to(CHECKOUT / "notebooks", target_is_directory=True)
    # The aggregator's package takes seconds to make and is the same for every project.
    cache = CHECKOUT / "runs" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    (root / "runs").mkdir()
    (root / "runs" / "cache").symlink_to(cache, target_is_directory=True)
