"""The parameters that all notebooks share, held against each other: system, function, start, end.

In: typed values. Out: nothing, or a BadInput before anything is asked of AWS. A function that the
system does not have, or an instant that cannot be read, would else be told only after the first
call.
"""

from collections.abc import Mapping, Sequence

from opslib.errors import BadInput
from opslib.parameters.cells import NOTHING_RAN, Parameter
from opslib.system import load, project_root
from opslib.window import instant, wall_now


def check_shared(
    values: Mapping[str, object],
    parameters: Sequence[Parameter],
    *,
    notebook: str,
    source: str = "",
) -> None:
    """Refuse a function that the system does not have, and instants that cannot be read.

    Parameters
    ----------
    values
        What was given, typed; what was not given is not looked at.
    parameters
        What the notebook declares; its default is the system where none was given.
    notebook
        Its name, ``20-duration``.
    source
        Where the values come from, as a person would name it.

    Raises
    ------
    BadInput
        One of them is wrong; of a function, the message says which there are.
    """
    for name in ("start", "end"):
        if isinstance(values.get(name), str):
            instant(name, values[name], now=wall_now())
    named = values.get("function")
    default = next((p.default for p in parameters if p.name == "system"), None)
    system = values.get("system", default)
    if not named or not isinstance(named, str) or not isinstance(system, str | dict):
        return
    try:
        load(system).function(named)
    except BadInput as error:
        if "function" not in error.facts:
            raise
        head = f"{source}: " if source else ""
        said = error.message.removeprefix("Nothing was read: ")
        raise BadInput(
            f"{head}`function` of {notebook}: {said} {NOTHING_RAN}",
            parameter="function",
            notebook=notebook,
            source=source,
        ) from error


def require_system(
    values: Mapping[str, object], parameters: Sequence[Parameter], *, notebook: str, person: bool
) -> None:
    """Refuse to fall back on the notebook's own system where nobody sees which one it is.

    Parameters
    ----------
    values
        What was given.
    parameters
        What the notebook declares.
    notebook
        Its name.
    person
        Whether a person is at the terminal, who sees the system in the first line.

    Raises
    ------
    BadInput
        No system was given, the notebook takes one, and there is no person.
    """
    if person or "system" in values or "system" not in {p.name for p in parameters}:
        return
    files = sorted((project_root() / "params").glob("*.yaml"))
    known = ", ".join(file.stem for file in files) or "none"
    raise BadInput(
        f"-p: no system was named for {notebook}, and no person is here to see which one is the "
        f"default. Give -f params/NAME.yaml or -p system NAME; params/ has {known}. {NOTHING_RAN}",
        parameter="system",
        notebook=notebook,
    )
