"""Execution environments with real processes, without the emulator."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from opslib.sandbox.lambda_environment import Environment, Package, Request, Result
from opslib.sandbox.lambda_function import Function, configured


@pytest.fixture
def environment() -> Iterator[Environment]:
    made = Environment()
    yield made
    made.end()


@pytest.fixture
def impatient() -> Iterator[Environment]:
    made = Environment(init_limit_s=0.5)
    yield made
    made.end()


def zipped(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return held.getvalue()


def function(**changed: Any) -> Function:
    plain = configured(
        {
            "FunctionName": "orders",
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Timeout": 60,
        },
        account="000000000000",
        region="eu-west-1",
    )
    return replace(plain, **changed)


def run(
    environment: Environment,
    source: str,
    event: Any = None,
    *,
    of: Function | None = None,
    layers: tuple[bytes, ...] = (),
) -> Result:
    package = Package(
        code=zipped({"index.py": source}),
        layers=layers,
        credentials={},
        endpoint="http://127.0.0.1:1",
        depth_header="x-depth",
    )
    request = Request(
        request_id="6f1c2a52-0b58-4a3e-9a3c-6f2f3c1d7e10",
        event=event,
        invoked_arn="arn:aws:lambda:eu-west-1:000000000000:function:orders",
        variables={},
    )
    return environment.run(of or function(), package, request)


def test_an_initialization_out_of_time_is_done_again_within_the_invocation(
    impatient: Environment,
) -> None:
    source = "import time\ntime.sleep(0.8)\ndef handler(event, context): return 'late'"

    result = run(impatient, source)

    first, second = result.run.initializations
    assert (first.phase, first.status, first.error_type) == ("init", "timeout", None)
    assert 500 <= first.duration_ms < 60_000
    assert (second.phase, second.status) == ("invoke", "success")
    assert result.payload == "late"
    assert result.run.status == "success"
    assert result.run.init_ms is None
    assert result.run.duration_ms >= 800


def test_an_invocation_whose_initialization_never_ends_times_out(impatient: Environment) -> None:
    result = run(impatient, "import time\ntime.sleep(60)", of=function(timeout_s=1.0))

    assert [each.status for each in result.run.initializations] == ["timeout", "timeout"]
    assert result.payload["errorType"] == "Sandbox.Timedout"
    assert (result.run.status, result.run.duration_ms) == ("timeout", 1000.0)


def test_what_is_printed_after_the_answer_is_the_next_invocations(environment: Environment) -> None:
    source = (
        "import threading, time\ngo, done = threading.Event(), threading.Event()\n"
        "def late():\n    go.wait()\n    print('late')\n    done.set()\n"
        "def handler(event, context):\n"
        "    if event == 1:\n        threading.Thread(target=late).start()\n        return\n"
        # On a busy machine what was printed takes its time to arrive.
        "    go.set()\n    done.wait()\n    time.sleep(0.3)"
    )

    first = run(environment, source, 1)
    second = run(environment, source, 2)

    assert first.run.output == ()
    assert [output.message for output in second.run.output] == ["late\n"]
    assert second.run.initializations == ()
    assert second.log_stream == first.log_stream


def test_a_later_layer_hides_an_earlier_one_and_its_files_are_named_as_on_lambda(
    environment: Environment,
) -> None:
    layers = tuple(zipped({"python/shared.py": f"NUMBER = {number}"}) for number in (1, 2))
    source = (
        "import shared\n"
        "def handler(event, context):\n"
        "    print(shared.__file__, __file__)\n"
        "    return shared.NUMBER"
    )

    result = run(environment, source, layers=layers)

    assert result.payload == 2
    assert result.run.output[0].message == "/opt/python/shared.py /var/task/index.py\n"


def test_a_changed_function_gets_a_new_environment(environment: Environment) -> None:
    source = "def handler(event, context): return context.memory_limit_in_mb"

    results = [
        run(environment, source),
        run(environment, source),
        run(environment, source, of=function(memory_mb=512)),
    ]

    assert [result.payload for result in results] == ["128", "128", "512"]
    names = [result.environment for result in results]
    assert names[0] == names[1] != names[2]
    assert [result.run.init_ms is None for result in results] == [False, True, False]


def test_an_answer_larger_than_lambda_takes_is_an_error(environment: Environment) -> None:
    result = run(environment, "def handler(event, context): return 'x' * 6_291_556")

    assert result.payload == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        "(6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }


def test_an_answer_that_is_no_text_is_an_error(environment: Environment) -> None:
    result = run(environment, "def handler(event, context): return '\\ud800'")

    assert result.payload["errorType"] == "Runtime.MarshalError"
    assert result.payload["errorMessage"].startswith("Unable to marshal response: 'utf-8' codec")
