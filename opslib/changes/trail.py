"""What CloudTrail recorded of a function, its mappings and its tables.

In: a boto3 ``cloudtrail`` client and names. Out: changes with who made them. It is a richer source,
and not one that anything rests on: where it may not be asked, the rest of the timeline stands.

Facts leaned on
---------------
LookupEvents takes one attribute, gives 50 events a page, newest first, of the last 90 days, and may
be called twice a second in an account and region; an event can take some minutes to be there
(botocore and CloudTrail user guide, LookupEvents). Names of Lambda's events carry the date of the
API, and some a ``v2``; a name without them finds nothing (Lambda developer guide, logging API calls
with CloudTrail).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from opslib.aws import calling
from opslib.changes.functions import instant, named
from opslib.changes.rows import Change
from opslib.errors import CouldNotLook
from opslib.window import Window

_OPERATION = "cloudtrail:LookupEvents"
_MOST_PAGES = 4
_APART_S = 0.5

# Name of the event, what it is, and whether it deploys. Those of concurrency are not in Lambda's
# list: their dates are, as with the others, those in the paths of the API.
_OF_FUNCTIONS = {
    "UpdateFunctionCode20150331v2": ("code updated", True),
    "UpdateFunctionConfiguration20150331v2": ("configuration updated", True),
    "PublishVersion20150331": ("version published", True),
    "UpdateAlias20150331": ("alias moved", True),
    "PutFunctionConcurrency20171031": ("reserved concurrency set", False),
    "DeleteFunctionConcurrency20171031": ("reserved concurrency removed", False),
}
_OF_MAPPINGS = {
    "UpdateEventSourceMapping20150331": ("event source mapping updated", False),
    "DeleteEventSourceMapping20150331": ("event source mapping deleted", False),
}
_OF_TABLES = {"UpdateTable": ("table updated", False)}


def recorded(
    client: Any,
    *,
    function_name: str,
    mappings: Iterable[str],
    tables: Iterable[str],
    window: Window,
    sleep: Callable[[float], None],
    late: Callable[[], bool],
) -> tuple[list[Change], list[str]]:
    """Return what CloudTrail recorded in a window, and a sentence for what it was not asked.

    Parameters
    ----------
    mappings
        UUIDs of the function's event source mappings.
    tables
        Names of tables.
    sleep, late
        How to wait between two calls, and whether there is no time left for another.
    """
    mappings, tables = set(mappings), set(tables)
    wanted = dict(_OF_FUNCTIONS)
    wanted |= _OF_MAPPINGS if mappings else {}
    wanted |= _OF_TABLES if tables else {}
    found: list[Change] = []
    notes: list[str] = []
    for place, (event_name, (what, deploys)) in enumerate(wanted.items()):
        if late():
            left = ", ".join(list(wanted)[place:])
            notes.append(f"CloudTrail was not asked for {left}: there was no time left.")
            break
        try:
            for event in _events(client, event_name, window, sleep=sleep, late=late):
                change = _change(event, what, deploys)
                if change and _concerns(event, function_name, mappings, tables):
                    found.append(change)
        except CouldNotLook as error:
            notes.append(f"CloudTrail does not say who changed what. {error.message}")
            break
    return found, notes


def _events(
    client: Any,
    event_name: str,
    window: Window,
    *,
    sleep: Callable[[float], None],
    late: Callable[[], bool],
) -> Iterator[Mapping[str, Any]]:
    more: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        while True:
            try:
                with calling(_OPERATION, f"{event_name} in CloudTrail"):
                    page = client.lookup_events(
                        LookupAttributes=[
                            {"AttributeKey": "EventName", "AttributeValue": event_name}
                        ],
                        StartTime=window.start,
                        EndTime=window.end,
                        **more,
                    )
                break
            except CouldNotLook as error:
                if error.reason != "throttled" or late():
                    raise
            sleep(_APART_S)
        yield from page.get("Events", [])
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
    raise CouldNotLook(
        f"Seen in part: {event_name} in CloudTrail, which has more than {_MOST_PAGES} pages of it. "
        "Look at a shorter window.",
        operation=_OPERATION,
        reason="failed",
    )


def _concerns(
    event: Mapping[str, Any], function_name: str, mappings: set[str], tables: set[str]
) -> bool:
    asked = _details(event).get("requestParameters") or {}
    # A name, a name with a qualifier, or an ARN of either.
    function = str(asked.get("functionName", "")).rpartition(":function:")[2].partition(":")[0]
    return (
        function == function_name
        or asked.get("uUID", asked.get("uuid")) in mappings
        or str(asked.get("tableName", "")).rpartition("/")[2] in tables
    )


def _change(event: Mapping[str, Any], what: str, deploys: bool) -> Change | None:
    at = instant(event.get("EventTime"))
    details = _details(event)
    if at is None:
        return None
    asked = details.get("requestParameters") or {}
    subject = [
        f"{word} {asked[key]}"
        for key, word in (("name", "alias"), ("functionVersion", "to version"))
        if asked.get(key)
    ]
    if asked.get("tableName"):
        subject.append(named(str(asked["tableName"])))
    failed = f"; refused: {details['errorCode']}" if details.get("errorCode") else ""
    detail = f"{' '.join(subject)}{', ' if subject else ''}by {event.get('Username') or '?'}"
    version = str(asked.get("functionVersion") or "")
    return Change(at, what, f"{detail}{failed}", version, deploys=deploys and not failed)


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record itself, which CloudTrail gives as text; empty when it is none."""
    try:
        told = json.loads(event.get("CloudTrailEvent") or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
