"""PutLogEvents over HTTP takes what AWS takes, by the sandbox's clock."""

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox
from sandbox.log_groups import client, fill, put

_HOUR_MS = 3600 * 1000
_DAY_MS = 24 * _HOUR_MS
# The clock stands seven minutes after the instant that events are told from.
_NOW_MS = 7 * 60 * 1000


@pytest.fixture
def group(empty: Sandbox) -> str:
    return fill(empty, {"s": []})


def _messages(sandbox: Sandbox, group: str) -> list[str]:
    events = client(sandbox).filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in events]


def _refused(sandbox: Sandbox, group: str, told: list[tuple[int, str]]) -> dict[str, str]:
    with pytest.raises(ClientError) as caught:
        put(sandbox, group, "s", told)
    error: dict[str, str] = caught.value.response["Error"]
    return error


def test_a_batch_out_of_order_is_refused_whole(empty: Sandbox, group: str) -> None:
    error = _refused(empty, group, [(1000, "later"), (0, "earlier")])

    assert error == {
        "Code": "InvalidParameterException",
        "Message": "Log events in a single PutLogEvents request must be in chronological order.",
    }
    assert _messages(empty, group) == []


def test_events_too_old_and_too_new_are_left_out_and_told(empty: Sandbox, group: str) -> None:
    answer = put(
        empty,
        group,
        "s",
        [
            (_NOW_MS - 14 * _DAY_MS - 2, "older"),
            (_NOW_MS - 14 * _DAY_MS - 1, "too old"),
            (_NOW_MS, "now"),
            (_NOW_MS + 2 * _HOUR_MS, "just in time"),
            (_NOW_MS + 2 * _HOUR_MS + 1, "too new"),
        ],
    )

    assert answer["rejectedLogEventsInfo"] == {
        "tooOldLogEventEndIndex": 2,
        "tooNewLogEventStartIndex": 4,
    }
    assert _messages(empty, group) == ["now", "just in time"]


def test_a_batch_of_nothing_but_old_events_stores_none(empty: Sandbox, group: str) -> None:
    answer = put(empty, group, "s", [(-15 * _DAY_MS, "old")])

    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert _messages(empty, group) == []


def test_an_event_of_two_weeks_ago_is_stored_without_a_word(empty: Sandbox, group: str) -> None:
    answer = put(empty, group, "s", [(_NOW_MS - 14 * _DAY_MS, "old")])

    assert "rejectedLogEventsInfo" not in answer
    assert _messages(empty, group) == ["old"]


def test_a_batch_over_more_than_a_day_is_refused(empty: Sandbox, group: str) -> None:
    error = _refused(empty, group, [(-_DAY_MS, "a"), (1, "b")])

    assert error["Code"] == "InvalidParameterException"
    assert "cannot span more than 24 hours" in error["Message"]


def test_a_batch_larger_than_a_mebibyte_is_refused(empty: Sandbox, group: str) -> None:
    # Two messages of 1,048,524 bytes in all, and 26 for each.
    put(empty, group, "s", [(0, "x" * 524_262), (1, "ü" * 262_131)])

    error = _refused(empty, group, [(0, "x" * 524_262), (1, "ü" * 262_131 + "x")])

    assert error == {
        "Code": "InvalidParameterException",
        "Message": "Upload too large: 1048577 bytes exceeds limit of 1048576",
    }
    assert len(_messages(empty, group)) == 1 + 1


def test_a_log_stream_that_does_not_exist_is_the_emulators_to_refuse(
    empty: Sandbox, group: str
) -> None:
    with pytest.raises(ClientError) as caught:
        put(empty, group, "none", [(0, "x")])

    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
