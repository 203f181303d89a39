"""The events of all streams of a log group in one order, kept from call to call.

In: the lists that the streams keep, which only ever grow, or are replaced. Out: one list, by time.
Whoever pages through a log group asks for it once a page, while it may be large and growing: what
is new is merged in, and nothing is copied or sorted again. Must not know who keeps streams.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opslib.sandbox.logs.groups import Event

Kept = dict[str, Any]
"""An event as its keeper has it."""


@dataclass(kw_only=True)
class _Group:
    """A log group as it was last seen: of each stream its list, and how many events were read."""

    order: list[Event] = field(default_factory=list)
    read: dict[str, tuple[list[Kept], int]] = field(default_factory=dict)


class Merged:
    """The log groups of an account in a region, each in one order.

    Parameters
    ----------
    lists
        Gives the lists of a log group by stream; None when there is no such group.
    event
        Makes an event of what a list holds, and of the names of the stream and the log group.
    """

    def __init__(
        self,
        *,
        lists: Callable[[str], Mapping[str, list[Kept]] | None],
        event: Callable[[Kept, str, str], Event],
    ) -> None:
        self._lists = lists
        self._event = event
        self._groups: dict[str, _Group] = {}

    def events(self, group: str) -> list[Event] | None:
        """Give the events of a log group, by `key`; None when there is no such group.

        The list is the one that is kept: it must not be changed.
        """
        lists = self._lists(group)
        if lists is None:
            self._groups.pop(group, None)
            return None
        known = self._groups.setdefault(group, _Group())
        if any(lists.get(stream) is not kept for stream, (kept, _) in known.read.items()):
            known = self._groups[group] = _Group()
        new: list[Event] = []
        for stream, kept in lists.items():
            _, upto = known.read.get(stream, (kept, 0))
            # It may grow meanwhile.
            known.read[stream] = kept, len(kept)
            new += [self._event(one, stream, group) for one in kept[upto : known.read[stream][1]]]
        if new:
            new.sort(key=key)
            in_order = not known.order or key(known.order[-1]) < key(new[0])
            known.order += new
            if not in_order:
                known.order.sort(key=key)
        return known.order


def key(event: Event) -> tuple[int, int, str]:
    """Tell what events are ordered by; those of one stream that are alike keep its order."""
    return event["timestamp"], event["ingestionTime"], event["logStream"]
