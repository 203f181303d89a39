"""Alarms that fire now: since when, about what, whether anybody was told.

In: a connection, a `Scope`. Out: `Alarms`, those of the system: named in its file, or about one of
its functions, queues, streams or tables. `alarm_findings` turns those that no finding explains into
findings. Asks DescribeAlarms for the state ALARM alone, whatever the window.

Facts leaned on
---------------
``StateTransitionedTimestamp`` is when the state became what it is, ``StateUpdatedTimestamp`` when
anything about it changed (botocore, MetricAlarm). A mute rule keeps actions from running while it
is active (botocore, ListAlarmMuteRules); ``ActionsEnabled`` false does so always.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from opslib.aws import Connection, calling
from opslib.errors import CouldNotLook
from opslib.fleet.scope import Scope
from opslib.frames import frame
from opslib.health import Finding, Verdict
from opslib.health.verdicts import bad, utc
from opslib.system import Alarm

_MOST_PAGES = 10
#: So many firing alarms are asked whether they are muted.
_MOST_ASKED = 5
_COLUMNS = {
    "alarm": "string",
    "since": "datetime64[ns, UTC]",
    "subject": "string",
    "namespace": "string",
    "metric": "string",
    "severity": "string",
    "told": "string",
    "action": "string",
    "channel": "string",
}
#: The metric of an alarm to the findings that say the same.
_SAME = {
    "Errors": ("errors.",),
    "Duration": ("duration.",),
    "IteratorAge": ("stream.",),
    "Throttles": ("invocations.throttled",),
    "Invocations": ("invocations.none",),
    "ApproximateNumberOfMessagesVisible": ("dead-letters.", "queue."),
    "ApproximateAgeOfOldestMessage": ("dead-letters.", "queue."),
    "ReadThrottleEvents": ("dynamodb.",),
    "WriteThrottleEvents": ("dynamodb.",),
    "SystemErrors": ("dynamodb.",),
    "SuccessfulRequestLatency": ("dynamodb.",),
    "UserErrors": ("dynamodb.user-errors",),
    "DeadLetterErrors": ("dead-letters.undelivered",),
    "DestinationDeliveryFailures": ("dead-letters.undelivered",),
    "ThrottledRequests": ("dynamodb.",),
    "WriteProvisionedThroughputExceeded": ("stream.",),
    "GetRecords.IteratorAgeMilliseconds": ("stream.",),
}


@dataclass(frozen=True, slots=True)
class Alarms:
    """Alarms that fire.

    Parameters
    ----------
    rows
        One row an alarm, the longest firing first: ``alarm``, ``since`` (datetime64[ns, UTC]),
        ``subject`` (what it is about; empty when it names none), ``namespace``, ``metric``,
        ``severity`` (as the params file has it; empty when it does not), ``told`` (whether its
        actions run: ``yes``, ``muted``, ``actions off``, ``no action``, or ``not seen``),
        ``action`` and ``channel`` (what the params file says to do, and where it is told; missing
        where it does not).
    limits
        A sentence for everything that could not be seen.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...] = ()


def firing(connection: Connection, scope: Scope) -> Alarms:
    """Look which of a system's alarms fire."""
    client = connection.client("cloudwatch")
    try:
        alarms = [alarm for alarm in _pages(client) if _is_ours(alarm, scope)]
    except CouldNotLook as error:
        return Alarms(frame([], _COLUMNS), (error.message,))
    rows = []
    for place, alarm in enumerate(sorted(alarms, key=_since)):
        told = _told(client, alarm) if place < _MOST_ASKED else "not seen"
        subject = _subject(alarm, scope)
        known = _in_the_file(alarm, scope, subject)
        rows.append(
            (
                alarm["AlarmName"],
                pd.Timestamp(_since(alarm)).tz_convert("UTC"),
                subject,
                alarm.get("Namespace", ""),
                alarm.get("MetricName", ""),
                (known and known.severity) or "",
                told,
                known.action if known else None,
                known.channel if known else None,
            )
        )
    return Alarms(frame(rows, _COLUMNS))


