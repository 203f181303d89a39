"""The parts of a system: functions, queues, streams, tables, buckets, alarms, channels, guard.

Each is what a params file says of one thing, not what AWS says of it: a runbook asks AWS, and holds
the two together. A thing that is named here has to be listed in its own list too, which
`opslib.system.models` checks.
"""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field

from opslib.system.model import Environment, Model, Name, Severity, Text
from opslib.system.thresholds import Thresholds

_Names = Annotated[tuple[Name, ...], Field(strict=False)]
_Texts = Annotated[tuple[Text, ...], Field(strict=False)]


class Function(Model):
    """A Lambda function.

    One that names a table or a stream reads records: it is expected to be invoked, and to have an
    iterator age.
    """

    name: Name = Field(description="Its name in AWS.", examples=["orders-ingest"])
    known_as: Name | None = Field(
        default=None, description="What its people and its guide call it; it is found by that too."
    )
    about: Text | None = Field(default=None, description="What it does, in a sentence.")
    dead_letter_queue: Name | None = Field(
        default=None, description="The queue where its failures go; one of `queues`."
    )
    table: Name | None = Field(
        default=None, description="The DynamoDB table whose stream it reads; one of `tables`."
    )
    stream: Name | None = Field(
        default=None, description="The Kinesis stream it reads; one of `streams`."
    )
    queues: _Names = Field(
        default=(), description="The work queues that feed it, of those listed in `queues`."
    )
    buckets: _Names = Field(
        default=(), description="The buckets whose notifications invoke it; of `buckets`."
    )
    alias: Name | None = Field(
        default=None,
        description="The alias that traffic uses. Without one, traffic is on $LATEST.",
        examples=["live"],
    )
    critical: bool = Field(
        default=False, description="Whether an hour without invocations is an incident by itself."
    )
    batch_lines: bool = Field(
        default=False,
        description="Whether it logs a line a batch that counts its failed records, so that a "
        "window without one proves nothing.",
    )
    timeout_s: int | None = Field(
        default=None, ge=1, le=900, description="What its timeout should be, in seconds."
    )
    memory_mb: int | None = Field(
        default=None, ge=128, le=10_240, description="What its memory should be, in MB."
    )
    log_group: Name | None = Field(
        default=None,
        description="Its log group, where its own configuration does not say which it is.",
        examples=["/aws/lambda/orders-ingest"],
    )
    thresholds: Thresholds | None = Field(
        default=None, description="Thresholds of this function in place of the system's."
    )

    @property
    def reads_stream(self) -> bool:
        """Whether it is fed by a table's stream or by a Kinesis stream."""
        return self.table is not None or self.stream is not None


class Queue(Model):
    """An SQS queue."""

    name: Name = Field(description="Its name in AWS.", examples=["orders-dlq"])
    kind: Literal["work", "dead-letter"] = Field(
        default="work",
        description="`dead-letter` for where failures go. Left out, it is that if something names "
        "it as its dead_letter_queue, else `work`.",
    )
    fed_by: _Names = Field(default=(), description="The functions that send to it.")
    dead_letter_queue: Name | None = Field(
        default=None, description="The queue its own redrive policy moves messages to."
    )


class Stream(Model):
    """A Kinesis data stream."""

    name: Name = Field(description="Its name in AWS.", examples=["orders-stream"])
    fed_by: _Names = Field(default=(), description="The functions that put records on it.")
    retention_hours: int | None = Field(
        default=None,
        ge=24,
        le=8_760,
        description="How long it keeps a record, in hours: AWS's default is 24.",
    )


class Table(Model):
    """A DynamoDB table."""

    name: Name = Field(description="Its name in AWS.", examples=["orders"])
    stream: bool | None = Field(
        default=None, description="Whether it should have a stream; a function that reads it says."
    )


class Bucket(Model):
    """An S3 bucket."""

    name: Name = Field(description="Its name in AWS.", examples=["orders-inbox"])


class Alarm(Model):
    """A CloudWatch alarm as its guide or stack defines it: what it says, and what to do then."""

    name: Name = Field(
        description="Its name in AWS; of an alarm that is not deployed, what the guide calls it."
    )
    namespace: Name = Field(description="The namespace of its metric.", examples=["AWS/Lambda"])
    metric: Name = Field(description="The name of its metric.", examples=["Errors"])
    threshold: Text = Field(
        description="When it fires, in words.", examples=["> 5 % of invocations in 5 minutes"]
    )
    severity: Severity | None = Field(default=None, description="How urgent it is.")
    channel: Name | None = Field(default=None, description="Where it is told; one of `channels`.")
    action: Text | None = Field(default=None, description="What to do when it fires.")
    recovery: Text | None = Field(default=None, description="When it is over.")
    watches: _Names = Field(
        default=(),
        description="Names of the functions, queues, streams or tables it is about. Left out, it "
        "is about all that have the metric.",
    )
    deployed: bool = Field(
        default=True, description="False for one that a guide recommends and nobody has made yet."
    )
    source: Text | None = Field(default=None, description="Who says so.")


class Channel(Model):
    """Where people are told."""

    name: Name = Field(description="What alarms call it.", examples=["on-call"])
    kind: Literal["pagerduty", "slack", "email"] = Field(description="The service.")
    severity: Severity = Field(description="How urgent is what is told here.")
    address: Text | None = Field(
        default=None,
        description="The schedule, the Slack channel, the address. Never a webhook or a key.",
        examples=["#orders-operations"],
    )
    told: _Texts = Field(default=(), description="What is told here, in words.")


class Guard(Model):
    """What a change may touch. A remedy that goes beyond it is refused, whoever approves it."""

    environments: Annotated[tuple[Environment, ...], Field(strict=False)] = Field(
        default=("sandbox",),
        description="The environments in which changes may be made. A file that is copied and "
        "given another environment allows no change until this says so.",
    )
    protected: _Names = Field(
        default=(),
        description="Names of what is never changed; `*` stands for any letters.",
        examples=[["orders", "orders-*-archive"]],
    )
    most_messages: int = Field(
        default=1_000, ge=0, description="The most messages that one change may touch."
    )
    largest_factor: float = Field(
        default=4,
        ge=1,
        description="The largest size of a change: how many times the old value the new one may "
        "be, or the old the new (memory, timeout, concurrency, capacity).",
    )

    def protects(self, name: str) -> bool:
        """Return whether the thing of that name is never to be changed."""
        return any(fnmatchcase(name, pattern) for pattern in self.protected)
