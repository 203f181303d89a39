"""Regular expressions and globs of the language, rewritten for DuckDB's RE2.

In: what stood between the slashes of ``/.../``, or the string of ``parse``. Out: a ``Pattern``
whose regex DuckDB compiles, and the name of each of its capturing groups.

RE2 knows neither look-around nor back-references, and CloudWatch documents none. DuckDB 2.0 rejects
``(?<name>`` and RE2 forbids names such as ``@domain``, so named groups become plain ones and the
names are kept beside the pattern.

Must not know the plan's stages or events.

Source
------
CWL_QuerySyntax-Parse, CWL_QuerySyntax-Filter. https://github.com/google/re2/wiki/Syntax
"""

import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from opslib.cwli.plan import Pattern
from opslib.cwli.switches import Switches

if TYPE_CHECKING:
    import duckdb

_NAMED_GROUP = re.compile(r"\(\?P?<(?![=!])([^>]*)>")
_lock = threading.Lock()


def from_regex(source: str, *, at: int) -> Pattern:
    r"""Rewrite a regular expression, without its slashes.

    Parameters
    ----------
    source
        The text between the slashes; ``\/`` stands for a slash.
    at
        Offset of the literal in the query text.

    Raises
    ------
    ValueError
        When RE2 does not compile it; the message is RE2's.
    """
    written = source.replace("\\/", "/")
    regex: list[str] = []
    groups: list[str | None] = []
    i, in_class, first_member = 0, False, 0
    while i < len(written):
        char = written[i]
        if char == "\\":
            end = _end_of_escape(written, i)
            regex.append(written[i:end])
            i = end
            continue
        if in_class:
            # A "]" right after "[" or "[^" is a member, not the end.
            in_class = not (char == "]" and i > first_member)
        elif char == "[":
            in_class = True
            first_member = i + (2 if written[i + 1 : i + 2] == "^" else 1)
        elif char == "(":
            named = _NAMED_GROUP.match(written, i)
            if named:
                if written[named.end() : named.end() + 1] == "?":
                    # Without its name the group would become one of another sort.
                    raise ValueError(f"missing argument to repetition operator: {named.group()}?")
                groups.append(named.group(1))
                regex.append("(")
                i = named.end()
                continue
            if written[i + 1 : i + 2] != "?":
                groups.append(None)
        regex.append(char)
        i += 1
    pattern = "".join(regex)
    complaint = _complaint(pattern)
    if complaint:
        raise ValueError(complaint)
    return Pattern(at=at, regex=pattern, groups=tuple(groups))


def from_glob(glob: str, *, at: int, switches: Switches) -> Pattern:
    """Rewrite the glob of ``parse``: text that may stand anywhere, with a group for each ``*``.

    A ``*`` at the end takes the rest of the value; ``switches.star_in_glob`` says how much the
    others take. A ``*`` also takes line breaks, since log messages hold them.
    """
    star = "(.*?)" if switches.star_in_glob == "lazy" else "(.*)"
    pieces = [re.escape(piece) for piece in glob.split("*")]
    regex = star.join(pieces)
    if glob.endswith("*"):
        regex = regex.removesuffix(star) + "(.*)"
    return Pattern(at=at, regex=f"(?s){regex}", groups=(None,) * (len(pieces) - 1))


def _end_of_escape(written: str, at: int) -> int:
    r"""Return where an escape ends: after two characters, or, for ``\Q``, after its ``\E``."""
    if written[at : at + 2] != "\\Q":
        return at + 2
    end = written.find("\\E", at)
    return len(written) if end < 0 else end + 2


@lru_cache(maxsize=512)
def _complaint(regex: str) -> str:
    """Return why RE2 does not compile the regex, or an empty string."""
    import duckdb

    with _lock:
        try:
            _checker().execute("SELECT regexp_matches('', ?)", [regex]).fetchall()
        except duckdb.Error as error:
            return str(error).removeprefix("Invalid Input Error: ").splitlines()[0]
    return ""


@lru_cache(maxsize=1)
def _checker() -> "duckdb.DuckDBPyConnection":
    """Open the private connection that only compiles regular expressions."""
    import duckdb

    return duckdb.connect(config={"threads": 1})
