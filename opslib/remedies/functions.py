"""Plans for a Lambda function: its memory, its timeout, the version that an alias points at.

In: the state that `opslib.remedies.function_state` read. Out: pure builders of plans. Nothing is
carried out here. Which of them fit a finding is said in `opslib.remedies.fitting`.

Facts leaned on
---------------
UpdateFunctionConfiguration edits $LATEST only and replaces every warm environment; it takes a
RevisionId and is refused when that is stale, or of a version: each has its own. UpdateAlias keeps
RoutingConfig unless it is given: an empty AdditionalVersionWeights clears it (botocore, Lambda). A
queue's visibility timeout should be six times the function's timeout (Lambda developer guide, Using
Lambda with Amazon SQS). Memory is 128 to 10,240 MB and a timeout 1 to 900 s (Lambda quotas).
"""

from collections.abc import Sequence

import pandas as pd

from opslib.remedies.function_state import LATEST, Feeds, Versions
from opslib.remedy import Call, Plan

MOST_MEMORY_MB = 10_240
MOST_TIMEOUT_S = 900
_SIX_TIMES = 6
_UNSEEN_QUEUES = (
    "What feeds it could not be seen: raise the visibility timeout of each queue among that to six "
    "times the new timeout first, or its messages come again while they are worked on."
)


def memory_plan(
    held: Versions,
    fed: Feeds,
    *,
    memory_mb: int,
    account: str,
    region: str,
) -> Plan | None:
    """Plan another memory size; CPU comes with it.

    None when what $LATEST has is not known, or is that size, or more than Lambda takes is asked.
    """
    now_mb = held.latest.get("MemorySize")
    if not now_mb or int(now_mb) == memory_mb or memory_mb > MOST_MEMORY_MB:
        return None
    return _configured(
        held,
        fed,
        key="MemorySize",
        value=memory_mb,
        action=f"Set the memory of {held.function} from {now_mb} to {memory_mb} MB",
        check="The next REPORT lines state the new size; durations and memory used fall below "
        "their thresholds.",
        account=account,
        region=region,
    )


def timeout_plan(
    held: Versions,
    fed: Feeds,
    *,
    timeout_s: int | None,
    account: str,
    region: str,
) -> Plan | None:
    """Plan another timeout, and before it the visibility timeout of each queue that needs it.

    None when what $LATEST has is not known, or is that timeout, or none is asked.
    """
    now_s = held.latest.get("Timeout")
    if not now_s or timeout_s is None or int(now_s) == timeout_s or timeout_s > MOST_TIMEOUT_S:
        return None
    return _configured(
        held,
        fed,
        key="Timeout",
        value=timeout_s,
        action=f"Set the timeout of {held.function} from {now_s} to {timeout_s} s",
        check="No new line says that a task timed out, and the iterator age falls.",
        account=account,
        region=region,
    )


def alias_plan(held: Versions, name: str, *, account: str, region: str) -> Plan | None:
    """Plan to move an alias to the version before, the weights of a canary cleared.

    The version before a canary is the one that the alias points at: there the weights go, and the
    alias stays. None when there is no such alias, or no published version before it that differs
    from it.
    """
    alias = next((each for each in held.aliases if each["Name"] == name), None)
    if alias is None:
        return None
    now = str(alias["FunctionVersion"])
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    tried = [version for version in weights if _newer(version, now)]
    back = now if tried else held.before(now)
    if back is None:
        return None
    action = f"Move the alias {name} of {held.function} from version {now} back to {back}"
    check = f"New log streams are named [{back}], and no new line has the error."
    first: tuple[str, ...] = ()
    if tried:
        canary = " and ".join(tried)
        action = f"Take version {canary} out of the alias {name} of {held.function}, back to {back}"
        check = f"No new log stream is named [{tried[0]}], and no new line has the error."
        first = (f"See that what is wrong is of version {canary}, and not of {back} too.",)
    cleared: dict[str, object] = {"AdditionalVersionWeights": {}}
    arguments: dict[str, object] = {
        "FunctionName": held.function,
        "Name": name,
        "FunctionVersion": back,
        "RoutingConfig": cleared,
    }
    undone = Call(
        service="lambda",
        operation="UpdateAlias",
        arguments={
            **arguments,
            "FunctionVersion": now,
            "RoutingConfig": {"AdditionalVersionWeights": dict(weights)},
        },
    )
    if alias.get("RevisionId"):
        arguments["RevisionId"] = alias["RevisionId"]
    return Plan(
        action=action,
        subject=str(alias.get("AliasArn", "")),
        calls=(Call(service="lambda", operation="UpdateAlias", arguments=arguments),),
        before={
            "FunctionVersion": now,
            "weights": dict(weights),
            "RevisionId": alias.get("RevisionId"),
        },
        after={"FunctionVersion": back, "weights": {}},
        touches=f"Everybody who invokes the alias {name}; new invocations start cold on version "
        f"{back}. A deployment that is under way, or the next one, moves it again.",
        check=check,
        undo_calls=(undone,),
        first=first,
        account=account,
        region=region,
    )


