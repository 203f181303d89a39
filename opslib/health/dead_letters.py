"""What dead letters come to: how many wait, whether their records are gone, whether it goes on.

In: a queue's depth, points of metrics, and frames that `opslib.dead_letters` and `opslib.streams`
made of a sample. Out: findings. Does no I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from opslib.health.verdicts import Finding, Point, Verdict, judge, number, points_of, span, utc
from opslib.system import Thresholds
from opslib.window import Window

# Three periods of the guide's alarms: one quiet one may be a pause between retries.
_RECENT = timedelta(minutes=15)
_LOST = ("gone", "partly gone")


@dataclass(frozen=True, slots=True)
class Ongoing:
    """Whether what made the dead letters still goes on, at the end of the window.

    Parameters
    ----------
    minutes
        How long the end is.
    invocations, errors, arrived
        In that time; ``arrived`` is by how much the queue grew. None when it was not seen.
    last_error_at
        The last period of the window with an error, or None.
    """

    minutes: int
    invocations: float | None
    errors: float | None
    arrived: float | None
    last_error_at: datetime | None

    @property
    def over(self) -> bool | None:
        """Whether it is over: invocations and no error; None when nobody can tell."""
        if self.errors or (self.arrived or 0) > 0:
            return False
        return True if self.invocations and self.errors is not None else None

    @property
    def sentence(self) -> str:
        """The same for people."""
        if self.over is None:
            return (
                f"Whether the cause is over is not known: no invocation was seen in the last "
                f"{self.minutes} minutes."
            )
        if not self.over:
            return (
                f"The cause is not over: {number(self.errors or 0)} errors and "
                f"{number(max(self.arrived or 0, 0))} new dead letters in the last {self.minutes} "
                "minutes. What is replayed now comes back."
            )
        since = f"; the last was at {utc(self.last_error_at)}" if self.last_error_at else ""
        return (
            f"The cause seems over: no error in {number(self.invocations or 0)} invocations of the "
            f"last {self.minutes} minutes{since}."
        )

    def as_dict(self) -> dict[str, object]:
        """Return the facts for a table."""
        return {
            "minutes looked at": self.minutes,
            "invocations": self.invocations,
            "errors": self.errors,
            "new dead letters": self.arrived,
            "last error": self.last_error_at,
            "over": {True: "it seems so", False: "no", None: "not known"}[self.over],
        }


def ongoing(
    *,
    invocations: pd.DataFrame,
    errors: pd.DataFrame,
    waiting: pd.DataFrame,
    window: Window,
) -> Ongoing:
    """Tell whether failures go on at the end of a window.

    Parameters
    ----------
    invocations, errors
        ``at``, ``value`` a period (Sum). A period with invocations and no error counts as none.
    waiting
        ``at``, ``value``: the depth of the dead-letter queue (Maximum a minute).
    """
    since = max(window.end - _RECENT, window.start)
    ran, failed = points_of(invocations, "value"), points_of(errors, "value")
    depths = points_of(waiting, "value")
    late = [point.value for point in ran if point.at >= since]
    before = [point.value for point in depths if point.at < since]
    after = [point.value for point in depths if point.at >= since]
    bad = [point.at for point in failed if point.value > 0]
    return Ongoing(
        minutes=int((window.end - since) / timedelta(minutes=1)),
        invocations=sum(late) if late else None,
        errors=sum(point.value for point in failed if point.at >= since) if failed else None,
        arrived=after[-1] - before[-1] if before and after else None,
        last_error_at=bad[-1] if bad else None,
    )


def dead_letter_findings(
    *,
    queue: str,
    depth: int | None,
    waiting: pd.DataFrame,
    read: int,
    causes: pd.DataFrame,
    states: pd.DataFrame,
    after: Ongoing,
    thresholds: Thresholds,
    hidden: int = 0,
    evidence: Sequence[str] = (),
) -> list[Finding]:
    """Judge what waits in a dead-letter queue, and what of it is lost or soon will be.

    Parameters
    ----------
    depth
        How many messages are visible now; None when that was not seen.
    waiting
        ``at``, ``value``: the depth a minute in the window.
    read
        How many messages of the queue were read.
    causes
        As `opslib.dead_letters.Peek.causes`: ``kind``, ``letters``.
    states
        As `opslib.streams.Left.states`: ``state``, ``letters``, ``records``, ``oldest_at``,
        ``expires_at``, ``hours_left``.
    after
        Whether the cause goes on.
    hidden
        How many messages are in flight or delayed. Somebody has them, or they were not put back:
        they are dead letters all the same, and come back.

    Returns
    -------
    ``dead-letters.waiting`` by the depth, unknown when it was not seen, and a warning when every
    letter is hidden; ``dead-letters.trimmed``,
    critical, when letters point to records that are gone; ``dead-letters.expiring`` when those left
    have less time than ``dead_letter_hours_left``. Empty when the queue is.
    """
    if depth is None:
        return [
            Finding(
                id="dead-letters.waiting",
                severity=Verdict.UNKNOWN,
                title=f"How many dead letters wait in {queue or 'the queue'} is not known",
                detail="The queue could not be asked.",
                subject=queue or "the queue",
                evidence=tuple(evidence),
            )
        ]
    found = []
    severity = judge(float(depth), thresholds.dead_letters)
    if severity is not Verdict.HEALTHY:
        kinds = "; ".join(
            f"{letters:,} × {kind}"
            for kind, letters in causes.groupby("kind")["letters"].sum().items()
        )
        of = f" Of {read:,} that were read: {kinds}." if read else " None of them was read."
        more = f", and {hidden:,} more are in flight or delayed" if hidden else ""
        found.append(
            Finding(
                id="dead-letters.waiting",
                severity=severity,
                title=f"{depth:,} dead letters wait in {queue}",
                detail=f"{depth:,} messages are visible in {queue} now{more}.{of}{_until(states)} "
                f"{after.sentence}",
                subject=queue,
                evidence=tuple(evidence),
                since=_filling_since(points_of(waiting, "value")),
            )
        )
    elif hidden:
        found.append(
            Finding(
                id="dead-letters.waiting",
                severity=Verdict.WARNING,
                title=f"{hidden:,} dead letters of {queue} are out of sight",
                detail=f"None is visible in {queue}, and {hidden:,} are in flight or delayed: "
                "somebody reads them now, or they were read and not put back. They come back when "
                f"their visibility timeout ends; look again then. {after.sentence}",
                subject=queue,
                evidence=tuple(evidence),
            )
        )
    found += _lost(states, queue=queue, read=read, evidence=evidence)
    found += _expiring(states, queue=queue, thresholds=thresholds, evidence=evidence)
    return found


def _until(states: pd.DataFrame) -> str:
    """Say how much can still be replayed, and until when."""
    there = states[states["state"].isin(["there", "in the letter"])]
    first_at = _first(there["expires_at"])
    if there.empty or first_at is None:
        return ""
    return (
        f" {int(there['letters'].sum()):,} can still be replayed; what the first of them leads to "
        f"is kept until {utc(first_at)}, {_hours(there['hours_left'].min())} more."
    )


def _filling_since(points: Sequence[Point]) -> datetime | None:
    """Return when the queue was last empty before the end; None when it never was."""
    empty = [place for place, point in enumerate(points) if point.value == 0]
    filled = points[empty[-1] + 1 :] if empty else []
    return filled[0].at if filled else None


def _lost(states: pd.DataFrame, *, queue: str, read: int, evidence: Sequence[str]) -> list[Finding]:
    lost = states[states["state"].isin(_LOST)]
    if lost.empty:
        return []
    letters, records = int(lost["letters"].sum()), int(lost["records"].sum())
    oldest, expired = _first(lost["oldest_at"]), _first(lost["expires_at"])
    when = f", the oldest of {utc(oldest)}" if oldest else ""
    return [
        Finding(
            id="dead-letters.trimmed",
            severity=Verdict.CRITICAL,
            title=f"{letters:,} dead letters point to records that are gone",
            detail=f"{letters:,} of {read:,} letters that were read name {records:,} records"
            f"{when}, which the stream no longer has: no replay brings them back.",
            subject=queue,
            evidence=tuple(evidence),
            since=expired,
        )
    ]


def _expiring(
    states: pd.DataFrame, *, queue: str, thresholds: Thresholds, evidence: Sequence[str]
) -> list[Finding]:
    threshold = thresholds.dead_letter_hours_left
    left = states[~states["state"].isin(_LOST)].dropna(subset=["hours_left"])
    hours = left["hours_left"].min()
    severity = judge(float(hours), threshold)
    if severity in (Verdict.HEALTHY, Verdict.UNKNOWN):
        return []
    first_at = _first(left["expires_at"])
    at = f", at {utc(first_at)}" if first_at else ""
    title = f"What the first dead letter leads to is kept for {_hours(hours)} more"
    detail = f"It is gone in {_hours(hours)}{at}. Read it before that."
    if hours <= 0:
        title = "What dead letters lead to may be gone at any moment"
        detail = f"It is kept no longer{at.replace('at', 'since', 1)}; read what is still there."
    return [
        Finding(
            id="dead-letters.expiring",
            severity=severity,
            title=title,
            detail=detail,
            subject=queue,
            evidence=tuple(evidence),
        )
    ]


def _hours(hours: float) -> str:
    return span(hours * 3_600_000)


def _first(instants: "pd.Series[pd.Timestamp]") -> datetime | None:
    first = instants.min()
    return None if pd.isna(first) else first.to_pydatetime()
