"""Whether a table throttles, why, and what that does to the function that writes to it.

In: points of metrics by the names that `opslib.tables` gives them, and the table's capacity. Out:
frames for people, and findings. Does no I/O.

A throttled request is tried again by the SDK, in silence: the function takes longer and fails only
when the SDK gives up. No datapoint of a throttle means that there was none, provided that the table
was seen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

import pandas as pd

from opslib.health.endings import none_since, over_of
from opslib.health.verdicts import (
    Finding,
    Point,
    Verdict,
    judge,
    number,
    points_of,
    span,
    sustained,
    utc,
)
from opslib.system import Thresholds
from opslib.window import Window

_FIVE = timedelta(minutes=5)
_KINDS = ("write", "read")
#: What each cause means, by its name in the metrics.
CAUSES: Mapping[str, str] = {
    "ProvisionedThroughput": "the provisioned capacity",
    "KeyRangeThroughput": "one partition's limit: a hot key",
    "MaxOnDemandThroughput": "the on-demand maximum that was set",
    "AccountLimit": "the account's limit",
}
_USAGE = {
    "resource": "str",
    "kind": "str",
    "throttles": "float64",
    "most_in_5_min": "float64",
    "first_at": "datetime64[ns, UTC]",
    "last_at": "datetime64[ns, UTC]",
    "peak_units": "float64",
    "provisioned": "float64",
    "used_pct": "float64",
}


def usage(points: pd.DataFrame, tables: pd.DataFrame, *, period_s: int) -> pd.DataFrame:
    """Return what each table and index took and refused.

    Parameters
    ----------
    points
        ``metric``, ``at``, ``value``, named as `opslib.tables.throttle_metrics` does.
    tables
        As `opslib.tables.Table.rows`.
    period_s
        Seconds of a period of the consumed capacity, which is a sum over it.

    Returns
    -------
    One row a resource and kind, those that throttle first: ``resource``, ``kind`` (``write`` or
    ``read``), ``throttles`` (events in the window), ``most_in_5_min``, ``first_at``, ``last_at``,
    ``peak_units`` (consumed, units a second in the busiest period), ``provisioned`` (units a
    second; missing on-demand), ``used_pct`` (peak of provisioned).
    """
    rows = []
    for row in tables.to_dict("records"):
        for kind in _KINDS:
            name = row["resource"]
            events = [p for p in _points(points, f"{kind}_throttles of {name}") if p.value > 0]
            units = _points(points, f"{kind}_units of {name}")
            peak = max((p.value for p in units), default=0.0) / period_s
            has = row[f"{kind}_units"]
            limit = float("nan") if pd.isna(has) else float(has)
            rows.append(
                {
                    "resource": name,
                    "kind": kind,
                    "throttles": sum(p.value for p in events),
                    "most_in_5_min": max(_fives(events).values(), default=0.0),
                    "first_at": events[0].at if events else None,
                    "last_at": events[-1].at if events else None,
                    "peak_units": peak,
                    "provisioned": limit,
                    "used_pct": peak / limit * 100,
                }
            )
    rows.sort(key=lambda each: -each["throttles"])
    return pd.DataFrame(
        {name: pd.Series([r[name] for r in rows], dtype=dtype) for name, dtype in _USAGE.items()}
    )


def throttled(used: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the kinds and resources that throttle, to ask for their causes."""
    hit = used[used["throttles"] > 0]
    return list(zip(hit["kind"], hit["resource"], strict=True))


def causes(points: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return why resources throttled: ``resource``, ``kind``, ``cause``, ``meaning``, ``events``.

    Parameters
    ----------
    points
        Named as `opslib.tables.cause_metrics` does.
    pairs
        As `throttled` gives them.
    """
    rows = []
    for kind, resource in pairs:
        for cause, meaning in CAUSES.items():
            events = sum(p.value for p in _points(points, f"{kind} {cause} of {resource}"))
            if events:
                rows.append((resource, kind, cause, meaning, events))
    columns = ["resource", "kind", "cause", "meaning", "events"]
    return pd.DataFrame(rows, columns=columns).astype({"events": "float64"})


def operations(points: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return which operations were throttled, failed or slow, where anything was seen of one.

    Returns
    -------
    ``operation``, ``throttled_requests``, ``system_errors``, ``slowest_p99_ms`` (the worst period;
    missing when it was not called).
    """
    rows = []
    for name in names:
        refused = sum(p.value for p in _points(points, f"throttled {name}"))
        broken = sum(p.value for p in _points(points, f"system errors {name}"))
        slow = [p.value for p in _points(points, f"latency {name}")]
        if refused or broken or slow:
            rows.append((name, refused, broken, max(slow, default=float("nan"))))
    columns = ["operation", "throttled_requests", "system_errors", "slowest_p99_ms"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], "float64"))


