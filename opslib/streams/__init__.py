"""Streams and what reads them: whether records are still there, mappings, shards.

In: a connection and names. Out: frames with what could not be seen beside them. Changes nothing;
must not judge.
"""

from opslib.streams.mappings import Seen, mappings, room, shard_metrics, shards, stream_metrics
from opslib.streams.reading import Reading, reading
from opslib.streams.records import DYNAMODB_KEEPS, Left, left
from opslib.streams.tuning import tuning

__all__ = [
    "DYNAMODB_KEEPS",
    "Left",
    "Reading",
    "Seen",
    "left",
    "mappings",
    "reading",
    "room",
    "shard_metrics",
    "shards",
    "stream_metrics",
    "tuning",
]
