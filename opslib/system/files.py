"""Reading a params file: which file is meant, its YAML, and its validated system.

The YAML is the part on which all of YAML's readers agree: ``true`` and ``false`` are the only truth
values (``no`` is text, not false), whole numbers are decimal, an instant stays the text that was
written, no key stands twice, and digits that begin with a zero need quotes, since one reader keeps
that zero, another drops it and a third reads octal.

Source
------
YAML 1.2.2, section 10.3, core schema; without its octal and hexadecimal numbers.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from opslib.errors import BadInput
from opslib.system import problems
from opslib.system.models import System
from opslib.system.project import project_root

_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")


def load(system: str | Path | Mapping[str, object]) -> System:
    """Return the system that a notebook's ``system`` parameter means.

    Parameters
    ----------
    system
        A name (``sandbox`` is ``params/sandbox.yaml``), the path of a params file, or the mapping
        under its key ``system``.

    Raises
    ------
    BadInput
        There is no such file, or something in it is wrong; the message has file, line and key.
    """
    if isinstance(system, Mapping):
        return _validated(system, source="system", lines=None)
    path = _find(system)
    params, node = _read(path)
    if not isinstance(params.get("system"), Mapping):
        raise BadInput(
            f"{_shown(path)}: there is no `system:` mapping at the top level. Nothing ran.",
            file=str(path),
        )
    return _validated(params["system"], source=_shown(path), lines=_child(node, "system"))


def load_params(file: str | Path) -> dict[str, Any]:
    """Return the top-level keys of a params file, its ``system`` mapping validated but as written.

    Parameters
    ----------
    file
        A name or a path, as for `load`. Instants stay text, as written.

    Raises
    ------
    BadInput
        As `load`.
    """
    path = _find(file)
    params, node = _read(path)
    if isinstance(params.get("system"), Mapping):
        _validated(params["system"], source=_shown(path), lines=_child(node, "system"))
    return params


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, with the scalars of the module's text."""


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    scalars = (
        ("null", "~nN", r"~|null|Null|NULL|"),
        ("bool", "tTfF", r"true|True|TRUE|false|False|FALSE"),
        ("int", "-+0123456789", r"[-+]?(?:0|[1-9][0-9]*)"),
        ("float", "-+.0123456789", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"),
        ("merge", "<", r"<<"),
    )
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, letters, pattern in scalars:
        for letter in (*letters, "") if tag == "null" else letters:
            found = (f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"))
            resolvers.setdefault(letter, []).append(found)
    return resolvers


_Loader.yaml_implicit_resolvers = _resolvers()


def _find(system: str | Path) -> Path:
    text = str(system)
    root = project_root()
    if isinstance(system, str) and "/" not in text and not text.endswith((".yaml", ".yml")):
        path = root / "params" / f"{text}.yaml"
        if path.is_file():
            return path
        known = ", ".join(sorted(file.stem for file in (root / "params").glob("*.yaml"))) or "none"
        raise BadInput(
            f"Nothing ran: there is no system {text!r}; params/ has {known}.", system=text
        )
    for path in (Path(text), root / text):
        if path.is_file():
            return path.resolve()
    raise BadInput(f"Nothing ran: there is no params file {text}.", system=text)


def read_yaml(text: str, *, source: str) -> object:
    """Return what YAML text says, read as the module's text has it.

    Parameters
    ----------
    source
        Where it comes from, as a person would name it.

    Raises
    ------
    BadInput
        It is not YAML, or two readers of YAML would read it differently.
    """
    return _parsed(text, source=source)[0]


def _read(path: Path) -> tuple[dict[str, Any], yaml.MappingNode]:
    source = _shown(path)
    content = path.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{source}, line {line}: this is not UTF-8 text. Save it as UTF-8. Nothing ran.",
            file=str(path),
        ) from error
    params, node = _parsed(text, source=source)
    if not isinstance(node, yaml.MappingNode):
        raise BadInput(f"{source}: the file is not a mapping of parameters. Nothing ran.")
    return params, node


def _parsed(text: str, *, source: str) -> tuple[Any, yaml.Node | None]:
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        for line, sentence in _unclear(loader, node, "a value", set()):
            raise BadInput(f"{source}, line {line}: {sentence} Nothing ran.", file=source)
        return loader.construct_document(node), node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise BadInput(
            f"{source}{where}: this is not YAML: {error.problem}. Nothing ran.", file=source
        ) from error
    except yaml.reader.ReaderError as error:
        raise BadInput(
            f"{source}: this is not YAML: character {error.position + 1} is not printable. "
            "Nothing ran.",
            file=source,
        ) from error
    finally:
        if loader is not None:
            loader.dispose()


def _unclear(
    loader: yaml.SafeLoader, node: yaml.Node, key: str, seen: set[int]
) -> Iterator[tuple[int, str]]:
    """Yield what two readers of YAML might read differently: its line and a sentence.

    ``seen`` holds the nodes that were looked at: with anchors one can stand at many places.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode):
        plain = node.style is None
        if plain and _LEADING_ZERO.fullmatch(node.value):
            yield line, f'`{key}` is the number {node.value}; quote it: {key}: "{node.value}".'
        resolved = loader.resolve(yaml.ScalarNode, node.value, (plain, not plain))  # type: ignore[no-untyped-call]
        if node.tag != resolved:
            yield line, f"`{key}` has a tag of its own, with !; write the value alone."
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _unclear(loader, item, key, seen)
    elif isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for name, value in node.value:
            written = str(name.value) if isinstance(name, yaml.ScalarNode) else "a key"
            if isinstance(name, yaml.ScalarNode) and written in names:
                yield name.start_mark.line + 1, f"`{written}` is there twice."
            names.add(written)
            yield from _unclear(loader, value, written, seen)


def _validated(mapping: Mapping[str, object], *, source: str, lines: yaml.Node | None) -> System:
    try:
        return System.model_validate(dict(mapping))
    except ValidationError as error:
        found = problems.sentences(error, source=source, lines=lines)
        raise BadInput(
            "\n".join([*found, "Nothing ran."]), problems=tuple(found), file=source
        ) from error


def _child(node: yaml.MappingNode, name: str) -> yaml.Node:
    child: yaml.Node = next(value for key, value in node.value if key.value == name)
    return child


def _shown(path: Path) -> str:
    """Return the path as a person would type it: relative to the project where it lies in it."""
    root = project_root()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
