"""A run folder to one HTML page; see the package's text."""

import functools
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import nbformat
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup, escape
from pyarrow import ArrowInvalid, parquet

from opslib import masking, run_folder, show
from opslib.errors import BadInput
from opslib.report import console
from opslib.report.cells import blocks
from opslib.report.cleaning import clean

WORDS = {
    "healthy": "Healthy",
    "warning": "Warning",
    "critical": "Critical",
    "unknown": "Could not look",
}
_TEMPLATES = Path(__file__).parent / "templates"
_GROUPS = "/aws/lambda/"
_ROWS = ("findings", "metrics", "plans", "queries")
#: What a receipt says, in this order; whatever else it says comes after.
_RECEIPT = ("status", "rows", "matched", "scanned", "scanned_bytes", "truncated", "query_id")
_SAID_ELSEWHERE = ("name", "text", "completeness", "groups", "window")


def render(folder: Path) -> str:
    """Return the report of a run as one HTML page.

    Parameters
    ----------
    folder
        A run folder, sealed or not, with ``result.json`` and ``notebook.ipynb``.

    Returns
    -------
    The same text for the same folder.

    Raises
    ------
    BadInput
        One of the two files is not there, or is not what a run writes.
    """
    masks = masking.Masks()
    result = _seen(masks.value(_result(folder / run_folder.RESULT)))
    notebook = masking.notebook(_notebook(folder / run_folder.NOTEBOOK), masks)
    page = (
        _templates()
        .get_template("report.html.j2")
        .render(
            css=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704
            result=result,
            title=show.visible(_title(notebook)) or result["notebook"],
            word=WORDS[result["verdict"]],
            words=WORDS,
            stopped=show.visible(notebook.metadata.get("papermill", {}).get("reason", "")),
            window=_window(result["window"], _timezone(notebook)),
            length=_length(result),
            functions=_functions(notebook, result),
            plans=[(plan, clean(show.plan(plan).html)) for plan in result["plans"]],
            blocks=blocks(notebook.cells),
            queries=_queries(result),
            metrics=_table(result["metrics"]),
            evidence=_evidence(folder, result),
        )
    )
    return page.rstrip() + "\n"


@functools.cache
def _templates() -> Environment:
    """Return the templates of a page, compiled once a process."""
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        # A finding that lacks a line is no reason to lose the report.
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"instant": _instant, "number": _number, "cell": _cell}
    return templates


def _result(path: Path) -> dict[str, Any]:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        whole = (
            result["verdict"] in WORDS
            and all(isinstance(result[key], str) for key in ("notebook", "started", "ended"))
            and all(isinstance(row, dict) for key in _ROWS for row in result[key])
            and isinstance(result["identity"], dict)
        )
        _window(result["window"], None)
        _length(result)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(path, "is not the result of a run.") from error
    if not whole:
        raise _unusable(path, "is not the result of a run.")
    found: dict[str, Any] = result
    return found


def _notebook(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        if not isinstance(json.loads(text)["cells"], list):
            raise TypeError
        return nbformat.reads(text, as_version=4)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError) as error:
        raise _unusable(path, "is not a notebook.") from error


def _unusable(path: Path, found: str) -> BadInput:
    return BadInput(f"Not rendered: {path} {found} Run the notebook again.", file=str(path))


def _title(notebook: Any) -> str:
    """Return the symptom: the first heading of the notebook's first cell."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        return ""
    return str(first.source.splitlines()[0][2:].strip())


def _window(window: Mapping[str, Any], timezone: str | None) -> list[tuple[str, str]]:
    """Return zone and span, first in UTC, then as the system's people read their clocks."""
    if not window.get("start") or not window.get("end"):
        return []
    ends = [datetime.fromisoformat(window[end]) for end in ("start", "end")]
    zones = dict.fromkeys(["UTC", timezone or "UTC"])
    return [(zone, _span(*(end.astimezone(ZoneInfo(zone)) for end in ends))) for zone in zones]


def _span(start: datetime, end: datetime) -> str:
    if start.date() == end.date():
        return f"{start:%a %Y-%m-%d, %H:%M} – {end:%H:%M}"
    return f"{start:%a %Y-%m-%d, %H:%M} – {end:%a %Y-%m-%d, %H:%M}"


def _length(result: Mapping[str, Any]) -> str:
    """Return how long the run took."""
    if not result["started"] or not result["ended"]:
        return ""
    taken = datetime.fromisoformat(result["ended"]) - datetime.fromisoformat(result["started"])
    return f"{taken.total_seconds():.1f} s"


def _instant(text: str) -> str:
    """Return an instant for people; what is none, as it stands."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _cell(value: object) -> str | Markup:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return Markup("<br>").join(escape(f"{name}: {_cell(v)}") for name, v in value.items())
    if isinstance(value, list):
        return Markup("<br>").join(escape(_cell(item)) for item in value) or "–"
    return _number(value)


def _table(rows: list[dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Return column names in the order they first come, and rows of values."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return names, [[row.get(name) for name in names] for row in rows]


def _seen(value: Any) -> Any:
    """Return a JSON value whose text holds no character that acts."""
    if isinstance(value, str):
        return show.visible(value)
    if isinstance(value, Mapping):
        return {show.visible(str(name)): _seen(held) for name, held in value.items()}
    return [_seen(held) for held in value] if isinstance(value, list) else value


def _timezone(notebook: Any) -> str | None:
    zone = notebook.metadata.get("opslib", {}).get("timezone")
    return str(zone) if zone else None


def _functions(notebook: Any, result: Mapping[str, Any]) -> list[str]:
    """Return the function that was named, or those whose logs were asked."""
    given = notebook.metadata.get("papermill", {}).get("parameters", {}).get("function")
    if isinstance(given, str) and given:
        return [show.visible(given)]
    groups = [str(group) for query in result["queries"] for group in query.get("groups") or ()]
    named = [group.removeprefix(_GROUPS) for group in groups if group.startswith(_GROUPS)]
    return list(dict.fromkeys(named))


def _queries(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each query with its receipt as names and values, its part of the window, its link."""
    shown = []
    for query in result["queries"]:
        names = [*_RECEIPT, *(name for name in query if name not in (*_RECEIPT, *_SAID_ELSEWHERE))]
        shown.append(
            {
                **query,
                "receipt": [(name, query[name]) for name in names if name in query],
                "spans": _window(query.get("window") or {}, None),
                "link": console.link(
                    query,
                    region=result["identity"].get("region"),
                    arn=result["identity"].get("arn"),
                ),
            }
        )
    return shown


def _evidence(folder: Path, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for each answer that was kept, its place, query, rows, and files with sizes."""
    kept: dict[str, list[str]] = {}
    for path in sorted(p for p in (folder / "evidence").rglob("*") if p.is_file()):
        name = path.relative_to(folder).with_suffix("").as_posix()
        kept.setdefault(name, []).append(f"{path.suffix} {path.stat().st_size:,} bytes")
    asked = {_slug(query.get("name", "")): at for at, query in enumerate(result["queries"], 1)}
    return [
        {
            "name": name,
            "files": ", ".join(files),
            "query": asked.get(re.sub(r"^evidence/\d+-", "", name)),
            "rows": _rows(folder / f"{name}.parquet"),
        }
        for name, files in kept.items()
    ]


def _rows(path: Path) -> int | None:
    """Return how many rows a file of Parquet holds; None when it is none."""
    try:
        return int(parquet.read_metadata(path).num_rows)
    except (OSError, ArrowInvalid):
        return None


def _slug(name: str) -> str:
    """Return a query's name as `opslib.evidence` puts it into the names of files."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name)
