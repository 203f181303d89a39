"""The real zae-limiter aggregator on the sandbox: table, stream, queue, function, mapping.

In: a running sandbox. Out: the product deployed with plain boto3 calls, one for each resource of
its own template; `zae-limiter deploy` itself does not run here, since the emulator's CloudFormation
lacks ``Fn::Select`` inside a condition. Only the timeout differs from the template's default (10 s
instead of 60 s), so that a person can wait for an invocation that is near it. The package is
`product`'s. Must not know stories, logs or metrics.

Source: ``zae_limiter/infra/cfn_template.yaml`` of zae-limiter 0.17.0 (RateLimitsTable,
AggregatorDLQ, AggregatorLogGroup, AggregatorRole, AggregatorFunction and
AggregatorEventSourceMapping), with its default parameters; its alarms are left out.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from opslib.errors import CouldNotLook
from opslib.sandbox.api import Sandbox
from opslib.sandbox.scenarios import product

TABLE = "ZAEL-demo"
FUNCTION = f"{TABLE}-aggregator"
QUEUE = f"{FUNCTION}-dlq"
ROLE = f"{TABLE}-aggr"
LOG_GROUP = f"/aws/lambda/{FUNCTION}"
TIMEOUT_S = 10
MEMORY_MB = 256
BATCH_SIZE = 100
#: How long before a story's end table and mapping were made.
MADE_BEFORE_END = timedelta(days=30)

_ACTIVE_DEADLINE_S = 120.0
_POLICY = "DynamoDBAccess"
_TAGS = {"Application": "zae-limiter"}
# The mapping's own filter: changed buckets, and audit records that expired.
_FILTERS: list[dict[str, Any]] = [
    {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"SK": {"S": ["#STATE"]}}}},
    {"eventName": ["REMOVE"], "dynamodb": {"OldImage": {"PK": {"S": [{"prefix": "AUDIT#"}]}}}},
]


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What was deployed, where AWS chooses the name itself.

    Parameters
    ----------
    mapping
        UUID of the event source mapping.
    queue_url
        URL of the dead-letter queue.
    """

    mapping: str
    queue_url: str


def deploy(
    sandbox: Sandbox,
    *,
    timeout_s: int = TIMEOUT_S,
    memory_mb: int = MEMORY_MB,
    mapped: bool = True,
    before_mapping: Callable[[], None] = lambda: None,
) -> Deployed:
    """Deploy the aggregator.

    Parameters
    ----------
    sandbox
        Must be up, and hold none of these resources.
    timeout_s, memory_mb
        Of the function, in seconds and MB.
    mapped
        Whether the mapping is enabled. A disabled one keeps its place in the stream: records
        written meanwhile are delivered once it is enabled.
    before_mapping
        Called when the table is there and the mapping is not: what is written to the table
        meanwhile stands in its stream, and the mapping never delivers it.
    """
    code = current_package(sandbox)
    stream_arn = _make_table(sandbox)
    queue_url, queue_arn = _make_queue(sandbox)
    role_arn = _make_role(sandbox, stream_arn=stream_arn, queue_arn=queue_arn)
    logs = sandbox.client("logs")
    logs.create_log_group(logGroupName=LOG_GROUP, tags=_TAGS)
    logs.put_retention_policy(logGroupName=LOG_GROUP, retentionInDays=30)
    lambda_ = sandbox.client("lambda")
    lambda_.create_function(
        FunctionName=FUNCTION,
        Description="Aggregates rate limiter usage into hourly/daily snapshots",
        Runtime="python3.12",
        Handler="zae_limiter_aggregator.handler.handler",
        Role=role_arn,
        Code={"ZipFile": code},
        MemorySize=memory_mb,
        Timeout=timeout_s,
        TracingConfig={"Mode": "PassThrough"},
        Environment={
            "Variables": {
                "TABLE_NAME": TABLE,
                "SNAPSHOT_WINDOWS": "hourly,daily",
                "SNAPSHOT_TTL_DAYS": "90",
                "ZAE_LIMITER_SCHEMA_VERSION": "1.0.0",
                "ENABLE_ARCHIVAL": "false",
                "ARCHIVE_BUCKET_NAME": "",
            }
        },
        Tags=_TAGS,
    )
    before_mapping()
    mapping = lambda_.create_event_source_mapping(
        FunctionName=FUNCTION,
        EventSourceArn=stream_arn,
        StartingPosition="LATEST",
        Enabled=mapped,
        BatchSize=BATCH_SIZE,
        MaximumBatchingWindowInSeconds=5,
        MaximumRetryAttempts=3,
        MaximumRecordAgeInSeconds=3600,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
        FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)} for pattern in _FILTERS]},
    )
    for name in (TABLE, mapping["UUID"]):
        _set_made_at(sandbox, name)
    return Deployed(mapping=mapping["UUID"], queue_url=queue_url)


