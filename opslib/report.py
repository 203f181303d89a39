"""A run folder to one HTML file: the verdict first, then the runbook, then every question asked.

In: a run folder with ``result.json``, ``notebook.ipynb`` and ``evidence/``. Out: the text of
``report.html``, which opens offline, asks nobody for anything and holds no script at all.

Log text is hostile input. Everything the template prints is escaped; what a cell shows as HTML or
Markdown passes an allow-list that knows no script, no handler, no remote picture and no style that
could cover the verdict; and the page forbids all of it once more by a content security policy.

Must not run anything, know AWS, or judge.

Sources
-------
nbconvert 7.17 renders Markdown and terminal colours; its own templates load three libraries from
the network and ignore the alternative text of plots, which is why the page is ours.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import nbformat
from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
from bleach.html5lib_shim import Filter  # type: ignore[import-untyped]
from bleach.sanitizer import Cleaner  # type: ignore[import-untyped]
from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup, escape
from nbconvert.filters import ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

from opslib import run_folder
from opslib.errors import BadInput

WORDS = {
    "healthy": "Healthy",
    "warning": "Warning",
    "critical": "Critical",
    "unknown": "Could not look",
}
_TEMPLATES = Path(__file__).parent / "templates"
_PICTURES = ("image/png", "image/jpeg")

_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del"),
    *("details", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img"),
    *("li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup", "table"),
    *("tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
_ATTRIBUTES = {
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "abbr": {"title"},
    "ol": {"start"},
    "details": {"open"},
}
# No colours: a cell's are chosen for white paper, and the page may be dark.
_STYLES = CSSSanitizer(
    allowed_css_properties=[
        "border", "border-bottom", "border-left", "border-right", "border-top", "font-size",
        "font-style", "font-weight", "margin", "padding", "text-align", "white-space",
    ]
)  # fmt: skip
_LABELS = {"parameters": "Parameters", "injected-parameters": "Parameters as given"}
_UNDESCRIBED = "Picture without a description."
_BELOW = {f"h{level}": f"h{min(level + 1, 6)}" for level in range(1, 7)}
_SCROLL = {
    (None, "class"): "scroll",
    (None, "tabindex"): "0",
    (None, "role"): "region",
    (None, "aria-label"): "Table",
}
_MOST_CHARACTERS = 20_000
_ROWS = ("findings", "metrics")
_INLINE_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_SILENT = re.compile(r"<(script|style)\b.*?(</\1\s*>|$)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Output:
    """One thing a cell showed: ``html``, ``picture`` (a data URL), ``text`` or ``error``."""

    kind: str
    content: Markup | str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One cell: ``prose`` has its text as HTML; ``code`` has it highlighted, and outputs."""

    kind: str
    content: Markup
    outputs: tuple[Output, ...] = ()
    label: str = ""
    not_run: bool = False


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
    result = _result(folder / run_folder.RESULT)
    notebook = _notebook(folder / run_folder.NOTEBOOK)
    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        # A finding that lacks a line is no reason to lose the report.
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"instant": _instant, "number": _number, "cell": _cell}
    page = templates.get_template("report.html.j2").render(
        css=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704
        result=result,
        title=_title(notebook) or result["notebook"],
        word=WORDS[result["verdict"]],
        words=WORDS,
        stopped=notebook.metadata.get("papermill", {}).get("reason", ""),
        window=_window(result["window"], notebook.metadata.get("opslib", {}).get("timezone")),
        length=_length(result),
        blocks=_blocks(notebook.cells),
        metrics=_table(result["metrics"]),
        evidence=_evidence(folder),
    )
    return page.rstrip() + "\n"


