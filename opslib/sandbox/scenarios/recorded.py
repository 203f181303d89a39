"""What the real aggregator printed, invocation by invocation, as it was recorded.

In: the recordings shipped with the package. Out: each recorded invocation's lines in their order,
parsed, with the instant of each. Must not change them, and must not know stories.

A recording is the application lines of the function's log, one JSON value a line: an object is a
line exactly as printed, a string is an event of the runtime's (``[ERROR] ...`` with its
traceback); an invocation begins at each "Lambda invocation started".
`opslib.sandbox.scenarios.record` makes it.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Lines = Literal["processed", "denied", "failed"]
"""What a recording tells: records processed; every write of them denied; the handler raised."""

PRODUCT = "aggregator-0.17.0"
FIRST = "Lambda invocation started"
LAST = "Lambda invocation completed"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One invocation of the real aggregator.

    Parameters
    ----------
    lines
        What it printed, in order. A JSON line is parsed, its keys in the order printed; what the
        runtime wrote of an exception stays text.
    """

    lines: tuple[dict[str, Any] | str, ...]

    @property
    def parsed(self) -> tuple[dict[str, Any], ...]:
        """The lines in JSON."""
        return tuple(line for line in self.lines if isinstance(line, dict))

    @property
    def record_count(self) -> int:
        """How many stream records it was given."""
        return int(self.parsed[0]["record_count"])

    def fractions(self) -> list[float]:
        """Tell when each line was printed: 0 is the first line, 1 the last; text is last."""
        instants = [datetime.fromisoformat(line["timestamp"]) for line in self.parsed]
        whole = (instants[-1] - instants[0]) or timedelta(microseconds=1)
        times = iter((instant - instants[0]) / whole for instant in instants)
        return [next(times) if isinstance(line, dict) else 1.0 for line in self.lines]


def name(lines: Lines) -> str:
    """Name the file of a recording."""
    return f"{PRODUCT}.jsonl" if lines == "processed" else f"{PRODUCT}-{lines}.jsonl"


@cache
def recordings(lines: Lines = "processed") -> tuple[Recorded, ...]:
    """Read the recorded invocations, fewest stream records first."""
    text = (files("opslib.sandbox") / "recordings" / name(lines)).read_text()
    invocations: list[list[dict[str, Any] | str]] = []
    for line in text.splitlines():
        parsed = json.loads(line)
        if isinstance(parsed, dict) and parsed["message"] == FIRST:
            invocations.append([])
        invocations[-1].append(parsed)
    made = [Recorded(lines=tuple(each)) for each in invocations]
    return tuple(sorted(made, key=lambda recorded: recorded.record_count))


def nearest(record_count: int, lines: Lines = "processed") -> Recorded:
    """Give the recorded invocation whose record count is nearest, the smaller of two as near."""
    return min(recordings(lines), key=lambda recorded: abs(recorded.record_count - record_count))
