"""GetMetricData answers as CloudWatch does: order, labels, expressions, pages, refusals."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.exceptions import ClientError

from opslib.errors import CouldNotLook
from opslib.sandbox import environment
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


def _expression(text: str, *, query_id: str = "e1", label: str | None = None) -> dict[str, object]:
    query: dict[str, object] = {"Id": query_id, "Expression": text}
    return query | ({} if label is None else {"Label": label})


def _hidden(query: dict[str, object]) -> dict[str, object]:
    return query | {"ReturnData": False}


def _asked(sandbox: Sandbox, *queries: dict[str, object], **more: object) -> list[dict[str, Any]]:
    answer = sandbox.client("cloudwatch").get_metric_data(
        MetricDataQueries=list(queries), StartTime=_THREE, EndTime=_END, **more
    )
    results: list[dict[str, Any]] = answer["MetricDataResults"]
    return results


def _refused(call: Callable[..., object], **arguments: object) -> tuple[str, int, str]:
    """Give code, HTTP status and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def test_an_expression_is_computed_of_metrics_that_are_not_returned_themselves(
    points: Sandbox,
) -> None:
    (result,) = _asked(
        points,
        _hidden(_query("Errors")),
        _hidden(_query("Invocations")),
        _expression("100 * errors / invocations"),
    )

    assert result["Id"] == result["Label"] == "e1"
    assert result["Timestamps"] == [_FIVE_PAST, _THREE]
    assert [round(value, 4) for value in result["Values"]] == [28.5714, 33.3333]
    assert result["StatusCode"] == "Complete"


def test_an_expression_may_stand_before_what_it_refers_to(points: Sandbox) -> None:
    results = _asked(
        points,
        _expression("e2 * 2"),
        _expression("invocations + errors", query_id="e2", label="both"),
        _hidden(_query("Invocations")),
        _hidden(_query("Errors")),
    )

    assert [(result["Id"], result["Label"], result["Values"]) for result in results] == [
        ("e1", "e1", [18.0, 8.0]),
        ("e2", "both", [9.0, 4.0]),
    ]


def test_an_array_gives_a_result_of_each_series_labelled_by_both(points: Sandbox) -> None:
    results = _asked(
        points,
        _query("Invocations"),
        _hidden(_query("Errors", label="Failures")),
        _expression("METRICS() * 10", label="Ten times"),
        _expression("METRICS('err')", query_id="e2", label=""),
    )

    assert [(result["Id"], result["Label"], result["Values"]) for result in results] == [
        ("invocations", "Invocations", [7.0, 3.0]),
        ("e1", "Ten times Invocations", [70.0, 30.0]),
        ("e1", "Ten times Failures", [20.0, 10.0]),
        ("e2", "Failures", [2.0, 1.0]),
    ]


