"""A Lambda function as it stands: its versions, its aliases, and what feeds it.

In: a `Connection` and a function's name. Out: looks. Changes nothing; the plans that start from
this state are made in `opslib.remedies.functions`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from opslib.aws import Connection, calling
from opslib.changes import configuration
from opslib.errors import CouldNotLook
from opslib.frames import frame

LATEST = "$LATEST"
#: What of a configuration changes how its code runs.
_SETTINGS = (
    "Timeout",
    "MemorySize",
    "Handler",
    "Runtime",
    "Role",
    "Environment",
    "Layers",
    "VpcConfig",
    "Architectures",
    "EphemeralStorage",
    "FileSystemConfigs",
    "ImageConfigResponse",
    "DeadLetterConfig",
    "LoggingConfig",
)
_VERSIONS = {
    "version": "string",
    "modified_at": "datetime64[ns, UTC]",
    "code": "string",
    "timeout_s": "Int64",
    "memory_mb": "Int64",
    "aliases": "string",
    "description": "string",
}
_FEEDS = {
    "uuid": "string",
    "source": "string",
    "invokes": "string",
    "batch_size": "Int64",
    "state": "string",
    "visibility_s": "Int64",
}


@dataclass(frozen=True)
class Versions:
    """The versions of a function.

    Parameters
    ----------
    rows
        One row a version, ``$LATEST`` first, then the newest: ``version``, ``modified_at``,
        ``code`` (head of its CodeSha256), ``timeout_s``, ``memory_mb``, ``aliases`` (text, with the
        share of a canary), ``description``.
    limits
        A sentence for everything that could not be seen.
    function
        Its name.
    aliases
        As ListAliases gives them.
    settings
        Version to a text that is another one where its configuration is.
    latest
        The configuration of ``$LATEST``, which is what an edit changes; its ARN is unqualified.
        Empty when that could not be seen.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...]
    function: str
    aliases: tuple[Mapping[str, Any], ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    latest: Mapping[str, Any] = field(default_factory=dict)

    def code(self, version: str) -> str:
        """Return what tells the code of a version from another; empty when it is not known."""
        of = self.rows[self.rows["version"] == version]
        return "" if of.empty else str(of.iloc[0]["code"])

    @property
    def numbered(self) -> pd.DataFrame:
        """``rows``, but ``code`` counts from 1: the same number, the same code."""
        code = pd.Series(self.rows["code"].factorize()[0] + 1, self.rows.index, dtype="Int64")
        return self.rows.assign(code=code)

    def before(self, version: str, *, other_code: bool = False) -> str | None:
        """Return the newest published version before one that differs from it; None without one.

        Parameters
        ----------
        other_code
            Whether its code has to differ; else another timeout, variable or role is enough.
        """
        published = self.rows[self.rows["version"] != LATEST]
        of = self.rows[self.rows["version"] == version]
        if of.empty:
            return None
        number = None if version == LATEST else int(version)
        for row in published.to_dict("records"):
            older = number is None or int(row["version"]) < number
            differs = row["code"] != of.iloc[0]["code"]
            if not other_code:
                held, asked = (self.settings.get(each) for each in (str(row["version"]), version))
                differs = differs or held != asked
            if older and differs:
                return str(row["version"])
        return None


@dataclass(frozen=True)
class Feeds:
    """What feeds a function.

    Parameters
    ----------
    rows
        One row an event source mapping: ``uuid``, ``source`` (ARN), ``invokes`` (``$LATEST``, a
        version or an alias), ``batch_size``, ``state``, ``visibility_s`` (of a queue).
    limits
        A sentence for every queue that could not be seen.
    urls
        URL of each queue among them, by its ARN.
    notes
        A sentence for every list of mappings that could not be seen: only plans start from them.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...]
    urls: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> pd.DataFrame:
        """The rows as people read them: ``source`` is ``table/NAME``, not an ARN."""
        names = [arn.split(":", 5)[-1].partition("/stream/")[0] for arn in self.rows["source"]]
        return self.rows.assign(source=pd.Series(names, dtype="string", index=self.rows.index))


def versions(connection: Connection, function: str) -> Versions:
    """Read the versions and aliases of a function, and what an edit of it would start from."""
    client, limits = connection.client("lambda"), list[str]()
    arn = _arn(connection, function)
    found: list[Mapping[str, Any]] = []
    aliases: list[Mapping[str, Any]] = []
    latest: Mapping[str, Any] = {}
    try:
        # Not of a version, whose revision an edit of $LATEST would be refused with.
        latest = configuration(client, function)
    except CouldNotLook as error:
        limits.append(error.message)
    try:
        with calling("lambda:ListVersionsByFunction", f"versions of {function}", resource=arn):
            pages = client.get_paginator("list_versions_by_function").paginate(
                FunctionName=function
            )
            found = [version for page in pages for version in page["Versions"]]
    except CouldNotLook as error:
        limits.append(error.message)
    try:
        with calling("lambda:ListAliases", f"aliases of {function}", resource=arn):
            pages = client.get_paginator("list_aliases").paginate(FunctionName=function)
            aliases = [alias for page in pages for alias in page["Aliases"]]
    except CouldNotLook as error:
        limits.append(error.message)
    found.sort(key=lambda each: _order(str(each["Version"])), reverse=True)
    rows = [
        (
            str(each["Version"]),
            _instant(each.get("LastModified")),
            str(each.get("CodeSha256", ""))[:12],
            each.get("Timeout"),
            each.get("MemorySize"),
            ", ".join(_pointing(aliases, str(each["Version"]))),
            str(each.get("Description") or ""),
        )
        for each in found
    ]
    settings = {str(each["Version"]): _settings(each) for each in found}
    return Versions(
        frame(rows, _VERSIONS), tuple(limits), function, tuple(aliases), settings, latest
    )


def feeds(connection: Connection, function: str, held: Versions | None = None) -> Feeds:
    """Read the event source mappings of a function, and the visibility timeout of its queues.

    Parameters
    ----------
    held
        Its versions and aliases; without them only what invokes ``$LATEST`` is listed, for
        ListEventSourceMappings lists those of exactly the function or alias that is named.
    """
    client, limits, urls = connection.client("lambda"), list[str](), dict[str, str]()
    notes = list[str]()
    mappings: dict[str, Mapping[str, Any]] = {}
    aliases = held.aliases if held is not None else ()
    for name in (function, *(f"{function}:{alias['Name']}" for alias in aliases)):
        try:
            with calling("lambda:ListEventSourceMappings", f"what feeds {name}"):
                pages = client.get_paginator("list_event_source_mappings").paginate(
                    FunctionName=name
                )
                mappings |= {m["UUID"]: m for page in pages for m in page["EventSourceMappings"]}
        except CouldNotLook as error:
            notes.append(error.message)
    rows = []
    for each in mappings.values():
        source, visibility_s = str(each.get("EventSourceArn", "")), None
        if source.split(":")[2:3] == ["sqs"]:
            try:
                urls[source], visibility_s = _queue(connection, source)
            except CouldNotLook as error:
                limits.append(error.message)
        rows.append(
            (
                str(each["UUID"]),
                source,
                _qualifier(str(each.get("FunctionArn", ""))),
                each.get("BatchSize"),
                str(each.get("State", "")),
                visibility_s,
            )
        )
    return Feeds(frame(rows, _FEEDS), tuple(limits), urls, tuple(notes))


def _queue(connection: Connection, arn: str) -> tuple[str, int]:
    sqs, (account, name) = connection.client("sqs"), arn.split(":")[4:6]
    with calling("sqs:GetQueueAttributes", f"the visibility timeout of {name}", resource=arn):
        url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return str(url), int(answer["Attributes"]["VisibilityTimeout"])


def _qualifier(arn: str) -> str:
    parts = arn.split(":")
    return parts[7] if len(parts) > 7 else LATEST


def _pointing(aliases: Sequence[Mapping[str, Any]], version: str) -> list[str]:
    named = [str(alias["Name"]) for alias in aliases if alias["FunctionVersion"] == version]
    for alias in aliases:
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        if version in weights:
            named.append(f"{alias['Name']} ({weights[version]:.0%})")
    return named


def _settings(version: Mapping[str, Any]) -> str:
    """Return a text that is the same for versions whose code runs in the same way."""
    kept = {key: version.get(key) for key in _SETTINGS}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()


def _order(version: str) -> float:
    return float("inf") if version == LATEST else float(version)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _arn(connection: Connection, function: str) -> str:
    held = connection.identity
    return f"arn:aws:lambda:{held.region}:{held.account}:function:{function}"
