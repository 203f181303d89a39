"""Frames to pictures: what people would rather look at than read.

In: frames as `insights` and `metrics` return them (instants ``at``, tz-aware UTC, oldest first;
milliseconds unless a name says otherwise). Out: a matplotlib Figure, made without pyplot, so that
nothing global is kept and nothing is shown twice; and `png`, which turns it into bytes that are
the same for the same data. A gap in the data is a gap in the line. Colour never carries a meaning
alone: lines differ in style and markers too.

Must not compute an answer, print, or know AWS clients.

Source: colours are Okabe and Ito's eight, told apart with every common colour blindness
(https://jfly.uni-koeln.de/color/).
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opslib.system import Threshold
from opslib.window import Window

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#6e7781"
INK, PAPER, GRID = "#1b1f24", "#ffffff", "#e4e7eb"
WIDTH_IN, ROW_IN, DOTS_PER_INCH = 9.0, 2.5, 100

#: Units in which a half makes no sense.
COUNTED = ("count", "a minute")
_DAY_S = 86_400

_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.facecolor": PAPER,
}


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
    """

    column: str
    label: str
    colour: str = BLUE
    style: str = "-"
    marker: str = ""


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


def timeline(panels: Sequence[Panel], *, window: Window, deployed_at: datetime | None) -> Figure:
    """Draw panels under one another over one window.

    Parameters
    ----------
    panels
        Top to bottom.
    window
        Limits of the time axis, which is UTC.
    deployed_at
        A deployment, marked by a vertical line in every panel; nothing when None.

    Returns
    -------
    A figure 9 inches wide and 2.5 high for each panel. A panel whose frame is empty says so.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH_IN, ROW_IN * len(panels)), dpi=DOTS_PER_INCH)
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for ax, panel in zip(axes, panels, strict=True):
            _draw(ax, panel, window=window)
            if deployed_at is not None:
                _mark(ax, deployed_at, first=ax is axes[0])
        axes[-1].set_xlabel(f"UTC, {window.start:%Y-%m-%d}")
        figure.tight_layout()
    return figure


def describe(panels: Sequence[Panel]) -> str:
    """Say in words and numbers what `timeline` draws: each line's first, last and highest value."""
    sentences = []
    for panel in panels:
        drawn = [*panel.lines, *([panel.bars] if panel.bars else [])]
        said = [_course(panel.frame, line, panel.unit) for line in drawn] or ["nothing"]
        levels = [f"{level.label} at {level.value:,.10g}" for level in panel.levels]
        sentences.append(f"{panel.title}: {'; '.join([*said, *levels])}.")
    return " ".join(sentences)


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG file; the same data give the same bytes."""
    held = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(held, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return held.getvalue()


def _course(frame: pd.DataFrame, line: Line, unit: str) -> str:
    seen = frame.dropna(subset=[line.column])
    if seen.empty:
        return f"{line.label} without data"
    values = seen[line.column].astype("float64")
    highest = seen.iloc[int(values.to_numpy().argmax())]
    return (
        f"{line.label} from {values.iloc[0]:,.10g} to {values.iloc[-1]:,.10g} {unit}, "
        f"highest {values.max():,.10g} at {highest['at']:%H:%M}"
    )


def _draw(ax: Axes, panel: Panel, *, window: Window) -> None:
    ax.set_title(panel.title)
    ax.set_ylabel(panel.unit)
    # The first bin of a query may begin before the window does.
    first = panel.frame["at"].min() if len(panel.frame) else window.start
    ax.set_xlim(_naive(min(first, window.start)), _naive(window.end))
    locator = dates.AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    if panel.frame.empty:
        ax.text(0.5, 0.5, "no data in this window", transform=ax.transAxes, ha="center", color=GREY)
        ax.set_yticks([])
        return
    frame = _with_gaps(panel.frame, every_s=panel.every_s)
    if panel.bars is not None:
        _bars(ax, panel.frame, panel.bars, every_s=panel.every_s)
    for line in panel.lines:
        ax.plot(
            _clock(frame["at"]),
            frame[line.column].astype("float64").to_numpy(),
            color=line.colour,
            linestyle=line.style,
            marker=line.marker,
            markersize=3.5,
            linewidth=1.7,
            label=line.label,
        )
    for level in panel.levels:
        _level(ax, level)
    if panel.unit in COUNTED:
        ax.yaxis.set_major_locator(ticker.MaxNLocator(nbins=5, integer=True))
    ax.set_ylim(0, 1.18 * (_highest(panel) or 1))
    if len(panel.lines) + (panel.bars is not None) > 1:
        ax.legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=5, borderaxespad=0)


def _bars(ax: Axes, frame: pd.DataFrame, bars: Line, *, every_s: int) -> None:
    ax.bar(
        _clock(frame["at"]),
        frame[bars.column].astype("float64").to_numpy(),
        width=0.9 * every_s / _DAY_S,
        align="edge",
        color=bars.colour,
        label=bars.label,
    )


def _level(ax: Axes, level: Level) -> None:
    ax.axhline(level.value, color=level.colour, linestyle=(0, (5, 3)), linewidth=1.2)
    ax.annotate(
        level.label,
        xy=(0, level.value),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        fontsize=8.5,
        color=level.colour,
    )


def _mark(ax: Axes, deployed_at: datetime, *, first: bool) -> None:
    x = _naive(deployed_at)
    ax.axvline(x, color=GREY, linewidth=1.4, linestyle=":")
    if first:
        ax.annotate(
            f"deployment {deployed_at:%H:%M}",
            xy=(x, 0.58),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=8.5,
            color=INK,
            bbox={"facecolor": PAPER, "alpha": 0.85, "edgecolor": "none", "pad": 1},
        )


def _highest(panel: Panel) -> float:
    drawn = [*panel.lines, *([panel.bars] if panel.bars else [])]
    values = [float(panel.frame[line.column].astype("float64").max()) for line in drawn]
    levels = [level.value for level in panel.levels]
    return max((v for v in [*values, *levels] if not math.isnan(v)), default=0.0)


def _clock(at: "pd.Series[pd.Timestamp]") -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    """Take the zone off, since everything drawn is UTC and matplotlib would convert."""
    return at.dt.tz_localize(None).to_numpy()


def _naive(at: datetime) -> float:
    """Return an instant as matplotlib counts time, in days."""
    return float(dates.date2num(at.replace(tzinfo=None)))  # type: ignore[no-untyped-call]


def _with_gaps(frame: pd.DataFrame, *, every_s: int) -> pd.DataFrame:
    """Put an empty row after each row whose successor is further away than one step."""
    away = frame["at"].shift(-1) - frame["at"] > pd.Timedelta(seconds=1.5 * every_s)
    if not away.any():
        return frame
    holes = pd.DataFrame({"at": frame.loc[away, "at"] + pd.Timedelta(seconds=every_s)})
    return pd.concat([frame, holes]).sort_values("at", kind="stable").reset_index(drop=True)