def test_a_gap_is_filled_at_each_period_of_the_range_that_was_asked_for(points: Sandbox) -> None:
    answer = points.client("cloudwatch").get_metric_data(
        MetricDataQueries=[_hidden(_query("Errors")), _expression("FILL(errors, 0)")],
        StartTime=_THREE - timedelta(minutes=10),
        EndTime=_END + timedelta(minutes=5),
        ScanBy="TimestampAscending",
    )

    assert answer["MetricDataResults"][0]["Values"] == [0.0, 0.0, 1.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (
            [_expression("SEARCH('{AWS/Lambda} Errors', 'Sum', 300)")],
            "Error in expression 'e1' [The sandbox does not answer SEARCH: the order and the "
            "tokens of its matches are not documented]",
        ),
        (
            [_expression("SELECT AVG(Duration) FROM SCHEMA(Lambda)")],
            "Error in expression 'e1' [The sandbox does not answer Metrics Insights queries]",
        ),
        ([_expression("m1 +")], "Error in expression 'e1' [Unexpected end]"),
        ([_expression("m1")], "Error in expression 'e1' [Undefined identifier 'm1']"),
        ([_expression("e1 + 1")], "Error in expression 'e1' [It refers to itself]"),
        (
            [_query("Errors"), _expression("AVG(errors)")],
            "Error in expression 'e1' [The result is neither a time series nor an array of them]",
        ),
        (
            [_query("Errors"), _query("Errors")],
            "The values for parameter id in MetricDataQueries are not unique.",
        ),
        (
            [_expression("1", query_id="E1")],
            "The value E1 for parameter MetricDataQueries.member.1.Id is not matching.",
        ),
        (
            [_query("Errors") | {"Expression": "1"}],
            "MetricDataQueries.member.1 must have either MetricStat or Expression, and not both.",
        ),
        (
            [_expression("1", query_id=f"e{place}") for place in range(501)],
            "The collection MetricDataQueries must not have a size greater than 500.",
        ),
    ],
)
def test_a_request_that_cannot_be_answered_rightly_is_refused(
    points: Sandbox, queries: list[dict[str, object]], message: str
) -> None:
    refused = _refused(
        points.client("cloudwatch").get_metric_data,
        MetricDataQueries=queries,
        StartTime=_THREE,
        EndTime=_END,
    )

    assert refused == ("ValidationError", 400, message)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"Period": 90},
            "The parameter MetricDataQueries.member.1.MetricStat.Period must be 1, 5, 10, 20, 30 "
            "or a multiple of 60.",
        ),
        (
            {"Stat": "tm90"},
            "The sandbox does not answer the statistic 'tm90' of "
            "MetricDataQueries.member.1.MetricStat.Stat.",
        ),
    ],
)
def test_a_statistic_that_would_be_wrong_is_refused(
    points: Sandbox, setting: dict[str, object], message: str
) -> None:
    query = _query("Errors")
    wanted: Any = query["MetricStat"]

    refused = _refused(
        points.client("cloudwatch").get_metric_data,
        MetricDataQueries=[query | {"MetricStat": wanted | setting}],
        StartTime=_THREE,
        EndTime=_END,
    )

    assert refused == ("ValidationError", 400, message)


def test_points_beyond_the_most_asked_for_come_on_further_pages(points: Sandbox) -> None:
    cloudwatch = points.client("cloudwatch")
    asked = {
        "MetricDataQueries": [_query("Invocations"), _query("Missing"), _query("Errors")],
        "StartTime": _THREE,
        "EndTime": _END,
        "MaxDatapoints": 3,
    }

    first = cloudwatch.get_metric_data(**asked)
    second = cloudwatch.get_metric_data(**asked, NextToken=first["NextToken"])
    of_another = _refused(
        cloudwatch.get_metric_data, **asked | {"MaxDatapoints": 2}, NextToken=first["NextToken"]
    )

    def told(page: Any) -> list[tuple[str, list[float], str]]:
        results = page["MetricDataResults"]
        return [(result["Id"], result["Values"], result["StatusCode"]) for result in results]

    assert told(first) == [
        ("invocations", [7.0, 3.0], "Complete"),
        ("missing", [], "Complete"),
        ("errors", [2.0], "PartialData"),
    ]
    assert told(second) == [("errors", [1.0], "Complete")]
    assert "NextToken" not in second
    assert of_another == ("InvalidNextToken", 400, "The next token specified is invalid.")


def test_no_dimensions_match_the_metric_that_has_none_and_no_other(points: Sandbox) -> None:
    cloudwatch = points.client("cloudwatch")
    of_one = [{"Name": "FunctionName", "Value": "orders"}]
    for name, dimensions in (("Both", of_one), ("Both", []), ("Dimensioned", of_one)):
        cloudwatch.put_metric_data(
            Namespace="Test/Order",
            MetricData=[
                {
                    "MetricName": name,
                    "Timestamp": _THREE,
                    "Value": 5 if dimensions else 1,
                    "Dimensions": dimensions,
                }
            ],
        )

    both, none = _asked(points, _query("Both"), _query("Dimensioned"))
    statistics = cloudwatch.get_metric_statistics(
        Namespace="Test/Order",
        MetricName="Both",
        StartTime=_THREE,
        EndTime=_END,
        Period=300,
        Statistics=["Maximum"],
    )

    assert (both["Values"], none["Values"]) == ([1.0], [])
    assert [point["Maximum"] for point in statistics["Datapoints"]] == [1.0]


