"""Asking Logs Insights: one question or several side by side, each with its whole answer or none.

In: questions and a boto3 client. Out: an `Answer` each, or the `CouldNotLook` that says why not. A
query that does not complete is no answer; a partial one is never given out.

Must not cut the window of an aggregate: see `opslib.insights.whole`.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opslib.errors import BadInput, CouldNotLook
from opslib.insights.flights import Flight, Flights, Landing
from opslib.insights.frames import DTYPES
from opslib.insights.receipts import Answer
from opslib.insights.whole import MOST_TEXT, Question, Whole
from opslib.insights.wire import read_fast
from opslib.window import Window

_MOST_GROUPS = 50
_MOST_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Insights:
    """Logs Insights through one boto3 ``logs`` client.

    Parameters
    ----------
    client
        The boto3 client, or anything with start_query, get_query_results and stop_query.
    sleep, monotonic
        As of `time`, given so that a test need not wait.
    deadline_s
        How long one question may take in seconds, with all of its parts, waiting for a free place
        and reading its pages included; several that are asked together, all of them.
    places
        How many queries may be under way at once: well below the 30 that an account had at least,
        which dashboards and other people share.
    part_rows
        How many rows one query for events asks for; the service's own most is 100,000.
    most_rows
        How many events are fetched for one question; of more, the first ``part_rows`` are.
    """

    client: Any
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    deadline_s: float = 60
    places: int = 8
    part_rows: int = _MOST_ROWS
    most_rows: int = 1_000_000

    def query(
        self,
        name: str,
        text: str,
        *,
        groups: Sequence[str],
        window: Window,
        columns: Mapping[str, str],
    ) -> Answer:
        """Ask one question and wait for its whole answer.

        Parameters
        ----------
        name
            What to call it in receipts and evidence.
        text
            The query in the Logs Insights language. One for events (no ``stats``, ``dedup`` or
            other order than that of time) that states no ``limit`` is answered with every event,
            by queries for parts of the window if need be.
        groups
            Log group names, or ARNs without ``:*``; 1 to 50.
        columns
            Each column that the query returns, to its kind: ``time``, ``float``, ``int`` or
            ``text``. The frame has these columns in this order, whatever came back.

        Returns
        -------
        ``rows`` has dtypes ``datetime64[ns, UTC]``, ``float64``, ``Int64``, ``string``; a missing
        value is missing (NaT, NaN, NA), never 0. Empty when nothing matched. The receipt says
        whether every row is there.

        Raises
        ------
        BadInput
            An unknown kind, too long a text, too many groups; or the answer has a column that
            ``columns`` does not name, or a value that is not of its kind.
        CouldNotLook
            The query was refused, did not complete, or not in time.
        """
        (answer,) = self.query_all([Question(name, text, groups, window, columns)])
        if isinstance(answer, CouldNotLook):
            raise answer
        return answer

    def query_all(
        self, questions: Sequence[Question], *, deadline_s: float | None = None
    ) -> list[Answer | CouldNotLook]:
        """Ask several questions side by side.

        Parameters
        ----------
        questions
            Any number; at most ``places`` queries are under way at once, and when the account has
            no place left they wait for one.
        deadline_s
            How long all of them together may take, seconds; as for one when not given.

        Returns
        -------
        For each question, in order, its answer, or why there is none: one that fails costs the
        others nothing. Whatever ends this early, an interrupt too, no query is left running.

        Raises
        ------
        BadInput
            As `query`; nothing was sent if a question itself is wrong.
        """
        wholes = [
            Whole(number, question, part_rows=self.part_rows, most_rows=self.most_rows)
            for number, question in enumerate(questions)
        ]
        for whole in wholes:
            _check(whole.question)
        read_fast(self.client)
        flights = Flights(
            self.client,
            sleep=self.sleep,
            monotonic=self.monotonic,
            places=self.places,
            deadline_s=self.deadline_s if deadline_s is None else deadline_s,
        )

        def landed(flight: Flight, result: Landing | CouldNotLook) -> Iterable[Flight]:
            whole = wholes[flight.number]
            if whole.done:
                return []
            more = whole.landed(flight, result)
            if whole.done:
                flights.drop(flight.number)
            return more

        flights.fly([whole.flight() for whole in wholes], landed)
        return [whole.ended or whole.answer() for whole in wholes]


def _check(question: Question) -> None:
    wrong = ""
    kinds = sorted(set(question.columns.values()) - set(DTYPES))
    groups, length = len(question.groups), len(question.text)
    if kinds:
        wrong = f"{', '.join(kinds)} is no kind of column; there are {', '.join(DTYPES)}"
    elif not 1 <= groups <= _MOST_GROUPS:
        wrong = f"it names {groups} log groups; it takes 1 to {_MOST_GROUPS}"
    elif length > MOST_TEXT:
        wrong = f"its text has {length:,} characters; it takes {MOST_TEXT:,}"
    if wrong:
        raise BadInput(f"Query {question.name} was not sent: {wrong}.", query=question.name)
