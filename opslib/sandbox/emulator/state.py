"""What is done inside the emulator: logs and streams read, its own delivery of streams ended.

In: a group's name, account and region; a stream's ARN. Out: events as `opslib.cwli` takes them,
records as Lambda delivers them, the mappings that say how. Old metrics are kept.
Its own API pages one stream at a time and makes one stream an invocation, which is too slow.

Source: ministack 1.5.33, ``services/cloudwatch_logs.py`` (``_log_groups``),
``services/cloudwatch.py`` (``_evict_old_metrics``, ``_dims_from_list``),
``services/lambda_svc.py`` (``_functions``, ``_esms``, ``_poll_kinesis``,
``_poll_dynamodb_streams``, ``_apply_filter_criteria``),
``services/dynamodb.py`` and ``services/kinesis.py`` (their streams), ``services/sqs.py``
(``_queues``, and what the poller of Lambda calls). Tests hold the pin.
"""

import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from ministack.core import lambda_runtime, responses
from ministack.services import (
    cloudwatch,
    cloudwatch_logs,
    dynamodb,
    dynamodb_streams,
    kinesis,
    lambda_svc,
    sqs,
)

from opslib.sandbox.datum import Place
from opslib.sandbox.live_metrics import Polled, QueueState
from opslib.sandbox.stream_pointer import Record


def keep_old_metrics() -> None:
    """Stop the emulator from dropping points two weeks before the wall's time, at each request.

    Under a pinned clock the whole history may be older than that.
    """
    cloudwatch._evict_old_metrics = _keep


def _keep() -> None:
    pass


def match_dimensions_exactly() -> None:
    """Let a request without dimensions match the metric without dimensions, and no other.

    The emulator takes no dimensions for any: it asks whether there are some by their truth.
    """
    dimensions_of = cloudwatch._dims_from_list
    cloudwatch._dims_from_list = lambda listed: _Dimensions(dimensions_of(listed))


class _Dimensions(dict[str, str]):
    """The dimensions of a request, of which none are some."""

    def __bool__(self) -> bool:
        return True


def log_events(group: str, *, account: str, region: str) -> list[dict[str, Any]] | None:
    """Copy the events of a log group; None when there is no such group.

    Returns
    -------
    Mappings of ``timestamp`` and ``ingestionTime`` (epoch ms), ``message``, ``logStream``, ``log``
    (``account:group``) and ``eventId``, stream by stream.
    """
    kept = log_lists(group, account=account, region=region)
    if kept is None:
        return None
    named = f"{account}:{group}"
    return [
        log_event(event, stream=stream, log=named)
        for stream, held in kept.items()
        for event in list(held)
    ]


def log_lists(group: str, *, account: str, region: str) -> dict[str, list[dict[str, Any]]] | None:
    """Give the emulator's own lists of events by stream; None when there is no such group.

    A list only ever grows at its end; a stream that has to be put in order gets another list.
    """
    found = _log_group(group, account=account, region=region)
    if found is None:
        return None
    return {stream: held["events"] for stream, held in list(found["streams"].items())}


def log_event(event: dict[str, Any], *, stream: str, log: str) -> dict[str, Any]:
    """Copy an event of the emulator's own, with where it stands."""
    return {
        "timestamp": event["timestamp"],
        "ingestionTime": event["ingestionTime"],
        "message": event["message"],
        "logStream": stream,
        "log": log,
        # What its own Lambda functions log has no id: it is given one that stays.
        "eventId": event.get("eventId") or event.setdefault("eventId", str(uuid.uuid4())),
    }


def log_streams(group: str, *, account: str, region: str) -> list[str] | None:
    """Name the log streams of a log group; None when there is no such group."""
    found = _log_group(group, account=account, region=region)
    return None if found is None else list(found["streams"])


def log_groups(*, account: str, region: str) -> list[str]:
    """Name the log groups of an account in a region."""
    return [
        name
        for (of_account, of_region, name), _ in cloudwatch_logs._log_groups.all_items()
        if (of_account, of_region) == (account, region)
    ]


def _log_group(group: str, *, account: str, region: str) -> Any:
    for key, found in cloudwatch_logs._log_groups.all_items():
        if key == (account, region, group):
            return found
    return None


# --- Streams and their mappings ---------------------------------------------------------------

