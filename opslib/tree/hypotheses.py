"""What may be behind it all: each hypothesis with what speaks for it and what against it.

In: findings, what changed and when, how many invocations there were, the health table and its
baseline. Out: `Hypothesis`, likeliest first. A hypothesis is no verdict: it says which notebook
would settle it. Does no I/O.

Rules, in the order in which a person would ask: a change shortly before the first bad value, of
whatever kind; a change that came with the end of it; a change that stands open; a finding that the
tree knows as the cause of others; more load. A change that came after the first sign is told, too,
with what speaks against it, so that nobody takes it for the cause.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from opslib.health import Check, Finding, Verdict
from opslib.health.endings import ended_by
from opslib.health.verdicts import Point, number, span, utc
from opslib.tree.ranking import branch, ranked

# What begins later than this after a change is hardly of it.
_SOON = timedelta(minutes=60)
# Instants are told to the minute, and clocks differ. A bin may begin before what is in it, so what
# is dated by one of five minutes may have begun that much later.
_LEAST = timedelta(minutes=1)
#: So many times the invocations are more load, not chance.
MORE_LOAD = 1.5
# So many changes that came too late are told, the first ones.
_MOST_LATE = 3
_BAD = (Verdict.CRITICAL, Verdict.WARNING)
#: What `opslib.changes` calls an instant at which a stream's mapping was changed, or only tried a
#: batch with another result than before: failing does that, and is no change by anybody.
MAPPING_DATED = "event source mapping or its last result changed"

#: A change of a function: when, what, and its detail.
Row = tuple[datetime, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """Something that may be behind findings.

    Parameters
    ----------
    title
        The claim, in a sentence.
    severity
        Of the worst finding that it would explain.
    supports, against, unseen
        Sentences with numbers: for it, against it, and what could not be seen and would tell.
    notebook
        What would settle it; None when there is no such notebook.
    """

    title: str
    severity: Verdict
    supports: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    notebook: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return it as `opslib.show.hypotheses` takes it."""
        return {
            "title": self.title,
            "severity": self.severity.value,
            "supports": list(self.supports),
            "against": list(self.against),
            "unseen": list(self.unseen),
            "link": self.notebook,
        }


def hypotheses(
    findings: Iterable[Finding],
    *,
    changes: Mapping[str, pd.DataFrame],
    traffic: Mapping[str, Sequence[Point]],
    unserved: Mapping[str, Mapping[Row, str]] | None = None,
    checks: Sequence[Check] = (),
    before: Sequence[Check] = (),
) -> list[Hypothesis]:
    """Return what may be behind the findings.

    Parameters
    ----------
    changes
        Function to its changes, one row each: ``at`` (datetime64[ns, UTC], NaT when not known),
        ``what``, ``detail`` (string).
    traffic
        Function to its invocations, a point a period.
    unserved
        Function to those of its changes that reached none of its traffic, and a sentence on why.
    checks, before
        The health table, and the same rows of the window to compare with.

    Returns
    -------
    The worse explained first, then what has more for it and less against it; last what has nothing
    for it. Empty when nothing was found.
    """
    held = [each for each in ranked(findings) if each.severity in _BAD]
    load = {name: (was, now) for name, was, now in _loads(checks, before)}
    found = [
        *_changes(held, changes, traffic, load, unserved or {}),
        *_open(held),
        *_causes(held),
        *_more_load(held, load),
    ]
    return sorted(
        found,
        key=lambda each: (
            not each.supports,
            _BAD.index(each.severity),
            len(each.against) - len(each.supports),
        ),
    )


def _changes(
    held: Sequence[Finding],
    changes: Mapping[str, pd.DataFrame],
    traffic: Mapping[str, Sequence[Point]],
    load: Mapping[str, tuple[float, float]],
    unserved: Mapping[str, Mapping[Row, str]],
) -> Iterator[Hypothesis]:
    """Yield what each change may have begun or ended, and which came too late for that."""
    began = [finding for finding in held if finding.since is not None]
    told: set[tuple[str, ...]] = set()
    late = 0
    for function, rows in changes.items():
        undated = tuple(_undated(rows[rows["at"].isna()]))
        instants = list(_instants(rows))
        idle = unserved.get(function, {})
        every = [each for each in instants if not _by_itself(each[1]) and not _why(*each, idle)]
        alone = sum(not _by_itself(group) for _, group in instants) == 1
        for when, group in instants:
            # Functions that share a table share its changes.
            key = (utc(when), *group["what"], *group["detail"])
            if key in told or not began:
                continue
            told.add(key)
            what = f"The change of {function} at {utc(when)} ({_kinds(group)})"
            after = [each for each in began if _within(each, when)]
            ended = [each for each in began if ended_by(when, since=each.since, until=each.until)]
            why = _why(when, group, idle)
            if why or _by_itself(group):
                if after:
                    title = f"{what} began it"
                    yield _elsewhere(title, after, why) if why else _perhaps_nobody(title, after)
            elif ended and not any(_since(each) >= when for each in after):
                yield _ending(f"{what} ended it", ended, group)
            elif after:
                yield _beginning(
                    function,
                    when,
                    group,
                    after,
                    began,
                    list(_traffic(traffic.get(function, ()), when)),
                    every=every,
                    alone=alone,
                    undated=undated,
                    load=function in load,
                )
            elif late < _MOST_LATE and min(_since(each) for each in began) < when:
                late += 1
                yield _too_late(f"{what} began it", when, began)


