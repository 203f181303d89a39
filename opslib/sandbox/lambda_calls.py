"""The calls of Lambda whose answers are mended here.

In: a `Call` of service ``lambda``. Out: the emulator's answer, with the dates that were told, and
the state that a function has in AWS. Must not know what was told, or by whom.

Source: Lambda developer guide, "Lambda function states": while an update is in progress a function
stays ``Active``, and is invoked as it was.
"""

import json
from http import HTTPStatus
from typing import Any

from opslib.sandbox.calls import Call
from opslib.sandbox.lambda_history import LambdaHistory
from opslib.sandbox.wire import Answer


class LambdaDates:
    """Puts the dates of a history into every answer that carries one."""

    def __init__(self, history: LambdaHistory) -> None:
        self._history = history

    async def answer(self, call: Call) -> Answer | None:
        """Let the emulator answer, and mend its answer; an Invoke is none of ours."""
        if call.operation.name == "Invoke":
            return None
        answer = await call.ask()
        if answer.status < HTTPStatus.BAD_REQUEST and answer.is_json():
            told = self._history.retold(call.operation.name, json.loads(answer.body))
            answer.body = json.dumps(told).encode()
        return answer


class LambdaStates:
    """Keeps a function ``Active`` while an update of it is in progress."""

    async def answer(self, call: Call) -> Answer | None:
        """Let the emulator answer, and mend its answer; an Invoke tells no state."""
        if call.operation.name == "Invoke":
            return None
        answer = await call.ask()
        if answer.status < HTTPStatus.BAD_REQUEST and answer.is_json():
            payload = json.loads(answer.body)
            _keep_active(payload)
            answer.body = json.dumps(payload).encode()
        return answer


def _keep_active(payload: Any) -> None:
    if not isinstance(payload, dict):
        return
    listed = [*payload.get("Functions", ()), *payload.get("Versions", ())]
    for configuration in (payload, payload.get("Configuration"), *listed):
        if (
            isinstance(configuration, dict)
            and configuration.get("State") == "Pending"
            and configuration.get("StateReasonCode") == "Updating"
        ):
            configuration["State"] = "Active"
            del configuration["StateReason"], configuration["StateReasonCode"]
