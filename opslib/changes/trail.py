"""What CloudTrail recorded of a function, its mappings and its tables.

In: a boto3 ``cloudtrail`` client and names. Out: changes with who made them. It is a richer source,
and not one that anything rests on: where it may not be asked, the rest of the timeline stands.

Facts leaned on
---------------
LookupEvents takes one attribute, gives 50 events a page, newest first, of the last 90 days, and may
be called twice a second in an account and region, whoever calls; an event can take some minutes to
be there (botocore and CloudTrail user guide, LookupEvents). Names of Lambda's events carry the date
of the API, and some a ``v2``; a name without them finds nothing (Lambda developer guide, logging
API calls with CloudTrail).
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from opslib.aws import calling
from opslib.changes.functions import instant, named
from opslib.changes.rows import ALIAS, EDITS, VERSIONS, Change
from opslib.changes.shared import Shared
from opslib.changes.timeouts import Edit, Move, Recorded
from opslib.errors import CouldNotLook
from opslib.window import Window, iso

_OPERATION = "cloudtrail:LookupEvents"
_MOST_PAGES = 4
_APART_S = 0.5
_IN_PART = "in part"

# Name of the event, what it is, and whether it deploys. Those of concurrency are not in Lambda's
# list: their dates are, as with the others, those in the paths of the API. What nobody else dates
# stands first, for there may be no time for all; what Lambda itself dates, last.
_TABLES = "UpdateTable"
_MOVED = "UpdateAlias20150331"
_CONFIGURED = "UpdateFunctionConfiguration20150331v2"
_CODED = "UpdateFunctionCode20150331v2"
_TOLD = {
    _MOVED: ("alias moved", True),
    "UpdateEventSourceMapping20150331": ("event source mapping updated", False),
    "DeleteEventSourceMapping20150331": ("event source mapping deleted", False),
    "PutFunctionConcurrency20171031": ("reserved concurrency set", False),
    "DeleteFunctionConcurrency20171031": ("reserved concurrency removed", False),
    _TABLES: ("table updated", False),
    _CONFIGURED: ("configuration updated", True),
    _CODED: ("code updated", True),
    "CreateEventSourceMapping20150331": ("event source mapping created", False),
    "PublishVersion20150331": ("version published", True),
}
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
        After so many seconds of asking, for all functions together, no further call is begun: a run
        is not to wait for what only makes it richer, and others ask beside it.
    shared
        What the notebooks of a triage share: a name that another one has looked up is not asked
        again.
    sleep, monotonic
        As of `time`.
    """

    def __init__(
        self,
        client: Any,
        window: Window,
        *,
        deadline_s: float = 6,
        shared: Shared | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._window = window
        self._left_s = deadline_s
        self._shared = shared
        self._sleep = sleep
        self._monotonic = monotonic
        self._end_s = 0.0
        self._found: dict[str, list[Mapping[str, Any]]] = {}
        self._whole: set[str] = set()
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
        wanted = {name: told for name, told in _TOLD.items() if tables or name != _TABLES}
        notes = list(self._look_up(list(wanted)))
        found: list[Change] = []
        for event_name, (what, deploys) in wanted.items():
            for event in self._found.get(event_name, ()):
                if not _concerns(event, function_name, mappings, tables):
                    continue
                # What was refused, or only tried out, changed nothing that anything could be of.
                refused = _details(event).get("errorCode")
                for change in _changes(event, what, deploys):
                    if refused and change.at is not None:
                        said = f"{change.what}, {change.detail}"
                        notes.append(f"Refused at {iso(change.at)} ({refused}): {said}.")
                    elif not _part(_details(event), "requestParameters").get("dryRun"):
                        found.append(change)
        return found, notes

    def of_timeouts(self, function_name: str) -> Recorded:
        """Return the edits of a function and the moves of its aliases; ask for what was not yet."""
        for _ in self._look_up([_MOVED, _CONFIGURED, _CODED]):
            pass  # Said to whoever asks for the timeline.
        edits = [
            Edit(at, _timeout_ms(asked) if name == _CONFIGURED else None)
            for name in (_CONFIGURED, _CODED)
            for at, asked in self._made(name, function_name)
        ]
        moves = [
            Move(at, str(asked.get("name")), str(asked["functionVersion"]))
            for at, asked in self._made(_MOVED, function_name)
            if asked.get("functionVersion")
        ]
        return Recorded(tuple(edits), tuple(moves), is_whole={_CONFIGURED, _CODED} <= self._whole)

    def _made(
        self, event_name: str, function_name: str
    ) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
        """Yield when a function was changed, and what was asked for; not what was refused."""
        for event in self._found.get(event_name, ()):
            at, details = instant(event.get("EventTime")), _details(event)
            asked = _part(details, "requestParameters")
            made = not details.get("errorCode") and not asked.get("dryRun")
            if at is not None and made and _concerns(event, function_name, set(), set()):
                yield at, asked

    def _look_up(self, wanted: list[str]) -> Iterator[str]:
        """Ask for what was not asked for yet; yield a sentence for what was not seen."""
        self._end_s = self._monotonic() + self._left_s
        unasked = [name for name in wanted if name not in self._found and not self._ended]
        for place, event_name in enumerate(unasked):
            if self._late():
                left = ", ".join(unasked[place:])
                yield f"CloudTrail was not asked for {left}: there was no time left."
                self._ended = True
                break
            events = self._found[event_name] = []
            try:
                for event in self._events(event_name):
                    events.append(event)
                self._whole.add(event_name)
            except CouldNotLook as error:
                if error.reason == _IN_PART:
                    yield error.message
                    continue
                yield f"CloudTrail does not say who changed what. {error.message}"
                self._ended = True
                break
            if self._shared:
                self._shared.put(event_name, events)
        self._left_s = self._end_s - self._monotonic()

    def _late(self) -> bool:
        return self._monotonic() > self._end_s

    def _events(self, event_name: str) -> Iterator[Mapping[str, Any]]:
        more: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            page = self._page(event_name, more)
            yield from page.get("Events", [])
            if not page.get("NextToken"):
                return
            if self._late():
                why = "there was no time left for its older events"
                break
            more = {"NextToken": page["NextToken"]}
        else:
            why = f"which has more than {_MOST_PAGES} pages of it"
        raise CouldNotLook(
            f"Seen in part: {event_name} in CloudTrail, {why}. Look at a shorter window.",
            operation=_OPERATION,
            reason=_IN_PART,
        )

    def _page(self, event_name: str, more: Mapping[str, str]) -> Mapping[str, Any]:
        attribute = {"AttributeKey": "EventName", "AttributeValue": event_name}
        while True:
            # Before each try: who is throttled together has to be told once.
            told = self._shared.get(event_name) if self._shared and not more else None
            if told is not None:
                return {"Events": told}
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
    # As CloudFormation or Application Auto Scaling do, of which the latter asks for nobody.
    through = _part(details, "userIdentity").get("invokedBy")
    by = f"by {event.get('Username') or '?'}{f' through {through}' if through else ''}"
    parts = [" ".join(said), table, *_asked_for(asked), by]
    answered = _part(details, "responseElements")
    published = answered.get("version") if what == "version published" else ""
    version = str(asked.get("functionVersion") or published or "")
    mapping = _uuid(asked) or _uuid(answered)
    subject = f"mapping {mapping}" if mapping else _SUBJECTS.get(what, "")
    subject = f"table {table}" if table else subject
    subject = f"{ALIAS}{asked.get('name')}" if what == "alias moved" else subject
    yield Change(
        at,
        what,
        ", ".join(filter(None, parts)),
        version,
        deploys=deploys,
        subject=subject,
    )


def _asked_for(asked: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a change asked for, as far as it tells and is no secret."""
    given = {**asked, **_part(asked, "provisionedThroughput")}
    for name in _TELLING:
        if isinstance(given.get(name), int | str):
            yield f"{name} {given[name]}"


def _timeout_ms(asked: Mapping[str, Any]) -> float | None:
    """Return what a timeout was set to; NaN for what is no number, None where it was let be."""
    told = asked.get("timeout")
    if told is None:
        return None
    return float(told) * 1000 if isinstance(told, int | float) else float("nan")


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
