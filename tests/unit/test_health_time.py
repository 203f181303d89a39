"""Where time goes and what starts cold: bounds and estimates, held to examples by hand."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from fakes.clients import Connected, refusal

from opslib.health import Finding, Verdict, cold_starts, shares
from opslib.remedies.concurrency import provisioned, provisioned_plan
from opslib.remedies.function_state import Versions

AT = datetime(2026, 10, 14, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HERE = {"account": "123456789012", "region": "eu-west-1"}


def _points(values: dict[int, float]) -> pd.DataFrame:
    at = [pd.Timestamp(AT + n * MINUTE) for n in values]
    frame = pd.DataFrame({"at": at, "value": list(values.values())})
    return frame.astype({"at": "datetime64[ns, UTC]", "value": "float64"})


def _starts(*minutes: float) -> pd.DataFrame:
    at = [pd.Timestamp(AT + n * MINUTE) for n in minutes]
    frame = pd.DataFrame({"at": at, "init_ms": [400.0] * len(minutes)})
    return frame.astype({"at": "datetime64[ns, UTC]"})


def _reasons(starts: pd.DataFrame, ran: dict[int, float], *changed: datetime) -> dict[str, int]:
    rows = cold_starts.cold_start_reasons(
        starts, invocations=_points(ran), concurrency=_points(ran), changed_at=changed
    )
    return dict(zip(rows["reason"], rows["cold_starts"], strict=True))


STEADY = dict.fromkeys(range(-20, 60), 1.0)


def test_a_start_within_ten_minutes_of_a_change_fits_the_change() -> None:
    found = _reasons(_starts(9.5, 10.5), STEADY, AT)

    assert found == {"after a change": 1, "none of these: replaced": 1}


def test_a_start_after_five_quiet_minutes_fits_the_pause() -> None:
    found = _reasons(_starts(6.0), {0: 1.0, 6: 1.0})

    assert found == {"after a pause": 1}


def test_a_start_while_more_run_than_before_fits_the_growth() -> None:
    found = _reasons(_starts(30.0), STEADY | {30: 4.0})

    assert found == {"more at the same time": 1}


def test_frequent_cold_starts_say_what_most_of_them_fit_and_since_when() -> None:
    starts = _starts(9.5, 20.0, 30.0)
    reasons = cold_starts.cold_start_reasons(
        starts, invocations=_points(STEADY), concurrency=_points(STEADY), changed_at=[AT]
    )
    frequent = Finding(
        id="cold-starts.frequent",
        severity=Verdict.WARNING,
        title="t",
        detail="3 of 30 waited.",
        subject="f",
    )
    slower = replace(frequent, id="cold-starts.init-slower")

    said = cold_starts.with_reason([frequent, slower], reasons)

    assert said[0].detail.startswith("3 of 30 waited. 2 of them fit no change that is known, no ")
    assert said[0].detail.endswith("kept warm: a new version needs new ones.")
    assert said[0].since == AT + 20 * MINUTE
    assert said[1] == slower
    assert cold_starts.with_reason([frequent], reasons.iloc[:0]) == [frequent]


def test_without_a_cold_start_there_is_no_reason_but_the_columns_are_there() -> None:
    rows = cold_starts.cold_start_reasons(
        _starts(), invocations=_points({}), concurrency=_points({}), changed_at=[]
    )

    assert rows.columns.tolist() == [
        "reason",
        "cold_starts",
        "p50_init_ms",
        "first_at",
        "last_at",
    ]
    assert rows.empty


def test_what_is_kept_warm_covers_the_minutes_with_no_more_than_that() -> None:
    at_once = dict.fromkeys(range(19), 1.0) | {19: 5.0}

    rows = cold_starts.coverage(_starts(3.0, 19.5), concurrency=_points(at_once), minutes=40)

    assert rows.to_dict("records") == [
        {
            "kept_warm": 1,
            "of_minutes": "median",
            "minutes_covered_pct": 97.5,
            "cold_starts_covered": 1,
            "cold_starts": 2,
        },
        {
            "kept_warm": 2,
            "of_minutes": "p95",
            "minutes_covered_pct": 97.5,
            "cold_starts_covered": 1,
            "cold_starts": 2,
        },
        {
            "kept_warm": 5,
            "of_minutes": "most",
            "minutes_covered_pct": 100.0,
            "cold_starts_covered": 2,
            "cold_starts": 2,
        },
    ]
    assert cold_starts.enough(rows) == 2


def test_where_nothing_ran_nothing_is_to_be_kept_warm() -> None:
    rows = cold_starts.coverage(_starts(), concurrency=_points({}), minutes=40)

    assert cold_starts.enough(rows) == 0


def test_twice_the_memory_costs_the_same_if_it_computes_and_twice_if_it_waits() -> None:
    rows = shares.memory_costs(
        billed_ms=1_024_000,
        memory_mb=512,
        length=timedelta(hours=12),
        architecture="arm64",
        region="us-east-1",
    )

    assert rows["memory_mb"].tolist() == [512, 1024, 1024]
    assert rows["gb_seconds_a_day"].tolist() == [1024, 1024, 2048]
    assert rows["usd_a_day"].tolist() == pytest.approx([0.0136534, 0.0136534, 0.0273068], abs=1e-6)


def test_no_price_is_assumed_of_another_region() -> None:
    rows = shares.memory_costs(
        billed_ms=1.0,
        memory_mb=512,
        length=timedelta(hours=1),
        architecture="x86_64",
        region="eu-west-1",
    )

    assert rows["usd_a_day"].isna().all()


@pytest.mark.parametrize(("billed_ms", "memory_mb"), [(math.nan, 128.0), (1.0, math.nan)])
def test_without_durations_or_memory_nothing_is_estimated(
    billed_ms: float, memory_mb: float
) -> None:
    rows = shares.memory_costs(
        billed_ms=billed_ms,
        memory_mb=memory_mb,
        length=timedelta(hours=1),
        architecture="x86_64",
        region="us-east-1",
    )

    assert rows.empty


def test_the_shares_of_the_time_are_of_all_durations_and_unknown_stays_unknown() -> None:
    rows = shares.time_shares(invoked_ms=200.0, in_batches_ms=150.0, at_table_ms=None)

    assert rows["share_pct"].tolist()[:3] == [100, 75, 25]
    assert math.isnan(rows["share_pct"].iloc[3])


def _versions(*aliases: tuple[str, str]) -> Versions:
    held = tuple({"Name": name, "FunctionVersion": version} for name, version in aliases)
    return Versions(pd.DataFrame(), (), "f", held)


class _Warm:
    """The ``lambda`` client of a function whose every alias keeps so many warm."""

    def __init__(self, executions: int | Exception) -> None:
        self.executions = executions

    def get_provisioned_concurrency_config(self, *, FunctionName: str, Qualifier: str) -> Any:
        if isinstance(self.executions, Exception):
            raise self.executions
        return {
            "RequestedProvisionedConcurrentExecutions": self.executions,
            "Status": "READY",
        }


NOTHING = refusal("ProvisionedConcurrencyConfigNotFoundException")


def _plan(
    *aliases: tuple[str, str],
    configuration: dict[str, Any] | None = None,
    warm: int | Exception = NOTHING,
    traffic: frozenset[str] | None = None,
) -> Any:
    given = {"MemorySize": 128} if configuration is None else configuration
    connection: Any = Connected(**{"lambda": _Warm(warm)})
    held = _versions(*aliases)
    kept = provisioned(connection, held, alias=None, traffic=traffic or frozenset())
    return provisioned_plan(given, held, kept, executions=2, traffic=traffic, **HERE)


def test_provisioned_concurrency_is_never_lowered_and_its_undo_is_what_there_was() -> None:
    raised = _plan(("prod", "7"), warm=1)

    assert raised.before["ProvisionedConcurrentExecutions"] == 1
    (undone,) = raised.undo_calls
    assert undone.cli("aws") == (
        "aws lambda put-provisioned-concurrency-config --function-name f --qualifier prod "
        "--provisioned-concurrent-executions 1"
    )
    assert [call.cli("aws") for call in _plan(("prod", "7")).undo_calls] == [
        "aws lambda delete-provisioned-concurrency-config --function-name f --qualifier prod"
    ]
    assert _plan(("prod", "7"), warm=2) is None
    assert _plan(("prod", "7"), warm=50) is None
    assert _plan(("prod", "7"), warm=refusal("AccessDeniedException")) is None


def test_provisioned_concurrency_is_planned_on_the_alias_there_is() -> None:
    plan = _plan(("prod", "7"))

    assert plan.calls[0].cli("aws") == (
        "aws lambda put-provisioned-concurrency-config --function-name f --qualifier prod "
        "--provisioned-concurrent-executions 2"
    )
    assert (plan.first, plan.reversible) == ((), True)


USE = (
    "Have callers, or the event source mapping, use f:prod: a mapping keeps its place only if it "
    "is updated, not made anew."
)


@pytest.mark.parametrize(
    ("traffic", "first"),
    [
        ({"prod"}, []),
        (
            {"$LATEST"},
            ["Traffic is on $LATEST, not on prod: what is kept warm there serves nobody.", USE],
        ),
        (
            {"$LATEST", "prod"},
            ["Traffic on $LATEST starts as cold as before: only what comes by prod is warm."],
        ),
        (
            set(),
            [
                "Nothing tells that traffic is on prod: the params file names no alias, and no "
                "event source mapping was seen. Ask who invokes the function, and by which name: "
                "whoever uses another starts as cold as before."
            ],
        ),
    ],
)
def test_what_is_kept_warm_behind_an_alias_is_said_to_help_only_what_comes_by_it(
    traffic: set[str], first: list[str]
) -> None:
    plan = _plan(("prod", "7"), traffic=frozenset(traffic))

    assert list(plan.first) == first
    assert plan.calls[0].arguments["Qualifier"] == "prod"


def test_of_several_aliases_that_of_the_traffic_is_kept_warm() -> None:
    plan = _plan(("prod", "7"), ("staging", "8"), traffic=frozenset({"staging"}))

    assert plan.calls[0].arguments["Qualifier"] == "staging"
    assert plan.first == ()


def test_without_an_alias_the_plan_says_what_has_to_be_made_since_latest_is_refused() -> None:
    plan = _plan()

    assert "$LATEST" not in plan.calls[0].cli("aws")
    assert "Lambda refuses provisioned concurrency on $LATEST" in plan.first[0]
    assert plan.first[0].startswith("There is no alias live")
    assert "make the alias of it (lambda create-alias)" in plan.first[0]


@pytest.mark.parametrize(
    "configuration", [{}, {"MemorySize": 128, "SnapStart": {"ApplyOn": "PublishedVersions"}}]
)
def test_provisioned_concurrency_is_not_planned_where_snapstart_excludes_it_or_nothing_was_seen(
    configuration: dict[str, Any],
) -> None:
    assert _plan(configuration=configuration) is None
