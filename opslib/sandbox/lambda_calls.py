"""The calls of Lambda whose answers are mended here.

In: a `Call` of service ``lambda``. Out: the emulator's answer, with the dates that were told.
Must not know what was told, or by whom.
"""

import json
from http import HTTPStatus

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
