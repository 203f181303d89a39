"""What Lambda itself remembers of a function: its last edit, versions, aliases and mappings.

In: a boto3 ``lambda`` client and a function's name. Out: changes, inside a window or not. Each
function here makes one kind of call and raises `CouldNotLook` when it is refused.

Facts leaned on
---------------
``LastModified`` is of the last edit only, so a later edit hides an earlier one, and an alias does
not say when it was moved (botocore, FunctionConfiguration and AliasConfiguration). A mapping's
``LastModified`` is of its last update or change of state, whichever came last (botocore,
EventSourceMappingConfiguration); that of a stream's mapping goes on with its LastProcessingResult,
by whole minutes, though nobody updated it (terraform-provider-aws, pull request 20487; answers in
the Lambda developer guide).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opslib.aws import calling
from opslib.changes.rows import EDITS, LATEST, VERSIONS, Change
from opslib.tree.hypotheses import MAPPING_DATED


def configuration(client: Any, name: str, *, alias: str | None = None) -> Mapping[str, Any]:
    """Return the configuration that traffic has: that of its alias, where it has one."""
    what = f"the configuration of {name}:{alias}" if alias else f"the configuration of {name}"
    qualifier = {"Qualifier": alias} if alias else {}
    with calling("lambda:GetFunctionConfiguration", what):
        answer: Mapping[str, Any] = client.get_function_configuration(
            FunctionName=name, **qualifier
        )
        return answer


def edit(
    client: Any, name: str, *, latest: Mapping[str, Any] | None = None
) -> tuple[Mapping[str, Any], list[Change]]:
    """Return the configuration of a function as it is, and when it was last changed.

    ``latest`` is that configuration, when it was asked already.
    """
    operation, resource = "lambda:GetFunctionConfiguration", _arn(name)
    answer = latest or {}
    if not answer:
        with calling(operation, f"when {name} was last changed", resource=resource):
            answer = client.get_function_configuration(FunctionName=name)
    at = instant(answer.get("LastModified"))
    if at is None:
        return answer, []
    memory_mb, timeout_s = answer.get("MemorySize", "?"), answer.get("Timeout", "?")
    detail = f"now {memory_mb} MB, timeout {timeout_s} s, {answer.get('Runtime', 'image')}"
    what = "code or configuration edited"
    return answer, [Change(at, what, detail, LATEST, deploys=True, subject=EDITS)]


def versions(client: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the configurations of the published versions, oldest first."""
    with calling("lambda:ListVersionsByFunction", f"the versions of {name}", resource=_arn(name)):
        pages = list(client.get_paginator("list_versions_by_function").paginate(FunctionName=name))
    found = [version for page in pages for version in page["Versions"]]
    published = [version for version in found if version["Version"] != LATEST]
    return sorted(published, key=lambda version: int(version["Version"]))


def published(configurations: Iterable[Mapping[str, Any]]) -> Iterator[Change]:
    """Yield when versions were published."""
    for version in configurations:
        at = instant(version.get("LastModified"))
        if at is not None:
            detail = version.get("Description") or "no description"
            number = version["Version"]
            yield Change(at, "version published", detail, number, deploys=True, subject=VERSIONS)


def aliases(client: Any, name: str) -> list[Mapping[str, Any]]:
    """Return the aliases of a function."""
    with calling("lambda:ListAliases", f"the aliases of {name}", resource=_arn(name)):
        pages = list(client.get_paginator("list_aliases").paginate(FunctionName=name))
    return [alias for page in pages for alias in page["Aliases"]]


def pointing(found: Iterable[Mapping[str, Any]]) -> Iterator[Change]:
    """Yield where aliases point, which nobody dates."""
    for alias in found:
        version = alias["FunctionVersion"]
        weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        also = "".join(f", {share:.0%} to {other}" for other, share in sorted(weights.items()))
        detail = f"{alias['Name']} points at {version}{also}; since when it does not say"
        yield Change(None, "alias", detail, version)


def invoked(alias: Mapping[str, Any]) -> set[str]:
    """Return the versions that an alias sends invocations to."""
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return {str(alias["FunctionVersion"]), *weights}


def qualifier(mapping: Mapping[str, Any]) -> str:
    """Return what a mapping invokes: an alias, a version, ``$LATEST``; empty where it is silent."""
    # arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER
    parts = str(mapping.get("FunctionArn") or "").split(":")
    if len(parts) < 7:
        return ""
    return parts[7] if len(parts) > 7 else LATEST


def mappings(client: Any, name: str, *, qualifiers: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the event source mappings of a function and of its aliases."""
    found: dict[str, Mapping[str, Any]] = {}
    for target in (name, *(f"{name}:{alias}" for alias in qualifiers)):
        with calling("lambda:ListEventSourceMappings", f"the event source mappings of {target}"):
            paginator = client.get_paginator("list_event_source_mappings")
            pages = list(paginator.paginate(FunctionName=target))
        found |= {each["UUID"]: each for page in pages for each in page["EventSourceMappings"]}
    return list(found.values())


def mapped(found: Iterable[Mapping[str, Any]]) -> Iterator[Change]:
    """Yield when mappings last changed, and how they stand."""
    for mapping in found:
        at = instant(mapping.get("LastModified"))
        if at is not None:
            source = str(mapping.get("EventSourceArn") or "its source")
            reason = mapping.get("StateTransitionReason")
            batch = f", batches of {mapping['BatchSize']}" if mapping.get("BatchSize") else ""
            detail = (
                f"{named(source)}: {mapping.get('State', '?')}"
                f"{f' ({reason})' if reason else ''}{batch}"
            )
            subject = f"mapping {mapping['UUID']}"
            # A queue's has no last result, and one that is not polled gets none.
            tried = ":sqs:" not in source and mapping.get("State") == "Enabled"
            what = MAPPING_DATED if tried else "event source mapping changed"
            yield Change(at, what, detail, subject=subject)


def named(arn: str) -> str:
    """Return what an ARN is of, short: ``table/orders`` of the ARN of its stream."""
    resource = arn.split(":", 5)[-1]
    return resource.partition("/stream/")[0]


def instant(value: object) -> datetime | None:
    """Return an instant as Lambda writes it, text or (in mappings) a datetime, in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if value else None
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def _arn(name: str) -> str:
    # The pinned account and region bound it already; a denial names the exact one.
    return f"arn:aws:lambda:*:*:function:{name}"
