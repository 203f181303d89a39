"""Panels under one another over one window, and the same in words."""

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from opslib.plots import marking
from opslib.plots.panels import Level, Line, Mark, Panel
from opslib.plots.style import DOTS_PER_INCH, GREY, INK, PAPER, ROW_IN, STYLE, WIDTH_IN, days
from opslib.window import Window

#: Units in which a half makes no sense.
COUNTED = ("count", "a minute")
_DAY_S = 86_400
# Numbers from here on are written as 1.5 M: longer ones would stand on the unit.
_LONG = 1_000_000
# Pixels that title and legend have between them.
_BESIDE = 640
# Of a title above a panel, above its legend where they do not fit beside one another, and more
# above numbers of marks.
_ABOVE_PANEL_PT, _ABOVE_LEGEND_PT, _NUMBERS_PT = 6, 24, 7
# What a title takes: without and with a legend below it.
_HEAD_IN = (0.32, 0.57)
_LEFT_IN, _RIGHT_IN, _UNIT_IN = 0.82, 0.28, 0.2
_FOOT_IN, _GAP_IN = 0.52, 0.1


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
        heads_in = [_HEAD_IN[_crowded(panel)] for panel in panels]
        heads_in[0] += bool(names) * _NUMBERS_PT / 72
        size_in = (WIDTH_IN, ROW_IN * len(panels) + below_in)
        figure = Figure(figsize=size_in, dpi=DOTS_PER_INCH)
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for ax, panel in zip(axes, panels, strict=True):
            first = ax is axes[0]
            _draw(ax, panel, window=window, numbered=first and bool(names))
            marking.draw(ax, drawn, named=first)
        axes[-1].set_xlabel(f"UTC, {window.start:%Y-%m-%d}")
        _place(axes.tolist(), heads_in, height_in=size_in[1], below_in=below_in)
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
    changed = marking.together(marks, window) if window else []
    if changed:
        sentences.append(f"Changes: {'; '.join(mark.said for mark in changed)}.")
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
    pad_pt = _ABOVE_LEGEND_PT if _crowded(panel) else _ABOVE_PANEL_PT
    # With places of their own, nothing has to be measured to find where titles and units go.
    ax.set_title(panel.title, pad=pad_pt + _NUMBERS_PT * numbered, y=1)
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
    highest = _highest(panel)
    if highest >= _LONG:
        ax.yaxis.set_major_formatter(ticker.EngFormatter())
    ax.set_ylim(0, 1.18 * (highest or 1))
    if len(panel.lines) + (panel.bars is not None) > 1:
        ax.legend(
            loc="lower right", bbox_to_anchor=(1, 0.98 + 0.05 * numbered), ncols=5, borderaxespad=0
        )


def _place(
    axes: Sequence[Axes], heads_in: Sequence[float], *, height_in: float, below_in: float
) -> None:
    """Give each panel its place: below its title, as high and as far from the left as the rest."""
    width_in = WIDTH_IN - _LEFT_IN - _RIGHT_IN
    foot_in = _FOOT_IN + below_in
    body_in = (height_in - foot_in - sum(heads_in)) / len(axes) - _GAP_IN
    top_in = height_in
    for ax, head_in in zip(axes, heads_in, strict=True):
        top_in -= head_in + body_in
        left, bottom = _LEFT_IN / WIDTH_IN, top_in / height_in
        ax.set_position((left, bottom, width_in / WIDTH_IN, body_in / height_in))
        ax.yaxis.set_label_coords((_UNIT_IN - _LEFT_IN) / width_in, 0.5)
        top_in -= _GAP_IN
    axes[-1].xaxis.set_label_coords(0.5, -0.3 / body_in)


def _crowded(panel: Panel) -> bool:
    """Whether title and legend do not fit beside one another, by a guess at their widths."""
    labels = [line.label for line in [*panel.lines, *([panel.bars] if panel.bars else [])]]
    legend = sum(50 + 7 * len(label) for label in labels) if len(labels) > 1 else 0
    return 9 * len(panel.title) + legend > _BESIDE


def _bars(ax: Axes, frame: pd.DataFrame, bars: Line, *, every_s: int) -> None:
    starts = dates.date2num(_clock(frame["at"]))  # type: ignore[no-untyped-call]
    heights = frame[bars.column].astype("float64").to_numpy()
    ends = starts + 0.9 * every_s / _DAY_S
    none = np.zeros_like(heights)
    # Corners of one shape each: all of them together cost what one bar of their own does.
    corners = np.array([[starts, none], [starts, heights], [ends, heights], [ends, none]])
    shapes = list(corners.transpose(2, 0, 1))
    ax.add_collection(
        PolyCollection(shapes, facecolor=bars.colour, edgecolor="none", label=bars.label),
        autolim=False,
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
