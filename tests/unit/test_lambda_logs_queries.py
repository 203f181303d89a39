"""The query for each shape of a function's logs, run by the local engine on lines of that shape."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.clients import Group, refusal

from opslib import cwli, lambda_logs
from opslib.lambda_logs import LogShape

AT_MS = 1_791_936_420_000
WARM = "3a5b9c10-0000-4000-8000-000000000001"
COLD = "3a5b9c10-0000-4000-8000-000000000002"
CUT = "3a5b9c10-0000-4000-8000-000000000003"
OWN = "2026/10/14/[$LATEST]0123456789abcdef0123456789abcdef"
SHARED = "2026/10/14/orders[$LATEST]0123456789abcdef0123456789abcdef"
OTHER = "2026/10/14/other-orders[$LATEST]0123456789abcdef0123456789abcdef"

TEXT_LINES = [
    "INIT_START Runtime Version: python:3.12.v1\tRuntime Version ARN: arn:aws:lambda:x\n",
    f"START RequestId: {WARM} Version: $LATEST\n",
    f"[ERROR]\t2026-10-14T00:07:00.000Z\t{WARM}\tno such table\n",
    f"END RequestId: {WARM}\n",
    f"REPORT RequestId: {WARM}\tDuration: 100.50 ms\tBilled Duration: 101 ms\t"
    "Memory Size: 256 MB\tMax Memory Used: 90 MB\t\n",
    f"REPORT RequestId: {COLD}\tDuration: 300.00 ms\tBilled Duration: 900 ms\t"
    "Memory Size: 256 MB\tMax Memory Used: 120 MB\tInit Duration: 600.25 ms\t\n",
    f"2026-10-14T00:07:09.000Z {CUT} Task timed out after 3.00 seconds\n\n",
    f"REPORT RequestId: {CUT}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t"
    "Memory Size: 256 MB\tMax Memory Used: 91 MB\tStatus: timeout\n",
    '{"level": "INFO", "message": "Task done", "request": "REPORT"}\n',
]
SNAP_LINES = [
    "RESTORE_START Runtime Version: java:21.v1\tRuntime Version ARN: arn:aws:lambda:x\n",
    "RESTORE_REPORT Restore Duration: 410.10 ms\n",
    f"REPORT RequestId: {COLD}\tDuration: 20.00 ms\tBilled Duration: 40 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 130 MB\tRestore Duration: 410.10 ms\tBilled Restore Duration: 20 ms\t\n",
]


def _report(request: str, status: str, **metrics: float) -> str:
    spans = [{"name": "responseLatency", "durationMs": 7777.0}]
    record = {"requestId": request, "spans": spans, "status": status, "metrics": metrics}
    return json.dumps({"time": "2026-10-14T00:07:00Z", "type": "platform.report", "record": record})


_MEMORY: Any = {"memorySizeMB": 256, "maxMemoryUsedMB": 90}
JSON_LINES = [
    json.dumps({"type": "platform.start", "record": {"requestId": WARM, "version": "$LATEST"}}),
    json.dumps({"level": "ERROR", "message": "no such table", "requestId": WARM}),
    _report(WARM, "success", durationMs=100.5, billedDurationMs=101.0, **_MEMORY),
    _report(
        COLD,
        "success",
        durationMs=300.0,
        billedDurationMs=900,
        memorySizeMB=256,
        maxMemoryUsedMB=120,
        initDurationMs=600.25,
    ),
    _report(CUT, "timeout", durationMs=3000.0, billedDurationMs=3000, **_MEMORY),
    json.dumps({"level": "INFO", "message": "Task done", "status": "timeout is 3 s"}),
]


def _shape(**of: Any) -> LogShape:
    return LogShape(**{"function": "orders", "group": "/aws/lambda/orders"} | of)


TEXT, JSON = _shape(), _shape(format="JSON", system_level="INFO")
RARE = {"log_class": "INFREQUENT_ACCESS"}
CASES = [
    pytest.param(TEXT, TEXT_LINES, id="text"),
    pytest.param(_shape(**RARE), TEXT_LINES, id="text, infrequent access"),
    pytest.param(JSON, JSON_LINES, id="json"),
    pytest.param(_shape(format="JSON", **RARE), JSON_LINES, id="json, infrequent access"),
]


def _asked(
    text: str, lines: list[str], *, stream: str = OWN, others: list[str] | None = None
) -> list[dict[str, str]]:
    told = [(stream, line) for line in lines] + [(OTHER, line) for line in others or []]
    events = [
        {"timestamp": AT_MS + place, "message": line, "logStream": of, "log": "1:/g"}
        for place, (of, line) in enumerate(told)
    ]
    return cwli.query(text, events)


NUMBERS = """
| stats count(*) as invocations, max(duration_ms) as max_ms, pct(duration_ms, 50) as p50_ms,
        max(memory_mb) as limit_mb, max(used_mb) as most_mb, count(init_ms) as initialized,
        max(init_ms) as init_max_ms, count(restore_ms) as restored, max(restore_ms) as restore_ms
