"""When a function was not invoked for long, and whether what it reads was written meanwhile.

In: the function's `Series`, how long a silence is. Out: gaps, and what is known of each, in words.
Does no I/O.
"""

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_low
from typing import NamedTuple

from opslib.health.courses import NO_RECORD
from opslib.health.endings import QUIET
from opslib.health.series import Series
from opslib.system import Function, Threshold
from opslib.window import Window

# The longest that a mapping may gather records (MaximumBatchingWindowInSeconds, at most 300): a
# write this near to the end of a silence need not have been read in it.
_BATCHING = timedelta(minutes=5)


class Gap(NamedTuple):
    """A span without an invocation."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Silences:
    """The silences of one function in one window.

    Parameters
    ----------
    series
        With ``invocations``, and of what it reads ``table_writes`` or ``stream_records``.
    limit
        From how many milliseconds without an invocation on it is silent.
    filtered
        Whether all that feeds it passes a mapping's filter; None when that was not seen.
    """

    series: Series
    function: Function
    limit: Threshold
    window: Window
    filtered: bool | None = None

    @property
    def feed(self) -> str:
        """The indicator that counts what it reads."""
        return "stream_records" if self.function.stream else "table_writes"

    @property
    def length(self) -> timedelta:
        """From how much time without an invocation on it is silent."""
        return timedelta(milliseconds=self.limit.critical or self.limit.warning or 0)

    def gaps(self, instants: list[datetime]) -> list[Gap]:
        """Return the silences, the window's ends included; a datapoint covers its period."""
        width = self.series.width("invocations")
        edges = [self.window.start, *instants, self.window.end]
        ends = [self.window.start, *(at + width for at in instants)]
        gaps = [Gap(start, end) for start, end in zip(ends, edges[1:], strict=True)]
        return [gap for gap in gaps if gap.length >= self.length]

    def maybe_late(self, instants: list[datetime]) -> str:
        """Say that the last minutes may not be counted yet, of what else came by the minute."""
        width = self.series.width("invocations")
        steps = [after - before for before, after in itertools.pairwise(instants)]
        usual = median_low(steps) if steps else self.window.length
        missing = self.window.end - instants[-1] - width
        if not 2 * max(usual, width) < missing < QUIET:
            return ""
        return "; none counted since, and metrics come some minutes late: run again to see those"

    def unfed(self, gap: Gap) -> bool:
        """Whether nothing was there to be read in a gap, and what it reads is known to be that.

        What was written in its last minutes, and is read at its end, is none of it.
        """
        writes = [point.at for point in self.series.of(self.feed) if point.value > 0]
        if not writes or not self.series.seen(self.feed):
            return False
        inside = [at for at in writes if gap.start < at < gap.end]
        return not self.written(gap) and not (inside and gap.end == self.window.end)

    def written(self, gap: Gap) -> bool:
        """Whether what it reads was written in a gap, early enough to have been read in it."""
        # A datapoint that begins with the gap is of the gap, unless datapoints are instants.
        start = gap.start - timedelta(microseconds=bool(self.series.width("invocations")))
        return any(
            point.value > 0 and start < point.at < gap.end - _BATCHING
            for point in self.series.of(self.feed)
        )

    def writes(self, gap: Gap, *, lasts: bool) -> str:
        """Say what is known of the writes to what it reads during a gap."""
        if not self.function.reads_stream:
            return "The system's file says that it is critical."
        kind = "table" if self.function.table else "stream"
        what = f"{kind} {self.function.table or self.function.stream}"
        if self.written(gap):
            waits = "wait" if lasts else "waited"
            if self.filtered is False:
                said = f"Its {what} was written meanwhile, so records {waits} unread."
                return f"{said} {NO_RECORD}" if self.function.table else said
            why = "has a filter, which may have dropped every record"
            if self.filtered is None:
                why = "was not looked at: a filter of it may have dropped every record"
            return (
                f"Its {what} was written meanwhile. Whether records {waits} unread is not known: "
                f"its mapping {why}."
            )
        writes = self.series.of(self.feed)
        if any(point.value > 0 and gap.start < point.at < gap.end for point in writes):
            return (
                f"Its {what} was written only in the last 5 minutes of that, "
                "which a batch may wait for."
            )
        if not self.series.seen(self.feed):
            why = self.series.why(self.feed)
            return f"Whether its {what} was written was not looked at: {why}."
        return f"No write to its {what} was seen either; if none was made, this is as it should be."
