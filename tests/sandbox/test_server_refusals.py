"""What Lambda and SQS refuse of a request itself, of a source, and of a name."""

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox
from sandbox import functions

_FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:echo"
_QUEUE = "arn:aws:sqs:us-east-1:000000000000:"


@pytest.fixture
def lambda_(empty: Sandbox) -> Any:
    """A client, with a function ``echo`` whose timeout is 10 seconds."""
    functions.make(empty, "echo", source="def handler(event, context): return event")
    return empty.client("lambda")


def _refused(call: Callable[..., object], **arguments: object) -> tuple[str, int, str]:
    """Give code, HTTP status and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def test_a_payload_that_is_no_json_or_too_large_runs_nothing(lambda_: Any) -> None:
    large = b'"' + b"x" * 6_291_455 + b'"'

    no_json = _refused(lambda_.invoke, FunctionName="echo", Payload=b"{order: 1}")
    at_once = _refused(lambda_.invoke, FunctionName="echo", Payload=large)
    later = _refused(
        lambda_.invoke,
        FunctionName="echo",
        InvocationType="Event",
        Payload=large[:1_048_576] + b'"',
    )
    taken = lambda_.invoke(FunctionName="echo", Payload=b"[1]")["Payload"].read()

    assert no_json[:2] == ("InvalidRequestContentException", 400)
    assert no_json[2].startswith(
        "Could not parse request body into json: Could not parse payload into json: "
    )
    assert at_once == (
        "RequestEntityTooLargeException",
        413,
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    )
    assert later == (
        "RequestEntityTooLargeException",
        413,
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    )
    assert taken == b"[1]"


def test_a_function_goes_by_its_name_its_arn_and_the_part_of_it_from_the_account_on(
    lambda_: Any,
) -> None:
    named = ("echo", _FUNCTION, "000000000000:function:echo", "000000000000:function:echo:$LATEST")

    found = [lambda_.get_function_configuration(FunctionName=name) for name in named]
    answered = [lambda_.invoke(FunctionName=name)["StatusCode"] for name in named]

    assert [each["FunctionName"] for each in found] == ["echo"] * 4
    assert answered == [200] * 4


def test_a_number_is_no_alias_and_an_unknown_runtime_none(lambda_: Any) -> None:
    alias = _refused(
        lambda_.create_alias, FunctionName="echo", Name="12", FunctionVersion="$LATEST"
    )
    runtime = _refused(
        lambda_.update_function_configuration, FunctionName="echo", Runtime="python2.1"
    )

    assert alias == (
        "ValidationException",
        400,
        "1 validation error detected: Value '12' at 'name' failed to satisfy constraint: Member "
        "must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
    )
    assert runtime[:2] == ("InvalidParameterValueException", 400)
    assert runtime[2].startswith(
        "Value python2.1 at 'runtime' failed to satisfy constraint: Member must satisfy enum value "
        "set: ["
    )


def test_a_mapping_needs_a_queue_that_is_there_and_hides_messages_long_enough(
    empty: Sandbox, lambda_: Any
) -> None:
    sqs = empty.client("sqs")
    sqs.create_queue(QueueName="brief", Attributes={"VisibilityTimeout": "9"})
    sqs.create_queue(QueueName="enough", Attributes={"VisibilityTimeout": "10"})
    create, of = lambda_.create_event_source_mapping, {"FunctionName": "echo", "Enabled": False}

    missing = _refused(create, **of, EventSourceArn=f"{_QUEUE}missing")
    brief = _refused(create, **of, EventSourceArn=f"{_QUEUE}brief")
    started = _refused(create, **of, EventSourceArn=f"{_QUEUE}enough", StartingPosition="LATEST")
    made = create(**of, EventSourceArn=f"{_QUEUE}enough")

    assert missing == (
        "InvalidParameterValueException",
        400,
        "Error occurred while ReceiveMessage. SQS Error Code: "
        "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not "
        "exist or you do not have access to it.",
    )
    assert brief == (
        "InvalidParameterValueException",
        400,
        "Queue visibility timeout: 9 seconds is less than Function timeout: 10 seconds",
    )
    assert started == (
        "InvalidParameterValueException",
        400,
        "Invalid request provided: StartingPosition is not valid for SQS event sources.",
    )
    assert made["EventSourceArn"] == f"{_QUEUE}enough"


def test_a_stream_s_mapping_needs_to_be_told_where_to_begin(empty: Sandbox, lambda_: Any) -> None:
    kinesis = empty.client("kinesis")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"

    refused = _refused(
        lambda_.create_event_source_mapping, FunctionName="echo", EventSourceArn=arn, Enabled=False
    )

    assert refused == (
        "InvalidParameterValueException",
        400,
        "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
        "constraint: Member must not be null.",
    )


def test_a_queue_tells_only_attributes_that_it_has_and_was_asked_for(empty: Sandbox) -> None:
    sqs = empty.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]

    unasked = sqs.get_queue_attributes(QueueUrl=url)
    # The age of the oldest message is a metric.
    unknown = _refused(
        sqs.get_queue_attributes,
        QueueUrl=url,
        AttributeNames=["ApproximateAgeOfOldestMessage"],
    )
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])

    assert "Attributes" not in unasked
    assert unknown == (
        "InvalidAttributeName",
        400,
        "Unknown Attribute ApproximateAgeOfOldestMessage.",
    )
    assert asked["Attributes"] == {"DelaySeconds": "0"}


def test_a_body_that_is_no_object_is_refused_by_every_service_that_speaks_json(
    empty: Sandbox,
) -> None:
    answered = []
    for target in (
        "DynamoDB_20120810.PutItem",
        "AmazonSQS.PurgeQueue",
        "Logs_20140328.FilterLogEvents",
        "GraniteServiceVersion20100801.GetMetricData",
    ):
        connection = http.client.HTTPConnection(urlsplit(empty.endpoint).netloc, timeout=60)
        connection.request(
            "POST",
            "/",
            body=b" [1]",
            headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"},
        )
        answer = connection.getresponse()
        answered.append((answer.status, json.loads(answer.read())["__type"].rpartition("#")[2]))
        connection.close()

    assert answered == [(400, "SerializationException")] * 4


def test_a_body_that_the_sdk_compressed_is_taken(empty: Sandbox) -> None:
    cloudwatch = empty.client("cloudwatch")
    data = [{"MetricName": f"metric-{number}", "Value": 1} for number in range(500)]

    cloudwatch.put_metric_data(Namespace="Mine", MetricData=data)

    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace="Mine")
    assert sum(len(page["Metrics"]) for page in pages) == 500
