"""The ``opslib`` command: reads the command line, calls one function, says the outcome.

In: arguments. Out: on stdout what was asked for and nothing else; on stderr progress (on a
terminal only) and errors in one sentence; an exit code as monitoring plugins have them: 0 healthy,
1 warning, 2 critical, 3 could not look or did not run. A defect of opslib itself is a 3 as well,
never a 1.

Must not hold logic of its own. Imports what a command needs when it runs, so that help is quick.
"""

import sys

# jsonschema, beneath nbformat, builds a grammar for internationalised addresses at import, which
# takes a second and which no notebook needs; without the module it does without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import os  # noqa: E402
import traceback  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from types import TracebackType  # noqa: E402
from typing import Any, TextIO  # noqa: E402

import click  # noqa: E402

from opslib.errors import BadInput, OpsError  # noqa: E402

DID_NOT_RUN = 3
_ENDED_BY = {"healthy": "green", "warning": "yellow", "critical": "red", "unknown": "magenta"}
_LOCAL = "pip install 'opslib[local]'"


class _Sandbox(click.Group):
    """The commands of `opslib.sandbox`, loaded when one of them is meant: they are an extra."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return self._commands().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._commands().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _missing(error) from error

    @staticmethod
    def _commands() -> click.Group:
        try:
            from opslib.sandbox.commands import sandbox
        except ModuleNotFoundError as error:
            raise _missing(error) from error
        return sandbox


def _missing(error: ModuleNotFoundError) -> BadInput:
    return BadInput(
        f"The sandbox was not touched: it needs {error.name}, which is not installed. "
        f"Install it with: {_LOCAL}",
        module=error.name,
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="opslib")
def opslib() -> None:
    """Run runbooks for AWS Lambda pipelines, without a person and with a report.

    Exit codes: 0 healthy, 1 warning, 2 critical, 3 could not look or did not run.
    """


@opslib.command(name="run")
@click.argument("notebook")
@click.option("-f", "--file", "files", multiple=True, metavar="FILE", help="A params file.")
@click.option(
    "-p",
    "--parameter",
    "pairs",
    multiple=True,
    nargs=2,
    metavar="NAME VALUE",
    help="One parameter; overrides the files.",
)
@click.option("--out", metavar="DIR", help="Folder of run folders. [default: runs]")
@click.option(
    "--deadline",
    type=float,
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Stop the run after this time.",
)
def run_command(
    notebook: str,
    files: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    out: str | None,
    deadline: float,
) -> int:
    """Run NOTEBOOK (a name, a number or a path) and write a run folder with a report."""
    from opslib import parameters

    path = parameters.find_notebook(notebook)
    takes = parameters.declared(path)
    values = parameters.collect(takes, notebook=path.stem, files=files, pairs=pairs)
    if "system" in {p.name for p in takes} - {*values} and not _person():
        raise BadInput(
            f"-p: no system was named for {path.stem}, and no person is here to see which one is "
            "the default. Give -f params/NAME.yaml or -p system NAME. Nothing ran."
        )
    from opslib import headless

    with _Progress(path.stem) as progress:
        outcome = headless.run(
            path,
            values,
            out=Path(out) if out else None,
            deadline_s=deadline,
            progress=progress.tell if progress.shown else None,
        )
    _say(outcome.result, outcome.folder / "report.html")
    return outcome.exit_code


@opslib.command(name="render")
@click.argument("run")
@click.option("--to", type=click.Choice(["html"]), default="html", show_default=True)
def render_command(run: str, to: str) -> int:
    """Write the report of RUN (a run folder) anew."""
    from opslib import report, run_folder

    folder = _folder(run)
    changed = run_folder.differences(folder, names=(run_folder.RESULT, run_folder.NOTEBOOK))
    if changed:
        raise BadInput(
            f"Not rendered: {' '.join(changed)} A report of it would not tell what the run saw; "
            f"{run_folder.REPORT} is as it was. See all that differs with: opslib verify {run}"
        )
    run_folder.replace_sealed(folder, run_folder.REPORT, report.render(folder))
    click.echo(_shown(folder / run_folder.REPORT))
    return 0


@opslib.command(name="verify")
@click.argument("run")
def verify_command(run: str) -> int:
    """Hold every file of RUN (a run folder) against the checksums of its manifest.

    Exit codes: 0 whole, 2 not as the run left it, 3 could not be compared.
    """
    from opslib import run_folder

    folder = _folder(run)
    found = run_folder.differences(folder)
    for sentence in found:
        click.echo(sentence)
    if not found:
        click.echo(f"{folder.name} is as the run left it.")
    return 2 if found else 0


@opslib.command(name="query")
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
        if _watched(sys.stderr):
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
    # A terminal that does not know its width says 0.
    width = (_columns(sys.stdout) or None) if sys.stdout.isatty() else None
    _write(query.printed(answer.rows, answer.columns, format_=format_, width=width))
    click.echo(query.summary(answer, loaded), err=True)
    return 0


opslib.add_command(
    _Sandbox(name="sandbox", help="An emulated AWS on this machine, to try the runbooks on.")
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code, which is 3 for everything that went wrong.

    Parameters
    ----------
    arguments
        Without the program's name; those of the process when not given.
    """
    with _Ending() as ending:
        code = opslib.main(args=arguments, prog_name="opslib", standalone_mode=False)
        ending.code = code if isinstance(code, int) else 0
    return ending.code