def stream_arn(sandbox: Sandbox) -> str:
    """Give the ARN of the table's stream."""
    table = sandbox.client("dynamodb").describe_table(TableName=TABLE)["Table"]
    return str(table["LatestStreamArn"])


def wait_until_active(sandbox: Sandbox, *, deadline_s: float = _ACTIVE_DEADLINE_S) -> None:
    """Wait until the function can be invoked; the emulator takes half a second, as AWS takes some.

    Raises
    ------
    CouldNotLook
        It was not active in time.
    """
    lambda_ = sandbox.client("lambda")
    until = time.monotonic() + deadline_s
    while True:
        state = lambda_.get_function_configuration(FunctionName=FUNCTION)["State"]
        if state == "Active":
            return
        if time.monotonic() > until:
            raise CouldNotLook(
                f"{FUNCTION} was not used: it is {state} after {deadline_s:.0f} s, not Active. "
                "Start the sandbox afresh.",
                operation="lambda:GetFunctionConfiguration",
                reason="timeout",
                state=state,
            )
        time.sleep(0.1)


def principal(sandbox: Sandbox) -> str:
    """Name who the function is to IAM: its role, assumed under its own name."""
    return f"arn:aws:sts::{sandbox.account}:assumed-role/{ROLE}/{FUNCTION}"


def forbid(sandbox: Sandbox, action: str) -> None:
    """Take one action out of the inline policy of the function's role."""
    iam = sandbox.client("iam")
    kept = iam.get_role_policy(RoleName=ROLE, PolicyName=_POLICY)["PolicyDocument"]
    for statement in kept["Statement"]:
        statement["Action"] = [each for each in statement["Action"] if each != action]
    iam.put_role_policy(RoleName=ROLE, PolicyName=_POLICY, PolicyDocument=json.dumps(kept))


def provision_table(sandbox: Sandbox, *, write: int, read: int) -> None:
    """Move the table from on-demand to so many write and read units a second."""
    sandbox.client("dynamodb").update_table(
        TableName=TABLE,
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"WriteCapacityUnits": write, "ReadCapacityUnits": read},
    )


def current_package(sandbox: Sandbox) -> bytes:
    """Give the package that `deploy` deploys."""
    return product.package(sandbox.home.parent / "cache")


def redeploy(sandbox: Sandbox) -> None:
    """Deploy the same package again, which ends every environment of the one before."""
    release(sandbox, current_package(sandbox))


def release(sandbox: Sandbox, code: bytes) -> None:
    """Deploy another package, the function only, and wait until it is what runs."""
    sandbox.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=code)
    wait_until_active(sandbox)


def publish(sandbox: Sandbox) -> str:
    """Publish what is deployed as a version; return its number."""
    return str(sandbox.client("lambda").publish_version(FunctionName=FUNCTION)["Version"])


def set_deployed_at(sandbox: Sandbox, at: datetime, *, qualifier: str = "$LATEST") -> None:
    """Let the function say that it was last modified then, since the emulator stamps wall time."""
    sandbox.set_lambda_history(FUNCTION, last_modified_at=at, qualifier=qualifier)


