"""In which state an alarm is, by the datapoints of its metric.

In: the alarm as it was put, the datapoints of its own metric by period. Out: its state and the
reason, or None where it keeps the one it has. Must not know how points are kept, or who is told.

Source: CloudWatch user guide, "Evaluating an alarm" and "Configuring how CloudWatch alarms treat
missing data", its tables of three datapoints. How far back missing datapoints are made up for is
not documented but for those tables, which look two further. The period that is not over counts as
soon as it has data. With none at all a state stays, so that one that was set can be seen.
"""

import operator
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_FURTHER = 2
_COMPARED = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


def span(alarm: Mapping[str, Any], *, now_s: float) -> range:
    """Tell the starts of the periods an alarm looks at, epoch seconds, the newest first."""
    period_s = int(alarm["Period"])
    newest_s = int(now_s // period_s) * period_s
    return range(newest_s, newest_s - period_s * (alarm["EvaluationPeriods"] + _FURTHER), -period_s)


def judged(alarm: Mapping[str, Any], points: Mapping[int, float]) -> tuple[str, str] | None:
    """Judge an alarm by the values of its metric, by start of period, all within `span`.

    Returns
    -------
    ``ALARM``, ``OK``, and why; None where the state stays as it is.
    """
    compared = _COMPARED.get(str(alarm.get("ComparisonOperator")))
    if compared is None:
        return None
    breaches, words = compared
    wanted = int(alarm["EvaluationPeriods"])
    needed = int(alarm.get("DatapointsToAlarm") or wanted)
    threshold = float(alarm["Threshold"])
    seen = dict(sorted(points.items(), reverse=True)[:wanted])
    breaching = sum(breaches(value, threshold) for value in seen.values())
    missing = wanted - len(seen)
    treatment = alarm.get("TreatMissingData") or "missing"
    # Those that are missing count for what they are taken for; else those that are there decide.
    counted = breaching + (missing if treatment == "breaching" else 0)
    enough = min(needed, len(seen)) if treatment == "missing" else needed
    if counted >= enough > 0:
        state = "ALARM"
    elif treatment in ("breaching", "notBreaching") or len(seen) > breaching:
        state = "OK"
    else:
        return None
    told = [
        f"{value} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})"
        for at, value in seen.items()
    ]
    count = breaching if state == "ALARM" else len(seen) - breaching
    were = "were" if count != 1 else "was"
    reason = (
        f"Threshold Crossed: {count} out of the last {wanted} datapoints [{', '.join(told)}] "
        f"{were}{'' if state == 'ALARM' else ' not'} {words} the threshold ({threshold})."
    )
    return state, reason
