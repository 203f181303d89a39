"""Rate-limited requests as an application makes them, with the product's own client.

Run as a program, in a process of its own: `zae_limiter` takes its credentials from the environment
and from nowhere else, so the environment of that process holds the sandbox's and nothing more.

In: one argument, JSON: ``table``, ``region``, ``endpoint``, ``entities`` (how many different users
ask), ``acquisitions`` (how many requests they make in all, one after another) and ``pause_s``
(between two of them, seconds). Out: exit code 0 when every request was granted, else what
prevented it on stdout. Must not import opslib: it runs with an empty environment.

Source: zae-limiter 0.17.0, ``Repository.open`` and ``RateLimiter.acquire``.
"""

import asyncio
import json
import sys

from botocore.exceptions import BotoCoreError, ClientError
from zae_limiter import Limit, RateLimiter, Repository
from zae_limiter.exceptions import ZAELimiterError

LIMITS = [Limit.per_minute("rpm", 600), Limit.per_minute("tpm", 60_000)]


async def acquire(
    *, table: str, region: str, endpoint: str, entities: int, acquisitions: int, pause_s: float
) -> None:
    """Take tokens of two limits, request by request, the entities in turn.

    The first request of an entity creates its bucket (an INSERT, which the mapping's filter drops);
    every later one is a MODIFY record of the table's stream.
    """
    repository = await Repository.open(
        stack=table, region=region, endpoint_url=endpoint, auto_update=False
    )
    limiter = RateLimiter(repository=repository)
    try:
        for request in range(acquisitions):
            async with limiter.acquire(
                entity_id=f"user-{request % entities}",
                resource="api",
                limits=LIMITS,
                consume={"rpm": 1, "tpm": 17 + request % 5},
            ):
                await asyncio.sleep(pause_s)
    finally:
        await repository.close()


if __name__ == "__main__":
    try:
        asyncio.run(acquire(**json.loads(sys.argv[1])))
    except (BotoCoreError, ClientError, ZAELimiterError) as error:
        # Not on stderr, where the client's unclosed connections complain after it.
        sys.stdout.write(f"{type(error).__name__}: {error}")
        sys.exit(1)
