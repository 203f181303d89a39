"""The timeline, put together from whoever remembers something.

In: a `Connection`; a function's name; a Window. Out: `Changes`. A call that is refused costs its
own rows and becomes a sentence.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import pandas as pd

from opslib.aws import Connection
from opslib.changes import functions, tables
from opslib.changes.rows import ALIAS, EDITS, LATEST, OF_FUNCTION, VERSIONS, Change, frame
from opslib.changes.timeouts import AT_MOST_EARLIER, AT_MOST_LATER, Recorded, unchanged_by
from opslib.changes.trail import Trail
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
        The latest change of code, configuration or of the version that is invoked inside the
        window, or None. A mapping or a table that changed is no deployment, nor is an alias that
        moved where nothing tells that traffic is on it.
    limits
        A sentence for everything that could not be seen.
    notes
        Sentences that hide nothing which decides: what a richer source did not tell, what changed
        after the window without hiding what was before.
    differences
        What differs between the newest two versions: ``what``, ``before``, ``after``, ``versions``
        (string).
    mappings
        Its event source mappings and those of its aliases, as Lambda gives them.
    dated
        The changes inside the window, oldest first: of ``rows``, those with a time.
    deployed_before
        As ``deployed_at``, before the window; None too where nobody remembers one, and where an
        edit after the window hides the one before.
    traffic
        The qualifiers that are known to carry traffic: ``$LATEST``, aliases, versions. Empty where
        nothing tells.
    published
        The configurations of its published versions, oldest first.
    recorded
        What CloudTrail recorded of its edits and of its aliases; None where it was not asked.
    """

    rows: pd.DataFrame
    deployed_at: datetime | None
    limits: tuple[str, ...]
    notes: tuple[str, ...] = ()
    differences: pd.DataFrame = field(default_factory=lambda: differences({}, []))
    mappings: tuple[Mapping[str, Any], ...] = ()
    dated: tuple[Change, ...] = ()
    deployed_before: datetime | None = None
    traffic: frozenset[str] = frozenset()
    published: tuple[Mapping[str, Any], ...] = ()
    recorded: Recorded | None = None

    @property
    def deployments(self) -> tuple[datetime, ...]:
        """When code, configuration or the version that is invoked changed, oldest first."""
        return tuple(change.at for change in self.dated if change.deploys and change.at)

    @property
    def unserved(self) -> dict[tuple[datetime, str, str], str]:
        """The dated changes of the function that reached none of its traffic, and why not.

        By when, what and detail, as they stand in ``rows``; none where nothing tells of traffic.
        """
        on = " and ".join(sorted(self.traffic))
        return {
            (change.at, change.what, change.detail): "It reached nothing that is known to be "
            f"invoked: the traffic of the function is on {on}."
            for change in self.dated
            if on and change.at and change.what in OF_FUNCTION and not change.deploys
        }


@dataclass(slots=True)
class _Gathering:
    """What was seen so far."""

    window: Window
    edits_deploy: bool = True
    alias: str | None = None
    beside: Collection[str] = ()
    changes: list[Change] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    latest: Mapping[str, Any] = field(default_factory=dict)
    published: list[Mapping[str, Any]] = field(default_factory=list)
    aliases: list[Mapping[str, Any]] = field(default_factory=list)
    mappings: list[Mapping[str, Any]] = field(default_factory=list)
    edits: Recorded | None = None

    def look(self, ask: Callable[[], _Seen], otherwise: _Seen) -> _Seen:
        """Return what a call gives; ``otherwise``, and a limit or a note, when it is refused."""
        try:
            return ask()
        except CouldNotLook as error:
            told = self.notes if error.operation in self.beside else self.limits
            told.append(error.message)
            return otherwise

    def function(self, client: Any, name: str, latest: Mapping[str, Any] | None) -> None:
        """Ask Lambda for a function's last edit, its versions and its aliases."""
        unseen: tuple[Mapping[str, Any], list[Change]] = ({}, [])
        self.latest, edited = self.look(lambda: functions.edit(client, name, latest=latest), unseen)
        self.published = self.look(lambda: functions.versions(client, name), [])
        self.aliases = self.look(lambda: functions.aliases(client, name), [])
        self.changes += [*edited, *functions.published(self.published)]
        self.changes += functions.pointing(self.aliases)
        for change in edited:
            if change.at is not None and change.at >= self.window.end and self.edits_deploy:
                self.edited_late(name, change.at)

    def edited_late(self, name: str, at: datetime) -> None:
        """Say that an edit after the window hides one inside it, and what that may change."""
        said = f"{name} was edited at {_second(at)}, after the window"
        version = unchanged_by(self.latest, self.published, before=self.window.end)
        if version is not None:
            self.notes.append(
                f"{said}: an edit inside the window is hidden. Timeout and memory are those that "
                f"version {version} has, which was published before the window ended."
            )
            return
        self.limits.append(
            f"{said}: the timeout and memory that its numbers are held against may be other than "
            "they were then, and an edit inside the window is hidden."
        )

    def deploys(self, change: Change) -> bool:
        """Whether a change reached traffic, as far as it is known where that is."""
        if change.subject == EDITS:
            return change.deploys and (self.edits_deploy or self.polls_latest())
        if change.subject == VERSIONS and self.traffic:
            return change.deploys and self.reached(change)
        if change.subject.startswith(ALIAS):
            return change.deploys and change.subject.removeprefix(ALIAS) in self.traffic
        return change.deploys

    @property
    def traffic(self) -> frozenset[str]:
        """The qualifiers that the params file and the mappings name; empty where none does."""
        named = [functions.qualifier(mapping) for mapping in self.mappings]
        return frozenset(filter(None, [self.alias, *named]))

    def polls_latest(self) -> bool:
        """Whether a mapping invokes ``$LATEST``; one that was left there, disabled, does not."""
        return any(
            functions.qualifier(each) == LATEST and each.get("State") != "Disabled"
            for each in self.mappings
        )

    def reached(self, version: Change) -> bool:
        """Whether traffic came to a published version, or, on ``$LATEST``, with it."""
        ours = [each for each in self.aliases if each["Name"] in self.traffic]
        invoked = set(self.traffic).union(*map(functions.invoked, ours))
        if version.version in invoked:
            return True
        if LATEST in self.traffic:
            # It is a copy, and tells only of an edit that a later one hides.
            edited_at = functions.instant(self.latest.get("LastModified"))
            return edited_at is None or version.at is None or edited_at > version.at
        # Where its aliases could not be seen, what they invoke is not known.
        return not ours and not any(each.isdigit() for each in self.traffic)

    def works_on(self, connection: Connection, name: str, named: Sequence[str]) -> None:
        """Ask for a function's mappings and tables; what changed after the window is noted."""
        client = connection.client("lambda")
        qualifiers = [str(alias["Name"]) for alias in self.aliases]
        self.mappings = self.look(
            lambda: functions.mappings(client, name, qualifiers=qualifiers), self.mappings
        )
        found = list(functions.mapped(self.mappings))
        for table in named:
            found += self.look(partial(tables.table, connection.client("dynamodb"), table), [])
        self.changes += found
        # Only now is it known where traffic is.
        self.changes = [each._replace(deploys=self.deploys(each)) for each in self.changes]
        self.notes += [
            f"After the window, at {_second(change.at)}: {change.what}, {change.detail}."
            for change in found
            if change.at is not None and change.at >= self.window.end
        ]

    def recorded(self, trail: Trail, name: str, named: Sequence[str]) -> None:
        """Ask CloudTrail; what it tells of a change that is known goes to that."""
        mappings = [str(mapping["UUID"]) for mapping in self.mappings]
        recorded, notes = trail.recorded(name, mappings=mappings, tables=named)
        self.notes += notes
        self.edits = trail.of_timeouts(name)
        for change in recorded:
            told = change._replace(deploys=self.deploys(change))
            self.changes = _told(self.changes, told)

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
            mappings=tuple(self.mappings),
            dated=tuple(inside),
            deployed_before=self.deployed_before(),
            traffic=self.traffic,
            published=tuple(self.published),
            recorded=self.edits,
        )

    def deployed_before(self) -> datetime | None:
        """Return when it was last deployed before the window, or None."""
        deployed = [(change.at, change.subject) for change in self.changes if change.deploys]
        if any(at and at >= self.window.end and subject == EDITS for at, subject in deployed):
            return None
        return max((at for at, _ in deployed if at and at < self.window.start), default=None)


