"""What a role's visible policies say about one action on one resource: a small evaluator.

In: policy documents. Out: a `Decision`. It stands in for iam:SimulatePrincipalPolicy where that is
refused, and says less: it does not see an organization's, a session's, an endpoint's or the
resource's own policy, and does not evaluate conditions. Does no I/O.

Source: IAM user guide, Policy evaluation logic (an explicit deny outranks every allow; what nothing
allows is denied; a permissions boundary has to allow too) and JSON policy element reference
(``*`` and ``?``; actions match without regard to case, resources with it).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import pandas as pd

Decision = Literal["allowed", "explicitDeny", "implicitDeny", "unknown"]


class Policy(NamedTuple):
    """One policy document, and what it is called."""

    name: str
    document: Mapping[str, Any]


def decide(
    policies: Sequence[Policy],
    *,
    action: str,
    resource: str,
    boundary: Policy | None = None,
) -> tuple[Decision, str]:
    """Evaluate the visible policies of a role.

    Parameters
    ----------
    policies
        All that the role has, inline and attached.
    action, resource
        Exactly one of each, as a denial names them.
    boundary
        The role's permissions boundary, if it has one.

    Returns
    -------
    The decision, and the name of the policy behind it; empty when nothing allows. ``unknown`` when
    it hangs on a condition or a policy variable, which are not evaluated.
    """
    bounds = [boundary] if boundary is not None else []
    denied = _first([*policies, *bounds], "Deny", action, resource)
    if denied and denied.sure:
        return "explicitDeny", denied.policy
    allowed = _first(policies, "Allow", action, resource)
    if allowed is None:
        return "implicitDeny", ""
    bounded = _first(bounds, "Allow", action, resource)
    if boundary is not None and bounded is None:
        return "implicitDeny", boundary.name
    for match in (denied, allowed, bounded):
        if match is not None and not match.sure:
            return "unknown", match.policy
    return "allowed", allowed.policy


def concerning(rows: pd.DataFrame, wanted: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return the statements that could say something about what was denied.

    Parameters
    ----------
    rows
        One row a statement, with ``actions`` and ``resources`` as text: patterns after commas, with
        "all but" before them where they are excluded.
    wanted
        Action and resource of each denial.

    Returns
    -------
    Those with an action of a denied service whose resources match; all of them when nothing was
    denied, or the denial names no resource.
    """
    if not wanted or not all(resource for _, resource in wanted):
        return rows
    kept = [
        any(_may_concern(row, action, resource) for action, resource in wanted)
        for row in rows.to_dict("records")
    ]
    return rows[pd.Series(kept, index=rows.index, dtype="bool")].reset_index(drop=True)


def statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the statements of a document, which may hold one without a list."""
    return list(_listed(document.get("Statement", [])))


class _Match(NamedTuple):
    policy: str
    sure: bool


def _first(policies: Sequence[Policy], effect: str, action: str, resource: str) -> _Match | None:
    """Return a statement of that effect that matches, a sure one before one that may."""
    matches = sorted(_matches(policies, effect, action, resource), key=lambda each: not each.sure)
    return matches[0] if matches else None


def _matches(
    policies: Sequence[Policy], effect: str, action: str, resource: str
) -> Iterator[_Match]:
    for policy in policies:
        for statement in statements(policy.document):
            if statement.get("Effect") != effect:
                continue
            if not _covers(statement, "Action", action, ignore_case=True):
                continue
            named = [
                str(each) for key in ("Resource", "NotResource") for each in _of(statement, key)
            ]
            varies = any("${" in str(each) for each in named)
            if varies or _covers(statement, "Resource", resource, ignore_case=False):
                yield _Match(policy.name, not varies and not statement.get("Condition"))


def _may_concern(row: Mapping[Any, Any], action: str, resource: str) -> bool:
    actions, resources = str(row["actions"]), str(row["resources"])
    if "all but" in actions or "all but" in resources or "${" in resources:
        return True
    service = action.partition(":")[0]
    same = any(each == "*" or each.startswith(f"{service}:") for each in actions.split(", "))
    return same and _any(resources.split(", "), resource, ignore_case=False)


def _covers(statement: Mapping[str, Any], key: str, value: str, *, ignore_case: bool) -> bool:
    if f"Not{key}" in statement:
        return not _any(_of(statement, f"Not{key}"), value, ignore_case=ignore_case)
    return _any(_of(statement, key), value, ignore_case=ignore_case)


def _any(patterns: Sequence[object], value: str, *, ignore_case: bool) -> bool:
    return any(
        re.fullmatch(
            re.escape(str(pattern)).replace(r"\*", ".*").replace(r"\?", "."),
            value,
            flags=re.IGNORECASE if ignore_case else 0,
        )
        for pattern in patterns
    )


def _of(statement: Mapping[str, Any], key: str) -> list[Any]:
    return _listed(statement.get(key, []))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
