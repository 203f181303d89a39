"""The tree as it is drawn, and the hypotheses with what speaks for and against each."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from opslib import tree
from opslib.health import Check, Finding, Verdict
from opslib.health.verdicts import Point

AT = datetime(2026, 10, 14, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def _finding(identifier: str, *, since: datetime | None = None, **more: Any) -> Finding:
    given = {"severity": Verdict.CRITICAL, "title": identifier, "detail": "D.", "subject": "f"}
    return Finding(id=identifier, since=since, **(given | more))


def _check(indicator: str, *, value: float | None = 1.0, **more: Any) -> Check:
    given: dict[str, Any] = {"subject": "f", "unit": "", "healthy": "", "warning": ""}
    given |= {"critical": "", "verdict": Verdict.HEALTHY, "source": "s"}
    return Check(indicator=indicator, value=value, **(given | more))


def _change(at: datetime, what: str = "edited") -> pd.DataFrame:
    return pd.DataFrame({"at": [pd.Timestamp(at)], "what": [what], "detail": [""]})


def _steps(findings: list[Finding], **more: Any) -> dict[str, dict[str, Any]]:
    return {str(step["label"]): step for step in tree.drawn(findings, **more)}


def test_every_finding_of_the_table_has_one_place_in_the_drawing() -> None:
    labels = [f for question in tree.QUESTIONS for f in _ids(question)]

    assert sorted(labels) == sorted(row.finding for row in tree.BRANCHES)


def _ids(question: tree.Question) -> list[str]:
    return [*question.findings, *(each for below in question.below for each in _ids(below))]


def test_the_path_leads_over_a_kind_to_the_question_above_it() -> None:
    step = _steps([_finding("errors.code")])["Do invocations fail?"]

    assert (step["taken"], step["verdict"], step["link"]) == (True, "critical", "10-error-rate")
    below = {each["label"]: each["taken"] for each in step["steps"]}
    assert below["Is it the code?"] is True
    assert below["Is something denied?"] is False


def test_what_was_not_asked_has_no_verdict_and_what_was_and_is_well_is_healthy() -> None:
    checks = [_check("Error rate")]

    steps = _steps([], checks=checks, looked=["cold-starts.frequent"])

    assert steps["Do invocations fail?"]["verdict"] == "healthy"
    assert steps["Do they wait for a start?"]["verdict"] == "healthy"
    assert steps["Are there dead letters?"]["verdict"] is None
    assert [step["taken"] for step in steps.values()] == [False] * len(steps)


def test_a_row_that_was_not_seen_makes_its_question_unknown_and_says_which() -> None:
    step = _steps([], checks=[_check("Duration", value=None, verdict=Verdict.UNKNOWN)])

    assert step["Are invocations slow?"]["verdict"] == "unknown"
    assert step["Are invocations slow?"]["detail"] == "not seen: Duration of f"


def _hypotheses(findings: list[Finding], **more: Any) -> list[tree.Hypothesis]:
    return tree.hypotheses(findings, **({"changes": {}, "traffic": {}} | more))


def test_a_change_that_reached_no_traffic_is_no_suspect_and_stands_last() -> None:
    slow = _finding("duration.near-timeout", since=AT + 10 * MINUTE)
    moved = pd.DataFrame(
        {
            "at": [pd.Timestamp(AT), pd.Timestamp(AT + 5 * MINUTE)],
            "what": ["edited", "alias moved"],
            "detail": ["", "alias staging to version 8"],
        }
    )
    why = "Traffic is on live."
    idle = {(AT + 5 * MINUTE, "alias moved", "alias staging to version 8"): why}

    edit, staging = _hypotheses([slow], changes={"f": moved}, unserved={"f": idle})
    suspect = _hypotheses([slow], changes={"f": moved})[0]

    assert edit.title == "The change of f at 2026-10-14 01:00 UTC (edited) began it"
    assert edit.against == ()
    assert "Nothing else about f changed in the window." not in edit.supports
    assert staging.title == "The change of f at 2026-10-14 01:05 UTC (alias moved) began it"
    assert (staging.supports, staging.against) == ((), (why,))
    assert suspect.title == staging.title


@pytest.mark.parametrize("id_", ["duration.near-timeout", "errors.code"])
def test_a_change_that_reached_no_traffic_ended_nothing_and_is_not_told_as_too_late(
    id_: str,
) -> None:
    over = _finding(id_, since=AT - 30 * MINUTE, until=AT)
    row = _change(AT, "alias moved")

    assert (
        _hypotheses([over], changes={"f": row}, unserved={"f": {(AT, "alias moved", ""): "W"}})
        == []
    )
    assert len(_hypotheses([over], changes={"f": row})) == 1


def test_a_change_just_before_is_the_first_suspect() -> None:
    slow = _finding("duration.near-timeout", since=AT + 2 * MINUTE)
    traffic = {"f": [Point(AT + n * MINUTE, 3.0) for n in range(-30, 30)]}

    first = _hypotheses([slow], changes={"f": _change(AT)}, traffic=traffic)[0]

    assert first.title == "The change of f at 2026-10-14 01:00 UTC (edited) began it"
    assert first.supports == (
        "duration.near-timeout: first at 2026-10-14 01:02 UTC",
        "Nothing else about f changed in the window.",
        "Traffic stayed as it was: 3.0 invocations a minute before it, 3.1 since.",
    )
    assert (first.against, first.notebook) == ((), "20-duration")


def test_traffic_that_doubled_speaks_against_the_change() -> None:
    slow = _finding("duration.near-timeout", since=AT + 2 * MINUTE)
    before = [Point(AT + n * MINUTE, 3.0) for n in range(-30, 0)]
    after = [Point(AT + n * MINUTE, 6.0) for n in range(31)]

    first = _hypotheses([slow], changes={"f": _change(AT)}, traffic={"f": before + after})[0]

    assert first.against == (
        "More traffic came at the same time: 3.0 invocations a minute before it, 6.2 since.",
    )


def test_invocations_that_grew_with_errors_are_no_evidence_against_a_change() -> None:
    failing = _finding("errors.rate", since=AT + 2 * MINUTE)
    before = [Point(AT + n * MINUTE, 3.0) for n in range(-30, 0)]
    after = [Point(AT + n * MINUTE, 6.0) for n in range(31)]

    first = _hypotheses([failing], changes={"f": _change(AT)}, traffic={"f": before + after})[0]

    assert first.against == ()
    assert first.unseen == (
        "More traffic came at the same time: 3.0 invocations a minute before it, 6.2 since. "
        "What fails is tried again, and that counts too.",
    )


def test_what_began_before_a_change_speaks_against_it() -> None:
    slow = _finding("duration.near-timeout", since=AT + 2 * MINUTE)
    letters = _finding("dead-letters.waiting", since=AT - 40 * MINUTE)

    first = next(
        each
        for each in _hypotheses([slow, letters], changes={"f": _change(AT)})
        if each.title.startswith("The change")
    )

    assert first.against == ("dead-letters.waiting: that began at 2026-10-14 00:20 UTC",)
    assert first.unseen == ("The traffic of f before it.",)


def test_a_change_long_before_began_nothing() -> None:
    slow = _finding("duration.near-timeout", since=AT + 61 * MINUTE)

    found = _hypotheses([slow], changes={"f": _change(AT)})

    assert [each.title for each in found] == []


def test_a_change_after_the_first_sign_has_only_evidence_against_it_and_stands_last() -> None:
    slow = _finding("duration.near-timeout", severity=Verdict.CRITICAL, since=AT - 6 * MINUTE)
    stopped = _finding("change.temporary", severity=Verdict.WARNING)

    found = _hypotheses([slow, stopped], changes={"f": _change(AT)})

    assert found[-1].title == "The change of f at 2026-10-14 01:00 UTC (edited) began it"
    assert found[-1].supports == ()
    assert found[-1].against == (
        "duration.near-timeout: that began at 2026-10-14 00:54 UTC, 6 min before it",
    )
    assert len(found) == 2


@pytest.mark.parametrize(
    ("dated_by_min", "earlier_min", "began"),
    [(0, 1, True), (0, 2, False), (1, 1, True), (1, 4, False), (5, 4, True), (5, 6, False)],
)
def test_a_change_after_a_sign_began_it_only_within_the_period_that_dates_the_sign(
    dated_by_min: int, earlier_min: int, began: bool
) -> None:
    sign = _finding("errors.rate", since=AT - earlier_min * MINUTE, period=dated_by_min * MINUTE)

    (found,) = _hypotheses([sign], changes={"f": _change(AT)})

    assert bool(found.supports) is began
    assert bool(found.against) is not began


def _changes(*rows: tuple[datetime | None, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["at", "what", "detail"])
    return frame.assign(at=pd.to_datetime(frame["at"], utc=True))


@pytest.mark.parametrize(
    ("what", "detail", "finding"),
    [
        ("event source mapping updated", "table/t: Enabled, batches of 1000", "stream.lag"),
        ("table capacity lowered", "t: 5 read and 1 write units", "dynamodb.write-throttled"),
        ("alias moved", "live from version 1 to 2", "errors.code"),
        ("PutFunctionConcurrency", "by arn:aws:iam::1:user/ada", "invocations.throttled"),
    ],
)
def test_a_change_right_before_the_first_sign_is_evidence_of_whatever_kind_it_is(
    what: str, detail: str, finding: str
) -> None:
    sign = _finding(finding, since=AT + 3 * MINUTE)

    (first,) = _hypotheses([sign], changes={"f": _changes((AT, what, detail))})

    assert first.title == f"The change of f at 2026-10-14 01:00 UTC ({what}) began it"
    assert first.supports[:2] == (
        f"{finding}: first at 2026-10-14 01:03 UTC",
        f"{what}: {detail}.",
    )


def test_a_mapping_that_its_failures_may_have_dated_is_no_cause_and_hides_none() -> None:
    sign = _finding("errors.code", since=AT + 3 * MINUTE)
    dated = "event source mapping or its last result changed"
    rows = _changes((AT, "edited", ""), (AT + 3 * MINUTE, dated, "table/t: Enabled"))

    edited, mapping = _hypotheses([sign], changes={"f": rows})

    assert edited.title == "The change of f at 2026-10-14 01:00 UTC (edited) began it"
    assert edited.against == ()
    assert "Nothing else about f changed in the window." in edited.supports
    assert mapping.supports == ()
    assert mapping.against[0].startswith("Lambda dates a stream's mapping anew")


def test_a_mapping_that_its_recovery_may_have_dated_ended_nothing() -> None:
    over = _finding("errors.code", since=AT - 40 * MINUTE, until=AT - MINUTE)
    dated = "event source mapping or its last result changed"

    assert _hypotheses([over], changes={"f": _changes((AT, dated, "table/t: Enabled"))}) == []


def test_of_two_changes_before_the_first_sign_the_nearer_speaks_against_the_other() -> None:
    sign = _finding("errors.code", since=AT + 20 * MINUTE)
    rows = _changes((AT, "edited", ""), (AT + 18 * MINUTE, "alias moved", "live to 2"))

    nearer, farther = _hypotheses([sign], changes={"f": rows})

    assert nearer.title == "The change of f at 2026-10-14 01:18 UTC (alias moved) began it"
    assert nearer.against == ()
    assert farther.against == (
        "Another change came between, at 2026-10-14 01:18 UTC: alias moved.",
    )


def test_a_change_that_came_with_the_end_of_it_is_said_to_have_ended_it() -> None:
    over = _finding("errors.code", since=AT - 40 * MINUTE, until=AT - MINUTE)

    (found,) = _hypotheses([over], changes={"f": _changes((AT, "alias moved", "live to 2"))})

    assert found.title == "The change of f at 2026-10-14 01:00 UTC (alias moved) ended it"
    assert found.supports == (
        "errors.code: from 2026-10-14 00:20 UTC, and not since it",
        "alias moved: live to 2.",
    )
    assert found.against == ()


def test_a_change_that_nobody_dates_is_said_not_to_be_known() -> None:
    sign = _finding("errors.code", since=AT + MINUTE)
    rows = _changes((AT, "edited", ""), (None, "alias", "live: version 2"))

    (first,) = _hypotheses([sign], changes={"f": rows})

    assert "When this came: alias live: version 2." in first.unseen


def test_a_change_of_a_table_that_two_functions_share_is_told_once() -> None:
    sign = _finding("dynamodb.write-throttled", since=AT + MINUTE)
    rows = _changes((AT, "table capacity lowered", "t: 1 write unit"))

    found = _hypotheses([sign], changes={"f": rows, "g": rows})

    assert len(found) == 1


def test_a_cause_has_its_consequences_for_it_and_what_came_first_against_it() -> None:
    findings = [
        _finding("duration.near-timeout", since=AT),
        _finding("stream.lag", since=AT + 10 * MINUTE),
        _finding("dead-letters.waiting", since=AT - 10 * MINUTE),
    ]

    (found,) = _hypotheses(findings)

    assert found.title == "duration.near-timeout, and the rest follows from it"
    assert found.supports[1:] == ("stream.lag: not before it, at 2026-10-14 01:10 UTC",)
    assert found.against == ("dead-letters.waiting: that began earlier, at 2026-10-14 00:50 UTC",)


def test_what_stands_open_comes_with_what_it_stops() -> None:
    stopped = _finding("change.temporary", severity=Verdict.WARNING, detail="Refused.")
    silent = _finding("invocations.none")

    first = _hypotheses([stopped, silent])[0]

    assert first.severity is Verdict.CRITICAL
    assert first.supports == ("Refused.", "invocations.none")


def test_more_load_than_the_day_before_is_a_hypothesis_of_its_own() -> None:
    checks, before = [_check("Invocations", value=900.0)], [_check("Invocations", value=300.0)]

    (found,) = _hypotheses([_finding("errors.rate")], checks=checks, before=before)

    assert found.supports == ("900 invocations, 3 times the 300 of then.",)
    assert found.against == ("errors.rate: load alone seldom does that",)


def test_where_nothing_was_found_there_is_no_hypothesis() -> None:
    checks, before = [_check("Invocations", value=900.0)], [_check("Invocations", value=300.0)]

    found = _hypotheses([], changes={"f": _change(AT)}, checks=checks, before=before)

    assert found == []
