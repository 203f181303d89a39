"""Message move tasks of SQS: dead letters go back where they came from, or elsewhere.

In: decoded bodies of StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask. Out:
decoded answers, or `Refused`. The messages are moved by plain calls of the emulator, beside the
server's other work, until the task is done, cancelled or failed. Must not know HTTP.

A moved message is a new one: new id, new time, received by nobody yet. A task moves as many as were
there when it began, so that a message which fails again is not moved in circles.

Source: SQS API reference; SQS developer guide, "Configuring a dead-letter queue redrive" and
"Troubleshooting DLQ redrive"; error texts and members of answers as recorded from AWS in the public
snapshots of an emulator's tests (2024). Not documented: whether a message of a FIFO queue keeps its
deduplication id; here it gets a new one, else it would be dropped within five minutes of sending.
"""

import asyncio
import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any

from opslib.sandbox.calls import Emulator
from opslib.sandbox.clock import Clock
from opslib.sandbox.operations import Refused, ServiceError
from opslib.sandbox.queues import Queues

RATE_LIMIT = 500
LISTED_LIMIT = 10
_BATCH = 10


@dataclass(kw_only=True)
class Task:
    """One task. ``started_ms`` is epoch milliseconds; ``rate`` messages a second."""

    source_arn: str
    destination_arn: str | None
    rate: int | None
    to_move: int
    started_ms: int
    account: str
    region: str
    task_id: str
    moved: int = 0
    status: str = "RUNNING"
    failure: str | None = None

    @property
    def handle(self) -> str:
        """What names the task to a client, opaque."""
        told = {"taskId": self.task_id, "sourceArn": self.source_arn}
        return base64.b64encode(json.dumps(told).encode()).decode()

    def listed(self) -> dict[str, Any]:
        """Tell the task as ListMessageMoveTasks does; what does not apply is left out."""
        told = {
            "TaskHandle": self.handle if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source_arn,
            "DestinationArn": self.destination_arn,
            "MaxNumberOfMessagesPerSecond": self.rate,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.failure,
            "StartedTimestamp": self.started_ms,
        }
        return {name: value for name, value in told.items() if value is not None}


