"""Everything that is measured as it happens, on its way to the meter.

In: whatever happens on the sandbox: invocations, deliveries, answered calls, polls, queues. Out:
datapoints, in the sandbox's own CloudWatch, dated by the wall's clock: under a pinned clock they
are outside every window. Whoever asks CloudWatch anything has them written first. Must not know
how a metric is computed.
"""

from datetime import UTC, datetime

from opslib.sandbox import call_metrics, live_metrics
from opslib.sandbox.call_metrics import Answered, Consumed
from opslib.sandbox.calls import Call, Emulator
from opslib.sandbox.datum import Place
from opslib.sandbox.emulator import state as inside
from opslib.sandbox.lambda_invocations import LiveInvocation, LiveInvocations
from opslib.sandbox.live_metrics import Delivered, Pointed, Polled
from opslib.sandbox.meter import Meter
from opslib.sandbox.ticker import Ticker
from opslib.sandbox.wire import Answer


class Measures:
    """Listens to everything.

    Parameters
    ----------
    emulator
        Keeps the datapoints.
    invocations
        Tell of functions.
    """

    def __init__(self, emulator: Emulator, *, invocations: LiveInvocations) -> None:
        self.meter = Meter(emulator)
        self.ticker = Ticker(look=inside.QueueLook().states, take=self.meter.take)
        invocations.listen(self.invoked)
        inside.keep_no_lambda_metrics()
        inside.watch_polls(self.polled)

    def invoked(self, invocation: LiveInvocation) -> None:
        """Take an invocation, on its own thread."""
        place = Place(invocation.account, invocation.region)
        concurrent = max(1, inside.running(invocation.function, place))
        self.meter.take(live_metrics.of_invocation(invocation, concurrent=concurrent))

    def polled(self, polled: Polled) -> None:
        """Take what Lambda's poller of queues did, on its own thread."""
        self.meter.take(live_metrics.of_polled(polled, at=datetime.now(UTC)))

    def delivered(self, event: Delivered | Pointed) -> None:
        """Take what a stream mapping did."""
        self.meter.take(live_metrics.of_delivery(event))

    def answered(self, answered: Answered) -> None:
        """Take a call that was answered."""
        self.meter.take(call_metrics.of_call(answered, at=datetime.now(UTC)))

    def consumed(self, consumed: Consumed) -> None:
        """Take capacity that a call consumed."""
        self.meter.take(call_metrics.of_consumed(consumed, at=datetime.now(UTC)))

    async def write(self) -> None:
        """Write everything until now, queues included."""
        self.ticker.tick(datetime.now(UTC))
        await self.meter.write()


class WrittenFirst:
    """Stands before CloudWatch: what has happened is written before a call is answered."""

    def __init__(self, measures: Measures) -> None:
        self._measures = measures

    async def answer(self, call: Call) -> Answer | None:
        """Write, and let the call pass."""
        if call.operation.name != "PutMetricData":
            await self._measures.write()
        return None
