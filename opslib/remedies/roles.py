"""The role of a function: its policies as they are, what they decide, the statement that mends it.

In: a `Connection` and a role. Out: looks (`policies`, `simulated`) and the pure builder
`permission_plan`. Nothing is carried out here.

Facts leaned on
---------------
PutRolePolicy replaces a whole inline policy of that name, so a plan puts a new one beside those
that are there. SimulatePrincipalPolicy evaluates a role's identity-based policies and its boundary,
not a resource's own policy or an organization's unless they are given (IAM API reference). Policy
documents of the API are URL-encoded; boto3 gives them decoded.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opslib.aws import Connection, calling
from opslib.errors import CouldNotLook
from opslib.health.denials import is_mendable
from opslib.health.policies import Policy, decide, statements
from opslib.remedy import Call, Plan

_STATEMENTS = {
    "policy": "string",
    "kind": "string",
    "since_at": "datetime64[ns, UTC]",
    "effect": "string",
    "actions": "string",
    "resources": "string",
    "conditions": "string",
}
_DECISIONS = ("action", "resource", "decision", "policy", "asked")
_SIMULATOR = "iam:SimulatePrincipalPolicy"
_EVALUATOR = "the visible policies alone (fallback)"


@dataclass(frozen=True)
class RolePolicies:
    """What a role may do, as far as its policies could be read.

    Parameters
    ----------
    rows
        One row a statement: ``policy``, ``kind`` (inline, attached, boundary), ``since_at`` (when
        the version of an attached one was made; NaT for an inline one, which has no date),
        ``effect``, ``actions``, ``resources``, ``conditions`` (text).
    limits
        A sentence for everything that could not be seen.
    role, arn
        Its name and ARN; the ARN is empty when the role could not be seen.
    policies, boundary
        The documents.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...]
    role: str
    arn: str
    policies: tuple[Policy, ...]
    boundary: Policy | None


