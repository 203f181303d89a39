"""Functions that really run on the sandbox are logged and answered as Lambda would."""

import base64
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from opslib.sandbox.api import Sandbox
from sandbox import functions
from sandbox.functions import MINUTE_S, TOGETHER
from sandbox.projects import MakeProject, reset

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_REPORT = re.compile(
    rf"REPORT RequestId: (?P<request_id>{_UUID})\tDuration: (?P<duration>\d+\.\d\d) ms\t"
    r"Billed Duration: (?P<billed>\d+) ms\tMemory Size: 128 MB\tMax Memory Used: (?P<used>\d+) MB"
    r"(?:\tInit Duration: (?P<init>\d+\.\d\d) ms)?"
    r"(?:\t|\tStatus: (?P<status>\w+)(?:\tError Type: (?P<error_type>[\w.]+))?)\n"
)
_STREAM = re.compile(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}")


@pytest.fixture
def sandbox(sandbox_project: MakeProject) -> Iterator[Sandbox]:
    made = sandbox_project("empty", clock="live").sandbox
    yield made
    reset(made)


def create(sandbox: Sandbox, name: str, source: str, **configuration: Any) -> None:
    """Make a function of a module ``index``; it is not active yet."""
    sandbox.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": functions.package(source)},
        **{"Handler": "index.handler", "Timeout": 120, **configuration},
    )


def make(sandbox: Sandbox, source: str, **configuration: Any) -> None:
    """Make a function ``orders``, and wait until it is active."""
    create(sandbox, "orders", source, **configuration)
    functions.settle(sandbox.client("lambda"), "orders")


def invoke(
    sandbox: Sandbox, payload: Any = None, *, function: str = "orders", **asked: Any
) -> tuple[Any, dict[str, Any]]:
    """Invoke a function: its decoded payload, and the answer."""
    answer = sandbox.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps(payload), **asked
    )
    return json.loads(answer["Payload"].read()), answer


def streams(sandbox: Sandbox, group: str = "/aws/lambda/orders") -> dict[str, list[dict[str, Any]]]:
    """Read every event by log stream, the stream that was first used first."""
    logs = sandbox.client("logs")
    named = [
        stream["logStreamName"]
        for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]
    ]
    found = {
        name: logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)[
            "events"
        ]
        for name in named
    }
    return dict(sorted(found.items(), key=lambda item: item[1][0]["timestamp"]))


def messages(sandbox: Sandbox) -> list[str]:
    """Read every message, stream after stream."""
    return [event["message"] for events in streams(sandbox).values() for event in events]


def report(message: str) -> dict[str, str | None]:
    """Take a REPORT line apart."""
    found = _REPORT.fullmatch(message)
    assert found, message
    return found.groupdict()


def test_warm_invocations_share_a_stream_and_only_the_first_has_an_init_duration(
    sandbox: Sandbox,
) -> None:
    source = (
        "import time\ntime.sleep(0.2)\n"
        "def handler(event, context):\n    time.sleep(0.1)\n    print('done', event)"
    )
    make(sandbox, source)

    for number in (1, 2):
        invoke(sandbox, number)

    ((name, events),) = streams(sandbox).items()
    told = [event["message"] for event in events]
    first, second = report(told[4]), report(told[8])
    assert _STREAM.fullmatch(name)
    assert [each.partition(" ")[0] for each in told] == [
        *("INIT_START", "START", "done", "END", "REPORT"),
        *("START", "done", "END", "REPORT"),
    ]
    assert 200 <= float(first["init"] or 0) < MINUTE_S * 1000
    assert second["init"] is None
    for each in (first, second):
        assert 100 <= float(each["duration"] or 0) < MINUTE_S * 1000
        assert 5 <= int(each["used"] or 0) <= 60
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    # START, then a tenth of a second of sleep, then what was printed.
    assert 95 <= times[2] - times[1] < MINUTE_S * 1000


