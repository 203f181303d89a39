"""The program of one execution environment: imports a handler and calls it, event by event.

Run by `lambda_process`, never imported; the standard library only, since a function may bring its
own of everything else. In: one line of JSON that says what to import, then one an event, on
standard input. Out: one line of JSON for each on what was standard output. Everything that the
handler, its threads and its children print goes to the one pipe that was standard error; what
must stay one log event although it has several lines (log records, errors) goes there as a marked
line of JSON of its own. Must not know log groups, or the sandbox.

Source: the public runtime interface client of Lambda's Python runtimes (awslambdaric): the root
handler and its two formats, the errors of a handler that cannot be imported, the error of an
invocation, no-break spaces where a traceback is indented.
"""

import importlib
import importlib.util
import json
import logging
import os
import queue
import resource
import signal
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, BinaryIO

_NO_BREAK_SPACE = "\u00a0"
_OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Logs:
    """Where log events go.

    Parameters
    ----------
    marker
        What tells a line of ours from one that was printed.
    """

    def __init__(self, marker: str) -> None:
        self._marker = marker.encode()
        self._out = os.dup(2)
        self.request_id = ""

    def write(self, message: str, *, level: str) -> None:
        """Write one log event, at this moment."""
        self._send({"at_us": time.time_ns() // 1000, "message": message, "level": level})

    def end(self) -> None:
        """Say that everything printed until now belongs to what has just ended."""
        for stream in (sys.stdout, sys.stderr):
            with Caught():
                stream.flush()
        self._send({"ended": self.request_id, "peak_mb": peak_mb()})

    def _send(self, said: dict[str, Any]) -> None:
        line = self._marker + json.dumps(said).encode() + b"\n"
        while line:
            line = line[os.write(self._out, line) :]


class Caught:
    """Holds what a handler raised: here that is an outcome, not an error."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> "Caught":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, Exception):
            self.error = error
            return True
        return False


class Text(logging.Formatter):
    """The log records of the format Text."""

    def __init__(self) -> None:
        super().__init__(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n",
            "%Y-%m-%dT%H:%M:%S",
        )
        self.converter = time.gmtime


class Json(logging.Formatter):
    """The log records of the format JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as one line; what was given as ``extra`` stands in it by name."""
        told: dict[str, Any] = {
            "timestamp": _iso(record.created),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": record.__dict__["aws_request_id"],
        }
        if record.exc_info and record.exc_info[0]:
            kind, error, trace = record.exc_info
            told |= {
                "stackTrace": traceback.format_tb(trace),
                "errorType": kind.__name__,
                "errorMessage": str(error),
                "location": f"{record.pathname}:{record.funcName}:{record.lineno}",
            }
        extra = {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}
        extra.pop("aws_request_id", None)
        return json.dumps({**extra, **told}, ensure_ascii=False, default=str) + "\n"


class RootHandler(logging.Handler):
    """The handler that the runtime installs on the root logger."""

    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs

    def emit(self, record: logging.LogRecord) -> None:
        """Write one log event for a record."""
        record.__dict__["aws_request_id"] = self._logs.request_id
        self._logs.write(self.format(record), level=record.levelname)


class CarryDepth:
    """Has botocore carry how deep a chain of invocations is, should a handler import it.

    The emulator stops a function that invokes itself by it. Importing botocore to see to it would
    cost every cold start a tenth of a second.
    """

    def __init__(self, header: str) -> None:
        self._header = header
        self.depth: str | None = None

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> Any:
        """Find ``botocore.handlers`` as anybody would, and add to it as it is loaded."""
        if name != "botocore.handlers":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_add(module: ModuleType) -> None:
                load(module)
                module.BUILTIN_HANDLERS.append(("before-call", self._carry))

            spec.loader.exec_module = load_and_add  # type: ignore[method-assign]
        return spec

    def _carry(self, params: dict[str, Any], **_: Any) -> None:
        if self.depth and self._header not in params["headers"]:
            params["headers"][self._header] = self.depth


class Context:
    """The second argument of a handler."""

    def __init__(self, setup: dict[str, Any], asked: dict[str, Any]) -> None:
        self.function_name = setup["function"]
        self.function_version = setup["version"]
        self.memory_limit_in_mb = str(setup["memory_mb"])
        self.invoked_function_arn = asked["invoked_arn"]
        self.aws_request_id = asked["request_id"]
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self.identity = None
        self.client_context = None
        self._deadline_s = asked["deadline_s"]

    def get_remaining_time_in_millis(self) -> int:
        """Say how long is left before the timeout, milliseconds."""
        return max(0, int((self._deadline_s - time.time()) * 1000))


def peak_mb() -> float:
    """Read this process's largest resident memory so far, MB.

    The kernel counts the starting process's too in ``ru_maxrss``, so that is the second choice.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def error_of(error: Exception, *, request_id: str) -> dict[str, Any]:
    """Write what a handler raised as the payload that the caller gets."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if frame.filename != __file__]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list(
            [(frame.filename, frame.lineno or 0, frame.name, frame.line) for frame in theirs]
        ),
    }


def fault(kind: str, message: str, trace: list[str] | None = None) -> dict[str, Any]:
    """Write an error of the runtime's own as that payload."""
    return {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": trace or []}


def log_error(error: dict[str, Any], logs: Logs, *, as_json: bool) -> None:
    """Write an error as one log event."""
    if as_json:
        told = {"timestamp": _iso(time.time()), "level": "ERROR", **error}
        logs.write(json.dumps(told, ensure_ascii=False), level="ERROR")
        return
    head = f"[ERROR] {error['errorType']}"
    if error["errorMessage"]:
        head += f": {error['errorMessage']}"
    lines = [head, "Traceback (most recent call last):"]
    for line in "".join(error["stackTrace"]).splitlines():
        stripped = line.lstrip(" ")
        lines.append(_NO_BREAK_SPACE * (len(line) - len(stripped)) + stripped)
    logs.write("\n".join(lines), level="ERROR")


def handler_of(name: str) -> tuple[Any, dict[str, Any] | None]:
    """Import a handler by the name that a function's configuration gives it; or say why not."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        return None, fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    caught = Caught()
    with caught:
        module = importlib.import_module(module_name.replace("/", "."))
        if hasattr(module, function_name):
            return getattr(module, function_name), None
        return None, fault(
            "Runtime.HandlerNotFound",
            f"Handler '{function_name}' missing on module '{module_name}'",
        )
    match caught.error:
        case ImportError() as error:
            message = f"Unable to import module '{module_name}': {error}"
            return None, fault("Runtime.ImportModuleError", message)
        case SyntaxError() as error:
            message = f"Syntax error in module '{module_name}': {error}"
            line = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
            return None, fault("Runtime.UserCodeSyntaxError", message, [line])
        case Exception() as error:
            told = error_of(error, request_id="")
            # What imported the module is not the function's.
            told["stackTrace"] = [
                line for line in told["stackTrace"] if "<frozen importlib" not in line
            ]
            if "importlib/__init__.py" in (told["stackTrace"] or [""])[0]:
                told["stackTrace"].pop(0)
            return None, told
    raise AssertionError(name)


def call(handler: Any, event: Any, context: Context) -> tuple[str, dict[str, Any] | None]:
    """Call a handler once: what it returned as JSON, or else its error."""
    caught = Caught()
    with caught:
        returned = handler(event, context)
        try:
            payload = json.dumps(returned, default=_plain, ensure_ascii=False)
            payload.encode()
            return payload, None
        except (TypeError, ValueError) as error:
            message = f"Unable to marshal response: {error}"
            return "", {
                **fault("Runtime.MarshalError", message),
                "requestId": context.aws_request_id,
            }
    if caught.error is None:
        raise AssertionError
    return "", error_of(caught.error, request_id=context.aws_request_id)


def serve() -> None:
    """Import the handler and call it until nobody asks any more."""
    asked_of, answers = _take_over_pipes()
    setup = json.loads(asked_of.readline())
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(asked_of, requests), daemon=True).start()
    logs = Logs(setup["marker"])
    depth = CarryDepth(setup["depth_header"])
    sys.meta_path.insert(0, depth)
    sys.path[:0] = setup["paths"]
    _set_up_logging(setup, logs)

    started = time.perf_counter()
    handler, failed = handler_of(setup["handler"])
    init_ms = (time.perf_counter() - started) * 1000
    if failed:
        log_error(failed, logs, as_json=setup["json"])
    logs.end()
    _answer(answers, {"init_ms": init_ms, "error": failed, "peak_mb": peak_mb()})
    if failed:
        os._exit(1)

    while True:
        asked = requests.get()
        logs.request_id = asked["request_id"]
        depth.depth = asked["depth"]
        for name, value in asked["environment"].items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        at_us, started = time.time_ns() // 1000, time.perf_counter()
        try:
            payload, error = call(handler, asked["event"], Context(setup, asked))
        except BaseException:
            logs.end()
            raise
        duration_ms = (time.perf_counter() - started) * 1000
        if error:
            log_error(error, logs, as_json=setup["json"])
        logs.end()
        _answer(
            answers,
            {
                "request_id": asked["request_id"],
                "at_us": at_us,
                "duration_ms": duration_ms,
                "payload": payload,
                "error": error,
                "peak_mb": peak_mb(),
            },
        )


def _take_over_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes to and from the sandbox for this program: no child or print reaches them."""
    asked_of = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return asked_of, answers


def _read(asked_of: BinaryIO, requests: "queue.SimpleQueue[dict[str, Any]]") -> None:
    """Read requests; when the sandbox has gone, end at once, handler, children and all."""
    for line in asked_of:
        requests.put(json.loads(line))
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _answer(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def _set_up_logging(setup: dict[str, Any], logs: Logs) -> None:
    handler = RootHandler(logs)
    handler.setFormatter(Json() if setup["json"] else Text())
    root = logging.getLogger()
    root.addHandler(handler)
    if setup["level"]:
        root.setLevel({"TRACE": "DEBUG", "WARN": "WARNING"}.get(setup["level"], setup["level"]))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _iso(at_s: float) -> str:
    spelled = datetime.fromtimestamp(at_s, tz=UTC).isoformat(timespec="milliseconds")
    return spelled.replace("+00:00", "Z")


if __name__ == "__main__":
    serve()
