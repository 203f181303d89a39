"""Who was denied what: messages read, policies evaluated, and what one statement may mend."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from opslib import cwli
from opslib.health import denials
from opslib.health.denials import Denial
from opslib.health.policies import Policy, concerning, decide

USER = "arn:aws:sts::000000000000:assumed-role/aggr/aggregator"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/t"
HEAD = f"User: {USER} is not authorized to perform: dynamodb:UpdateItem on resource: {TABLE}"
UPDATE = "dynamodb:UpdateItem"
LATER = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "denial"),
    [
        (
            f"{HEAD} because no identity-based policy allows the {UPDATE} action",
            Denial(USER, UPDATE, TABLE, "no identity-based policy allows it"),
        ),
        (
            f"{HEAD} with an explicit deny in an identity-based policy",
            Denial(USER, UPDATE, TABLE, "explicit deny by identity-based policy"),
        ),
        (
            f"{HEAD} with an explicit deny by service control policy",
            Denial(USER, UPDATE, TABLE, "explicit deny by service control policy"),
        ),
        (
            f"{HEAD} because no permissions boundary allows the {UPDATE} action",
            Denial(USER, UPDATE, TABLE, "no permissions boundary allows it"),
        ),
        (
            f"{HEAD} because no resource-based policy allows the {UPDATE} action",
            Denial(USER, UPDATE, TABLE, "no resource-based policy allows it"),
        ),
        (f"{HEAD} with an explicit deny", Denial(USER, UPDATE, TABLE, "an explicit deny")),
        (HEAD, Denial(USER, UPDATE, TABLE, "not said")),
        (
            f'User: {USER} is not authorized to perform: sqs:SendMessage on resource: "arn:q".',
            Denial(USER, "sqs:SendMessage", "arn:q", "not said"),
        ),
        (
            f"User: {USER} is not authorized to perform: cloudwatch:PutMetricData because no "
            "identity-based policy allows the cloudwatch:PutMetricData action",
            Denial(USER, "cloudwatch:PutMetricData", "", "no identity-based policy allows it"),
        ),
        (
            "An error occurred (AccessDenied) when calling the PutObject operation: Access Denied",
            Denial("", "PutObject", "", "not said"),
        ),
        (
            "An error occurred (UnauthorizedOperation) when calling the RunInstances operation: "
            "You are not authorized. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6X",
            Denial("", "RunInstances", "", denials.ENCODED),
        ),
        ("the user may not come in", None),
    ],
)
def test_a_message_is_read(said: str, denial: Denial | None) -> None:
    assert denials.parsed(said) == denial


def _lines(*said: str) -> pd.DataFrame:
    at = pd.date_range("2026-10-14T02:22Z", periods=len(said), freq="1min")
    return pd.DataFrame(
        {
            "version": pd.Series(["$LATEST"] * len(said), dtype="string"),
            "said": pd.Series(said, dtype="string"),
            "lines": pd.Series([10] * len(said), dtype="Int64"),
            "first_at": at,
            "last_at": at,
        }
    )


def test_equal_denials_in_different_words_are_one_row() -> None:
    tail = f"because no identity-based policy allows the {UPDATE} action"

    found = denials.denials(_lines(f"Error a: {HEAD} {tail}", f"Error b: {HEAD} {tail}", "hello"))

    assert found[["action", "resource", "lines", "versions"]].to_numpy().tolist() == [
        [UPDATE, TABLE, 20, "$LATEST"]
    ]
    assert (found["last_at"] - found["first_at"]).tolist() == [pd.Timedelta("1min")]


def test_without_a_denial_the_columns_stay() -> None:
    found = denials.denials(_lines())

    assert list(found) == [
        "principal",
        "action",
        "resource",
        "because",
        "lines",
        "first_at",
        "last_at",
        "versions",
    ]


def _decided(decision: str) -> pd.DataFrame:
    return pd.DataFrame({"action": [UPDATE], "resource": [TABLE], "decision": [decision]})


@pytest.mark.parametrize(
    ("decision", "severity", "said"),
    [
        ("implicitDeny", "critical", "It is still denied."),
        ("explicitDeny", "critical", "It is still denied."),
        ("unknown", "critical", "It is still denied."),
        ("allowed", "warning", "The role's policies allow it now."),
    ],
)
def test_what_was_mended_since_is_only_a_warning(decision: str, severity: str, said: str) -> None:
    found = denials.denials(_lines(HEAD))

    finding = denials.denied_finding(found, decisions=_decided(decision), until=LATER, subject="f")

    assert finding is not None
    assert finding.severity.value == severity
    assert finding.detail.endswith(said)
    assert "aggr" in finding.title


@pytest.mark.parametrize(
    ("because", "until", "severity", "said"),
    [
        ("because no resource-based policy allows it", LATER, "critical", "denied all the same."),
        ("with an explicit deny in a service control policy", LATER, "critical", "all the same."),
        ("", datetime(2026, 10, 14, 2, 36, tzinfo=UTC), "critical", "that this mended it."),
        ("", datetime(2026, 10, 14, 2, 37, tzinfo=UTC), "warning", "policies allow it now."),
    ],
)
def test_that_the_roles_policies_allow_it_mends_nothing_that_others_deny_or_that_goes_on(
    because: str, until: datetime, severity: str, said: str
) -> None:
    found = denials.denials(_lines(f"{HEAD} {because}"))

    finding = denials.denied_finding(found, decisions=_decided("allowed"), until=until, subject="f")

    assert finding is not None
    assert finding.severity.value == severity
    assert finding.detail.endswith(said)


@pytest.mark.parametrize(
    ("line", "denial"),
    [
        (
            '{"message": "Failed to write record", "exception": "Traceback\\nbotocore: An error oc'
            f"curred (AccessDeniedException) when calling the UpdateItem operation: {HEAD} becaus"
            'e no identity-based policy allows the dynamodb:UpdateItem action", "request": "r-1"}',
            Denial(USER, UPDATE, TABLE, "no identity-based policy allows it"),
        ),
        (
            '{"message":"m","error":{"text":"User: '
            + USER
            + ' is not authorized to perform: sqs:SendMessage on resource: \\"arn:q\\" because no '
            'resource-based policy allows it"},"at":"r-2"}',
            Denial(USER, "sqs:SendMessage", "arn:q", "no resource-based policy allows it"),
        ),
        (
            '{"message":"m","exception":"AccessDeniedException: User: '
            + USER
            + ' is not authorized to perform: kms:Decrypt"}',
            Denial(USER, "kms:Decrypt", "", "not said"),
        ),
        (
            '{"message":"m","exception":"(UnauthorizedOperation) when calling the RunInstances '
            'operation: You are not. Encoded authorization failure message: 4GIO"}',
            Denial("", "RunInstances", "", denials.ENCODED),
        ),
        (
            '{"message":"m","exception":"(AccessDenied) when calling the PutObject operation"}',
            Denial("", "PutObject", "", "not said"),
        ),
        ("java: AccessDeniedException in Store.put", Denial("", "", "", "not said")),
        ("you are not authorized to perform this", Denial("", "", "", "not said")),
    ],
)
def test_a_denial_is_read_wherever_in_the_line_it_stands(line: str, denial: Denial) -> None:
    query = (
        f"parse @message /(?<denied>{denials.SAYING})/ | parse @message /(?<other>{denials.CODED})/"
        " | fields coalesce(denied, other) as said"
    )

    (row,) = cwli.query(query, [{"timestamp": 1_791_944_000_000, "message": line}])

    assert denials.parsed(row["said"]) == denial


def test_no_denial_is_no_finding() -> None:
    found = denials.denials(_lines("hello"))

    assert (
        denials.denied_finding(found, decisions=_decided("allowed"), until=LATER, subject="f")
        is None
    )


@pytest.mark.parametrize(
    ("principal", "role"),
    [
        (USER, "aggr"),
        ("arn:aws:iam::000000000000:role/service/aggr", "aggr"),
        ("arn:aws:iam::000000000000:user/ann", ""),
        ("", ""),
    ],
)
def test_the_role_is_read_from_the_principal(principal: str, role: str) -> None:
    assert denials.role_of(principal) == role


@pytest.mark.parametrize(
    ("action", "resource", "because", "mendable"),
    [
        (UPDATE, TABLE, "no identity-based policy allows it", True),
        (UPDATE, TABLE, "not said", True),
        (UPDATE, f"{TABLE}/*", "not said", False),
        ("dynamodb:*", TABLE, "not said", False),
        (UPDATE, "*", "not said", False),
        (UPDATE, "", "not said", False),
        ("PutObject", TABLE, "not said", False),
        (UPDATE, TABLE, "explicit deny by identity-based policy", False),
        (UPDATE, TABLE, "no permissions boundary allows it", False),
        (UPDATE, TABLE, "no service control policy allows it", False),
        (UPDATE, TABLE, denials.ENCODED, False),
    ],
)
def test_one_statement_mends_only_what_the_roles_own_policies_lack(
    action: str, resource: str, because: str, mendable: bool
) -> None:
    denial = {"action": action, "resource": resource, "because": because}

    assert denials.is_mendable(denial) is mendable


def _policy(name: str, *statements: dict[str, object]) -> Policy:
    return Policy(name, {"Version": "2012-10-17", "Statement": list(statements)})


def _says(
    effect: str, action: object, resource: object = TABLE, **more: object
) -> dict[str, object]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


ALLOW = _policy("a", _says("Allow", ["dynamodb:GetItem", "dynamodb:Upd*"]))
IF = {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}


@pytest.mark.parametrize(
    ("policies", "decision", "by"),
    [
        ([], "implicitDeny", ""),
        ([ALLOW], "allowed", "a"),
        ([_policy("a", _says("Allow", "DYNAMODB:updateitem"))], "allowed", "a"),
        ([_policy("a", _says("Allow", UPDATE, TABLE.upper()))], "implicitDeny", ""),
        ([_policy("a", _says("Allow", UPDATE, "arn:aws:dynamodb:*:*:table/?"))], "allowed", "a"),
        ([ALLOW, _policy("d", _says("Deny", "dynamodb:*", "*"))], "explicitDeny", "d"),
        ([ALLOW, _policy("d", _says("Deny", "dynamodb:*", "*", **IF))], "unknown", "d"),
        ([_policy("a", _says("Allow", UPDATE, **IF))], "unknown", "a"),
        ([_policy("a", _says("Allow", UPDATE, "arn:aws:x:::${aws:username}"))], "unknown", "a"),
        (
            [_policy("a", {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})],
            "allowed",
            "a",
        ),
        (
            [_policy("a", {"Effect": "Allow", "Action": "*", "NotResource": TABLE})],
            "implicitDeny",
            "",
        ),
        ([Policy("a", {"Statement": _says("Allow", UPDATE)})], "allowed", "a"),
    ],
)
def test_the_visible_policies_decide(policies: list[Policy], decision: str, by: str) -> None:
    assert decide(policies, action=UPDATE, resource=TABLE) == (decision, by)


@pytest.mark.parametrize(
    ("boundary", "decision"),
    [
        (_policy("b", _says("Allow", "s3:*", "*")), "implicitDeny"),
        (_policy("b", _says("Allow", "dynamodb:*", "*")), "allowed"),
        (_policy("b", _says("Deny", "dynamodb:*", "*")), "explicitDeny"),
        (_policy("b", _says("Allow", "*", "*", **IF)), "unknown"),
    ],
)
def test_a_boundary_has_to_allow_too(boundary: Policy, decision: str) -> None:
    told, _ = decide([ALLOW], action=UPDATE, resource=TABLE, boundary=boundary)

    assert told == decision


def test_only_statements_about_the_service_and_the_resource_are_shown() -> None:
    rows = pd.DataFrame(
        {
            "actions": [
                "dynamodb:GetItem, dynamodb:PutItem",
                "dynamodb:GetRecords",
                "logs:PutLogEvents",
                "*",
                "all but iam:*",
            ],
            "resources": [f"{TABLE}, {TABLE}/index/*", f"{TABLE}/stream/x", "*", "*", "*"],
        }
    )

    about = concerning(rows, [(UPDATE, TABLE)])

    assert about["actions"].tolist() == ["dynamodb:GetItem, dynamodb:PutItem", "*", "all but iam:*"]
    assert len(concerning(rows, [])) == 5
    assert len(concerning(rows, [(UPDATE, "")])) == 5
    assert len(concerning(rows.head(0), [(UPDATE, TABLE)])) == 0
