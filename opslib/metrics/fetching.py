"""The points of metrics over one window, and whether all of them came.

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

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opslib.aws import calling
from opslib.errors import BadInput, CouldNotLook
from opslib.window import Window

_BATCH = 500
_MOST_PAGES = 100
_OPERATION = "cloudwatch:GetMetricData"
_COMPLETE = "Complete"
_MISSING = "Missing"
# So many metrics are named one by one; of more, these stand for all that share a limit.
_NAMED = 3
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
        answer does not mention it; a reason, as of `CouldNotLook`, when its call failed.
    messages
        What CloudWatch said beside that.
    limits
        A sentence for everything that was not seen.
    metrics
        What was asked.
    places
        Name of a metric that has points to their place in ``points``, so that the series of
        thousands of metrics are had without a search each.
    """

    points: pd.DataFrame
    status: Mapping[str, str]
    messages: tuple[str, ...]
    limits: tuple[str, ...]
    metrics: tuple[Metric, ...]
    places: Mapping[str, slice] = field(default_factory=dict, repr=False)

    @classmethod
    def unseen(cls, metrics: Sequence[Metric], *, reason: str) -> Self:
        """Return the answer of a service that gave none: empty, each metric's status the reason."""
        status = {metric.name: reason for metric in metrics}
        return cls(_empty(), status, (), (), tuple(metrics))

    def series(self, name: str) -> pd.DataFrame:
        """Return ``at`` and ``value`` of one metric, oldest first; empty when it has no points."""
        points = self.points.iloc[self.places.get(name, slice(0))]
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


def fetch(
    client: Any,
    metrics: Sequence[Metric],
    window: Window,
    *,
    deadline_s: float = 60,
    monotonic: Callable[[], float] = time.monotonic,
) -> MetricAnswer:
    """Fetch metrics over a window: any number, in as few calls as there can be.

    Parameters
    ----------
    client
        The boto3 ``cloudwatch`` client, or anything with get_metric_data.
    metrics
        Any number, each name once; 500 go into a call.
    deadline_s
        After so many seconds no further call is begun.
    monotonic
        As of `time`.

    Returns
    -------
    What came. A call among several that was refused, or not begun in time, costs its own metrics:
    their status is the reason, and ``limits`` says it.

    Raises
    ------
    BadInput
        Two metrics have the same name.
    CouldNotLook
        CloudWatch refused or did not answer, for all metrics. One metric refused among others is in
        ``limits``.
    """
    names = [metric.name for metric in metrics]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise BadInput(f"No metric was fetched: {', '.join(twice)} is there twice.", names=twice)
    answer = _Gathered(metrics)
    failed: list[CouldNotLook] = []
    end_s = monotonic() + deadline_s
    for first in range(0, len(metrics), _BATCH):
        batch = metrics[first : first + _BATCH]
        try:
            for page in _pages(client, batch, window, late=lambda: monotonic() > end_s):
                answer.add(batch, page)
        except CouldNotLook as error:
            failed.append(error)
            answer.fail(batch, error.reason)
            if error.reason == "forbidden" and not answer.came:
                # The others would be refused the same, one after another.
                break
    if failed and (not answer.came or len(failed) * _BATCH >= len(metrics)):
        raise failed[0]
    return answer.whole(window, said=dict.fromkeys(error.message for error in failed))


