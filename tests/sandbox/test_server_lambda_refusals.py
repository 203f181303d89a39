"""What Lambda refuses is refused, in its words; what it takes is taken."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox
from sandbox import functions

_ARN = "arn:aws:lambda:us-east-1:000000000000:function:orders"
_SOURCE = "def handler(event, context): return event"


@pytest.fixture
def lambda_(empty: Sandbox) -> Any:
    """A client, with a function ``orders`` that has version 1 and alias ``live``."""
    functions.make(empty, "orders", source=_SOURCE)
    client = empty.client("lambda")
    client.publish_version(FunctionName="orders")
    client.create_alias(FunctionName="orders", Name="live", FunctionVersion="1")
    return client


def _refused(call: Callable[..., object], **arguments: object) -> tuple[str, int, str]:
    """Give code, HTTP status and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def test_provisioned_concurrency_is_for_versions_and_aliases_of_versions_only(lambda_: Any) -> None:
    lambda_.create_alias(FunctionName="orders", Name="newest", FunctionVersion="$LATEST")
    expected = (
        "InvalidParameterValueException",
        400,
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
    )

    put = lambda_.put_provisioned_concurrency_config
    wanted = {"FunctionName": "orders", "ProvisionedConcurrentExecutions": 2}
    of_latest = _refused(put, **wanted, Qualifier="$LATEST")
    of_an_alias_of_latest = _refused(put, **wanted, Qualifier="newest")
    of_an_alias = put(**wanted, Qualifier="live")

    assert of_latest == of_an_alias_of_latest == expected
    assert of_an_alias["RequestedProvisionedConcurrentExecutions"] == 2


def test_provisioned_concurrency_is_listed_by_pages_with_the_arn_of_each(lambda_: Any) -> None:
    for qualifier, executions in (("live", 2), ("1", 3)):
        lambda_.put_provisioned_concurrency_config(
            FunctionName="orders",
            Qualifier=qualifier,
            ProvisionedConcurrentExecutions=executions,
        )

    whole = lambda_.list_provisioned_concurrency_configs(FunctionName=_ARN)
    first = lambda_.list_provisioned_concurrency_configs(FunctionName="orders", MaxItems=1)
    second = lambda_.list_provisioned_concurrency_configs(
        FunctionName="orders", MaxItems=1, Marker=first["NextMarker"]
    )

    listed = [
        (config["FunctionArn"], config["RequestedProvisionedConcurrentExecutions"])
        for config in whole["ProvisionedConcurrencyConfigs"]
    ]
    pages = first["ProvisionedConcurrencyConfigs"] + second["ProvisionedConcurrencyConfigs"]
    assert listed == [(f"{_ARN}:1", 3), (f"{_ARN}:live", 2)]
    assert [config["FunctionArn"] for config in pages] == [f"{_ARN}:1", f"{_ARN}:live"]
    assert "NextMarker" not in second


def test_provisioned_concurrency_stays_within_what_is_reserved(lambda_: Any) -> None:
    lambda_.put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=5)

    put = lambda_.put_provisioned_concurrency_config
    wanted = {"FunctionName": "orders", "Qualifier": "live"}
    too_much = _refused(put, **wanted, ProvisionedConcurrentExecutions=6)
    within = put(**wanted, ProvisionedConcurrentExecutions=5)

    assert too_much == (
        "InvalidParameterValueException",
        400,
        "Requested Provisioned Concurrency should not be greater than the "
        "reservedConcurrentExecution for function",
    )
    assert within["RequestedProvisionedConcurrentExecutions"] == 5


def test_an_alias_of_a_version_that_is_missing_is_refused(lambda_: Any) -> None:
    expected = ("ResourceNotFoundException", 404, f"Function not found: {_ARN}:77")
    weights = {"AdditionalVersionWeights": {"77": 0.1}}

    created = _refused(
        lambda_.create_alias, FunctionName="orders", Name="next", FunctionVersion="77"
    )
    updated = _refused(
        lambda_.update_alias, FunctionName="orders", Name="live", FunctionVersion="77"
    )
    weighted = _refused(
        lambda_.update_alias, FunctionName="orders", Name="live", RoutingConfig=weights
    )

    live = lambda_.get_alias(FunctionName="orders", Name="live")
    assert created == updated == weighted == expected
    assert live["FunctionVersion"] == "1"
    assert "RoutingConfig" not in live


