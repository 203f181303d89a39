"""One shard of one mapping: what its delivery needs of the world.

In: the mapping as the emulator keeps it, and how far it has come. Out: batches of records, an
invocation of the function, a pointer message to its destination, ``LastProcessingResult``. Must not
know when something is retried or given up, or which other shards there are.

Source: "OK" and "PROBLEM: Function call failed" are what ``LastProcessingResult`` is seen to say.
"""

import asyncio
import json
import uuid
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from opslib.sandbox import stream_pointer
from opslib.sandbox.calls import Emulator
from opslib.sandbox.datum import Place
from opslib.sandbox.emulator import state as inside
from opslib.sandbox.emulator.state import MappingRecord
from opslib.sandbox.lambda_invocations import LiveInvocation
from opslib.sandbox.live_metrics import Delivered, Pointed
from opslib.sandbox.operations import Refused
from opslib.sandbox.stream_delivery import NotInvoked, Outcome, Policy, Ran
from opslib.sandbox.stream_pointer import GivenUp, Invoked, Record
from opslib.sandbox.wire import Request

_ARN_PARTS = 6
_RESULT_OK = "OK"
_RESULT_FAILED = "PROBLEM: Function call failed"
# The request id of the invocation that this context waits for, once it is known.
_followed: ContextVar[list[str] | None] = ContextVar("opslib_followed", default=None)

Listener = Callable[[Delivered | Pointed], None]


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One shard of one mapping: what its delivery needs of the world."""

    mapping: MappingRecord
    places: dict[str, str]
    shard_id: str
    emulator: Emulator
    listener: Listener
    now: Callable[[], datetime]
    invocations: "set[asyncio.Task[Any]]"

    @property
    def _function(self) -> str:
        return str(self.mapping.kept["FunctionName"])

    @property
    def _place(self) -> Place:
        return Place(self.mapping.account, self.mapping.region)

    def next_batch(self) -> list[Record]:
        """Read the next records, as many as a batch takes; none while the mapping is disabled."""
        kept = self.mapping.kept
        shards = inside.shards(kept["EventSourceArn"])
        if shards is None or not kept.get("Enabled", True):
            return []
        place = self.places[self.shard_id]
        return shards.after(self.shard_id, place, limit=int(kept["BatchSize"]))

    def policy(self) -> Policy | None:
        """Read what the mapping says now."""
        kept = self.mapping.kept
        shards = inside.shards(kept["EventSourceArn"])
        if shards is None or not kept.get("Enabled", True):
            return None
        retries = int(kept.get("MaximumRetryAttempts", -1))
        age_s = int(kept.get("MaximumRecordAgeInSeconds", -1))
        oldest = timedelta(seconds=age_s) if age_s >= 0 else shards.retention
        return Policy(
            retries=retries if retries >= 0 else None,
            bisects=bool(kept.get("BisectBatchOnFunctionError", False)),
            oldest=min(oldest, shards.retention),
            reports_items="ReportBatchItemFailures" in (kept.get("FunctionResponseTypes") or ()),
        )

    def done(self, record: Record) -> None:
        """Move on behind a record."""
        self.places[self.shard_id] = record.sequence_number

    async def invoke(self, records: Sequence[Record]) -> Outcome:
        """Invoke the function with records."""
        now = self.now()
        self.listener(
            Delivered(
                place=self._place,
                function=self._function,
                qualifier=self.mapping.kept.get("Qualifier"),
                stream_arn=self.mapping.kept["EventSourceArn"],
                at=datetime.now(UTC),
                iterator_age=max(timedelta(0), now - records[-1].arrived_at),
            )
        )
        # Shielded, for the emulator holds a cancelled caller until its function has ended.
        invocation = asyncio.ensure_future(self._ask([record.event for record in records]))
        self.invocations.add(invocation)
        invocation.add_done_callback(self.invocations.discard)
        outcome = await asyncio.shield(invocation)
        well = isinstance(outcome, Ran) and not outcome.invoked.function_error
        self.mapping.kept["LastProcessingResult"] = _RESULT_OK if well else _RESULT_FAILED
        return outcome

    async def give_up(self, given_up: GivenUp) -> None:
        """Send the pointer message, if the mapping has a destination."""
        kept = self.mapping.kept
        on_failure = (kept.get("DestinationConfig") or {}).get("OnFailure") or {}
        destination = on_failure.get("Destination")
        if not destination:
            return
        message = stream_pointer.message(
            given_up,
            function_arn=kept["FunctionArn"],
            stream_arn=kept["EventSourceArn"],
            shard_id=self.shard_id,
            request_id=str(uuid.uuid4()),
            at=self.now(),
        )
        self.listener(
            Pointed(
                place=self._place,
                function=self._function,
                destination=destination,
                sent=await self._sent(destination, message),
                at=datetime.now(UTC),
            )
        )

    async def _ask(self, events: list[dict[str, Any]]) -> Outcome:
        account, region = self.mapping.account, self.mapping.region
        qualifier = self.mapping.kept.get("Qualifier")
        # This runs in a task of its own, so nobody else's context is touched.
        followed: list[str] = []
        _followed.set(followed)
        answer = await self.emulator.ask(
            Request(
                method="POST",
                path=f"/2015-03-31/functions/{quote(self._function)}/invocations",
                query={"Qualifier": qualifier} if qualifier else {},
                headers={
                    "host": "127.0.0.1",
                    "content-type": "application/json",
                    "authorization": self.emulator.authorization(
                        "lambda", account=account, region=region
                    ),
                },
                body=json.dumps({"Records": events}).encode(),
            )
        )
        if answer.status != HTTPStatus.OK:
            return NotInvoked(reason=answer.header("x-amzn-errortype") or str(answer.status))
        return Ran(
            invoked=Invoked(
                request_id=followed[-1] if followed else answer.header("x-amzn-requestid"),
                executed_version=answer.header("x-amz-executed-version"),
                function_error=answer.header("x-amz-function-error") or None,
            ),
            payload=_decoded(answer.body),
        )

    async def _sent(self, destination: str, message: str) -> bool:
        """Send a message to a queue or a topic; say whether it arrived."""
        parts = destination.split(":", 5)
        service = parts[2] if len(parts) == _ARN_PARTS else ""
        if service not in ("sqs", "sns"):
            return False
        _, _, _, region, account, name = parts
        if service == "sqs":
            of = {"account": account, "region": region}
            try:
                url = await self.emulator.call("sqs", "GetQueueUrl", {"QueueName": name}, **of)
                body = {"QueueUrl": url["QueueUrl"], "MessageBody": message}
                await self.emulator.call("sqs", "SendMessage", body, **of)
            except Refused:
                return False
            return True
        form = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": destination}
        answer = await self.emulator.ask(
            Request(
                method="POST",
                path="/",
                query={},
                headers={
                    "host": "127.0.0.1",
                    "content-type": "application/x-www-form-urlencoded",
                    "authorization": self.emulator.authorization(
                        "sns", account=account, region=region
                    ),
                },
                body=urlencode({**form, "Message": message}).encode(),
            )
        )
        return answer.status == HTTPStatus.OK


def note(invocation: LiveInvocation) -> None:
    """Hand the request id to whoever waits; invocations run in a copy of its context."""
    followed = _followed.get()
    if followed is not None:
        followed.append(invocation.request_id)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