def _newer(version: str, than: str) -> bool:
    return version.isdigit() and than.isdigit() and int(version) > int(than)


def _configured(
    held: Versions,
    fed: Feeds,
    *,
    key: str,
    value: int,
    action: str,
    check: str,
    account: str,
    region: str,
) -> Plan:
    configuration = held.latest
    arguments: dict[str, object] = {"FunctionName": held.function, key: value}
    if configuration.get("RevisionId"):
        arguments["RevisionId"] = configuration["RevisionId"]
    timeout_s = value if key == "Timeout" else int(configuration.get("Timeout") or 0)
    queues = _short(fed, timeout_s=timeout_s) if key == "Timeout" else []
    calls = [_visibility(fed.urls[source], _SIX_TIMES * timeout_s) for source, _ in queues]
    operation = "UpdateFunctionConfiguration"
    calls.append(Call(service="lambda", operation=operation, arguments=arguments))
    taken_back = {"FunctionName": held.function, key: configuration[key]}
    # The function first: a queue's visibility timeout may never be the shorter of the two.
    undone = [Call(service="lambda", operation=operation, arguments=taken_back)]
    undone += [_visibility(fed.urls[source], seconds) for source, seconds in queues]
    # Neither an edit nor its undo moves an alias, and a plan is stale once somebody moved one.
    stays = {f"alias {name}": f"version {version}" for name, version in _pinned(held)}
    visible = {source.rsplit(":", 1)[-1]: seconds for source, seconds in queues}
    also = [
        f"The visibility timeout of {name} goes from {seconds} to {_SIX_TIMES * timeout_s} s first."
        for name, seconds in visible.items()
    ]
    return Plan(
        action=action,
        subject=str(configuration.get("FunctionArn", held.function)),
        calls=tuple(calls),
        before={
            key: configuration[key],
            "RevisionId": configuration.get("RevisionId"),
            **{f"VisibilityTimeout of {name}": seconds for name, seconds in visible.items()},
            **stays,
        },
        after={
            key: value,
            **{f"VisibilityTimeout of {name}": _SIX_TIMES * timeout_s for name in visible},
            **stays,
        },
        touches=" ".join(
            [
                "$LATEST only. Every warm environment is replaced, so a burst of cold starts "
                "follows; the next deployment of the stack sets it back.",
                *also,
            ]
        ),
        check=check,
        undo_calls=tuple(undone),
        first=(*_fixed(held, fed), *((_UNSEEN_QUEUES,) if key == "Timeout" and fed.notes else ())),
        account=account,
        region=region,
    )


def _visibility(url: str, seconds: int) -> Call:
    arguments = {"QueueUrl": url, "Attributes": {"VisibilityTimeout": str(seconds)}}
    return Call(service="sqs", operation="SetQueueAttributes", arguments=arguments)


def _fixed(held: Versions, fed: Feeds) -> tuple[str, ...]:
    """Say for whom a change of $LATEST changes nothing until a version is published."""
    named = [f"alias {name} stays on version {version}" for name, version in _pinned(held)]
    by_mapping = sorted({str(each) for each in fed.rows["invokes"] if each != LATEST})
    named += [f"a mapping invokes {each}" for each in by_mapping]
    if not named:
        return ()
    said = "; ".join(named)
    steps = [
        f"{said[:1].upper()}{said[1:]}: nothing changes there until a version is published "
        "(lambda publish-version) and the alias is moved (lambda update-alias)."
    ]
    other = [
        f"{name} on version {version}"
        for name, version in _pinned(held)
        if held.code(version) and held.code(version) != held.code(LATEST)
    ]
    if other:
        steps.append(
            f"$LATEST has other code than {' and '.join(other)}: a version published now brings "
            "that code to it too."
        )
    return tuple(steps)


def _pinned(held: Versions) -> list[tuple[str, str]]:
    """Return name and version of each alias that an edit of $LATEST does not reach."""
    pairs = [(str(alias["Name"]), str(alias["FunctionVersion"])) for alias in held.aliases]
    return [(name, version) for name, version in pairs if version != LATEST]


def _short(fed: Feeds, *, timeout_s: int) -> Sequence[tuple[str, int]]:
    """Return the queues whose visibility timeout is below six times a timeout."""
    return [
        (str(row["source"]), int(row["visibility_s"]))
        for row in fed.rows.to_dict("records")
        if not pd.isna(row["visibility_s"]) and row["visibility_s"] < _SIX_TIMES * timeout_s
    ]
