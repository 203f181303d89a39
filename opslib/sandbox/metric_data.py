"""GetMetricData as CloudWatch answers it, over what the emulator knows of each metric.

In: the decoded request, and a way to ask for plain metrics. Out: the decoded answer, or `Refused`:
expressions evaluated, results in the order of the request, points in that of ``ScanBy``, labels,
pages. Must not know HTTP.

Source: CloudWatch API reference, GetMetricData (500 queries, 100,800 points, ``ScanBy`` newest
first by default, no ``NextToken`` with expressions, a start rounded down by its age),
MetricDataQuery, MetricDataResult; "Using metric math" for the labels of an array. Percentiles are
the only extended statistics that the emulator computes; others are refused.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opslib.sandbox.metric_evaluation import Scope, evaluate
from opslib.sandbox.metric_math import Unreadable, names, parse
from opslib.sandbox.metric_series import Series, Unanswerable, Value
from opslib.sandbox.operations import Refused, ServiceError

Fetch = Callable[[dict[str, Any]], Awaitable[list[dict[str, Any]]]]
"""Ask for plain metrics, all of one page: the body of a request, and its results."""

QUERIES_LIMIT = 500
POINTS_LIMIT = 100_800
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_STATISTIC = re.compile(r"SampleCount|Average|Sum|Minimum|Maximum|p\d{1,2}(\.\d+)?|p100")
_SHORT_PERIODS_S = frozenset({1, 5, 10, 20, 30})
# A start older than so many days is rounded down to so many seconds.
_ROUNDING = ((63, 3600), (15, 300), (0, 60))


@dataclass(kw_only=True)
class _Result:
    """One series of the answer: points in the order of the answer, and what is said of them."""

    query_id: str
    label: str
    points: list[tuple[int, float]]
    status: str = "Complete"
    messages: list[dict[str, str]] = field(default_factory=list)

    def told(self, first: int, end: int) -> dict[str, Any]:
        """Tell the points from ``first`` to before ``end``."""
        some = self.points[first:end]
        told: dict[str, Any] = {
            "Id": self.query_id,
            "Label": self.label,
            "Timestamps": [at for at, _ in some],
            "Values": [value for _, value in some],
            "StatusCode": "PartialData" if end < len(self.points) else self.status,
        }
        return told | ({"Messages": self.messages} if self.messages else {})


async def answer(
    body: Mapping[str, Any], *, fetch: Fetch, now: datetime, pretended: str | None
) -> dict[str, Any]:
    """Answer a request.

    Parameters
    ----------
    pretended
        A status that each result shall have: with ``PartialData`` half its points are there, with
        any other none.

    Raises
    ------
    Refused
        The request is not one that CloudWatch answers, or the sandbox cannot answer it rightly.
    """
    queries = _queries(body)
    start_s, end_s = _span(body, now)
    metrics = await _metrics(queries, body, start_s=start_s, end_s=end_s, fetch=fetch)
    values = _evaluated(queries, metrics, start_s=start_s, end_s=end_s)
    newest_first = body.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    results = [
        _Result(
            query_id=query["Id"],
            label=label,
            points=sorted(series.points.items(), reverse=newest_first),
        )
        for query in queries
        if query.get("ReturnData", True)
        for label, series in _labelled(query, values[query["Id"]])
    ]
    if pretended:
        _pretend(results, pretended)
    paged = not any("Expression" in query for query in queries)
    payload = _page(body, results, paged=paged)
    if pretended:
        payload["Messages"] = [_message(pretended)]
    return payload


def _queries(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    queries: list[dict[str, Any]] = body.get("MetricDataQueries") or []
    if not queries:
        raise _invalid("The parameter MetricDataQueries is required.")
    if len(queries) > QUERIES_LIMIT:
        raise _invalid(
            f"The collection MetricDataQueries must not have a size greater than {QUERIES_LIMIT}."
        )
    seen: set[str] = set()
    for place, query in enumerate(queries, 1):
        where, query_id = f"MetricDataQueries.member.{place}", str(query.get("Id", ""))
        if not _ID.fullmatch(query_id):
            raise _invalid(f"The value {query_id} for parameter {where}.Id is not matching.")
        if query_id in seen:
            raise _invalid("The values for parameter id in MetricDataQueries are not unique.")
        seen.add(query_id)
        if ("Expression" in query) == ("MetricStat" in query):
            raise _invalid(f"{where} must have either MetricStat or Expression, and not both.")
        if "MetricStat" in query:
            _check_metric(query["MetricStat"], f"{where}.MetricStat")
    return queries


def _check_metric(wanted: Mapping[str, Any], where: str) -> None:
    period_s, statistic = wanted.get("Period"), str(wanted.get("Stat", ""))
    whole = isinstance(period_s, int) and (period_s in _SHORT_PERIODS_S or period_s % 60 == 0)
    if not whole or not isinstance(period_s, int) or period_s <= 0:
        raise _invalid(
            f"The parameter {where}.Period must be 1, 5, 10, 20, 30 or a multiple of 60."
        )
    if not _STATISTIC.fullmatch(statistic):
        raise _invalid(f"The sandbox does not answer the statistic {statistic!r} of {where}.Stat.")


def _span(body: Mapping[str, Any], now: datetime) -> tuple[int, float]:
    start_s, end_s = epoch_s(body.get("StartTime")), epoch_s(body.get("EndTime"))
    if start_s >= end_s:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    days_old = (now.timestamp() - start_s) / 86_400
    to_s = next((to_s for days, to_s in _ROUNDING if days_old >= days), 60)
    return int(start_s // to_s * to_s), end_s


def epoch_s(instant: object) -> float:
    """Read an instant as either protocol writes it: epoch seconds, or ISO 8601.

    Raises
    ------
    Refused
        It is none.
    """
    try:
        if isinstance(instant, str) and not instant.replace(".", "", 1).isdigit():
            return datetime.fromisoformat(instant).timestamp()
        return float(str(instant))
    except ValueError as error:
        raise _invalid("StartTime and EndTime are needed, as instants.") from error


async def _metrics(
    queries: list[dict[str, Any]],
    body: Mapping[str, Any],
    *,
    start_s: int,
    end_s: float,
    fetch: Fetch,
) -> dict[str, Series]:
    wanted = [query for query in queries if "MetricStat" in query]
    if not wanted:
        return {}
    plain = [{"Id": query["Id"], "MetricStat": query["MetricStat"]} for query in wanted]
    asked = {"MetricDataQueries": plain, "StartTime": start_s, "EndTime": end_s}
    held = {result["Id"]: result for result in await fetch(asked)}
    found = {}
    for query in wanted:
        metric, period_s = query["MetricStat"]["Metric"], query["MetricStat"]["Period"]
        result = held[query["Id"]]
        found[query["Id"]] = Series(
            label=query.get("Label") or metric["MetricName"],
            points={
                round(epoch_s(at)): float(value)
                for at, value in zip(result["Timestamps"], result["Values"], strict=True)
            },
            span=_grid(period_s, start_s=start_s, end_s=end_s),
            period_s=period_s,
        )
    return found


def _grid(period_s: int, *, start_s: int, end_s: float) -> range:
    return range(start_s // period_s * period_s, math.ceil(end_s), period_s)


def _evaluated(
    queries: list[dict[str, Any]], metrics: dict[str, Series], *, start_s: int, end_s: float
) -> dict[str, Value]:
    """Evaluate each expression after those it refers to."""
    texts = {query["Id"]: str(query["Expression"]) for query in queries if "Expression" in query}
    periods = [series.period_s or 60 for series in metrics.values()]
    periods += [query["Period"] for query in queries if isinstance(query.get("Period"), int)]
    span = _grid(min(periods, default=60), start_s=start_s, end_s=end_s)
    done: dict[str, Value] = {}
    under_way: list[str] = []

    def resolve(query_id: str) -> None:
        if query_id in done:
            return
        if query_id in under_way:
            raise _wrong(query_id, "It refers to itself")
        text = texts[query_id]
        if text.lstrip()[:6].upper() == "SELECT":
            raise _wrong(query_id, "The sandbox does not answer Metrics Insights queries")
        under_way.append(query_id)
        try:
            node = parse(text)
            for name in names(node):
                if name in texts:
                    resolve(name)
            done[query_id] = evaluate(node, Scope(metrics=metrics, span=span, expressions=done))
        except (Unreadable, Unanswerable) as error:
            raise _wrong(query_id, str(error)) from error
        under_way.pop()

    for query_id in texts:
        resolve(query_id)
    return {**metrics, **done}


def _labelled(query: Mapping[str, Any], value: Value) -> list[tuple[str, Series]]:
    """Give the series that a query returns, each with its label."""
    own = query.get("Label")
    if isinstance(value, list):
        # An empty label leaves those of the metrics, as the guide says.
        head = query["Id"] if own is None else own
        return [(f"{head} {series.label}".strip(), series) for series in value]
    if not isinstance(value, Series):
        raise _wrong(str(query["Id"]), "The result is neither a time series nor an array of them")
    return [(own or (query["Id"] if "Expression" in query else value.label), value)]


def _pretend(results: list[_Result], status: str) -> None:
    for result in results:
        kept = len(result.points) // 2 if status == "PartialData" else 0
        result.points = result.points[:kept]
        result.status = status
        result.messages = [_message(status)]


def _message(status: str) -> dict[str, str]:
    return {"Code": status, "Value": "Answered so by order of the sandbox."}


def _page(body: Mapping[str, Any], results: list[_Result], *, paged: bool) -> dict[str, Any]:
    """Tell as many points as one answer has, from where the last one ended."""
    most = body.get("MaxDatapoints", POINTS_LIMIT)
    if not (isinstance(most, int) and 1 <= most <= POINTS_LIMIT):
        raise _invalid(f"The parameter MaxDatapoints must be between 1 and {POINTS_LIMIT}.")
    first = _offset(body)
    told, behind = [], 0
    for result in results:
        start, behind = behind, behind + len(result.points)
        begin, end = max(first - start, 0), min(first + most - start, len(result.points))
        if begin < end or (not result.points and first <= start < first + most):
            told.append(result.told(begin, end))
    payload: dict[str, Any] = {"MetricDataResults": told, "Messages": []}
    if paged and first + most < behind:
        payload["NextToken"] = _token(body, first + most)
    return payload


def _token(body: Mapping[str, Any], offset: int) -> str:
    return base64.urlsafe_b64encode(f"{_digest(body)}/{offset}".encode()).decode()


def _offset(body: Mapping[str, Any]) -> int:
    token = body.get("NextToken")
    if token is None:
        return 0
    try:
        digest, _, offset = base64.urlsafe_b64decode(str(token)).decode().partition("/")
        if digest == _digest(body):
            return int(offset)
    except ValueError:
        pass
    raise Refused(
        ServiceError(
            code="InvalidNextToken",
            message="The next token specified is invalid.",
            query_code="InvalidNextToken",
        )
    )


def _digest(body: Mapping[str, Any]) -> str:
    asked = {name: value for name, value in body.items() if name != "NextToken"}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _invalid(message: str) -> Refused:
    code = "ValidationError"
    return Refused(ServiceError(code=code, message=message, query_code=code))


def _wrong(query_id: str, reason: str) -> Refused:
    return _invalid(f"Error in expression '{query_id}' [{reason}]")
