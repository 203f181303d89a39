"""What a StartQuery asks, checked as far as it can be before anything is searched.

In: the body of the call. Out: a `Question`, or a `Refused`: InvalidParameterException, or
MalformedQueryException with the place in the text. Must not know log groups.

Source: botocore's ``logs`` model; CloudWatch Logs API reference, StartQuery.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opslib.sandbox.logs.refusals import LANGUAGES, epoch, invalid, one_of, text, whole
from opslib.sandbox.operations import Refused, ServiceError

if TYPE_CHECKING:
    from opslib.cwli.plan import Query, Source

TEXT_LIMIT = 10_000
ROWS_LIMIT = 100_000
# AWS counts in seconds and includes both ends, so the last second is searched to its end. It is
# documented only as "inclusive"; were the last second not whole, a window cut into [a, b - 1 s]
# and [b, c] would lose events.
_LAST_SECOND_MS = 999
# Both seconds and milliseconds are accepted; seconds reach this number in the year 5138.
_MILLISECONDS_FROM = 100_000_000_000


@dataclass(frozen=True, kw_only=True)
class Question:
    """A query, the log groups it names itself, and the span it is about (epoch ms, inclusive)."""

    text: str
    sources: "tuple[Source, ...]"
    start_ms: int
    end_ms: int
    limit: int | None


def asked(body: dict[str, Any]) -> Question:
    """Read a StartQuery, all but its log groups.

    Raises
    ------
    Refused
        The query is malformed or in another language, the span is none, the limit out of bounds.
    """
    from opslib import cwli  # at the first query, so that a start need not wait for it

    given = text(body, "queryString", least=0, most=TEXT_LIMIT)
    if given is None:
        raise invalid("queryString is missing.")
    if one_of(body, "queryLanguage", LANGUAGES) not in (None, "CWLI"):
        raise invalid(
            f"The sandbox answers queries in CWLI only: queries in {body['queryLanguage']} are "
            "evaluated by OpenSearch, which it does not have."
        )
    try:
        sources = _sources(cwli.parse(given))
    except cwli.MalformedQuery as error:
        detail = {
            "message": error.reason,
            "location": {"startCharOffset": error.position, "endCharOffset": error.end},
        }
        raise Refused(
            ServiceError(
                code="MalformedQueryException",
                message=error.reason,
                members=(("queryCompileError", detail),),
            )
        ) from error
    start_ms, end_ms = _span(body)
    limit = whole(body, "limit", least=1, most=ROWS_LIMIT, default=0) or None
    return Question(text=given, sources=sources, start_ms=start_ms, end_ms=end_ms, limit=limit)


def _sources(query: "Query") -> "tuple[Source, ...]":
    """Name what a query and the queries within it name."""
    from opslib.cwli import plan

    inner = [stage.query for stage in query.stages if isinstance(stage, plan.AppendCols)]
    return (*query.sources, *(source for one in inner for source in _sources(one)))


def _span(body: dict[str, Any]) -> tuple[int, int]:
    start, end = epoch(body, "startTime"), epoch(body, "endTime")
    if start is None or end is None:
        raise invalid("startTime and endTime are needed, as epoch seconds.")
    start_ms = start if start >= _MILLISECONDS_FROM else start * 1000
    end_ms = end if end >= _MILLISECONDS_FROM else end * 1000 + _LAST_SECOND_MS
    if start_ms > end_ms:
        raise invalid("End time should not be before the start time.")
    return start_ms, end_ms
