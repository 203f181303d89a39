"""What is refused before anything is made or started.

In: notebook and values, as `run` was given them. Out: the notebook as read and the system, or a
BadInput. The kernel checks all of it again, and more; but a kernel takes a second, and a report of
a typing error helps nobody.
Must not ask AWS.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from opslib.errors import OpsError
from opslib.parameters import Parameter, check_subject, check_window
from opslib.system import System, load, load_params


def read(notebook: Path) -> Any:
    """Return a notebook without what an earlier execution left in it."""
    try:
        node = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        said = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise OpsError(
            f"{notebook}: this is not a notebook: {said[0][:300]} Nothing ran."
        ) from error
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return node


def system(values: dict[str, object], parameters: Sequence[Parameter]) -> System | None:
    """Return the system of the run, so that a wrong one is refused before a kernel starts.

    A path becomes the mapping in that file: the kernel works in another folder, and the executed
    notebook then says by itself which system it looked at.
    """
    given = values.get("system", _default(parameters, "system"))
    if not isinstance(given, str | Mapping):
        return None
    found = load(given)
    if isinstance(given, str) and ("/" in given or given.endswith((".yaml", ".yml"))):
        values["system"] = load_params(given)["system"]
    return found


def subject(
    values: Mapping[str, object], parameters: Sequence[Parameter], system: System | None
) -> None:
    """Refuse a function or table that the system does not have, and a window that cannot be.

    What ``now`` is to the minute, AWS alone knows; so only what is wrong around it is refused here.
    """
    takes = {parameter.name for parameter in parameters}
    if system is not None and "function" in takes:
        check_subject(values, system)
    check_window(values, parameters, system)


def _default(parameters: Sequence[Parameter], name: str) -> object:
    return next((p.default for p in parameters if p.name == name), None)
