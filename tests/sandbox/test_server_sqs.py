"""Message move tasks, the sources of a dead-letter queue and purges answer as SQS does."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib.sandbox.api import Sandbox

_ARN = "arn:aws:sqs:us-east-1:000000000000:"


@pytest.fixture
def sqs(empty: Sandbox) -> Any:
    """Two queues, ``orders`` and ``bills``, whose dead letters go to ``dead``; and ``aside``."""
    client = empty.client("sqs")
    client.create_queue(QueueName="dead")
    client.create_queue(QueueName="aside")
    for name in ("orders", "bills"):
        policy = {"deadLetterTargetArn": _ARN + "dead", "maxReceiveCount": 1}
        client.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(policy)})
    return client


def _url(sqs: Any, name: str) -> str:
    return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])


def _let_die(sqs: Any, queue: str, *bodies: str) -> list[str]:
    """Send messages and receive them until they are dead letters; give their ids."""
    url = _url(sqs, queue)
    ids = []
    for body in bodies:
        attributes = {"tenant": {"DataType": "String", "StringValue": "a"}}
        sent = sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
        ids.append(sent["MessageId"])
    for _ in bodies:
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    sqs.receive_message(QueueUrl=url)
    return ids


def _count(sqs: Any, queue: str) -> int:
    """Count the messages of a queue, those in flight too."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = sqs.get_queue_attributes(QueueUrl=_url(sqs, queue), AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def _held(sqs: Any, queue: str) -> list[dict[str, Any]]:
    """Receive all messages of a queue, sorted by body."""
    answer = sqs.receive_message(
        QueueUrl=_url(sqs, queue),
        MaxNumberOfMessages=10,
        AttributeNames=["All"],
        MessageAttributeNames=["All"],
    )
    return sorted(answer.get("Messages", []), key=lambda message: str(message["Body"]))


def _ended(sqs: Any) -> dict[str, Any]:
    """Wait until the newest task from ``dead`` is over, and give it."""

    def newest() -> dict[str, Any]:
        task: dict[str, Any] = sqs.list_message_move_tasks(SourceArn=_ARN + "dead")["Results"][0]
        return task

    _wait_for(lambda: newest()["Status"] not in ("RUNNING", "CANCELLING"))
    return newest()


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("It did not come to pass.")
        time.sleep(0.02)


