"""Files, folders, globs and standard input: what there is to read, opened, unpacked, in lines.

In: names as typed. Out: sources in a stable order; their lines as text with their numbers. gzip is
undone whatever the file is called, also gzip within gzip, as Firehose makes it.

Must not know what the lines mean.
"""

import codecs
import glob
import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, cast

from opslib.query.printing import visible

STDIN = "-"
PROBE = "aws-logs-write-test"
"""CreateExportTask leaves a file of this name beside what it exports; it holds no events."""

PARQUET = b"PAR1"
"""How a Parquet file begins."""

_COPIES = {".csv", ".json", ".txt"}
_OF_A_RUN = ("manifest.json", "audit.jsonl")
_TOLD = 20
_GZIP = b"\x1f\x8b"
_MAX_LAYERS = 3
_HEAD = 4096
# What a file that is no log may begin with.
_FOREIGN = {b"PK\x03\x04": "a zip archive", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "Zstandard"}


class Line(NamedTuple):
    """One line of a file: its number, counted from 1, and its text without the line end."""

    number: int
    text: str


@dataclass(frozen=True)
class Source:
    """One file, or standard input; ``name`` as a person would type it."""

    name: str
    path: Path | None

    @property
    def size(self) -> int:
        """Bytes on disk; 0 for standard input and for what cannot be asked."""
        try:
            return self.path.stat().st_size if self.path else 0
        except OSError:
            return 0

    def open(self) -> IO[bytes]:
        """Open it for reading bytes."""
        if self.path:
            return self.path.open("rb")
        if sys.stdin is None:
            raise Unreadable("it is closed")
        return sys.stdin.buffer


@dataclass
class Problem:
    """What could not be read of one source.

    ``lines`` is how many lines were left out because of it; ``first`` the number of the first, None
    when it concerns the source as a whole; ``harmless`` when nothing was left out.
    """

    source: str
    what: str
    first: int | None = None
    lines: int = 0
    harmless: bool = False

    def __str__(self) -> str:
        # A file may be called anything.
        name = visible(self.source)
        place = name if self.first is None else f"{name}, line {self.first}"
        if not self.lines:
            return f"{place}: {self.what}."
        lines = "1 line was" if self.lines == 1 else f"{self.lines:,} lines were"
        return f"{place}: {self.what}; {lines} left out."


@dataclass
class Problems:
    """The problems of one source, one for each kind."""

    source: str
    found: dict[str, Problem] = field(default_factory=dict)

    def add(self, what: str, *, line: int | None = None, lines: int = 0) -> None:
        """Note a problem; the same one again only counts its lines."""
        known = self.found.setdefault(what, Problem(self.source, what, first=line))
        known.lines += lines

    def remark(self, what: str, *, line: int | None = None) -> None:
        """Note what a reader should know though nothing was left out."""
        self.found.setdefault(what, Problem(self.source, what, first=line, harmless=True))


def told(problems: Sequence[Problem]) -> list[str]:
    """Say what could not be read, a sentence each, and of very many how many more there are."""
    worst = sorted(problems, key=lambda problem: problem.harmless)
    more = len(worst) - _TOLD
    return [str(problem) for problem in worst[:_TOLD]] + (
        [f"and {more:,} more like these."] if more > 0 else []
    )


class Unreadable(Exception):
    """A source is not what could be read; the message says what it is."""


def find(names: Sequence[str]) -> tuple[list[Source], list[Problem]]:
    """Find what the names mean: a file, every file below a folder, a glob, or ``-``.

    Returns
    -------
    The sources, each once, a folder's in the order of their names; and a problem for each name that
    is nothing.
    """
    sources: dict[str, Source] = {}
    problems = []
    for name in names:
        found = _paths(name)
        if name == STDIN:
            sources.setdefault(STDIN, Source("standard input", None))
        elif not found:
            kind = "nothing matches it" if glob.has_magic(name) else "there is no such file"
            kind = "the folder holds no logs" if Path(name).is_dir() else kind
            problems.append(Problem(name, kind))
        for path in found:
            sources.setdefault(os.path.realpath(path), Source(str(path), path))
    return list(sources.values()), problems


