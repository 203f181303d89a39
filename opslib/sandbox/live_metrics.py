"""The datapoints that AWS keeps of functions, stream mappings and queues, from what happened.

In: invocations, deliveries of streams, the state of queues, what Lambda's poller took from them.
Out: `Datum`, one value each, dated by the wall's clock. Nothing happened, no datum; but a queue is
told of as it stands. Must not know how they are kept, or who asks for them.

Source: AWS Lambda Developer Guide, "Types of metrics for Lambda functions": a throttled request is
in Throttles alone; an error is dated by the start of its invocation; an invocation by alias or
version is counted under ``FunctionName``, and again with ``Resource`` (``function:alias``).
Amazon SQS Developer Guide, "Available CloudWatch metrics". Amazon Kinesis Data Streams Developer
Guide, "Monitoring with CloudWatch".

ConcurrentExecutions is what was running, itself included, as each invocation ended: over a minute
the same numbers as at their starts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from opslib.sandbox.datum import Datum, Metric, Place
from opslib.sandbox.lambda_invocations import LiveInvocation

INVOCATIONS = Metric("AWS/Lambda", "Invocations", "Count")
ERRORS = Metric("AWS/Lambda", "Errors", "Count")
THROTTLES = Metric("AWS/Lambda", "Throttles", "Count")
DURATION = Metric("AWS/Lambda", "Duration", "Milliseconds")
CONCURRENT = Metric("AWS/Lambda", "ConcurrentExecutions", "Count")
ITERATOR_AGE = Metric("AWS/Lambda", "IteratorAge", "Milliseconds")
UNDELIVERED = Metric("AWS/Lambda", "DestinationDeliveryFailures", "Count")
STREAM_AGE = Metric("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "Milliseconds")
VISIBLE = Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Count")
NOT_VISIBLE = Metric("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "Count")
DELAYED = Metric("AWS/SQS", "ApproximateNumberOfMessagesDelayed", "Count")
OLDEST = Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Seconds")
SENT = Metric("AWS/SQS", "NumberOfMessagesSent", "Count")
RECEIVED = Metric("AWS/SQS", "NumberOfMessagesReceived", "Count")
DELETED = Metric("AWS/SQS", "NumberOfMessagesDeleted", "Count")


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """Records of a stream, handed to a function; ``iterator_age`` is that of the last of them."""

    place: Place
    function: str
    qualifier: str | None
    stream_arn: str
    at: datetime
    iterator_age: timedelta


@dataclass(frozen=True, kw_only=True)
class Pointed:
    """A pointer message was sent to a destination, or could not be."""

    place: Place
    function: str
    destination: str
    sent: bool
    at: datetime


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """A queue as it stands; ``oldest_age_s`` is 0 for an empty one."""

    place: Place
    queue: str
    visible: int
    in_flight: int
    delayed: int
    oldest_age_s: float


@dataclass(frozen=True, kw_only=True)
class Polled:
    """Messages that Lambda's poller received from a queue, or deleted from it."""

    place: Place
    queue: str
    received: int = 0
    deleted: int = 0


def of_invocation(invocation: LiveInvocation, *, concurrent: int) -> Iterator[Datum]:
    """Tell of an invocation that ended, or was throttled.

    Parameters
    ----------
    concurrent
        How many of the function's were running as it ended, itself included.
    """
    place = Place(invocation.account, invocation.region)
    qualifier = next(iter(invocation.invoked_arn.split(":")[7:]), None)
    values = {THROTTLES: 1.0}
    if invocation.status != "throttled":
        values = {
            INVOCATIONS: 1.0,
            ERRORS: 0.0 if invocation.status == "success" else 1.0,
            THROTTLES: 0.0,
            # As REPORT has it.
            DURATION: round(invocation.duration_ms, 2),
            CONCURRENT: float(concurrent),
        }
    for metric, value in values.items():
        yield from _of_function(
            place, invocation.function, qualifier, metric, at=invocation.at, value=value
        )


def of_delivery(event: Delivered | Pointed) -> Iterator[Datum]:
    """Tell of what a stream mapping did."""
    place, at = event.place, event.at
    if isinstance(event, Delivered):
        age_ms = event.iterator_age / timedelta(milliseconds=1)
        yield from _of_function(
            place, event.function, event.qualifier, ITERATOR_AGE, at=at, value=age_ms
        )
        if ":kinesis:" in event.stream_arn:
            stream = (("StreamName", event.stream_arn.rpartition("/")[2]),)
            yield Datum(place=place, metric=STREAM_AGE, dimensions=stream, at=at, value=age_ms)
    elif not event.sent:
        yield from _of_function(place, event.function, None, UNDELIVERED, at=at, value=1.0)
    elif ":sqs:" in event.destination:
        yield of_queue(place, event.destination.rpartition(":")[2], SENT, at=at, value=1)


def of_state(state: QueueState, *, at: datetime) -> Iterator[Datum]:
    """Tell of a queue as it stands."""
    for metric, value in (
        (VISIBLE, state.visible),
        (NOT_VISIBLE, state.in_flight),
        (DELAYED, state.delayed),
        (OLDEST, state.oldest_age_s),
    ):
        yield of_queue(state.place, state.queue, metric, at=at, value=value)


def of_polled(polled: Polled, *, at: datetime) -> Iterator[Datum]:
    """Tell of what Lambda's poller of a queue did."""
    for metric, value in ((RECEIVED, polled.received), (DELETED, polled.deleted)):
        if value:
            yield of_queue(polled.place, polled.queue, metric, at=at, value=value)


def of_queue(place: Place, queue: str, metric: Metric, *, at: datetime, value: float) -> Datum:
    """Make the datum of a queue."""
    dimensions = (("QueueName", queue),)
    return Datum(place=place, metric=metric, dimensions=dimensions, at=at, value=float(value))


def _of_function(
    place: Place,
    function: str,
    qualifier: str | None,
    metric: Metric,
    *,
    at: datetime,
    value: float,
) -> Iterator[Datum]:
    by_function = (("FunctionName", function),)
    yield Datum(place=place, metric=metric, dimensions=by_function, at=at, value=value)
    if qualifier and qualifier != "$LATEST":
        by_resource = (*by_function, ("Resource", f"{function}:{qualifier}"))
        yield Datum(place=place, metric=metric, dimensions=by_resource, at=at, value=value)
