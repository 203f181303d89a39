"""Which AWS operation a request is, and how its service spells an error.

In: a whole `Request`. Out: an `Operation` named as IAM names it, and `Answer` objects that every
SDK reads as that service's error. Must not know the emulator.

Source: botocore's service models (protocols, target prefixes, request URIs); the ``protocols`` and
``awsQueryCompatible`` traits.
"""

import re
import uuid
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ServiceModel

from opslib.sandbox.rest import Route, routes
from opslib.sandbox.wire import Answer, Request, json_answer

# IAM's prefix of an action, and what botocore calls the service.
_MODELS = {
    "application-autoscaling": ("application-autoscaling",),
    "cloudtrail": ("cloudtrail",),
    "cloudwatch": ("cloudwatch",),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "events": ("events",),
    "iam": ("iam",),
    "kinesis": ("kinesis",),
    "lambda": ("lambda",),
    "logs": ("logs",),
    "s3": ("s3",),
    "servicequotas": ("service-quotas",),
    "sns": ("sns",),
    "sqs": ("sqs",),
    "sts": ("sts",),
}
_SIGNED_AS = {"monitoring": "cloudwatch"}
_CREDENTIAL = re.compile(r"(?:Credential=|^)([^/= ]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
# Where IAM's action is called otherwise than the API's operation.
_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:UploadPart": "s3:PutObject",
    "s3:UploadPartCopy": "s3:PutObject",
}
_QUERY_COMPATIBLE = frozenset({"cloudwatch", "sqs"})


class Protocol(StrEnum):
    """How a service writes requests and errors on the wire."""

    JSON = "json"
    QUERY = "query"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"
    CBOR = "smithy-rpc-v2-cbor"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One call of one service, and who makes it.

    ``service`` is IAM's prefix, ``name`` the API's: together ``logs:StartQuery``. ``version`` is
    the JSON protocol's, ``1.0`` or ``1.1``.
    """

    service: str
    name: str
    protocol: Protocol
    version: str
    access_key_id: str
    region: str

    @property
    def action(self) -> str:
        """Service and operation, as faults and policies write them."""
        return f"{self.service}:{self.name}"

    @property
    def permission(self) -> str:
        """The IAM action that allows it, where that has a name of its own."""
        return _ACTIONS.get(self.action, self.action)


@dataclass(frozen=True, kw_only=True)
class ServiceError:
    """An error as a service means it, before any protocol.

    ``members`` are further members of the error's shape; ``query_code`` is the code that a service
    which once spoke the query protocol goes on giving, where it differs.
    """

    code: str
    message: str
    status: int = 400
    members: tuple[tuple[str, object], ...] = ()
    query_code: str | None = None


class Refused(Exception):
    """A call is answered with an error."""

    def __init__(self, error: ServiceError) -> None:
        super().__init__(error.message)
        self.error = error


def services() -> tuple[str, ...]:
    """Name the services whose operations can be told apart, as IAM prefixes."""
    return tuple(_MODELS)


@cache
def known(service: str) -> frozenset[str]:
    """Name every operation of a service; empty for one that cannot be told apart."""
    return frozenset(
        name for model in _MODELS.get(service, ()) for name in _model(model).operation_names
    )


@cache
def values(service: str, shape: str) -> tuple[str, ...]:
    """List the values that an enumeration of a service's model has."""
    return tuple(_model(_MODELS[service][0]).shape_for(shape).enum)


def target_prefix(service: str, name: str) -> str:
    """Name the prefix of ``X-Amz-Target`` for an operation of a service that speaks JSON."""
    for model in map(_model, _MODELS[service]):
        if name in model.operation_names:
            return str(model.metadata["targetPrefix"])
    raise LookupError(f"{service}:{name} is no operation.")


def json_version(service: str) -> str:
    """Tell the version of the JSON protocol that a service speaks."""
    return str(_model(_MODELS[service][0]).metadata.get("jsonVersion", "1.1"))


@cache
def _model(name: str) -> ServiceModel:
    return botocore.session.Session().get_service_model(name)


