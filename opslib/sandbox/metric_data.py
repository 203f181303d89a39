"""What the emulator gets wrong in GetMetricData: the order of points, and the label.

In: the decoded request, and the emulator's decoded answer. Out: both as CloudWatch has them: the
newest point first unless ``ScanBy`` says otherwise, and a metric's name as its label.
Must not know HTTP.

Source: CloudWatch API reference, GetMetricData (``ScanBy``: default ``TimestampDescending``;
``MetricDataResult.Label``). Only the JSON protocol, which boto3 and aws-cli speak, comes this way.
"""

from typing import Any


def labelled(body: dict[str, Any]) -> dict[str, Any]:
    """Give each query that names a metric and no label its metric's name as label, in place."""
    for query in body.get("MetricDataQueries", ()):
        metric = query.get("MetricStat", {}).get("Metric", {}).get("MetricName")
        if metric:
            query.setdefault("Label", metric)
    return body


def ordered(body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Order the points of each result as the request asked, in place."""
    newest_first = body.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    for result in answer.get("MetricDataResults", ()):
        points = sorted(
            zip(result["Timestamps"], result["Values"], strict=True),
            key=lambda point: point[0],
            reverse=newest_first,
        )
        result["Timestamps"] = [at for at, _ in points]
        result["Values"] = [value for _, value in points]
    return answer
