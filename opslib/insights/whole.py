"""Every event of a window, also where there are more than one query may give.

In: a question, and the landings of its queries. Out: the flights that are needed next, and in the
end an `Answer`. A query for events that came back full is asked again of the parts of its window,
down to one second; the parts are half-open, and each event is kept once. Any other query is one
flight: percentiles, distinct counts and rows in another order cannot be put together again.

Must not know clients.

Facts leaned on
---------------
A query gives 10,000 rows unless its text says otherwise, and 100,000 at most (botocore, StartQuery
and GetQueryResults). Both ends of its span are inclusive, so parts that share an end count its
events twice. ``recordsMatched`` counts events, not rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from math import ceil

import pandas as pd

from opslib.errors import CouldNotLook
from opslib.insights.flights import Flight, Landing
from opslib.insights.frames import joined, page
from opslib.insights.reading import Reading, read
from opslib.insights.receipts import Answer, Receipt
from opslib.window import Window, iso

#: Characters that the text of a query may have.
MOST_TEXT = 10_000

# Parts are cut so that an even stream of events would fill them to this.
_FILLED = 0.8
_MOST_PARTS = 16


@dataclass(frozen=True, slots=True)
class Question:
    """One query over one window.

    Parameters
    ----------
    name
        What to call it in receipts and evidence.
    text
        The query in the Logs Insights language. One that asks for events, and states no limit, is
        answered with every event of the window.
    groups
        Log group names, or ARNs without ``:*``; 1 to 50.
    columns
        Each column that the query returns, to its kind: ``time``, ``float``, ``int`` or ``text``.
    """

    name: str
    text: str
    groups: Sequence[str]
    window: Window
    columns: Mapping[str, str]


@dataclass(slots=True)
class Whole:
    """A question on its way to an answer.

    Parameters
    ----------
    number, question
        Its place among others, and itself.
    part_rows
        The rows that one query may give, which its text asks for.
    most_rows
        Of how many events at most the answer is made.
    """

    number: int
    question: Question
    part_rows: int
    most_rows: int
    ended: CouldNotLook | None = None
    _landings: list[Landing] = field(default_factory=list)
    _leaves: dict[int, Landing] = field(default_factory=dict)
    _pending: int = 1
    _cut: str = ""

    @property
    def reading(self) -> Reading:
        """What the question's text is; one without room for a limit is asked as it stands."""
        reading = read(self.question.text)
        return reading if len(self._limited) <= MOST_TEXT else replace(reading, events=False)

    @property
    def text(self) -> str:
        """What is sent: the question's text, with the limit of a part where it asks for events."""
        return self._limited if self.reading.events else self.question.text

    @property
    def done(self) -> bool:
        """Whether nothing more has to be asked."""
        return self._pending == 0

    def flight(self) -> Flight:
        """Return the query that is asked first, over the whole window."""
        window = self.question.window
        return self._flight(window.start_s, window.end_s)

    def landed(self, flight: Flight, result: Landing | CouldNotLook) -> Iterable[Flight]:
        """Take what became of a flight, and return those that are needed now."""
        if isinstance(result, CouldNotLook):
            self._failed(result)
            return []
        self._landings.append(result)
        self._pending -= 1
        if self.reading.events and (result.more or result.rows >= self.part_rows):
            return self._parts(flight, result)
        self._leaves[flight.start_s] = result
        return []

    def answer(self) -> Answer:
        """Return the rows of all parts in the question's order, and the receipt."""
        question, reading = self.question, self.reading
        leaves = [self._leaves[at_s] for at_s in sorted(self._leaves)]
        if not reading.oldest_first:
            leaves.reverse()
        pages = [rows for leaf in leaves for rows in leaf.pages]
        rows = joined(pages, question.columns, once=reading.events)
        cut = self._cut or self._short(leaves, rows)
        started_at = self._landings[0].started_at
        after = None if started_at is None else (started_at - question.window.end).total_seconds()
        receipt = Receipt(
            name=question.name,
            text=self.text,
            query_id=", ".join(landing.query_id for landing in self._landings),
            status=leaves[0].status,
            groups=tuple(question.groups),
            window=question.window,
            rows=len(rows),
            matched=_count(leaves, "recordsMatched"),
            scanned=_count(leaves, "recordsScanned"),
            # All of them were billed, also those that were asked again in parts.
            scanned_bytes=_count(self._landings, "bytesScanned"),
            truncated=bool(cut),
            cut=cut,
            parts=len(self._landings),
            asked_after_s=after,
        )
        return Answer(question.name, rows, receipt)

    @property
    def _limited(self) -> str:
        # The only place for a limit: the API's own may override the text's, or be overridden.
        return f"{self.question.text.rstrip()}\n| limit {self.part_rows}"

    def _short(self, leaves: Sequence[Landing], rows: pd.DataFrame) -> str:
        """Say why a single query may have given fewer rows than there are; empty when it did."""
        if self.reading.events:
            return ""
        most = self.reading.most_rows
        if any(leaf.more for leaf in leaves):
            return f"{len(rows):,} were fetched, and the service had more pages"
        if len(rows) < most:
            return ""
        if self.reading.limit is None:
            return f"the service gives {most:,} where the text states no limit"
        return f"the text allows {most:,}"

    def _flight(self, start_s: int, end_s: int) -> Flight:
        question = self.question
        return Flight(
            number=self.number,
            name=question.name,
            text=self.text,
            groups=tuple(question.groups),
            start_s=start_s,
            end_s=end_s,
            read=partial(page, columns=question.columns, name=question.name),
        )

    def _parts(self, flight: Flight, full: Landing) -> Iterable[Flight]:
        """Cut the span of a full query; one that cannot be cut stands as it is, and that is said.

        The first full query stands too, while its parts are on their way, since it is an answer
        for the case that one of them fails.
        """
        span_s = flight.end_s - flight.start_s
        matched = _count([full], "recordsMatched")
        if span_s == 1 or (len(self._landings) == 1 and matched > self.most_rows):
            self._leaves[flight.start_s] = full
            self._cut = (
                f"the second from {iso(datetime.fromtimestamp(flight.start_s, UTC))} alone has "
                f"{full.rows:,} or more, and a query cannot look at less"
                if span_s == 1
                else f"{matched:,} events match, and more than {self.most_rows:,} are not fetched"
            )
            return []
        parts = min(max(2, ceil(matched / (self.part_rows * _FILLED))), _MOST_PARTS, span_s)
        cuts = [flight.start_s + span_s * place // parts for place in range(parts + 1)]
        self._pending += parts
        if len(self._landings) > 1:
            self._landings[-1] = replace(full, pages=[])
        return [self._flight(*ends) for ends in pairwise(cuts)]

    def _failed(self, error: CouldNotLook) -> None:
        self._pending = 0
        if not self._landings:
            self.ended = error
            return
        first = self._landings[0]
        self._leaves = {0: first}
        self._cut = f"the parts of the window did not all come ({error.message.rstrip('.')})"


def _count(landings: Iterable[Landing], what: str) -> int:
    return sum(int(landing.statistics.get(what, 0)) for landing in landings)
