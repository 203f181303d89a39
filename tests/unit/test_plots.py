"""The lines, levels and words of the plots; a picture's bytes are never compared."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from opslib import plots
from opslib.plots import Level, Line, Panel
from opslib.system import Threshold
from opslib.window import Window

WINDOW = Window(datetime(2026, 10, 14, 0, 0, tzinfo=UTC), datetime(2026, 10, 14, 1, 0, tzinfo=UTC))
BINS = pd.DataFrame(
    {
        "at": pd.to_datetime(
            ["2026-10-14T00:00Z", "2026-10-14T00:05Z", "2026-10-14T00:20Z", "2026-10-14T00:25Z"]
        ),
        "p95_ms": [1000.0, 1500.0, 9000.0, 8000.0],
    }
)
PANEL = Panel(BINS, [Line("p95_ms", "p95")], "Duration", "ms", 300, [Level(10_000, "timeout")])


def _floats(line: Line2D) -> list[float]:
    return [float(value) for value in np.asarray(line.get_ydata(), dtype="float64")]


def _lines(panel: Panel) -> list[tuple[str, list[float]]]:
    figure = plots.timeline([panel], window=WINDOW, deployed_at=None)
    return [(str(line.get_label()), _floats(line)) for line in figure.axes[0].get_lines()]


def test_a_line_has_the_values_of_its_column_and_a_gap_where_bins_are_missing() -> None:
    drawn = dict(_lines(PANEL))["p95"]

    assert str(drawn) == "[1000.0, 1500.0, nan, 9000.0, 8000.0]"


def test_a_level_is_drawn_across_and_named() -> None:
    figure = plots.timeline([PANEL], window=WINDOW, deployed_at=None)
    axes = figure.axes[0]

    assert _floats(axes.get_lines()[1]) == [10_000, 10_000]
    assert [text.get_text() for text in axes.texts] == ["timeout"]


def test_the_axes_carry_title_unit_day_and_the_whole_window() -> None:
    figure = plots.timeline([PANEL], window=WINDOW, deployed_at=None)
    axes = figure.axes[0]

    assert axes.get_title(loc="left") == "Duration"
    assert axes.get_ylabel() == "ms"
    assert axes.get_xlabel() == "UTC, 2026-10-14"
    width_min = (axes.get_xlim()[1] - axes.get_xlim()[0]) * 24 * 60
    assert round(width_min) == 60


def test_a_deployment_is_marked_in_every_panel_and_named_once() -> None:
    at = datetime(2026, 10, 14, 0, 30, tzinfo=UTC)

    figure = plots.timeline([PANEL, PANEL], window=WINDOW, deployed_at=at)

    assert [len(axes.get_lines()) for axes in figure.axes] == [3, 3]
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert words == ["timeout", "deployment 00:30", "timeout"]


def test_bars_begin_at_their_bin_and_are_as_high_as_its_value() -> None:
    panel = Panel(BINS, [], "Count", "count", 300, bars=Line("p95_ms", "n"))

    figure = plots.timeline([panel], window=WINDOW, deployed_at=None)

    bars = [bar for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    assert [bar.get_height() for bar in bars] == [1000.0, 1500.0, 9000.0, 8000.0]


def test_a_panel_without_data_says_so() -> None:
    panel = Panel(BINS.iloc[:0], [Line("p95_ms", "p95")], "Duration", "ms", 300)

    figure = plots.timeline([panel], window=WINDOW, deployed_at=None)

    assert [text.get_text() for text in figure.axes[0].texts] == ["no data in this window"]


def test_the_description_has_first_last_and_highest_value_of_each_line() -> None:
    assert plots.describe([PANEL]) == (
        "Duration: p95 from 1,000 to 8,000 ms, highest 9,000 at 00:20; timeout at 10,000."
    )


def test_a_threshold_gives_the_levels_it_has_as_shares_of_the_whole() -> None:
    both = Threshold(warning=50, critical=80, unit="%", source="test")
    one = Threshold(warning=50, unit="%", source="test")

    levels = plots.threshold_levels(both, whole=10_000, unit=" %")

    assert [(level.value, level.label) for level in levels] == [
        (8000, "critical, 80 %"),
        (5000, "warning, 50 %"),
    ]
    assert [level.value for level in plots.threshold_levels(one)] == [50]


def test_the_same_data_give_the_same_bytes() -> None:
    first = plots.png(plots.timeline([PANEL], window=WINDOW, deployed_at=None))
    second = plots.png(plots.timeline([PANEL], window=WINDOW, deployed_at=None))

    assert first.startswith(b"\x89PNG")
    assert first == second