def awaited(names: Sequence[str]) -> list[str]:
    """Say which names have to be waited for, a sentence each: a terminal, and named pipes."""
    waits = []
    if STDIN in names and sys.stdin is not None and sys.stdin.isatty():
        waits.append("Reading from the terminal; end with Ctrl-D.")
    # /dev/fd/63 is what a shell writes for <(command), which is being written already.
    pipes = [name for name in names if Path(name).is_fifo() and not name.startswith("/dev/")]
    return waits + [
        f"{name}: it is a named pipe; waiting until it is written to." for name in pipes
    ]


def _paths(name: str) -> list[Path]:
    path = Path(name)
    if name == STDIN:
        return []
    if path.is_dir():
        return [below for below in sorted(path.rglob("*")) if _is_log(below, within=path)]
    if path.exists():
        return [path]
    matches = sorted(Path(match) for match in glob.glob(name, recursive=True))  # noqa: PTH207
    return [found for match in matches for found in (_paths(str(match)) if match.is_dir() else
            [match])]  # fmt: skip


def _is_log(path: Path, *, within: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(within).parts)
    # In the evidence of a run, Parquet stands beside the same rows as CSV, and their receipt.
    beside = path.suffix in _COPIES and path.with_suffix(".parquet").is_file()
    # What lies in a run's own folder tells of the run; what it asked lies in evidence/.
    of_a_run = all((path.parent / name).is_file() for name in _OF_A_RUN)
    return path.is_file() and not (hidden or beside or of_a_run or path.name == PROBE)


def unpacked(raw: IO[bytes]) -> io.BufferedReader:
    """Undo gzip, as often as it was done.

    Parameters
    ----------
    raw
        Buffered, so that its beginning can be looked at.

    Raises
    ------
    Unreadable
        When it is packed in another way.
    """
    stream = cast("io.BufferedReader", raw)
    try:
        for _ in range(_MAX_LAYERS):
            if not stream.peek(2).startswith(_GZIP):
                break
            stream = io.BufferedReader(gzip.GzipFile(fileobj=stream, mode="rb"))
        head = stream.peek(_HEAD)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise Unreadable("it begins as gzip, but is broken") from None
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise Unreadable(f"it is {kind}, which is not read; unpack it first")
    known = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, PARQUET))
    if b"\x00" in head[:_HEAD] and not known:
        raise Unreadable("it holds binary data, not a log")
    return stream


def lines(
    stream: io.BufferedReader, *, problems: Problems, tell: Callable[[], None]
) -> Iterator[Line]:
    """Read lines; one that is not UTF-8 is read with ``�`` in its place.

    Parameters
    ----------
    tell
        Called now and then, to show progress.
    """
    number = 0
    utf16 = stream.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    reader: IO[bytes] | IO[str] = stream
    if utf16:
        # What PowerShell writes when the output of a command is redirected.
        reader = io.TextIOWrapper(stream, encoding="utf-16", errors="replace", newline="\n")
    try:
        for line in reader:
            number += 1
            if number % 2000 == 0:
                tell()
            if isinstance(line, bytes):
                text = _decoded(line, number, problems)
            else:
                text = line.removesuffix("\n").removesuffix("\r")
            yield Line(number, (text[1:] if number == 1 and text[:1] == "\ufeff" else text))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        problems.add("the compressed data is broken or cut off after this line", line=number)
    except OSError as error:
        problems.add(f"it could not be read further ({error.strerror})", line=number)
    finally:
        if isinstance(reader, io.TextIOWrapper):
            # Else it would close the file when it goes.
            reader.detach()


def _decoded(line: bytes, number: int, problems: Problems) -> str:
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    try:
        return line.decode()
    except UnicodeDecodeError:
        problems.remark("bytes that are not UTF-8 were read as �", line=number)
        return line.decode(errors="replace")
