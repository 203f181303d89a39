"""The events of log groups as the engine takes them, kept from query to query.

In: the lists that the streams keep, which only ever grow, or are replaced. Out: the events of some
log groups, held. Ten notebooks ask some thirty queries of one log group, and to load its events
takes as long as a query does; they are loaded again when there are others. Must not know who keeps
streams.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opslib.sandbox.logs.groups import Event

if TYPE_CHECKING:
    from opslib.cwli import Held

Lists = Mapping[str, list[Any]]
"""What each stream of a log group keeps."""


@dataclass(frozen=True)
class _Seen:
    """A log group as it was last loaded: of each stream its list, and how long that was."""

    streams: list[tuple[list[Any], int]]
    held: "Held"

    def is_still(self, lists: Lists) -> bool:
        """Whether the streams keep what they kept."""
        return len(lists) == len(self.streams) and all(
            kept is seen and len(kept) == count
            for kept, (seen, count) in zip(lists.values(), self.streams, strict=True)
        )


class HeldGroups:
    """The log groups of an account in a region, for the engine.

    Parameters
    ----------
    lists
        Gives the lists of a log group by stream; None when there is no such group.
    events
        Copies the events of a log group; None when there is no such group.
    """

    def __init__(
        self,
        *,
        lists: Callable[[str], Lists | None],
        events: Callable[[str], list[Event] | None],
    ) -> None:
        self._lists = lists
        self._events = events
        self._seen: dict[str, _Seen] = {}
        self._joined: dict[tuple[str, ...], tuple[list[Held], Held]] = {}

    def of(self, groups: Sequence[str]) -> "Held":
        """Give the events of log groups, one group after the other; a group that is none has none.

        What is given does not change when streams grow.
        """
        from opslib import cwli  # at the first query, so that a start need not wait for it

        parts = [self._one(group) for group in groups]
        known = self._joined.get(tuple(groups))
        if known is None or any(a is not b for a, b in zip(known[0], parts, strict=True)):
            known = self._joined[tuple(groups)] = parts, cwli.together(parts)
        return known[1]

    def _one(self, group: str) -> "Held":
        from opslib import cwli

        lists = self._lists(group) or {}
        seen = self._seen.get(group)
        if seen is None or not seen.is_still(lists):
            # They may grow meanwhile: then they are loaded again next time.
            streams = [(kept, len(kept)) for kept in lists.values()]
            seen = self._seen[group] = _Seen(streams, cwli.held(self._events(group) or []))
        return seen.held
