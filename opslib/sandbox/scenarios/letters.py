"""Dead letters as the mapping sends them: pointers to records that really are in the stream.

In: what a story's mapping gave up. Out: real records in the table's stream, written by the
product's own client and dated as the story tells, and a message in the dead-letter queue for each
letter that points to them. What is older than a day by the sandbox's clock is trimmed from the
stream, and its pointer leads nowhere. Must not know stories.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from opslib.sandbox.api import Sandbox
from opslib.sandbox.scenarios import pipeline, traffic
from opslib.sandbox.scenarios.planning import Letter
from opslib.sandbox.stream_pointer import Record, message


def write(sandbox: Sandbox, letters: Sequence[Letter]) -> list[Letter]:
    """Write the letters' records to the table, before there is a mapping that would deliver them.

    Parameters
    ----------
    letters
        Oldest first; no record is in two of them.

    Returns
    -------
    The same letters, each record with the sequence number that it really has.
    """
    told = [record for letter in letters for record in letter.given_up.records]
    traffic.drive(sandbox, entities=1, acquisitions=len(told) + 1)
    stream = pipeline.stream_arn(sandbox)
    inserted, *numbers = _numbers(sandbox, stream)
    first_at = min(record.arrived_at for record in told)
    dates = dict(zip(numbers, (record.arrived_at for record in told), strict=True))
    sandbox.set_stream_history(stream, {inserted: first_at, **dates})
    real = iter(numbers)
    return [
        _renumbered(letter, [next(real) for _ in letter.given_up.records]) for letter in letters
    ]


def send(sandbox: Sandbox, deployed: pipeline.Deployed, letters: Sequence[Letter]) -> None:
    """Put a message into the dead-letter queue for each letter, as the mapping would have."""
    sqs = sandbox.client("sqs")
    stream = pipeline.stream_arn(sandbox)
    (shard,) = _shards(sandbox, stream)
    function = f"arn:aws:lambda:{sandbox.region}:{sandbox.account}:function:{pipeline.FUNCTION}"
    for first in range(0, len(letters), 10):
        bodies = [
            message(
                letter.given_up,
                function_arn=function,
                stream_arn=stream,
                shard_id=shard,
                request_id="",
                at=letter.at,
            )
            for letter in letters[first : first + 10]
        ]
        sqs.send_message_batch(
            QueueUrl=deployed.queue_url,
            Entries=[{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)],
        )


def arrivals(letters: Sequence[Letter]) -> list[datetime]:
    """Tell when each letter came to the queue, oldest first."""
    return [letter.at for letter in letters]


def _renumbered(letter: Letter, numbers: Sequence[str]) -> Letter:
    records: list[Record] = [
        replace(record, sequence_number=number)
        for record, number in zip(letter.given_up.records, numbers, strict=True)
    ]
    return replace(letter, given_up=replace(letter.given_up, records=records))


def _numbers(sandbox: Sandbox, stream: str) -> list[str]:
    """List the sequence numbers of the stream's records of buckets, in order."""
    streams = sandbox.client("dynamodbstreams")
    (shard,) = _shards(sandbox, stream)
    iterator = streams.get_shard_iterator(
        StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[str] = []
    while True:
        page = streams.get_records(ShardIterator=iterator, Limit=1000)
        if not page["Records"]:
            return found
        found += [
            record["dynamodb"]["SequenceNumber"]
            for record in page["Records"]
            if record["dynamodb"]["Keys"]["SK"]["S"].startswith("#STATE")
        ]
        iterator = page["NextShardIterator"]


def _shards(sandbox: Sandbox, stream: str) -> list[str]:
    described = sandbox.client("dynamodbstreams").describe_stream(StreamArn=stream)
    return [shard["ShardId"] for shard in described["StreamDescription"]["Shards"]]