"""


def _numbers(shape: LogShape, lines: list[str], **told: Any) -> dict[str, str]:
    (row,) = _asked(lambda_logs.reports(shape) + NUMBERS, lines, **told)
    return row


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_durations_of_every_shape_are_the_same(shape: LogShape, lines: list[str]) -> None:
    row = _numbers(shape, lines)

    assert (row["invocations"], row["max_ms"], row["p50_ms"]) == ("3", "3000", "300")


@pytest.mark.parametrize("shape", [TEXT, JSON])
def test_a_function_whose_format_was_switched_is_counted_whole(shape: LogShape) -> None:
    row = _numbers(shape, [*TEXT_LINES, *JSON_LINES])

    assert (row["invocations"], row["initialized"]) == ("6", "2")


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_memory_of_every_shape_is_in_megabytes(shape: LogShape, lines: list[str]) -> None:
    row = _numbers(shape, lines)

    assert (row["limit_mb"], row["most_mb"]) == ("256", "120")


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_a_warm_start_is_not_a_cold_one_of_no_time(shape: LogShape, lines: list[str]) -> None:
    row = _numbers(shape, lines)

    assert (row["initialized"], row["init_max_ms"], row["restored"]) == ("1", "600.25", "0")
    assert "restore_ms" not in row


@pytest.mark.parametrize("shape", [_shape(snap_start=True), _shape(snap_start=True, **RARE)])
def test_a_start_from_a_snapshot_is_counted_once(shape: LogShape) -> None:
    row = _numbers(shape, SNAP_LINES)

    assert (row["invocations"], row["initialized"], row["restored"]) == ("1", "1", "1")
    assert (row["init_max_ms"], row["restore_ms"]) == ("410.1", "410.1")


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_in_a_shared_group_only_the_functions_own_lines_count(
    shape: LogShape, lines: list[str]
) -> None:
    shared = _shape(
        group="/shared", format=shape.format, system_level="INFO", log_class=shape.log_class
    )

    row = _numbers(shared, lines, stream=SHARED, others=lines)

    assert row["invocations"] == "3"


def test_a_function_in_a_group_of_its_own_needs_no_filter() -> None:
    both = 'filter @type = "REPORT" or type = "platform.report"'

    assert lambda_logs.own_lines(TEXT) == ""
    assert lambda_logs.report_filter(TEXT) == both
    assert lambda_logs.report_filter(_shape(group="/shared", format="JSON")) == (
        f'filter @logStream like "/orders["\n| {both}'
    )


def test_managed_instances_have_durations_and_nothing_else() -> None:
    shape = _shape(format="JSON", managed_instances=True)

    row = _numbers(shape, [_report(WARM, "success", durationMs=12.5)])

    assert row["p50_ms"] == "12.5"
    assert "most_mb" not in row


def _looked(configuration: dict[str, Any], *pages: Any) -> lambda_logs.Logs:
    return lambda_logs.look(Group(*pages), configuration)


def _groups(*names: str, **more: Any) -> dict[str, Any]:
    described = {"logGroupClass": "INFREQUENT_ACCESS", "retentionInDays": 14}
    return {"logGroups": [{"logGroupName": name, **described} for name in names], **more}


def test_a_look_finds_format_group_class_and_retention() -> None:
    configuration = {"FunctionName": "orders", "LoggingConfig": {"LogFormat": "JSON"}}
    pages = [
        _groups("/aws/lambda/orders-2", nextToken="t"),
        _groups("/aws/lambda/orders"),
    ]

    found = _looked(configuration, *pages)

    assert found.shape == _shape(format="JSON", system_level="INFO", log_class="INFREQUENT_ACCESS")
    assert found.kept_for == "14 days"
    assert "no field is discovered in its lines" in found.limits[-1]


def test_lines_that_are_older_than_the_group_keeps_them_are_said_to_be_gone() -> None:
    logs = _looked({"FunctionName": "orders"}, _groups("/aws/lambda/orders"))
    now = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)

    assert logs.gone(now - timedelta(days=14, minutes=1), now=now) == ""
    assert logs.gone(now - timedelta(days=15), now=now) == (
        "/aws/lambda/orders keeps lines for 14 days: those before 2026-09-30 03:07 UTC are gone, "
        "and what they told is in no answer below."
    )
    assert replace(logs, kept_days=None).gone(now - timedelta(days=900), now=now) == ""


def test_a_group_that_is_not_there_is_said() -> None:
    found = _looked({"FunctionName": "orders"}, {"logGroups": []})

    assert found.limits == ()
    assert found.notes == (
        "orders is set to log to /aws/lambda/orders, and there is no such log group: it has not "
        "logged yet, or its role lacks logs:CreateLogGroup.",
    )


def test_a_look_that_is_refused_says_what_is_lacking_and_takes_the_defaults() -> None:
    found = _looked({"FunctionName": "orders"}, refusal("AccessDeniedException", "no"))

    assert (found.shape, found.kept_for, found.limits) == (TEXT, "", ())
    assert len(found.notes) == 1
    assert '"Action": "logs:DescribeLogGroups"' in found.notes[0]
