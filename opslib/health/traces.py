"""Traces grouped: exception, message, and the innermost frame of the function's own code.

In: a frame of trace lines grouped by the service, and the handler's name. Out: one row a place in
the code that raises. Does no I/O.

A line may be text (Python's ``[ERROR] Type: words`` and a traceback) or JSON, in which a traceback
is one escaped string (``exception``) or a list (``stackTrace``): frames are read from either
without decoding, since a long line may be cut.

Sources
-------
Frames: Python's ``File "PATH", line N, in NAME``; Node.js' ``at NAME (PATH:LINE:COLUMN)``, whose
first is the innermost. A function's package is under /var/task together with its dependencies (AWS
Lambda developer guide), so its own code is what lies under the handler's top-level module.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import pandas as pd

from opslib.health.endings import OUTSIDE, ended_by, may_have_begun
from opslib.health.error_rules import CODE, RULES, ending_of, kind_of, signature_of
from opslib.health.verdicts import Finding, span, utc

_PYTHON = re.compile(
    r"File \\?\"(?P<file>[^\"\\]+)\\?\", line (?P<line>\d+), in (?P<name>[\w.<>]+)"
)
_NODE = re.compile(r"\bat (?:async )?(?P<name>[\w.$<>]+) \(?(?P<file>/[^:()\s]+):(?P<line>\d+):\d+")
_RAISED = re.compile(
    r"(?:\\n|\n)(?:[\w.]+\.)?(?P<type>[A-Z]\w*(?:Error|Exception|Exit|Interrupt)): "
)
_HEAD = re.compile(r"^(?:\[ERROR\] )?(?P<type>[A-Z][\w.]*): ")
_TASK = "/var/task/"
_VENDORED = ("site-packages/", "node_modules/")
_TRACES = {
    "kind": "string",
    "exception": "string",
    "where": "string",
    "message": "string",
    "tells": "string",
    "lines": "Int64",
    "first_at": "datetime64[ns, UTC]",
    "last_at": "datetime64[ns, UTC]",
    "versions": "string",
    "example": "string",
}


def own_root(handler: str) -> str:
    """Return the top-level module of a handler: ``app`` of ``app.main.handler`` or ``app/main.h``.

    Empty when the configuration names none, as that of a container image.
    """
    found = re.match(r"[\w-]+", handler)
    return found[0] if found else ""


def innermost(trace: str, *, root: str) -> str:
    """Return the innermost own frame of a trace as ``file:line in name``; empty without a frame.

    Parameters
    ----------
    trace
        Text, or a line of JSON that holds it.
    root
        As `own_root` gives it. Without a frame under it, the innermost below /var/task that is not
        vendored counts, then the innermost of all.
    """
    frames = [(m["file"], m["line"], m["name"]) for m in _PYTHON.finditer(trace)]
    if not frames:
        frames = [(m["file"], m["line"], m["name"]) for m in _NODE.finditer(trace)]
        frames.reverse()
    in_task = [
        f for f in frames if f[0].startswith(_TASK) and not any(v in f[0] for v in _VENDORED)
    ]
    own = [
        f for f in in_task if root and re.match(rf"{re.escape(root)}(?:/|\.)", f[0][len(_TASK) :])
    ]
    for candidates in (own, in_task, frames):
        if candidates:
            file, line, name = candidates[-1]
            return f"{file.removeprefix(_TASK)}:{line} in {name}"
    return ""


def traces(lines: pd.DataFrame, *, root: str) -> pd.DataFrame:
    """Group trace lines by exception, place and message.

    Parameters
    ----------
    lines
        One row a group of lines: ``version``, ``shape``, ``status``, ``level``, ``error_type``,
        ``said``, ``trace`` (string; one whole line of the group, or its beginning), ``lines``
        (Int64), ``first_at``, ``last_at`` (datetime64[ns, UTC]); where there is such, ``caught``
        (Int64), 1 for a line that a logger wrote.
    root
        As `own_root` gives it.

    Returns
    -------
    One row a place, most lines first: ``kind`` (as the error table has it), ``exception``,
    ``where``, ``message`` (without ids, instants and numbers), ``tells`` (``uncaught`` when it
    ended the invocation, ``logged`` when it was caught), ``lines``, ``first_at``, ``last_at``,
    ``versions``, ``example`` (one of the lines). Empty, with these columns, when ``lines`` is.
    """
    rows = []
    for row in lines.to_dict("records"):
        shape, status, error_type, said, trace = (
            _text(row[name]) for name in ("shape", "status", "error_type", "said", "trace")
        )
        caught = _text(row.get("caught")) == "1"
        ending = ending_of(shape=shape, error_type=error_type, said=said, caught=caught)
        rule = kind_of(ending=ending, status=status, error_type=error_type, said=said)
        if rule is None or ending not in ("uncaught", "logged"):
            continue
        rows.append(
            (
                rule.kind,
                error_type or _exception(said, trace),
                innermost(trace, root=root),
                signature_of(said, error_type=error_type),
                ending,
                int(row["lines"]),
                row["first_at"],
                row["last_at"],
                _text(row["version"]),
                trace,
            )
        )
    rows.sort(key=lambda each: each[7], reverse=True)
    typed = pd.DataFrame(
        {
            name: pd.Series([row[place] for row in rows], dtype=dtype)
            for place, (name, dtype) in enumerate(_TRACES.items())
        }
    )
    keys = ["kind", "exception", "where", "message", "tells"]
    grouped = typed.groupby(keys, sort=False, dropna=False).agg(
        lines=("lines", "sum"),
        first_at=("first_at", "min"),
        last_at=("last_at", "max"),
        versions=("versions", lambda each: ", ".join(sorted({v for v in each if v}))),
        example=("example", "first"),
    )
    ordered = grouped.reset_index().sort_values(
        "lines", ascending=False, kind="stable", ignore_index=True
    )
    return ordered.astype(_TRACES)


def example_of(found: pd.DataFrame, *, most: int = 40) -> pd.DataFrame:
    """Return one trace of the most frequent place, a line a row.

    Returns
    -------
    ``trace`` (string): at most ``most`` lines, the first ones; an indentation is kept as no-break
    spaces. Empty, with this column, when there is no trace.
    """
    text = str(found.iloc[0]["example"]) if len(found) else ""
    lines = text.replace("\\n", "\n").replace('\\"', '"').splitlines()[:most]
    kept = [
        "\u00a0" * (len(line) - len(line.lstrip())) + line.strip() for line in lines if line.strip()
    ]
    return pd.DataFrame({"trace": pd.Series(kept, dtype="string")})


def dated(
    findings: Iterable[Finding],
    *,
    deployed_at: datetime | None,
    before: str | None,
    found: pd.DataFrame | None = None,
) -> list[Finding]:
    """Say of each finding where it is raised, and whether a deployment began it or ended it.

    What a deployment ended is no reason to go back: that would bring it again.

    Parameters
    ----------
    deployed_at
        When code or configuration last changed, if that was inside the window.
    before
        The published version before the one that runs; None when there is none.
    found
        As `traces` gives it; without it no place is said.
    """
    said = []
    for finding in findings:
        where = "" if found is None else _place(found, finding.id)
        words = f" Raised at {where}." if where else ""
        if deployed_at is not None and finding.since is not None:
            later = (finding.since - deployed_at).total_seconds()
            if ended_by(deployed_at, since=finding.since, until=finding.until):
                words += f" The deployment of {utc(deployed_at)} ended it: going back repeats it."
            elif later >= 0:
                words += f" It began {span(later * 1000)} after the change of {utc(deployed_at)}"
                words += "." if finding.id not in OUTSIDE else _of_others(finding, deployed_at)
                if before is not None and may_have_begun(deployed_at, finding):
                    words += f" Version {before} holds other code, from before it."
            else:
                words += f" It began before the change of {utc(deployed_at)}"
                words += "." if finding.id not in OUTSIDE else ": going back mends nothing."
        said.append(replace(finding, detail=f"{finding.detail}{words}"))
    return said


def _of_others(finding: Finding, deployed_at: datetime) -> str:
    if may_have_begun(deployed_at, finding):
        return (
            ", so that may have brought it: another address, token or load. If the service fails "
            "for others too, going back mends nothing."
        )
    return (
        ", too late to be of it: going back mends nothing. Call whoever runs what it calls, and "
        "see whether it fails for others too."
    )


def _place(found: pd.DataFrame, finding: str) -> str:
    """Return the place of most traces of a finding's kinds."""
    kinds = [rule.kind for rule in (*RULES, CODE) if rule.finding == finding]
    places = found.loc[found["kind"].isin(kinds) & (found["where"] != ""), "where"]
    return str(places.iloc[0]) if len(places) else ""


def _exception(said: str, trace: str) -> str:
    """Return the type of an exception: of the head of a line, or of a traceback's last line."""
    head = _HEAD.search(said)
    if head and re.search(r"Error|Exception|Exit", head["type"]):
        return head["type"]
    raised = list(_RAISED.finditer(trace))
    return raised[-1]["type"] if raised else (head["type"] if head else "")


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]
