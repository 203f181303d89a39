"""The text of a metric math expression, read into a tree.

In: the expression as GetMetricData takes it. Out: a tree of `Node`, or `Unreadable`. Must not know
metrics, or what any function does.

Source: CloudWatch user guide, "Using metric math": operators, functions in upper case, ids that
begin with a lower-case letter, arrays in square brackets. The order of operations is the usual one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))"
)
_LEVELS = (
    {"OR": "OR", "||": "OR"},
    {"AND": "AND", "&&": "AND"},
    {sign: sign for sign in ("==", "!=", "<=", ">=", "<", ">")},
    {"+": "+", "-": "-"},
    {"*": "*", "/": "/"},
)
_DEPTH_LIMIT = 50


class Unreadable(ValueError):
    """The text is no expression."""


@dataclass(frozen=True)
class Number:
    """A number as it stands."""

    value: float


@dataclass(frozen=True)
class Text:
    """A text in quotation marks."""

    value: str


@dataclass(frozen=True)
class Name:
    """An id, or a word such as ``REPEAT``."""

    name: str


@dataclass(frozen=True)
class Array:
    """Several in square brackets."""

    items: tuple["Node", ...]


@dataclass(frozen=True)
class Calling:
    """A function and its arguments."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Negative:
    """The opposite of something."""

    of: "Node"


@dataclass(frozen=True)
class Pair:
    """Two, and the sign between them; ``AND`` and ``OR`` are written so."""

    sign: str
    left: "Node"
    right: "Node"


Node = Number | Text | Name | Array | Calling | Negative | Pair


def parse(text: str) -> Node:
    """Read an expression.

    Raises
    ------
    Unreadable
        It is none; the message says what stands where it should not.
    """
    reader = _Reader(text)
    node = reader.pair(0, depth=0)
    reader.expect_end()
    return node


def names(node: Node) -> Iterator[str]:
    """Name the ids, and words, that an expression holds."""
    match node:
        case Name(name):
            yield name
        case Array(items) | Calling(_, items):
            for item in items:
                yield from names(item)
        case Negative(of):
            yield from names(of)
        case Pair(_, left, right):
            yield from names(left)
            yield from names(right)


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def pair(self, level: int, *, depth: int) -> Node:
        """Read operands of one level of precedence, from the left."""
        if depth > _DEPTH_LIMIT:
            raise Unreadable("It is nested too deeply")
        if level == len(_LEVELS):
            return self._signed(depth)
        node = self.pair(level + 1, depth=depth)
        while (sign := _LEVELS[level].get(self._next()[1])) and self._next()[0] != "text":
            self._at += 1
            node = Pair(sign, node, self.pair(level + 1, depth=depth))
        return node

    def expect_end(self) -> None:
        if self._next()[0] != "end":
            raise self._unexpected()

    def _signed(self, depth: int) -> Node:
        if self._taken("-"):
            return Negative(self._signed(depth + 1) if depth < _DEPTH_LIMIT else self._raise_deep())
        node = self._primary(depth)
        if self._taken("^"):
            return Pair("^", node, self._signed(depth + 1))
        return node

    def _primary(self, depth: int) -> Node:
        kind, text = self._next()
        self._at += 1
        if kind == "number":
            return Number(float(text))
        if kind == "text":
            return Text(text[1:-1])
        if kind == "name" and text not in ("AND", "OR"):
            if self._taken("("):
                return Calling(text, self._list(")", depth))
            return Name(text)
        if text == "(":
            node = self.pair(0, depth=depth + 1)
            self._expect(")")
            return node
        if text == "[":
            return Array(self._list("]", depth))
        self._at -= 1
        raise self._unexpected()

    def _list(self, end: str, depth: int) -> tuple[Node, ...]:
        if self._taken(end):
            return ()
        found = [self.pair(0, depth=depth + 1)]
        while self._taken(","):
            found.append(self.pair(0, depth=depth + 1))
        self._expect(end)
        return tuple(found)

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def _taken(self, sign: str) -> bool:
        found = self._next() == ("sign", sign)
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._taken(sign):
            raise self._unexpected()

    def _unexpected(self) -> Unreadable:
        kind, text = self._next()
        return Unreadable("Unexpected end" if kind == "end" else f"Unexpected {text!r}")

    def _raise_deep(self) -> Node:
        raise Unreadable("It is nested too deeply")


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    at = 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        if token is None:
            raise Unreadable(f"Unexpected {text[at:].strip()[0]!r}")
        found.append((str(token.lastgroup), str(token[str(token.lastgroup)])))
        at = token.end()
    return [*found, ("end", "")]
