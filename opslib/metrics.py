"""CloudWatch metrics over one window: the points that came, and whether all of them did.

In: `Metric` descriptions and a Window. Out: a `MetricAnswer` with a typed frame of points and a
status for each metric. No gap is filled: no datapoint is not zero. What is missing is said in
``limits``, never silently.

Must not judge.

Facts leaned on
---------------
GetMetricData: 500 metrics a call; ``StartTime`` is in and ``EndTime`` is out; ``StatusCode`` is
Complete, PartialData (more may come with NextToken), InternalError or Forbidden (botocore,
MetricDataResult). Points of 1 min are kept for 15 days, of 5 min for 63, of 1 h for 455 (CloudWatch
user guide, metrics retention). Dimensions match exactly or not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self

import pandas as pd

from opslib.aws import calling
from opslib.errors import BadInput, CouldNotLook
from opslib.system import Function
from opslib.window import Window

_BATCH = 500
_MOST_PAGES = 100
_COMPLETE = "Complete"
_KEPT = ((60, timedelta(days=15)), (300, timedelta(days=63)), (3600, timedelta(days=455)))


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric with its dimensions and statistic.

    Parameters
    ----------
    name
        What the answer calls it, with its unit: ``duration_p95_ms``.
    namespace, metric, dimensions, stat
        As CloudWatch names them: ``AWS/Lambda``, ``Duration``, ``{"FunctionName": ...}``, ``p95``.
    period_s
        The length of a datapoint in seconds.
    unit
        For people; it is not sent, since CloudWatch would filter by it.
    """

    name: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    stat: str
    period_s: int = 60
    unit: str = ""


@dataclass(frozen=True, slots=True)
class MetricAnswer:
    """What CloudWatch gave.

    Parameters
    ----------
    points
        One row a datapoint, sorted by metric and time: ``metric`` (str, the metric's name), ``at``
        (datetime64[ns, UTC], start of the period), ``value`` (float64). Empty when nothing came.
    status
        Name of the metric to Complete, PartialData, InternalError or Forbidden; Missing when the
        answer does not mention it.
    messages
        What CloudWatch said beside that.
    limits
        A sentence for everything that was not seen.
    metrics
        What was asked.
    """

    points: pd.DataFrame
    status: Mapping[str, str]
    messages: tuple[str, ...]
    limits: tuple[str, ...]
    metrics: tuple[Metric, ...]

    @classmethod
    def unseen(cls, metrics: Sequence[Metric], *, reason: str) -> Self:
        """Return the answer of a service that gave none: empty, each metric's status the reason."""
        status = {metric.name: reason for metric in metrics}
        return cls(_frame([]), status, (), (), tuple(metrics))

    def series(self, name: str) -> pd.DataFrame:
        """Return ``at`` and ``value`` of one metric, oldest first; empty when it has no points."""
        points = self.points[self.points["metric"] == name]
        return points[["at", "value"]].reset_index(drop=True)

    def total(self, name: str) -> float | None:
        """Return the sum of a metric over the window; None unless all of its points came."""
        points = self.series(name)
        if self.status.get(name) != _COMPLETE or points.empty:
            return None
        return float(points["value"].sum())

    def as_dicts(self) -> list[dict[str, object]]:
        """Return one entry a metric, as result.json, schema 1, holds them."""
        counts = self.points["metric"].value_counts()
        return [
            {
                "name": metric.name,
                "namespace": metric.namespace,
                "metric": metric.metric,
                "dimensions": dict(metric.dimensions),
                "stat": metric.stat,
                "period_s": metric.period_s,
                "unit": metric.unit,
                "status": self.status[metric.name],
                "points": int(counts.get(metric.name, 0)),
            }
            for metric in self.metrics
        ]


def function_metrics(function: Function) -> list[Metric]:
    """Return the metrics that a function's health table is made of.

    Returns
    -------
    ``invocations`` and ``errors`` (Sum a minute), ``duration_p95_ms`` (5 min); with a table, since
    its stream is read, ``iterator_age_ms`` (Maximum of 5 min: an average hides a blocked shard) and
    ``table_writes`` (consumed write capacity, Sum of 5 min); with a dead-letter queue
    ``dead_letters`` (visible messages, Maximum a minute).
    """
    by_function = {"FunctionName": function.name}
    wanted = [
        Metric("invocations", "AWS/Lambda", "Invocations", by_function, "Sum", 60, "invocations"),
        Metric("errors", "AWS/Lambda", "Errors", by_function, "Sum", 60, "errors"),
        Metric("duration_p95_ms", "AWS/Lambda", "Duration", by_function, "p95", 300, "ms"),
    ]
    if function.table:
        by_table = {"TableName": function.table}
        wanted += [
            Metric(
                "iterator_age_ms", "AWS/Lambda", "IteratorAge", by_function, "Maximum", 300, "ms"
            ),
            Metric(
                "table_writes",
                "AWS/DynamoDB",
                "ConsumedWriteCapacityUnits",
                by_table,
                "Sum",
                300,
                "write units",
            ),
        ]
    if function.dead_letter_queue:
        wanted.append(
            Metric(
                "dead_letters",
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                {"QueueName": function.dead_letter_queue},
                "Maximum",
                60,
                "messages",
            )
        )
    return wanted


