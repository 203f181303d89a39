"""Whom to call, as the params file says. Does no I/O."""

import pandas as pd

from opslib.frames import frame
from opslib.system import System

_COLUMNS = {"who": "string", "severity": "string", "where": "string", "told": "string"}


def people(system: System) -> pd.DataFrame:
    """Return a system's channels, the most urgent first, and then its contacts.

    Returns
    -------
    One row each, all strings: ``who`` (its name), ``severity`` (of what a channel is told),
    ``where`` (its kind and address, or a contact's own words), ``told`` (what a channel is told).
    What does not apply is missing. Empty when the file names neither.
    """
    order = ("high", "medium", "low")
    channels = sorted(system.channels, key=lambda each: order.index(each.severity))
    rows: list[tuple[str | None, ...]] = [
        (
            each.name,
            each.severity,
            " ".join(filter(None, (each.kind, each.address))),
            "; ".join(each.told) or None,
        )
        for each in channels
    ]
    rows += [(who.replace("_", " "), None, where, None) for who, where in system.contacts.items()]
    return frame(rows, _COLUMNS)
