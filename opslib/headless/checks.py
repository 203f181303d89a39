"""What is refused before anything is made or started.

In: deadlines, notebook and values, as `run` was given them. Out: the notebook as read and the
system, or a BadInput. The kernel checks all of it again, and more; but a kernel takes a second, and
a report of a typing error helps nobody.
Must not ask AWS.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat

from opslib.errors import BadInput, OpsError
from opslib.parameters import Parameter
from opslib.system import System, load, load_params
from opslib.window import Window, instant, wall_now

#: The longest deadline; a thread cannot wait for every number of seconds.
_LONGEST_S = 86_400.0


def bounded(name: str, given_s: float) -> None:
    """Refuse a deadline that is none."""
    # What is not a number fails this too: nan compares false with everything.
    if not 0 < given_s <= _LONGEST_S:
        raise BadInput(
            f"Nothing ran: the {name} is {given_s:g} s. Give a number of seconds above 0 and at "
            f"most {_LONGEST_S:.0f}.",
            seconds=given_s,
        )


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
    """Refuse a function that the system does not have, and instants that are none.

    What ``now`` is, AWS alone knows; so only what is wrong at any time is refused here.
    """
    takes = {parameter.name for parameter in parameters}
    function = values.get("function")
    if system is not None and "function" in takes and isinstance(function, str) and function:
        system.function(function)
    if not {"start", "end"} <= takes:
        return
    now = wall_now()
    given = [values.get(name, _default(parameters, name)) for name in ("start", "end")]
    start, end = (
        instant(name, value, now=now) for name, value in zip(("start", "end"), given, strict=True)
    )
    relative = [not isinstance(value, str) or value.strip()[:1] in ("-", "n") for value in given]
    if relative[0] == relative[1]:
        Window.between(start, end, now=now if relative[0] else end + timedelta(days=1))


def _default(parameters: Sequence[Parameter], name: str) -> object:
    return next((p.default for p in parameters if p.name == name), None)
