"""The timeouts that functions had before they were edited, where the health table rests on it.

In: a connection, configurations, metrics. Out: function to its `Timeouts`, with what could not be
seen. It asks, a call or two a function, only of those that were edited since the window began and
were slow before: no timeout is below 1 s, so most are well under any. Must not judge.

Not seen here: an alias that was moved in the window to a version from before it. What was before
the move is then held against the timeout of that version; 20-duration asks CloudTrail for it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from opslib import changes
from opslib.aws import Connection
from opslib.changes import functions
from opslib.changes.timeouts import timeouts
from opslib.errors import CouldNotLook
from opslib.fleet.scope import Scope
from opslib.health import Verdict, judge, sustained
from opslib.health.series import Series
from opslib.health.timeouts import Timeouts, least
from opslib.system import Function
from opslib.window import Window


class EarlierTimeouts:
    """Looks for the timeouts of before.

    Parameters
    ----------
    closely
        Whether CloudTrail is asked, too: of few functions.
    """

    def __init__(self, connection: Connection, window: Window, *, closely: bool) -> None:
        self._connection = connection
        self._window = window
        self._closely = closely
        self._trail: changes.Trail | None = None
        self.limits: list[str] = []

    def of(
        self,
        scope: Scope,
        configurations: Mapping[str, Mapping[str, Any]],
        series: Mapping[str, Series],
    ) -> Iterator[tuple[str, Timeouts]]:
        """Yield the functions to which it matters, and their timeouts."""
        for function in scope.functions:
            configuration = configurations.get(function.name) or {}
            edited_at = functions.instant(configuration.get("LastModified"))
            if edited_at is None or function.name not in series:
                continue
            points = series[function.name].of("duration_p95_ms")
            before = [point.value for point in points if point.at < edited_at]
            threshold = scope.system.thresholds_of(function.name).duration_of_timeout
            level_ms = sustained(before, threshold.periods)
            share = None if level_ms is None else level_ms / least(before) * 100
            if share is not None and judge(share, threshold) is not Verdict.HEALTHY:
                yield function.name, self._look(function, configuration)

    def _look(self, function: Function, configuration: Mapping[str, Any]) -> Timeouts:
        client = self._connection.client("lambda")
        try:
            published = functions.versions(client, function.name)
        except CouldNotLook as error:
            self.limits.append(error.message)
            published = []
        if self._closely and self._trail is None:
            self._trail = changes.Trail(self._connection.brief_client("cloudtrail"), self._window)
        recorded = None if self._trail is None else self._trail.of_timeouts(function.name)
        return timeouts(configuration, published, recorded, alias=function.alias)