_DYNAMODB_RETENTION = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class MappingRecord:
    """An event source mapping as the emulator keeps it; ``kept`` is its own record, to be changed.

    ``account`` and ``region`` are those it was made in.
    """

    account: str
    region: str
    kept: MutableMapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shards:
    """The shards of a stream, with the emulator's own lists of records behind them."""

    retention: timedelta
    _records: dict[str, Sequence[dict[str, Any]]]
    _read: Callable[[str, dict[str, Any]], Record]
    _number: Callable[[dict[str, Any]], str]

    def names(self) -> list[str]:
        """Name them."""
        return list(self._records)

    def last(self, shard_id: str) -> str:
        """Tell the sequence number of the newest record; empty when there is none."""
        records = self._records.get(shard_id)
        return self._number(records[-1]) if records else ""

    def last_before(self, shard_id: str, at: datetime) -> str:
        """Tell the sequence number of the newest record that came before an instant; or empty."""
        records = self._records.get(shard_id, ())
        count = bisect_left(records, at, key=lambda kept: self._read(shard_id, kept).arrived_at)
        return self._number(records[count - 1]) if count else ""

    def after(self, shard_id: str, sequence_number: str, *, limit: int) -> list[Record]:
        """Read the records behind a sequence number, oldest first; behind ``""``, all."""
        records = self._records.get(shard_id, ())
        start = bisect_right(records, sequence_number, key=self._number)
        return [self._read(shard_id, kept) for kept in records[start : start + limit]]


def leave_streams_alone() -> None:
    """Stop the emulator from delivering streams; its deliveries of queues go on."""
    lambda_svc._poll_kinesis = _deliver_nothing
    lambda_svc._poll_dynamodb_streams = _deliver_nothing


def _deliver_nothing() -> bool:
    return False


def mappings() -> list[MappingRecord]:
    """List the event source mappings of every account and region."""
    return [
        MappingRecord(account=account, region=region, kept=kept)
        for account, region, kept in lambda_svc._iter_all_esms()
    ]


def rename_mapping(mapping: MappingRecord, name: str) -> None:
    """Give a mapping another UUID."""
    mappings = lambda_svc._esms
    mappings._data[mapping.account, mapping.region, name] = mappings._data.pop(
        (mapping.account, mapping.region, mapping.kept["UUID"])
    )
    mapping.kept["UUID"] = name


def revise_function(arn: str, version: str, revision: str) -> None:
    """Give a function's ``$LATEST``, or a version of it, another RevisionId."""
    region, account, name = itemgetter(3, 4, 6)(arn.split(":"))
    function = lambda_svc._functions._data[account, region, name]
    held = function if version == "$LATEST" else function["versions"][version]
    held["config"]["RevisionId"] = revision


def filtered(records: Sequence[Record], mapping: MappingRecord) -> list[Record]:
    """Keep the records that a mapping's ``FilterCriteria`` let through."""
    let_through = lambda_svc._apply_filter_criteria
    return [record for record in records if let_through([record.event], mapping.kept)]


def shards(stream_arn: str) -> Shards | None:
    """Give the shards of a table's stream or a Kinesis stream; None when there is no such stream.

    A table's stream that was switched off is read as long as its records are kept.
    """
    _, _, service, region, account, resource = stream_arn.split(":", 5)
    if service == "kinesis":
        stream = kinesis._streams.get_scoped(account, region, resource.partition("/")[2])
        if stream is None or stream["StreamARN"] != stream_arn:
            return None
        return _kinesis_shards(stream)
    table, _, label = resource.removeprefix("table/").partition("/stream/")
    kept = dynamodb._tables.get_scoped(account, region, table)
    if kept is not None and kept.get("LatestStreamLabel") == label:
        records = dynamodb.stream_live_records(table, account_id=account, region=region)
    else:
        closed = dynamodb._closed_streams.get_scoped(account, region, stream_arn)
        if closed is None:
            return None
        records = closed["records"]
    return Shards(
        retention=_DYNAMODB_RETENTION,
        _records={dynamodb_streams._DEFAULT_SHARD_ID: records},
        _read=_change,
        _number=lambda kept: str(kept["dynamodb"]["SequenceNumber"]),
    )


