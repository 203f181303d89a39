"""``make demo``: real runbooks about the real aggregator, on this machine, in a minute.

Starts the sandbox with scenario ``dead-letters`` on a live clock, follows the decision tree as
``opslib triage`` does, prints the index page, every report and its verdict, and stops what it
started. Exit code 0 when the runbooks found what the scenario tells; 1 when they did not.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Light, so that the server of the kernels imports while this process does.
from opslib.kernel.server import serving

SCENARIO = "dead-letters"
#: The branch that the scenario is told for: the tree has to lead there.
BRANCH = "30-dead-letters"


def main() -> int:
    """Show it."""
    began = time.monotonic()
    with serving(at_once=True):
        import click

        from opslib.errors import OpsError
        from opslib.sandbox import launcher
        from opslib.system import project_root

        home = project_root() / "runs" / "sandbox"
        try:
            sandbox = launcher.up(
                scenario=SCENARIO, clock="live", home=home, progress=_say, tied=True
            )
            try:
                wrong = _follow(project_root())
            finally:
                if sandbox.started:
                    launcher.down(home)
                    _say("The sandbox is stopped.")
        except OpsError as error:
            wrong = [error.message]
    for sentence in wrong:
        click.echo(f"Not as expected: {sentence}", err=True)
    click.echo(f"Done in {time.monotonic() - began:.0f} s.", err=True)
    return 1 if wrong else 0


def _say(sentence: str) -> None:
    import click

    click.echo(f"  {sentence}", err=True)


def _follow(root: Path) -> list[str]:
    """Follow the tree and print where it led; return what was not as the scenario expects."""
    import click

    from opslib import triage
    from opslib.parameters import collect, declared
    from opslib.sandbox import scenarios

    path = root / "notebooks" / f"{triage.FIRST}.ipynb"
    values = collect(declared(path), notebook=triage.FIRST, files=["sandbox"])
    click.echo("Following the tree ...", err=True)
    outcome = triage.follow(path, values)
    for run in outcome.index["runs"]:
        _tell(run, (outcome.folder / run["report"]).resolve())
    for missed in outcome.index["not_run"]:
        click.echo(f"{missed['notebook']}: did not run. {missed['why']}\n")
    click.echo(f"index page: {outcome.folder / 'index.html'}\n")
    wrong = unexpected(outcome.index, scenarios.load(SCENARIO).expected)
    there = (root / "notebooks" / f"{BRANCH}.ipynb").is_file()
    if there and BRANCH not in {run["notebook"] for run in outcome.index["runs"]}:
        wrong.append(f"{BRANCH} was not reached, or did not run.")
    return wrong


def _tell(run: Mapping[str, Any], report: Path) -> None:
    import click

    from opslib.show import WORDS

    click.echo(f"{run['notebook']}: {WORDS[run['verdict']]}")
    for finding in run["findings"]:
        click.echo(f"  {finding['severity']}: {finding['title']}")
    for limit in run["limits"]:
        click.echo(f"  could not see: {limit['what']}")
    click.echo(f"  report: {report}\n")


def unexpected(index: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each thing that a notebook says, and a scenario does not expect.

    Parameters
    ----------
    index
        Of a triage.
    expected
        By notebook, its verdict and the findings it must have.
    """
    wrong = []
    for run in index["runs"]:
        wanted = expected.get(run["notebook"])
        if wanted is None:
            continue
        if run["verdict"] != wanted.verdict:
            wrong.append(f"{run['notebook']} says {run['verdict']}, not {wanted.verdict}.")
        lacking = sorted(wanted.findings - {finding["id"] for finding in run["findings"]})
        if lacking:
            wrong.append(f"{run['notebook']} did not find {', '.join(lacking)}.")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
