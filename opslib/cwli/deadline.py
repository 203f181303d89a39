"""Stop a query that runs away.

In: how to interrupt a DuckDB connection, and how long it may work. Out: ``QueryStopped`` when it
worked longer. A regular expression cannot run away by itself, since RE2 takes time in proportion to
the text; a few commands that multiply rows can.

Must not know the query.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opslib.cwli.errors import QueryStopped

DEADLINE_S = 900.0
"""How long a query may work by default: longer than any sensible one on one machine takes, and a
quarter of what CloudWatch gives it."""

_AGAIN_S = 0.05


@contextmanager
def stopped_after(interrupt: Callable[[], None], *, deadline_s: float) -> Iterator[None]:
    """Interrupt whatever a connection does once the deadline has passed.

    Parameters
    ----------
    interrupt
        Interrupts the connection; called from another thread.

    Raises
    ------
    QueryStopped
        When the deadline passed before the block ended.
    """
    import duckdb

    done = threading.Event()
    passed = threading.Event()

    def watch() -> None:
        if done.wait(deadline_s):
            return
        passed.set()
        # A statement that begins later forgets an interruption, so each is told.
        interrupt()
        while not done.wait(_AGAIN_S):
            interrupt()

    watcher = threading.Thread(target=watch, name="query deadline", daemon=True)
    watcher.start()
    try:
        yield
    except duckdb.InterruptException:
        if not passed.is_set():
            raise
        raise QueryStopped(deadline_s) from None
    finally:
        done.set()
        watcher.join()
