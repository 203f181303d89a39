"""The command ``query``: the local engine on log files, without AWS."""

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from opslib.cli.output import columns, watched
from opslib.errors import BadInput


@click.command(name="query")
@click.argument("text")
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--start", metavar="INSTANT", help="Only events from this instant on.")
@click.option("--end", metavar="INSTANT", help="Only events before this instant.")
@click.option(
    "--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table",
    show_default=True,
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Run nothing when any line could not be read.")
def query_command(
    text: str,
    files: tuple[str, ...],
    start: str | None,
    end: str | None,
    format_: str,
    strict: bool,
) -> int:
    """Run the Logs Insights query TEXT on log files, without AWS.

    FILE is a file, a folder, a glob, or - for standard input, gzipped or not: JSON lines, what
    aws logs prints (filter-log-events, get-log-events, tail), CSV of the console, an export to S3,
    envelopes of a subscription or of Firehose, plain Lambda log text, or Parquet.

    \b
    An INSTANT is ISO 8601 with a zone (2026-10-14T03:07:00Z), or now, -90m, -3h, -2d.
    Rows go to stdout; what could not be read, and the counts, to stderr.

    \b
    opslib query 'filter @type = "REPORT" | stats max(@duration) by bin(5m)' logs/ --start -3h
    opslib query 'fields @timestamp, @message | filter @message like /ERROR/' 'export/**/*.gz'

    Exit codes: 0 it ran, 3 it did not: nothing could be read, or with --strict not everything.
    """  # noqa: D301
    from opslib import cwli, query

    if not files:
        raise BadInput("Query not run: no file was named. Name files, folders, or - for stdin.")
    if sys.stdout is None:
        raise BadInput("Query not run: standard output is closed.")
    try:
        asked = query.Query(text, start=start, end=end)
    except cwli.MalformedQuery as error:
        if watched(sys.stderr):
            click.echo(query.pointed(error, text), nl=False, err=True)
        raise
    for sentence in query.awaited(files):
        click.echo(f"opslib: {sentence}", err=True)
    with _Reading() as reading:
        loaded = query.load(files, now=asked.now, progress=reading.begin if reading.shown else None)
    for sentence in query.told(loaded.problems):
        click.echo(f"opslib: {sentence}", err=True)
    if strict and loaded.incomplete:
        raise BadInput("Query not run: not everything could be read, and --strict was given.")
    answer = asked.run(loaded)
    terminal = sys.stdout.isatty()
    # A terminal that does not know its width says 0.
    width = (columns(sys.stdout) or None) if terminal else None
    _write(
        query.printed(answer.rows, answer.columns, format_=format_, width=width, terminal=terminal)
    )
    click.echo(query.summary(answer, loaded), err=True)
    return 0


class _Reading:
    """A bar on a terminal that shows how much of the files has been read; nothing elsewhere."""

    def __init__(self) -> None:
        self.shown = watched(sys.stderr)
        self._bar: Any = None

    def __enter__(self) -> "_Reading":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def begin(self, size: int) -> Callable[[int], object]:
        from tqdm import tqdm

        self._bar = tqdm(total=size, unit="B", unit_scale=True, desc="reading", leave=False)
        return self._bar.update  # type: ignore[no-any-return]


def _write(text: str) -> None:
    """Write what was asked for, and say so if that cannot be done."""
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        # Python would try again at its end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise BadInput(
            f"The rows were not written: standard output cannot be written to ({error.strerror})."
        ) from error
