"""The calls of CloudWatch that are answered or mended here.

In: a `Call` of service ``cloudwatch``. Out: its answer, or None for the emulator's own.
Must not know how points are computed.
"""

import json
from http import HTTPStatus

from opslib.sandbox import metric_data
from opslib.sandbox.calls import Call
from opslib.sandbox.wire import Answer


class MetricCalls:
    """Answers GetMetricData as CloudWatch does."""

    async def answer(self, call: Call) -> Answer | None:
        """Mend what the emulator answers."""
        if call.operation.name != "GetMetricData" or "json" not in call.request.headers.get(
            "content-type", ""
        ):
            return None
        body = call.request.json()
        answer = await call.ask(body=metric_data.labelled(body))
        if answer.status == HTTPStatus.OK:
            mended = metric_data.ordered(body, json.loads(answer.body))
            answer.body = json.dumps(mended).encode()
        return answer
