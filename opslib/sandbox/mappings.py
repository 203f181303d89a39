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
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opslib.sandbox.calls import Emulator
from opslib.sandbox.emulator import state as inside
from opslib.sandbox.emulator.state import MappingRecord
from opslib.sandbox.lambda_invocations import LiveInvocations
from opslib.sandbox.mapped_shard import Listener, Shard, note
from opslib.sandbox.stream_delivery import BackOff, Delivery
from opslib.sandbox.waits import Waits

POLL_S = 0.1
SETTLES_S = 0.2
"""How long a mapping stays Creating, Enabling, Disabling or Updating at least."""

_STOP_S = 2.0


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
        invocations.listen(note)
        self._invocations: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        """Deliver until cancelled; what a function is doing then is ended."""
        inside.leave_streams_alone()
        try:
            while True:
                self._look()
                await asyncio.sleep(POLL_S)
        finally:
            for reader in self._readers.values():
                for task in reader.tasks.values():
                    task.cancel()
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

    def _look(self) -> None:
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
                self._read_on(mapping, reader)

    def _settle(self, mapping: MappingRecord, reader: _Reader | None) -> None:
        settled_at = self._settled_at.get(mapping.kept["UUID"], 0.0)
        disabling = not mapping.kept.get("Enabled", True) and reader and reader.busy
        if disabling or asyncio.get_running_loop().time() < settled_at:
            return
        mapping.kept["State"] = "Enabled" if mapping.kept.get("Enabled", True) else "Disabled"

    def _read_on(self, mapping: MappingRecord, reader: _Reader) -> None:
        shards = inside.shards(mapping.kept["EventSourceArn"])
        for shard_id in shards.names() if shards else ():
            task = reader.tasks.get(shard_id)
            if task is None:
                reader.places.setdefault(shard_id, "")
                task = asyncio.ensure_future(self._read(mapping, reader, shard_id))
                task.add_done_callback(_tell_if_it_broke)
                reader.tasks[shard_id] = task

    def _now(self) -> datetime:
        # By the wall's clock always: that is what the emulator stamps records with.
        skipped_s = self._waits.now_s() - time.monotonic()
        return datetime.now(UTC) + timedelta(seconds=skipped_s)

    async def _read(self, mapping: MappingRecord, reader: _Reader, shard_id: str) -> None:
        """Deliver one shard until cancelled."""
        shard = Shard(
            mapping=mapping,
            places=reader.places,
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


def is_stream(arn: str) -> bool:
    """Tell a stream's ARN from a queue's."""
    return arn.split(":")[2:3] in (["dynamodb"], ["kinesis"])


def _tell_if_it_broke(task: "asyncio.Future[None]") -> None:
    """Let the server's log have what broke a shard; the other shards go on."""
    if not task.cancelled() and task.exception():
        task.get_loop().call_exception_handler(
            {"message": "The delivery of a shard broke.", "exception": task.exception()}
        )
