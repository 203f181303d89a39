"""Scenario `cold-starts`: a broken delivery pipeline deploys the function again and again."""

from datetime import timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import pipeline, telling, traffic
from opslib.sandbox.scenarios.planning import MINUTES, Shape, planned
from opslib.sandbox.scenarios.story import Expected, Scenario

_BEGAN_MINUTE = MINUTES - 100
_EVERY_MINUTES = 2
LAST_BEFORE_END = timedelta(minutes=1)

_ENTITIES, _ACQUISITIONS = 1, 3

SHAPE = Shape(
    seed="cold-starts",
    duration_ms=lambda minute: 640.0,
    spread=lambda minute: 0.10,
    # What is deployed now also carries the product's test dependencies.
    init_ms=lambda minute: (355.0, 455.0) if minute < _BEGAN_MINUTE else (1850.0, 2300.0),
    memory_mb=lambda minute: 97 if minute < _BEGAN_MINUTE else 131,
    cold_starts=(22.0, 61.0, *map(float, range(_BEGAN_MINUTE, MINUTES, _EVERY_MINUTES))),
)


def _build(sandbox: Sandbox, progress: Progress) -> None:
    now = sandbox.clock.now()
    story = planned(SHAPE, now=now)
    pipeline.deploy(sandbox)
    pipeline.set_deployed_at(sandbox, now - LAST_BEFORE_END)
    pipeline.wait_until_active(sandbox)
    progress("The zae-limiter aggregator is deployed.")
    telling.seed(sandbox, story.invocations, now=now, progress=progress)
    if sandbox.clock.pinned:
        return
    # A real environment starts, processes, and is replaced by the next deployment.
    for _ in range(2):
        written = traffic.drive(sandbox, entities=_ENTITIES, acquisitions=_ACQUISITIONS)
        traffic.wait_for(sandbox, written, since=now)
        pipeline.redeploy(sandbox)
    # Behind the window of a triage that comes at once, they would make its verdict unknown.
    pipeline.set_deployed_at(sandbox, now - LAST_BEFORE_END)
    progress("The function was deployed twice more; each time a real environment started.")


SCENARIO = Scenario(
    name="cold-starts",
    title="One invocation in seven starts cold, and starting takes five times as long",
    broke="A delivery pipeline that retries for ever deploys the function every other minute, with "
    "a package five times the size; every deployment ends the warm environments.",
    when="100 minutes before now; the last deployment was a minute ago.",
    seen="A cold start every other minute, of about 2 s instead of 0.4 s. Durations are as ever, "
    "nothing fails, and records wait a little.",
    expected={
        "00-triage": Expected(verdict="warning", findings=frozenset({"cold-starts.frequent"})),
        "20-duration": Expected(verdict="healthy"),
        "40-cold-starts": Expected(verdict="warning", findings=frozenset({"cold-starts.frequent"})),
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
