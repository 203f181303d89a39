"""The table of what is answered before the emulator, and of what runs beside it.

In: the emulator, the clock, the faults. Out: `Services`: for each service its row of answerers, the
first asked first (see `calls`); companions, run from start to stop; control endpoints. All of it is
made anew by a reset. To add to what the sandbox answers, write an answerer in a module of its own
and name it here. Watchers see each call of their service, however it was answered. Must not know
HTTP servers, or scenarios.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opslib.sandbox import api
from opslib.sandbox.call_metrics import Watcher
from opslib.sandbox.calls import Answerer, Emulator
from opslib.sandbox.change_history import ChangeHistory
from opslib.sandbox.clock import Clock
from opslib.sandbox.dynamodb_calls import DynamodbCalls
from opslib.sandbox.emulator import state as inside
from opslib.sandbox.emulator.functions import run_functions
from opslib.sandbox.faults import Faults
from opslib.sandbox.kinesis_calls import KinesisCalls
from opslib.sandbox.lambda_calls import LambdaDates, LambdaStates
from opslib.sandbox.lambda_history import LambdaHistory
from opslib.sandbox.lambda_invocations import LiveInvocations
from opslib.sandbox.lambda_refusals import LambdaRefusals
from opslib.sandbox.lambda_request_ids import LambdaRequestIds
from opslib.sandbox.lambda_requests import LambdaNames, LambdaRequests
from opslib.sandbox.logs.queries import Quota
from opslib.sandbox.logs_calls import LogsCalls
from opslib.sandbox.mapping_calls import MappingCalls
from opslib.sandbox.mappings import Mappings
from opslib.sandbox.measures import Measures, WrittenFirst
from opslib.sandbox.message_moves import MessageMoves
from opslib.sandbox.metric_calls import MetricCalls
from opslib.sandbox.scaling_calls import QuotaCalls, ScalingCalls
from opslib.sandbox.sqs_calls import SqsCalls
from opslib.sandbox.stream_history import StreamHistory
from opslib.sandbox.waits import Waits

Companion = Callable[[], Awaitable[None]]
"""Runs beside the server until it is cancelled: at a stop, and at a reset before the new one."""

Control = Callable[[Any], object]
"""Takes the decoded body of a control request; what it gives is the answer, ``{}`` for None.

Raises `BadInput` for a body that is no order.
"""


@dataclass(frozen=True, kw_only=True)
class Services:
    """What stands before the emulator, and beside it."""

    answerers: Mapping[str, tuple[Answerer, ...]]
    """By IAM's prefix of the service."""
    controls: Mapping[tuple[str, str], Control]
    """By method and path."""
    companions: tuple[Companion, ...] = field(default=())
    watchers: Mapping[str, Watcher] = field(default_factory=dict)
    """By IAM's prefix of the service."""


def build(*, emulator: Emulator, clock: Clock, faults: Faults) -> Services:
    """Make everything, knowing nothing yet."""
    lambda_history = LambdaHistory(clock=clock, revise=inside.revise_function)
    stream_history = StreamHistory(clock=clock)
    change_history = ChangeHistory(clock=clock)
    waits = Waits()
    moves = MessageMoves(emulator=emulator, clock=clock)
    invocations = LiveInvocations()
    run_functions(told=invocations)
    measures = Measures(emulator, invocations=invocations)
    mappings = Mappings(emulator, invocations=invocations, listener=measures.delivered, waits=waits)
    quota = Quota()
    return Services(
        answerers={
            "application-autoscaling": (ScalingCalls(clock=clock),),
            "cloudtrail": (change_history,),
            "cloudwatch": (WrittenFirst(measures), MetricCalls(clock=clock)),
            "dynamodb": (
                change_history,
                stream_history,
                DynamodbCalls(consumed=measures.consumed),
            ),
            "kinesis": (KinesisCalls(),),
            "lambda": (
                LambdaNames(),
                LambdaDates(lambda_history),
                LambdaStates(),
                change_history,
                LambdaRefusals(emulator),
                LambdaRequests(emulator),
                MappingCalls(mappings, clock=clock),
                LambdaRequestIds(),
            ),
            "logs": (LogsCalls(clock=clock, faults=faults, quota=quota),),
            "servicequotas": (QuotaCalls(),),
            "sqs": (SqsCalls(emulator=emulator, moves=moves, waits=waits),),
        },
        companions=(moves.run, mappings.run, measures.meter.run, measures.ticker.run),
        watchers=dict.fromkeys(("dynamodb", "kinesis", "sqs"), measures.answered),
        controls={
            ("PUT", api.FAULTS_PATH): faults.order,
            ("DELETE", api.FAULTS_PATH): lambda _: faults.clear(),
            ("PUT", api.QUERY_QUOTA_PATH): quota.order,
            ("PUT", api.LAMBDA_HISTORY_PATH): lambda_history.order,
            ("PUT", api.STREAM_HISTORY_PATH): stream_history.order,
            ("PUT", api.CHANGE_HISTORY_PATH): change_history.order,
            ("PUT", api.WAITS_PATH): waits.order,
        },
    )
