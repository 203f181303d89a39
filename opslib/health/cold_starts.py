"""Why environments started, and how many kept warm would have covered it. Does no I/O.

In: cold starts, metrics by the minute, what changed. Out: small frames. A reason is what fits the
times, not a proof: Lambda does not say why it starts an environment. It ends one after a pause that
it does not document, on a deployment, and when it likes to.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from opslib.health.verdicts import Finding

_MINUTE = timedelta(minutes=1)
# After a change every environment is new; those that are needed start within minutes.
_AFTER_CHANGE = timedelta(minutes=10)
# House value: how long Lambda keeps an idle environment is not documented, minutes are common.
_PAUSE = timedelta(minutes=5)
_LOOK_BACK = timedelta(minutes=15)
REASONS = (
    "after a change",
    "after a pause",
    "more at the same time",
    "none of these: replaced",
)

_FITS = dict(
    zip(
        REASONS,
        (
            "came within 10 minutes after a change: that passes, unless changes go on.",
            "came after a pause of 5 minutes or more: warm environments help, or a warming call.",
            "came when more ran at the same time than before: the load grows in steps.",
            "fit no change that is known, no pause and no growth: environments are replaced again "
            "and again, by deployments of which only the last is remembered, or by Lambda itself. "
            "Find out who deploys before environments are kept warm: a new version needs new ones.",
        ),
        strict=True,
    )
)


def cold_start_reasons(
    starts: pd.DataFrame,
    *,
    invocations: pd.DataFrame,
    concurrency: pd.DataFrame,
    changed_at: Sequence[datetime],
) -> pd.DataFrame:
    """Say what the time of each cold start fits.

    Parameters
    ----------
    starts
        ``at`` (datetime64[ns, UTC]), ``init_ms`` (float64).
    invocations, concurrency
        A point a minute, none for a minute without: ``at``, ``value``.
    changed_at
        When code or configuration is known to have changed. Lambda remembers the last edit only.

    Returns
    -------
    One row a reason that there was, the first that fits: ``reason`` (string), ``cold_starts``
    (int64), ``p50_init_ms`` (float64), ``first_at``, ``last_at`` (datetime64[ns, UTC]). Within 10
    minutes after a change; else no invocation for 5 minutes before; else more ran at the same time
    than in any minute of the 15 before; else an environment was replaced though none of these held:
    a change that a later one hides, or Lambda's own recycling. Empty when there was no cold start.
    """
    ran = [at.to_pydatetime() for at in invocations.loc[invocations["value"] > 0, "at"]]
    side_by_side = list(zip(concurrency["at"], concurrency["value"], strict=True))
    reasons = []
    for at in starts["at"]:
        minute = at.floor("min")
        before = [value for t, value in side_by_side if minute - _LOOK_BACK <= t < minute]
        now = [value for t, value in side_by_side if t == minute]
        if any(timedelta(0) <= at - changed <= _AFTER_CHANGE for changed in changed_at):
            reasons.append(REASONS[0])
        elif not any(minute - _PAUSE <= t < minute for t in ran):
            reasons.append(REASONS[1])
        elif now and before and max(now) > max(before):
            reasons.append(REASONS[2])
        else:
            reasons.append(REASONS[3])
    told = starts.assign(reason=pd.Series(reasons, dtype="string", index=starts.index))
    groups = told.groupby("reason", sort=False).agg(
        cold_starts=("at", "size"),
        p50_init_ms=("init_ms", "median"),
        first_at=("at", "min"),
        last_at=("at", "max"),
    )
    rows = groups.reset_index().sort_values("cold_starts", ascending=False, ignore_index=True)
    return rows.astype({"reason": "string", "cold_starts": "int64"})


def with_reason(findings: Iterable[Finding], reasons: pd.DataFrame) -> list[Finding]:
    """Say of frequent cold starts what most of them fit, and since when.

    Parameters
    ----------
    findings
        ``cold-starts.frequent`` gets a sentence and the first instant; others stay as they are.
    reasons
        As `cold_start_reasons` gives it; nothing is said when it is empty.
    """
    if reasons.empty:
        return list(findings)
    most = reasons.iloc[0]
    said = f" {most['cold_starts']:,} of them {_FITS[most['reason']]}"
    since = most["first_at"].to_pydatetime()
    return [
        replace(finding, detail=f"{finding.detail}{said}", since=since)
        if finding.id == "cold-starts.frequent"
        else finding
        for finding in findings
    ]


def coverage(starts: pd.DataFrame, *, concurrency: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """Say what keeping environments warm would have covered.

    Parameters
    ----------
    concurrency
        The most that ran at the same time, a point a minute, none for a minute without.
    minutes
        Of the window; those without a point had nothing to cover.

    Returns
    -------
    A row each for the median, the p95 and the most of the minutes in which something ran:
    ``kept_warm`` (int64), ``of_minutes`` (string), ``minutes_covered_pct`` (float64, of all),
    ``cold_starts_covered``, ``cold_starts`` (int64). A cold start counts as covered when no more
    ran in its minute than are kept warm. Empty when nothing ran.

    Source
    ------
    Percentiles: linear interpolation between closest ranks, as numpy's default; rounded up.
    """
    values = concurrency["value"].to_numpy(dtype="float64")
    rows: dict[int, tuple[int, str, float, int, int]] = {}
    by_minute = dict(zip(concurrency["at"], values, strict=True))
    for share, word in ((50, "median"), (95, "p95"), (100, "most")):
        if not len(values):
            break
        kept = math.ceil(float(np.percentile(values, share)))
        over = int((values > kept).sum())
        covered = sum(by_minute.get(at.floor("min"), 0.0) <= kept for at in starts["at"])
        told = f"{rows[kept][1]}, {word}" if kept in rows else word
        rows[kept] = (kept, told, (1 - over / minutes) * 100, covered, len(starts))
    columns = ["kept_warm", "of_minutes", "minutes_covered_pct", "cold_starts_covered"]
    return pd.DataFrame(list(rows.values()), columns=[*columns, "cold_starts"]).astype(
        {
            "kept_warm": "int64",
            "of_minutes": "string",
            "minutes_covered_pct": "float64",
            "cold_starts_covered": "int64",
            "cold_starts": "int64",
        }
    )


def enough(covered: pd.DataFrame) -> int:
    """Return how many to keep warm: what covers 95 % of the busy minutes; 0 when nothing ran.

    Parameters
    ----------
    covered
        As `coverage` gives it.
    """
    rows = covered[covered["of_minutes"].str.contains("p95")]
    return 0 if rows.empty else int(rows["kept_warm"].iloc[0])
