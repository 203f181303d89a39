"""Which failures there are: kinds of lines, counted, and held against the metric.

In: the frame of kinds, numbers of metrics. Out: findings. Lines are grouped in `error_lines`; what
a single line means stands in `error_rules`. Does no I/O.

Two things are counted and never added up: *invocations* that failed, once each though two or three
lines tell of it, and *lines*, which an application may write as often as it likes.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from opslib.health.endings import (
    may_have_begun,
    none_since,
    over_at,
    over_of,
    rounds_apart,
    seen_in,
    worded,
)
from opslib.health.error_lines import kinds, signatures
from opslib.health.error_rules import (
    CODE,
    RULES,
)
from opslib.health.verdicts import (
    Finding,
    Verdict,
    judge,
    nothing_ran,
    number,
    points_of,
    utc,
)
from opslib.system import Thresholds

_MINUTE = timedelta(minutes=1)

__all__ = [
    "began_after",
    "error_findings",
    "explained",
    "kinds",
    "rate_findings",
    "rounds",
    "signatures",
    "silence_finding",
    "throttled_finding",
    "unexplained_finding",
]


def silence_finding(
    *, invocations: int | None, subject: str, evidence: Sequence[str] = ()
) -> Finding | None:
    """Return ``invocations.none``, unknown, when nothing ran: then no failure proves nothing.

    None when invocations cannot be counted, which is said where it is found.
    """
    return nothing_ran(subject, evidence) if invocations == 0 else None


def rate_findings(
    *,
    errors: float | None,
    invocations: float | None,
    since: pd.DataFrame,
    thresholds: Thresholds,
    subject: str,
) -> list[Finding]:
    """Judge how many invocations fail, by the metrics, and whether that is over.

    Parameters
    ----------
    errors, invocations
        Sums over the window; None when one could not be seen or has no datapoint.
    since
        ``at`` and ``value`` of Errors a minute; the first above zero dates the finding. Lambda
        counts zero errors, too, as long as invocations run: the last one says until when.

    Returns
    -------
    ``errors.rate`` as the threshold has it, unknown without a number; ``invocations.none``,
    unknown, when nothing ran. Empty when none failed.
    """
    evidence = ("invocations", "errors")
    if not invocations:
        return [nothing_ran(subject, evidence)]
    rate = None if errors is None else errors / invocations * 100
    severity = judge(rate, thresholds.error_rate)
    if severity is Verdict.HEALTHY:
        return []
    counted = points_of(since, "value")
    failed = [point for point in counted if point.value > 0]
    last = counted[-1].at + _MINUTE if counted else None
    until = over_of([point.at for point in failed], ran_until=last, width=_MINUTE)
    if rate is None:
        title = f"How many invocations of {subject} fail is not known"
        detail = "The metric Errors could not be seen, or has no datapoint."
    else:
        first = f", the first in the minute of {utc(failed[0].at)}" if failed else ""
        fails = worded("fail", "failed", until)
        title = f"{number(rate, thresholds.error_rate)} % of the invocations of {subject} {fails}"
        detail = (
            f"{errors:,.0f} of {invocations:,.0f} invocations ended in an error{first}."
            f"{seen_in(point.at for point in failed)}{none_since(until, last)}"
        )
    return [
        Finding(
            id="errors.rate",
            severity=severity,
            title=title,
            detail=detail,
            subject=subject,
            evidence=evidence,
            since=failed[0].at if failed else None,
            until=until,
        )
    ]


def error_findings(
    counted: pd.DataFrame,
    *,
    invocations: float | None,
    failed_records: int | None,
    thresholds: Thresholds,
    subject: str,
    failed: float | None = None,
    ran_until: datetime | None = None,
    apart: timedelta = timedelta(0),
    evidence: Sequence[str] = (),
) -> list[Finding]:
    """Judge each kind of failure.

    Parameters
    ----------
    counted
        As `kinds` gives it.
    invocations
        All of the window, by the metric; None when that is not known.
    failed_records
        Sum of ``error_count`` of invocations that succeeded; None or pd.NA when no line states it.
    failed
        Invocations that failed, by the metric; None when that is not known. No kind ended more of
        them than this: what lines tell beyond it was caught, whatever they look like.
    ran_until
        When the last invocation was seen, tz-aware; without it no failure is told as over.
    apart
        How far apart failures come again, as `rounds` has it, whatever their kind.

    Returns
    -------
    One finding an id of the error table. What ended invocations is judged by its share of them, a
    warning when the number of all is not known. What was only logged is critical when records were
    lost meanwhile, otherwise a warning; a condition that failed and was only logged is contention,
    which retries settle, and no finding. Empty when there is nothing but logged lines of no kind.
    """
    lost_records = 0 if failed_records is None or pd.isna(failed_records) else int(failed_records)
    by_id: dict[str, list[pd.Series]] = defaultdict(list)
    rules = {rule.kind: rule for rule in (*RULES, CODE)}
    for _, row in counted.iterrows():
        rule = rules.get(row["kind"])
        if rule and (row["invocations"] or rule.kind != "condition failed"):
            by_id[rule.finding].append(row)
    findings = []
    for finding, rows in by_id.items():
        told = sum(int(row["invocations"]) for row in rows)
        ended = told if failed is None else min(told, int(failed))
        lines = sum(int(row["lines"]) for row in rows)
        first, last = min(row["first_at"] for row in rows), max(row["last_at"] for row in rows)
        seldom = max(apart, (last - first) / max(lines - 1, 1))
        until = over_at(last.to_pydatetime(), ran_until=ran_until, apart=seldom)
        names = " and ".join(str(row["kind"]) for row in rows)
        when = "" if until is None else f", until {utc(until)}"
        versions = sorted({v for row in rows for v in str(row["versions"]).split(", ") if v})
        if ended:
            share = ended / invocations * 100 if invocations else None
            severity = judge(share, thresholds.error_rate)
            if severity in (Verdict.UNKNOWN, Verdict.HEALTHY):
                severity = Verdict.WARNING
            of = f"of {invocations:,.0f} invocations, {number(share)} %" if share else "invocations"
            what = f"{ended:,} {of}"
            some = "1 invocation" if ended == 1 else f"{ended:,} invocations"
            title = f"{some} of {subject} failed: {names}{when}"
        else:
            severity = Verdict.CRITICAL if lost_records else Verdict.WARNING
            lost = f", and {lost_records:,} records were lost" if lost_records else ""
            what = f"{lines:,} lines in invocations that succeeded{lost}"
            inside = f"{lines:,} failures inside invocations that"
            now, then = f"logs {inside} succeed", f"logged {inside} succeeded"
            title = f"{subject} {now if until is None else then}: {names}{when}"
        ran = f", in version {', '.join(versions)}" if versions else ""
        if ended < told:
            ran += f" (of {told:,} that lines tell of, but the metric counts {ended:,}: the rest "
            ran += "was caught)"
        findings.append(
            Finding(
                id=finding,
                severity=severity,
                title=title,
                detail=f"{_mostly(rows)}{what}{ran}: the first at {utc(first)}, the last at "
                f"{utc(last)}. {rows[0]['cause']}{none_since(until, ran_until)}",
                subject=subject,
                evidence=tuple(evidence),
                since=first.to_pydatetime(),
                until=until,
            )
        )
    return findings


def rounds(counted: pd.DataFrame, column: str = "value", *, every_s: int = 60) -> timedelta:
    """Return how far apart failures come again, as each night; zero for less than three rounds.

    Parameters
    ----------
    counted
        ``at`` (datetime64[ns, UTC]) and failures a period.
    column
        The name of the latter.
    every_s
        Seconds of a period.
    """
    failed = [point.at for point in points_of(counted, column) if point.value > 0]
    return rounds_apart(failed, width=timedelta(seconds=every_s))


def _mostly(rows: Sequence["pd.Series[Any]"]) -> str:
    said = str(max(rows, key=lambda row: int(row["lines"]))["mostly"])
    return f"Mostly “{said}”. " if said else ""


def explained(counted: pd.DataFrame) -> int:
    """Return how many failed invocations have a line that says why."""
    return int(counted["invocations"].sum()) if len(counted) else 0


def unexplained_finding(
    *, by_lines: int, by_metric: float | None, subject: str, evidence: Sequence[str] = ()
) -> Finding | None:
    """Hold the failures that lines tell of against the metric Errors.

    Parameters
    ----------
    by_lines
        As `explained` counts.
    by_metric
        Sum of Errors; None when it could not be seen, or has no datapoint.

    Returns
    -------
    ``errors.unexplained``: a warning when the metric has more than the lines, by more than 5 % and
    by more than 2 (the two ends of the window: an error is counted at the start of its invocation,
    and logged at its end); unknown when lines tell of failures and the metric is missing. None
    otherwise.
    """
    if by_metric is None:
        if not by_lines:
            return None
        title = f"Whether all failures of {subject} are explained is not known"
        severity, detail = Verdict.UNKNOWN, "The metric Errors could not be seen."
    else:
        more = by_metric - by_lines
        if more <= max(2, 0.05 * by_metric):
            return None
        title = f"{more:,.0f} failed invocations of {subject} have no line that says why"
        severity = Verdict.WARNING
        detail = (
            f"The metric counts {by_metric:,.0f} errors, and {by_lines:,} invocations have a line "
            "of a known kind. Lines may be dropped, filtered by level, late, or of no known shape."
        )
    return Finding(
        id="errors.unexplained",
        severity=severity,
        title=title,
        detail=detail,
        subject=subject,
        evidence=tuple(evidence),
    )


def throttled_finding(
    refused: pd.DataFrame,
    *,
    thresholds: Thresholds,
    subject: str,
    evidence: Sequence[str] = (),
) -> Finding | None:
    """Return ``invocations.throttled`` when Lambda itself refused invocations.

    Throttled ones are in neither Invocations nor Errors, and leave no line at all.

    Parameters
    ----------
    refused
        ``at`` (datetime64[ns, UTC]) and ``value``: Throttles a minute. Lambda counts none, too, as
        long as something is asked of the function: the last one says until when.

    Returns
    -------
    Critical as the threshold has it for the worst 5 minutes, else a warning. None without any.
    """
    hit = refused[refused["value"] > 0]
    if hit.empty:
        return None
    worst = float(hit.groupby(hit["at"].dt.floor("5min"))["value"].sum().max())
    severity = judge(worst, thresholds.throttles)
    instants = [at.to_pydatetime() for at in hit["at"]]
    last = refused["at"].max().to_pydatetime() + _MINUTE
    until = over_of(instants, ran_until=last, width=_MINUTE)
    count = f"{hit['value'].sum():,.0f} invocations of {subject}"
    return Finding(
        id="invocations.throttled",
        severity=severity if severity is Verdict.CRITICAL else Verdict.WARNING,
        title=f"{count} {worded('were throttled', 'were throttled', until)}",
        detail=f"At most {worst:,.0f} in 5 min, the first in the minute of {utc(hit['at'].min())}. "
        "Lambda refused them for lack of concurrency: they are in neither Invocations nor "
        "Errors and leave no line. A stream's batch waits and is tried again; an asynchronous "
        f"event is tried again for up to six hours.{none_since(until, last)}",
        subject=subject,
        evidence=tuple(evidence),
        since=hit["at"].min().to_pydatetime(),
        until=until,
    )


def began_after(findings: Sequence[Finding | None], changed_at: datetime | None) -> bool:
    """Whether something bad that a change may have begun goes on: only then may going back mend it.

    A service that fails is no such thing, unless it began to with the change.
    """
    return any(
        each is not None
        and each.severity in (Verdict.WARNING, Verdict.CRITICAL)
        and each.until is None
        and may_have_begun(changed_at, each)
        for each in findings
    )
