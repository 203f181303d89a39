"""How functions run inside the emulator: in our execution environments, and logged as by Lambda.

In: the emulator's own calls to run a function, whoever asked for it. Out: its answers as Lambda
gives them, log events in the function's group, and a `LiveInvocation` for every listener. Functions
in other languages than Python, and such without code, still run as the emulator runs them.

Source: ministack 1.5.33, ``services/lambda_svc.py`` (``_execute_function_warm``,
``_emit_lambda_logs``, ``_acquire_execution_slot``, ``invalidate_worker``, ``_invoke``),
``core/lambda_runtime.py`` (``_worker_class_for``, ``Worker`` and its pool),
``services/cloudwatch_logs.py`` (``_log_groups``, ``_append_log_events`` and what follows an
append). Tests hold the pin.
"""

import os
import time
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from opslib.sandbox.lambda_environment import Environment, Package, Request, Result
from opslib.sandbox.lambda_function import Function, configured
from opslib.sandbox.lambda_invocations import LiveInvocation, LiveInvocations, source_of
from opslib.sandbox.lambda_lines import Line, lines
from opslib.sandbox.lambda_request_ids import HEADER

_LOGGED_HERE = "opslib"
_stock_worker_class_for = lambda_runtime._worker_class_for
_stock_execute = lambda_svc._execute_function_warm
_stock_emit_logs = lambda_svc._emit_lambda_logs
_stock_acquire_slot = lambda_svc._acquire_execution_slot
_stock_invoke = lambda_svc._invoke
# The function that a call of Invoke names, and the call's own request id: Lambda gives that to the
# handler, and to every retry of an asynchronous invocation.
_asked: ContextVar[tuple[str, str] | None] = ContextVar("asked", default=None)


def run_functions(*, told: LiveInvocations) -> None:
    """Have the emulator run Python functions here from now on.

    Parameters
    ----------
    told
        Hears of every invocation, also of those that the emulator runs by itself or throttles.
    """
    functions = _Functions(told)
    lambda_runtime._worker_class_for = _worker_class_for
    lambda_svc._execute_function_warm = functions.execute
    lambda_svc._emit_lambda_logs = functions.emit_logs
    lambda_svc._acquire_execution_slot = functions.acquire_slot
    lambda_svc.invalidate_worker = retire
    lambda_svc._invoke = _invoke


class Worker(lambda_runtime.Worker):  # type: ignore[misc] # the emulator is not typed
    """An execution environment where the emulator's pool expects one of its workers."""

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        self.environment = Environment()
        self.retired = self.in_use = False
        super().__init__(func_name, config, code_zip)

    @property
    def _proc(self) -> Any:
        return self.environment.process

    @_proc.setter
    def _proc(self, process: None) -> None:
        # The pool sets None when it is about to end the process, whatever that is doing.
        self.environment.stopped = self.in_use
        self.environment.process = process

    def run(self, config: dict[str, Any], request: Request) -> Result:
        """Run one invocation by a configuration, which may be newer than the worker."""
        self.config = config
        return self.environment.run(_function(config), self._package(), request)

    def invoke(
        self, event: Any, request_id: str, *, trace_id: str | None = None, **_: Any
    ) -> dict[str, Any]:
        """Run one invocation for those who bypass ``_execute_function``, and do not log it."""
        arn = str(self.config.get("FunctionArn", ""))
        request = Request(
            request_id=request_id, event=event, invoked_arn=arn, trace=trace_id, variables={}
        )
        result = self.run(self.config, request)
        if result.error:
            return {"status": "error", "error": result.error["errorMessage"]}
        return {"status": "ok", "result": result.payload}

    def _spawn(self) -> None:
        error = self.environment.start(_function(self.config), self._package())
        if error:
            raise RuntimeError(error["errorMessage"])

    def _package(self) -> Package:
        layers = (lambda_svc._resolve_layer_zip(each) for each in self.config.get("Layers") or ())
        return Package(
            code=self.code_zip,
            layers=tuple(layer for layer in layers if layer),
            credentials=lambda_runtime.execution_credentials(self.config),
            endpoint=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
            depth_header=lambda_runtime.INVOKE_DEPTH_HEADER,
        )

    def _discard_tmpdir(self) -> None:
        self.environment.discard()


