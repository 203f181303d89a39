"""What a filter pattern of CloudWatch Logs asks for, once its text is read.

In: nothing; plain frozen records that `reading` makes and `matching` applies. Must not know texts,
messages or calls.
"""

from dataclasses import dataclass
from enum import Enum

from opslib.errors import BadInput


class MalformedPattern(BadInput):
    """The text is no filter pattern."""


class Every(Enum):
    """The wildcard step of a selector."""

    ONE = "*"


Step = str | int | Every
"""A property by name, an element by index, or every one of either."""


@dataclass(frozen=True, kw_only=True)
class Selector:
    """``$.a.b[0]``: the steps from the root of a JSON event to a value."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Literal:
    """What a value is compared with.

    ``text`` has its leading and trailing ``*`` still on it, unless ``regex``; ``number`` is what an
    unquoted one is worth, None when it is no number.
    """

    text: str
    number: float | None = None
    regex: bool = False


@dataclass(frozen=True, kw_only=True)
class Compare:
    """``subject op literal``. In a delimited pattern the subject is the field itself: None."""

    subject: Selector | None
    op: str
    literal: Literal


@dataclass(frozen=True, kw_only=True)
class Is:
    """``subject IS NULL``, ``IS TRUE``, ``IS FALSE``."""

    subject: Selector
    value: bool | None


@dataclass(frozen=True, kw_only=True)
class Absent:
    """``subject NOT EXISTS``."""

    subject: Selector


@dataclass(frozen=True, kw_only=True)
class AllOf:
    """``a && b``."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, kw_only=True)
class AnyOf:
    """``a || b``."""

    parts: "tuple[Condition, ...]"


Condition = Compare | Is | Absent | AllOf | AnyOf


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Words and phrases: all of ``required``, any of ``optional`` if there are, no ``excluded``."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Search:
    """``%regex%`` by itself."""

    regex: str


@dataclass(frozen=True, kw_only=True)
class Json:
    """``{ condition }`` on an event that is one JSON object."""

    condition: Condition


@dataclass(frozen=True, kw_only=True)
class Delimited:
    """``[a, b = x, ...]``: a condition or None for each field, before and after an ellipsis.

    ``last`` is None where there is no ellipsis: then the last field takes the rest of the line.
    """

    first: tuple[Condition | None, ...]
    last: tuple[Condition | None, ...] | None = None


Pattern = Terms | Search | Json | Delimited
