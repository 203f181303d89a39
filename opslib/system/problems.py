"""What is wrong with a params file, in sentences: file, line, key, what was found, what is allowed.

In: pydantic's errors and the YAML nodes that the mapping was read from. Out: one sentence each.
"""

import types
import typing
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from opslib.system.models import Broken, Place, System

_BOUNDS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}


def sentences(error: ValidationError, *, source: str, lines: yaml.Node | None) -> list[str]:
    """Return one sentence for each thing that is wrong.

    Parameters
    ----------
    source
        The file as a person would name it.
    lines
        The node of ``system``; None when the mapping was not read from a file.
    """
    return [
        sentence
        for found in error.errors()
        for sentence in _told(found, source=source, lines=lines)
    ]


def where(lines: yaml.Node | None, place: Place, *, source: str) -> str:
    """Return the file and line of what stands there: ``params/orders.yaml, line 4``."""
    _, line = _locate(lines, place)
    return source if line is None else f"{source}, line {line}"


def _told(found: Any, *, source: str, lines: yaml.Node | None) -> Iterator[str]:
    place = tuple(step for step in found["loc"] if step != "[key]")
    inner = found.get("ctx", {}).get("error")
    if isinstance(inner, Broken):
        for deeper, sentence in inner.problems:
            at = where(lines, (*place, *deeper), source=source)
            yield f"{at}: `{_key(deeper)}`: {sentence}."
        return
    node, _ = _locate(lines, place)
    yield f"{where(lines, place, source=source)}: {_said(found, place, node)}"


def _said(found: Any, place: Place, node: yaml.Node | None) -> str:
    kind, key, value = found["type"], _key(place), found["input"]
    if kind == "invalid_key" or "[key]" in found["loc"]:
        return f'`{place[-1]}` is no text, and keys are; quote it: "{place[-1]}".'
    if kind == "extra_forbidden":
        return f"`{place[-1]}` is not a key of {_key(place[:-1])}; it takes {_keys(place[:-1])}."
    if kind == "missing":
        return f"`{key}` is missing."
    shown = node.value if isinstance(node, yaml.ScalarNode) else value
    if place == ("account",):
        return _account(shown, is_text=kind != "string_type")
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f'`{key}` is {_word(value)} {shown}; quote it: {place[-1]}: "{shown}".'
    if kind == "literal_error":
        return f"`{key}` is {value!r}; it takes {found['ctx']['expected']}."
    if kind in _BOUNDS:
        word, bound = _BOUNDS[kind]
        return f"`{key}` is {value}; it takes {word} {found['ctx'][bound]}."
    takes = _takes(kind, place)
    if takes:
        held = f" {shown!r}" if isinstance(value, str | bool | int | float) else ""
        return f"`{key}` is {_word(value)}{held}; it takes {takes}."
    said = found["msg"].removeprefix("Value error, ")
    return f"`{key}`: {said[0].lower()}{said[1:]}."


def _takes(kind: str, place: Place) -> str:
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        return f"a mapping with {_keys(place) or 'keys of your own'}"
    return {
        "tuple_type": "a list",
        "string_type": "text",
        "int_type": "a whole number, without quotes",
        "float_type": "a number, without quotes",
        "bool_type": "true or false, without quotes",
    }.get(kind, "")


def _account(shown: object, *, is_text: bool) -> str:
    if is_text:
        return f"`account` is {shown!r}; it takes 12 digits in quotes."
    digits = str(shown)
    quoted = digits if len(digits) == 12 and digits.isdigit() else "<12 digits>"
    return f'`account` is the number {shown}; quote it: account: "{quoted}".'


def _word(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "the truth value"
        case int() | float():
            return "the number"
        case str():
            return "the text"
        case dict():
            return "a mapping"
    return "a list"


def _key(place: Place) -> str:
    return ".".join(str(step) for step in place) or "system"


def _keys(place: Place) -> str:
    model = _model_at(place)
    return "" if model is None else ", ".join(model.model_fields)


def _model_at(place: Place) -> type[BaseModel] | None:
    """Return the model whose keys stand at that place of a system."""
    model: type[BaseModel] | None = System
    for step in place:
        if isinstance(step, str):
            field = None if model is None else model.model_fields.get(step)
            model = None if field is None else _model_in(field.annotation)
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (_model_in(inner) for inner in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)


def _locate(node: yaml.Node | None, place: Place) -> tuple[yaml.Node | None, int | None]:
    """Return the node at the place and its line; of a missing key, the line of what lacks it."""
    line = None if node is None else node.start_mark.line + 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    node, line = value, key.start_mark.line + 1
                    break
            else:
                return None, line
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return None, line
    return node, line
