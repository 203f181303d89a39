"""Waiting times that the sandbox counts, and letting them pass at once.

In: nothing but the machine's monotonic clock, and orders through ``/_opslib/waits``. Out: seconds.
It is not the sandbox's clock: under a pinned one, a minute that must pass still passes.
"""

import time

from opslib.errors import BadInput


class Waits:
    """Counts seconds; those let pass by order are counted too."""

    def __init__(self) -> None:
        self._skipped_s = 0.0

    def now_s(self) -> float:
        """Tell the seconds since some instant."""
        return time.monotonic() + self._skipped_s

    def order(self, body: object) -> None:
        """Take an order as the control endpoint receives it.

        Raises
        ------
        BadInput
            It is not an order.
        """
        match body:
            case {"seconds": int() | float() as seconds} if seconds > 0:
                self._skipped_s += seconds
            case _:
                raise BadInput("No time was let pass: an order has seconds (a number above 0).")
