"""The health table of the operations guide: a function's metrics, a row an indicator.

In: points of metrics with their statuses. Out: `Check` rows, with a finding where one is not well.
Does no I/O.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import pandas as pd

from opslib.health.feeds import dead_letters
from opslib.health.functions import FunctionChecks
from opslib.health.series import series_of
from opslib.health.verdicts import Check
from opslib.system import Function, Thresholds
from opslib.window import Window


def rows(checks: Iterable[Check]) -> pd.DataFrame:
    """Return the health table as a frame of text, one row a check, in the order given."""
    return pd.DataFrame(
        [
            {
                "indicator": check.indicator,
                "value": check.shown,
                "verdict": check.verdict.value,
                "healthy": check.healthy,
                "warning": check.warning,
                "critical": check.critical,
                "note": check.note,
            }
            for check in checks
        ],
        dtype="str",
    )


def triage_checks(
    points: pd.DataFrame,
    *,
    status: Mapping[str, str],
    function: Function,
    timeout_ms: float,
    thresholds: Thresholds,
    window: Window,
    queue_depth: int | None = None,
    queue_asked_at: datetime | None = None,
    deployed_at: datetime | None = None,
) -> list[Check]:
    """Judge a function's metrics against the guide's health table.

    Parameters
    ----------
    points
        One row a datapoint: ``metric`` (str), ``at`` (datetime64[ns, UTC]), ``value`` (float), with
        the names that `opslib.metrics.function_metrics` gives: ``invocations``, ``errors``,
        ``duration_p95_ms``, ``iterator_age_ms``, ``dead_letters``, ``table_writes``.
    status
        Metric name to its status; one that is not ``Complete`` can show what is bad, not what is
        well.
    function
        With a ``table`` it has a stream, with a ``dead_letter_queue`` it has dead letters; a row
        that does not apply is left out.
    timeout_ms
        The function's timeout in milliseconds; NaN or 0 when it could not be seen.
    queue_depth
        The depth as SQS itself says, if it was asked. An idle queue publishes no metric after six
        hours, so for a healthy one this may be all there is.
    queue_asked_at
        When SQS said so, tz-aware. The depth judges the window only when that is at most 15 minutes
        after its end, not before it; otherwise, or when None, the metric has to.
    deployed_at
        When code or configuration last changed, if that was inside the window.

    Returns
    -------
    Rows for invocations, error rate, duration, and where they apply iterator age and dead letters.
    Without data a row is unknown. Two absences mean something: invocations without an iterator age
    did not come through the stream (its mapping may be disabled), and a stream's function that was
    not invoked for an hour, wherever in the window, is ``invocations.none``: critical if its table
    was written meanwhile, otherwise a warning. A window shorter than an hour proves no silence.
    """
    series = series_of(points, status=status, subject=function.name)
    triage = FunctionChecks(
        series=series,
        function=function,
        thresholds=thresholds,
        window=window,
        deployed_at=deployed_at,
    )
    checks = triage.rows(timeout_ms)
    if function.dead_letter_queue:
        checks.append(
            dead_letters(
                replace(series, subject=function.dead_letter_queue),
                thresholds=thresholds,
                window=window,
                depth=queue_depth,
                asked_at=queue_asked_at,
            )
        )
    return checks