def test_an_exception_is_one_event_and_the_answer_names_its_type(sandbox: Sandbox) -> None:
    make(sandbox, "def handler(event, context):\n    raise ValueError('boom')")

    payload, answer = invoke(sandbox)

    told = messages(sandbox)
    assert answer["FunctionError"] == "Unhandled"
    assert payload.pop("requestId") == report(told[-1])["request_id"]
    assert payload == {
        "errorMessage": "boom",
        "errorType": "ValueError",
        "stackTrace": [
            "  File \"/var/task/index.py\", line 2, in handler\n    raise ValueError('boom')\n"
        ],
    }
    # The runtime indents with no-break spaces.
    assert told[2] == (
        "[ERROR] ValueError: boom\nTraceback (most recent call last):\n"
        '\xa0\xa0File "/var/task/index.py", line 2, in handler\n'
        "\xa0\xa0\xa0\xa0raise ValueError('boom')"
    )
    assert len(told) == 5


def test_an_invocation_is_found_in_the_log_by_the_request_id_of_its_answer(
    sandbox: Sandbox,
) -> None:
    make(sandbox, "def handler(event, context):\n    if event: raise ValueError")
    # No third attempt, which would come in the middle of another test.
    sandbox.client("lambda").put_function_event_invoke_config(
        FunctionName="orders", MaximumRetryAttempts=1
    )

    _, now = invoke(sandbox)
    queued = sandbox.client("lambda").invoke(
        FunctionName="orders", Payload=b"1", InvocationType="Event"
    )
    deadline = time.monotonic() + MINUTE_S
    while len(reports := [m for m in messages(sandbox) if m.startswith("REPORT")]) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    # The second attempt at an asynchronous invocation has the id of the first.
    assert [report(each)["request_id"] for each in reports] == [
        now["ResponseMetadata"]["RequestId"],
        queued["ResponseMetadata"]["RequestId"],
        queued["ResponseMetadata"]["RequestId"],
    ]


def test_a_handler_that_cannot_be_imported_is_tried_twice(sandbox: Sandbox) -> None:
    # By the error that is answered: the source, its message, and what the platform makes of it.
    cases = {
        "Runtime.ImportModuleError": (
            "import nowhere_to_be_found",
            "Unable to import module 'index': No module named 'nowhere_to_be_found'",
            "Runtime.ImportModuleError",
        ),
        "Runtime.HandlerNotFound": (
            "def other(event, context): pass",
            "Handler 'handler' missing on module 'index'",
            "Runtime.HandlerNotFound",
        ),
        "Runtime.UserCodeSyntaxError": (
            "def handler(event, context) return 1",
            "Syntax error in module 'index': expected ':' (index.py, line 1)",
            "Runtime.UserCodeSyntaxError",
        ),
        "KeyError": ("x = {}['missing']", "'missing'", "Runtime.Unknown"),
    }
    for error_type, (source, _, _) in cases.items():
        create(sandbox, error_type.replace(".", "-"), source)

    for error_type, (_, message, classified) in cases.items():
        name = error_type.replace(".", "-")
        functions.settle(sandbox.client("lambda"), name)
        payload, answer = invoke(sandbox, function=name)

        ((_, events),) = streams(sandbox, f"/aws/lambda/{name}").items()
        told = [event["message"] for event in events]
        assert answer["FunctionError"] == "Unhandled"
        assert (payload["errorType"], payload["errorMessage"]) == (error_type, message)
        assert payload["requestId"] == ""
        assert [re.split(r"[ \t]", each, maxsplit=1)[0] for each in told] == [
            *("INIT_START", "[ERROR]", "INIT_REPORT", "[ERROR]", "INIT_REPORT"),
            *("START", "END", "REPORT"),
        ]
        assert told[1].startswith(
            f"[ERROR] {error_type}: {message}\nTraceback (most recent call last):"
        )
        assert told[2].endswith(f"\tPhase: init\tStatus: error\tError Type: {classified}\n")
        assert told[4].endswith(f"\tPhase: invoke\tStatus: error\tError Type: {classified}\n")
        assert report(told[-1])["error_type"] == classified


