"""Scenario `healthy`: the same pipeline and traffic as in `slow`, and nothing wrong."""

from datetime import UTC, datetime, timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import pipeline, telling, traffic
from opslib.sandbox.scenarios.planning import Shape, plan
from opslib.sandbox.scenarios.story import Expected, Scenario

DEPLOYED_BEFORE_END = timedelta(days=9)

# Live: the emulator's table answers in 3 ms; late answers bring an invocation, with its four writes
# a record, near the told ones. Requests are spread over more time than the first one's start takes,
# so that no record waits a second even on a busy machine.
_ENTITIES, _ACQUISITIONS, _PAUSE_S = 1, 9, 0.55
_WRITE_LATENCY_MS = 60

SHAPE = Shape(
    seed="healthy",
    duration_ms=lambda minute: 640.0,
    spread=lambda minute: 0.10,
    init_ms=lambda minute: (355.0, 455.0),
    memory_mb=lambda minute: 97,
    cold_starts=(22.0, 84.0, 141.0),
)


def _build(sandbox: Sandbox, progress: Progress) -> None:
    now = sandbox.clock.now()
    pipeline.deploy(sandbox)
    pipeline.set_deployed_at(sandbox, now - DEPLOYED_BEFORE_END)
    pipeline.wait_until_active(sandbox)
    progress("The zae-limiter aggregator is deployed.")
    telling.seed(sandbox, plan(SHAPE, now=now), now=now, progress=progress)
    # What runs now cannot appear in the window of a pinned clock.
    if not sandbox.clock.pinned:
        _live(sandbox, progress)


def _live(sandbox: Sandbox, progress: Progress) -> None:
    since = datetime.now(UTC)
    sandbox.set_fault("dynamodb:UpdateItem", latency_ms=_WRITE_LATENCY_MS)
    try:
        written = traffic.drive(
            sandbox, entities=_ENTITIES, acquisitions=_ACQUISITIONS, pause_s=_PAUSE_S
        )
        reported = traffic.wait_for(sandbox, written, since=since)
    finally:
        sandbox.clear_faults()
    progress(f"{len(reported)} live invocations have processed real records.")


SCENARIO = Scenario(
    name="healthy",
    title="Nothing is wrong",
    broke="Nothing.",
    when="Never; the last deployment was nine days before now.",
    seen="Invocations take well under a second, records wait less than one, and nothing fails.",
    expected={
        "00-triage": Expected(verdict="healthy"),
        "20-duration": Expected(verdict="healthy"),
        "40-cold-starts": Expected(verdict="healthy"),
        "10-error-rate": Expected(verdict="healthy"),
        "11-permission-denied": Expected(verdict="healthy"),
        "12-timeout": Expected(verdict="healthy"),
        "13-code-error": Expected(verdict="healthy"),
        "30-dead-letters": Expected(verdict="healthy"),
        "50-stream-lag": Expected(verdict="healthy"),
        "60-dynamodb-throttling": Expected(verdict="healthy"),
    },
    builder=_build,
)
