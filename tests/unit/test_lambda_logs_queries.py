"""The query for each shape of a function's logs, run by the local engine on lines of that shape."""

import json
from typing import Any, cast

import pytest
from fakes.clients import Connected, Group, Lambda, refusal

from opslib import cwli, lambda_logs
from opslib.aws import Connection
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


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_durations_of_every_shape_are_the_same(shape: LogShape, lines: list[str]) -> None:
    rows = _asked(lambda_logs.durations(shape), lines)

    assert len(rows) == 1
    assert (rows[0]["invocations"], rows[0]["max_ms"]) == ("3", "3000")
    assert rows[0]["p50_ms"] == "300"


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_durations_by_bin_are_in_order(shape: LogShape, lines: list[str]) -> None:
    rows = _asked(lambda_logs.durations(shape, every="5m"), lines)

    assert [(row["at"], row["invocations"]) for row in rows] == [("2026-10-14 00:05:00.000", "3")]


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_memory_of_every_shape_is_in_megabytes(shape: LogShape, lines: list[str]) -> None:
    rows = _asked(lambda_logs.memory(shape), lines)

    assert rows[0]["limit_mb"] == "256"
    assert rows[0]["most_mb"] == "120"


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_a_warm_start_is_not_a_cold_one_of_no_time(shape: LogShape, lines: list[str]) -> None:
    rows = _asked(lambda_logs.cold_starts(shape), lines)

    assert (rows[0]["invocations"], rows[0]["initialized"], rows[0]["restored"]) == ("3", "1", "0")
    assert (rows[0]["init_p50_ms"], rows[0]["init_max_ms"]) == ("600.25", "600.25")
    assert "restore_max_ms" not in rows[0]


@pytest.mark.parametrize("shape", [_shape(snap_start=True), _shape(snap_start=True, **RARE)])
def test_a_start_from_a_snapshot_is_counted_once(shape: LogShape) -> None:
    rows = _asked(lambda_logs.cold_starts(shape), SNAP_LINES)

    assert (rows[0]["invocations"], rows[0]["initialized"], rows[0]["restored"]) == ("1", "0", "1")
    assert rows[0]["restore_max_ms"] == "410.1"


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_an_invocation_that_was_cut_off_counts_once(shape: LogShape, lines: list[str]) -> None:
    rows = _asked(lambda_logs.timeouts(shape), lines)

    assert rows[0]["timeouts"] == "1"


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_errors_are_the_lines_that_tell_of_one(shape: LogShape, lines: list[str]) -> None:
    rows = _asked(lambda_logs.errors(shape), lines)

    told = [row["@message"] for row in rows]
    assert len(told) == (3 if shape.format == "Text" else 2)
    assert any("no such table" in line for line in told)
    assert any(CUT in line for line in told)
    assert not any("Task done" in line for line in told)


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        ('{"level": "ERROR", "message": "m"}\n', True),
        (f"2026-10-14T00:07:00.000Z\t{WARM}\tERROR\tInvoke Error\n", True),
        (f"RequestId: {WARM} Error: Runtime exited with error: signal: killed\n", True),
        (f"RequestId: {WARM} Process exited before completing request\n", True),
        ("INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n", True),
        (f"REPORT RequestId: {WARM}\tDuration: 1 ms\tStatus: error\tError Type: X\n", True),
        ('{"level": "WARNING", "error_count": 2}\n', False),
        ("[INFO] 0 errors, no ERROR at all\n", False),
    ],
)
def test_an_error_in_text_is_told_by_its_form(line: str, is_error: bool) -> None:
    assert bool(_asked(lambda_logs.errors(TEXT), [line])) is is_error


@pytest.mark.parametrize(("shape", "lines"), CASES)
def test_in_a_shared_group_only_the_functions_own_lines_count(
    shape: LogShape, lines: list[str]
) -> None:
    shared = _shape(
        group="/shared", format=shape.format, system_level="INFO", log_class=shape.log_class
    )

    counted = _asked(lambda_logs.durations(shared), lines, stream=SHARED, others=lines)
    timed_out = _asked(lambda_logs.timeouts(shared), lines, stream=SHARED, others=lines)
    failed = _asked(lambda_logs.errors(shared), lines, stream=SHARED, others=lines)

    assert counted[0]["invocations"] == "3"
    assert timed_out[0]["timeouts"] == "1"
    assert {row["@logStream"] for row in failed} == {SHARED}


def test_a_function_in_a_group_of_its_own_needs_no_filter() -> None:
    assert lambda_logs.own_lines(TEXT) == ""
    assert lambda_logs.report_filter(TEXT) == 'filter @type = "REPORT"'
    assert lambda_logs.report_filter(_shape(group="/shared", format="JSON")) == (
        'filter @logStream like "/orders["\n| filter type = "platform.report"'
    )


def test_managed_instances_have_durations_and_nothing_else() -> None:
    shape = _shape(format="JSON", managed_instances=True)
    lines = [_report(WARM, "success", durationMs=12.5)]

    durations = _asked(lambda_logs.durations(shape), lines)
    memory = _asked(lambda_logs.memory(shape), lines)

    assert durations[0]["p50_ms"] == "12.5"
    assert "most_mb" not in memory[0]


def _looked(configuration: Any, *pages: Any) -> lambda_logs.Logs:
    connection = Connected(**{"lambda": Lambda(configuration), "logs": Group(*pages)})
    return lambda_logs.look(cast(Connection, connection), "orders")


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
    assert dict(found.rows.to_numpy().tolist())["kept for"] == "14 days"
    assert "no field is discovered in its lines" in found.limits[-1]


def test_a_group_that_is_not_there_is_said() -> None:
    found = _looked({"FunctionName": "orders"}, {"logGroups": []})

    assert found.limits == (
        "orders is set to log to /aws/lambda/orders, and there is no such log group: it has not "
        "logged yet, or its role lacks logs:CreateLogGroup.",
    )


def test_a_look_that_is_refused_says_what_is_lacking_and_takes_the_defaults() -> None:
    denied = refusal("AccessDeniedException", "no")

    found = _looked(denied, denied)

    assert found.shape == TEXT
    assert ["lambda:GetFunctionConfiguration" in said for said in found.limits] == [True, False]
    assert '"Action": "logs:DescribeLogGroups"' in found.limits[1]
    assert dict(found.rows.to_numpy().tolist())["log class"] == "not seen"
