"""Bins of time: the instant a span begins at, in UTC.

Source
------
CloudWatch Logs User Guide, CWL_QuerySyntax-operations-functions (units and caps of ``bin``).
"""

from datetime import UTC, datetime, timedelta

from cwli.oracle.values import EPOCH, Instant
from opslib.cwli.switches import Switches

MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
MONTHS = {"mo": 1, "q": 3, "y": 12}
CAPS = {"ms": 1000, "s": 60, "m": 60, "h": 24}
NAMES = {
    "msec": "ms", "sec": "s", "min": "m", "hr": "h", "mon": "mo", "qtr": "q", "yr": "y",
    "seconds": "s", "minutes": "m", "hours": "h", "days": "d", "weeks": "w", "months": "mo",
}  # fmt: skip
THURSDAY, MONDAY = 0, 4  # the first day of 1970, and the first Monday after it


def floor(at: Instant, amount: int, unit: str, switches: Switches) -> Instant:
    """Return the beginning of the span an instant lies in."""
    unit = NAMES.get(unit, unit)
    amount = min(amount, CAPS.get(unit, amount))
    if unit in MONTHS:
        day = EPOCH + timedelta(milliseconds=at.epoch_ms)
        width = amount * MONTHS[unit]
        count = (day.year - 1970) * 12 + day.month - 1
        return _month(count - count % width)
    start = 0
    if unit == "w":
        start = (MONDAY if switches.week_starts == "monday" else THURSDAY) * MS["d"]
    width = amount * MS[unit]
    return Instant(at.epoch_ms - (at.epoch_ms - start) % width)


def ceiling(at: Instant, amount: int, unit: str, switches: Switches) -> Instant:
    """Return the beginning of the next span, or the instant itself where a span begins."""
    begin = floor(at, amount, unit, switches)
    if begin == at:
        return at
    unit = NAMES.get(unit, unit)
    amount = min(amount, CAPS.get(unit, amount))
    if unit in MONTHS:
        day = EPOCH + timedelta(milliseconds=begin.epoch_ms)
        return _month((day.year - 1970) * 12 + day.month - 1 + amount * MONTHS[unit])
    return Instant(begin.epoch_ms + amount * MS[unit])


def later(at: Instant, amount: int, unit: str) -> Instant:
    """Return the instant so much later; months have no one length and are not drawn."""
    return Instant(at.epoch_ms + amount * MS[NAMES.get(unit, unit)])


def _month(count: int) -> Instant:
    first = datetime(1970 + count // 12, count % 12 + 1, 1, tzinfo=UTC)
    return Instant((first - EPOCH) // timedelta(milliseconds=1))
