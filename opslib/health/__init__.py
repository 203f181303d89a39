"""From numbers to a verdict: thresholds, findings, and what each runbook's numbers mean.

In: numbers and frames that somebody else fetched, with units in their names. Out: `Verdict`,
`Finding`, and `Check` (one row of the health table). Does no I/O and knows no client.

Three answers, never two: *healthy*, *unhealthy* (warning, critical) and *unknown*. What was not
seen is unknown, never healthy, so each function here that finds no data says so in a finding of its
own: **an empty list of findings means that it looked and all was well.**

How a threshold's edges fall is written in `opslib.system`; every number that stands here instead of
there has its reason next to it.
"""

from opslib.health.courses import Course, course
from opslib.health.dead_letters import Ongoing, dead_letter_findings, ongoing
from opslib.health.durations import duration_findings, duration_notes, memory_finding
from opslib.health.invocations import (
    agreement_finding,
    cold_rate_finding,
    cold_start_findings,
    swallowed_finding,
)
from opslib.health.streams import needed, stream_findings
from opslib.health.table import rows
from opslib.health.throttling import (
    Effect,
    causes,
    effect,
    operations,
    still_throttled,
    throttled,
    throttling_findings,
    usage,
)
from opslib.health.undelivered import lost_letters
from opslib.health.verdicts import Check, Finding, Verdict, bad, judge, levels, sustained, worst

__all__ = [
    "Check",
    "Course",
    "Effect",
    "Finding",
    "Ongoing",
    "Verdict",
    "agreement_finding",
    "bad",
    "causes",
    "cold_rate_finding",
    "cold_start_findings",
    "course",
    "dead_letter_findings",
    "duration_findings",
    "duration_notes",
    "effect",
    "judge",
    "levels",
    "lost_letters",
    "memory_finding",
    "needed",
    "ongoing",
    "operations",
    "rows",
    "still_throttled",
    "stream_findings",
    "sustained",
    "swallowed_finding",
    "throttled",
    "throttling_findings",
    "usage",
    "worst",
]
