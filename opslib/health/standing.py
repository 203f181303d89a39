"""Whether what stands now belongs to a window, and how bad a function is that is stopped.

In: when a state was asked for, when it began if AWS says so, the window. Out: whether it is of the
window. Does no I/O.

A function with a reserved concurrency of 0, or one whose mapping is off, is critical as long as it
stands: what comes meanwhile waits and expires, and nothing else says so, for what is not invoked
has neither errors nor an age. That it has work is taken from the params file: what is retired does
not belong there. Yesterday's window is not judged by it, though, unless it began before its end.
"""

from datetime import datetime, timedelta

from opslib.health.verdicts import Verdict
from opslib.window import Window

#: Of what is stopped, everywhere.
STOPPED = Verdict.CRITICAL
# As for the depth of a queue, which is of now, too.
_FRESH = timedelta(minutes=15)


def belongs(
    window: Window | None, *, asked_at: datetime | None, began_at: datetime | None = None
) -> bool:
    """Whether a state of now is of a window: one that ends now, or after the state began.

    Parameters
    ----------
    window, asked_at
        The window, and when the state was asked for; without both it is taken for one of now.
    began_at
        Since when it has stood at least; None when AWS does not say.
    """
    if window is None or asked_at is None or asked_at - window.end <= _FRESH:
        return True
    return began_at is not None and began_at < window.end
