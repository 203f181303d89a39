"""What Lambda refuses and the emulator accepts.

In: a `Call` of service ``lambda``. Out: `Refused` for what Lambda would not do, None for what it
would, and the answer to ListProvisionedConcurrencyConfigs, which the emulator gets wrong. What
functions, versions and concurrency there are is read through the emulator's own API.
Must not know how functions run. Event source mappings of streams have a room of their own.

Source: Lambda API reference and quotas; error texts as quoted in public reports and as recorded
from AWS in the public snapshots of an emulator's tests.
"""

import json
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote

from opslib.sandbox.calls import Call, Emulator
from opslib.sandbox.operations import Refused, ServiceError, values
from opslib.sandbox.wire import Answer, json_answer

ACCOUNT_LIMIT = 1000
"""Executions of an account at once; the emulator gives out one that its machine can bear."""
LEFT_UNRESERVED = 100
_RANGES = {"Timeout": (1, 900), "MemorySize": (128, 10_240)}
_QUEUE_BATCH, _QUEUE_BATCH_WITH_WINDOW = 10, 10_000
_LATEST = "$LATEST"
_ARN_HEAD = re.compile(r"^(?:arn:[^:]+:lambda:[^:]+:)?(?:\d{12}:)?(?:function:)?")
_LISTED_LIMIT = 50
_ALIAS = re.compile(r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)")