def _instants(rows: pd.DataFrame) -> Iterator[tuple[datetime, pd.DataFrame]]:
    for at, group in rows.dropna(subset=["at"]).groupby("at", sort=True):
        yield pd.Timestamp(str(at)).to_pydatetime(), group


def _kinds(group: pd.DataFrame) -> str:
    return ", ".join(dict.fromkeys(group["what"]))


def _details(group: pd.DataFrame) -> tuple[str, ...]:
    """Return what each row of a change says of it, once."""
    pairs = zip(group["what"], group["detail"], strict=True)
    return tuple(dict.fromkeys(f"{what}: {detail}." for what, detail in pairs if detail))


def _undated(rows: pd.DataFrame) -> Iterator[str]:
    for what, detail in zip(rows["what"], rows["detail"], strict=True):
        yield f"When this came: {what}{f' {detail}' if detail else ''}."


def _by_itself(group: pd.DataFrame) -> bool:
    return set(group["what"]) == {MAPPING_DATED}


def _why(when: datetime, group: pd.DataFrame, idle: Mapping[Row, str]) -> tuple[str, ...]:
    """Return why a change reached no traffic, when no row of it did; else nothing."""
    rows = zip(group["what"], group["detail"], strict=True)
    said = [idle.get((when, what, detail), "") for what, detail in rows] if idle else [""]
    return tuple(dict.fromkeys(said)) if all(said) else ()


def _elsewhere(title: str, after: Sequence[Finding], why: tuple[str, ...]) -> Hypothesis:
    return Hypothesis(
        title=title, severity=after[0].severity, against=why, notebook=after[0].notebook
    )


def _perhaps_nobody(title: str, after: Sequence[Finding]) -> Hypothesis:
    return Hypothesis(
        title=title,
        severity=after[0].severity,
        against=(
            "Lambda dates a stream's mapping anew when its last result changes, too: the first "
            "failure may have done that, and nobody changed it.",
        ),
        unseen=("Whether somebody did: CloudTrail would say, and told of no update.",),
        notebook=after[0].notebook,
    )


def _beginning(
    function: str,
    when: datetime,
    group: pd.DataFrame,
    after: Sequence[Finding],
    began: Sequence[Finding],
    told: Sequence[tuple[bool, str]],
    *,
    every: Sequence[tuple[datetime, pd.DataFrame]],
    alone: bool,
    undated: tuple[str, ...],
    load: bool,
) -> Hypothesis:
    supports = [f"{each.title}: first at {utc(_since(each))}" for each in after]
    supports += _details(group)
    if alone:
        supports.append(f"Nothing else about {function} changed in the window.")
    against = [
        f"{each.title}: that began at {utc(_since(each))}" for each in began if _latest(each) < when
    ]
    first = min(_since(each) for each in after)
    against += [
        f"Another change came between, at {utc(at)}: {_kinds(other)}."
        for at, other in every
        if when < at <= first
    ]
    unseen = [] if told or load else [f"The traffic of {function} before it."]
    failing = any(each.id.startswith("errors.") for each in after)
    for grew, sentence in told:
        if grew and failing:
            unseen.append(f"{sentence} What fails is tried again, and that counts too.")
        else:
            (against if grew else supports).append(sentence)
    return Hypothesis(
        title=f"The change of {function} at {utc(when)} ({_kinds(group)}) began it",
        severity=after[0].severity,
        supports=tuple(supports),
        against=tuple(against),
        unseen=(*unseen, *undated),
        notebook=after[0].notebook,
    )