@dataclass(frozen=True, slots=True)
class Effect:
    """What the throttles did to the function: the medians of its p95, before and meanwhile.

    ``before_ms`` and ``while_ms`` are None when there is nothing to compare.
    """

    before_ms: float | None
    while_ms: float | None
    errors: float | None

    @property
    def sentence(self) -> str:
        """The same for people; empty when there is nothing to compare."""
        if self.before_ms is None or self.while_ms is None:
            return ""
        failed = "" if self.errors is None else f", {number(self.errors)} of them failed"
        return (
            f" Invocations took {span(self.before_ms)} (median p95) before it and "
            f"{span(self.while_ms)} meanwhile{failed}: the SDK tries again in silence."
        )


def effect(duration: pd.DataFrame, errors: pd.DataFrame, used: pd.DataFrame) -> Effect:
    """Compare a function's durations before the first throttle and from it to the last.

    Parameters
    ----------
    duration
        ``at``, ``value``: p95 of 5 minutes, milliseconds.
    errors
        ``at``, ``value``: errors a period.
    used
        As `usage` gives it.
    """
    # What began before the last one may feel it in the period after.
    first, last = used["first_at"].min(), used["last_at"].max() + _FIVE
    if pd.isna(first):
        return Effect(None, None, None)
    points, failed = points_of(duration, "value"), points_of(errors, "value")
    before = [p.value for p in points if p.at + _FIVE <= first]
    meanwhile = [p.value for p in points if first <= p.at <= last]
    return Effect(
        median(before) if before else None,
        median(meanwhile) if meanwhile else None,
        sum(p.value for p in failed if first <= p.at <= last) if failed else None,
    )


def throttling_findings(
    *,
    table: str,
    was_seen: bool,
    used: pd.DataFrame,
    why: pd.DataFrame,
    calls: pd.DataFrame,
    felt: Effect,
    points: pd.DataFrame,
    window: Window,
    thresholds: Thresholds,
    period_s: int = 60,
    evidence: Sequence[str] = (),
) -> list[Finding]:
    """Judge a table's throttles, their cause, and DynamoDB itself.

    Parameters
    ----------
    was_seen
        Whether the table is there; otherwise no datapoint says nothing.
    used, why, calls, felt
        As `usage`, `causes`, `operations` and `effect` give them.
    points
        The points that ``used`` was made of.
    period_s
        Seconds of a period of these.

    Returns
    -------
    ``dynamodb.write-throttled`` and ``dynamodb.read-throttled`` by the events in 5 minutes that
    held for the threshold's periods (in fewer: a warning), unknown when the table was not seen;
    ``dynamodb.hot-key`` when one partition's limit was a cause; ``dynamodb.slow`` for errors of
    DynamoDB's own and late answers. Empty when all is well.
    """
    if not was_seen:
        return [
            Finding(
                id="dynamodb.write-throttled",
                severity=Verdict.UNKNOWN,
                title=f"Whether {table or 'the table'} throttles is not known",
                detail="The table was not found or not named, and then no datapoint says nothing.",
                subject=table or "the table",
                evidence=tuple(evidence),
            )
        ]
    found = []
    for kind in _KINDS:
        hit = used[(used["kind"] == kind) & (used["throttles"] > 0)]
        if hit.empty:
            continue
        of_kind = why[why["kind"] == kind]
        severity = max(
            (
                _severity(_points(points, f"{kind}_throttles of {name}"), window, thresholds)
                for name in hit["resource"]
            ),
            key=(Verdict.HEALTHY, Verdict.WARNING, Verdict.CRITICAL).index,
        )
        first = hit["first_at"].min().to_pydatetime()
        events = [
            point
            for name in hit["resource"]
            for point in _points(points, f"{kind}_throttles of {name}")
            if point.value > 0
        ]
        width = timedelta(seconds=period_s)
        until = over_of([point.at for point in events], ran_until=window.end, width=width)
        refuses = "refuses" if until is None else "refused"
        when = "" if until is None else f", until {utc(until)}"
        found.append(
            Finding(
                id=f"dynamodb.{kind}-throttled",
                severity=severity,
                title=f"{table} {refuses} {kind}s{_where(hit, table)}{when}",
                detail=f"{hit['throttles'].sum():,.0f} {kind}s were throttled since {utc(first)}, "
                f"at most {max(_fives(events).values()):,.0f} in 5 minutes; {_because(of_kind)}. "
                f"{_room(hit, of_kind)}{felt.sentence}"
                f"{none_since(until, window.end, width=width)}",
                subject=table,
                evidence=tuple(evidence),
                since=first,
                until=until,
            )
        )
    found += _hot(why, table, evidence)
    found += _slow(calls, table, thresholds, evidence)
    return found


