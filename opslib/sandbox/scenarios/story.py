"""What a scenario is: one incident with a known cause, and what the runbooks must say about it.

Holds the type only. Must not know any scenario, or how one is built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from opslib.sandbox.api import Progress, Sandbox

Builder = Callable[[Sandbox, Progress], None]


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What one notebook must conclude on a scenario.

    Parameters
    ----------
    verdict
        ``healthy``, ``warning``, ``critical`` or ``unknown``.
    findings
        Ids of the findings it must name, as the table in `opslib.tree` lists them. Where the
        verdict is ``healthy``, it must name none at all.
    """

    verdict: str
    findings: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One incident, or the lack of one.

    Parameters
    ----------
    name
        What ``opslib sandbox up --scenario`` calls it.
    title
        One line, as a person would tell it.
    broke
        What is wrong, and why; the root cause that the runbooks should lead to.
    when
        When it began, relative to the sandbox's now.
    seen
        What an engineer sees who does not know the cause yet.
    expected
        By notebook (``20-duration``): what it must conclude, with a window of three hours to now.
    builder
        Builds it on a fresh, empty sandbox.
    """

    name: str
    title: str
    broke: str
    when: str
    seen: str
    expected: Mapping[str, Expected]
    builder: Builder

    def build(self, sandbox: Sandbox, *, progress: Progress) -> None:
        """Build it on a fresh, empty sandbox; return when it is complete.

        Parameters
        ----------
        sandbox
            Up, with nothing in it.
        progress
            Told a sentence at each step.

        Raises
        ------
        OpsError
            It could not be built; the sandbox is of no use then.
        """
        self.builder(sandbox, progress)
