"""The lines, levels and words of the plots; a picture's bytes are never compared."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.dates import num2date
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from opslib import plots
from opslib.plots import Level, Line, Mark, Panel
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
    figure = plots.timeline([panel], window=WINDOW)
    return [(str(line.get_label()), _floats(line)) for line in figure.axes[0].get_lines()]


def test_a_line_has_the_values_of_its_column_and_a_gap_where_bins_are_missing() -> None:
    drawn = dict(_lines(PANEL))["p95"]

    assert str(drawn) == "[1000.0, 1500.0, nan, 9000.0, 8000.0]"


def test_a_level_is_drawn_across_and_named() -> None:
    figure = plots.timeline([PANEL], window=WINDOW)
    axes = figure.axes[0]

    assert _floats(axes.get_lines()[1]) == [10_000, 10_000]
    assert [text.get_text() for text in axes.texts] == ["timeout"]


def test_the_axes_carry_title_unit_day_and_the_whole_window() -> None:
    figure = plots.timeline([PANEL], window=WINDOW)
    axes = figure.axes[0]

    assert axes.get_title(loc="left") == "Duration"
    assert axes.get_ylabel() == "ms"
    assert axes.get_xlabel() == "UTC, 2026-10-14"
    width_min = (axes.get_xlim()[1] - axes.get_xlim()[0]) * 24 * 60
    assert round(width_min) == 60


def test_a_deployment_is_marked_in_every_panel_and_named_once() -> None:
    deployed = Mark(datetime(2026, 10, 14, 0, 30, tzinfo=UTC), "deployment", deploys=True)

    figure = plots.timeline([PANEL, PANEL], window=WINDOW, marks=[deployed])

    assert [len(axes.get_lines()) for axes in figure.axes] == [3, 3]
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert words == ["timeout", "deployment 00:30", "timeout"]


def test_bars_begin_at_their_bin_and_are_as_high_as_its_value() -> None:
    panel = Panel(BINS, [], "Count", "count", 300, bars=Line("p95_ms", "n"))

    figure = plots.timeline([panel], window=WINDOW)

    (bars,) = figure.axes[0].collections
    corners = [path.get_extents() for path in bars.get_paths()]
    assert [(box.y0, box.y1) for box in corners] == [(0, 1000), (0, 1500), (0, 9000), (0, 8000)]
    starts = [num2date(box.x0) for box in corners]  # type: ignore[no-untyped-call]
    assert starts == BINS["at"].tolist()
    assert [round(box.width * 24 * 60, 2) for box in corners] == [4.5] * 4


def test_panels_are_below_one_another_at_the_same_place_of_the_picture() -> None:
    long = Line("p95_ms", "the ninety-fifth percentile of the same window yesterday")
    crowded = Panel(BINS, [long, long], "Duration of invocations", "ms", 300)

    figure = plots.timeline([PANEL, crowded, PANEL], window=WINDOW)

    boxes = [axes.get_position() for axes in figure.axes]
    assert len({(box.x0, box.x1) for box in boxes}) == 1
    assert len({round(box.height, 6) for box in boxes}) == 1
    titles = [axes.title.get_window_extent().y1 / figure.bbox.height for axes in figure.axes]
    assert 1 > titles[0] > boxes[0].y0 > titles[1] > boxes[1].y0 > titles[2] > boxes[2].y0 > 0


def test_numbers_too_long_to_stand_beside_a_unit_are_shortened() -> None:
    frame = BINS.assign(p95_ms=BINS["p95_ms"] * 10_000)

    figure = plots.timeline([Panel(frame, PANEL.lines, "Age", "ms", 300)], window=WINDOW)

    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[:2] == ["0", "25 M"]


def test_a_panel_without_data_says_so() -> None:
    panel = Panel(BINS.iloc[:0], [Line("p95_ms", "p95")], "Duration", "ms", 300)

    figure = plots.timeline([panel], window=WINDOW)

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
    first = plots.png(plots.timeline([PANEL], window=WINDOW))
    second = plots.png(plots.timeline([PANEL], window=WINDOW))

    assert first.startswith(b"\x89PNG")
    assert first == second


def _mark(minute: int, label: str = "table updated", *, deploys: bool = False) -> Mark:
    return Mark(WINDOW.start + timedelta(minutes=minute), label, deploys)


def _widths(figure: Figure) -> list[list[float]]:
    return [[line.get_linewidth() for line in axes.get_lines()[2:]] for axes in figure.axes]


def test_several_changes_are_numbered_at_their_lines_and_named_below() -> None:
    changes = [
        _mark(55, "alias moved", deploys=True),
        _mark(30, "deployment", deploys=True),
        _mark(40, "event source mapping changed"),
        _mark(60, "after the window"),
    ]

    figure = plots.timeline([PANEL, PANEL], window=WINDOW, marks=changes)

    first, second = figure.axes
    assert [text.get_text() for text in first.texts] == ["timeout", "1", "2", "3"]
    assert [text.get_text() for text in second.texts] == ["timeout"]
    assert _widths(figure) == [[1.5, 1.1, 1.5], [1.5, 1.1, 1.5]]
    assert [text.get_text().replace("\xa0", " ") for text in figure.texts] == [
        "1 deployment 00:30   2 event source mapping changed 00:40   3 alias moved 00:55"
    ]
    assert plots.describe([PANEL], window=WINDOW, marks=changes).endswith(
        "timeout at 10,000. "
        "Changes: deployment 00:30; event source mapping changed 00:40; alias moved 00:55."
    )


def test_changes_that_would_lie_on_one_another_are_one_and_a_deployment_stays_one() -> None:
    changes = [_mark(30), _mark(31, "deployment", deploys=True), _mark(50), _mark(51), _mark(51)]

    figure = plots.timeline([PANEL], window=WINDOW, marks=changes)

    assert _widths(figure) == [[1.5, 1.1]]
    assert plots.describe([PANEL], window=WINDOW, marks=changes).endswith(
        "Changes: deployment, table updated 00:30; table updated 00:50."
    )


def test_of_many_changes_a_dozen_are_marked_and_none_of_their_numbers_overlaps() -> None:
    changes = [_mark(minute, f"change {minute}") for minute in range(60)]

    figure = plots.timeline([PANEL], window=WINDOW, marks=changes)

    figure.draw_without_rendering()
    numbers = [text for text in figure.axes[0].texts if text.get_text().isdigit()]
    boxes = [text.get_window_extent() for text in numbers]
    assert [text.get_text() for text in numbers] == [str(n) for n in range(1, 13)]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    below = [text.get_window_extent() for text in figure.texts]
    assert max(box.x1 for box in below) < figure.bbox.x1
    assert all(lower.y1 <= upper.y0 for lower, upper in pairwise(below))
    assert max(box.y1 for box in below) < figure.axes[0].get_tightbbox().y0  # type: ignore[union-attr]
    assert "change 0 and 7 other changes 00:00" in plots.describe(
        [PANEL], window=WINDOW, marks=changes
    )
