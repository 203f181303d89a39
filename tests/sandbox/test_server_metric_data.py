"""GetMetricData gives points in CloudWatch's order and labels them as CloudWatch does."""

from datetime import UTC, datetime

import pytest

from opslib.sandbox.api import Sandbox

_THREE = datetime(2026, 10, 14, 3, 0, tzinfo=UTC)
_FIVE_PAST = datetime(2026, 10, 14, 3, 5, tzinfo=UTC)
_END = datetime(2026, 10, 14, 3, 10, tzinfo=UTC)
_NEWEST_FIRST = [(_FIVE_PAST, 7.0), (_THREE, 3.0)]


@pytest.fixture
def points(empty: Sandbox) -> Sandbox:
    cloudwatch = empty.client("cloudwatch")
    for name, value_at_three, value_at_five_past in (("Invocations", 3, 7), ("Errors", 1, 2)):
        cloudwatch.put_metric_data(
            Namespace="Test/Order",
            MetricData=[
                {"MetricName": name, "Timestamp": _THREE, "Value": value_at_three},
                {"MetricName": name, "Timestamp": _FIVE_PAST, "Value": value_at_five_past},
            ],
        )
    return empty


def _query(name: str, *, label: str | None = None) -> dict[str, object]:
    metric = {"Namespace": "Test/Order", "MetricName": name}
    query: dict[str, object] = {
        "Id": name.lower(),
        "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Maximum"},
    }
    return query | ({"Label": label} if label else {})


@pytest.mark.parametrize(
    ("scan_by", "expected"),
    [
        ({}, _NEWEST_FIRST),
        ({"ScanBy": "TimestampDescending"}, _NEWEST_FIRST),
        ({"ScanBy": "TimestampAscending"}, _NEWEST_FIRST[::-1]),
    ],
    ids=["by default", "descending", "ascending"],
)
def test_points_come_in_the_order_asked_for_each_with_its_own_value(
    points: Sandbox, scan_by: dict[str, str], expected: list[tuple[datetime, float]]
) -> None:
    answer = points.client("cloudwatch").get_metric_data(
        MetricDataQueries=[_query("Invocations")], StartTime=_THREE, EndTime=_END, **scan_by
    )

    (result,) = answer["MetricDataResults"]
    assert list(zip(result["Timestamps"], result["Values"], strict=True)) == expected


def test_a_metric_is_labelled_by_its_name_unless_the_query_labels_it(points: Sandbox) -> None:
    answer = points.client("cloudwatch").get_metric_data(
        MetricDataQueries=[_query("Invocations"), _query("Errors", label="Failures")],
        StartTime=_THREE,
        EndTime=_END,
    )

    labels = {result["Id"]: result["Label"] for result in answer["MetricDataResults"]}
    assert labels == {"invocations": "Invocations", "errors": "Failures"}
