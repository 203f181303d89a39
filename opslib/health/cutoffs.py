"""Invocations that were cut off: by the timeout, or killed for lack of memory.

In: frames of the platform's lines and of what stood before them. Out: a frame of invocations, what
a timeout would have to be, findings. Does no I/O.

Sources
-------
"Task timed out after N seconds" and ``Status: timeout`` of REPORT may both stand in the log of one
invocation; older runtimes write only the first, functions that log JSON only a ``platform.report``
(AWS Lambda developer guide; Telemetry API schema). A timeout is at most 900 s (Lambda quotas).
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import pandas as pd

from opslib.health.endings import ended_by, none_since, over_of, seen_in, worded
from opslib.health.error_rules import ending_of, kind_of
from opslib.health.verdicts import Finding, Verdict, judge, number, span, utc
from opslib.system import Thresholds

_ID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
_WORKED = re.compile(r"\bDuration: ([\d.]+) ms|\"durationMs\":\s?([\d.]+)")
_AFTER = re.compile(r"Task timed out after ([\d.]+) seconds")
_USED = re.compile(r"Max Memory Used: (\d+) MB|\"maxMemoryUsedMB\":\s?(\d+)")
_KINDS = ("timeout", "out of memory")
_LONGEST_S = 900
_MINUTE = timedelta(minutes=1)
_CUTS = {
    "at": "datetime64[ns, UTC]",
    "request_id": "string",
    "stream": "string",
    "how": "string",
    "worked_ms": "float64",
    "used_mb": "float64",
}


def cut_off(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the invocations that were cut off, from the platform's lines about them.

    Parameters
    ----------
    lines
        One row a line, any order: ``at`` (datetime64[ns, UTC]), ``stream``, ``shape``, ``status``,
        ``error_type``, ``said`` (string).

    Returns
    -------
    One row an invocation, newest first: ``at`` (when it was cut off), ``request_id``, ``stream``,
    ``how`` (``timeout`` or ``out of memory``), ``worked_ms``, ``used_mb`` (float, NaN when no line
    says). Empty, with these columns, when none was.
    """
    seen: dict[str, dict[str, object]] = {}
    for row in lines.sort_values("at").to_dict("records"):
        said = _text(row["said"])
        shape, status, error_type = (_text(row[name]) for name in ("shape", "status", "error_type"))
        ending = ending_of(shape=shape, error_type=error_type, said=said)
        rule = kind_of(ending=ending, status=status, error_type=error_type, said=said)
        found = _ID.search(said)
        if rule is None or rule.kind not in _KINDS or ending in ("init", "logged") or not found:
            continue
        cut = seen.setdefault(
            found[0],
            {"at": row["at"], "request_id": found[0], "stream": row["stream"], "how": rule.kind},
        )
        worked, after, used = (p.search(said) for p in (_WORKED, _AFTER, _USED))
        if worked:
            cut["worked_ms"] = float(worked[1] or worked[2])
        elif after:
            cut.setdefault("worked_ms", float(after[1]) * 1000)
        if used:
            cut["used_mb"] = float(used[1] or used[2])
    rows = list(reversed(seen.values()))
    return pd.DataFrame(
        {name: pd.Series([r.get(name) for r in rows], dtype=kind) for name, kind in _CUTS.items()}
    )


def streams_of(cuts: pd.DataFrame, *, most: int = 20) -> str:
    """Return the log streams of the newest, as a list in a query; one empty name when none."""
    names = list(dict.fromkeys(cuts["stream"].dropna().head(most))) or [""]
    return f"[{', '.join(json.dumps(str(name)) for name in names)}]"


