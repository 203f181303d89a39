"""What dead letters come to: waiting, lost, soon to be lost, and whether the cause is over."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from opslib.health import Finding, Ongoing, Verdict, dead_letter_findings, ongoing
from opslib.system import Thresholds
from opslib.window import Window

END = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
WINDOW = Window(END - timedelta(hours=3), END)
QUIET = Ongoing(minutes=15, invocations=45.0, errors=0.0, arrived=0.0, last_error_at=None)
STATES = ["state", "letters", "records", "oldest_at", "expires_at", "hours_left"]


def _series(*values: tuple[int, float]) -> pd.DataFrame:
    """Return points, each given as minutes before the end and a value."""
    at = [END - timedelta(minutes=minutes) for minutes, _ in values]
    return pd.DataFrame(
        {
            "at": pd.Series(at, dtype="datetime64[ns, UTC]"),
            "value": pd.Series([value for _, value in values], dtype="float64"),
        }
    )


def _states(*rows: tuple[str, int, int, float]) -> pd.DataFrame:
    """Return states, each given as a word, letters, records and hours left."""
    frame = pd.DataFrame(
        [
            (
                state,
                letters,
                records,
                END + timedelta(hours=hours - 24),
                END + timedelta(hours=hours),
                hours,
            )
            for state, letters, records, hours in rows
        ],
        columns=STATES,
    )
    instants = {"oldest_at": "datetime64[ns, UTC]", "expires_at": "datetime64[ns, UTC]"}
    return frame.astype(instants)


def _found(
    depth: int | None,
    states: pd.DataFrame,
    *,
    after: Ongoing = QUIET,
    read: int = 0,
    hidden: int = 0,
) -> dict[str, Finding]:
    findings = dead_letter_findings(
        queue="f-dlq",
        depth=depth,
        hidden=hidden,
        waiting=_series((30, 0.0), (20, 3.0), (1, 3.0)),
        read=read,
        causes=pd.DataFrame({"kind": ["DynamoDB stream pointer"], "letters": [read]}),
        states=states,
        after=after,
        thresholds=Thresholds(),
    )
    return {finding.id: finding for finding in findings}


@pytest.mark.parametrize(
    ("depth", "severity"),
    [(1, Verdict.WARNING), (10, Verdict.WARNING), (11, Verdict.CRITICAL), (None, Verdict.UNKNOWN)],
)
def test_what_waits_is_judged_as_the_guide_says(depth: int | None, severity: Verdict) -> None:
    found = _found(depth, _states())

    assert found["dead-letters.waiting"].severity is severity


def test_an_empty_queue_is_well() -> None:
    assert _found(0, _states()) == {}


def test_letters_that_only_somebody_else_holds_are_no_empty_queue() -> None:
    finding = _found(0, _states(), hidden=40)["dead-letters.waiting"]

    assert finding.severity is Verdict.WARNING
    assert finding.title == "40 dead letters of f-dlq are out of sight"
    assert finding.detail.startswith("None is visible in f-dlq, and 40 are in flight or delayed:")


def test_letters_in_flight_are_told_beside_those_that_are_visible() -> None:
    finding = _found(3, _states(), hidden=2)["dead-letters.waiting"]

    assert finding.detail.startswith(
        "3 messages are visible in f-dlq now, and 2 more are in flight or delayed."
    )


def test_what_waits_says_since_when_what_it_is_and_how_long_it_can_be_replayed() -> None:
    finding = _found(3, _states(("there", 3, 30, 22.97)), read=3)["dead-letters.waiting"]

    assert finding.since == END - timedelta(minutes=20)
    assert finding.detail == (
        "3 messages are visible in f-dlq now. Of 3 that were read: 3 × DynamoDB stream pointer. "
        "3 can still be replayed; what the first of them leads to is kept until "
        "2026-10-15 02:05 UTC, 23 h more. The cause seems over: no error in 45 invocations of the "
        "last 15 minutes."
    )


def test_records_that_are_gone_are_critical_however_few() -> None:
    found = _found(3, _states(("gone", 1, 40, -3), ("there", 2, 2, 20)), read=3)

    finding = found["dead-letters.trimmed"]
    assert finding.severity is Verdict.CRITICAL
    assert finding.since == END - timedelta(hours=3)
    assert "1 of 3 letters that were read name 40 records" in finding.detail


def test_records_gone_in_part_are_lost_too() -> None:
    found = _found(1, _states(("partly gone", 1, 40, -0.1)))

    assert "dead-letters.trimmed" in found


@pytest.mark.parametrize(
    ("hours", "severity"),
    [(11.9, Verdict.WARNING), (3.9, Verdict.CRITICAL), (-1.0, Verdict.CRITICAL)],
)
def test_little_time_left_is_a_finding(hours: float, severity: Verdict) -> None:
    found = _found(1, _states(("there", 1, 1, hours)))

    assert found["dead-letters.expiring"].severity is severity


def test_enough_time_left_is_none_and_what_is_gone_does_not_expire_again() -> None:
    found = _found(2, _states(("gone", 1, 1, -3.0), ("there", 1, 1, 12.0)))

    assert set(found) == {"dead-letters.waiting", "dead-letters.trimmed"}


def test_the_cause_is_over_when_invocations_end_without_an_error() -> None:
    after = ongoing(
        invocations=_series((50, 3), (10, 2), (2, 4)),
        errors=_series((50, 3), (10, 0), (2, 0)),
        waiting=_series((50, 1), (16, 9), (1, 9)),
        window=WINDOW,
    )

    assert (after.over, after.invocations, after.errors, after.arrived) == (True, 6, 0, 0)
    assert after.last_error_at == END - timedelta(minutes=50)


@pytest.mark.parametrize(
    ("errors", "waiting"),
    [
        (_series((10, 1), (2, 0)), _series((16, 9), (1, 9))),
        (_series((10, 0), (2, 0)), _series((16, 9), (1, 11))),
    ],
)
def test_an_error_or_a_new_letter_at_the_end_means_that_it_goes_on(
    errors: pd.DataFrame, waiting: pd.DataFrame
) -> None:
    after = ongoing(
        invocations=_series((10, 2), (2, 4)), errors=errors, waiting=waiting, window=WINDOW
    )

    assert after.over is False
    assert "What is replayed now comes back." in after.sentence


def test_without_an_invocation_at_the_end_nobody_can_tell() -> None:
    after = ongoing(
        invocations=_series((50, 3)),
        errors=_series((50, 3)),
        waiting=_series((50, 9)),
        window=WINDOW,
    )

    assert after.over is None
    assert after.sentence.startswith("Whether the cause is over is not known")
