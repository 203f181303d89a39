"""The commands that list what dead letters point to. They read, and change nothing.

In: letters, and what is left of what they name. Out: lines for a shell. Makes no call, so that a
record's content stands nowhere but on the screen of whoever runs them.

Source: AWS CLI, ``dynamodbstreams`` and ``kinesis``: an iterator lives for some minutes; a page has
up to 1,000 records and says where the next begins.
"""

import shlex
from dataclasses import dataclass

import pandas as pd

from opslib.aws import Connection
from opslib.dead_letters import Kind, Peek
from opslib.streams.records import Left

_THERE = ("there", "partly gone", "past keeping", "not seen")
_SHOWN = {
    Kind.DYNAMODB.value: ("dynamodbstreams", "Records[].dynamodb.[SequenceNumber,Keys]"),
    Kind.KINESIS.value: ("kinesis", "Records[].[SequenceNumber,PartitionKey]"),
}


@dataclass(frozen=True)
class Reading:
    """What can be read of what letters name, shard by shard.

    Parameters
    ----------
    rows
        One row a shard, the oldest first: ``letters``, ``records`` (int64), ``shard`` (str),
        ``first_at``, ``last_at`` (datetime64[ns, UTC], when the first and last record arrived),
        ``first_sequence``, ``last_sequence`` (str), ``command`` (str, lines for a POSIX shell).
        Empty when no letter points to records that may still be there.
    limits
        Nothing is asked here, so there is none.
    """

    rows: pd.DataFrame
    limits: tuple[str, ...] = ()


def reading(connection: Connection, peek: Peek, left: Left) -> Reading:
    """Return, for each shard that letters name, the commands that list the keys of their records.

    Parameters
    ----------
    connection
        Its region is where the commands ask.
    peek
        The letters.
    left
        What is left of what they name; for what is gone there is no command.
    """
    states = left.rows.set_index("message_id")["state"]
    pointers = peek.rows[peek.rows["kind"].isin(list(_SHOWN))]
    pointers = pointers.dropna(subset=["source", "shard", "first_sequence", "last_sequence"])
    # A sequence number of another form would be no argument that AWS takes.
    digits = pointers["first_sequence"].str.isdigit() & pointers["last_sequence"].str.isdigit()
    there = pointers[digits & pointers["message_id"].map(states).isin(_THERE)]
    groups = there.sort_values("first_arrived_at").groupby(["kind", "source", "shard"], sort=False)
    aws = connection.system.aws_command
    rows = [
        {
            "letters": len(letters),
            "records": int(letters["records"].fillna(0).sum()),
            "shard": str(shard),
            "first_at": letters["first_arrived_at"].min(),
            "last_at": letters["last_arrived_at"].max(),
            "first_sequence": min(letters["first_sequence"], key=int),
            "last_sequence": max(letters["last_sequence"], key=int),
            "command": _command(
                str(kind), str(source), str(shard), letters["first_sequence"], aws=aws
            ),
        }
        for (kind, source, shard), letters in groups
    ]
    columns = ["letters", "records", "shard", "first_at", "last_at"]
    columns += ["first_sequence", "last_sequence", "command"]
    return Reading(pd.DataFrame(rows, columns=columns))


def _command(kind: str, source: str, shard: str, first: "pd.Series[str]", *, aws: str) -> str:
    service, shown = _SHOWN[kind]
    aws = f"{aws} {service}"
    return (
        f"AT=$({aws} get-shard-iterator --stream-arn {shlex.quote(source)} \\\n"
        f"  --shard-id {shlex.quote(shard)} --shard-iterator-type AT_SEQUENCE_NUMBER \\\n"
        f"  --sequence-number {min(first, key=int)} --query ShardIterator --output text)\n"
        f'{aws} get-records --shard-iterator "$AT" --limit 1000 \\\n'
        f"  --query '{{records: {shown}, next: NextShardIterator}}'"
    )
