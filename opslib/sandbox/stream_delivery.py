"""One batch of a shard on its way through a function: retries, halves, and when to give up.

In: a batch, and what its mapping says about failures. Out: an end for every record, in order: done,
or given up. Must not know the emulator, a stream, or a function but through what it is given.

Source: AWS Lambda Developer Guide, "Retain discarded records for a DynamoDB event source" (and the
Kinesis chapter, which says the same): an error before the invocation is retried until the records
expire or are too old; an error of the function until then or until ``MaximumRetryAttempts``;
"splitting batches doesn't consume the retry quota". "Configuring partial batch response": the
lowest reported record is the checkpoint, and everything from there on is tried again; no list, or
an empty one, is success; an identifier that is empty, null or of no record fails the whole batch.
With bisecting, the batch is split at the reported record.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opslib.sandbox.stream_pointer import Condition, GivenUp, Invoked, Record


@dataclass(frozen=True, kw_only=True)
class BackOff:
    """How long to wait before each retry.

    Lambda's own grows exponentially too, but over seconds and minutes, which are not documented.

    Parameters
    ----------
    first_s
        Before the first retry, seconds.
    longest_s
        The wait doubles up to this, seconds.
    """

    first_s: float = 0.1
    longest_s: float = 2.0

    def wait_s(self, failures: int) -> float:
        """Say how long to wait after so many failures in a row."""
        doubled: float = self.first_s * 2 ** min(failures - 1, 30)
        return min(self.longest_s, doubled)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a mapping says about failures.

    Parameters
    ----------
    retries
        ``MaximumRetryAttempts``; None for no end.
    bisects
        ``BisectBatchOnFunctionError``.
    oldest
        The younger of ``MaximumRecordAgeInSeconds`` and the stream's retention.
    reports_items
        Whether the function reports what failed (``ReportBatchItemFailures``).
    """

    retries: int | None
    bisects: bool
    oldest: timedelta
    reports_items: bool


@dataclass(frozen=True, kw_only=True)
class Ran:
    """The function was invoked; ``payload`` is what it returned."""

    invoked: Invoked
    payload: Any


@dataclass(frozen=True, kw_only=True)
class NotInvoked:
    """It was not: throttled, missing, not permitted."""

    reason: str


Outcome = Ran | NotInvoked


@dataclass(kw_only=True)
class _Part:
    """Records that are tried together."""

    records: Sequence[Record]
    retried: int = 0
    refused: int = 0
    invocations: int = 0
    invoked: Invoked | None = None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Delivers batches of one shard.

    Parameters
    ----------
    policy
        Asked before each attempt, so that a change of the mapping holds at once; None once it
        delivers no more.
    invoke
        Invoke the function with records.
    give_up
        Tell of records that will not be tried again.
    done
        Told the last record that needs no further attempt: the checkpoint.
    now, sleep
        The time.
    """

    policy: Callable[[], Policy | None]
    invoke: Callable[[Sequence[Record]], Awaitable[Outcome]]
    give_up: Callable[[GivenUp], Awaitable[None]]
    done: Callable[[Record], None]
    now: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]
    back_off: BackOff = field(default_factory=BackOff)

    async def deliver(self, records: Sequence[Record]) -> bool:
        """Bring a batch to its end; False when the mapping stopped before that."""
        pending = [_Part(records=records)]
        while pending:
            policy = self.policy()
            if policy is None:
                return False
            part = await self._young(pending.pop(0), policy)
            if not part.records:
                continue
            outcome = await self.invoke(part.records)
            if isinstance(outcome, NotInvoked):
                part.refused += 1
                pending.insert(0, part)
                await self.sleep(self.back_off.wait_s(part.refused))
                continue
            part.refused = 0
            part.invocations += 1
            part.invoked = outcome.invoked
            pending[:0] = await self._after(part, _first_failed(part, outcome, policy), policy)
        return True

    async def _young(self, part: _Part, policy: Policy) -> _Part:
        """Give up the records that have become too old."""
        limit = self.now() - policy.oldest
        count = 0
        while count < len(part.records) and part.records[count].arrived_at < limit:
            count += 1
        if count:
            await self._discard(part, part.records[:count], Condition.AGE)
            part.records = part.records[count:]
        return part

    async def _after(self, part: _Part, failed: int | None, policy: Policy) -> list[_Part]:
        """Say what is left to try of a part whose first failed record is that."""
        if failed is None:
            self.done(part.records[-1])
            return []
        if failed:
            self.done(part.records[failed - 1])
            part.records = part.records[failed:]
            if policy.bisects:
                return [part]
        elif policy.bisects and len(part.records) > 1:
            middle = len(part.records) // 2
            halves = part.records[:middle], part.records[middle:]
            return [_Part(records=half, retried=part.retried) for half in halves]
        if policy.retries is not None and part.retried >= policy.retries:
            await self._discard(part, part.records, Condition.RETRIES)
            return []
        part.retried += 1
        await self.sleep(self.back_off.wait_s(part.retried))
        return [part]

    async def _discard(self, part: _Part, records: Sequence[Record], condition: Condition) -> None:
        await self.give_up(
            GivenUp(
                records=records,
                condition=condition,
                invocations=part.invocations,
                invoked=part.invoked,
            )
        )
        self.done(records[-1])


def _first_failed(part: _Part, outcome: Ran, policy: Policy) -> int | None:
    """Count the records before the first that failed; None when none did."""
    if outcome.invoked.function_error:
        return 0
    if not policy.reports_items:
        return None
    payload = outcome.payload
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return None
    reported = payload.get("batchItemFailures") if isinstance(payload, dict) else None
    if not reported:
        return None
    places = {record.sequence_number: at for at, record in enumerate(part.records)}
    found = [
        places.get(str(item.get("itemIdentifier")) if isinstance(item, dict) else "")
        for item in (reported if isinstance(reported, list) else [None])
    ]
    known = [at for at in found if at is not None]
    # One identifier that is of no record fails the whole batch.
    return min(known) if len(known) == len(found) else 0