def test_a_runtime_that_exits_says_how_and_the_next_invocation_is_cold(sandbox: Sandbox) -> None:
    source = (
        "import os, sys\nends = [lambda: sys.exit(1), lambda: sys.exit(0), "
        "lambda: os.kill(os.getpid(), 9)]\ndef handler(event, context): ends[event]()"
    )
    make(sandbox, source)

    answered = [invoke(sandbox, end) for end in (0, 1, 2)]

    reasons = [
        "Runtime exited with error: exit status 1",
        "Runtime exited without providing a reason",
        "Runtime exited with error: signal: killed",
    ]
    logged = [[event["message"] for event in events] for events in streams(sandbox).values()]
    for told, (payload, answer), reason in zip(logged, answered, reasons, strict=True):
        last = report(told[-1])
        said = f"RequestId: {last['request_id']} Error: {reason}"
        assert answer["FunctionError"] == "Unhandled"
        assert payload == {"errorType": "Runtime.ExitError", "errorMessage": said}
        assert told[2] == f"{said}\nRuntime.ExitError\n"
        assert (last["status"], last["error_type"]) == ("error", "Runtime.ExitError")
        assert last["init"] is not None


def test_a_timeout_ends_the_environment_and_its_children(sandbox: Sandbox, tmp_path: Path) -> None:
    noted = tmp_path / "child"
    source = (
        "import subprocess, sys, time\n"
        "def handler(event, context):\n"
        "    if event is None: return 'again'\n"
        "    print('before')\n"
        f'    code = \'import time; time.sleep(1.5); open("{noted}", "w")\'\n'
        "    subprocess.run([sys.executable, '-c', code])"
    )
    make(sandbox, source, Timeout=1)

    payload, answer = invoke(sandbox, 1)
    again, _ = invoke(sandbox)

    timed_out, cold = [
        [event["message"] for event in events] for events in streams(sandbox).values()
    ]
    told = report(timed_out[-1])
    said = f"{told['request_id']} Task timed out after 1.00 seconds"
    assert answer["FunctionError"] == "Unhandled"
    assert payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {told['request_id']} Error: Task timed out after 1.00 seconds",
    }
    assert timed_out[2] == "before\n"
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {said}\n\n", timed_out[3])
    assert (told["duration"], told["status"]) == ("1000.00", "timeout")
    assert again == "again"
    assert report(cold[-1])["init"] is not None
    time.sleep(0.8)
    assert not noted.exists()


def test_log_records_carry_level_instant_and_request_and_stay_whole(sandbox: Sandbox) -> None:
    source = (
        "import logging\nlog = logging.getLogger()\n"
        "def handler(event, context):\n"
        "    log.info('below the default level')\n"
        "    log.warning('two\\nlines')\n"
        "    log.setLevel('INFO')\n"
        "    log.info('now %s', 'seen')\n"
        "    print('as\\nprinted')"
    )
    make(sandbox, source)

    invoke(sandbox)

    told = messages(sandbox)
    request_id = report(told[-1])["request_id"]
    instant = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"\[WARNING\]\t{instant}\t{request_id}\ttwo\nlines\n", told[2])
    assert re.fullmatch(rf"\[INFO\]\t{instant}\t{request_id}\tnow seen\n", told[3])
    assert told[4:6] == ["as\n", "printed\n"]
    assert len(told) == 8


