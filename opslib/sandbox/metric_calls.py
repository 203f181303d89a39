"""The calls of CloudWatch that are answered or refused here.

In: a `Call` of service ``cloudwatch``. Out: its answer, or None for the emulator's own.
Must not know how points are computed.

Source: CloudWatch API reference, GetMetricStatistics (1,440 points); the text of its error as
quoted in public reports. aws-cli and every SDK of Python speak the JSON protocol.
"""

import json
import math
from http import HTTPStatus
from typing import Any

from opslib.sandbox import metric_data
from opslib.sandbox.calls import Call
from opslib.sandbox.clock import Clock
from opslib.sandbox.operations import Protocol, Refused, ServiceError
from opslib.sandbox.wire import Answer, json_answer

STATISTICS_LIMIT = 1440


class MetricCalls:
    """Answers GetMetricData, and refuses too many points of GetMetricStatistics.

    Parameters
    ----------
    clock
        Tells how old a start is.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def answer(self, call: Call) -> Answer | None:
        """Answer, refuse, or let pass."""
        match call.operation.name:
            case "GetMetricData":
                return await self._data(call)
            case "GetMetricStatistics":
                _check_statistics(call)
        return None

    async def _data(self, call: Call) -> Answer:
        if call.operation.protocol is not Protocol.JSON:
            raise Refused(
                ServiceError(
                    code="UnsupportedOperation",
                    message="The sandbox answers GetMetricData in CloudWatch's JSON protocol only.",
                    query_code="UnsupportedOperation",
                )
            )

        async def fetch(body: dict[str, Any]) -> list[dict[str, Any]]:
            answer = await call.ask(body=body)
            payload = json.loads(answer.body)
            if answer.status != HTTPStatus.OK:
                raise Refused(
                    ServiceError(
                        code=str(payload.get("__type", "InternalFailure")),
                        message=str(payload.get("message", "")),
                        status=answer.status,
                    )
                )
            return list(payload["MetricDataResults"])

        payload = await metric_data.answer(
            call.request.json(), fetch=fetch, now=self._clock.now(), pretended=call.pretended
        )
        return json_answer(payload, version=call.operation.version)


def _check_statistics(call: Call) -> None:
    match call.operation.protocol:
        case Protocol.JSON:
            body = call.request.json()
        case Protocol.QUERY:
            body = call.request.form()
        case _:
            return
    wanted = [body.get(name) for name in ("StartTime", "EndTime", "Period")]
    if None in wanted:
        return  # the emulator has its own words for it
    start_s, end_s, period_s = map(metric_data.epoch_s, wanted)
    points = math.ceil((end_s - start_s) / period_s) if period_s > 0 else 0
    if points > STATISTICS_LIMIT:
        raise Refused(
            ServiceError(
                code="InvalidParameterCombination",
                message=f"You have requested up to {points:,} datapoints, which exceeds the limit "
                f"of {STATISTICS_LIMIT:,}. You may reduce the datapoints requested by increasing "
                "Period, or decreasing the time range.",
                query_code="InvalidParameterCombination",
            )
        )
