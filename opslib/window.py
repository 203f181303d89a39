"""The span of time a runbook looks at, and the only reader of the wall clock.

A Window is half-open, in UTC, and aligned to a period: what began at ``start`` is in, what began at
``end`` is not. Every query, metric and plot of a run uses one Window, so that their numbers can be
compared. In: what a person or a params file wrote (ISO 8601, ``now``, ``-3h``). Out: instants as
tz-aware UTC datetimes, epoch seconds, a title, and a bin width that gives about 36 points.

Must not know AWS. ``now`` is always given; only `wall_now` reads a clock.

Source
------
Bin units and their caps (at most 60 minutes, at most 24 hours): CloudWatch Logs Insights, ``bin``.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from opslib.errors import BadInput

#: The longest window: beyond it a percentile query reads a month of logs, which nobody meant.
LONGEST = timedelta(days=31)

_RELATIVE = re.compile(r"-(\d{1,6})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_POINTS = 36
_EXPECTED = "Write an ISO 8601 instant as 2026-10-14T03:07:00Z, or now, -90m, -3h, -2d."


@dataclass(frozen=True, slots=True)
class Bin:
    """The width of one point of a line.

    Parameters
    ----------
    seconds
        The width in seconds.
    text
        The same as Logs Insights writes it: ``bin(5m)`` takes ``5m``.
    """

    seconds: int
    text: str

    @property
    def width(self) -> timedelta:
        """The width as a timedelta, which pandas takes for ``floor`` and ``date_range``."""
        return timedelta(seconds=self.seconds)

    def __str__(self) -> str:
        return self.text


_BINS = (
    Bin(60, "1m"),
    Bin(120, "2m"),
    Bin(300, "5m"),
    Bin(600, "10m"),
    Bin(900, "15m"),
    Bin(1800, "30m"),
    Bin(3600, "1h"),
    Bin(7200, "2h"),
    Bin(10800, "3h"),
    Bin(21600, "6h"),
    Bin(43200, "12h"),
    Bin(86400, "1d"),
)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of UTC time, ``start`` in and ``end`` out, aligned to ``period_s`` seconds.

    Make one with `between`, which reads what people write and refuses what makes no sense.
    """

    start: datetime
    end: datetime
    period_s: int = 60

    @classmethod
    def between(
        cls, start: str | datetime, end: str | datetime, *, now: datetime, period_s: int = 60
    ) -> Self:
        """Read two ends as a person wrote them.

        Parameters
        ----------
        start, end
            ISO 8601 with a zone (``2026-10-14T00:07:00Z``), a tz-aware datetime, or relative to
            ``now``: ``now``, ``-90m``, ``-3h``, ``-2d``.
        now
            The instant of the run, tz-aware: the service's clock, not this machine's.
        period_s
            The alignment in seconds. ``start`` is floored to it and ``end`` ceiled, but never past
            the last whole period before ``now``: a period that is not over has not all its data.

        Raises
        ------
        BadInput
            An end that cannot be read or has no zone; an empty, reversed or future window; one
            longer than 31 days.
        """
        first = _floor(instant("start", start, now=now), period_s)
        last = instant("end", end, now=now)
        if last > _ceil(now, period_s):
            raise BadInput(
                f"No window was made: end is {_text(last)}, which lies in the future; "
                f"it is {_text(now)} now. Use end: now.",
                parameter="end",
            )
        last = min(_ceil(last, period_s), _floor(now, period_s))
        if first >= last:
            raise BadInput(
                f"No window was made: from {_text(first)} to {_text(last)} there is no whole "
                f"period of {period_s} s; it is {_text(now)} now. "
                "Start earlier, or swap start and end.",
                parameter="start",
            )
        if last - first > LONGEST:
            raise BadInput(
                f"No window was made: from {_text(first)} to {_text(last)} is "
                f"{_length(last - first)}, and 31 d is the longest. Look at a shorter span.",
                parameter="start",
            )
        return cls(first, last, period_s)

    def before(self, by: timedelta) -> "Window":
        """Return the window of the same length that lies ``by`` earlier, to compare with."""
        return Window(self.start - by, self.end - by, self.period_s)

    def split(self, at: datetime) -> tuple["Window", "Window"]:
        """Return the parts before and from an instant on, cut at the period that it falls in.

        Raises
        ------
        BadInput
            One of the parts would be empty.
        """
        cut = _floor(at, self.period_s)
        if not self.start < cut < self.end:
            raise BadInput(
                f"The window was not split: {_text(at)} leaves nothing on one side of {self.title}."
                " Look at a longer span.",
                parameter="at",
            )
        return Window(self.start, cut, self.period_s), Window(cut, self.end, self.period_s)

    @property
    def length(self) -> timedelta:
        """How long the window is."""
        return self.end - self.start

    @property
    def start_s(self) -> int:
        """The start in epoch seconds."""
        return int(self.start.timestamp())

    @property
    def end_s(self) -> int:
        """The end in epoch seconds, itself outside of the window."""
        return int(self.end.timestamp())

    @property
    def bin(self) -> Bin:
        """The narrowest handy width, at least a period, that gives no more than 36 points."""
        least_s = max(self.length.total_seconds() / _POINTS, self.period_s)
        return next((width for width in _BINS if width.seconds >= least_s), _BINS[-1])

    @property
    def title(self) -> str:
        """The window as people read it: ``2026-10-14 00:07–03:07 UTC (3 h)``."""
        clock = "%H:%M" if self.start.second == self.end.second == 0 else "%H:%M:%S"
        span = f"{self.start:%Y-%m-%d {clock}}–{self.end:{clock}}"
        if self.start.date() != self.end.date():
            span = f"{self.start:%Y-%m-%d {clock}} – {self.end:%Y-%m-%d {clock}}"
        return f"{span} UTC ({_length(self.length)})"

    def as_dict(self) -> dict[str, str]:
        """Return the two ends as ISO 8601 text, as result.json holds them."""
        return {"start": _text(self.start), "end": _text(self.end)}

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def __str__(self) -> str:
        return self.title


