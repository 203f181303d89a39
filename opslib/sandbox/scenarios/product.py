"""The product itself, zae-limiter's aggregator: which version, its package, a release that fails.

In: a folder to keep packages in. Out: the bytes of a deployment package, made by the product's own
exporter. Must not know a sandbox, nor where the function runs.
"""

import importlib.metadata
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from opslib.errors import OpsError

_PACKAGE_DEADLINE_S = 300
_HANDLER = "zae_limiter_aggregator/handler.py"
_MISSED = (
    b"snapshots_updated=result.snapshots_updated",
    b"snapshots_updated=result.snapshots_written",
)


def _version() -> str:
    """Tell the version of zae-limiter that is installed, and so deployed."""
    return importlib.metadata.version("zae-limiter")


def package(cache: Path) -> bytes:
    """Give the function's deployment package, as the product's own exporter makes it.

    Making it takes about six seconds, since it installs the function's dependencies for Lambda's
    platform; so it is kept, one file for each version of the product and of Python.

    Parameters
    ----------
    cache
        Folder to keep it in; made when missing.

    Raises
    ------
    OpsError
        The exporter failed: most often pip could not reach its index.
    """
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    kept = cache / f"zae-limiter-{_version()}-aggregator-py{python}.zip"
    if kept.is_file():
        return kept.read_bytes()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        made = Path(folder) / "aggregator.zip"
        _export(made)
        # In one step, so that a second sandbox never reads half a package.
        made.replace(kept)
    return kept.read_bytes()


def _export(target: Path) -> None:
    # The exporter looks for a Python of this version on the path; a venv need not be on it.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and constant arguments
            [sys.executable, "-m", "zae_limiter.cli", "lambda-export", "--output", str(target)],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=_PACKAGE_DEADLINE_S,
            check=False,
        )
        ended = f"ended with {done.returncode}"
    except subprocess.TimeoutExpired:
        ended = f"was not done after {_PACKAGE_DEADLINE_S} s"
    if not target.is_file():
        raise OpsError(
            "The aggregator was not deployed: its package could not be made. "
            f"zae-limiter lambda-export {ended}. It installs dependencies with pip and needs a "
            "package index; run it by hand to see why.",
        )


def broken(code: bytes) -> bytes:
    """Make a release that fails: the same package, but for one name that a refactoring missed.

    Every record is processed; then the handler raises AttributeError as it reports the result, so
    Lambda counts the invocation as failed and tries its records again.
    """
    source, target = io.BytesIO(code), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            content = old.read(item)
            if item.filename == _HANDLER:
                content = content.replace(*_MISSED, 1)
                if content == old.read(item):
                    raise OpsError(
                        f"No broken release was made: {_HANDLER} of zae-limiter "
                        f"{_version()} has no {_MISSED[0].decode()!r}. Choose another line."
                    )
            new.writestr(item, content)
    return target.getvalue()
