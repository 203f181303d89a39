"""The ``opslib`` command: reads the command line, calls one function, says the outcome.

In: arguments. Out: on stdout what was asked for and nothing else; on stderr progress (on a
terminal only) and errors in one sentence; an exit code as monitoring plugins have them: 0 healthy,
1 warning, 2 critical, 3 could not look or did not run. A defect of opslib itself is a 3 as well,
never a 1.

Must not hold logic of its own. Imports what a command needs when it runs, so that help is quick;
a signal that comes meanwhile is kept for the command that knows how to end in good order.
"""

import sys

# jsonschema, beneath nbformat, builds a grammar for internationalised addresses at import, which
# takes a second and which no notebook needs; without the module it does without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

from collections.abc import Sequence  # noqa: E402
from contextlib import nullcontext  # noqa: E402
from typing import Any  # noqa: E402

from opslib import stop  # noqa: E402

#: The commands that end in good order by themselves when a signal comes.
_ORDERLY = ("run", "triage")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code, which is 3 for everything that went wrong.

    Parameters
    ----------
    arguments
        Without the program's name; those of the process when not given.
    """
    words = sys.argv[1:] if arguments is None else [*arguments]
    with stop.heeded() if words[:1] and words[0] in _ORDERLY else nullcontext() as heeded:
        from opslib.cli.ending import Ending
        from opslib.cli.group import opslib

        with Ending() as ending:
            code = opslib.main(args=words, prog_name="opslib", standalone_mode=False, obj=heeded)
            ending.code = code if isinstance(code, int) else 0
        return ending.code


def __getattr__(name: str) -> Any:
    """Give the group itself, as ``cli.opslib``, to whoever asks for it."""
    if name != "opslib":
        raise AttributeError(name)
    from opslib.cli.group import opslib

    return opslib
