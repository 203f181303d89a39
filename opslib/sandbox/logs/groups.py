"""Which log groups a call means, and what they hold.

In: the members of a request that name log groups, the SOURCE commands of a query. Out: names of log
groups that exist, or a `Refused`. Must not know where events are kept, or what is done with them.

Source: botocore's ``logs`` model; CloudWatch Logs API reference, StartQuery and FilterLogEvents.
The model's pattern of an identifier has no ``*``, so an ARN that ends with ``:*`` is refused, as
the reference asks.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opslib.sandbox.logs.refusals import GROUP_NAME, invalid, not_found, texts
from opslib.sandbox.operations import Refused

if TYPE_CHECKING:
    from opslib.cwli import Held
    from opslib.cwli.plan import Source

Event = dict[str, Any]
"""``timestamp`` and ``ingestionTime`` (epoch ms), ``message``, ``logStream``, ``log``
(``account:group``) and ``eventId``."""

GROUPS_LIMIT = 50
_FORMS = ("logGroupName", "logGroupNames", "logGroupIdentifiers")
_ARN = re.compile(r"arn:[^:]+:logs:([^:]+):(\d{12}):log-group:([^:*]+)")


@dataclass(frozen=True, kw_only=True)
class Store:
    """What one account holds in one region.

    ``names`` lists its log groups; ``events`` and ``streams`` give those of a log group, None when
    there is no such group. ``merged`` gives the events of all streams by time, then by ingestion
    time and stream, as one list that must not be changed. ``held`` gives those of several log
    groups, one group after the other, stream by stream, as the engine takes them.
    """

    account: str
    region: str
    names: Callable[[], list[str]]
    events: Callable[[str], list[Event] | None]
    streams: Callable[[str], list[str] | None]
    merged: Callable[[str], list[Event] | None]
    held: "Callable[[Sequence[str]], Held]"


def of_query(body: dict[str, Any], sources: "Iterable[Source]", store: Store) -> list[str]:
    """Name the log groups of StartQuery, each once.

    Raises
    ------
    Refused
        Not exactly one way of naming is used; a name is none; too many are named.
    """
    given = [form for form in _FORMS if body.get(form)]
    sources = tuple(sources)
    if len(given) + bool(sources) != 1:
        raise invalid(
            "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers is needed, or a "
            "SOURCE command in the query."
        )
    if sources:
        named = [name for source in sources for name in _of_source(source, store)]
    elif given == ["logGroupName"]:
        named = [_checked(body["logGroupName"])]
    elif given == ["logGroupNames"]:
        named = [_checked(name) for name in texts(body, "logGroupNames")]
    else:
        named = [_identified(one, store) for one in texts(body, "logGroupIdentifiers")]
    named = list(dict.fromkeys(named))
    if len(named) > GROUPS_LIMIT:
        raise invalid(f"A query takes at most {GROUPS_LIMIT} log groups.")
    return named


def of_one(body: dict[str, Any], store: Store) -> str:
    """Name the one log group of FilterLogEvents or GetLogGroupFields.

    Raises
    ------
    Refused
        Not exactly one of ``logGroupName`` and ``logGroupIdentifier`` is given, or it is none.
    """
    name, identifier = body.get("logGroupName"), body.get("logGroupIdentifier")
    if bool(name) == bool(identifier):
        raise invalid("Exactly one of logGroupName and logGroupIdentifier is needed.")
    return _checked(name) if name else _identified(str(identifier), store)


def absent(group: str, store: Store) -> Refused:
    """Make the refusal of a log group that does not exist, as StartQuery words it."""
    return not_found(f"Log group '{group}' does not exist for account ID '{store.account}'")


def _of_source(source: "Source", store: Store) -> list[str]:
    if source.name is not None:
        return [_identified(source.name, store)]
    found = [name for name in store.names() if not source.prefixes or _starts(name, source)]
    if not found:
        raise not_found("The SOURCE command selects no log group.")
    return found


def _starts(name: str, source: "Source") -> bool:
    return name.startswith(source.prefixes)


def _checked(name: object) -> str:
    if not isinstance(name, str) or not GROUP_NAME.fullmatch(name):
        raise invalid(f"'{name}' is no name of a log group.")
    return name


def _identified(identifier: str, store: Store) -> str:
    if not identifier.startswith("arn:"):
        return _checked(identifier)
    place = _ARN.fullmatch(identifier)
    if place is None:
        raise invalid(f"{identifier} is no ARN of a log group (it must not end with :*).")
    region, account, group = place.groups()
    if (region, account) != (store.region, store.account):
        raise not_found(f"Log group '{group}' does not exist for account ID '{account}'")
    return group
