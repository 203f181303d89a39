"""What a notebook's setup cell opens: one system, one window, one account, and what was found.

In: the notebook's parameters. Out: a `Run` that asks (queries, metrics, configuration, changes),
keeps the evidence, shows what it kept, and concludes with a verdict. What AWS refuses to show
does not end the run: the frame comes back empty but with its columns, the reason is said on the
spot, and the verdict can no longer be healthy.

Must not know one branch of the tree: what is asked and how it is judged stands in the notebook, in
`health` and in `tree`.

The rooms: this one opens a run; ``run`` is what a notebook says to it; ``asking`` asks AWS, keeps
the answer and says what became of it.
"""

from collections.abc import Mapping

from IPython.core.getipython import get_ipython
from IPython.display import display

from opslib import aws, masking, parameters, show
from opslib import system as systems
from opslib.errors import BadInput
from opslib.evidence import Folder
from opslib.runbook.run import Run
from opslib.window import Window, require_possible, wall_now

__all__ = ["Run", "open"]


def open(  # noqa: A001 - the notebooks read `runbook.open`
    notebook: str,
    *,
    system: str | Mapping[str, object],
    start: str,
    end: str,
    approve: str = "",
) -> Run:
    """Open one run: read the parameters, check the account, fix the window, say so in one line.

    Parameters
    ----------
    notebook
        Its name, ``20-duration``.
    system
        A name in params/, a path, or the mapping itself.
    start, end
        ISO 8601 with a zone, or relative to now: ``-3h``, ``now``.
    approve
        The token of a plan. No notebook has one to apply yet, so only nothing is taken.

    Raises
    ------
    BadInput
        A parameter is wrong or unknown. Nothing was asked of AWS, but for a window that lies in the
        future by AWS's own clock.
    GuardRefused
        The caller is in another account or region than the system pins.
    CouldNotLook
        AWS does not say who the caller is, so nothing else would be answered either.
    """
    shell = get_ipython()
    if shell is not None:
        parameters.check_injected(shell.user_ns.get("In", []), notebook=notebook)
    if approve:
        raise BadInput(
            f"{notebook} applies nothing: it shows its remedy as text, and `approve` is {approve}. "
            "Leave `approve` empty. Nothing ran.",
            parameter="approve",
        )
    named = systems.load(system)
    # What `now` is, the service says; a window that cannot be at any time costs it no call.
    require_possible(start, end, wall=wall_now(), known=False)
    connection = aws.connect(named)
    masks = masking.of(connection.system)
    show.mask_with(masks)
    window = Window.between(start, end, now=connection.identity.at)
    folder = Folder.of_this_process(masks=masks)
    run = Run(notebook, connection=connection, window=window, folder=folder)
    display(
        show.banner(
            [
                f"{run.system.name} ({run.system.environment})",
                f"account {run.identity.account}, {run.identity.region}",
                window.title,
                f"as {run.identity.arn}",
            ]
        )
    )
    return run
