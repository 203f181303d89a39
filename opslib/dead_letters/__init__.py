"""Dead letters: what waits in a queue, of which kind each is, and a peek that says what it touched.

In: a connection and the name of a dead-letter queue. Out: frames with what could not be seen beside
them. Changes nothing but receive counts, and those only where it says so; must not judge. Whether
the records that a pointer names are still there is asked in `opslib.streams`.
"""

from opslib.dead_letters.kinds import POINTERS, Kind
from opslib.dead_letters.looking import Peek, Waiting, lost_metrics, peek, queue_metrics, waiting

__all__ = [
    "POINTERS",
    "Kind",
    "Peek",
    "Waiting",
    "lost_metrics",
    "peek",
    "queue_metrics",
    "waiting",
]
