"""Where the project is: the folder that holds params/, notebooks/ and runs/."""

import os
from pathlib import Path

from opslib.errors import BadInput


def project_root() -> Path:
    """Return the folder that holds params/, notebooks/ and runs/.

    The environment variable ``OPSLIB_HOME`` if set, else the nearest of the working directory and
    its parents that has both ``params`` and ``notebooks``.

    Raises
    ------
    BadInput
        Neither names such a folder.
    """
    home = os.environ.get("OPSLIB_HOME")
    if home:
        if not Path(home).is_dir():
            raise BadInput(f"Nothing was read: OPSLIB_HOME is {home}, which is no folder.")
        return Path(home).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "params").is_dir() and (folder / "notebooks").is_dir():
            return folder
    raise BadInput(
        f"Nothing was read: neither {here} nor a folder above it holds params/ and notebooks/. "
        "Change into the project, or set OPSLIB_HOME to it."
    )