def last_words(cuts: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Add what each invocation said last.

    Parameters
    ----------
    cuts
        As `cut_off` gives it.
    lines
        The application's lines: ``at``, ``stream``, ``said`` (string), ``records`` (Int64: how many
        records a line says that the batch has).

    Returns
    -------
    ``at``, ``how``, ``worked_ms``, ``used_mb``, ``records``, ``said_last`` (missing when nothing
    was said, or its lines were not read), ``silent_ms`` (from that line to the end),
    ``request_id``.
    """
    rows = []
    for cut in cuts.to_dict("records"):
        worked_ms = cut["worked_ms"] if cut["worked_ms"] > 0 else 0.0
        begun = cut["at"] - pd.Timedelta(worked_ms + 1, "ms")
        own = lines[(lines["stream"] == cut["stream"]) & lines["at"].between(begun, cut["at"])]
        own = own.sort_values("at", kind="stable")
        counts = own["records"].dropna()
        last = own.iloc[-1] if len(own) else None
        rows.append(
            {
                "at": cut["at"],
                "how": cut["how"],
                "worked_ms": cut["worked_ms"],
                "used_mb": cut["used_mb"],
                "records": int(counts.iloc[0]) if len(counts) else pd.NA,
                "said_last": last["said"] if last is not None else pd.NA,
                "silent_ms": (cut["at"] - last["at"]) / pd.Timedelta("1ms")
                if last is not None
                else math.nan,
                "request_id": cut["request_id"],
            }
        )
    kinds = {
        "at": "datetime64[ns, UTC]",
        "how": "string",
        "worked_ms": "float64",
        "used_mb": "float64",
        "records": "Int64",
        "said_last": "string",
        "silent_ms": "float64",
        "request_id": "string",
    }
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in kinds.items()}
    )


def enough_s(*, timeout_ms: float, longest_ms: float | None) -> int | None:
    """Return a timeout that the work may fit into, in whole seconds.

    Parameters
    ----------
    timeout_ms
        The timeout now; NaN when it is not known.
    longest_ms
        The longest invocation that was not cut off, before it began; None when there was none.

    Returns
    -------
    Twice the larger of the two, at most 900; None when the timeout is not known, or is 900 already.

    Source
    ------
    House rule: the guide's healthy is half of the timeout.
    """
    if not timeout_ms > 0 or timeout_ms >= _LONGEST_S * 1000:
        return None
    longest = longest_ms if longest_ms is not None and longest_ms > 0 else 0.0
    return min(_LONGEST_S, math.ceil(2 * max(timeout_ms, longest) / 1000))


def cut_off_findings(
    cuts: pd.DataFrame,
    *,
    invocations: float | None,
    timeout_ms: float,
    longest_before_ms: float | None,
    thresholds: Thresholds,
    subject: str,
    deployed_at: datetime | None = None,
    ran_until: datetime | None = None,
    evidence: Sequence[str] = (),
) -> list[Finding]:
    """Judge the invocations that were cut off by their share of all.

    Parameters
    ----------
    cuts
        As `cut_off` gives it.
    invocations
        All of the window; None when that is not known.
    timeout_ms
        The timeout now; NaN when it is not known.
    longest_before_ms
        The longest invocation before ``deployed_at``; None or NaN when there was none.
    ran_until
        When the last invocation was seen, tz-aware; without it nothing is told as over.

    Returns
    -------
    ``errors.timeout`` and ``errors.out-of-memory``, critical as the error rate has it, at least a
    warning. Empty when none was cut off.
    """
    findings = []
    for kind, finding, words in (
        ("timeout", "errors.timeout", "were cut off by the timeout"),
        ("out of memory", "errors.out-of-memory", "were killed for lack of memory"),
    ):
        part = cuts[cuts["how"] == kind]
        if part.empty:
            continue
        share = len(part) / invocations * 100 if invocations else None
        severity = judge(share, thresholds.error_rate)
        since, last = part["at"].min().to_pydatetime(), part["at"].max()
        instants = [at.to_pydatetime() for at in part["at"]]
        until = over_of(instants, ran_until=ran_until)
        when = "" if until is None else f", until {utc(until)}"
        of = f"{len(part):,} of {invocations:,.0f}, {number(share)} %: " if share else ""
        limits = _limits(part, timeout_ms) if kind == "timeout" else []
        limit = f" of {' and '.join(map(span, limits))}" if limits else ""
        findings.append(
            Finding(
                id=finding,
                severity=severity if severity is Verdict.CRITICAL else Verdict.WARNING,
                title=f"{len(part):,} invocations of {subject} {words}{limit}{when}",
                detail=" ".join(
                    [
                        f"{of}the first at {utc(since)}, the last at {utc(last)}.",
                        *_begun(since, until, deployed_at),
                        *_other_now(limits, timeout_ms),
                        *_too_low(kind, timeout_ms, longest_before_ms, since, deployed_at),
                    ]
                )
                + seen_in(instants)
                + none_since(until, ran_until),
                subject=subject,
                evidence=tuple(evidence),
                since=since,
                until=until,
            )
        )
    return findings


def refused_finding(
    refused: pd.DataFrame, *, table: str, looked_until: datetime, evidence: Sequence[str] = ()
) -> Finding | None:
    """Return ``dynamodb.write-throttled``, a warning, when a table refused writes meanwhile.

    Parameters
    ----------
    refused
        ``at`` (datetime64[ns, UTC]) and ``value``: WriteThrottleEvents a minute. A minute without
        one has none.
    looked_until
        The end of what was looked at.

    Returns
    -------
    None without an event. How bad it is judges the notebook on throttling; here it only says that
    a longer timeout would not mend what waits for the table.
    """
    hit = refused[refused["value"] > 0]
    if hit.empty:
        return None
    since = hit["at"].min().to_pydatetime()
    instants = [at.to_pydatetime() for at in hit["at"]]
    until = over_of(instants, ran_until=looked_until, width=_MINUTE)
    count = f"{hit['value'].sum():,.0f} writes"
    return Finding(
        id="dynamodb.write-throttled",
        severity=Verdict.WARNING,
        title=f"{table} {worded(f'refused {count}', f'refused {count}', until)}",
        detail=f"The first in the minute of {utc(since)}. The SDK tries a refused write again in "
        "silence, so invocations wait for it: a longer timeout mends nothing, and more memory only "
        f"what is killed for lack of it.{none_since(until, looked_until)}",
        subject=table,
        evidence=tuple(evidence),
        since=since,
        until=until,
    )


def _limits(cuts: pd.DataFrame, timeout_ms: float) -> list[float]:
    """Return the timeouts that cut off, least first, as the lines say; else that of now."""
    worked = cuts["worked_ms"].dropna()
    seen = sorted({round(each / 1000) * 1000.0 for each in worked if each >= 500})
    return seen or ([timeout_ms] if timeout_ms > 0 else [])


def _other_now(limits: Sequence[float], timeout_ms: float) -> Iterable[str]:
    """Say the timeout of now where what cut off was another one."""
    if timeout_ms > 0 and any(each != timeout_ms for each in limits):
        yield f"The timeout is {span(timeout_ms)} now."


def _begun(since: datetime, until: datetime | None, deployed_at: datetime | None) -> Iterable[str]:
    if deployed_at is not None and ended_by(deployed_at, since=since, until=until):
        yield f"The deployment of {utc(deployed_at)} ended it."
    elif deployed_at is None:
        yield "No deployment of the function was seen in this window."
    elif since >= deployed_at:
        later = span((since - deployed_at).total_seconds() * 1000)
        yield f"All of them after the change of {utc(deployed_at)}, the first {later} later."
    else:
        yield f"They began before the change of {utc(deployed_at)}."


def _too_low(
    kind: str,
    timeout_ms: float,
    longest_before_ms: float | None,
    since: datetime,
    deployed_at: datetime | None,
) -> Iterable[str]:
    if kind != "timeout" or longest_before_ms is None or deployed_at is None:
        return
    if since >= deployed_at and longest_before_ms > timeout_ms > 0:
        yield (
            f"Before it the longest invocation took {span(longest_before_ms)}, more than the "
            "timeout allows now: the timeout was lowered; the work did not grow."
        )


def _text(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]
