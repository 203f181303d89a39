"""Where and in what form a function logs, and what such logs cannot tell.

In: the answer of GetFunctionConfiguration. Out: a `LogShape` and sentences about its limits. Makes
no call.

Sources
-------
``LoggingConfig`` (group, format, levels), ``SnapStart``: botocore, GetFunctionConfiguration. The
system level WARN drops the START and REPORT lines: Lambda developer guide, log-level filtering.
SnapStart's REPORT line has a Restore Duration in place of the Init Duration: Lambda developer
guide, monitoring SnapStart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LogShape:
    """How one function logs.

    Parameters
    ----------
    function
        The function's name.
    group
        Its log group.
    format
        ``Text`` or ``JSON``.
    system_level
        The least level of the platform's own lines; empty for the format Text, which drops none.
    snap_start
        Whether published versions start from a snapshot.
    managed_instances
        Whether it runs on capacity of its own, where one environment serves several at a time.
    log_class
        ``STANDARD``, ``INFREQUENT_ACCESS`` or ``DELIVERY``; empty when nobody asked.
    """

    function: str
    group: str
    format: str = "Text"
    system_level: str = ""
    snap_start: bool = False
    managed_instances: bool = False
    log_class: str = ""

    @property
    def own_group(self) -> bool:
        """Whether the group is the function's own by default; another may be shared."""
        return self.group == f"/aws/lambda/{self.function}"

    @property
    def reports(self) -> bool:
        """Whether there is a REPORT for each invocation, with its duration and memory."""
        return self.system_level != "WARN"

    def counted(self, reports: int) -> int | None:
        """Return how many invocations there were, by their reports; None where those are dropped.

        From WARN on, the report of an invocation that failed is kept, and that of others is not.
        """
        return int(reports) if self.reports else None


def shape(configuration: Mapping[str, Any], *, log_class: str = "") -> LogShape:
    """Read the log shape from a function's configuration.

    Parameters
    ----------
    configuration
        The answer of GetFunctionConfiguration; only ``FunctionName`` has to be there, and what is
        missing is taken as Lambda's default.
    log_class
        ``logGroupClass`` of the group, from DescribeLogGroups, if it was asked.
    """
    name = str(configuration["FunctionName"])
    logging = configuration.get("LoggingConfig") or {}
    text_format = str(logging.get("LogFormat") or "Text")
    level = str(logging.get("SystemLogLevel") or "INFO") if text_format == "JSON" else ""
    snap_start = (configuration.get("SnapStart") or {}).get("ApplyOn")
    return LogShape(
        function=name,
        group=str(logging.get("LogGroup") or f"/aws/lambda/{name}"),
        format=text_format,
        system_level=level,
        snap_start=snap_start == "PublishedVersions",
        managed_instances=bool(configuration.get("CapacityProviderConfig")),
        log_class=log_class,
    )


def limits(shape: LogShape) -> list[str]:
    """Return a sentence for everything that logs of this shape cannot tell; empty when nothing."""
    said = []
    if not shape.reports:
        said.append(
            f"{shape.function} logs system lines from WARN on, which drops its REPORT lines: "
            "durations, memory and cold starts are not in its logs. Take them from the metrics."
        )
    elif shape.format == "JSON":
        said.append(
            f"{shape.function} logs JSON: durations are record.metrics.durationMs of "
            "platform.report lines, and whether @duration is discovered from them is not "
            "documented."
        )
    if not shape.own_group:
        said.append(
            f"{shape.function} logs to {shape.group}, which other functions may share: "
            "their lines are counted too unless a query names the function, whose name stands only "
            "in the names of the streams that Lambda itself makes there."
        )
    if shape.snap_start:
        said.append(
            f"{shape.function} starts from snapshots: a cold start shows a Restore Duration and no "
            "Init Duration, so counting @initDuration misses them."
        )
    if shape.managed_instances:
        said.append(
            f"{shape.function} runs on managed instances, where one environment serves several "
            "invocations at a time: cold starts and memory cannot be read per invocation."
        )
    if shape.log_class == "INFREQUENT_ACCESS":
        said.append(
            f"{shape.group} is of the class Infrequent Access: pattern, diff and filterIndex "
            "are refused, and no field is discovered in its lines."
        )
    if shape.log_class == "DELIVERY":
        said.append(f"{shape.group} is of the class Delivery: Logs Insights cannot query it.")
    return said
