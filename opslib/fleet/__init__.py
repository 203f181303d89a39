"""A whole system at a glance: its functions, queues, streams and tables, in as few calls as may be.

In: a System, what CloudWatch answered. Out: which metrics to ask for, what else has to be read,
the health table, alarms that fire, changes that stand open. A thousand functions take about as
many calls as there are times 500 metrics; what costs a call for each function is asked only where
its answer decides, and what was not asked is said.

``scope`` says what is looked at, ``indexes`` which indexes its tables have, ``measures`` which
metrics, ``reading`` what else is read and of whom, ``timeouts`` which ones held before an edit,
``judging`` makes the rows and findings, ``alarms`` and ``opened`` look at alarms and at changes
meant to be taken back, ``people`` says whom to call.
"""

from opslib.fleet.alarms import Alarms, alarm_findings, firing
from opslib.fleet.indexes import Indexes, indexes
from opslib.fleet.judging import (
    beside,
    checks_before,
    checks_of,
    compared,
    counted,
    log_findings,
    looked_for,
    maybe_stopped,
    suspects,
    together,
    traffic,
)
from opslib.fleet.measures import counts_of, lines, metrics_of, period_of, unasked
from opslib.fleet.opened import Opened, opened, opened_findings
from opslib.fleet.people import people
from opslib.fleet.reading import Readings, read
from opslib.fleet.scope import FEW, Scope, scope

__all__ = [
    "FEW",
    "Alarms",
    "Indexes",
    "Opened",
    "Readings",
    "Scope",
    "alarm_findings",
    "beside",
    "checks_before",
    "checks_of",
    "compared",
    "counted",
    "counts_of",
    "firing",
    "indexes",
    "lines",
    "log_findings",
    "looked_for",
    "maybe_stopped",
    "metrics_of",
    "opened",
    "opened_findings",
    "people",
    "period_of",
    "read",
    "scope",
    "suspects",
    "together",
    "traffic",
    "unasked",
]
