"""A whole system at a glance: its functions, queues, streams and tables, in as few calls as may be.

In: a System, what CloudWatch answered. Out: which metrics to ask for, what else has to be read,
the health table, alarms that fire, changes that stand open. A thousand functions take about as
many calls as there are times 500 metrics; what costs a call for each function is asked only where
its answer decides, and what was not asked is said.

``scope`` says what is looked at, ``measures`` which metrics, ``reading`` what else is read and of
whom, ``judging`` makes the rows and findings, ``alarms`` and ``opened`` look at alarms and at
changes meant to be taken back.
"""

from opslib.fleet.alarms import Alarms, alarm_findings, firing
from opslib.fleet.judging import beside, checks_of, log_findings, suspects
from opslib.fleet.measures import metrics_of
from opslib.fleet.opened import Opened, opened, opened_findings
from opslib.fleet.reading import Readings, read
from opslib.fleet.scope import FEW, Scope, scope

__all__ = [
    "FEW",
    "Alarms",
    "Opened",
    "Readings",
    "Scope",
    "alarm_findings",
    "beside",
    "checks_of",
    "firing",
    "log_findings",
    "metrics_of",
    "opened",
    "opened_findings",
    "read",
    "scope",
    "suspects",
]