class LambdaRefusals:
    """Stands before the emulator for whatever changes a function."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._checks: dict[str, Callable[[Call, dict[str, Any]], Awaitable[None]]] = {
            "CreateFunction": self._check_new,
            "UpdateFunctionConfiguration": self._check_update,
            "UpdateFunctionCode": self._check_settled,
            "PublishVersion": self._check_settled,
            "CreateAlias": self._check_alias,
            "UpdateAlias": self._check_versions,
            "PutFunctionConcurrency": self._check_reserved,
            "PutProvisionedConcurrencyConfig": self._check_provisioned,
            "CreateEventSourceMapping": self._check_mapping,
            "UpdateEventSourceMapping": self._check_mapping,
        }

    async def answer(self, call: Call) -> Answer | None:
        """Refuse, answer, or let pass."""
        match call.operation.name:
            case "ListProvisionedConcurrencyConfigs":
                return await self._provisioned(call)
            case "GetAccountSettings":
                return await self._settings(call)
        check = self._checks.get(call.operation.name)
        if check:
            body = call.request.json()
            await check(call, body if isinstance(body, dict) else {})
        return None

    async def _check_new(self, call: Call, body: dict[str, Any]) -> None:
        _check_ranges(body)
        _check_runtime(body)

    async def _check_update(self, call: Call, body: dict[str, Any]) -> None:
        _check_ranges(body)
        _check_runtime(body)
        await self._check_settled(call, body)

    async def _check_settled(self, call: Call, body: dict[str, Any]) -> None:
        function, _ = _named(call)
        found = await self._get(call, f"/2015-03-31/functions/{quote(function)}/configuration")
        if found and found.get("LastUpdateStatus") == "InProgress":
            message = "The operation cannot be performed at this time. "
            if found.get("State") == "Pending" and found.get("StateReasonCode") != "Updating":
                message += "The function is currently in the following state: Pending"
            else:
                message += f"An update is in progress for resource: {found['FunctionArn']}"
            raise _refused("ResourceConflictException", message, status=HTTPStatus.CONFLICT)

    async def _check_alias(self, call: Call, body: dict[str, Any]) -> None:
        name = str(body.get("Name", ""))
        if not _ALIAS.fullmatch(name):
            raise _refused(
                "ValidationException",
                f"1 validation error detected: Value '{name}' at 'name' failed to satisfy "
                f"constraint: Member must satisfy regular expression pattern: {_ALIAS.pattern}",
            )
        await self._check_versions(call, body)

    async def _check_versions(self, call: Call, body: dict[str, Any]) -> None:
        function, _ = _named(call)
        arn = await self._arn(call, function)
        if arn is None:
            return  # the emulator says so itself
        weights = (body.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        version = body.get("FunctionVersion")
        if version == _LATEST and weights:
            raise _refused(
                "InvalidParameterValueException",
                "$LATEST is not supported for an alias pointing to more than 1 version",
            )
        for named in (version, *weights):
            if named and await self._arn(call, function, str(named)) is None:
                raise _no_function(f"{arn}:{named}")

    async def _check_reserved(self, call: Call, body: dict[str, Any]) -> None:
        function, _ = _named(call)
        own = await self._reserved(call, function) or 0
        free = await self._unreserved(call) + own - LEFT_UNRESERVED
        if body.get("ReservedConcurrentExecutions", 0) > free:
            raise _refused(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{LEFT_UNRESERVED}].",
            )

    async def _check_provisioned(self, call: Call, body: dict[str, Any]) -> None:
        function, qualifier = _named(call)
        alias = await self._get(
            call, f"/2015-03-31/functions/{quote(function)}/aliases/{quote(qualifier)}"
        )
        if (alias or {}).get("FunctionVersion", qualifier) == _LATEST:
            raise _refused(
                "InvalidParameterValueException",
                "Provisioned Concurrency Configs cannot be applied to unpublished function "
                "versions.",
            )
        reserved = await self._reserved(call, function)
        wanted = body.get("ProvisionedConcurrentExecutions", 0)
        others = sum(
            config["RequestedProvisionedConcurrentExecutions"]
            for config in await self._configs(call, function)
            if not config["FunctionArn"].endswith(f":{qualifier}")
        )
        if reserved is not None and wanted + others > reserved:
            raise _refused(
                "InvalidParameterValueException",
                "Requested Provisioned Concurrency should not be greater than the "
                "reservedConcurrentExecution for function",
            )

    async def _check_mapping(self, call: Call, body: dict[str, Any]) -> None:
        changed = call.operation.name == "UpdateEventSourceMapping"
        found = await self._get(call, call.request.path) if changed else {}
        if found is not None:  # else the emulator says so itself
            _check_queue_batch(found | body)

    async def _provisioned(self, call: Call) -> Answer | None:
        function, _ = _named(call)
        if await self._arn(call, function) is None:
            raise _no_function(f"{_prefix(call)}:{function}")
        most = int(call.request.query.get("MaxItems", _LISTED_LIMIT))
        marker = call.request.query.get("Marker", "")
        behind = [
            config
            for config in await self._configs(call, function)
            if config["FunctionArn"] > marker
        ]
        payload: dict[str, Any] = {"ProvisionedConcurrencyConfigs": behind[:most]}
        if most < len(behind):
            payload["NextMarker"] = behind[most - 1]["FunctionArn"]
        return json_answer(payload)

    async def _settings(self, call: Call) -> Answer:
        answer = await call.ask()
        payload = json.loads(answer.body)
        payload["AccountLimit"] |= {
            "ConcurrentExecutions": ACCOUNT_LIMIT,
            "UnreservedConcurrentExecutions": await self._unreserved(call),
        }
        answer.body = json.dumps(payload).encode()
        return answer

    async def _unreserved(self, call: Call) -> int:
        left, marker = ACCOUNT_LIMIT, ""
        while True:
            query = {"Marker": marker} if marker else None
            page = await self._get(call, "/2015-03-31/functions", query) or {}
            for function in page.get("Functions", ()):
                left -= await self._reserved(call, function["FunctionName"]) or 0
            marker = page.get("NextMarker") or ""
            if not marker:
                return left

    async def _configs(self, call: Call, function: str) -> list[dict[str, Any]]:
        """List a function's provisioned concurrency, sorted by ARN."""
        path = f"/2015-03-31/functions/{quote(function)}"
        versions = (await self._get(call, f"{path}/versions") or {}).get("Versions", ())
        aliases = (await self._get(call, f"{path}/aliases") or {}).get("Aliases", ())
        qualifiers = [each["Version"] for each in versions if each["Version"] != _LATEST]
        qualifiers += [each["Name"] for each in aliases]
        found = []
        for qualifier in qualifiers:
            config = await self._get(
                call,
                f"/2019-09-30/functions/{quote(function)}/provisioned-concurrency",
                {"Qualifier": qualifier},
            )
            if config:
                found.append({"FunctionArn": f"{_prefix(call)}:{function}:{qualifier}"} | config)
        return sorted(found, key=lambda config: str(config["FunctionArn"]))

    async def _reserved(self, call: Call, function: str) -> int | None:
        found = await self._get(call, f"/2019-09-30/functions/{quote(function)}/concurrency")
        return (found or {}).get("ReservedConcurrentExecutions")

    async def _arn(self, call: Call, function: str, qualifier: str = "") -> str | None:
        """Tell the ARN of a function, or of one version; None when there is none."""
        found = await self._get(
            call,
            f"/2015-03-31/functions/{quote(function)}/configuration",
            {"Qualifier": qualifier} if qualifier else None,
        )
        return str(found["FunctionArn"]) if found else None

    async def _get(
        self, call: Call, path: str, query: dict[str, str] | None = None
    ) -> dict[str, Any] | None:
        return await self._emulator.get(
            "lambda", path, query, account=call.account, region=call.region
        )


