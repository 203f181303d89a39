"""Plans for queues, mappings and tables: exact calls, what they touch, and the way back."""

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from opslib.dead_letters import Kind, Peek, Waiting
from opslib.dead_letters.kinds import frame
from opslib.health import Course
from opslib.remedies import mappings, queues, tables
from opslib.remedy import Plan
from opslib.streams import Left, Seen
from opslib.tables import Table

ACCOUNT, REGION = "123456789012", "eu-west-1"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:f-dlq"
STUCK = Course("stuck", arrived_at=datetime(2026, 10, 14, 2, 0, tzinfo=UTC))


def _arguments(plan: Plan) -> dict[str, object]:
    (call,) = plan.calls
    return dict(call.arguments)


# --- queues


def _waiting(*, visible: int, kept_days: float = 4.0, hidden: int = 0) -> Waiting:
    rows = pd.DataFrame(
        {
            "visible": [visible],
            "in_flight": [hidden],
            "delayed": [0],
            "kept_days": [kept_days],
        }
    )
    return Waiting("f-dlq", QUEUE, "http://127.0.0.1:1/f-dlq", rows)


def _peek(*kinds: Kind, of: int | None = None) -> Peek:
    letters = [
        {
            "message_id": str(n),
            "kind": kind.value,
            "receives": 0,
            "source": "arn:aws:sqs:x:1:orders",
        }
        for n, kind in enumerate(kinds)
    ]
    return Peek(frame(letters), len(letters) if of is None else of, "")


def _left(*states: str) -> Left:
    return Left(pd.DataFrame({"state": list(states)}))


def test_a_queue_is_discarded_only_as_the_last_resort_and_says_that_it_cannot_be_undone() -> None:
    peek = _peek(Kind.DYNAMODB, Kind.DYNAMODB)

    plan = queues.discard(
        _waiting(visible=2), peek, _left("gone", "gone"), account=ACCOUNT, region=REGION
    )

    assert plan is not None
    assert plan.action == (
        "LAST RESORT, DATA LOSS: discard all 2 messages of f-dlq; each was read, and the records "
        "that they name are gone"
    )
    assert (plan.undo, plan.reversible) == ("", False)
    assert plan.calls[0].cli("aws") == (
        f"aws sqs purge-queue --queue-url https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/f-dlq"
    )


@pytest.mark.parametrize("state", ["there", "partly gone", "past keeping", "in the letter"])
def test_a_queue_with_one_letter_that_may_lead_to_something_is_not_discarded(state: str) -> None:
    peek, left = _peek(Kind.DYNAMODB, Kind.DYNAMODB), _left("gone", state)

    plan = queues.discard(_waiting(visible=2), peek, left, account=ACCOUNT, region=REGION)

    assert plan is None


@pytest.mark.parametrize(("visible", "hidden"), [(3, 0), (2, 1), (0, 0)])
def test_a_queue_that_was_not_read_whole_is_not_discarded(visible: int, hidden: int) -> None:
    peek, left = _peek(Kind.DYNAMODB, Kind.DYNAMODB, of=visible), _left("gone", "gone")
    queue = _waiting(visible=visible, hidden=hidden)

    assert queues.discard(queue, peek, left, account=ACCOUNT, region=REGION) is None


def test_only_what_sqs_moved_here_can_be_moved_back() -> None:
    here = {"account": ACCOUNT, "region": REGION}

    moved = queues.move_back(_waiting(visible=2), _peek(Kind.REDRIVEN, Kind.REDRIVEN), **here)

    assert moved is not None
    assert _arguments(moved) == {"SourceArn": QUEUE}
    assert queues.move_back(_waiting(visible=2), _peek(Kind.REDRIVEN, Kind.ASYNC), **here) is None
    assert queues.move_back(_waiting(visible=2), _peek(Kind.DYNAMODB), **here) is None


def test_a_longer_retention_is_for_letters_that_hold_something() -> None:
    here = {"account": ACCOUNT, "region": REGION}

    plan = queues.keep_longer(_waiting(visible=1), _peek(Kind.ASYNC), **here)

    assert plan is not None
    assert (plan.before, plan.after) == (
        {"MessageRetentionPeriod": "345600"},
        {"MessageRetentionPeriod": "1209600"},
    )
    assert queues.keep_longer(_waiting(visible=1), _peek(Kind.DYNAMODB), **here) is None
    longest = _waiting(visible=1, kept_days=14.0)
    assert queues.keep_longer(longest, _peek(Kind.ASYNC), **here) is None


# --- mappings


def _read(**changed: object) -> Seen:
    row = {
        "source": "table t",
        "kind": "dynamodb",
        "state": "Enabled",
        "retries": -1,
        "bisects": False,
        "batch": 100,
        "at_once": 1,
        "uuid": "u-1",
        "on_failure_arn": QUEUE,
        "function_arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f",
    }
    return Seen(pd.DataFrame([row | changed]))


