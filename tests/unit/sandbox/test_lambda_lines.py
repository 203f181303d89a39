"""Lambda's log lines, written from what happened, in both formats."""

import json
from dataclasses import replace
from typing import Any

import pytest

from opslib.sandbox.lambda_function import Function, configured
from opslib.sandbox.lambda_lines import (
    Initialization,
    Run,
    is_sent,
    lines,
)
from opslib.sandbox.lambda_process import Output

# 2026-10-14 03:07:00 UTC
AT_US = 1_791_947_220_000_000
REQUEST_ID = "6f1c2a52-0b58-4a3e-9a3c-6f2f3c1d7e10"
ARN = "arn:aws:lambda:eu-west-1::runtime:"


def function(**logging: str) -> Function:
    return configured(
        {
            "FunctionName": "orders",
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Timeout": 3,
            "MemorySize": 256,
            "LoggingConfig": logging,
        },
        account="000000000000",
        region="eu-west-1",
    )


def run(of: Function | None = None, **changed: Any) -> Run:
    plain = Run(
        function=of or function(),
        request_id=REQUEST_ID,
        initializations=(),
        at_us=AT_US,
        duration_ms=14.968,
        status="success",
        platform_error=None,
        last_words=None,
        output=(),
        dropped=0,
        memory_used_mb=67,
        trace=None,
    )
    return replace(plain, **changed)


def printed(message: str, *, after_ms: float = 1.0, level: str | None = None) -> Output:
    return Output(at_us=AT_US + round(after_ms * 1000), message=message, level=level)


def cold(**changed: Any) -> Initialization:
    plain = Initialization(at_us=AT_US - 200_000, ended_at_us=AT_US - 20_000, duration_ms=145.686)
    return replace(plain, **changed)


def messages(of: Run) -> list[str]:
    return [line.message for line in lines(of)]


def test_a_warm_invocation_is_told_by_start_end_and_report() -> None:
    told = messages(run(output=(printed("hello\n"),)))

    assert told == [
        f"START RequestId: {REQUEST_ID} Version: $LATEST\n",
        "hello\n",
        f"END RequestId: {REQUEST_ID}\n",
        f"REPORT RequestId: {REQUEST_ID}\tDuration: 14.97 ms\tBilled Duration: 15 ms\t"
        "Memory Size: 256 MB\tMax Memory Used: 67 MB\t\n",
    ]


def test_a_cold_start_begins_with_init_start_and_bills_its_initialization() -> None:
    told = messages(run(initializations=(cold(output=(printed("imported\n", after_ms=-90),)),)))

    assert told[0].startswith(
        f"INIT_START Runtime Version: python:3.12.v38\tRuntime Version ARN: {ARN}"
    )
    assert told[1] == "imported\n"
    assert told[-1] == (
        f"REPORT RequestId: {REQUEST_ID}\tDuration: 14.97 ms\tBilled Duration: 161 ms\t"
        "Memory Size: 256 MB\tMax Memory Used: 67 MB\tInit Duration: 145.69 ms\t\n"
    )


def test_lines_stand_at_their_own_instants_between_start_and_report() -> None:
    told = lines(
        run(
            initializations=(cold(),),
            output=(
                printed("a\n", after_ms=3),
                printed("b\n", after_ms=3),
                printed("c\n", after_ms=9),
            ),
        )
    )

    start = AT_US // 1000
    assert [line.timestamp - start for line in told] == [-200, 0, 3, 3, 9, 14, 15]


def test_what_a_slow_reader_saw_late_is_not_after_the_end() -> None:
    told = lines(run(output=(printed("early\n", after_ms=-7), printed("late\n", after_ms=400))))

    start = AT_US // 1000
    assert [line.timestamp - start for line in told] == [0, 1, 14, 15, 16]


def test_a_stream_stays_sorted_when_invocations_follow_at_once() -> None:
    start = AT_US // 1000

    told = lines(run(), after=start + 5)

    assert [line.timestamp - start for line in told] == [6, 14, 15]


