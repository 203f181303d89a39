"""Metrics: what is asked, what came, and what did not."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.clients import CloudWatch, refusal

from opslib.errors import BadInput, CouldNotLook
from opslib.metrics import Metric, MetricAnswer, fetch, function_metrics
from opslib.system import Function
from opslib.window import Window

START, END = datetime(2026, 10, 14, 0, 7, tzinfo=UTC), datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
WINDOW = Window(START, END)
ERRORS = Metric("errors", "AWS/Lambda", "Errors", {"FunctionName": "f"}, "Sum", unit="errors")
P95 = Metric("p95_ms", "AWS/Lambda", "Duration", {"FunctionName": "f"}, "p95", 300, "ms")


def _at(minute: int) -> datetime:
    return datetime(2026, 10, 14, 0, minute, tzinfo=UTC)


def _result(place: int, *points: tuple[int, float], code: str = "Complete") -> dict[str, Any]:
    return {
        "Id": f"m{place}",
        "Timestamps": [_at(minute) for minute, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": code,
    }


def _page(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"MetricDataResults": list(results), **more}


def test_the_window_and_each_metric_are_asked_exactly() -> None:
    client = CloudWatch(_page(_result(0), _result(1)))

    fetch(client, [ERRORS, P95], WINDOW)

    assert client.asked == [
        {
            "StartTime": START,
            "EndTime": END,
            "ScanBy": "TimestampAscending",
            "MetricDataQueries": [
                {
                    "Id": "m0",
                    "ReturnData": True,
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/Lambda",
                            "MetricName": "Errors",
                            "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
                        },
                        "Period": 60,
                        "Stat": "Sum",
                    },
                },
                {
                    "Id": "m1",
                    "ReturnData": True,
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/Lambda",
                            "MetricName": "Duration",
                            "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
                        },
                        "Period": 300,
                        "Stat": "p95",
                    },
                },
            ],
        }
    ]


def test_points_are_sorted_by_metric_and_time_and_gaps_stay_gaps() -> None:
    page = _page(_result(0, (30, 2), (10, 1)), _result(1, (10, 900.5)))

    answer = fetch(CloudWatch(page), [P95, ERRORS], WINDOW)

    assert [str(dtype) for dtype in answer.points.dtypes[1:]] == ["datetime64[ns, UTC]", "float64"]
    assert answer.points.to_numpy().tolist() == [
        ["errors", _at(10), 900.5],
        ["p95_ms", _at(10), 1.0],
        ["p95_ms", _at(30), 2.0],
    ]
    assert answer.series("p95_ms")["value"].tolist() == [1.0, 2.0]
    assert answer.status == {"p95_ms": "Complete", "errors": "Complete"}
    assert answer.limits == ()


def test_no_datapoint_is_no_row_and_not_a_zero() -> None:
    answer = fetch(CloudWatch(_page(_result(0))), [ERRORS], WINDOW)

    assert len(answer.points) == 0
    assert list(answer.points.columns) == ["metric", "at", "value"]
    assert str(answer.points["at"].dtype) == "datetime64[ns, UTC]"
    assert answer.as_dicts() == [
        {
            "name": "errors",
            "namespace": "AWS/Lambda",
            "metric": "Errors",
            "dimensions": {"FunctionName": "f"},
            "stat": "Sum",
            "period_s": 60,
            "unit": "errors",
            "status": "Complete",
            "points": 0,
        }
    ]


def test_every_page_is_read_and_the_last_status_counts() -> None:
    client = CloudWatch(
        _page(_result(0, (10, 1), code="PartialData"), NextToken="t1"),
        _page(_result(0, (11, 2))),
    )

    answer = fetch(client, [ERRORS], WINDOW)

    assert answer.points["value"].tolist() == [1.0, 2.0]
    assert answer.status == {"errors": "Complete"}
    assert [asked.get("NextToken") for asked in client.asked] == [None, "t1"]


def test_pages_without_end_are_no_answer() -> None:
    with pytest.raises(CouldNotLook) as refused:
        fetch(CloudWatch(_page(NextToken="again")), [ERRORS], WINDOW)

    assert "100 pages and no end" in refused.value.message


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("Forbidden", "Not seen: errors (AWS/Lambda Errors). The caller lacks"),
        ("PartialData", "Seen in part: errors (AWS/Lambda Errors)."),
        ("InternalError", "Not seen: errors (AWS/Lambda Errors). CloudWatch answered Internal"),
    ],
)
def test_what_did_not_come_whole_is_said(code: str, said: str) -> None:
    page = _page(_result(0, (10, 1), code=code), _result(1, (10, 1)))

    answer = fetch(CloudWatch(page), [ERRORS, P95], WINDOW)

    assert answer.status == {"errors": code, "p95_ms": "Complete"}
    assert len(answer.limits) == 1
    assert answer.limits[0].startswith(said)


def test_a_metric_that_the_answer_does_not_mention_is_said_to_be_missing() -> None:
    answer = fetch(CloudWatch(_page(_result(0))), [ERRORS, P95], WINDOW)

    assert answer.status["p95_ms"] == "Missing"
    assert answer.limits == (
        "Not seen: p95_ms (AWS/Lambda Duration). CloudWatch answered Missing; run again.",
    )


def test_messages_are_kept_and_said() -> None:
    page = _page(_result(0), Messages=[{"Code": "ArithmeticError", "Value": "no"}])

    answer = fetch(CloudWatch(page), [ERRORS], WINDOW)

    assert answer.messages == ("ArithmeticError: no",)
    assert answer.limits == ("CloudWatch said: ArithmeticError: no",)


def test_points_that_are_kept_no_more_are_said_to_be_gone() -> None:
    header = {"ResponseMetadata": {"HTTPHeaders": {"date": "Fri, 30 Oct 2026 00:00:00 GMT"}}}

    answer = fetch(CloudWatch(_page(_result(0), _result(1), **header)), [ERRORS, P95], WINDOW)

    assert answer.limits == (
        "Seen in part: errors (AWS/Lambda Errors). Points of 60 s are kept for 15 days; "
        "those before are gone.",
    )


def test_501_metrics_go_in_two_calls_and_keep_their_names() -> None:
    metrics = [
        Metric(f"n{place}", "AWS/Lambda", "Errors", {"FunctionName": str(place)}, "Sum")
        for place in range(501)
    ]
    client = CloudWatch(_page(_result(499, (10, 1))), _page(_result(0, (10, 2))))

    answer = fetch(client, metrics, WINDOW)

    assert [len(asked["MetricDataQueries"]) for asked in client.asked] == [500, 1]
    assert answer.points[["metric", "value"]].to_numpy().tolist() == [["n499", 1.0], ["n500", 2.0]]


def test_two_metrics_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput) as refused:
        fetch(CloudWatch(_page()), [ERRORS, ERRORS], WINDOW)

    assert "errors is there twice" in refused.value.message


def test_a_refusal_is_one_sentence_with_the_statement_that_mends_it() -> None:
    with pytest.raises(CouldNotLook) as refused:
        fetch(CloudWatch(refusal("AccessDenied", "no")), [ERRORS], WINDOW)

    assert refused.value.reason == "forbidden"
    assert '"Action": "cloudwatch:GetMetricData"' in refused.value.message


def test_what_was_not_seen_at_all_has_the_same_columns() -> None:
    answer = MetricAnswer.unseen([ERRORS], reason="forbidden")

    assert answer.status == {"errors": "forbidden"}
    assert list(answer.points.columns) == ["metric", "at", "value"]
    assert answer.as_dicts()[0]["status"] == "forbidden"


def test_a_functions_metrics_depend_on_what_it_has() -> None:
    bare = function_metrics(Function(name="f"))
    whole = function_metrics(Function(name="f", table="t", dead_letter_queue="q"))

    assert [metric.name for metric in bare] == ["invocations", "errors", "duration_p95_ms"]
    assert [(metric.name, metric.metric, metric.stat) for metric in whole[3:]] == [
        ("iterator_age_ms", "IteratorAge", "Maximum"),
        ("table_writes", "ConsumedWriteCapacityUnits", "Sum"),
        ("dead_letters", "ApproximateNumberOfMessagesVisible", "Maximum"),
    ]
    assert whole[5].dimensions == {"QueueName": "q"}


@pytest.mark.parametrize(
    ("points", "code", "total"),
    [
        ([(10, 1), (11, 2.5)], "Complete", 3.5),
        ([(10, 0)], "Complete", 0.0),
        ([], "Complete", None),
        ([(10, 1)], "PartialData", None),
    ],
)
def test_a_total_is_known_only_when_every_point_came(
    points: list[tuple[int, float]], code: str, total: float | None
) -> None:
    answer = fetch(CloudWatch(_page(_result(0, *points, code=code))), [ERRORS], WINDOW)

    assert answer.total("errors") == total
