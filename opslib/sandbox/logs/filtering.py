"""FilterLogEvents: the events of a log group that match a pattern, page by page.

In: the body of the call, and what the log groups hold. Out: its answer, or a `Refused`. Must not
know HTTP.

Source: CloudWatch Logs API reference, FilterLogEvents: pages of up to 1 MB or 10,000 events, partly
full or even empty ones before the last; events of all streams together, by timestamp and then
ingestion time; the oldest first unless ``startFromHead`` is false.
"""

from typing import Any

from opslib.sandbox.logs import matching, patterns, reading
from opslib.sandbox.logs.groups import Event, Store, of_one
from opslib.sandbox.logs.paging import no_such_token, opened, token
from opslib.sandbox.logs.refusals import epoch, invalid, not_found, text, texts, whole

EVENTS_LIMIT = 10_000
STREAMS_LIMIT = 100
PAGE_BYTES = 1_048_576
SEARCHED_LIMIT = 10_000
"""A page searches so many events; if few of them match it is partly full, or empty."""
# 2024-01-01T00:00:00Z: from then on events can be read from the newest back.
_BACKWARD_FROM_MS = 1_704_067_200_000
_FORWARD, _BACKWARD = "forward", "backward"


def filter_log_events(body: dict[str, Any], *, store: Store) -> dict[str, Any]:
    """Answer FilterLogEvents."""
    group = of_one(body, store)
    held = store.events(group)
    if held is None:
        raise not_found("The specified log group does not exist.")
    limit = whole(body, "limit", least=1, most=EVENTS_LIMIT, default=EVENTS_LIMIT)
    try:
        matches = matching.matcher(reading.parse(body.get("filterPattern") or ""))
    except patterns.MalformedPattern as error:
        raise invalid(str(error)) from error
    events = _within(held, body, streams=_streams(body, group, store))
    direction, after = _from(body, group)
    events.sort(key=lambda event: (event["timestamp"], event["ingestionTime"]))
    if direction == _BACKWARD:
        events.reverse()
    first = _position(events, after)
    page: list[Event] = []
    size = 0
    upto = first
    for event in events[first : first + SEARCHED_LIMIT]:
        if matches(event["message"]):
            size += len(event["message"].encode("utf-8", "replace"))
            if page and size > PAGE_BYTES:
                break
            page.append(event)
        upto += 1
        if len(page) == limit:
            break
    answer: dict[str, Any] = {
        "events": [_shown(event) for event in page],
        "searchedLogStreams": [],
    }
    if upto < len(events):
        answer["nextToken"] = token(_subject(group, direction), events[upto - 1]["eventId"])
    return answer


def _shown(event: Event) -> dict[str, Any]:
    names = ("timestamp", "message", "ingestionTime", "eventId")
    return {"logStreamName": event["logStream"]} | {name: event[name] for name in names}


def _streams(body: dict[str, Any], group: str, store: Store) -> set[str] | None:
    """Name the streams to search; None means all."""
    names = texts(body, "logStreamNames")
    prefix = text(body, "logStreamNamePrefix", least=1, most=512)
    if names and prefix:
        raise invalid("Only one of logStreamNames and logStreamNamePrefix can be given.")
    if len(names) > STREAMS_LIMIT:
        raise invalid(f"logStreamNames takes at most {STREAMS_LIMIT} names.")
    if not names and not prefix:
        return None
    known = set(store.streams(group) or ())
    if prefix:
        return {name for name in known if name.startswith(prefix)}
    if not known.issuperset(names):
        raise not_found("The specified log stream does not exist.")
    return set(names)


def _within(held: list[Event], body: dict[str, Any], *, streams: set[str] | None) -> list[Event]:
    start_ms, end_ms = epoch(body, "startTime"), epoch(body, "endTime")
    return [
        event
        for event in held
        if (streams is None or event["logStream"] in streams)
        and (start_ms is None or event["timestamp"] >= start_ms)
        and (end_ms is None or event["timestamp"] <= end_ms)
    ]


def _from(body: dict[str, Any], group: str) -> tuple[str, str | None]:
    """Tell the direction, and the event after which the page begins: None at the very start."""
    given = body.get("nextToken")
    if given is None:
        if body.get("startFromHead", True):
            return _FORWARD, None
        if (epoch(body, "startTime") or 0) < _BACKWARD_FROM_MS:
            raise invalid("startFromHead false needs a startTime in 2024 or later.")
        return _BACKWARD, None
    # The token's own direction counts.
    subject, after = opened(given)
    for direction in (_FORWARD, _BACKWARD):
        if subject == _subject(group, direction):
            return direction, str(after)
    raise no_such_token()


def _subject(group: str, direction: str) -> str:
    return f"events/{direction}/{group}"


def _position(events: list[Event], after: str | None) -> int:
    if after is None:
        return 0
    for position, event in enumerate(events):
        if event["eventId"] == after:
            return position + 1
    raise no_such_token()
