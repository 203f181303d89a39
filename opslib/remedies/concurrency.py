"""Plans for provisioned concurrency: environments kept warm.

In: the versions and aliases that `opslib.remedies.function_state` read. Out: a pure builder of a
plan. Nothing is carried out here.

Facts leaned on
---------------
PutProvisionedConcurrencyConfig takes an alias or a version and refuses ``$LATEST``; it is
asynchronous (IN_PROGRESS, READY, FAILED), counts against reserved concurrency, costs while idle,
and cannot be had together with SnapStart (Lambda developer guide, "Configuring provisioned
concurrency"). Application Auto Scaling may overwrite it.
"""

from collections.abc import Mapping
from typing import Any

from opslib.remedies.function_state import LATEST, Versions
from opslib.remedy import Call, Plan

#: The alias that has to be made where there is none.
NEW_ALIAS = "live"


def provisioned_plan(
    configuration: Mapping[str, Any],
    held: Versions,
    *,
    alias: str | None,
    executions: int,
    account: str,
    region: str,
) -> Plan | None:
    """Plan to keep environments warm behind an alias.

    Parameters
    ----------
    alias
        The alias that traffic uses, as the params file says; None when it says none, and then the
        function's only one, if it has just one.
    executions
        How many at a time.

    Returns
    -------
    A plan; where there is no alias, ``first`` says what has to be made. None when nothing is to be
    covered, the configuration is not known, or SnapStart excludes it.
    """
    snap_start = (configuration.get("SnapStart") or {}).get("ApplyOn")
    if executions < 1 or not configuration or snap_start == "PublishedVersions":
        return None
    names = [str(each["Name"]) for each in held.aliases]
    name = alias or (names[0] if len(names) == 1 else NEW_ALIAS)
    many = f"{executions} environments" if executions > 1 else "1 environment"
    put = {"FunctionName": held.function, "Qualifier": name}
    return Plan(
        action=f"Keep {many} of {held.function}:{name} warm",
        subject=f"{_arn(configuration, held.function, account, region)}:{name}",
        calls=(
            Call(
                service="lambda",
                operation="PutProvisionedConcurrencyConfig",
                arguments={**put, "ProvisionedConcurrentExecutions": executions},
            ),
        ),
        before={"aliases": names, "RevisionId": configuration.get("RevisionId")},
        after={"ProvisionedConcurrentExecutions": executions},
        touches="It costs while idle, and counts against reserved concurrency. What comes beyond "
        f"{executions} at a time still starts cold.",
        check="GetProvisionedConcurrencyConfig says READY, and REPORT lines of that version have "
        "no Init Duration while no more than that run at a time.",
        undo=Call(
            service="lambda", operation="DeleteProvisionedConcurrencyConfig", arguments=put
        ).cli,
        first=_first(held, name),
        account=account,
        region=region,
    )


def _first(held: Versions, name: str) -> tuple[str, ...]:
    versions = [str(each["FunctionVersion"]) for each in held.aliases if each["Name"] == name]
    if not versions:
        return (
            f"There is no alias {name}, and Lambda refuses provisioned concurrency on {LATEST}. "
            f"Publish a version (aws lambda publish-version --function-name {held.function}) and "
            f"make the alias (aws lambda create-alias --function-name {held.function} "
            f"--name {name} --function-version N).",
            f"Have callers, or the event source mapping, use {held.function}:{name}: a mapping "
            "keeps its place only if it is updated, not made anew.",
        )
    if LATEST in versions:
        return (f"The alias {name} points at {LATEST}, which Lambda refuses: publish a version.",)
    return ()


def _arn(configuration: Mapping[str, Any], function: str, account: str, region: str) -> str:
    named = str(configuration.get("FunctionArn") or "")
    return named or f"arn:aws:lambda:{region}:{account}:function:{function}"
