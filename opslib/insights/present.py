"""Asking side by side of log groups of which some may not be there.

In: questions. Out: for each an answer of the groups that are there, and which are not. Must not say
so to anybody.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from opslib.errors import CouldNotLook
from opslib.insights.client import Insights
from opslib.insights.receipts import Answer
from opslib.insights.whole import Question


@dataclass(frozen=True, slots=True)
class Present:
    """What came of a question.

    Parameters
    ----------
    answer
        Of the groups that are there; or why there is none.
    gone
        The groups that were left out, since AWS said that they are not there: never all of them.
    """

    answer: Answer | CouldNotLook
    gone: tuple[str, ...] = ()


def ask(insights: Insights, questions: Sequence[Question]) -> list[Present]:
    """Ask several questions side by side, each of its groups that are there.

    A function that never ran has no log group. A question whose only group is not there has no
    answer; that of several groups is asked again without those that are not.

    Raises
    ------
    BadInput
        As `Insights.query_all`.
    """
    found = [Present(answer) for answer in insights.query_all(questions)]
    for place, question in enumerate(questions):
        left = list(question.groups)
        while len(left) > 1 and (gone := _gone(found[place].answer, left)):
            left.remove(gone)
            (answer,) = insights.query_all([replace(question, groups=left)])
            found[place] = Present(answer, (*found[place].gone, gone))
    return found


def _gone(answer: Answer | CouldNotLook, groups: Sequence[str]) -> str | None:
    """Return the log group of which AWS said that it is not there, or None."""
    if not isinstance(answer, CouldNotLook) or answer.reason != "missing":
        return None
    named = {word.strip(".:") for word in re.findall(r"[\w./#:-]+", str(answer.__cause__))}
    return next((group for group in groups if group in named), None)
