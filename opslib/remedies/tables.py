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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opslib.remedy import Call, Plan
from opslib.tables import Table

_HEADROOM = 1.2


def raise_capacity(table: Table, used: pd.DataFrame, *, account: str, region: str) -> list[Plan]:
    """Plan more units for each provisioned table or index that throttles: one plan for each.

    UpdateTable takes reads and writes together, so two plans would each set back the other's.

    As much as the busiest period took, with what it refused in the worst 5 minutes taken for one
    unit each, and 20 % on top; at least one unit more than now.

    Parameters
    ----------
    used
        As `opslib.health.usage` gives it.
    """
    refused: dict[str, list[Mapping[str, Any]]] = {}
    rows = {row["resource"]: row for row in _rows(table)}
    for row, hit in _throttled(table, used):
        if row["mode"] == "provisioned" and row[f"{hit['kind']}_units"]:
            refused.setdefault(row["resource"], []).append(hit)
    return [
        _raised(table, rows[name], hits, after=place > 0, account=account, region=region)
        for place, (name, hits) in enumerate(refused.items())
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
    table: Table,
    row: Mapping[str, Any],
    hits: Sequence[Mapping[str, Any]],
    *,
    after: bool,
    account: str,
    region: str,
) -> Plan:
    """Plan what one table or index needs: units by hand first, then floors of auto scaling."""
    fixed = [hit for hit in hits if not row[f"scaled_{hit['kind']}s"]]
    scaled = [hit for hit in hits if row[f"scaled_{hit['kind']}s"]]
    parts = [_by_hand(table, row, fixed)] if fixed else []
    parts += [_floor(table, row, hit) for hit in scaled]
    kinds = " or ".join(f"{hit['kind'].title()}ThrottleEvents" for hit in hits)
    wait = "TableStatus is ACTIVE: a table takes one change at a time."
    action = "; ".join(part.action for part in parts)
    return Plan(
        action=action[:1].upper() + action[1:],
        subject=table.arn + (f"/index/{row['index']}" if row["index"] else ""),
        calls=tuple(part.call for part in parts),
        before={name: value for part in parts for name, value in part.before.items()},
        after={name: value for part in parts for name, value in part.after.items()},
        touches=" ".join(part.touches for part in parts),
        check=f"TableStatus is ACTIVE, no {kinds} come, and the function's duration falls.",
        undo=" ".join(part.undo for part in parts),
        first=(
            *((wait,) if after and fixed else ()),
            "The next deployment of the stack sets it back: change it there too.",
        ),
        account=account,
        region=region,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One call of a plan, and what the plan says of it."""

    action: str
    call: Call
    before: Mapping[str, object]
    after: Mapping[str, object]
    touches: str
    undo: str


def _by_hand(table: Table, row: Mapping[str, Any], hits: Sequence[Mapping[str, Any]]) -> _Part:
    now = {"ReadCapacityUnits": row["read_units"], "WriteCapacityUnits": row["write_units"]}
    wanted = {hit["kind"]: _wanted(row, hit) for hit in hits}
    raised = {f"{kind.title()}CapacityUnits": units for kind, units in wanted.items()}
    steps = {kind: f"from {row[f'{kind}_units']} to {units}" for kind, units in wanted.items()}
    if len(steps) == 1:
        ((kind, step),) = steps.items()
        action = f"raise the {kind} capacity of {row['resource']} {step} units a second"
    else:
        both = " and ".join(f"{step} {kind}" for kind, step in steps.items())
        action = f"raise the capacity of {row['resource']} {both} units a second"
    change: dict[str, object] = {"ProvisionedThroughput": now | raised}
    if row["index"]:
        change = {
            "GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": row["index"], **change}}]
        }
    more = sum(units - row[f"{kind}_units"] for kind, units in wanted.items())
    back = " and ".join(f"{name} back to {now[name]}" for name in raised)
    return _Part(
        action=action,
        call=Call(
            service="dynamodb",
            operation="UpdateTable",
            arguments={"TableName": table.name, **change},
        ),
        before=now,
        after=now | raised,
        touches=f"The cost of {more} more units a second, as long as it stands. It helps no "
        "single hot key.",
        undo=f"Set {back}: a decrease, of which there are only so many in a UTC day "
        f"({row['decreases_today'] or 0} today).",
    )


def _floor(table: Table, row: Mapping[str, Any], hit: Mapping[str, Any]) -> _Part:
    """Return a higher floor for auto scaling, which would set back what is changed beside it."""
    kind = hit["kind"]
    low, high = (int(part) for part in row[f"scaled_{kind}s"].split("-"))
    then = _wanted(row, hit)
    resource = f"table/{table.name}" + (f"/index/{row['index']}" if row["index"] else "")
    dimension = f"dynamodb:{'index' if row['index'] else 'table'}:{kind.title()}CapacityUnits"
    low_name, high_name = f"{kind.title()}MinCapacity", f"{kind.title()}MaxCapacity"
    return _Part(
        action=f"have auto scaling keep the {kind} capacity of {row['resource']} at {then} to "
        f"{max(high, then)} units a second instead of {low} to {high}",
        call=Call(
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
        before={low_name: low, high_name: high},
        after={low_name: then, high_name: max(high, then)},
        touches="Auto scaling raises the capacity at once when it is below the new floor; what is "
        "set by hand it would set back.",
        undo=f"MinCapacity {low} and MaxCapacity {high} of {dimension} again.",
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
