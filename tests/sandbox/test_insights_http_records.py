"""Single events over HTTP: what a pointer leads to, and which fields a log group has."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox
from sandbox.log_groups import S, client, ended, fill, put, rows, start

_REPORT = (
    "REPORT RequestId: 00000000-0000-4000-8000-000000000001\tDuration: 12.50 ms\t"
    "Billed Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 64 MB\t\n"
)
_JSON = json.dumps(
    {
        "level": "INFO",
        "ok": True,
        "ratio": 0.5,
        "none": None,
        "user": {"id": 7},
        "items": [{"sku": "a"}, {"sku": "b"}],
        "@version": "1",
    }
)


def _pointers(sandbox: Sandbox, group: str) -> dict[str, str]:
    """Tell the pointer of each message."""
    query = start(sandbox, "fields @message | sort @timestamp asc", logGroupName=group)
    return {row["@message"]: row["@ptr"] for row in rows(ended(sandbox, query))}


def _record(sandbox: Sandbox, pointer: str) -> dict[str, str]:
    record: dict[str, str] = client(sandbox).get_log_record(logRecordPointer=pointer)["logRecord"]
    return record


def test_a_pointer_leads_to_every_field_of_a_report_line(empty: Sandbox) -> None:
    group = fill(empty, {"s": [(0, _REPORT)]})

    record = _record(empty, _pointers(empty, group)[_REPORT])

    assert int(record.pop("@ingestionTime")) > 0
    assert record == {
        "@timestamp": f"{S}000",
        "@message": _REPORT,
        "@logStream": "s",
        "@log": f"000000000000:{group}",
        "@type": "REPORT",
        "@requestId": "00000000-0000-4000-8000-000000000001",
        "@duration": "12.5",
        "@billedDuration": "13",
        "@memorySize": "128000000",
        "@maxMemoryUsed": "64000000",
    }


def test_a_pointer_leads_to_the_fields_of_json_within_a_line(empty: Sandbox) -> None:
    group = fill(empty, {"s": [(0, f"at 3 {_JSON} done")]})
    (pointer,) = _pointers(empty, group).values()

    record = _record(empty, pointer)

    assert {name: text for name, text in record.items() if not name.startswith("@")} == {
        "level": "INFO",
        "ok": "1",
        "ratio": "0.5",
        "user.id": "7",
        "items.0.sku": "a",
        "items.1.sku": "b",
    }
    assert record["@@version"] == "1"


def test_a_pointer_stays_with_its_event_when_others_arrive(empty: Sandbox) -> None:
    # Of one millisecond and one stream: only the event itself tells them apart.
    group = fill(empty, {"s": [(0, "first"), (0, "second"), (0, "third")]})
    pointers = _pointers(empty, group)
    put(empty, group, "s", [(-1000, "earlier"), (0, "fourth")])

    led_to = {message: _record(empty, pointers[message])["@message"] for message in pointers}

    assert led_to == {"first": "first", "second": "second", "third": "third"}
    assert _pointers(empty, group).items() >= pointers.items()


@pytest.mark.parametrize(
    "pointer", ["bogus", "", base64.b64encode(b'["/no/such", "s", "id"]').decode()]
)
def test_a_pointer_to_nothing_is_refused(empty: Sandbox, pointer: str) -> None:
    with pytest.raises(ClientError) as caught:
        _record(empty, pointer)

    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def _fields(sandbox: Sandbox, **arguments: Any) -> dict[str, int]:
    answer = client(sandbox).get_log_group_fields(**arguments)
    return {field["name"]: field["percent"] for field in answer["logGroupFields"]}


def test_the_fields_of_a_log_group_are_told_with_how_common_they_are(empty: Sandbox) -> None:
    long_ago = (-16 * 60 * 1000, '{"old": 1}')
    group = fill(
        empty,
        {"s": [long_ago, (0, _REPORT), (1000, "plain"), (2000, '{"a": {"b": 1}}'), (3000, "x")]},
    )

    recent = _fields(empty, logGroupName=group)
    around = _fields(empty, logGroupIdentifier=group, time=S - 16 * 60)

    assert recent == {
        "@ingestionTime": 100,
        "@log": 100,
        "@logStream": 100,
        "@message": 100,
        "@ptr": 100,
        "@timestamp": 100,
        "@billedDuration": 25,
        "@duration": 25,
        "@maxMemoryUsed": 25,
        "@memorySize": 25,
        "@requestId": 25,
        "@type": 25,
        "a.b": 25,
    }
    assert list(recent.values()) == sorted(recent.values(), reverse=True)
    assert around["old"] == 100
    assert "a.b" not in around


def test_a_log_group_without_recent_events_has_no_fields(empty: Sandbox) -> None:
    group = fill(empty, {"s": []})

    assert _fields(empty, logGroupName=group) == {}


def test_fields_are_told_of_one_log_group_that_exists(empty: Sandbox) -> None:
    logs = client(empty)
    codes = []
    for arguments in (
        {},
        {"logGroupName": "/a", "logGroupIdentifier": "/a"},
        {"logGroupName": "/a"},
    ):
        with pytest.raises(ClientError) as caught:
            logs.get_log_group_fields(**arguments)
        codes.append(caught.value.response["Error"]["Code"])

    assert codes == [
        "InvalidParameterException",
        "InvalidParameterException",
        "ResourceNotFoundException",
    ]
