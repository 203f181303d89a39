"""Scenario `slow`: since a deployment, every invocation takes longer, until the timeout is near."""

from datetime import timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import pipeline, telling, traffic
from opslib.sandbox.scenarios.planning import MINUTES, Shape, plan
from opslib.sandbox.scenarios.story import Expected, Scenario

DEPLOYED_BEFORE_END = timedelta(minutes=75)
_DEPLOYED_MINUTE = MINUTES - 75
# From the deployment: nothing to see for four minutes, then a creep, full after fifty-two.
_CREEP_FROM, _CREEP_TO = _DEPLOYED_MINUTE + 4, _DEPLOYED_MINUTE + 52
_BEFORE_MS, _AFTER_MS = 780.0, 9050.0

# Live: two requests of one user insert and change its bucket, so six make five records; the
# aggregator makes four writes of each. Twenty late writes take about 7.3 s of the 10 s it has,
# and leave a busy machine room.
_ENTITIES, _ACQUISITIONS, _WRITE_LATENCY_MS = 1, 6, 350


def _crept(minute: float) -> float:
    """Tell how far the creep has come: 0 before it, 1 when it is full, smooth between."""
    way = min(1.0, max(0.0, (minute - _CREEP_FROM) / (_CREEP_TO - _CREEP_FROM)))
    return way * way * (3 - 2 * way)


SHAPE = Shape(
    seed="slow",
    duration_ms=lambda minute: _BEFORE_MS + (_AFTER_MS - _BEFORE_MS) * _crept(minute),
    # Waiting for the table evens out what differs between batches.
    spread=lambda minute: 0.10 - 0.077 * _crept(minute),
    init_ms=lambda minute: (355.0, 455.0) if minute < _DEPLOYED_MINUTE else (1240.0, 1430.0),
    memory_mb=lambda minute: 97 if minute < _DEPLOYED_MINUTE else 112,
    cold_starts=(
        *(6.0, 24.0, 41.0, 58.0, 73.0, 92.0),
        # The deployment replaces every environment; for some minutes they come and go.
        *(105.0, 106.2, 107.6, 109.3),
        *(124.0, 141.0, 157.0, 170.0),
    ),
)


def _build(sandbox: Sandbox, progress: Progress) -> None:
    now = sandbox.clock.now()
    invocations = plan(SHAPE, now=now)
    deployed = pipeline.deploy(sandbox, mapped=sandbox.clock.pinned)
    pipeline.set_deployed_at(sandbox, now - DEPLOYED_BEFORE_END)
    pipeline.wait_until_active(sandbox)
    progress("The zae-limiter aggregator is deployed.")
    if sandbox.clock.pinned:
        # What runs now cannot appear in the window of a pinned clock.
        telling.seed(sandbox, invocations, now=now, progress=progress)
        return
    progress("Real records go through the running function; its writes are answered late.")
    # The mapping held while the requests were made: late answers are for the function only.
    written = traffic.drive(sandbox, entities=_ENTITIES, acquisitions=_ACQUISITIONS)
    sandbox.set_fault("dynamodb:UpdateItem", latency_ms=_WRITE_LATENCY_MS)
    try:
        pipeline.enable_mapping(sandbox, deployed)
        # The history is told while the function waits for the table.
        telling.seed(sandbox, invocations, now=now, progress=progress)
        reported = traffic.wait_for(sandbox, written, since=written.at)
    finally:
        sandbox.clear_faults()
    progress(f"A live invocation took {reported[-1].duration_ms / 1000:.1f} s.")


SCENARIO = Scenario(
    name="slow",
    title="Invocations take ever longer since a deployment, and are about to time out",
    broke="A release was deployed whose writes to the table wait ever longer, and whose start "
    "takes three times as long.",
    when="75 minutes before now.",
    seen="p95 of the duration creeps from 0.9 s to above 9 s of the 10 s timeout; no invocation "
    "fails, but records wait in the stream: the iterator age passes 30 s. Cold starts are few, "
    "though each is longer than before.",
    expected={
        "00-triage": Expected(
            verdict="critical",
            findings=frozenset({"duration.near-timeout", "stream.lag"}),
        ),
        "20-duration": Expected(
            verdict="critical",
            findings=frozenset({"duration.near-timeout", "duration.rising"}),
        ),
        "40-cold-starts": Expected(
            verdict="warning", findings=frozenset({"cold-starts.init-slower"})
        ),
        "10-error-rate": Expected(verdict="healthy"),
        "11-permission-denied": Expected(verdict="healthy"),
        "12-timeout": Expected(verdict="healthy"),
        "13-code-error": Expected(verdict="healthy"),
        "30-dead-letters": Expected(verdict="healthy"),
        "50-stream-lag": Expected(verdict="critical", findings=frozenset({"stream.lag"})),
        "60-dynamodb-throttling": Expected(verdict="healthy"),
    },
    builder=_build,
)
