"""What can be done to a dead-letter queue: keep its messages longer, move them back, discard them.

In: the queue as `opslib.dead_letters.waiting` saw it, and what was found in it. Out: plans, or None
where one does not apply. Makes no call. Replaying what pointers name is no plan of this module: it
has to read the records first.

Source: Amazon SQS API reference. SetQueueAttributes: retention of 60 s to 14 days, up to 15 minutes
until it holds. StartMessageMoveTask: only from a queue that other SQS queues name in their redrive
policy, without a destination back to each message's own source; not from one that Lambda or SNS
fills. PurgeQueue: irreversible, takes up to 60 s, takes what is in flight and may take what is sent
meanwhile.
"""

from opslib.dead_letters import Kind, Peek, Waiting
from opslib.remedy import Call, Plan
from opslib.streams import Left

_LONGEST_S = 1_209_600
_DAY_S = 86_400


def keep_longer(queue: Waiting, peek: Peek, *, account: str, region: str) -> Plan | None:
    """Plan the longest retention for a queue some of whose letters are no pointers.

    None when it has that already, was not seen, or holds only pointers: for these it is the stream
    that forgets.
    """
    kept_days = queue.fact("kept_days")
    pointers = {Kind.DYNAMODB.value, Kind.KINESIS.value}
    if not kept_days or peek.rows.empty or set(peek.rows["kind"]) <= pointers:
        return None
    kept_s = round(kept_days * _DAY_S)
    if kept_s >= _LONGEST_S:
        return None
    return Plan(
        action=f"Keep the messages of {queue} for 14 days instead of {kept_days:g}",
        subject=queue.arn,
        calls=(_retention(queue, _LONGEST_S, account=account, region=region),),
        before={"MessageRetentionPeriod": str(kept_s)},
        after={"MessageRetentionPeriod": str(_LONGEST_S)},
        touches="Every message of the queue, those that wait included. It costs nothing.",
        check="GetQueueAttributes shows 1209600; it can take 15 minutes to hold.",
        undo=f"Set MessageRetentionPeriod back to {kept_s}; what is older by then is deleted.",
        account=account,
        region=region,
    )


def move_back(queue: Waiting, peek: Peek, *, account: str, region: str) -> Plan | None:
    """Plan to send messages that SQS moved here back to where they came from.

    None unless every message that was read is of that kind: the task takes all of them, and SQS
    refuses it for a queue that Lambda or SNS fills.
    """
    kinds = set(peek.rows["kind"])
    if not queue.depth or kinds != {Kind.REDRIVEN.value}:
        return None
    sources = ", ".join(sorted(set(peek.rows["source"].dropna())))
    return Plan(
        action=f"Move the {queue.depth:,} messages of {queue} back to their source queues",
        subject=queue.arn,
        calls=(
            Call(
                service="sqs",
                operation="StartMessageMoveTask",
                arguments={"SourceArn": queue.arn},
            ),
        ),
        before={"ApproximateNumberOfMessages": queue.depth},
        after={"ApproximateNumberOfMessages": 0},
        touches=f"Consumers of {sources} receive them again, each as a new message: "
        "what tells duplicates by message id does not know them.",
        check=f"{queue} is empty and stays so; its sources empty themselves.",
        undo="",
        first=("Mend the cause: otherwise they come back.",),
        account=account,
        region=region,
    )


def discard(queue: Waiting, peek: Peek, left: Left, *, account: str, region: str) -> Plan | None:
    """Plan to delete every message of the queue, when nothing is left that they lead to.

    None unless every message was read and names records that the stream no longer has: a letter
    that was not read, is in flight, or may still lead to something is not thrown away.
    """
    if not queue.depth or queue.hidden or not peek.whole:
        return None
    if len(left.rows) < queue.depth or set(left.rows["state"]) != {"gone"}:
        return None
    return Plan(
        action=f"LAST RESORT, DATA LOSS: discard all {queue.depth:,} messages of {queue}; each was "
        "read, and the records that they name are gone",
        subject=queue.arn,
        calls=(
            Call(
                service="sqs",
                operation="PurgeQueue",
                arguments={"QueueUrl": _url(queue, account=account, region=region)},
            ),
        ),
        before={"ApproximateNumberOfMessages": queue.depth},
        after={"ApproximateNumberOfMessages": 0},
        touches="Every message, also those in flight and those that arrive within a minute of it.",
        check=f"{queue} shows no message a minute later.",
        undo="",
        first=(
            "Write down what was lost, and archive the messages: they are all that says so.",
            "Mend the cause: what arrives meanwhile is discarded too.",
        ),
        account=account,
        region=region,
    )


def _retention(queue: Waiting, seconds: int, *, account: str, region: str) -> Call:
    return Call(
        service="sqs",
        operation="SetQueueAttributes",
        arguments={
            "QueueUrl": _url(queue, account=account, region=region),
            "Attributes": {"MessageRetentionPeriod": str(seconds)},
        },
    )


def _url(queue: Waiting, *, account: str, region: str) -> str:
    """Return the queue's public address: that of a proxy or an emulator would name no queue."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://sqs.{region}.{suffix}/{account}/{queue.name}"
