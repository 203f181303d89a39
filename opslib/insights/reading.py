"""As much of a query's text as has to be known before its window may be cut.

In: text in the Logs Insights language. Out: a `Reading`: the limit that it ends with, and whether
its rows are events in the order of their time, each row made of one event alone. Only then do the
rows of two parts of a window, one behind the other, equal those of the whole. What is not
understood is taken to be something else. The engine in `opslib.cwli` knows the whole language; this
has to do where there is no engine.

Source
------
CloudWatch Logs Insights query syntax: comments run from ``#`` to the end of the line, strings stand
in either quote, field names in backticks, regular expressions between slashes.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

#: Rows that the service gives when a text states no limit.
DEFAULT_ROWS = 10_000

# Each makes one row of one event, whatever other events there are.
_OF_ONE_EVENT = {"fields", "display", "filter", "where", "filterindex", "parse", "sort"}
# Queries within queries, values that depend on the window, and another @timestamp than the event's.
_OF_MORE = re.compile(
    r"\bsource\b|\b(querystarttime|queryendtime|querytimerange|now)\s*\(|\bas\s+@timestamp\b", re.I
)
_CLOSED = {
    "'": re.compile(r"'(?:\\.|[^'\\])*'", re.S),
    '"': re.compile(r'"(?:\\.|[^"\\])*"', re.S),
    "`": re.compile(r"`[^`]*`"),
    "/": re.compile(r"/(?:\\.|[^/\\])+/", re.S),
}
_BEFORE_REGEX = re.compile(r"(?:\blike|=~)\s*\Z|(?:\A|\|)\s*parse\b[^|]*\Z", re.I)
_LIMIT = re.compile(r"limit\s+(?:any\s+)?(\d+)", re.I)
_BY_TIME = re.compile(r"sort\s+(?:by\s+)?@timestamp(?:\s+(asc|desc))?", re.I)
_COMMAND = re.compile(r"[a-z]+", re.I)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a query's text is.

    Parameters
    ----------
    limit
        The number of rows that its last command allows; None when that is no ``limit``.
    events
        Whether it asks for every event that its filters let through, in the order of time.
    oldest_first
        Whether they come oldest first; otherwise the newest do.
    """

    limit: int | None = None
    events: bool = False
    oldest_first: bool = False

    @property
    def most_rows(self) -> int:
        """How many rows the query may give as it stands."""
        return DEFAULT_ROWS if self.limit is None else self.limit


@lru_cache(maxsize=64)
def read(text: str) -> Reading:
    """Read a query's text; one that cannot be read does not ask for events."""
    plain = _plain(text)
    stages = [stage.strip() for stage in plain.split("|")]
    limit = _LIMIT.fullmatch(stages[-1])
    if limit:
        return Reading(limit=int(limit[1]))
    order = [stage for stage in stages if _command(stage) == "sort"]
    by_time = [_BY_TIME.fullmatch(stage) for stage in order]
    events = (
        all(_command(stage) in _OF_ONE_EVENT for stage in stages)
        and all(stage.count("(") == stage.count(")") for stage in stages)
        and not any(re.search(r"\bmulti\b", stage, re.I) for stage in stages)
        and not _OF_MORE.search(plain)
        and len(order) <= 1
        and all(by_time)
    )
    # A sort without a direction is ascending.
    oldest_first = events and any(
        found is not None and (found[1] or "asc").lower() == "asc" for found in by_time
    )
    return Reading(events=events, oldest_first=oldest_first)


def _command(stage: str) -> str:
    found = _COMMAND.match(stage)
    return found[0].lower() if found else ""


def _plain(text: str) -> str:
    """Return a text without comments, its strings and patterns as ``_``, backticks taken off."""
    plain, at = "", 0
    while at < len(text):
        char = text[at]
        if char == "#":
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
            continue
        if char not in _CLOSED or (char == "/" and not _BEFORE_REGEX.search(plain)):
            plain += char
            at += 1
            continue
        closed = _CLOSED[char].match(text, at)
        if closed is None:
            # An open quote: no command begins with it.
            return f"_{plain}"
        plain += re.sub(r"[^\w@.]", "_", closed[0][1:-1]) if char == "`" else "_"
        at = closed.end()
    return plain
