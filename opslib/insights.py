"""CloudWatch Logs Insights: one query over one window, whole or not at all, with a receipt.

In: the query's text, its log groups, a Window, and the columns that are expected back with their
kinds. Out: an `Answer`: a typed frame and a `Receipt` that says what was scanned and whether rows
were cut off. A query that does not complete is a `CouldNotLook`; a partial answer is never given
out. A query that is no longer waited for is stopped, since a running one goes on costing money.

Must not split a query by time: percentiles and distinct counts cannot be put together again.

Facts leaned on
---------------
``startTime`` and ``endTime`` are epoch seconds, both inclusive, so the half-open window ends at
``end - 1`` (botocore, StartQuery). ``limit`` of the API is never sent: whether it or the text wins
differs by date (grafana/grafana#25182, aws/aws-sdk#66). Rows: 10,000 unless the text says
otherwise, 100,000 at most, in pages of 10,000 that no boto3 paginator walks (botocore,
GetQueryResults). Values are strings, missing fields are left out, times are
``YYYY-MM-DD HH:MM:SS.mmm`` in UTC.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

import pandas as pd

from opslib.aws import calling
from opslib.errors import BadInput, CouldNotLook
from opslib.window import Window

Kind = Literal["time", "float", "int", "text"]

_DTYPES: Mapping[str, str] = {
    "time": "datetime64[ns, UTC]",
    "float": "float64",
    "int": "Int64",
    "text": "string",
}
_DEFAULT_ROWS = 10_000
_MOST_TEXT = 10_000
_MOST_GROUPS = 50
# Pages are of at most 10,000 rows and may be shorter.
_MOST_PAGES = 100
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 1.0
_RUNNING = {"Scheduled", "Running", "Unknown"}
_LIMIT = re.compile(r"\|?\s*limit\s+(?:any\s+)?(\d+)\s*$", re.IGNORECASE)
_COMMENT = re.compile(r"#[^\n]*$")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a query was and what it cost.

    Parameters
    ----------
    name, text, query_id, groups, window
        What was asked, of whom.
    status
        ``Complete``; any other status is no answer.
    rows
        Rows that came back.
    matched, scanned
        Events that the query's filters let through, and all that it read.
    scanned_bytes
        Bytes read: what the query is billed for.
    truncated
        Whether as many rows came as may come, so that there may be more.
    """

    name: str
    text: str
    query_id: str
    status: str
    groups: tuple[str, ...]
    window: Window
    rows: int
    matched: int
    scanned: int
    scanned_bytes: int
    truncated: bool

    @property
    def sentence(self) -> str:
        """The receipt in one line, the same for the same answer: without the query's id."""
        cut = ", cut off there" if self.truncated else ""
        return (
            f"{self.name}: {self.rows:,} rows{cut}, from {self.matched:,} matching of "
            f"{self.scanned:,} events read ({_size(self.scanned_bytes)}). {self.status}."
        )

    def as_dict(self) -> dict[str, object]:
        """Return the receipt as result.json, schema 1, holds it."""
        return {
            "name": self.name,
            "text": self.text,
            "query_id": self.query_id,
            "status": self.status,
            "rows": self.rows,
            "matched": self.matched,
            "scanned_bytes": self.scanned_bytes,
            "truncated": self.truncated,
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's rows, typed, in the order the service sent them; and the receipt."""

    name: str
    rows: pd.DataFrame
    receipt: Receipt


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
        How long one query may take in seconds, waiting for a free place included.
    """

    client: Any
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    deadline_s: float = 60

    def query(
        self,
        name: str,
        text: str,
        *,
        groups: Sequence[str],
        window: Window,
        columns: Mapping[str, str],
    ) -> Answer:
        """Run a query and wait for its whole answer.

        Parameters
        ----------
        name
            What to call it in receipts and evidence.
        text
            The query in the Logs Insights language.
        groups
            Log group names, or ARNs without ``:*``; 1 to 50.
        columns
            Each column that the query returns, to its kind: ``time``, ``float``, ``int`` or
            ``text``. The frame has these columns in this order, whatever came back.

        Returns
        -------
        ``rows`` has dtypes ``datetime64[ns, UTC]``, ``float64``, ``Int64``, ``string``; a missing
        value is missing (NaT, NaN, NA), never 0. Empty when nothing matched.

        Raises
        ------
        BadInput
            An unknown kind, too long a text, too many groups; or the answer has a column that
            ``columns`` does not name, or a value that is not of its kind.
        CouldNotLook
            The query was refused, did not complete, or not in time.
        """
        _check(name, text, groups=groups, columns=columns)
        deadline = self.monotonic() + self.deadline_s
        query_id = self._start(name, text, groups=groups, window=window, deadline=deadline)
        ended = False
        try:
            answer = self._wait(name, query_id, deadline=deadline)
            ended = True
        except CouldNotLook as error:
            # A query that ended by itself cannot be stopped.
            ended = "status" in error.facts
            raise
        finally:
            if not ended:
                self._stop(query_id)
        results, more = self._pages(name, query_id, answer)
        rows = typed(_rows(results), columns, name=name)
        statistics = answer.get("statistics", {})
        receipt = Receipt(
            name=name,
            text=text,
            query_id=query_id,
            status=str(answer["status"]),
            groups=tuple(groups),
            window=window,
            rows=len(rows),
            matched=int(statistics.get("recordsMatched", 0)),
            scanned=int(statistics.get("recordsScanned", 0)),
            scanned_bytes=int(statistics.get("bytesScanned", 0)),
            truncated=more or len(rows) >= _most_rows(text),
        )
        return Answer(name, rows, receipt)

    def _start(
        self, name: str, text: str, *, groups: Sequence[str], window: Window, deadline: float
    ) -> str:
        # The two parameters exclude each other; identifiers take names as well as ARNs.
        by_arn = any(group.startswith("arn:") for group in groups)
        wanted = {"logGroupIdentifiers" if by_arn else "logGroupNames": list(groups)}
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                with calling("logs:StartQuery", f"query {name} on {', '.join(groups)}"):
                    answer = self.client.start_query(
                        startTime=window.start_s,
                        endTime=window.end_s - 1,
                        queryString=text,
                        **wanted,
                    )
                return str(answer["queryId"])
            except CouldNotLook as error:
                # The account's places for concurrent queries are taken, by dashboards perhaps.
                if error.reason != "throttled" or self.monotonic() + wait_s > deadline:
                    raise
            self.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _wait(self, name: str, query_id: str, *, deadline: float) -> Mapping[str, Any]:
        wait_s = _FIRST_WAIT_S
        while True:
            answer = self._results(name, query_id, deadline=deadline)
            status = str(answer.get("status", "throttled"))
            if status == "Complete":
                return answer
            if status not in _RUNNING and "status" in answer:
                raise CouldNotLook(
                    f"Not seen: query {name}. Logs Insights ended it with status {status}. "
                    "Run again, or look at a shorter window.",
                    operation="logs:GetQueryResults",
                    reason="timeout" if status == "Timeout" else "failed",
                    status=status,
                    query_id=query_id,
                )
            if self.monotonic() + wait_s > deadline:
                raise CouldNotLook(
                    f"Not seen: query {name}. After {self.deadline_s:g} s it was still {status}; "
                    "it was stopped. Run again, or look at a shorter window.",
                    operation="logs:GetQueryResults",
                    reason="timeout",
                    query_id=query_id,
                )
            self.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _results(self, name: str, query_id: str, *, deadline: float) -> Mapping[str, Any]:
        try:
            with calling("logs:GetQueryResults", f"the results of query {name}"):
                return cast(Mapping[str, Any], self.client.get_query_results(queryId=query_id))
        except CouldNotLook as error:
            if error.reason != "throttled" or self.monotonic() > deadline:
                raise
            return {}

    def _pages(
        self, name: str, query_id: str, first: Mapping[str, Any]
    ) -> tuple[list[list[Mapping[str, str]]], bool]:
        """Return all rows, and whether there are more that were not fetched."""
        results = list(first.get("results", []))
        token = first.get("nextToken")
        pages = 1
        while token and pages < _MOST_PAGES:
            with calling("logs:GetQueryResults", f"page {pages + 1} of query {name}"):
                answer = self.client.get_query_results(queryId=query_id, nextToken=token)
            results.extend(answer.get("results", []))
            token = answer.get("nextToken")
            pages += 1
        return results, bool(token)

    def _stop(self, query_id: str) -> None:
        # It may have ended meanwhile, which is an error; what matters is the reason we stop for.
        with suppress(CouldNotLook), calling("logs:StopQuery", "the query"):
            self.client.stop_query(queryId=query_id)


def typed(
    rows: Iterable[Mapping[str, str]], columns: Mapping[str, str], *, name: str = "rows"
) -> pd.DataFrame:
    """Return rows of strings as a frame with these columns and kinds; empty rows give them too.

    Parameters
    ----------
    rows
        One mapping a row; a missing field is left out of it.
    columns
        As for `Insights.query`.
    name
        What to call the query in an error.

    Raises
    ------
    BadInput
        A row has a column that ``columns`` does not name (other than ``@ptr``), or a value that is
        not of its kind. The value is not shown: it comes out of somebody's log.
    """
    held = list(rows)
    found = {key for row in held for key in row} - {"@ptr"}
    unknown = sorted(found - set(columns))
    if unknown:
        raise BadInput(
            f"Query {name} returns {', '.join(unknown)}, which its columns do not name; "
            f"they name {', '.join(columns)}. Name each column that the query returns.",
            query=name,
            unknown=tuple(unknown),
        )
    frame = {}
    for column, kind in columns.items():
        try:
            frame[column] = _series([row.get(column) for row in held], kind)
        except (ValueError, TypeError, OverflowError) as error:
            raise BadInput(
                f"Query {name} returns values in {column} that are not of the kind {kind}. "
                "Correct the kind in its columns.",
                query=name,
                column=column,
            ) from error
    return pd.DataFrame(frame, columns=list(columns))


def _series(values: Sequence[str | None], kind: str) -> "pd.Series[Any]":
    dtype = _DTYPES[kind]
    if kind == "text":
        return pd.Series(values, dtype="string")
    if kind == "time":
        return pd.Series([_instant(value) if value else None for value in values], dtype=dtype)
    if kind == "int":
        return pd.Series([_whole(value) if value else None for value in values], dtype=dtype)
    return pd.Series([float(value) if value else None for value in values], dtype=dtype)


def _instant(text: str) -> datetime:
    # earliest(@timestamp) and the like come as epoch milliseconds.
    if re.fullmatch(r"\d+(\.\d+)?([eE]\+?\d+)?", text):
        return datetime.fromtimestamp(float(text) / 1000, UTC)
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _whole(text: str) -> int:
    # Lambda's memory fields come as 128000000 or as 1.28E8, the same number.
    if text.lstrip("-").isdigit():
        return int(text)
    number = float(text)
    if not number.is_integer():
        raise ValueError("not a whole number")
    return int(number)


def _rows(results: Iterable[Iterable[Mapping[str, str]]]) -> list[dict[str, str]]:
    return [{cell["field"]: cell["value"] for cell in row if "value" in cell} for row in results]


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1e5 else f"{size_bytes / 1e3:,.1f} kB"


def _most_rows(text: str) -> int:
    """Return how many rows the query may give: its own trailing limit, or the service's."""
    ending = "\n".join(_COMMENT.sub("", line) for line in text.splitlines()).rstrip()
    found = _LIMIT.search(ending)
    return int(found[1]) if found else _DEFAULT_ROWS


def _check(name: str, text: str, *, groups: Sequence[str], columns: Mapping[str, str]) -> None:
    wrong = ""
    kinds = sorted(set(columns.values()) - set(_DTYPES))
    if kinds:
        wrong = f"{', '.join(kinds)} is no kind of column; there are {', '.join(_DTYPES)}"
    elif not 1 <= len(groups) <= _MOST_GROUPS:
        wrong = f"it names {len(groups)} log groups; it takes 1 to {_MOST_GROUPS}"
    elif len(text) > _MOST_TEXT:
        wrong = f"its text has {len(text):,} characters; it takes {_MOST_TEXT:,}"
    if wrong:
        raise BadInput(f"Query {name} was not sent: {wrong}.", query=name)
