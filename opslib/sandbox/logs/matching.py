"""Whether a log message is what a filter pattern asks for.

In: a pattern of `patterns`. Out: a test of messages. Must not know the text of patterns, or calls.

Regular expressions run in RE2 (through Arrow), whose time grows with the message alone: a pattern
of a client cannot hold the server up. Source: CloudWatch Logs user guide, "Filter pattern syntax".
What the guide leaves open, and is decided here:

- a comparison with what is missing, null, true, false, an object or a list does not match, ``!=``
  included (the guide says so of objects and lists);
- of a value that is a JSON string, ``<`` and its like match nothing;
- ``*`` stands for any text at the beginning and the end of a value only (an older edition said so);
- any white space parts the fields of a line, for published patterns part Lambda's tabs so;
- without an ellipsis the last field takes the rest of the line (the guide's ``[w1=ERROR, w2]``
  matches lines of many words).
"""

import json
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from opslib.sandbox.logs.patterns import (
    Absent,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Delimited,
    Every,
    Is,
    Json,
    Literal,
    MalformedPattern,
    Pattern,
    Search,
    Selector,
    Step,
    Terms,
)
from opslib.sandbox.logs.reading import worth

Matches = Callable[[str], bool]

_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# A run between quotes or brackets is one field; what does not close is plain text.
_FIELDS = re.compile(r'"([^"]*)"(?!\S)|\[([^\]]*)\](?!\S)|(\S+)')


@dataclass(frozen=True, kw_only=True)
class _Value:
    """A value to compare: as text, and its worth where it is a number."""

    text: str
    number: float | None = None


def matcher(pattern: Pattern) -> Matches:
    """Make the test of one pattern.

    Raises
    ------
    MalformedPattern
        A regular expression in it is none.
    """
    match pattern:
        case Terms():
            return _terms(pattern)
        case Search(regex=regex):
            return _search(regex)
        case Json(condition=condition):
            return _json(_condition(condition))
        case Delimited():
            return _delimited(pattern)


def _terms(terms: Terms) -> Matches:
    def matches(message: str) -> bool:
        return (
            all(term in message for term in terms.required)
            and not any(term in message for term in terms.excluded)
            and (not terms.optional or any(term in message for term in terms.optional))
        )

    return matches


def _search(regex: str) -> Matches:
    def matches(message: str) -> bool:
        return bool(pc.match_substring_regex(_scalar(message), pattern=regex).as_py())

    try:
        matches("")
    except pa.ArrowInvalid as error:
        reason = f"'{regex}' is no regular expression"
        raise MalformedPattern(f"Invalid filter pattern: {reason}.", reason=reason) from error
    return matches


def _scalar(text: str) -> Any:
    # Half of a surrogate pair, as a cut message may end with, is no UTF-8.
    return pa.scalar(text.encode("utf-8", "replace").decode("utf-8"))


def _json(holds: Callable[[Any], bool]) -> Matches:
    def matches(message: str) -> bool:
        if not message.lstrip().startswith("{"):
            return False
        try:
            event = json.loads(message, parse_int=_number, parse_float=_number)
        except (ValueError, RecursionError):
            return False
        return holds(event)

    return matches


def _number(text: str) -> _Value:
    return _Value(text=text, number=float(text))


def _condition(condition: Condition) -> Callable[[Any], bool]:
    """Make the test of a condition on a JSON event, or on a field (a `_Value`)."""
    match condition:
        case AllOf(parts=parts):
            every = [_condition(part) for part in parts]
            return lambda event: all(holds(event) for holds in every)
        case AnyOf(parts=parts):
            some = [_condition(part) for part in parts]
            return lambda event: any(holds(event) for holds in some)
        case Absent(subject=subject):
            return lambda event: not any(True for _ in _found(event, subject))
        case Is(subject=subject, value=value):
            return lambda event: any(node is value for node in _found(event, subject))
        case Compare(subject=None, op=op, literal=literal):
            return _comparison(op, literal)
        case Compare(subject=Selector() as subject, op=op, literal=literal):
            holds = _comparison(op, literal)
            return lambda event: any(
                holds(node if isinstance(node, _Value) else _Value(text=node))
                for node in _found(event, subject)
                if isinstance(node, _Value | str)
            )
    raise TypeError(f"no rule for {type(condition).__name__}")


def _comparison(op: str, literal: Literal) -> Callable[[_Value], bool]:
    if op in _ORDERS:
        order, bound = _ORDERS[op], literal.number or 0.0
        return lambda value: value.number is not None and order(value.number, bound)
    equal = _equality(literal)
    return equal if op == "=" else lambda value: not equal(value)


def _equality(literal: Literal) -> Callable[[_Value], bool]:
    if literal.regex:
        found = _search(literal.text)
        return lambda value: found(value.text)
    leading, trailing = literal.text.startswith("*"), literal.text.endswith("*")
    core = literal.text[leading : len(literal.text) - trailing] if literal.text != "*" else ""
    if leading and trailing:
        return lambda value: core in value.text
    if leading:
        return lambda value: value.text.endswith(core)
    if trailing:
        return lambda value: value.text.startswith(core)

    def equal(value: _Value) -> bool:
        if literal.number is not None and value.number is not None:
            return value.number == literal.number
        return value.text == literal.text

    return equal


def _found(event: Any, subject: Selector) -> Iterator[Any]:
    """Find the nodes a selector points to: none, one, or with a wildcard many."""
    nodes = [event]
    for step in subject.steps:
        nodes = [inner for node in nodes for inner in _inside(node, step)]
    yield from nodes


def _inside(node: Any, step: Step) -> list[Any]:
    if step is Every.ONE:
        if isinstance(node, dict):
            return list(node.values())
        return node if isinstance(node, list) else []
    if isinstance(step, str):
        return [node[step]] if isinstance(node, dict) and step in node else []
    return [node[step]] if isinstance(node, list) and step < len(node) else []


def _delimited(pattern: Delimited) -> Matches:
    first = [_field(condition) for condition in pattern.first]
    last = None if pattern.last is None else [_field(condition) for condition in pattern.last]

    def matches(message: str) -> bool:
        fields = list(_fields(message, most=len(first) if last is None else None))
        if last is None:
            tests = first if len(fields) == len(first) else None
        else:
            between = len(fields) - len(first) - len(last)
            tests = [*first, *([_anything] * between), *last] if between >= 0 else None
        return tests is not None and all(
            test(field) for test, field in zip(tests, fields, strict=True)
        )

    return matches


def _fields(message: str, *, most: int | None) -> Iterator[_Value]:
    """Part a line into fields; the last of at most so many takes the rest."""
    line = message.strip()
    at = count = 0
    while at < len(line) and (field := _FIELDS.search(line, at)):
        count += 1
        if count == most and field.end() < len(line):
            yield _Value(text=line[field.start() :])
            return
        text = next(group for group in field.groups() if group is not None)
        yield _Value(text=text, number=worth(text))
        at = field.end()


def _field(condition: Condition | None) -> Callable[[_Value], bool]:
    return _anything if condition is None else _condition(condition)


def _anything(_: _Value) -> bool:
    return True
