"""Durations are held against the timeout that held when they were measured."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
from fakes.clients import Clock, Connected, Lambda, Tables, Trail, refusal

from opslib import changes
from opslib.aws import Connection
from opslib.changes.timeouts import Edit, Move, Recorded, timeouts
from opslib.fleet import checks_of, scope
from opslib.fleet.reading import Readings
from opslib.fleet.timeouts import EarlierTimeouts
from opslib.health import Check, Finding, Verdict, cutoffs, duration_findings, duration_notes
from opslib.health.functions import FunctionChecks
from opslib.health.series import Series
from opslib.health.timeouts import Earlier, Timeouts
from opslib.health.verdicts import Point
from opslib.lambda_logs import Logs, shape
from opslib.system import Function, Thresholds, load
from opslib.target import Target
from opslib.window import Window

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
START = datetime(2026, 10, 14, 0, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=3))
EDITED = START + timedelta(minutes=90)
NAN = float("nan")
CRITICAL, WARNING, UNKNOWN = Verdict.CRITICAL, Verdict.WARNING, Verdict.UNKNOWN


def _at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def _iso(minute: float) -> str:
    return f"{_at(minute):%Y-%m-%dT%H:%M:%S}.000+0000"


def _bins(*held: tuple[int, float, float]) -> pd.DataFrame:
    """Bins of 5 minutes from 00:00 on: so many with this p95 and this longest, in ms."""
    rows = [(p95, longest) for count, p95, longest in held for _ in range(count)]
    at = pd.date_range(START, periods=len(rows), freq="5min", unit="ns")
    columns = {"p95_ms": [row[0] for row in rows], "max_ms": [row[1] for row in rows]}
    return pd.DataFrame({"at": at, **columns}).astype({"p95_ms": "float", "max_ms": "float"})


def _judged(
    bins: pd.DataFrame,
    *earlier: Earlier,
    now_ms: float = 30_000,
    edited_at: datetime | None = EDITED,
) -> list[Finding]:
    return duration_findings(
        bins,
        timeout_ms=now_ms,
        timeouts=Timeouts(now_ms, earlier),
        thresholds=Thresholds(),
        subject="f",
        deployed_at=edited_at,
    )


def _told(found: Sequence[Finding]) -> list[tuple[str, Verdict]]:
    return [(each.id, each.severity) for each in found]


def _row(*p95_ms: float, earlier: Sequence[Earlier] = (), now_ms: float = 30_000) -> Check:
    """Points of 5 minutes from 00:00 on."""
    points = [Point(_at(5 * place), value) for place, value in enumerate(p95_ms)]
    return FunctionChecks(
        series=Series(
            subject="f", points={"duration_p95_ms": points}, status={"duration_p95_ms": "Complete"}
        ),
        function=Function(name="f"),
        thresholds=Thresholds(),
        window=WINDOW,
        deployed_at=EDITED,
        timeouts=Timeouts(now_ms, tuple(earlier)),
    ).duration(now_ms)


THREE = Earlier(EDITED, 3_000, "as version 7 has it")
UNTOLD = Earlier(EDITED, NAN)


def test_what_a_timeout_cut_off_that_was_raised_since_is_told() -> None:
    cut_off, near = _judged(_bins((18, 2_940, 3_000.4), (18, 2_900, 4_000)), THREE)

    assert (cut_off.id, cut_off.severity) == ("duration.timed-out", CRITICAL)
    assert cut_off.title == (
        "Invocations of f reached the timeout of 3.0 s and were cut off until 2026-10-14 01:25 UTC"
    )
    assert "In 18 of 18 bins" in cut_off.detail
    assert (
        " Until 2026-10-14 01:30 UTC its timeout was 3.0 s, as version 7 has it." in cut_off.detail
    )
    assert near.title == "f took 98 % of its timeout until 2026-10-14 01:25 UTC"
    assert near.detail.startswith(
        "Against the timeout of then: The p95 of the duration held 2.9 s of the timeout of 3.0 s, "
        "98 %, for 2 periods running."
    )
    assert " Until 2026-10-14 01:30 UTC its timeout was 3.0 s, as version 7 has it." in near.detail


def test_a_bin_in_which_the_timeout_was_raised_is_no_proof_of_another_nor_cut_off() -> None:
    bins = _bins((18, 1_000, 1_200), (1, 1_000, 9_000), (17, 1_000, 1_100))

    assert _judged(bins, THREE._replace(until=_at(92)), edited_at=_at(92)) == []


def test_how_near_an_unknown_timeout_was_is_unknown_and_says_who_would_tell() -> None:
    (finding,) = _judged(_bins((18, 2_550, 2_700), (18, 2_400, 2_700)), UNTOLD)

    assert (finding.id, finding.severity) == ("duration.near-timeout", UNKNOWN)
    assert finding.title == (
        "How near f was to its timeout until 2026-10-14 01:30 UTC is not known"
    )
    assert finding.detail == (
        "It was edited then, and nothing seen tells which timeout it had before: at least 3.0 s, "
        "of which the p95 held 85 %, 2.5 s. The longest took 2.7 s. What was cut off by it, if "
        "anything, 12-timeout reads in the logs. What it was, CloudTrail "
        "(UpdateFunctionConfiguration) and a version published before the edit would tell."
    )


@pytest.mark.parametrize(
    ("p95_ms", "longest_ms", "told"),
    [
        # No timeout is below 1 s, nor below what ran.
        (400, 700, []),
        (1_400, 2_700, []),
        (750, 800, []),
        # Few were cut off, or waited for a client that gives up at a whole second.
        (400, 3_002, [("duration.near-timeout", UNKNOWN)]),
        (850, 900, [("duration.near-timeout", UNKNOWN)]),
        # Lambda alone ends at the millisecond.
        (400, 3_000.4, [("duration.timed-out", CRITICAL)]),
    ],
)
def test_an_unknown_timeout_is_unknown_only_where_it_may_have_been_near(
    p95_ms: float, longest_ms: float, told: list[tuple[str, Verdict]]
) -> None:
    assert _told(_judged(_bins((18, p95_ms, longest_ms), (18, 400, 700)), UNTOLD)) == told


def test_a_warning_that_may_have_been_is_a_note() -> None:
    rest: dict[str, Any] = {"thresholds": Thresholds(), "subject": "f", "deployed_at": EDITED}
    bins = _bins((18, 750, 800), (18, 400, 700))

    untold = duration_notes(bins, timeouts=Timeouts(30_000, (UNTOLD,)), **rest)
    told = duration_notes(bins, timeouts=Timeouts(30_000, (THREE,)), **rest)

    assert untold == [
        "Not judged: the p95 of f, until 2026-10-14 01:30 UTC at most 75 % of a timeout that is "
        "not known, which may have been a warning."
    ]
    assert told == []


def test_a_wall_of_two_bins_proves_no_timeout() -> None:
    bins = _bins((2, 400, 3_000), (16, 400, 700), (18, 400, 700))

    assert _told(_judged(bins, UNTOLD)) == [("duration.near-timeout", UNKNOWN)]


@pytest.mark.parametrize(
    ("earlier", "said"),
    [
        (Earlier(EDITED, 30_000, "as version 7 has it"), "was 30.0 s, as version 7 has it."),
        (UNTOLD, "was longer, at least 4.0 s, as durations show."),
    ],
    ids=["told by a version", "told by durations"],
)
def test_a_timeout_that_was_longer_before_is_told_beside_what_comes_near_it(
    earlier: Earlier, said: str
) -> None:
    bins = _bins((18, 1_900, 3_600), (18, 2_900, 2_990))

    (near,) = (each for each in _judged(bins, earlier, now_ms=3_000) if each.severity is CRITICAL)

    assert f" Until 2026-10-14 01:30 UTC the timeout {said}" in near.detail


def test_a_lowered_timeout_is_not_held_against_what_was_before() -> None:
    bins = _bins((18, 2_900, 12_400), (18, 400, 700))

    known = _judged(bins, Earlier(EDITED, 30_000, "as version 7 has it"), now_ms=3_000)
    unknown = _judged(_bins((18, 12_200, 12_400), (18, 400, 700)), UNTOLD, now_ms=3_000)

    assert known == []
    assert _told(unknown) == [("duration.near-timeout", UNKNOWN)]


def test_longer_durations_than_a_version_allows_show_that_another_timeout_held() -> None:
    bins = _bins((18, 12_200, 12_400), (18, 400, 700))

    by_version, as_now = _judged(bins, THREE), _judged(bins, now_ms=3_000)

    assert _told(by_version) == [("duration.near-timeout", UNKNOWN)]
    assert _told(as_now) == [("duration.near-timeout", UNKNOWN)]


def test_of_two_edits_each_part_has_its_own_timeout() -> None:
    bins = _bins((9, 1_000, 1_200), (9, 9_500, 10_000), (18, 1_000, 1_200))
    first, second = (
        Earlier(_at(45), 3_000, "as version 7 has it"),
        Earlier(EDITED, 10_000, "as told"),
    )

    cut_off, near = _judged(bins, first, second)
    lowered_between = _judged(_bins((9, 2_900, 2_940), (27, 400, 700)), first, second)

    assert "reached the timeout of 10.0 s" in cut_off.title
    assert (cut_off.since, cut_off.until) == (_at(45), _at(85))
    assert near.title == "f took 95 % of its timeout until 2026-10-14 01:25 UTC"
    assert _told(lowered_between) == [("duration.near-timeout", CRITICAL)]
    assert lowered_between[0].until == _at(40)


@pytest.mark.parametrize(
    ("edited_at", "until"), [(_at(200), None), (_at(179), None)], ids=["after the window", "last"]
)
def test_where_nothing_came_since_the_edit_all_is_held_against_the_timeout_before(
    edited_at: datetime, until: datetime | None
) -> None:
    step = THREE._replace(until=edited_at)
    inside = edited_at if edited_at in WINDOW else None

    cut_off, near = _judged(_bins((35, 2_940, 3_000)), step, edited_at=inside)
    (unknown,) = _judged(_bins((35, 2_550, 2_700)), step._replace(timeout_ms=NAN), edited_at=inside)

    assert [cut_off.severity, near.severity, unknown.severity] == [CRITICAL, CRITICAL, UNKNOWN]
    assert (cut_off.until, near.until) == (until, until)


def test_what_was_critical_under_another_timeout_is_told_beside_a_warning_of_now() -> None:
    bins = _bins((18, 2_940, 3_000), (18, 3_000, 4_000))

    found = _judged(bins, THREE, now_ms=5_000)

    assert _told(found) == [
        ("duration.near-timeout", WARNING),
        ("duration.timed-out", CRITICAL),
        ("duration.near-timeout", CRITICAL),
    ]


@pytest.mark.parametrize("then_ms", [30_000.0, 20_000.0])
def test_what_was_as_bad_before_an_edit_is_one_incident_from_its_first_stretch_on(
    then_ms: float,
) -> None:
    # Cut off from 00:10 to 00:20 and, after the edit of 01:30, from 02:40 on.
    bad = (2, then_ms, then_ms)
    bins = _bins((2, 900, 1000), bad, (28, 900, 1000), (4, 30_000, 30_000))

    found = _judged(bins, Earlier(EDITED, then_ms, "version 7 has it"))
    row = _row(*bins["p95_ms"], earlier=[Earlier(EDITED, then_ms)])

    assert [(each.id, each.since) for each in found if each.id != "duration.rising"] == [
        ("duration.timed-out", _at(10)),
        ("duration.near-timeout", _at(10)),
    ]
    assert all(
        " it was so before it, too, first from 2026-10-14 00:10 UTC on." in each.detail
        for each in found
        if each.id != "duration.rising"
    )
    assert row.finding is not None
    assert row.finding.since == _at(10)
    assert "Code or configuration was changed" not in row.finding.detail


def test_what_was_less_bad_before_an_edit_does_not_date_what_the_edit_may_have_begun() -> None:
    bins = _bins((2, 900, 1000), (2, 18_000, 18_000), (28, 900, 1000), (4, 29_000, 29_000))

    found = _judged(bins)
    row = _row(*bins["p95_ms"])

    assert {each.since for each in found if each.id == "duration.near-timeout"} == {_at(160)}
    assert row.finding is not None
    assert row.finding.since == _at(160)


def test_what_is_cut_off_each_hour_is_not_over_after_an_hour() -> None:
    longest = [30_000.0 if n % 12 == 0 else 1000.0 for n in range(36)]
    bins = _bins(*((1, 900, each) for each in longest))

    (found,) = _judged(bins, edited_at=None)

    assert (found.id, found.until) == ("duration.timed-out", None)


def test_the_row_of_durations_too_is_held_against_the_timeout_of_then() -> None:
    check = _row(*[2_940] * 18, *[1_000] * 18, earlier=[THREE])

    assert (check.verdict, check.shown) == (CRITICAL, "98 % of the timeout")
    assert check.note == (
        "p95 of 2.9 s held for 2 periods of 5 min, timeout 3.0 s until 2026-10-14 01:30 UTC; since "
        "2026-10-14 01:25 UTC it is over, with a p95 of 1.0 s"
    )


def test_the_row_of_durations_is_unknown_where_the_timeout_of_then_is() -> None:
    check = _row(*[2_550] * 18, *[1_000] * 18, earlier=[UNTOLD])
    well = _row(*[450] * 18, *[1_000] * 18, earlier=[UNTOLD])
    perhaps = _row(*[750] * 18, *[1_000] * 18, earlier=[UNTOLD])

    assert (check.verdict, check.shown) == (UNKNOWN, "3.3 % of the timeout")
    assert check.note.endswith("timeout 30.0 s; before that not known, nor is the timeout of then")
    assert check.finding is not None
    assert check.finding.severity is UNKNOWN
    assert (well.verdict, well.finding) == (Verdict.HEALTHY, None)
    assert well.note.endswith("timeout 30.0 s")
    assert (perhaps.verdict, perhaps.finding) == (Verdict.HEALTHY, None)
    assert perhaps.note.endswith(
        "timeout 30.0 s; until 2026-10-14 01:30 UTC at most 75 % of a timeout that is not known, "
        "which may have been a warning"
    )


# --- who tells


def _configured(timeout_s: int, minute: float, version: str = "$LATEST", **of: Any) -> Any:
    plain = {"Version": version, "LastModified": _iso(minute), "Timeout": timeout_s}
    return plain | {"MemorySize": 256, "CodeSha256": "c"} | of


def _steps(found: Timeouts) -> list[tuple[int, float | None]]:
    """Minute until which, and the timeout in s, of those that end in the window or after it."""
    return [
        (
            round((each.until - START) / timedelta(minutes=1)),
            None if isnan(each.timeout_ms) else each.timeout_ms / 1000,
        )
        for each in found.earlier
        if each.until > START
    ]


SET = Edit(EDITED, 30_000)
CODE = Edit(EDITED)


@pytest.mark.parametrize(
    ("published", "recorded", "steps"),
    [
        ([], None, [(90, None)]),
        # A version tells.
        ([_configured(3, -600, "7")], None, [(90, 3)]),
        ([_configured(30, -600, "7")], None, []),
        ([_configured(3, -600, "7"), _configured(10, 45, "8")], None, [(45, 3), (90, 10)]),
        # One that is a copy of what was edited does not.
        ([_configured(30, 90.1, "7")], None, [(90, None)]),
        # CloudTrail does, if it tells of the last edit.
        ([], Recorded((CODE,), is_whole=True), []),
        ([_configured(3, -600, "7")], Recorded((CODE,), is_whole=True), []),
        ([], Recorded((CODE,)), [(90, None)]),
        ([], Recorded((Edit(_at(40)),), is_whole=True), [(90, None)]),
        ([], Recorded((SET,), is_whole=True), [(90, None)]),
        ([_configured(3, -600, "7")], Recorded((SET,), is_whole=True), [(90, 3)]),
        # Two edits.
        ([], Recorded((SET, Edit(_at(45), 10_000)), is_whole=True), [(45, None), (90, 10)]),
        (
            [_configured(3, -600, "7")],
            Recorded((CODE, Edit(_at(45), 30_000), Edit(_at(20))), is_whole=True),
            [(45, 3)],
        ),
        ([], Recorded((CODE, Edit(_at(45), NAN)), is_whole=True), [(45, None), (90, None)]),
    ],
)
def test_the_timeouts_of_latest_are_those_of_its_versions_and_of_cloudtrail(
    published: list[Any], recorded: Recorded | None, steps: list[tuple[int, float | None]]
) -> None:
    found = timeouts(_configured(30, 90), published, recorded)

    assert found.now_ms == 30_000
    assert _steps(found) == steps


@pytest.mark.parametrize(
    ("published_minute", "moves", "steps"),
    [
        (-600, [], []),
        (60, [], [(60, 3)]),
        (-600, [Move(_at(80), "live", "8")], [(80, 3)]),
        (-600, [Move(_at(80), "staging", "8")], []),
        (-600, [Move(_at(80), "live", "8"), Move(_at(30), "live", "6")], [(30, 30), (80, 10)]),
    ],
)
def test_the_timeouts_of_an_alias_are_those_of_the_versions_it_pointed_at(
    published_minute: float, moves: list[Move], steps: list[tuple[int, float | None]]
) -> None:
    now = _configured(30, published_minute, "8")
    published = [_configured(10, -900, "6"), _configured(3, -800, "7"), now]

    found = timeouts(now, published, Recorded(moves=tuple(moves)), alias="live")

    assert _steps(found) == steps


def _event(minute: float, *, error: str = "", **asked: Any) -> dict[str, Any]:
    record = {"requestParameters": asked} | ({"errorCode": error} if error else {})
    return {"EventTime": _at(minute), "CloudTrailEvent": json.dumps(record)}


def _asked(client: Trail) -> Recorded:
    clock = Clock()
    trail = changes.Trail(client, WINDOW, sleep=clock.sleep, monotonic=clock.monotonic)
    return trail.of_timeouts("f")


def test_cloudtrail_is_read_for_what_edits_set_the_timeout_to() -> None:
    configured = [
        _event(90, functionName="f", timeout=30),
        _event(80, functionName="f", memorySize=512),
        _event(70, functionName="f", timeout=5, error="AccessDenied"),
        _event(60, functionName="f", timeout=5, dryRun=True),
        _event(50, functionName="another", timeout=5),
        _event(40, functionName="f", timeout="soon"),
    ]
    moved = [_event(10, functionName="f", name="live", functionVersion="7")]
    told = _asked(
        Trail(
            UpdateFunctionConfiguration20150331v2=[{"Events": configured}],
            UpdateFunctionCode20150331v2=[{"Events": [_event(20, functionName="f")]}],
            UpdateAlias20150331=[{"Events": moved}],
        )
    )

    unreadable = told.edits[2].timeout_ms
    assert unreadable is not None
    assert isnan(unreadable)
    assert [told.edits[place] for place in (0, 1, 3)] == [
        Edit(_at(90), 30_000),
        Edit(_at(80)),
        Edit(_at(20)),
    ]
    assert told.moves == (Move(_at(10), "live", "7"),)
    assert told.is_whole


@pytest.mark.parametrize(
    "client",
    [
        Trail(refusals=[refusal("AccessDeniedException", "no")]),
        Trail(UpdateFunctionCode20150331v2=[{"Events": []} for _ in range(6)]),
    ],
    ids=["refused", "in part"],
)
def test_a_cloudtrail_that_was_read_in_part_does_not_tell_that_nothing_was_set(
    client: Trail,
) -> None:
    assert not _asked(client).is_whole


@pytest.mark.parametrize(
    ("version", "limits", "notes"),
    [
        ({"timeout_s": 30, "minute": -600}, 0, 1),
        ({"timeout_s": 3, "minute": -600}, 1, 0),
        ({"timeout_s": 30, "minute": -600, "MemorySize": 128}, 1, 0),
        ({"timeout_s": 30, "minute": 190}, 1, 0),
    ],
)
def test_an_edit_after_the_window_is_a_note_where_a_version_shows_that_it_changed_no_limit(
    version: Mapping[str, Any], limits: int, notes: int
) -> None:
    published = _configured(**version, version="7")
    function = Lambda(_configured(30, 200), versions=[{"Versions": [published]}])
    connection = cast(Connection, Connected(**{"lambda": function, "dynamodb": Tables()}))

    found = changes.of(connection, "f", WINDOW)

    assert (len(found.limits), len(found.notes)) == (limits, notes)
    assert all(
        said.startswith("f was edited at 2026-10-14T03:20:00Z, after the window")
        for said in (*found.limits, *found.notes)
    )


def test_triage_asks_for_earlier_timeouts_only_where_they_may_have_been_near() -> None:
    place = {"account": "123456789012", "region": "eu-west-1", "environment": "staging"}
    names = ["slow", "quick", "old", "refused"]
    system = load({"name": "s", **place, "functions": [{"name": name} for name in names]})
    edited = {name: _configured(30, 90) for name in names} | {"old": _configured(30, -90)}
    levels = {"slow": 2_400.0, "quick": 400.0, "old": 2_400.0, "refused": 2_400.0}
    series = {
        name: Series(
            subject=name,
            points={"duration_p95_ms": [Point(_at(5 * n), level) for n in range(36)]},
            status={},
        )
        for name, level in levels.items()
    }
    by_function = {
        "slow": [{"Versions": [_configured(3, -600, "7")]}],
        "refused": [refusal("AccessDeniedException", "no")],
    }
    function = Lambda({}, versions=cast(Any, by_function))
    clients = {"lambda": function, "cloudtrail": Trail(refusals=[refusal("AccessDenied")])}
    look = EarlierTimeouts(cast(Connection, Connected(**clients)), WINDOW, closely=True)

    found = dict(look.of(scope(system, ""), edited, series))

    assert {name: _steps(each) for name, each in found.items()} == {
        "slow": [(90, 3)],
        "refused": [(90, None)],
    }
    assert len(look.limits) == 1
    assert "lambda:ListVersionsByFunction" in look.limits[0]


def test_a_target_and_the_notebook_on_durations_hold_to_the_timeouts_of_then() -> None:
    function = Lambda(_configured(30, 90), versions=[{"Versions": [_configured(3, -600, "7")]}])
    connection = cast(Connection, Connected(**{"lambda": function, "dynamodb": Tables()}))

    target = Target(
        function=Function(name="f"),
        timeout_ms=30_000,
        memory_mb=256,
        logs=Logs(shape({"FunctionName": "f"})),
        changes=changes.of(connection, "f", WINDOW),
        configuration=function.configuration,
    )
    notebook = (NOTEBOOKS / "20-duration.ipynb").read_text()

    assert _steps(target.timeouts) == [(90, 3)]
    assert "target.timeouts" in notebook


def test_the_health_table_holds_durations_to_the_timeouts_of_then() -> None:
    place = {"account": "123456789012", "region": "eu-west-1", "environment": "staging"}
    looked = scope(load({"name": "s", **place, "functions": [{"name": "f"}]}), "")
    edited_at = pd.Series([pd.Timestamp(EDITED)])
    readings = Readings(
        rows=pd.DataFrame({"function": ["f"], "timeout_s": [30.0], "timeout_from": [""]}).assign(
            edited_at=edited_at
        ),
        series={
            "f": Series(
                subject="f",
                points={
                    "invocations": [Point(_at(5 * n), 10) for n in range(36)],
                    "duration_p95_ms": [Point(_at(5 * n), 2_940) for n in range(36)],
                },
                status={"invocations": "Complete", "duration_p95_ms": "Complete"},
            )
        },
        asked_at=_at(180),
        timeouts={"f": Timeouts(30_000, (THREE,))},
    )

    now = {each.indicator: each for each in checks_of(looked, readings, window=WINDOW)}
    without = checks_of(looked, replace(readings, timeouts={}), window=WINDOW)

    assert now["Duration"].verdict is CRITICAL
    assert {each.indicator: each.verdict for each in without}["Duration"] is Verdict.HEALTHY


# --- 12-timeout reads the lines themselves


def test_what_lines_say_was_cut_off_is_told_whatever_the_timeout_is_now() -> None:
    cuts = pd.DataFrame(
        {
            "at": pd.date_range(START, periods=3, freq="20min"),
            "request_id": ["a", "b", "c"],
            "stream": "s",
            "how": "timeout",
            "worked_ms": [3_000.0, 3_003.2, NAN],
            "used_mb": NAN,
        }
    )

    (finding,) = cutoffs.cut_off_findings(
        cuts,
        invocations=10,
        timeout_ms=30_000,
        longest_before_ms=3_003,
        thresholds=Thresholds(),
        subject="f",
        deployed_at=_at(42),
        ran_until=_at(180),
    )

    assert finding.severity is CRITICAL
    assert finding.title == (
        "3 invocations of f were cut off by the timeout of 3.0 s, until 2026-10-14 00:40 UTC"
    )
    assert " ended it. The timeout is 30.0 s now." in finding.detail
