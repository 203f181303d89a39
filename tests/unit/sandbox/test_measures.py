"""Gauges of queues, and how live datapoints are written."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from opslib.sandbox.datum import Datum, Metric, Place
from opslib.sandbox.live_metrics import QueueState
from opslib.sandbox.meter import Meter
from opslib.sandbox.ticker import Ticker

AT = datetime(2026, 10, 14, 3, 7, 40, tzinfo=UTC)
PLACE = Place("000000000000", "us-east-1")
ERRORS = Metric("AWS/Lambda", "Errors", "Count")
DURATION = Metric("AWS/Lambda", "Duration", "Milliseconds")


class CloudWatch:
    """Stands where the emulator's CloudWatch would; keeps what it is called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, Any], str | None, str | None]] = []

    async def call(
        self,
        service: str,
        name: str,
        body: object,
        *,
        account: str | None = None,
        region: str | None = None,
    ) -> dict[str, Any]:
        assert isinstance(body, dict)
        self.calls.append((service, name, body, account, region))
        return {}


def _queue(*, visible: int, oldest_age_s: float = 0.0, name: str = "jobs") -> QueueState:
    return QueueState(
        place=PLACE,
        queue=name,
        visible=visible,
        in_flight=0,
        delayed=0,
        oldest_age_s=oldest_age_s,
    )


def _datum(metric: Metric, value: float, *, at: datetime = AT, function: str = "f") -> Datum:
    return Datum(
        place=PLACE,
        metric=metric,
        dimensions=(("FunctionName", function),),
        at=at,
        value=value,
    )


def test_a_queue_is_told_of_once_a_minute_and_when_it_changes() -> None:
    looks = [
        (0, [_queue(visible=1, oldest_age_s=5)]),
        (5, [_queue(visible=1, oldest_age_s=10)]),
        (10, [_queue(visible=2, oldest_age_s=15)]),
        (20, [_queue(visible=2, oldest_age_s=25)]),
        (40, [_queue(visible=2, oldest_age_s=45)]),
    ]
    told: list[tuple[int, str, float]] = []
    seen: list[QueueState] = []

    def take(data: Iterable[Datum]) -> None:
        told.extend(
            ((datum.at - AT).seconds, datum.metric.name.removeprefix("Approximate"), datum.value)
            for datum in data
        )

    ticker = Ticker(look=lambda: seen, take=take)
    for after_s, states in looks:
        seen[:] = states
        ticker.tick(AT + timedelta(seconds=after_s))

    assert [each for each in told if "Delayed" not in each[1] and "Not" not in each[1]] == [
        (0, "NumberOfMessagesVisible", 1.0),
        (0, "AgeOfOldestMessage", 5.0),
        # It changed.
        (10, "NumberOfMessagesVisible", 2.0),
        (10, "AgeOfOldestMessage", 15.0),
        # A minute began.
        (20, "NumberOfMessagesVisible", 2.0),
        (20, "AgeOfOldestMessage", 25.0),
    ]


def test_datapoints_are_written_by_metric_and_minute_with_every_value() -> None:
    cloudwatch = CloudWatch()
    meter = Meter(cloudwatch)
    meter.take([_datum(DURATION, 10.5), _datum(DURATION, 10.5), _datum(DURATION, 7.0)])
    meter.take([_datum(DURATION, 3.0, at=AT + timedelta(seconds=20)), _datum(ERRORS, 0.0)])

    asyncio.run(meter.write())
    asyncio.run(meter.write())

    ((service, name, body, account, region),) = cloudwatch.calls
    assert (service, name, account, region) == ("cloudwatch", "PutMetricData", *PLACE)
    assert body["Namespace"] == "AWS/Lambda"
    minute = datetime(2026, 10, 14, 3, 7, tzinfo=UTC).timestamp()
    assert [
        (entry["MetricName"], entry["Timestamp"], entry["Values"], entry["Counts"])
        for entry in body["MetricData"]
    ] == [
        ("Duration", minute, [10.5, 7.0], [2.0, 1.0]),
        ("Duration", minute + 60, [3.0], [1.0]),
        ("Errors", minute, [0.0], [1.0]),
    ]
    assert body["MetricData"][0]["Unit"] == "Milliseconds"
    assert body["MetricData"][0]["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}]


def test_no_entry_has_more_values_than_cloudwatch_takes() -> None:
    cloudwatch = CloudWatch()
    meter = Meter(cloudwatch)
    meter.take(_datum(DURATION, float(value)) for value in range(301))

    asyncio.run(meter.write())

    ((_, _, body, _, _),) = cloudwatch.calls
    assert [len(entry["Values"]) for entry in body["MetricData"]] == [150, 150, 1]
