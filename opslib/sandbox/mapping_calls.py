"""The calls of Lambda that make and change event source mappings.

In: a `Call` of service ``lambda``. Out: the emulator's answer, with Lambda's own defaults for a
stream, its refusals, and the state in which a mapping is until a change has taken hold. Under a
pinned clock a mapping's UUID is the same at each start, as what is recorded there has to be. Must
not know how records are delivered.

Source: botocore, CreateEventSourceMapping and EventSourceMappingConfiguration (defaults, ranges,
states); Lambda's errors as public reports quote them.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from opslib.sandbox.calls import Call
from opslib.sandbox.clock import Clock
from opslib.sandbox.emulator import state as inside
from opslib.sandbox.emulator.state import MappingRecord
from opslib.sandbox.mappings import Mappings, is_stream
from opslib.sandbox.operations import Refused, ServiceError
from opslib.sandbox.wire import Answer

# A queue has none of these but the batch, which the emulator knows.
_STREAM_DEFAULTS: dict[str, object] = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
}
_RANGES = {
    "BatchSize": (1, 10_000),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "MaximumRetryAttempts": (-1, 10_000),
    "ParallelizationFactor": (1, 10),
}
# Between -1 and this no age is taken.
_YOUNGEST_S = 60
_NAMES = uuid.UUID(int=0)
_PASSING = frozenset({"Creating", "Enabling", "Disabling", "Updating"})


class MappingCalls:
    """Stands before the emulator for event source mappings."""

    def __init__(self, mappings: Mappings, *, clock: Clock) -> None:
        self._mappings = mappings
        self._pinned = clock.pinned

    async def answer(self, call: Call) -> Answer | None:
        """Answer a call that makes, changes or deletes a mapping; let any other pass."""
        match call.operation.name:
            case "CreateEventSourceMapping":
                return await self._create(call)
            case "UpdateEventSourceMapping":
                return await self._update(call)
            case "DeleteEventSourceMapping":
                self._refuse_in_passing(_named(call), "delete")
        return None

    async def _create(self, call: Call) -> Answer:
        body = call.request.json()
        _check(body)
        arn = str(body.get("EventSourceArn", ""))
        self._refuse_twice(call, arn, str(body.get("FunctionName", "")))
        answer = await call.ask(body={**_STREAM_DEFAULTS, **body} if is_stream(arn) else body)
        if answer.status < HTTPStatus.BAD_REQUEST:
            payload = json.loads(answer.body)
            mapping = _mapping(payload["UUID"])
            if mapping and self._pinned:
                _name_alike(mapping, payload)
            if mapping and is_stream(arn):
                since = body.get("StartingPositionTimestamp")
                self._mappings.anchor(
                    mapping, since=datetime.fromtimestamp(since, UTC) if since else None
                )
            self._pass(mapping, payload, "Creating")
            answer.body = json.dumps(payload).encode()
        return answer

    async def _update(self, call: Call) -> Answer:
        body = call.request.json()
        _check(body)
        mapping = _named(call)
        self._refuse_in_passing(mapping, "update")
        was = mapping is not None and mapping.kept.get("Enabled", True)
        answer = await call.ask()
        if answer.status < HTTPStatus.BAD_REQUEST:
            payload = json.loads(answer.body)
            enabled = body.get("Enabled", was)
            state = "Updating" if enabled == was else "Enabling" if enabled else "Disabling"
            self._pass(mapping, payload, state)
            answer.body = json.dumps(payload).encode()
        return answer

    def _pass(self, mapping: MappingRecord | None, payload: dict[str, Any], state: str) -> None:
        payload["State"] = state
        if mapping:
            self._mappings.settle_later(mapping, state)

    def _refuse_in_passing(self, mapping: MappingRecord | None, change: str) -> None:
        if mapping and mapping.kept["State"] in _PASSING:
            raise Refused(
                ServiceError(
                    code="ResourceInUseException",
                    message=f"Cannot {change} the event source mapping because it is in use.",
                    members=(("Type", "User"),),
                )
            )

    def _refuse_twice(self, call: Call, arn: str, function: str) -> None:
        name = function.rpartition(":function:")[2]
        for mapping in inside.mappings():
            kept = mapping.kept
            qualified = ":".join(filter(None, (kept["FunctionName"], kept.get("Qualifier"))))
            same_place = (mapping.account, mapping.region) == (call.account, call.region)
            if same_place and (kept["EventSourceArn"], qualified) == (arn, name):
                raise Refused(
                    ServiceError(
                        code="ResourceConflictException",
                        status=HTTPStatus.CONFLICT,
                        message=f'The event source arn (" {arn} ") and function (" {name} ") '
                        "provided mapping already exists. Please update or delete the existing "
                        f"mapping with UUID {kept['UUID']}",
                        members=(("Type", "User"),),
                    )
                )


def _name_alike(mapping: MappingRecord, payload: dict[str, Any]) -> None:
    """Name a mapping for what it joins, unless one is named so already."""
    # A table's stream is labelled with the wall's time.
    source = payload["EventSourceArn"].partition("/stream/")[0]
    was, name = payload["UUID"], str(uuid.uuid5(_NAMES, f"{source} {payload['FunctionArn']}"))
    if _mapping(name) is None:
        inside.rename_mapping(mapping, name)
        payload.update(
            {key: value.replace(was, name) for key, value in payload.items() if type(value) is str}
        )


def _mapping(name: str) -> MappingRecord | None:
    return next((found for found in inside.mappings() if found.kept["UUID"] == name), None)


def _named(call: Call) -> MappingRecord | None:
    mapping = _mapping(call.request.path.rstrip("/").rpartition("/")[2])
    mine = mapping and (mapping.account, mapping.region) == (call.account, call.region)
    return mapping if mine else None


def _check(body: Mapping[str, Any]) -> None:
    for name, (lowest, highest) in _RANGES.items():
        value = body.get(name)
        if value is None:
            continue
        wrong_age = name == "MaximumRecordAgeInSeconds" and -1 < value < _YOUNGEST_S
        if wrong_age or not lowest <= value <= highest:
            span = f"{lowest} and {highest}"
            if name == "MaximumRecordAgeInSeconds":
                span = f"{_YOUNGEST_S} and {highest}, or -1"
            raise Refused(
                ServiceError(
                    code="InvalidParameterValueException",
                    message=f"{name} must be between {span}; it is {value}.",
                    members=(("Type", "User"),),
                )
            )