def fetch(client: Any, metrics: Sequence[Metric], window: Window) -> MetricAnswer:
    """Fetch metrics over a window.

    Parameters
    ----------
    client
        The boto3 ``cloudwatch`` client, or anything with get_metric_data.
    metrics
        Any number, each name once; 500 go into a call.

    Raises
    ------
    BadInput
        Two metrics have the same name.
    CouldNotLook
        CloudWatch refused or did not answer. One metric refused among others is in ``limits``.
    """
    names = [metric.name for metric in metrics]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"No metric was fetched: {', '.join(twice)} is there twice.", names=twice)
    rows: list[tuple[str, datetime, float]] = []
    status = dict.fromkeys(names, "Missing")
    messages: list[str] = []
    now: datetime | None = None
    for first in range(0, len(metrics), _BATCH):
        batch = metrics[first : first + _BATCH]
        by_id = {f"m{place}": metric.name for place, metric in enumerate(batch)}
        for page in _pages(client, batch, window):
            now = now or _date(page)
            messages += [_message(said) for said in page.get("Messages", [])]
            for result in page["MetricDataResults"]:
                name = by_id[result["Id"]]
                status[name] = result.get("StatusCode", _COMPLETE)
                messages += [f"{name}: {_message(said)}" for said in result.get("Messages", [])]
                rows += [
                    (name, at, float(value))
                    for at, value in zip(result["Timestamps"], result["Values"], strict=True)
                ]
    said = tuple(dict.fromkeys(messages))
    limits = (*_limits(metrics, status, window, now=now), *(f"CloudWatch said: {m}" for m in said))
    return MetricAnswer(_frame(rows), status, said, limits, tuple(metrics))


def _pages(client: Any, batch: Sequence[Metric], window: Window) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of one call, by hand: boto3's own paginator has no bound."""
    queries = [
        {
            "Id": f"m{place}",
            "ReturnData": True,
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.namespace,
                    "MetricName": metric.metric,
                    "Dimensions": [
                        {"Name": name, "Value": value} for name, value in metric.dimensions.items()
                    ],
                },
                "Period": metric.period_s,
                "Stat": metric.stat,
            },
        }
        for place, metric in enumerate(batch)
    ]
    more: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        with calling("cloudwatch:GetMetricData", f"{len(batch)} metrics"):
            page = client.get_metric_data(
                MetricDataQueries=queries,
                StartTime=window.start,
                EndTime=window.end,
                ScanBy="TimestampAscending",
                **more,
            )
        yield page
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
    raise CouldNotLook(
        f"Not seen: {len(batch)} metrics. CloudWatch gave {_MOST_PAGES} pages and no end. "
        "Look at a shorter window.",
        operation="cloudwatch:GetMetricData",
        reason="failed",
    )


def _limits(
    metrics: Sequence[Metric],
    status: Mapping[str, str],
    window: Window,
    *,
    now: datetime | None,
) -> Iterator[str]:
    for metric in metrics:
        state = status[metric.name]
        what = f"{metric.name} ({metric.namespace} {metric.metric})"
        if state == "Forbidden":
            yield f"Not seen: {what}. The caller lacks cloudwatch:GetMetricData for it."
        elif state == "PartialData":
            yield f"Seen in part: {what}. CloudWatch left points out; run again."
        elif state != _COMPLETE:
            yield f"Not seen: {what}. CloudWatch answered {state}; run again."
        kept = next((age for period_s, age in _KEPT if metric.period_s <= period_s), None)
        if now is not None and kept is not None and now - window.start > kept:
            yield (
                f"Seen in part: {what}. Points of {metric.period_s} s are kept for "
                f"{kept.days} days; those before are gone."
            )


def _frame(rows: Sequence[tuple[str, datetime, float]]) -> pd.DataFrame:
    points = pd.DataFrame(
        {
            "metric": pd.Series([row[0] for row in rows], dtype="str"),
            "at": pd.Series([row[1] for row in rows], dtype="datetime64[ns, UTC]"),
            "value": pd.Series([row[2] for row in rows], dtype="float64"),
        }
    )
    return points.sort_values(["metric", "at"], ignore_index=True)


def _date(page: Mapping[str, Any]) -> datetime | None:
    date = page.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else None


def _message(said: Mapping[str, str]) -> str:
    return f"{said.get('Code', '')}: {said.get('Value', '')}"
