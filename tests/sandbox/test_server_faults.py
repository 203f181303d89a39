"""Faults look to boto3 as the service's own errors, last as ordered, and hinder nobody else."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.errors import CouldNotLook
from opslib.sandbox.api import Sandbox

_CALLS: dict[str, Callable[[Any], object]] = {
    "sts:GetCallerIdentity": lambda client: client.get_caller_identity(),
    "logs:StartQuery": lambda client: client.start_query(
        logGroupName="/aws/lambda/f", startTime=1, endTime=2, queryString="fields @message"
    ),
    "cloudwatch:GetMetricData": lambda client: client.get_metric_data(
        MetricDataQueries=[], StartTime=1, EndTime=2
    ),
    "lambda:GetFunctionConfiguration": lambda client: client.get_function_configuration(
        FunctionName="f"
    ),
    "lambda:ListAliases": lambda client: client.list_aliases(FunctionName="f"),
    "dynamodb:PutItem": lambda client: client.put_item(TableName="orders", Item={}),
    "dynamodb:DescribeTable": lambda client: client.describe_table(TableName="orders"),
    "sqs:GetQueueAttributes": lambda client: client.get_queue_attributes(
        QueueUrl="http://127.0.0.1/000000000000/dead"
    ),
    "kinesis:GetRecords": lambda client: client.get_records(ShardIterator="x"),
    "s3:GetObject": lambda client: client.get_object(Bucket="orders", Key="a/b c.json"),
    "s3:HeadObject": lambda client: client.head_object(Bucket="orders", Key="a"),
    "s3:ListObjectsV2": lambda client: client.list_objects_v2(Bucket="orders"),
    "s3:PutObject": lambda client: client.put_object(Bucket="orders", Key="a", Body=b"x"),
    "s3:UploadPart": lambda client: client.upload_part(
        Bucket="orders", Key="a", PartNumber=1, UploadId="u", Body=b"x"
    ),
    "lambda:Invoke": lambda client: client.invoke(FunctionName="f"),
    "lambda:ListProvisionedConcurrencyConfigs": lambda client: (
        client.list_provisioned_concurrency_configs(FunctionName="f")
    ),
    "iam:GetRole": lambda client: client.get_role(RoleName="r"),
}


def _refused(sandbox: Sandbox, operation: str) -> dict[str, Any]:
    """Make the call, and give what boto3 understood of the error."""
    client = sandbox.client(operation.partition(":")[0])
    with pytest.raises(ClientError) as caught:
        _CALLS[operation](client)
    understood: dict[str, Any] = caught.value.response
    return understood


_WHO = "User: arn:aws:iam::000000000000:root is not authorized to perform: "
_US = "us-east-1:000000000000"


@pytest.mark.parametrize(
    ("operation", "code", "status", "message"),
    [
        (
            "sts:GetCallerIdentity",
            "AccessDenied",
            403,
            _WHO + "sts:GetCallerIdentity with an explicit deny in an identity-based policy",
        ),
        (
            "logs:StartQuery",
            "AccessDeniedException",
            400,
            _WHO + f"logs:StartQuery on resource: arn:aws:logs:{_US}:log-group:/aws/lambda/f:"
            "log-stream: because no identity-based policy allows the logs:StartQuery action",
        ),
        (
            "cloudwatch:GetMetricData",
            "AccessDenied",
            400,
            _WHO + "cloudwatch:GetMetricData because no identity-based policy allows the "
            "cloudwatch:GetMetricData action",
        ),
        (
            "lambda:GetFunctionConfiguration",
            "AccessDeniedException",
            403,
            _WHO + f"lambda:GetFunctionConfiguration on resource: arn:aws:lambda:{_US}:function:f "
            "because no identity-based policy allows the lambda:GetFunctionConfiguration action",
        ),
        (
            "dynamodb:PutItem",
            "AccessDeniedException",
            400,
            _WHO + f"dynamodb:PutItem on resource: arn:aws:dynamodb:{_US}:table/orders "
            "because no identity-based policy allows the dynamodb:PutItem action",
        ),
        (
            "sqs:GetQueueAttributes",
            "AccessDenied",
            400,
            _WHO + f"sqs:getqueueattributes on resource: arn:aws:sqs:{_US}:dead "
            "because no identity-based policy allows the sqs:getqueueattributes action",
        ),
        (
            "lambda:Invoke",
            "AccessDeniedException",
            403,
            _WHO + f"lambda:InvokeFunction on resource: arn:aws:lambda:{_US}:function:f "
            "because no identity-based policy allows the lambda:InvokeFunction action",
        ),
        (
            "s3:GetObject",
            "AccessDenied",
            403,
            _WHO + 's3:GetObject on resource: "arn:aws:s3:::orders/a/b c.json" '
            "because no identity-based policy allows the s3:GetObject action",
        ),
        (
            "s3:ListObjectsV2",
            "AccessDenied",
            403,
            _WHO + 's3:ListBucket on resource: "arn:aws:s3:::orders" '
            "because no identity-based policy allows the s3:ListBucket action",
        ),
        # An answer to HEAD has no body: the status is all there is.
        ("s3:HeadObject", "403", 403, "Forbidden"),
    ],
)
def test_a_denied_call_says_so_in_the_services_own_words(
    empty: Sandbox, operation: str, code: str, status: int, message: str
) -> None:
    empty.set_fault(operation, code="AccessDenied")

    understood = _refused(empty, operation)

    assert understood["Error"]["Code"] == code
    assert understood["Error"]["Message"] == message
    assert understood["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [
        ("sts:GetCallerIdentity", "Throttling", 400),
        ("logs:StartQuery", "ThrottlingException", 400),
        ("cloudwatch:GetMetricData", "Throttling", 400),
        ("lambda:ListAliases", "TooManyRequestsException", 429),
        ("dynamodb:PutItem", "ProvisionedThroughputExceededException", 400),
        ("dynamodb:DescribeTable", "ThrottlingException", 400),
        ("sqs:GetQueueAttributes", "RequestThrottled", 400),
        ("kinesis:GetRecords", "ProvisionedThroughputExceededException", 400),
        ("lambda:ListProvisionedConcurrencyConfigs", "TooManyRequestsException", 429),
        ("iam:GetRole", "Throttling", 400),
        ("s3:PutObject", "SlowDown", 503),
        ("s3:UploadPart", "SlowDown", 503),
    ],
)
def test_a_throttled_call_has_the_code_that_the_service_uses(
    monkeypatch: pytest.MonkeyPatch, empty: Sandbox, operation: str, code: str, status: int
) -> None:
    # Not to wait for boto3's pauses between its attempts.
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    empty.set_fault(operation, code="Throttling")

    understood = _refused(empty, operation)

    assert understood["Error"]["Code"] == code
    assert understood["ResponseMetadata"]["HTTPStatusCode"] == status
    assert understood["ResponseMetadata"]["RetryAttempts"] == 2


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("sts:GetCallerIdentity", "ExpiredToken"),
        ("logs:StartQuery", "ExpiredTokenException"),
        ("lambda:ListAliases", "ExpiredTokenException"),
        ("s3:GetObject", "ExpiredToken"),
    ],
)
def test_expired_credentials_have_the_code_of_the_protocol(
    empty: Sandbox, operation: str, code: str
) -> None:
    empty.set_fault(operation, code="ExpiredToken")

    understood = _refused(empty, operation)

    assert understood["Error"]["Code"] == code


def test_any_other_code_is_answered_as_it_stands(empty: Sandbox) -> None:
    empty.set_fault("logs:StartQuery", code="ServiceUnavailableInTests")

    understood = _refused(empty, "logs:StartQuery")

    assert understood["Error"]["Code"] == "ServiceUnavailableInTests"


def test_a_fault_of_two_calls_is_gone_at_the_third(empty: Sandbox) -> None:
    empty.set_fault("sts:GetCallerIdentity", code="AccessDenied", times=2)
    first = _refused(empty, "sts:GetCallerIdentity")["Error"]["Code"]
    second = _refused(empty, "sts:GetCallerIdentity")["Error"]["Code"]

    third = empty.client("sts").get_caller_identity()["Account"]

    assert (first, second, third) == ("AccessDenied", "AccessDenied", "000000000000")


def test_a_fault_of_a_whole_service_touches_each_of_its_operations_and_no_other(
    empty: Sandbox,
) -> None:
    empty.set_fault("lambda:*", code="AccessDenied")

    one = _refused(empty, "lambda:GetFunctionConfiguration")["Error"]["Code"]
    other = _refused(empty, "lambda:ListAliases")["Error"]["Code"]
    elsewhere = empty.client("sts").get_caller_identity()["Account"]

    assert (one, other) == ("AccessDeniedException", "AccessDeniedException")
    assert elsewhere == "000000000000"


def test_a_slow_operation_is_late_and_true_while_others_are_quick(empty: Sandbox) -> None:
    empty.set_fault("dynamodb:ListTables", latency_ms=300)
    dynamodb, sts = empty.client("dynamodb"), empty.client("sts")
    sts.get_caller_identity()

    began = time.monotonic()
    tables = dynamodb.list_tables()["TableNames"]
    slow_s = time.monotonic() - began
    times_s = []
    for _ in range(5):
        began = time.monotonic()
        sts.get_caller_identity()
        times_s.append(time.monotonic() - began)

    assert tables == []
    assert slow_s >= 0.3
    # The machine may hold up one call or another, a fault would hold up each.
    assert min(times_s) < 0.3


@pytest.mark.parametrize(
    ("operation", "named"),
    [("logs:StartQuerry", "StartQuerry"), ("glue:GetTable", "glue"), ("StartQuery", "StartQuery")],
)
def test_a_fault_that_could_never_strike_is_refused(
    empty: Sandbox, operation: str, named: str
) -> None:
    with pytest.raises(CouldNotLook) as caught:
        empty.set_fault(operation, code="AccessDenied")

    assert named in caught.value.message
    assert "No fault was set" in caught.value.message


def test_a_fault_of_no_calls_is_refused(empty: Sandbox) -> None:
    with pytest.raises(CouldNotLook) as caught:
        empty.set_fault("logs:StartQuery", code="AccessDenied", times=0)

    assert "times (1 or more" in caught.value.message
