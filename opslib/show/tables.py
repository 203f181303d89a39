"""Tables, as people read them: units in the headings, a dash for what is missing.

In: frames whose column names carry their units (``p95_ms`` becomes ``p95 (ms)``); instants in UTC.
Out: a `Shown`. Must not compute an answer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from numbers import Integral
from typing import TYPE_CHECKING, Any

from opslib.show.shown import LOOKS, Shown, masks, safe, visible

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 60
_SHORT, _LONG = 20, 44
_WIDTHS = {"long": "10em", "longer": "18em"}
_UNITS = {"ms": "ms", "s": "s", "mb": "MB", "pct": "%", "bytes": "bytes"}


def table(rows: "pd.DataFrame", *, caption: str = "") -> Shown:
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
    import pandas as pd

    shown = masks().frame(rows.head(MOST_ROWS))
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


def facts(values: Mapping[str, object], *, caption: str = "") -> Shown:
    """Show named facts as a table of one row, in the order given."""
    import pandas as pd

    return table(pd.DataFrame([values]), caption=caption)


def _heading(name: str) -> str:
    stem, _, unit = name.rpartition("_")
    if stem and unit in _UNITS:
        return f"{stem.replace('_', ' ')} ({_UNITS[unit]})"
    return name.replace("_", " ")


def _cells(column: "pd.Series[Any]") -> list[str]:
    """Write a column's values, all numbers of it with as many decimals as its largest needs."""
    import pandas as pd

    numbers = [abs(v) for v in column if isinstance(v, float) and not pd.isna(v)]
    largest = max(numbers, default=0.0)
    decimals = 0 if largest >= 1000 or all(v == round(v) for v in numbers) else 1
    decimals += decimals and largest < 100
    return [_cell(value, decimals=decimals) for value in column]


def _cell(value: object, *, decimals: int) -> str:
    import pandas as pd

    if pd.isna(value):  # type: ignore[call-overload]
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    if isinstance(value, float):
        return f"{value:,.{decimals}f}"
    if isinstance(value, Integral):
        return f"{value:,}"
    return f"{LOOKS[value][0]} {value}" if value in LOOKS else visible(str(value))


def _html_table(
    columns: Mapping[str, Sequence[str]], numeric: Sequence[bool], lines: Sequence[str]
) -> str:
    said = lines[:-1] if columns and any(columns.values()) else lines
    caption = "".join(
        f'<caption style="min-width:20em">{safe(line)}</caption>'
        for line in [" ".join(said)]
        if line
    )
    # Short cells stay on one line; long ones keep a width that can be read, and the table scrolls.
    longest = [max(map(len, [*cells, name])) for name, cells in columns.items()]
    aligned = [
        f'{_class(size)} style="text-align:{"right" if number else "left"}{_width(size)}"'
        for number, size in zip(numeric, longest, strict=True)
    ]
    head = "".join(
        f'<th scope="col"{style}>{safe(name)}</th>'
        for name, style in zip(columns, aligned, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{s}>{safe(v)}</td>" for v, s in zip(row, aligned, strict=True))
        + "</tr>"
        for row in zip(*columns.values(), strict=True)
    )
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _class(longest: int) -> str:
    return "" if longest <= _SHORT else f' class="opslib-{_size(longest)}"'


def _width(longest: int) -> str:
    return ";white-space:nowrap" if longest <= _SHORT else f";min-width:{_WIDTHS[_size(longest)]}"


def _size(longest: int) -> str:
    return "long" if longest <= _LONG else "longer"
