"""Scenario `table-throttled`: the table was given less write capacity than it needs."""

from datetime import timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import pipeline, telling, traffic
from opslib.sandbox.scenarios.history import Invocation
from opslib.sandbox.scenarios.planning import MINUTES, Shape, planned
from opslib.sandbox.scenarios.story import Expected, Scenario

DEPLOYED_BEFORE_END = timedelta(days=9)
_CHANGED_MINUTE = MINUTES - 60
_USUAL_MS = 640.0
# Between two attempts the SDK waits up to 50 ms, then 100, 200, ...: about this long on average.
_WAIT_MS = 190.0
_CAPACITY = 2

_ENTITIES, _ACQUISITIONS, _REFUSED_WRITES = 1, 3, 12


def _throttled(minute: float) -> float:
    """Tell how much of it has come: 0 before, and all once the burst capacity is used up."""
    return min(1.0, max(0.0, (minute - _CHANGED_MINUTE - 5) / 10))


SHAPE = Shape(
    seed="table-throttled",
    duration_ms=lambda minute: _USUAL_MS + 4400.0 * _throttled(minute),
    spread=lambda minute: 0.10 + 0.25 * _throttled(minute),
    init_ms=lambda minute: (355.0, 455.0),
    memory_mb=lambda minute: 97,
    cold_starts=(22.0, 84.0, 141.0),
)


def _refused(invocation: Invocation) -> int:
    """Count the refused writes of an invocation: what it took longer than usual was waiting."""
    return max(0, round((invocation.duration_ms - 1.35 * _USUAL_MS) / _WAIT_MS))


def _build(sandbox: Sandbox, progress: Progress) -> None:
    now = sandbox.clock.now()
    story = planned(SHAPE, now=now)
    deployed = pipeline.deploy(sandbox, mapped=sandbox.clock.pinned)
    pipeline.set_deployed_at(sandbox, now - DEPLOYED_BEFORE_END)
    pipeline.wait_until_active(sandbox)
    pipeline.provision_table(sandbox, write=_CAPACITY, read=_CAPACITY)
    sandbox.record_change(
        "UpdateTable",
        at=now - timedelta(minutes=MINUTES - _CHANGED_MINUTE),
        user="cost-review",
        asked={
            "tableName": pipeline.TABLE,
            "billingMode": "PROVISIONED",
            "provisionedThroughput": {
                "readCapacityUnits": _CAPACITY,
                "writeCapacityUnits": _CAPACITY,
            },
        },
    )
    progress(f"The aggregator is deployed; its table has {_CAPACITY} write units a second.")
    telling.seed(sandbox, story.invocations, now=now, progress=progress, throttles=_refused)
    if sandbox.clock.pinned:
        return
    written = traffic.drive(sandbox, entities=_ENTITIES, acquisitions=_ACQUISITIONS)
    sandbox.set_fault(
        "dynamodb:UpdateItem",
        code="Throttling",
        times=_REFUSED_WRITES,
        caller=pipeline.principal(sandbox),
    )
    pipeline.enable_mapping(sandbox, deployed)
    traffic.wait_for(sandbox, written, since=written.at)
    progress(f"Live records were processed after {_REFUSED_WRITES} of their writes were refused.")


SCENARIO = Scenario(
    name="table-throttled",
    title="The table refuses writes, and the function waits instead of failing",
    broke=f"To save cost the table was moved from on-demand to {_CAPACITY} provisioned write units "
    "a second, less than its traffic needs once the burst capacity is gone.",
    when="60 minutes before now; felt five minutes later.",
    seen="Invocations take seven times as long and some time out; the log names no cause, for the "
    "SDK tries each refused write again in silence. Only the table's own metrics show throttles. "
    "Records wait.",
    expected={
        "00-triage": Expected(
            verdict="critical",
            findings=frozenset({"dynamodb.write-throttled", "duration.near-timeout", "stream.lag"}),
        ),
        "20-duration": Expected(verdict="critical", findings=frozenset({"duration.near-timeout"})),
        "40-cold-starts": Expected(verdict="healthy"),
        "60-dynamodb-throttling": Expected(
            verdict="critical", findings=frozenset({"dynamodb.write-throttled"})
        ),
        "10-error-rate": Expected(
            verdict="warning", findings=frozenset({"errors.timeout", "errors.rate"})
        ),
        "11-permission-denied": Expected(verdict="healthy"),
        "12-timeout": Expected(
            verdict="warning", findings=frozenset({"dynamodb.write-throttled", "errors.timeout"})
        ),
        "13-code-error": Expected(verdict="healthy"),
        "30-dead-letters": Expected(verdict="healthy"),
        "50-stream-lag": Expected(verdict="warning", findings=frozenset({"stream.lag"})),
    },
    builder=_build,
)
