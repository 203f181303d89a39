"""What was denied: principal, action, resource and the policy that denied it, read from messages.

In: a frame of log lines grouped by the service. Out: a frame of denials and a finding. Does no I/O.

Sources
-------
"User: ARN is not authorized to perform: ACTION on resource: ARN because no identity-based policy
allows the ACTION action", "... with an explicit deny in a service control policy", and the other
kinds of policy: IAM user guide, Troubleshoot access denied error messages. Some services (S3, SQS)
name neither action nor resource; EC2 and others encode the message, which only
sts:DecodeAuthorizationMessage reads (STS API reference).
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pandas as pd

from opslib.health.verdicts import Finding, Verdict, utc

_DENIED = re.compile(
    r"(?P<principal>arn:[\w-]+:(?:sts|iam)::\d*:\S+) is not authorized to perform: "
    r"(?P<action>[\w-]+:[\w*]+)(?: on resource: (?P<resource>\S+))?(?P<rest>[^\n]*)"
)
_DENIES = re.compile(
    r"AccessDenied|UnauthorizedOperation|AuthorizationError|Access Denied"
    r"|not authorized to perform"
)
_OPERATION = re.compile(r"when calling the (?P<operation>\w+) operation")
_ENCODED = re.compile(r"Encoded authorization failure message")
_POLICY = re.compile(
    r"(identity-based|resource-based|session|service control|resource control|VPC endpoint) polic"
    r"|permissions? boundary"
)
#: Of a line in a query: who is denied what, in JSON or not; or at least that something is.
SAYING = (
    r"(?:\(\w+\) when calling the \w+ operation: )?User: \S+ is not authorized to perform: "
    r'[\w:*-]+(?: on resource: \\*"?[^\s"\\]+)?\\*"?'
    r"(?: because no [\w -]+ allows| with an explicit deny[\w -]*)?"
)
CODED = (
    r"\((?:AccessDenied|Unauthorized|Authorization)\w*\) when calling the \w+ operation"
    r'(?:: [^"\\]*Encoded authorization failure message)?|AccessDenied\w*|UnauthorizedOperation'
    r"|AuthorizationError|Encoded authorization failure message|not authorized to perform"
)
_COLUMNS = {
    "principal": "string",
    "action": "string",
    "resource": "string",
    "because": "string",
    "lines": "Int64",
    "first_at": "datetime64[ns, UTC]",
    "last_at": "datetime64[ns, UTC]",
    "versions": "string",
}
#: Said in the column ``because`` of a denial that nothing but STS can read.
ENCODED = "encoded: sts:DecodeAuthorizationMessage reads it"
#: Said of one that names no kind of policy.
NOT_SAID = "not said"
#: For so long nothing more may have been denied, or it is not over: IAM's changes take a while too.
QUIET = timedelta(minutes=15)
_MENDED_HERE = ("no identity-based policy allows it", NOT_SAID)


class Denial(NamedTuple):
    """What one message denies; empty where it does not say.

    ``action`` is an IAM action (``dynamodb:UpdateItem``), or the bare name of an operation when the
    message gives no more.
    """

    principal: str
    action: str
    resource: str
    because: str


def parsed(said: str) -> Denial | None:
    """Read one message; None when it is no denial."""
    found = _DENIED.search(said)
    if found:
        resource = (found["resource"] or "").strip("\\\"'.,;")
        return Denial(found["principal"], found["action"], resource, _because(found["rest"]))
    operation = _OPERATION.search(said)
    action = operation["operation"] if operation else ""
    if _ENCODED.search(said):
        return Denial("", action, "", ENCODED)
    if _DENIES.search(said):
        return Denial("", action, "", NOT_SAID)
    return None


def denials(lines: pd.DataFrame) -> pd.DataFrame:
    """Group messages by what they deny.

    Parameters
    ----------
    lines
        One row a group of equal lines: ``version``, ``said`` (string), ``lines`` (Int64),
        ``first_at``, ``last_at`` (datetime64[ns, UTC]).

    Returns
    -------
    One row a principal, action, resource and reason, most lines first: ``principal``, ``action``,
    ``resource``, ``because``, ``lines``, ``first_at``, ``last_at``, ``versions``. Empty, with these
    columns, when no line is a denial.
    """
    rows = []
    for row in lines.to_dict("records"):
        denial = parsed(str(row["said"]))
        if denial is not None:
            version = "" if pd.isna(row["version"]) else str(row["version"])
            rows.append((*denial, int(row["lines"]), row["first_at"], row["last_at"], version))
    typed = {
        name: pd.Series([row[place] for row in rows], dtype=dtype)
        for place, (name, dtype) in enumerate(_COLUMNS.items())
    }
    grouped = pd.DataFrame(typed).groupby(list(Denial._fields), sort=False, dropna=False)
    counted = grouped.agg(
        lines=("lines", "sum"),
        first_at=("first_at", "min"),
        last_at=("last_at", "max"),
        versions=("versions", lambda each: ", ".join(sorted({v for v in each if v}))),
    ).reset_index()
    ordered = counted.sort_values("lines", ascending=False, kind="stable", ignore_index=True)
    return ordered.astype(_COLUMNS)


def role_of(principal: str) -> str:
    """Return the name of the role in ``arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION``, or ""."""
    found = re.search(r":assumed-role/([^/]+)/", principal) or re.search(
        r":role/(?:[^\s]*/)?([^/\s]+)$", principal
    )
    return found[1] if found else ""


def is_mendable(denial: Mapping[str, object]) -> bool:
    """Say whether one statement in the role's own policies can mend a denial.

    Not when a boundary, an organization's policy, a session, an endpoint or the resource's own
    policy denied it, nor an explicit deny; nor when action or resource is not named, or a wildcard.
    """
    action, resource = str(denial["action"]), str(denial["resource"])
    named = ":" in action and resource.startswith("arn:")
    exact = not set("*?") & set(action + resource)
    return named and exact and str(denial["because"]) in _MENDED_HERE


def denied_finding(
    found: pd.DataFrame,
    *,
    decisions: pd.DataFrame,
    until: datetime,
    subject: str,
    evidence: Sequence[str] = (),
) -> Finding | None:
    """Judge what was denied.

    Parameters
    ----------
    found
        As `denials` gives it.
    decisions
        ``action``, ``resource``, ``decision`` (``allowed``, ``explicitDeny``, ``implicitDeny`` or
        ``unknown``) of the role's policies as they are now; empty when nobody asked.
    until
        The end of the window.

    Returns
    -------
    ``errors.permission-denied``: critical while any denied action is not known to be allowed now,
    a warning when all of them are: somebody has mended it since. That the role's policies allow it
    shows that only where nothing else denied it, and where nothing was denied of late. None without
    a denial.
    """
    if found.empty:
        return None
    allowed = {
        (row["action"], row["resource"])
        for row in decisions.to_dict("records")
        if row["decision"] == "allowed"
    }
    rows = found.to_dict("records")
    still = [row for row in rows if not _is_over(row, allowed, until)]
    first = (still or rows)[0]
    lines, begun, last = int(found["lines"].sum()), found["first_at"].min(), found["last_at"].max()
    who = role_of(str(first["principal"])) or "its role"
    what = str(first["action"]) or "an action that the message does not name"
    on = str(first["resource"]) or "a resource that the message does not name"
    more = f", and {len(found) - 1} other denials" if len(found) > 1 else ""
    now = "It is still denied." if still else "The role's policies allow it now."
    if still and (first["action"], first["resource"]) in allowed:
        now = "The role's policies allow it now, and it is denied all the same."
        if str(first["because"]) in _MENDED_HERE:
            now = "The role's policies allow it now; it is too early to say that this mended it."
    return Finding(
        id="errors.permission-denied",
        severity=Verdict.CRITICAL if still else Verdict.WARNING,
        title=f"{who} is denied {what}" if still else f"{who} was denied {what}",
        detail=f"{lines:,} lines deny it on {on} ({first['because']}){more}: the first at "
        f"{utc(begun)}, the last at {utc(last)}. {now}",
        subject=subject,
        evidence=tuple(evidence),
        since=begun.to_pydatetime(),
    )


def _is_over(
    denial: Mapping[Any, Any], allowed: Collection[tuple[object, object]], until: datetime
) -> bool:
    mended = (denial["action"], denial["resource"]) in allowed
    return mended and denial["because"] in _MENDED_HERE and until - denial["last_at"] >= QUIET


def _because(rest: str) -> str:
    """Say which policy denied, in the words that follow the resource."""
    policy = _POLICY.search(rest)
    if not policy:
        return "an explicit deny" if "explicit deny" in rest else NOT_SAID
    name = f"{policy[1]} policy" if policy[1] else "permissions boundary"
    return f"explicit deny by {name}" if "explicit deny" in rest else f"no {name} allows it"
