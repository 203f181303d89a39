"""The index of a triage: its path as a drawing, and as a list where the drawing is too wide."""

import re
from typing import Any

from opslib.triage import page

SKIPPED = ["11-permission-denied", "12-timeout", "20-duration", "40-cold-starts"]


def _step(notebook: str, depth: int, *came_from: str, **more: Any) -> dict[str, Any]:
    origins = [{"notebook": name, "finding": "errors.rate"} for name in came_from]
    place = {"function": "", "about": {}, "depth": depth, "came_from": origins}
    return {"notebook": notebook, **place, **more}


def _ran(notebook: str, depth: int, *came_from: str) -> dict[str, Any]:
    report = f"../{notebook}/report.html"
    more = {"verdict": "warning", "findings": [], "limits": [], "report": report}
    return _step(notebook, depth, *came_from, **more)


def _shown() -> str:
    runs = [
        _ran("00-triage", 0),
        _ran("10-error-rate", 1, "00-triage"),
        _ran("50-stream-lag", 1, "00-triage", "10-error-rate"),
        _ran("13-code-error", 2, "10-error-rate"),
    ]
    index = {
        "run_id": "20261014T030700Z-triage-tree-ZAEL-demo",
        "system": "ZAEL-demo",
        "window": {"start": "2026-10-14T00:07:00Z", "end": "2026-10-14T03:07:00Z"},
        "verdict": "unknown",
        "stopped": "",
        "runs": runs,
        "not_run": [_step("60-dynamodb-throttling", 2, "50-stream-lag", why="Held by another.")],
        "not_taken": SKIPPED,
        "started": "2026-10-14T03:07:00Z",
        "ended": "2026-10-14T03:07:08Z",
        "opslib": "1",
    }
    return page.render(index)


def test_the_list_tells_each_notebook_behind_the_one_that_opened_it() -> None:
    listed = re.findall(r'<li style="--depth: (\d)">.*?<span>([\w-]+)(.*?)</li>', _shown(), re.S)

    assert [(int(depth), name) for depth, name, _ in listed] == [
        (0, "00-triage"),
        (1, "10-error-rate"),
        (2, "13-code-error"),
        (1, "50-stream-lag"),
        (2, "60-dynamodb-throttling"),
    ]
    assert ["not run" in rest for _, _, rest in listed] == [False, False, False, False, True]


def test_what_was_not_opened_stands_below_the_path_three_in_a_row() -> None:
    boxes = re.findall(r'<rect x="(\d+)" y="(\d+)".*?<text[^>]*>([^<]+)</text>', _shown(), re.S)

    places = {name: (int(x), int(y)) for x, y, name in boxes}
    assert places["13-code-error"] == (662, 2)
    assert places["50-stream-lag"] == (332, 68)
    assert [places[name] for name in SKIPPED] == [(2, 134), (332, 134), (662, 134), (2, 200)]
