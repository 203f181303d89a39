"""The ASGI app in front of the emulator: guard, clock, faults, and what the emulator lacks.

In: every request to the sandbox's port. Out: an answer dated by the sandbox's clock. A request
passes, in this order: the guard; our control endpoints (``/_opslib/...``); the fault ordered for
its operation; the service's row of answerers (`services`); the emulator.
Must not know how the server is started, or scenarios.
"""

import asyncio
import json
import time
from datetime import timedelta
from http import HTTPStatus

from opslib.errors import BadInput
from opslib.sandbox import api, calls, faults, services
from opslib.sandbox.call_metrics import Answered
from opslib.sandbox.calls import Call, Emulator
from opslib.sandbox.clock import Clock
from opslib.sandbox.datum import Place
from opslib.sandbox.guard import refusal
from opslib.sandbox.operations import (
    Operation,
    Protocol,
    Refused,
    ServiceError,
    error_answer,
    identify,
)
from opslib.sandbox.wire import (
    Answer,
    App,
    Disconnected,
    Message,
    Receive,
    Request,
    Scope,
    Send,
    TooLarge,
    json_answer,
    read,
    replay,
)


class Wrapper:
    """The wrapped emulator.

    Parameters
    ----------
    emulator
        The emulator's own ASGI app.
    clock
        Dates every answer.
    port
        The port it is reached at.
    instance
        A word that tells this server from any other that may come to own the port.
    account, region
        The emulator's own; whoever signs with a key of twelve digits has that account instead.
    """

    def __init__(
        self, emulator: App, *, clock: Clock, port: int, instance: str, account: str, region: str
    ) -> None:
        self._emulator = emulator
        self._clock = clock
        self._port = port
        self._instance = instance
        self._account = account
        self._region = region
        self._inside = Emulator(emulator, account=account, region=region)
        self._running: list[asyncio.Future[None]] = []
        self._forget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the emulator's life cycle."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        refused = refusal(scope["headers"], port=self._port)
        if scope["type"] == "websocket":
            if refused:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._emulator(scope, receive, send)
            return
        dated = self._dated(send)
        if refused:
            await _text(HTTPStatus.FORBIDDEN, refused).send(dated)
            return
        try:
            request = await read(scope, receive)
        except Disconnected:
            return
        except TooLarge:
            await _text(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large.").send(dated)
            return
        answer = await self._answer(request)
        if answer:
            if request.method == "HEAD":
                answer.body = b""
            await answer.send(dated)
        else:
            await self._emulator(scope, replay(request, receive), dated)

    async def _answer(self, request: Request) -> Answer | None:
        """Answer here, or return None for what the emulator shall answer by itself."""
        if request.path.startswith("/_opslib/"):
            return self._control(request)
        if request.path == api.RESET_PATH:
            return await self._reset(request)
        operation = identify(request)
        if operation is None:
            return None
        watcher = self._services.watchers.get(operation.service)
        if watcher is None:
            return await self._operated(operation, request)
        begun_s = time.monotonic()
        answer = await self._operated(operation, request) or await self._inside.ask(request)
        place = Place(self._account_of(operation), operation.region or self._region)
        took = timedelta(seconds=time.monotonic() - begun_s)
        watcher(
            Answered(place=place, operation=operation, request=request, answer=answer, took=took)
        )
        return answer

    async def _operated(self, operation: Operation, request: Request) -> Answer | None:
        """Answer an operation, or let it pass."""
        account = self._account_of(operation)
        # The SDK of a function says where it runs.
        of_function = "exec-env/AWS_Lambda" in request.headers.get("user-agent", "")
        fault = self._faults.take(operation.action, of_function=of_function)
        if fault:
            await asyncio.sleep(fault.latency_ms / 1000)
            if fault.code and fault.code not in faults.STATUS_CODES:
                error = faults.error(
                    operation,
                    fault.code,
                    request=request,
                    account=account,
                    caller=fault.caller,
                )
                return error_answer(operation, error)
        call = Call(
            operation=operation,
            request=request,
            account=account,
            region=operation.region or self._region,
            behind=self._inside.ask,
            pretended=fault.code if fault else None,
        )
        try:
            if operation.protocol is Protocol.JSON:
                _check_object(request)
            return await calls.answer(call, self._services.answerers.get(operation.service, ()))
        except Refused as refused:
            return error_answer(operation, refused.error)
        except json.JSONDecodeError:
            error = ServiceError(code="SerializationException", message="The body is not JSON.")
            return error_answer(operation, error)

    def _control(self, request: Request) -> Answer:
        if (request.method, request.path) == ("GET", api.IDENTITY_PATH):
            return json_answer({"instance": self._instance})
        control = self._services.controls.get((request.method, request.path))
        if control is None:
            return _text(HTTPStatus.NOT_FOUND, "The sandbox has no such control.")
        try:
            return json_answer(control(request.json()) or {})
        except (BadInput, ValueError) as error:
            return _text(HTTPStatus.BAD_REQUEST, str(error))

    def _forget(self) -> None:
        self._faults = faults.Faults()
        self._services = services.build(
            emulator=self._inside, clock=self._clock, faults=self._faults
        )

    async def _reset(self, request: Request) -> Answer:
        """Forget everything here and in the emulator."""
        await self._stop_companions()
        self._forget()
        answer = await self._inside.ask(request)
        self._start_companions()
        return answer

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the life cycle of the emulator, and the companions within it."""

        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._stop_companions()
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._start_companions()
            await send(message)

        await self._emulator(scope, received, sent)

    def _start_companions(self) -> None:
        self._running = [
            asyncio.ensure_future(companion()) for companion in self._services.companions
        ]
        for task in self._running:
            task.add_done_callback(_told_if_it_broke)

    async def _stop_companions(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running = []

    def _account_of(self, operation: Operation) -> str:
        key = operation.access_key_id
        return key if len(key) == len(self._account) and key.isdigit() else self._account

    def _dated(self, send: Send) -> Send:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    (name, value)
                    for name, value in message.get("headers", [])
                    if name.lower() != b"date"
                ]
                headers.append((b"date", self._clock.http_date().encode()))
                message = {**message, "headers": headers}
            await send(message)

        return send_dated


def _check_object(request: Request) -> None:
    # boto3 compresses what it puts into CloudWatch, from 10 KiB on; the emulator unpacks it.
    packed = "content-encoding" in request.headers
    if not packed and request.body.lstrip()[:1] not in (b"{", b""):
        raise Refused(
            ServiceError(code="SerializationException", message="The body is no JSON object.")
        )


def _text(status: int, sentence: str) -> Answer:
    return Answer(status=status, body=sentence.encode(), headers=[("content-type", "text/plain")])


def _told_if_it_broke(task: "asyncio.Future[None]") -> None:
    """Let the server's log have what broke a companion; the server goes on without it."""
    if not task.cancelled() and task.exception():
        task.get_loop().call_exception_handler(
            {"message": "A companion of the server broke.", "exception": task.exception()}
        )