def _refused(call: Callable[..., object], **arguments: object) -> tuple[str, int, str]:
    """Give code, HTTP status and message of the error that a call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def test_a_task_without_destination_moves_each_message_back_to_where_it_died(sqs: Any) -> None:
    old = _let_die(sqs, "orders", "one", "two") + _let_die(sqs, "bills", "three")

    sqs.start_message_move_task(SourceArn=_ARN + "dead")
    task = _ended(sqs)

    orders, bills = _held(sqs, "orders"), _held(sqs, "bills")
    started_ms = task.pop("StartedTimestamp")
    assert task == {
        "Status": "COMPLETED",
        "SourceArn": _ARN + "dead",
        "ApproximateNumberOfMessagesMoved": 3,
        "ApproximateNumberOfMessagesToMove": 3,
    }
    assert started_ms == 1791947220000  # 2026-10-14T03:07:00Z, where the clock stands
    assert [message["Body"] for message in orders] == ["one", "two"]
    assert [message["Body"] for message in bills] == ["three"]
    assert _count(sqs, "dead") == 0
    assert {message["MessageId"] for message in orders + bills}.isdisjoint(old)
    assert orders[0]["MessageAttributes"]["tenant"]["StringValue"] == "a"
    assert orders[0]["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "DeadLetterQueueSourceArn" not in orders[0]["Attributes"]


def test_a_task_with_a_destination_moves_there_at_its_rate_and_can_be_cancelled(sqs: Any) -> None:
    _let_die(sqs, "orders", *(str(number) for number in range(30)))

    began = time.monotonic()
    handle = sqs.start_message_move_task(
        SourceArn=_ARN + "dead", DestinationArn=_ARN + "aside", MaxNumberOfMessagesPerSecond=1
    )["TaskHandle"]
    second = _refused(sqs.start_message_move_task, SourceArn=_ARN + "dead")
    _wait_for(lambda: _count(sqs, "aside") >= 1)
    running = sqs.list_message_move_tasks(SourceArn=_ARN + "dead")["Results"][0]
    cancelled = sqs.cancel_message_move_task(TaskHandle=handle)
    took_s = time.monotonic() - began
    task = _ended(sqs)

    assert running["Status"] == "RUNNING"
    assert running["TaskHandle"] == handle
    assert running["DestinationArn"] == _ARN + "aside"
    assert running["MaxNumberOfMessagesPerSecond"] == 1
    assert running["ApproximateNumberOfMessagesToMove"] == 30
    # The first at once, then one a second, for as long as the machine took over this.
    moved = cancelled["ApproximateNumberOfMessagesMoved"]
    assert 1 <= moved <= 1 + took_s
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("CANCELLED", moved)
    assert "TaskHandle" not in task
    assert (_count(sqs, "dead"), _count(sqs, "aside")) == (30 - moved, moved)
    assert second == (
        "InvalidParameterValue",
        400,
        "There is already a task running. Only one active task is allowed for a source queue arn "
        "at a given time.",
    )
    assert _refused(sqs.cancel_message_move_task, TaskHandle=handle)[0] == "InvalidParameterValue"


def test_a_message_sent_straight_to_the_dead_letters_has_no_way_back(sqs: Any) -> None:
    sqs.send_message(QueueUrl=_url(sqs, "dead"), MessageBody="of a Lambda function")

    sqs.start_message_move_task(SourceArn=_ARN + "dead")
    task = _ended(sqs)

    assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource")
    assert _count(sqs, "dead") == 1


def test_a_task_fails_when_its_destination_is_deleted_and_keeps_what_was_not_moved(
    sqs: Any,
) -> None:
    _let_die(sqs, "orders", "one", "two")
    sqs.start_message_move_task(
        SourceArn=_ARN + "dead", DestinationArn=_ARN + "aside", MaxNumberOfMessagesPerSecond=1
    )

    sqs.delete_queue(QueueUrl=_url(sqs, "aside"))
    task = _ended(sqs)

    assert task["Status"] == "FAILED"
    assert task["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert _count(sqs, "dead") == 2 - task["ApproximateNumberOfMessagesMoved"]


def test_tasks_are_listed_newest_first_one_unless_more_are_asked_for(sqs: Any) -> None:
    for destination in ("orders", "aside", "bills"):
        sqs.start_message_move_task(SourceArn=_ARN + "dead", DestinationArn=_ARN + destination)
        _ended(sqs)

    newest = sqs.list_message_move_tasks(SourceArn=_ARN + "dead")["Results"]
    two = sqs.list_message_move_tasks(SourceArn=_ARN + "dead", MaxResults=2)["Results"]

    assert [task["DestinationArn"] for task in newest] == [_ARN + "bills"]
    assert [task["DestinationArn"] for task in two] == [_ARN + "bills", _ARN + "aside"]


_NO_DLQ = "Source queue must be configured as a Dead Letter Queue."
_GONE = "The resource that you specified for the {} parameter doesn't exist."
_RANGE = "Value for parameter {} is invalid. Reason: You must enter a number that's between 1 and "


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"SourceArn": _ARN + "orders"}, ("InvalidParameterValue", 400, _NO_DLQ)),
        (
            {"SourceArn": _ARN + "none"},
            ("ResourceNotFoundException", 404, _GONE.format("SourceArn")),
        ),
        (
            {"SourceArn": _ARN + "dead", "DestinationArn": _ARN + "none"},
            ("ResourceNotFoundException", 404, _GONE.format("DestinationArn")),
        ),
        (
            {"SourceArn": _ARN + "dead", "MaxNumberOfMessagesPerSecond": 501},
            (
                "InvalidParameterValue",
                400,
                _RANGE.format("MaxNumberOfMessagesPerSecond") + "500.",
            ),
        ),
        (
            {"SourceArn": _ARN + "dead", "MaxNumberOfMessagesPerSecond": 0},
            (
                "InvalidParameterValue",
                400,
                _RANGE.format("MaxNumberOfMessagesPerSecond") + "500.",
            ),
        ),
    ],
    ids=["not a DLQ", "no source", "no destination", "too fast", "too slow"],
)
def test_a_task_that_sqs_would_not_start_is_refused_in_its_words(
    sqs: Any, arguments: dict[str, object], expected: tuple[str, int, str]
) -> None:
    assert _refused(sqs.start_message_move_task, **arguments) == expected


def test_a_handle_of_no_task_and_a_list_too_long_are_refused(sqs: Any) -> None:
    handle = _refused(sqs.cancel_message_move_task, TaskHandle="foobared")
    listed = _refused(sqs.list_message_move_tasks, SourceArn=_ARN + "dead", MaxResults=11)

    assert handle == ("InvalidParameterValue", 400, "Value for parameter TaskHandle is invalid.")
    assert listed == ("InvalidParameterValue", 400, _RANGE.format("MaxResults") + "10.")


def test_a_reset_ends_a_task_that_is_under_way(empty: Sandbox, sqs: Any) -> None:
    _let_die(sqs, "orders", "one", "two", "three")
    sqs.start_message_move_task(
        SourceArn=_ARN + "dead", DestinationArn=_ARN + "aside", MaxNumberOfMessagesPerSecond=1
    )
    _wait_for(lambda: _count(sqs, "aside") > 0)

    empty.forget()
    for name in ("dead", "aside"):
        sqs.create_queue(QueueName=name)
    sqs.send_message(QueueUrl=_url(sqs, "dead"), MessageBody="of the next story")
    # Past the second after which the task would have moved its next message.
    time.sleep(1.3)

    assert (_count(sqs, "dead"), _count(sqs, "aside")) == (1, 0)
    assert sqs.list_message_move_tasks(SourceArn=_ARN + "dead")["Results"] == []


def test_the_sources_of_a_dead_letter_queue_come_in_pages(sqs: Any) -> None:
    dead, endpoint = _url(sqs, "dead"), sqs.meta.endpoint_url

    whole = sqs.list_dead_letter_source_queues(QueueUrl=dead)
    first = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=1)
    second = sqs.list_dead_letter_source_queues(
        QueueUrl=dead, MaxResults=1, NextToken=first["NextToken"]
    )
    of_none = sqs.list_dead_letter_source_queues(QueueUrl=_url(sqs, "orders"))

    bills, orders = f"{endpoint}/000000000000/bills", f"{endpoint}/000000000000/orders"
    assert whole["queueUrls"] == [bills, orders]
    assert "NextToken" not in whole
    assert (first["queueUrls"], second["queueUrls"]) == ([bills], [orders])
    assert "NextToken" not in second
    assert of_none["queueUrls"] == []


def test_a_second_purge_within_a_minute_is_refused_for_that_queue_alone(
    empty: Sandbox, sqs: Any
) -> None:
    sqs.purge_queue(QueueUrl=_url(sqs, "orders"))
    sqs.send_message(QueueUrl=_url(sqs, "orders"), MessageBody="kept")

    empty.let_pass(59)
    again = _refused(sqs.purge_queue, QueueUrl=_url(sqs, "orders"))
    kept = _count(sqs, "orders")
    sqs.purge_queue(QueueUrl=_url(sqs, "bills"))
    empty.let_pass(2)
    sqs.purge_queue(QueueUrl=_url(sqs, "orders"))

    assert again == (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        403,
        "Only one PurgeQueue operation on orders is allowed every 60 seconds.",
    )
    assert (kept, _count(sqs, "orders")) == (1, 0)


def test_the_error_of_a_purge_is_the_class_that_boto3_has_for_it(sqs: Any) -> None:
    sqs.purge_queue(QueueUrl=_url(sqs, "orders"))

    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=_url(sqs, "orders"))