def _told(changes: Sequence[Change], recorded: Change) -> list[Change]:
    """Return the changes with a recorded one, which takes the place of the same one told twice."""
    assert recorded.at is not None  # noqa: S101 - CloudTrail dates everything
    same = [
        change
        for change in changes
        if change.at is not None
        and change.subject
        and change.subject == recorded.subject
        and recorded.at - AT_MOST_EARLIER <= change.at <= recorded.at + AT_MOST_LATER
    ]
    if not same:
        return [*changes, recorded]
    known = same[0]
    kept = [change for change in changes if change is not known]
    # CloudTrail knows what of a function or of a mapping was changed, and that somebody did.
    surer = known.subject == EDITS or known.subject.startswith("mapping ")
    both = known._replace(
        what=recorded.what if surer else known.what,
        detail=f"{known.detail}; {recorded.detail}",
        subject="",
    )
    return [*kept, both]


def _second(at: datetime) -> str:
    """Return an instant as people read it: Lambda dates an edit to the millisecond."""
    return iso(at.replace(microsecond=0))


def of(
    connection: Connection,
    function_name: str,
    window: Window,
    *,
    tables_named: Iterable[str] = (),
    trail: Trail | None = None,
    edits_deploy: bool = True,
    alias: str | None = None,
    latest: Mapping[str, Any] | None = None,
    beside: Collection[str] = (),
) -> Changes:
    """Return what changed about a function and what it works on, from all who remember something.

    Parameters
    ----------
    tables_named
        The DynamoDB tables that it reads or writes.
    trail
        CloudTrail over the window, which knows who did what, and when aliases moved; None for not
        to ask it. That it may not be asked is in ``notes``: nothing rests on it.
    edits_deploy
        Whether traffic is on ``$LATEST``, so that editing it is what deploys. On an alias it is
        not: an edit stands among the changes, and nothing is held against it.
    alias
        The alias that traffic is on, beside those that a mapping invokes: moving another one
        deploys nothing, nor does a version that none of them invokes. None where that is not known:
        then, without a mapping, no move of an alias is taken for a deployment.
    latest
        The answer of GetFunctionConfiguration for ``$LATEST``, when it was asked already.
    beside
        Operations, as ``dynamodb:DescribeTable``, that serve nothing but this timeline: what they
        could not tell is in ``notes``.

    Returns
    -------
    What changed of the function's code, configuration, versions and aliases, of its event source
    mappings and tables, and what CloudTrail recorded. A call that is refused costs its own rows and
    becomes a sentence in ``limits``, or in ``notes``.
    """
    named = list(tables_named)
    gathering = _Gathering(window, edits_deploy=edits_deploy, alias=alias, beside=beside)
    gathering.function(connection.client("lambda"), function_name, latest)
    gathering.works_on(connection, function_name, named)
    if trail is not None:
        gathering.recorded(trail, function_name, named)
    return gathering.whole()
