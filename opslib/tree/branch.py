"""One row of the decision tree: `Branch`, and which notebooks there are. Does no I/O."""

from dataclasses import dataclass

#: The notebooks that can be opened; one that a row names beside them is not there yet.
NOTEBOOKS = (
    "00-triage",
    "10-error-rate",
    "11-permission-denied",
    "12-timeout",
    "13-code-error",
    "20-duration",
    "30-dead-letters",
    "40-cold-starts",
    "50-stream-lag",
    "60-dynamodb-throttling",
)


@dataclass(frozen=True, slots=True)
class Branch:
    """One row of the tree.

    Parameters
    ----------
    finding
        The finding's id.
    rank
        Its place from cause (low) to consequence (high) among findings of the same weight.
    meaning
        What it says, in one sentence.
    notebook
        Where to look next; it can be opened only if `NOTEBOOKS` has it. Empty where no notebook
        says more than triage and the remedy do.
    remedy
        A name for what mends it; empty when there is only more to look at.
    steps
        The remedy in Markdown, a step each, the first one first, with names to be put in as
        `opslib.tree.steps.filled` does.
    explains
        Findings that may be consequences of this one, which then weighs as much as they do.
    """

    finding: str
    rank: int
    meaning: str
    notebook: str
    remedy: str = ""
    steps: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether its notebook can be opened."""
        return self.notebook in NOTEBOOKS
