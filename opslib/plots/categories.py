"""How much of each kind there is: one bar a kind, longest first, its number at its end."""

import math

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from opslib.plots.style import BLUE, DOTS_PER_INCH, GREY, STYLE, WIDTH_IN

MOST_BARS = 12
_BAR_IN, _REST_IN = 0.34, 0.9
_LONGEST_NAME = 48


def categories(counts: pd.DataFrame, *, name: str, value: str, title: str, unit: str) -> Figure:
    """Draw one horizontal bar for each kind.

    Parameters
    ----------
    counts
        One row a kind: the columns ``name`` (text) and ``value`` (a number, 0 or more). Any order.
    name, value
        Which columns.
    title, unit
        What is shown, and what the numbers count.

    Returns
    -------
    A figure 8 inches wide, with at most 12 bars: what is beyond is one bar more, in grey, that says
    how many kinds it holds. It says so when there is no kind at all.
    """
    kept = _bars(counts, name, value)
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        height_in = _REST_IN + _BAR_IN * max(len(kept), 2)
        figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DOTS_PER_INCH)
        ax = figure.subplots()
        ax.set_title(title)
        if not kept:
            ax.text(0.5, 0.5, "none in this window", transform=ax.transAxes, ha="center")
            ax.set_xticks([])
            ax.set_yticks([])
        else:
            colours = [BLUE] * len(kept)
            if len(counts) > MOST_BARS:
                colours[-1] = GREY
            places = range(len(kept))
            drawn = ax.barh(places, [held for _, held in kept], color=colours, height=0.68)
            ax.set_yticks(places, [_short(kind) for kind, _ in kept])
            ax.invert_yaxis()
            ax.bar_label(drawn, [f"{held:,.10g}" for _, held in kept], padding=4)
            ax.set_xlim(0, 1.12 * (max(held for _, held in kept) or 1))
            ax.set_xlabel(unit)
            ax.tick_params(axis="y", length=0)
        figure.tight_layout()
    return figure


def describe_categories(
    counts: pd.DataFrame, *, name: str, value: str, title: str, unit: str
) -> str:
    """Say in words and numbers what `categories` draws."""
    kept = _bars(counts, name, value)
    said = "; ".join(f"{kind} {held:,.10g}" for kind, held in kept) or "none"
    return f"{title}, in {unit}: {said}."


def _bars(counts: pd.DataFrame, name: str, value: str) -> list[tuple[str, float]]:
    """Return kinds and values, largest first, those beyond the most put together."""
    rows = [
        (str(kind), float(held))
        for kind, held in zip(counts[name], counts[value], strict=True)
        if not math.isnan(float(held))
    ]
    rows.sort(key=lambda row: (-row[1], row[0]))
    rest = rows[MOST_BARS:]
    if rest:
        rows = [*rows[:MOST_BARS], (f"{len(rest)} other kinds", sum(held for _, held in rest))]
    return rows


def _short(kind: str) -> str:
    """Return a name that leaves room for its bar, on one line."""
    line = " ".join(kind.split())
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"
