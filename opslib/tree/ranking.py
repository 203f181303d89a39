"""What comes first: findings ranked, causes before consequences. Does no I/O."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from opslib.errors import BadInput
from opslib.health import Finding, Verdict
from opslib.tree import counts, durations, errors, streams
from opslib.tree.branch import Branch
from opslib.tree.steps import filled

#: The tree, causes before consequences.
BRANCHES = tuple(
    sorted(
        (*errors.ROWS, *durations.ROWS, *streams.ROWS, *counts.ROWS),
        key=lambda row: row.rank,
    )
)

# A line that is a command, not one that a sentence names.
_COMMAND = re.compile("^aws ", re.MULTILINE)
_OVER = (
    "{0.title}. See what ended it before changing anything: a deployment that did must not be "
    "taken back. What was lost or given up meanwhile may still wait in a dead-letter queue.\n"
)
_BY_FINDING = {branch.finding: branch for branch in BRANCHES}
_SEVERITIES = (Verdict.CRITICAL, Verdict.WARNING, Verdict.UNKNOWN, Verdict.HEALTHY)


def branch(finding: str) -> Branch:
    """Return the row of a finding's id.

    Raises
    ------
    BadInput
        The table has no such id.
    """
    if finding not in _BY_FINDING:
        raise BadInput(
            f"Not ranked: {finding!r} is not a finding of the tree; "
            f"it has {', '.join(_BY_FINDING)}.",
            finding=finding,
        )
    return _BY_FINDING[finding]


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, what was seen before what was not, causes before consequences.

    Each gets the notebook to open, if it is there, and the name of its remedy. The more severe
    comes first, but a finding weighs as much as the worst that it explains: a critical lag goes
    away when the slow invocations behind it do, though they be only a warning.

    Raises
    ------
    BadInput
        The table has no such id.
    """
    held = list(findings)

    def place(finding: Finding) -> tuple[bool, int, int]:
        row = branch(finding.id)
        blind = finding.severity is Verdict.UNKNOWN
        explained = [other.severity for other in held if other.id in row.explains]
        weight = min(_SEVERITIES.index(each) for each in [finding.severity, *explained])
        # Without any invocation, whatever else is unknown is so because of that.
        rank = 0 if blind and finding.id == "invocations.none" else row.rank
        return blind, weight, rank

    filled = []
    for finding in sorted(held, key=place):
        row = branch(finding.id)
        notebook = row.notebook if row.is_there else None
        # What is over needs no mending, and what ended it is not to be taken back.
        remedy = row.remedy if finding.until is None else ""
        filled.append(replace(finding, notebook=notebook, remedy=remedy or None))
    return filled


def next_notebook(findings: Iterable[Finding]) -> str | None:
    """Return the notebook of the first cause that has one that is there, or None."""
    return next((finding.notebook for finding in ranked(findings) if finding.notebook), None)


def remedies(
    findings: Iterable[Finding],
    *,
    aws: str = "aws",
    groups: Mapping[str, str] = MappingProxyType({}),
    deploy: str = "",
    back: str = "",
) -> str:
    """Return what would mend the findings, as Markdown, each remedy once. Nothing is changed.

    Parameters
    ----------
    aws
        How its commands begin: with the region and profile of the system that was looked at.
    groups
        Function to the log group that was read.
    deploy, back
        As `opslib.tree.steps.filled` takes them.

    Empty when nothing was found that has a remedy. What could not be seen has none; of what is over
    it is said that there is nothing to carry out.
    """
    said: list[str] = []
    for finding in ranked(findings):
        row = branch(finding.id)
        if finding.until is not None and row.steps:
            said.append(f"#### Nothing to mend now ({finding.subject})\n\n{_OVER.format(finding)}")
            continue
        named = {"subject": finding.subject, "group": groups.get(finding.subject, "")}
        steps = [
            _COMMAND.sub(lambda _: f"{aws} ", filled(step, **named, deploy=deploy, back=back))
            for step in row.steps
        ]
        fresh = [step for step in steps if step not in said]
        if fresh and finding.severity is not Verdict.UNKNOWN:
            said += [f"#### {row.remedy} ({finding.subject})\n", *fresh]
    return "\n".join(said)
