"""The kernel's half of a run folder: what was asked, what came back, and how far the run came.

In: the environment variable ``OPSLIB_RUN_DIR``, set by whoever runs a notebook headless; rows,
receipts and the result so far. Out: ``evidence/NN-name.parquet`` and ``.csv`` (rows), ``.txt``
(the query as sent), ``.json`` (its receipt), and ``result.json``, schema 1 (DESIGN.md section 4).
Every file appears whole or not at all. Without the variable, as in JupyterLab, nothing is
written. Must not know AWS or judge.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from opslib import run_folder


class Folder:
    """Where this run keeps its evidence, or nowhere.

    Parameters
    ----------
    path
        The run folder; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept = 0

    @classmethod
    def of_this_process(cls) -> "Folder":
        """Find the folder that the headless runner named, if any."""
        named = os.environ.get(run_folder.VARIABLE, "")
        return cls(Path(named) if named else None)

    def keep(
        self, name: str, rows: pd.DataFrame, *, text: str, receipt: Mapping[str, object]
    ) -> None:
        """Keep one answer: its rows, the question, and the receipt.

        Parameters
        ----------
        name
            Short, for people; anything but letters, digits, dots and dashes becomes a dash in the
            file name.
        rows
            Kept as Parquet, which keeps the types, and as CSV, which anyone can open.
        text
            The query as it was sent.
        receipt
            What the service said of it; JSON types only.
        """
        self._kept += 1
        if self._path is None:
            return
        folder = self._path / "evidence"
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{self._kept:02d}-{re.sub(r'[^A-Za-z0-9.-]+', '-', name)}"
        write = run_folder.write
        write(folder / f"{stem}.csv", rows.to_csv(index=False, lineterminator="\n"))
        write(folder / f"{stem}.parquet", rows.to_parquet(index=False))
        write(folder / f"{stem}.txt", f"{text.strip()}\n")
        run_folder.write_json(folder / f"{stem}.json", receipt)

    def write_result(self, result: Mapping[str, object]) -> None:
        """Write the result as it stands now, in place of the one before."""
        if self._path is not None:
            run_folder.write_json(self._path / run_folder.RESULT, result)
