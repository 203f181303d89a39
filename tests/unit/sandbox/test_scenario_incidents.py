"""What each incident's told lines say, read back by regular expressions and pandas alone."""

import json
import re
from datetime import UTC, datetime, timedelta

import pandas as pd

from opslib.sandbox.scenarios import (
    code_error,
    cold_starts,
    dead_letters,
    permission_denied,
    stream_lag,
    table_throttled,
    timeouts,
)
from opslib.sandbox.scenarios.history import tell
from opslib.sandbox.scenarios.planning import Shape, planned

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)


def _lines(shape: Shape) -> pd.DataFrame:
    """Every event: ``at`` and ``message``, oldest first."""
    streams = tell(planned(shape, now=NOW).invocations)
    rows = [(line.timestamp, line.message) for lines in streams.values() for line in lines]
    told = pd.DataFrame(rows, columns=["at", "message"])
    told["at"] = pd.to_datetime(told["at"], unit="ms", utc=True)
    return told.sort_values("at", kind="stable", ignore_index=True)


def _reports(told: pd.DataFrame) -> pd.DataFrame:
    found = told[told["message"].str.startswith("REPORT")].copy()
    pattern = (
        r"\tDuration: (?P<ms>[\d.]+) ms.*?(?:Init Duration: (?P<init_ms>[\d.]+) ms)?(?:\t|\n)*$"
    )
    numbers = found["message"].str.extract(pattern, flags=re.DOTALL).astype(float)
    return found.assign(**numbers, timed_out=found["message"].str.contains("Status: timeout"))


def _since(told: pd.DataFrame, minutes: int) -> pd.Series:
    return told["at"] >= NOW - timedelta(minutes=minutes)


def test_timeouts_cut_off_some_invocations_after_the_change_and_none_before() -> None:
    told = _lines(timeouts.SHAPE)
    reports = _reports(told)

    after = reports[_since(reports, 50)]
    assert reports[~_since(reports, 50)]["timed_out"].sum() == 0
    assert 0.05 < after["timed_out"].mean() < 0.2
    assert after["ms"].max() == 2000.0
    words = told[told["message"].str.contains("Task timed out after 2.00 seconds")]
    assert len(words) == after["timed_out"].sum()
    # What the guide searches for is not there, and nothing was given up.
    assert not told["message"].str.contains("ERROR").any()
    assert planned(timeouts.SHAPE, now=NOW).letters == []


def test_permission_denied_loses_every_record_of_invocations_that_succeed() -> None:
    told = _lines(permission_denied.SHAPE)
    completed = told[told["message"].str.contains('"Lambda invocation completed"')]
    counts = completed["message"].map(lambda text: json.loads(text)["error_count"])
    denied = told["message"].str.contains("AccessDeniedException")

    assert counts[~_since(completed, 45)].sum() == 0
    assert (counts[_since(completed, 45)] > 0).all()
    assert told[denied]["at"].min() >= NOW - timedelta(minutes=45)
    assert not _reports(told)["timed_out"].any()


def test_table_throttled_is_slow_and_says_nothing_of_the_table() -> None:
    told = _lines(table_throttled.SHAPE)
    reports = _reports(told)

    assert reports[~_since(reports, 60)]["ms"].quantile(0.95) < 1000
    assert reports[_since(reports, 40)]["ms"].median() > 4000
    assert 0 < reports["timed_out"].sum() < 10
    assert not told["message"].str.contains("Throughput|Throttl").any()


def test_code_error_fails_every_invocation_since_the_release_with_one_error() -> None:
    told = _lines(code_error.SHAPE)
    errors = told[told["message"].str.startswith("[ERROR]")]
    story = planned(code_error.SHAPE, now=NOW)

    assert errors["at"].min() >= NOW - timedelta(minutes=40)
    assert set(errors["message"].str.split("\n").str[0]) == {
        "[ERROR] AttributeError: 'ProcessResult' object has no attribute 'snapshots_written'"
    }
    assert len(errors) == len(_reports(told)[_since(_reports(told), 40)])
    assert len(story.letters) > 100
    assert {letter.given_up.invocations for letter in story.letters} == {4}


def test_cold_starts_come_every_other_minute_and_take_five_times_as_long() -> None:
    reports = _reports(_lines(cold_starts.SHAPE))
    cold = reports[reports["init_ms"].notna()]
    late = cold[_since(cold, 100)]

    assert len(cold) - len(late) == 2
    assert len(late) == 50
    assert late["init_ms"].min() > 4 * cold[~_since(cold, 100)]["init_ms"].max()
    assert len(late) / len(reports[_since(reports, 100)]) > 0.14


def test_dead_letters_are_of_an_incident_that_is_over() -> None:
    told = _lines(dead_letters.SHAPE)
    errors = told[told["message"].str.startswith("[ERROR]")]
    letters = planned(dead_letters.SHAPE, now=NOW).letters

    assert errors["at"].between(NOW - timedelta(minutes=62), NOW - timedelta(minutes=49)).all()
    assert len(letters) > 40
    assert letters[-1].at < NOW - timedelta(minutes=49)


def test_stream_lag_tries_one_batch_for_ever_about_once_a_minute() -> None:
    story = planned(stream_lag.SHAPE, now=NOW)
    stuck = [each for each in story.invocations if each.status == "timeout"]

    assert stuck == story.invocations[-len(stuck) :]
    assert 50 < len(stuck) < 75
    assert {each.duration_ms for each in stuck} == {10_000.0}
    assert stuck[-1].iterator_age_ms > 60 * 60_000
    assert story.letters == []
