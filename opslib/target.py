"""One function as a runbook looks at it: its limits, where it logs, what changed.

In: the function's configuration and a Lambda client to ask what changed. Out: a `Target`, which
queries, plots and judgements are about, with what could not be seen. Must not judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from opslib import changes, lambda_logs, show
from opslib.changes import Changes
from opslib.lambda_logs import LogShape
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
    shape
        Where and in what form it logs; the defaults when its configuration could not be seen.
    changes
        What changed in the window.
    configuration
        The answer of GetFunctionConfiguration; empty when that could not be seen.
    limits
        Sentences on what its logs and changes do not show, each with ``note`` where that hides
        nothing that decides, else ``unseen``.
    """

    function: Function
    timeout_ms: float
    memory_mb: float
    shape: LogShape
    changes: Changes
    configuration: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.name

    @property
    def groups(self) -> tuple[str, ...]:
        """Its log group."""
        return (self.shape.group,)

    @property
    def deployed_at(self) -> datetime | None:
        """When code or configuration last changed inside the window, or None."""
        return self.changes.deployed_at

    @property
    def summary(self) -> show.Shown:
        """The facts that the numbers below are held against."""
        facts = {
            "function": self.name,
            "timeout_s": self.timeout_ms / 1000,
            "memory_mb": self.memory_mb,
            "log group": self.shape.group,
            "log format": self.shape.format,
            "changed in the window": self.deployed_at or "no",
        }
        return show.facts(facts)


def read(
    client: Any, function: Function, *, configuration: Mapping[str, Any], window: Window
) -> Target:
    """Read what changed about a function in a window, and hold it together.

    Parameters
    ----------
    client
        The boto3 ``lambda`` client.
    configuration
        The answer of GetFunctionConfiguration; empty when that could not be seen.
    """
    known = {"FunctionName": function.name, **configuration}
    if function.log_group and "LoggingConfig" not in configuration:
        known["LoggingConfig"] = {"LogGroup": function.log_group}
    shape = lambda_logs.shape(known)
    # Without a REPORT for each invocation the logs cannot show that all is well.
    word = "note" if shape.reports and not shape.managed_instances else "unseen"
    # An alias that points at $LATEST changes with every edit; one of a version does not.
    aliased = function.alias is not None and configuration.get("Version") != changes.LATEST
    found = changes.timeline(client, function.name, window, edits_deploy=not aliased)
    return Target(
        function=function,
        timeout_ms=configuration.get("Timeout", float("nan")) * 1000.0,
        memory_mb=float(configuration.get("MemorySize", "nan")),
        shape=shape,
        changes=found,
        configuration=configuration,
        limits=(
            *((sentence, word) for sentence in lambda_logs.limits(shape)),
            *((sentence, "unseen") for sentence in found.limits),
        ),
    )