def test_a_timeout_says_so_and_reports_its_status() -> None:
    told = messages(
        run(
            duration_ms=3000.0,
            status="timeout",
            last_words=f"2026-10-14T03:07:03.000Z {REQUEST_ID} Task timed out after 3.00 seconds\n",
        )
    )

    assert told[1:] == [
        f"2026-10-14T03:07:03.000Z {REQUEST_ID} Task timed out after 3.00 seconds\n\n",
        f"END RequestId: {REQUEST_ID}\n",
        f"REPORT RequestId: {REQUEST_ID}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t"
        "Memory Size: 256 MB\tMax Memory Used: 67 MB\tStatus: timeout\n",
    ]


def test_an_exit_is_one_event_and_its_type_is_reported() -> None:
    words = (
        f"RequestId: {REQUEST_ID} Error: Runtime exited with error: exit status 1\n"
        "Runtime.ExitError"
    )
    told = messages(run(status="error", platform_error="Runtime.ExitError", last_words=words))

    assert told[1] == words + "\n"
    assert told[-1].endswith(
        "\tMax Memory Used: 67 MB\tStatus: error\tError Type: Runtime.ExitError\n"
    )


def test_what_a_handler_raised_leaves_the_report_as_it_is() -> None:
    told = messages(run(status="error"))

    assert told[-1].endswith("\tMax Memory Used: 67 MB\t\n")


def test_an_initialization_that_failed_twice_is_reported_twice_and_has_no_init_duration() -> None:
    failed = {"status": "error", "error_type": "Runtime.ImportModuleError"}
    told = messages(
        run(
            initializations=(
                cold(duration_ms=148.12, **failed),
                cold(duration_ms=109.22, phase="invoke", **failed),
            ),
            duration_ms=122.39,
            status="error",
            platform_error="Runtime.ImportModuleError",
        )
    )

    assert [line.partition(" ")[0] for line in told] == [
        "INIT_START",
        "INIT_REPORT",
        "INIT_REPORT",
        "START",
        "END",
        "REPORT",
    ]
    assert told[1:3] == [
        "INIT_REPORT Init Duration: 148.12 ms\tPhase: init\tStatus: error\t"
        "Error Type: Runtime.ImportModuleError\n",
        "INIT_REPORT Init Duration: 109.22 ms\tPhase: invoke\tStatus: error\t"
        "Error Type: Runtime.ImportModuleError\n",
    ]
    assert told[-1] == (
        f"REPORT RequestId: {REQUEST_ID}\tDuration: 122.39 ms\tBilled Duration: 123 ms\t"
        "Memory Size: 256 MB\tMax Memory Used: 67 MB\tStatus: error\t"
        "Error Type: Runtime.ImportModuleError\n"
    )


def test_a_traced_report_has_its_trace_on_a_second_line() -> None:
    trace = "Root=1-68ed-0a1b2c;Parent=53995c3f42cd8ad8;Sampled=1"

    told = messages(run(trace=trace))

    assert told[-1].endswith(
        "Max Memory Used: 67 MB\t\n"
        "XRAY TraceId: 1-68ed-0a1b2c\tSegmentId: 53995c3f42cd8ad8\tSampled: true\t\n"
    )


def test_json_tells_the_same_as_objects() -> None:
    of = function(LogFormat="JSON")
    told = [json.loads(each) for each in messages(run(of, initializations=(cold(),)))]

    assert [each["type"] for each in told] == [
        "platform.initStart",
        "platform.start",
        "platform.report",
    ]
    assert [each["time"] for each in told] == [
        "2026-10-14T03:06:59.800Z",
        "2026-10-14T03:07:00.000Z",
        "2026-10-14T03:07:00.014Z",
    ]
    assert told[1]["record"] == {"requestId": REQUEST_ID, "version": "$LATEST"}
    assert told[2]["record"] == {
        "requestId": REQUEST_ID,
        "metrics": {
            "durationMs": 14.968,
            "billedDurationMs": 161,
            "memorySizeMB": 256,
            "maxMemoryUsedMB": 67,
            "initDurationMs": 145.686,
        },
        "status": "success",
    }


