"""The calls of Kinesis that would lose records in the emulator.

In: a `Call` of service ``kinesis``. Out: a refusal, or nothing. The emulator makes a stream's
shards anew, or drops the parents, with every record in them; on AWS the records stay readable in
the closed parents. So a stream that holds records is not resharded here. Must not know mappings.
"""

from opslib.sandbox.calls import Call
from opslib.sandbox.emulator import state as inside
from opslib.sandbox.operations import Refused, ServiceError
from opslib.sandbox.wire import Answer

_RESHARDING = frozenset({"MergeShards", "SplitShard", "UpdateShardCount"})


class KinesisCalls:
    """Stands before the emulator for Kinesis."""

    async def answer(self, call: Call) -> Answer | None:
        """Refuse to reshard a stream that holds records; let any other call pass."""
        if call.operation.name not in _RESHARDING:
            return None
        body = call.request.json()
        place = f"arn:aws:kinesis:{call.region}:{call.account}:stream/"
        name = body.get("StreamName") or str(body.get("StreamARN", "")).rpartition("/")[2]
        shards = inside.shards(place + name)
        if shards and any(shards.last(shard_id) for shard_id in shards.names()):
            raise Refused(
                ServiceError(
                    code="InvalidArgumentException",
                    message=f"The sandbox did not reshard {name}: it would lose the stream's "
                    "records, which Kinesis keeps in the closed shards. Reshard it while it is "
                    "empty, or make a new stream.",
                )
            )
        return None