def test_the_json_format_tells_platform_records_and_errors_as_objects(sandbox: Sandbox) -> None:
    source = (
        "import logging\nlog = logging.getLogger('shop')\n"
        "def handler(event, context):\n"
        "    log.debug('not at INFO')\n"
        "    log.info('sold', extra={'order': 7})\n"
        "    print('as printed')\n"
        "    try:\n        1 / 0\n    except ZeroDivisionError:\n        log.exception('failed')\n"
        "    raise RuntimeError('gone')"
    )
    make(
        sandbox,
        source,
        LoggingConfig={"LogFormat": "JSON", "LogGroup": "/shop/json"},
    )

    payload, _ = invoke(sandbox)

    ((name, events),) = streams(sandbox, "/shop/json").items()
    told = [event["message"] for event in events]
    start, sold, failed, gone, done, reported = [
        json.loads(message) for message in told[1:] if message != "as printed\n"
    ]
    request_id = payload["requestId"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/orders\[\$LATEST\][0-9a-f]{32}", name)
    assert json.loads(told[0])["record"]["functionName"] == "orders"
    assert start["record"] == {"requestId": request_id, "version": "$LATEST"}
    assert told[3] == "as printed\n"
    assert {key: sold[key] for key in ("level", "message", "logger", "requestId", "order")} == {
        "level": "INFO",
        "message": "sold",
        "logger": "shop",
        "requestId": request_id,
        "order": 7,
    }
    assert (failed["errorType"], failed["errorMessage"]) == (
        "ZeroDivisionError",
        "division by zero",
    )
    assert failed["location"] == "/var/task/index.py:handler:10"
    assert failed["stackTrace"][0].startswith(
        '  File "/var/task/index.py", line 8, in handler\n    1 / 0\n'
    )
    assert (gone["level"], gone["errorType"], gone["requestId"]) == (
        "ERROR",
        "RuntimeError",
        request_id,
    )
    assert (done["type"], reported["type"]) == ("platform.runtimeDone", "platform.report")
    assert reported["record"]["status"] == "error"
    assert reported["record"]["metrics"]["memorySizeMB"] == 128


def test_a_change_of_the_log_levels_is_for_the_next_environment(sandbox: Sandbox) -> None:
    source = "import logging\ndef handler(event, context):\n    logging.info('sold')"
    make(sandbox, source)
    invoke(sandbox)
    lambda_ = sandbox.client("lambda")

    lambda_.update_function_configuration(
        FunctionName="orders",
        LoggingConfig={
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            "SystemLogLevel": "WARN",
        },
    )
    functions.settle(lambda_, "orders")
    invoke(sandbox)

    before, after = streams(sandbox).values()
    assert len(before) == 4
    (sold,) = [json.loads(event["message"]) for event in after]
    assert (sold["level"], sold["message"]) == ("INFO", "sold")


def test_the_tail_of_the_log_is_what_the_log_holds(sandbox: Sandbox) -> None:
    make(sandbox, "def handler(event, context): print('hello')")

    _, answer = invoke(sandbox, LogType="Tail")

    assert base64.b64decode(answer["LogResult"]).decode() == "".join(messages(sandbox))


def test_a_change_of_code_lets_what_runs_end_in_its_own_time(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    # It runs until the test has marked, as it does itself, how far it came.
    source = (
        f"{TOGETHER}\ndef handler(event, context):\n"
        f"    if event: together('{tmp_path}', 'begun', 2)\n    return 'old'"
    )
    make(sandbox, source)
    lambda_ = sandbox.client("lambda")
    invoke(sandbox, 0)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(invoke, sandbox, 1)
        deadline = time.monotonic() + MINUTE_S
        while not (tmp_path / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        lambda_.update_function_code(
            FunctionName="orders",
            ZipFile=functions.package("def handler(event, context): return 'new'"),
        )
        functions.settle(lambda_, "orders")
        new, _ = invoke(sandbox, 0)
        (tmp_path / "changed").touch()
        old, answer = running.result()

    assert (old, new) == ("old", "new")
    assert "FunctionError" not in answer
    assert len(streams(sandbox)) == 2


def test_concurrent_invocations_have_environments_and_streams_of_their_own(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    # None ends before all have begun.
    source = (
        f"{TOGETHER}\ndef handler(event, context):\n"
        f"    print(event)\n    together('{tmp_path}', event, 6)"
    )
    make(sandbox, source)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: invoke(sandbox, number), range(6)))

    told = streams(sandbox)
    printed = [[event["message"] for event in events][2] for events in told.values()]
    assert sorted(printed) == [f"{number}\n" for number in range(6)]


def test_what_a_handler_prints_cannot_be_taken_for_an_answer_or_break_the_log(
    sandbox: Sandbox,
) -> None:
    source = (
        "import os, subprocess, sys\n"
        "def handler(event, context):\n"
        '    os.write(1, b\'{"request_id": null, "error": null, "payload": "1"}\\n\')\n'
        "    os.write(2, b'\\xff\\xfe not text \\x00\\n')\n"
        "    print('REPORT RequestId: forged\\tDuration: 9.99 ms\\t')\n"
        "    subprocess.run(['echo', 'child'])\n"
        "    print('x' * 1_000_000)\n"
        "    print()\n"
        "    print('no newline', end='')\n"
        "    return sys.stdin.read()"
    )
    make(sandbox, source)

    payload, answer = invoke(sandbox)

    told = messages(sandbox)
    assert "FunctionError" not in answer
    assert payload == ""
    assert told[2] == '{"request_id": null, "error": null, "payload": "1"}\n'
    assert told[3] == "\ufffd\ufffd not text \x00\n"
    assert told[4] == "REPORT RequestId: forged\tDuration: 9.99 ms\t\n"
    assert told[5] == "child\n"
    assert [len(part) for part in told[6:10]] == [
        262_118,
        262_118,
        262_118,
        1_000_001 - 3 * 262_118,
    ]
    assert told[10:12] == ["\n", "no newline"]
    assert report(told[-1])["request_id"]
    assert len(told) == 14


def test_a_handler_sees_lambdas_environment_and_its_own_and_no_more(sandbox: Sandbox) -> None:
    source = "import os\ndef handler(event, context): return dict(os.environ)"
    make(sandbox, source, Environment={"Variables": {"TABLE": "orders", "EMPTY": ""}})

    seen, _ = invoke(sandbox)

    assert {name for name in seen if not name.startswith(("AWS_", "LC_"))} == {
        *("PATH", "HOME", "TMPDIR", "LANG", "TZ", "LAMBDA_TASK_ROOT", "_HANDLER"),
        *("TABLE", "EMPTY"),
    }
    assert (seen["AWS_LAMBDA_FUNCTION_NAME"], seen["AWS_EXECUTION_ENV"]) == (
        "orders",
        "AWS_Lambda_python3.12",
    )
    assert seen["AWS_LAMBDA_LOG_STREAM_NAME"] in streams(sandbox)


def test_insights_and_filter_log_events_find_the_lines(sandbox: Sandbox) -> None:
    make(sandbox, "def handler(event, context): raise ValueError('boom')")
    invoke(sandbox)
    logs = sandbox.client("logs")
    now = int(time.time())

    query_id = logs.start_query(
        logGroupName="/aws/lambda/orders",
        startTime=now - 60,
        endTime=now + 60,
        queryString='filter @type = "REPORT" | stats count(*) as n, count(@initDuration) as cold, '
        "min(@maxMemoryUsed / 1000 / 1000) as mb",
    )["queryId"]
    answer = logs.get_query_results(queryId=query_id)
    deadline = time.monotonic() + MINUTE_S
    while answer["status"] != "Complete" and time.monotonic() < deadline:
        time.sleep(0.05)
        answer = logs.get_query_results(queryId=query_id)
    found = logs.filter_log_events(logGroupName="/aws/lambda/orders", filterPattern="ValueError")

    row = {field["field"]: field["value"] for field in answer["results"][0]}
    assert (row["n"], row["cold"]) == ("1", "1")
    assert 5 <= float(row["mb"]) <= 60
    assert [event["message"].splitlines()[0] for event in found["events"]] == [
        "[ERROR] ValueError: boom"
    ]
