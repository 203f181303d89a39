"""What waits in a dead-letter queue, and a peek into it that touches little and says what.

In: a `opslib.aws.Connection` and the name of a queue. Out: `Waiting` (how many, how long they are
kept, where they may come from) without touching a message, and `Peek`, a sample of the messages
taken apart. Deletes nothing and sends nothing; must not judge.

Facts leaned on
---------------
ReceiveMessage raises ApproximateReceiveCount whatever the visibility timeout, and a queue with a
redrive policy of its own moves a message on once that count is above its maximum; a message that is
in flight is nobody else's until its visibility ends, which ChangeMessageVisibility 0 does at once.
WaitTimeSeconds above 0 asks all of SQS's servers, 0 only some. The counts of a queue are
approximate (Amazon SQS developer guide; botocore).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pandas as pd

from opslib.aws import Connection, calling
from opslib.dead_letters.kinds import frame, letter
from opslib.errors import CouldNotLook
from opslib.metrics import Metric, wanted

# For so long a peek keeps what it reads to itself, so that no message comes twice.
_HOLD_S = 60
# Above 0 all servers are asked. The client gives up an answer after 10 s, so it stays well below.
_WAIT_S = 1
_MOST_PAGES = 20
_BATCH = 10
#: Beyond this a peek is a reading, which is not for looking.
MOST = 500
# Within an incident retries are seconds and minutes apart.
_APART = timedelta(hours=1)
_CAUSE = ["kind", "condition", "error", "invocations", "shard"]


@dataclass(frozen=True)
class Waiting:
    """A dead-letter queue as it stands, none of its messages touched.

    Parameters
    ----------
    name, arn, url
        The queue; arn and url are empty when it could not be seen.
    rows
        One row: ``visible``, ``in_flight``, ``delayed`` (Int64, messages, approximate),
        ``kept_days`` (float64), ``visibility_s`` (float64), ``moves_on_to`` (str, the queue of its
        own redrive policy, or empty), ``filled_by`` (str, the queues whose redrive policy names it,
        or empty), ``read_by`` (str, functions that a mapping feeds from it). Empty when not seen.
    limits
        A sentence for everything that could not be seen.
    """

    name: str
    arn: str
    url: str
    rows: pd.DataFrame
    limits: tuple[str, ...] = ()

    @property
    def depth(self) -> int | None:
        """How many messages are visible, about; None when that was not seen."""
        return None if self.rows.empty else int(self.rows["visible"].iloc[0])

    @property
    def hidden(self) -> int:
        """How many messages are in flight or delayed, about; 0 when that was not seen."""
        return (
            0 if self.rows.empty else int(self.rows[["in_flight", "delayed"]].sum(axis=1).iloc[0])
        )

    def fact(self, column: str) -> Any:
        """Return one cell of the row; None when it was not seen."""
        return None if self.rows.empty else self.rows[column].iloc[0]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Peek:
    """A sample of a queue's messages, and what taking it touched.

    Parameters
    ----------
    rows
        One row a message, oldest first: ``message_id``, ``kind`` (`Kind`), ``sent_at`` (to this
        queue, or to the first one when SQS moved it), ``receives`` (before this peek),
        ``given_up_at``, ``condition``, ``error``, ``invocations``, ``source`` (ARN of the stream,
        queue or function), ``shard``, ``first_sequence``, ``last_sequence``, ``records``,
        ``first_arrived_at``, ``last_arrived_at``. What a kind does not say is missing.
    of
        How many messages the queue said to have, about; None when not known.
    touched
        What taking the sample changed, in a sentence.
    limits
        A sentence for everything that could not be seen.
    """

    rows: pd.DataFrame
    of: int | None
    touched: str
    limits: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every message that the queue said to have was read."""
        return self.of is not None and len(self.rows) >= self.of and not self.limits

    @property
    def coverage(self) -> str:
        """How much of the queue the sample is."""
        if self.of is None:
            return "Nothing was read."
        return f"A sample of {len(self.rows):,} of about {self.of:,} messages."

    def __str__(self) -> str:
        return f"{len(self.rows)} letters"

    @property
    def causes(self) -> pd.DataFrame:
        """The letters by what they have in common, most first.

        One row a group: ``letters``, ``records`` (int64; a pointer's records, otherwise 0),
        ``kind``, ``condition``, ``error``, ``invocations``, ``first_at``, ``last_at`` (when they
        were given up; of letters that do not say so, when they were sent), ``shard``.
        Letters more than an hour apart are of two incidents. Empty when ``rows`` is.
        """
        dated = self.rows.assign(
            at=self.rows["given_up_at"].fillna(self.rows["sent_at"]),
            records=self.rows["records"].fillna(0).astype("int64"),
        ).sort_values("at")
        incident = (dated["at"].diff() > _APART).cumsum()
        groups = dated.groupby([*_CAUSE, incident.rename("incident")], dropna=False).agg(
            letters=("message_id", "size"),
            records=("records", "sum"),
            first_at=("at", "min"),
            last_at=("at", "max"),
        )
        order = ["letters", "first_at"]
        ranked = groups.reset_index().sort_values(order, ascending=[False, True])
        columns = ["letters", "records", *_CAUSE[:-1], "first_at", "last_at", _CAUSE[-1]]
        return ranked[columns].reset_index(drop=True)


