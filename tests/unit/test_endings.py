"""What is over is told as over: until when, and whether a deployment ended it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from opslib.health import Finding, Verdict, traces
from opslib.health.endings import (
    ended_by,
    over_at,
    over_of,
    recovered_at,
    rounds_apart,
    seen_in,
)
from opslib.health.errors import (
    began_after,
    error_findings,
    rate_findings,
    rounds,
    throttled_finding,
)
from opslib.health.near_timeouts import near_timeout
from opslib.health.verdicts import Point
from opslib.system import Threshold, Thresholds
from opslib.tree import ranked, remedies

LAST = datetime(2026, 10, 14, 2, 0, tzinfo=UTC)
BEGUN = LAST - timedelta(minutes=30)
CODE = Finding(
    id="errors.code",
    severity=Verdict.CRITICAL,
    title="480 invocations of f failed: code error, until 2026-10-14 02:00 UTC",
    detail="d.",
    subject="f",
    since=BEGUN,
    until=LAST,
)


@pytest.mark.parametrize(
    ("minutes_more", "over"), [(None, False), (0, False), (14, False), (15, True), (40, True)]
)
def test_what_was_not_seen_for_a_quarter_of_an_hour_is_over(
    minutes_more: int | None, over: bool
) -> None:
    ran_until = None if minutes_more is None else LAST + timedelta(minutes=minutes_more)

    assert over_at(LAST, ran_until=ran_until) == (LAST if over else None)


@pytest.mark.parametrize(("every_min", "over"), [(1, True), (6, True), (7, False), (60, False)])
def test_what_comes_seldom_is_over_only_when_it_stayed_away_for_three_times_as_long(
    every_min: int, over: bool
) -> None:
    bad = [LAST - timedelta(minutes=every_min * n) for n in range(4)]

    until = over_of(bad, ran_until=LAST + timedelta(minutes=20))

    assert until == (LAST if over else None)


def test_two_bursts_are_over_by_what_was_apart_within_them() -> None:
    bursts = [LAST - timedelta(minutes=n) for n in (0, 1, 2, 3, 90, 91, 92)]

    assert over_of(bursts, ran_until=LAST + timedelta(minutes=20)) == LAST
    assert over_of([], ran_until=LAST) is None


@pytest.mark.parametrize(("days", "over"), [(1, False), (2, False), (3, True)])
def test_what_comes_each_night_is_over_only_after_three_nights_without(
    days: int, over: bool
) -> None:
    nights = [LAST - timedelta(days=n, minutes=m) for n in range(5) for m in (0, 1, 2)]
    values = [Point(LAST - timedelta(hours=n), 90 if n % 24 == 0 else 10) for n in range(120)]
    values += [Point(LAST + timedelta(hours=n), 10) for n in range(1, 24 * days + 1)]
    threshold = Threshold(warning=50, critical=80, unit="%", source="s")
    expected = LAST if over else None

    assert over_of(nights, ran_until=LAST + timedelta(days=days)) == expected
    assert recovered_at(sorted(values), threshold) == expected


def test_an_hour_in_bins_of_an_hour_is_one_round() -> None:
    hours = [LAST - timedelta(hours=n) for n in range(4)]

    assert rounds_apart(sorted(hours), width=timedelta(hours=1)) == timedelta(0)


def test_what_flaps_says_how_often_it_was_seen_and_in_how_many_bursts() -> None:
    flapping = [LAST + timedelta(minutes=10 * n + m) for n in range(9) for m in (0, 1)]
    seldom = [LAST + timedelta(minutes=30 * n + m) for n in range(4) for m in (0, 2)]
    steady = [LAST + timedelta(minutes=n) for n in range(30) if n % 10]

    assert seen_in(flapping) == " Seen in 18 of 82 minutes, in 9 bursts."
    assert seen_in(seldom, width=timedelta(minutes=5)) == (
        " Seen in 4 of 19 periods of 5 min, in 4 bursts."
    )
    assert (seen_in(steady), seen_in([]), seen_in([LAST])) == ("", "", "")


def test_nothing_bad_and_nothing_seen_are_not_over() -> None:
    assert over_at(None, ran_until=LAST) is None
    assert over_at(LAST, ran_until=pd.NaT) is None  # type: ignore[arg-type]


def _points(*values: float) -> list[Point]:
    return [Point(LAST + timedelta(minutes=5 * n), value) for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "recovered_min"),
    [
        ((90, 40, 40, 40), 0),
        ((90, 90, 40, 40, 40), 5),
        ((90, 40, 40), None),
        ((90, 40, 40, 60), None),
        ((40, 40, 40, 40), None),
    ],
)
def test_a_series_has_recovered_when_healthy_values_followed(
    values: tuple[float, ...], recovered_min: int | None
) -> None:
    threshold = Threshold(warning=50, critical=80, unit="%", source="s")
    expected = None if recovered_min is None else LAST + timedelta(minutes=recovered_min)

    assert recovered_at(_points(*values), threshold) == expected


def test_a_duration_that_fell_again_took_its_timeout_until_then() -> None:
    points = _points(9000, 9500, 9400, 900, 900, 900, 900)

    finding = near_timeout(
        points,
        timeout_ms=10_000,
        threshold=Thresholds().duration_of_timeout,
        subject="f",
        evidence=(),
    )

    assert finding is not None
    assert finding.title == "f took 94 % of its timeout until 2026-10-14 02:10 UTC"


def _errors(*counts: float) -> pd.DataFrame:
    at = pd.date_range(LAST, periods=len(counts), freq="min", tz=None)
    return pd.DataFrame({"at": at, "value": counts})


@pytest.mark.parametrize(
    ("quiet", "title"),
    [
        (10, "39 % of the invocations of f fail"),
        (40, "39 % of the invocations of f failed until 2026-10-14 02:02 UTC"),
    ],
)
def test_a_rate_of_errors_is_of_the_past_when_invocations_went_on_without(
    quiet: int, title: str
) -> None:
    (finding,) = rate_findings(
        errors=39,
        invocations=100,
        since=_errors(20, 19, *[0] * quiet),
        thresholds=Thresholds(),
        subject="f",
    )

    assert finding.title == title


def test_a_rate_of_errors_that_flaps_says_in_how_many_minutes_it_was_seen() -> None:
    flapping = [1 if minute % 10 < 2 else 0 for minute in range(40)]

    (finding,) = rate_findings(
        errors=8,
        invocations=100,
        since=_errors(*flapping),
        thresholds=Thresholds(),
        subject="f",
    )

    assert finding.detail == (
        "8 of 100 invocations ended in an error, the first in the minute of 2026-10-14 02:00 UTC. "
        "Seen in 8 of 32 minutes, in 4 bursts."
    )


@pytest.mark.parametrize(
    ("quiet", "title"),
    [
        (10, "39 invocations of f were throttled"),
        (40, "39 invocations of f were throttled until 2026-10-14 02:02 UTC"),
    ],
)
def test_throttled_invocations_are_of_the_past_when_others_were_taken_after_them(
    quiet: int, title: str
) -> None:
    finding = throttled_finding(_errors(20, 19, *[0] * quiet), thresholds=Thresholds(), subject="f")

    assert finding is not None
    assert finding.title == title
    assert (finding.until is None) is (quiet == 10)


def test_a_kind_of_failure_that_comes_each_night_is_not_over_in_the_evening() -> None:
    nights = [LAST - timedelta(days=n) for n in (4, 3, 2, 1, 0)]
    failed = pd.DataFrame({"at": nights, "traces": [9, 9, 9, 9, 9]})
    row = {"kind": "code error", "invocations": 45, "lines": 45, "versions": "", "cause": "c."}
    kinds = pd.DataFrame([{**row, "mostly": "", "first_at": nights[0], "last_at": nights[-1]}])
    told: dict[str, Any] = {
        "invocations": 1000,
        "failed_records": None,
        "thresholds": Thresholds(),
        "subject": "f",
        "ran_until": LAST + timedelta(hours=20),
    }

    (once,) = error_findings(kinds, **told)
    (nightly,) = error_findings(kinds, **told, apart=rounds(failed, "traces", every_s=3600))

    assert (once.until, nightly.until) == (LAST, None)
    assert rounds(failed.tail(2), "traces") == timedelta(0)


@pytest.mark.parametrize(
    ("after_last_min", "ended"),
    [(-3, False), (-2, True), (0, True), (15, True), (16, False), (-31, False)],
)
def test_a_deployment_ended_what_was_last_seen_just_before_it(
    after_last_min: int, ended: bool
) -> None:
    deployed_at = LAST + timedelta(minutes=after_last_min)

    assert ended_by(deployed_at, since=BEGUN, until=LAST) is ended


def test_what_goes_on_was_ended_by_nothing() -> None:
    assert ended_by(LAST, since=BEGUN, until=None) is False
    assert ended_by(None, since=BEGUN, until=LAST) is False


def test_the_deployment_that_ended_it_is_named_and_no_reason_to_go_back() -> None:
    deployed_at = LAST + timedelta(minutes=5)

    (said,) = traces.dated([CODE], deployed_at=deployed_at, before="1")

    assert said.detail == (
        "d. The deployment of 2026-10-14 02:05 UTC ended it: going back repeats it."
    )
    assert began_after([CODE], deployed_at) is False


def test_what_began_after_a_deployment_and_is_over_is_no_reason_to_go_back_either() -> None:
    goes_on = replace(CODE, until=None)

    assert began_after([CODE], BEGUN) is False
    assert began_after([goes_on], BEGUN) is True


@pytest.mark.parametrize(
    ("later_s", "of_it", "said"),
    [
        (
            -30,
            False,
            "It began before the change of 2026-10-14 00:30 UTC: going back mends nothing.",
        ),
        (
            20,
            True,
            "It began 20.0 s after the change of 2026-10-14 00:30 UTC, so that may have brought "
            "it: another address, token or load. If the service fails for others too, going back "
            "mends nothing. Version 1 holds other code, from before it.",
        ),
        (120, True, "may have brought it"),
        (
            121,
            False,
            "It began 2 min 1 s after the change of 2026-10-14 00:30 UTC, too late to be of it: "
            "going back mends nothing. Call whoever runs what it calls, and see whether it fails "
            "for others too.",
        ),
    ],
)
@pytest.mark.parametrize("finding", ["errors.dependency", "errors.dynamodb"])
def test_a_service_that_fails_is_a_reason_to_go_back_only_where_it_began_with_a_deployment(
    finding: str, later_s: int, of_it: bool, said: str
) -> None:
    deployed_at = datetime(2026, 10, 14, 0, 30, tzinfo=UTC)
    fails = replace(CODE, id=finding, since=deployed_at + timedelta(seconds=later_s), until=None)

    (dated,) = traces.dated([fails], deployed_at=deployed_at, before="1")

    assert began_after([fails], deployed_at) is of_it
    assert said in dated.detail
    assert ("Version 1 holds" in dated.detail) is of_it


def test_code_that_fails_long_after_a_deployment_may_still_be_of_it() -> None:
    deployed_at = datetime(2026, 10, 14, 0, 30, tzinfo=UTC)
    code = replace(CODE, since=deployed_at + timedelta(hours=1), until=None)
    fails = replace(code, id="errors.dependency")

    assert began_after([code, fails], deployed_at) is True
    assert began_after([fails], deployed_at) is False


def test_what_is_over_has_no_remedy_but_a_warning_not_to_undo_what_ended_it() -> None:
    (finding,) = ranked([CODE])
    text = remedies([CODE])

    assert (finding.notebook, finding.remedy) == ("13-code-error", None)
    assert text.startswith("#### Nothing to mend now (f)\n\n480 invocations of f failed")
    assert "must not be taken back" in text
    assert "update-alias" not in text
