"""What reads a stream for a function, and what there is to read it with: mappings, shards, room.

In: a `opslib.aws.Connection` and names. Out: frames as Lambda, DynamoDB and Kinesis tell them, with
what could not be seen beside them. Changes nothing; must not judge.

Facts leaned on
---------------
ListEventSourceMappings lists those of exactly the function, alias or version that is named. A
mapping's State is Creating, Enabling, Enabled, Disabling, Disabled, Updating or Deleting; -1 for
MaximumRetryAttempts is for as long as the stream keeps the records (botocore, Lambda). A shard with
an EndingSequenceNumber is closed: it gets no more records and may still be read (botocore, DynamoDB
Streams and Kinesis). Lambda runs as many batches at once as open shards times
ParallelizationFactor (AWS Lambda developer guide).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opslib.aws import Connection, calling
from opslib.errors import CouldNotLook
from opslib.frames import frame
from opslib.metrics import Metric, wanted
from opslib.streams.records import DYNAMODB_KEEPS
from opslib.system import Function

_MOST_PAGES = 20

_MAPPING = {
    "source": "string",
    "kind": "string",
    "state": "string",
    "reason": "string",
    "last_result": "string",
    "retries": "Int64",
    "oldest_s": "Int64",
    "bisects": "boolean",
    "on_failure": "string",
    "batch": "Int64",
    "window_s": "Int64",
    "at_once": "Int64",
    "filters": "Int64",
    "reports_items": "boolean",
    "uuid": "string",
    "source_arn": "string",
    "on_failure_arn": "string",
    "function_arn": "string",
    "changed_at": "datetime64[ns, UTC]",
}
_SHARDS = {
    "source": "string",
    "open": "Int64",
    "closed": "Int64",
    "kept_hours": "float64",
    "per_shard_metrics": "string",
    "status": "string",
    "source_arn": "string",
}
_ROOM = {"reserved": "Int64", "account": "Int64", "unreserved": "Int64"}


@dataclass(frozen=True)
class Seen:
    """What was seen, and a sentence for everything that could not be.

    Parameters
    ----------
    rows
        As the function that returns it says; its columns are there when nothing was seen.
    notes
        Sentences for what could not be seen and hides nothing that decides.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{len(self.rows)} rows"

    @property
    def complete(self) -> bool:
        """Whether everything was seen: an empty frame then means that there is nothing."""
        return not (self.limits or self.notes)


def stream_metrics(function: Function, *, period_s: int) -> list[Metric]:
    """Return the metrics that tell a stuck shard from a slow one, by the period.

    Returns
    -------
    ``age_ms`` (IteratorAge, Maximum: an average hides a blocked shard), ``ran``, ``failed``,
    ``throttled`` (Sum), ``at_once`` (ConcurrentExecutions, Maximum), and of what is read
    ``incoming`` (Sum: the table's consumed write units, or the stream's incoming records).
    """
    of_function = {
        "age_ms": wanted.ITERATOR_AGE,
        "ran": wanted.INVOCATIONS,
        "failed": wanted.ERRORS,
        "throttled": wanted.THROTTLES,
        "at_once": wanted.AT_ONCE,
    }
    found = [
        measure.of(function.name, name=name, every_s=period_s)
        for name, measure in of_function.items()
    ]
    if function.table:
        written, source = wanted.CONSUMED_WRITES, function.table
    elif function.stream:
        written, source = wanted.INCOMING, function.stream
    else:
        return found
    return [*found, written.of(source, name="incoming", every_s=period_s)]


def shard_metrics(shards: Seen, *, period_s: int) -> list[Metric]:
    """Return what tells how full the shards of Kinesis streams are, by the period.

    A table's stream has no such metric: DynamoDB adds shards by itself.

    Parameters
    ----------
    shards
        As `shards` saw them.

    Returns
    -------
    For each Kinesis stream, by its name: ``records of S`` and ``bytes of S`` (written),
    ``refused writes of S`` (records) and ``refused reads of S`` (calls), all Sum.
    """
    arns = [str(arn) for arn in shards.rows["source_arn"] if ":kinesis:" in str(arn)]
    return [
        Metric(f"{told} of {name}", "AWS/Kinesis", metric, {"StreamName": name}, "Sum", period_s, u)
        for name in (arn.rpartition("/")[2] for arn in arns)
        for told, metric, u in (
            ("records", "IncomingRecords", "records"),
            ("bytes", "IncomingBytes", "bytes"),
            ("refused writes", "WriteProvisionedThroughputExceeded", "records"),
            ("refused reads", "ReadProvisionedThroughputExceeded", "calls"),
        )
    ]


