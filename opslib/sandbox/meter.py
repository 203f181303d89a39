"""Keeps live datapoints in the sandbox's own CloudWatch, as PutMetricData takes them.

In: `Datum`, from any thread, at any time. Out: the emulator's metrics, and so its alarms. What came
in is written a moment later, together, or when it is asked for. Must not know what the values mean.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol

from opslib.sandbox.datum import Datum, Dimensions, Metric, Place

_MOMENT_S = 0.5
# PutMetricData takes at most so many values in an entry, and entries in a call.
_VALUES = 150
_ENTRIES = 1000


class Kept(Protocol):
    """Where datapoints are kept: the emulator, or whoever takes its calls."""

    async def call(
        self,
        service: str,
        name: str,
        body: object,
        *,
        account: str | None = None,
        region: str | None = None,
    ) -> dict[str, Any]:
        """Call an operation of a service."""


class Meter:
    """Takes datapoints in, and writes them."""

    def __init__(self, emulator: Kept) -> None:
        self._emulator = emulator
        # Its ends are safe to use from several threads.
        self._taken: deque[Datum] = deque()

    def take(self, data: Iterable[Datum]) -> None:
        """Take datapoints, on any thread."""
        self._taken.extend(data)

    async def run(self) -> None:
        """Write every moment until cancelled."""
        while True:
            await self.write()
            await asyncio.sleep(_MOMENT_S)

    async def write(self) -> None:
        """Write what has come in until now."""
        by_place: dict[tuple[Place, str], list[Datum]] = defaultdict(list)
        for _ in range(len(self._taken)):
            datum = self._taken.popleft()
            by_place[datum.place, datum.metric.namespace].append(datum)
        for (place, namespace), data in by_place.items():
            entries = list(_entries(data))
            for first in range(0, len(entries), _ENTRIES):
                body = {"Namespace": namespace, "MetricData": entries[first : first + _ENTRIES]}
                await self._emulator.call(
                    "cloudwatch", "PutMetricData", body, account=place.account, region=place.region
                )


def _entries(data: Iterable[Datum]) -> Iterator[dict[str, Any]]:
    """Make one entry for each metric and minute, every value kept."""
    values: dict[tuple[Metric, Dimensions, datetime], Counter[float]] = defaultdict(Counter)
    for datum in data:
        values[datum.metric, datum.dimensions, datum.minute][datum.value] += 1
    for (metric, dimensions, minute), counted in values.items():
        pairs = list(counted.items())
        for first in range(0, len(pairs), _VALUES):
            part = pairs[first : first + _VALUES]
            yield {
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
                "Timestamp": minute.timestamp(),
                "Unit": metric.unit,
                "Values": [value for value, _ in part],
                "Counts": [float(count) for _, count in part],
            }
