"""How a function of the language is called: its arguments and the SQL it becomes.

In: templates. Out: ``Function`` records, which the rooms of functions (``functions_text`` and the
others) put in their tables, ``functions`` gathers and ``checks`` holds calls to.

A function is missing (its column is absent from the row) where its argument is, unless its own
documentation says otherwise. An argument that reads as no number where one is due is missing too,
as is a map or list.

Must not know stages, fields or events.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from opslib.cwli.switches import Switches
from opslib.cwli.values import Kind, Value, as_number, shown

Build = Callable[[Sequence[Value], Switches], Value]


@dataclass(frozen=True)
class Function:
    """How to call one function.

    Attributes
    ----------
    fewest, most
        Number of arguments; ``most`` is None when there may be any number.
    build
        From the compiled arguments to the value of the call.
    literals
        Arguments, counted from 0, that must be strings of the query (or absent), each with what
        checks it. That is given the texts of all arguments, None for those that are no strings of
        the query, and raises ``ValueError`` with a sentence for the person who wrote the query.
    """

    fewest: int
    most: int | None
    build: Build
    literals: Mapping[int, Callable[[Sequence[str | None]], object]] = field(default_factory=dict)


def numeric(template: str, *, kind: Kind = Kind.NUMBER, arguments: int = 1) -> Function:
    """Return a function of numbers; the template has ``{0}`` for the first."""

    def build(args: Sequence[Value], _: Switches) -> Value:
        return Value(template.format(*(as_number(arg) for arg in args)), kind)

    return Function(arguments, arguments, build)


def textual(template: str, kind: Kind = Kind.TEXT, *, arguments: int = 1) -> Function:
    """Return a function of texts; the template has ``{0}`` for the first."""

    def build(args: Sequence[Value], switches: Switches) -> Value:
        return Value(template.format(*(shown(arg, switches) for arg in args)), kind)

    return Function(arguments, arguments, build)


def bound(name: str, sql: str, body: str) -> str:
    """Return SQL of ``body``, in which ``name`` stands for ``sql``, so that it is written once."""
    return f"list_transform([{sql}], lambda {name}: {body})[1]"
