"""Notebooks 30, 50 and 60 where nothing happened, and what a peek leaves behind.

What they say of their incidents, and plan for them, `test_incidents` asks beside what triage says.
"""

import json

import pytest

from opslib import aws, dead_letters, headless, streams
from opslib.parameters import collect, declared
from opslib.sandbox import scenarios
from opslib.sandbox.api import Sandbox
from opslib.system import load
from sandbox.projects import MakeProject
from sandbox.streams import mapping, reader, table

FUNCTION = "ZAEL-demo-aggregator"
QUEUE = f"{FUNCTION}-dlq"


@pytest.mark.parametrize(
    ("notebook", "scenario"),
    [
        ("30-dead-letters", "healthy"),
        ("50-stream-lag", "healthy"),
        ("60-dynamodb-throttling", "empty"),
    ],
)
def test_a_branch_says_of_no_incident_what_the_scenario_declares_and_plans_nothing(
    notebook: str, scenario: str, sandbox_project: MakeProject
) -> None:
    wanted = scenarios.load(scenario).expected[notebook]
    path = sandbox_project(scenario).root / "notebooks" / f"{notebook}.ipynb"

    outcome = headless.run(path, collect(declared(path), notebook=notebook, files=["sandbox"]))

    found = {finding["id"] for finding in outcome.result["findings"]}
    assert outcome.result["verdict"] == wanted.verdict
    assert found >= wanted.findings
    assert found == set() or wanted.verdict != "healthy"
    assert outcome.result["plans"] == []


def _counts(sandbox: Sandbox) -> dict[str, int]:
    """Receive every message once and say how often each was received before that."""
    sqs = sandbox.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    found: dict[str, int] = {}
    while page := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
        VisibilityTimeout=20,
    ).get("Messages"):
        for message in page:
            received = int(message["Attributes"]["ApproximateReceiveCount"])
            found[message["MessageId"]] = received - 1
            sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=20
            )
    return found


def test_a_peek_leaves_every_message_and_raises_its_receive_count_by_exactly_one(
    empty: Sandbox,
) -> None:
    sqs = empty.client("sqs")
    url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
    for number in range(13):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"n": number}))
    connection = aws.connect(load("sandbox"))

    seen = dead_letters.peek(connection, dead_letters.waiting(connection, QUEUE), most=100)

    # All are visible at once, without waiting for a timeout.
    assert sorted(_counts(empty).values()) == [1] * 13
    assert len(seen.rows) == 13
    assert set(seen.rows["receives"]) == {0}
    assert seen.touched.startswith("Touched: the receive count of 13 messages was raised by one;")


def test_a_peek_of_the_guides_kind_reads_some_messages_again_and_others_never(
    empty: Sandbox,
) -> None:
    sqs = empty.client("sqs")
    url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
    for number in range(13):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"n": number}))

    pages = [
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]
        for _ in range(2)
    ]

    # The second look shows the first ten again, and each look counts as a receive.
    assert len({message["MessageId"] for page in pages for message in page}) == 10
    assert sorted(_counts(empty).values()) == [0] * 3 + [2] * 10


def test_a_disabled_mapping_is_seen_though_it_has_no_metric(empty: Sandbox) -> None:
    source = table(empty, "orders")
    mapping(empty, reader(empty, "orders-reader"), source, Enabled=False)
    connection = aws.connect(load("sandbox"))

    seen = streams.mappings(connection, "orders-reader")
    read = streams.shards(connection, seen)

    row = seen.rows.iloc[0]
    assert (row["source"], row["kind"], row["state"]) == ("table orders", "dynamodb", "Disabled")
    assert read.rows[["source", "open", "kept_hours"]].to_dict("records") == [
        {"source": "table orders", "open": 1, "kept_hours": 24.0}
    ]
