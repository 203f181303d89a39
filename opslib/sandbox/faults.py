"""Failures and delays on demand: how a test or a scenario makes AWS refuse, throttle or dawdle.

In: orders through the control endpoint ``/_opslib/faults``. Out: for each call, how long it waits
and the error it gets. Must not know the emulator.

The wording is AWS's: that of an identity-based denial names user, action and, where the service
does, the resource. Source: IAM user guide, "Troubleshoot access denied error messages"; messages
that the services return, as quoted in public reports; SQS alone writes the action in lower case.
"""

from dataclasses import dataclass, field

from opslib.errors import BadInput
from opslib.sandbox.operations import Operation, Protocol, ServiceError, known, services
from opslib.sandbox.wire import Request

QUERY_EXECUTION = "logs:QueryExecution"
"""No operation of AWS: the evaluation of a query, between StartQuery and its end. Delayed, it is
seen ``Running``, without rows. A code says how the delay is spent instead, ``Scheduled`` or
``Running`` with the rows of the newer half of the events, or how the query ends after it."""
QUERY_CODES = frozenset({"Scheduled", "Running", "Failed", "Timeout", "Cancelled", "Unknown"})

METRIC_DATA = "cloudwatch:GetMetricData"
STATUS_CODES = frozenset({"PartialData", "InternalError", "Forbidden"})
"""Codes that GetMetricData says within a successful answer, of each result."""

_PAID_BY_CAPACITY = frozenset(
    f"dynamodb:{name}"
    for name in (
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    )
)
_XML = frozenset({Protocol.QUERY, Protocol.REST_XML})
_NO_RESOURCE = frozenset({"cloudwatch:GetMetricData", "cloudwatch:ListMetrics"})


@dataclass(kw_only=True)
class Fault:
    """One order.

    ``left`` is how many calls it still touches, None for all; ``latency_ms`` how long each waits;
    ``caller`` the role session of a function: no call but a function's is touched then.
    """

    operation: str
    code: str | None = None
    left: int | None = None
    latency_ms: int = 0
    caller: str | None = None


@dataclass
class Faults:
    """The orders that stand."""

    _standing: dict[str, Fault] = field(default_factory=dict)

    def order(self, body: object) -> None:
        """Take an order as the control endpoint receives it.

        Raises
        ------
        BadInput
            It is not an order, or names no operation that can be told apart.
        """
        match body:
            case {
                "operation": str(operation),
                "code": str() | None as code,
                "times": int() | None as times,
                "latency_ms": int(latency_ms),
                "caller": str() | None as caller,
            } if (times is None or times > 0) and latency_ms >= 0:
                wanted = Fault(
                    operation=operation,
                    code=code,
                    left=times,
                    latency_ms=latency_ms,
                    caller=caller,
                )
            case _:
                raise BadInput(
                    "No fault was set: an order has operation (text), code (text or null), times "
                    "(1 or more, or null for all), latency_ms (0 or more) and caller (an ARN, or "
                    "null for whoever calls)."
                )
        service, _, name = wanted.operation.partition(":")
        if wanted.operation != QUERY_EXECUTION and name not in known(service) | {"*"}:
            raise BadInput(
                f"No fault was set: {wanted.operation!r} is no operation the sandbox can tell "
                f"apart. Name it as IAM does, of one of: {', '.join(services())}.",
                operation=wanted.operation,
            )
        if wanted.operation == QUERY_EXECUTION and wanted.code not in (None, *QUERY_CODES):
            raise BadInput(
                f"No fault was set: {wanted.code} is no status of a query, which has "
                f"{', '.join(sorted(QUERY_CODES))}.",
                operation=wanted.operation,
            )
        if wanted.code in STATUS_CODES and wanted.operation != METRIC_DATA:
            raise BadInput(
                f"No fault was set: {wanted.code} is what {METRIC_DATA} says of a result, and "
                f"nothing of {wanted.operation}.",
                operation=wanted.operation,
            )
        if service not in services():
            raise BadInput(f"No fault was set: {service!r} is none of {', '.join(services())}.")
        self._standing[wanted.operation] = wanted

    def clear(self) -> None:
        """Forget every order."""
        self._standing.clear()

    def take(self, action: str, *, of_function: bool = False) -> Fault | None:
        """Hand over the fault that touches this call, and count the call.

        Parameters
        ----------
        action
            As IAM writes it. Its own order goes before one for the whole service.
        of_function
            Whether a function makes the call.
        """
        service = action.partition(":")[0]
        for key in (action, f"{service}:*"):
            fault = self._standing.get(key)
            if fault is None or (key != action and action == QUERY_EXECUTION):
                continue
            if fault.caller and not of_function:
                continue
            if fault.left is not None:
                fault.left -= 1
                if fault.left <= 0:
                    del self._standing[key]
            return fault
        return None


