"""The state of an alarm, by the tables of the CloudWatch user guide."""

from typing import Any

import pytest

from opslib.sandbox.alarm_state import judged, span

_NOW_S = 1_795_330_230  # 06:50:30
_TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def _alarm(**settings: Any) -> dict[str, Any]:
    return {
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 10.0,
        "ComparisonOperator": "GreaterThanThreshold",
    } | settings


def _points(drawn: str) -> dict[int, float]:
    """Read a row of the guide, oldest first: 0 within the threshold, X beyond, - missing."""
    newest_first = span(_alarm(), now_s=_NOW_S)
    marks = reversed(drawn.split())
    values = {"0": 1.0, "X": 11.0}
    return {at: values[mark] for at, mark in zip(newest_first, marks, strict=True) if mark != "-"}


def _states(drawn: str, **settings: Any) -> list[str | None]:
    found = [
        judged(_alarm(TreatMissingData=treatment, **settings), _points(drawn))
        for treatment in _TREATMENTS
    ]
    return [None if one is None else one[0] for one in found]


@pytest.mark.parametrize(
    ("drawn", "states"),
    [
        ("0 - X - X", ["OK", "OK", "OK", "OK"]),
        ("0 - - - -", ["OK", "OK", "OK", "OK"]),
        ("- - - - -", [None, None, "ALARM", "OK"]),
        ("0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("- - X - -", ["ALARM", None, "ALARM", "OK"]),
    ],
)
def test_three_of_three_datapoints_alarm(drawn: str, states: list[str | None]) -> None:
    assert _states(drawn) == states


@pytest.mark.parametrize(
    ("drawn", "states"),
    [
        ("0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("0 - X - -", ["OK", "OK", "ALARM", "OK"]),
        ("- - - - 0", ["OK", "OK", "ALARM", "OK"]),
        ("- - - X -", ["ALARM", None, "ALARM", "OK"]),
    ],
)
def test_two_of_three_datapoints_alarm(drawn: str, states: list[str | None]) -> None:
    assert _states(drawn, DatapointsToAlarm=2) == states


def test_the_reason_tells_the_datapoints_the_newest_first() -> None:
    judgement = judged(_alarm(DatapointsToAlarm=2), _points("0 0 X 0 X"))

    assert judgement == (
        "ALARM",
        "Threshold Crossed: 2 out of the last 3 datapoints [11.0 (22/11/26 06:50:00), "
        "1.0 (22/11/26 06:49:00), 11.0 (22/11/26 06:48:00)] were greater than the threshold "
        "(10.0).",
    )
