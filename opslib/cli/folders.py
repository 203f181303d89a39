"""The commands on a run folder: ``render`` and ``verify``."""

from pathlib import Path

import click

from opslib.cli.ending import DID_NOT_RUN
from opslib.cli.output import shown
from opslib.errors import BadInput


@click.command(name="render")
@click.argument("run")
@click.option("--to", type=click.Choice(["html", "pdf"]), default="html", show_default=True)
def render_command(run: str, to: str) -> int:
    """Write the report of RUN (a run folder) anew, or print it: as PDF, by Chromium.

    Of the folder of a triage, the reports of all its runs and its index page.
    """
    from opslib import report, run_folder

    browser = report.pdf.browser() if to == "pdf" else None
    folder = _folder(run)
    if not (folder / run_folder.INDEX).is_file():
        _render(folder, browser, run)
        return 0
    from opslib import triage

    index = triage.index_of(folder)
    missed = False
    for each in triage.runs_of(folder, index):
        try:
            _render(each, browser, shown(each))
        except BadInput as error:
            click.echo(f"opslib: {error}", err=True)
            missed = True
    made = triage.page_of(index, on_paper=browser is not None)
    _write(folder, made, browser, page=run_folder.PAGE, pdf=run_folder.PAGE_PDF)
    return DID_NOT_RUN if missed else 0


def _render(folder: Path, browser: Path | None, named: str) -> None:
    from opslib import report, run_folder

    changed = run_folder.differences(folder, names=(run_folder.RESULT, run_folder.NOTEBOOK))
    if changed:
        raise BadInput(
            f"Not rendered: {' '.join(changed)} A report of it would not tell what the run saw; "
            f"{run_folder.REPORT} is as it was. See all that differs with: opslib verify {named}"
        )
    made = report.render(folder)
    _write(folder, made, browser, page=run_folder.REPORT, pdf=run_folder.PDF)


def _write(folder: Path, made: str, browser: Path | None, *, page: str, pdf: str) -> None:
    from opslib import report, run_folder

    if browser is None:
        run_folder.replace_sealed(folder, page, made)
        click.echo(shown(folder / page))
        return
    printed = report.pdf.printed(made, path=browser)
    run_folder.replace_sealed(folder, pdf, printed.content)
    click.echo(shown(folder / pdf))
    click.echo(f"Printed by {printed.by}.", err=True)


@click.command(name="verify")
@click.argument("run")
def verify_command(run: str) -> int:
    """Hold every file of RUN (a run folder) against the checksums of its manifest.

    Of the folder of a triage, those of its runs too.

    Exit codes: 0 whole, 2 not as the run left it, 3 could not be compared.
    """
    from opslib import run_folder

    folder = _folder(run)
    found = run_folder.differences(folder)
    runs: list[Path] = []
    if (folder / run_folder.INDEX).is_file() and not found:
        from opslib import triage

        runs = triage.runs_of(folder, triage.index_of(folder))
        for each in runs:
            found += [f"{each.name}: {said}" for said in run_folder.differences(each)]
    for sentence in found:
        click.echo(sentence)
    if not found:
        runs_too = f", and so {_is(len(runs))}" if runs else ""
        click.echo(f"{folder.resolve().name} is as the run left it{runs_too}.")
    return 2 if found else 0


def _is(count: int) -> str:
    return "is its run" if count == 1 else f"are its {count} runs"


def _folder(run: str) -> Path:
    from opslib import run_folder
    from opslib.system import project_root

    # A folder named by its path needs no project around it.
    return Path(run) if Path(run).is_dir() else run_folder.find(run, runs=project_root() / "runs")