def wall_now() -> datetime:
    """Return this machine's time, tz-aware UTC. Nothing else in opslib reads a clock."""
    return datetime.now(UTC)


def iso(at: datetime) -> str:
    """Return an instant as ISO 8601 in UTC with a ``Z``; fractions only where there are any."""
    return _text(at)


def instant(name: str, value: object, *, now: datetime) -> datetime:
    """Read one instant as people write it: ISO 8601 with a zone, or ``now``, ``-90m``, ``-3h``.

    Parameters
    ----------
    name
        What it is called, for the error.

    Raises
    ------
    BadInput
        When it cannot be read or has no zone.
    """
    if isinstance(value, str):
        text = value.strip()
        if text == "now":
            return now.astimezone(UTC)
        relative = _RELATIVE.fullmatch(text)
        if relative:
            return now.astimezone(UTC) - int(relative[1]) * _UNITS[relative[2]]
        try:
            value = datetime.fromisoformat(text)
        except ValueError as error:
            raise BadInput(
                f"No window was made: {name} is {text!r}, which is not an instant. {_EXPECTED}",
                parameter=name,
            ) from error
    if not isinstance(value, datetime):
        raise BadInput(
            f"No window was made: {name} is a {type(value).__name__}, not an instant. {_EXPECTED}",
            parameter=name,
        )
    if value.tzinfo is None:
        raise BadInput(
            f"No window was made: {name} is {value.isoformat()}, which has no time zone; "
            f"add Z if it is UTC: {value.isoformat()}Z.",
            parameter=name,
        )
    return value.astimezone(UTC)


def _floor(at: datetime, period_s: int) -> datetime:
    whole_s = int(at.timestamp()) // period_s * period_s
    return datetime.fromtimestamp(whole_s, UTC)


def _ceil(at: datetime, period_s: int) -> datetime:
    down = _floor(at, period_s)
    return down if down == at else down + timedelta(seconds=period_s)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _length(length: timedelta) -> str:
    rest_s = int(length.total_seconds())
    parts = []
    for unit_s, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest_s = divmod(rest_s, unit_s)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts)
