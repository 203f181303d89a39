"""Scenario `stream-lag`: one batch that always times out is tried for ever, and holds its shard."""

from collections.abc import Sequence
from datetime import timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import pipeline, telling, traffic
from opslib.sandbox.scenarios.planning import MINUTES, WELL, Course, Shape, planned
from opslib.sandbox.scenarios.story import Expected, Scenario
from opslib.sandbox.stream_delivery import Policy
from opslib.sandbox.stream_pointer import Record

DEPLOYED_BEFORE_END = timedelta(days=9)
_STUCK_MINUTE = MINUTES - 65
_FOR_EVER = Policy(retries=None, bisects=False, oldest=timedelta(hours=24), reports_items=False)
# As the mapping says it.
_KEEP_ALL = {
    "MaximumRetryAttempts": -1,
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
}

# Live: a write that is answered after 3 s makes every batch time out.
_ENTITIES, _ACQUISITIONS, _WRITE_LATENCY_MS = 1, 3, 3000


def _goes(minute: float, records: Sequence[Record]) -> Course:
    stuck = any(record.event["minute"] >= _STUCK_MINUTE for record in records)
    return Course(status="timeout") if stuck else WELL


SHAPE = Shape(
    seed="stream-lag",
    duration_ms=lambda minute: 640.0,
    spread=lambda minute: 0.10,
    init_ms=lambda minute: (355.0, 455.0),
    memory_mb=lambda minute: 97,
    cold_starts=(22.0, 84.0),
    goes=_goes,
    policy=_FOR_EVER,
)


def _build(sandbox: Sandbox, progress: Progress) -> None:
    now = sandbox.clock.now()
    story = planned(SHAPE, now=now)
    deployed = pipeline.deploy(sandbox, mapped=sandbox.clock.pinned)
    pipeline.set_deployed_at(sandbox, now - DEPLOYED_BEFORE_END)
    pipeline.wait_until_active(sandbox)
    pipeline.change_mapping(sandbox, deployed, **_KEEP_ALL)
    progress("The zae-limiter aggregator is deployed; its mapping never gives a batch up.")
    telling.seed(sandbox, story.invocations, now=now, progress=progress)
    if sandbox.clock.pinned:
        return
    written = traffic.drive(sandbox, entities=_ENTITIES, acquisitions=_ACQUISITIONS)
    function = pipeline.principal(sandbox)
    sandbox.set_fault("dynamodb:UpdateItem", latency_ms=_WRITE_LATENCY_MS, caller=function)
    pipeline.enable_mapping(sandbox, deployed)
    traffic.wait_until_reported(sandbox, since=written.at)
    progress("A live batch timed out, and will be tried for ever.")


SCENARIO = Scenario(
    name="stream-lag",
    title="One batch holds its shard, and everything behind it waits",
    broke="A batch takes longer than the timeout whenever it is tried, and the mapping was told to "
    "try for ever and not to split it, so that nothing would be lost.",
    when="65 minutes before now.",
    seen="The iterator age grows by a minute a minute. Every invocation times out, about one a "
    "minute; there is no dead letter, and the mapping is enabled.",
    expected={
        "00-triage": Expected(
            verdict="critical",
            findings=frozenset({"errors.rate", "duration.near-timeout", "stream.lag"}),
        ),
        "20-duration": Expected(verdict="critical", findings=frozenset({"duration.timed-out"})),
        "40-cold-starts": Expected(verdict="warning", findings=frozenset({"cold-starts.frequent"})),
        "50-stream-lag": Expected(
            verdict="critical", findings=frozenset({"stream.lag", "stream.stuck-shard"})
        ),
        "10-error-rate": Expected(
            verdict="critical", findings=frozenset({"errors.timeout", "errors.rate"})
        ),
        "11-permission-denied": Expected(verdict="healthy"),
        "12-timeout": Expected(verdict="critical", findings=frozenset({"errors.timeout"})),
        "13-code-error": Expected(verdict="healthy"),
        "30-dead-letters": Expected(verdict="healthy"),
        "60-dynamodb-throttling": Expected(verdict="healthy"),
    },
    builder=_build,
)
