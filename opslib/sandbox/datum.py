"""One value of one metric of what really happened, and where it belongs.

Holds the types only, and their names in CloudWatch. Must not know what happened.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

Dimensions = tuple[tuple[str, str], ...]


class Place(NamedTuple):
    """Whose metric, and where."""

    account: str
    region: str


class Metric(NamedTuple):
    """A metric as CloudWatch spells it."""

    namespace: str
    name: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Datum:
    """One value.

    Parameters
    ----------
    dimensions
        Name and value, in the order in which AWS lists them.
    at
        When it happened, by the wall's clock, tz-aware UTC.
    value
        In the metric's unit.
    """

    place: Place
    metric: Metric
    dimensions: Dimensions
    at: datetime
    value: float

    @property
    def minute(self) -> datetime:
        """The minute it belongs to."""
        return self.at.astimezone(UTC).replace(second=0, microsecond=0)
