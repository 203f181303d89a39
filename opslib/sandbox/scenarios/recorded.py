"""What the real aggregator printed, invocation by invocation, as it was recorded.

In: the recordings shipped with the package. Out: each recorded invocation's lines in their order,
parsed, with the instant of each. Must not change them, and must not know stories.

A recording is the application lines of the function's log, one JSON object a line, exactly as
printed; an invocation begins at each "Lambda invocation started". `opslib.sandbox.scenarios.record`
makes it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

RECORDING = "aggregator-0.17.0.jsonl"
FIRST = "Lambda invocation started"
LAST = "Lambda invocation completed"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One invocation of the real aggregator.

    Parameters
    ----------
    lines
        What it printed, in order, each parsed; keys in the order printed.
    """

    lines: tuple[dict[str, Any], ...]

    @property
    def record_count(self) -> int:
        """How many stream records it was given."""
        return int(self.lines[0]["record_count"])

    def fractions(self) -> list[float]:
        """Tell when each line was printed: 0 is the first line, 1 the last."""
        instants = [datetime.fromisoformat(line["timestamp"]) for line in self.lines]
        whole = instants[-1] - instants[0]
        return [(instant - instants[0]) / whole for instant in instants]


@cache
def recordings() -> tuple[Recorded, ...]:
    """Read the recorded invocations, fewest stream records first."""
    text = (files("opslib.sandbox") / "recordings" / RECORDING).read_text()
    invocations: list[list[dict[str, Any]]] = []
    for line in text.splitlines():
        parsed = json.loads(line)
        if parsed["message"] == FIRST:
            invocations.append([])
        invocations[-1].append(parsed)
    made = [Recorded(lines=tuple(lines)) for lines in invocations]
    return tuple(sorted(made, key=lambda recorded: recorded.record_count))


def nearest(record_count: int) -> Recorded:
    """Give the recorded invocation whose record count is nearest, the smaller of two as near."""
    return min(recordings(), key=lambda recorded: abs(recorded.record_count - record_count))
