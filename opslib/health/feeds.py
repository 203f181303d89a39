"""The health table's rows of what feeds functions and takes their failures.

In: the `Series` of a queue or a stream. Out: `Check` rows. Does no I/O. Tables: `table_feeds`.

Source: operations guide of vf-api-workers, Critical Thresholds and Recommended CloudWatch Alarms;
alarms of the aggregator's own stack. SQS counts the ApproximateAgeOfOldestMessage of a dead-letter
queue from when a message was moved there (Amazon SQS developer guide, metrics). Kinesis counts
GetRecords.IteratorAgeMilliseconds over all readers that call GetRecords; a reader with enhanced
fan-out calls SubscribeToShard (Amazon Kinesis developer guide, metrics).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from opslib.health.endings import none_since, over_of, recovered_at, worded
from opslib.health.series import (
    Series,
    highest,
    in_five_minutes,
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
    worst,
)
from opslib.system import Thresholds
from opslib.window import Window

# An older depth says nothing about now: SQS publishes it every minute while a queue is active.
_FRESH = timedelta(minutes=15)
# Deletions are counted when they are made, so a queue that is kept up with is a little behind.
_KEEPS_UP = 0.95


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


def dead_letter_rows(
    series: Series,
    *,
    thresholds: Thresholds,
    window: Window,
    depth: int | None = None,
    asked_at: datetime | None = None,
) -> list[Check]:
    """Judge a dead-letter queue: how many messages wait at the window's end, and for how long.

    Parameters
    ----------
    series
        With ``dead_letters`` and ``queue_age_ms``: of a dead-letter queue SQS counts the age from
        when a message came there, or, where SQS moved it, from when it was moved. Where the age was
        not asked, it is taken for the time in which the queue was never empty.
    depth, asked_at
        As for `dead_letters`.

    Returns
    -------
    Two rows with at most one finding, as severe as the worse of them. Where letters wait and no
    age is known, there is no second row: that they wait is said.
    """
    waiting = dead_letters(
        series, thresholds=thresholds, window=window, depth=depth, asked_at=asked_at
    )
    threshold, points = thresholds.dead_letter_age_ms, series.of("queue_age_ms")
    rests_on: tuple[str, ...] = ("queue_age_ms",)
    if "queue_age_ms" not in series.status and waiting.finding and waiting.finding.since:
        since = waiting.finding.since
        length = (window.end - since) / timedelta(milliseconds=1)
        points, rests_on = [Point(window.end, length)], ("dead_letters",)
        note = f"not empty since {utc(since)}; the age itself was not asked"
    elif points:
        note = f"the last, of {utc(points[-1].at)}"
    fresh = bool(points) and window.end - points[-1].at <= _FRESH
    if waiting.value is None or (waiting.value and not fresh):
        return [waiting]
    if not waiting.value:
        note = "none waits"
    age_ms = points[-1].value if waiting.value else 0.0
    row = series.judged("Oldest dead letter", age_ms, threshold, note=note, rests_on=rests_on)
    if not waiting.value:
        # That none waits was seen elsewhere.
        return [waiting, replace(row, verdict=waiting.verdict)]
    if waiting.finding is not None:
        severity = worst([waiting.finding.severity, judge(age_ms, threshold)])
        what = "The oldest has been there" if "queue_age_ms" in rests_on else "Some have been there"
        said = f"{waiting.finding.detail} {what} for {span(age_ms)}."
        names = (*waiting.finding.evidence, *series.evidence(*rests_on))
        evidence = tuple(dict.fromkeys(names))
        told = replace(waiting.finding, severity=severity, detail=said, evidence=evidence)
        waiting = replace(waiting, finding=told)
    return [waiting, row]


def queue_rows(series: Series, *, thresholds: Thresholds) -> list[Check]:
    """Judge a work queue: how long its oldest message waits, and whether it grows.

    Parameters
    ----------
    series
        With ``queue_age_ms`` and ``queue_depth``. A queue that was idle for six hours publishes
        neither, which is as well as empty; only its absence among the metrics is unknown. Where
        there are ``queue_sent`` and ``queue_deleted``, they tell whether it is fed and drained.
    """
    queue, age = series.subject, highest(series.of("queue_age_ms"))
    depths = series.of("queue_depth")
    limit = thresholds.queue_depth
    first, last = (depths[0].value, depths[-1].value) if depths else (0.0, 0.0)
    grows = bool(depths) and last > first
    # What does not grow is no more than a warning, however much it is.
    judged = last if grows or not limit.rising else min(last, limit.critical or last)
    until = recovered_at(series.of("queue_age_ms"), thresholds.queue_age_ms)
    told = f"{first:,.0f} at first, {last:,.0f} at the end" if depths else series.none("idle")
    finding = Finding(
        id="queue.backlog",
        severity=Verdict.UNKNOWN,
        title=f"Messages {worded(f'wait in {queue}', f'waited in {queue}', until)}",
        detail=f"{told}; the oldest waited {span(age.value) if age else 'an unknown time'}. "
        f"{_flow(series)}",
        subject=queue,
        since=breach(series.of("queue_age_ms"), thresholds.queue_age_ms) if age else None,
        until=until,
    )
    oldest = series.judged(
        "Oldest message",
        series.or_none("queue_age_ms", age.value if age else None),
        thresholds.queue_age_ms,
        note=f"the highest, at {utc(age.at)}" if age else series.none("idle"),
        rests_on=("queue_age_ms",),
        finding=finding,
    )
    depth = series.judged(
        "Queue depth",
        series.or_none("queue_depth", judged if depths else None),
        limit,
        note=told,
        rests_on=("queue_depth",),
        finding=finding,
    )
    if oldest.finding and depth.finding:
        # One backlog, told once, with the worse of the two.
        if depth.verdict is Verdict.CRITICAL and oldest.verdict is not Verdict.CRITICAL:
            oldest = replace(oldest, finding=None)
        else:
            depth = replace(depth, finding=None)
    return [oldest, replace(depth, value=series.or_none("queue_depth", last if depths else None))]


def _flow(series: Series) -> str:
    """Say whether a queue is fed and drained in the window; what may be, where that is not seen."""
    if not series.seen("queue_sent", "queue_deleted"):
        return "Its consumer does not keep up, fails, or does not run."
    sent, deleted = (
        sum(point.value for point in series.of(each)) for each in ("queue_sent", "queue_deleted")
    )
    told = f"In the window {sent:,.0f} were sent and {deleted:,.0f} deleted"
    if not deleted:
        return f"{told}: its consumer fails each time, or does not run."
    if deleted < sent * _KEEPS_UP:
        return f"{told}: more comes than its consumer works off."
    if deleted * _KEEPS_UP > sent:
        return f"{told}: its consumer is working it off."
    return f"{told}: its consumer keeps up with what comes, and not with what waits."


def stream_rows(
    series: Series, *, thresholds: Thresholds, window: Window, is_read: bool = False
) -> list[Check]:
    """Judge a Kinesis stream: writes it did not take, and how late it is read.

    Parameters
    ----------
    series
        With ``stream_throttles``, ``stream_age_ms`` and ``stream_records``.
    is_read
        Whether a function was seen to read it: then no age means that its readers have throughput
        of their own (SubscribeToShard), which is not counted here, and that function's iterator age
        tells of the lag.
    """
    top = highest(series.of("stream_throttles"))
    worst = in_five_minutes(
        series.of("stream_throttles"),
        thresholds.stream_write_throttles,
        period_s=series.period_s,
    )
    refused = [point.at for point in series.of("stream_throttles") if point.value > 0]
    until = over_of(refused, ran_until=window.end)
    return [
        series.judged(
            "Throttled writes",
            series.or_none("stream_throttles", worst),
            thresholds.stream_write_throttles,
            note=f"the most in {series.every()}" if top else series.none("none was throttled"),
            rests_on=("stream_throttles",),
            finding=Finding(
                id="stream.write-throttled",
                severity=Verdict.UNKNOWN,
                title=f"{series.subject} {worded('refuses records', 'refused records', until)}",
                detail=f"Up to {top.value if top else 0:,.0f} writes in {series.every()} were "
                "refused: more is written than its shards take, or one key takes one shard."
                f"{none_since(until, window.end)}",
                subject=series.subject,
                since=min(refused, default=None),
                until=until,
            ),
        ),
        _stream_age(series, thresholds=thresholds, is_read=is_read),
    ]


def _stream_age(series: Series, *, thresholds: Thresholds, is_read: bool) -> Check:
    threshold, points = thresholds.stream_age_ms, series.of("stream_age_ms")
    level_ms = sustained([point.value for point in points], threshold.periods)
    written = any(point.value > 0 for point in series.of("stream_records"))
    if level_ms is None:
        note = series.why("stream_age_ms")
        value = None
        if series.seen("stream_age_ms") and (is_read or not written):
            note = "read with throughput of its own" if is_read else series.none("idle")
            value = series.or_none("stream_age_ms", None)
        elif series.seen("stream_age_ms"):
            note = "written, and no reader was seen to get records"
        return series.judged("Stream age", value, threshold, note=note)
    top, last = highest(points), points[-1]
    since, until = breach(points, threshold), recovered_at(points, threshold)
    late = f"read {span(level_ms)} late"
    return series.judged(
        "Stream age",
        level_ms,
        threshold,
        note=f"the highest, at {utc(top.at)}; last seen {span(last.value)}" if top else "",
        rests_on=("stream_age_ms",),
        finding=Finding(
            id="stream.age",
            severity=Verdict.UNKNOWN,
            title=f"{series.subject} {worded(f'is {late}', f'was {late}', until)}",
            detail=f"A reader of {series.subject} got records that were {span(level_ms)} old; "
            f"the last value, of {utc(last.at)}, is {span(last.value)}.",
            subject=series.subject,
            since=since,
            until=until,
        ),
    )
