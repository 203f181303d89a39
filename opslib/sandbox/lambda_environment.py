"""An execution environment: started cold, used warm, ended by a timeout or an exit.

In: a function, its package, requests. Out: for each request a `Result`: what the caller gets, and
the `Run` that log lines are written from. Must not know the emulator, log groups or metrics.

Sources
-------
An initialization has ten seconds and is done once more, within the invocation and its timeout, when
it fails: Lambda Developer Guide, "Failures during the init phase".
"""

import io
import json
import os
import shutil
import sysconfig
import tempfile
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from opslib.sandbox.lambda_endings import End, of_answer, without_answer
from opslib.sandbox.lambda_function import INIT_LIMIT_S, Function, environment_variables
from opslib.sandbox.lambda_lines import Initialization, Run
from opslib.sandbox.lambda_process import Output, Process


@dataclass(frozen=True, kw_only=True)
class Package:
    """What a function is started from.

    Parameters
    ----------
    code
        Its zip file.
    layers
        Those of its layers, in order.
    credentials
        What its SDK signs with, as environment variables.
    endpoint
        Where its SDK finds the sandbox.
    depth_header
        The header by which the emulator counts how deep a chain of invocations is.
    """

    code: bytes
    layers: tuple[bytes, ...]
    credentials: Mapping[str, str]
    endpoint: str
    depth_header: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """One invocation asked for.

    Parameters
    ----------
    request_id
        A UUID.
    event
        Any JSON value.
    invoked_arn
        The ARN it was invoked by.
    trace
        ``_X_AMZN_TRACE_ID``, when traced.
    depth
        How deep in a chain of invocations.
    variables
        Environment variables of this invocation alone; None removes one.
    """

    request_id: str
    event: Any
    invoked_arn: str
    trace: str | None = None
    depth: str | None = None
    variables: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of an invocation.

    Parameters
    ----------
    run
        What happened.
    payload
        What the handler returned, or the error as its caller gets it.
    environment
        32 hexadecimal digits.
    log_stream
        Of the environment.
    stopped
        Whether the sandbox itself ended the process, so that none of it counts.
    """

    run: Run
    payload: Any
    environment: str
    log_stream: str
    stopped: bool

    @property
    def error(self) -> dict[str, Any] | None:
        """The error, if it is one."""
        return None if self.run.status == "success" else self.payload


class Environment:
    """One execution environment after another, never two at a time.

    Parameters
    ----------
    init_limit_s
        How long an initialization before the invocation may take, seconds.
    """

    def __init__(self, *, init_limit_s: float = INIT_LIMIT_S) -> None:
        self._init_limit_s = init_limit_s
        self.process: Process | None = None
        self.folder: Path | None = None
        self.stopped = False
        self._lock = threading.Lock()
        self._function: Function | None = None
        self._name = self._log_stream = ""
        self._at_home: list[tuple[str, str]] = []

    def run(self, function: Function, package: Package, request: Request) -> Result:
        """Run one invocation, in this environment or, if it cannot be used, in a new one."""
        with self._lock:
            self.stopped = False
            initializations = self._made_ready(function, package, request.request_id)
            again, failed = initializations[1] if initializations[1:] else (None, None)
            elapsed_ms = (again.ended_at_us - again.at_us) / 1000 if again else 0.0
            at_us = again.at_us if again else _now_us()
            answered = failed or self._ask(
                function, request, limit_s=function.timeout_s - elapsed_ms / 1000
            )
            if isinstance(answered, End):
                ended: End | None = answered
                timed_out = answered.status == "timeout"
                duration_ms = function.timeout_s * 1000 if timed_out else (_now_us() - at_us) / 1000
            else:
                ended = of_answer(answered, told=self._told)
                duration_ms = elapsed_ms + answered["duration_ms"]
                at_us = at_us if again else answered["at_us"]
            payload = (
                json.loads(answered["payload"])
                if ended is None and isinstance(answered, dict)
                else ended and ended.payload
            )
            run = Run(
                function=function,
                request_id=request.request_id,
                initializations=tuple(initialization for initialization, _ in initializations),
                at_us=at_us,
                duration_ms=max(duration_ms, 0.01),
                status=ended.status if ended else "success",
                platform_error=ended.platform_error if ended else None,
                last_words=ended.last_words if ended else None,
                output=self._output(),
                dropped=self.process.logs.taken_drops() if self.process else 0,
                memory_used_mb=max(1, ceil(self.process.peak_mb)) if self.process else 1,
                trace=request.trace,
            )
            result = Result(
                run=run,
                payload=payload,
                environment=self._name,
                log_stream=self._log_stream,
                stopped=self.stopped,
            )
            if self.process and self.process.returncode is not None:
                self.process = None
            return result

    def start(self, function: Function, package: Package) -> dict[str, Any] | None:
        """Start it before anybody asks for it; the error, if it cannot be."""
        with self._lock:
            _, end = self._start(
                function, package, phase="init", limit_s=self._init_limit_s, why=""
            )
            return end.payload if end else None

    def end(self) -> None:
        """End the process and remove its files."""
        if self.process:
            self.process.end()
            self.process = None
        self.discard()

    def discard(self) -> None:
        """Remove its files."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def _made_ready(
        self, function: Function, package: Package, request_id: str
    ) -> list[tuple[Initialization, End | None]]:
        """Start a process unless there is one for the very same function."""
        if self.process and self._function == function and self.process.poll() is None:
            return []
        first = self._start(
            function, package, phase="init", limit_s=self._init_limit_s, why=request_id
        )
        if first[1] is None:
            return [first]
        limit_s = function.timeout_s
        return [
            first,
            self._start(function, package, phase="invoke", limit_s=limit_s, why=request_id),
        ]

    def _start(
        self,
        function: Function,
        package: Package,
        *,
        phase: Literal["init", "invoke"],
        limit_s: float,
        why: str,
    ) -> tuple[Initialization, End | None]:
        if phase == "init" or not self._name:
            self._name = uuid4().hex
            day = datetime.now(UTC).strftime("%Y/%m/%d")
            self._log_stream = function.log_stream(self._name, day=day)
        self.end()
        self._function = function
        at_us, started = _now_us(), time.monotonic()
        self.process = self._spawned(function, package)
        answer = self.process.answer(deadline=started + limit_s)
        ended_at_us = _now_us()
        end: End | None = None
        init_ms = (ended_at_us - at_us) / 1000
        if isinstance(answer, dict):
            end = of_answer(answer, told=self._told, initializing=True)
            init_ms = answer["init_ms"]
            if end:
                self.process.end()
        else:
            end = without_answer(answer, why, limit_s=limit_s)
        initialization = Initialization(
            at_us=at_us,
            ended_at_us=ended_at_us,
            duration_ms=init_ms,
            phase=phase,
            status=end.status if end else "success",
            error_type=end.platform_error if end and end.status == "error" else None,
            output=self._output(),
        )
        return initialization, end

    def _spawned(self, function: Function, package: Package) -> Process:
        self.folder = Path(tempfile.mkdtemp(prefix=f"lambda-{function.name}-"))
        code = self.folder / "code"
        zipfile.ZipFile(io.BytesIO(package.code)).extractall(code)
        layers = []
        for number, layer in enumerate(package.layers):
            layers.append(self.folder / f"layer-{number}")
            zipfile.ZipFile(io.BytesIO(layer)).extractall(layers[-1])
        self._at_home = _at_home(function, code, layers)
        return Process(
            environment=environment_variables(
                function,
                server=os.environ,
                credentials=package.credentials,
                endpoint=package.endpoint,
                task_root=str(code),
                layer_folders=[str(layer) for layer in layers],
                log_stream=self._log_stream,
            ),
            folder=code,
            setup={
                "function": function.name,
                "version": function.version,
                "memory_mb": function.memory_mb,
                "handler": function.handler,
                "paths": [str(code), *_layer_paths(layers)],
                "json": function.as_json,
                "level": function.application_level,
                "depth_header": package.depth_header,
            },
        )

    def _ask(self, function: Function, request: Request, *, limit_s: float) -> dict[str, Any] | End:
        if self.process is None:
            raise AssertionError
        answer = self.process.ask(
            {
                "request_id": request.request_id,
                "event": request.event,
                "invoked_arn": request.invoked_arn,
                "deadline_s": time.time() + limit_s,
                "depth": request.depth,
                "environment": dict(request.variables),
            },
            deadline=time.monotonic() + limit_s,
        )
        if isinstance(answer, dict):
            return answer
        return without_answer(answer, request.request_id, limit_s=function.timeout_s)

    def _output(self) -> tuple[Output, ...]:
        if self.process is None:
            return ()
        return tuple(
            replace(output, message=self._told(output.message)) if "/" in output.message else output
            for output in self.process.logs.taken()
        )

    def _told(self, text: str) -> str:
        """Name files as on Lambda, where code lies in ``/var/task``."""
        for here, there in self._at_home:
            if here in text:
                text = text.replace(here, there)
        return text


def _at_home(function: Function, code: Path, layers: list[Path]) -> list[tuple[str, str]]:
    """Pair the folders here with those that a function on Lambda has, the inner ones first."""
    paths = sysconfig.get_paths()
    language = f"/var/lang/lib/{function.runtime}"
    return [
        (str(code), "/var/task"),
        *((str(layer), "/opt") for layer in layers),
        (paths["purelib"], f"{language}/site-packages"),
        (paths["stdlib"], language),
    ]


def _layer_paths(layers: list[Path]) -> list[str]:
    """List where Python looks in layers: the later layer, unpacked over the earlier, comes first.

    Source: Lambda Developer Guide, "Layer paths for each Lambda runtime".
    """
    found = []
    for layer in reversed(layers):
        found += [layer / "python", *sorted(layer.glob("python/lib/python*/site-packages"))]
    return [str(path) for path in found if path.is_dir()]


def _now_us() -> int:
    return time.time_ns() // 1000
