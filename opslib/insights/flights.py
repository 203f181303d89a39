"""Queries on their way: started, waited for, read to the last page; stopped when nobody waits.

In: `Flight`, one StartQuery each. Out: for each a `Landing`, or the `CouldNotLook` that explains
why there is none. One thread does it all in turn, since the service's rates are low. A query that
is no longer waited for is stopped, since a running one goes on costing money.

Must not know what is made of the rows.

Facts leaned on
---------------
``startTime`` and ``endTime`` are epoch seconds, both inclusive, so a half-open span ends at
``end - 1`` (botocore, StartQuery). ``limit`` of the API is never sent: whether it or the text wins
differs by date (grafana/grafana#25182, aws/aws-sdk#66). StartQuery and GetQueryResults are allowed
10 times a second, and 100 queries may be under way in an account and region, dashboards and
scheduled queries included; it was 30 (CloudWatch Logs quotas; botocore 1.40, StartQuery). A page
has at most 10,000 rows; no boto3 paginator walks them (botocore, GetQueryResults).
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import pandas as pd

from opslib.aws import calling
from opslib.errors import CouldNotLook

# Pages are of at most 10,000 rows and may be shorter.
_MOST_PAGES = 100
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 1.0
# Several queries together ask for their state no more often than this apart.
_APART_S = 0.1
_RUNNING = {"Scheduled", "Running", "Unknown"}

Results = Sequence[Sequence[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Flight:
    """One StartQuery.

    Parameters
    ----------
    number
        Of the question that it is for.
    name, text, groups
        What to call it, and what is sent.
    start_s, end_s
        Epoch seconds; the end is outside.
    read
        Makes a frame of the results of a page.
    """

    number: int
    name: str
    text: str
    groups: tuple[str, ...]
    start_s: int
    end_s: int
    read: Callable[[Results], pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Landing:
    """A query that completed: its pages as frames, and what the service said of it.

    ``more`` says that there were pages that were not fetched; ``started_at`` is by the service's
    clock, None when it does not say.
    """

    query_id: str
    status: str
    pages: list[pd.DataFrame]
    more: bool
    statistics: Mapping[str, float]
    started_at: datetime | None

    @property
    def rows(self) -> int:
        """How many rows came."""
        return sum(len(page) for page in self.pages)


Landed = Callable[[Flight, Landing | CouldNotLook], Iterable[Flight]]


@dataclass(slots=True)
class _Aloft:
    """A query that was started and is not known to have ended."""

    flight: Flight
    query_id: str
    started_at: datetime | None
    next_at_s: float
    wait_s: float = _FIRST_WAIT_S
    status: str = "Scheduled"


class Flights:
    """Queries side by side, at most so many, until one deadline for all of them.

    Parameters
    ----------
    client
        A boto3 ``logs`` client, or anything with start_query, get_query_results and stop_query.
    sleep, monotonic
        As of `time`.
    places
        How many may be under way at once.
    deadline_s
        How long all of them together may take, in seconds from now.
    """

    def __init__(
        self,
        client: Any,
        *,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float],
        places: int,
        deadline_s: float,
    ) -> None:
        self._client = client
        self._sleep = sleep
        self._monotonic = monotonic
        self._places = places
        self._deadline_s = deadline_s
        self._deadline = monotonic() + deadline_s
        self._waiting: deque[Flight] = deque()
        self._aloft: list[_Aloft] = []
        # The account's places are taken, by dashboards perhaps: when to ask again, and why.
        self._start_at_s = monotonic()
        self._start_wait_s = _FIRST_WAIT_S
        self._full: CouldNotLook | None = None

    def fly(self, flights: Iterable[Flight], landed: Landed) -> None:
        """See every flight to its end, and those that ``landed`` adds.

        Whatever ends this, an interrupt too, no query is left running.
        """
        self._waiting.extend(flights)
        try:
            while self._waiting or self._aloft:
                now_s = self._monotonic()
                next_s = self._next_s()
                if next_s > self._deadline or now_s > self._deadline:
                    self._end_all(landed)
                elif next_s > now_s:
                    # Whole milliseconds: the rest is what adding up fractions leaves behind.
                    self._sleep(round(next_s - now_s, 3))
                    self._step(landed, now_s=next_s)
                else:
                    self._step(landed, now_s=now_s)
        finally:
            for aloft in self._aloft:
                self._stop(aloft)

    def drop(self, number: int) -> None:
        """Forget the flights of a question; those under way are stopped."""
        self._waiting = deque(flight for flight in self._waiting if flight.number != number)
        for aloft in [aloft for aloft in self._aloft if aloft.flight.number == number]:
            self._aloft.remove(aloft)
            self._stop(aloft)

    def _next_s(self) -> float:
        due = [aloft.next_at_s for aloft in self._aloft]
        if self._waiting and len(self._aloft) < self._places:
            due.append(self._start_at_s)
        return min(due)

    def _step(self, landed: Landed, *, now_s: float) -> None:
        """Start what there is a place for, and ask after what is due."""
        while self._waiting and len(self._aloft) < self._places and self._start_at_s <= now_s:
            flight = self._waiting[0]
            try:
                aloft = self._started(flight)
            except CouldNotLook as error:
                if error.reason == "throttled":
                    self._full = error
                    self._start_at_s = self._monotonic() + self._start_wait_s
                    self._start_wait_s = min(self._start_wait_s * 2, _LONGEST_WAIT_S)
                    break
                self._waiting.popleft()
                self._waiting.extend(landed(flight, error))
            else:
                self._waiting.popleft()
                self._aloft.append(aloft)
                self._full, self._start_wait_s = None, _FIRST_WAIT_S
        for aloft in list(self._aloft):
            # A landing may have dropped it.
            if aloft in self._aloft and aloft.next_at_s <= max(now_s, self._monotonic()):
                self._ask(aloft, landed)

    def _started(self, flight: Flight) -> _Aloft:
        # The two parameters exclude each other; identifiers take names as well as ARNs.
        by_arn = any(group.startswith("arn:") for group in flight.groups)
        wanted = {"logGroupIdentifiers" if by_arn else "logGroupNames": list(flight.groups)}
        with calling("logs:StartQuery", f"query {flight.name} on {', '.join(flight.groups)}"):
            answer = self._client.start_query(
                startTime=flight.start_s,
                endTime=flight.end_s - 1,
                queryString=flight.text,
                **wanted,
            )
        return _Aloft(flight, str(answer["queryId"]), _date(answer), self._monotonic())

    def _ask(self, aloft: _Aloft, landed: Landed) -> None:
        try:
            answer = self._results(aloft)
        except CouldNotLook as error:
            self._aloft.remove(aloft)
            # A query that ended by itself cannot be stopped.
            if "status" not in error.facts:
                self._stop(aloft)
            self._waiting.extend(landed(aloft.flight, error))
            return
        if answer is None:
            together_s = _APART_S * (len(self._aloft) - 1)
            aloft.next_at_s = self._monotonic() + max(aloft.wait_s, together_s)
            aloft.wait_s = min(aloft.wait_s * 2, _LONGEST_WAIT_S)
            return
        self._aloft.remove(aloft)
        result: Landing | CouldNotLook
        try:
            result = self._read(aloft, answer)
        except CouldNotLook as error:
            result = error
        self._waiting.extend(landed(aloft.flight, result))

    def _results(self, aloft: _Aloft) -> Mapping[str, Any] | None:
        """Return the first page of a query that completed; None while it has not."""
        name = aloft.flight.name
        answer = self._page(f"the results of query {name}", queryId=aloft.query_id)
        if answer is None:
            return None
        aloft.status = str(answer["status"])
        if aloft.status == "Complete":
            return answer
        if aloft.status in _RUNNING:
            # What has come so far is a part of the answer and no answer.
            return None
        raise CouldNotLook(
            f"Not seen: query {name}. Logs Insights ended it with status {aloft.status}. "
            "Run again, or look at a shorter window.",
            operation="logs:GetQueryResults",
            reason="timeout" if aloft.status == "Timeout" else "failed",
            status=aloft.status,
            query_id=aloft.query_id,
        )

    def _read(self, aloft: _Aloft, first: Mapping[str, Any]) -> Landing:
        """Read the pages of a query that completed.

        Raises
        ------
        CouldNotLook
            A page was refused, or the deadline passed.
        """
        flight, answer = aloft.flight, first
        pages = [flight.read(answer.get("results", []))]
        wait_s = _FIRST_WAIT_S
        while answer.get("nextToken") and len(pages) < _MOST_PAGES:
            subject = f"page {len(pages) + 1} of query {flight.name}"
            token = answer["nextToken"]
            following = self._page(subject, queryId=aloft.query_id, nextToken=token)
            if following is not None:
                answer, wait_s = following, _FIRST_WAIT_S
                pages.append(flight.read(answer.get("results", [])))
                continue
            if self._monotonic() + wait_s > self._deadline:
                raise self._late(f"it was complete, but {subject} did not come")
            self._sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
        return Landing(
            query_id=aloft.query_id,
            status=str(first["status"]),
            pages=pages,
            more=bool(answer.get("nextToken")),
            statistics=first.get("statistics", {}),
            started_at=aloft.started_at,
        )

    def _page(self, subject: str, **wanted: str) -> Mapping[str, Any] | None:
        """Return one answer of GetQueryResults; None when it was throttled."""
        try:
            with calling("logs:GetQueryResults", subject):
                return cast(Mapping[str, Any], self._client.get_query_results(**wanted))
        except CouldNotLook as error:
            if error.reason == "throttled":
                return None
            raise

    def _end_all(self, landed: Landed) -> None:
        """Let everything that is left end without an answer; nothing may be added any more."""
        ended = [(aloft.flight, self._late_aloft(aloft)) for aloft in self._aloft]
        for aloft in self._aloft:
            self._stop(aloft)
        self._aloft = []
        ended += [(flight, self._never_started(flight)) for flight in self._waiting]
        self._waiting.clear()
        for flight, error in ended:
            for added in landed(flight, error):
                landed(added, self._never_started(added))

    def _late_aloft(self, aloft: _Aloft) -> CouldNotLook:
        return self._late(
            f"query {aloft.flight.name}. After {self._deadline_s:g} s it was still {aloft.status}; "
            "it was stopped",
            query_id=aloft.query_id,
        )

    def _never_started(self, flight: Flight) -> CouldNotLook:
        if self._full is not None:
            return self._full
        return self._late(
            f"query {flight.name}. It was not started: those before it took all of the "
            f"{self._deadline_s:g} s"
        )

    def _late(self, what: str, **facts: str) -> CouldNotLook:
        return CouldNotLook(
            f"Not seen: {what}. Run again, or look at a shorter window.",
            operation="logs:GetQueryResults",
            reason="timeout",
            **facts,
        )

    def _stop(self, aloft: _Aloft) -> None:
        # It may have ended meanwhile, which is an error; what matters is the reason we stop for.
        with suppress(CouldNotLook), calling("logs:StopQuery", "the query"):
            self._client.stop_query(queryId=aloft.query_id)


def _date(answer: Mapping[str, Any]) -> datetime | None:
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else None
