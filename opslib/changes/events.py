"""One event of CloudTrail: whom it concerns, and what it changed.

In: an event as LookupEvents gives it. Out: the same, read once, and rows of the timeline. Makes no
call.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opslib.changes.functions import instant, named
from opslib.changes.rows import ALIAS, EDITS, VERSIONS, Change

_SUBJECTS = {
    "code updated": EDITS,
    "configuration updated": EDITS,
    "version published": VERSIONS,
}
# What was asked for, where it is a number or a word that is no secret; AWS's own names.
_TELLING = (
    "memorySize",
    "timeout",
    "reservedConcurrentExecutions",
    "enabled",
    "batchSize",
    "maximumBatchingWindowInSeconds",
    "parallelizationFactor",
    "maximumRetryAttempts",
    "maximumRecordAgeInSeconds",
    "bisectBatchOnFunctionError",
    "billingMode",
    "readCapacityUnits",
    "writeCapacityUnits",
)


@dataclass(frozen=True, slots=True)
class Event:
    """An event.

    Parameters
    ----------
    at
        When it was asked for; None where that is no date.
    by
        Who asked, and through whom.
    asked, answered
        Its request and answer, in AWS's own names.
    error
        Why it was refused; empty when it was not.
    """

    at: datetime | None
    by: str
    asked: Mapping[str, Any]
    answered: Mapping[str, Any]
    error: str

    @property
    def made(self) -> bool:
        """Whether it changed something: it was neither refused nor only tried out."""
        return not self.error and not self.asked.get("dryRun")

    def concerns(
        self, function_name: str, *, mappings: Collection[str] = (), tables: Collection[str] = ()
    ) -> bool:
        """Whether it is about the function, one of its mappings, by UUID, or one of the tables."""
        # A name, a name with a qualifier, or an ARN of either. A mapping that is gone is not among
        # the function's any more, and the answer to its deletion names the function.
        functions = (self.asked.get("functionName"), self.answered.get("functionArn"))
        return (
            function_name in map(_function, functions)
            or _uuid(self.asked) in mappings
            or str(self.asked.get("tableName", "")).rpartition("/")[2] in tables
        )

    def change(self, what: str, *, deploys: bool) -> Change | None:
        """Return its row of the timeline, or None where it has no date."""
        if self.at is None:
            return None
        asked = self.asked
        said = [
            f"{word} {asked[key]}"
            for key, word in (("name", "alias"), ("functionVersion", "to version"))
            if asked.get(key)
        ]
        table = named(str(asked.get("tableName", ""))).rpartition("/")[2]
        parts = [" ".join(said), table, *_asked_for(asked), f"by {self.by}"]
        published = self.answered.get("version") if what == "version published" else ""
        version = str(asked.get("functionVersion") or published or "")
        mapping = _uuid(asked) or _uuid(self.answered)
        subject = f"mapping {mapping}" if mapping else _SUBJECTS.get(what, "")
        subject = f"table {table}" if table else subject
        subject = f"{ALIAS}{asked.get('name')}" if what == "alias moved" else subject
        detail = ", ".join(filter(None, parts))
        return Change(self.at, what, detail, version, deploys=deploys, subject=subject)

    @property
    def timeout_ms(self) -> float | None:
        """What a timeout was set to; NaN for what is no number, None where it was let be."""
        told = self.asked.get("timeout")
        if told is None:
            return None
        return float(told) * 1000 if isinstance(told, int | float) else float("nan")


def read(told: Mapping[str, Any]) -> Event:
    """Read an event; what is not in it is empty."""
    details = _details(told)
    # As CloudFormation or Application Auto Scaling do, of which the latter asks for nobody.
    through = _part(details, "userIdentity").get("invokedBy")
    return Event(
        at=instant(told.get("EventTime")),
        by=f"{told.get('Username') or '?'}{f' through {through}' if through else ''}",
        asked=_part(details, "requestParameters"),
        answered=_part(details, "responseElements"),
        error=str(details.get("errorCode") or ""),
    )


def _function(told: object) -> str:
    return str(told or "").rpartition(":function:")[2].partition(":")[0]


def _uuid(told: Mapping[str, Any]) -> str:
    return str(told.get("uUID") or told.get("uuid") or "")


def _asked_for(asked: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a change asked for, as far as it tells and is no secret."""
    given = {**asked, **_part(asked, "provisionedThroughput")}
    for name in _TELLING:
        if isinstance(given.get(name), int | str):
            yield f"{name} {given[name]}"


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = told.get(name)
    return part if isinstance(part, dict) else {}


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record itself, which CloudTrail gives as text; empty when it is none."""
    try:
        told = json.loads(event.get("CloudTrailEvent") or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
