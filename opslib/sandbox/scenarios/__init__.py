"""The incidents that the sandbox can show: the list of them, by name.

In: a name. Out: its `Scenario`. A new one is a module of its own and a line here; README.md beside
this file says how. Must not know how the sandbox is started.
"""

from importlib import import_module

from opslib.errors import BadInput
from opslib.sandbox.scenarios.story import Scenario

# Imported only when asked for: listing the names costs nothing.
_NAMES = (
    "slow",
    "healthy",
    "timeouts",
    "permission-denied",
    "table-throttled",
    "code-error",
    "cold-starts",
    "dead-letters",
    "stream-lag",
    "empty",
)


def names() -> tuple[str, ...]:
    """List the scenarios by name, the one that ``make demo`` shows first."""
    return _NAMES


def load(name: str) -> Scenario:
    """Give a scenario.

    Raises
    ------
    BadInput
        There is none of that name.
    """
    if name not in _NAMES:
        raise BadInput(
            f"No sandbox was started: {name!r} is not a scenario. There are {', '.join(_NAMES)}.",
            scenario=name,
        )
    scenario: Scenario = import_module(f"{__name__}.{name.replace('-', '_')}").SCENARIO
    return scenario
