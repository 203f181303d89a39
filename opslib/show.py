"""What a cell of a runbook shows: a banner, a table, a plot, a receipt, the verdict.

In: plain values and frames. Out: a `Shown`, which Jupyter draws as HTML or as a picture and which
every other reader (a terminal, nbval, a diff) sees as plain text that says the same. All text
that comes from outside is escaped: a log line is hostile input. Must not compute an answer or
know AWS.

Column names carry units (STYLE.md); a table turns ``p95_ms`` into the heading ``p95 (ms)``.
"""

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from numbers import Integral
from typing import Any

import pandas as pd

MOST_ROWS = 60
_SHORT = 20
_UNITS = {"ms": "ms", "s": "s", "mb": "MB", "pct": "%", "bytes": "bytes"}
# The word always stands beside colour and shape, so that neither is needed to read it.
_LOOKS = {
    "healthy": ("✔", "#116329", "#dafbe1"),
    "warning": ("▲", "#7d4e00", "#fff8c5"),
    "critical": ("✖", "#a40e26", "#ffebe9"),
    "unknown": ("?", "#424a53", "#eaeef2"),
}
WORDS = {
    "healthy": "HEALTHY",
    "warning": "WARNING",
    "critical": "CRITICAL",
    "unknown": "COULD NOT LOOK",
}


@dataclass(frozen=True)
class Shown:
    """One thing to look at: the same content as HTML (or a picture) and as plain text."""

    text: str
    html: str = ""
    markdown: str = ""
    png: bytes = b""
    metadata: Mapping[str, object] = field(default_factory=dict)

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, object]]:
        data = {"text/plain": self.text}
        if self.png:
            data["image/png"] = base64.b64encode(self.png).decode("ascii")
        elif self.markdown:
            data["text/markdown"] = self.markdown
        elif self.html:
            data["text/html"] = self.html
        return data, dict(self.metadata)

    def __repr__(self) -> str:
        return self.text


def banner(parts: Sequence[str]) -> Shown:
    """Show one line of facts that hold for everything below it."""
    text = " · ".join(parts)
    return Shown(text=text, html=f'<p class="opslib-banner"><strong>{_safe(text)}</strong></p>')


def note(text: str, *, bad: bool = False) -> Shown:
    """Show a small sentence: a receipt, or what could not be seen."""
    style = "color:#a40e26;font-weight:600" if bad else "color:#57606a;font-size:.85em"
    return Shown(text=text, html=f'<p class="opslib-note" style="{style}">{_safe(text)}</p>')


def markdown(text: str) -> Shown:
    """Show Markdown of our own. Never for text from outside: Markdown lets HTML through."""
    return Shown(text=text, markdown=text)


def picture(png: bytes, *, alt: str) -> Shown:
    """Show a plot. The alternative text says in words and numbers what the plot shows."""
    return Shown(text=alt, png=png, metadata={"image/png": {"alt": alt}})


def table(rows: pd.DataFrame, *, caption: str = "") -> Shown:
    """Show a frame as people read one.

    Parameters
    ----------
    rows
        Any frame; its index is not shown. Instants are UTC. Only the first 60 rows are shown, and
        it says so.
    caption
        What one row is.

    Returns
    -------
    The table as HTML and as aligned text, with units in the headings and a dash for what is
    missing.
    """
    shown = rows.head(MOST_ROWS)
    columns = {_heading(str(name)): _cells(shown[name]) for name in shown}
    numeric = [pd.api.types.is_numeric_dtype(rows[name]) for name in rows]
    lines = [caption] if caption else []
    if len(rows) > MOST_ROWS:
        lines.append(f"The first {MOST_ROWS} of {len(rows)} rows; all of them are in the evidence.")
    if not len(rows):
        lines.append("No rows.")
    else:
        lines.append(pd.DataFrame(columns, dtype="str").to_string(index=False))
    return Shown(text="\n".join(lines), html=_html_table(columns, numeric, lines))


