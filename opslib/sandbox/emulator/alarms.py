"""Alarms are judged here, where the emulator takes all metrics of a name for one.

In: nothing; the emulator's alarms and metrics as they are. Out: the emulator judges alarms as
`alarm_state` does, whenever it judges them: when a metric or an alarm is put. What follows a change
of state, its history and its actions, is the emulator's own. Must not know the rules of a state.

Source: ministack 1.5.33, ``services/cloudwatch.py`` (``_evaluate_alarm``). Tests hold the pin.
"""

import time
from typing import Any

from ministack.services import cloudwatch

from opslib.sandbox import alarm_state


def judge_alarms() -> None:
    """Judge alarms by their own metric, by as many datapoints as they ask for."""
    cloudwatch._evaluate_alarm = _evaluate_alarm


def _evaluate_alarm(alarm: dict[str, Any]) -> None:
    if not alarm.get("Namespace") or not alarm.get("MetricName"):
        return  # of metric math, which is not evaluated
    judgement = alarm_state.judged(alarm, _points(alarm))
    old_state = alarm["StateValue"]
    if judgement is None or judgement[0] == old_state:
        return
    new_state, reason = judgement
    alarm |= {
        "StateValue": new_state,
        "StateReason": reason,
        "StateUpdatedTimestamp": int(time.time()),
    }
    cloudwatch._record_history(alarm["AlarmName"], old_state, new_state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old_state, new_state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _points(alarm: dict[str, Any]) -> dict[int, float]:
    """Compute the alarm's statistic for each period that it looks at and that has data."""
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    kept = cloudwatch._metrics.get((alarm["Namespace"], alarm["MetricName"], dimensions)) or ()
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    period_s = int(alarm["Period"])
    found = {}
    for start_s in alarm_state.span(alarm, now_s=time.time()):
        of_period = [point for point in kept if start_s <= point["Timestamp"] < start_s + period_s]
        if of_period:
            value = cloudwatch._stat_value(cloudwatch._calc_stats(of_period), statistic, of_period)
            if value is not None:
                found[start_s] = float(value)
    return found
