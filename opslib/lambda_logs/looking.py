"""Asking how a function logs: its configuration, and its log group.

In: a `Connection` and a function's name. Out: `Logs`, with the shape, a small frame of facts, and
sentences for what could not be seen or such logs cannot tell. Must not judge.

Facts leaned on
---------------
``logGroupClass`` and ``retentionInDays`` (no value: kept for ever): botocore, DescribeLogGroups,
whose ``logGroupNamePrefix`` finds longer names too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opslib.aws import Connection, calling
from opslib.errors import CouldNotLook
from opslib.lambda_logs.shapes import LogShape, limits, shape

# A prefix finds names that are longer; of so many pages the name itself is on the first, as they
# are in order.
_MOST_PAGES = 3


@dataclass(frozen=True, slots=True)
class Logs:
    """How a function logs.

    Parameters
    ----------
    shape
        Its shape; Lambda's defaults when its configuration could not be seen.
    rows
        One row a fact: ``fact`` and ``value`` (string).
    limits
        A sentence for everything that could not be seen, and that such logs cannot tell.
    """

    shape: LogShape
    rows: pd.DataFrame
    limits: tuple[str, ...]


def look(connection: Connection, function_name: str) -> Logs:
    """Return how a function logs. A call that is refused becomes a sentence in ``limits``."""
    said: list[str] = []
    configuration: Mapping[str, Any] = {}
    operation = "lambda:GetFunctionConfiguration"
    try:
        with calling(operation, f"how {function_name} logs"):
            client = connection.client("lambda")
            configuration = client.get_function_configuration(FunctionName=function_name)
    except CouldNotLook as error:
        said.append(error.message)
    known = {**configuration, "FunctionName": function_name}
    name = shape(known).group
    group: Mapping[str, Any] | None = {}
    try:
        group = _group(connection.client("logs"), name)
    except CouldNotLook as error:
        said.append(error.message)
    if group is None:
        said.append(
            f"{function_name} is set to log to {name}, and there is no such log group: it has not "
            "logged yet, or its role lacks logs:CreateLogGroup."
        )
    group = group or {}
    found = shape(known, log_class=str(group.get("logGroupClass", "")))
    kept = group.get("retentionInDays")
    facts = {
        "log group": found.group,
        "log format": found.format,
        "system level": found.system_level or "all",
        "log class": found.log_class or "not seen",
        "kept for": f"{kept} days" if kept else ("ever" if group else "not seen"),
        "starts from snapshots": "yes" if found.snap_start else "no",
        "managed instances": "yes" if found.managed_instances else "no",
    }
    rows = pd.DataFrame(
        {
            "fact": pd.Series(list(facts), dtype="string"),
            "value": pd.Series(list(facts.values()), dtype="string"),
        }
    )
    return Logs(found, rows, (*said, *limits(found)))


def _group(client: Any, name: str) -> Mapping[str, Any] | None:
    """Return the description of a log group; None when there is none of that name."""
    more: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        with calling("logs:DescribeLogGroups", f"the class of log group {name}"):
            page = client.describe_log_groups(logGroupNamePrefix=name, **more)
        for group in page.get("logGroups", []):
            if group["logGroupName"] == name:
                found: Mapping[str, Any] = group
                return found
        if not page.get("nextToken"):
            return None
        more = {"nextToken": page["nextToken"]}
    return None
