"""Scenario `timeouts`: someone lowered the timeout below what big batches take."""

from datetime import timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import pipeline, telling, traffic
from opslib.sandbox.scenarios.planning import MINUTES, Shape, planned
from opslib.sandbox.scenarios.story import Expected, Scenario

CHANGED_BEFORE_END = timedelta(minutes=50)
_CHANGED_MINUTE = MINUTES - 50
_BEFORE_S, _AFTER_S = pipeline.TIMEOUT_S, 2

# Live: two records take eight writes, 2.4 s of the 2 s there are; each half of them 1.2 s.
_ENTITIES, _ACQUISITIONS, _WRITE_LATENCY_MS = 1, 3, 300


def _timeout_ms(minute: float) -> float:
    return 1000.0 * (_BEFORE_S if minute < _CHANGED_MINUTE else _AFTER_S)


SHAPE = Shape(
    seed="timeouts",
    duration_ms=lambda minute: 1500.0,
    spread=lambda minute: 0.25,
    init_ms=lambda minute: (355.0, 455.0),
    memory_mb=lambda minute: 97,
    cold_starts=(22.0, 84.0, float(_CHANGED_MINUTE)),
    timeout_ms=_timeout_ms,
)


def _build(sandbox: Sandbox, progress: Progress) -> None:
    now = sandbox.clock.now()
    story = planned(SHAPE, now=now)
    deployed = pipeline.deploy(sandbox, timeout_s=_AFTER_S, mapped=sandbox.clock.pinned)
    pipeline.set_deployed_at(sandbox, now - CHANGED_BEFORE_END)
    pipeline.wait_until_active(sandbox)
    progress("The zae-limiter aggregator is deployed, with 2 s instead of 10 s.")
    telling.seed(sandbox, story.invocations, now=now, progress=progress)
    if sandbox.clock.pinned:
        return
    written = traffic.drive(sandbox, entities=_ENTITIES, acquisitions=_ACQUISITIONS)
    function = pipeline.principal(sandbox)
    sandbox.set_fault("dynamodb:UpdateItem", latency_ms=_WRITE_LATENCY_MS, caller=function)
    pipeline.enable_mapping(sandbox, deployed)
    traffic.wait_for(sandbox, written, since=written.at)
    progress("A live invocation timed out; the halves of its batch did not.")


SCENARIO = Scenario(
    name="timeouts",
    title="A tenth of the invocations is cut off by the timeout",
    broke="The function's timeout was lowered from 10 s to 2 s, which big batches need and more.",
    when="50 minutes before now.",
    seen="Invocations end in errors, all of them timeouts and none of them logged as ERROR; "
    "durations stop at 2 s. The halves of each batch succeed, so nothing is lost yet.",
    expected={
        "00-triage": Expected(
            verdict="critical", findings=frozenset({"errors.rate", "duration.near-timeout"})
        ),
        "20-duration": Expected(verdict="critical", findings=frozenset({"duration.timed-out"})),
        "40-cold-starts": Expected(verdict="healthy"),
        "10-error-rate": Expected(
            verdict="critical", findings=frozenset({"errors.timeout", "errors.rate"})
        ),
        "11-permission-denied": Expected(verdict="healthy"),
        "12-timeout": Expected(verdict="critical", findings=frozenset({"errors.timeout"})),
        "13-code-error": Expected(verdict="healthy"),
        "30-dead-letters": Expected(verdict="healthy"),
        "50-stream-lag": Expected(verdict="warning", findings=frozenset({"stream.lag"})),
        "60-dynamodb-throttling": Expected(verdict="healthy"),
    },
    builder=_build,
)
