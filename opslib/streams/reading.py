"""The commands that list what dead letters point to. They read, and change nothing.

In: letters, and what is left of what they name. Out: text for a shell. Makes no call, so that a
record's content stands nowhere but on the screen of whoever runs them.

Source: AWS CLI, ``dynamodbstreams`` and ``kinesis``: an iterator lives for some minutes; a page has
up to 1,000 records and says where the next begins.
"""

import shlex

import pandas as pd

from opslib.dead_letters import Kind, Peek
from opslib.streams.records import Left

_MOST_SHARDS = 10
_THERE = ("there", "partly gone", "past keeping", "not seen")
_SHOWN = {
    Kind.DYNAMODB.value: ("dynamodbstreams", "Records[].dynamodb.[SequenceNumber,Keys]"),
    Kind.KINESIS.value: ("kinesis", "Records[].[SequenceNumber,PartitionKey]"),
}


def reading(peek: Peek, left: Left) -> str:
    """Return, for each shard that letters name, the commands that list the keys of their records.

    Parameters
    ----------
    peek
        The letters.
    left
        What is left of what they name; for what is gone there is no command.

    Returns
    -------
    Markdown: a sentence and a block for a shell, oldest shard first, at most 10 shards. A sentence
    alone when no letter points to records that may be there.
    """
    states = left.rows.set_index("message_id")["state"]
    pointers = peek.rows[peek.rows["kind"].isin(list(_SHOWN))]
    pointers = pointers.dropna(subset=["source", "shard", "first_sequence", "last_sequence"])
    # A sequence number of another form would be no argument that AWS takes.
    digits = pointers["first_sequence"].str.isdigit() & pointers["last_sequence"].str.isdigit()
    there = pointers[digits & pointers["message_id"].map(states).isin(_THERE)]
    if there.empty:
        return "No letter that was read points to records that may still be there."
    groups = there.sort_values("first_arrived_at").groupby(["kind", "source", "shard"], sort=False)
    blocks = [
        _block(str(kind), str(source), str(shard), letters)
        for (kind, source, shard), letters in list(groups)[:_MOST_SHARDS]
    ]
    more = groups.ngroups - len(blocks)
    rest = f" {more} more shards are not shown." if more else ""
    said = (
        "These commands list the keys of the records that the letters name, and of what was "
        "written between them; they change nothing. Where `next` is not null and the last number "
        f"is not reached, go on with `--shard-iterator` and that.{rest}"
    )
    return "\n".join([said, "", "```", *"\n\n".join(blocks).splitlines(), "```"])


def _block(kind: str, source: str, shard: str, letters: pd.DataFrame) -> str:
    service, shown = _SHOWN[kind]
    first = min(letters["first_sequence"], key=int)
    last = max(letters["last_sequence"], key=int)
    where = f"--stream-arn {shlex.quote(source)} --shard-id {shlex.quote(shard)}"
    word = "letter" if len(letters) == 1 else "letters"
    return (
        f"# {len(letters):,} {word}: sequence numbers {first} to {last}\n"
        f"AT=$(aws {service} get-shard-iterator {where} \\\n"
        f"  --shard-iterator-type AT_SEQUENCE_NUMBER --sequence-number {first} \\\n"
        "  --query ShardIterator --output text)\n"
        f'aws {service} get-records --shard-iterator "$AT" --limit 1000 \\\n'
        f"  --query '{{records: {shown}, next: NextShardIterator}}'"
    )
