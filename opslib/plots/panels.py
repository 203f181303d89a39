"""What a picture is made of: lines, levels, changes and panels. Plain data, no drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from opslib.plots.style import BLUE, GREY, ORANGE, RED
from opslib.system import Threshold


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Parameters
    ----------
    column
        Column of the frame that is drawn.
    label
        What the legend calls it.
    colour, style, marker
        As matplotlib names them.
    width
        In points.
    """

    column: str
    label: str
    colour: str = BLUE
    style: str = "-"
    marker: str = ""
    width: float = 1.7


PERCENTILES = (
    Line("p50_ms", "p50", BLUE, ":"),
    Line("p95_ms", "p95", ORANGE),
    Line("p99_ms", "p99", RED, "--"),
)


@dataclass(frozen=True)
class Level:
    """A horizontal line that a value is held against: a timeout, a threshold.

    Parameters
    ----------
    value
        In the unit of the panel.
    label
        Written at the left end of the line.
    colour
        As matplotlib names it.
    """

    value: float
    label: str
    colour: str = RED


def threshold_levels(
    threshold: Threshold, *, whole: float | None = None, unit: str = ""
) -> list[Level]:
    """Return the levels of a threshold that it has, critical first.

    Parameters
    ----------
    threshold
        Its ``critical`` and ``warning`` may be None.
    whole
        What 100 % is, for a threshold that is a share; None for one in the panel's own unit.
    unit
        Written after the number.
    """
    named = [("critical", threshold.critical, ORANGE), ("warning", threshold.warning, GREY)]
    return [
        Level(value if whole is None else value / 100 * whole, f"{word}, {value:g}{unit}", colour)
        for word, value, colour in named
        if value is not None
    ]


@dataclass(frozen=True)
class Mark:
    """A vertical line through every panel: something that changed.

    Parameters
    ----------
    at
        When, tz-aware UTC.
    label
        What, in a word or two; its time is written behind it.
    deploys
        Whether it is a deployment, which is drawn stronger than what else changed.
    """

    at: datetime
    label: str
    deploys: bool = False

    @property
    def said(self) -> str:
        """What is written of it."""
        return f"{self.label} {self.at:%H:%M}"


@dataclass(frozen=True)
class Panel:
    """One picture of a column of pictures that share their time axis.

    Parameters
    ----------
    frame
        One row an instant: ``at`` (datetime64[ns, UTC], oldest first) and the columns that are
        drawn.
    lines
        What is drawn as lines.
    title, unit
        What the panel shows, and the unit of its values.
    every_s
        Seconds between neighbouring rows; where rows are further apart the line is broken.
    levels
        Thresholds drawn across.
    bars
        A column drawn as bars instead, ``every_s`` wide, or nothing.
    """

    frame: pd.DataFrame
    lines: Sequence[Line]
    title: str
    unit: str
    every_s: int
    levels: Sequence[Level] = ()
    bars: Line | None = None
