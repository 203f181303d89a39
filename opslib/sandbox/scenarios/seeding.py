"""Puts told events and datapoints into the sandbox, over HTTP, within the APIs' limits.

In: events by log stream, datapoints by namespace. Out: PutLogEvents and PutMetricData calls, each
within its limits although the emulator enforces none, so that the same calls would do on AWS. Must
not know stories.

Source: PutLogEvents API: events in order of time, at most 10,000 of them and 1,048,576 bytes a call
(each counting its UTF-8 bytes plus 26), spanning at most 24 hours. PutMetricData API: at most 1,000
entries and 1 MB a request.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opslib.sandbox.api import Sandbox
from opslib.sandbox.lambda_lines import Line
from opslib.sandbox.scenarios.datapoints import Entries

MAX_EVENTS = 10_000
MAX_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
MAX_SPAN_MS = 24 * 3600 * 1000
# Far below the limit of 1,000, for the bytes of a request count too.
MAX_ENTRIES = 500


def put_events(sandbox: Sandbox, group: str, streams: Mapping[str, Iterable[Line]]) -> None:
    """Create the log streams in an existing log group and fill them.

    Parameters
    ----------
    sandbox
        Where to.
    group
        Name of the log group.
    streams
        Events by name of log stream, oldest first.
    """
    logs = sandbox.client("logs")
    for stream, events in streams.items():
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        for batch in batches(events):
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)


def put_metrics(sandbox: Sandbox, entries: Entries) -> None:
    """Publish datapoints; the emulator, unlike AWS, takes them for ``AWS/...`` namespaces too."""
    cloudwatch = sandbox.client("cloudwatch")
    for namespace, data in entries.items():
        for first in range(0, len(data), MAX_ENTRIES):
            cloudwatch.put_metric_data(
                Namespace=namespace, MetricData=data[first : first + MAX_ENTRIES]
            )


def batches(events: Iterable[Line]) -> Iterator[list[dict[str, Any]]]:
    """Part a stream's events into batches that PutLogEvents takes.

    Parameters
    ----------
    events
        Oldest first.

    Yields
    ------
    ``logEvents`` of one call.
    """
    batch: list[dict[str, Any]] = []
    size = 0
    for event in events:
        bytes_ = len(event.message.encode()) + EVENT_OVERHEAD_BYTES
        if batch and (
            len(batch) == MAX_EVENTS
            or size + bytes_ > MAX_BYTES
            or event.timestamp - batch[0]["timestamp"] > MAX_SPAN_MS
        ):
            yield batch
            batch, size = [], 0
        batch.append({"timestamp": event.timestamp, "message": event.message})
        size += bytes_
    if batch:
        yield batch
