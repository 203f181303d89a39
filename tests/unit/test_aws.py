"""The guard, and what is made of botocore's errors."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError
from fakes import sts
from fakes.clients import refusal

from opslib import aws
from opslib.aws import Connection, calling, connect
from opslib.errors import CouldNotLook, GuardRefused
from opslib.system import System

Make = Callable[..., System]


@pytest.fixture
def server() -> Iterator[sts.Server]:
    with sts.running() as server:
        yield server


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))

    def system(url: str, *, profile_region: str = "us-east-1", **fields: str) -> System:
        (tmp_path / "aws-config").write_text(
            f"[profile orders]\nregion = {profile_region}\nendpoint_url = {url}\n"
            "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n"
        )
        return System(
            **{
                "name": "orders",
                "environment": "production",
                "account": "123456789012",
                "region": "us-east-1",
                "profile": "orders",
                "config_file": "aws-config",
                **fields,
            }  # type: ignore[arg-type]
        )

    return system


def _refused(system: System) -> Exception:
    with pytest.raises((CouldNotLook, GuardRefused)) as refused:
        connect(system, deadline_s=3)
    return refused.value


def test_a_connection_knows_the_caller_and_the_time_by_the_services_clock(
    server: sts.Server, make: Make
) -> None:
    connection = connect(make(server.url))

    assert isinstance(connection, Connection)
    assert connection.identity.as_dict() == {
        "account": "123456789012",
        "arn": "arn:aws:iam::123456789012:user/ada",
        "region": "us-east-1",
    }
    assert connection.identity.at == datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
    assert " opslib/" in server.headers[0]["User-Agent"]
    assert "Credential=AKIDEXAMPLE/" in server.headers[0]["Authorization"]


def test_clients_go_to_the_profiles_endpoint_with_deadlines_and_three_tries(
    server: sts.Server, make: Make
) -> None:
    connection = connect(make(server.url))

    logs = connection.client("logs")

    assert connection.client("logs") is logs
    assert (logs.meta.endpoint_url, logs.meta.region_name) == (server.url, "us-east-1")
    config = logs.meta.config
    assert (config.connect_timeout, config.read_timeout) == (3, 10)
    assert config.retries == {"mode": "standard", "total_max_attempts": 3}


def test_a_brief_client_waits_three_seconds_and_tries_once(server: sts.Server, make: Make) -> None:
    trail = connect(make(server.url)).brief_client("cloudtrail")

    assert trail.meta.endpoint_url == server.url
    assert (trail.meta.config.connect_timeout, trail.meta.config.read_timeout) == (3, 3)
    assert trail.meta.config.retries == {"mode": "standard", "total_max_attempts": 1}


def test_descriptions_of_services_are_read_once_for_all_connections(
    server: sts.Server, make: Make
) -> None:
    connect(make(server.url)).client("logs")
    before = aws._ReadOnce.load_file.cache_info()

    connect(make(server.url)).client("logs")

    after = aws._ReadOnce.load_file.cache_info()
    assert after.misses == before.misses
    assert after.hits > before.hits


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    server: sts.Server, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert connect(make(server.url), deadline_s=3).identity.account == "123456789012"


def test_a_profile_of_the_same_name_among_the_callers_own_keys_is_not_used(
    server: sts.Server, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "credentials"
    keys.write_text("[orders]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = other\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))

    connect(make(server.url))

    assert "Credential=AKIDEXAMPLE/" in server.headers[0]["Authorization"]


def test_another_account_is_refused(server: sts.Server, make: Make) -> None:
    error = _refused(make(server.url, account="999999999999"))

    assert isinstance(error, GuardRefused)
    assert error.message == (
        "Not opened: orders is in account 999999999999, and the caller is "
        "arn:aws:iam::123456789012:user/ada in account 123456789012. Sign in to 999999999999 "
        "as profile orders, or use the params file of the account you are in."
    )
    assert error.facts == {"expected": "999999999999", "found": "123456789012"}


def test_another_partition_is_refused_though_the_account_is_the_same(
    server: sts.Server, make: Make
) -> None:
    server.partition = "aws-us-gov"

    error = _refused(make(server.url))

    assert isinstance(error, GuardRefused)
    assert error.message == (
        "Not opened: orders is in partition aws, and the caller is "
        "arn:aws-us-gov:iam::123456789012:user/ada in partition aws-us-gov. Sign in to partition "
        "aws as profile orders, or use the params file of the account you are in."
    )
    assert error.facts == {"expected": "aws", "found": "aws-us-gov"}


def test_a_caller_in_the_pinned_partition_is_let_in(server: sts.Server, make: Make) -> None:
    server.partition = "aws-cn"
    system = make(server.url, profile_region="cn-north-1", region="cn-north-1", partition="aws-cn")

    connection = connect(system)

    assert connection.identity.arn == "arn:aws-cn:iam::123456789012:user/ada"
    assert connection.identity.region == "cn-north-1"


def test_a_caller_without_an_arn_is_in_no_partition(server: sts.Server, make: Make) -> None:
    server.partition = ""

    error = _refused(make(server.url))

    assert isinstance(error, GuardRefused)
    assert error.facts == {"expected": "aws", "found": ""}


def test_a_profile_of_another_region_is_refused_before_anything_is_asked(
    server: sts.Server, make: Make
) -> None:
    error = _refused(make(server.url, profile_region="eu-west-1"))

    assert isinstance(error, GuardRefused)
    assert "orders is in us-east-1, and profile orders is for eu-west-1" in error.message
    assert server.headers == []


def test_expired_credentials_are_said_to_be_so(server: sts.Server, make: Make) -> None:
    server.expired = True

    error = _refused(make(server.url))

    assert isinstance(error, CouldNotLook)
    assert (error.reason, error.operation) == ("forbidden", "sts:GetCallerIdentity")
    assert "The credentials were not taken (ExpiredToken): sign in again" in error.message
    assert "statement" not in error.facts


def test_an_unknown_profile_is_said_to_be_so(server: sts.Server, make: Make) -> None:
    error = _refused(make(server.url, profile="odrers"))

    assert isinstance(error, CouldNotLook)
    assert error.reason == "forbidden"
    assert "The config profile (odrers) could not be found" in error.message


@pytest.mark.parametrize(
    ("environment", "hint"), [("sandbox", " Start it with: opslib sandbox up"), ("staging", "")]
)
def test_a_missing_config_file_is_the_sandbox_being_down(
    make: Make, environment: str, hint: str
) -> None:
    error = _refused(make("", environment=environment, config_file="gone/aws-config"))

    assert isinstance(error, CouldNotLook)
    assert error.reason == "unreachable"
    assert error.message == (
        "Not looked: orders is reached with the AWS config file gone/aws-config, "
        f"which is not there.{hint}"
    )


@pytest.mark.parametrize(("environment", "hinted"), [("sandbox", True), ("production", False)])
def test_a_sandbox_that_does_not_answer_can_be_started(
    make: Make, environment: str, hinted: bool
) -> None:
    error = _refused(make("http://127.0.0.1:9", environment=environment))

    assert isinstance(error, CouldNotLook)
    assert error.reason == "unreachable"
    assert error.message.endswith("Start it with: opslib sandbox up") is hinted


def _looked(error: BaseException) -> CouldNotLook:
    with pytest.raises(CouldNotLook) as refused, calling("logs:StartQuery", "query errors"):
        raise error
    return refused.value


def test_a_denial_names_the_smallest_statement_that_mends_it() -> None:
    error = _looked(
        refusal(
            "AccessDeniedException",
            "User: arn:aws:sts::123456789012:assumed-role/ops/ada is not authorized to perform: "
            "logs:StartQuery on resource: arn:aws:logs:us-east-1:123456789012:log-group:/x:* "
            "because no identity-based policy allows the logs:StartQuery action",
        )
    )

    assert error.reason == "forbidden"
    assert json.loads(str(error.facts["statement"])) == {
        "Effect": "Allow",
        "Action": "logs:StartQuery",
        "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:/x:*",
    }
    assert str(error.facts["statement"]) in error.message
    assert error.message.startswith("Not seen: query errors. The caller lacks logs:StartQuery on ")


def test_a_denial_without_a_resource_takes_the_callers_word_for_it() -> None:
    with (
        pytest.raises(CouldNotLook) as refused,
        calling("lambda:ListAliases", "aliases", resource="arn:aws:lambda:*:*:function:f"),
    ):
        raise refusal("AccessDeniedException", "Access denied")

    assert json.loads(str(refused.value.facts["statement"])) == {
        "Effect": "Allow",
        "Action": "lambda:ListAliases",
        "Resource": "arn:aws:lambda:*:*:function:f",
    }


def test_an_explicit_denial_has_no_statement_that_mends_it() -> None:
    error = _looked(
        refusal(
            "AccessDenied",
            "User: a is not authorized to perform: logs:StartQuery on resource: arn:b "
            "with an explicit deny in a service control policy",
        )
    )

    assert error.reason == "forbidden"
    assert "statement" not in error.facts
    assert "A policy denies logs:StartQuery on arn:b explicitly" in error.message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refusal("ThrottlingException"), "throttled"),
        (refusal("LimitExceededException"), "throttled"),
        (refusal("ResourceNotFoundException"), "missing"),
        (refusal("MalformedQueryException", "unexpected symbol found"), "failed"),
        (exceptions.NoCredentialsError(), "forbidden"),
        (exceptions.SSOTokenLoadError(error_msg="expired"), "forbidden"),
        (exceptions.UnauthorizedSSOTokenError(), "forbidden"),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), "timeout"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://x"), "unreachable"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "unreachable"),
        (exceptions.ConnectionClosedError(endpoint_url="https://x"), "unreachable"),
        (exceptions.ParamValidationError(report="x"), "failed"),
        (ResponseParserError("not XML"), "failed"),
    ],
)
def test_every_error_of_botocore_has_a_reason(error: Exception, reason: str) -> None:
    looked = _looked(error)

    assert (looked.reason, looked.operation) == (reason, "logs:StartQuery")
    assert looked.message.startswith("Not seen: query errors. ")
    assert looked.__cause__ is error


def test_a_foreign_message_cannot_write_to_the_terminal_nor_fill_it() -> None:
    error = _looked(refusal("ValidationException", "\x1b[31mred\nline " + "x" * 1000))

    assert "\x1b" not in error.message
    assert "\n" not in error.message
    assert len(error.message) < 400


def test_what_is_not_of_botocore_passes_through() -> None:
    with pytest.raises(ZeroDivisionError), calling("logs:StartQuery", "query errors"):
        raise ZeroDivisionError
