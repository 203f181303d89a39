"""PutLogEvents batches within the limits that AWS documents."""

from datetime import UTC, datetime

from opslib.sandbox.lambda_lines import Line
from opslib.sandbox.scenarios import slow
from opslib.sandbox.scenarios.history import tell
from opslib.sandbox.scenarios.planning import plan
from opslib.sandbox.scenarios.seeding import batches

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)


def test_ten_thousand_events_fill_a_batch() -> None:
    events = [Line(timestamp=n, message="x") for n in range(10_001)]

    sizes = [len(batch) for batch in batches(events)]

    assert sizes == [10_000, 1]


def test_a_batch_counts_the_bytes_of_utf_8_and_twenty_six_more_an_event() -> None:
    # 1,048,576 / 4 = 262,144 = 26 + 262,118 bytes; an é is two bytes.
    full = Line(timestamp=1, message="é" * 131_059)

    assert [len(batch) for batch in batches([full] * 4)] == [4]
    assert [len(batch) for batch in batches([*[full] * 4, full])] == [4, 1]
    over = Line(timestamp=1, message="é" * 131_059 + "x")
    assert [len(batch) for batch in batches([*[full] * 3, over])] == [3, 1]


def test_a_batch_spans_at_most_a_day() -> None:
    day_ms = 86_400_000
    events = [Line(timestamp=at, message="x") for at in (0, day_ms, day_ms + 1)]

    spans = [[event["timestamp"] for event in batch] for batch in batches(events)]

    assert spans == [[0, 86_400_000], [86_400_001]]


def test_no_events_make_no_batch() -> None:
    assert list(batches([])) == []


def test_the_story_goes_out_whole_sorted_and_within_the_limits() -> None:
    streams = tell(plan(slow.SHAPE, now=NOW))

    for events in streams.values():
        sent = list(batches(events))
        for batch in sent:
            timestamps = [event["timestamp"] for event in batch]
            assert timestamps == sorted(timestamps)
            assert len(batch) <= 10_000
            assert sum(len(event["message"].encode()) + 26 for event in batch) <= 1_048_576
        flat = [(event["timestamp"], event["message"]) for batch in sent for event in batch]
        assert flat == [(event.timestamp, event.message) for event in events]
