"""What can be changed about an event source mapping; all but enabling is for those of streams.

In: mappings as `opslib.streams.mappings` saw them. Out: plans, or None where one does not apply.
Makes no call.

Never deletes a mapping (its position goes with it) and never lowers MaximumRecordAgeInSeconds (it
drops the backlog at once, with pointers at best).

Lambda refuses a DestinationConfig whose OnFailure has no Destination ("The Destination field is
required for an OnFailure configuration"); botocore's pattern for it allows an empty one.

Source: botocore, UpdateEventSourceMapping: asynchronous, refused with ResourceInUseException while
an earlier change is under way; ranges. AWS Lambda developer guide: disabling and enabling keeps the
position; splitting batches costs no retry; what is given up without a destination is dropped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from opslib.health import Course
from opslib.remedy import Call, Plan
from opslib.streams import Seen

_STREAMS = ("dynamodb", "kinesis")
# The aggregator's own template has it.
_RETRIES = 3
_MOST_AT_ONCE = 10


def enable(read: Seen, *, account: str, region: str) -> list[Plan]:
    """Plan to enable each mapping that is disabled, of a stream or of anything else."""
    plans = []
    for row in _rows(read, streams=False):
        if row["state"] != "Disabled":
            continue
        what = f"everything that waits in {row['source']}"
        check, undo = "its backlog falls", "Disable it again."
        if row["kind"] in _STREAMS:
            what = "everything since it was disabled that the stream still has"
            check, undo = "the iterator age falls", "Disable it again; it keeps its position."
        plans.append(
            _plan(
                row,
                f"Enable the mapping of {row['source']} to {_function(row)}",
                {"Enabled": True},
                before={"State": row["state"]},
                after={"State": "Enabled"},
                touches=f"{_function(row)} gets {what}, in full batches at once; what it writes to "
                "feels that.",
                check=f"State is Enabled, invocations begin, and {check}.",
                undo=undo,
                first=("Know who disabled it and why.",),
                account=account,
                region=region,
            )
        )
    return plans


def give_up(read: Seen, seen: Course, queue_arn: str, *, account: str, region: str) -> list[Plan]:
    """Plan to have a stuck batch given up as a dead letter, where the mapping tries for ever.

    One that was stuck, and is not any more, needs no plan.

    Parameters
    ----------
    queue_arn
        Where what is given up goes if the mapping has no such destination yet; empty for none,
        and then there is no plan: the batch would be dropped without a trace.
    """
    plans: list[Plan] = []
    if seen.word == "was stuck":
        return plans
    for row in _rows(read):
        destination = row["on_failure_arn"] or queue_arn
        if seen.arrived_at is None or row["retries"] not in (-1, None) or not destination:
            continue
        change: dict[str, object] = {
            "MaximumRetryAttempts": _RETRIES,
            "BisectBatchOnFunctionError": True,
        }
        # What it does where it says nothing.
        before: dict[str, object] = {
            "MaximumRetryAttempts": -1 if row["retries"] is None else row["retries"],
            "BisectBatchOnFunctionError": bool(row["bisects"]),
        }
        back = dict(before)
        if not row["on_failure_arn"]:
            change["DestinationConfig"] = {"OnFailure": {"Destination": destination}}
            before["DestinationConfig"] = None
            back["DestinationConfig"] = {"OnFailure": {"Destination": ""}}
        plans.append(
            _plan(
                row,
                f"Give a failing batch of {row['source']} up after {_RETRIES} retries, halved down "
                "to the record that fails, as a dead letter",
                change,
                before=before,
                after=change,
                touches="Records that still fail after it become dead letters, which only point "
                "at them: replay those before the stream drops the records. What waits behind "
                f"them goes to {_function(row)} at once.",
                check="The iterator age falls; as many dead letters come as records really fail.",
                undo_calls=(_update(row, back),),
                undo="what was given up stays a dead letter.",
                first=(
                    f"The function's role may send to {destination.rpartition(':')[2]}.",
                    "Mend the failure first if that is a matter of minutes: then nothing is "
                    "given up.",
                ),
                account=account,
                region=region,
            )
        )
    return plans


def smaller_stuck_batch(read: Seen, *, account: str, region: str) -> list[Plan]:
    """Plan what `smaller_batch` does for a batch that holds its shard, whatever it fails of."""
    only = (
        "Only if that batch is cut off for its time or memory: a record that raises holds its "
        "shard in a batch of any size."
    )
    plans = smaller_batch(read, account=account, region=region)
    return [replace(plan, first=(only, *plan.first)) for plan in plans]


def smaller_batch(read: Seen, *, account: str, region: str) -> list[Plan]:
    """Plan half the batch size for each stream mapping that has more than one record in a batch."""
    return [
        _plan(
            row,
            f"Reduce the batch of {row['source']} from {row['batch']} to {row['batch'] // 2} "
            "records",
            {"BatchSize": row["batch"] // 2},
            before={"BatchSize": row["batch"]},
            after={"BatchSize": row["batch"] // 2},
            touches=f"Each invocation of {_function(row)} has at most half as much to do; there "
            "are more of them.",
            check="Invocations end within the timeout, and the iterator age falls; look again "
            "after 15 to 30 minutes.",
            undo=f"Set BatchSize back to {row['batch']}.",
            account=account,
            region=region,
        )
        for row in _rows(read)
        if row["batch"] and row["batch"] > 1
    ]


def more_at_once(read: Seen, *, account: str, region: str) -> list[Plan]:
    """Plan twice the parallelization factor, at most 10, for each stream mapping."""
    plans = []
    for row in _rows(read):
        now = row["at_once"] or 1
        then = min(2 * now, _MOST_AT_ONCE)
        if then == now:
            continue
        plans.append(
            _plan(
                row,
                f"Read {then} batches of each shard of {row['source']} at once instead of {now}",
                {"ParallelizationFactor": then},
                before={"ParallelizationFactor": now},
                after={"ParallelizationFactor": then},
                touches=f"Up to {then} invocations of {_function(row)} a shard, and as much more "
                "load on what they write to. Within a shard only records of one key stay in "
                "order.",
                check="The iterator age falls and Throttles stays 0.",
                undo=f"Set ParallelizationFactor back to {now}.",
                first=("The function bears batches of one shard side by side.",),
                account=account,
                region=region,
            )
        )
    return plans


def _plan(
    row: Mapping[str, Any],
    action: str,
    change: Mapping[str, object],
    *,
    before: Mapping[str, object],
    after: Mapping[str, object],
    touches: str,
    check: str,
    undo: str,
    account: str,
    region: str,
    undo_calls: tuple[Call, ...] = (),
    first: tuple[str, ...] = (),
) -> Plan:
    partition = str(row["function_arn"] or "arn:aws").split(":")[1]
    return Plan(
        action=action,
        subject=f"arn:{partition}:lambda:{region}:{account}:event-source-mapping:{row['uuid']}",
        calls=(_update(row, change),),
        before=before,
        after=after,
        touches=touches,
        check=check,
        undo_calls=undo_calls,
        undo=undo,
        first=first,
        account=account,
        region=region,
    )


def _update(row: Mapping[str, Any], change: Mapping[str, object]) -> Call:
    return Call(
        service="lambda",
        operation="UpdateEventSourceMapping",
        arguments={"UUID": row["uuid"], **change},
    )


def _rows(read: Seen, *, streams: bool = True) -> Iterator[dict[str, Any]]:
    """Yield the mappings, or only those of streams, with plain values, None for what is missing."""
    rows = read.rows[read.rows["kind"].isin(_STREAMS)] if streams else read.rows
    for row in rows.to_dict("records"):
        yield {str(name): None if pd.isna(value) else value for name, value in row.items()}


def _function(row: Mapping[str, Any]) -> str:
    return str(row["function_arn"] or "").partition(":function:")[2] or "the function"
