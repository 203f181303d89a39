"""One function as a runbook looks at it: its limits, where it logs, what changed.

In: what `opslib.runbook` read. Out: a `Target`, which queries, plots and judgements are about.
Makes no call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opslib import show
from opslib.changes import Changes
from opslib.lambda_logs import LogShape
from opslib.system import Function


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
    """

    function: Function
    timeout_ms: float
    memory_mb: float
    shape: LogShape
    changes: Changes
    configuration: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.name

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