def mappings(
    connection: Connection, function: str, *, alias: str = "", decides: bool = True
) -> Seen:
    """Look at the event source mappings of a function.

    Parameters
    ----------
    alias
        The alias that traffic uses; its mappings are looked at too.
    decides
        Whether anything rests on them; where nothing does, what could not be seen is in ``notes``.

    Returns
    -------
    One row a mapping: ``source`` (table, stream or queue by name), ``kind`` (``dynamodb``,
    ``kinesis``, ``sqs`` or the service's own name), ``state``, ``reason``, ``last_result``,
    ``retries`` (-1 for as long as the stream keeps records), ``oldest_s`` (-1 for no limit),
    ``bisects``, ``on_failure`` (by name), ``batch`` (records), ``window_s``, ``at_once``
    (parallelization factor), ``filters`` (how many), ``reports_items``, ``uuid``, ``source_arn``,
    ``on_failure_arn``, ``function_arn``, ``changed_at`` (LastModified, datetime64[ns, UTC]). What
    does not apply is missing.
    """
    limits: list[str] = []
    found: dict[str, dict[str, Any]] = {}
    for name in [function, *([f"{function}:{alias}"] if alias else [])]:
        try:
            # One that is listed under both names is one all the same.
            found |= {str(each["UUID"]): _mapping(each) for each in _listed(connection, name)}
        except CouldNotLook as error:
            limits.append(error.message)
    rows = frame(list(found.values()), _MAPPING)
    return Seen(rows, tuple(limits)) if decides else Seen(rows, notes=tuple(limits))


def shards(connection: Connection, read: Seen) -> Seen:
    """Look at the streams that mappings read.

    Parameters
    ----------
    read
        As `mappings` saw them.

    Returns
    -------
    One row a stream: ``source``, ``open``, ``closed`` (shards), ``kept_hours``,
    ``per_shard_metrics`` (names of the metrics that Kinesis publishes a shard, or ``none``),
    ``status``, ``source_arn``.
    """
    limits: list[str] = []
    found: list[dict[str, Any]] = []
    streams = read.rows[read.rows["kind"].isin(["dynamodb", "kinesis"])]
    for source, kind, arn in (
        streams[["source", "kind", "source_arn"]]
        .drop_duplicates()
        .itertuples(index=False, name=None)
    ):
        look = _of_table if kind == "dynamodb" else _of_kinesis
        try:
            found.append({"source": source, "source_arn": arn, **look(connection, arn, source)})
        except CouldNotLook as error:
            limits.append(error.message)
    return Seen(frame(found, _SHARDS), tuple(limits))


def room(connection: Connection, function: str) -> Seen:
    """Look how many invocations of a function can run at once.

    Returns
    -------
    One row: ``reserved`` (missing when nothing is reserved), ``account`` (the limit of account and
    region), ``unreserved`` (what functions without a reservation share).
    """
    client = connection.client("lambda")
    row: dict[str, Any] = {}
    limits: list[str] = []
    resource = connection.system.arn("lambda", f"function:{function}")
    subject = f"the reserved concurrency of {function}"
    try:
        with calling("lambda:GetFunctionConcurrency", subject, resource=resource):
            answer = client.get_function_concurrency(FunctionName=function)
        row["reserved"] = answer.get("ReservedConcurrentExecutions")
    except CouldNotLook as error:
        limits.append(error.message)
    try:
        with calling("lambda:GetAccountSettings", "the account's concurrency"):
            limit = client.get_account_settings()["AccountLimit"]
        row["account"] = limit["ConcurrentExecutions"]
        row["unreserved"] = limit["UnreservedConcurrentExecutions"]
    except CouldNotLook as error:
        limits.append(error.message)
    return Seen(frame([row] if row else [], _ROOM), tuple(limits))