def queue_metrics(queue: str) -> list[Metric]:
    """Return the metrics of a dead-letter queue: its depth a minute and its oldest message.

    Returns
    -------
    ``waiting`` (visible messages, Maximum a minute) and ``oldest_s`` (Maximum a minute; on a
    standard queue since a message was moved there). Empty when there is no queue.
    """
    if not queue:
        return []
    return [
        wanted.VISIBLE.of(queue, name="waiting", every_s=60),
        wanted.OLDEST.of(queue, name="oldest_s", every_s=60),
    ]


def lost_metrics(function: str) -> list[Metric]:
    """Return what counts the letters of a function that came to no queue, Sum of 5 minutes.

    Returns
    -------
    ``dead_letter_errors`` and ``delivery_failures``, which have a datapoint only where there was
    one.
    """
    return [
        wanted.DEAD_LETTER_ERRORS.of(function, name="dead_letter_errors", every_s=300),
        wanted.DELIVERY_FAILURES.of(function, name="delivery_failures", every_s=300),
    ]


def waiting(connection: Connection, queue: str) -> Waiting:
    """Look at a dead-letter queue without touching a message of it.

    Parameters
    ----------
    queue
        Its name; empty for a function whose params name none.
    """
    empty = pd.DataFrame(_attributes({}, moves_on_to="", filled_by="", read_by="")).head(0)
    if not queue:
        said = "Not seen: dead letters. The params file names no dead_letter_queue of the function."
        return Waiting("", "", "", empty, (said,))
    sqs = connection.client("sqs")
    arn = connection.system.arn("sqs", queue)
    try:
        with calling("sqs:GetQueueAttributes", f"the state of {queue}", resource=arn):
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    except CouldNotLook as error:
        return Waiting(queue, "", "", empty, (error.message,))
    limits: list[str] = []
    names = {"filled_by": "", "read_by": ""}
    for column, look in (("filled_by", _filled_by), ("read_by", _read_by)):
        try:
            names[column] = ", ".join(look(connection, queue, url, answer["QueueArn"]))
        except CouldNotLook as error:
            limits.append(error.message)
    target = json.loads(answer.get("RedrivePolicy") or "{}").get("deadLetterTargetArn", "")
    row = _attributes(answer, moves_on_to=target.rpartition(":")[2], **names)
    return Waiting(queue, answer["QueueArn"], url, pd.DataFrame(row), tuple(limits))


def peek(connection: Connection, queue: Waiting, *, most: int, may_move: bool = False) -> Peek:
    """Read some messages of a dead-letter queue, and put them back at once.

    Parameters
    ----------
    queue
        As `waiting` saw it. A queue that is no dead-letter queue of the system, or that feeds a
        function, is not read: a message in flight would be kept from its consumer.
    most
        The largest sample; 0 reads nothing.
    may_move
        Read a queue with a redrive policy of its own too, though a receive may move a message on.
    """
    if queue.depth is None or most <= 0:
        return Peek(frame([]), queue.depth, "No message was touched.")
    refusal = _refusal(connection, queue, may_move=may_move)
    if refusal:
        return Peek(frame([]), queue.depth, "No message was touched.", (refusal,))
    receiver = _Receiver(connection.client("sqs"), queue)
    try:
        receiver.read(min(most, MOST), expected=queue.depth)
    finally:
        receiver.put_back()
    rows = frame([letter(message) for message in receiver.messages])
    return Peek(rows, queue.depth, receiver.touched, tuple(receiver.limits))


