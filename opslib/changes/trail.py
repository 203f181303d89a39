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
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from opslib.aws import calling
from opslib.changes.functions import instant, named
from opslib.changes.rows import EDITS, VERSIONS, Change
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
    "CreateEventSourceMapping20150331": ("event source mapping created", False),
    "UpdateEventSourceMapping20150331": ("event source mapping updated", False),
    "DeleteEventSourceMapping20150331": ("event source mapping deleted", False),
}
_OF_TABLES = {"UpdateTable": ("table updated", False)}
_SUBJECTS = {
    "code updated": EDITS,
    "configuration updated": EDITS,
    "version published": VERSIONS,
}
# What was asked for, where it is a number or a word that is no secret; AWS's own names.
_TELLING = (
    "memorySize",
    "timeout",
    "reservedConcurrentExecutions",
    "enabled",
    "batchSize",
    "maximumBatchingWindowInSeconds",
    "parallelizationFactor",
    "maximumRetryAttempts",
    "maximumRecordAgeInSeconds",
    "bisectBatchOnFunctionError",
    "billingMode",
    "readCapacityUnits",
    "writeCapacityUnits",
)


class Trail:
    """CloudTrail over one window: each name of an event is looked up once, for all functions.

    Parameters
    ----------
    client
        The boto3 ``cloudtrail`` client.
    deadline_s
        So many seconds after the first call, no further one is begun.
    sleep, monotonic
        As of `time`.
    """

    def __init__(
        self,
        client: Any,
        window: Window,
        *,
        deadline_s: float = 20,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._window = window
        self._deadline_s = deadline_s
        self._sleep = sleep
        self._monotonic = monotonic
        self._end_s: float | None = None
        self._found: dict[str, list[Mapping[str, Any]]] = {}
        self._ended = False

    def recorded(
        self, function_name: str, *, mappings: Iterable[str], tables: Iterable[str]
    ) -> tuple[list[Change], list[str]]:
        """Return what was recorded, and a sentence for what was not asked: the same only once.

        Parameters
        ----------
        mappings
            UUIDs of the function's event source mappings.
        tables
            Names of tables.
        """
        mappings, tables = set(mappings), set(tables)
        wanted = _OF_FUNCTIONS | (_OF_TABLES if tables else {})
        notes = list(self._look_up(list(wanted)))
        found = [
            change
            for event_name, (what, deploys) in wanted.items()
            for event in self._found.get(event_name, ())
            if _concerns(event, function_name, mappings, tables)
            for change in _changes(event, what, deploys)
        ]
        return found, notes

    def _look_up(self, wanted: list[str]) -> Iterator[str]:
        """Ask for what was not asked for yet; yield a sentence for what was not seen."""
        if self._end_s is None:
            self._end_s = self._monotonic() + self._deadline_s
        for place, event_name in enumerate(wanted):
            if self._ended or event_name in self._found:
                continue
            if self._late():
                left = ", ".join(wanted[place:])
                yield f"CloudTrail was not asked for {left}: there was no time left."
                self._ended = True
                return
            events = self._found[event_name] = []
            try:
                for event in self._events(event_name):
                    events.append(event)
            except CouldNotLook as error:
                yield f"CloudTrail does not say who changed what. {error.message}"
                self._ended = True

    def _late(self) -> bool:
        return self._end_s is not None and self._monotonic() > self._end_s

    def _events(self, event_name: str) -> Iterator[Mapping[str, Any]]:
        more: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            page = self._page(event_name, more)
            yield from page.get("Events", [])
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}
        raise CouldNotLook(
            f"Seen in part: {event_name} in CloudTrail, which has more than {_MOST_PAGES} pages of "
            "it. Look at a shorter window.",
            operation=_OPERATION,
            reason="failed",
        )

    def _page(self, event_name: str, more: Mapping[str, str]) -> Mapping[str, Any]:
        attribute = {"AttributeKey": "EventName", "AttributeValue": event_name}
        while True:
            try:
                with calling(_OPERATION, f"{event_name} in CloudTrail"):
                    page: Mapping[str, Any] = self._client.lookup_events(
                        LookupAttributes=[attribute],
                        StartTime=self._window.start,
                        EndTime=self._window.end,
                        **more,
                    )
                    return page
            except CouldNotLook as error:
                if error.reason != "throttled" or self._late():
                    raise
            self._sleep(_APART_S)


def _concerns(
    event: Mapping[str, Any], function_name: str, mappings: set[str], tables: set[str]
) -> bool:
    details = _details(event)
    asked, answered = _part(details, "requestParameters"), _part(details, "responseElements")
    # A name, a name with a qualifier, or an ARN of either. A mapping that is gone is not among the
    # function's any more, and the answer to its deletion names the function.
    functions = {_function(asked.get("functionName")), _function(answered.get("functionArn"))}
    return (
        function_name in functions
        or _uuid(asked) in mappings
        or str(asked.get("tableName", "")).rpartition("/")[2] in tables
    )


def _function(told: object) -> str:
    return str(told or "").rpartition(":function:")[2].partition(":")[0]


def _uuid(told: Mapping[str, Any]) -> str:
    return str(told.get("uUID") or told.get("uuid") or "")


def _changes(event: Mapping[str, Any], what: str, deploys: bool) -> Iterator[Change]:
    at = instant(event.get("EventTime"))
    if at is None:
        return
    details = _details(event)
    asked = _part(details, "requestParameters")
    said = [
        f"{word} {asked[key]}"
        for key, word in (("name", "alias"), ("functionVersion", "to version"))
        if asked.get(key)
    ]
    table = named(str(asked.get("tableName", ""))).rpartition("/")[2]
    parts = [" ".join(said), table, *_asked_for(asked), f"by {event.get('Username') or '?'}"]
    refused = details.get("errorCode")
    answered = _part(details, "responseElements")
    published = answered.get("version") if what == "version published" else ""
    version = str(asked.get("functionVersion") or published or "")
    mapping = _uuid(asked) or _uuid(answered)
    subject = f"mapping {mapping}" if mapping else _SUBJECTS.get(what, "")
    subject = f"table {table}" if table else subject
    yield Change(
        at,
        what,
        f"{', '.join(filter(None, parts))}{f'; refused: {refused}' if refused else ''}",
        version,
        deploys=deploys and not refused,
        subject="" if refused else subject,
    )


def _asked_for(asked: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a change asked for, as far as it tells and is no secret."""
    given = {**asked, **_part(asked, "provisionedThroughput")}
    for name in _TELLING:
        if isinstance(given.get(name), int | str):
            yield f"{name} {given[name]}"


def _part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = told.get(name)
    return part if isinstance(part, dict) else {}


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record itself, which CloudTrail gives as text; empty when it is none."""
    try:
        told = json.loads(event.get("CloudTrailEvent") or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
