"""Tells of queues as they stand, once a minute and whenever one changes.

In: the queues, looked at every second. Out: their gauges. SQS tells once a minute; a queue that
changed within the minute is told of again, so that a person need not wait. The age of the oldest
message of a dead-letter queue counts from when it was moved there. Must not know how gauges are
kept.

Source: Amazon SQS Developer Guide, "Available CloudWatch metrics" (ApproximateAgeOfOldestMessage).
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from opslib.sandbox.datum import Datum
from opslib.sandbox.live_metrics import QueueState, of_state

_LOOK_S = 1.0


class Ticker:
    """Looks at the queues.

    Parameters
    ----------
    look
        Tell how every queue stands.
    take
        Take the gauges.
    """

    def __init__(
        self,
        *,
        look: Callable[[], Iterable[QueueState]],
        take: Callable[[Iterable[Datum]], None],
    ) -> None:
        self._look = look
        self._take = take
        self._told: dict[object, tuple[QueueState, datetime]] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.tick(datetime.now(UTC))
            await asyncio.sleep(_LOOK_S)

    def tick(self, at: datetime) -> None:
        """Look once, at that instant."""
        minute = at.replace(second=0, microsecond=0)
        told: dict[object, tuple[QueueState, datetime]] = {}
        for state in self._look():
            key = (state.place, state.queue)
            # An age that only grows is no change.
            now = (replace(state, oldest_age_s=0.0), minute)
            told[key] = now
            if self._told.get(key) != now:
                self._take(of_state(state, at=at))
        self._told = told
