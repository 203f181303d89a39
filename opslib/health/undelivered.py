"""The health table's rows of what is counted beside it all: letters that got lost, HTTP 400s.

In: a `Series`. Out: `Check` rows. Does no I/O.

Facts leaned on
---------------
DeadLetterErrors and DestinationDeliveryFailures count what Lambda could not send to a dead-letter
queue or destination, the latter of stream mappings, too: not what it sent, as the second guide has
it (AWS Lambda developer guide, types of metrics). UserErrors is of all DynamoDB requests of an
account and region, whoever made them, without throttled ones and conditions that failed (Amazon
DynamoDB developer guide, metrics and dimensions).
"""

from collections.abc import Callable, Mapping

import pandas as pd

from opslib.health.endings import none_since, over_of, worded
from opslib.health.series import Series, held_level, highest, per_five_minutes
from opslib.health.verdicts import Check, Finding, Verdict, points_of, sustained, utc
from opslib.system import Thresholds
from opslib.window import Window

_LOST = ("dead_letter_errors", "delivery_failures")


def lost_letters(
    series: Callable[[str], pd.DataFrame],
    *,
    status: Mapping[str, str],
    subject: str,
    thresholds: Thresholds,
    window: Window,
) -> Check:
    """Judge whether failures of a function came to its dead-letter queue, by an answer's frames.

    Parameters
    ----------
    series
        Gives ``at`` and ``value`` of ``dead_letter_errors`` and of ``delivery_failures``.
    status
        GetMetricData's status of each.
    """
    found = Series(
        subject=subject,
        points={name: points_of(series(name), "value") for name in _LOST},
        status={name: status[name] for name in _LOST},
        periods=dict.fromkeys(_LOST, 300),
    )
    row = undelivered_row(found, thresholds=thresholds, window=window)
    assert row is not None  # noqa: S101 - both were asked
    return row


def undelivered_row(series: Series, *, thresholds: Thresholds, window: Window) -> Check | None:
    """Judge whether failures of a function came to its dead-letter queue; None if not asked.

    Parameters
    ----------
    series
        With ``dead_letter_errors`` and ``delivery_failures``. Lambda publishes them only when there
        was one, so no datapoint in a whole answer is none.
    """
    if not set(_LOST) <= set(series.status):
        return None
    hit = [point for name in _LOST for point in series.of(name) if point.value > 0]
    total = sum(point.value for point in hit)
    first = min((point.at for point in hit), default=None)
    until = over_of([point.at for point in hit], ran_until=window.end)
    lost = f"{total:,.0f} failures of {series.subject} were not kept"
    return series.judged(
        "Undelivered letters",
        total if hit or series.seen(*_LOST) else None,
        thresholds.undelivered_letters,
        note=f"the first at {utc(first)}" if first else "no datapoint: none got lost",
        rests_on=_LOST,
        finding=Finding(
            id="dead-letters.undelivered",
            severity=Verdict.UNKNOWN,
            title=worded(lost, lost, until),
            detail=f"Lambda could not send {total:,.0f} times what it gave up to the dead-letter "
            "queue or destination: that is lost, and no letter says so."
            f"{none_since(until, window.end)}",
            subject=series.subject,
            since=first,
            until=until,
        ),
    )


def user_errors_row(series: Series, *, thresholds: Thresholds, window: Window) -> Check:
    """Judge requests to DynamoDB that were wrong, of the whole account and region.

    Parameters
    ----------
    series
        With ``user_errors``; DynamoDB publishes it only when there was one.
    """
    threshold, points = thresholds.dynamodb_user_errors, series.of("user_errors")
    share = per_five_minutes(series.period_s)
    level = sustained([0.0, *(point.value * share for point in points)], threshold.periods)
    top = highest(points)
    most = top.value if top else 0.0
    value = held_level(level or 0.0, most, threshold) if points else None
    total = sum(point.value for point in points)
    hit = [point.at for point in points if point.value > 0]
    until = over_of(hit, ran_until=window.end)
    refused = f"DynamoDB refused {total:,.0f} requests as wrong"
    return series.judged(
        "User errors",
        series.or_none("user_errors", value),
        threshold,
        note="of the whole account and region" if points else "no datapoint: there was none",
        rests_on=("user_errors",),
        finding=Finding(
            id="dynamodb.user-errors",
            severity=Verdict.UNKNOWN,
            title=worded(refused, refused, until),
            detail=f"{total:,.0f} requests of the whole account and region had HTTP status 400, "
            f"at most {most:,.0f} in {series.every()}: something invalid, denied or missing. "
            f"Whether they are of this system is not counted; its logs say.",
            subject=series.subject,
            since=min(hit, default=None),
            until=until,
        ),
    )
