"""What a run has so far: what it asked, what it could not see, what it found, and its plans.

In: receipts, sentences, findings. Out: result.json, schema 1 (DESIGN.md section 4), written again
at each step, so that a run that is killed leaves how far it came. Must not ask AWS or judge.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import pandas as pd
from IPython.display import display

from opslib import __version__, show
from opslib.aws import Identity
from opslib.errors import CouldNotLook
from opslib.evidence import Folder
from opslib.health import Check, Finding, Verdict, bad
from opslib.insights import Receipt
from opslib.run_folder import SCHEMA
from opslib.window import Window, iso


class Seen(Protocol):
    """What a look at AWS brings back: a frame, and a sentence for what could not be seen."""

    @property
    def rows(self) -> pd.DataFrame:
        """What was seen; of the right columns when nothing was."""

    @property
    def limits(self) -> tuple[str, ...]:
        """A sentence for everything that could not be seen."""


_UNFINISHED = "The run did not reach its conclusion."


class Result:
    """One run's result as it stands, unfinished until `concluded`.

    ``queries``, ``metrics``, ``limits`` and ``plans`` are as result.json holds them.
    """

    def __init__(
        self, notebook: str, *, system: str, window: Window, identity: Identity, folder: Folder
    ) -> None:
        self.queries: list[dict[str, object]] = []
        self.metrics: list[dict[str, object]] = []
        self.limits: list[dict[str, object]] = []
        self.plans: list[dict[str, object]] = []
        self._notebook = notebook
        self._system = system
        self._window = window
        self._identity = identity
        self._folder = folder
        self._verdict: tuple[Verdict, Sequence[Finding]] | None = None
        self.save()

    @property
    def blind(self) -> list[dict[str, object]]:
        """The limits that hide something which decides: all but notes."""
        return [limit for limit in self.limits if limit["reason"] != "note"]

    @property
    def found(self) -> bool:
        """Whether it was concluded with a finding."""
        return self._verdict is not None and bool(self._verdict[1])

    @property
    def over(self) -> bool:
        """Whether it was concluded with something bad, and all of that is over."""
        found = [] if self._verdict is None else self._verdict[1]
        return bad(found, "") and not bad([each for each in found if each.until is None], "")

    def note(self, sentence: str) -> None:
        """Say something that hides nothing which decides."""
        self.say(sentence, reason="note")

    def say(self, sentence: str, *, reason: str, operation: str = "") -> None:
        """Say what could not be seen, on the spot and in the result; the same thing once there."""
        limit: dict[str, object] = {"what": sentence, "operation": operation, "reason": reason}
        if limit not in self.limits:
            self.limits.append(limit)
            # A run that ends before its conclusion has to say this too.
            self.save()
        display(show.note(sentence, bad=reason != "note"))

    def could_not_see(self, error: CouldNotLook) -> None:
        """Say that a call was refused or not answered."""
        self.say(error.message, operation=error.operation, reason=error.reason)

    def unseen(self, checks: Iterable[Check]) -> None:
        """Name the rows of the health table that were not seen and of which no finding tells."""
        for check in checks:
            if check.verdict is not Verdict.UNKNOWN or check.finding is not None:
                continue
            sentence = f"{check.indicator} of {check.subject}: {check.note or 'not seen'}."
            self.limits.append({"what": sentence, "operation": "", "reason": "unseen"})

    def conclude(self, verdict: Verdict, ranked: Sequence[Finding]) -> None:
        """Keep what it all came to."""
        self._verdict = (verdict, ranked)
        self.save()

    def save(self) -> None:
        """Write result.json as it stands."""
        verdict, ranked = self._verdict or (Verdict.UNKNOWN, ())
        more: list[Mapping[str, object]] = []
        if self._verdict is None:
            more.append({"what": _UNFINISHED, "operation": "", "reason": "unfinished"})
        self._folder.write_result(
            {
                "schema": SCHEMA,
                "run_id": "",
                "notebook": self._notebook,
                "system": self._system,
                "window": self._window.as_dict(),
                "verdict": verdict.value,
                "findings": [finding.as_dict() for finding in ranked],
                "plans": self.plans,
                "queries": self.queries,
                "metrics": self.metrics,
                "identity": self._identity.as_dict(),
                "limits": [*self.limits, *more],
                "started": iso(self._identity.at),
                "ended": None,
                "opslib": __version__,
            }
        )


def told(receipt: Receipt) -> str:
    """Say in one line what became of a query."""
    rows = "1 row" if receipt.rows == 1 else f"{receipt.rows:,} rows"
    return (
        f"{receipt.name}: {receipt.status}, {receipt.matched:,} of {receipt.scanned:,} events "
        f"matched, {rows}, {receipt.scanned_bytes / 1e6:,.1f} MB scanned"
    )