class _Ending:
    """What an exception means to the caller. Python's own 1 would read as a warning."""

    code = DID_NOT_RUN

    def __enter__(self) -> "_Ending":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        match error:
            case None:
                return True
            case OpsError():
                click.echo(f"opslib: {error}", err=True)
            case click.ClickException():
                error.show()
            case click.Abort() | KeyboardInterrupt():
                click.echo("opslib: interrupted.", err=True)
            case BrokenPipeError():
                # Whoever read our output has gone; Python would complain once more at its end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            case SystemExit():
                return False
            case _:
                traceback.print_exception(error)
                click.echo("opslib: it did not run: this is a defect of opslib.", err=True)
        return True


class _Progress:
    """One line on a terminal that is overwritten from cell to cell; nothing elsewhere."""

    def __init__(self, name: str) -> None:
        self.shown = sys.stderr.isatty()
        self._name = name

    def __enter__(self) -> "_Progress":
        if self.shown:
            click.echo(f"{self._name}: starting a kernel", nl=False, err=True)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.shown:
            click.echo("\r\x1b[2K", nl=False, err=True)

    def tell(self, number: int, total: int, section: str) -> None:
        line = f"{self._name}: {number}/{total} {section}"[: max(20, _columns(sys.stderr) - 1)]
        click.echo(f"\r\x1b[2K{line}", nl=False, err=True)


class _Reading:
    """A bar on a terminal that shows how much of the files has been read; nothing elsewhere."""

    def __init__(self) -> None:
        self.shown = _watched(sys.stderr)
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


def _watched(stream: TextIO | None) -> bool:
    """Whether a person sees it; a stream that was closed before we began is None."""
    return stream is not None and stream.isatty()


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


def _columns(stream: TextIO) -> int:
    return os.get_terminal_size(stream.fileno()).columns


def _person() -> bool:
    return any(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def _folder(run: str) -> Path:
    from opslib import run_folder
    from opslib.system import project_root

    # A folder named by its path needs no project around it.
    return Path(run) if Path(run).is_dir() else run_folder.find(run, runs=project_root() / "runs")


def _say(result: Any, report: Path) -> None:
    """Print the verdict, the cause, and where the report is."""
    verdict = result["verdict"]
    word = "COULD NOT LOOK" if verdict == "unknown" else verdict.upper()
    subject = " on ".join(part for part in (result["notebook"], result["system"]) if part)
    click.echo(f"{click.style(word, fg=_ENDED_BY[verdict], bold=True)} {subject}")
    for sentence in _causes(result):
        click.echo(f"  {sentence}")
    click.echo(f"  {_shown(report)}")


def _causes(result: Any) -> list[str]:
    ranks = {word: rank for rank, word in enumerate(("critical", "warning", "unknown"))}
    told = [
        f"{finding['severity']}: {' '.join(finding['title'].split())}"
        for finding in sorted(
            result["findings"], key=lambda f: ranks.get(f["severity"], len(ranks))
        )
    ]
    if result["verdict"] == "unknown":
        told = [limit["what"] for limit in result["limits"] if limit["reason"] != "note"][:1] + told
    return told


def _shown(path: Path) -> str:
    here = Path.cwd()
    path = path.resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
