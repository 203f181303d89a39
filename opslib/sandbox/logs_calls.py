"""The calls of CloudWatch Logs that are answered here.

In: a `Call` of service ``logs``. Out: its answer, or None for the emulator's own. Each account and
region has its own queries. Must not know how a query is evaluated.
"""

from opslib.sandbox.calls import Call
from opslib.sandbox.clock import Clock
from opslib.sandbox.emulator import log_events
from opslib.sandbox.faults import QUERY_EXECUTION, Faults
from opslib.sandbox.logs_insights import Delay, LogsInsights
from opslib.sandbox.wire import Answer, json_answer


class LogsCalls:
    """Answers Logs Insights.

    Parameters
    ----------
    clock
        Dates the queries.
    faults
        May hinder the evaluation of a query.
    """

    def __init__(self, *, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._insights: dict[tuple[str, str], LogsInsights] = {}

    async def answer(self, call: Call) -> Answer | None:
        """Answer the calls of Logs Insights."""
        insights = self._of(call.account, call.region)
        body = call.request.json()
        match call.operation.name:
            case "StartQuery":
                payload = await insights.start_query(
                    body,
                    events=lambda group: log_events(
                        group, account=call.account, region=call.region
                    ),
                    delay=self._delay(),
                )
            case "GetQueryResults":
                payload = await insights.get_query_results(body)
            case "StopQuery":
                payload = await insights.stop_query(body)
            case "DescribeQueries":
                payload = await insights.describe_queries(body)
            case _:
                return None
        return json_answer(payload, version=call.operation.version)

    def _of(self, account: str, region: str) -> LogsInsights:
        insights = self._insights.get((account, region))
        if insights is None:
            insights = LogsInsights(clock=self._clock, account=account, region=region)
            self._insights[account, region] = insights
        return insights

    def _delay(self) -> Delay:
        fault = self._faults.take(QUERY_EXECUTION)
        return Delay(latency_ms=fault.latency_ms, status=fault.code) if fault else Delay()
