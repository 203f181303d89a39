"""What time it is in the sandbox: the wall's, or one fixed instant.

In: nothing but the wall clock. Out: tz-aware UTC instants, and the ``Date`` header of HTTP answers.
A run's ``now`` is the ``Date`` header of an answer, so this clock is ``now`` for every client.
Must not know HTTP servers, the emulator, or scenarios.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from opslib.errors import BadInput

PINNED_AT = datetime(2026, 10, 14, 3, 7, 0, tzinfo=UTC)
"""The instant of a pinned clock unless another is named: tests and recorded notebooks live here."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The sandbox's clock.

    Parameters
    ----------
    pinned_at
        The instant at which time stands still, or None for a live clock (wall time).
    """

    pinned_at: datetime | None = None

    @property
    def pinned(self) -> bool:
        """Whether time stands still."""
        return self.pinned_at is not None

    def now(self) -> datetime:
        """Tell the sandbox's time, tz-aware UTC."""
        return self.pinned_at or datetime.now(UTC)

    def http_date(self) -> str:
        """Tell the sandbox's time as the ``Date`` header writes it, whole seconds."""
        return format_datetime(self.now(), usegmt=True)

    def spelled(self) -> str:
        """Spell the clock so that `of` reads it back: ``live``, or the instant in ISO 8601."""
        return self.pinned_at.isoformat() if self.pinned_at else "live"


def of(spelling: str | datetime) -> Clock:
    """Make a clock from ``live``, ``pinned``, or the instant at which it stands.

    Raises
    ------
    BadInput
        The text is none of these, or the instant carries no time zone.
    """
    if spelling == "live":
        return Clock()
    if spelling == "pinned":
        return Clock(pinned_at=PINNED_AT)
    instant = spelling
    if isinstance(instant, str):
        try:
            instant = datetime.fromisoformat(instant)
        except ValueError as error:
            raise BadInput(
                f"The sandbox's clock was not set: {spelling!r} is not an instant. "
                "Say live, pinned, or an ISO 8601 instant such as 2026-10-14T03:07:00Z.",
                clock=spelling,
            ) from error
    if instant.tzinfo is None:
        raise BadInput(
            f"The sandbox's clock was not set: {instant.isoformat()} names no time zone. "
            "Write it in UTC with a Z at the end.",
            clock=str(spelling),
        )
    try:
        return Clock(pinned_at=instant.astimezone(UTC))
    except OverflowError as error:
        raise BadInput(
            f"The sandbox's clock was not set: {spelling} lies outside of the years 1 to 9999.",
            clock=str(spelling),
        ) from error
