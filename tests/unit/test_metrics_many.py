"""Thousands of metrics at once, and which there are of each kind of resource."""

import tracemalloc
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.clients import CloudWatch, refusal

from opslib.errors import CouldNotLook
from opslib.metrics import (
    Metric,
    fetch,
    invocation_metrics,
    time_at_table,
    wanted,
)
from opslib.window import Window

START, END = datetime(2026, 10, 14, 0, 7, tzinfo=UTC), datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
WINDOW = Window(START, END)


class Answering:
    """The ``cloudwatch`` client of an account whose every metric has these many points."""

    def __init__(self, points: int) -> None:
        self.points = points
        self.calls = 0

    def get_metric_data(
        self, *, MetricDataQueries: list[Mapping[str, Any]], StartTime: datetime, **_: Any
    ) -> dict[str, Any]:
        self.calls += 1
        at = [StartTime + timedelta(minutes=minute) for minute in range(self.points)]
        return {
            "MetricDataResults": [
                {
                    "Id": query["Id"],
                    "Timestamps": at,
                    "Values": [1.0] * self.points,
                    "StatusCode": "Complete",
                }
                for query in MetricDataQueries
            ]
        }


def _metrics(count: int) -> list[Metric]:
    return [
        Metric(f"n{place:05}", "AWS/Lambda", "Errors", {"FunctionName": str(place)}, "Sum")
        for place in range(count)
    ]


def _page(metrics: int, **more: Any) -> dict[str, Any]:
    results = [{"Id": f"m{n}", "Timestamps": [START], "Values": [1.0]} for n in range(metrics)]
    return {"MetricDataResults": results, **more}


def test_the_metrics_of_a_thousand_functions_come_in_twelve_calls() -> None:
    client = Answering(points=36)
    asked = [
        wanted.ERRORS.of(f"f-{place}", name=f"{kind} of f-{place}", every_s=300)
        for place in range(1000)
        for kind in ("errors", "b", "c", "d", "e", "f")
    ]

    answer = fetch(client, asked, WINDOW)

    assert client.calls == 12
    assert len(answer.points) == 1000 * 6 * 36
    assert answer.series("errors of f-999")["value"].sum() == 36
    assert answer.limits == ()


def test_memory_grows_with_the_metrics_and_no_faster() -> None:
    peaks = []
    for count in (250, 1000):
        tracemalloc.start()
        fetch(Answering(points=60), _metrics(count), WINDOW)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 5 * peaks[0]


def test_each_series_is_its_own_whatever_the_order_of_the_answer() -> None:
    page = {
        "MetricDataResults": [
            {
                "Id": "m1",
                "Timestamps": [START + timedelta(minutes=5), START],
                "Values": [5.0, 0.5],
            },
            {"Id": "m2", "Timestamps": [], "Values": []},
            {"Id": "m0", "Timestamps": [START], "Values": [9.0]},
        ]
    }

    answer = fetch(CloudWatch(page), _metrics(3), WINDOW)

    assert answer.series("n00000")["value"].tolist() == [9.0]
    assert answer.series("n00001")["value"].tolist() == [0.5, 5.0]
    assert answer.series("n00002")["value"].tolist() == []
    assert answer.series("unheard-of")["value"].tolist() == []
    assert answer.points["metric"].tolist() == ["n00000", "n00001", "n00001"]
    assert (answer.total("n00001"), answer.total("n00002")) == (5.5, None)


def test_a_call_among_several_that_fails_costs_its_own_metrics_and_is_said() -> None:
    client = CloudWatch(_page(500), refusal("Throttling"), _page(1))

    answer = fetch(client, _metrics(1001), WINDOW)

    assert Counter(answer.status.values()) == {"Complete": 501, "throttled": 500}
    assert answer.status["n00500"] == "throttled"
    assert answer.status["n01000"] == "Complete"
    assert len(answer.limits) == 1
    assert answer.limits[0].startswith("Not seen: 500 metrics. cloudwatch:GetMetricData was throt")