def _kinesis_shards(stream: dict[str, Any]) -> Shards:
    _, _, _, region, account, _ = stream["StreamARN"].split(":", 5)

    def read(shard_id: str, kept: dict[str, Any]) -> Record:
        number = kept["SequenceNumber"]
        return Record(
            sequence_number=number,
            arrived_at=datetime.fromtimestamp(kept["ApproximateArrivalTimestamp"], UTC),
            event={
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": kept["PartitionKey"],
                    "sequenceNumber": number,
                    "data": kinesis._ensure_base64(kept["Data"]),
                    "approximateArrivalTimestamp": kept["ApproximateArrivalTimestamp"],
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{shard_id}:{number}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{account}:role/any",
                "awsRegion": region,
                "eventSourceARN": stream["StreamARN"],
            },
        )

    return Shards(
        retention=timedelta(hours=stream["RetentionPeriodHours"]),
        _records={name: shard["records"] for name, shard in stream["shards"].items()},
        _read=read,
        _number=lambda kept: str(kept["SequenceNumber"]),
    )


def _change(_shard_id: str, kept: dict[str, Any]) -> Record:
    """Read a change of a table; its sequence number begins with epoch ms in twenty digits."""
    number = str(kept["dynamodb"]["SequenceNumber"])
    return Record(
        sequence_number=number,
        arrived_at=datetime.fromtimestamp(int(number[:20]) / 1000, UTC),
        event=kept,
    )


def stop_workers() -> None:
    """End every warm Lambda worker, and so whatever it is running."""
    lambda_runtime.reset()


# --- Metrics ----------------------------------------------------------------------------------


def keep_no_lambda_metrics() -> None:
    """Stop the emulator from counting invocations: it counts those of Invoke alone."""
    lambda_svc._emit_lambda_metrics = _count_nothing


def _count_nothing(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
    pass


def running(function: str, place: Place) -> int:
    """Count the invocations of a function that are running now."""
    _, by_function = lambda_svc.executions_in_flight()
    return int(by_function.get(f"{place.account}:{place.region}:{function}", 0))


class QueueLook:
    """Looks at the queues; remembers when it first saw each dead letter where it is."""

    def __init__(self) -> None:
        self._moved_at: dict[str, float] = {}

    def states(self) -> list[QueueState]:
        """Tell how every queue stands, in every account and region."""
        now = datetime.now(UTC).timestamp()
        moved_at: dict[str, float] = {}
        found = []
        for (account, region, url), queue in sqs._queues.all_items():
            visible = in_flight = delayed = 0
            oldest_at = now
            for kept in list(queue["messages"]):
                seen = kept.get("receive_count", 0) > 0
                shown = kept.get("visible_at", now) <= now
                visible += shown
                in_flight += seen and not shown
                delayed += not seen and not shown
                at = kept.get("enqueued_at") or kept.get("sent_at") or now
                if "DeadLetterQueueSourceArn" in (kept.get("sys") or {}):
                    at = moved_at[url + kept["id"]] = self._moved_at.get(url + kept["id"], now)
                oldest_at = min(oldest_at, at)
            found.append(
                QueueState(
                    place=Place(account, region),
                    queue=url.rpartition("/")[2],
                    visible=visible,
                    in_flight=in_flight,
                    delayed=delayed,
                    oldest_age_s=now - oldest_at,
                )
            )
        self._moved_at = moved_at
        return found


def watch_polls(polled: Callable[[Polled], None]) -> None:
    """Be told, on its thread, what Lambda's own poller of queues receives and deletes."""
    sqs._receive_messages_for_esm = _Receives(polled)
    sqs._delete_messages_for_esm = _Deletes(polled)


class _Receives:
    _receive = staticmethod(sqs._receive_messages_for_esm)

    def __init__(self, polled: Callable[[Polled], None]) -> None:
        self._polled = polled

    def __call__(self, queue_url: str, max_number: int) -> list[dict[str, Any]]:
        received: list[dict[str, Any]] = self._receive(queue_url, max_number)
        self._polled(
            Polled(
                place=Place(responses.get_account_id(), responses.get_region()),
                queue=queue_url.rpartition("/")[2],
                received=len(received),
            )
        )
        return received


class _Deletes:
    _delete = staticmethod(sqs._delete_messages_for_esm)

    def __init__(self, polled: Callable[[Polled], None]) -> None:
        self._polled = polled

    def __call__(self, queue_url: str, receipt_handles: set[str]) -> None:
        self._delete(queue_url, receipt_handles)
        self._polled(
            Polled(
                place=Place(responses.get_account_id(), responses.get_region()),
                queue=queue_url.rpartition("/")[2],
                deleted=len(receipt_handles),
            )
        )