def _named(call: Call) -> tuple[str, str]:
    """Read function and qualifier from the path, in which either an ARN or a name may stand."""
    name = _ARN_HEAD.sub("", unquote(call.request.path.split("/")[3]))
    name, _, qualifier = name.partition(":")
    return name, qualifier or call.request.query.get("Qualifier", "")


def _prefix(call: Call) -> str:
    return f"arn:aws:lambda:{call.region}:{call.account}:function"


def _check_ranges(body: dict[str, Any]) -> None:
    found = []
    # Functions on instances of one's own have wider ranges; the sandbox has none of these.
    for name, (least, most) in _RANGES.items():
        value = body.get(name)
        if value is None or least <= value <= most:
            continue
        limit, word = (most, "less") if value > most else (least, "greater")
        found.append(
            f"Value '{value}' at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: "
            f"Member must have value {word} than or equal to {limit}"
        )
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected"
        raise Refused(
            ServiceError(code="ValidationException", message=f"{count}: {'; '.join(found)}")
        )


def _check_runtime(body: dict[str, Any]) -> None:
    runtime = body.get("Runtime")
    known = values("lambda", "Runtime")
    if runtime is not None and runtime not in known:
        raise _refused(
            "InvalidParameterValueException",
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(known)}] or be a valid ARN",
        )


def _check_queue_batch(body: dict[str, Any]) -> None:
    source_arn = str(body.get("EventSourceArn", ""))
    if ":sqs:" not in source_arn or not isinstance(body.get("BatchSize"), int):
        return
    size, window_s = body["BatchSize"], body.get("MaximumBatchingWindowInSeconds") or 0
    if source_arn.endswith(".fifo") and size > _QUEUE_BATCH:
        raise _refused(
            "InvalidParameterValueException",
            f"Batch size for a FIFO queue must be between 1 and {_QUEUE_BATCH}; it is {size}.",
        )
    if not 1 <= size <= _QUEUE_BATCH_WITH_WINDOW:
        raise _refused(
            "InvalidParameterValueException",
            f"BatchSize must be between 1 and {_QUEUE_BATCH_WITH_WINDOW}; it is {size}.",
        )
    if size > _QUEUE_BATCH and window_s < 1:
        raise _refused(
            "InvalidParameterValueException",
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            f"greater than {_QUEUE_BATCH}",
        )


def _no_function(arn: str) -> Refused:
    return _refused(
        "ResourceNotFoundException", f"Function not found: {arn}", status=HTTPStatus.NOT_FOUND
    )


def _refused(code: str, message: str, *, status: int = HTTPStatus.BAD_REQUEST) -> Refused:
    return Refused(
        ServiceError(code=code, message=message, status=status, members=(("Type", "User"),))
    )
