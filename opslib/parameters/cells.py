"""What a notebook declares: its ``parameters`` cell, read as text and never run.

In: the name or path of a notebook. Out: a `Parameter` for each line of the cell, which reads
``name: type = literal  # help``; types are str, int, float, bool, dict, list, None and unions.
"""

import ast
import io
import json
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from opslib.errors import BadInput
from opslib.system import project_root

NOTHING_RAN = "Nothing ran."

_NONE = type(None)
_TYPES: dict[str, type] = {kind.__name__: kind for kind in (str, int, float, bool, dict, list)} | {
    "None": _NONE
}
#: A type as people say it.
WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
    _NONE: "null",
}


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
        return " or ".join(WORDS[kind] for kind in self.types)


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
        raise BadInput(f"There is no notebook {named}. {NOTHING_RAN}", notebook=named)
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
            f"{notebook}: the notebook cannot be read: {error.strerror}. {NOTHING_RAN}",
            notebook=str(notebook),
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{notebook}: this is not a notebook of format 4. {NOTHING_RAN}",
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
    if not set(kinds) <= set(WORDS) or type(default) not in kinds:
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
        f"type of {', '.join(_TYPES)} or a union of them. {NOTHING_RAN}",
        notebook=notebook,
        line=line,
    )
