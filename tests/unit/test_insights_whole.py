"""Every event of a window: asked in parts where one query cannot give them, each once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.clients import Clock, refusal
from fakes.insights import Service

from opslib.insights import Answer, Insights
from opslib.insights.reading import Reading, read
from opslib.window import Window

START = datetime(2026, 10, 14, 3, 6, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(minutes=1))
START_MS = 1_791_947_160_000
COLUMNS = {"@timestamp": "time", "number": "int"}


def _query(
    service: Service, text: str = "fields @timestamp, number", *, window: Window = WINDOW, **of: Any
) -> Answer:
    clock = Clock()
    insights = Insights(service, sleep=clock.sleep, monotonic=clock.monotonic, **of)
    return insights.query("lines", text, groups=["/g"], window=window, columns=COLUMNS)


def _spans(service: Service) -> list[tuple[int, int]]:
    """Give what was asked, as seconds after the start, both inclusive."""
    first = START_MS // 1000
    return [(asked["startTime"] - first, asked["endTime"] - first) for asked in service.started]


def test_events_without_a_limit_are_asked_for_as_many_as_a_query_may_give() -> None:
    service = Service([START_MS + 1000 * second for second in range(60)])

    answer = _query(service)

    assert service.started[0]["queryString"] == "fields @timestamp, number\n| limit 100000"
    assert list(service.started[0]) == ["startTime", "endTime", "queryString", "logGroupNames"]
    assert answer.rows["number"].tolist() == list(range(59, -1, -1))
    assert list(answer.rows.columns) == ["@timestamp", "number"]
    assert (answer.receipt.truncated, answer.receipt.parts) == (False, 1)
    assert answer.receipt.completeness == (
        "Every row came. It was asked 12 s after the end of the window: the last events may not "
        "have been there to be found yet."
    )


def test_a_full_window_is_asked_again_in_parts_that_share_no_second() -> None:
    service = Service([START_MS + 500 * place for place in range(120)])

    answer = _query(service, part_rows=50)

    assert answer.rows["number"].tolist() == list(range(119, -1, -1))
    assert _spans(service) == [(0, 59), (0, 19), (20, 39), (40, 59)]
    assert (answer.receipt.rows, answer.receipt.matched) == (120, 120)
    assert answer.receipt.scanned_bytes == 400
    assert answer.receipt.query_id == "q1, q2, q3, q4"
    assert answer.receipt.truncated is False
    assert answer.receipt.completeness.startswith(
        "Every row came, by 4 queries for parts of the window."
    )


def test_a_part_that_is_full_itself_is_cut_again() -> None:
    burst = [START_MS + 30_000 + 100 * place for place in range(40)]

    answer = _query(service := Service(burst), part_rows=15)

    assert answer.rows["number"].tolist() == list(range(39, -1, -1))
    assert _spans(service)[:5] == [(0, 59), (0, 14), (15, 29), (30, 44), (45, 59)]
    assert len(service.started) > 5
    assert answer.receipt.truncated is False


def test_parts_are_put_together_oldest_first_when_the_text_says_so() -> None:
    service = Service([START_MS + 500 * place for place in range(120)])

    answer = _query(service, "fields @timestamp, number | sort @timestamp asc", part_rows=50)

    assert answer.rows["number"].tolist() == list(range(120))


def test_a_single_second_that_is_full_is_said_to_lack_events() -> None:
    service = Service([START_MS + 30_000 + place for place in range(40)])

    answer = _query(service, part_rows=15)

    assert len(answer.rows) == 15
    assert answer.receipt.truncated is True
    assert answer.receipt.completeness.startswith(
        "There may be more rows: the second from 2026-10-14T03:06:30Z alone has 15 or more, and a "
        "query cannot look at less."
    )


def test_an_event_that_two_parts_give_is_kept_once() -> None:
    class Inclusive(Service):
        def start_query(self, **arguments: Any) -> dict[str, Any]:
            return super().start_query(**arguments | {"endTime": arguments["endTime"] + 1})

    answer = _query(Inclusive([START_MS + 500 * place for place in range(120)]), part_rows=50)

    assert answer.rows["number"].tolist() == list(range(119, -1, -1))


def test_more_events_than_anybody_wants_are_not_fetched_and_it_is_said() -> None:
    service = Service([START_MS + 500 * place for place in range(120)])

    answer = _query(service, part_rows=50, most_rows=100)

    assert len(service.started) == 1
    assert answer.rows["number"].tolist() == list(range(119, 69, -1))
    assert answer.receipt.cut == "120 events match, and more than 100 are not fetched"


def test_a_part_that_fails_leaves_the_newest_rows_and_stops_the_others() -> None:
    class Failing(Service):
        def start_query(self, **arguments: Any) -> dict[str, Any]:
            if len(self.started) == 2:
                raise refusal("AccessDeniedException", "no")
            return super().start_query(**arguments)

    service = Failing([START_MS + 500 * place for place in range(120)], polls=1)

    answer = _query(service, part_rows=50)

    assert answer.rows["number"].tolist() == list(range(119, 69, -1))
    assert answer.receipt.cut.startswith(
        "the parts of the window did not all come (Not seen: query lines on /g."
    )
    assert service.stopped == ["q2"]
    assert service.under_way == 0


def test_parts_that_take_too_long_leave_the_newest_rows() -> None:
    class Slowing(Service):
        def start_query(self, **arguments: Any) -> dict[str, Any]:
            self.polls = 1000 if self.started else 0
            return super().start_query(**arguments)

    service = Slowing([START_MS + 500 * place for place in range(120)])

    answer = _query(service, part_rows=50, deadline_s=5)

    assert len(answer.rows) == 50
    assert "After 5 s it was still Running" in answer.receipt.cut
    assert sorted(service.stopped) == ["q2", "q3", "q4"]


@pytest.mark.parametrize(
    "text",
    [
        "fields @timestamp, number | limit 50",
        "fields @timestamp, number | sort number desc",
        "fields @timestamp, number | dedup number",
        "stats count(*) as number by bin(1s) as `@timestamp`",
    ],
)
def test_what_cannot_be_put_together_again_is_one_query(text: str) -> None:
    service = Service([START_MS + 4 * place for place in range(10_000)])

    answer = _query(service, text, part_rows=50)

    assert len(service.started) == 1
    assert service.started[0]["queryString"] == text
    assert answer.receipt.truncated is True


def test_what_may_be_missing_from_a_single_query_is_said() -> None:
    service = Service([START_MS + 4 * place for place in range(10_000)])

    limited = _query(service, "fields @timestamp, number | limit 50")
    counted = _query(service, "stats count(*) as number by @timestamp")

    assert limited.receipt.cut == "the text allows 50"
    assert counted.receipt.cut == "the service gives 10,000 where the text states no limit"


EVENTS = Reading(events=True)


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("fields @message", EVENTS),
        ("\nfilter @message like /a|limit b/\n| fields a/b, `c|d`", EVENTS),
        ("fields a # | stats count(*)\n| filter b = '| dedup c'", EVENTS),
        ("fields a | sort @timestamp DESC", EVENTS),
        ("parse @message /a (?<x>..) | /", EVENTS),
        ('FIELDS a | WHERE b == 1 | parse @message "* | *" as c, d | display c', EVENTS),
        ("fields a | sort @timestamp", Reading(events=True, oldest_first=True)),
        ("fields a | sort by @timestamp asc", Reading(events=True, oldest_first=True)),
        ("fields a | limit any 7 # rows", Reading(limit=7)),
        ("fields a | sort b", Reading()),
        ("fields a | sort @timestamp, b", Reading()),
        ("fields a | sort @timestamp | sort @timestamp desc", Reading()),
        ("fields a as @timestamp | sort @timestamp", Reading()),
        ("stats count(*)", Reading()),
        ("fields a | dedup a", Reading()),
        ("unnest a into b | fields b", Reading()),
        ("parse @message /a(?<x>.)/ multi", Reading()),
        ("fields now() as a", Reading()),
        ("fields queryTimeRange() as a", Reading()),
        ("filter a in (SOURCE '/g' | fields b)", Reading()),
        ("fields 'a", Reading()),
        ("fields (a", Reading()),
        ("", Reading()),
    ],
)
def test_a_text_is_read_for_whether_it_asks_for_events(text: str, reading: Reading) -> None:
    assert read(text) == reading


def test_a_text_that_has_no_room_for_a_limit_is_sent_as_it_is() -> None:
    text = "fields @timestamp, number #" + "x" * 9_970
    service = Service([START_MS + 4 * place for place in range(10_000)])

    answer = _query(service, text)

    assert service.started[0]["queryString"] == text
    assert answer.receipt.truncated is True
