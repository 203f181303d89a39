"""The health table's rows of what feeds functions and takes their failures.

In: the `Series` of a queue, a stream or a table. Out: `Check` rows. Does no I/O.

Source: operations guide of vf-api-workers, Recommended CloudWatch Alarms; alarms of the
aggregator's own stack. A batch that is throttled in part counts in Read/WriteThrottleEvents alone,
so ThrottledRequests, which the guide names, is not asked (Amazon DynamoDB developer guide, metrics
and dimensions).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from opslib.health.series import (
    Series,
    held_level,
    highest,
    in_five_minutes,
    per_five_minutes,
)
from opslib.health.verdicts import (
    Check,
    Finding,
    Point,
    Verdict,
    breach,
    judge,
    span,
    sustained,
    utc,
)
from opslib.system import Threshold, Thresholds
from opslib.window import Window

# An older depth says nothing about now: SQS publishes it every minute while a queue is active.
_FRESH = timedelta(minutes=15)


def dead_letters(
    series: Series,
    *,
    thresholds: Thresholds,
    window: Window,
    depth: int | None = None,
    asked_at: datetime | None = None,
) -> Check:
    """Judge how many messages wait in a dead-letter queue at the window's end.

    Parameters
    ----------
    series
        With ``dead_letters``.
    depth, asked_at
        The depth as SQS itself says and when, tz-aware. It judges the window only when that is at
        most 15 minutes after its end; otherwise the metric has to.
    """
    threshold, queue = thresholds.dead_letters, series.subject
    points = series.of("dead_letters")
    asked = None
    if depth is not None and asked_at is not None:
        late = asked_at - window.end
        asked = asked_at if timedelta(0) <= late <= _FRESH else None
    if depth is not None and asked is not None:
        waits, at = float(depth), asked
        note = f"as SQS itself said at {utc(at)}"
    elif points and window.end - points[-1].at <= _FRESH:
        waits, at = points[-1].value, points[-1].at
        note = f"last datapoint, {utc(at)}"
    else:
        note = series.why("dead_letters")
        if points:
            note = f"the last datapoint is of {utc(points[-1].at)}, too old to say"
        if depth is not None:
            note += "; what SQS says now is not of this window"
        return series.judged("Dead letters", None, threshold, note=note)
    empty = [place for place, point in enumerate(points) if point.value == 0]
    waiting = points[empty[-1] + 1 :] if empty else points
    check = series.judged(
        "Dead letters",
        waits,
        threshold,
        note=note,
        rests_on=("dead_letters",),
        finding=Finding(
            id="dead-letters.waiting",
            severity=Verdict.UNKNOWN,
            title=f"{waits:,.0f} dead letters wait in {queue}",
            detail=f"{waits:,.0f} messages were in {queue} at {utc(at)}. "
            "A stream's dead letters only point at records, which expire with the stream.",
            subject=queue,
            since=waiting[0].at if waiting else None,
        ),
    )
    # What SQS itself says stands, whatever became of the metric.
    return check if asked is None else replace(check, verdict=judge(waits, threshold))


def queue_rows(series: Series, *, thresholds: Thresholds) -> list[Check]:
    """Judge a work queue: how long its oldest message waits, and whether it grows.

    Parameters
    ----------
    series
        With ``queue_age_ms`` and ``queue_depth``. A queue that was idle for six hours publishes
        neither, which is as well as empty; only its absence among the metrics is unknown.
    """
    queue, age = series.subject, highest(series.of("queue_age_ms"))
    depths = series.of("queue_depth")
    limit = thresholds.queue_depth
    first, last = (depths[0].value, depths[-1].value) if depths else (0.0, 0.0)
    grows = bool(depths) and last > first
    # What does not grow is no more than a warning, however much it is.
    judged = last if grows or not limit.rising else min(last, limit.critical or last)
    told = f"{first:,.0f} at first, {last:,.0f} at the end" if depths else _none(series, "idle")
    finding = Finding(
        id="queue.backlog",
        severity=Verdict.UNKNOWN,
        title=f"Messages wait in {queue}",
        detail=f"{told}; the oldest waited {span(age.value) if age else 'an unknown time'}. "
        "Its consumer does not keep up, fails, or does not run.",
        subject=queue,
        since=breach(series.of("queue_age_ms"), thresholds.queue_age_ms) if age else None,
    )
    return [
        series.judged(
            "Oldest message",
            series.or_none("queue_age_ms", age.value if age else None),
            thresholds.queue_age_ms,
            note=f"the highest, at {utc(age.at)}" if age else _none(series, "idle"),
            rests_on=("queue_age_ms",),
            finding=finding,
        ),
        replace(
            series.judged(
                "Queue depth",
                series.or_none("queue_depth", judged if depths else None),
                limit,
                note=told,
                rests_on=("queue_depth",),
                finding=finding,
            ),
            value=series.or_none("queue_depth", last if depths else None),
        ),
    ]


def stream_rows(series: Series, *, thresholds: Thresholds) -> list[Check]:
    """Judge a Kinesis stream: writes it did not take.

    Parameters
    ----------
    series
        With ``stream_throttles``.
    """
    top = highest(series.of("stream_throttles"))
    worst = in_five_minutes(
        series.of("stream_throttles"),
        thresholds.stream_write_throttles,
        period_s=series.period_s,
    )
    first = next((point.at for point in series.of("stream_throttles") if point.value > 0), None)
    return [
        series.judged(
            "Throttled writes",
            series.or_none("stream_throttles", worst),
            thresholds.stream_write_throttles,
            note=f"the most in {series.every()}" if top else _none(series, "none was throttled"),
            rests_on=("stream_throttles",),
            finding=Finding(
                id="stream.write-throttled",
                severity=Verdict.UNKNOWN,
                title=f"{series.subject} refuses records",
                detail=f"Up to {top.value if top else 0:,.0f} writes in {series.every()} were "
                "refused: more is written than its shards take, or one key takes one shard.",
                subject=series.subject,
                since=first,
            ),
        )
    ]


def table_rows(series: Series, *, thresholds: Thresholds, table: str = "") -> list[Check]:
    """Judge a table, or an index of it: reads and writes it refused.

    Parameters
    ----------
    series
        With ``read_throttles`` and ``write_throttles``. DynamoDB publishes them only when there
        was one, so no datapoint in a whole answer is none.
    table
        The table, where the series is of an index: what is found is about that.
    """
    checks = []
    for kind in ("read", "write"):
        threshold, name = thresholds.dynamodb_throttles, f"{kind}_throttles"
        points = series.of(name)
        level = _level(points, threshold, period_s=series.period_s)
        total = sum(point.value for point in points)
        first = next((point.at for point in points if point.value > 0), None)
        checks.append(
            series.judged(
                f"{kind.title()} throttles",
                series.or_none(name, level),
                threshold,
                note=f"{total:,.0f} in the window"
                if points
                else _none(series, "none was throttled"),
                rests_on=(name,),
                finding=Finding(
                    id=f"dynamodb.{kind}-throttled",
                    severity=Verdict.UNKNOWN,
                    title=f"{series.subject} refuses {kind}s",
                    detail=f"{total:,.0f} {kind}s of {series.subject} were throttled in the "
                    "window. The SDK tries again in silence, so callers are slow before they fail.",
                    subject=table or series.subject,
                    since=first,
                ),
            )
        )
    return checks


def _level(points: Sequence[Point], threshold: Threshold, *, period_s: int) -> float | None:
    """Return the level held for ``periods`` periods side by side, where no datapoint is zero.

    What was not held so long is no more than a warning.
    """
    if not points:
        return None
    filled: list[float] = []
    for place, point in enumerate(points):
        apart = point.at - points[place - 1].at if place else timedelta(0)
        filled += [0.0] if apart > timedelta(seconds=period_s) else []
        filled.append(point.value * per_five_minutes(period_s))
    run = math.ceil(threshold.periods * per_five_minutes(period_s))
    level = sustained([0.0, *filled, 0.0], run) or 0.0
    return held_level(level, max(point.value for point in points), threshold)


def _none(series: Series, means: str) -> str:
    """Say what it means that there is no datapoint."""
    return f"no datapoint: {means}" if series.is_there else "no datapoint, and it was not found"
