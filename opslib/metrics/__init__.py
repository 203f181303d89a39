"""CloudWatch metrics over one window: the points that came, and whether all of them did.

In: `Metric` descriptions and a Window. Out: a `MetricAnswer` with a typed frame of points and a
status for each metric. No gap is filled: no datapoint is not zero. What is missing is said in
``limits``, never silently.

The rooms: ``fetching`` asks; ``wanted`` names which metrics a function, a queue, a stream and a
table have, and is imported whole where others than a notebook's are asked for. Must not judge.
"""

from opslib.metrics import wanted
from opslib.metrics.fetching import Metric, MetricAnswer, fetch
from opslib.metrics.wanted import (
    OPERATIONS,
    Measure,
    function_metrics,
    invocation_metrics,
    time_at_table,
)

__all__ = [
    "OPERATIONS",
    "Measure",
    "Metric",
    "MetricAnswer",
    "fetch",
    "function_metrics",
    "invocation_metrics",
    "time_at_table",
    "wanted",
]
