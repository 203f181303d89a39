"""The metrics of a story, against the invocations it is made of."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from opslib.sandbox.scenarios import healthy, slow
from opslib.sandbox.scenarios.datapoints import (
    Sample,
    datapoints,
    queue_datapoints,
    table_datapoints,
)
from opslib.sandbox.scenarios.planning import Shape, plan
from opslib.sandbox.scenarios.telling import samples

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
MINUTE = datetime(2026, 10, 14, 1, 2, tzinfo=UTC)


def _by_name(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["MetricName"]: entry for entry in entries}


def test_one_minute_of_three_invocations_is_these_datapoints() -> None:
    told = [
        Sample(at=MINUTE, duration_ms=800.5, iterator_age_ms=200.0),
        Sample(at=MINUTE + timedelta(seconds=5), duration_ms=700.0, iterator_age_ms=90.0),
        Sample(at=MINUTE + timedelta(seconds=9), duration_ms=800.5, iterator_age_ms=200.0),
    ]

    entries = datapoints(told, function="f")

    assert list(entries) == ["AWS/Lambda"]
    by_name = _by_name(entries["AWS/Lambda"])
    assert {name: (entry["Values"], entry["Counts"]) for name, entry in by_name.items()} == {
        "Invocations": ([1.0], [3.0]),
        "Errors": ([0.0], [3.0]),
        "Throttles": ([0.0], [3.0]),
        "Duration": ([700.0, 800.5], [1.0, 2.0]),
        "IteratorAge": ([90.0, 200.0], [1.0, 2.0]),
        "ConcurrentExecutions": ([1.0], [3.0]),
    }
    assert {entry["Timestamp"] for entry in by_name.values()} == {MINUTE}
    assert by_name["Duration"]["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}]
    assert by_name["Duration"]["Unit"] == "Milliseconds"


def test_overlapping_invocations_count_as_concurrent() -> None:
    told = [
        Sample(at=MINUTE, duration_ms=9000.0, iterator_age_ms=0.0),
        Sample(at=MINUTE + timedelta(seconds=5), duration_ms=700.0, iterator_age_ms=0.0),
        Sample(at=MINUTE + timedelta(seconds=20), duration_ms=700.0, iterator_age_ms=0.0),
    ]

    entries = datapoints(told, function="f")

    concurrent = _by_name(entries["AWS/Lambda"])["ConcurrentExecutions"]
    assert (concurrent["Values"], concurrent["Counts"]) == ([1.0, 2.0], [2.0, 1.0])


def test_a_minute_of_more_values_than_an_entry_takes_is_parted() -> None:
    told = [
        Sample(
            at=MINUTE + timedelta(milliseconds=100 * n), duration_ms=float(n), iterator_age_ms=0.0
        )
        for n in range(151)
    ]

    entries = datapoints(told, function="f")

    durations = [e for e in entries["AWS/Lambda"] if e["MetricName"] == "Duration"]
    assert [len(entry["Values"]) for entry in durations] == [150, 1]


def test_a_quiet_queue_has_two_zeros_a_minute_within_the_span() -> None:
    entries = queue_datapoints(
        [], queue="q", start=MINUTE - timedelta(seconds=30), end=MINUTE + timedelta(minutes=2)
    )

    told = [
        (entry["MetricName"], entry["Timestamp"].minute, entry["Values"])
        for entry in entries["AWS/SQS"]
    ]
    assert told == [
        ("ApproximateNumberOfMessagesVisible", 2, [0.0]),
        ("ApproximateAgeOfOldestMessage", 2, [0.0]),
        ("ApproximateNumberOfMessagesVisible", 3, [0.0]),
        ("ApproximateAgeOfOldestMessage", 3, [0.0]),
    ]


def test_a_queue_that_nobody_reads_grows_and_ages() -> None:
    arrivals = [MINUTE - timedelta(seconds=90), MINUTE + timedelta(seconds=70)]

    entries = queue_datapoints(arrivals, queue="q", start=MINUTE, end=MINUTE + timedelta(minutes=2))

    told = [(entry["MetricName"], entry["Values"]) for entry in entries["AWS/SQS"]]
    assert told == [
        ("ApproximateNumberOfMessagesVisible", [1.0]),
        ("ApproximateAgeOfOldestMessage", [150.0]),
        ("ApproximateNumberOfMessagesVisible", [2.0]),
        ("ApproximateAgeOfOldestMessage", [210.0]),
    ]


def test_a_table_is_charged_for_four_writes_a_record_and_one_by_its_client() -> None:
    entries = table_datapoints([(MINUTE, 3, 0), (MINUTE, 2, 5)], table="t")

    told = {
        (entry["MetricName"], len(entry["Dimensions"])): (entry["Values"], entry["Counts"])
        for entry in entries["AWS/DynamoDB"]
    }
    assert told[("ConsumedWriteCapacityUnits", 1)] == ([1.0], [25.0])
    assert told[("WriteThrottleEvents", 1)] == ([1.0], [5.0])
    assert told[("WriteProvisionedThroughputThrottleEvents", 1)] == ([1.0], [5.0])
    assert told[("ThrottledRequests", 2)] == ([1.0], [5.0])


def test_a_minute_without_throttles_has_no_datapoint_of_them() -> None:
    entries = table_datapoints([(MINUTE, 3, 0)], table="t")

    assert {entry["MetricName"] for entry in entries["AWS/DynamoDB"]} == {
        "ConsumedWriteCapacityUnits"
    }


@pytest.mark.parametrize("shape", [slow.SHAPE, healthy.SHAPE], ids=["slow", "healthy"])
def test_the_metrics_of_a_story_equal_its_invocations_minute_by_minute(shape: Shape) -> None:
    invocations = plan(shape, now=NOW)

    entries = datapoints(samples(invocations), function="f")["AWS/Lambda"]

    measured: dict[tuple[str, datetime], list[float]] = defaultdict(list)
    for entry in entries:
        assert len(entry["Values"]) <= 150
        values = np.repeat(entry["Values"], np.array(entry["Counts"], dtype=int))
        measured[entry["MetricName"], entry["Timestamp"]] += values.tolist()
    told = pd.DataFrame(
        {
            "at": [invocation.at for invocation in invocations],
            "Duration": [invocation.duration_ms for invocation in invocations],
            "IteratorAge": [invocation.iterator_age_ms for invocation in invocations],
        }
    )
    minutes = [
        (pd.Timestamp(str(at)).to_pydatetime(), rows) for at, rows in told.resample("min", on="at")
    ]
    assert sum(len(rows) for _, rows in minutes) == len(invocations)
    for minute, rows in minutes:
        assert measured["Invocations", minute] == [1.0] * len(rows)
        assert measured["Errors", minute] == [0.0] * len(rows)
        assert measured["Throttles", minute] == [0.0] * len(rows)
        assert measured["ConcurrentExecutions", minute] == [1.0] * len(rows)
        assert measured["Duration", minute] == sorted(rows["Duration"])
        assert measured["IteratorAge", minute] == sorted(rows["IteratorAge"])
