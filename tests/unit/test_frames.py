"""Rows become frames of one shape."""

import pandas as pd
import pytest

from opslib.frames import frame

COLUMNS = {"name": "string", "count": "Int64", "at": "datetime64[ns, UTC]"}
AT = pd.Timestamp("2026-10-14T03:07:00Z")


def test_rows_by_place_and_by_name_give_the_same_frame() -> None:
    tuples: list[tuple[object, ...]] = [("a", 1, AT), ("b", None, None)]
    mappings: list[dict[str, object]] = [{"at": AT, "name": "a", "count": 1, "x": 0}, {"name": "b"}]

    by_place, by_name = frame(tuples, COLUMNS), frame(mappings, COLUMNS)

    pd.testing.assert_frame_equal(by_place, by_name)
    assert by_place["name"].tolist() == ["a", "b"]
    assert by_place["count"].tolist() == [1, pd.NA]
    assert by_place["at"].tolist() == [AT, pd.NaT]


@pytest.mark.parametrize("rows", [[], [("a", 1, AT)]])
def test_the_types_are_the_same_with_and_without_rows(rows: list[tuple[object, ...]]) -> None:
    assert frame(rows, COLUMNS).dtypes.astype(str).to_dict() == COLUMNS