def alarm_findings(
    alarms: pd.DataFrame, findings: Sequence[Finding]
) -> tuple[list[Finding], list[str]]:
    """Tell which firing alarms nothing else explains.

    Parameters
    ----------
    alarms
        As `Alarms.rows`.
    findings
        What was found in the window. What could not be seen explains nothing.

    Returns
    -------
    ``alarms.firing`` for each alarm that no finding about the same thing says, critical where the
    params file calls it ``high``; and for each alarm, in order, the id of the finding that explains
    it, or nothing.
    """
    more, explained = [], []
    rows: list[dict[str, Any]] = alarms.to_dict("records")  # type: ignore[assignment]
    for alarm in rows:
        same = _SAME.get(alarm["metric"], ())
        found = [
            each.id
            for each in findings
            if same and bad([each], *same) and alarm["subject"] in ("", each.subject)
        ]
        explained.append(found[0] if found else "")
        if found:
            continue
        since = alarm["since"].to_pydatetime()
        more.append(
            Finding(
                id="alarms.firing",
                severity=Verdict.CRITICAL if alarm["severity"] == "high" else Verdict.WARNING,
                title=f"The alarm {alarm['alarm']} fires, and nothing here explains it",
                detail=f"It watches {alarm['metric'] or 'several metrics'} and has been in ALARM "
                f"since {utc(since)}; its people are told: {alarm['told']}. Either it began "
                "before this window, or it looks at something that triage does not.",
                subject=alarm["subject"] or alarm["alarm"],
                evidence=("alarms",),
                since=since,
            )
        )
    return more, explained


def _pages(client: Any) -> Iterator[Mapping[str, Any]]:
    more: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        with calling("cloudwatch:DescribeAlarms", "which alarms fire"):
            page = client.describe_alarms(
                StateValue="ALARM",
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                MaxRecords=100,
                **more,
            )
        yield from page.get("MetricAlarms", [])
        yield from page.get("CompositeAlarms", [])
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
    raise CouldNotLook(
        f"Not seen: all alarms that fire. CloudWatch gave {_MOST_PAGES} pages and no end.",
        operation="cloudwatch:DescribeAlarms",
        reason="failed",
    )


def _is_ours(alarm: Mapping[str, Any], scope: Scope) -> bool:
    named = {each.name for each in scope.system.alarms}
    return alarm["AlarmName"] in named or bool(_subject(alarm, scope))


def _in_the_file(alarm: Mapping[str, Any], scope: Scope, subject: str) -> Alarm | None:
    """Return the params file's entry of an alarm: by its name, else one of a guide's that fits.

    What a guide recommends has the guide's name in the file; it fits an alarm on the same metric of
    something that it watches.
    """
    metric = (alarm.get("Namespace"), alarm.get("MetricName"))
    fitting = (
        each
        for each in scope.system.alarms
        if not each.deployed
        and (each.namespace, each.metric) == metric
        and (not each.watches or subject in each.watches)
    )
    named = (each for each in scope.system.alarms if each.name == alarm["AlarmName"])
    return next(chain(named, fitting), None)


def _subject(alarm: Mapping[str, Any], scope: Scope) -> str:
    """Return which of the system's things an alarm is about; empty when it names none."""
    stats = [each.get("MetricStat", {}).get("Metric", {}) for each in alarm.get("Metrics", [])]
    dimensions = [
        *alarm.get("Dimensions", []),
        *(d for s in stats for d in s.get("Dimensions", [])),
    ]
    known = set(scope.subjects)
    return next((str(each["Value"]) for each in dimensions if each["Value"] in known), "")


def _since(alarm: Mapping[str, Any]) -> Any:
    return alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"]


def _told(client: Any, alarm: Mapping[str, Any]) -> str:
    if not alarm.get("ActionsEnabled", True):
        return "actions off"
    if not alarm.get("AlarmActions"):
        return "no action"
    try:
        with calling("cloudwatch:ListAlarmMuteRules", f"whether {alarm['AlarmName']} is muted"):
            rules = client.list_alarm_mute_rules(AlarmName=alarm["AlarmName"], Statuses=["ACTIVE"])
    except CouldNotLook:
        # Whether somebody was told does not decide whether all is well.
        return "not seen"
    return "muted" if rules.get("AlarmMuteRuleSummaries") else "yes"
