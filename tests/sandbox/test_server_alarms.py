"""Alarms are judged by their own metric, by as many datapoints as they ask for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opslib.sandbox.api import Sandbox


@pytest.fixture
def cloudwatch(empty: Sandbox) -> Any:
    """A client; in each of the last four minutes function ``b`` had an error, ``a`` in one."""
    client = empty.client("cloudwatch")
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    for ago, functions in ((0, "ab"), (1, "b"), (2, "b"), (3, "b")):
        for function in functions:
            client.put_metric_data(
                Namespace="AWS/Lambda",
                MetricData=[
                    {
                        "MetricName": "Errors",
                        "Dimensions": [{"Name": "FunctionName", "Value": function}],
                        "Timestamp": minute - timedelta(minutes=ago),
                        "Value": 1.0,
                    }
                ],
            )
    return client


def _state(cloudwatch: Any, function: str, **settings: Any) -> str:
    """Put an alarm on the errors of a function, and give its state."""
    cloudwatch.put_metric_alarm(
        **{
            "AlarmName": "errors",
            "Namespace": "AWS/Lambda",
            "MetricName": "Errors",
            "Dimensions": [{"Name": "FunctionName", "Value": function}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        | settings
    )
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=["errors"])
    return str(alarm["StateValue"])


def test_an_alarm_looks_at_the_metric_of_its_dimensions_alone(cloudwatch: Any) -> None:
    assert _state(cloudwatch, "b") == "ALARM"
    assert _state(cloudwatch, "c") == "INSUFFICIENT_DATA"
    assert _state(cloudwatch, "b", Dimensions=[]) == "INSUFFICIENT_DATA"


def test_an_alarm_needs_as_many_datapoints_as_it_asks_for(cloudwatch: Any) -> None:
    three = {"EvaluationPeriods": 3, "TreatMissingData": "notBreaching"}

    assert _state(cloudwatch, "b", **three) == "ALARM"
    assert _state(cloudwatch, "a", **three) == "OK"
    assert _state(cloudwatch, "a", **three, DatapointsToAlarm=1) == "ALARM"
    # Each period is judged, not their sum.
    assert _state(cloudwatch, "b", **three, Threshold=2) == "OK"


def test_missing_data_is_what_the_alarm_takes_it_for(cloudwatch: Any) -> None:
    states = {
        treatment: _state(cloudwatch, "c", TreatMissingData=treatment)
        for treatment in ("breaching", "notBreaching", "ignore", "missing")
    }

    assert states == {
        "breaching": "ALARM",
        "notBreaching": "OK",
        "ignore": "INSUFFICIENT_DATA",
        "missing": "INSUFFICIENT_DATA",
    }


def test_a_state_that_was_set_is_seen_until_there_is_data(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName="told",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": "c"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="told", StateValue="ALARM", StateReason="told")

    cloudwatch.put_metric_data(Namespace="Mine", MetricData=[{"MetricName": "n", "Value": 1}])

    (alarm,) = cloudwatch.describe_alarms(AlarmNames=["told"])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["StateReason"]) == ("ALARM", "told")
