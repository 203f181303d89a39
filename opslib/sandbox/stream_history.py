"""When the records of a table's stream were written, as a story tells it.

The emulator stamps the wall's time on every record and keeps all of them; a story, and a pinned
clock, need their own, and DynamoDB keeps a record for 24 hours. In: orders through
``/_opslib/stream-history``, and the calls of DynamoDB Streams. Out: answers with
``ApproximateCreationDateTime`` as told, and no record that is trimmed by then. Must not know
stories, or mappings.

Source: DynamoDB Streams API: ``TrimmedDataAccessException`` of GetShardIterator; Developer Guide,
"Data retention limit for DynamoDB Streams".
"""

import json
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from opslib.errors import BadInput
from opslib.sandbox.calls import Call
from opslib.sandbox.clock import Clock
from opslib.sandbox.operations import Refused, ServiceError
from opslib.sandbox.wire import Answer

RETENTION = timedelta(hours=24)


class StreamHistory:
    """What was told of each stream's records.

    Parameters
    ----------
    clock
        Says what is trimmed by now.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[str, dict[str, datetime]] = {}

    def order(self, body: object) -> None:
        """Take an order as the control endpoint receives it.

        Raises
        ------
        BadInput
            It is not an order.
        """
        try:
            match body:
                case {"stream": str(stream), "records": dict(records)}:
                    told = {str(k): datetime.fromisoformat(v) for k, v in records.items()}
                    if all(at.tzinfo for at in told.values()):
                        self._told.setdefault(stream, {}).update(told)
                        return
        except (TypeError, ValueError) as error:
            raise BadInput(f"No history was told: {error}.") from error
        raise BadInput(
            "No history was told: an order has stream (an ARN) and records (by sequence number, "
            "ISO 8601 with a time zone)."
        )

    async def answer(self, call: Call) -> Answer | None:
        """Answer the calls that read records of a stream; let any other pass."""
        if call.operation.name == "GetShardIterator":
            return await self._iterator(call)
        if call.operation.name == "GetRecords":
            return await self._records(call)
        return None

    async def _iterator(self, call: Call) -> Answer | None:
        body = call.request.json()
        trimmed = self._trimmed(body.get("StreamArn", ""))
        if not trimmed:
            return None
        if body.get("ShardIteratorType") == "TRIM_HORIZON":
            after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": trimmed[-1]}
            return await call.ask(body={**body, **after})
        if body.get("SequenceNumber") in trimmed:
            raise Refused(
                ServiceError(
                    code="TrimmedDataAccessException",
                    message="The operation attempted to read past the oldest stream record in a "
                    "shard.",
                )
            )
        return None

    async def _records(self, call: Call) -> Answer:
        answer = await call.ask()
        told = {number: at for each in self._told.values() for number, at in each.items()}
        if answer.status == HTTPStatus.OK and told:
            payload: dict[str, Any] = json.loads(answer.body)
            for record in payload.get("Records", ()):
                image = record["dynamodb"]
                at = told.get(image["SequenceNumber"])
                if at:
                    # Whole seconds, as DynamoDB rounds it.
                    image["ApproximateCreationDateTime"] = int(at.timestamp())
            answer.body = json.dumps(payload).encode()
        return answer

    def _trimmed(self, stream: str) -> list[str]:
        """List the records of a stream that are gone, oldest first."""
        horizon = self._clock.now() - RETENTION
        return [n for n, at in sorted(self._told.get(stream, {}).items()) if at < horizon]
