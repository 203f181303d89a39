"""What a notebook takes, and the strict reading of what it is given.

In: a notebook's ``parameters`` cell (read as text, never run), params files, ``-p NAME VALUE``
pairs of a command line, or the cells a kernel ran. Out: typed values, or a BadInput that names the
file, the parameter and what it takes. papermill itself only warns about an unknown name, hands
``-p approve false`` on as a true string and drops the leading zeros of an account; here all of this
is decided before a kernel is started, and again in the kernel for whoever runs papermill bare.

The cell holds lines ``name: type = literal  # help``; types are str, int, float, bool, dict, list,
None and unions of them. Must not know AWS or what any one parameter is for, but for ``approve``:
that takes the token of a plan or nothing, and an early refusal is cheap.

Source
------
papermill 2.7: the injected cell begins with the line ``# Parameters``, holds plain assignments, and
stands directly after the cell tagged ``parameters``.
"""

import ast
import io
import json
import math
import re
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from opslib.errors import BadInput
from opslib.system import load_params, project_root

_NONE = type(None)
_TYPES: dict[str, type] = {kind.__name__: kind for kind in (str, int, float, bool, dict, list)} | {
    "None": _NONE
}
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
    _NONE: "null",
}
_INJECTED = "# Parameters"
_PLAN = "plan-"
_NOTHING_RAN = "Nothing ran."


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a notebook, as its ``parameters`` cell declares it.

    Parameters
    ----------
    name
        The Python name.
    types
        The types it takes; float takes whole numbers too, and no type takes another's text.
    default
        The literal in the notebook.
    help
        The comment at the end of its line, empty when there is none.
    """

    name: str
    types: tuple[type, ...]
    default: object
    help: str = ""

    @property
    def takes(self) -> str:
        """What it takes, for people: ``text or a mapping``."""
        return " or ".join(_WORDS[kind] for kind in self.types)


def find_notebook(named: str) -> Path:
    """Return the notebook that a name, a number or a path means.

    Parameters
    ----------
    named
        ``duration``, ``20``, ``20-duration``, or the path of an .ipynb file: from the working
        directory, else from the project root.

    Raises
    ------
    BadInput
        There is none, or there are several.
    """
    if named.endswith(".ipynb") or "/" in named:
        path = Path(named)
        if not path.is_file() and not path.is_absolute():
            path = project_root() / named
        if path.is_file():
            return path.resolve()
        raise BadInput(f"There is no notebook {named}. {_NOTHING_RAN}", notebook=named)
    every = sorted((project_root() / "notebooks").glob("*.ipynb"))
    wanted = named.zfill(2) if named.isdecimal() else named
    found = [p for p in every if wanted in (p.stem, *p.stem.split("-", 1))]
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.stem for path in found or every) or "none"
    said = f"{named} means several notebooks" if found else f"there is no notebook {named}"
    raise BadInput(f"Nothing ran: {said}; notebooks/ has {names}.", notebook=named)


def declared(notebook: Path) -> list[Parameter]:
    """Return what a notebook takes, in the order of its ``parameters`` cell.

    Parameters
    ----------
    notebook
        An .ipynb file. Nothing of it is run.

    Returns
    -------
    Empty when no cell is tagged ``parameters``.

    Raises
    ------
    BadInput
        The file is no notebook, or a line of the cell is not ``name: type = literal``.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        tagged = [c for c in cells if "parameters" in c.get("metadata", {}).get("tags", [])]
        source = "".join(tagged[0]["source"]) if tagged else ""
    except OSError as error:
        raise BadInput(
            f"{notebook}: the notebook cannot be read: {error.strerror}. {_NOTHING_RAN}",
            notebook=str(notebook),
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{notebook}: this is not a notebook of format 4. {_NOTHING_RAN}",
            notebook=str(notebook),
        ) from error
    return declared_in(source, notebook=notebook.stem)


def declared_in(source: str, *, notebook: str) -> list[Parameter]:
    """Return what the source of one ``parameters`` cell declares; see `declared`."""
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise _bad_line(notebook, error.lineno or 1) from error
    comments = _comments(source)
    return [_declaration(s, comments, notebook=notebook) for s in statements]


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
    the only bools, numbers are decimal, and mappings and lists are YAML.

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
                f"-p: `{name}` is given twice. Give it once. {_NOTHING_RAN}", parameter=name
            )
        seen.add(name)
        values[name] = from_text(text, known[name], notebook=notebook, source="-p")
    return values