def identify(request: Request) -> Operation | None:
    """Say which operation a request is, or None for one that is of none of `services`."""
    credential = request.headers.get("authorization") or request.query.get("X-Amz-Credential", "")
    signed = _CREDENTIAL.search(credential)
    access_key_id, region, scope = signed.groups() if signed else ("", "", "")
    found = (
        _by_target(request)
        or _by_action(request, scope)
        or _by_rpc(request)
        or _by_path(request, scope)
    )
    if found is None:
        return None
    service, name, protocol = found
    if name not in known(service):
        return None
    content_type = request.headers.get("content-type", "")
    return Operation(
        service=service,
        name=name,
        protocol=protocol,
        version="1.0" if content_type.endswith("1.0") else "1.1",
        access_key_id=access_key_id,
        region=region,
    )


def error_answer(operation: Operation, error: ServiceError) -> Answer:
    """Write an error as the operation's service would."""
    request_id = str(uuid.uuid4())
    if operation.protocol is Protocol.QUERY:
        return Answer(
            status=error.status,
            headers=[("content-type", "text/xml"), ("x-amzn-requestid", request_id)],
            body=(
                f'<ErrorResponse xmlns="{_namespace(operation.service)}"><Error>'
                f"<Type>{'Sender' if error.status < 500 else 'Receiver'}</Type>"
                f"<Code>{escape(error.query_code or error.code)}</Code>"
                f"<Message>{escape(error.message)}</Message>"
                f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            ).encode(),
        )
    if operation.protocol is Protocol.REST_XML:
        return Answer(
            status=error.status,
            headers=[("content-type", "application/xml"), ("x-amz-request-id", request_id)],
            body=(
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Error><Code>{escape(error.code)}</Code>"
                f"<Message>{escape(error.message)}</Message>"
                f"<RequestId>{request_id}</RequestId></Error>"
            ).encode(),
        )
    if operation.protocol is Protocol.CBOR:
        return Answer(
            status=error.status,
            headers=[("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")],
            body=_cbor({"__type": error.code, "message": error.message}),
        )
    rest = operation.protocol is Protocol.REST_JSON
    payload: dict[str, object] = {"message": error.message, **dict(error.members)}
    if not rest:
        payload = {"__type": error.code, **payload}
    answer = json_answer(payload, status=error.status, version=None if rest else operation.version)
    answer.headers += [("x-amzn-requestid", request_id), ("x-amzn-errortype", error.code)]
    if operation.service in _QUERY_COMPATIBLE and error.query_code:
        answer.headers.append(("x-amzn-query-error", f"{error.query_code};Sender"))
    return answer


def _cbor(texts: dict[str, str]) -> bytes:
    """Write a map of up to 23 texts in CBOR. Source: RFC 8949, section 3.1."""
    mapping, text, length_of_two_bytes = 0xA0, 0x60, 25
    written = bytes([mapping | len(texts)])
    for part in (part.encode() for pair in texts.items() for part in pair):
        written += bytes([text | length_of_two_bytes]) + len(part).to_bytes(2, "big") + part
    return written


def _by_target(request: Request) -> tuple[str, str, Protocol] | None:
    prefix, _, name = request.headers.get("x-amz-target", "").rpartition(".")
    service = _targets().get(prefix)
    return (service, name, Protocol.JSON) if service else None


def _by_action(request: Request, scope: str) -> tuple[str, str, Protocol] | None:
    service = _SIGNED_AS.get(scope, scope)
    action = request.form().get("Action") if service in _MODELS else None
    return (service, action, Protocol.QUERY) if action else None


def _by_rpc(request: Request) -> tuple[str, str, Protocol] | None:
    """Recognise CloudWatch's third protocol, in which newer SDKs of other languages speak."""
    if "smithy-protocol" not in request.headers:
        return None
    match request.path.split("/"):
        case ["", "service", prefix, "operation", name] if prefix in _targets():
            return _targets()[prefix], name, Protocol.CBOR
    return None


def _by_path(request: Request, scope: str) -> tuple[str, str, Protocol] | None:
    # A path of S3 may be any, so that only the signature tells.
    service = "s3" if scope == "s3" else "lambda"
    for route in _routes(service):
        if route.fits(request):
            protocol = Protocol.REST_XML if service == "s3" else Protocol.REST_JSON
            return service, route.name, protocol
    return None


@cache
def _targets() -> dict[str, str]:
    return {
        prefix: service
        for service, models in _MODELS.items()
        for model in models
        if (prefix := _model(model).metadata.get("targetPrefix"))
    }


@cache
def _namespace(service: str) -> str:
    return str(_model(_MODELS[service][0]).metadata.get("xmlNamespace", ""))


@cache
def _routes(service: str) -> list[Route]:
    return routes(_model(_MODELS[service][0]))
