"""Which global secondary indexes the tables of a scope have, so that their throttles are asked for.

In: a connection, a `Scope`. Out: `Indexes`, with the scope that knows them. Must not judge.

Facts leaned on
---------------
ReadThrottleEvents and WriteThrottleEvents by TableName alone are of the table, without its global
secondary indexes; those have GlobalSecondaryIndexName too (Amazon DynamoDB developer guide, metrics
and dimensions). An index that is throttled refuses writes of its table.
"""

from dataclasses import dataclass, replace

import pandas as pd

from opslib.aws import Connection, calling
from opslib.errors import CouldNotLook
from opslib.fleet.scope import Scope

#: In a system of more tables than this none is asked for its indexes.
MOST_TABLES = 10


@dataclass(frozen=True, slots=True)
class Indexes:
    """What was seen.

    Parameters
    ----------
    scope
        The same, with the indexes of its tables.
    rows
        One row an index: ``table``, ``index`` (string). Empty when there is none.
    limits
        A sentence for every table that could not be asked.
    """

    scope: Scope
    rows: pd.DataFrame
    limits: tuple[str, ...] = ()


def indexes(connection: Connection, scope: Scope) -> Indexes:
    """Ask the tables of a small system for their global secondary indexes."""
    found: dict[str, tuple[str, ...]] = {}
    limits: list[str] = []
    for table in scope.tables if len(scope.tables) <= MOST_TABLES else ():
        name = table.name
        try:
            with calling("dynamodb:DescribeTable", f"whether there is a table {name}"):
                told = connection.client("dynamodb").describe_table(TableName=name)["Table"]
        except CouldNotLook as error:
            limits.append(error.message)
            continue
        listed = told.get("GlobalSecondaryIndexes") or []
        found[name] = tuple(str(each["IndexName"]) for each in listed)
    rows = [(table, index) for table, names in found.items() for index in names]
    frame = pd.DataFrame(rows, columns=["table", "index"], dtype="string")
    return Indexes(replace(scope, indexes=found), frame, tuple(limits))
