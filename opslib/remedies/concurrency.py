"""Plans for provisioned concurrency: environments kept warm.

In: the versions and aliases that `opslib.remedies.function_state` read. Out: a look at what an
alias has already, and a pure builder of a plan. Nothing is carried out here.

Facts leaned on
---------------
PutProvisionedConcurrencyConfig takes an alias or a version and refuses ``$LATEST``; it is
asynchronous (IN_PROGRESS, READY, FAILED), counts against reserved concurrency, costs while idle,
and cannot be had together with SnapStart (Lambda developer guide, "Configuring provisioned
concurrency"). Application Auto Scaling may overwrite it. GetProvisionedConcurrencyConfig of an
alias without any is ProvisionedConcurrencyConfigNotFoundException (botocore).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opslib.aws import Connection, calling
from opslib.errors import CouldNotLook
from opslib.remedies.function_state import LATEST, Versions
from opslib.remedy import Call, Plan

#: The alias that has to be made where there is none.
NEW_ALIAS = "live"


_NONE = "ProvisionedConcurrencyConfigNotFoundException"


@dataclass(frozen=True, slots=True)
class Kept:
    """What an alias keeps warm now.

    Parameters
    ----------
    rows
        At most one row: ``alias``, ``status`` (string), ``executions`` (Int64, as was asked for).
    limits
        A sentence when it could not be seen.
    alias
        Which alias: that of the params file, else the only one there is, else one to be made.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...]
    alias: str

    @property
    def executions(self) -> int | None:
        """How many environments; None when that could not be seen."""
        return None if self.limits else int(self.rows["executions"].sum())


def provisioned(
    connection: Connection,
    held: Versions,
    *,
    alias: str | None,
    traffic: frozenset[str] = frozenset(),
) -> Kept:
    """Read how many environments the alias that traffic uses keeps warm.

    Parameters
    ----------
    alias
        That of the params file.
    traffic
        The aliases, versions or ``$LATEST`` that are known to carry traffic.

    Returns
    -------
    Of the alias of the params file; else of one that carries traffic, else of the only one there
    is, which may carry none: the plan says so.
    """
    names = [str(each["Name"]) for each in held.aliases]
    used = sorted(traffic.intersection(names))
    name = alias or next(iter(used or (names if len(names) == 1 else [])), NEW_ALIAS)
    rows: list[tuple[str, str, int]] = []
    limits = held.limits
    if name in names and not limits:
        what = f"what {held.function}:{name} keeps warm"
        try:
            with calling("lambda:GetProvisionedConcurrencyConfig", what):
                answer = connection.client("lambda").get_provisioned_concurrency_config(
                    FunctionName=held.function, Qualifier=name
                )
            asked = int(answer["RequestedProvisionedConcurrentExecutions"])
            rows.append((name, str(answer.get("Status", "")), asked))
        except CouldNotLook as error:
            limits = () if error.facts.get("code") == _NONE else (error.message,)
    frame = pd.DataFrame(rows, columns=["alias", "status", "executions"])
    dtypes = {"alias": "string", "status": "string", "executions": "Int64"}
    return Kept(frame.astype(dtypes), limits, name)


def provisioned_plan(
    configuration: Mapping[str, Any],
    held: Versions,
    kept: Kept,
    *,
    executions: int,
    account: str,
    region: str,
    traffic: frozenset[str] | None = None,
) -> Plan | None:
    """Plan to keep environments warm behind an alias.

    Parameters
    ----------
    configuration
        That traffic has: SnapStart is a setting of a version.
    kept
        What its alias keeps warm already: that is never lowered, and is what the undo goes back to.
    executions
        How many at a time.
    traffic
        As `provisioned` takes it; empty where nothing tells, None where nobody looked.

    Returns
    -------
    A plan; where there is no alias, or traffic is not on it, ``first`` says what has to be made or
    pointed at it. None when nothing is to be covered, as many are kept warm already, how many is
    not known, the configuration is not known, or SnapStart excludes it.
    """
    snap_start = (configuration.get("SnapStart") or {}).get("ApplyOn")
    if executions < 1 or not configuration or snap_start == "PublishedVersions":
        return None
    if kept.executions is None or kept.executions >= executions:
        return None
    names, name = [str(each["Name"]) for each in held.aliases], kept.alias
    many = f"{executions} environments" if executions > 1 else "1 environment"
    put: dict[str, object] = {"FunctionName": held.function, "Qualifier": name}
    undone = Call(service="lambda", operation="DeleteProvisionedConcurrencyConfig", arguments=put)
    if kept.executions:
        undone = Call(
            service="lambda",
            operation="PutProvisionedConcurrencyConfig",
            arguments={**put, "ProvisionedConcurrentExecutions": kept.executions},
        )
    return Plan(
        action=f"Keep {many} of {held.function}:{name} warm",
        subject=f"{_arn(configuration, held, account, region)}:{name}",
        calls=(
            Call(
                service="lambda",
                operation="PutProvisionedConcurrencyConfig",
                arguments={**put, "ProvisionedConcurrentExecutions": executions},
            ),
        ),
        before={
            "aliases": names,
            "ProvisionedConcurrentExecutions": kept.executions,
            "FunctionVersion": _version(held, name),
        },
        after={"ProvisionedConcurrentExecutions": executions},
        touches="It costs while idle, and counts against reserved concurrency. What comes beyond "
        f"{executions} at a time still starts cold.",
        check="GetProvisionedConcurrencyConfig says READY, and REPORT lines of that version have "
        "no Init Duration while no more than that run at a time.",
        undo_calls=(undone,),
        first=_first(held, name, traffic),
        account=account,
        region=region,
    )


def _first(held: Versions, name: str, traffic: frozenset[str] | None) -> tuple[str, ...]:
    versions = [str(each["FunctionVersion"]) for each in held.aliases if each["Name"] == name]
    use = (
        f"Have callers, or the event source mapping, use {held.function}:{name}: a mapping keeps "
        "its place only if it is updated, not made anew."
    )
    if not versions:
        return (
            f"There is no alias {name}, and Lambda refuses provisioned concurrency on {LATEST}. "
            "Publish a version (lambda publish-version) and make the alias of it "
            "(lambda create-alias).",
            use,
        )
    said = []
    if LATEST in versions:
        said.append(
            f"The alias {name} points at {LATEST}, which Lambda refuses: publish a version."
        )
    on = " and ".join(sorted((traffic or frozenset()) - {name}))
    if traffic is not None and not traffic:
        said.append(
            f"Nothing tells that traffic is on {name}: the params file names no alias, and no "
            "event source mapping was seen. Ask who invokes the function, and by which name: "
            "whoever uses another starts as cold as before."
        )
    elif on and traffic and name in traffic:
        said.append(f"Traffic on {on} starts as cold as before: only what comes by {name} is warm.")
    elif on:
        said += [f"Traffic is on {on}, not on {name}: what is kept warm there serves nobody.", use]
    return tuple(said)


def _version(held: Versions, alias: str) -> str | None:
    """Return the version that an alias points at: another one would be kept warm for nothing."""
    found = (str(each["FunctionVersion"]) for each in held.aliases if each["Name"] == alias)
    return next(found, None)


def _arn(configuration: Mapping[str, Any], held: Versions, account: str, region: str) -> str:
    named = str(configuration.get("FunctionArn") or "")
    partition = named.split(":")[1] if named else "aws"
    # That of a version or an alias ends in a qualifier already.
    return f"arn:{partition}:lambda:{region}:{account}:function:{held.function}"