@dataclass
class _Receiver:
    """Reads messages, each once, and gives them back."""

    client: Any
    queue: Waiting
    limits: list[str] = field(default_factory=list)
    _held: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _receives: int = 0
    _hidden: int = 0

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        return list(self._held.values())

    @property
    def touched(self) -> str:
        """Say what was changed by reading."""
        if not self._held:
            return "No message was touched: none came."
        extra = self._receives - len(self._held)
        again = f"; {extra} came more than once" if extra else ""
        hidden = (
            f"{self._hidden} of them could not be put back and stay hidden for up to {_HOLD_S} s"
            if self._hidden
            else "all were put back at once"
        )
        return (
            f"Touched: the receive count of {len(self._held)} messages was raised by one{again}; "
            f"{hidden}. None was deleted."
        )

    def read(self, most: int, *, expected: int) -> None:
        """Receive until there is nothing more, or enough; a failure ends it and is said."""
        empty = 0
        # A queue with few messages gives fewer than it is asked for; twice the calls is the bound.
        for _ in range(2 * (most // _BATCH + 1) + 2):
            wanted = min(_BATCH, most - len(self._held))
            if wanted <= 0 or empty > (len(self._held) < expected):
                return
            try:
                page = self._receive(wanted)
            except CouldNotLook as error:
                self.limits.append(error.message)
                return
            self._receives += len(page)
            fresh = [each for each in page if each["MessageId"] not in self._held]
            # The newest handle is the one that puts a message back.
            self._held |= {each["MessageId"]: each for each in page}
            empty = 0 if fresh else empty + 1

    def put_back(self) -> None:
        """End the visibility timeout of everything held."""
        held = self.messages
        for first in range(0, len(held), _BATCH):
            part = held[first : first + _BATCH]
            try:
                self._hidden += self._release(part)
            except CouldNotLook as error:
                self._hidden += len(part)
                self.limits.append(error.message)

    def _receive(self, wanted: int) -> list[Mapping[str, Any]]:
        with calling("sqs:ReceiveMessage", f"messages of {self.queue}", resource=self.queue.arn):
            answer = self.client.receive_message(
                QueueUrl=self.queue.url,
                MaxNumberOfMessages=wanted,
                WaitTimeSeconds=_WAIT_S,
                VisibilityTimeout=_HOLD_S,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        return list(answer.get("Messages", []))

    def _release(self, part: Sequence[Mapping[str, Any]]) -> int:
        """Put some back; return how many were not."""
        subject = f"that messages of {self.queue} were put back"
        with calling("sqs:ChangeMessageVisibility", subject, resource=self.queue.arn):
            answer = self.client.change_message_visibility_batch(
                QueueUrl=self.queue.url,
                Entries=[
                    {
                        "Id": str(place),
                        "ReceiptHandle": message["ReceiptHandle"],
                        "VisibilityTimeout": 0,
                    }
                    for place, message in enumerate(part)
                ],
            )
        return len(answer.get("Failed", []))


def _refusal(connection: Connection, queue: Waiting, *, may_move: bool) -> str:
    """Say why a queue is not read; empty when it is."""
    system = connection.system
    named = {each.dead_letter_queue for each in system.functions}
    named |= {each.dead_letter_queue for each in system.queues}
    named |= {each.name for each in system.queues if each.kind == "dead-letter"}
    if queue.name not in named:
        return (
            f"Not read: messages of {queue}. It is no dead-letter queue of {system.name}; reading "
            "a source queue keeps messages from its consumer."
        )
    if queue.fact("read_by"):
        return (
            f"Not read: messages of {queue}. It feeds {queue.fact('read_by')}, which would miss "
            "what is being read."
        )
    if queue.fact("moves_on_to") and not may_move:
        return (
            f"Not read: messages of {queue}. It has a redrive policy of its own, so a receive can "
            f"move a message on to {queue.fact('moves_on_to')}. Set `may_move` to read it anyway."
        )
    return ""


def _attributes(answer: Mapping[str, str], **names: str) -> dict[str, Any]:
    """Return the columns of `Waiting.rows`, one value each."""
    counts = {
        "visible": "ApproximateNumberOfMessages",
        "in_flight": "ApproximateNumberOfMessagesNotVisible",
        "delayed": "ApproximateNumberOfMessagesDelayed",
    }
    columns: dict[str, Any] = {
        column: pd.array([int(answer.get(attribute, 0))], dtype="Int64")
        for column, attribute in counts.items()
    }
    columns["kept_days"] = [float(answer.get("MessageRetentionPeriod", "nan")) / 86_400]
    columns["visibility_s"] = [float(answer.get("VisibilityTimeout", "nan"))]
    return columns | {name: [value] for name, value in names.items()}


def _filled_by(connection: Connection, queue: str, url: str, arn: str) -> list[str]:
    """Name the queues whose redrive policy sends messages here."""
    found: list[str] = []
    more: dict[str, Any] = {}
    subject = f"which queues send their dead letters to {queue}"
    for _ in range(_MOST_PAGES):
        with calling("sqs:ListDeadLetterSourceQueues", subject, resource=arn):
            page = connection.client("sqs").list_dead_letter_source_queues(QueueUrl=url, **more)
        found += [each.rpartition("/")[2] for each in page.get("queueUrls", [])]
        if not page.get("NextToken"):
            break
        more = {"MaxResults": 1000, "NextToken": page["NextToken"]}
    return found


def _read_by(connection: Connection, queue: str, url: str, arn: str) -> list[str]:
    """Name the functions that a mapping feeds from here."""
    subject = f"whether {queue} feeds a function"
    pages = connection.client("lambda").get_paginator("list_event_source_mappings")
    with calling("lambda:ListEventSourceMappings", subject):
        return [
            mapping["FunctionArn"].partition(":function:")[2]
            for page in pages.paginate(EventSourceArn=arn, PaginationConfig={"MaxItems": 100})
            for mapping in page["EventSourceMappings"]
        ]
