"""Rows as a table, JSON or CSV.

In: rows of the engine, their columns in order. Out: text. A table is for people: ``@ptr`` is left
out, line breaks and control characters are shown, not obeyed, for a log line is hostile input. JSON
and CSV carry every value as it is: JSON with such characters as escapes, CSV as they are, unless it
goes to a terminal.

Must not know files or queries.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence

FORMATS = ("table", "json", "csv")

Rows = Sequence[Mapping[str, str]]

_GAP = "  "
_LEAST_WIDTH = 12
_SHOWN = {"\n": "⏎", "\t": " ", "\r": ""}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def printed(
    rows: Rows,
    columns: Sequence[str],
    *,
    format_: str,
    width: int | None = None,
    terminal: bool = False,
) -> str:
    """Write rows.

    Parameters
    ----------
    rows
        From column to text; a missing value is absent.
    columns
        Every column, in order.
    format_
        One of `FORMATS`.
    width
        Characters of a line of a table, None for as many as it takes. Longer cells are cut.
    terminal
        Whether a terminal gets it: CSV then shows control characters, too; line breaks stay.

    Returns
    -------
    Text that ends with a line break, or nothing for a table without rows.
    """
    if format_ == "json":
        lines = ",\n".join(_escaped(json.dumps(row, ensure_ascii=False)) for row in rows)
        return f"[\n{lines}\n]\n" if rows else "[]\n"
    if format_ == "csv":
        target = io.StringIO()
        writer = csv.DictWriter(target, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text = target.getvalue()
        return _CONTROL.sub(lambda m: m[0] if m[0] == "\n" else "�", text) if terminal else text
    return _table(rows, [name for name in columns if name != "@ptr"], width)


def _escaped(line: str) -> str:
    """Escape what JSON would let be: the codes above 127, and what turns the direction of text."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _table(rows: Rows, columns: list[str], width: int | None) -> str:
    if not rows or not columns:
        return ""
    cells = [[visible(row.get(name, "")) for name in columns] for row in rows]
    heads = [visible(name) for name in columns]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    if width is not None:
        widths = _fitted(widths, width - len(_GAP) * (len(widths) - 1))
    numeric = [all(not cell or _NUMBER.fullmatch(cell) for cell in column)
               for column in zip(*cells, strict=True)]  # fmt: skip
    lines = [_line(heads, widths, numeric), _GAP.join("─" * size for size in widths)]
    lines += [_line(row, widths, numeric) for row in cells]
    return "\n".join(lines) + "\n"


def _line(cells: list[str], widths: list[int], numeric: list[bool]) -> str:
    placed = []
    for cell, size, right in zip(cells, widths, numeric, strict=True):
        cut = cell if len(cell) <= size else cell[: size - 1] + "…"
        placed.append(cut.rjust(size) if right else cut.ljust(size))
    return _GAP.join(placed).rstrip()


def _fitted(widths: list[int], room: int) -> list[int]:
    """Cut the widest columns alike until all fit, but none below what can be read."""
    most = max(widths)
    while most > _LEAST_WIDTH and sum(min(size, most) for size in widths) > room:
        most -= 1
    return [min(size, most) for size in widths]


def visible(text: str, *, cut_end: bool = True) -> str:
    """Show control characters; without the blanks at the end unless told otherwise."""
    kept = text.rstrip("\n\t ") if cut_end else text
    return _CONTROL.sub(lambda match: _SHOWN.get(match[0], "�"), kept)
