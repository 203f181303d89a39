"""Scalable targets and quotas are told, though the emulator has neither service."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox

_WRITES = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/orders",
    "ScalableDimension": "dynamodb:table:WriteCapacityUnits",
}
_TRACKING = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "DynamoDBWriteCapacityUtilization",
    },
}


@pytest.fixture
def scaling(empty: Sandbox) -> Any:
    """A client, with one target registered for the writes of a table."""
    client = empty.client("application-autoscaling")
    client.register_scalable_target(**_WRITES, MinCapacity=5, MaxCapacity=50)
    return client


def test_a_target_is_described_as_it_was_registered_last(scaling: Any) -> None:
    scaling.register_scalable_target(**_WRITES, MaxCapacity=80)

    (target,) = scaling.describe_scalable_targets(
        ServiceNamespace="dynamodb", ResourceIds=["table/orders"]
    )["ScalableTargets"]
    of_lambda = scaling.describe_scalable_targets(ServiceNamespace="lambda")["ScalableTargets"]

    assert (target["MinCapacity"], target["MaxCapacity"]) == (5, 80)
    assert target["ScalableDimension"] == "dynamodb:table:WriteCapacityUnits"
    assert target["CreationTime"] == datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
    assert of_lambda == []


def test_a_policy_goes_with_its_target(scaling: Any) -> None:
    scaling.put_scaling_policy(
        **_WRITES,
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=_TRACKING,
    )

    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    scaling.deregister_scalable_target(**_WRITES)
    after = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]

    assert policy["TargetTrackingScalingPolicyConfiguration"] == _TRACKING
    assert policy["PolicyARN"].endswith(":resource/dynamodb/table/orders:policyName/track")
    assert after == []


def test_targets_come_in_pages_and_nothing_was_ever_scaled(scaling: Any) -> None:
    reads = _WRITES | {"ScalableDimension": "dynamodb:table:ReadCapacityUnits"}
    scaling.register_scalable_target(**reads, MinCapacity=1, MaxCapacity=2)

    pages = [
        [target["MinCapacity"] for target in page["ScalableTargets"]]
        for page in scaling.get_paginator("describe_scalable_targets").paginate(
            ServiceNamespace="dynamodb", PaginationConfig={"PageSize": 1}
        )
    ]
    activities = scaling.describe_scaling_activities(ServiceNamespace="dynamodb")

    assert pages == [[5], [1]]
    assert activities["ScalingActivities"] == []


def test_what_was_not_registered_cannot_be_scaled_or_taken_back(scaling: Any) -> None:
    nobody = _WRITES | {"ResourceId": "table/none"}

    with pytest.raises(ClientError) as of_a_policy:
        scaling.put_scaling_policy(**nobody, PolicyName="track")
    with pytest.raises(ClientError) as of_a_target:
        scaling.deregister_scalable_target(**nobody)
    with pytest.raises(ClientError) as unsupported:
        scaling.put_scheduled_action(**_WRITES, ScheduledActionName="nightly")

    sentence = (
        "No scalable target registered for service namespace: dynamodb, resource ID: table/none, "
        "scalable dimension: dynamodb:table:WriteCapacityUnits"
    )
    for caught in (of_a_policy, of_a_target):
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("ObjectNotFoundException", sentence)
    assert unsupported.value.response["Error"]["Message"] == (
        "The sandbox does not answer application-autoscaling:PutScheduledAction."
    )


def test_the_quota_of_concurrent_executions_is_the_one_that_lambda_keeps_to(
    empty: Sandbox,
) -> None:
    quotas = empty.client("service-quotas")

    one = quotas.get_service_quota(ServiceCode="lambda", QuotaCode="L-B99A9384")["Quota"]
    listed = quotas.list_service_quotas(ServiceCode="lambda")["Quotas"]
    with pytest.raises(ClientError) as none:
        quotas.get_service_quota(ServiceCode="lambda", QuotaCode="L-00000000")
    limit = empty.client("lambda").get_account_settings()["AccountLimit"]

    assert (one["QuotaName"], one["Value"]) == ("Concurrent executions", 1000.0)
    assert one["Value"] == limit["ConcurrentExecutions"]
    assert one in listed
    assert none.value.response["Error"]["Code"] == "NoSuchResourceException"


def test_a_fault_can_be_ordered_for_either(empty: Sandbox) -> None:
    empty.set_fault("application-autoscaling:DescribeScalableTargets", code="AccessDenied")

    with pytest.raises(ClientError) as caught:
        empty.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="dynamodb"
        )

    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
