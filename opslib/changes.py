"""What changed about a function, and when: its configuration, its versions, its aliases.

In: a boto3 ``lambda`` client and a Window. Out: `Changes`, a frame of what Lambda itself remembers.
Must not judge.

Lambda remembers little: ``LastModified`` is of the last edit only, so a later edit hides an earlier
one, and an alias does not say when it was moved (botocore, FunctionConfiguration and
AliasConfiguration). CloudTrail would know both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd

from opslib.aws import calling
from opslib.errors import CouldNotLook
from opslib.window import Window, iso

_LATEST = "$LATEST"


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed.

    Parameters
    ----------
    rows
        One row a change, oldest first: ``at`` (datetime64[ns, UTC]; NaT for an alias, which has no
        time), ``what``, ``detail``, ``version`` (string). Changes outside the window are left out,
        aliases are always there, last. Empty when nothing changed, or nothing could be seen.
    deployed_at
        The latest change of code or configuration inside the window, or None.
    limits
        A sentence for everything that could not be seen.
    """

    rows: pd.DataFrame
    deployed_at: datetime | None
    limits: tuple[str, ...]


class _Change(NamedTuple):
    at: datetime | None
    what: str
    detail: str
    version: str


def timeline(client: Any, function_name: str, window: Window) -> Changes:
    """Return what changed about a function inside a window.

    Parameters
    ----------
    client
        The boto3 ``lambda`` client, or anything with get_function_configuration and the paginators
        list_versions_by_function and list_aliases.

    Returns
    -------
    What Lambda shows. A call that is refused costs its own rows and becomes a sentence in
    ``limits``.
    """
    seen: list[_Change] = []
    limits: list[str] = []
    for look in (_edit, _versions, _aliases):
        try:
            seen += look(client, function_name)
        except CouldNotLook as error:
            limits.append(error.message)
    inside = sorted(
        {change for change in seen if change.at is not None and change.at in window},
        key=lambda change: (change.at or window.start, change.version),
    )
    for change in seen:
        if change.version == _LATEST and change.at is not None and change.at >= window.end:
            limits.append(
                f"{function_name} was edited at {iso(change.at)}, after the window: the timeout "
                "and memory that its numbers are held against may be other than they were then, "
                "and an edit inside the window is hidden."
            )
    aliases = [change for change in seen if change.at is None]
    rows = _frame([*inside, *aliases])
    return Changes(rows, inside[-1].at if inside else None, tuple(limits))


def _edit(client: Any, name: str) -> Iterator[_Change]:
    operation, resource = "lambda:GetFunctionConfiguration", _arn(name)
    with calling(operation, f"when {name} was last changed", resource=resource):
        answer = client.get_function_configuration(FunctionName=name)
    at = _instant(answer)
    if at is not None:
        memory_mb, timeout_s = answer.get("MemorySize", "?"), answer.get("Timeout", "?")
        detail = f"now {memory_mb} MB, timeout {timeout_s} s, {answer.get('Runtime', 'image')}"
        yield _Change(at, "code or configuration edited", detail, _LATEST)


def _versions(client: Any, name: str) -> Iterator[_Change]:
    with calling("lambda:ListVersionsByFunction", f"the versions of {name}", resource=_arn(name)):
        pages = list(client.get_paginator("list_versions_by_function").paginate(FunctionName=name))
    for page in pages:
        for version in page["Versions"]:
            at = _instant(version)
            if version["Version"] != _LATEST and at is not None:
                detail = version.get("Description") or "no description"
                yield _Change(at, "version published", detail, version["Version"])


def _aliases(client: Any, name: str) -> Iterator[_Change]:
    with calling("lambda:ListAliases", f"the aliases of {name}", resource=_arn(name)):
        pages = list(client.get_paginator("list_aliases").paginate(FunctionName=name))
    for page in pages:
        for alias in page["Aliases"]:
            version = alias["FunctionVersion"]
            weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            also = "".join(f", {share:.0%} to {other}" for other, share in sorted(weights.items()))
            detail = f"{alias['Name']} points at {version}{also}; since when it does not say"
            yield _Change(None, "alias", detail, version)


def _instant(configuration: Mapping[str, Any]) -> datetime | None:
    text = configuration.get("LastModified")
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _arn(name: str) -> str:
    # The pinned account and region bound it already; a denial names the exact one.
    return f"arn:aws:lambda:*:*:function:{name}"


def _frame(found: list[_Change]) -> pd.DataFrame:
    columns = {
        "at": "datetime64[ns, UTC]",
        "what": "string",
        "detail": "string",
        "version": "string",
    }
    return pd.DataFrame(
        {
            name: pd.Series([change[place] for change in found], dtype=dtype)
            for place, (name, dtype) in enumerate(columns.items())
        }
    )