class _Gathered:
    """The pages of all calls, put together: a metric's points are held in arrays, once."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = tuple(metrics)
        self._status = dict.fromkeys((metric.name for metric in metrics), _MISSING)
        self._at_ms: dict[str, list[NDArray[np.int64]]] = {}
        self._values: dict[str, list[NDArray[np.float64]]] = {}
        self._messages: dict[str, None] = {}
        self._failed: set[str] = set()
        self._now: datetime | None = None
        self.came = False

    def add(self, batch: Sequence[Metric], page: Mapping[str, Any]) -> None:
        """Take a page of the answer for a batch."""
        self.came = True
        self._now = self._now or _date(page)
        self._messages |= dict.fromkeys(map(_message, page.get("Messages", [])))
        for result in page["MetricDataResults"]:
            name = batch[int(result["Id"][1:])].name
            self._status[name] = result.get("StatusCode", _COMPLETE)
            self._messages |= dict.fromkeys(
                f"{name}: {_message(said)}" for said in result.get("Messages", [])
            )
            timestamps, values = result["Timestamps"], result["Values"]
            if len(timestamps) != len(values):
                raise CouldNotLook(
                    f"Not seen: {name}. CloudWatch gave {len(timestamps)} times and "
                    f"{len(values)} values for it. Run again.",
                    operation=_OPERATION,
                    reason="failed",
                )
            at_ms = (round(at.timestamp() * 1000) for at in timestamps)
            self._at_ms.setdefault(name, []).append(np.fromiter(at_ms, np.int64, len(values)))
            self._values.setdefault(name, []).append(np.array(values, dtype=np.float64))

    def fail(self, batch: Sequence[Metric], reason: str) -> None:
        """Note that a batch was not answered, or not to its end."""
        for metric in batch:
            if self._status[metric.name] != _COMPLETE:
                self._status[metric.name] = reason
                self._failed.add(metric.name)

    def whole(self, window: Window, *, said: Iterable[str]) -> MetricAnswer:
        """Return everything as one answer."""
        seen = [metric for metric in self._metrics if metric.name not in self._failed]
        limits = [
            *said,
            *_limits(seen, self._status, window, now=self._now),
            *(f"CloudWatch said: {message}" for message in self._messages),
        ]
        points, places = self._points()
        return MetricAnswer(
            points, self._status, tuple(self._messages), tuple(limits), self._metrics, places
        )

    def _points(self) -> tuple[pd.DataFrame, dict[str, slice]]:
        names = sorted(name for name, found in self._values.items() if any(map(len, found)))
        at_ms, values, places, upto = [], [], {}, 0
        for name in names:
            at = np.concatenate(self._at_ms.pop(name))
            order = np.argsort(at, kind="stable")
            at_ms.append(at[order])
            values.append(np.concatenate(self._values.pop(name))[order])
            places[name] = slice(upto, upto + len(at))
            upto += len(at)
        if not names:
            return _empty(), {}
        counts = [place.stop - place.start for place in places.values()]
        at_column = pd.to_datetime(np.concatenate(at_ms), unit="ms", utc=True).as_unit("ns")
        frame = {
            "metric": pd.Series(np.repeat(names, counts), dtype="str"),
            "at": at_column,
            "value": np.concatenate(values),
        }
        return pd.DataFrame(frame), places


def _pages(
    client: Any, batch: Sequence[Metric], window: Window, *, late: Callable[[], bool]
) -> Iterator[Mapping[str, Any]]:
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
        if late():
            raise CouldNotLook(
                f"Not seen, or in part: {len(batch)} metrics. There was no time left to ask for "
                "them. Look at a shorter window, or at fewer of them.",
                operation=_OPERATION,
                reason="timeout",
            )
        with calling(_OPERATION, f"{len(batch)} metrics"):
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
        operation=_OPERATION,
        reason="failed",
    )


def _limits(
    metrics: Sequence[Metric],
    status: Mapping[str, str],
    window: Window,
    *,
    now: datetime | None,
) -> Iterator[str]:
    """Yield a sentence for what was not seen; a few for what thousands of metrics share."""
    short: dict[tuple[str, str], list[Metric]] = {}
    for metric in metrics:
        state = status[metric.name]
        if state == "Forbidden":
            said = ("Not seen", "The caller lacks cloudwatch:GetMetricData for it.")
        elif state == "PartialData":
            said = ("Seen in part", "CloudWatch left points out; run again.")
        else:
            said = ("Not seen", f"CloudWatch answered {state}; run again.")
        if state != _COMPLETE:
            short.setdefault(said, []).append(metric)
        kept = next((age for period_s, age in _KEPT if metric.period_s <= period_s), None)
        if now is not None and kept is not None and now - window.start > kept:
            gone = (
                "Seen in part",
                f"Points of {metric.period_s} s are kept for {kept.days} days; those before are "
                "gone.",
            )
            short.setdefault(gone, []).append(metric)
    for (head, tail), those in short.items():
        named = [f"{metric.name} ({metric.namespace} {metric.metric})" for metric in those]
        if len(named) <= _NAMED:
            yield from (f"{head}: {what}. {tail}" for what in named)
        else:
            first = ", ".join(named[:_NAMED])
            yield f"{head}: {len(named):,} metrics, as {first}. {tail}"


def _empty() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "metric": pd.Series([], dtype="str"),
            "at": pd.Series([], dtype="datetime64[ns, UTC]"),
            "value": pd.Series([], dtype="float64"),
        }
    )


def _date(page: Mapping[str, Any]) -> datetime | None:
    date = page.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else None


def _message(said: Mapping[str, str]) -> str:
    return f"{said.get('Code', '')}: {said.get('Value', '')}"
