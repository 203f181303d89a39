"""DynamoDB tables: their capacity and what scales it, their metrics, and which keys are hot.

In: a `opslib.aws.Connection` and the name of a table. Out: frames, one row a table or index, with
what could not be seen beside them. Reads no item. Changes nothing; must not judge.

Facts leaned on
---------------
Metrics of an index have the dimension GlobalSecondaryIndexName beside TableName, and without it
they are the table's alone. ThrottledRequests needs Operation, counts a request once, and a batch
only when all of it was throttled: Read- and WriteThrottleEvents count what was throttled, and the
same by cause (ProvisionedThroughput, KeyRangeThroughput, MaxOnDemandThroughput, AccountLimit) why.
Consumed capacity is a Sum: units a second are that of a minute by 60 (Amazon DynamoDB developer
guide, metrics and dimensions; CloudWatch throttling metrics). Contributor Insights names the keys
most accessed and most throttled, in CloudWatch rules, only while it is enabled.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from opslib.aws import Connection, calling
from opslib.errors import CouldNotLook
from opslib.frames import frame
from opslib.metrics import Metric
from opslib.window import Window

#: The causes of a throttle, as metrics have them.
CAUSES = ("ProvisionedThroughput", "KeyRangeThroughput", "MaxOnDemandThroughput", "AccountLimit")
OPERATIONS = (
    "GetItem",
    "BatchGetItem",
    "Query",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
)
_MOST_KEYS = 10
# PKT and SKT are throttled keys, PKC and SKC those most accessed.
_THROTTLED_RULE = re.compile(r"-[PS]KT\b")

_COLUMNS = {
    "resource": "string",
    "index": "string",
    "mode": "string",
    "read_units": "Int64",
    "write_units": "Int64",
    "scaled_reads": "string",
    "scaled_writes": "string",
    "decreases_today": "Int64",
    "changed_at": "datetime64[ns, UTC]",
    "contributors": "string",
    "status": "string",
}
_KEYS = {"kind": "string", "resource": "string", "key": "string", "events": "float64"}


@dataclass(frozen=True)
class Table:
    """A table and its global indexes as they are.

    Parameters
    ----------
    name, arn
        The table; both empty when there is none to look at.
    rows
        The table first, then its indexes by name: ``resource`` (name of the table or index),
        ``index`` (empty for the table), ``mode`` (``provisioned`` or ``on-demand``),
        ``read_units``, ``write_units`` (a second; missing on-demand), ``scaled_reads``,
        ``scaled_writes`` (the range that auto scaling keeps it in, as ``5-50``; empty for none),
        ``decreases_today``, ``changed_at`` (the last change of its capacity), ``contributors``
        (state of Contributor Insights), ``status``. Empty when the table was not seen.
    limits
        A sentence for everything that could not be seen.
    notes
        A sentence for what could not be seen and does not decide: what scales it, hot keys.
    """

    name: str
    arn: str
    rows: pd.DataFrame
    limits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def was_seen(self) -> bool:
        """Whether the table is there; only then does no datapoint mean that nothing happened."""
        return not self.rows.empty

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class HotKeys:
    """What Contributor Insights counted.

    Parameters
    ----------
    rows
        The most throttled keys first: ``kind`` (the rule), ``resource``, ``key``, ``events``.
    said
        Why there is nothing, or where it is from.
    limits
        A sentence for everything that could not be seen.
    """

    rows: pd.DataFrame
    said: str
    limits: tuple[str, ...] = ()


def state(connection: Connection, table: str) -> Table:
    """Look at the capacity of a table and its indexes, and at what scales it.

    Parameters
    ----------
    table
        Its name; empty for a function whose params name none.
    """
    nothing = frame([], _COLUMNS)
    if not table:
        said = "Not seen: throttling. The params file names no table of the function."
        return Table("", "", nothing, (said,))
    client = connection.client("dynamodb")
    arn = connection.system.arn("dynamodb", f"table/{table}")
    try:
        with calling("dynamodb:DescribeTable", f"the capacity of {table}", resource=arn):
            told = client.describe_table(TableName=table)["Table"]
    except CouldNotLook as error:
        return Table(table, "", nothing, (error.message,))
    notes: list[str] = []
    scaled: Mapping[tuple[str, str], str] = {}
    try:
        scaled = _scaled(connection, told)
    except CouldNotLook as error:
        notes.append(error.message)
    rows = list(_capacities(told, scaled, now=connection.identity.at))
    for row in rows:
        try:
            row["contributors"] = _contributors(client, table, row["index"], arn)
        except CouldNotLook as error:
            notes.append(error.message)
            break
    return Table(table, told["TableArn"], frame(rows, _COLUMNS), notes=tuple(notes))


def throttle_metrics(table: Table, *, period_s: int) -> list[Metric]:
    """Return what tells whether a table throttles, is full, slow or failing.

    Returns
    -------
    For the table and each index, by its name: ``write_throttles of R``, ``read_throttles of R``,
    ``write_units of R``, ``read_units of R`` (Sum a period). For each operation: ``throttled OP``
    and ``system errors OP`` (Sum), ``latency OP`` (p99 of 5 minutes, ms).
    """
    wanted = []
    for row in table.rows.to_dict("records"):
        of, name = _dimensions(table, row["index"]), row["resource"]
        for kind in ("Write", "Read"):
            low = kind.lower()
            wanted += [
                _sum(f"{low}_throttles of {name}", f"{kind}ThrottleEvents", of, period_s),
                _sum(f"{low}_units of {name}", f"Consumed{kind}CapacityUnits", of, period_s),
            ]
    for operation in OPERATIONS if table.was_seen else ():
        of = {"TableName": table.name, "Operation": operation}
        wanted += [
            _sum(f"throttled {operation}", "ThrottledRequests", of, period_s),
            _sum(f"system errors {operation}", "SystemErrors", of, period_s),
            Metric(
                f"latency {operation}",
                "AWS/DynamoDB",
                "SuccessfulRequestLatency",
                of,
                "p99",
                max(period_s, 300),
                "ms",
            ),
        ]
    return wanted


def cause_metrics(
    table: Table, throttled: Sequence[tuple[str, str]], *, period_s: int
) -> list[Metric]:
    """Return why throttled resources throttle.

    Parameters
    ----------
    throttled
        Pairs of ``write`` or ``read`` and a resource.

    Returns
    -------
    ``write ProvisionedThroughput of R`` and so on (Sum), for each pair and cause.
    """
    indexes = dict(zip(table.rows["resource"], table.rows["index"], strict=True))
    return [
        _sum(
            f"{kind} {cause} of {name}",
            f"{kind.title()}{cause}ThrottleEvents",
            _dimensions(table, indexes[name]),
            period_s,
        )
        for kind, name in throttled
        for cause in CAUSES
    ]


def hot_keys(connection: Connection, table: Table, window: Window) -> HotKeys:
    """Ask Contributor Insights for the keys that were throttled or used most, where it is enabled.

    Parameters
    ----------
    window
        The time it is asked about.
    """
    nothing = frame([], _KEYS)
    enabled = table.rows[table.rows["contributors"] == "ENABLED"]
    if enabled.empty:
        return HotKeys(
            nothing, "Which keys are hot was not looked at: Contributor Insights is not enabled."
        )
    found: list[dict[str, Any]] = []
    limits: list[str] = []
    for row in enabled.to_dict("records"):
        try:
            found += _keys(connection, table, row, window)
        except CouldNotLook as error:
            limits.append(error.message)
    rows = frame(found, _KEYS).sort_values("events", ascending=False, ignore_index=True)
    return HotKeys(rows, "As Contributor Insights counted in the window.", tuple(limits))


def _keys(
    connection: Connection, table: Table, row: Mapping[Any, Any], window: Window
) -> Iterator[dict[str, Any]]:
    at = {"TableName": table.name} | ({"IndexName": row["index"]} if row["index"] else {})
    subject = f"the hot keys of {row['resource']}"
    with calling("dynamodb:DescribeContributorInsights", subject, resource=table.arn):
        told = connection.client("dynamodb").describe_contributor_insights(**at)
    for rule in told.get("ContributorInsightsRuleList", []):
        with calling("cloudwatch:GetInsightRuleReport", subject):
            report = connection.client("cloudwatch").get_insight_rule_report(
                RuleName=rule,
                StartTime=window.start,
                EndTime=window.end,
                Period=max(60, int(window.length.total_seconds()) // 60 * 60),
                MaxContributorCount=_MOST_KEYS,
            )
        for each in report.get("Contributors", []):
            yield {
                "kind": "throttled" if _THROTTLED_RULE.search(rule) else "accessed",
                "resource": row["resource"],
                "key": " ".join(each["Keys"]),
                "events": each["ApproximateAggregateValue"],
            }


def _capacities(
    told: Mapping[str, Any], scaled: Mapping[tuple[str, str], str], *, now: datetime
) -> Iterator[dict[str, Any]]:
    summary = told.get("BillingModeSummary") or {}
    provisioned = summary.get("BillingMode", "PROVISIONED") == "PROVISIONED"
    switched_at = summary.get("LastUpdateToPayPerRequestDateTime")
    indexes = sorted(told.get("GlobalSecondaryIndexes") or [], key=lambda each: each["IndexName"])
    for each in (told, *indexes):
        index = each.get("IndexName", "")
        units = each.get("ProvisionedThroughput") or {}
        dates = [units.get("LastIncreaseDateTime"), units.get("LastDecreaseDateTime"), switched_at]
        # A change that lies ahead was dated by another clock.
        changed = [at.astimezone(UTC) for at in dates if at is not None and at <= now]
        yield {
            "resource": index or told["TableName"],
            "index": index,
            "mode": "provisioned" if provisioned else "on-demand",
            "read_units": units.get("ReadCapacityUnits") or None if provisioned else None,
            "write_units": units.get("WriteCapacityUnits") or None if provisioned else None,
            "scaled_reads": scaled.get((index, "Read"), ""),
            "scaled_writes": scaled.get((index, "Write"), ""),
            "decreases_today": units.get("NumberOfDecreasesToday", 0),
            "changed_at": max(changed, default=None),
            "contributors": None,
            "status": each.get("TableStatus") or each.get("IndexStatus"),
        }


def _scaled(connection: Connection, told: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return the ranges that auto scaling keeps capacities in, by index and kind."""
    name = told["TableName"]
    ids = {f"table/{name}": ""} | {
        f"table/{name}/index/{each['IndexName']}": each["IndexName"]
        for each in told.get("GlobalSecondaryIndexes") or []
    }
    subject = f"what scales {name}"
    pages = connection.client("application-autoscaling").get_paginator("describe_scalable_targets")
    with calling("application-autoscaling:DescribeScalableTargets", subject):
        targets = [
            target
            for page in pages.paginate(
                ServiceNamespace="dynamodb",
                ResourceIds=list(ids),
                PaginationConfig={"MaxItems": 100},
            )
            for target in page["ScalableTargets"]
        ]
    return {
        (ids[each["ResourceId"]], "Write" if "Write" in each["ScalableDimension"] else "Read"): (
            f"{each['MinCapacity']}-{each['MaxCapacity']}"
        )
        for each in targets
    }


def _contributors(client: Any, table: str, index: str, arn: str) -> str:
    at = {"TableName": table} | ({"IndexName": index} if index else {})
    subject = f"whether {index or table} has Contributor Insights"
    with calling("dynamodb:DescribeContributorInsights", subject, resource=arn):
        return str(client.describe_contributor_insights(**at)["ContributorInsightsStatus"])


def _dimensions(table: Table, index: str) -> dict[str, str]:
    return {"TableName": table.name} | ({"GlobalSecondaryIndexName": index} if index else {})


def _sum(name: str, metric: str, of: Mapping[str, str], period_s: int) -> Metric:
    return Metric(name, "AWS/DynamoDB", metric, of, "Sum", period_s, "count")
