"""Spans of time such as ``5m``, and the instants they cut time into.

In: the text of a duration; SQL of an instant as epoch milliseconds. Out: SQL of the beginning of
the instant's bin, epoch milliseconds, UTC.

``bin(300s)`` is a bin of one minute, without a word: each unit has a documented largest count and
larger ones are lowered to it.

Must not know the plan or events.

Source
------
CWL_QuerySyntax-Stats (units, caps). Alignment of weeks and months is not documented: UTC assumed.
"""

import re

from opslib.cwli.switches import Switches

MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
"""Length of the units that have one."""

MONTHS = {"mo": 1, "q": 3, "y": 12}
"""Length, in months, of the units that have none in milliseconds."""

LARGEST = {"ms": 1000, "s": 60, "m": 60, "h": 24}
"""Counts above these are lowered to them."""

_NAMES = {
    "ms": ("ms", "msec", "msecs", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
    "mo": ("mo", "mon", "mons", "month", "months"),
    "q": ("q", "qtr", "qtrs", "quarter", "quarters"),
    "y": ("y", "yr", "yrs", "year", "years"),
}
_UNITS = {name: unit for unit, names in _NAMES.items() for name in names}
_MONDAY_MS = 4 * MILLISECONDS["d"]


def read(written: str) -> tuple[int, str]:
    """Read ``5m`` as its count and canonical unit.

    Raises
    ------
    ValueError
        When the unit is unknown or the count is zero or beyond four digits.
    """
    match = re.fullmatch(r"0*([0-9]+)([a-z]+)", written.lower())
    unit = _UNITS.get(match.group(2)) if match else None
    if match is None or unit is None:
        known = ", ".join(names[0] for names in _NAMES.values())
        raise ValueError(f"`{written}` is not a duration; the units are {known}.")
    if not 1 <= int(match.group(1)[:9]) <= 9999 or len(match.group(1)) > 9:
        raise ValueError(f"`{written}` is not a duration from 1 to 9999 units.")
    return int(match.group(1)), unit


def floor(instant_ms: str, count: int, unit: str, *, switches: Switches) -> str:
    """Return SQL of the beginning of the bin that holds an instant.

    Parameters
    ----------
    instant_ms
        SQL of a BIGINT, epoch milliseconds.
    count, unit
        The width of a bin, as ``read`` gives it.
    """
    count = min(count, LARGEST.get(unit, count))
    if unit in MONTHS:
        months = count * MONTHS[unit]
        since_epoch = (
            f"datediff('month', TIMESTAMP '1970-01-01', make_timestamp(({instant_ms})*1000))"
        )
        index = f"CAST(floor({since_epoch} / {months}.0) * {months} AS INTEGER)"
        return f"epoch_ms(TIMESTAMP '1970-01-01' + to_months({index}))"
    width = count * MILLISECONDS[unit]
    shift = _MONDAY_MS if unit == "w" and switches.week_starts == "monday" else 0
    return f"(CAST(floor((({instant_ms}) - {shift}) / {width}.0) AS BIGINT) * {width} + {shift})"


def ceiling(instant_ms: str, count: int, unit: str, *, switches: Switches) -> str:
    """Return SQL of the end of the bin that holds an instant, or the instant where one begins."""
    count = min(count, LARGEST.get(unit, count))
    begin = floor(instant_ms, count, unit, switches=switches)
    if unit in MONTHS:
        months = count * MONTHS[unit]
        later = f"epoch_ms(make_timestamp(({begin})*1000) + to_months({months}))"
    else:
        later = f"({begin} + {count * MILLISECONDS[unit]})"
    return f"CASE WHEN {begin} = ({instant_ms}) THEN {begin} ELSE {later} END"


def width(count: int, unit: str) -> tuple[int, int]:
    """Return how long a bin is, as months and milliseconds, one of which is 0."""
    count = min(count, LARGEST.get(unit, count))
    return (count * MONTHS[unit], 0) if unit in MONTHS else (0, count * MILLISECONDS[unit])


def later(instant_ms: str, count: int, unit: str) -> str:
    """Return SQL of the instant that is a duration after another; no count is lowered."""
    if unit in MONTHS:
        months = count * MONTHS[unit]
        return f"epoch_ms(make_timestamp(({instant_ms})*1000) + to_months({months}))"
    return f"(({instant_ms}) + {count * MILLISECONDS[unit]})"


def length_ms(count: int, unit: str) -> int:
    """Return how long a duration is; a month counts 30 days. No count is lowered."""
    if unit in MONTHS:
        return count * MONTHS[unit] * 30 * MILLISECONDS["d"]
    return count * MILLISECONDS[unit]
