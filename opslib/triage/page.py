"""The index of a triage as one HTML page: the verdict, the path that was taken, a line a notebook.

In: the content of ``index.json``. Out: the text of ``index.html``, which opens offline, asks nobody
for anything and holds no script. Titles come from AWS and are hostile input: everything is escaped.
Links lead to the reports in the run folders beside it. Must not run anything or judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

WORDS = {
    "healthy": "Healthy",
    "warning": "Warning",
    "critical": "Critical",
    "unknown": "Could not look",
}
_TEMPLATES = Path(__file__).parents[1] / "report" / "templates"
# Of the drawing, in its own units: a box, and from the start of one to the next.
_BOX = (236, 46)
_STEP = (330, 66)
_COLUMNS = 3
_MOST_FINDINGS = 4


@dataclass(frozen=True, slots=True)
class Box:
    """One notebook of the drawing, with its place; ``verdict`` is empty where nobody went."""

    name: str
    about: str
    verdict: str
    x: int
    y: int
    why: str = ""

    @property
    def depth(self) -> int:
        """How many steps it is from the first."""
        return self.x // _STEP[0]

    @property
    def width(self) -> int:
        """How wide it is."""
        return _BOX[0]

    @property
    def height(self) -> int:
        """How high it is."""
        return _BOX[1]


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the path: from the right of a box to the left of the next."""

    start: Box
    end: Box
    findings: str

    @property
    def path(self) -> str:
        """The line as SVG draws it."""
        x, y = self.start.x + _BOX[0], self.start.y + _BOX[1] // 2
        to_x, to_y = self.end.x, self.end.y + _BOX[1] // 2
        half = (x + to_x) // 2
        return f"M{x} {y}C{half} {y} {half} {to_y} {to_x} {to_y}"


def render(index: Mapping[str, Any], *, timezone: str = "UTC") -> str:
    """Return the index of a triage as one HTML page.

    Parameters
    ----------
    index
        The content of ``index.json``.
    timezone
        Where the system's people read their clocks.

    Returns
    -------
    The same text for the same index.
    """
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"instant": _instant, "worst_first": _worst_first}
    boxes = _boxes(index)
    css = "".join(
        (_TEMPLATES / f"{n}.css").read_text(encoding="utf-8") for n in ("report", "index")
    )
    page = templates.get_template("index.html.j2").render(
        css=Markup(css),  # noqa: S704 - our own file
        index=index,
        word=WORDS[index["verdict"]],
        words=WORDS,
        window=_window(index["window"], timezone),
        taken_s=_length_s(index),
        boxes=boxes,
        lines=_lines(index, boxes),
        walked=_walked(index, boxes),
        width=max(box.x for box in boxes) + _BOX[0] + 4,
        height=max(box.y for box in boxes) + _BOX[1] + 4,
        path=_told(index),
        depths=_depths(index),
        most=_MOST_FINDINGS,
    )
    return page.rstrip() + "\n"


def _boxes(index: Mapping[str, Any]) -> list[Box]:
    """Place every notebook: a column a step from the first, and below what was not taken."""
    rows: dict[int, int] = {}
    boxes = []
    for step in (*index["runs"], *index["not_run"]):
        column = step["depth"]
        row = rows[column] = rows.get(column, -1) + 1
        about = ", ".join(step["about"].values())
        verdict = step.get("verdict", "unknown")
        boxes.append(_box(step["notebook"], column, row, about, verdict, step.get("why", "")))
    below, columns = max(rows.values()) + 1, max(_COLUMNS, max(rows) + 1)
    for number, name in enumerate(index["not_taken"]):
        boxes.append(_box(name, number % columns, below + number // columns))
    return boxes


def _box(
    name: str, column: int, row: int, about: str = "", verdict: str = "", why: str = ""
) -> Box:
    return Box(name, about, verdict, 2 + column * _STEP[0], 2 + row * _STEP[1], why)


def _walked(index: Mapping[str, Any], boxes: Sequence[Box]) -> list[Box]:
    """Return the path's boxes, each behind the one that it was first opened from."""
    steps = [*index["runs"], *index["not_run"]]
    behind: dict[str, list[Box]] = {}
    for step, box in zip(steps, boxes, strict=False):
        origin = step["came_from"][0]["notebook"] if step["came_from"] else ""
        behind.setdefault(origin, []).append(box)
    walked: list[Box] = []
    waiting = behind.pop("", [])[::-1]
    while waiting:
        box = waiting.pop()
        walked.append(box)
        waiting += behind.pop(box.name, [])[::-1]
    return walked


def _lines(index: Mapping[str, Any], boxes: Sequence[Box]) -> list[Line]:
    steps = [*index["runs"], *index["not_run"]]
    lines = []
    for step, box in zip(steps, boxes, strict=False):
        findings: dict[str, list[str]] = {}
        for origin in step["came_from"]:
            findings.setdefault(origin["notebook"], []).append(origin["finding"])
        for notebook, ids in findings.items():
            start = next(b for b in boxes if b.name == notebook)
            if start.x < box.x:
                lines.append(Line(start, box, ", ".join(dict.fromkeys(ids))))
    return lines


def _depths(index: Mapping[str, Any]) -> dict[str, int]:
    """Return how far from the first each notebook stands, where it stands nearest."""
    depths: dict[str, int] = {}
    for step in (*index["runs"], *index["not_run"]):
        depths[step["notebook"]] = min(step["depth"], depths.get(step["notebook"], step["depth"]))
    return depths


def _worst_first(findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the findings so that what is cut off at the end is not the worst."""
    ranks = {word: rank for rank, word in enumerate(("critical", "warning", "unknown"))}
    return sorted(findings, key=lambda finding: ranks.get(finding["severity"], len(ranks)))


def _told(index: Mapping[str, Any]) -> str:
    """Return the drawing in words."""
    said = [f"{run['notebook']}: {WORDS[run['verdict']]}" for run in index["runs"]]
    said += [f"{missed['notebook']}: not run" for missed in index["not_run"]]
    return "; ".join(said)


def _window(window: Mapping[str, Any], timezone: str) -> list[tuple[str, str]]:
    if not window.get("start") or not window.get("end"):
        return []
    ends = [datetime.fromisoformat(window[name]) for name in ("start", "end")]
    spans = []
    for zone in dict.fromkeys(["UTC", timezone]):
        start, end = (at.astimezone(ZoneInfo(zone)) for at in ends)
        last = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%a %Y-%m-%d, %H:%M}"
        spans.append((zone, f"{start:%a %Y-%m-%d, %H:%M} – {last}"))
    return spans


def _length_s(index: Mapping[str, Any]) -> float:
    started, ended = (datetime.fromisoformat(index[name]) for name in ("started", "ended"))
    return (ended - started).total_seconds()


def _instant(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
