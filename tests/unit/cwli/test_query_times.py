"""The instants of the query itself: ``now()``, ``queryStartTime()`` and their kin."""

from opslib import cwli

BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC
EVENTS = [
    {"timestamp": BASE_MS, "message": "a"},
    {"timestamp": BASE_MS + 5_000, "message": "b"},
]
TIMES = """stats max(now()) as n, max(queryStartTime()) as s, max(queryEndTime()) as e,
    max(queryTimeRange()) as r"""


def test_the_times_of_the_query_are_those_of_the_call() -> None:
    rows = cwli.query(
        TIMES, EVENTS, start=BASE_MS - 1_000, end=BASE_MS + 9_000, now=BASE_MS + 12_345
    )

    assert rows == [{"n": "1795309212", "s": "1795309199000", "e": "1795309209000", "r": "10000"}]


def test_without_bounds_the_query_spans_its_events_and_starts_at_their_end() -> None:
    rows = cwli.query(TIMES, EVENTS)

    assert rows == [{"n": "1795309205", "s": "1795309200000", "e": "1795309205000", "r": "5000"}]


def test_now_is_in_seconds_and_events_are_compared_with_it_in_milliseconds() -> None:
    rows = cwli.query(
        "filter toMillis(@timestamp) > (now() - 10) * 1000 | display @message",
        EVENTS,
        now=BASE_MS + 12_000,
    )

    assert [row["@message"] for row in rows] == ["b"]
