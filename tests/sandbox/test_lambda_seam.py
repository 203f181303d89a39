"""What `emulator.functions` stands in for, and what it uses, is what the pinned emulator has.

Each of these fails when the emulator moves under its pin; then read the new source before changing
the line here.
"""

import json
import subprocess
import sys

import pytest

from opslib.sandbox import environment

_LOOK = """
import inspect, json
from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc
rooms = {"runtime": lambda_runtime, "service": lambda_svc, "logs": cloudwatch_logs}
told = {}
for name in %r:
    room, _, rest = name.partition(":")
    found = rooms[room]
    for part in rest.split("."):
        found = getattr(found, part)
    told[name] = list(inspect.signature(found).parameters)
source = inspect.getsource(lambda_svc._execute_function_dispatch)
told["dispatch"] = [
    "_execute_function_warm(func, event, request_id)" in source,
    'log_source=result.get("log_source")' in source,
]
told["throttle"] = [
    "slot, limit = _acquire_execution_slot(func, config)"
    in inspect.getsource(lambda_svc._execute_function)
]
told["pool"] = [
    "_worker_class_for(config)(func_name, config, code_zip)"
    in inspect.getsource(lambda_runtime.acquire_worker),
    "proc, worker._proc = worker._proc, None" in inspect.getsource(lambda_runtime.kill_workers),
    "worker._discard_tmpdir()" in inspect.getsource(lambda_runtime.kill_workers),
    "worker._spawn()" in inspect.getsource(lambda_runtime.ensure_spawned),
]
config = {"FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f"}
told["key"] = lambda_runtime._worker_key("f", config, "$LATEST")
group = inspect.getsource(lambda_svc._emit_lambda_logs)
told["stream"] = [name for name in (
    "events", "uploadSequenceToken", "creationTime", "firstEventTimestamp", "lastEventTimestamp",
    "lastIngestionTime", "arn", "retentionInDays", "tags", "subscriptionFilters", "streams",
) if f'"{name}": ' in group]
print(json.dumps(told))
"""

_PARAMETERS = {
    "runtime:_worker_class_for": ["config"],
    "runtime:Worker.__init__": ["self", "func_name", "config", "code_zip"],
    "runtime:acquire_worker": [
        *("func_name", "config", "code_zip", "qualifier", "max_concurrency"),
    ],
    "runtime:release_worker": ["worker"],
    "runtime:kill_workers": ["workers"],
    "runtime:execution_credentials": ["config"],
    "runtime:_account_region_from_function_config": ["config"],
    "service:_execute_function_warm": ["func", "event", "request_id"],
    "service:_emit_lambda_logs": [
        *("func", "request_id", "log_text", "error", "duration_ms", "log_source"),
    ],
    "service:_acquire_execution_slot": ["func", "config"],
    "service:_invoke": ["name", "event", "headers", "path_qualifier", "query_params"],
    "service:invalidate_worker": ["func_name", "qualifier", "account", "region"],
    "service:_xray_trace_id_for_invocation": ["config", "inbound_trace_header"],
    "service:_durable_env_overlay": [],
    "service:_resolve_layer_zip": ["attachment"],
    "service:_ensure_reaper_thread": [],
    "logs:_make_group_arn": ["name"],
    "logs:_append_log_events": ["stream", "events"],
    "logs:_fanout_to_subscription_filters": ["group_name", "stream_name", "events"],
    "logs:_fanout_to_live_tail_sessions": ["group_name", "stream_name", "events"],
}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Look at the emulator from a process of its own: importing it leaves folders behind."""
    home = tmp_path_factory.mktemp("seam")
    environment.temporary(home).mkdir()
    looked = subprocess.run(
        [sys.executable, "-c", _LOOK % (list(_PARAMETERS),)],
        env=environment.server_environment(home=home, port=1),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told: dict[str, object] = json.loads(looked.stdout)
    return told


@pytest.mark.parametrize("name", _PARAMETERS)
def test_the_emulators_functions_take_what_ours_take(
    emulator: dict[str, object], name: str
) -> None:
    assert emulator[name] == _PARAMETERS[name]


def test_the_emulator_looks_up_at_every_call_what_is_replaced(emulator: dict[str, object]) -> None:
    assert emulator["dispatch"] == [True, True]
    assert emulator["throttle"] == [True]


def test_the_pool_of_workers_does_with_them_what_ours_expects(emulator: dict[str, object]) -> None:
    assert emulator["pool"] == [True, True, True, True]
    assert emulator["key"] == "000000000000:us-east-1:f:$LATEST"


def test_a_log_group_is_made_of_what_ours_is_made_of(emulator: dict[str, object]) -> None:
    assert emulator["stream"] == [
        *("events", "uploadSequenceToken", "creationTime", "firstEventTimestamp"),
        *("lastEventTimestamp", "lastIngestionTime", "arn", "retentionInDays", "tags"),
        *("subscriptionFilters", "streams"),
    ]