def verdict(
    word: str,
    *,
    title: str,
    findings: Sequence[Mapping[str, object]],
    links: Sequence[tuple[str, str]],
    limits: Sequence[str],
) -> Shown:
    """Show the verdict of a notebook, why, and where to go on.

    Parameters
    ----------
    word
        ``healthy``, ``warning``, ``critical`` or ``unknown``.
    title
        One sentence that names the cause.
    findings
        Mappings with ``severity``, ``title`` and ``detail``, worst cause first.
    links
        Text and target of what to open next.
    limits
        Sentences on what could not be seen.
    """
    mark, ink, paper = _LOOKS[word]
    text = [f"{mark} {WORDS[word]}: {title}"]
    parts = [
        f'<div class="opslib-verdict" style="border-left:6px solid {ink};background:{paper};'
        f'color:#1b1f24;padding:.7em 1em">'
        f'<p style="margin:0;font-size:1.15em"><strong style="color:{ink}">{mark} {WORDS[word]}'
        f"</strong> {_safe(title)}</p>"
    ]
    if findings:
        parts.append("<ul>")
    for finding in findings:
        look = _LOOKS[str(finding["severity"])][0]
        text.append(f"  {look} {finding['title']}: {finding['detail']}")
        parts.append(f"<li>{look} <strong>{_safe(finding['title'])}</strong><br>")
        parts.append(f"{_safe(finding['detail'])}</li>")
    if findings:
        parts.append("</ul>")
    for limit in limits:
        text.append(f"  ? Could not see: {limit}")
        parts.append(f"<p>? <strong>Could not see:</strong> {_safe(limit)}</p>")
    for label, target in links:
        text.append(f"  Next: {label} ({target})")
        parts.append(f'<p>Next: <a href="{_safe(target)}">{_safe(label)}</a></p>')
    parts.append("</div>")
    return Shown(text="\n".join(text), html="".join(parts))


def plans(rows: Sequence[Mapping[str, object]]) -> Shown:
    """Show remedies as plans: what each would change, and the commands. Nothing is changed.

    Parameters
    ----------
    rows
        As result.json holds them (`opslib.remedy.Plan.as_dict`).
    """
    if not rows:
        return Shown(text="Nothing to mend.", html="<p>Nothing to mend.</p>")
    text, parts = [], []
    for row in rows:
        undo = row["undo"] or "cannot be undone"
        commands = "\n".join(str(line) for line in row["cli"])  # type: ignore[attr-defined]
        text += [
            f"PLAN {row['token']}: {row['action']}",
            f"  subject: {row['subject']}",
            f"  before: {row['before']}",
            f"  after: {row['after']}",
            f"  touches: {row['touches']}",
            f"  undo: {undo}",
            commands,
        ]
        parts.append(
            f"<h4>{_safe(row['action'])}</h4><p><code>{_safe(row['token'])}</code> "
            f"{_safe(row['subject'])}</p><p>Touches: {_safe(row['touches'])}<br>"
            f"Undo: {_safe(undo)}</p><pre>{_safe(commands)}</pre>"
        )
    return Shown(text="\n".join(text), html="".join(parts))


def facts(values: Mapping[str, object], *, caption: str = "") -> Shown:
    """Show named facts as a table of one row, in the order given."""
    return table(pd.DataFrame([values]), caption=caption)


def _safe(value: object) -> str:
    return html.escape(str(value))


def _heading(name: str) -> str:
    stem, _, unit = name.rpartition("_")
    if stem and unit in _UNITS:
        return f"{stem.replace('_', ' ')} ({_UNITS[unit]})"
    return name.replace("_", " ")


def _cells(column: "pd.Series[Any]") -> list[str]:
    """Write a column's values, all numbers of it with as many decimals as its largest needs."""
    numbers = [abs(v) for v in column if isinstance(v, float) and not pd.isna(v)]
    largest = max(numbers, default=0.0)
    decimals = 0 if largest >= 1000 or all(v == round(v) for v in numbers) else 1
    decimals += decimals and largest < 100
    return [_cell(value, decimals=decimals) for value in column]


def _cell(value: object, *, decimals: int) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    if isinstance(value, float):
        return f"{value:,.{decimals}f}"
    if isinstance(value, Integral):
        return f"{value:,}"
    return f"{_LOOKS[value][0]} {value}" if value in _LOOKS else str(value)


def _html_table(
    columns: Mapping[str, Sequence[str]], numeric: Sequence[bool], lines: Sequence[str]
) -> str:
    said = lines[:-1] if columns and any(columns.values()) else lines
    caption = "".join(f"<caption>{_safe(line)}</caption>" for line in [" ".join(said)] if line)
    # Short cells stay on one line, so that a narrow screen breaks the long ones.
    short = [max(map(len, [*cells, name])) <= _SHORT for name, cells in columns.items()]
    aligned = [
        f' style="text-align:{"right" if n else "left"}{";white-space:nowrap" if s else ""}"'
        for n, s in zip(numeric, short, strict=True)
    ]
    head = "".join(
        f'<th scope="col"{style}>{_safe(name)}</th>'
        for name, style in zip(columns, aligned, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{s}>{_safe(v)}</td>" for v, s in zip(row, aligned, strict=True))
        + "</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
