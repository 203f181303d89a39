"""Which plans fit what was found about one function: each finding its own, the surest first.

In: findings, the function as it stands. Out: plans. The notebooks about invocations that are cut
off, slow or start cold offer what this gives, so that the same finding has the same plans wherever
it is found. Makes no call and knows no notebook.

What is over has no plan, whatever ended it; what comes again in rounds is not over
(`opslib.health.endings`). A rollback fits only what began after a deployment: what was there before
would stay. Nothing here lowers a setting. Source: Lambda aggregator operations guide, Solutions; it
names memory, batch and timeout for slow invocations, memory and provisioned concurrency for cold
starts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from opslib.health import Finding, bad
from opslib.health.errors import began_after
from opslib.remedies.concurrency import Kept, provisioned_plan
from opslib.remedies.function_state import Feeds, Versions
from opslib.remedies.functions import (
    MOST_MEMORY_MB,
    MOST_TIMEOUT_S,
    alias_plan,
    memory_plan,
    timeout_plan,
)
from opslib.remedies.mappings import smaller_batch
from opslib.remedy import Plan
from opslib.streams import Seen

#: Finding to the kinds of plans that mend it, in the order in which a person would try them.
FITS: Mapping[str, tuple[str, ...]] = {
    "errors.timeout": ("back", "timeout", "memory", "batch"),
    "errors.out-of-memory": ("back", "memory", "batch"),
    "duration.timed-out": ("back", "memory", "batch", "timeout"),
    "duration.near-timeout": ("back", "memory", "batch", "timeout"),
    "duration.rising": ("back", "memory", "batch"),
    "memory.headroom": ("memory",),
    "cold-starts.frequent": ("warm", "memory"),
    "cold-starts.init-slower": ("back", "memory"),
}

_UNKNOWN = (
    "Nothing tells that traffic is on this alias: the params file names none, and no event source "
    "mapping was seen. Ask who invokes the function, and by which name: for who uses $LATEST or "
    "another alias, moving this one changes nothing."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A function as it stands, as far as somebody looked.

    Parameters
    ----------
    configuration
        That its traffic has: of the version behind its alias, where it has one. Empty when not
        known, and then memory and timeout stay as they are.
    versions, feeds
        As `opslib.remedies.function_state` saw them.
    traffic
        The aliases, versions or ``$LATEST`` that are known to carry its traffic, as
        `opslib.changes.Changes` has them; empty where nothing tells.
    deployed_at
        When code or configuration last changed, if that was in the window.
    mappings
        As `opslib.streams.mappings` saw them; None where no batch is to be smaller.
    enough_s
        A timeout that the work fits into; None for twice that of now.
    kept, executions
        What is kept warm, and how many would be enough.
    """

    configuration: Mapping[str, Any]
    versions: Versions
    feeds: Feeds
    traffic: frozenset[str] = frozenset()
    deployed_at: datetime | None = None
    mappings: Seen | None = None
    enough_s: int | None = None
    kept: Kept | None = None
    executions: int = 0


def plans_for(
    findings: Sequence[Finding | None], held: Held, *, account: str, region: str
) -> list[Plan]:
    """Return the plans that fit what was found, each once; none where nothing bad was found.

    Parameters
    ----------
    findings
        What is only unknown or over, and what `FITS` does not list, asks for no plan.
    """
    place = {"account": account, "region": region}
    wanted: dict[str, None] = {}
    for finding in findings:
        if finding is not None and bad([finding], "") and finding.until is None:
            kinds = FITS.get(finding.id, ())
            began = began_after([finding], held.deployed_at)
            wanted |= dict.fromkeys(kind for kind in kinds if kind != "back" or began)
    # Going back comes first, whichever finding asks for it.
    order = sorted(wanted, key=lambda kind: kind != "back")
    return [plan for kind in order for plan in _MAKERS[kind](held, place)]


def back(versions: Versions, traffic: frozenset[str], *, account: str, region: str) -> list[Plan]:
    """Plan to go back with each alias that carries traffic.

    Parameters
    ----------
    traffic
        As of `Held`. Where it is empty, every alias may be the one: each plan says so.
    """
    names = [str(each["Name"]) for each in versions.aliases]
    asked = [name for name in names if not traffic or name in traffic]
    plans = _made(alias_plan(versions, name, account=account, region=region) for name in asked)
    return plans if traffic else [replace(plan, first=(_UNKNOWN, *plan.first)) for plan in plans]


def _back(held: Held, place: Mapping[str, str]) -> list[Plan]:
    return back(held.versions, held.traffic, **place)


def _memory(held: Held, place: Mapping[str, str]) -> list[Plan]:
    doubled_mb = min(2 * int(held.configuration.get("MemorySize") or 0), MOST_MEMORY_MB)
    if doubled_mb <= int(held.versions.latest.get("MemorySize") or 0):
        return []
    return _made([memory_plan(held.versions, held.feeds, memory_mb=doubled_mb, **place)])


def _timeout(held: Held, place: Mapping[str, str]) -> list[Plan]:
    doubled_s = min(2 * int(held.configuration.get("Timeout") or 0), MOST_TIMEOUT_S)
    longer_s = held.enough_s or doubled_s
    if longer_s <= int(held.versions.latest.get("Timeout") or 0):
        return []
    return _made([timeout_plan(held.versions, held.feeds, timeout_s=longer_s, **place)])


def _batch(held: Held, place: Mapping[str, str]) -> list[Plan]:
    return [] if held.mappings is None else smaller_batch(held.mappings, **place)


def _warm(held: Held, place: Mapping[str, str]) -> list[Plan]:
    if held.kept is None:
        return []
    return _made(
        [
            provisioned_plan(
                held.configuration,
                held.versions,
                held.kept,
                executions=held.executions,
                traffic=held.traffic,
                **place,
            )
        ]
    )


def _made(plans: Iterable[Plan | None]) -> list[Plan]:
    return [plan for plan in plans if plan is not None]


_MAKERS: Mapping[str, Callable[[Held, Mapping[str, str]], list[Plan]]] = {
    "back": _back,
    "memory": _memory,
    "timeout": _timeout,
    "batch": _batch,
    "warm": _warm,
}