def _worker_class_for(config: dict[str, Any]) -> Any:
    of_python = str(config.get("Runtime", "")).startswith("python")
    return Worker if of_python else _stock_worker_class_for(config)


async def _invoke(
    name: str,
    event: Any,
    headers: dict[str, str],
    path_qualifier: str | None = None,
    query_params: dict[str, Any] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Answer Invoke, and say which request id the log lines have."""
    request_id = str(uuid4())
    before = _asked.set((name, request_id))
    try:
        status, answered, body = await _stock_invoke(
            name, event, headers, path_qualifier, query_params
        )
    finally:
        _asked.reset(before)
    return status, {**answered, HEADER: request_id}, body


def retire(
    func_name: str,
    qualifier: str | None = None,
    account: str | None = None,
    region: str | None = None,
) -> None:
    """Have a function's environments used no more; what runs in them ends in its own time.

    The emulator would end the processes in the middle of an invocation. Lambda does not: a change
    of code or configuration is for the invocations to come.
    """
    with lambda_runtime._lock:
        doomed = []
        for key in list(lambda_runtime._workers):
            of_account, of_region, of_name, of_qualifier = key.split(":", 3)
            if (
                of_name == func_name
                and qualifier in (None, of_qualifier)
                and account in (None, of_account)
                and region in (None, of_region)
            ):
                doomed += lambda_runtime._workers.pop(key)
        idle = [worker for worker in doomed if not worker.in_use]
        for worker in doomed:
            worker.retired = True
    lambda_runtime.kill_workers(idle)


class _Functions:
    """What stands in the place of the emulator's own functions, by the same signatures."""

    def __init__(self, told: LiveInvocations) -> None:
        self._told = told

    def execute(self, func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        """Run one invocation, log it, and tell of it."""
        config = func.get("config") or func
        if not str(config.get("Runtime", "")).startswith("python") or not func.get("code_zip"):
            result: dict[str, Any] = _stock_execute(func, event, request_id)
            return result
        lambda_svc._ensure_reaper_thread()
        asked = _asked.get()
        if asked and asked[0] == config["FunctionName"]:
            request_id = asked[1]
        version = str(config.get("Version", "$LATEST"))
        worker, _ = lambda_svc.acquire_worker(
            config["FunctionName"], config, func["code_zip"], qualifier=version
        )
        trace = lambda_svc._xray_trace_id_for_invocation(config)
        durable = lambda_svc._durable_env_overlay()
        request = Request(
            request_id=request_id,
            event=event,
            invoked_arn=str(config.get("FunctionArn", "")),
            trace=trace,
            depth=str(lambda_svc._invoke_depth.get()),
            variables={
                **{name: durable.get(name) for name in lambda_runtime.DURABLE_ENV_VARS},
                "_X_AMZN_TRACE_ID": trace,
            },
        )
        try:
            ran = worker.run(config, request)
        finally:
            lambda_runtime.release_worker(worker)
            if worker.retired:
                worker.environment.end()
        # Whatever else is set off by what is logged has request ids of its own.
        before = _asked.set(None)
        try:
            logged = [] if ran.stopped else _log(ran)
            if not ran.stopped:
                self._told.tell(_live(ran, event, invoked_arn=request.invoked_arn))
        finally:
            _asked.reset(before)
        return {
            "body": ran.payload,
            "log": "".join(line.message for line in logged),
            "log_source": _LOGGED_HERE,
            **({"error": True} if ran.error else {}),
        }

    def emit_logs(
        self,
        func: dict[str, Any],
        request_id: str,
        log_text: str,
        error: bool,
        duration_ms: int,
        *,
        log_source: str | None = None,
    ) -> None:
        """Log what the emulator ran by itself, and tell of it."""
        if log_source == _LOGGED_HERE:
            return
        _stock_emit_logs(func, request_id, log_text, error, duration_ms, log_source=log_source)
        config = func.get("config") or func
        function = _function(config)
        self._told.tell(
            LiveInvocation(
                account=function.account,
                region=function.region,
                function=function.name,
                version=function.version,
                invoked_arn=str(config.get("FunctionArn", "")),
                source_arn=None,
                request_id=request_id,
                at=datetime.now(UTC) - timedelta(milliseconds=duration_ms),
                duration_ms=float(duration_ms),
                init_ms=None,
                status="error" if error else "success",
                error_type="Unhandled" if error else None,
                log_group=function.log_group,
                log_stream=None,
                environment=None,
            )
        )

    def acquire_slot(self, func: dict[str, Any], config: dict[str, Any]) -> Any:
        """Count an invocation that starts, and tell of one that is throttled."""
        slot, limit = _stock_acquire_slot(func, config)
        if slot is None:
            function = _function(config)
            self._told.tell(
                LiveInvocation(
                    account=function.account,
                    region=function.region,
                    function=function.name,
                    version=function.version,
                    invoked_arn=str(config.get("FunctionArn", "")),
                    source_arn=None,
                    request_id="",
                    at=datetime.now(UTC),
                    duration_ms=0.0,
                    init_ms=None,
                    status="throttled",
                    error_type="TooManyRequestsException",
                    log_group=None,
                    log_stream=None,
                    environment=None,
                )
            )
        return slot, limit


def _function(config: dict[str, Any]) -> Function:
    account, region = lambda_runtime._account_region_from_function_config(config)
    return configured(config, account=account, region=region)


def _live(ran: Result, event: Any, *, invoked_arn: str) -> LiveInvocation:
    run = ran.run
    return LiveInvocation(
        account=run.function.account,
        region=run.function.region,
        function=run.function.name,
        version=run.function.version,
        invoked_arn=invoked_arn,
        source_arn=source_of(event),
        request_id=run.request_id,
        at=datetime.fromtimestamp(run.at_us / 1_000_000, tz=UTC),
        duration_ms=run.duration_ms,
        init_ms=run.init_ms,
        status=run.status,
        error_type=str(ran.error["errorType"]) if ran.error else None,
        log_group=run.function.log_group,
        log_stream=ran.log_stream,
        environment=ran.environment,
    )


def _log(ran: Result) -> list[Line]:
    """Write an invocation's lines to its log stream, which is made when there is none."""
    function = ran.run.function
    now_ms = time.time_ns() // 1_000_000
    groups = cloudwatch_logs._log_groups
    with cloudwatch_logs._log_events_lock:
        group = groups.get(function.log_group)
        if group is None:
            group = groups[function.log_group] = {
                "arn": cloudwatch_logs._make_group_arn(function.log_group),
                "creationTime": now_ms,
                "retentionInDays": None,
                "tags": {},
                "subscriptionFilters": {},
                "streams": {},
            }
        stream = group["streams"].setdefault(
            ran.log_stream,
            {
                "events": [],
                "uploadSequenceToken": "1",
                "creationTime": now_ms,
                "firstEventTimestamp": None,
                "lastEventTimestamp": None,
                "lastIngestionTime": None,
            },
        )
        after = stream["lastEventTimestamp"] or 0
    made = lines(ran.run, after=after)
    events = [
        {"timestamp": line.timestamp, "message": line.message, "ingestionTime": now_ms}
        for line in made
    ]
    cloudwatch_logs._append_log_events(stream, events)
    follow = (function.log_group, ran.log_stream, events)
    cloudwatch_logs._fanout_to_subscription_filters(*follow)
    cloudwatch_logs._fanout_to_live_tail_sessions(*follow)
    return made