@pytest.mark.parametrize(
    ("setting", "constraint"),
    [
        (
            {"Timeout": 901},
            "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: "
            "Member must have value less than or equal to 900",
        ),
        (
            {"MemorySize": 10_241},
            "1 validation error detected: Value '10241' at 'memorySize' failed to satisfy "
            "constraint: Member must have value less than or equal to 10240",
        ),
        (
            {"Timeout": 5000, "MemorySize": 30_000},
            "2 validation errors detected: Value '5000' at 'timeout' failed to satisfy "
            "constraint: Member must have value less than or equal to 900; Value '30000' at "
            "'memorySize' failed to satisfy constraint: Member must have value less than or equal "
            "to 10240",
        ),
    ],
    ids=["timeout", "memory", "both"],
)
def test_settings_out_of_range_are_refused_of_new_and_of_old_functions(
    lambda_: Any, setting: dict[str, int], constraint: str
) -> None:
    updated = _refused(lambda_.update_function_configuration, FunctionName="orders", **setting)
    created = _refused(
        lambda_.create_function,
        FunctionName="other",
        Runtime="python3.12",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": functions.package(_SOURCE)},
        **setting,
    )

    now = lambda_.get_function_configuration(FunctionName="orders")
    assert updated == created == ("ValidationException", 400, constraint)
    assert (now["Timeout"], now["MemorySize"]) == (10, 128)


def test_settings_at_the_ends_of_their_ranges_are_taken(lambda_: Any) -> None:
    changed = lambda_.update_function_configuration(
        FunctionName="orders", Timeout=900, MemorySize=10_240
    )

    assert (changed["Timeout"], changed["MemorySize"]) == (900, 10_240)


def test_a_hundred_executions_of_the_account_stay_unreserved(empty: Sandbox, lambda_: Any) -> None:
    functions.make(empty, "bills", source=_SOURCE)
    lambda_.put_function_concurrency(FunctionName="bills", ReservedConcurrentExecutions=200)

    put = lambda_.put_function_concurrency
    too_much = _refused(put, FunctionName="orders", ReservedConcurrentExecutions=701)
    most = put(FunctionName="orders", ReservedConcurrentExecutions=700)
    again = put(FunctionName="orders", ReservedConcurrentExecutions=650)
    limit = lambda_.get_account_settings()["AccountLimit"]

    assert too_much == (
        "InvalidParameterValueException",
        400,
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100].",
    )
    assert most["ReservedConcurrentExecutions"] == 700
    assert again["ReservedConcurrentExecutions"] == 650
    assert limit["ConcurrentExecutions"] == 1000
    assert limit["UnreservedConcurrentExecutions"] == 150


def test_a_second_update_waits_for_the_first_and_the_function_stays_active(lambda_: Any) -> None:
    first = lambda_.update_function_configuration(FunctionName="orders", MemorySize=256)

    expected = (
        "ResourceConflictException",
        409,
        "The operation cannot be performed at this time. An update is in progress for resource: "
        + _ARN,
    )
    configured = _refused(lambda_.update_function_configuration, FunctionName=_ARN, MemorySize=512)
    deployed = _refused(
        lambda_.update_function_code,
        FunctionName="orders",
        ZipFile=functions.package(_SOURCE),
    )
    published = _refused(lambda_.publish_version, FunctionName="orders")
    read = lambda_.get_function(FunctionName="orders")["Configuration"]
    functions.settle(lambda_, "orders")
    second = lambda_.update_function_configuration(FunctionName="orders", MemorySize=512)

    assert configured == deployed == published == expected
    assert (first["State"], first["LastUpdateStatus"]) == ("Active", "InProgress")
    assert (read["State"], read["LastUpdateStatus"]) == ("Active", "InProgress")
    assert "StateReasonCode" not in read
    assert (read["MemorySize"], second["MemorySize"]) == (256, 512)


def test_a_function_that_is_being_created_is_pending_and_cannot_be_changed(empty: Sandbox) -> None:
    client = empty.client("lambda")

    created = client.create_function(
        FunctionName="orders",
        Runtime="python3.12",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": functions.package(_SOURCE)},
    )
    changed = _refused(client.update_function_configuration, FunctionName="orders", MemorySize=256)

    assert created["State"] == "Pending"
    assert changed == (
        "ResourceConflictException",
        409,
        "The operation cannot be performed at this time. The function is currently in the "
        "following state: Pending",
    )


def test_a_queue_gives_more_than_ten_messages_only_with_a_window(
    empty: Sandbox, lambda_: Any
) -> None:
    sqs = empty.client("sqs")
    sqs.create_queue(QueueName="orders")
    sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})
    arn = "arn:aws:sqs:us-east-1:000000000000:orders"
    create = lambda_.create_event_source_mapping

    without = _refused(create, FunctionName="orders", EventSourceArn=arn, BatchSize=11)
    of_fifo = _refused(
        create,
        FunctionName="orders",
        EventSourceArn=f"{arn}.fifo",
        BatchSize=11,
        MaximumBatchingWindowInSeconds=1,
    )
    made = create(FunctionName="orders", EventSourceArn=arn, BatchSize=10, Enabled=False)

    assert without == (
        "InvalidParameterValueException",
        400,
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater "
        "than 10",
    )
    assert of_fifo[:2] == ("InvalidParameterValueException", 400)
    assert made["BatchSize"] == 10
    lambda_.delete_function(FunctionName="orders")
