"""The window: what people write, and what is made of it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from opslib.errors import BadInput
from opslib.window import Window, iso, require_possible, wall_now

NOW = datetime(2026, 10, 14, 3, 7, 30, tzinfo=UTC)


def _at(day: int, hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 10, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("-3h", "now", (_at(14, 0, 7), _at(14, 3, 7))),
        ("-90m", "-30m", (_at(14, 1, 37), _at(14, 2, 38))),
        ("-2d", "now", (_at(12, 3, 7), _at(14, 3, 7))),
        ("2026-10-14T00:07:10Z", "2026-10-14T01:00:01Z", (_at(14, 0, 7), _at(14, 1, 1))),
        ("2026-10-14T02:07:00+02:00", " now ", (_at(14, 0, 7), _at(14, 3, 7))),
        ("2026-10-14 00:07:00+00:00", "2026-10-14T03:08:00Z", (_at(14, 0, 7), _at(14, 3, 7))),
        (_at(14, 1, 0), _at(14, 2, 0), (_at(14, 1, 0), _at(14, 2, 0))),
        (
            datetime(2026, 10, 14, 3, 0, tzinfo=timezone(timedelta(hours=2))),
            "now",
            (_at(14, 1, 0), _at(14, 3, 7)),
        ),
    ],
)
def test_ends_are_read_in_utc_and_aligned_to_the_minute(
    start: str | datetime, end: str | datetime, expected: tuple[datetime, datetime]
) -> None:
    window = Window.between(start, end, now=NOW)

    assert (window.start, window.end) == expected


def test_a_longer_period_aligns_outwards_but_not_past_the_last_whole_one() -> None:
    past = Window.between("2026-10-14T01:02:00Z", "2026-10-14T02:02:00Z", now=NOW, period_s=300)
    until_now = Window.between("-1h", "now", now=NOW, period_s=300)

    assert (past.start, past.end) == (_at(14, 1, 0), _at(14, 2, 5))
    assert until_now.end == _at(14, 3, 5)


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-10-14T00:07:00", "now", "no time zone; add Z if it is UTC: 2026-10-14T00:07:00Z"),
        (datetime(2026, 10, 14), "now", "add Z if it is UTC"),  # noqa: DTZ001
        ("yesterday", "now", "start is 'yesterday', which is not an instant"),
        ("-3w", "now", "start is '-3w', which is not an instant"),
        (5, "now", "start is a int, not an instant"),
        ("-1h", "-2h", "there is no whole period of 60 s"),
        ("now", "now", "there is no whole period of 60 s"),
        (
            "2026-10-14T02:00:30Z",
            "2026-10-14T02:00:30Z",
            "from 2026-10-14T02:00:30Z to 2026-10-14T02:00:30Z there is no whole period of 60 s",
        ),
        ("-1h", "2026-10-14T03:08:01Z", "end is 2026-10-14T03:08:01Z, which lies in the future"),
        ("-32d", "now", "is 32 d, and 31 d is the longest"),
        (
            "2025-07-01T00:00:00Z",
            "2025-07-02T00:00:00Z",
            "start is 2025-07-01T00:00:00Z, 470 d 3 h 7 min 30 s ago, and CloudWatch keeps metrics "
            "for 455 d. Start at 2025-07-16T03:08:00Z or later.",
        ),
        ("-999999d", "now", "start is -999999d, which lies outside of the years 1 to 9999"),
        ("-1h", "9999-12-31T23:59:59Z", "end is 9999-12-31T23:59:59Z, which lies in the future"),
        (
            "-1h",
            "9999-12-31T23:59:59-01:00",
            "end is 9999-12-31T23:59:59-01:00, which lies outside of the years 1 to 9999",
        ),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(start: str, end: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        Window.between(start, end, now=NOW)

    assert said in refused.value.message
    assert refused.value.message.startswith("No window was made: ")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("now", "-3h", "there is no whole period of 60 s"),
        ("2026-10-14T02:00:00Z", "2026-10-14T02:00:00Z", "there is no whole period of 60 s"),
        ("-32d", "now", "is 32 d, and 31 d is the longest"),
        (
            "9999-01-01T00:00:00Z",
            "9999-01-02T00:00:00Z",
            "start is 9999-01-01T00:00:00Z, more than 10 years in the future; "
            "it is 2026-10-14T03:07:30Z now. Name one at most 10 years from that.",
        ),
        ("1970-01-01T00:00:00Z", "now", "start is 1970-01-01T00:00:00Z, more than 10 years in the"),
        ("-1h", "9999-12-31T23:59:59Z", "end is 9999-12-31T23:59:59Z, more than 10 years in the"),
    ],
)
def test_ends_that_make_no_window_are_refused_whatever_the_services_clock_says(
    start: str, end: str, said: str, known: bool
) -> None:
    with pytest.raises(BadInput) as refused:
        require_possible(start, end, wall=NOW, known=known)

    assert said in refused.value.message


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("-1h", "2026-10-14T03:40:00Z", "end is 2026-10-14T03:40:00Z, which lies in the future"),
        ("2026-10-15T00:00:00Z", "now", "there is no whole period of 60 s"),
        ("2025-07-01T00:00:00Z", "2025-07-02T00:00:00Z", "CloudWatch keeps metrics for 455 d"),
    ],
)
def test_where_the_services_clock_is_about_ours_more_is_refused_than_in_a_sandbox(
    start: str, end: str, said: str
) -> None:
    require_possible(start, end, wall=NOW, known=False)

    with pytest.raises(BadInput) as refused:
        require_possible(start, end, wall=NOW, known=True)

    assert said in refused.value.message


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("-3h", "now"),
        ("-1h", "2026-10-14T03:20:00Z"),
        ("2026-10-14T03:10:00Z", "now"),
        ("-5m", "2026-10-14T03:00:00Z"),
    ],
)
def test_what_a_services_clock_may_allow_passes(start: str, end: str) -> None:
    require_possible(start, end, wall=NOW, known=True)


def test_a_refusal_by_our_own_clock_names_whole_seconds() -> None:
    with pytest.raises(BadInput) as refused:
        require_possible("now", "-1h", wall=NOW.replace(microsecond=961571), known=True)

    assert "from 2026-10-14T03:07:30Z to 2026-10-14T02:07:30Z there" in refused.value.message


@pytest.mark.parametrize(
    ("start", "end", "title"),
    [
        ("-3h", "now", "2026-10-14 00:07–03:07 UTC (3 h)"),
        ("-4h", "now", "2026-10-13 23:07 – 2026-10-14 03:07 UTC (4 h)"),
        ("-2d", "-1d", "2026-10-12 03:07 – 2026-10-13 03:08 UTC (1 d 1 min)"),
        ("-90m", "now", "2026-10-14 01:37–03:07 UTC (1 h 30 min)"),
    ],
)
def test_the_title_names_dates_only_as_often_as_needed(start: str, end: str, title: str) -> None:
    assert Window.between(start, end, now=NOW).title == title


@pytest.mark.parametrize(
    ("start", "text", "seconds"),
    [
        ("-5m", "1m", 60),
        ("-1h", "2m", 120),
        ("-3h", "5m", 300),
        ("-12h", "30m", 1800),
        ("-24h", "1h", 3600),
        ("-31d", "1d", 86400),
    ],
)
def test_a_bin_gives_at_most_36_points(start: str, text: str, seconds: int) -> None:
    width = Window.between(start, "now", now=NOW).bin

    assert (width.text, width.seconds, width.width) == (text, seconds, timedelta(seconds=seconds))


def test_a_bin_is_never_narrower_than_the_period() -> None:
    assert Window.between("-1h", "now", now=NOW, period_s=300).bin.text == "5m"


def test_the_window_before_has_the_same_length() -> None:
    window = Window.between("-3h", "now", now=NOW).before(timedelta(days=1))

    assert window.title == "2026-10-13 00:07–03:07 UTC (3 h)"


def test_a_window_splits_at_the_minute_that_an_instant_falls_in() -> None:
    first, second = Window.between("-3h", "now", now=NOW).split(_at(14, 1, 52, 12))

    assert (first.start, first.end) == (_at(14, 0, 7), _at(14, 1, 52))
    assert (second.start, second.end) == (_at(14, 1, 52), _at(14, 3, 7))


@pytest.mark.parametrize("at", [_at(14, 0, 7, 30), _at(14, 3, 7), _at(13, 0, 0)])
def test_a_window_is_not_split_into_nothing(at: datetime) -> None:
    window = Window.between("-3h", "now", now=NOW)

    with pytest.raises(BadInput) as refused:
        window.split(at)

    assert "was not split" in refused.value.message


def test_the_start_is_in_the_window_and_the_end_is_not() -> None:
    window = Window.between("-3h", "now", now=NOW)

    assert (_at(14, 0, 7) in window, _at(14, 3, 6, 59) in window, _at(14, 3, 7) in window) == (
        True,
        True,
        False,
    )
    assert (window.start_s, window.end_s) == (1791936420, 1791947220)
    assert window.as_dict() == {"start": "2026-10-14T00:07:00Z", "end": "2026-10-14T03:07:00Z"}


def test_instants_are_written_in_utc_with_a_z() -> None:
    local = datetime(2026, 10, 14, 5, 7, tzinfo=timezone(timedelta(hours=2)))

    assert iso(local) == "2026-10-14T03:07:00Z"


def test_the_wall_clock_has_a_zone() -> None:
    assert wall_now().tzinfo is UTC