class MessageMoves:
    """The tasks of one server, oldest first."""

    def __init__(self, *, emulator: Emulator, clock: Clock) -> None:
        self._emulator = emulator
        self._clock = clock
        self._tasks: list[Task] = []
        self._begun: asyncio.Queue[Task] = asyncio.Queue()

    async def run(self) -> None:
        """Move messages until cancelled; a companion of the server."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._move(await self._begun.get()))

    async def start(self, body: dict[str, Any], *, account: str, region: str) -> dict[str, Any]:
        """Answer StartMessageMoveTask."""
        source, destination = body.get("SourceArn"), body.get("DestinationArn") or None
        rate = body.get("MaxNumberOfMessagesPerSecond")
        if not isinstance(source, str) or not source:
            raise _missing("SourceArn")
        if rate is not None and not (isinstance(rate, int) and 1 <= rate <= RATE_LIMIT):
            raise _invalid_number("MaxNumberOfMessagesPerSecond", RATE_LIMIT)
        sqs = Queues(self._emulator, account=account, region=region)
        url = await sqs.url(source)
        if url is None:
            raise _no_resource("SourceArn")
        if destination is not None and await sqs.url(destination) is None:
            raise _no_resource("DestinationArn")
        if not await sqs.sources(source):
            raise _invalid("Source queue must be configured as a Dead Letter Queue.")
        if any(task.source_arn == source and task.status == "RUNNING" for task in self._tasks):
            raise _invalid(
                "There is already a task running. Only one active task is allowed for a source "
                "queue arn at a given time."
            )
        task = Task(
            source_arn=source,
            destination_arn=destination,
            rate=rate,
            to_move=await sqs.visible(url),
            started_ms=round(self._clock.now().timestamp() * 1000),
            account=account,
            region=region,
            task_id=str(uuid.uuid4()),
        )
        self._tasks.append(task)
        self._begun.put_nowait(task)
        return {"TaskHandle": task.handle}

    async def listed(self, body: dict[str, Any], *, account: str, region: str) -> dict[str, Any]:
        """Answer ListMessageMoveTasks: the newest first, one unless more are asked for."""
        source, most = body.get("SourceArn"), body.get("MaxResults", 1)
        if not isinstance(source, str) or not source:
            raise _missing("SourceArn")
        if not (isinstance(most, int) and 1 <= most <= LISTED_LIMIT):
            raise _invalid_number("MaxResults", LISTED_LIMIT)
        if await Queues(self._emulator, account=account, region=region).url(source) is None:
            raise _no_resource("SourceArn")
        found = [task.listed() for task in reversed(self._tasks) if task.source_arn == source]
        return {"Results": found[:most]}

    async def cancel(self, body: dict[str, Any], *, account: str, region: str) -> dict[str, Any]:
        """Answer CancelMessageMoveTask; what was moved stays moved."""
        try:
            named = json.loads(base64.b64decode(str(body.get("TaskHandle")), validate=True))
            task_id, source = str(named["taskId"]), str(named["sourceArn"])
        except (ValueError, TypeError, KeyError) as error:
            raise _invalid("Value for parameter TaskHandle is invalid.") from error
        if await Queues(self._emulator, account=account, region=region).url(source) is None:
            raise _no_resource("SourceArn")
        for task in self._tasks:
            if task.task_id == task_id:
                if task.status != "RUNNING":
                    raise _invalid("Only active tasks can be cancelled.")
                task.status = "CANCELLING"
                return {"ApproximateNumberOfMessagesMoved": task.moved}
        raise Refused(
            ServiceError(
                code="ResourceNotFoundException", message="Task does not exist.", status=404
            )
        )

    async def _move(self, task: Task) -> None:
        sqs = Queues(self._emulator, account=task.account, region=task.region)
        try:
            # One turn of the loop at least, so that whoever started it can see it run.
            await asyncio.sleep(0)
            while task.status == "RUNNING" and task.moved < task.to_move:
                some = min(_BATCH, task.rate or _BATCH, task.to_move - task.moved)
                if not await self._moved(task, sqs, some):
                    break
                # A task without a rate of its own goes as fast as the documented maximum.
                await asyncio.sleep(some / (task.rate or RATE_LIMIT))
        except Refused as refused:
            # As AWS writes a reason: the code of the older protocol.
            task.status, task.failure = "FAILED", refused.error.query_code or refused.error.code
        except _NoOrigin:
            task.status, task.failure = "FAILED", "CouldNotDetermineMessageSource"
        else:
            task.status = "CANCELLED" if task.status == "CANCELLING" else "COMPLETED"

    async def _moved(self, task: Task, sqs: Queues, some: int) -> bool:
        """Move some messages; say whether there were any."""
        messages = await sqs.receive(task.source_arn, some)
        for at, message in enumerate(messages):
            if task.status != "RUNNING":
                await sqs.show(task.source_arn, messages[at:])
                break
            try:
                await sqs.send(task.destination_arn or _origin(message), message)
            except (Refused, _NoOrigin):
                await sqs.show(task.source_arn, messages[at:])
                raise
            await sqs.delete(task.source_arn, message)
            task.moved += 1
        return bool(messages)


class _NoOrigin(Exception):
    """A message does not say from which queue it came: it was sent to this one."""


def _origin(message: dict[str, Any]) -> str:
    arn = message.get("Attributes", {}).get("DeadLetterQueueSourceArn")
    if not arn:
        raise _NoOrigin
    return str(arn)


def _invalid(message: str) -> Refused:
    code = "InvalidParameterValue"
    return Refused(ServiceError(code=code, message=message, query_code=code))


def _invalid_number(name: str, most: int) -> Refused:
    return _invalid(
        f"Value for parameter {name} is invalid. Reason: You must enter a number that's between "
        f"1 and {most}."
    )


def _missing(name: str) -> Refused:
    return Refused(
        ServiceError(
            code="MissingParameter",
            message=f"The request must contain the parameter {name}.",
            query_code="MissingParameter",
        )
    )


def _no_resource(name: str) -> Refused:
    return Refused(
        ServiceError(
            code="ResourceNotFoundException",
            message=f"The resource that you specified for the {name} parameter doesn't exist.",
            status=404,
        )
    )
