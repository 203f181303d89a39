"""The parameters that all notebooks share, held against each other: system, function, start, end.

In: typed values. Out: nothing, or a BadInput before a kernel starts and anything is asked of AWS. A
function that the system does not have, or a window that cannot be, would else be told only after
the first call.
"""

from collections.abc import Mapping, Sequence

from opslib.errors import BadInput
from opslib.parameters.cells import NOTHING_RAN, Parameter
from opslib.system import System, load, project_root
from opslib.window import instant, require_possible, wall_now

_ENDS = ("start", "end")
#: The longest deadline; a thread cannot wait for every number of seconds.
_LONGEST_S = 86_400.0


def check_shared(
    values: Mapping[str, object],
    parameters: Sequence[Parameter],
    *,
    notebook: str,
    source: str = "",
) -> None:
    """Refuse a function or table that the system does not have, a window that cannot be, approval.

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
        One of them is wrong; of a function or a table, the message says which there are.
    """
    if values.get("approve"):
        # Until the gate is built; `runbook.open` says the same to whoever comes another way.
        raise BadInput(
            f"{notebook} applies nothing: it shows its remedy as text, and `approve` is "
            f"{values['approve']}. Leave `approve` empty. {NOTHING_RAN}",
            parameter="approve",
        )
    for name in _ENDS:
        if isinstance(values.get(name), str):
            instant(name, values[name], now=wall_now())
    named = _default(parameters, "system") if "system" not in values else values["system"]
    asked = {"function", "table"} & values.keys()
    if {*_ENDS} <= {parameter.name for parameter in parameters}:
        asked |= {*_ENDS} & values.keys()
    if not asked or not isinstance(named, str | dict):
        return
    system = load(named)
    head = f"{source}: " if source else ""
    try:
        check_subject(values, system)
    except BadInput as error:
        said = error.message.removeprefix("Nothing was read: ")
        name = "table" if "table" in error.facts else "function"
        raise BadInput(
            f"{head}`{name}` of {notebook}: {said} {NOTHING_RAN}",
            parameter=name,
            notebook=notebook,
            source=source,
        ) from error
    check_window(values, parameters, system)


def check_subject(values: Mapping[str, object], system: System) -> None:
    """Refuse a function or a table that the system does not have.

    Raises
    ------
    BadInput
        There is none of that name; the message says which there are.
    """
    function, table = values.get("function"), values.get("table")
    if function and isinstance(function, str):
        system.function(function)
    known = [listed.name for listed in system.tables]
    if table and isinstance(table, str) and table not in known:
        raise BadInput(
            f"Nothing was read: {table!r} is not a table of {system.name}; it has "
            f"{', '.join(known) or 'none'}.",
            table=table,
        )


def check_window(
    values: Mapping[str, object], parameters: Sequence[Parameter], system: System | None
) -> None:
    """Refuse a window that nothing can be seen in, as far as can be told without asking AWS.

    Parameters
    ----------
    values, parameters
        What was given, and the defaults of what was not.
    system
        A sandbox's clock may stand at any time, so there only what is wrong at any time is refused;
        and so it is where no system is known.

    Raises
    ------
    BadInput
        The window is reversed, empty, in the future, too long, or too long ago.
    """
    start, end = (values.get(name, _default(parameters, name)) for name in _ENDS)
    if {*_ENDS} <= {parameter.name for parameter in parameters}:
        known = system is not None and system.environment != "sandbox"
        require_possible(start, end, wall=wall_now(), known=known)


def check_deadline(name: str, given_s: float) -> None:
    """Refuse a deadline that is none.

    Raises
    ------
    BadInput
        It is not above 0, or longer than a day.
    """
    # What is not a number fails this too: nan compares false with everything.
    if not 0 < given_s <= _LONGEST_S:
        raise BadInput(
            f"Nothing ran: the {name} is {given_s:g} s. Give a number of seconds above 0 and at "
            f"most {_LONGEST_S:.0f}.",
            seconds=given_s,
        )


def _default(parameters: Sequence[Parameter], name: str) -> object:
    return next((p.default for p in parameters if p.name == name), None)


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
