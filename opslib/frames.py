"""Rows to a typed frame: the same columns, of the same types, however many rows there are.

In: rows and the columns they are to have. Out: a frame. Does no I/O. Rows of a query are made into
frames by `opslib.insights`, which reads them from text.
"""

from collections.abc import Mapping, Sequence

import pandas as pd


def frame(
    rows: Sequence[Sequence[object]] | Sequence[Mapping[str, object]], columns: Mapping[str, str]
) -> pd.DataFrame:
    """Return rows as a frame with the given columns, empty when there is no row.

    Parameters
    ----------
    rows
        Sequences with one value a column, in the order of the columns; or mappings, where what a
        row lacks is missing, and what is no column is left out.
    columns
        Name to pandas dtype, in order.
    """

    def value(row: Sequence[object] | Mapping[str, object], place: int, name: str) -> object:
        return row.get(name) if isinstance(row, Mapping) else row[place]

    return pd.DataFrame(
        {
            name: pd.Series([value(row, place, name) for row in rows], dtype=dtype)
            for place, (name, dtype) in enumerate(columns.items())
        }
    )
