"""The span of time a runbook looks at, and the only reader of the wall clock.

A Window is half-open, in UTC, and aligned to a period: what began at ``start`` is in, what began at
``end`` is not. Every query, metric and plot of a run uses one Window, so that their numbers can be
compared. In: what a person or a params file wrote (ISO 8601, ``now``, ``-3h``). Out: instants as
tz-aware UTC datetimes, epoch seconds, a title, and a bin width that gives about 36 points.

Must not know AWS. ``now`` is always given; only `wall_now` reads a clock.

Source
------
Bin units and their caps (at most 60 minutes, at most 24 hours): CloudWatch Logs Insights, ``bin``.
Metrics are kept for 455 days (GetMetricData, data points of an hour); log events for 3653 days at
most, unless for ever (PutRetentionPolicy).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self, cast

from opslib.errors import BadInput

#: The longest window: beyond it a percentile query reads a month of logs, which nobody meant.
LONGEST = timedelta(days=31)
#: How far back there are metrics, which whatever the logs say is held against.
OLDEST = timedelta(days=455)
#: No clock is as far from this machine's, not even that of a sandbox which stands still.
FARTHEST = timedelta(days=3653)
# What this machine's clock and a service's may differ by, in minutes.
_SKEW = 15

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
            longer than 31 days, or that starts more than 455 days ago.
        """
        begins, last = instant("start", start, now=now), instant("end", end, now=now)
        first = _floor(begins, period_s)
        if last > _ceil(now, period_s):
            raise BadInput(
                f"No window was made: end is {_text(last)}, which lies in the future; "
                f"it is {_text(now)} now. Use end: now.",
                parameter="end",
            )
        if begins < last:
            last = min(_ceil(last, period_s), _floor(now, period_s))
            begins = first
        if begins >= last:
            raise BadInput(
                f"No window was made: from {_text(begins)} to {_text(last)} there is no whole "
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
        if now - first > OLDEST:
            raise BadInput(
                f"No window was made: start is {_text(first)}, {_length(now - first)} ago, and "
                f"CloudWatch keeps metrics for {OLDEST.days} d. Start at "
                f"{_text(_ceil(now - OLDEST, period_s))} or later.",
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


def require_possible(start: object, end: object, *, wall: datetime, known: bool) -> None:
    """Refuse two ends of which no window can be made, before the service's own clock is known.

    Parameters
    ----------
    start, end
        As `Window.between` takes them.
    wall
        This machine's time, tz-aware.
    known
        Whether the service's clock is about this machine's. A sandbox's may stand anywhere within
        `FARTHEST`, so of that less can be said.

    Raises
    ------
    BadInput
        As `Window.between`, if it would refuse whatever the service's clock says.
    """
    # A message that names microseconds is not read.
    wall = _floor(wall, 1)
    ends = {"start": start, "end": end}
    read = {name: instant(name, value, now=wall) for name, value in ends.items()}
    for name, at in read.items():
        require_near(f"No window was made: {name}", at, wall=wall)
    relative = [isinstance(value, str) and _is_relative(value) for value in ends.values()]
    nows = [wall, *(wall + timedelta(minutes=off) for off in range(-_SKEW, _SKEW + 1) if off)]
    if not known and any(relative) and not all(relative):
        return
    if not known and not any(relative):
        nows = [read["end"] + timedelta(days=1)]
    refused = []
    for now in nows:
        try:
            Window.between(cast("str", start), cast("str", end), now=now)
        except BadInput as error:
            refused.append(error)
    if len(refused) == len(nows):
        raise refused[0]


def require_near(said: str, at: datetime, *, wall: datetime) -> None:
    """Refuse an instant that is further from now than anything lies: a year that was mistyped.

    Parameters
    ----------
    said
        What was not done, and the name of the instant: ``Query not run: --start``.
    """
    if abs(at - wall) > FARTHEST:
        where = "in the future" if at > wall else "in the past"
        raise BadInput(
            f"{said} is {_text(at)}, more than 10 years {where}; it is {_text(_floor(wall, 1))} "
            "now. Name one at most 10 years from that."
        )


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
    try:
        return _instant(name, value, now=now)
    except OverflowError as error:
        raise BadInput(
            f"No window was made: {name} is {value!s}, which lies outside of the years 1 to 9999. "
            f"{_EXPECTED}",
            parameter=name,
        ) from error


def _is_relative(text: str) -> bool:
    return text.strip() == "now" or _RELATIVE.fullmatch(text.strip()) is not None


def _instant(name: str, value: object, *, now: datetime) -> datetime:
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
