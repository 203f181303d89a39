"""What an exception means to whoever called the command: one sentence, and exit code 3.

In: whatever a command raised. Out: the sentence on stderr. Must not know the commands.
"""

import os
import re
import sys
import traceback
from types import TracebackType

import click

from opslib.errors import OpsError

DID_NOT_RUN = 3
# A name that somebody gave may hold what a terminal obeys; a message has lines.
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Ending:
    """The last frame of a command. Python's own 1 would read as a warning."""

    code = DID_NOT_RUN

    def __enter__(self) -> "Ending":
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
                click.echo(f"opslib: {_inert(str(error))}", err=True)
            case click.ClickException():
                error.show()
            case click.Abort() | KeyboardInterrupt():
                click.echo("opslib: interrupted.", err=True)
            case BrokenPipeError():
                # Whoever read our output has gone; Python would complain once more at its end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            case OSError(filename=str() as name, strerror=str() as reason):
                # A name too long, a folder that may not be looked into, a disk that is full.
                click.echo(
                    f"opslib: it did not come to its end: {_inert(name)}: {reason}.", err=True
                )
            case SystemExit():
                return False
            case _:
                traceback.print_exception(error)
                click.echo("opslib: it did not run: this is a defect of opslib.", err=True)
        return True


def _inert(text: str) -> str:
    return _ACTING.sub("�", text)
