"""One function as a runbook looks at it: its limits, where it logs, what changed.

In: the function's configuration and a connection to ask what changed. Out: a `Target`, which
queries, plots and judgements are about, with what could not be seen. Must not judge.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from opslib import changes, lambda_logs, plots, show
from opslib.aws import Connection
from opslib.changes import Changes, Trail
from opslib.changes.timeouts import timeouts
from opslib.health.timeouts import Timeouts
from opslib.health.verdicts import span, utc
from opslib.lambda_logs import Logs, LogShape
from opslib.system import Function
from opslib.window import Window


class Logged(Protocol):
    """What has logs: a function, or several."""

    @property
    def groups(self) -> Sequence[str]:
        """Their log groups."""


@dataclass(frozen=True)
class Target:
    """One function as it stands: what its numbers are held against and where its logs are.

    Parameters
    ----------
    function
        As the system's params file names it.
    timeout_ms, memory_mb
        Of its configuration; NaN when that could not be seen.
    logs
        Where and in what form it logs; the defaults when its configuration could not be seen.
    changes
        What changed in the window about it and what it works on.
    configuration
        The answer of GetFunctionConfiguration; empty when that could not be seen.
    limits
        Sentences on what its logs and changes do not show, each with ``note`` where that hides
        nothing that decides, else ``unseen``.
    """

    function: Function
    timeout_ms: float
    memory_mb: float
    logs: Logs
    changes: Changes
    configuration: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.name

    @property
    def shape(self) -> LogShape:
        """The shape of its logs, for which `opslib.lambda_logs` writes queries."""
        return self.logs.shape

    @property
    def groups(self) -> tuple[str, ...]:
        """Its log group."""
        return (self.shape.group,)

    @property
    def timeouts(self) -> Timeouts:
        """The timeouts that it had in the window, as far as they are known."""
        found = self.changes
        alias = self.function.alias
        return timeouts(self.configuration, found.published, found.recorded, alias=alias)

    @property
    def deployed_at(self) -> datetime | None:
        """When code or configuration last changed inside the window, or None."""
        return self.changes.deployed_at

    def last_deployed(self, window: Window) -> str:
        """Say when it was last deployed before the window; nothing when it was deployed inside.

        Nothing, too, where nobody remembers: an edit after the window hides the one before.
        """
        at = self.changes.deployed_before
        if at is None or self.deployed_at is not None:
            return ""
        apart = span((window.start - at) / timedelta(milliseconds=1))
        return f"{self.name} was last deployed {utc(at)}, {apart} before the window."

    @property
    def marks(self) -> list[plots.Mark]:
        """What changed in the window, as plots mark it."""
        return [
            plots.Mark(change.at, "deployment" if change.deploys else change.what, change.deploys)
            for change in self.changes.dated
            if change.at is not None
        ]

    @property
    def summary(self) -> show.Shown:
        """The facts that the numbers below are held against."""
        facts = {
            "function": self.name,
            "timeout_s": self.timeout_ms / 1000,
            "memory_mb": self.memory_mb,
            "log group": self.shape.group,
            "log format": self.shape.format,
            "log class": self.shape.log_class or "not seen",
            "logs kept for": self.logs.kept_for or "not seen",
            "deployed in the window": self.deployed_at or "no",
        }
        return show.facts(facts)


def read(
    connection: Connection,
    function: Function,
    *,
    configuration: Mapping[str, Any],
    window: Window,
    tables: Iterable[str] = (),
    trail: Trail | None = None,
    beside: Collection[str] = (),
) -> Target:
    """Read what changed about a function in a window, and hold it together.

    Parameters
    ----------
    configuration
        The answer of GetFunctionConfiguration; empty when that could not be seen.
    tables
        Tables that it works on, beside the one whose stream it reads.
    trail
        CloudTrail, which is asked who changed what; None to look less closely: at neither that nor
        the log group.
    beside
        Operations that serve nothing but the timeline: one that is refused is a note.
    """
    known = {"FunctionName": function.name, **configuration}
    if function.log_group and "LoggingConfig" not in configuration:
        known["LoggingConfig"] = {"LogGroup": function.log_group}
    if trail is None:
        shape = lambda_logs.shape(known)
        logs = Logs(shape, limits=tuple(lambda_logs.limits(shape)))
    else:
        logs = lambda_logs.look(connection.client("logs"), known)
    gone = logs.gone(window.start, now=connection.identity.at)
    # Without a REPORT for each invocation the logs cannot show that all is well.
    word = "note" if logs.shape.reports and not logs.shape.managed_instances else "unseen"
    # An alias that points at $LATEST changes with every edit; one of a version does not.
    on_latest = function.alias is None or configuration.get("Version") == changes.LATEST
    found = changes.of(
        connection,
        function.name,
        window,
        tables_named=dict.fromkeys(filter(None, (function.table, *tables))),
        trail=trail,
        edits_deploy=on_latest,
        alias=function.alias,
        latest=configuration if on_latest else None,
        beside=beside,
    )
    return Target(
        function=function,
        timeout_ms=configuration.get("Timeout", float("nan")) * 1000.0,
        memory_mb=float(configuration.get("MemorySize", "nan")),
        logs=logs,
        changes=found,
        configuration=configuration,
        limits=(
            *((sentence, word) for sentence in logs.limits),
            *((sentence, "unseen") for sentence in [gone] if sentence),
            *((sentence, "unseen") for sentence in found.limits),
            *((sentence, "note") for sentence in (*logs.notes, *found.notes)),
        ),
    )
