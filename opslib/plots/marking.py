"""What changed, over every panel: a line each, a number at it, and its name below the picture.

In: `Mark` and a Window. Out: marks that do not lie on one another, drawn and named. Must not know
what is in the panels.
"""

import textwrap
from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opslib.plots.panels import Mark
from opslib.plots.style import GREY, INK, PAPER, days
from opslib.window import Window

#: What a line of names takes below the picture.
LINE_IN = 0.22
# Numbers that are nearer than this share of the window would lie on one another.
_APART = 0.028
_MOST, _MOST_WORDS = 12, 2
# Characters that fit below a picture eight inches wide.
_ACROSS = 110
_LAST_PART = 0.78
_SIZE = 9.5


def together(marks: Sequence[Mark], window: Window) -> list[Mark]:
    """Return the marks inside a window, oldest first, those that lie on one another as one.

    Beyond a dozen, the nearest become one too. One of several has the time of the first and names
    what it is of; a deployment among them stays one.
    """
    inside = sorted((m for m in marks if window.start <= m.at < window.end), key=lambda m: m.at)
    groups = [[mark] for mark in inside]
    least_s = window.length.total_seconds() * _APART
    while len(groups) > 1:
        away = [(after[0].at - before[0].at).total_seconds() for before, after in pairwise(groups)]
        nearest = min(range(len(away)), key=away.__getitem__)
        if away[nearest] >= least_s and len(groups) <= _MOST:
            break
        groups[nearest : nearest + 2] = [[*groups[nearest], *groups[nearest + 1]]]
    return [_one(group) for group in groups]


def _one(group: Sequence[Mark]) -> Mark:
    words = dict.fromkeys(mark.label for mark in sorted(group, key=lambda m: not m.deploys))
    label = ", ".join(words)
    if len(words) > _MOST_WORDS:
        label = f"{next(iter(words))} and {len(group) - 1} other changes"
    return Mark(group[0].at, label, any(mark.deploys for mark in group))


def names(marks: Sequence[Mark]) -> list[str]:
    """Return the lines that name numbered marks; none when at most one is marked."""
    if len(marks) < 2:
        return []
    # What belongs together stays on one line.
    said = [f"{n} {mark.said}".replace(" ", "\xa0") for n, mark in enumerate(marks, 1)]
    return textwrap.wrap("   ".join(said), _ACROSS)


def draw(ax: Axes, marks: Sequence[Mark], *, named: bool) -> None:
    """Draw a line for each mark; in the panel that names them, with its number or its name."""
    for number, mark in enumerate(marks, 1):
        x = days(mark.at)
        if mark.deploys:
            ax.axvline(x, color=INK, linewidth=1.5, linestyle=(0, (4, 2)))
        else:
            ax.axvline(x, color=GREY, linewidth=1.1, linestyle=":")
        if named:
            _name(ax, mark, str(number) if len(marks) > 1 else mark.said)


def _name(ax: Axes, mark: Mark, text: str) -> None:
    x = days(mark.at)
    left, right = ax.get_xlim()
    late = (x - left) / (right - left) > _LAST_PART
    alone = text == mark.said
    ax.annotate(
        text,
        xy=(x, 0.62 if alone else 0.985),
        xycoords=("data", "axes fraction"),
        xytext=((-4 if late else 4) if alone else 0, 0),
        textcoords="offset points",
        ha=("right" if late else "left") if alone else "center",
        va="baseline" if alone else "center",
        fontsize=_SIZE,
        fontweight="bold" if mark.deploys else "normal",
        color=INK,
        bbox={
            "boxstyle": "square,pad=0.1" if alone else "round,pad=0.25",
            "facecolor": PAPER,
            "alpha": 0.85 if alone else 1,
            "edgecolor": "none" if alone else GREY,
            "linewidth": 0.8,
        },
    )


def write(figure: Figure, lines: Sequence[str]) -> None:
    """Write the names of numbered marks below the panels."""
    _, height_in = figure.get_size_inches()
    for place, line in enumerate(reversed(lines)):
        y = (place + 0.3) * LINE_IN / height_in
        figure.text(0.012, y, line, fontsize=_SIZE, color=INK)
