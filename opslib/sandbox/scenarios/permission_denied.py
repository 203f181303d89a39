"""Scenario `permission-denied`: the function's role lost the right to update the table."""

from datetime import timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import pipeline, telling, traffic
from opslib.sandbox.scenarios.planning import MINUTES, WELL, Course, Shape, planned
from opslib.sandbox.scenarios.story import Expected, Scenario

DEPLOYED_BEFORE_END = timedelta(days=9)
_DENIED_MINUTE = MINUTES - 45
_DENIED = Course(lines="denied")
_ACTION = "dynamodb:UpdateItem"

_ENTITIES, _ACQUISITIONS = 1, 4

SHAPE = Shape(
    seed="permission-denied",
    # A denied write is answered at once.
    duration_ms=lambda minute: 640.0 if minute < _DENIED_MINUTE else 95.0,
    spread=lambda minute: 0.10,
    init_ms=lambda minute: (355.0, 455.0),
    memory_mb=lambda minute: 97,
    cold_starts=(22.0, 84.0, 141.0),
    goes=lambda minute, records: WELL if minute < _DENIED_MINUTE else _DENIED,
)


def _build(sandbox: Sandbox, progress: Progress) -> None:
    now = sandbox.clock.now()
    story = planned(SHAPE, now=now)
    deployed = pipeline.deploy(sandbox, mapped=sandbox.clock.pinned)
    pipeline.set_deployed_at(sandbox, now - DEPLOYED_BEFORE_END)
    pipeline.forbid(sandbox, _ACTION)
    # The emulator does not enforce policies; what the role may not do is refused by order.
    sandbox.set_fault(_ACTION, code="AccessDenied", caller=pipeline.principal(sandbox))
    pipeline.wait_until_active(sandbox)
    progress(f"The zae-limiter aggregator is deployed; its role lacks {_ACTION}.")
    telling.seed(sandbox, story.invocations, now=now, progress=progress)
    if sandbox.clock.pinned:
        return
    written = traffic.drive(sandbox, entities=_ENTITIES, acquisitions=_ACQUISITIONS)
    pipeline.enable_mapping(sandbox, deployed)
    traffic.wait_for(sandbox, written, since=written.at)
    progress("Live records were processed, and every write of them was denied.")


SCENARIO = Scenario(
    name="permission-denied",
    title="Every write is denied, and no alarm says so",
    broke="The inline policy of the function's role was replaced by one without "
    "dynamodb:UpdateItem.",
    when="45 minutes before now.",
    seen="Nothing, by the metrics: no errors, no dead letters, no lag, and invocations are quicker "
    "than ever. Usage snapshots stand still. In the log each record fails at WARNING with "
    "AccessDeniedException, and is lost.",
    expected={
        "00-triage": Expected(verdict="critical", findings=frozenset({"errors.swallowed-records"})),
        "20-duration": Expected(verdict="healthy"),
        "40-cold-starts": Expected(verdict="healthy"),
        "10-error-rate": Expected(
            verdict="critical",
            findings=frozenset({"errors.swallowed-records", "errors.permission-denied"}),
        ),
        "11-permission-denied": Expected(
            verdict="critical",
            findings=frozenset({"errors.permission-denied", "errors.swallowed-records"}),
        ),
        "12-timeout": Expected(verdict="healthy"),
        "13-code-error": Expected(
            verdict="critical", findings=frozenset({"errors.permission-denied"})
        ),
        "30-dead-letters": Expected(verdict="healthy"),
        "50-stream-lag": Expected(verdict="healthy"),
        "60-dynamodb-throttling": Expected(verdict="healthy"),
    },
    builder=_build,
)
