"""How values are printed: every value a string, missing ones absent.

In: a value of the last stage; the rows DuckDB returns. Out: SQL of its printed form, and of a whole
row as JSON; rows as the API sends them.

Must not know stages.

Source
------
GetQueryResults and captures of its answers: timestamps ``YYYY-MM-DD HH:MM:SS.mmm`` in UTC, computed
numbers with at most four decimals and no trailing zeros, conditions 1 and 0, ``@ptr`` last.
"""

import json
from collections.abc import Iterable, Sequence

from opslib.cwli.switches import Switches
from opslib.cwli.values import Kind, Value, as_text, quoted, rounded, scalar


def printed(value: Value, switches: Switches) -> str:
    """Return SQL of the text that stands for a value in a row."""
    if value.kind in (Kind.TEXT, Kind.WHOLE):
        return as_text(value)
    if value.kind is Kind.JSON:
        # A map or list is printed as JSON: what the API shows of one is not documented.
        return f"coalesce({scalar(value)}, CAST({value.sql} AS VARCHAR))"
    if value.kind is Kind.INSTANT:
        instant = f"make_timestamp(({value.sql}) * 1000)"
        return f"strftime({instant}, '%Y-%m-%d %H:%M:%S.%g')"
    if value.kind is Kind.BOOLEAN:
        return f"CAST(CAST({value.sql} AS INTEGER) AS VARCHAR)"
    return rounded(value, switches.decimals)


def rows(columns: Sequence[str], found: Iterable[Sequence[str | None]]) -> list[dict[str, str]]:
    """Return rows as mappings from column to text, in column order, without missing values."""
    return [
        {name: value for name, value in zip(columns, row, strict=True) if value is not None}
        for row in found
    ]


def written(columns: Sequence[str], texts: Sequence[str]) -> str:
    """Return SQL of a row as GetQueryResults sends it: a JSON list of cells, of field and value.

    A missing value has no cell. For a hundred thousand rows this is many times as fast as to make
    mappings of them, and JSON of the mappings.

    Parameters
    ----------
    texts
        SQL of the printed value of each column.
    """
    cells = [
        f"{quoted(_head(column))} || to_json({text}) || '}}'"
        for column, text in zip(columns, texts, strict=True)
    ]
    return f"'[' || concat_ws(', ', {', '.join(cells)}) || ']'"


def _head(column: str) -> str:
    return f'{{"field": {json.dumps(column)}, "value": '
