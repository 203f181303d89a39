"""The events of a log group in one order, while its streams grow and are put in order."""

from typing import Any

from opslib.sandbox.logs.groups import Event
from opslib.sandbox.logs.merged import Kept, Merged


class _Streams:
    """Streams of one log group, ``/a``; counts how often an event of theirs is read."""

    def __init__(self, **streams: list[Kept]) -> None:
        self.kept = streams
        self.read = 0

    def lists(self, group: str) -> dict[str, list[Kept]] | None:
        return dict(self.kept) if group == "/a" else None

    def event(self, kept: Kept, stream: str, group: str) -> Event:
        self.read += 1
        return {**kept, "ingestionTime": 9, "logStream": stream, "log": group}


def _at(timestamp: int, message: str) -> dict[str, Any]:
    return {"timestamp": timestamp, "message": message}


def _messages(merged: Merged) -> list[str]:
    return [event["message"] for event in merged.events("/a") or ()]


def _of(streams: _Streams) -> Merged:
    return Merged(lists=streams.lists, event=streams.event)


def test_events_of_all_streams_stand_by_time() -> None:
    merged = _of(_Streams(a=[_at(1, "one"), _at(4, "four")], b=[_at(2, "two"), _at(3, "three")]))

    assert _messages(merged) == ["one", "two", "three", "four"]
    assert merged.events("/b") is None


def test_what_a_stream_logged_in_one_millisecond_stays_in_its_order() -> None:
    merged = _of(_Streams(b=[_at(1, "START"), _at(1, "END")], a=[_at(1, "first"), _at(1, "then")]))

    assert _messages(merged) == ["first", "then", "START", "END"]


def test_what_is_new_is_merged_in_and_nothing_is_read_twice() -> None:
    streams = _Streams(a=[_at(1, "one"), _at(5, "five")])
    merged = _of(streams)
    _messages(merged)

    streams.kept["a"].append(_at(7, "seven"))
    streams.kept["b"] = [_at(3, "three")]

    assert _messages(merged) == ["one", "three", "five", "seven"]
    assert streams.read == 4


def test_a_stream_put_in_order_or_gone_is_read_anew() -> None:
    streams = _Streams(a=[_at(1, "one"), _at(5, "five")], b=[_at(2, "two")])
    merged = _of(streams)
    _messages(merged)

    streams.kept["a"] = [_at(1, "one"), _at(4, "late"), _at(5, "five")]
    put_in_order = _messages(merged)
    del streams.kept["b"]

    assert put_in_order == ["one", "two", "late", "five"]
    assert _messages(merged) == ["one", "late", "five"]