def _listed(connection: Connection, name: str) -> Iterator[Mapping[str, Any]]:
    pages = connection.client("lambda").get_paginator("list_event_source_mappings")
    with calling("lambda:ListEventSourceMappings", f"the event source mappings of {name}"):
        found = list(pages.paginate(FunctionName=name, PaginationConfig={"MaxItems": 1000}))
    for page in found:
        yield from page["EventSourceMappings"]


def _mapping(told: Mapping[str, Any]) -> dict[str, Any]:
    arn = told.get("EventSourceArn", "")
    failure = ((told.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    kind, name = _source(arn)
    stream = kind in ("dynamodb", "kinesis")
    return {
        "source": name,
        "kind": kind,
        "state": told.get("State"),
        "reason": told.get("StateTransitionReason"),
        "last_result": told.get("LastProcessingResult"),
        "retries": told.get("MaximumRetryAttempts") if stream else None,
        "oldest_s": told.get("MaximumRecordAgeInSeconds") if stream else None,
        "bisects": told.get("BisectBatchOnFunctionError") if stream else None,
        "on_failure": failure.rpartition(":")[2],
        "batch": told.get("BatchSize"),
        "window_s": told.get("MaximumBatchingWindowInSeconds"),
        "at_once": told.get("ParallelizationFactor") if stream else None,
        "filters": len((told.get("FilterCriteria") or {}).get("Filters") or []),
        "reports_items": "ReportBatchItemFailures" in (told.get("FunctionResponseTypes") or []),
        "uuid": told.get("UUID"),
        "source_arn": arn,
        "on_failure_arn": failure,
        "function_arn": told.get("FunctionArn"),
        "changed_at": told.get("LastModified"),
    }


def _source(arn: str) -> tuple[str, str]:
    """Return the kind of a source and what people call it: a stream's label is left out."""
    if not arn:
        return "other", "self-managed"
    _, _, service, _, _, resource = (arn + ":::::").split(":")[:6]
    if service == "dynamodb":
        return service, f"table {resource.removeprefix('table/').partition('/')[0]}"
    if service == "kinesis":
        return service, f"stream {resource.removeprefix('stream/').partition('/')[0]}"
    return service, f"{'queue' if service == 'sqs' else service} {resource.rpartition('/')[2]}"


def _of_table(connection: Connection, arn: str, source: str) -> dict[str, Any]:
    client = connection.client("dynamodbstreams")
    shards: list[Mapping[str, Any]] = []
    status = ""
    more: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        with calling("dynamodb:DescribeStream", f"the shards of {source}", resource=arn):
            told = client.describe_stream(StreamArn=arn, **more)["StreamDescription"]
        shards += told["Shards"]
        status = told["StreamStatus"]
        if not told.get("LastEvaluatedShardId"):
            break
        more = {"ExclusiveStartShardId": told["LastEvaluatedShardId"]}
    return {
        **_counted(shards),
        "kept_hours": DYNAMODB_KEEPS.total_seconds() / 3600,
        "per_shard_metrics": "none",
        "status": status,
    }


def _of_kinesis(connection: Connection, arn: str, source: str) -> dict[str, Any]:
    client = connection.client("kinesis")
    with calling("kinesis:DescribeStreamSummary", f"the state of {source}", resource=arn):
        told = client.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]
    shards: list[Mapping[str, Any]] = []
    asked: dict[str, Any] = {"StreamARN": arn}
    for _ in range(_MOST_PAGES):
        with calling("kinesis:ListShards", f"the shards of {source}", resource=arn):
            page = client.list_shards(**asked)
        shards += page["Shards"]
        if not page.get("NextToken"):
            break
        # Refused beside the stream's name, which boto3's own paginator goes on to send.
        asked = {"NextToken": page["NextToken"]}
    watched = {
        name for each in told.get("EnhancedMonitoring", []) for name in each["ShardLevelMetrics"]
    }
    return {
        **_counted(shards),
        "kept_hours": float(told["RetentionPeriodHours"]),
        "per_shard_metrics": ", ".join(sorted(watched)) or "none",
        "status": told["StreamStatus"],
    }


def _counted(shards: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    closed = sum("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in shards)
    return {"open": len(shards) - closed, "closed": closed}
