"""One call on its way to the emulator, and what may stand in that way.

In: an identified request. Out: an `Answer`, from whoever answers first. The answerers of a service
stand in a row, the emulator behind them; each may answer, ask those behind it and mend what they
say, merely look, or let the call pass. `services` says who stands where.
Must not know any service.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Protocol

from opslib.sandbox.operations import (
    Operation,
    Refused,
    ServiceError,
    json_version,
    target_prefix,
)
from opslib.sandbox.wire import Answer, App, Request, capture, scope_of

Ask = Callable[[Request], Awaitable[Answer]]
"""Ask whoever stands behind, and have the answer whole."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of one operation.

    ``account`` and ``region`` are the caller's, by its credentials. `ask` asks those behind with
    this request, or with another in its place. ``pretended`` is what was ordered to go wrong within
    a successful answer, if anything was.
    """

    operation: Operation
    request: Request
    account: str
    region: str
    behind: Ask
    pretended: str | None = None

    async def ask(self, *, body: object = None) -> Answer:
        """Have the answer of those behind.

        Parameters
        ----------
        body
            Sent as JSON instead of the caller's own body, unless None.
        """
        asked = self.request
        if body is not None:
            asked = replace(asked, body=json.dumps(body).encode())
        return await self.behind(asked)


class Answerer(Protocol):
    """Stands before the emulator for the calls of one service."""

    async def answer(self, call: Call) -> Answer | None:
        """Answer, or return None to let the call pass to those behind.

        Raises
        ------
        Refused
            The call is answered with this error.
        """


async def answer(call: Call, row: tuple[Answerer, ...]) -> Answer | None:
    """Have a row of answerers answer a call; None when each lets it pass.

    ``call.behind`` must be the emulator.
    """
    for place, answerer in enumerate(row):
        behind = row[place + 1 :]

        async def ask(request: Request, behind: tuple[Answerer, ...] = behind) -> Answer:
            asked = replace(call, request=request)
            return await answer(asked, behind) or await call.behind(request)

        given = await answerer.answer(replace(call, behind=ask))
        if given:
            return given
    return None


class Emulator:
    """The emulator without a socket, for answerers and for what runs beside the server.

    Parameters
    ----------
    app
        The emulator's own ASGI app.
    account, region
        Where calls are made unless they say otherwise.
    """

    def __init__(self, app: App, *, account: str, region: str) -> None:
        self._app = app
        self._account = account
        self._region = region

    async def ask(self, request: Request) -> Answer:
        """Have the answer to a whole request."""
        return await capture(self._app, scope_of(request), request)

    async def call(
        self,
        service: str,
        name: str,
        body: object,
        *,
        account: str | None = None,
        region: str | None = None,
    ) -> dict[str, Any]:
        """Call an operation of a service that speaks one of AWS's JSON protocols.

        Parameters
        ----------
        service
            IAM's prefix: ``sqs``, ``dynamodb``, ``kinesis``, ``logs``, ``cloudwatch``.
        name
            The operation's name.
        account, region
            Of whom; the sandbox's own unless given.

        Raises
        ------
        Refused
            The emulator answered with an error; it is passed on as it stands.
        """
        answer = await self.ask(
            Request(
                method="POST",
                path="/",
                query={},
                headers={
                    "host": "127.0.0.1",
                    "content-type": f"application/x-amz-json-{json_version(service)}",
                    "x-amz-target": f"{target_prefix(service, name)}.{name}",
                    "authorization": self.authorization(service, account=account, region=region),
                },
                body=json.dumps(body).encode(),
            )
        )
        payload = json.loads(answer.body) if answer.body else {}
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(_error(payload, answer))
        return payload if isinstance(payload, dict) else {}

    async def get(
        self,
        service: str,
        path: str,
        query: dict[str, str] | None = None,
        *,
        account: str | None = None,
        region: str | None = None,
    ) -> dict[str, Any] | None:
        """Read from a service that speaks REST and JSON, Lambda; None when there is no such thing.

        Raises
        ------
        Refused
            The emulator answered with another error.
        """
        authorization = self.authorization(service, account=account, region=region)
        answer = await self.ask(
            Request(
                method="GET",
                path=path,
                query=query or {},
                headers={"host": "127.0.0.1", "authorization": authorization},
                body=b"",
            )
        )
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        payload = json.loads(answer.body) if answer.body else {}
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(_error(payload, answer))
        return payload if isinstance(payload, dict) else {}

    def authorization(
        self, service: str, *, account: str | None = None, region: str | None = None
    ) -> str:
        """Sign, as far as the emulator reads a signature: whose account, where, what service."""
        scope = f"20260101/{region or self._region}/{service}/aws4_request"
        return f"AWS4-HMAC-SHA256 Credential={account or self._account}/{scope}"


def _error(payload: Any, answer: Answer) -> ServiceError:
    code = str(payload.get("__type", "InternalFailure")).rpartition("#")[2]
    return ServiceError(
        code=code,
        message=str(payload.get("message") or payload.get("Message") or ""),
        status=answer.status,
        query_code=answer.header("x-amzn-query-error").partition(";")[0] or None,
    )
