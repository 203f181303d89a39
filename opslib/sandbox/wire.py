"""Reading a whole request and writing a whole answer, over ASGI.

In: an ASGI receive. Out: `Request` (headers in lower case, the body whole) and `Answer`.
Must not know AWS.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT_BYTES = 64 * 1024 * 1024
"""Above the 50 MB of a direct Lambda package upload; a larger body is not AWS's."""


class TooLarge(ValueError):
    """The body exceeds `BODY_LIMIT_BYTES`."""


class Disconnected(ConnectionError):
    """The client went away before its body was whole."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, whole."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    raw_query: bytes = b""
    """The query as it came, repeated names included; empty for a request made here."""

    def json(self) -> Any:
        """Decode the body; an empty one is an empty mapping.

        Raises
        ------
        ValueError
            The body is not JSON.
        """
        return json.loads(self.body) if self.body.strip() else {}

    def form(self) -> dict[str, str]:
        """Decode the body, and the URL's query behind it, as a form."""
        fields = dict(self.query)
        if "x-www-form-urlencoded" in self.headers.get("content-type", ""):
            fields.update(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        return fields


@dataclass(kw_only=True)
class Answer:
    """One answer, whole. `headers` has lower-case names, no ``date`` and no ``content-length``."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str:
        """Read a header by its name in lower case; empty when it is not there."""
        return next((value for key, value in self.headers if key == name), "")

    def is_json(self) -> bool:
        """Whether the body is JSON, and not empty."""
        return "json" in self.header("content-type") and bool(self.body)

    async def send(self, send: Send) -> None:
        """Send it."""
        headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in self.headers]
        headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_answer(payload: Any, *, status: int = 200, version: str | None = None) -> Answer:
    """Make an answer of JSON.

    Parameters
    ----------
    version
        ``1.0`` or ``1.1`` for AWS's JSON protocols; None for plain JSON.
    """
    kind = f"application/x-amz-json-{version}" if version else "application/json"
    return Answer(
        status=status, body=json.dumps(payload).encode(), headers=[("content-type", kind)]
    )


async def read(scope: Scope, receive: Receive) -> Request:
    """Read a request to its end.

    Raises
    ------
    Disconnected
        The client went away.
    TooLarge
        The body is larger than any AWS request.
    """
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > BODY_LIMIT_BYTES:
            raise TooLarge
        more = message.get("more_body", False)
    query = scope.get("query_string", b"").decode("utf-8", "replace")
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        },
        body=b"".join(chunks),
        raw_query=scope.get("query_string", b""),
    )


def replay(request: Request, receive: Receive) -> Receive:
    """Hand the body that was read to an inner app, then whatever the client does next."""
    pending: list[Message] = [
        {"type": "http.request", "body": request.body, "more_body": False},
    ]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


async def silent() -> Message:
    """Receive what a client does that waits for its answer: nothing more."""
    await asyncio.Event().wait()
    raise Disconnected


def scope_of(request: Request) -> Scope:
    """Make the scope of a request that came over no socket."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": quote(request.path).encode(),
        "query_string": request.raw_query or urlencode(request.query).encode(),
        "root_path": "",
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in request.headers.items()
            if name != "content-length"
        ]
        + [(b"content-length", str(len(request.body)).encode())],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }


async def capture(app: App, scope: Scope, request: Request, receive: Receive = silent) -> Answer:
    """Let an inner app answer, and keep its answer whole instead of sending it."""
    answer = Answer(status=500, body=b"")
    chunks: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in message.get("headers", [])
                if name.lower() not in (b"date", b"content-length")
            ]
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    await app(scope, replay(request, receive), keep)
    answer.body = b"".join(chunks)
    return answer
