"""The strict reading of what a notebook is given: from files, from a command line, from a program.

In: names and values, and what the notebook declares. Out: typed values, or a BadInput that names
the file, the parameter and what it takes.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from opslib.errors import BadInput
from opslib.parameters.cells import NOTHING_RAN, WORDS, Parameter
from opslib.parameters.shared import check_shared
from opslib.system import load_params, read_yaml

#: The source of values that papermill injected.
PAPERMILL = "papermill"

_NONE = type(None)
_PLAN = "plan-"
# What a whole number of a notebook may be: `dead_letters.MOST` messages are looked at at most.
_BOUNDS = {"sample": (0, 500)}


def check(
    values: Mapping[str, object], parameters: Sequence[Parameter], *, notebook: str, source: str
) -> dict[str, object]:
    """Return the values as the notebook takes them, or refuse.

    Parameters
    ----------
    values
        Names and typed values, as YAML or a program gives them.
    parameters
        What the notebook declares.
    notebook
        Its name, ``20-duration``.
    source
        Where the values come from, as a person would name it: a file, or ``-p``.

    Returns
    -------
    The same values, whole numbers turned into floats where only a float is declared.

    Raises
    ------
    BadInput
        A name the notebook does not take, or a value of another type. A bool is no number, a
        number is no text, and text is never read as anything else.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in values:
        if name not in known:
            raise _unknown(name, parameters, notebook=notebook, source=source)
    return {
        name: _typed(value, known[name], notebook=notebook, source=source)
        for name, value in values.items()
    }


def from_text(text: str, parameter: Parameter, *, notebook: str, source: str) -> object:
    """Return the value that a person typed on a command line, by the declared type.

    Where text is declared, text stays text to the last zero. Otherwise ``true`` and ``false`` are
    the only bools, numbers are decimal and do not begin with a zero that would be lost, and
    mappings and lists are YAML.

    Raises
    ------
    BadInput
        It cannot be read as the declared type.
    """
    value: object = text
    if str not in parameter.types:
        readings = (_read_as(kind, text) for kind in parameter.types)
        value = next((found for found in readings if found is not _UNREAD), text)
    return _typed(value, parameter, notebook=notebook, source=source)


def collect(
    parameters: Sequence[Parameter],
    *,
    notebook: str,
    files: Sequence[str | Path] = (),
    pairs: Sequence[tuple[str, str]] = (),
) -> dict[str, object]:
    """Return what params files and ``-p NAME VALUE`` pairs say together.

    Parameters
    ----------
    parameters
        What the notebook declares.
    notebook
        Its name, for messages.
    files
        Names or paths of params files; a later one overrides an earlier one.
    pairs
        Names and texts; they override the files.

    Returns
    -------
    Typed values; a parameter that nobody gave is absent, and the notebook's default holds.

    Raises
    ------
    BadInput
        As `check` and `from_text`; a file that is missing or wrong; a name given twice by ``-p``.
    """
    values: dict[str, object] = {}
    for file in files:
        values |= check(load_params(file), parameters, notebook=notebook, source=str(file))
    known = {parameter.name: parameter for parameter in parameters}
    seen: set[str] = set()
    for name, text in pairs:
        if name not in known:
            raise _unknown(name, parameters, notebook=notebook, source="-p")
        if name in seen:
            raise BadInput(
                f"-p: `{name}` is given twice. Give it once. {NOTHING_RAN}", parameter=name
            )
        seen.add(name)
        values[name] = from_text(text, known[name], notebook=notebook, source="-p")
    source = "-p" if {"function", "table"} & seen else ", ".join(map(str, files))
    check_shared(values, parameters, notebook=notebook, source=source)
    return values


_UNREAD = object()


def _read_as(kind: type, text: str) -> object:
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), _UNREAD)
    if kind is int:
        whole = re.fullmatch(r"[+-]?(?:0|[1-9]\d*)", text, re.ASCII)
        return int(text) if whole else _UNREAD
    if kind is float:
        number = re.fullmatch(r"[+-]?((0|[1-9]\d*)\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII)
        return float(text) if number and math.isfinite(float(text)) else _UNREAD
    if kind is _NONE:
        return None if text == "null" else _UNREAD
    try:
        value = read_yaml(text, source="-p")
    except BadInput:
        return _UNREAD
    return value if isinstance(value, kind) else _UNREAD


def _typed(value: object, parameter: Parameter, *, notebook: str, source: str) -> object:
    name, kinds = parameter.name, parameter.types
    if float in kinds and int not in kinds and type(value) is int:
        value = float(value)
    if type(value) not in kinds or (isinstance(value, float) and not math.isfinite(value)):
        shown = WORDS.get(type(value), type(value).__name__)
        if isinstance(value, bool | int | float):
            shown = f"{json.dumps(value)}, {shown}"
        advice = _advice(value, parameter, source=source)
        raise BadInput(
            f"{source}: `{name}` of {notebook} takes {parameter.takes}, not {shown}."
            f"{advice} {NOTHING_RAN}",
            parameter=name,
            notebook=notebook,
            source=source,
        )
    least, most = _BOUNDS.get(name, (-math.inf, math.inf))
    if type(value) is int and not least <= value <= most:
        raise BadInput(
            f"{source}: `{name}` of {notebook} takes {least} to {most}, not {value}. {NOTHING_RAN}",
            parameter=name,
            notebook=notebook,
            source=source,
        )
    if name == "approve" and value != "" and not str(value).startswith(_PLAN):
        raise BadInput(
            f"{source}: `approve` of {notebook} takes the token of a plan that was shown, as "
            f"plan-ac75c7cb, or nothing. {NOTHING_RAN}",
            parameter=name,
            notebook=notebook,
            source=source,
        )
    return value


def _advice(value: object, parameter: Parameter, *, source: str) -> str:
    """Say how to give it so that it stays what was written."""
    if source == "-p" and isinstance(value, str):
        zero = re.fullmatch(r"[+-]?0\d+\.?\d*", value, re.ASCII)
        return " A number begins with no zero, which would be lost." if zero else ""
    if str not in parameter.types or not isinstance(value, bool | int | float):
        return ""
    if source == PAPERMILL:
        return (
            f" papermill took the text for more than text, and a leading zero is lost: give it "
            f"with -r {parameter.name} TEXT, or in quotes in a file."
        )
    return f" Put it in quotes: {parameter.name}: '{json.dumps(value)}'."


def _unknown(
    name: object, parameters: Sequence[Parameter], *, notebook: str, source: str
) -> BadInput:
    takes = ", ".join(parameter.name for parameter in parameters) or "none"
    return BadInput(
        f"{source}: `{name}` is not a parameter of {notebook}; it takes {takes}. {NOTHING_RAN}",
        parameter=str(name),
        notebook=notebook,
        source=source,
    )
