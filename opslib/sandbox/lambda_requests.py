"""What Lambda refuses of a request itself, and of the source that a mapping names.

In: a `Call` of service ``lambda``. Out: `Refused` for what Lambda would not take; a function named
by its account and name is passed on by its name, which is all that the emulator reads. Must not
know how functions run, or how messages and records are delivered.

Source: Lambda API reference (FunctionName) and quotas; error texts as quoted in public reports.
"""

import json
import re
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote

from opslib.sandbox.calls import Call, Emulator
from opslib.sandbox.mappings import is_stream
from opslib.sandbox.operations import Refused, ServiceError
from opslib.sandbox.queues import Queues
from opslib.sandbox.wire import Answer

_PAYLOAD_LIMIT_BYTES = 6_291_456
_EVENT_LIMIT_BYTES = 1_048_576
_PARTIAL_ARN = re.compile(r"\d{12}:function:(.+)")
_ARN_HEAD = re.compile(r"^(?:arn:[^:]+:lambda:[^:]+:)?(?:\d{12}:)?(?:function:)?")


class LambdaNames:
    """Lets functions go by their account and name, ``123456789012:function:orders``, too."""

    async def answer(self, call: Call) -> Answer | None:
        """Pass a call on under the function's name; let any other pass as it is."""
        parts = call.request.path.split("/")
        partial = _PARTIAL_ARN.fullmatch(unquote(parts[3])) if len(parts) > 3 else None
        if partial is None:
            return None
        name, _, qualifier = partial[1].partition(":")
        query = dict(call.request.query)
        if qualifier:
            query.setdefault("Qualifier", qualifier)
        path = "/".join([*parts[:3], quote(name), *parts[4:]])
        return await call.behind(replace(call.request, path=path, query=query, raw_query=b""))


class LambdaRequests:
    """Stands before the emulator for invocations and new mappings."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def answer(self, call: Call) -> Answer | None:
        """Refuse, or let pass."""
        match call.operation.name:
            case "Invoke":
                _check_payload(call)
            case "CreateEventSourceMapping":
                await self._check_source(call, call.request.json())
        return None

    async def _check_source(self, call: Call, body: dict[str, Any]) -> None:
        arn = str(body.get("EventSourceArn", ""))
        position = body.get("StartingPosition")
        if is_stream(arn) and position is None:
            raise _invalid(
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
                "constraint: Member must not be null."
            )
        if ":sqs:" not in arn:
            return
        if position is not None:
            raise _invalid(
                "Invalid request provided: StartingPosition is not valid for SQS event sources."
            )
        hidden_s = await self._hidden_s(call, arn)
        function, _, _ = _ARN_HEAD.sub("", str(body.get("FunctionName", ""))).partition(":")
        found = await self._emulator.get(
            "lambda",
            f"/2015-03-31/functions/{quote(function)}/configuration",
            account=call.account,
            region=call.region,
        )
        # Of a function that is missing the emulator says so itself.
        if found and hidden_s < found["Timeout"]:
            raise _invalid(
                f"Queue visibility timeout: {hidden_s} seconds is less than Function timeout: "
                f"{found['Timeout']} seconds"
            )

    async def _hidden_s(self, call: Call, arn: str) -> int:
        queues = Queues(self._emulator, account=call.account, region=call.region)
        url = await queues.url(arn)
        if url is None:
            raise _invalid(
                "Error occurred while ReceiveMessage. SQS Error Code: "
                "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue "
                "does not exist or you do not have access to it."
            )
        return await queues.hidden_s(url)


def _check_payload(call: Call) -> None:
    body, kind = call.request.body, call.request.headers.get("x-amz-invocation-type", "")
    too_large = ""
    if kind == "Event" and len(body) > _EVENT_LIMIT_BYTES:
        too_large = (
            f"{len(body)} byte payload is too large for the Event invocation type "
            f"(limit {_EVENT_LIMIT_BYTES} bytes)"
        )
    elif len(body) > _PAYLOAD_LIMIT_BYTES:
        too_large = (
            f"Request must be smaller than {_PAYLOAD_LIMIT_BYTES} bytes for the InvokeFunction "
            "operation"
        )
    if too_large:
        raise _refused(
            "RequestEntityTooLargeException",
            too_large,
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    try:
        json.loads(body.strip() or b"{}")
    except ValueError as error:
        raise _refused(
            "InvalidRequestContentException",
            f"Could not parse request body into json: Could not parse payload into json: {error}",
        ) from None


def _invalid(message: str) -> Refused:
    return _refused("InvalidParameterValueException", message)


def _refused(code: str, message: str, *, status: int = HTTPStatus.BAD_REQUEST) -> Refused:
    return Refused(
        ServiceError(code=code, message=message, status=status, members=(("Type", "User"),))
    )
