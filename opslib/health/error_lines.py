"""Lines that tell of failures, grouped by kind and by words.

In: a frame of lines grouped by the service. Out: a frame of signatures, a frame of kinds. What a
single line means stands in `error_rules`. Does no I/O.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from opslib.frames import frame
from opslib.health.error_rules import (
    CODE,
    LOGGED,
    RULES,
    Ending,
    Rule,
    ending_of,
    kind_of,
    signature_of,
)

_SIGNATURES = {
    "kind": "string",
    "signature": "string",
    "tells": "string",
    "lines": "Int64",
    "first_at": "datetime64[ns, UTC]",
    "last_at": "datetime64[ns, UTC]",
    "versions": "string",
}
_KINDS = {
    "kind": "string",
    "invocations": "Int64",
    "lines": "Int64",
    "first_at": "datetime64[ns, UTC]",
    "last_at": "datetime64[ns, UTC]",
    "versions": "string",
    "cause": "string",
    "solution": "string",
    "next": "string",
    "mostly": "string",
}
# What is said there names the error; a report and the runtime's last words name the kind again.
_TELLING: tuple[Ending, ...] = ("uncaught", "logged", "init")
#: Where an ending is counted, the surest first: one invocation has one REPORT.
_SUREST: tuple[Ending, ...] = ("report", "last words", "uncaught")


@dataclass
class _Group:
    rule: Rule
    ending: Ending
    signature: str
    lines: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    versions: set[str] = field(default_factory=set)

    def add(self, lines: int, first_at: datetime, last_at: datetime, version: str) -> None:
        self.lines += lines
        self.first_at = first_at if self.first_at is None else min(self.first_at, first_at)
        self.last_at = last_at if self.last_at is None else max(self.last_at, last_at)
        if version:
            self.versions.add(version)


def signatures(lines: pd.DataFrame) -> pd.DataFrame:
    """Group lines by kind and by their words, without ids, instants and numbers.

    Parameters
    ----------
    lines
        One row a group of equal lines, any order: ``version``, ``shape``, ``status``, ``level``,
        ``error_type``, ``said`` (string, missing where a line has none), ``lines`` (Int64) and
        ``first_at``, ``last_at`` (datetime64[ns, UTC]). Where there are such: ``named`` (string),
        the error of a service that stands anywhere in the line, and ``caught`` (Int64), 1 for a
        line that a logger wrote about an exception.

    Returns
    -------
    One row a kind, signature and way to tell of it, most lines first: ``kind``, ``signature``,
    ``tells`` (an `Ending`), ``lines``, ``first_at``, ``last_at``, ``versions`` (text). A report
    that says only that an invocation failed is left out: the exception has a line of its own.
    Empty, with these columns, when ``lines`` is.
    """
    groups: dict[tuple[str, str, str], _Group] = {}
    for row in lines.to_dict("records"):
        shape, error_type, said = (_text(row[name]) for name in ("shape", "error_type", "said"))
        status = _text(row["status"])
        caught = _text(row.get("caught")) == "1"
        ending = ending_of(shape=shape, error_type=error_type, said=said, caught=caught)
        said = _naming(said, _text(row.get("named")))
        rule = kind_of(ending=ending, status=status, error_type=error_type, said=said)
        if rule is None:
            continue
        if shape.startswith("platform."):
            signature = " ".join(filter(None, [shape, status, error_type]))
        else:
            signature = signature_of(said, error_type=error_type)
        group = groups.setdefault((rule.kind, ending, signature), _Group(rule, ending, signature))
        group.add(int(row["lines"]), row["first_at"], row["last_at"], _text(row["version"]))
    ordered = sorted(groups.values(), key=lambda each: (-each.lines, each.signature))
    return frame(
        [
            (
                group.rule.kind,
                group.signature,
                group.ending,
                group.lines,
                group.first_at,
                group.last_at,
                ", ".join(sorted(group.versions)),
            )
            for group in ordered
        ],
        _SIGNATURES,
    )


def kinds(found: pd.DataFrame) -> pd.DataFrame:
    """Count the kinds of failure, with the guide's words on each.

    Parameters
    ----------
    found
        As `signatures` gives it.

    Returns
    -------
    One row a kind, most failed invocations first: ``kind``, ``invocations`` (Int64: how many it
    ended, each once), ``lines``, ``first_at``, ``last_at``, ``versions``, ``cause``, ``solution``,
    ``next`` (a notebook), ``mostly`` (the signature of most lines that name an error; empty when
    none does). Empty, with these columns, when ``found`` is.
    """
    rows = []
    failed = _failed(found)
    for rule in (*RULES, CODE, LOGGED):
        part = found[found["kind"] == rule.kind]
        if part.empty:
            continue
        versions = sorted({v for text in part["versions"] for v in text.split(", ") if v})
        telling = part[part["tells"].isin(_TELLING)]
        rows.append(
            (
                rule.kind,
                failed.get(rule.kind, 0),
                int(part["lines"].sum()),
                part["first_at"].min(),
                part["last_at"].max(),
                ", ".join(versions),
                rule.cause,
                rule.solution,
                rule.notebook,
                telling["signature"].iloc[0] if len(telling) else "",
            )
        )
    rows.sort(key=lambda row: (-row[1], -row[2]))
    return frame(rows, _KINDS)


def _failed(found: pd.DataFrame) -> dict[str, int]:
    """Count the invocations that each kind ended, by the surest ending that tells of it."""
    counts: dict[str, Mapping[str, int]] = {
        str(kind): {str(ending): int(lines) for ending, lines in part.items()}
        for kind, part in (
            (kind, rows.groupby("tells")["lines"].sum()) for kind, rows in found.groupby("kind")
        )
    }
    failed = {
        kind: next((by_ending[each] for each in _SUREST if each in by_ending), 0)
        for kind, by_ending in counts.items()
    }
    # A process killed for its memory has last words that say so, and a REPORT that says only that
    # it ended, unless it was caught at the limit.
    killed, ended = counts.get("out of memory", {}), counts.get("process ended", {})
    if "last words" in killed and "report" in ended:
        failed["out of memory"] = max(failed["out of memory"], killed["last words"])
        at_limit = killed.get("report", 0)
        told_apart = failed["out of memory"] - at_limit
        failed["process ended"] = max(0, ended["report"] - told_apart)
    return failed


def _naming(said: str, named: str) -> str:
    """Add an error that stands elsewhere in a line to the first line of its words."""
    if not named or named in said:
        return said
    first, *rest = said.strip().splitlines() or [""]
    return "\n".join([f"{first} ({named})".strip(), *rest])


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]