@dataclass(frozen=True)
class Decisions:
    """What the policies decide now: ``action``, ``resource``, ``decision``, ``policy``, ``asked``.

    ``asked`` says who decided: the simulator, or the small evaluator where that was refused.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...]


def policies(connection: Connection, role: str) -> RolePolicies:
    """Read the policies of a role.

    Parameters
    ----------
    role
        Its name or ARN; empty reads nothing.
    """
    name = role.rsplit("/", 1)[-1]
    if not name:
        return RolePolicies(_statements([]), (), "", "", (), None)
    seen = _Reader(connection.client("iam"), name)
    described = seen.of("iam:GetRole", seen.role) or {}
    found = [*seen.each("iam:ListRolePolicies", seen.inline)]
    found += seen.each("iam:ListAttachedRolePolicies", seen.attached)
    bound = (described.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    bounds = seen.each("iam:GetPolicy", lambda: [seen.managed(bound, "boundary")]) if bound else []
    return RolePolicies(
        _statements([*found, *bounds]),
        tuple(dict.fromkeys(seen.limits)),
        name,
        str(described.get("Arn", "")),
        tuple(each.policy for each in found),
        bounds[0].policy if bounds else None,
    )


def simulated(
    connection: Connection, held: RolePolicies, wanted: Iterable[tuple[str, str]]
) -> Decisions:
    """Ask what the role may do now.

    Parameters
    ----------
    held
        Its policies, for when the simulator does not answer.
    wanted
        Action and resource of each denial; one that names no IAM action is passed over.
    """
    asked = [(action, resource or "*") for action, resource in wanted if ":" in action]
    iam, rows, limits = connection.client("iam"), [], []
    for action, resource in dict.fromkeys(asked):
        try:
            if not held.arn:
                raise CouldNotLook(
                    f"Not seen: what {held.role or 'the role'} may do. Its ARN is not known.",
                    operation=_SIMULATOR,
                    reason="missing",
                )
            with calling(_SIMULATOR, f"what {held.role} may do", resource=held.arn):
                answer = iam.simulate_principal_policy(
                    PolicySourceArn=held.arn, ActionNames=[action], ResourceArns=[resource]
                )
            result = answer["EvaluationResults"][0]
            matched = result.get("MatchedStatements") or [{}]
            policy = str(matched[0].get("SourcePolicyId", ""))
            rows.append((action, resource, str(result["EvalDecision"]), policy, _SIMULATOR))
        except CouldNotLook as error:
            limits.append(error.message)
            decision, policy = decide(
                held.policies, action=action, resource=resource, boundary=held.boundary
            )
            # Not all of them were read: what nothing allows may be allowed by another.
            sure = decision == "explicitDeny" or not held.limits
            rows.append((action, resource, decision if sure else "unknown", policy, _EVALUATOR))
    columns: Mapping[str, list[str]] = {
        name: [row[place] for row in rows] for place, name in enumerate(_DECISIONS)
    }
    return Decisions(pd.DataFrame(columns, dtype="string"), tuple(dict.fromkeys(limits)))


def permission_plan(
    denial: Mapping[str, object],
    held: RolePolicies,
    *,
    account: str,
    region: str,
) -> Plan | None:
    """Plan the smallest statement that mends one denial.

    Parameters
    ----------
    denial
        A row of `opslib.health.denials.denials`.
    held
        The policies of its role.

    Returns
    -------
    A new inline policy with one statement: one action, one resource. None when a statement of the
    role's own cannot mend it, when action or resource is not named or a wildcard, and when the
    role's policies could not be read.
    """
    if not held.arn or held.limits or not is_mendable(denial):
        return None
    action, resource = str(denial["action"]), str(denial["resource"])
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}],
    }
    name = _new_name(action, {policy.name for policy in held.policies})
    call = Call(
        service="iam",
        operation="PutRolePolicy",
        arguments={
            "RoleName": held.role,
            "PolicyName": name,
            "PolicyDocument": json.dumps(document),
        },
    )
    return Plan(
        action=f"Allow {held.role} {action} on {resource}",
        subject=held.arn,
        calls=(call,),
        before={"policies": sorted(policy.name for policy in held.policies), name: None},
        after={name: document["Statement"]},
        touches=f"Everything that runs as {held.role}; new permissions hold within seconds. The "
        "next deployment of the stack may take it back: put it into the template too.",
        check=f"{_SIMULATOR} answers allowed, and no new line denies {action}.",
        undo_calls=(
            Call(
                service="iam",
                operation="DeleteRolePolicy",
                arguments={"RoleName": held.role, "PolicyName": name},
            ),
        ),
        account=account,
        region=region,
    )


@dataclass(frozen=True)
class _Read:
    policy: Policy
    kind: str
    since: Any = None


class _Reader:
    """Reads one role; what is refused becomes a sentence and costs only its own rows."""

    def __init__(self, iam: Any, role: str) -> None:
        self._iam, self._role, self.limits = iam, role, list[str]()

    def of(self, operation: str, read: Any) -> Any:
        try:
            with calling(operation, f"the role {self._role}"):
                return read()
        except CouldNotLook as error:
            self.limits.append(error.message)
            return None

    def each(self, operation: str, read: Any) -> list[_Read]:
        return self.of(operation, lambda: list(read())) or []

    def role(self) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._iam.get_role(RoleName=self._role)["Role"]
        return answer

    def inline(self) -> Iterable[_Read]:
        pages = self._iam.get_paginator("list_role_policies").paginate(RoleName=self._role)
        for name in [name for page in pages for name in page["PolicyNames"]]:
            with calling("iam:GetRolePolicy", f"the policy {name} of {self._role}"):
                answer = self._iam.get_role_policy(RoleName=self._role, PolicyName=name)
            yield _Read(Policy(name, _document(answer["PolicyDocument"])), "inline")

    def attached(self) -> Iterable[_Read]:
        pages = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=self._role)
        for each in [each for page in pages for each in page["AttachedPolicies"]]:
            yield self.managed(each["PolicyArn"], "attached")

    def managed(self, arn: str, kind: str) -> _Read:
        with calling("iam:GetPolicy", f"the policy {arn}", resource=arn):
            version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        with calling("iam:GetPolicyVersion", f"the policy {arn}", resource=arn):
            answer = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
        held = answer["PolicyVersion"]
        name = arn.rsplit("/", 1)[-1]
        return _Read(Policy(name, _document(held["Document"])), kind, held.get("CreateDate"))


def _document(given: Any) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(given) if isinstance(given, str) else given
    return document


def _statements(found: Sequence[_Read]) -> pd.DataFrame:
    rows = [
        (
            read.policy.name,
            read.kind,
            read.since,
            str(statement.get("Effect", "")),
            _words(statement, "Action"),
            _words(statement, "Resource"),
            json.dumps(statement["Condition"]) if statement.get("Condition") else "",
        )
        for read in found
        for statement in statements(read.policy.document)
    ]
    return pd.DataFrame(
        {
            name: pd.Series([row[place] for row in rows], dtype=dtype)
            for place, (name, dtype) in enumerate(_STATEMENTS.items())
        }
    )


def _words(statement: Mapping[str, Any], key: str) -> str:
    negated = f"Not{key}" in statement
    given = statement.get(f"Not{key}" if negated else key, [])
    listed = given if isinstance(given, list) else [given]
    return f"{'all but ' if negated else ''}{', '.join(map(str, listed))}"


def _new_name(action: str, taken: set[str]) -> str:
    stem = re.sub(r"[^\w+=,.@-]", "-", f"Allow-{action}")
    number = 1
    while (name := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return name
