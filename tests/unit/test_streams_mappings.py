"""Mappings and shards: what Lambda and the streams tell, in the words of a frame."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from fakes.clients import refusal

from opslib.aws import Connection, Identity
from opslib.streams import Seen, mappings, shards, tuning
from opslib.system import load

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
KINESIS = "arn:aws:kinesis:us-east-1:000000000000:stream/orders"


class FakeKinesis:
    """A stream of five shards, one of them closed, told three a page."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def describe_stream_summary(self, **asked: str) -> dict[str, Any]:
        return {
            "StreamDescriptionSummary": {
                "RetentionPeriodHours": 48,
                "StreamStatus": "ACTIVE",
                "EnhancedMonitoring": [{"ShardLevelMetrics": ["IteratorAgeMilliseconds"]}],
            }
        }

    def list_shards(self, **asked: str) -> dict[str, Any]:
        self.asked.append(asked)
        ranges: list[dict[str, str]] = [{"StartingSequenceNumber": "1"} for _ in range(5)]
        ranges[4]["EndingSequenceNumber"] = "9"
        every = [{"SequenceNumberRange": each} for each in ranges]
        if "NextToken" in asked:
            return {"Shards": every[3:]}
        return {"Shards": every[:3], "NextToken": "more"}


def _connection(client: object) -> Connection:
    system = load(
        {"name": "s", "environment": "sandbox", "account": "000000000000", "region": "us-east-1"}
    )
    identity = Identity("000000000000", "arn:aws:iam::000000000000:root", "us-east-1", NOW)
    return Connection(system, identity, None, None, {"kinesis": client, "lambda": client})


def _read() -> Seen:
    row = {
        "source": "stream orders",
        "kind": "kinesis",
        "retries": -1,
        "bisects": False,
        "batch": 100,
        "window_s": 0,
        "at_once": 1,
        "source_arn": KINESIS,
    }
    return Seen(pd.DataFrame([row]))


class FakeLambda:
    """Lists one mapping for the function and, as it may, for its alias too."""

    def get_paginator(self, operation: str) -> "FakeLambda":
        assert operation == "list_event_source_mappings"
        return self

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        told = {"UUID": "m-1", "EventSourceArn": KINESIS, "State": "Enabled", "BatchSize": 100}
        return [{"EventSourceMappings": [told]}]


class DeniedLambda(FakeLambda):
    """May not be asked for mappings."""

    def paginate(self, **_: object) -> list[dict[str, Any]]:
        raise refusal("AccessDeniedException", "no")


def test_a_mapping_that_is_listed_for_the_alias_too_is_one() -> None:
    connection = _connection(FakeLambda())

    seen = mappings(connection, "orders", alias="live")

    assert seen.rows["uuid"].tolist() == ["m-1"]
    assert seen.complete


@pytest.mark.parametrize(("decides", "limits", "notes"), [(True, 1, 0), (False, 0, 1)])
def test_mappings_that_may_not_be_listed_are_a_limit_only_where_they_decide(
    decides: bool, limits: int, notes: int
) -> None:
    seen = mappings(_connection(DeniedLambda()), "orders", decides=decides)

    assert (len(seen.limits), len(seen.notes), seen.complete) == (limits, notes, False)
    assert '"Action": "lambda:ListEventSourceMappings"' in (*seen.limits, *seen.notes)[0]


def test_every_page_of_shards_is_asked_for_by_its_token_alone() -> None:
    client = FakeKinesis()

    seen = shards(_connection(client), _read())

    assert client.asked == [{"StreamARN": KINESIS}, {"NextToken": "more"}]
    assert seen.rows.drop(columns="source_arn").to_dict("records") == [
        {
            "source": "stream orders",
            "open": 4,
            "closed": 1,
            "kept_hours": 48.0,
            "per_shard_metrics": "IteratorAgeMilliseconds",
            "status": "ACTIVE",
        }
    ]


def test_the_tuning_table_shows_each_setting_as_it_is_now() -> None:
    read = _read()
    room = Seen(pd.DataFrame({"reserved": [4], "unreserved": [996]}))

    rows = tuning(read, shards(_connection(FakeKinesis()), read), room, memory_mb=256)

    assert dict(zip(rows["setting"], rows["now"], strict=True)) == {
        "retries": "for ever",
        "bisect on error": "off",
        "batch size": "100",
        "batching window": "0 s",
        "parallelization factor": "1",
        "open shards": "4",
        "reserved concurrency": "4; 996 are shared",
        "memory": "256 MB",
    }
