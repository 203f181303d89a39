"""Panels under one another over one window, and the same in words."""

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opslib.plots import marking
from opslib.plots.panels import Level, Line, Mark, Panel
from opslib.plots.style import DOTS_PER_INCH, GREY, INK, PAPER, ROW_IN, STYLE, WIDTH_IN, days
from opslib.window import Window

#: Units in which a half makes no sense.
COUNTED = ("count", "a minute")
_DAY_S = 86_400
# Pixels that title and legend have between them.
_BESIDE = 640


def timeline(
    panels: Sequence[Panel],
    *,
    window: Window,
    marks: Sequence[Mark] = (),
) -> Figure:
    """Draw panels under one another over one window.

    Parameters
    ----------
    panels
        Top to bottom.
    window
        Limits of the time axis, which is UTC.
    marks
        What changed: a vertical line in every panel. One is named at its line; several are numbered
        there, and named below the picture. Those that would lie on one another are one, and of many
        the nearest. What lies outside the window is not drawn.

    Returns
    -------
    A figure 8 inches wide and 2.5 high for each panel, and higher for the names of changes. A panel
    whose frame is empty says so.
    """
    drawn = marking.together(marks, window)
    names = marking.names(drawn)
    with mpl.rc_context(STYLE):
        below_in = marking.LINE_IN * len(names)
        size_in = (WIDTH_IN, ROW_IN * len(panels) + below_in)
        figure = Figure(figsize=size_in, dpi=DOTS_PER_INCH)
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for ax, panel in zip(axes, panels, strict=True):
            first = ax is axes[0]
            _draw(ax, panel, window=window, numbered=first and bool(names))
            marking.draw(ax, drawn, named=first)
        axes[-1].set_xlabel(f"UTC, {window.start:%Y-%m-%d}")
        figure.tight_layout(rect=(0, below_in / size_in[1], 1, 1))
        marking.write(figure, names)
    return figure


def describe(
    panels: Sequence[Panel], *, window: Window | None = None, marks: Sequence[Mark] = ()
) -> str:
    """Say in words and numbers what `timeline` draws: each line's first, last and highest value.

    And the changes that are marked; ``window`` is needed for these only.
    """
    sentences = []
    for panel in panels:
        drawn = [*panel.lines, *([panel.bars] if panel.bars else [])]
        said = [_course(panel.frame, line, panel.unit) for line in drawn] or ["nothing"]
        levels = [f"{level.label} at {level.value:,.10g}" for level in panel.levels]
        sentences.append(f"{panel.title}: {'; '.join([*said, *levels])}.")
    drawn = marking.together(marks, window) if window else []
    if drawn:
        sentences.append(f"Changes: {'; '.join(mark.said for mark in drawn)}.")
    return " ".join(sentences)


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


def _draw(ax: Axes, panel: Panel, *, window: Window, numbered: bool) -> None:
    # Numbers of marks stand on the upper edge.
    ax.set_title(panel.title, pad=(24 if _crowded(panel) else 6) + 7 * numbered)
    ax.set_ylabel(panel.unit)
    # The first bin of a query may begin before the window does.
    first = panel.frame["at"].min() if len(panel.frame) else window.start
    ax.set_xlim(days(min(first, window.start)), days(window.end))
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
            linewidth=line.width,
            label=line.label,
        )
    for level in panel.levels:
        _level(ax, level)
    if panel.unit in COUNTED:
        ax.yaxis.set_major_locator(ticker.MaxNLocator(nbins=5, integer=True))
    ax.set_ylim(0, 1.18 * (_highest(panel) or 1))
    if len(panel.lines) + (panel.bars is not None) > 1:
        ax.legend(
            loc="lower right", bbox_to_anchor=(1, 0.98 + 0.05 * numbered), ncols=5, borderaxespad=0
        )


def _crowded(panel: Panel) -> bool:
    """Whether title and legend do not fit beside one another, by a guess at their widths."""
    labels = [line.label for line in [*panel.lines, *([panel.bars] if panel.bars else [])]]
    legend = sum(50 + 7 * len(label) for label in labels) if len(labels) > 1 else 0
    return 9 * len(panel.title) + legend > _BESIDE


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
        fontsize=9.5,
        color=INK,
        bbox={"facecolor": PAPER, "alpha": 0.7, "edgecolor": "none", "pad": 1},
    )


def _highest(panel: Panel) -> float:
    drawn = [*panel.lines, *([panel.bars] if panel.bars else [])]
    values = [float(panel.frame[line.column].astype("float64").max()) for line in drawn]
    levels = [level.value for level in panel.levels]
    return max((v for v in [*values, *levels] if not math.isnan(v)), default=0.0)


def _clock(at: "pd.Series[pd.Timestamp]") -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    """Take the zone off, since everything drawn is UTC and matplotlib would convert."""
    return at.dt.tz_localize(None).to_numpy()


def _with_gaps(frame: pd.DataFrame, *, every_s: int) -> pd.DataFrame:
    """Put an empty row after each row whose successor is further away than one step."""
    away = frame["at"].shift(-1) - frame["at"] > pd.Timedelta(seconds=1.5 * every_s)
    if not away.any():
        return frame
    holes = pd.DataFrame({"at": frame.loc[away, "at"] + pd.Timedelta(seconds=every_s)})
    return pd.concat([frame, holes]).sort_values("at", kind="stable").reset_index(drop=True)
