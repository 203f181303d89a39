"""The calls of DynamoDB that consume capacity, whether or not their caller asks how much.

In: a `Call` of service ``dynamodb``. Out: the emulator's answer, with as much about capacity in it
as was asked for; and what was consumed, to whoever counts. Must not know metrics.

The emulator counts a read as one, however large. Here what is read is weighed by the items in the
answer, which is too little where a filter left some out.

Source: Amazon DynamoDB Developer Guide, "DynamoDB read and write operations" (4 KB a read unit,
half of it when eventually consistent) and "DynamoDB item sizes and formats".
"""

import base64
import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from opslib.sandbox.call_metrics import READS, WRITES, Consumed
from opslib.sandbox.calls import Call
from opslib.sandbox.datum import Place
from opslib.sandbox.wire import Answer

_READ_UNIT_BYTES = 4096
_DETAILS = ("Table", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "VectorIndexes")
_ASKED = ("NONE", "TOTAL", "INDEXES")


class DynamodbCalls:
    """Stands before the emulator for what consumes capacity.

    Parameters
    ----------
    consumed
        Told of what each call consumed.
    """

    def __init__(self, *, consumed: Callable[[Consumed], None]) -> None:
        self._consumed = consumed

    async def answer(self, call: Call) -> Answer | None:
        """Have the emulator say what it consumed, and tell the caller only what was asked."""
        name = call.operation.name
        if name not in READS | WRITES:
            return None
        body = call.request.json()
        asked = body.get("ReturnConsumedCapacity") or "NONE"
        if asked not in _ASKED:
            return None
        answer = await call.ask(body={**body, "ReturnConsumedCapacity": "INDEXES"})
        if answer.status != HTTPStatus.OK:
            return answer
        payload = json.loads(answer.body)
        told = payload.get("ConsumedCapacity")
        if told is None and name == "BatchGetItem":
            told = payload["ConsumedCapacity"] = _untold(body)
        every: list[dict[str, Any]] = [told] if isinstance(told, dict) else told or []
        for capacity in every:
            units = _read_units(name, body, payload, capacity["TableName"])
            for consumed in _consumed(capacity, Place(call.account, call.region), name, units):
                self._consumed(consumed)
            if asked == "TOTAL":
                for detail in _DETAILS:
                    capacity.pop(detail, None)
        if asked == "NONE":
            payload.pop("ConsumedCapacity", None)
        answer.body = json.dumps(payload, ensure_ascii=False).encode()
        answer.headers = [
            (key, str(zlib.crc32(answer.body)) if key == "x-amz-crc32" else value)
            for key, value in answer.headers
        ]
        return answer


def _untold(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Say what a BatchGetItem consumed, of which the emulator says nothing."""
    asked = body.get("RequestItems") or {}
    return [
        {
            "TableName": table,
            "CapacityUnits": sum(_rate(wanted) for _ in wanted.get("Keys") or ()),
        }
        for table, wanted in asked.items()
    ]


def _consumed(
    capacity: dict[str, Any], place: Place, name: str, read_units: float
) -> Iterator[Consumed]:
    """Read what one table consumed, its global indexes apart."""
    table = str(capacity["TableName"])
    indexes = {
        index: float(units["CapacityUnits"])
        for index, units in (capacity.get("GlobalSecondaryIndexes") or {}).items()
    }
    units = float(capacity["CapacityUnits"]) - sum(indexes.values())
    if name in WRITES:
        yield Consumed(place=place, table=table, index=None, writes=units)
        for index, own in indexes.items():
            yield Consumed(place=place, table=table, index=index, writes=own)
        return
    index = next(iter(indexes), None)
    told = indexes[index] if index else units
    yield Consumed(place=place, table=table, index=index, reads=max(told, read_units))


def _read_units(name: str, body: dict[str, Any], payload: dict[str, Any], table: str) -> float:
    """Weigh what a read gave of a table, in read units."""
    match name:
        case "GetItem":
            items = [payload.get("Item") or {}]
        case "Query" | "Scan":
            # One read of them all: their sizes add up before they are rounded.
            size = sum(_size(item) for item in payload.get("Items") or ())
            return _units(size) * _rate(body)
        case "BatchGetItem":
            items = (payload.get("Responses") or {}).get(table) or []
            body = (body.get("RequestItems") or {}).get(table) or {}
        case _:
            return 0.0
    return sum(_units(_size(item)) for item in items) * _rate(body)


def _rate(body: Mapping[str, Any]) -> float:
    return 1.0 if body.get("ConsistentRead") else 0.5


def _units(size: int) -> int:
    return max(1, math.ceil(size / _READ_UNIT_BYTES))


def _size(item: Mapping[str, Any]) -> int:
    """Weigh an item in bytes: names and values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return (len(held.strip("-0.")) + 1) // 2 + 1
        case "B":
            return len(base64.b64decode(held))
        case "SS" | "NS" | "BS":
            return sum(_value_size({kind[0]: each}) for each in held)
        case "L":
            return 3 + sum(1 + _value_size(each) for each in held)
        case "M":
            return 3 + len(held) + _size(held)
        case _:
            return 1
