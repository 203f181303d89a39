"""Asking of what class a function's log group is, which its configuration does not tell.

In: a boto3 ``logs`` client and a function's configuration. Out: `Logs`, with the shape, a few facts
for people, and sentences for what could not be seen or such logs cannot tell. Must not judge.

Facts leaned on
---------------
``logGroupClass`` and ``retentionInDays`` (no value: kept for ever): botocore, DescribeLogGroups,
whose ``logGroupNamePrefix`` finds longer names too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from opslib.aws import calling
from opslib.errors import CouldNotLook
from opslib.lambda_logs.shapes import LogShape, limits, shape

# A prefix finds names that are longer; of so many pages the name itself is on the first, as they
# are in order.
_MOST_PAGES = 3
# A window of as long as lines are kept begins a little before they do.
_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Logs:
    """How a function logs.

    Parameters
    ----------
    shape
        Its shape; Lambda's defaults when its configuration could not be seen.
    kept_for
        How long its lines are kept, in words; empty when nobody asked or that was not seen.
    limits
        A sentence for everything that such logs cannot tell.
    kept_days
        The same in days; None for ever, and when that was not seen.
    notes
        What could not be seen of the log group. Nothing rests on it: a query of a group that is not
        there, or not of a class that can be asked, is refused.
    """

    shape: LogShape
    kept_for: str = ""
    limits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kept_days: int | None = None

    def gone(self, start: datetime, *, now: datetime) -> str:
        """Say which lines from an instant on are gone by now; empty when all are still kept."""
        if self.kept_days is None:
            return ""
        first = now - timedelta(days=self.kept_days)
        if start >= first - _MARGIN:
            return ""
        return (
            f"{self.shape.group} keeps lines for {self.kept_for}: those before "
            f"{first:%Y-%m-%d %H:%M} UTC are gone, and what they told is in no answer below."
        )


def look(client: Any, configuration: Mapping[str, Any]) -> Logs:
    """Return how a function logs, its log group's class among it.

    Parameters
    ----------
    client
        The boto3 ``logs`` client.
    configuration
        As of `shape`.
    """
    assumed = shape(configuration)
    try:
        group = _group(client, assumed.group)
    except CouldNotLook as error:
        return Logs(assumed, limits=tuple(limits(assumed)), notes=(error.message,))
    if group is None:
        said = (
            f"{assumed.function} is set to log to {assumed.group}, and there is no such log group: "
            "it has not logged yet, or its role lacks logs:CreateLogGroup."
        )
        return Logs(assumed, limits=tuple(limits(assumed)), notes=(said,))
    found = shape(configuration, log_class=str(group.get("logGroupClass", "")))
    kept = group.get("retentionInDays")
    words = f"{kept} day{'s' * (kept > 1)}" if kept else "ever"
    return Logs(found, words, tuple(limits(found)), kept_days=kept)


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
