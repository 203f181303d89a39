"""What a query was, what it cost, and whether everything came that it asked for.

In: what `opslib.insights.client` found. Out: sentences and the entry of result.json. Must not know
clients.
"""

from dataclasses import dataclass

import pandas as pd

from opslib.window import Window

# How long events may take to be found by a query is not documented; two minutes is on the safe side
# of "seconds to minutes", which is what people see.
_SETTLED_S = 120


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a query was and what it cost.

    Parameters
    ----------
    name, text, query_id, groups, window
        What was asked, of whom. The text is what was sent; where several queries were needed for
        the parts of the window, the ids of all of them, parted by commas.
    status
        ``Complete``; any other status is no answer.
    rows
        Rows that came back.
    matched, scanned
        Events that the query's filters let through, and all that it read.
    scanned_bytes
        Bytes read, by every part: what the query is billed for.
    truncated
        Whether there may be more rows than came.
    cut
        Why there may be more; empty when all came.
    parts
        How many queries were sent.
    asked_after_s
        Seconds between the end of the window and the question, by the service's clock; None when
        the service did not say.
    """

    name: str
    text: str
    query_id: str
    status: str
    groups: tuple[str, ...]
    window: Window
    rows: int
    matched: int
    scanned: int
    scanned_bytes: int
    truncated: bool
    cut: str = ""
    parts: int = 1
    asked_after_s: float | None = None

    @property
    def completeness(self) -> str:
        """Whether every row came, and if not, why; and whether the last events may be missing."""
        said = f"There may be more rows: {self.cut or 'they were cut off'}."
        if not self.truncated:
            by = f", by {self.parts} queries for parts of the window" if self.parts > 1 else ""
            said = f"Every row came{by}."
        if self.asked_after_s is not None and self.asked_after_s < _SETTLED_S:
            said += (
                f" It was asked {self.asked_after_s:.0f} s after the end of the window: the last "
                "events may not have been there to be found yet."
            )
        return said

    @property
    def sentence(self) -> str:
        """The receipt in one line, the same for the same answer: without the query's id."""
        cut = ", cut off there" if self.truncated else ""
        return (
            f"{self.name}: {self.rows:,} rows{cut}, from {self.matched:,} matching of "
            f"{self.scanned:,} events read ({_size(self.scanned_bytes)}). {self.status}."
        )

    def as_dict(self) -> dict[str, object]:
        """Return the receipt as result.json, schema 1, holds it."""
        return {
            "name": self.name,
            "text": self.text,
            "query_id": self.query_id,
            "status": self.status,
            "rows": self.rows,
            "matched": self.matched,
            "scanned": self.scanned,
            "scanned_bytes": self.scanned_bytes,
            "truncated": self.truncated,
            "completeness": self.completeness,
            "groups": list(self.groups),
            "window": self.window.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's rows, typed, in the order the service sent them; and the receipt."""

    name: str
    rows: pd.DataFrame
    receipt: Receipt


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1e5 else f"{size_bytes / 1e3:,.1f} kB"