def test_json_at_debug_tells_every_step() -> None:
    of = function(LogFormat="JSON", SystemLogLevel="DEBUG")
    told = [json.loads(each) for each in messages(run(of, initializations=(cold(),)))]

    assert [each["type"] for each in told] == [
        "platform.initStart",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.start",
        "platform.runtimeDone",
        "platform.report",
    ]


def test_at_warn_only_what_went_wrong_is_reported() -> None:
    of = function(LogFormat="JSON", SystemLogLevel="WARN")

    well = messages(run(of, initializations=(cold(),)))
    ill = [json.loads(each) for each in messages(run(of, status="timeout"))]

    assert well == []
    assert [(each["type"], each["record"]["status"]) for each in ill] == [
        ("platform.runtimeDone", "timeout"),
        ("platform.report", "timeout"),
    ]


@pytest.mark.parametrize(
    ("message", "level", "sent"),
    [
        ("plain\n", None, True),
        ('{"level": "INFO", "timestamp": "2026-10-14T03:07:00Z"}\n', None, False),
        ('{"level": "ERROR", "timestamp": "2026-10-14T03:07:00Z"}\n', None, True),
        ('{"level": "ERROR", "timestamp": "yesterday"}\n', None, False),
        ('{"count": 3}\n', None, False),
        ('["not an object"]\n', None, True),
        ("{broken\n", None, True),
        ('{"level": "INFO"}\n', "WARNING", True),
        ('{"level": "ERROR"}\n', "INFO", False),
    ],
)
def test_an_application_level_drops_what_is_below_it(
    message: str, level: str | None, sent: bool
) -> None:
    of = function(LogFormat="JSON", ApplicationLogLevel="WARN", SystemLogLevel="WARN")

    told = messages(run(of, output=(printed(message, level=level),)))

    assert told == ([message] if sent else [])


def test_text_drops_nothing_by_level() -> None:
    told = messages(run(output=(printed('{"level": "DEBUG"}\n', level="DEBUG"),)))

    assert told[1] == '{"level": "DEBUG"}\n'


def test_dropped_output_is_counted_in_json() -> None:
    of = function(LogFormat="JSON")

    (dropped,) = [
        json.loads(each) for each in messages(run(of, dropped=7)) if "logsDropped" in each
    ]

    assert dropped["record"]["droppedRecords"] == 7


def test_a_message_longer_than_an_event_takes_is_cut_between_characters() -> None:
    long = "x" + "ä" * 200_000 + "\n"

    told = messages(run(output=(printed(long),)))[1:-2]

    assert "".join(told) == long
    assert [len(each.encode()) for each in told] == [262_117, 400_002 - 262_117]


@pytest.mark.parametrize(
    ("level", "least", "sent"),
    [
        ("DEBUG", "INFO", False),
        ("warning", "WARN", True),
        ("warning", "ERROR", False),
        ("INFO", "WARN", False),
        ("CRITICAL", "FATAL", True),
        ("ERROR", "FATAL", False),
        ("NOTICE", "FATAL", True),
    ],
)
def test_levels_are_ordered_however_they_are_spelled(level: str, least: str, sent: bool) -> None:
    assert is_sent(level, least=least) is sent


def test_a_log_stream_in_a_group_of_its_own_choice_names_the_function() -> None:
    own, chosen = function(), function(LogGroup="/shared/orders")

    assert own.log_stream("0" * 32, day="2026/10/14") == f"2026/10/14/[$LATEST]{'0' * 32}"
    assert chosen.log_group == "/shared/orders"
    assert chosen.log_stream("0" * 32, day="2026/10/14") == f"2026/10/14/orders[$LATEST]{'0' * 32}"
