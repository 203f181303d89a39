"""The group of all commands, and the sandbox's own group, which is an extra.

In: a name on the command line. Out: the command. Must not do anything itself.
"""

from typing import Any

import click

from opslib.cli.folders import (
    apply_command,
    plans_command,
    render_command,
    undo_command,
    verify_command,
)
from opslib.cli.querying import query_command
from opslib.cli.running import run_command, triage_command
from opslib.cli.schema import schema_command
from opslib.errors import BadInput

_LOCAL = "pip install 'opslib[local]'"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="opslib")
def opslib() -> None:
    """Run runbooks for AWS Lambda pipelines, without a person and with a report.

    Exit codes: 0 healthy, 1 warning, 2 critical, 3 could not look or did not run.
    """


class Sandbox(click.Group):
    """The commands of `opslib.sandbox`, loaded when one of them is meant: they are an extra."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name its commands."""
        return self._commands().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give one of its commands."""
        return self._commands().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run one; say what to install where that is missing."""
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


for _command in (
    run_command,
    triage_command,
    render_command,
    verify_command,
    plans_command,
    apply_command,
    undo_command,
    query_command,
    schema_command,
):
    opslib.add_command(_command)
opslib.add_command(
    Sandbox(name="sandbox", help="An emulated AWS on this machine, to try the runbooks on.")
)
