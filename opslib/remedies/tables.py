"""What can be changed about a table's capacity: more of it, or on-demand for a while.

In: a table as `opslib.tables.state` saw it and what it took and refused. Out: plans, or None where
one does not apply. Makes no call.

Source: Amazon DynamoDB API reference and developer guide. UpdateTable is asynchronous and one at a
time (ACTIVE again when done); capacity can be raised at will, and lowered only so often in a UTC
day (NumberOfDecreasesToday; quotas). A table can be switched to on-demand up to four times in 24
hours, and back at any time; by API, auto scaling keeps its settings meanwhile ("Considerations when
switching capacity modes"). Auto scaling sets back what is changed by hand below or above its range.
Headroom of 20 %: the aggregator's guide to DynamoDB.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from opslib.remedy import Call, Plan
from opslib.tables import Table

_HEADROOM = 1.2


def raise_capacity(table: Table, used: pd.DataFrame, *, account: str, region: str) -> list[Plan]:
    """Plan more units for each provisioned table or index that throttles.

    As much as the busiest period took, with what it refused in the worst 5 minutes taken for one
    unit each, and 20 % on top; at least one unit more than now.

    Parameters
    ----------
    used
        As `opslib.health.usage` gives it.
    """
    return [
        _scaled(table, row, hit, account=account, region=region)
        if row[f"scaled_{hit['kind']}s"]
        else _raised(table, row, hit, account=account, region=region)
        for row, hit in _throttled(table, used)
        if row["mode"] == "provisioned" and row[f"{hit['kind']}_units"]
    ]


def go_on_demand(table: Table, used: pd.DataFrame, *, account: str, region: str) -> Plan | None:
    """Plan to move a provisioned table to on-demand until the peak is over.

    None when it is on-demand, was not seen, or does not throttle.
    """
    if not list(_throttled(table, used)):
        return None
    rows = list(_rows(table))
    if rows[0]["mode"] != "provisioned":
        return None
    units = {
        row["resource"]: {
            "ReadCapacityUnits": row["read_units"],
            "WriteCapacityUnits": row["write_units"],
        }
        for row in rows
        if row["read_units"] or row["write_units"]
    }
    back = "; ".join(
        f"{name} {each['ReadCapacityUnits']} read and {each['WriteCapacityUnits']} write units"
        for name, each in units.items()
    )
    return Plan(
        action=f"Move {table.name} to on-demand until the peak is over",
        subject=table.arn,
        calls=(
            Call(
                service="dynamodb",
                operation="UpdateTable",
                arguments={"TableName": table.name, "BillingMode": "PAY_PER_REQUEST"},
            ),
        ),
        before={"BillingMode": "PROVISIONED", **units},
        after={"BillingMode": "PAY_PER_REQUEST"},
        touches=f"{table.name} and all its indexes; for some minutes it goes on with the capacity "
        "it had. At steady load on-demand costs about 5 to 7 times as much. It is a temporary "
        "change: it stays open until it is undone.",
        check="TableStatus is ACTIVE, no WriteThrottleEvents or ReadThrottleEvents come, and the "
        "function's duration falls.",
        undo=f"BillingMode PROVISIONED again, with {back}; at any time.",
        first=(
            "A table can be switched to on-demand four times in 24 hours.",
            "The next deployment of the stack sets the mode back: change it there too if it is "
            "to stay.",
        ),
        account=account,
        region=region,
    )


def _raised(
    table: Table, row: Mapping[str, Any], hit: Mapping[str, Any], *, account: str, region: str
) -> Plan:
    kind = hit["kind"]
    name, now, then = f"{kind.title()}CapacityUnits", row[f"{kind}_units"], _wanted(row, hit)
    units = {"ReadCapacityUnits": row["read_units"], "WriteCapacityUnits": row["write_units"]}
    change: dict[str, object] = {"ProvisionedThroughput": units | {name: then}}
    if row["index"]:
        change = {
            "GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": row["index"], **change}}]
        }
    return Plan(
        action=f"Raise the {kind} capacity of {row['resource']} from {now} to {then} units a "
        "second",
        subject=table.arn + (f"/index/{row['index']}" if row["index"] else ""),
        calls=(
            Call(
                service="dynamodb",
                operation="UpdateTable",
                arguments={"TableName": table.name, **change},
            ),
        ),
        before=units,
        after=units | {name: then},
        touches=f"The cost of {then - now} more units a second, as long as it stands. It helps no "
        "single hot key.",
        check=f"TableStatus is ACTIVE, no {kind.title()}ThrottleEvents come, and the function's "
        "duration falls.",
        undo=f"Set {name} back to {now}: a decrease, of which there are only so many in a UTC day "
        f"({row['decreases_today'] or 0} today).",
        first=("The next deployment of the stack sets it back: change it there too.",),
        account=account,
        region=region,
    )


def _scaled(
    table: Table, row: Mapping[str, Any], hit: Mapping[str, Any], *, account: str, region: str
) -> Plan:
    """Plan a higher floor for auto scaling, which would set back what is changed beside it."""
    kind = hit["kind"]
    low, high = (int(part) for part in row[f"scaled_{kind}s"].split("-"))
    then = _wanted(row, hit)
    resource = f"table/{table.name}" + (f"/index/{row['index']}" if row["index"] else "")
    dimension = f"dynamodb:{'index' if row['index'] else 'table'}:{kind.title()}CapacityUnits"
    return Plan(
        action=f"Have auto scaling keep the {kind} capacity of {row['resource']} at {then} to "
        f"{max(high, then)} units a second instead of {low} to {high}",
        subject=table.arn + (f"/index/{row['index']}" if row["index"] else ""),
        calls=(
            Call(
                service="application-autoscaling",
                operation="RegisterScalableTarget",
                arguments={
                    "ServiceNamespace": "dynamodb",
                    "ResourceId": resource,
                    "ScalableDimension": dimension,
                    "MinCapacity": then,
                    "MaxCapacity": max(high, then),
                },
            ),
        ),
        before={"MinCapacity": low, "MaxCapacity": high},
        after={"MinCapacity": then, "MaxCapacity": max(high, then)},
        touches="Auto scaling raises the capacity at once when it is below the new floor; what is "
        "set by hand it would set back.",
        check=f"The capacity is {then} or more, and no {kind.title()}ThrottleEvents come.",
        undo=f"MinCapacity {low} and MaxCapacity {high} again.",
        account=account,
        region=region,
    )


def _wanted(row: Mapping[str, Any], hit: Mapping[str, Any]) -> int:
    asked = float(hit["peak_units"] + hit["most_in_5_min"] / 300) * _HEADROOM
    return max(math.ceil(asked), int(row[f"{hit['kind']}_units"]) + 1)


def _throttled(table: Table, used: pd.DataFrame) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each resource that throttles with what it took, once for each kind."""
    by_name = {row["resource"]: row for row in _rows(table)}
    for hit in used[used["throttles"] > 0].to_dict("records"):
        if hit["resource"] in by_name:
            yield by_name[hit["resource"]], {str(name): value for name, value in hit.items()}


def _rows(table: Table) -> Iterator[dict[str, Any]]:
    for row in table.rows.to_dict("records"):
        yield {str(name): None if pd.isna(value) else value for name, value in row.items()}
