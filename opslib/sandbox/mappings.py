"""Delivery of table streams and Kinesis streams to functions, as their mappings say.

In: the mappings that the emulator keeps, and the records of its streams. Out: invocations, pointer
messages for what was given up, each mapping's ``State`` and ``LastProcessingResult``. The
emulator's own delivery of streams is switched off, since it retries for ever whatever a mapping
says; queues stay its own. Each shard is read by a task of its own, in order; its place survives a
disabled mapping and is lost with a deleted one.

Not waited for: ``MaximumBatchingWindowInSeconds`` (a batch goes as soon as there is a record).
Not done: ``ParallelizationFactor`` above 1, tumbling windows, S3 as destination; two adjacent
records that are given up are told of in two messages, where Lambda may tell of them in one.

Source: AWS Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB" and "... Kinesis":
polling four times a second, or once, which is quicker here; botocore,
EventSourceMappingConfiguration (the states). "No records processed", "OK" and "PROBLEM: Function
call failed" are what ``LastProcessingResult`` is seen to say.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from opslib.sandbox import emulator as inside
from opslib.sandbox import stream_pointer
from opslib.sandbox.calls import Emulator
from opslib.sandbox.datum import Place
from opslib.sandbox.emulator import MappingRecord
from opslib.sandbox.lambda_invocations import LiveInvocation, LiveInvocations
from opslib.sandbox.live_metrics import Delivered, Pointed
from opslib.sandbox.operations import Refused
from opslib.sandbox.stream_delivery import BackOff, Delivery, NotInvoked, Outcome, Policy, Ran
from opslib.sandbox.stream_pointer import GivenUp, Invoked, Record
from opslib.sandbox.waits import Waits
from opslib.sandbox.wire import Request

POLL_S = 0.1
SETTLES_S = 0.2
"""How long a mapping stays Creating, Enabling, Disabling or Updating at least."""

_STOP_S = 2.0
# The request id of the invocation that this context waits for, once it is known.
_followed: ContextVar[list[str] | None] = ContextVar("opslib_followed", default=None)

_RESULT_OK = "OK"
_RESULT_FAILED = "PROBLEM: Function call failed"


Listener = Callable[[Delivered | Pointed], None]


@dataclass(kw_only=True)
class _Reader:
    """How far a mapping has come, by shard; and the tasks that read on."""

    places: dict[str, str]
    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)


class Mappings:
    """Every stream mapping of the emulator, delivered.

    Parameters
    ----------
    emulator
        Invokes functions and takes the messages.
    invocations
        Tells the request id of each.
    listener
        Told of each delivery.
    waits
        Time that is let pass by order makes records older.
    back_off
        The waits before retries.
    """

    def __init__(
        self,
        emulator: Emulator,
        *,
        invocations: LiveInvocations,
        listener: Listener,
        waits: Waits,
        back_off: BackOff | None = None,
    ) -> None:
        self._emulator = emulator
        self._listener = listener
        self._waits = waits
        self._back_off = back_off or BackOff()
        self._readers: dict[str, _Reader] = {}
        self._settled_at: dict[str, float] = {}
        invocations.listen(_note)
        self._invocations: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        """Deliver until cancelled; what a function is doing then is ended."""
        inside.leave_streams_alone()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._look(group)
                    await asyncio.sleep(POLL_S)
        finally:
            if self._invocations:
                # Otherwise a stop would wait as long as the function takes, and what it logs
                # after a reset would be there before anything else.
                inside.stop_workers()
                await asyncio.wait(self._invocations, timeout=_STOP_S)

    def anchor(self, mapping: MappingRecord, *, since: datetime | None = None) -> None:
        """Fix where a mapping begins to read, unless that is known.

        Parameters
        ----------
        since
            ``StartingPositionTimestamp``, for ``AT_TIMESTAMP``.
        """
        kept = mapping.kept
        shards = inside.shards(kept["EventSourceArn"])
        if kept["UUID"] in self._readers or shards is None:
            return
        position = kept.get("StartingPosition")
        places = {}
        for name in shards.names():
            places[name] = shards.last(name) if position == "LATEST" else ""
            if since:
                places[name] = shards.last_before(name, since)
        self._readers[kept["UUID"]] = _Reader(places=places)

    def settle_later(self, mapping: MappingRecord, state: str) -> None:
        """Let a mapping be in a passing state for a moment."""
        mapping.kept["State"] = state
        self._settled_at[mapping.kept["UUID"]] = asyncio.get_running_loop().time() + SETTLES_S

    def _look(self, group: asyncio.TaskGroup) -> None:
        """Begin to read what is new, forget what is gone, settle what has changed."""
        found = {mapping.kept["UUID"]: mapping for mapping in inside.mappings()}
        for gone in self._readers.keys() - found.keys():
            for task in self._readers.pop(gone).tasks.values():
                task.cancel()
            self._settled_at.pop(gone, None)
        for name, mapping in found.items():
            if is_stream(mapping.kept["EventSourceArn"]):
                self.anchor(mapping)
            reader = self._readers.get(name)
            self._settle(mapping, reader)
            if reader:
                self._read_on(mapping, reader, group)

    def _settle(self, mapping: MappingRecord, reader: _Reader | None) -> None:
        settled_at = self._settled_at.get(mapping.kept["UUID"], 0.0)
        disabling = not mapping.kept.get("Enabled", True) and reader and reader.busy
        if disabling or asyncio.get_running_loop().time() < settled_at:
            return
        mapping.kept["State"] = "Enabled" if mapping.kept.get("Enabled", True) else "Disabled"

    def _read_on(self, mapping: MappingRecord, reader: _Reader, group: asyncio.TaskGroup) -> None:
        shards = inside.shards(mapping.kept["EventSourceArn"])
        for shard_id in shards.names() if shards else ():
            task = reader.tasks.get(shard_id)
            if task is None:
                reader.places.setdefault(shard_id, "")
                reading = self._read(mapping, reader, shard_id)
                reader.tasks[shard_id] = group.create_task(reading)

    def _now(self) -> datetime:
        # By the wall's clock always: that is what the emulator stamps records with.
        skipped_s = self._waits.now_s() - time.monotonic()
        return datetime.now(UTC) + timedelta(seconds=skipped_s)

    async def _read(self, mapping: MappingRecord, reader: _Reader, shard_id: str) -> None:
        """Deliver one shard until cancelled."""
        shard = _Shard(
            mapping=mapping,
            reader=reader,
            shard_id=shard_id,
            emulator=self._emulator,
            listener=self._listener,
            now=self._now,
            invocations=self._invocations,
        )
        delivery = Delivery(
            policy=shard.policy,
            invoke=shard.invoke,
            give_up=shard.give_up,
            done=shard.done,
            now=self._now,
            sleep=asyncio.sleep,
            back_off=self._back_off,
        )
        while True:
            records = shard.next_batch()
            if not records:
                await asyncio.sleep(POLL_S)
                continue
            reader.busy.add(shard_id)
            wanted = inside.filtered(records, mapping)
            whole = not wanted or await delivery.deliver(wanted)
            reader.busy.discard(shard_id)
            if whole:
                # What the filter left out behind the last record is done with too.
                shard.done(records[-1])
            else:
                await asyncio.sleep(POLL_S)


@dataclass(frozen=True, kw_only=True)
class _Shard:
    """One shard of one mapping: what its delivery needs of the world."""

    mapping: MappingRecord
    reader: _Reader
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
        place = self.reader.places[self.shard_id]
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
        self.reader.places[self.shard_id] = record.sequence_number

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
        _, _, service, region, account, name = destination.split(":", 5)
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
        return service == "sns" and answer.status == HTTPStatus.OK


def is_stream(arn: str) -> bool:
    """Tell a stream's ARN from a queue's."""
    return arn.split(":")[2:3] in (["dynamodb"], ["kinesis"])


def _note(invocation: LiveInvocation) -> None:
    """Hand the request id to whoever waits; invocations run in a copy of its context."""
    followed = _followed.get()
    if followed is not None:
        followed.append(invocation.request_id)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
