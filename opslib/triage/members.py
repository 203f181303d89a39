"""The folder of a triage and the run folders that its index leads to.

In: the folder. Out: what its index says, the folders of its runs, and its page anew. Must not run
anything.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opslib import run_folder
from opslib.errors import BadInput
from opslib.triage import page

# Beside a page on paper there are no files.
_BESIDE = re.compile(r'\shref="\.\./[^"]*"')


def index_of(folder: Path) -> Mapping[str, Any]:
    """Return what the index of a triage says.

    Raises
    ------
    BadInput
        It is not as the triage left it, or the triage never finished.
    """
    changed = run_folder.differences(folder, names=(run_folder.INDEX,))
    if changed:
        raise BadInput(
            f"Not rendered: {' '.join(changed)} A page of it would not tell what the triage saw; "
            f"{run_folder.PAGE} is as it was. See all that differs with: opslib verify {folder}"
        )
    index: Mapping[str, Any] = json.loads((folder / run_folder.INDEX).read_text(encoding="utf-8"))
    return index


def runs_of(folder: Path, index: Mapping[str, Any]) -> list[Path]:
    """Return the folder of each run, in the order of the index; each beside the triage's own."""
    return [folder.resolve().parent / Path(run["run_id"]).name for run in index["runs"]]


def page_of(index: Mapping[str, Any], *, on_paper: bool = False) -> str:
    """Return the index page anew; on paper, without links to files beside it."""
    made = page.render(index, timezone=index.get("timezone", "UTC"))
    return _BESIDE.sub("", made) if on_paper else made