def _ending(title: str, ended: Sequence[Finding], group: pd.DataFrame) -> Hypothesis:
    seen = [f"{each.title}: from {utc(_since(each))}, and not since it" for each in ended]
    return Hypothesis(
        title=title,
        severity=ended[0].severity,
        supports=(*seen, *_details(group)),
        notebook=ended[0].notebook,
    )


def _too_late(title: str, when: datetime, began: Sequence[Finding]) -> Hypothesis:
    before = [each for each in began if _since(each) < when]
    return Hypothesis(
        title=title,
        severity=before[0].severity,
        against=tuple(
            f"{each.title}: that began at {utc(_since(each))}, "
            f"{span((when - _since(each)) / timedelta(milliseconds=1))} before it"
            for each in before
        ),
        notebook=before[0].notebook,
    )


def _within(finding: Finding, when: datetime) -> bool:
    return _latest(finding) >= when and _since(finding) <= when + _SOON


def _since(finding: Finding) -> datetime:
    assert finding.since is not None  # noqa: S101 - only dated findings come here
    return finding.since


def _latest(finding: Finding) -> datetime:
    """Return the latest instant at which it may have begun, by what dates it."""
    return _since(finding) + max(finding.period, _LEAST)


def _traffic(points: Sequence[Point], when: datetime) -> Iterator[tuple[bool, str]]:
    """Compare the invocations a minute after an instant with those before it."""
    before = [point for point in points if point.at < when]
    after = [point for point in points if point.at >= when]
    if not before or not after:
        return
    was = sum(p.value for p in before) / _minutes(before[0].at, when)
    now = sum(p.value for p in after) / _minutes(when, after[-1].at)
    grew = was > 0 and now / was >= MORE_LOAD
    word = "More traffic came at the same time" if grew else "Traffic stayed as it was"
    yield grew, f"{word}: {was:.1f} invocations a minute before it, {now:.1f} since."


def _minutes(start: datetime, end: datetime) -> float:
    return max((end - start) / timedelta(minutes=1), 1.0)


def _open(held: Sequence[Finding]) -> Iterator[Hypothesis]:
    """Yield what stands open and stops something."""
    for finding in held:
        if finding.id != "change.temporary":
            continue
        consequences = [each for each in held if each.id in branch(finding.id).explains]
        yield Hypothesis(
            title=f"What stands open stops it: {finding.title}",
            severity=consequences[0].severity if consequences else finding.severity,
            supports=(finding.detail, *(each.title for each in consequences)),
            against=() if consequences else ("Nothing that it would cause was found.",),
            notebook=finding.notebook,
        )


def _causes(held: Sequence[Finding]) -> Iterator[Hypothesis]:
    """Yield the findings that the tree knows as causes of others that are there."""
    for finding in held:
        row = branch(finding.id)
        explained = [each for each in held if each.id in row.explains and each is not finding]
        if finding.id == "change.temporary" or not explained:
            continue
        supports, against, unseen = [], [], []
        for each in explained:
            if finding.since is None or each.since is None:
                unseen.append(f"{each.title}: whether that began later is not known")
            elif _latest(each) < finding.since:
                against.append(f"{each.title}: that began earlier, at {utc(each.since)}")
            else:
                supports.append(f"{each.title}: not before it, at {utc(each.since)}")
        yield Hypothesis(
            title=f"{finding.title}, and the rest follows from it",
            severity=min((each.severity for each in (finding, *explained)), key=_BAD.index),
            supports=(row.meaning, *supports),
            against=tuple(against),
            unseen=tuple(unseen),
            notebook=finding.notebook,
        )


def _loads(checks: Sequence[Check], before: Sequence[Check]) -> Iterator[tuple[str, float, float]]:
    was = {each.subject: each.value for each in before if each.indicator == "Invocations"}
    for check in checks:
        earlier = was.get(check.subject)
        if check.indicator == "Invocations" and check.value and earlier:
            yield check.subject, earlier, check.value


def _more_load(
    held: Sequence[Finding], load: Mapping[str, tuple[float, float]]
) -> Iterator[Hypothesis]:
    """Yield that there is more to do than the day before."""
    for function, (was, now) in load.items():
        if now / was < MORE_LOAD or not held:
            continue
        failing = [each for each in held if each.id.startswith("errors.")]
        yield Hypothesis(
            title=f"{function} has more to do than the day before",
            severity=held[0].severity,
            supports=(
                f"{now:,.0f} invocations, {number(now / was)} times the {was:,.0f} of then.",
            ),
            against=tuple(f"{each.title}: load alone seldom does that" for each in failing),
            notebook="50-stream-lag",
        )
