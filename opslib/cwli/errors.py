"""The errors of the engine: a query that is not run, and one that took too long.

In: a sentence, the offset in the query text, and what could have stood there. Out: the same as
attributes, with line and column counted from 1, as an editor counts them.

Must not know lark, DuckDB or the plan.
"""

import re

from opslib.errors import OpsError


class MalformedQuery(OpsError):
    """A query was not run, because its text is wrong or uses what this engine does not have.

    Parameters
    ----------
    message
        What was found, and what to write instead.
    position
        Offset of the offending character in the query text, counted from 0.
    text
        The whole query text; line and column are counted in it.
    expected
        What could have stood at that position, in words. Empty when nothing else would have helped.
    end
        Offset after the last offending character; by default after the word, string or sign that
        stands at ``position``.

    Attributes
    ----------
    reason : str
        The message without the place.
    line, column : int
        The position as an editor shows it, both counted from 1.
    end : int
        Offset after the offending text; not less than ``position``.
    found : str
        The offending text itself; empty at the end of the query.
    """

    def __init__(
        self,
        message: str,
        position: int,
        *,
        text: str = "",
        expected: tuple[str, ...] = (),
        end: int | None = None,
    ) -> None:
        before = text[:position]
        self.reason = message
        self.position = position
        self.line = before.count("\n") + 1
        self.column = position - (before.rfind("\n") + 1) + 1
        self.expected = expected
        self.end = _end(text, position) if end is None else end
        self.found = text[position : self.end]
        wanted = f" Expected {_listed(expected)}." if expected else ""
        super().__init__(
            f"Query not run. Line {self.line}, column {self.column}: {message}{wanted}",
            reason=message,
            position=position,
            line=self.line,
            column=self.column,
            expected=expected,
            end=self.end,
        )


class QueryStopped(OpsError):
    """A query worked longer than it may, and was stopped. There are no rows.

    Parameters
    ----------
    deadline_s
        How long it was allowed to work, in seconds.
    """

    def __init__(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        super().__init__(
            f"Query not finished: it was stopped after {deadline_s:g} s. Filter before commands "
            "that make many rows of one (parse multi, unnest, expand), or give it more time.",
            deadline_s=deadline_s,
        )


_PIECE = re.compile(
    r"""
    (?: [\w@.] | `[^`\n]+` | \[[0-9]+\] )+   # a name or a number
    | "[^"\n]*"? | '[^'\n]*'?               # a string, or the line on which it never ends
    | \S                                    # a sign
    """,
    re.VERBOSE,
)


def _end(text: str, position: int) -> int:
    """Return where the word, string or sign at a position ends."""
    piece = _PIECE.match(text, position)
    return piece.end() if piece else position


def _listed(names: tuple[str, ...]) -> str:
    """Join names as a sentence does: ``a``, ``a or b``, ``a, b or c``."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} or {names[-1]}"
