"""From numbers to verdicts: the edges, what is unknown, and what a finding says."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from opslib.health import (
    Check,
    Finding,
    Verdict,
    agreement_finding,
    cold_start_findings,
    duration_findings,
    judge,
    levels,
    memory_finding,
    rows,
    sustained,
    swallowed_finding,
    worst,
)
from opslib.health.feeds import dead_letters
from opslib.health.functions import FunctionChecks
from opslib.health.series import Series
from opslib.health.verdicts import Point, number, span
from opslib.system import Function, Threshold, Thresholds
from opslib.window import Window

HEALTHY, WARNING, CRITICAL, UNKNOWN = Verdict
T = Thresholds()
START = datetime(2026, 10, 14, 0, 7, tzinfo=UTC)
END = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
WINDOW = Window(START, END)
DEPLOYED = datetime(2026, 10, 14, 1, 52, tzinfo=UTC)
STREAM = Function(name="f", table="t", dead_letter_queue="q")


# --- the edges


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([HEALTHY, WARNING], WARNING),
        ([WARNING, UNKNOWN, HEALTHY], UNKNOWN),
        ([UNKNOWN, CRITICAL, WARNING], CRITICAL),
        ([HEALTHY], HEALTHY),
        ([], UNKNOWN),
    ],
)
def test_a_critical_that_was_seen_stands_and_not_having_looked_outranks_a_warning(
    verdicts: list[Verdict], expected: Verdict
) -> None:
    assert worst(verdicts) is expected


def test_nothing_judged_is_what_the_caller_says_it_is() -> None:
    assert worst([], default=HEALTHY) is HEALTHY


def test_exit_codes_are_those_of_monitoring_plugins() -> None:
    assert [verdict.exit_code for verdict in (HEALTHY, WARNING, CRITICAL, UNKNOWN)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("threshold", "value", "expected"),
    [
        (T.error_rate, 0, HEALTHY),
        (T.error_rate, 0.01, WARNING),
        (T.error_rate, 1, WARNING),
        (T.error_rate, 1.01, CRITICAL),
        (T.duration_of_timeout, 49.9, HEALTHY),
        (T.duration_of_timeout, 50, WARNING),
        (T.duration_of_timeout, 80, WARNING),
        (T.duration_of_timeout, 80.1, CRITICAL),
        (T.iterator_age_ms, 999, HEALTHY),
        (T.iterator_age_ms, 1_000, WARNING),
        (T.iterator_age_ms, 30_000, WARNING),
        (T.iterator_age_ms, 30_001, CRITICAL),
        (T.dead_letters, 0, HEALTHY),
        (T.dead_letters, 1, WARNING),
        (T.dead_letters, 10, WARNING),
        (T.dead_letters, 11, CRITICAL),
        (T.cold_start_rate, 99, WARNING),
        (T.dead_letters, None, UNKNOWN),
        (T.dead_letters, float("nan"), UNKNOWN),
        (Threshold(critical=5, unit="%", source="us"), 5, HEALTHY),
        (Threshold(critical=5, unit="%", source="us"), 6, CRITICAL),
        (T.dead_letter_hours_left, 12, HEALTHY),
        (T.dead_letter_hours_left, 11.9, WARNING),
        (T.dead_letter_hours_left, 4, WARNING),
        (T.dead_letter_hours_left, 3.9, CRITICAL),
        (T.dead_letter_hours_left, 0, CRITICAL),
        (T.throttles, 0, HEALTHY),
        (T.throttles, 1, WARNING),
        (T.throttles, 11, CRITICAL),
        (T.stream_write_throttles, 1, CRITICAL),
        (T.swallowed_records, 0, HEALTHY),
        (T.queue_age_ms, 900_000, HEALTHY),
        (T.queue_age_ms, 900_001, CRITICAL),
    ],
)
def test_the_guides_edges(threshold: Threshold, value: float | None, expected: Verdict) -> None:
    assert judge(value, threshold) is expected


@pytest.mark.parametrize(
    ("threshold", "texts"),
    [
        (T.error_rate, ("0", "> 0, ≤ 1", "> 1")),
        (T.duration_of_timeout, ("< 50", "≥ 50, ≤ 80", "> 80")),
        (T.iterator_age_ms, ("< 1,000", "≥ 1,000, ≤ 30,000", "> 30,000")),
        (T.cold_start_rate, ("< 5", "≥ 5", "")),
        (Threshold(critical=5, unit="%", source="us"), ("≤ 5", "", "> 5")),
        (T.swallowed_records, ("0", "", "> 0")),
        (T.dead_letter_hours_left, ("≥ 12", "< 12, ≥ 4", "< 4")),
    ],
)
def test_ranges_are_shown_as_they_are_judged(
    threshold: Threshold, texts: tuple[str, str, str]
) -> None:
    assert levels(threshold) == texts


@pytest.mark.parametrize(
    ("values", "periods", "expected"),
    [
        ([10, 90, 10, 85, 88, 20], 2, 85),
        ([10, 90, 10], 2, 10),
        ([10, 90, 10], 1, 90),
        ([90, None, 80, float("nan"), 85], 3, 80),
        ([90], 2, 90),
        ([90, 70], 3, 70),
        ([None], 2, None),
        ([], 2, None),
    ],
)
def test_a_level_counts_only_when_held(
    values: list[float | None], periods: int, expected: float | None
) -> None:
    assert sustained(values, periods) == expected


# --- durations


def _bins(*p95_ms: float) -> pd.DataFrame:
    """Bins of 5 minutes from 00:05 on; the longest takes 100 ms more than the p95."""
    at = pd.date_range("2026-10-14T00:05Z", periods=len(p95_ms), freq="5min", unit="ns")
    longest = [value + 100 for value in p95_ms]
    return pd.DataFrame({"at": at, "p95_ms": p95_ms, "max_ms": longest}, dtype="object").astype(
        {"at": "datetime64[ns, UTC]", "p95_ms": "float64", "max_ms": "float64"}
    )


def _durations(bins: pd.DataFrame, deployed_at: datetime | None = None) -> list[Finding]:
    return duration_findings(
        bins, timeout_ms=10_000, thresholds=T, subject="f", deployed_at=deployed_at
    )


def test_durations_far_from_the_timeout_are_no_finding() -> None:
    assert _durations(_bins(*[800.0] * 12, *[900.0] * 12), DEPLOYED) == []


def test_a_p95_held_above_80_percent_of_the_timeout_is_critical() -> None:
    finding = _durations(_bins(4000, 4100, 8500, 9000, 8600, 4000))[0]

    assert (finding.id, finding.severity) == ("duration.near-timeout", CRITICAL)
    assert finding.title == "f takes 86 % of its timeout"
    assert finding.since == datetime(2026, 10, 14, 0, 15, tzinfo=UTC)
    assert finding.detail == (
        "The p95 of the duration held 8.6 s of the timeout of 10.0 s, 86 %, for 2 periods running. "
        "It first held critical from 2026-10-14 00:15 UTC on. "
        "The last value, of 2026-10-14 00:30 UTC, is 4.0 s. The longest took 9.1 s."
    )


def test_a_level_of_fewer_values_than_periods_says_how_many_there_were() -> None:
    near = _durations(_bins(9000))[0]
    row = _triage([*_without("duration_p95_ms"), ("duration_p95_ms", 5, 9000.0)])["Duration"]
    lag = _triage([*_without("iterator_age_ms"), ("iterator_age_ms", 5, 40_000.0)])["Iterator age"]

    assert "90 %, in the only value there was. " in near.detail
    assert row.note == "p95 of 9.0 s in the only value there was, timeout 10.0 s"
    assert lag.note == "in the only value there was; last seen 40.0 s"
    assert lag.finding is not None
    assert "Records were 40.0 s old or older in the only value there was, " in lag.finding.detail


def test_one_period_alone_above_the_threshold_is_not_held() -> None:
    assert _durations(_bins(4000, 4000, 9800, 4000, 4000)) == []


def test_invocations_that_reached_the_timeout_were_cut_off() -> None:
    bins = _bins(800, 800, 800, 800, 800, 800).assign(
        max_ms=[900.0, 10_000.0, 900.0, 10_003.2, 9_999.9, 900.0]
    )

    (finding,) = _durations(bins)

    assert (finding.id, finding.severity) == ("duration.timed-out", CRITICAL)
    assert finding.title == "Invocations of f reached the timeout of 10.0 s and were cut off"
    assert finding.detail == (
        "In 2 of 6 bins the longest invocation took the whole timeout of 10.0 s, and Lambda ends "
        "one that does: the first in the bin of 2026-10-14 00:10 UTC, the last in that of "
        "2026-10-14 00:20 UTC."
    )
    assert finding.since == datetime(2026, 10, 14, 0, 10, tzinfo=UTC)


def test_what_came_before_a_change_is_not_held_against_the_timeout_of_now() -> None:
    deployed = datetime(2026, 10, 14, 0, 25, tzinfo=UTC)
    slow = _bins(12_000, 13_000, 12_500, 12_000)

    lowered = _durations(_bins(12_000, 13_000, 12_500, 12_000, 900, 900, 900), deployed)
    unproven = _durations(slow, deployed)

    assert lowered == []
    assert [each.id for each in unproven] == ["duration.timed-out", "duration.near-timeout"]


def test_the_row_of_durations_too_rests_on_those_since_a_change() -> None:
    points: Points = [
        *_without("duration_p95_ms"),
        *[("duration_p95_ms", minute, 13_000.0) for minute in range(0, 60, 5)],
        *[("duration_p95_ms", minute, 900.0) for minute in range(60, 180, 5)],
    ]

    check = _triage(points, deployed_at=START + timedelta(minutes=60))["Duration"]

    assert (check.shown, check.verdict) == ("9 % of the timeout", HEALTHY)


@pytest.mark.parametrize("minutes", [5, 14])
def test_a_change_is_not_taken_for_the_end_of_long_durations_before_a_quarter_of_an_hour(
    minutes: int,
) -> None:
    bins = _bins(*[9_950.0] * 30, *[300.0] * 5)
    last_at = bins["at"].iloc[-1].to_pydatetime()
    kept = bins[(bins["p95_ms"] > 300) | (bins["at"] >= last_at - timedelta(minutes=minutes))]

    findings = _durations(kept, last_at - timedelta(minutes=minutes))

    assert [each.severity for each in findings] == [UNKNOWN]
    assert {each.id for each in findings} == {"duration.near-timeout"}
    assert {each.until for each in findings} == {None}


def test_long_durations_that_a_change_ended_are_told_as_over_not_as_well() -> None:
    mended = datetime(2026, 10, 14, 2, 36, tzinfo=UTC)
    last = datetime(2026, 10, 14, 2, 30, tzinfo=UTC)
    bins = _bins(*[9_950.0] * 30, *[300.0] * 5)

    cut_off, near = _durations(bins, mended)

    assert (cut_off.severity, near.severity) == (CRITICAL, CRITICAL)
    assert (cut_off.until, near.until) == (last, last)
    assert cut_off.title == (
        "Invocations of f reached the timeout of 10.0 s and were cut off until 2026-10-14 02:30 UTC"
    )
    assert near.title == "f took 100 % of its timeout until 2026-10-14 02:30 UTC"
    assert cut_off.detail.endswith(
        " The change of 2026-10-14 02:36 UTC ended it: going back repeats it."
    )
    assert near.detail.endswith(
        " The change of 2026-10-14 02:36 UTC ended it: going back repeats it. After that the p95 "
        "was 300 ms at most, looked at until 2026-10-14 02:55 UTC."
    )


def test_long_durations_that_were_over_before_a_change_were_not_ended_by_it() -> None:
    young = datetime(2026, 10, 14, 2, 52, tzinfo=UTC)
    bins = _bins(*[9_950.0] * 20, *[300.0] * 15)

    cut_off, near = _durations(bins, young)

    assert (cut_off.severity, near.severity) == (CRITICAL, CRITICAL)
    assert near.title == "f took 100 % of its timeout until 2026-10-14 01:40 UTC"
    assert "ended it" not in near.detail + cut_off.detail


def test_timeouts_of_few_just_before_a_change_are_not_known_to_be_over() -> None:
    bins = _bins(*[800.0] * 35).assign(max_ms=[900.0] * 33 + [10_001.0, 900.0])

    (finding,) = _durations(bins, datetime(2026, 10, 14, 2, 52, tzinfo=UTC))

    assert (finding.id, finding.severity) == ("duration.timed-out", UNKNOWN)
    assert finding.title == "Whether the change of f ended its timeouts is not known"


def test_a_finding_of_a_row_is_dated_by_the_period_of_its_metric() -> None:
    periods = {"invocations": 60, "errors": 60, "duration_p95_ms": 300}
    at = [Point(START + timedelta(minutes=minute), 9_000.0) for minute in (0, 5)]
    points = {"invocations": at, "errors": at, "duration_p95_ms": at}
    series = Series(
        subject="f", points=points, status=dict.fromkeys(periods, "Complete"), periods=periods
    )
    function = FunctionChecks(series=series, function=STREAM, thresholds=T, window=WINDOW)

    failed, slow = function.errors().finding, function.duration(10_000).finding

    assert failed is not None
    assert slow is not None
    assert (failed.period, slow.period) == (timedelta(minutes=1), timedelta(minutes=5))


@pytest.mark.parametrize(
    ("every", "last", "told"),
    [(1, 176, True), (1, 177, False), (1, 160, False), (30, 150, False)],
)
def test_what_comes_by_the_minute_and_is_missing_at_the_end_may_be_late(
    every: int, last: int, told: bool
) -> None:
    points = [Point(START + timedelta(minutes=at), 1.0) for at in range(0, last + 1, every)]
    series = Series(
        subject="f",
        points={"invocations": points},
        status={"invocations": "Complete"},
        periods={"invocations": 60},
    )

    row = FunctionChecks(series=series, function=STREAM, thresholds=T, window=WINDOW).invocations()

    late = "; none counted since, and metrics come some minutes late: run again to see those"
    assert row.note.endswith(late) is told
    assert row.verdict is HEALTHY


def test_the_row_of_durations_tells_what_a_change_ended_as_over() -> None:
    points: Points = [
        *_without("duration_p95_ms"),
        *[("duration_p95_ms", minute, 9_900.0) for minute in range(0, 150, 5)],
        *[("duration_p95_ms", minute, 900.0) for minute in range(150, 180, 5)],
    ]

    check = _triage(points, deployed_at=START + timedelta(minutes=149))["Duration"]

    assert (check.shown, check.verdict) == ("99 % of the timeout", CRITICAL)
    assert check.note == (
        "p95 of 9.9 s held for 2 periods of 5 min, timeout 10.0 s; "
        "since 2026-10-14 02:32 UTC it is over, with a p95 of 900 ms"
    )
    assert check.finding is not None
    assert check.finding.title == "f took 99 % of its timeout until 2026-10-14 02:32 UTC"
    assert "The change of 2026-10-14 02:36 UTC ended it" in check.finding.detail


def test_the_row_of_durations_is_not_known_either_so_soon_after_a_change() -> None:
    points: Points = [
        *_without("duration_p95_ms"),
        *[("duration_p95_ms", minute, 9_900.0) for minute in range(0, 175, 5)],
        ("duration_p95_ms", 175, 900.0),
    ]

    check = _triage(points, deployed_at=START + timedelta(minutes=172))["Duration"]

    assert check.verdict is UNKNOWN
    assert check.note.endswith(
        "too soon after the change of 2026-10-14 02:59 UTC to say it is over"
    )
    assert check.finding is not None
    assert check.finding.severity is UNKNOWN


def test_a_p95_between_the_levels_is_a_warning() -> None:
    findings = _durations(_bins(5000, 5000, 5000, 5000))

    assert [(finding.id, finding.severity) for finding in findings] == [
        ("duration.near-timeout", WARNING)
    ]


def test_durations_that_grew_since_the_deployment_name_it() -> None:
    bins = _bins(*[800.0] * 22, *[3000.0, 5000.0, 7000.0, 8500.0, 9000.0])

    near, rising = _durations(bins, DEPLOYED)

    assert (near.id, near.severity) == ("duration.near-timeout", CRITICAL)
    assert near.detail.endswith(
        "The median p95 was 800 ms before the change of 2026-10-14 01:52 UTC."
    )
    assert (rising.id, rising.severity) == ("duration.rising", WARNING)
    assert rising.since == datetime(2026, 10, 14, 1, 55, tzinfo=UTC)
    assert rising.detail == (
        "The median p95 was 800 ms before the change of 2026-10-14 01:52 UTC, and is 7.0 s since: "
        "8.8 times, and 70 % of the timeout of 10.0 s."
    )


def test_without_a_deployment_the_last_quarter_is_held_against_the_first() -> None:
    (rising,) = _durations(_bins(1000, 1000, 1200, 1400, 1600, 1800, 2000, 2200))

    assert rising.id == "duration.rising"
    assert rising.detail == (
        "The median p95 was 1.0 s in the first quarter, from 2026-10-14 00:05 UTC, and is 2.1 s "
        "in the last quarter, from 2026-10-14 00:35 UTC: 2.1 times, and 21 % of the timeout of "
        "10.0 s."
    )


def test_growth_before_a_late_deployment_is_not_hidden_by_it() -> None:
    late = datetime(2026, 10, 14, 0, 35, tzinfo=UTC)

    rising = _durations(_bins(500, 500, 2000, 2000, 2000, 2000, 2000, 2000), late)[-1]

    assert rising.title == "f takes 4.0 times as long as before"
    assert rising.since == datetime(2026, 10, 14, 0, 35, tzinfo=UTC)
    assert rising.detail.startswith(
        "The median p95 was 500 ms in the first quarter, from 2026-10-14 00:05 UTC, and is 2.0 s "
        "in the last quarter, from 2026-10-14 00:35 UTC: 4.0 times"
    )


@pytest.mark.parametrize(
    ("p95_ms", "found"),
    [([500.0] * 2 + [1000.0] * 2, True), ([500.0] * 2 + [999.0] * 2, False), ([1.0, 2.0], False)],
)
def test_growth_counts_from_twice_on_and_from_a_tenth_of_the_timeout_on(
    p95_ms: list[float], found: bool
) -> None:
    deployed = datetime(2026, 10, 14, 0, 15, tzinfo=UTC)

    assert bool(_durations(_bins(*p95_ms), deployed)) is found


def test_doubling_far_from_the_timeout_is_noise() -> None:
    assert _durations(_bins(*[100.0] * 22, *[900.0] * 10), DEPLOYED) == []


def test_no_invocations_are_unknown_and_not_healthy() -> None:
    (finding,) = _durations(_bins())

    assert (finding.id, finding.severity) == ("invocations.none", UNKNOWN)


@pytest.mark.parametrize("timeout_ms", [float("nan"), 0])
def test_an_unknown_timeout_is_unknown_and_not_healthy(timeout_ms: float) -> None:
    (finding,) = duration_findings(
        _bins(9000, 9000), timeout_ms=timeout_ms, thresholds=T, subject="f"
    )

    assert (finding.id, finding.severity) == ("duration.near-timeout", UNKNOWN)


def test_a_bin_without_a_p95_is_passed_over() -> None:
    (finding,) = _durations(_bins(8500, float("nan"), 8600))

    assert finding.severity is CRITICAL


# --- memory


@pytest.mark.parametrize(
    ("used_mb", "severity"),
    [
        (150, None),
        (204.8, WARNING),
        (243.2, WARNING),
        (244, CRITICAL),
        (None, UNKNOWN),
        (float("nan"), UNKNOWN),
        (0, UNKNOWN),
    ],
)
def test_memory_is_judged_by_its_share_of_the_limit(
    used_mb: float | None, severity: Verdict | None
) -> None:
    finding = memory_finding(used_mb=used_mb, limit_mb=256, thresholds=T, subject="f")

    assert (finding.severity if finding else None) is severity


@pytest.mark.parametrize("limit_mb", [float("nan"), 0])
def test_an_unknown_memory_limit_is_unknown(limit_mb: float) -> None:
    finding = memory_finding(used_mb=100, limit_mb=limit_mb, thresholds=T, subject="f")

    assert finding is not None
    assert finding.severity is UNKNOWN
    assert "Its configuration could not be read" in finding.detail


def test_a_memory_finding_says_how_much_of_how_much() -> None:
    finding = memory_finding(used_mb=230, limit_mb=256, thresholds=T, subject="f")

    assert finding is not None
    assert finding.title == "f uses 90 % of its memory"
    assert finding.detail.startswith("The most an invocation used was 230 MB of 256 MB.")


# --- cold starts


def _starts(*minutes_and_ms: tuple[int, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "at": pd.Series(
                [START + timedelta(minutes=minute) for minute, _ in minutes_and_ms],
                dtype="datetime64[ns, UTC]",
            ),
            "init_ms": pd.Series([ms for _, ms in minutes_and_ms], dtype="float64"),
        }
    )


def _cold(
    starts: pd.DataFrame, invocations: int | None, deployed_at: datetime | None = None
) -> list[Finding]:
    return cold_start_findings(
        starts, invocations=invocations, thresholds=T, subject="f", deployed_at=deployed_at
    )


def test_rare_cold_starts_are_no_finding() -> None:
    assert _cold(_starts((1, 400), (2, 400), (3, 400), (4, 400)), 100) == []
    assert _cold(_starts(), 100) == []


def test_cold_starts_from_5_percent_on_are_a_warning() -> None:
    (finding,) = _cold(_starts((5, 400), (1, 500), (3, 450), (4, 400), (2, 700)), 100)

    assert (finding.id, finding.severity) == ("cold-starts.frequent", WARNING)
    assert finding.detail == "5 of 100 invocations waited for an init, 450 ms in the median."
    assert finding.since is None


def test_two_cold_starts_are_not_called_frequent() -> None:
    assert _cold(_starts((1, 400), (2, 400)), 3) == []


@pytest.mark.parametrize("invocations", [0, None])
def test_cold_starts_of_an_unknown_number_of_invocations_are_unknown(
    invocations: int | None,
) -> None:
    (finding,) = _cold(_starts(), invocations)

    assert (finding.id, finding.severity) == ("invocations.none", UNKNOWN)


def test_slower_inits_since_the_deployment_name_it() -> None:
    starts = _starts((10, 400), (20, 440), (30, 450), (105, 1300), (106, 1400), (120, 1200))

    (finding,) = _cold(starts, 540, DEPLOYED)

    assert (finding.id, finding.severity) == ("cold-starts.init-slower", WARNING)
    assert finding.title == "Cold starts of f take 3.1 times as long as before"
    assert finding.detail == (
        "The p95 of init durations was 449 ms over 3 cold starts before the change of "
        "2026-10-14 01:52 UTC, and is 1.4 s over 3 since."
    )
    assert finding.since == DEPLOYED


@pytest.mark.parametrize(
    "starts",
    [
        [(10, 400), (20, 400), (105, 1300), (106, 1300), (107, 1300)],
        [(10, 400), (20, 400), (30, 400), (106, 1300), (107, 1300)],
        [(10, 400), (20, 400), (30, 400), (105, 590), (106, 590), (107, 590)],
    ],
)
def test_inits_are_not_compared_by_a_few_nor_called_slower_by_a_little(
    starts: list[tuple[int, float]],
) -> None:
    assert _cold(_starts(*starts), 540, DEPLOYED) == []


# --- logs and metrics


@pytest.mark.parametrize(
    ("from_logs", "from_metrics", "severity"),
    [
        (540, 540, None),
        (540, 520, None),
        (540, 500, WARNING),
        (10, 8, None),
        (10, 7, WARNING),
        (None, 540, UNKNOWN),
        (540, None, UNKNOWN),
    ],
)
def test_logs_and_metrics_have_to_agree(
    from_logs: float | None, from_metrics: float | None, severity: Verdict | None
) -> None:
    finding = agreement_finding(from_logs=from_logs, from_metrics=from_metrics, subject="f")

    assert (finding.severity if finding else None) is severity


# --- the health table

Points = list[tuple[str, int, float]]

#: Metric, minutes after the start of the window, value: all is well.
WELL: Points = [
    *[("invocations", minute, 3.0) for minute in range(180)],
    *[("errors", minute, 0.0) for minute in range(180)],
    *[("duration_p95_ms", minute, 900.0) for minute in range(0, 180, 5)],
    *[("iterator_age_ms", minute, 600.0) for minute in range(0, 180, 5)],
    *[("dead_letters", minute, 0.0) for minute in range(180)],
]


def _without(name: str, points: Points = WELL) -> Points:
    return [point for point in points if point[0] != name]


def _triage(
    points: Points,
    *,
    status: dict[str, str] | None = None,
    function: Function = STREAM,
    queue_depth: int | None = None,
    queue_asked_at: datetime | None = None,
    timeout_ms: float = 10_000,
    deployed_at: datetime | None = None,
    window: Window = WINDOW,
    thresholds: Thresholds = T,
    filtered: bool | None = False,
) -> dict[str, Check]:
    names = ["invocations", "errors", "duration_p95_ms", "iterator_age_ms", "dead_letters"]
    known = dict.fromkeys([*names, "table_writes"], "Complete") | (status or {})
    held: dict[str, list[Point]] = {name: [] for name in known}
    for name, minute, value in sorted(points, key=lambda point: point[1]):
        held.setdefault(name, []).append(Point(START + timedelta(minutes=minute), value))
    series = Series(subject=function.name, points=held, status=known)
    judged = FunctionChecks(
        series=series,
        function=function,
        thresholds=thresholds,
        window=window,
        deployed_at=deployed_at,
        filtered=filtered,
    )
    checks = judged.rows(timeout_ms)
    if function.dead_letter_queue:
        queue = replace(series, subject=function.dead_letter_queue)
        checks.append(
            dead_letters(
                queue,
                thresholds=thresholds,
                window=window,
                depth=queue_depth,
                asked_at=queue_asked_at,
            )
        )
    return {check.indicator: check for check in checks}


def test_all_is_well() -> None:
    checks = _triage(WELL)

    assert {name: (check.shown, check.verdict) for name, check in checks.items()} == {
        "Invocations": ("540 invocations", HEALTHY),
        "Error rate": ("0 % of invocations", HEALTHY),
        "Duration": ("9 % of the timeout", HEALTHY),
        "Iterator age": ("600 ms", HEALTHY),
        "Dead letters": ("0 messages", HEALTHY),
    }
    assert [check.finding for check in checks.values()] == [None] * 5


def test_what_a_function_does_not_have_is_left_out() -> None:
    assert list(_triage(WELL, function=Function(name="f"))) == [
        "Invocations",
        "Error rate",
        "Duration",
    ]


def test_nothing_seen_is_unknown_in_every_row() -> None:
    checks = _triage([], status=dict.fromkeys(["invocations"], "Forbidden"))

    assert {check.verdict for check in checks.values()} == {UNKNOWN}
    assert {check.value for check in checks.values()} == {None}
    assert checks["Invocations"].note == "status Forbidden"
    assert checks["Duration"].note == "no datapoint in the window"


def test_errors_are_a_share_of_the_windows_invocations() -> None:
    failing = [*_without("errors"), ("errors", 0, 0.0), ("errors", 105, 4.0), ("errors", 110, 5.0)]

    check = _triage(failing)["Error rate"]

    assert (check.value, check.verdict) == (900 / 540, CRITICAL)
    assert check.finding is not None
    assert check.finding.as_dict() == {
        "id": "errors.rate",
        "severity": "critical",
        "title": "1.7 % of the invocations of f failed until 2026-10-14 01:57 UTC",
        "detail": "9 of 540 invocations ended in an error, the first in the period from "
        "2026-10-14 01:52 UTC on. None was seen after 2026-10-14 01:57 UTC; what followed was "
        "looked at until 2026-10-14 03:06 UTC.",
        "subject": "f",
        "evidence": ["invocations", "errors"],
        "next": {"notebook": None, "remedy": None},
        "since": "2026-10-14T01:52:00Z",
    }


def test_errors_that_come_in_bursts_say_in_how_many_minutes_they_were_seen() -> None:
    failing = [*_without("errors"), *(("errors", minute, 4.0) for minute in (100, 120, 140, 179))]

    finding = _triage(failing)["Error rate"].finding

    assert finding is not None
    assert finding.detail.endswith(" Seen in 4 of 80 minutes, in 4 bursts.")


@pytest.mark.parametrize("status", ["PartialData", "Forbidden"])
def test_errors_among_too_few_counted_invocations_are_no_rate(status: str) -> None:
    failing = [*_without("errors"), ("errors", 105, 9.0)]

    check = _triage(failing, status={"invocations": status})["Error rate"]

    assert (check.value, check.verdict, check.finding) == (None, UNKNOWN, None)
    assert check.note == f"9 errors, of how many invocations is not known: status {status}"


def test_no_errors_metric_is_unknown_and_not_zero_errors() -> None:
    check = _triage(_without("errors"))["Error rate"]

    assert (check.value, check.verdict) == (None, UNKNOWN)


@pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
def test_data_that_is_not_whole_can_show_what_is_bad_but_not_what_is_well(status: str) -> None:
    slow = [*_without("duration_p95_ms"), ("duration_p95_ms", 1, 9e3), ("duration_p95_ms", 6, 9e3)]

    well = _triage(WELL, status={"duration_p95_ms": status})["Duration"]
    bad = _triage(slow, status={"duration_p95_ms": status})["Duration"]

    assert (well.verdict, bad.verdict) == (UNKNOWN, CRITICAL)


def test_the_duration_that_counts_is_held_for_two_periods() -> None:
    slow = [
        *_without("duration_p95_ms"),
        *[("duration_p95_ms", 5 * place, 900.0) for place in range(20)],
        *[("duration_p95_ms", 100 + 5 * place, ms) for place, ms in enumerate([9900, 8500, 8700])],
    ]

    check = _triage(slow)["Duration"]

    assert (check.shown, check.verdict) == ("85 % of the timeout", CRITICAL)
    assert check.finding is not None
    assert check.finding.id == "duration.near-timeout"
    assert check.finding.since == START + timedelta(minutes=100)
    assert (check.healthy, check.warning, check.critical) == ("< 50", "≥ 50, ≤ 80", "> 80")


@pytest.mark.parametrize("timeout_ms", [float("nan"), 0])
def test_a_long_duration_without_a_timeout_is_unknown(timeout_ms: float) -> None:
    slow = [*_without("duration_p95_ms"), ("duration_p95_ms", 1, 9e3), ("duration_p95_ms", 6, 9e3)]

    check = _triage(slow, timeout_ms=timeout_ms)["Duration"]

    assert (check.shown, check.verdict, check.finding) == ("not seen", UNKNOWN, None)
    assert check.note == "the timeout is not known"


@pytest.mark.parametrize(
    ("value", "text"), [(float("nan"), "not known"), (float("inf"), "inf"), (99.5, "100")]
)
def test_a_number_is_written_whatever_it_is(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (80.4, "80.4"),
        (79.96, "79.96"),
        (80, "80"),
        (80.004, "80.004"),
        (81.4, "81"),
        (0.96, "0.96"),
    ],
)
def test_a_number_is_not_rounded_onto_the_limit_that_it_passes(value: float, text: str) -> None:
    limits = Threshold(warning=1, critical=80, unit="%", source="a test")

    assert number(value, limits) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (862, "862 ms"),
        (34_900, "34.9 s"),
        (119_900, "119.9 s"),
        (146_000, "2 min 26 s"),
        (420_000, "7 min"),
        (900_000, "15 min"),
        (3_715_600, "62 min"),
        (7_200_000, "2 h"),
        (34_200_000, "9.5 h"),
        (147_600_000, "1 d 17 h"),
        (172_800_000, "2 d"),
        (1_036_800_000, "12 d"),
        (float("nan"), "not known"),
    ],
)
def test_a_length_of_time_is_written_as_a_person_says_it(milliseconds: float, text: str) -> None:
    assert span(milliseconds) == text


def test_a_lag_names_its_level_and_since_when() -> None:
    lagging = [
        *_without("iterator_age_ms"),
        *[("iterator_age_ms", 5 * place, 600.0) for place in range(30)],
        ("iterator_age_ms", 150, 31_000.0),
        ("iterator_age_ms", 155, 45_000.0),
        ("iterator_age_ms", 160, 40_000.0),
    ]

    check = _triage(lagging)["Iterator age"]

    assert (check.value, check.verdict) == (40_000, CRITICAL)
    assert check.finding is not None
    assert check.finding.id == "stream.lag"
    assert check.finding.since == START + timedelta(minutes=150)
    assert check.finding.detail == (
        "Records were 40.0 s old or older for 2 periods running, first from 2026-10-14 02:37 UTC "
        "on; the last value, of 2026-10-14 02:47 UTC, is 40.0 s."
    )


def test_invocations_without_an_iterator_age_did_not_come_through_the_stream() -> None:
    check = _triage(_without("iterator_age_ms"))["Iterator age"]

    assert check.verdict is UNKNOWN
    assert check.note == "invocations, but none through the stream: look at the mapping's State"


def test_dead_letters_are_those_of_the_last_datapoint() -> None:
    waiting = [
        *_without("dead_letters"),
        ("dead_letters", 10, 50.0),
        ("dead_letters", 20, 0.0),
        ("dead_letters", 170, 2.0),
        ("dead_letters", 175, 11.0),
    ]

    check = _triage(waiting)["Dead letters"]

    assert (check.subject, check.shown, check.verdict) == ("q", "11 messages", CRITICAL)
    assert check.finding is not None
    assert check.finding.id == "dead-letters.waiting"
    assert check.finding.since == START + timedelta(minutes=170)


def test_an_old_depth_says_nothing_about_now() -> None:
    check = _triage([*_without("dead_letters"), ("dead_letters", 100, 0.0)])["Dead letters"]

    assert check.verdict is UNKNOWN
    assert check.note == "the last datapoint is of 2026-10-14 01:47 UTC, too old to say"


@pytest.mark.parametrize(("depth", "verdict"), [(0, HEALTHY), (3, WARNING), (11, CRITICAL)])
def test_an_idle_queue_without_metrics_is_judged_by_what_sqs_says(
    depth: int, verdict: Verdict
) -> None:
    check = _triage(_without("dead_letters"), queue_depth=depth, queue_asked_at=END)["Dead letters"]

    assert (check.value, check.verdict) == (depth, verdict)


def test_what_sqs_says_stands_though_the_metric_is_refused() -> None:
    points, refused = _without("dead_letters"), {"dead_letters": "Forbidden"}

    check = _triage(points, status=refused, queue_depth=0, queue_asked_at=END)["Dead letters"]

    assert check.verdict is HEALTHY


def test_what_sqs_says_is_dated_with_when_it_was_asked() -> None:
    asked = END + timedelta(minutes=15)

    check = _triage(_without("dead_letters"), queue_depth=3, queue_asked_at=asked)["Dead letters"]

    assert check.note == "as SQS itself said at 2026-10-14 03:22 UTC"
    assert check.finding is not None
    assert check.finding.detail.startswith("3 messages were in q at 2026-10-14 03:22 UTC.")


@pytest.mark.parametrize("asked_at", [None, END + timedelta(minutes=16), END - timedelta(hours=1)])
def test_the_depth_of_another_time_does_not_judge_the_window(asked_at: datetime | None) -> None:
    metric = _triage(WELL, queue_depth=50, queue_asked_at=asked_at)["Dead letters"]
    nothing = _triage(_without("dead_letters"), queue_depth=50, queue_asked_at=asked_at)

    assert (metric.value, metric.verdict, metric.finding) == (0, HEALTHY, None)
    assert metric.note == "last datapoint, 2026-10-14 03:06 UTC"
    assert (nothing["Dead letters"].value, nothing["Dead letters"].verdict) == (None, UNKNOWN)
    assert nothing["Dead letters"].note == (
        "no datapoint in the window; what SQS says now is not of this window"
    )


SILENT = [point for point in WELL if point[0] != "invocations" or point[1] < 100]


def test_a_streams_function_that_fell_silent_is_a_warning() -> None:
    check = _triage(SILENT)["Invocations"]

    assert check.verdict is WARNING
    assert check.finding is not None
    assert (check.finding.id, check.finding.since) == (
        "invocations.none",
        START + timedelta(minutes=99),
    )
    assert "No write to its table t was seen either" in check.finding.detail


def test_a_function_that_fell_silent_while_its_table_is_written_is_critical() -> None:
    check = _triage([*SILENT, ("table_writes", 120, 40.0)])["Invocations"]

    assert check.verdict is CRITICAL
    assert check.finding is not None
    assert "Its table t was written meanwhile" in check.finding.detail


def test_a_silence_is_well_in_which_nothing_was_written_to_what_it_reads() -> None:
    points = [*SILENT, ("table_writes", 50, 40.0)]

    quiet = _triage(points)["Invocations"]
    unseen = _triage(points, status={"table_writes": "PartialData"})["Invocations"]

    assert (quiet.verdict, quiet.finding) == (HEALTHY, None)
    assert unseen.verdict is WARNING


def test_a_silence_of_a_critical_function_counts_though_nothing_was_written() -> None:
    function = Function(name="f", table="t", critical=True)

    checks = _triage([*SILENT, ("table_writes", 50, 40.0)], function=function)

    assert checks["Invocations"].verdict is CRITICAL


def test_a_silence_is_as_long_as_the_thresholds_say() -> None:
    stated = Threshold(critical=7_200_000, unit="ms", source="agreed")
    points = [*SILENT, ("table_writes", 120, 40.0)]

    check = _triage(points, thresholds=T.model_copy(update={"silence_ms": stated}))["Invocations"]

    assert (check.verdict, check.healthy, check.source) == (HEALTHY, "> 0 in 2 h", "agreed")


def _ran(*minutes: int) -> Points:
    return [*_without("invocations"), *[("invocations", minute, 3.0) for minute in minutes]]


@pytest.mark.parametrize(
    ("minutes", "gap"),
    [
        ([*range(40), *range(110, 180)], (39, 110)),
        ([*range(70, 180)], (0, 70)),
        ([*range(100)], (99, 180)),
        ([], (0, 180)),
    ],
)
def test_an_hour_without_invocations_counts_wherever_in_the_window_it_is(
    minutes: list[int], gap: tuple[int, int]
) -> None:
    quiet = _triage(_ran(*minutes))["Invocations"]
    written = _triage([*_ran(*minutes), ("table_writes", gap[0] + 30, 9.0)])["Invocations"]

    assert (quiet.verdict, written.verdict) == (WARNING, CRITICAL)
    assert quiet.finding is not None
    assert quiet.finding.id == "invocations.none"
    assert quiet.finding.since == START + timedelta(minutes=gap[0])


def test_a_gap_that_ended_says_from_when_to_when() -> None:
    check = _triage([*_ran(*range(40), *range(110, 180)), ("table_writes", 60, 9.0)])["Invocations"]

    assert check.note == "none between 2026-10-14 00:46 UTC and 2026-10-14 01:57 UTC"
    assert check.finding is not None
    assert check.finding.title == "f was not invoked for 71 min"
    assert check.finding.detail == (
        "No invocation between 2026-10-14 00:46 UTC and 2026-10-14 01:57 UTC. "
        "Its table t was written meanwhile, so records waited unread. "
        "A write that changes nothing, or whose condition fails, takes units too and makes no "
        "record: if all were such, none waits."
    )


def test_a_gap_in_which_the_table_was_written_counts_more_than_a_longer_one() -> None:
    points = [*_ran(*range(5), *range(90, 100), 170), ("table_writes", 120, 9.0)]

    check = _triage(points)["Invocations"]

    assert check.verdict is CRITICAL
    assert check.finding is not None
    assert check.finding.since == START + timedelta(minutes=99)


def test_the_write_that_ends_a_quiet_time_is_not_held_against_it() -> None:
    points = [*_ran(*range(40), *range(110, 180)), ("table_writes", 109, 9.0)]

    assert _triage(points)["Invocations"].verdict is HEALTHY


def test_a_write_just_before_the_end_may_still_have_to_be_read() -> None:
    check = _triage([*SILENT, ("table_writes", 177, 9.0)])["Invocations"]

    assert check.verdict is WARNING
    assert check.finding is not None
    assert "Its table t was written only in the last 5 minutes of that" in check.finding.detail


def test_less_than_an_hour_without_invocations_is_well() -> None:
    points = [*_ran(*range(50), *range(108, 180)), ("table_writes", 60, 9.0)]

    assert _triage(points)["Invocations"].verdict is HEALTHY


@pytest.mark.parametrize(("minutes", "verdict"), [(range(5), HEALTHY), ((), UNKNOWN)])
def test_a_window_shorter_than_an_hour_proves_no_silence(
    minutes: Iterable[int], verdict: Verdict
) -> None:
    points = [*_ran(*minutes), ("table_writes", 10, 9.0)]

    check = _triage(points, window=Window(START, START + timedelta(minutes=30)))["Invocations"]

    assert (check.verdict, check.finding) == (verdict, None)


def test_writes_that_were_not_looked_at_are_not_said_to_be_none() -> None:
    check = _triage(SILENT, status={"table_writes": "Forbidden"})["Invocations"]

    assert check.verdict is WARNING
    assert check.finding is not None
    assert check.finding.detail.endswith(
        " Whether its table t was written was not looked at: status Forbidden."
    )


def test_a_function_without_a_stream_may_be_silent() -> None:
    assert _triage(SILENT, function=Function(name="f"))["Invocations"].verdict is HEALTHY


def test_no_invocation_at_all_leaves_nothing_to_be_called_healthy() -> None:
    checks = _triage([("dead_letters", 179, 0.0)])

    assert {name: check.verdict for name, check in checks.items()} == {
        "Invocations": WARNING,
        "Error rate": UNKNOWN,
        "Duration": UNKNOWN,
        "Iterator age": UNKNOWN,
        "Dead letters": HEALTHY,
    }


def test_no_invocation_of_a_function_without_a_stream_is_unknown() -> None:
    assert _triage([], function=Function(name="f"))["Invocations"].verdict is UNKNOWN


# --- records that fail inside invocations that succeed, and the table as a frame


@pytest.mark.parametrize(
    ("batches", "failed", "expected", "severity"),
    [
        (40, 0, True, None),
        (40, 1, True, CRITICAL),
        (40, 1, False, CRITICAL),
        (0, 0, True, UNKNOWN),
        (0, 0, False, None),
    ],
)
def test_one_swallowed_record_is_critical_and_no_batch_is_no_proof_of_none(
    batches: int, failed: int, expected: bool, severity: Verdict | None
) -> None:
    finding = swallowed_finding(
        batches=batches,
        failed=failed,
        records=1200,
        expected=expected,
        thresholds=T,
        subject="f",
    )

    assert (finding.severity if finding else None) is severity


@pytest.mark.parametrize(("failed", "severity"), [(20, None), (21, WARNING), (101, CRITICAL)])
def test_a_system_says_how_many_swallowed_records_it_bears(
    failed: int, severity: Verdict | None
) -> None:
    borne = Threshold(warning=21, critical=100, unit="records", source="owner, 2026-10-01")

    finding = swallowed_finding(
        batches=40,
        failed=failed,
        records=1200,
        expected=True,
        thresholds=Thresholds(swallowed_records=borne),
        subject="f",
    )

    assert (finding.severity if finding else None) is severity


@pytest.mark.parametrize(
    ("failed", "records", "severity"),
    [
        (None, 1200, UNKNOWN),
        (pd.NA, 1200, UNKNOWN),
        (0, None, UNKNOWN),
        (0, pd.NA, UNKNOWN),
        (2, None, CRITICAL),
    ],
)
def test_batches_that_do_not_say_what_failed_are_no_proof_of_none(
    failed: int | None, records: int | None, severity: Verdict
) -> None:
    finding = swallowed_finding(
        batches=40, failed=failed, records=records, expected=True, thresholds=T, subject="f"
    )

    assert finding is not None
    assert (finding.id, finding.severity) == ("errors.swallowed-records", severity)
    assert "<NA>" not in finding.detail
    assert "None" not in finding.detail


def test_triage_says_that_a_deployment_came_before_the_breach() -> None:
    slow = [("duration_p95_ms", minute, 9000.0) for minute in range(60, 90, 5)]
    points = [point for point in WELL if point[0] != "duration_p95_ms"]

    check = _triage([*points, *slow], deployed_at=START + timedelta(minutes=55))["Duration"]

    assert check.finding is not None
    assert check.finding.detail.endswith("changed before that, at 2026-10-14 01:02 UTC.")


def test_the_health_table_is_shown_in_order_as_text() -> None:
    table = rows(_triage(WELL).values())

    assert table["indicator"].tolist() == [
        "Invocations",
        "Error rate",
        "Duration",
        "Iterator age",
        "Dead letters",
    ]
    assert table.loc[2].to_dict() == {
        "indicator": "Duration",
        "value": "9 % of the timeout",
        "verdict": "healthy",
        "healthy": "< 50",
        "warning": "≥ 50, ≤ 80",
        "critical": "> 80",
        "note": "p95 of 900 ms held for 2 periods of 5 min, timeout 10.0 s",
    }
