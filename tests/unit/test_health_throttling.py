"""What a table refuses, why, how full it was, and what the function that writes to it feels."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from opslib.health import (
    Effect,
    Finding,
    Verdict,
    causes,
    effect,
    operations,
    still_throttled,
    throttled,
    throttling_findings,
    usage,
)
from opslib.system import Thresholds
from opslib.window import Window

END = datetime(2026, 10, 14, 3, 0, tzinfo=UTC)
WINDOW = Window(END - timedelta(hours=3), END)
TABLES = pd.DataFrame(
    {
        "resource": ["t", "by-owner"],
        "write_units": pd.Series([10, 5], dtype="Int64"),
        "read_units": pd.Series([10, None], dtype="Int64"),
    }
)
UNFELT = Effect(None, None, None)


def _points(**series: dict[int, float]) -> pd.DataFrame:
    """Return points by metric (two underscores for a blank) and minutes before the end."""
    rows = [
        (name.replace("__", " "), END - timedelta(minutes=minutes), value)
        for name, values in series.items()
        for minutes, value in values.items()
    ]
    frame = pd.DataFrame(rows, columns=["metric", "at", "value"])
    return frame.astype({"at": "datetime64[ns, UTC]", "value": "float64", "metric": "str"})


def _found(
    points: pd.DataFrame,
    *,
    why: pd.DataFrame | None = None,
    calls: pd.DataFrame | None = None,
    was_seen: bool = True,
    felt: Effect = UNFELT,
) -> dict[str, Finding]:
    findings = throttling_findings(
        table="t",
        was_seen=was_seen,
        used=usage(points, TABLES, period_s=60),
        why=causes(_points(), []) if why is None else why,
        calls=operations(_points(), []) if calls is None else calls,
        felt=felt,
        points=points,
        window=WINDOW,
        thresholds=Thresholds(),
    )
    return {finding.id: finding for finding in findings}


def test_consumed_units_a_second_are_a_minutes_sum_by_sixty() -> None:
    points = _points(write_units__of__t={3: 300.0, 2: 540.0}, read_units__of__t={2: 60.0})

    rows = usage(points, TABLES, period_s=60).set_index(["resource", "kind"])

    assert rows.loc[("t", "write"), "peak_units"] == 9.0
    assert rows.loc[("t", "write"), "used_pct"] == 90.0
    assert rows.loc[("t", "read"), "used_pct"] == 10.0
    assert rows["provisioned"].isna()[("by-owner", "read")]


def test_what_throttles_comes_first_with_its_worst_five_minutes() -> None:
    points = _points(**{"write_throttles of by-owner": {9: 4.0, 8: 3.0, 3: 5.0}})

    first = usage(points, TABLES, period_s=60).iloc[0]

    assert (first["resource"], first["kind"], first["throttles"]) == ("by-owner", "write", 12)
    assert first["most_in_5_min"] == 7
    assert first["first_at"] == END - timedelta(minutes=9)
    assert throttled(usage(points, TABLES, period_s=60)) == [("write", "by-owner")]


@pytest.mark.parametrize(
    ("events", "severity"),
    [
        ({9: 2.0, 4: 2.0}, Verdict.CRITICAL),
        ({9: 1.0, 4: 1.0}, Verdict.WARNING),
        ({9: 500.0}, Verdict.WARNING),
        ({59: 500.0, 9: 500.0}, Verdict.WARNING),
    ],
)
def test_throttles_count_when_two_periods_side_by_side_have_them(
    events: dict[int, float], severity: Verdict
) -> None:
    found = _found(_points(write_throttles__of__t=events))

    assert list(found) == ["dynamodb.write-throttled"]
    assert found["dynamodb.write-throttled"].severity is severity


def test_a_finding_names_index_cause_capacity_and_what_is_felt() -> None:
    points = _points(
        **{
            "read_throttles of by-owner": {9: 4.0},
            "read_units of by-owner": {9: 120.0},
        }
    )
    why = causes(
        _points(
            **{
                "read MaxOnDemandThroughput of by-owner": {9: 3.0},
                "read AccountLimit of by-owner": {9: 1.0},
            }
        ),
        [("read", "by-owner")],
    )

    finding = _found(points, why=why, felt=Effect(600.0, 5000.0, 2.0))["dynamodb.read-throttled"]

    assert finding.title == "t refuses reads (index by-owner)"
    assert finding.since == END - timedelta(minutes=9)
    assert finding.detail == (
        "4 reads were throttled since 2026-10-14 02:51 UTC, at most 4 in 5 minutes; refused by "
        "the on-demand maximum that was set (75 %), the account's limit (25 %). by-owner is "
        "on-demand; its busiest period took 2 units a second. Invocations took 600 ms (median "
        "p95) before it and 5.0 s meanwhile, 2 of them failed: the SDK tries again in silence."
    )


def test_what_table_and_index_refuse_is_summed_for_the_worst_five_minutes_too() -> None:
    events = {"write_throttles of t": {8: 4.0}, "write_throttles of by-owner": {9: 3.0, 2: 5.0}}

    finding = _found(_points(**events))["dynamodb.write-throttled"]

    assert finding.detail.startswith(
        "12 writes were throttled since 2026-10-14 02:51 UTC, at most 7 in 5 minutes"
    )


def test_a_table_that_is_on_demand_since_its_capacity_refused_says_both() -> None:
    events = {"read_throttles of by-owner": {9: 4.0}, "read_units of by-owner": {9: 120.0}}
    why = causes(
        _points(**{"read ProvisionedThroughput of by-owner": {9: 4.0}}), [("read", "by-owner")]
    )

    finding = _found(_points(**events), why=why)["dynamodb.read-throttled"]

    assert "by-owner is on-demand now, and was provisioned then; its busiest" in finding.detail


def test_throttling_that_ended_forty_minutes_ago_says_so() -> None:
    points = _points(write_throttles__of__t={49: 4.0, 40: 4.0}, write_units__of__t={9: 60.0})

    finding = _found(points)["dynamodb.write-throttled"]

    assert finding.title == "t refused writes, until 2026-10-14 02:21 UTC"
    assert finding.until == END - timedelta(minutes=39)
    assert finding.detail.endswith(
        "None was seen after 2026-10-14 02:21 UTC; what followed was looked at until "
        "2026-10-14 03:00 UTC."
    )


def test_only_a_kind_that_is_throttled_still_is_given_more() -> None:
    points = _points(write_throttles__of__t={49: 4.0, 40: 4.0}, read_throttles__of__t={3: 1.0})
    used = usage(points, TABLES, period_s=60)
    found = list(_found(points).values())

    still = still_throttled(used, found)

    assert {each.id: each.until is None for each in found} == {
        "dynamodb.write-throttled": False,
        "dynamodb.read-throttled": True,
    }
    assert set(still["kind"]) == {"read"}


def test_throttles_far_below_capacity_point_to_a_hot_key() -> None:
    points = _points(write_throttles__of__t={9: 4.0}, write_units__of__t={9: 60.0})

    finding = _found(points)["dynamodb.write-throttled"]

    assert "look at a hot key" in finding.detail


@pytest.mark.parametrize(("other", "severity"), [(1.0, Verdict.CRITICAL), (9.0, Verdict.WARNING)])
def test_one_partitions_limit_is_a_hot_key(other: float, severity: Verdict) -> None:
    points = _points(write_throttles__of__t={9: 10.0})
    why = causes(
        _points(
            **{
                "write KeyRangeThroughput of t": {9: 4.0},
                "write ProvisionedThroughput of t": {9: other},
            }
        ),
        [("write", "t")],
    )

    assert _found(points, why=why)["dynamodb.hot-key"].severity is severity


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ({"system errors PutItem": {9: 1.0}}, "1 answers with HTTP 500 to PutItem"),
        ({"latency PutItem": {9: 101.0}}, "p99 of 101 ms"),
    ],
)
def test_errors_and_late_answers_of_dynamodb_itself_are_critical(
    seen: dict[str, dict[int, float]], words: str
) -> None:
    calls = operations(_points(**seen), ["PutItem", "Query"])

    finding = _found(_points(), calls=calls)["dynamodb.slow"]

    assert finding.severity is Verdict.CRITICAL
    assert words.lower() in finding.detail.lower()


def test_nothing_refused_is_well_and_a_table_that_was_not_found_is_unknown() -> None:
    calls = operations(_points(**{"latency PutItem": {9: 100.0}}), ["PutItem"])

    assert _found(_points(write_units__of__t={9: 60.0}), calls=calls) == {}
    unknown = _found(_points(), was_seen=False)
    assert unknown["dynamodb.write-throttled"].severity is Verdict.UNKNOWN


def test_what_is_felt_compares_before_and_since_the_first_throttle() -> None:
    used = usage(_points(write_throttles__of__t={20: 4.0}), TABLES, period_s=60)
    durations = _points(p95={40: 500.0, 35: 700.0, 25: 600.0, 20: 4000.0, 15: 6000.0})
    errors = _points(errors={30: 9.0, 15: 2.0})

    felt = effect(durations, errors, used)

    assert felt == Effect(600.0, 5000.0, 2.0)


def test_what_ran_after_the_last_throttle_is_not_among_what_it_slowed_down() -> None:
    used = usage(_points(write_throttles__of__t={49: 4.0, 40: 4.0}), TABLES, period_s=60)
    times = {60: 600.0, 45: 5000.0, 40: 5000.0, 30: 600.0, 20: 600.0, 10: 600.0}
    durations, errors = _points(p95=times), _points(errors={45: 2.0, 5: 7.0})

    assert effect(durations, errors, used) == Effect(600.0, 5000.0, 2.0)
