"""Every source into one relation, and what of them could not be read.

In: names as typed. Out: a DuckDB relation with the columns the engine takes, in the order the
sources were named, and the problems. A source that cannot be read does not stop the others.

Must not know queries.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, cast

from opslib.errors import BadInput
from opslib.query.csv_logs import read_csv
from opslib.query.events import Collector, Event
from opslib.query.formats import Format, recognise
from opslib.query.json_logs import read_json
from opslib.query.parquet_logs import read_parquet
from opslib.query.sources import (
    PARQUET,
    Line,
    Problem,
    Problems,
    Source,
    Unreadable,
    find,
    lines,
    told,
    unpacked,
)
from opslib.query.text_logs import read_plain, read_prefixed
from opslib.window import iso

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Progress = Callable[[int], object]
"""Told how many bytes more of the files, as they lie on disk, have been read."""

_HEAD_LINES = 200
# CreateExportTask: <prefix>/<task>/<stream, its slashes as hyphens>/000000.gz
_EXPORTED = re.compile(r"\d{6}\.gz")


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What was read.

    Attributes
    ----------
    relation
        ``timestamp``, ``ingestionTime`` (BIGINT, epoch milliseconds), ``message``, ``logStream``,
        ``log`` (VARCHAR).
    sources
        How many files were read, broken ones included.
    problems
        What was left out, and what a reader should know.
    """

    relation: "duckdb.DuckDBPyRelation"
    sources: int
    problems: tuple[Problem, ...]

    @property
    def incomplete(self) -> bool:
        """Whether anything was left out."""
        return any(not problem.harmless for problem in self.problems)


def load(
    names: Sequence[str], *, now: datetime, progress: Callable[[int], Progress] | None = None
) -> Loaded:
    """Read log files.

    Parameters
    ----------
    names
        Files, folders, globs, or ``-`` for standard input.
    now
        The instant of events from standard input that tell none, tz-aware.
    progress
        Given the bytes there are to read, gives what is told of those read.

    Raises
    ------
    BadInput
        When nothing could be read; the message says why, file by file.
    """
    import duckdb
    import pyarrow as pa

    sources, problems = find(names)
    tell = progress(sum(source.size for source in sources)) if progress else _quietly
    tables = []
    read = 0
    for source in sources:
        own = Problems(source.name)
        try:
            tables.append(_table(source, own, now=now, tell=tell))
            read += 1
        except Unreadable as error:
            own.add(str(error))
        except OSError as error:
            own.add(f"it could not be opened ({error.strerror or type(error).__name__})")
        problems += own.found.values()
    found = sum(table.num_rows for table in tables)
    broken = any(not problem.harmless for problem in problems)
    if not read or (broken and not found):
        sentences = told(problems)
        between = " " if len(sentences) == 1 else "\n  "
        raise BadInput(between.join(["Query not run: no event could be read.", *sentences]))
    whole = pa.concat_tables(tables)
    relation = duckdb.connect().from_arrow(whole)
    return Loaded(relation=relation, sources=read, problems=tuple(problems))


def _quietly(_: int) -> None:
    return None


def _table(source: Source, problems: Problems, *, now: datetime, tell: Progress) -> "pa.Table":
    raw = source.open()
    try:
        stream = unpacked(raw)
        if stream.peek(len(PARQUET)).startswith(PARQUET):
            table = read_parquet(cast("IO[bytes]", stream), problems=problems)
            tell(source.size)
            return table
        collector = Collector()
        told = _Told(raw, tell) if source.path else None
        every = lines(stream, problems=problems, tell=told.now if told else _nothing)
        collector.take(_events(every, source, problems))
        if told:
            told.now()
    finally:
        if source.path:
            raw.close()
    at = datetime.fromtimestamp(source.path.stat().st_mtime, UTC) if source.path else now
    if collector.count and collector.undated == collector.count:
        when = "the file's" if source.path else "now"
        problems.remark(f"no line tells its time: all are given {when}, {iso(at)[:19]}Z")
    return collector.table(otherwise=int(at.timestamp() * 1000))


class _Told:
    """Tells how far the raw bytes of one source have been read."""

    def __init__(self, raw: IO[bytes], tell: Progress) -> None:
        self._raw, self._tell, self._at = raw, tell, 0

    def now(self) -> None:
        at = self._raw.tell()
        self._tell(at - self._at)
        self._at = at


def _nothing() -> None:
    return None


def _events(every: Iterator[Line], source: Source, problems: Problems) -> Iterator[Event]:
    head = list(islice(every, _HEAD_LINES))
    format_ = recognise(head)
    rest = chain(head, every)
    if format_ is Format.JSON:
        return read_json(rest, problems=problems)
    path = source.path
    stream = path.parent.name if path and _EXPORTED.fullmatch(path.name) else None
    if format_ is Format.CSV:
        return read_csv(rest, problems=problems)
    if format_ in (Format.TEXT, Format.MESSAGES):
        return read_plain(rest, stream=stream, tabbed=format_ is Format.MESSAGES)
    return read_prefixed(rest, format_, stream=stream)