def test_a_batch_that_is_tried_for_ever_is_given_up_as_a_dead_letter() -> None:
    (plan,) = mappings.give_up(_read(), STUCK, "", account=ACCOUNT, region=REGION)

    assert _arguments(plan) == {
        "UUID": "u-1",
        "MaximumRetryAttempts": 3,
        "BisectBatchOnFunctionError": True,
    }
    assert plan.before == {"MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": False}
    assert plan.subject == f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:u-1"


def test_without_a_destination_one_is_set_and_without_a_queue_nothing_is_given_up() -> None:
    read, here = _read(on_failure_arn=""), {"account": ACCOUNT, "region": REGION}

    (plan,) = mappings.give_up(read, STUCK, QUEUE, **here)

    assert _arguments(plan)["DestinationConfig"] == {"OnFailure": {"Destination": QUEUE}}
    assert plan.before["DestinationConfig"] is None
    # Lambda refuses an OnFailure without a Destination; an empty one takes it away.
    assert [call.cli("aws") for call in plan.undo_calls] == [
        "aws lambda update-event-source-mapping --uuid u-1 --maximum-retry-attempts -1 "
        "--no-bisect-batch-on-function-error --destination-config "
        """'{"OnFailure": {"Destination": ""}}'"""
    ]
    assert plan.undo == "what was given up stays a dead letter."
    assert mappings.give_up(read, STUCK, "", **here) == []


def test_giving_up_is_taken_back_to_what_lambda_does_where_nothing_is_said() -> None:
    read = _read(retries=None, bisects=None)

    (plan,) = mappings.give_up(read, STUCK, "", account=ACCOUNT, region=REGION)

    assert plan.before == {"MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": False}
    assert [call.cli("aws") for call in plan.undo_calls] == [
        "aws lambda update-event-source-mapping --uuid u-1 --maximum-retry-attempts -1 "
        "--no-bisect-batch-on-function-error"
    ]


def test_what_ends_by_itself_or_is_not_stuck_is_not_given_up() -> None:
    here = {"account": ACCOUNT, "region": REGION}

    assert mappings.give_up(_read(retries=3), STUCK, QUEUE, **here) == []
    assert mappings.give_up(_read(), Course("late"), QUEUE, **here) == []
    assert mappings.give_up(_read(), replace(STUCK, word="was stuck"), QUEUE, **here) == []


def test_only_a_disabled_mapping_is_enabled() -> None:
    here = {"account": ACCOUNT, "region": REGION}

    (plan,) = mappings.enable(_read(state="Disabled"), **here)

    assert _arguments(plan) == {"UUID": "u-1", "Enabled": True}
    assert (plan.before, plan.after) == ({"State": "Disabled"}, {"State": "Enabled"})
    assert mappings.enable(_read(), **here) == []


def test_a_disabled_mapping_of_a_queue_is_enabled_too() -> None:
    read = _read(state="Disabled", kind="sqs", source="queue orders", retries=None, at_once=None)

    (plan,) = mappings.enable(read, account=ACCOUNT, region=REGION)

    assert plan.action == "Enable the mapping of queue orders to f"
    assert _arguments(plan) == {"UUID": "u-1", "Enabled": True}
    assert "stream" not in plan.touches + plan.check + plan.undo
    assert mappings.more_at_once(read, account=ACCOUNT, region=REGION) == []


@pytest.mark.parametrize(("batch", "half"), [(100, 50), (3, 1), (1, None)])
def test_a_batch_is_halved_while_it_has_more_than_one_record(batch: int, half: int | None) -> None:
    plans = mappings.smaller_batch(_read(batch=batch), account=ACCOUNT, region=REGION)

    assert [plan.after["BatchSize"] for plan in plans] == ([] if half is None else [half])


def test_a_smaller_batch_for_one_that_holds_its_shard_says_when_it_helps() -> None:
    (plan,) = mappings.smaller_stuck_batch(_read(batch=100), account=ACCOUNT, region=REGION)

    assert plan.after == {"BatchSize": 50}
    assert plan.first == (
        "Only if that batch is cut off for its time or memory: a record that raises holds its "
        "shard in a batch of any size.",
    )


@pytest.mark.parametrize(("now", "then"), [(1, 2), (6, 10), (10, None)])
def test_batches_at_once_are_doubled_up_to_ten(now: int, then: int | None) -> None:
    plans = mappings.more_at_once(_read(at_once=now), account=ACCOUNT, region=REGION)

    assert [_arguments(plan)["ParallelizationFactor"] for plan in plans] == (
        [] if then is None else [then]
    )


# --- tables

ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t"


