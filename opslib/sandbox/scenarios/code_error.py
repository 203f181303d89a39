"""Scenario `code-error`: a release whose handler raises after it has done its work."""

from datetime import timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import letters, pipeline, product, telling, traffic
from opslib.sandbox.scenarios.planning import MINUTES, WELL, Course, Shape, planned
from opslib.sandbox.scenarios.story import Expected, Scenario

DEPLOYED_BEFORE_END = timedelta(minutes=40)
_DEPLOYED_MINUTE = MINUTES - 40
_BEFORE_THAT = timedelta(days=9)
_RAISED = Course(status="error", lines="failed")

_ENTITIES, _ACQUISITIONS = 1, 3

SHAPE = Shape(
    seed="code-error",
    duration_ms=lambda minute: 640.0,
    spread=lambda minute: 0.10,
    init_ms=lambda minute: (355.0, 455.0),
    memory_mb=lambda minute: 97,
    cold_starts=(22.0, 84.0, float(_DEPLOYED_MINUTE)),
    goes=lambda minute, records: WELL if minute < _DEPLOYED_MINUTE else _RAISED,
    # Few records, for each becomes a dead letter whose record has to be in the stream.
    records=lambda minute, waited_s: None if minute < _DEPLOYED_MINUTE else 1,
)


def _build(sandbox: Sandbox, progress: Progress) -> None:
    now = sandbox.clock.now()
    story = planned(SHAPE, now=now)
    told = []
    deployed = pipeline.deploy(
        sandbox,
        mapped=sandbox.clock.pinned,
        before_mapping=lambda: told.extend(letters.write(sandbox, story.letters)),
    )
    pipeline.wait_until_active(sandbox)
    version = pipeline.publish(sandbox)
    pipeline.release(sandbox, product.broken(pipeline.current_package(sandbox)))
    pipeline.set_deployed_at(sandbox, now - _BEFORE_THAT, qualifier=version)
    pipeline.set_deployed_at(sandbox, now - DEPLOYED_BEFORE_END)
    progress("The zae-limiter aggregator is deployed; its last release raises.")
    letters.send(sandbox, deployed, told)
    arrived = letters.arrivals(told)
    telling.seed(sandbox, story.invocations, now=now, progress=progress, letters=arrived)
    if sandbox.clock.pinned:
        return
    written = traffic.drive(sandbox, entities=_ENTITIES, acquisitions=_ACQUISITIONS)
    pipeline.enable_mapping(sandbox, deployed)
    traffic.wait_until_reported(sandbox, since=written.at)
    progress("A live invocation raised; its records are being tried again.")


SCENARIO = Scenario(
    name="code-error",
    title="Since the last release every invocation fails",
    broke="The release reads an attribute that was renamed, after the records are processed: "
    "AttributeError in handler.py. Each retry counts the same usage again.",
    when="40 minutes before now.",
    seen="All invocations fail; each batch is split, tried again and given up record by record, so "
    "dead letters pile up and the stream falls behind. Version 1 is the release before.",
    expected={
        "00-triage": Expected(
            verdict="critical",
            findings=frozenset({"errors.rate", "dead-letters.waiting", "stream.lag"}),
        ),
        "20-duration": Expected(verdict="healthy"),
        "40-cold-starts": Expected(verdict="healthy"),
        "30-dead-letters": Expected(
            verdict="critical", findings=frozenset({"dead-letters.waiting"})
        ),
        "10-error-rate": Expected(
            verdict="critical", findings=frozenset({"errors.rate", "errors.code"})
        ),
        "11-permission-denied": Expected(verdict="healthy"),
        "12-timeout": Expected(verdict="healthy"),
        "13-code-error": Expected(verdict="critical", findings=frozenset({"errors.code"})),
        "50-stream-lag": Expected(verdict="critical", findings=frozenset({"stream.lag"})),
        "60-dynamodb-throttling": Expected(verdict="healthy"),
    },
    builder=_build,
)
