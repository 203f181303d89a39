"""``make demo``: real runbooks about the real aggregator, on this machine, in a minute.

Starts the sandbox with scenario ``slow`` on a live clock, runs 00-triage headless as cron would,
then the notebook that its first finding points to, prints the verdicts and where the reports are,
and stops what it started. Exit code 0 when the runbooks found what the scenario broke; 1 when they
did not.
"""

import sys
import time
from pathlib import Path

import click

from opslib import headless
from opslib.errors import OpsError
from opslib.parameters import collect, declared
from opslib.sandbox import launcher, scenarios
from opslib.show import WORDS
from opslib.system import project_root

SCENARIO = "slow"
FIRST = "00-triage"


def _say(sentence: str) -> None:
    click.echo(f"  {sentence}", err=True)


def _run(root: Path, notebook: str) -> headless.Outcome:
    path = root / "notebooks" / f"{notebook}.ipynb"
    values = collect(declared(path), notebook=notebook, files=["sandbox"])
    click.echo(f"Running {notebook} ...", err=True)
    outcome = headless.run(path, values)
    result = outcome.result
    findings = result["findings"]
    click.echo(f"\n{notebook}: {WORDS[result['verdict']]}")
    for finding in findings:
        click.echo(f"  {finding['severity']}: {finding['title']}. {finding['detail']}")
    for limit in result["limits"]:
        click.echo(f"  could not see: {limit['what']}")
    click.echo(f"  report: {outcome.folder / 'report.html'}\n")
    return outcome


def _follow(root: Path) -> list[str]:
    """Run triage and what it points to; return what was not as the scenario expects."""
    wanted = scenarios.load(SCENARIO).expected
    wrong = []
    notebook, seen = FIRST, list[str]()
    while notebook and notebook not in seen:
        seen.append(notebook)
        result = _run(root, notebook).result
        if result["verdict"] != wanted[notebook].verdict:
            wrong.append(f"{notebook} says {result['verdict']}, not {wanted[notebook].verdict}")
        targets = [finding["next"]["notebook"] for finding in result["findings"]]
        notebook = next((name for name in targets if name), "")
    if len(seen) < 2:
        wrong.append(f"{FIRST} points to no other notebook")
    return wrong


def main() -> int:
    """Show it."""
    began = time.monotonic()
    root = project_root()
    home = root / "runs" / "sandbox"
    was_up = launcher.status(home).sandbox is not None
    try:
        launcher.up(scenario=SCENARIO, clock="live", home=home, progress=_say)
        try:
            wrong = _follow(root)
        finally:
            if not was_up:
                launcher.down(home)
                _say("The sandbox is stopped.")
    except OpsError as error:
        wrong = [error.message]
    for sentence in wrong:
        click.echo(f"Not as expected: {sentence}.", err=True)
    click.echo(f"Done in {time.monotonic() - began:.0f} s.", err=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
