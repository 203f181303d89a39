"""How every picture looks, and how it becomes bytes that are the same for the same data.

Source: colours are Okabe and Ito's eight, told apart with every common colour blindness
(https://jfly.uni-koeln.de/color/).
"""

import io
from datetime import datetime
from typing import Any

import matplotlib as mpl
from matplotlib import dates
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#6e7781"
INK, PAPER, GRID = "#1b1f24", "#ffffff", "#e4e7eb"
# At 480 pixels, the least a report shows a picture in on a phone, its text is 9 pixels high.
WIDTH_IN, ROW_IN, DOTS_PER_INCH = 8.0, 2.5, 100

STYLE: dict[Any, Any] = {
    "font.size": 11,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "text.color": INK,
    # Names hold dollar signs ($LATEST), which are no mathematics.
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "figure.facecolor": PAPER,
}


def days(at: datetime) -> float:
    """Return an instant as matplotlib counts time, in days of UTC."""
    return float(dates.date2num(at.replace(tzinfo=None)))  # type: ignore[no-untyped-call]


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG file; the same data give the same bytes."""
    held = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(held, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return held.getvalue()
