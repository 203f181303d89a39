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

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from opslib.aws import calling
from opslib.changes.events import Event, read
from opslib.changes.rows import Change
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
        self._found: dict[str, list[Event]] = {}
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
                if not event.concerns(function_name, mappings=mappings, tables=tables):
                    continue
                change = event.change(what, deploys=deploys)
                if change is None or event.at is None:
                    continue
                # What was refused, or only tried out, changed nothing that anything could be of.
                if event.made:
                    found.append(change)
                elif event.error:
                    said = f"{change.what}, {change.detail}"
                    notes.append(f"Refused at {iso(event.at)} ({event.error}): {said}.")
        return found, notes

    def of_timeouts(self, function_name: str) -> Recorded:
        """Return the edits of a function and the moves of its aliases; ask for what was not yet."""
        for _ in self._look_up([_MOVED, _CONFIGURED, _CODED]):
            pass  # Said to whoever asks for the timeline.
        edits = [
            Edit(at, event.timeout_ms if name == _CONFIGURED else None)
            for name in (_CONFIGURED, _CODED)
            for at, event in self._made(name, function_name)
        ]
        moves = [
            Move(at, str(event.asked.get("name")), str(event.asked["functionVersion"]))
            for at, event in self._made(_MOVED, function_name)
            if event.asked.get("functionVersion")
        ]
        return Recorded(tuple(edits), tuple(moves), is_whole={_CONFIGURED, _CODED} <= self._whole)

    def _made(self, event_name: str, function_name: str) -> Iterator[tuple[datetime, Event]]:
        """Yield when a function was changed, and by what; not what was refused."""
        for event in self._found.get(event_name, ()):
            if event.at is not None and event.made and event.concerns(function_name):
                yield event.at, event

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
            found = self._found[event_name] = []
            events = []
            try:
                for event in self._events(event_name):
                    events.append(event)
                    found.append(read(event))
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
