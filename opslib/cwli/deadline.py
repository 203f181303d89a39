"""Stop a query that runs away, or that a person gives up.

In: the work of a query, how to interrupt its DuckDB connection, and how long it may take. Out: what
the work gave, or ``QueryStopped``. A regular expression cannot run away by itself, since RE2 takes
time in proportion to the text; a few commands that multiply rows can.

The work is done on a thread of its own, and whoever asked waits where a deadline and Ctrl-C are
heeded at once.

Must not know the query.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from opslib.cwli.errors import QueryStopped

DEADLINE_S = 900.0
"""How long a query may work by default: longer than any sensible one on one machine takes, and a
quarter of what CloudWatch gives it."""

_AGAIN_S = 0.05
_Given = TypeVar("_Given")


def finished(
    work: Callable[[], _Given], *, interrupt: Callable[[], None], deadline_s: float
) -> _Given:
    """Do the work of a query, and give what it gives.

    Parameters
    ----------
    interrupt
        Interrupts the connection that works; called from another thread.

    Raises
    ------
    QueryStopped
        When the deadline passed before the work ended.
    KeyboardInterrupt
        When a person pressed Ctrl-C meanwhile; the work has ended by then.
    """
    with ThreadPoolExecutor(1, "query") as worker:
        answer = worker.submit(work)
        try:
            return answer.result(timeout=deadline_s)
        except TimeoutError:
            _stop(answer, interrupt)
            raise QueryStopped(deadline_s) from None
        except KeyboardInterrupt:
            _stop(answer, interrupt)
            raise


def _stop(answer: "Future[_Given]", interrupt: Callable[[], None]) -> None:
    # A statement that begins later forgets an interruption, so each is told.
    while not answer.done():
        interrupt()
        wait([answer], timeout=_AGAIN_S)
