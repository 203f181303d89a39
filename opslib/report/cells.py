"""The cells of an executed notebook as blocks of a page.

In: cells of nbformat 4. Out: a `Block` for each that says something, its outputs as harmless HTML,
as pictures with their descriptions, or as text whose colours of a terminal are kept and whose other
codes are only seen. Must not know results.

Sources
-------
nbconvert 7.17 renders Markdown and terminal colours; its own templates load three libraries from
the network and ignore the alternative text of plots, which is why the page is ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from nbconvert.filters import ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

from opslib import run_folder
from opslib.report.cleaning import UNDESCRIBED, clean
from opslib.show import visible

_PICTURES = ("image/png", "image/jpeg")
_LABELS = {"parameters": "Parameters", "injected-parameters": "Parameters as given"}
_MOST_CHARACTERS = 20_000


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


def blocks(cells: Iterable[Any]) -> list[Block]:
    """Return the blocks of a notebook; its title, the first line of the first cell, is left out."""
    found = []
    for number, cell in enumerate(cells):
        source = _without_title(cell.source) if number == 0 else cell.source
        if cell.cell_type == "markdown":
            if source.strip():
                found.append(Block("prose", _markdown(source)))
        elif cell.cell_type == "code" and source.strip():
            not_run = cell.metadata.get("papermill", {}).get("status") == "not-run"
            outputs = tuple(map(_output, cell.outputs))
            tags = cell.metadata.get("tags", [])
            label = next((_LABELS[tag] for tag in tags if tag in _LABELS), "Code")
            found.append(Block("code", _highlighted(source), outputs, label, not_run))
    return found


def _output(output: Any) -> Output:
    if output.output_type == "stream":
        return Output("text", _terminal(output.text.rstrip()))
    if output.output_type == "error":
        text = "\n".join(output.traceback) or f"{output.ename}: {output.evalue}"
        return Output("error", _terminal(text))
    data = output.data
    for kind in _PICTURES:
        if kind in data:
            alt = output.metadata.get(kind, {}).get("alt") or UNDESCRIBED
            packed = "".join(str(data[kind]).split())
            return Output("picture", f"data:{kind};base64,{packed}", visible(alt))
    if "text/html" in data:
        return Output("html", clean(data["text/html"]))
    if "text/markdown" in data:
        return Output("html", _markdown(data["text/markdown"]))
    if "text/plain" in data:
        return Output("text", visible(_short(data["text/plain"])))
    kinds = ", ".join(data)
    return Output("text", f"Not shown here, but kept in {run_folder.NOTEBOOK}: {kinds}.")


def _terminal(text: str) -> Markup:
    """Return what a terminal would show, with its colours; other codes are only seen."""
    return Markup(visible(ansi2html(_short(text))))  # noqa: S704 - ansi2html escapes


def _short(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    rest = len(text) - _MOST_CHARACTERS
    return f"{text[:_MOST_CHARACTERS]}\n… {rest:,} more characters are in {run_folder.NOTEBOOK}."


def _markdown(source: str) -> Markup:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return clean(str(MarkdownWithMath(renderer=renderer).render(source)))


def _highlighted(source: str) -> Markup:
    coloured = highlight(visible(source), PythonLexer(), HtmlFormatter(nowrap=True))
    return Markup(coloured.rstrip())  # noqa: S704


def _without_title(source: str) -> str:
    return source.partition("\n")[2] if source.startswith("# ") else source
