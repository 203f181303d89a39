"""Streams and what reads them: whether records are still there, mappings, shards.

In: a connection and names. Out: frames with what could not be seen beside them. Changes nothing;
must not judge.
"""

from opslib.streams.records import DYNAMODB_KEEPS, Left, left

__all__ = ["DYNAMODB_KEEPS", "Left", "left"]
