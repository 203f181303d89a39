"""Changes that are meant to be taken back, and stand: a function stopped, a mapping disabled.

In: a connection and names of functions. Out: `Opened`. AWS shows that it is so, not why or by whom:
the ledger of an applied plan would.

Facts leaned on
---------------
Reserved concurrency 0 stops a function whole: stream records are tried until they expire,
asynchronous events for six hours (Lambda developer guide, "Configuring reserved concurrency"). A
mapping that is disabled keeps its place in the stream, as long as the stream keeps the records.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from opslib.aws import Connection, calling
from opslib.changes.functions import aliases as aliases_of
from opslib.errors import CouldNotLook
from opslib.frames import frame
from opslib.health import Finding
from opslib.health.standing import STOPPED, belongs
from opslib.health.verdicts import utc
from opslib.window import Window

_MOST_PAGES = 5
_OFF = {"Disabled", "Disabling"}
_COLUMNS = {
    "function": "string",
    "what": "string",
    "detail": "string",
    "since": "datetime64[ns, UTC]",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """Temporary changes that stand.

    Parameters
    ----------
    rows
        One row a change: ``function``, ``what``, ``detail`` (string), ``since`` (datetime64[ns,
        UTC]; NaT where AWS does not say, and where it says an instant outside of the window).
        Empty when there is none of the window: one that ended before now has only those that began
        before its end.
    limits
        A sentence for everything that could not be seen.
    notes
        A sentence for what stands now, and may not have in a window that ended before.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _Change(NamedTuple):
    function: str
    what: str
    detail: str
    began_at: datetime | None = None


def opened(
    connection: Connection,
    functions: Sequence[str],
    *,
    window: Window,
    mappings: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Opened:
    """Look for reserved concurrency 0 and disabled mappings of functions and of their aliases.

    Parameters
    ----------
    mappings
        Function to its mappings and those of its aliases, as far as they were seen; of one that is
        not there they are asked for.
    """
    known = mappings or {}
    client = connection.client("lambda")
    rows: list[_Change] = []
    limits: list[str] = []
    for name in functions:
        rows += _off(name, known.get(name, ()))
        for look in (_stopped, *(() if name in known else (_disabled, _disabled_of_aliases))):
            try:
                rows += look(client, name)
            except CouldNotLook as error:
                limits.append(error.message)
    asked_at = connection.identity.at
    held = [row for row in rows if belongs(window, asked_at=asked_at, began_at=row.began_at)]
    notes = [
        f"{row.function}: {row.what} now, which need not have been so in this window: it ended at "
        f"{utc(window.end)}."
        for row in rows
        if row not in held
    ]
    told = [(row.function, row.what, row.detail, _inside(row.began_at, window)) for row in held]
    return Opened(frame(told, _COLUMNS), tuple(dict.fromkeys(limits)), tuple(dict.fromkeys(notes)))


def opened_findings(rows: pd.DataFrame) -> list[Finding]:
    """Return ``change.temporary``, critical, for each change that stands and stops something."""
    told: list[dict[str, Any]] = rows.to_dict("records")  # type: ignore[assignment]
    return [
        Finding(
            id="change.temporary",
            severity=STOPPED,
            title=f"{row['function']}: {row['what']}",
            detail=f"{row['detail']} If it was meant to be for a while, it stands still open.",
            subject=row["function"],
            evidence=("open changes",),
            since=None if pd.isna(row["since"]) else row["since"].to_pydatetime(),
        )
        for row in told
    ]


def _stopped(client: Any, name: str) -> list[_Change]:
    with calling("lambda:GetFunctionConcurrency", f"the reserved concurrency of {name}"):
        answer = client.get_function_concurrency(FunctionName=name)
    if answer.get("ReservedConcurrentExecutions") != 0:
        return []
    detail = "Every invocation is refused: records and events wait, and expire."
    return [_Change(name, "reserved concurrency is 0", detail)]


def _disabled_of_aliases(client: Any, name: str) -> list[_Change]:
    # A mapping of an alias is not among those of the function.
    found: list[_Change] = []
    for alias in aliases_of(client, name):
        found += _disabled(client, name, of=f"{name}:{alias['Name']}")
    return found


def _disabled(client: Any, name: str, *, of: str = "") -> list[_Change]:
    asked = of or name
    found: list[_Change] = []
    more: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        with calling("lambda:ListEventSourceMappings", f"the mappings of {asked}"):
            page = client.list_event_source_mappings(FunctionName=asked, **more)
        found += _off(name, page["EventSourceMappings"])
        if not page.get("NextMarker"):
            return found
        more = {"Marker": page["NextMarker"]}
    raise CouldNotLook(
        f"Not seen: all mappings of {asked}. Lambda gave {_MOST_PAGES} pages and no end.",
        operation="lambda:ListEventSourceMappings",
        reason="failed",
    )


def _off(name: str, mappings: Sequence[Mapping[str, Any]]) -> Iterator[_Change]:
    """Yield a row for each mapping that is disabled."""
    for mapping in mappings:
        if mapping.get("State") not in _OFF:
            continue
        at = pd.Timestamp(mapping["LastModified"]).tz_convert("UTC").to_pydatetime()
        source = mapping.get("EventSourceArn", "").split(":")[-1] or "its source"
        detail = f"Nothing is read from {source} while it is {mapping['State']}."
        yield _Change(name, "a mapping is disabled", detail, at)


def _inside(at: datetime | None, window: Window) -> datetime | None:
    return at if at is not None and at in window else None
