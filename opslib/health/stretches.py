"""Since when something is bad that an edit of the function cuts in two: one incident, not two.

In: what goes on, the points before the edit, the timeouts that held. Out: the finding, dated from
the first stretch that was as bad. Does no I/O.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from opslib.health.timeouts import Part, Timeouts
from opslib.health.verdicts import Finding, Point, Verdict, utc


def from_first(
    found: Finding | None,
    points: Sequence[Point],
    changed_at: datetime | None,
    *,
    timeouts: Timeouts,
    tell: Callable[[Part], Finding | None],
) -> Finding | None:
    """Return a finding with ``since`` of the first stretch of it, where that was before a change.

    What was less bad before the change is another thing, which the change may have made worse.

    Parameters
    ----------
    found
        What was seen since the change; None for nothing.
    points
        From before the change and since.
    tell
        What makes the same finding of points that one timeout held for.
    """
    if found is None or changed_at is None:
        return found
    parts = timeouts.parts([point for point in points if point.at < changed_at])
    before = [told for told in map(tell, (part for part in parts if part.is_known)) if told]
    as_bad = (Verdict.CRITICAL, found.severity)
    first = min(
        (told.since for told in before if told.since and told.severity in as_bad), default=None
    )
    if first is None:
        return found
    said = f" That is since the change of {utc(changed_at)}; it was so before it, too, first from "
    return replace(found, since=first, detail=f"{found.detail}{said}{utc(first)} on.")
