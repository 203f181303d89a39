"""The incidents on a running sandbox: what triage says of each, and what boto3 sees of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from opslib import triage
from opslib.parameters import collect, declared
from opslib.sandbox import scenarios
from opslib.sandbox.api import Sandbox
from opslib.sandbox.demo import unexpected
from sandbox.projects import MakeProject

FUNCTION = "ZAEL-demo-aggregator"
NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        "timeouts",
        "permission-denied",
        "table-throttled",
        "code-error",
        "cold-starts",
        "dead-letters",
        "stream-lag",
    ],
)
def test_triage_says_of_an_incident_what_it_declares_and_so_does_each_branch_it_leads_to(
    name: str, sandbox_project: MakeProject
) -> None:
    expected = scenarios.load(name).expected
    path = sandbox_project(name).root / "notebooks" / "00-triage.ipynb"

    outcome = triage.follow(path, collect(declared(path), notebook=path.stem, files=["sandbox"]))

    first, wanted = outcome.index["runs"][0], expected["00-triage"]
    found = {finding["id"] for finding in first["findings"]}
    assert first["verdict"] == wanted.verdict
    assert found >= wanted.findings
    assert found == set() or wanted.verdict != "healthy"
    assert [run["limits"] for run in outcome.index["runs"]] == [[]] * len(outcome.index["runs"])
    assert unexpected(outcome.index, expected) == []
    assert outcome.index["not_run"] == []


def _messages(sandbox: Sandbox) -> list[dict[str, Any]]:
    sqs = sandbox.client("sqs")
    url = sqs.get_queue_url(QueueName=f"{FUNCTION}-dlq")["QueueUrl"]
    found: dict[str, dict[str, Any]] = {}
    while page := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found |= {message["MessageId"]: json.loads(message["Body"]) for message in page}
    return list(found.values())


def _records(sandbox: Sandbox, pointer: dict[str, Any]) -> list[dict[str, Any]]:
    streams = sandbox.client("dynamodbstreams")
    batch = pointer["DDBStreamBatchInfo"]
    iterator = streams.get_shard_iterator(
        StreamArn=batch["streamArn"],
        ShardId=batch["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=batch["startSequenceNumber"],
    )["ShardIterator"]
    page = streams.get_records(ShardIterator=iterator, Limit=batch["batchSize"])
    records: list[dict[str, Any]] = page["Records"]
    return records


def test_dead_letters_point_to_records_in_the_stream_but_for_the_oldest_which_are_trimmed(
    sandbox_project: MakeProject,
) -> None:
    sandbox = sandbox_project("dead-letters").sandbox
    pointers = _messages(sandbox)
    trimmed = []

    for pointer in pointers:
        batch = pointer["DDBStreamBatchInfo"]
        arrived_at = datetime.fromisoformat(batch["approximateArrivalOfFirstRecord"])
        if arrived_at < NOW - timedelta(hours=24):
            with pytest.raises(ClientError) as refused:
                _records(sandbox, pointer)
            trimmed.append(refused.value.response["Error"]["Code"])
            continue
        (record,) = _records(sandbox, pointer)
        assert record["dynamodb"]["SequenceNumber"] == batch["startSequenceNumber"]
        assert record["eventName"] == "MODIFY"
        told = record["dynamodb"]["ApproximateCreationDateTime"]
        assert abs(told - arrived_at) < timedelta(seconds=1)

    assert trimmed == ["TrimmedDataAccessException"] * 4
    assert len(pointers) == 72
    assert {pointer["requestContext"]["condition"] for pointer in pointers} == {
        "RetryAttemptsExhausted"
    }


def test_what_is_left_of_a_trimmed_stream_begins_with_the_oldest_record_kept(
    sandbox_project: MakeProject,
) -> None:
    sandbox = sandbox_project("dead-letters").sandbox
    streams = sandbox.client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName="ZAEL-demo")["Streams"]
    (shard,) = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]

    records = streams.get_records(ShardIterator=iterator, Limit=1000)["Records"]

    created = [record["dynamodb"]["ApproximateCreationDateTime"] for record in records]
    assert min(created) > NOW - timedelta(hours=2)
    assert len(records) == 68


def test_the_role_of_permission_denied_really_lacks_the_action(
    sandbox_project: MakeProject,
) -> None:
    sandbox = sandbox_project("permission-denied").sandbox
    role = sandbox.client("iam").get_role(RoleName="ZAEL-demo-aggr")["Role"]["Arn"]

    answers = sandbox.client("iam").simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=["dynamodb:UpdateItem", "dynamodb:PutItem"],
        ResourceArns=["arn:aws:dynamodb:us-east-1:000000000000:table/ZAEL-demo"],
    )["EvaluationResults"]

    assert [answer["EvalDecision"] for answer in answers] == ["implicitDeny", "allowed"]


def test_version_one_of_code_error_is_the_release_before(sandbox_project: MakeProject) -> None:
    lambda_ = sandbox_project("code-error").sandbox.client("lambda")

    versions = lambda_.list_versions_by_function(FunctionName=FUNCTION)["Versions"]

    latest, first = versions
    assert (latest["Version"], first["Version"]) == ("$LATEST", "1")
    assert latest["LastModified"] == "2026-10-14T02:27:00.000+0000"
    assert first["LastModified"] == "2026-10-05T03:07:00.000+0000"
    assert latest["CodeSha256"] != first["CodeSha256"]


def test_the_mapping_of_stream_lag_never_gives_up(sandbox_project: MakeProject) -> None:
    lambda_ = sandbox_project("stream-lag").sandbox.client("lambda")

    (mapping,) = lambda_.list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]

    assert mapping["MaximumRetryAttempts"] == -1
    assert mapping["BisectBatchOnFunctionError"] is False
    assert mapping["State"] == "Enabled"


def test_the_table_of_table_throttled_has_the_capacity_that_is_too_little(
    sandbox_project: MakeProject,
) -> None:
    table = (
        sandbox_project("table-throttled")
        .sandbox.client("dynamodb")
        .describe_table(TableName="ZAEL-demo")["Table"]
    )

    assert table["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 2
