"""Which timeout a function had when, from its versions and from what CloudTrail recorded.

In: configurations as Lambda gives them; edits that were recorded. Out: `Timeouts`. Makes no call.

Facts leaned on
---------------
UpdateFunctionConfiguration changes only what it is given, and UpdateFunctionCode no setting; a
version is a copy of ``$LATEST`` as it was when it was published, and nothing in it changes (Lambda
developer guide, versions). ``LastModified`` is of the last edit only. An event can take some
minutes to be in CloudTrail, so it told of all edits only if it told of the last one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from opslib.changes.functions import instant
from opslib.changes.rows import LATEST
from opslib.health.timeouts import Earlier, Timeouts

_NAN = float("nan")
#: CloudTrail dates a change when it was asked for, to the second; Lambda, when it was done.
AT_MOST_EARLIER, AT_MOST_LATER = timedelta(seconds=2), timedelta(minutes=2)


class Edit(NamedTuple):
    """An edit of ``$LATEST`` that was recorded."""

    at: datetime
    timeout_ms: float | None = None
    """What it set the timeout to; None where it left that alone."""


class Move(NamedTuple):
    """A move of an alias that was recorded."""

    at: datetime
    alias: str
    version: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What CloudTrail recorded of one function in a window.

    Parameters
    ----------
    edits
        Of code and configuration, in any order.
    moves
        Of its aliases, in any order.
    is_whole
        Whether all edits that CloudTrail has were read.
    """

    edits: tuple[Edit, ...] = ()
    moves: tuple[Move, ...] = ()
    is_whole: bool = False


def timeouts(
    configuration: Mapping[str, Any],
    published: Sequence[Mapping[str, Any]],
    recorded: Recorded | None = None,
    *,
    alias: str | None = None,
) -> Timeouts:
    """Return the timeouts that traffic had, as far as they are known; NaN for those that are not.

    Where nothing tells of a change, that of now held all the while; what a version or an edit tells
    is taken to hold until the next that is known, though somebody may have edited it between. So
    durations have to bear it out (`Timeouts.proved`).

    Parameters
    ----------
    configuration
        That traffic has now: of the version behind its alias, where it has one.
    published
        The configurations of the published versions, in any order.
    alias
        The alias that traffic is on.
    """
    now_ms = _timeout_ms(configuration)
    told = recorded or Recorded()
    versions = sorted(_versions(published))
    if configuration.get("Version", LATEST) == LATEST:
        steps = _of_latest(configuration, versions, told, now_ms)
    else:
        steps = _of_alias(configuration, versions, told, alias)
    return Timeouts(now_ms, _merged(steps, now_ms))


def unchanged_by(
    latest: Mapping[str, Any], published: Sequence[Mapping[str, Any]], *, before: datetime
) -> str | None:
    """Return the version that shows that timeout and memory are as they were before an instant.

    None where there is no version from before it, or the newest of them has others.
    """
    known = {version.number: version for version in sorted(_versions(published))}
    newest = next((each for each in reversed(known.values()) if each.at < before), None)
    if newest is None:
        return None
    of_it = next(each for each in published if str(each.get("Version")) == newest.number)
    same = all(of_it.get(key) == latest.get(key) for key in ("Timeout", "MemorySize"))
    return newest.number if same else None


class _Version(NamedTuple):
    at: datetime
    number: str
    timeout_ms: float

    @property
    def words(self) -> str:
        return f"as version {self.number} has it"


def _versions(published: Sequence[Mapping[str, Any]]) -> list[_Version]:
    dated = ((instant(each.get("LastModified")), each) for each in published)
    return [_Version(at, str(each["Version"]), _timeout_ms(each)) for at, each in dated if at]


def _timeout_ms(configuration: Mapping[str, Any]) -> float:
    return float(configuration.get("Timeout") or _NAN) * 1000


def _of_latest(
    latest: Mapping[str, Any], versions: Sequence[_Version], told: Recorded, now_ms: float
) -> list[Earlier]:
    edited_at = instant(latest.get("LastModified"))
    if edited_at is None:
        return []
    known = [each for each in versions if each.at < edited_at]
    sets = sorted((each.at, each.timeout_ms) for each in told.edits if each.timeout_ms is not None)
    sets = [each for each in sets if each[0] < edited_at + AT_MOST_EARLIER]
    if _is_all(told, edited_at):
        if not sets:
            return []
        # Nothing else set it since.
        known = [each for each in known if each.at < sets[0][0]][-1:]
    states = [(each.at, each.timeout_ms, each.words) for each in known]
    states += [(at, ms, "as CloudTrail has it") for at, ms in sets]
    states.sort(key=lambda state: state[0])
    if not states:
        return [Earlier(edited_at, _NAN)]
    # Before the first that is known, and before what set it anew, it is not.
    steps = [Earlier(states[0][0], _NAN)]
    ends = [*(state[0] for state in states[1:]), edited_at]
    return steps + [Earlier(end, ms, by) for end, (_, ms, by) in zip(ends, states, strict=True)]


def _is_all(told: Recorded, edited_at: datetime) -> bool:
    """Whether CloudTrail told of the last edit, and so of those before it in the window."""
    return told.is_whole and any(
        each.at - AT_MOST_EARLIER <= edited_at <= each.at + AT_MOST_LATER for each in told.edits
    )


def _of_alias(
    configuration: Mapping[str, Any],
    versions: Sequence[_Version],
    told: Recorded,
    alias: str | None,
) -> list[Earlier]:
    by_number = {each.number: each for each in versions}
    moves = sorted((each.at, each.version) for each in told.moves if each.alias == alias)
    published_at = instant(configuration.get("LastModified"))
    if not moves and published_at is not None:
        # It cannot have been moved there before.
        moves = [(published_at, str(configuration["Version"]))]
    if not moves:
        return []
    first_at, to = moves[0]
    others = [each for each in versions if each.at < first_at and each.number != to]
    steps = [_until(first_at, others[-1] if others else None)]
    for (_, version), (at, _) in pairwise(moves):
        steps.append(_until(at, by_number.get(version)))
    return steps


def _until(at: datetime, version: _Version | None) -> Earlier:
    return Earlier(at, _NAN) if version is None else Earlier(at, version.timeout_ms, version.words)


def _merged(steps: Sequence[Earlier], now_ms: float) -> tuple[Earlier, ...]:
    """Return the steps without those that change nothing."""
    kept: list[Earlier] = []
    for step in steps:
        if kept and kept[-1].timeout_ms == step.timeout_ms:
            kept.pop()
        kept.append(step)
    while kept and kept[-1].timeout_ms == now_ms:
        kept.pop()
    return tuple(kept)
