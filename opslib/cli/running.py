"""The commands that run notebooks: ``run`` one, or ``triage``, which follows the tree."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opslib.cli.output import Progress, causes, person, say_verdict, shown, word
from opslib.stop import Stop

if TYPE_CHECKING:
    from opslib.parameters import Parameter

_Command = TypeVar("_Command", bound=Callable[..., Any])
_OPTIONS = (
    click.option("-f", "--file", "files", multiple=True, metavar="FILE", help="A params file."),
    click.option(
        "-p",
        "--parameter",
        "pairs",
        multiple=True,
        nargs=2,
        metavar="NAME VALUE",
        help="One parameter; overrides the files.",
    ),
    click.option("--out", metavar="DIR", help="Folder of run folders. [default: runs]"),
    click.option(
        "--deadline",
        type=float,
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="Stop after this time, all in all.",
    ),
    click.option(
        "--cell-deadline",
        type=float,
        default=300.0,
        show_default=True,
        metavar="SECONDS",
        help="Stop a notebook when one of its cells takes longer.",
    ),
)


def _options(command: _Command) -> _Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(name="run", short_help="Run one notebook and write a report.")
@click.argument("notebook")
@_options
@click.pass_obj
def run_command(
    stop: Stop | None,
    notebook: str,
    files: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    out: str | None,
    deadline: float,
    cell_deadline: float,
) -> int:
    """Run NOTEBOOK (a name, a number or a path) and write a run folder with a report.

    \b
    opslib run duration -f params/sandbox.yaml
    opslib run 20 -f params/sandbox.yaml -p start -6h -p end -3h

    Exit codes: 0 healthy, 1 warning, 2 critical, 3 could not look or did not run.
    """  # noqa: D301
    from opslib import parameters

    path = parameters.find_notebook(notebook)
    values = _values(path, parameters.declared(path), files, pairs)
    from opslib import headless

    with Progress(path.stem) as progress:
        outcome = headless.run(
            path,
            values,
            out=Path(out) if out else None,
            deadline_s=deadline,
            cell_s=cell_deadline,
            progress=progress.tell if progress.shown else None,
            stop=stop,
        )
    say_verdict(outcome.result, outcome.folder / "report.html")
    return outcome.exit_code


@click.command(name="triage", short_help="Run 00-triage and what its findings point to.")
@_options
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Notebooks side by side. [default: two a core]",
)
@click.pass_obj
def triage_command(
    stop: Stop | None,
    files: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    out: str | None,
    deadline: float,
    cell_deadline: float,
    jobs: int | None,
) -> int:
    """Run 00-triage and every notebook that findings point to, and write one index page.

    The verdict is the worst of all, and so is the exit code: 0 healthy, 1 warning, 2 critical; a
    notebook that could not look or run makes it 3, unless another one is critical.
    """
    from opslib import parameters
    from opslib.kernel.server import serving

    path = parameters.find_notebook("00-triage")
    values = _values(path, parameters.declared(path), files, pairs)
    parameters.check_deadline("deadline", deadline)
    parameters.check_deadline("deadline of a cell", cell_deadline)
    with serving(at_once=True), Progress("triage") as progress:
        # Late, so that the server of the kernels imports at the same time.
        from opslib import headless, triage

        outcome = triage.follow(
            path,
            values,
            out=Path(out) if out else None,
            deadline_s=deadline,
            cell_s=cell_deadline,
            jobs=jobs or headless.SIDE_BY_SIDE,
            progress=progress.say if progress.shown else None,
            stop=stop,
        )
    index = outcome.index
    click.echo(f"{word(index['verdict'])} triage of {index['system']}")
    for run in index["runs"]:
        about = f" of {run['function']}" if run["function"] else ""
        click.echo(f"  {word(run['verdict'])} {run['notebook']}{about}")
        for sentence in causes(run):
            click.echo(f"    {sentence}")
        click.echo(f"    {shown(outcome.folder / run['report'])}")
    for missed in index["not_run"]:
        click.echo(f"  {word('unknown')} {missed['notebook']}: {missed['why']}")
    click.echo(f"  {shown(outcome.folder / 'index.html')}")
    return outcome.exit_code


def _values(
    path: Path,
    takes: "Sequence[Parameter]",
    files: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
) -> dict[str, object]:
    from opslib import parameters

    values = parameters.collect(takes, notebook=path.stem, files=files, pairs=pairs)
    parameters.require_system(values, takes, notebook=path.stem, person=person())
    return values