def _result(path: Path) -> dict[str, Any]:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        whole = (
            result["verdict"] in WORDS
            and all(isinstance(result[key], str) for key in ("notebook", "started", "ended"))
            and all(isinstance(row, dict) for key in _ROWS for row in result[key])
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


def clean(html: str) -> Markup:
    """Return HTML with everything taken out that could act, load or cover something.

    Links to http, https, mailto and places in the page stay; pictures stay when they are in the
    text itself. Headings move down one level, below the page's own.
    """
    return Markup(_CLEANER.clean(_SILENT.sub("", html)))  # noqa: S704


def _attribute(tag: str, name: str, value: str) -> bool:
    if name == "style":
        return "url" not in value.lower()
    if name == "class":
        return value == "dataframe" or value.startswith("opslib-")
    if name == "src":
        return tag == "img" and _INLINE_PICTURE.fullmatch(value) is not None
    if name == "href" and not value.startswith(("https:", "http:", "mailto:", "#")):
        # Another notebook lies beside the notebook, not beside a report in somebody's mail.
        return False
    return name in _ATTRIBUTES.get(tag, ())


class _Placed(Filter):  # type: ignore[misc]
    """Fit what the allow-list left into the page; on tokens, so that no text passes for a tag."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for token in super().__iter__():
            name, kind = token.get("name"), token["type"]
            if name in _BELOW:
                token["name"] = _BELOW[name]
            if name == "img":
                if (None, "src") not in token["data"]:
                    continue
                token["data"].setdefault((None, "alt"), _UNDESCRIBED)
            if name == "table" and kind == "StartTag":
                yield {"type": kind, "name": "div", "namespace": None, "data": dict(_SCROLL)}
            yield token
            if name == "table" and kind == "EndTag":
                yield {"type": kind, "name": "div", "namespace": None, "data": {}}


_CLEANER = Cleaner(
    tags=_TAGS,
    attributes=_attribute,
    protocols={"http", "https", "mailto", "data"},
    css_sanitizer=_STYLES,
    strip=True,
    strip_comments=True,
    filters=[_Placed],
)


def _blocks(cells: Iterable[Any]) -> list[Block]:
    blocks = []
    for number, cell in enumerate(cells):
        source = _without_title(cell.source) if number == 0 else cell.source
        if cell.cell_type == "markdown":
            if source.strip():
                blocks.append(Block("prose", _markdown(source)))
        elif cell.cell_type == "code" and source.strip():
            not_run = cell.metadata.get("papermill", {}).get("status") == "not-run"
            outputs = tuple(map(_output, cell.outputs))
            tags = cell.metadata.get("tags", [])
            label = next((_LABELS[tag] for tag in tags if tag in _LABELS), "Code")
            blocks.append(Block("code", _highlighted(source), outputs, label, not_run))
    return blocks


def _output(output: Any) -> Output:
    if output.output_type == "stream":
        return Output("text", Markup(ansi2html(_short(output.text.rstrip()))))  # noqa: S704
    if output.output_type == "error":
        text = "\n".join(output.traceback) or f"{output.ename}: {output.evalue}"
        return Output("error", Markup(ansi2html(_short(text))))  # noqa: S704
    data = output.data
    for kind in _PICTURES:
        if kind in data:
            alt = output.metadata.get(kind, {}).get("alt") or _UNDESCRIBED
            packed = "".join(str(data[kind]).split())
            return Output("picture", f"data:{kind};base64,{packed}", alt)
    if "text/html" in data:
        return Output("html", clean(data["text/html"]))
    if "text/markdown" in data:
        return Output("html", _markdown(data["text/markdown"]))
    if "text/plain" in data:
        return Output("text", _short(data["text/plain"]))
    kinds = ", ".join(data)
    return Output("text", f"Not shown here, but kept in {run_folder.NOTEBOOK}: {kinds}.")


def _short(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    rest = len(text) - _MOST_CHARACTERS
    return f"{text[:_MOST_CHARACTERS]}\n… {rest:,} more characters are in {run_folder.NOTEBOOK}."


def _markdown(source: str) -> Markup:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return clean(str(MarkdownWithMath(renderer=renderer).render(source)))


def _highlighted(source: str) -> Markup:
    coloured = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
    return Markup(coloured.rstrip())  # noqa: S704


def _title(notebook: Any) -> str:
    """Return the symptom: the first heading of the notebook's first cell."""
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown" or not first.source.startswith("# "):
        return ""
    return str(first.source.splitlines()[0][2:].strip())


def _without_title(source: str) -> str:
    return source.partition("\n")[2] if source.startswith("# ") else source


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


def _evidence(folder: Path) -> list[tuple[str, str]]:
    """Return, a line for each answer that was kept, its name and its files with their sizes."""
    kept: dict[str, list[str]] = {}
    for path in sorted(p for p in (folder / "evidence").rglob("*") if p.is_file()):
        name = path.relative_to(folder).with_suffix("").as_posix()
        kept.setdefault(name, []).append(f"{path.suffix} {path.stat().st_size:,} bytes")
    return [(name, ", ".join(files)) for name, files in kept.items()]
