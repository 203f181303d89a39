"""Whether what dead letters lead to is still there, and for how long.

In: a `opslib.aws.Connection` and letters as `opslib.dead_letters` takes them apart. Out: `Left`, a
row a pointer. Looks where the records begin and end, and reads none. Must not judge.

Facts leaned on
---------------
DynamoDB keeps the records of a stream for 24 hours and may trim them at any moment after that;
GetShardIterator at a sequence number that was trimmed is refused with TrimmedDataAccessException,
and a shard or a stream that is gone with ResourceNotFoundException (Amazon DynamoDB developer
guide, "Change data capture for DynamoDB Streams"; API reference). A shard is trimmed from its old
end, so whatever is after a record that is there is there too: a search by halves finds the edge in
a few calls. Kinesis keeps records for the stream's retention and then lets nobody read them, but
does not refuse an old sequence number (Amazon Kinesis developer guide, "Change the data retention
period"), so age has to tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from opslib.aws import Connection, calling
from opslib.dead_letters import Kind, Peek
from opslib.errors import CouldNotLook

#: How long DynamoDB keeps a stream's records.
DYNAMODB_KEEPS = timedelta(hours=24)
_HOUR = timedelta(hours=1)
# Each takes about log2(letters) calls; a queue whose letters come from more is rare.
_MOST_SHARDS = 20
_TRIMMED = "TrimmedDataAccessException"
_ORDER = ("gone", "partly gone", "past keeping", "not seen", "there", "in the letter")


@dataclass(frozen=True)
class Left:
    """What is left of what dead letters lead to: a pointer's records, or the letter itself.

    Parameters
    ----------
    rows
        One row a letter, in their order: ``message_id`` (string), ``state`` (string: ``there``;
        ``gone``; ``partly gone``, its first records are; ``past keeping``, older than the stream
        keeps records and not looked at; ``not seen``; ``in the letter``, which is no pointer),
        ``how`` (string, how that is known), ``records`` (int64), ``first_arrived_at``,
        ``expires_at`` (datetime64[ns, UTC], when the first of them is no longer kept),
        ``hours_left`` (float64, until then, negative when past). Empty when there is no letter.
    limits
        A sentence for everything that could not be seen.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...] = ()

    @property
    def states(self) -> pd.DataFrame:
        """The rows by state, what is lost first.

        Columns ``state``, ``how``, ``letters``, ``records`` (int64), ``oldest_at``, ``expires_at``,
        ``hours_left`` (of the first to expire). Empty when ``rows`` is.
        """
        groups = self.rows.groupby(["state", "how"], as_index=False).agg(
            letters=("message_id", "size"),
            records=("records", "sum"),
            oldest_at=("first_arrived_at", "min"),
            expires_at=("expires_at", "min"),
            hours_left=("hours_left", "min"),
        )
        return groups.sort_values("state", key=lambda s: s.map(_ORDER.index), ignore_index=True)


def left(connection: Connection, peek: Peek, *, kept_days: float | None) -> Left:
    """Look whether the records that pointers name are still in their streams.

    Parameters
    ----------
    peek
        The letters.
    kept_days
        How long the queue keeps a message, which ends a letter that is no pointer. SQS counts from
        when it was first sent, though another queue had it then. None when not seen.
    """
    limits: list[str] = []
    letters = peek.rows
    is_pointer = letters["kind"].isin([Kind.DYNAMODB.value, Kind.KINESIS.value])
    pointers = letters[is_pointer]
    frames = [_itself(letters[~is_pointer], kept_days=kept_days, now=connection.identity.at)]
    shards = list(pointers.groupby(["kind", "source", "shard"], dropna=False, sort=True))
    for place, ((kind, source, shard), group) in enumerate(shards):
        stream = _text(source)
        try:
            keeps = _keeps(connection, str(kind), stream)
            dated = _dated(group, keeps=keeps, now=connection.identity.at)
            known: dict[str, bool] = {}
            if kind == Kind.DYNAMODB.value and place < _MOST_SHARDS:
                known = _edge(connection, stream, _text(shard), group)
            frames.append(_stated(dated, known, kinesis=kind == Kind.KINESIS.value))
        except CouldNotLook as error:
            limits.append(error.message)
            dated = _dated(group, keeps=_default(str(kind)), now=connection.identity.at)
            frames.append(_stated(dated, {}, kinesis=False))
    if len(shards) > _MOST_SHARDS:
        limits.append(
            f"Looked at {_MOST_SHARDS} of {len(shards)} shards that the letters name. "
            "Take a smaller sample."
        )
    rows = pd.concat([frame for frame in frames if len(frame)] or frames).sort_index()
    return Left(rows.reset_index(drop=True), tuple(dict.fromkeys(limits)))


