"""Application Auto Scaling and Service Quotas, neither of which the emulator has.

In: a `Call` of service ``application-autoscaling`` or ``servicequotas``. Out: its answer. Targets
and policies are kept and told, but nothing is ever scaled; the quotas are the few that runbooks
read. Any other operation is refused by name. Must not know the tables and functions that are meant.

Source: Application Auto Scaling and Service Quotas API references; botocore's models.
"""

import uuid
from typing import Any

from opslib.sandbox.calls import Call
from opslib.sandbox.clock import Clock
from opslib.sandbox.operations import Refused, ServiceError
from opslib.sandbox.wire import Answer, json_answer

_Key = tuple[str, ...]
_LISTED_LIMIT = 50
# Code, name, value, unit, and whether it can be raised: the defaults of a new account.
_QUOTAS = {
    "lambda": (
        ("L-B99A9384", "Concurrent executions", 1000.0, "None", True),
        ("L-2ACBD22F", "Function and layer storage", 75.0, "Gigabytes", True),
    ),
}
_NAMES = {"lambda": "AWS Lambda"}


class ScalingCalls:
    """Keeps scalable targets and scaling policies, each account's and region's own."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._targets: dict[_Key, dict[str, Any]] = {}
        self._policies: dict[_Key, dict[str, Any]] = {}

    async def answer(self, call: Call) -> Answer | None:
        """Answer, or refuse."""
        body = call.request.json()
        match call.operation.name:
            case "RegisterScalableTarget":
                payload = self._register(call, body)
            case "DeregisterScalableTarget":
                payload = self._deregister(call, body)
            case "DescribeScalableTargets":
                wanted = body.get("ResourceIds")
                found = [
                    target
                    for target in _of(call, self._targets, body)
                    if wanted is None or target["ResourceId"] in wanted
                ]
                payload = _page("ScalableTargets", found, body)
            case "PutScalingPolicy":
                payload = self._put_policy(call, body)
            case "DeleteScalingPolicy":
                payload = self._delete_policy(call, body)
            case "DescribeScalingPolicies":
                wanted = body.get("PolicyNames")
                found = [
                    policy
                    for policy in _of(call, self._policies, body)
                    if wanted is None or policy["PolicyName"] in wanted
                ]
                payload = _page("ScalingPolicies", found, body)
            case "DescribeScalingActivities":
                payload = {"ScalingActivities": []}
            case "DescribeScheduledActions":
                payload = {"ScheduledActions": []}
            case _:
                raise _unsupported(call)
        return json_answer(payload, version=call.operation.version)

    def _register(self, call: Call, body: dict[str, Any]) -> dict[str, Any]:
        key = _key(call, body)
        arn = f"arn:aws:application-autoscaling:{call.region}:{call.account}:scalable-target/"
        new = {
            "CreationTime": self._clock.now().timestamp(),
            "ScalableTargetARN": f"{arn}{uuid.uuid4().hex}",
            "SuspendedState": {},
        }
        target: dict[str, Any] = new | self._targets.get(key, {})
        target |= {name: value for name, value in body.items() if name != "Tags"}
        if "MinCapacity" not in target or "MaxCapacity" not in target:
            raise _invalid("MinCapacity and MaxCapacity are needed of a new scalable target.")
        if target["MinCapacity"] > target["MaxCapacity"]:
            raise _invalid("Minimum capacity cannot be greater than maximum capacity")
        self._targets[key] = target
        return {"ScalableTargetARN": target["ScalableTargetARN"]}

    def _deregister(self, call: Call, body: dict[str, Any]) -> dict[str, Any]:
        key = _key(call, body)
        self._target(key)
        del self._targets[key]
        for name in [name for name in self._policies if name[: len(key)] == key]:
            del self._policies[name]
        return {}

    def _put_policy(self, call: Call, body: dict[str, Any]) -> dict[str, Any]:
        key = _key(call, body)
        self._target(key)
        named = (*key, str(body.get("PolicyName")))
        arn = f"arn:aws:autoscaling:{call.region}:{call.account}:scalingPolicy:{uuid.uuid4()}"
        new = {
            "CreationTime": self._clock.now().timestamp(),
            "PolicyARN": f"{arn}:resource/{key[2]}/{key[3]}:policyName/{named[-1]}",
            "PolicyType": "StepScaling",
        }
        self._policies[named] = new | self._policies.get(named, {}) | body
        return {"PolicyARN": self._policies[named]["PolicyARN"], "Alarms": []}

    def _delete_policy(self, call: Call, body: dict[str, Any]) -> dict[str, Any]:
        named = (*_key(call, body), str(body.get("PolicyName")))
        if self._policies.pop(named, None) is None:
            raise _no_object("No scaling policy found for the name that was given.")
        return {}

    def _target(self, key: _Key) -> dict[str, Any]:
        if key not in self._targets:
            raise _no_object(
                f"No scalable target registered for service namespace: {key[2]}, resource ID: "
                f"{key[3]}, scalable dimension: {key[4]}"
            )
        return self._targets[key]


class QuotaCalls:
    """Tells quotas, applied and default alike."""

    async def answer(self, call: Call) -> Answer | None:
        """Answer, or refuse."""
        body = call.request.json()
        service = str(body.get("ServiceCode"))
        if service not in _QUOTAS:
            raise _no_resource()
        quotas = [_quota(call, service, *listed) for listed in _QUOTAS[service]]
        match call.operation.name:
            case "ListServiceQuotas" | "ListAWSDefaultServiceQuotas":
                return json_answer({"Quotas": quotas}, version=call.operation.version)
            case "GetServiceQuota" | "GetAWSDefaultServiceQuota":
                for quota in quotas:
                    if quota["QuotaCode"] == body.get("QuotaCode"):
                        return json_answer({"Quota": quota}, version=call.operation.version)
                raise _no_resource()
        raise _unsupported(call)


def _quota(
    call: Call, service: str, code: str, name: str, value: float, unit: str, adjustable: bool
) -> dict[str, Any]:
    return {
        "ServiceCode": service,
        "ServiceName": _NAMES[service],
        "QuotaArn": f"arn:aws:servicequotas:{call.region}:{call.account}:{service}/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": unit,
        "Adjustable": adjustable,
        "GlobalQuota": False,
    }


def _key(call: Call, body: dict[str, Any]) -> _Key:
    parts = [body.get(name) for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")]
    if not all(parts):
        raise _invalid("ServiceNamespace, ResourceId and ScalableDimension are needed.")
    return (call.account, call.region, *map(str, parts))


def _of(call: Call, kept: dict[_Key, dict[str, Any]], body: dict[str, Any]) -> list[dict[str, Any]]:
    """List what fits the request, in the order in which it was made."""
    place = (call.account, call.region, str(body.get("ServiceNamespace")))
    return [
        each
        for key, each in kept.items()
        if key[:3] == place
        and body.get("ResourceId") in (None, key[3])
        and body.get("ScalableDimension") in (None, key[4])
    ]


def _page(name: str, found: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
    token = str(body.get("NextToken") or "0")
    if not token.isdigit():
        raise Refused(
            ServiceError(code="InvalidNextTokenException", message="The next token is not valid.")
        )
    first, most = int(token), int(body.get("MaxResults") or _LISTED_LIMIT)
    payload: dict[str, Any] = {name: found[first : first + most]}
    return payload | ({"NextToken": str(first + most)} if first + most < len(found) else {})


def _unsupported(call: Call) -> Refused:
    return Refused(
        ServiceError(
            code="UnsupportedOperation",
            message=f"The sandbox does not answer {call.operation.action}.",
        )
    )


def _invalid(message: str) -> Refused:
    return Refused(ServiceError(code="ValidationException", message=message))


def _no_object(message: str) -> Refused:
    return Refused(ServiceError(code="ObjectNotFoundException", message=message))


def _no_resource() -> Refused:
    return Refused(
        ServiceError(
            code="NoSuchResourceException",
            message="The request failed because the specified service or quota does not exist.",
        )
    )
