"""The first JSON object of a log line and its leaves, found one character at a time.

DuckDB's parser, which decides in the engine, also reads what JSON has not: NaN, Infinity and a
comma after the last member. Whether CloudWatch does is not known; this reads the same.

Source
------
RFC 8259. CWL_AnalyzeLogData-discoverable-fields: 200 fields, the first fragment only.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

NUMBER = re.compile(
    r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|-?(?:nan|infinity|inf)", re.IGNORECASE
)
STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
WORDS = {"true": "1", "false": "0", "null": None}
MOST_FIELDS = 200


@dataclass
class Members:
    """An object: keys and values, in order, a repeated key as often as it stands there."""

    pairs: list[tuple[str, "Tree"]] = field(default_factory=list)


Tree: TypeAlias = "str | Members | list[Tree] | None"
MISSING = Members()


def fields_of(line: str, names: Iterable[str]) -> dict[str, str]:
    """Return the text of each name that has one."""
    found = _first_object(line)
    kept = _kept(found, [MOST_FIELDS]) if found is not None else MISSING
    texts = {name: _text(kept, name) for name in names}
    return {name: text for name, text in texts.items() if text is not None}


def _first_object(line: str) -> Members | None:
    """Return the first object; what is in a list without a name is passed over."""
    at = 0
    while at < len(line):
        if line[at] in "{[":
            try:
                value, end = _value(line, at)
            except ValueError:
                at += 1
                continue
            if isinstance(value, Members):
                return value
            at = end
        else:
            at += 1
    return None


def _value(line: str, at: int) -> tuple[Tree, int]:
    at = _after_blanks(line, at)
    if line[at : at + 1] == '"':
        return _string(line, at)
    if line[at : at + 1] in ("{", "["):
        return _members(line, at)
    for word, value in WORDS.items():
        if line.startswith(word, at):
            return value, at + len(word)
    number = NUMBER.match(line, at)
    if number is None:
        raise ValueError(at)
    return number[0], number.end()


def _members(line: str, at: int) -> tuple[Tree, int]:
    named = line[at] == "{"
    members, items = Members(), list[Tree]()
    at = _after_blanks(line, at + 1)
    while line[at : at + 1] != ("}" if named else "]"):
        if named:
            key, at = _string(line, at)
            at = _after(":", line, at)
        value, at = _value(line, at)
        if named:
            members.pairs.append((key, value))
        else:
            items.append(value)
        at = _after_blanks(line, at)
        if line[at : at + 1] not in ("}", "]"):
            at = _after_blanks(line, _after(",", line, at))
    return (members if named else items), at + 1


def _after(sign: str, line: str, at: int) -> int:
    at = _after_blanks(line, at)
    if line[at : at + 1] != sign:
        raise ValueError(at)
    return at + 1


def _after_blanks(line: str, at: int) -> int:
    while line[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


def _string(line: str, at: int) -> tuple[str, int]:
    found = STRING.match(line, at)
    if found is None:
        raise ValueError(at)

    def character(escape: re.Match[str]) -> str:
        written = escape[1]
        return chr(int(written[1:], 16)) if written[0] == "u" else ESCAPED.get(written, written)

    text = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", character, found[1])
    # Half of a surrogate pair is a ValueError too.
    return text.encode("utf-16", "surrogatepass").decode("utf-16"), found.end()


def _kept(tree: Tree, left: list[int]) -> Tree:
    if isinstance(tree, Members):
        return Members([(key, _kept(value, left)) for key, value in tree.pairs if left[0] > 0])
    if isinstance(tree, list):
        return [_kept(value, left) for value in tree if left[0] > 0]
    left[0] -= 1
    return tree


def _text(tree: Tree, name: str) -> str | None:
    """Read a dot path; a dot may also be part of a key, but the nested path counts first."""
    parts = name.split(".")
    choices = sorted(product("/.", repeat=len(parts) - 1), key=lambda choice: choice.count("."))
    for choice in choices:
        path = parts[0] + "".join(map("".join, zip(choice, parts[1:], strict=True)))
        reached = tree
        for step in path.split("/"):
            reached = _member(reached, step)
        if isinstance(reached, str):
            return reached
    return None


def _member(tree: Tree, step: str) -> Tree:
    if isinstance(tree, Members):
        return next((value for key, value in tree.pairs if key == step), None)
    if isinstance(tree, list) and re.fullmatch("0|[1-9][0-9]*", step) and int(step) < len(tree):
        return tree[int(step)]
    return None
