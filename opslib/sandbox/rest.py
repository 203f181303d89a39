"""Which operation a request is of a service that names it by method and path: Lambda, S3.

In: botocore's model of the service, and a whole `Request`. Out: the operation's name. Must not know
what any operation does.

Operations that share a method and a path are told apart by what only one of them needs: a fixed
part of the query (``?uploads``), a query member or header that it requires (``partNumber``,
``x-amz-copy-source``). Whoever needs most is tried first.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from botocore.model import ServiceModel

from opslib.sandbox.wire import Request

_PLACEHOLDER = re.compile(r"\{([^}+]+)(\+?)\}")


@dataclass(frozen=True, kw_only=True)
class Route:
    """What a request of one operation looks like. Headers are in lower case."""

    name: str
    method: str
    path: re.Pattern[str]
    fixed: tuple[tuple[str, str], ...]
    queried: frozenset[str]
    headers: frozenset[str]
    placeholders: int

    def fits(self, request: Request) -> bool:
        """Whether a request may be of this operation."""
        return (
            request.method == self.method
            and self.path.fullmatch(request.path) is not None
            and all(
                name in request.query and (not value or request.query[name] == value)
                for name, value in self.fixed
            )
            and self.queried <= request.query.keys()
            and self.headers <= request.headers.keys()
        )


def routes(model: ServiceModel) -> list[Route]:
    """List a service's routes, in the order in which they must be tried."""
    found = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        literal, placeholders = "", 0
        for text, _, greedy in _split(path.rstrip("/")):
            literal += re.escape(text)
            if greedy is not None:
                literal += ".+" if greedy else "[^/]+"
                placeholders += 1
        shape = operation.input_shape
        needed: dict[str, set[str]] = {"querystring": set(), "header": set()}
        for member in shape.required_members if shape else ():
            how = shape.members[member].serialization
            if how.get("location") in needed:
                needed[how["location"]].add(how["name"])
        found.append(
            Route(
                name=name,
                method=operation.http["method"],
                path=re.compile(literal + "/?", re.DOTALL),
                fixed=tuple(parse_qsl(query, keep_blank_values=True)),
                queried=frozenset(needed["querystring"]),
                headers=frozenset(header.lower() for header in needed["header"]),
                placeholders=placeholders,
            )
        )
    found.sort(
        key=lambda route: (
            -len(route.fixed) - len(route.queried) - len(route.headers),
            model.operation_model(route.name).deprecated,
            route.placeholders,
            route.name,
        )
    )
    return found


def _split(path: str) -> list[tuple[str, str, str | None]]:
    """Split a path into literal, placeholder's name and ``+`` or nothing; None after the last."""
    parts: list[tuple[str, str, str | None]] = []
    at = 0
    for found in _PLACEHOLDER.finditer(path):
        parts.append((path[at : found.start()], found[1], found[2]))
        at = found.end()
    parts.append((path[at:], "", None))
    return parts
