"""``opslib sandbox``: the emulated AWS from a shell.

In: arguments. Out: on standard output, what a shell or a program reads; on standard error, what a
person does. Must not know how the sandbox works.
"""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from opslib.errors import BadInput, OpsError
from opslib.system import project_root
from opslib.window import require_near, wall_now

if TYPE_CHECKING:
    from opslib.sandbox.scenarios.story import Scenario

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

_NEEDED = ("hypercorn", "ministack", "zae_limiter")
EXIT_NOT_UP = 3


def home() -> Path:
    """Name the folder that everything of the sandbox is kept in."""
    return project_root() / "runs" / "sandbox"


def _told(command: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Say an `OpsError` as one sentence, and end with code 3."""

    @wraps(command)
    def telling(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return command(*args, **kwargs)
        except OpsError as error:
            click.echo(str(error), err=True)
            raise SystemExit(EXIT_NOT_UP) from error

    return telling


@click.group(name="sandbox")
def sandbox() -> None:
    """Run an emulated AWS on this machine, with an incident in it."""


@sandbox.command()
@click.option("--scenario", default="slow", show_default=True, help="Which incident.")
@click.option(
    "--clock",
    type=click.Choice(["live", "pinned"]),
    show_default="live",
    help="Whether its time goes on, or stands still.",
)
@click.option("--at", metavar="ISO", help="Where a pinned clock stands; implies --clock pinned.")
@_told
def up(scenario: str, clock: str | None, at: str | None) -> None:
    """Start it, and print what points a shell at it: eval "$(opslib sandbox up)"."""
    if clock == "live" and at is not None:
        raise BadInput(
            "The sandbox was not started: --clock live and --at contradict each other, for a live "
            "clock does not stand at an instant. Leave one of them out.",
            at=at,
        )
    wanted = (clock or "live") if at is None else at
    _require_the_extra()
    from opslib.sandbox import clock as clocks
    from opslib.sandbox import environment, launcher  # only now, for they need the extra

    pinned_at = clocks.of(wanted).pinned_at
    if at is not None and pinned_at is not None:
        require_near("The sandbox was not started: its clock", pinned_at, wall=wall_now())
    running = launcher.up(scenario=scenario, clock=wanted, home=home(), progress=_progress)
    for line in environment.exports(running, caller=os.environ):
        click.echo(line)


@sandbox.command()
@_told
def down() -> None:
    """Stop it, and remove its files."""
    from opslib.sandbox import launcher
    from opslib.sandbox.record import State

    found = launcher.down(home())
    if found.state in (State.UNREADABLE, State.UNRECORDED):
        # Something went wrong before: this is for a log, too.
        click.echo(found.ended, err=True)
    else:
        _progress(found.ended)


@sandbox.command()
@_told
def reset() -> None:
    """Let it forget everything that happened since, and tell its scenario anew."""
    _require_the_extra()
    from opslib.sandbox import launcher

    launcher.reset(home=home(), progress=_progress)


@sandbox.command()
@_told
def status() -> None:
    """Say what runs; exit code 0 if it is up, else 3."""
    from opslib.sandbox import launcher

    found = launcher.status(home())
    click.echo(found.sentence)
    if found.sandbox is None:
        raise SystemExit(EXIT_NOT_UP)


@sandbox.command()
@click.option("--scenario", "named", metavar="NAME", help="Tell one: cause, symptoms, verdicts.")
@_told
def scenarios(named: str | None) -> None:
    """List the incidents it can show, or tell one of them."""
    _require_the_extra()
    from opslib.sandbox import scenarios as stories

    if named is not None:
        click.echo(_story(stories.load(named)))
        return
    width = max(len(name) for name in stories.names())
    for name in stories.names():
        click.echo(f"{name:{width}}  {stories.load(name).title}")


def _story(scenario: "Scenario") -> str:
    verdicts = [
        f"  {notebook}  {expected.verdict}  {' '.join(sorted(expected.findings))}".rstrip()
        for notebook, expected in sorted(scenario.expected.items())
    ]
    return "\n".join(
        [
            f"{scenario.name}: {scenario.title}.",
            f"What an engineer sees: {scenario.seen}",
            f"What broke: {scenario.broke}",
            f"Since when: {scenario.when}",
            "What the runbooks must say:",
            *verdicts,
        ]
    )


def _progress(sentence: str) -> None:
    # Cron mails whatever is printed: a person who watches is told, a log is not.
    if sys.stderr.isatty():
        click.echo(sentence, err=True)


def _require_the_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise BadInput(
            f"The sandbox was not started: {', '.join(missing)} is not installed. "
            "Install what it needs with: pip install 'opslib[local]'",
            missing=missing,
        )
