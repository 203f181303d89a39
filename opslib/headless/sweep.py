"""Several notebooks side by side, each once, with the same values: a patrol instead of a triage.

In: notebooks, params files, how many at once. Out: an outcome for each, or why there is none, in
their order. Each has a process of its own, which can be killed on its own. Must not choose them.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from opslib.errors import OpsError
from opslib.headless.lock import Together
from opslib.headless.single import SIDE_BY_SIDE, Outcome, run
from opslib.kernel.server import serving
from opslib.parameters import collect, declared
from opslib.stop import Stop, heeded


def sweep(
    notebooks: Sequence[Path],
    *,
    files: Sequence[str | Path] = (),
    out: Path | None = None,
    jobs: int = SIDE_BY_SIDE,
    stop: Stop | None = None,
) -> list[Outcome | OpsError]:
    """Run notebooks side by side; a stop ends those that run, and begins no more.

    Parameters
    ----------
    notebooks
        The .ipynb files.
    files
        Params files, for each of them.
    out, stop
        As for `headless.run`.
    jobs
        How many at once.
    """
    locks = Together()
    with nullcontext(stop) if stop else heeded() as stop, serving(at_once=True):

        def one(notebook: Path) -> Outcome | OpsError:
            try:
                values = collect(declared(notebook), notebook=notebook.stem, files=files)
                return run(notebook, values, out=out, stop=stop, locks=locks)
            except OpsError as error:
                return error

        with ThreadPoolExecutor(jobs, thread_name_prefix="opslib-run") as pool:
            return list(pool.map(one, notebooks))
