"""The timeline, put together from whoever remembers something.

In: a boto3 ``lambda`` client, or a `Connection` for more of it; a function's name; a Window. Out:
`Changes`. A call that is refused costs its own rows and becomes a sentence.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import pandas as pd

from opslib.aws import Connection
from opslib.changes import functions, tables, trail
from opslib.changes.rows import Change, frame
from opslib.changes.versions import differences
from opslib.errors import CouldNotLook
from opslib.window import Window, iso

_Seen = TypeVar("_Seen")


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed.

    Parameters
    ----------
    rows
        One row a change, oldest first: ``at`` (datetime64[ns, UTC]; NaT for an alias, which has no
        time), ``what``, ``detail``, ``version`` (string). Changes outside the window are left out,
        aliases are always there, last. Empty when nothing changed, or nothing could be seen.
    deployed_at
        The latest change of code or configuration inside the window, or None.
    limits
        A sentence for everything that could not be seen.
    notes
        Sentences that hide nothing which decides: what a richer source did not tell, what changed
        after the window without hiding what was before.
    differences
        What differs between the newest two versions: ``what``, ``before``, ``after``, ``versions``
        (string).
    aliases
        Names of the aliases.
    """

    rows: pd.DataFrame
    deployed_at: datetime | None
    limits: tuple[str, ...]
    notes: tuple[str, ...] = ()
    differences: pd.DataFrame = field(default_factory=lambda: differences({}, []))
    aliases: tuple[str, ...] = ()


@dataclass(slots=True)
class _Gathering:
    """What was seen so far."""

    window: Window
    edits_deploy: bool = True
    changes: list[Change] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    latest: Mapping[str, Any] = field(default_factory=dict)
    published: list[Mapping[str, Any]] = field(default_factory=list)
    aliases: list[Mapping[str, Any]] = field(default_factory=list)

    def look(self, ask: Callable[[], _Seen], otherwise: _Seen) -> _Seen:
        """Return what a call gives; ``otherwise``, and a limit, when it is refused."""
        try:
            return ask()
        except CouldNotLook as error:
            self.limits.append(error.message)
            return otherwise

    def function(self, client: Any, name: str) -> None:
        """Ask Lambda for a function's last edit, its versions and its aliases."""
        unseen: tuple[Mapping[str, Any], list[Change]] = ({}, [])
        self.latest, edited = self.look(lambda: functions.edit(client, name), unseen)
        self.published = self.look(lambda: functions.versions(client, name), [])
        self.aliases = self.look(lambda: functions.aliases(client, name), [])
        if not self.edits_deploy:
            edited = [change._replace(deploys=False) for change in edited]
        self.changes += edited
        self.changes += functions.published(self.published)
        self.changes += functions.pointing(self.aliases)
        for change in edited:
            late = change.at is not None and change.at >= self.window.end
            if change.at is not None and late and self.edits_deploy:
                self.limits.append(
                    f"{name} was edited at {iso(change.at)}, after the window: the timeout and "
                    "memory that its numbers are held against may be other than they were then, "
                    "and an edit inside the window is hidden."
                )

    def whole(self) -> Changes:
        """Return it as a timeline."""
        inside = sorted(
            {change for change in self.changes if change.at and change.at in self.window},
            key=lambda change: (change.at or self.window.start, change.version, change.what),
        )
        undated = [change for change in self.changes if change.at is None]
        deployed = [change.at for change in inside if change.deploys]
        return Changes(
            rows=frame([*inside, *undated]),
            deployed_at=deployed[-1] if deployed else None,
            limits=tuple(self.limits),
            notes=tuple(self.notes),
            differences=differences(self.latest, self.published),
            aliases=tuple(str(alias["Name"]) for alias in self.aliases),
        )


def timeline(
    client: Any, function_name: str, window: Window, *, edits_deploy: bool = True
) -> Changes:
    """Return what changed about a function inside a window, as far as Lambda remembers it.

    Parameters
    ----------
    client
        The boto3 ``lambda`` client, or anything with get_function_configuration and the paginators
        list_versions_by_function and list_aliases.
    edits_deploy
        Whether traffic is on ``$LATEST``, so that editing it is what deploys. On an alias it is
        not: an edit stands among the changes, and nothing is held against it.

    Returns
    -------
    What Lambda shows. A call that is refused costs its own rows and becomes a sentence in
    ``limits``.
    """
    gathering = _Gathering(window, edits_deploy=edits_deploy)
    gathering.function(client, function_name)
    return gathering.whole()


def of(
    connection: Connection,
    function_name: str,
    window: Window,
    *,
    tables_named: Iterable[str] = (),
    cloudtrail: bool = True,
    edits_deploy: bool = True,
    deadline_s: float = 20,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Changes:
    """Return what changed about a function and what it works on, from all who remember something.

    Parameters
    ----------
    tables_named
        The DynamoDB tables that it reads or writes.
    cloudtrail
        Whether to ask CloudTrail too, which knows who did what, and when aliases moved. That it may
        not be asked is in ``notes``: nothing rests on it.
    edits_deploy
        As of `timeline`.
    deadline_s
        After so many seconds no further call to CloudTrail is begun.
    sleep, monotonic
        As of `time`.

    Returns
    -------
    As `timeline`; beside it changes of event source mappings and of tables, and what CloudTrail
    recorded.
    """
    end_s = monotonic() + deadline_s
    named = list(tables_named)
    gathering = _Gathering(window, edits_deploy=edits_deploy)
    client = connection.client("lambda")
    gathering.function(client, function_name)
    qualifiers = [str(alias["Name"]) for alias in gathering.aliases]
    none: list[Mapping[str, Any]] = []
    found = gathering.look(
        lambda: functions.mappings(client, function_name, qualifiers=qualifiers), none
    )
    changes = list(functions.mapped(found))
    for table in named:
        changes += gathering.look(partial(tables.table, connection.client("dynamodb"), table), [])
    gathering.changes += changes
    gathering.notes += [
        f"After the window, at {iso(change.at)}: {change.what}, {change.detail}."
        for change in changes
        if change.at is not None and change.at >= window.end
    ]
    if cloudtrail:
        recorded, notes = trail.recorded(
            connection.client("cloudtrail"),
            function_name=function_name,
            mappings=[str(mapping["UUID"]) for mapping in found],
            tables=named,
            window=window,
            sleep=sleep,
            late=lambda: monotonic() > end_s,
        )
        gathering.changes += recorded
        gathering.notes += notes
    return gathering.whole()
