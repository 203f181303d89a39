"""Every request that boto3 can make is known by the operation it is of."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

import botocore.session
import pytest
from botocore.model import OperationModel, Shape
from botocore.serialize import create_serializer

from opslib.sandbox.operations import Protocol, identify
from opslib.sandbox.wire import Request

_SIGNED_AS = {"cloudwatch": "monitoring"}


def _any(shape: Shape) -> Any:
    """Make some value of a shape, of required members only."""
    match shape.type_name:
        case "structure":
            members: Any = shape
            return {name: _any(members.members[name]) for name in members.required_members}
        case "list":
            listed: Any = shape
            return [_any(listed.member)]
        case "map":
            return {}
        case "integer" | "long":
            return 1
        case "float" | "double":
            return 1.0
        case "boolean":
            return True
        case "blob":
            return b"x"
        case "timestamp":
            return 1
    chosen: Any = shape
    return chosen.enum[0] if chosen.enum else "xyz"


def _request(model: OperationModel, scope: str) -> Request:
    """Serialize a call as botocore does, and sign it as far as anyone reads."""
    protocol = model.service_model.resolved_protocol
    parameters = _any(model.input_shape) if model.input_shape else {}
    serializer = create_serializer(protocol, include_validation=False)
    made = serializer.serialize_to_request(parameters, model)
    path, _, fixed = made["url_path"].partition("?")
    query = dict(parse_qsl(fixed, keep_blank_values=True)) | dict(made["query_string"] or {})
    body = made["body"]
    headers = {name.lower(): str(value) for name, value in made["headers"].items()}
    credential = f"Credential=key/20261014/us-east-1/{scope}/aws4_request"
    return Request(
        method=made["method"],
        path=re.sub("%2F", "/", path),
        query={name: str(value) for name, value in query.items()},
        headers=headers | {"authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host"},
        body=urlencode(body).encode() if isinstance(body, dict) else b"",
    )


@pytest.mark.parametrize(
    ("service", "protocol"),
    [
        ("cloudwatch", Protocol.JSON),
        ("dynamodb", Protocol.JSON),
        ("iam", Protocol.QUERY),
        ("kinesis", Protocol.JSON),
        ("lambda", Protocol.REST_JSON),
        ("logs", Protocol.JSON),
        ("s3", Protocol.REST_XML),
        ("sqs", Protocol.JSON),
        ("sts", Protocol.QUERY),
    ],
)
def test_each_operation_of_a_service_is_told_from_every_other(
    service: str, protocol: Protocol
) -> None:
    model = botocore.session.Session().get_service_model(service)
    # Of one path and method with another, deprecated, or not of the ordinary endpoint at all.
    unlike = {"GetBucketLifecycle", "GetBucketNotification", "PutBucketLifecycle"}
    unlike |= {"PutBucketNotification", "ListDirectoryBuckets"}
    operations = [name for name in model.operation_names if name not in unlike]

    mistaken = {}
    for name in operations:
        request = _request(model.operation_model(name), _SIGNED_AS.get(service, service))
        found = identify(request)
        expected = (f"{service}:{name}", protocol, "key")
        if found is None or (found.action, found.protocol, found.access_key_id) != expected:
            mistaken[name] = found

    assert len(operations) > 5
    assert mistaken == {}


def test_a_presigned_request_is_known_by_its_query() -> None:
    query = {"X-Amz-Credential": "key/20261014/eu-west-1/s3/aws4_request"}
    request = Request(method="GET", path="/b/a/key", query=query, headers={}, body=b"")

    found = identify(request)

    assert found is not None
    assert (found.action, found.region, found.permission) == (
        "s3:GetObject",
        "eu-west-1",
        "s3:GetObject",
    )


@pytest.mark.parametrize(
    ("method", "path", "query", "permission"),
    [
        ("HEAD", "/bucket/key", {}, "s3:GetObject"),
        ("GET", "/bucket", {"list-type": "2"}, "s3:ListBucket"),
        ("PUT", "/bucket/key", {"partNumber": "1", "uploadId": "u"}, "s3:PutObject"),
        ("GET", "/", {}, "s3:ListAllMyBuckets"),
    ],
)
def test_the_permission_of_an_operation_may_have_another_name(
    method: str, path: str, query: dict[str, str], permission: str
) -> None:
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=k/20261014/r/s3/aws4_request"}

    found = identify(Request(method=method, path=path, query=query, headers=signed, body=b""))

    assert found is not None
    assert found.permission == permission