def still_throttled(used: pd.DataFrame, findings: Sequence[Finding]) -> pd.DataFrame:
    """Return the rows of `usage` whose kind is found to be throttled still, for what mends it."""
    kinds = [
        kind
        for kind in _KINDS
        for each in findings
        if each.id == f"dynamodb.{kind}-throttled" and each.until is None
    ]
    return used[used["kind"].isin(kinds)]


def _severity(points: Sequence[Point], window: Window, thresholds: Thresholds) -> Verdict:
    threshold = thresholds.dynamodb_throttles
    held = _fives(points)
    first = min([_floor(window.start), *held])
    count = (window.end - first) // _FIVE + 1
    bins = [held.get(first + place * _FIVE, 0.0) for place in range(count)]
    level = judge(sustained(bins, threshold.periods), threshold)
    # Short of so many periods running it is a warning, as the stack's alarm needs two.
    return Verdict.WARNING if level is Verdict.HEALTHY and any(bins) else level


def _where(hit: pd.DataFrame, table: str) -> str:
    indexes = [name for name in hit["resource"] if name != table]
    if not indexes:
        return ""
    return f" (index {', '.join(indexes)})"


def _because(why: pd.DataFrame) -> str:
    if why.empty:
        return "no metric names a cause"
    total = why["events"].sum()
    by_cause = why.groupby("meaning")["events"].sum().sort_values(ascending=False)
    return "refused by " + ", ".join(
        f"{meaning} ({share * 100:.0f} %)" for meaning, share in (by_cause / total).items()
    )


def _room(hit: pd.DataFrame, why: pd.DataFrame) -> str:
    worst = hit.iloc[0]
    if pd.isna(worst["provisioned"]):
        # What refused for its provisioned capacity had one then.
        was = "ProvisionedThroughput" in set(why["cause"])
        now = "on-demand now, and was provisioned then" if was else "on-demand"
        return f"{worst['resource']} is {now}; its busiest period took " + (
            f"{number(worst['peak_units'])} units a second."
        )
    said = (
        f"{worst['resource']} has {number(worst['provisioned'])} units a second, and its busiest "
        f"period took {number(worst['peak_units'])}"
    )
    if worst["used_pct"] < 80:
        return f"{said}: less than it has, so look at a hot key or at bursts within the minute."
    if worst["used_pct"] > 100:
        return f"{said}: more, as long as burst capacity lasted."
    return f"{said}."


def _hot(why: pd.DataFrame, table: str, evidence: Sequence[str]) -> Iterator[Finding]:
    hot = why[why["cause"] == "KeyRangeThroughput"]
    if hot.empty:
        return
    share = hot["events"].sum() / why["events"].sum()
    yield Finding(
        id="dynamodb.hot-key",
        severity=Verdict.CRITICAL if share >= 0.5 else Verdict.WARNING,
        title=f"One key of {table} takes more than a partition gives",
        detail=f"{hot['events'].sum():,.0f} throttles ({share * 100:.0f} %) on "
        f"{', '.join(sorted(set(hot['resource'])))} came from one partition's limit. More "
        "capacity for the table does not mend that.",
        subject=table,
        evidence=tuple(evidence),
    )


def _slow(
    calls: pd.DataFrame, table: str, thresholds: Thresholds, evidence: Sequence[str]
) -> Iterator[Finding]:
    errors = calls[calls["system_errors"] > 0]
    late = calls["slowest_p99_ms"].max()
    failing = judge(float(calls["system_errors"].sum()), thresholds.dynamodb_system_errors)
    slow = Verdict.HEALTHY
    if not pd.isna(late):
        slow = judge(float(late), thresholds.dynamodb_latency_ms)
    if failing is Verdict.HEALTHY and slow is Verdict.HEALTHY:
        return
    said = []
    if failing is not Verdict.HEALTHY:
        names = ", ".join(errors["operation"])
        said.append(f"{errors['system_errors'].sum():,.0f} answers with HTTP 500 to {names}")
    if slow is not Verdict.HEALTHY:
        said.append(f"the slowest 5 minutes had a p99 of {span(float(late))}")
    yield Finding(
        id="dynamodb.slow",
        severity=Verdict.CRITICAL if Verdict.CRITICAL in (failing, slow) else Verdict.WARNING,
        title=f"DynamoDB answers late or fails for {table}",
        detail=f"{'; '.join(said).capitalize()}. Nothing in the table mends that.",
        subject=table,
        evidence=tuple(evidence),
    )


def _points(points: pd.DataFrame, name: str) -> list[Point]:
    return points_of(points[points["metric"] == name], "value")


def _fives(points: Sequence[Point]) -> dict[datetime, float]:
    """Return the sum of each 5 minutes that have a value."""
    held: dict[datetime, float] = {}
    for point in points:
        at = _floor(point.at)
        held[at] = held.get(at, 0.0) + point.value
    return held


def _floor(at: datetime) -> datetime:
    return at - (at - datetime.min.replace(tzinfo=at.tzinfo)) % _FIVE
