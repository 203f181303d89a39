"""The kernel's half of a run folder: what was asked, what came back, and how far the run came.

In: the environment variable ``OPSLIB_RUN_DIR``, set by whoever runs a notebook headless; rows,
receipts and the result so far. Out: ``evidence/NN-name.parquet`` and ``.csv`` (rows), ``.txt``
(the query as sent), ``.json`` (its receipt), and ``result.json``, schema 1 (DESIGN.md section 4).
All of it is masked on its way to the disk. Every file appears whole or not at all. Without the
variable, as in JupyterLab, nothing is written. Must not know AWS or judge.

Parquet holds every row exactly; CSV is for eyes and spreadsheets, and a log line is hostile input.
In its text, characters that act on a terminal are made visible, and what a spreadsheet would take
for a formula gets an apostrophe in front. Numbers stay numbers, negative ones too, and so does text
that is nothing but a number. Column names are a notebook's own words and stay.

Sources
-------
OWASP, "CSV Injection": a cell is a formula that begins with ``=``, ``+``, ``-``, ``@``, tab,
carriage return or line feed, or with the first four in full width; an apostrophe in front makes it
text. Separators within a cell are its quotes' matter, which the csv writer sets.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from opslib import run_folder, show
from opslib.masking import Masks

_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Folder:
    """Where this run keeps its evidence, or nowhere.

    Parameters
    ----------
    path
        The run folder; None keeps nothing.
    masks
        What is taken out of everything that is kept.
    """

    def __init__(self, path: Path | None, *, masks: Masks | None = None) -> None:
        self._path = path
        self._masks = masks or Masks()
        self._kept = 0

    @classmethod
    def of_this_process(cls, *, masks: Masks | None = None) -> "Folder":
        """Find the folder that the headless runner named, if any."""
        named = os.environ.get(run_folder.VARIABLE, "")
        return cls(Path(named) if named else None, masks=masks)

    def keep(
        self, name: str, rows: pd.DataFrame, *, text: str, receipt: Mapping[str, object]
    ) -> pd.DataFrame:
        """Keep one answer: its rows, the question, and the receipt.

        Parameters
        ----------
        name
            Short, for people; anything but letters, digits, dots and dashes becomes a dash in the
            file name.
        rows
            Kept as Parquet, exactly, and as CSV, which anyone can open: see the module's text.
        text
            The query as it was sent.
        receipt
            What the service said of it; JSON types only.

        Returns
        -------
        The rows as they are kept, or would be: masked.
        """
        self._kept += 1
        rows = self._masks.frame(rows)
        if self._path is None:
            return rows
        folder = self._path / "evidence"
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{self._kept:02d}-{re.sub(r'[^A-Za-z0-9.-]+', '-', self._masks.text(name))}"
        write = run_folder.write
        write(folder / f"{stem}.csv", _csv(rows))
        write(folder / f"{stem}.parquet", rows.to_parquet(index=False))
        write(folder / f"{stem}.txt", f"{self._masks.text(text.strip())}\n")
        run_folder.write_json(folder / f"{stem}.json", self._masks.value(receipt))
        return rows

    def write_result(self, result: Mapping[str, object]) -> None:
        """Write the result as it stands now, in place of the one before."""
        if self._path is not None:
            run_folder.write_json(self._path / run_folder.RESULT, self._masks.value(result))


def _csv(rows: pd.DataFrame) -> str:
    """Return rows as CSV that neither a terminal nor a spreadsheet obeys."""
    plain = rows.select_dtypes(["number", "bool", "datetime", "datetimetz", "timedelta"]).columns
    texts = rows.columns.difference(plain, sort=False)
    inert = rows.assign(**{name: rows[name].astype(object).map(_inert) for name in texts})
    return inert.to_csv(index=False, lineterminator="\n")


def _inert(value: object) -> object:
    """Return a value as a cell that is only read; what is no text stays as it is."""
    if not isinstance(value, str):
        return value
    text = show.visible(value)
    acts = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if acts else text
