"""When a DynamoDB table changed, as far as DynamoDB dates it.

In: a boto3 ``dynamodb`` client and a table's name. Out: changes, inside a window or not.

Facts leaned on
---------------
DescribeTable dates the last switch to on-demand, the last increase and the last decrease of
provisioned capacity, of the table and of each global secondary index, and nothing else (botocore,
BillingModeSummary and ProvisionedThroughputDescription).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from opslib.aws import calling
from opslib.changes.functions import instant
from opslib.changes.rows import Change

_DATED = (
    ("LastIncreaseDateTime", "capacity raised"),
    ("LastDecreaseDateTime", "capacity lowered"),
)


def table(client: Any, name: str) -> list[Change]:
    """Return the dated changes of a table.

    Raises
    ------
    CouldNotLook
        DescribeTable was refused, or did not answer.
    """
    resource = f"arn:aws:dynamodb:*:*:table/{name}"
    with calling("dynamodb:DescribeTable", f"when table {name} was changed", resource=resource):
        told = client.describe_table(TableName=name)["Table"]
    return list(_changes(name, told))


def _changes(name: str, told: Mapping[str, Any]) -> Iterator[Change]:
    subject = f"table {name}"
    created_at = instant(told.get("CreationDateTime"))
    if created_at is not None:
        yield Change(created_at, "table created", name, subject=subject)
    billing = told.get("BillingModeSummary") or {}
    switched_at = instant(billing.get("LastUpdateToPayPerRequestDateTime"))
    if switched_at is not None:
        mode = "on-demand" if billing.get("BillingMode") == "PAY_PER_REQUEST" else "provisioned"
        what = "table switched to on-demand"
        yield Change(switched_at, what, f"{name}; now {mode}", subject=subject)
    indexes = told.get("GlobalSecondaryIndexes") or []
    parts = [(name, told), *((f"{name}, index {each.get('IndexName')}", each) for each in indexes)]
    for named, part in parts:
        capacity = part.get("ProvisionedThroughput") or {}
        read, write = capacity.get("ReadCapacityUnits"), capacity.get("WriteCapacityUnits")
        for key, word in _DATED:
            at = instant(capacity.get(key))
            if at is not None:
                detail = f"{named}: now {read} read and {write} write units a second"
                yield Change(at, f"table {word}", detail, subject=subject)
