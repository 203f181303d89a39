"""Frames to pictures: what people would rather look at than read.

In: frames as `insights` and `metrics` return them (instants ``at``, tz-aware UTC, oldest first;
milliseconds unless a name says otherwise). Out: a matplotlib Figure, made without pyplot, so that
nothing global is kept and nothing is shown twice; and `png`, which turns it into bytes that are
the same for the same data. A gap in the data is a gap in the line. Colour never carries a meaning
alone: lines differ in style and markers too. For each picture there are its words (`describe`),
which are its alternative text.

Must not compute an answer, print, or know AWS clients.
"""

from opslib.plots.panels import (
    PERCENTILES,
    Level,
    Line,
    Mark,
    Panel,
    threshold_levels,
)
from opslib.plots.style import BLUE, GREEN, GREY, INK, ORANGE, RED, png
from opslib.plots.timeline import describe, timeline

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "INK",
    "ORANGE",
    "PERCENTILES",
    "RED",
    "Level",
    "Line",
    "Mark",
    "Panel",
    "describe",
    "png",
    "threshold_levels",
    "timeline",
]
