"""Rows of text as typed frames, fast enough for a hundred thousand of them.

In: rows as GetQueryResults sends them, and the columns that a query was said to return with their
kinds. Out: frames with these columns and dtypes, whatever came. Must not know clients.

Facts leaned on
---------------
Values are strings, missing fields are left out, times are ``YYYY-MM-DD HH:MM:SS.mmm`` in UTC, and
``@ptr`` comes last on rows that are events (GetQueryResults).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opslib.errors import BadInput

Kind = Literal["time", "float", "int", "text"]

#: What each kind of column becomes.
DTYPES: Mapping[str, str] = {
    "time": "datetime64[ns, UTC]",
    "float": "float64",
    "int": "Int64",
    "text": "string",
}
#: The column that points at the event behind a row.
POINTER = "@ptr"

# pandas' own way to make a column of one from Arrow, which its stubs do not name.
_INT: Any = pd.Int64Dtype()
_TEXT: Any = pd.StringDtype()
_PRINTED = "%Y-%m-%d %H:%M:%S.%f"
_EPOCH = re.compile(r"\d+(\.\d+)?([eE]\+?\d+)?")


def typed(
    rows: Iterable[Mapping[str, str]], columns: Mapping[str, str], *, name: str = "rows"
) -> pd.DataFrame:
    """Return rows of strings as a frame with these columns and kinds; empty rows give them too.

    Parameters
    ----------
    rows
        One mapping a row; a missing field is left out of it.
    columns
        As for `opslib.insights.Insights.query`.
    name
        What to call the query in an error.

    Raises
    ------
    BadInput
        A row has a column that ``columns`` does not name (other than ``@ptr``), or a value that is
        not of its kind. The value is not shown: it comes out of somebody's log.
    """
    held = list(rows)
    _known(set().union(*held), columns, name=name)
    return _frame(columns, lambda column: [row.get(column) for row in held], _series, name=name)


def page(results: Any, columns: Mapping[str, str], *, name: str) -> pd.DataFrame:
    """Return one page of GetQueryResults as a frame, with its ``@ptr`` as a last column of text.

    Parameters
    ----------
    results
        Lists of cells, as botocore gives them; or an Arrow array of them, as of a client that
        `opslib.insights.wire.read_fast` was told of, which is many times as fast.

    Raises
    ------
    BadInput
        As `typed`.
    """
    kinds = {**columns, POINTER: "text"}
    if isinstance(results, pa.Array):
        return _columns(results, kinds, name=name)
    rows = [{cell["field"]: cell["value"] for cell in row if "value" in cell} for row in results]
    return typed(rows, kinds, name=name)


def joined(
    pages: Sequence[pd.DataFrame], columns: Mapping[str, str], *, once: bool
) -> pd.DataFrame:
    """Return pages as one frame without ``@ptr``.

    Parameters
    ----------
    once
        Whether each event may be there once only: of rows with one ``@ptr`` the first is kept.
    """
    rows = pd.concat(pages, ignore_index=True) if pages else typed([], {**columns, POINTER: "text"})
    if once:
        rows = rows[rows[POINTER].isna() | ~rows.duplicated(POINTER)]
    if POINTER not in columns:
        rows = rows.drop(columns=POINTER)
    return rows.reset_index(drop=True)


def _columns(rows: "pa.Array[Any]", columns: Mapping[str, str], *, name: str) -> pd.DataFrame:
    """Return rows of cells as a frame, a column at a time."""
    cells, row_of = rows.flatten(), pc.list_parent_indices(rows).to_numpy()
    fields, values = cells.field("field"), cells.field("value")
    _known(set(pc.unique(fields).to_pylist()), columns, name=name)

    def of(column: str) -> "pa.Array[Any]":
        here = pc.equal(fields, column)
        place = np.full(len(rows), -1)
        place[row_of[here.to_numpy(zero_copy_only=False)]] = np.arange(pc.sum(here).as_py() or 0)
        return values.filter(here).take(pa.array(place, mask=place < 0))

    return _frame(columns, of, _of_arrow, name=name)


def _known(found: Iterable[str], columns: Mapping[str, str], *, name: str) -> None:
    unknown = sorted(set(found) - {POINTER, *columns})
    if unknown:
        named = ", ".join(column for column in columns if column != POINTER)
        raise BadInput(
            f"Query {name} returns {', '.join(unknown)}, which its columns do not name; "
            f"they name {named}. Name each column that the query returns.",
            query=name,
            unknown=tuple(unknown),
        )


def _frame(
    columns: Mapping[str, str],
    of: Callable[[str], Any],
    series: Callable[[Any, str], "pd.Series[Any]"],
    *,
    name: str,
) -> pd.DataFrame:
    frame = {}
    for column, kind in columns.items():
        try:
            frame[column] = series(of(column), kind)
        except (ValueError, TypeError, OverflowError) as error:
            raise BadInput(
                f"Query {name} returns values in {column} that are not of the kind {kind}. "
                "Correct the kind in its columns.",
                query=name,
                column=column,
            ) from error
    return pd.DataFrame(frame, columns=list(columns))


def _of_arrow(values: "pa.Array[Any]", kind: str) -> "pd.Series[Any]":
    """Return a column of text as one of a kind; what Arrow cannot read is read as from lists."""
    try:
        if kind == "time":
            at = pc.cast(values, pa.timestamp("ns")).to_numpy(zero_copy_only=False)
            return pd.Series(at).dt.tz_localize("UTC")
        if kind == "float":
            return pd.Series(pc.cast(values, pa.float64()).to_numpy(zero_copy_only=False))
        if kind == "int":
            return pd.Series(_INT.__from_arrow__(pc.cast(values, pa.int64())))
        return pd.Series(_TEXT.__from_arrow__(values))
    except pa.ArrowInvalid:
        return _series(values.to_pylist(), kind)


def _series(values: Sequence[str | None], kind: str) -> "pd.Series[Any]":
    dtype = DTYPES[kind]
    if kind == "text":
        return _texts(values)
    if kind == "time":
        return _times(values)
    if kind == "int":
        return pd.Series([_whole(value) if value else None for value in values], dtype=dtype)
    return pd.Series([float(value) if value else None for value in values], dtype=dtype)


def _texts(values: Sequence[str | None]) -> "pd.Series[Any]":
    try:
        return pd.Series(values, dtype=DTYPES["text"])
    except UnicodeEncodeError:
        # Half of a surrogate pair, as a line may end that was cut; no file could hold it either.
        whole = [value and value.encode("utf-8", "replace").decode() for value in values]
        return pd.Series(whole, dtype=DTYPES["text"])


def _times(values: Sequence[str | None]) -> "pd.Series[Any]":
    dtype = DTYPES["time"]
    try:
        # Far faster than one value after another.
        times = pd.to_datetime(_series(values, "text"), format=_PRINTED, utc=True)
        return times.dt.as_unit("ns")
    except ValueError:
        return pd.Series([_instant(value) if value else None for value in values], dtype=dtype)


def _instant(text: str) -> datetime:
    # earliest(@timestamp) and the like come as epoch milliseconds.
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(float(text) / 1000, UTC)
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _whole(text: str) -> int:
    # Lambda's memory fields come as 128000000 or as 1.28E8, the same number.
    if text.lstrip("-").isdigit():
        return int(text)
    number = float(text)
    if not number.is_integer():
        raise ValueError("not a whole number")
    return int(number)
