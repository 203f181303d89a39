"""One change, and frames of them.

In: changes as the other rooms find them. Out: typed frames in order. Makes no call.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import pandas as pd

#: The version that an edit is of.
LATEST = "$LATEST"
#: The subjects of an edit, and of a version's publishing.
EDITS, VERSIONS = "$LATEST", "versions"
#: What changes of code, configuration, versions and aliases are called, by whoever tells of them.
OF_FUNCTION = frozenset(
    (
        "code or configuration edited",
        "code updated",
        "configuration updated",
        "version published",
        "alias moved",
    )
)
#: How the subject of an alias begins.
ALIAS = "alias "

_COLUMNS = {
    "at": "datetime64[ns, UTC]",
    "what": "string",
    "detail": "string",
    "version": "string",
}


class Change(NamedTuple):
    """One change; ``at`` is None where nobody says when."""

    at: datetime | None
    what: str
    detail: str
    version: str = ""
    deploys: bool = False
    """Whether it changed code or configuration, or which version is invoked."""
    subject: str = ""
    """What it is a change of, so that two who tell of one change can be told to: `EDITS`,
    `VERSIONS`, ``alias`` and its name, ``mapping`` and its UUID, ``table`` and its name; empty
    where nobody else tells."""


def frame(changes: Iterable[Change]) -> pd.DataFrame:
    """Return changes, in the order given, with the columns of `opslib.changes.Changes`."""
    found = list(changes)
    return pd.DataFrame(
        {
            name: pd.Series([change[place] for change in found], dtype=dtype)
            for place, (name, dtype) in enumerate(_COLUMNS.items())
        }
    )