def test_a_call_that_fails_at_its_second_page_keeps_what_is_complete() -> None:
    first = _page(2, NextToken="more")
    first["MetricDataResults"][1]["StatusCode"] = "PartialData"
    client = CloudWatch(first, refusal("Throttling"), _page(1))

    answer = fetch(client, _metrics(501), WINDOW)

    assert [answer.status[f"n0000{place}"] for place in (0, 1, 2)] == [
        "Complete",
        "throttled",
        "throttled",
    ]
    assert answer.total("n00001") is None


def test_a_permission_that_is_missing_is_asked_for_once() -> None:
    client = CloudWatch(refusal("AccessDenied", "no"))

    with pytest.raises(CouldNotLook) as refused:
        fetch(client, _metrics(5000), WINDOW)

    assert refused.value.reason == "forbidden"
    assert len(client.asked) == 1


def test_no_call_is_begun_after_the_deadline() -> None:
    ticks = iter([0.0, 1.0, 61.0, 61.0])
    client = CloudWatch(_page(500))

    answer = fetch(client, _metrics(1500), WINDOW, deadline_s=60, monotonic=lambda: next(ticks))

    assert len(client.asked) == 1
    assert Counter(answer.status.values()) == {"Complete": 500, "timeout": 1000}
    assert answer.limits == (
        "Not seen, or in part: 500 metrics. There was no time left to ask for them. Look at a "
        "shorter window, or at fewer of them.",
    )


def test_a_limit_that_thousands_share_is_one_sentence() -> None:
    page = _page(400)
    for result in page["MetricDataResults"]:
        result["StatusCode"] = "Forbidden"

    answer = fetch(CloudWatch(page), _metrics(400), WINDOW)

    assert answer.limits == (
        "Not seen: 400 metrics, as n00000 (AWS/Lambda Errors), n00001 (AWS/Lambda Errors), n00002 "
        "(AWS/Lambda Errors). The caller lacks cloudwatch:GetMetricData for it.",
    )


def test_times_without_values_are_no_answer() -> None:
    page = {"MetricDataResults": [{"Id": "m0", "Timestamps": [START], "Values": []}]}

    with pytest.raises(CouldNotLook) as refused:
        fetch(CloudWatch(page), _metrics(1), WINDOW)

    assert "1 times and 0 values" in refused.value.message


def _told(metrics: list[Metric]) -> list[tuple[str, str, str, int]]:
    return [(metric.name, metric.metric, metric.stat, metric.period_s) for metric in metrics]


def test_a_measure_of_a_resource_is_asked_by_its_dimension_and_those_beside_it() -> None:
    throttled = wanted.WRITE_THROTTLES.of(
        "t", name="n", every_s=300, dimensions={"GlobalSecondaryIndexName": "GSI1"}
    )

    assert throttled == Metric(
        "n",
        "AWS/DynamoDB",
        "WriteThrottleEvents",
        {"TableName": "t", "GlobalSecondaryIndexName": "GSI1"},
        "Sum",
        300,
        "throttles",
    )
    assert wanted.VISIBLE.of("q", name="n", every_s=60).dimensions == {"QueueName": "q"}
    assert wanted.READER_AGE.of("s", name="n", every_s=60).dimensions == {"StreamName": "s"}


def test_invocations_are_counted_and_what_runs_at_once_is_the_most() -> None:
    found = invocation_metrics("f")

    assert _told(found) == [
        ("invocations", "Invocations", "Sum", 60),
        ("errors", "Errors", "Sum", 60),
        ("throttles", "Throttles", "Sum", 60),
        ("at_once", "ConcurrentExecutions", "Maximum", 60),
    ]


def test_time_at_a_table_is_asked_by_operation() -> None:
    found = time_at_table("t")

    assert found[1].name == "table_ms PutItem"
    assert found[1].dimensions == {"TableName": "t", "Operation": "PutItem"}
    assert {metric.metric for metric in found} == {"SuccessfulRequestLatency"}
    assert time_at_table(None) == []
