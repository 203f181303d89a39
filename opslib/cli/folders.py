"""The commands on a run folder: ``render``, ``verify``, and those on its plans.

Carrying out is not built: ``apply`` and ``undo`` refuse, whatever they are given.
"""

import json
from pathlib import Path

import click

from opslib.cli.ending import DID_NOT_RUN
from opslib.cli.output import shown
from opslib.errors import BadInput


@click.command(name="render", short_help="Write the report of a run or triage anew, or as PDF.")
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


@click.command(name="verify", short_help="Hold a run or triage against its checksums.")
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


@click.command(name="plans", short_help="List the plans that a run or triage showed.")
@click.argument("run")
def plans_command(run: str) -> int:
    """List the plans that RUN (a run folder) showed, with the aws lines that carry them out.

    Of the folder of a triage, the plans of all its runs. Nothing is asked of AWS: what a plan
    starts from may have changed since.
    """
    from opslib import run_folder

    folder = _folder(run)
    runs = [folder]
    if (folder / run_folder.INDEX).is_file():
        from opslib import triage

        runs = triage.runs_of(folder, triage.index_of(folder))
    shown_plans = [plan for each in runs for plan in _plans(each)]
    for line in shown_plans:
        click.echo(line)
    if not shown_plans:
        click.echo(f"{folder.resolve().name} showed no plan.")
    return 0


def _plans(folder: Path) -> list[str]:
    from opslib import run_folder
    from opslib.show import visible

    changed = run_folder.differences(folder, names=(run_folder.RESULT,))
    if changed:
        raise BadInput(
            f"No plan was listed: {' '.join(changed)} It does not tell any more what the run saw. "
            f"See all that differs with: opslib verify {shown(folder)}"
        )
    result = json.loads((folder / run_folder.RESULT).read_text(encoding="utf-8"))
    lines = []
    for plan in result["plans"]:
        undone = "can be undone" if plan.get("reversible") else "CANNOT be undone"
        head = f"{plan['token']}  {plan['action']}, on {plan['subject']}; {undone}"
        lines += [visible(head), *(f"  {visible(cli)}" for cli in plan.get("cli", []))]
    return lines


_NOT_BUILT = (
    "Nothing was changed: opslib shows plans and does not carry them out yet. "
    "List those of a run, with the aws lines that do, with: opslib plans {run}"
)


@click.command(name="apply", hidden=True)
@click.argument("run")
@click.argument("token")
def apply_command(run: str, token: str) -> int:
    """Refuse to carry out the plan TOKEN of RUN, for that is not built yet. Exit code 3."""
    raise BadInput(_NOT_BUILT.format(run=run))


@click.command(name="undo", hidden=True)
@click.argument("run")
@click.argument("token")
def undo_command(run: str, token: str) -> int:
    """Refuse to undo the plan TOKEN of RUN, for nothing was carried out. Exit code 3."""
    raise BadInput(_NOT_BUILT.format(run=run))


def _folder(run: str) -> Path:
    from opslib import run_folder
    from opslib.system import project_root

    # A folder named by its path needs no project around it.
    return Path(run) if Path(run).is_dir() else run_folder.find(run, runs=project_root() / "runs")
