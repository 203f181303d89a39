"""How a function logs, what such logs cannot tell, and the query for each shape of them.

The rooms: ``shapes`` reads a configuration; ``looking`` asks for it, and for the log group;
``queries`` writes the text that a shape needs. Nothing here runs a query.
"""

from opslib.lambda_logs.looking import Logs, look
from opslib.lambda_logs.queries import (
    cold_starts,
    durations,
    errors,
    filtered,
    memory,
    own_lines,
    report_filter,
    reports,
    timeouts,
)
from opslib.lambda_logs.shapes import LogShape, limits, shape

__all__ = [
    "LogShape",
    "Logs",
    "cold_starts",
    "durations",
    "errors",
    "filtered",
    "limits",
    "look",
    "memory",
    "own_lines",
    "report_filter",
    "reports",
    "shape",
    "timeouts",
]
