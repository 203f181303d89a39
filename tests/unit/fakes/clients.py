"""boto3 clients as the package uses them, with scripted answers; and a clock nobody waits for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError


def refusal(code: str, message: str = "", operation: str = "Operation") -> ClientError:
    """What botocore raises when a service says no."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class Clock:
    """A monotonic clock that only sleeping moves."""

    def __init__(self) -> None:
        self.at_s = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at_s += seconds


def _next(script: list[Any]) -> Any:
    """The next scripted answer; the last one again and again; an exception is raised."""
    answer = script.pop(0) if len(script) > 1 else script[0]
    if isinstance(answer, BaseException):
        raise answer
    return answer


class Logs:
    """The ``logs`` client."""

    def __init__(self, *answers: Any, starts: Sequence[Any] = (), stop: Any = None) -> None:
        self.answers = list(answers)
        self.starts: list[Any] = [*starts, {"queryId": "query-1"}]
        self.stop = stop
        self.started: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.stopped: list[str] = []

    def start_query(self, **arguments: Any) -> Any:
        self.started.append(arguments)
        return _next(self.starts)

    def get_query_results(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        return _next(self.answers)

    def describe_log_groups(self, *, logGroupNamePrefix: str) -> Any:
        return {"logGroups": [{"logGroupName": logGroupNamePrefix, "logGroupClass": "STANDARD"}]}

    def stop_query(self, **arguments: Any) -> Any:
        self.stopped.append(arguments["queryId"])
        if self.stop is not None:
            raise self.stop
        return {"success": True}


class CloudWatch:
    """The ``cloudwatch`` client."""

    def __init__(self, *pages: Any) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, Any]] = []

    def get_metric_data(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        return _next(self.pages)


class _Paginator:
    def __init__(self, pages: Any) -> None:
        self.pages = pages

    def paginate(self, *, FunctionName: str) -> Iterator[Mapping[str, Any]]:
        by_name = isinstance(self.pages, Mapping)
        for page in self.pages.get(FunctionName, ()) if by_name else self.pages:
            if isinstance(page, BaseException):
                raise page
            yield page


class Lambda:
    """The ``lambda`` client, for one function."""

    def __init__(
        self,
        configuration: Any,
        *,
        versions: Sequence[Any] = ({"Versions": []},),
        aliases: Sequence[Any] = ({"Aliases": []},),
        mappings: Any = ({"EventSourceMappings": []},),
    ) -> None:
        self.configuration = configuration
        self.pages = {
            "list_versions_by_function": versions,
            "list_aliases": aliases,
            "list_event_source_mappings": mappings,
        }

    def get_function_configuration(self, **_: Any) -> Any:
        return _next([self.configuration])

    def get_paginator(self, operation: str) -> _Paginator:
        return _Paginator(self.pages[operation])


class Connected:
    """A `Connection` whose clients are these; nothing else may be asked of it."""

    def __init__(self, **clients: Any) -> None:
        self.clients = clients

    def client(self, service: str) -> Any:
        return self.clients[service.replace("-", "_")]

    def brief_client(self, service: str) -> Any:
        return self.client(service)


class Group:
    """The ``logs`` client before these pages of DescribeLogGroups."""

    def __init__(self, *pages: Any) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, Any]] = []

    def describe_log_groups(self, **arguments: Any) -> Any:
        self.asked.append(arguments)
        return _next(self.pages)


class Tables:
    """The ``dynamodb`` client before these tables."""

    def __init__(self, **tables: Any) -> None:
        self.tables = tables

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        return {"Table": _next([self.tables[TableName]])}


class Trail:
    """The ``cloudtrail`` client: pages of events by their name, or what it raises at first."""

    def __init__(self, *, refusals: Sequence[BaseException] = (), **pages: Sequence[Any]) -> None:
        self.refusals = list(refusals)
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def lookup_events(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        if self.refusals:
            raise self.refusals.pop(0)
        pages = self.pages.get(arguments["LookupAttributes"][0]["AttributeValue"], ({},))
        place = int(arguments.get("NextToken", "0"))
        more = {"NextToken": str(place + 1)} if place + 1 < len(pages) else {}
        page: dict[str, Any] = pages[place]
        return page | more
