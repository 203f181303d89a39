"""When mappings and tables changed, and what CloudTrail recorded of it, as a story tells it.

The emulator stamps the wall's time on every change, and records none; a story, and a pinned clock,
need their own. In: orders through ``/_opslib/change-history``, and calls of Lambda, DynamoDB and
CloudTrail. Out: answers with dates as told, and LookupEvents of what was told, newest first. Must
not know stories.

Source: botocore: EventSourceMappingConfiguration, TableDescription, LookupEvents (one attribute,
50 events a page).
"""

import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from opslib.errors import BadInput
from opslib.sandbox.calls import Call
from opslib.sandbox.clock import Clock
from opslib.sandbox.wire import Answer

_A_PAGE = 50
_CHANGES = frozenset({"CreateEventSourceMapping", "UpdateEventSourceMapping"})


class ChangeHistory:
    """What was told of each mapping and table, and of who changed what.

    Parameters
    ----------
    clock
        Dates a change made through the API, when it is pinned; a live one agrees with the emulator.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._changed: dict[str, datetime] = {}
        self._recorded: list[dict[str, Any]] = []

    def order(self, body: object) -> None:
        """Take an order as the control endpoint receives it.

        Raises
        ------
        BadInput
            It is not an order.
        """
        try:
            match body:
                case {"changed": str(name), "at": str(at)}:
                    self._changed[name] = _instant(at)
                    return
                case {"event": str(name), "at": str(at), "user": str(user), "asked": dict(asked)}:
                    self._record(name, _instant(at), user, asked)
                    return
        except ValueError as error:
            raise BadInput(f"No history was told: {error}.") from error
        raise BadInput(
            "No history was told: an order has changed (a mapping's UUID or a table) and at, or "
            "event (its name in CloudTrail), at, user and asked (the parameters of the request)."
        )

    def _record(self, name: str, at: datetime, user: str, asked: dict[str, Any]) -> None:
        record = {"eventName": name, "requestParameters": asked}
        self._recorded.append(
            {
                "EventId": f"event-{len(self._recorded) + 1}",
                "EventName": name,
                "EventTime": at.timestamp(),
                "Username": user,
                "CloudTrailEvent": json.dumps(record),
            }
        )

    async def answer(self, call: Call) -> Answer | None:
        """Answer the calls that tell of mappings, of a table, or of changes; let any other pass."""
        name = call.operation.name
        if name == "LookupEvents":
            return await self._events(call)
        if "EventSourceMapping" not in name and name not in ("CreateTable", "DescribeTable"):
            return None
        answer = await call.ask()
        if answer.status < HTTPStatus.BAD_REQUEST:
            told = json.loads(answer.body)
            self._date(name, told)
            _rewrite(answer, told)
        return answer

    def _date(self, operation: str, told: dict[str, Any]) -> None:
        for mapping in (told, *told.get("EventSourceMappings", ())):
            if "UUID" in mapping:
                self._dated(operation in _CHANGES, str(mapping["UUID"]), mapping, "LastModified")
        table = told.get("Table") or told.get("TableDescription") or {}
        if table:
            name = str(table["TableName"])
            self._dated(operation == "CreateTable", name, table, "CreationDateTime")
            billing = table.get("BillingModeSummary") or {}
            self._dated(False, name, billing, "LastUpdateToPayPerRequestDateTime")

    def _dated(self, changes: bool, name: str, told: dict[str, Any], key: str) -> None:
        if changes:
            self._changed.pop(name, None)
            if self._clock.pinned:
                self._changed[name] = self._clock.now()
        if key in told and name in self._changed:
            told[key] = self._changed[name].timestamp()

    async def _events(self, call: Call) -> Answer:
        answer = await call.ask()
        asked = call.request.json()
        found = sorted(self._matching(asked), key=lambda each: -each["EventTime"])
        begin = int(asked.get("NextToken") or 0)
        body: dict[str, Any] = {"Events": found[begin : begin + _A_PAGE]}
        if begin + _A_PAGE < len(found):
            body["NextToken"] = str(begin + _A_PAGE)
        if answer.status < HTTPStatus.BAD_REQUEST:
            _rewrite(answer, body)
        return answer

    def _matching(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        wanted = {
            each["AttributeKey"]: each["AttributeValue"]
            for each in asked.get("LookupAttributes") or []
        }
        least, most = asked.get("StartTime", 0), asked.get("EndTime", float("inf"))
        for event in self._recorded:
            named = wanted.get("EventName", event["EventName"]) == event["EventName"]
            if named and least <= event["EventTime"] <= most:
                yield event


def _rewrite(answer: Answer, told: object) -> None:
    answer.body = json.dumps(told).encode()
    # DynamoDB's clients ask again when it does not fit.
    answer.headers = [
        (key, str(zlib.crc32(answer.body)) if key == "x-amz-crc32" else value)
        for key, value in answer.headers
    ]


def _instant(at: str) -> datetime:
    instant = datetime.fromisoformat(at)
    if instant.tzinfo is None:
        raise ValueError(f"{at} names no time zone")
    return instant.astimezone(UTC)
