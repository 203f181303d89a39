"""The ASGI app in front of the emulator: guard, clock, faults, and what the emulator lacks.

In: every request to the sandbox's port. Out: an answer dated by the sandbox's clock. A request
passes, in this order: the guard; our control endpoints (``/_opslib/...``); the fault ordered for
its operation; the calls answered here; the emulator, whose answer may be mended.
Must not know how the server is started, or scenarios.
"""

import asyncio
import json
from dataclasses import replace
from http import HTTPStatus

from opslib.errors import BadInput
from opslib.sandbox import api, faults, metric_data
from opslib.sandbox.clock import Clock
from opslib.sandbox.emulator import log_events
from opslib.sandbox.guard import refusal
from opslib.sandbox.lambda_history import LambdaHistory
from opslib.sandbox.logs_insights import Delay, LogsInsights, Refused
from opslib.sandbox.operations import Operation, error_answer, identify
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
    capture,
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
        self._forget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the emulator's life cycle."""
        if scope["type"] == "lifespan":
            await self._emulator(scope, receive, send)
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
        answer = await self._answer(scope, request, receive)
        if answer:
            await answer.send(dated)
        else:
            await self._emulator(scope, replay(request, receive), dated)

    async def _answer(self, scope: Scope, request: Request, receive: Receive) -> Answer | None:
        """Answer here, or return None for what the emulator shall answer by itself."""
        if request.path.startswith("/_opslib/"):
            return self._control(request)
        if request.path == "/_ministack/reset":
            self._forget()
        operation = identify(request)
        if operation is None:
            return None
        fault = self._faults.take(operation.action)
        if fault:
            await asyncio.sleep(fault.latency_ms / 1000)
            if fault.code:
                account = self._account_of(operation)
                error = faults.error(operation, fault.code, request=request, account=account)
                return error_answer(operation, error)
        if operation.service == "logs":
            return await self._logs(operation, request)
        if operation.action == "cloudwatch:GetMetricData":
            return await self._metric_data(scope, request, receive)
        if operation.service == "lambda" and operation.name != "Invoke":
            answer = await capture(self._emulator, scope, request, receive)
            if answer.status < HTTPStatus.BAD_REQUEST and _is_json(answer):
                told = self._history.retold(operation.name, json.loads(answer.body))
                answer.body = json.dumps(told).encode()
            return answer
        return None

    def _forget(self) -> None:
        self._faults = faults.Faults()
        self._history = LambdaHistory(clock=self._clock)
        self._insights: dict[tuple[str, str], LogsInsights] = {}

    def _control(self, request: Request) -> Answer:
        try:
            match request.method, request.path:
                case "GET", api.IDENTITY_PATH:
                    return json_answer({"instance": self._instance})
                case "PUT", api.FAULTS_PATH:
                    self._faults.order(request.json())
                case "DELETE", api.FAULTS_PATH:
                    self._faults.clear()
                case "PUT", api.LAMBDA_HISTORY_PATH:
                    self._history.order(request.json())
                case _:
                    return _text(HTTPStatus.NOT_FOUND, "The sandbox has no such control.")
        except (BadInput, ValueError) as error:
            return _text(HTTPStatus.BAD_REQUEST, str(error))
        return json_answer({})

    async def _logs(self, operation: Operation, request: Request) -> Answer | None:
        account, region = self._account_of(operation), operation.region or self._region
        insights = self._insights.get((account, region))
        if insights is None:
            insights = LogsInsights(clock=self._clock, account=account, region=region)
            self._insights[account, region] = insights
        try:
            body = request.json()
            match operation.name:
                case "StartQuery":
                    payload = await insights.start_query(
                        body,
                        events=lambda group: log_events(group, account=account, region=region),
                        delay=self._delay(),
                    )
                case "GetQueryResults":
                    payload = await insights.get_query_results(body)
                case "StopQuery":
                    payload = await insights.stop_query(body)
                case "DescribeQueries":
                    payload = await insights.describe_queries(body)
                case _:
                    return None
        except Refused as refused:
            return error_answer(operation, refused.error)
        return json_answer(payload, version=operation.version)

    def _delay(self) -> Delay:
        fault = self._faults.take(faults.QUERY_EXECUTION)
        return Delay(latency_ms=fault.latency_ms, status=fault.code) if fault else Delay()

    async def _metric_data(self, scope: Scope, request: Request, receive: Receive) -> Answer | None:
        if "json" not in request.headers.get("content-type", ""):
            return None
        body = request.json()
        asked = replace(request, body=json.dumps(metric_data.labelled(body)).encode())
        answer = await capture(self._emulator, scope, asked, receive)
        if answer.status == HTTPStatus.OK:
            mended = metric_data.ordered(body, json.loads(answer.body))
            answer.body = json.dumps(mended).encode()
        return answer

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


def _text(status: int, sentence: str) -> Answer:
    return Answer(status=status, body=sentence.encode(), headers=[("content-type", "text/plain")])


def _is_json(answer: Answer) -> bool:
    return any(
        name == "content-type" and "json" in value for name, value in answer.headers
    ) and bool(answer.body)
