"""Asking AWS on behalf of a run: the answer is kept as evidence, and said to be what it is.

In: questions, metrics, what a look brought back. Out: masked frames, with receipts in the result
and files in the run folder. What could not be seen is said on the spot, and the frame comes back
empty but with its columns. Must not judge, nor choose what is asked.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
from IPython.display import display

from opslib import changes, insights, metrics, run_folder, show
from opslib.aws import Connection
from opslib.errors import CouldNotLook
from opslib.evidence import Folder
from opslib.insights import Insights, Question, typed
from opslib.result import Result, Seen, told
from opslib.window import Window

# What the text of a look tells of its arguments; frames and the like stand in the evidence.
_PLAIN = (str, int, float)


class Asking:
    """One run's questions: where they go, and where what comes back is kept.

    Parameters
    ----------
    connection
        The way to AWS.
    folder
        Where the evidence is kept.
    result
        Where receipts go, and what could not be seen.
    """

    def __init__(self, connection: Connection, *, folder: Folder, result: Result) -> None:
        self._connection = connection
        self._insights = Insights(connection.client("logs"), time.sleep, time.monotonic)
        self._folder = folder
        self._result = result

    def queries(self, questions: Sequence[Question]) -> list[pd.DataFrame]:
        """Ask side by side, and keep, and say what became of it in the order given."""
        asked = [replace(question, text=question.text.strip()) for question in questions]
        found = insights.ask(self._insights, asked)
        return [self._answered(*each) for each in zip(questions, found, strict=True)]

    def _answered(self, question: Question, found: insights.Present) -> pd.DataFrame:
        for group in found.gone:
            # That one which ran is missing its lines is for whoever compares them with metrics.
            self._result.note(f"There is no log group {group}; the others were asked.")
        answer = found.answer
        if isinstance(answer, CouldNotLook):
            self._result.could_not_see(answer)
            return typed([], question.columns)
        receipt = answer.receipt
        self._result.queries.append(receipt.as_dict())
        rows = self._folder.keep(
            question.name, answer.rows, text=question.text, receipt=receipt.as_dict()
        )
        self._result.save()
        display(show.note(told(receipt)))
        if receipt.truncated:
            said = f"Query {question.name} was cut off at {receipt.rows:,} rows."
            self._result.say(said, reason="cut")
        return rows

    def metrics(
        self, wanted: Sequence[metrics.Metric], *, name: str, window: Window, beside: bool
    ) -> metrics.MetricAnswer:
        """Fetch metrics; what is missing of those that are only compared with hides nothing.

        Parameters
        ----------
        beside
            Whether they are of another window than the run's, to compare with.
        """
        client = self._connection.client("cloudwatch")
        try:
            answer = metrics.fetch(client, wanted, window)
        except CouldNotLook as error:
            reason = "note" if beside else error.reason
            self._result.say(error.message, operation=error.operation, reason=reason)
            return metrics.MetricAnswer.unseen(wanted, reason=error.reason)
        for sentence in answer.limits:
            self._result.say(sentence, reason="note" if beside else "incomplete")
        entries = answer.as_dicts()
        if not beside:
            self._result.metrics.extend(entries)
        names = "\n".join(f"{m.name}: {m.namespace} {m.metric} {m.stat}" for m in wanted)
        self._folder.keep(name, answer.points, text=names, receipt={"metrics": entries})
        return answer

    def trail(self, window: Window) -> changes.Trail:
        """Return CloudTrail over a window, shared with the others of a triage, if it is one."""
        client = self._connection.brief_client("cloudtrail")
        named = os.environ.get(run_folder.SHARED, "")
        identity = self._connection.identity
        about = f"{identity.account} {identity.region} {window.as_dict()}"
        shared = changes.Shared(Path(named), about=about) if named else None
        return changes.Trail(client, window, shared=shared)

    def keep(self, name: str, found: Seen, *, text: str) -> None:
        """Keep what a look brought back, and say what it could not see."""
        for sentence in found.limits:
            self._result.say(sentence, reason="unseen")
        self._folder.keep(name, found.rows, text=text, receipt={"rows": len(found.rows)})


def call(
    look: Callable[..., object], arguments: Sequence[object], named: Mapping[str, object]
) -> str:
    """Return the text of a look: which function was called, with which plain values."""
    values = [*(("", each) for each in arguments), *((f"{key}=", named[key]) for key in named)]
    given = ", ".join(f"{key}{each}" for key, each in values if isinstance(each, _PLAIN))
    return f"{look.__module__}.{look.__name__}({given})"


def parts(window: Window, cut: datetime | None) -> list[tuple[str, Window]]:
    """Return a window in two, each with its name: before and after a deployment.

    Without one that leaves two parts, its halves; of a window too short to be cut, nothing.
    """
    period = timedelta(seconds=window.period_s)
    if window.length < 2 * period:
        return []
    words = ("before the deployment", "after the deployment")
    if cut is None or not window.start + period <= cut < window.end:
        cut, words = window.start + window.length / 2, ("first half", "second half")
    return [*zip(words, window.split(cut), strict=True)]
