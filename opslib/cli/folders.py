"""The commands on a run folder: ``render`` and ``verify``."""

from pathlib import Path

import click

from opslib.cli.output import shown
from opslib.errors import BadInput


@click.command(name="render")
@click.argument("run")
@click.option("--to", type=click.Choice(["html", "pdf"]), default="html", show_default=True)
def render_command(run: str, to: str) -> int:
    """Write the report of RUN (a run folder) anew, or print it: as PDF, by Chromium."""
    from opslib import report, run_folder

    browser = report.pdf.browser() if to == "pdf" else None
    folder = _folder(run)
    changed = run_folder.differences(folder, names=(run_folder.RESULT, run_folder.NOTEBOOK))
    if changed:
        raise BadInput(
            f"Not rendered: {' '.join(changed)} A report of it would not tell what the run saw; "
            f"{run_folder.REPORT} is as it was. See all that differs with: opslib verify {run}"
        )
    page = report.render(folder)
    if browser is None:
        run_folder.replace_sealed(folder, run_folder.REPORT, page)
        click.echo(shown(folder / run_folder.REPORT))
        return 0
    printed = report.pdf.printed(page, path=browser)
    run_folder.replace_sealed(folder, run_folder.PDF, printed.content)
    click.echo(shown(folder / run_folder.PDF))
    click.echo(f"Printed by {printed.by}.", err=True)
    return 0


@click.command(name="verify")
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


def _folder(run: str) -> Path:
    from opslib import run_folder
    from opslib.system import project_root

    # A folder named by its path needs no project around it.
    return Path(run) if Path(run).is_dir() else run_folder.find(run, runs=project_root() / "runs")