def test_more_statistics_than_one_answer_holds_are_refused(points: Sandbox) -> None:
    asked = {
        "Namespace": "Test/Order",
        "MetricName": "Errors",
        "StartTime": _THREE - timedelta(minutes=1440),
        "Statistics": ["Sum"],
    }
    statistics = points.client("cloudwatch").get_metric_statistics

    most = statistics(**asked, EndTime=_THREE, Period=60)
    too_many = _refused(statistics, **asked, EndTime=_THREE + timedelta(minutes=1), Period=60)
    coarser = statistics(**asked, EndTime=_END, Period=300)

    assert most["Datapoints"] == []
    assert too_many == (
        "InvalidParameterCombination",
        400,
        "You have requested up to 1,441 datapoints, which exceeds the limit of 1,440. You may "
        "reduce the datapoints requested by increasing Period, or decreasing the time range.",
    )
    assert sorted(point["Sum"] for point in coarser["Datapoints"]) == [1.0, 2.0]


def test_partial_data_on_demand_holds_half_the_points_and_says_so_once(points: Sandbox) -> None:
    points.set_fault("cloudwatch:GetMetricData", code="PartialData", times=1)
    cloudwatch = points.client("cloudwatch")
    asked = {"MetricDataQueries": [_query("Errors")], "StartTime": _THREE, "EndTime": _END}

    partial, whole = cloudwatch.get_metric_data(**asked), cloudwatch.get_metric_data(**asked)

    (result,) = partial["MetricDataResults"]
    message = {"Code": "PartialData", "Value": "Answered so by order of the sandbox."}
    assert (result["Values"], result["StatusCode"]) == ([2.0], "PartialData")
    assert result["Messages"] == partial["Messages"] == [message]
    assert whole["MetricDataResults"][0]["Values"] == [2.0, 1.0]
    assert whole["MetricDataResults"][0]["StatusCode"] == "Complete"


@pytest.mark.parametrize("status", ["InternalError", "Forbidden"])
def test_a_result_that_failed_on_demand_has_no_points(points: Sandbox, status: str) -> None:
    points.set_fault("cloudwatch:GetMetricData", code=status)

    (result,) = _asked(points, _query("Errors"))

    assert (result["Values"], result["StatusCode"]) == ([], status)


def test_partial_data_of_anything_else_is_refused(empty: Sandbox) -> None:
    with pytest.raises(CouldNotLook) as caught:
        empty.set_fault("cloudwatch:ListMetrics", code="PartialData")

    assert "nothing of cloudwatch:ListMetrics" in caught.value.message


def test_the_older_protocols_are_refused_by_name_and_not_answered_wrongly(points: Sandbox) -> None:
    host = urlsplit(points.endpoint).netloc
    scope = "Credential=opslib-sandbox/20261014/us-east-1/monitoring/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 {scope}"}

    def asked(path: str, body: str, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("POST", path, body=body, headers=signed | headers)
        answer = connection.getresponse()
        given = answer.status, answer.read()
        connection.close()
        return given

    form = urlencode({"Action": "GetMetricData", "Version": "2010-08-01"})
    query = asked("/", form, {"Content-Type": "application/x-www-form-urlencoded"})
    path = "/service/GraniteServiceVersion20100801/operation/GetMetricData"
    cbor = asked(path, "", {"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"})

    sentence = b"The sandbox answers GetMetricData in CloudWatch's JSON protocol only."
    assert (query[0], cbor[0]) == (400, 400)
    assert b"<Code>UnsupportedOperation</Code>" in query[1]
    assert sentence in query[1]
    assert cbor[1] == (
        b"\xa2\x79\x00\x06__type\x79\x00\x14UnsupportedOperation"
        b"\x79\x00\x07message\x79\x00\x45" + sentence
    )


def test_the_aws_command_line_gets_the_same_answer(points: Sandbox) -> None:
    queries = [_hidden(_query("Errors")), _hidden(_query("Invocations"))]
    queries.append(_expression("errors / invocations", label="Rate"))
    exported = {
        line.removeprefix("export ").partition("=")[0]: line.partition("=")[2]
        for line in environment.exports(points, caller={})
        if line.startswith("export ")
    }

    ran = subprocess.run(
        [
            str(Path(sys.executable).parent / "aws"),
            *("cloudwatch", "get-metric-data", "--output", "json"),
            *("--start-time", _THREE.isoformat(), "--end-time", _END.isoformat()),
            *("--metric-data-queries", json.dumps(queries)),
        ],
        env={"PATH": os.environ["PATH"]} | exported,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ran.stderr == ""
    (result,) = json.loads(ran.stdout)["MetricDataResults"]
    assert (result["Label"], result["StatusCode"]) == ("Rate", "Complete")
    assert [round(value, 4) for value in result["Values"]] == [0.2857, 0.3333]
