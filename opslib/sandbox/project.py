"""A project of its own around a sandbox: the same notebooks and params, its own runs folder.

In: a scenario and a clock. Out: a folder to set ``OPSLIB_HOME`` to, with the sandbox up behind its
``params/sandbox.yaml``, while the context lasts. So tests and recordings neither meet nor disturb a
sandbox that somebody works with. The server ends with this process, however that
ends. Must not know what is done with it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from opslib.sandbox import launcher
from opslib.sandbox.api import Progress
from opslib.system import project_root


@contextmanager
def temporary(
    scenario: str, *, clock: str | datetime = "pinned", progress: Progress = lambda _: None
) -> Iterator[Path]:
    """Keep a project with a sandbox up for as long as the context lasts.

    Parameters
    ----------
    scenario, clock, progress
        As for `launcher.up`.

    Yields
    ------
    The project's folder. Its notebooks are the real ones, by a link; its params are a copy.

    Raises
    ------
    BadInput, OpsError
        As `launcher.up`.
    """
    root = project_root()
    with tempfile.TemporaryDirectory(prefix="opslib-") as name:
        project = Path(name)
        (project / "notebooks").symlink_to(root / "notebooks", target_is_directory=True)
        shutil.copytree(root / "params", project / "params")
        # The aggregator's package takes seconds to make and is the same for every project.
        cache = root / "runs" / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        (project / "runs").mkdir()
        (project / "runs" / "cache").symlink_to(cache, target_is_directory=True)
        home = project / "runs" / "sandbox"
        launcher.up(scenario=scenario, clock=clock, home=home, progress=progress, tied=True)
        try:
            yield project
        finally:
            launcher.down(home)
