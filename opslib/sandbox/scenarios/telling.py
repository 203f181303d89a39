"""What the scenarios that have a history do alike: deploy, tell, seed.

In: a sandbox and planned invocations. Out: the pipeline deployed, its log group and metrics filled.
Must not know one story from another.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import history, pipeline
from opslib.sandbox.scenarios.datapoints import (
    Sample,
    datapoints,
    queue_datapoints,
    table_datapoints,
)
from opslib.sandbox.scenarios.history import Invocation
from opslib.sandbox.scenarios.planning import MINUTES
from opslib.sandbox.scenarios.seeding import put_events, put_metrics


def samples(invocations: Sequence[Invocation]) -> list[Sample]:
    """Take from invocations what their metrics need."""
    return [
        Sample(
            at=invocation.at,
            duration_ms=invocation.duration_ms,
            iterator_age_ms=invocation.iterator_age_ms,
            failed=invocation.status != "success",
        )
        for invocation in invocations
    ]


def seed(
    sandbox: Sandbox,
    invocations: Sequence[Invocation],
    *,
    now: datetime,
    progress: Progress,
    letters: Sequence[datetime] = (),
    throttles: Callable[[Invocation], int] = lambda invocation: 0,
) -> None:
    """Put the invocations' log events and metrics into the sandbox, where the pipeline is deployed.

    Parameters
    ----------
    sandbox
        With the pipeline deployed and nothing logged yet.
    invocations
        Oldest first.
    now
        Where the story ends.
    progress
        Told a sentence.
    letters
        When each message came to the dead-letter queue, oldest first.
    throttles
        How many of an invocation's writes the table refused at first.
    """
    streams = history.tell(invocations)
    put_events(sandbox, pipeline.LOG_GROUP, streams)
    put_metrics(sandbox, datapoints(samples(invocations), function=pipeline.FUNCTION))
    start = now - timedelta(minutes=MINUTES)
    put_metrics(sandbox, queue_datapoints(letters, queue=pipeline.QUEUE, start=start, end=now))
    writes = [(each.at, each.record_count, throttles(each)) for each in invocations]
    put_metrics(sandbox, table_datapoints(writes, table=pipeline.TABLE))
    events = sum(len(told) for told in streams.values())
    progress(
        f"Three hours of history are told: {len(invocations)} invocations, {events} log events."
    )
