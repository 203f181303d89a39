"""How late a stream is read, and why: one batch that holds its shard, too little work at once.

In: a `Course`, and frames that `opslib.streams` saw. Out: findings. Does no I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from opslib.health.courses import NO_RECORD, Course, fives
from opslib.health.endings import recovered_at, worded
from opslib.health.standing import STOPPED, belongs
from opslib.health.verdicts import (
    Finding,
    Verdict,
    breach,
    held,
    judge,
    number,
    points_of,
    span,
    sustained,
    utc,
)
from opslib.system import Threshold, Thresholds
from opslib.window import Window

_OFF = ("Disabled", "Disabling", "Deleting")
_PROBLEM = "PROBLEM"
# The function's own failure: what it was invoked with is tried again.
_CALL_FAILED = "Function call failed"


def stream_findings(
    *,
    function: str,
    reads: bool,
    seen: Course,
    mappings: pd.DataFrame,
    mappings_seen: bool,
    shards: pd.DataFrame,
    room: pd.DataFrame,
    throttled: pd.DataFrame,
    thresholds: Thresholds,
    window: Window | None = None,
    asked_at: datetime | None = None,
    evidence: Sequence[str] = (),
) -> list[Finding]:
    """Judge how a function reads its streams, and whether its mappings hand anything on.

    Parameters
    ----------
    reads
        Whether the params file says that it reads one.
    seen
        As `course` tells it.
    mappings, shards, room
        As `opslib.streams` sees them.
    mappings_seen
        Whether every mapping was seen.
    throttled
        ``at``, ``value``: throttled invocations a period.
    window, asked_at
        The window, and when mappings and room were asked for. What stands now is no finding of a
        window that ended before, unless ``changed_at`` of a mapping says that it began in it.

    Returns
    -------
    ``stream.stuck-shard``; ``stream.lag``, critical when what is written is not read, and unknown
    when nothing was read or nobody can tell; ``stream.mapping-disabled`` when a mapping, of a
    stream or of a queue, hands nothing on, or there is none where there should be;
    ``stream.mapping-problem`` when Lambda says that one does not work; ``change.temporary`` when
    its reserved concurrency is 0, which stops it; and ``invocations.throttled``. Empty when all is
    well.
    """
    is_stream = mappings["kind"].isin(["dynamodb", "kinesis"])
    streams, others = mappings[is_stream], mappings[~is_stream]
    about = _About(function, tuple(evidence))
    is_now = belongs(window, asked_at=asked_at)
    off = _of_window(streams, window, asked_at)
    found = about.mapped(off, shards)
    if is_now and mappings_seen and reads and streams.empty:
        found.append(about.unmapped())
    found += about.stopped(room) if is_now else []
    found += about.stuck(seen, streams, shards)
    found += about.throttled(throttled, streams, shards, room, thresholds)
    # What is off, stuck or refused says better why nothing was read.
    if not (found and seen.word in ("not seen", "stopped")):
        found += about.unread(seen, streams, others)
        found += about.late(seen, thresholds.iterator_age_ms)
    return found + about.mapped(_of_window(others, window, asked_at), shards)


@dataclass(frozen=True, slots=True)
class _About:
    """Makes the findings of one function."""

    function: str
    evidence: tuple[str, ...]

    def mapped(self, mappings: pd.DataFrame, shards: pd.DataFrame) -> list[Finding]:
        """Judge the state of each mapping, and what Lambda says of its last batch."""
        found = []
        for row in _rows(mappings):
            if row["state"] in _OFF:
                found.append(self._off(row, shards))
            elif str(row["last_result"] or "").startswith(_PROBLEM):
                found.append(self._problem(row))
        return found

    def _off(self, row: dict[str, object], shards: pd.DataFrame) -> Finding:
        why = f" ({row['reason']})" if row["reason"] else ""
        changed = row.get("changed_at")
        since = changed.to_pydatetime() if isinstance(changed, pd.Timestamp) else None
        means = "Nothing else says so: what is not invoked has no error."
        if row["kind"] in ("dynamodb", "kinesis"):
            means = (
                "No batch means no iterator age, so no alarm says so, and records are dropped at "
                "the end of the stream's retention"
            )
            kept = shards.loc[shards["source_arn"] == row["source_arn"], "kept_hours"].dropna()
            if since and len(kept):
                gone = since + timedelta(hours=float(kept.min()))
                means += f": what has come since {utc(since)} is gone from {utc(gone)} on"
            means += "."
        elif row["kind"] == "sqs":
            means = (
                "Messages wait until the queue's retention ends, and are deleted then; what is not "
                "invoked has no error."
            )
        return self._finding(
            "stream.mapping-disabled",
            STOPPED,
            f"The mapping of {row['source']} is {row['state']}",
            f"{self.function} gets nothing of {row['source']}: its mapping is "
            f"{row['state']}{why}. {means}",
            since=since,
        )

    def _problem(self, row: dict[str, object]) -> Finding:
        said = str(row["last_result"])
        own = _CALL_FAILED in said
        means = "Until that is mended it may hand nothing on, and then no metric says so."
        if own:
            means = "The invocation failed, and the batch is tried again."
        return self._finding(
            "stream.mapping-problem",
            Verdict.WARNING if own else Verdict.CRITICAL,
            f"The mapping of {row['source']} reports a problem",
            f"Of its last batch Lambda says now: {said.rstrip('.')}. {means}",
        )

    def unmapped(self) -> Finding:
        return self._finding(
            "stream.mapping-disabled",
            Verdict.CRITICAL,
            f"No mapping hands records to {self.function}",
            "The params file says that it reads a stream, and there is no event source mapping of "
            "one: it was deleted, or belongs to an alias that the file does not name.",
        )

    def stopped(self, room: pd.DataFrame) -> list[Finding]:
        if not (room["reserved"] == 0).any():
            return []
        return [
            self._finding(
                "change.temporary",
                STOPPED,
                f"{self.function}: reserved concurrency is 0",
                "Every invocation is refused as it stands now, whatever the window shows: records "
                "and messages wait, and expire.",
            )
        ]

    def stuck(self, seen: Course, streams: pd.DataFrame, shards: pd.DataFrame) -> list[Finding]:
        if seen.arrived_at is None or seen.until is None:
            return []
        now = seen.word == "stuck"
        # Read again since, or not read at all: then nobody can tell that it is over.
        until = seen.until if seen.word == "was stuck" else None
        held_now = f"{'holds' if now else 'held'} a shard of {self.function}"
        retries = streams["retries"].dropna()
        for_ever = bool((retries < 0).any())
        kept = shards["kept_hours"].dropna()
        ends = seen.arrived_at + timedelta(hours=float(kept.min())) if len(kept) else None
        gives_up = "Its mapping gives a batch up after its retries."
        if for_ever:
            gives_up = "Its mapping tries for as long as the stream keeps the batch"
            gives_up += f", until {utc(ends)}; then it is lost." if ends else "."
        if len(shards) and shards["open"].sum() > 1:
            gives_up += " Other shards go on: an average would hide this."
        return [
            self._finding(
                "stream.stuck-shard",
                Verdict.CRITICAL if now else Verdict.WARNING,
                f"One batch {worded(held_now, f'held a shard of {self.function}', until)}",
                f"A batch whose last record arrived at about {utc(seen.arrived_at)} "
                f"{'is being tried again and again' if now else 'was tried'}, the last time seen "
                f"at {utc(seen.until)}; {number(seen.failures)} invocations failed meanwhile. "
                f"What is behind it on its shard {'waited' if until else 'waits'}. {gives_up}",
                since=seen.arrived_at,
                until=until,
            )
        ]

    def unread(self, seen: Course, streams: pd.DataFrame, others: pd.DataFrame) -> list[Finding]:
        """Judge whether the last age says anything about the end of the window."""
        after = "was read in the window" if seen.last_at is None else "was read"
        after += f" after {utc(seen.last_at)}" if seen.last_at else ""
        if seen.unread_since is not None:
            since, units = seen.unread_since, f"{number(seen.unread)} units"
            if bool((streams["filters"].fillna(0) > 0).any()):
                why = f"Nothing {after}. {units} were written since {utc(since)}, "
                return [self._unknown(f"{why}and the mapping's filter may have dropped them all.")]
            of_table = bool((streams["kind"] == "dynamodb").any())
            return [
                self._finding(
                    "stream.lag",
                    Verdict.CRITICAL,
                    f"{self.function} reads nothing of what is written",
                    f"Nothing {after}, and since {utc(since)} {units} were written. "
                    "Without a batch there is no age, so no alarm on it says so."
                    f"{f' {NO_RECORD}' if of_table else ''}",
                    since=since,
                )
            ]
        if seen.word == "not seen":
            why = "No batch was read in the window, and then there is no age at all."
            if streams.empty:
                why = "It has no mapping of a stream that could be seen."
            if streams.empty and "sqs" in set(others["kind"]):
                why = "It reads a queue, which has no age here: 00-triage says what waits in it."
            return [self._unknown(why)]
        if not seen.silent:
            return []
        return [self._unknown(f"Nothing {after}, and whether anything was written was not seen.")]

    def late(self, seen: Course, threshold: Threshold) -> list[Finding]:
        level_ms = sustained([point.value for point in seen.points], threshold.periods)
        severity = judge(level_ms, threshold)
        if level_ms is None or severity is Verdict.HEALTHY:
            return []
        first = breach(seen.points, threshold)
        growth = ""
        if seen.grows_s_per_s is not None and seen.word in ("stuck", "falling behind"):
            growth = f" It grows by {number(seen.grows_s_per_s)} s a second."
        last = span(seen.last_ms) if seen.last_ms is not None else "not known"
        # One good value is no end yet: 00-triage, which sends here, holds it to the same.
        until, late = recovered_at(seen.points, threshold), f"its stream {span(level_ms)} late"
        return [
            self._finding(
                "stream.lag",
                severity,
                f"{self.function} {worded(f'reads {late}', f'read {late}', until)}",
                f"Records were {span(level_ms)} old or older, counted by 5 min, "
                f"{held(len(seen.points), threshold.periods)}"
                f"{f', first from {utc(first)} on' if first else ''}; the last age is {last}."
                f"{growth}",
                since=first,
                until=until,
            )
        ]

    def throttled(
        self,
        throttled: pd.DataFrame,
        streams: pd.DataFrame,
        shards: pd.DataFrame,
        room: pd.DataFrame,
        thresholds: Thresholds,
    ) -> list[Finding]:
        points = [point for point in points_of(throttled, "value") if point.value > 0]
        sums = fives(points, add=True)
        severity = judge(max((p.value for p in sums), default=0.0), thresholds.throttles)
        if severity is Verdict.HEALTHY:
            return []
        needs = needed(streams, shards)
        reserved = room["reserved"].dropna()
        limit = ""
        if len(reserved):
            limit = f" {int(reserved.iloc[0])} are reserved for it"
            limit += f", and its streams want {needs} at once." if needs else "."
        return [
            self._finding(
                "invocations.throttled",
                severity,
                f"Invocations of {self.function} were refused for want of concurrency",
                f"{sum(p.value for p in points):,.0f} invocations were throttled, at most "
                f"{max(p.value for p in sums):,.0f} in 5 minutes, the last at "
                f"{utc(points[-1].at)}.{limit} They are in neither "
                "Invocations nor Errors.",
                since=points[0].at,
            )
        ]

    def _unknown(self, why: str) -> Finding:
        return self._finding(
            "stream.lag",
            Verdict.UNKNOWN,
            f"How late {self.function} reads its stream is not known",
            f"{why} Absence is not health.",
        )

    def _finding(
        self,
        name: str,
        severity: Verdict,
        title: str,
        detail: str,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Finding:
        return Finding(
            id=name,
            severity=severity,
            title=title,
            detail=detail,
            subject=self.function,
            evidence=self.evidence,
            since=since,
            until=until,
        )


def _of_window(
    mappings: pd.DataFrame, window: Window | None, asked_at: datetime | None
) -> pd.DataFrame:
    """Return the mappings whose state of now is of the window."""
    began = [row.get("changed_at") for row in _rows(mappings)]
    kept = [
        belongs(
            window,
            asked_at=asked_at,
            began_at=at.to_pydatetime() if isinstance(at, pd.Timestamp) else None,
        )
        for at in began
    ]
    return mappings[kept]


def needed(streams: pd.DataFrame, shards: pd.DataFrame) -> int | None:
    """Return how many invocations stream mappings want at once; None when shards were not seen.

    Open shards times the parallelization factor, summed over mappings.
    """
    by_source = dict(zip(shards["source_arn"], shards["open"], strict=True))
    if streams.empty or not set(streams["source_arn"]) <= set(by_source):
        return None
    pairs = zip(streams["source_arn"], streams["at_once"].fillna(1), strict=True)
    return int(sum(by_source[arn] * factor for arn, factor in pairs))


def _rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
