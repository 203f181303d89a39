"""The calls of SQS that are answered or refused here.

In: a `Call` of service ``sqs``. Out: its answer, or None for the emulator's own: it has no message
move tasks, no ListDeadLetterSourceQueues, purges as often as one likes, and tells every attribute
to whoever asks for none.
Must not know how messages are moved.

Source: SQS API reference; the text of PurgeQueueInProgress as quoted in public reports.
"""

from typing import Any

from opslib.sandbox.calls import Call, Emulator
from opslib.sandbox.message_moves import MessageMoves
from opslib.sandbox.operations import Protocol, Refused, ServiceError, values
from opslib.sandbox.queues import Queues
from opslib.sandbox.waits import Waits
from opslib.sandbox.wire import Answer, json_answer

PURGE_PAUSE_S = 60.0
SOURCES_LIMIT = 1000

_HERE = frozenset(
    {
        "StartMessageMoveTask",
        "ListMessageMoveTasks",
        "CancelMessageMoveTask",
        "ListDeadLetterSourceQueues",
    }
)


class SqsCalls:
    """Answers what the emulator's SQS lacks.

    Parameters
    ----------
    waits
        Counts the minute between two purges of a queue.
    """

    def __init__(self, *, emulator: Emulator, moves: MessageMoves, waits: Waits) -> None:
        self._emulator = emulator
        self._moves = moves
        self._waits = waits
        self._purged_s: dict[str, float] = {}

    async def answer(self, call: Call) -> Answer | None:
        """Answer, refuse, or let pass."""
        name = call.operation.name
        if name == "PurgeQueue":
            return await self._purge(call)
        if name == "GetQueueAttributes" and call.operation.protocol is Protocol.JSON:
            return await self._attributes(call)
        if name not in _HERE:
            return None
        if call.operation.protocol is not Protocol.JSON:
            raise Refused(
                ServiceError(
                    code="UnsupportedOperation",
                    message=f"The sandbox answers {name} in SQS's JSON protocol only.",
                    query_code="AWS.SimpleQueueService.UnsupportedOperation",
                )
            )
        body, of = call.request.json(), {"account": call.account, "region": call.region}
        match name:
            case "StartMessageMoveTask":
                payload = await self._moves.start(body, **of)
            case "ListMessageMoveTasks":
                payload = await self._moves.listed(body, **of)
            case "CancelMessageMoveTask":
                payload = await self._moves.cancel(body, **of)
            case _:
                payload = await self._sources(call, body)
        return json_answer(payload, version=call.operation.version)

    async def _purge(self, call: Call) -> Answer:
        named = call.request.json() if call.operation.protocol is Protocol.JSON else None
        url = str((named or call.request.form()).get("QueueUrl", ""))
        queue = f"{call.account} {call.region} {url.rpartition('/')[2]}"
        purged_s = self._purged_s.get(queue)
        if purged_s is not None and self._waits.now_s() - purged_s < PURGE_PAUSE_S:
            name = queue.rpartition(" ")[2]
            raise Refused(
                ServiceError(
                    code="PurgeQueueInProgress",
                    message=f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.",
                    status=403,
                    query_code="AWS.SimpleQueueService.PurgeQueueInProgress",
                )
            )
        answer = await call.ask()
        if answer.status == 200:
            self._purged_s[queue] = self._waits.now_s()
        return answer

    async def _attributes(self, call: Call) -> Answer | None:
        names = call.request.json().get("AttributeNames") or ()
        for name in names:
            if name not in values("sqs", "QueueAttributeName"):
                code = "InvalidAttributeName"
                raise Refused(
                    ServiceError(code=code, message=f"Unknown Attribute {name}.", query_code=code)
                )
        answer = await call.ask()
        if not names and answer.status == 200:
            answer.body = b"{}"
        return answer

    async def _sources(self, call: Call, body: dict[str, Any]) -> dict[str, Any]:
        queues = Queues(self._emulator, account=call.account, region=call.region)
        most, token = body.get("MaxResults"), body.get("NextToken")
        if most is not None and not (isinstance(most, int) and 1 <= most <= SOURCES_LIMIT):
            raise _invalid(
                "Value for parameter MaxResults is invalid. Reason: You must enter a number "
                f"that's between 1 and {SOURCES_LIMIT}."
            )
        names = await queues.sources(await queues.arn(str(body.get("QueueUrl", ""))))
        # A page begins behind the name that the last one ended with, whatever came or went.
        behind = [name for name in names if name > str(token or "")]
        page = behind[: most or SOURCES_LIMIT]
        host = call.request.headers.get("host", "127.0.0.1")
        payload: dict[str, Any] = {
            "queueUrls": [f"http://{host}/{call.account}/{name}" for name in page]
        }
        if most is not None and len(page) < len(behind):
            payload["NextToken"] = page[-1]
        return payload


def _invalid(message: str) -> Refused:
    code = "InvalidParameterValue"
    return Refused(ServiceError(code=code, message=message, query_code=code))
