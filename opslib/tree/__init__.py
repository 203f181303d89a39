"""The decision tree as one table: from a finding to what it means, where to look, what mends it.

In: findings. Out: the same findings ranked, causes before consequences, each with the notebook to
open and the remedy as text. The one place where finding ids are listed. Does no I/O.

The remedies are the operations guide's, as text only; where the guide is wrong about AWS, the text
says what is right. Source: Lambda aggregator operations guide, Decision Tree.
"""

from opslib.tree.branch import NOTEBOOKS, Branch
from opslib.tree.drawing import QUESTIONS, Question, drawn, placed
from opslib.tree.hypotheses import Hypothesis, hypotheses
from opslib.tree.ranking import BRANCHES, branch, next_notebook, ranked, remedies

__all__ = [
    "BRANCHES",
    "NOTEBOOKS",
    "QUESTIONS",
    "Branch",
    "Hypothesis",
    "Question",
    "branch",
    "drawn",
    "hypotheses",
    "next_notebook",
    "placed",
    "ranked",
    "remedies",
]
