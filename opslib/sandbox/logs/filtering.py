"""FilterLogEvents: the events of a log group that match a pattern, page by page.

In: the body of the call, and what the log groups hold. Out: its answer, or a `Refused`. Must not
know HTTP.

Source: CloudWatch Logs API reference, FilterLogEvents: pages of up to 1 MB or 10,000 events, partly
full or even empty ones before the last; events of all streams together, by timestamp and then
ingestion time; the oldest first unless ``startFromHead`` is false.
"""

import json
from bisect import bisect_left, bisect_right
from typing import Any

from opslib.sandbox.logs import matching, patterns, reading
from opslib.sandbox.logs.groups import Event, Store, of_one
from opslib.sandbox.logs.merged import key
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
    held = store.merged(group)
    if held is None:
        raise not_found("The specified log group does not exist.")
    limit = whole(body, "limit", least=1, most=EVENTS_LIMIT, default=EVENTS_LIMIT)
    try:
        matches = matching.matcher(reading.parse(body.get("filterPattern") or ""))
    except patterns.MalformedPattern as error:
        raise invalid(str(error)) from error
    streams = _streams(body, group, store)
    direction, after = _from(body, group)
    asked = (
        held[place]
        for place in _places(held, body, direction=direction, after=after)
        if streams is None or held[place]["logStream"] in streams
    )
    page: list[Event] = []
    size = searched = 0
    last = following = next(asked, None)
    while following is not None and len(page) < limit and searched < SEARCHED_LIMIT:
        if matches(following["message"]):
            size += len(following["message"].encode("utf-8", "replace"))
            if page and size > PAGE_BYTES:
                break
            page.append(following)
        searched += 1
        last, following = following, next(asked, None)
    answer: dict[str, Any] = {
        "events": [_shown(event) for event in page],
        "searchedLogStreams": [],
    }
    if last is not None and following is not None:
        place = [*key(last)[:2], last["eventId"]]
        answer["nextToken"] = token(_subject(group, direction), json.dumps(place))
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


def _places(held: list[Event], body: dict[str, Any], *, direction: str, after: str | None) -> range:
    """Tell where to look, in which order: within the span asked for, behind an event."""
    start_ms, end_ms = epoch(body, "startTime"), epoch(body, "endTime")
    first = 0 if start_ms is None else bisect_left(held, start_ms, key=_timestamp)
    behind = len(held) if end_ms is None else bisect_right(held, end_ms, key=_timestamp)
    place = None if after is None else _place(held, after)
    if direction == _FORWARD:
        return range(first if place is None else max(first, place + 1), behind)
    return range((behind if place is None else min(behind, place)) - 1, first - 1, -1)


def _timestamp(event: Event) -> int:
    return int(event["timestamp"])


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


def _place(held: list[Event], after: str) -> int:
    try:
        timestamp, ingestion_time, event_id = json.loads(after)
        place = bisect_left(held, (timestamp, ingestion_time, ""), key=key)
    except (TypeError, ValueError):
        raise no_such_token() from None
    while place < len(held) and key(held[place])[:2] == (timestamp, ingestion_time):
        if held[place]["eventId"] == event_id:
            return place
        place += 1
    raise no_such_token()