def check_injected(sources: Sequence[str], *, notebook: str = "this notebook") -> dict[str, object]:
    """Check, inside a kernel, what bare papermill injected without looking.

    Parameters
    ----------
    sources
        The cells the kernel has run so far, oldest first: IPython's ``In``.
    notebook
        Its name, for messages.

    Returns
    -------
    Names and values of the newest injected cell; empty when there is none, as in JupyterLab.

    Raises
    ------
    BadInput
        A name that the cell before it does not declare, a value of another type, or a line that is
        not ``name = literal``.
    """
    found = [i for i, source in enumerate(sources) if _is_injected(source)]
    if not found:
        return {}
    position = found[-1]
    values: dict[str, object] = {}
    for statement in ast.parse(sources[position]).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            raise BadInput(
                f"-p: a parameter of {notebook} was given under a name that is code. {_NOTHING_RAN}"
            )
        values[statement.targets[0].id] = _literal(statement.value)
    before = next((s for s in reversed(sources[:position]) if s.strip()), "")
    return check(
        values, declared_in(before, notebook=notebook), notebook=notebook, source="papermill"
    )


_UNREAD = object()


def _read_as(kind: type, text: str) -> object:
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), _UNREAD)
    if kind is int:
        return int(text) if re.fullmatch(r"[+-]?\d+", text, re.ASCII) else _UNREAD
    if kind is float:
        number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII)
        return float(text) if number and math.isfinite(float(text)) else _UNREAD
    if kind is _NONE:
        return None if text == "null" else _UNREAD
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return _UNREAD
    return value if isinstance(value, kind) else _UNREAD


def _typed(value: object, parameter: Parameter, *, notebook: str, source: str) -> object:
    name, kinds = parameter.name, parameter.types
    if float in kinds and int not in kinds and type(value) is int:
        value = float(value)
    if type(value) not in kinds or (isinstance(value, float) and not math.isfinite(value)):
        shown = _WORDS.get(type(value), type(value).__name__)
        if isinstance(value, bool | int | float):
            shown = f"{json.dumps(value)}, {shown}"
        quote = isinstance(value, bool | int | float) and str in kinds
        advice = f" Put it in quotes: {name}: '{json.dumps(value)}'." if quote else ""
        raise BadInput(
            f"{source}: `{name}` of {notebook} takes {parameter.takes}, not {shown}."
            f"{advice} {_NOTHING_RAN}",
            parameter=name,
            notebook=notebook,
            source=source,
        )
    if name == "approve" and value != "" and not str(value).startswith(_PLAN):
        raise BadInput(
            f"{source}: `approve` of {notebook} takes the token of a plan that was shown, as "
            f"plan-ac75c7cb, or nothing. {_NOTHING_RAN}",
            parameter=name,
            notebook=notebook,
            source=source,
        )
    return value


def _unknown(
    name: object, parameters: Sequence[Parameter], *, notebook: str, source: str
) -> BadInput:
    takes = ", ".join(parameter.name for parameter in parameters) or "none"
    return BadInput(
        f"{source}: `{name}` is not a parameter of {notebook}; it takes {takes}. {_NOTHING_RAN}",
        parameter=str(name),
        notebook=notebook,
        source=source,
    )


def _is_injected(source: str) -> bool:
    """Tell papermill's cell from a person's own that happens to begin with the same comment."""
    if source.partition("\n")[0].strip() != _INJECTED:
        return False
    return not any(isinstance(s, ast.AnnAssign) for s in ast.parse(source).body)


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        # papermill writes what is not finite as float('nan') and float('inf').
        return math.nan


def _declaration(statement: ast.stmt, comments: Mapping[int, str], *, notebook: str) -> Parameter:
    line = statement.lineno
    comment = comments.get(statement.end_lineno or line, "")
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as v):
            kinds = _kinds(annotation)
        case ast.Assign(targets=[ast.Name(id=name)], value=v):
            kinds = ()
        case _:
            raise _bad_line(notebook, line)
    try:
        default = ast.literal_eval(v)
    except ValueError as error:
        raise _bad_line(notebook, line) from error
    kinds = kinds or (type(default),)
    if name == "system" and dict not in kinds:
        # A params file holds the mapping itself. The notebooks say `str`, since papermill does not
        # see a parameter that is annotated with a union, and warns that it is unknown.
        kinds = (*kinds, dict)
    if not set(kinds) <= set(_WORDS) or type(default) not in kinds:
        raise _bad_line(notebook, line)
    return Parameter(name=name, types=kinds, default=default, help=comment)


def _kinds(annotation: ast.expr) -> tuple[type, ...]:
    """Return the types of an annotation, in its order; object for one that is not known."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return (*_kinds(left), *_kinds(right))
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
            return (_TYPES.get(name, object),)
        case ast.Constant(value=None):
            return (_NONE,)
    return (object,)


def _comments(source: str) -> dict[int, str]:
    """Return the comment of each line that has one, without its mark."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _bad_line(notebook: str, line: int) -> BadInput:
    return BadInput(
        f"{notebook}: line {line} of its parameters cell is not `name: type = literal`, with a "
        f"type of {', '.join(_TYPES)} or a union of them. {_NOTHING_RAN}",
        notebook=notebook,
        line=line,
    )
