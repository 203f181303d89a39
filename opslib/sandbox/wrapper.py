"""The ASGI app in front of the emulator: guard, clock, control endpoints, and what it lacks.

In: every request to the sandbox's port. Out: an answer dated by the sandbox's clock. A request
passes, in this order: the guard; our control endpoints (``/_opslib/...``); the emulator.
Must not know how the server is started, or scenarios.
"""

from opslib.sandbox.api import IDENTITY_PATH
from opslib.sandbox.clock import Clock
from opslib.sandbox.guard import refusal
from opslib.sandbox.wire import Answer, App, Message, Receive, Scope, Send, json_answer


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
    """

    def __init__(self, emulator: App, *, clock: Clock, port: int, instance: str) -> None:
        self._emulator = emulator
        self._clock = clock
        self._port = port
        self._instance = instance

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
            answer = Answer(
                status=403, body=refused.encode(), headers=[("content-type", "text/plain")]
            )
            await answer.send(dated)
        elif scope["path"] == IDENTITY_PATH:
            await json_answer({"instance": self._instance}).send(dated)
        else:
            await self._emulator(scope, receive, dated)

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