def _table(mode: str = "provisioned", *, scaled: str = "") -> Table:
    units = [2, 5] if mode == "provisioned" else [None, None]
    rows = pd.DataFrame(
        {
            "resource": ["t", "by-owner"],
            "index": ["", "by-owner"],
            "mode": mode,
            "read_units": pd.Series(units, dtype="Int64"),
            "write_units": pd.Series(units, dtype="Int64"),
            "scaled_reads": "",
            "scaled_writes": scaled,
            "decreases_today": 1,
        }
    )
    return Table("t", ARN, rows)


def _used(resource: str, *, throttles: float = 900.0, kind: str = "write") -> pd.DataFrame:
    row = {
        "resource": resource,
        "kind": kind,
        "throttles": throttles,
        "most_in_5_min": 600.0,
        "peak_units": 4.5,
    }
    return pd.DataFrame([row])


def test_capacity_is_raised_to_what_was_taken_and_refused_with_a_fifth_on_top() -> None:
    (plan,) = tables.raise_capacity(_table(), _used("t"), account=ACCOUNT, region=REGION)

    # 4.5 taken and 2 refused a second, and 20 % on top: 7.8.
    assert _arguments(plan) == {
        "TableName": "t",
        "ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 8},
    }
    assert plan.undo == (
        "Set WriteCapacityUnits back to 2: a decrease, of which there are only so many in a UTC "
        "day (1 today)."
    )


def test_reads_and_writes_that_are_both_refused_are_raised_by_one_plan() -> None:
    used = pd.concat([_used("t"), _used("t", kind="read")])

    (plan,) = tables.raise_capacity(_table(), used, account=ACCOUNT, region=REGION)

    assert _arguments(plan) == {
        "TableName": "t",
        "ProvisionedThroughput": {"ReadCapacityUnits": 8, "WriteCapacityUnits": 8},
    }
    assert plan.action == (
        "Raise the capacity of t from 2 to 8 write and from 2 to 8 read units a second"
    )
    assert plan.after == {"ReadCapacityUnits": 8, "WriteCapacityUnits": 8}
    assert "Set WriteCapacityUnits back to 2 and ReadCapacityUnits back to 2:" in plan.undo


def test_a_table_and_its_index_have_a_plan_each_to_be_carried_out_one_after_the_other() -> None:
    used = pd.concat([_used("t"), _used("by-owner")])

    plans = tables.raise_capacity(_table(), used, account=ACCOUNT, region=REGION)

    assert [plan.subject for plan in plans] == [ARN, f"{ARN}/index/by-owner"]
    assert plans[1].first[0] == "TableStatus is ACTIVE: a table takes one change at a time."


def test_what_auto_scaling_keeps_and_what_it_does_not_are_one_plan_with_two_calls() -> None:
    used = pd.concat([_used("t"), _used("t", kind="read")])

    (plan,) = tables.raise_capacity(_table(scaled="2-6"), used, account=ACCOUNT, region=REGION)

    assert [call.operation for call in plan.calls] == ["UpdateTable", "RegisterScalableTarget"]
    assert plan.calls[0].arguments["ProvisionedThroughput"] == {
        "ReadCapacityUnits": 8,
        "WriteCapacityUnits": 2,
    }


def test_an_index_is_raised_by_itself() -> None:
    (plan,) = tables.raise_capacity(_table(), _used("by-owner"), account=ACCOUNT, region=REGION)

    assert _arguments(plan)["GlobalSecondaryIndexUpdates"] == [
        {
            "Update": {
                "IndexName": "by-owner",
                "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 8},
            }
        }
    ]
    assert plan.subject == f"{ARN}/index/by-owner"


def test_what_auto_scaling_keeps_is_raised_by_its_floor() -> None:
    (plan,) = tables.raise_capacity(
        _table(scaled="2-6"), _used("t"), account=ACCOUNT, region=REGION
    )

    assert _arguments(plan) == {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/t",
        "ScalableDimension": "dynamodb:table:WriteCapacityUnits",
        "MinCapacity": 8,
        "MaxCapacity": 8,
    }
    assert plan.before == {"WriteMinCapacity": 2, "WriteMaxCapacity": 6}


def test_going_on_demand_keeps_what_is_needed_to_go_back() -> None:
    plan = tables.go_on_demand(_table(), _used("t"), account=ACCOUNT, region=REGION)

    assert plan is not None
    assert _arguments(plan) == {"TableName": "t", "BillingMode": "PAY_PER_REQUEST"}
    assert plan.before == {
        "BillingMode": "PROVISIONED",
        "t": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 2},
        "by-owner": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    }
    assert plan.undo.startswith("BillingMode PROVISIONED again, with t 2 read and 2 write units;")


def test_a_table_on_demand_or_one_that_refuses_nothing_has_no_plan() -> None:
    here = {"account": ACCOUNT, "region": REGION}

    assert tables.raise_capacity(_table("on-demand"), _used("t"), **here) == []
    assert tables.go_on_demand(_table("on-demand"), _used("t"), **here) is None
    assert tables.go_on_demand(_table(), _used("t", throttles=0.0), **here) is None