def _itself(letters: pd.DataFrame, *, kept_days: float | None, now: datetime) -> pd.DataFrame:
    """Return the rows of letters that hold what they are about."""
    keeps = None if kept_days is None else timedelta(days=kept_days)
    sent = letters.assign(first_arrived_at=letters["sent_at"])
    rows = _stated(_dated(sent, keeps=keeps, now=now), {}, kinesis=False)
    return rows.assign(
        state=pd.Series("in the letter", index=rows.index, dtype="string"),
        how=pd.Series("kept by the queue", index=rows.index, dtype="string"),
    )


def _keeps(connection: Connection, kind: str, stream: str) -> timedelta | None:
    """Return how long a stream keeps its records."""
    identity = connection.identity
    where = stream.split(":")[3:5]
    if where != [identity.region, identity.account]:
        raise CouldNotLook(
            f"Not seen: records of {stream or 'a stream that is not named'}. It is not in "
            f"{identity.account}, {identity.region}. Run this for the system that owns the stream.",
            operation="dynamodb:GetShardIterator",
            reason="missing",
        )
    if kind == Kind.DYNAMODB.value:
        return DYNAMODB_KEEPS
    client = connection.client("kinesis")
    with calling(
        "kinesis:DescribeStreamSummary", f"how long {stream} keeps records", resource=stream
    ):
        answer = client.describe_stream_summary(StreamARN=stream)["StreamDescriptionSummary"]
    return timedelta(hours=answer["RetentionPeriodHours"])


def _default(kind: str) -> timedelta | None:
    return DYNAMODB_KEEPS if kind == Kind.DYNAMODB.value else None


def _dated(group: pd.DataFrame, *, keeps: timedelta | None, now: datetime) -> pd.DataFrame:
    first = group["first_arrived_at"]
    unknown = pd.Series(pd.NaT, index=group.index, dtype="datetime64[ns, UTC]")
    expires = unknown if keeps is None else (first + keeps).astype("datetime64[ns, UTC]")
    return pd.DataFrame(
        {
            "message_id": group["message_id"],
            "first_sequence": group["first_sequence"],
            "last_sequence": group["last_sequence"],
            "records": group["records"].fillna(0).astype("int64"),
            "first_arrived_at": first,
            "expires_at": expires,
            "hours_left": ((expires - now) / _HOUR).astype("float64"),
        },
        index=group.index,
    )


def _stated(dated: pd.DataFrame, known: Mapping[str, bool], *, kinesis: bool) -> pd.DataFrame:
    """Add ``state`` and ``how``; ``known`` says of sequence numbers whether they are there."""
    states, hows = [], []
    for first, last, hours in zip(
        dated["first_sequence"], dated["last_sequence"], dated["hours_left"], strict=True
    ):
        begins, ends = known.get(_text(first)), known.get(_text(last))
        if begins is not None and ends is not None:
            state = "there" if begins else "partly gone" if ends else "gone"
            how = "looked at in the stream"
        elif kinesis and hours == hours:
            state, how = ("there" if hours > 0 else "gone"), "by age"
        else:
            state, how = ("past keeping" if hours <= 0 else "not seen"), "by age"
        states.append(state)
        hows.append(how)
    rows = dated.drop(columns=["first_sequence", "last_sequence"])
    rows.insert(1, "state", pd.Series(states, index=dated.index, dtype="string"))
    rows.insert(2, "how", pd.Series(hows, index=dated.index, dtype="string"))
    return rows


def _edge(connection: Connection, stream: str, shard: str, group: pd.DataFrame) -> dict[str, bool]:
    """Say of each sequence number that the pointers of a shard name whether it is there."""
    named = [*group["first_sequence"].dropna(), *group["last_sequence"].dropna()]
    numbers = sorted({text for text in named if text.isdigit()}, key=int)
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        if _is_there(connection, stream, shard, numbers[middle]):
            high = middle
        else:
            low = middle + 1
    return {number: place >= low for place, number in enumerate(numbers)}


def _is_there(connection: Connection, stream: str, shard: str, number: str) -> bool:
    client = connection.client("dynamodbstreams")
    table = stream.partition(":table/")[2].partition("/")[0]
    try:
        with calling(
            "dynamodb:GetShardIterator",
            f"whether the stream of {table} still has the records that letters name",
            resource=stream,
        ):
            client.get_shard_iterator(
                StreamArn=stream,
                ShardId=shard,
                ShardIteratorType="AT_SEQUENCE_NUMBER",
                SequenceNumber=number,
            )
    except CouldNotLook as error:
        # A stream or shard that is gone took its records along.
        if error.facts.get("code") == _TRIMMED or error.reason == "missing":
            return False
        raise
    return True


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