def enable_mapping(sandbox: Sandbox, deployed: Deployed) -> None:
    """Let the mapping deliver what its stream holds."""
    change_mapping(sandbox, deployed, Enabled=True)


def disable_mapping(sandbox: Sandbox, deployed: Deployed) -> None:
    """Let the mapping hold what its stream gets, its place kept."""
    change_mapping(sandbox, deployed, Enabled=False)


def change_mapping(sandbox: Sandbox, deployed: Deployed, **changes: object) -> None:
    """Update the mapping, once an earlier change is through, and wait until this one is.

    Parameters
    ----------
    changes
        As UpdateEventSourceMapping takes them.

    Raises
    ------
    CouldNotLook
        The mapping was still changing at the deadline.
    """
    _wait_until_settled(sandbox, deployed)
    sandbox.client("lambda").update_event_source_mapping(UUID=deployed.mapping, **changes)
    _wait_until_settled(sandbox, deployed)
    _set_made_at(sandbox, deployed.mapping)


def _set_made_at(sandbox: Sandbox, name: str) -> None:
    """Let a mapping or a table say that it is older than the window that a story is told in."""
    sandbox.set_changed_at(name, sandbox.clock.now() - MADE_BEFORE_END)


def _wait_until_settled(sandbox: Sandbox, deployed: Deployed) -> None:
    lambda_ = sandbox.client("lambda")
    until = time.monotonic() + _ACTIVE_DEADLINE_S
    while True:
        state = lambda_.get_event_source_mapping(UUID=deployed.mapping)["State"]
        if state in ("Enabled", "Disabled"):
            return
        if time.monotonic() > until:
            raise CouldNotLook(
                f"The mapping of {FUNCTION} was not changed: it is {state} after "
                f"{_ACTIVE_DEADLINE_S:.0f} s. Start the sandbox afresh.",
                operation="lambda:GetEventSourceMapping",
                reason="timeout",
                state=state,
            )
        time.sleep(0.05)


def _make_table(sandbox: Sandbox) -> str:
    from zae_limiter.schema import get_table_definition  # costs half a second, only paid here

    dynamodb = sandbox.client("dynamodb")
    tags = [{"Key": key, "Value": value} for key, value in _TAGS.items()]
    made = dynamodb.create_table(**get_table_definition(TABLE), Tags=tags)
    dynamodb.update_time_to_live(
        TableName=TABLE, TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True}
    )
    dynamodb.update_continuous_backups(
        TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def _make_queue(sandbox: Sandbox) -> tuple[str, str]:
    sqs = sandbox.client("sqs")
    attributes = {"MessageRetentionPeriod": "1209600", "VisibilityTimeout": "300"}
    url = sqs.create_queue(QueueName=QUEUE, Attributes=attributes, tags=_TAGS)["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, asked["Attributes"]["QueueArn"]


def _make_role(sandbox: Sandbox, *, stream_arn: str, queue_arn: str) -> str:
    iam = sandbox.client("iam")
    trust = _policy(["sts:AssumeRole"], Principal={"Service": "lambda.amazonaws.com"})
    made = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    iam.attach_role_policy(
        RoleName=ROLE,
        PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    )
    table_arn = stream_arn.split("/stream/")[0]
    table = ["GetItem", "PutItem", "UpdateItem", "Query", "ConditionCheckItem"]
    stream = ["GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"]
    allowed: dict[str, Any] = _policy(
        [f"dynamodb:{action}" for action in table], Resource=[table_arn, f"{table_arn}/index/*"]
    )
    allowed["Statement"] += _policy(
        [f"dynamodb:{action}" for action in stream], Resource=[stream_arn]
    )["Statement"]
    allowed["Statement"] += _policy(["sqs:SendMessage"], Resource=[queue_arn])["Statement"]
    iam.put_role_policy(RoleName=ROLE, PolicyName=_POLICY, PolicyDocument=json.dumps(allowed))
    return str(made["Role"]["Arn"])


def _policy(actions: list[str], **on: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": actions, **on}
    return {"Version": "2012-10-17", "Statement": [statement]}
