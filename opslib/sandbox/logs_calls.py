"""The calls of CloudWatch Logs that are answered here.

In: a `Call` of service ``logs``. Out: its answer, or None for the emulator's own. Each account and
region has its own queries and definitions. Must not know how a call is answered.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from opslib.sandbox.calls import Call
from opslib.sandbox.clock import Clock
from opslib.sandbox.emulator import state
from opslib.sandbox.faults import QUERY_EXECUTION, Faults
from opslib.sandbox.logs.definitions import Definitions
from opslib.sandbox.logs.filtering import filter_log_events
from opslib.sandbox.logs.groups import Store
from opslib.sandbox.logs.held import HeldGroups
from opslib.sandbox.logs.merged import Merged
from opslib.sandbox.logs.putting import accepted
from opslib.sandbox.logs.queries import Delay, Queries, Quota
from opslib.sandbox.logs.records import get_log_group_fields, get_log_record
from opslib.sandbox.logs.refusals import invalid
from opslib.sandbox.wire import Answer, json_answer

Body = dict[str, Any]
"""A decoded request or answer."""


class LogsCalls:
    """Answers Logs Insights and FilterLogEvents, and holds PutLogEvents to its rules.

    Parameters
    ----------
    clock
        Dates queries, and says which events are too old.
    faults
        May hinder the evaluation of a query.
    quota
        How many queries may be under way.
    """

    def __init__(self, *, clock: Clock, faults: Faults, quota: Quota) -> None:
        self._clock = clock
        self._faults = faults
        self._quota = quota
        self._queries: dict[tuple[str, str], Queries] = {}
        self._tables: dict[tuple[str, str], Mapping[str, Callable[[Body], Body]]] = {}

    async def answer(self, call: Call) -> Answer | None:
        """Answer what the emulator cannot, or not as AWS does."""
        body = call.request.json()
        if not isinstance(body, dict):
            raise invalid("The body is no JSON object.")
        place = (call.account, call.region)
        if place not in self._tables:
            self._open(*place)
        name = call.operation.name
        if name == "PutLogEvents":
            return await self._put_log_events(call)
        if name == "GetQueryResults":
            payload, rows = await self._queries[place].page_of(body)
            answer = json_answer(payload, version=call.operation.version)
            answer.body = b"".join(
                [answer.body[:-1], b', "results": [', ", ".join(rows).encode(), b"]}"]
            )
            return answer
        if name in self._tables[place]:
            payload = self._tables[place][name](body)
            return json_answer(payload, version=call.operation.version)
        return None

    def _open(self, account: str, region: str) -> None:
        """Begin to keep queries and definitions for an account in a region."""
        lists = partial(state.log_lists, account=account, region=region)
        events = partial(state.log_events, account=account, region=region)
        merged = Merged(
            lists=lists,
            event=lambda kept, stream, group: state.log_event(
                kept, stream=stream, log=f"{account}:{group}"
            ),
        )
        store = Store(
            account=account,
            region=region,
            names=partial(state.log_groups, account=account, region=region),
            events=events,
            streams=partial(state.log_streams, account=account, region=region),
            merged=merged.events,
            held=HeldGroups(lists=lists, events=events).of,
        )
        queries = Queries(clock=self._clock, store=store, quota=self._quota)
        definitions = Definitions(clock=self._clock)
        self._queries[account, region] = queries
        self._tables[account, region] = {
            "StartQuery": partial(queries.start, delay=self._delay),
            "StopQuery": queries.stop,
            "DescribeQueries": queries.describe,
            "PutQueryDefinition": definitions.put,
            "DescribeQueryDefinitions": definitions.describe,
            "DeleteQueryDefinition": definitions.delete,
            "FilterLogEvents": partial(filter_log_events, store=store),
            "GetLogRecord": partial(get_log_record, store=store),
            "GetLogGroupFields": partial(get_log_group_fields, store=store, clock=self._clock),
        }

    async def _put_log_events(self, call: Call) -> Answer:
        now_ms = round(self._clock.now().timestamp() * 1000)
        body, rejected = accepted(call.request.json(), now_ms=now_ms)
        answer = await call.ask(body=body)
        if rejected and answer.status == HTTPStatus.OK:
            told = json.loads(answer.body) | {"rejectedLogEventsInfo": rejected}
            answer.body = json.dumps(told).encode()
        return answer

    def _delay(self) -> Delay:
        fault = self._faults.take(QUERY_EXECUTION)
        return Delay(latency_ms=fault.latency_ms, status=fault.code) if fault else Delay()
