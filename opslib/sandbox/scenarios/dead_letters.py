"""Scenario `dead-letters`: an incident is over, and what it gave up still waits in the queue."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios import letters, pipeline, telling, traffic
from opslib.sandbox.scenarios.planning import WELL, Course, Letter, Shape, planned
from opslib.sandbox.scenarios.story import Expected, Scenario
from opslib.sandbox.stream_pointer import Condition, GivenUp, Invoked, Record

FIXED_BEFORE_END = timedelta(minutes=50)
_BROKEN_FROM, _FIXED_MINUTE = 118.0, 130.0
_RAISED = Course(status="error", lines="failed")
# An earlier incident, of the day before yesterday's night: its records are gone from the stream.
_TRIMMED = 4
_TRIMMED_BEFORE_END = timedelta(hours=27)

_ENTITIES, _ACQUISITIONS = 1, 4


def _goes(minute: float, records: Sequence[Record]) -> Course:
    return _RAISED if _BROKEN_FROM <= minute < _FIXED_MINUTE else WELL


SHAPE = Shape(
    seed="dead-letters",
    duration_ms=lambda minute: 640.0,
    spread=lambda minute: 0.10,
    init_ms=lambda minute: (355.0, 455.0),
    memory_mb=lambda minute: 97,
    cold_starts=(22.0, 84.0, _BROKEN_FROM, _FIXED_MINUTE),
    goes=_goes,
)


def _trimmed(now: datetime) -> list[Letter]:
    """Make the letters of the earlier incident."""
    made = []
    for number in range(_TRIMMED):
        at = now - _TRIMMED_BEFORE_END + timedelta(seconds=90 * number)
        record = Record(sequence_number=f"-{number}", arrived_at=at, event={})
        invoked = Invoked(
            request_id=f"{number:08x}-0000-4000-8000-{number:012x}",
            executed_version="$LATEST",
            function_error="Unhandled",
        )
        given_up = GivenUp(
            records=[record], condition=Condition.RETRIES, invocations=4, invoked=invoked
        )
        made.append(Letter(at=at + timedelta(seconds=12), given_up=given_up))
    return made


def _build(sandbox: Sandbox, progress: Progress) -> None:
    now = sandbox.clock.now()
    story = planned(SHAPE, now=now)
    told: list[Letter] = []
    waiting = [*_trimmed(now), *story.letters]
    deployed = pipeline.deploy(
        sandbox, before_mapping=lambda: told.extend(letters.write(sandbox, waiting))
    )
    pipeline.set_deployed_at(sandbox, now - FIXED_BEFORE_END)
    pipeline.wait_until_active(sandbox)
    letters.send(sandbox, deployed, told)
    progress(f"The zae-limiter aggregator is deployed; {len(told)} dead letters wait.")
    arrived = letters.arrivals(told)
    telling.seed(sandbox, story.invocations, now=now, progress=progress, letters=arrived)
    if sandbox.clock.pinned:
        return
    written = traffic.drive(sandbox, entities=_ENTITIES, acquisitions=_ACQUISITIONS)
    traffic.wait_for(sandbox, written, since=now)
    progress("Live records go through again.")


SCENARIO = Scenario(
    name="dead-letters",
    title="The incident is over, and its dead letters wait to be replayed",
    broke="A release that raised was deployed and taken back 12 minutes later; what it gave up is "
    "in the queue as pointers into the stream. Four pointers of an incident the day before lead "
    "to records that the stream has trimmed: they are lost.",
    when="62 to 50 minutes before now; the older ones 27 hours before.",
    seen="The dead-letter alarm, and nothing else: invocations succeed and nothing lags.",
    expected={
        "00-triage": Expected(
            verdict="critical", findings=frozenset({"dead-letters.waiting", "errors.rate"})
        ),
        "20-duration": Expected(verdict="healthy"),
        "40-cold-starts": Expected(verdict="healthy"),
        "30-dead-letters": Expected(
            verdict="critical",
            findings=frozenset({"dead-letters.waiting", "dead-letters.trimmed"}),
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
