"""What CloudTrail told one notebook of a triage is not asked again by its others."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fakes.clients import Clock, Trail, refusal

from opslib import changes
from opslib.window import Window

WINDOW = Window(datetime(2026, 10, 14, 0, 7, tzinfo=UTC), datetime(2026, 10, 14, 3, 7, tzinfo=UTC))
AT = datetime(2026, 10, 14, 1, 0, tzinfo=UTC)
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
ASKED = {"requestParameters": {"functionName": ARN, "name": "live", "functionVersion": "7"}}
MOVED = {"EventTime": AT, "Username": "ada", "CloudTrailEvent": json.dumps(ASKED)}
TOLD = [(AT, "alias moved", "alias live to version 7, by ada")]
Recorded = tuple[list[tuple[datetime | None, str, str]], list[str]]


def _recorded(
    client: Trail,
    folder: Path,
    *,
    about: str = "123456789012 eu-west-1 00:07/03:07",
    sleep: Callable[[float], None] | None = None,
) -> Recorded:
    clock = Clock()
    trail = changes.Trail(
        client,
        WINDOW,
        shared=changes.Shared(folder, about=about),
        sleep=sleep or clock.sleep,
        monotonic=clock.monotonic,
    )
    found, notes = trail.recorded("orders", mappings=[], tables=["orders"])
    return [(change.at, change.what, change.detail) for change in found], notes


def _names(client: Trail) -> list[str]:
    return [asked["LookupAttributes"][0]["AttributeValue"] for asked in client.asked]


def test_what_one_notebook_was_told_another_does_not_ask(tmp_path: Path) -> None:
    first, second = Trail(UpdateAlias20150331=[{"Events": [MOVED]}]), Trail()

    by_first = _recorded(first, tmp_path)
    by_second = _recorded(second, tmp_path)

    assert by_first == (TOLD, [])
    assert by_second == (TOLD, [])
    assert (len(first.asked), len(second.asked)) == (10, 0)


def test_what_was_told_in_part_is_asked_again(tmp_path: Path) -> None:
    first, second = Trail(UpdateTable=[{"Events": [MOVED]}] * 6), Trail()
    _recorded(first, tmp_path)

    _recorded(second, tmp_path)

    assert _names(second) == ["UpdateTable"]


def test_what_was_refused_is_asked_again(tmp_path: Path) -> None:
    second = Trail()
    _recorded(Trail(refusals=[refusal("AccessDeniedException")]), tmp_path)

    _, notes = _recorded(second, tmp_path)

    assert (len(second.asked), notes) == (10, [])


def test_what_was_told_of_another_window_is_not_taken(tmp_path: Path) -> None:
    second = Trail()
    _recorded(Trail(UpdateAlias20150331=[{"Events": [MOVED]}]), tmp_path)

    found, notes = _recorded(second, tmp_path, about="123456789012 eu-west-1 00:00/03:00")

    assert (found, notes, len(second.asked)) == ([], [], 10)


def test_one_that_is_throttled_takes_what_another_is_told_meanwhile(tmp_path: Path) -> None:
    throttled = Trail(refusals=[refusal("ThrottlingException")])
    other = Trail(UpdateAlias20150331=[{"Events": [MOVED]}])

    def meanwhile(_: float) -> None:
        _recorded(other, tmp_path)

    found, _ = _recorded(throttled, tmp_path, sleep=meanwhile)

    assert found == TOLD
    assert _names(throttled) == ["UpdateAlias20150331"]


def test_an_answer_that_is_not_whole_or_cannot_be_kept_costs_a_call(tmp_path: Path) -> None:
    second, third = Trail(), Trail(UpdateAlias20150331=[{"Events": [MOVED]}])
    _recorded(Trail(), tmp_path)
    for path in tmp_path.iterdir():
        path.write_text("[")

    _recorded(second, tmp_path)
    found, _ = _recorded(third, tmp_path / "gone")

    assert (len(second.asked), len(third.asked), found) == (10, 10, TOLD)