def error(
    operation: Operation,
    code: str,
    *,
    request: Request,
    account: str,
    caller: str | None = None,
) -> ServiceError:
    """Make the error of a fault in the service's own words.

    Parameters
    ----------
    code
        ``AccessDenied``, ``Throttling`` or ``ExpiredToken``; any other is answered as it stands.
    caller
        ARN of whom a denial names; the account's root when None.
    """
    if code == "AccessDenied":
        caller = caller or f"arn:aws:iam::{account}:root"
        return _denied(operation, request=request, account=account, caller=caller)
    if code == "Throttling":
        return _throttled(operation, account=account)
    if code == "ExpiredToken":
        return _expired(operation)
    return ServiceError(code=code, message="Answered so by order of the sandbox.", query_code=code)


def _expired(operation: Operation) -> ServiceError:
    if operation.protocol is Protocol.REST_XML:
        return ServiceError(code="ExpiredToken", message="The provided token has expired.")
    return ServiceError(
        code="ExpiredToken" if operation.protocol is Protocol.QUERY else "ExpiredTokenException",
        query_code="ExpiredToken",
        message="The security token included in the request is expired",
        status=400 if operation.protocol is Protocol.JSON else 403,
    )


def _denied(operation: Operation, *, request: Request, account: str, caller: str) -> ServiceError:
    action = operation.permission.lower() if operation.service == "sqs" else operation.permission
    resource = _resource(operation, request=request, account=account)
    place = f" on resource: {resource}" if resource else ""
    reason = f"because no identity-based policy allows the {action} action"
    if operation.service == "sts":
        reason = "with an explicit deny in an identity-based policy"
    return ServiceError(
        code="AccessDenied" if operation.protocol in _XML else "AccessDeniedException",
        query_code="AccessDenied",
        message=f"User: {caller} is not authorized to perform: {action}{place} {reason}",
        status=400 if operation.protocol is Protocol.JSON else 403,
    )


def _throttled(operation: Operation, *, account: str) -> ServiceError:
    if operation.service == "s3":
        return ServiceError(code="SlowDown", message="Please reduce your request rate.", status=503)
    if operation.service == "lambda":
        members = (("Reason", "CallerRateLimitExceeded"), ("Type", "User"))
        return ServiceError(
            code="TooManyRequestsException", message="Rate exceeded", status=429, members=members
        )
    if operation.action in _PAID_BY_CAPACITY:
        return ServiceError(
            code="ProvisionedThroughputExceededException",
            message="The level of configured provisioned throughput for the table was exceeded. "
            "Consider increasing your provisioning level with the UpdateTable API.",
        )
    if operation.service == "kinesis":
        limited = operation.name in ("GetRecords", "PutRecord", "PutRecords")
        return ServiceError(
            code="ProvisionedThroughputExceededException" if limited else "LimitExceededException",
            message=f"Rate exceeded for stream under account {account}.",
        )
    if operation.service == "sqs":
        code = "RequestThrottled"
        return ServiceError(code=code, message="Request is throttled.", query_code=code)
    query = operation.protocol is Protocol.QUERY
    return ServiceError(
        code="Throttling" if query else "ThrottlingException",
        query_code="Throttling",
        message="Rate exceeded",
    )


def _resource(operation: Operation, *, request: Request, account: str) -> str | None:
    """Name the resource as the service does in a denial; None where it names none."""
    if operation.action in _NO_RESOURCE or operation.protocol is Protocol.QUERY:
        return None
    if operation.service == "s3":
        # S3 alone puts the resource in quotation marks.
        path = request.path.strip("/")
        return f'"arn:aws:s3:::{path}"' if path else None
    arn = f"arn:aws:{operation.service}:{operation.region}:{account}"
    if operation.service == "lambda":
        parts = request.path.split("/")
        return f"{arn}:function:{parts[3]}" if len(parts) > 3 and parts[3] else None
    try:
        body = request.json()
    except ValueError:
        return None
    if operation.service == "logs":
        name = body.get("logGroupName") or next(iter(body.get("logGroupNames") or ()), "")
        name = name or next(iter(body.get("logGroupIdentifiers") or ()), "")
        return name if name.startswith("arn:") else f"{arn}:log-group:{name}:log-stream:"
    if operation.service == "dynamodb" and "TableName" in body:
        return f"{arn}:table/{body['TableName']}"
    if operation.service == "sqs":
        queue = body.get("QueueName") or body.get("QueueUrl", "").rpartition("/")[2]
        return f"{arn}:{queue}" if queue else None
    if operation.service == "kinesis" and "StreamName" in body:
        return f"{arn}:stream/{body['StreamName']}"
    return None
