"""How a function logs, what such logs cannot tell, and how a query begins for each shape of them.

The rooms: ``shapes`` reads a configuration; ``looking`` asks for the log group; ``queries`` writes
the text that a shape needs. Nothing here runs a query.
"""

from opslib.lambda_logs.looking import Logs, look
from opslib.lambda_logs.queries import filtered, own_lines, report_filter, reports
from opslib.lambda_logs.shapes import LogShape, limits, shape

__all__ = [
    "LogShape",
    "Logs",
    "filtered",
    "limits",
    "look",
    "own_lines",
    "report_filter",
    "reports",
    "shape",
]
