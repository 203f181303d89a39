"""What a notebook says to its run: what it looks at, asks, shows and concludes.

In: functions, queries, metrics, findings. Out: targets, frames, what a cell shows, and the verdict.
Must not know one branch of the tree.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
from IPython.display import display

from opslib import aws, changes, metrics, plots, show, tree
from opslib.errors import CouldNotLook
from opslib.evidence import Folder
from opslib.health import Check, Finding, Verdict, worst
from opslib.insights import Question, typed
from opslib.remedy import Plan
from opslib.result import Result, Seen
from opslib.runbook.asking import Asking, call, parts
from opslib.target import Logged, Target, read
from opslib.window import Window

_Given = ParamSpec("_Given")
_Seen = TypeVar("_Seen", bound=Seen)


class Run:
    """One run of one notebook. Make one with `open`.

    ``system``, ``window``, ``identity`` and ``notebook`` say what is looked at, when, by whom and
    by what.
    """

    def __init__(
        self, notebook: str, *, connection: aws.Connection, window: Window, folder: Folder
    ) -> None:
        self.notebook = notebook
        self.system = connection.system
        self.identity = connection.identity
        self.window = window
        self._connection = connection
        self._trail: changes.Trail | None = None
        self._groups: dict[str, str] = {}
        self._result = Result(
            notebook,
            system=self.system.name,
            window=window,
            identity=self.identity,
            folder=folder,
        )
        self._asking = Asking(connection, folder=folder, result=self._result)

    def look_at(
        self,
        function: str = "",
        *,
        configuration: Mapping[str, Any] | None = None,
        tables: Iterable[str] = (),
        closely: bool = True,
        beside: Collection[str] = (),
    ) -> Target:
        """Read how a function is configured and what changed in the window.

        Parameters
        ----------
        function
            Its name in the params file; empty when the system has only one.
        configuration
            The answer of GetFunctionConfiguration, if it was asked already; nothing else is read
            of one that was refused, which is empty.
        tables
            Tables that it works on, beside the one whose stream it reads: what changed of them is
            read too.
        closely
            Whether CloudTrail is asked too, a dozen calls for all functions of a run together, and
            the class of the log group, one call a function.
        beside
            Operations, as ``dynamodb:DescribeTable``, that in this notebook serve nothing but the
            timeline: one that is refused is a note.

        Raises
        ------
        BadInput
            The system has no such function, or several and none was named.
        """
        named = self.system.function(function)
        client = self._connection.client("lambda")
        if configuration is None:
            configuration = {}
            try:
                configuration = changes.configuration(client, named.name, alias=named.alias)
            except CouldNotLook as error:
                self._result.could_not_see(error)
        if closely and self._trail is None:
            self._trail = self._asking.trail(self.window)
        target = read(
            self._connection,
            named,
            configuration=configuration,
            window=self.window,
            tables=tables,
            trail=self._trail if closely else None,
            beside=beside,
        )
        self._groups[target.name] = target.shape.group
        for sentence, reason in target.limits:
            self._result.say(sentence, reason=reason)
        return target

    def query(
        self,
        name: str,
        text: str,
        target: Logged,
        *,
        columns: Mapping[str, str],
        window: Window | None = None,
    ) -> pd.DataFrame:
        """Ask the logs of a function, or of several at once, one question.

        Parameters
        ----------
        name
            Short, for people; it names the evidence.
        text
            The query, in the Logs Insights language.
        target
            Whose logs; of one that has none, nothing is asked and nothing comes back.
        columns
            Name and kind (``time``, ``float``, ``int``, ``text``) of each column it returns.
        window
            A part of the run's window; the whole of it when not given.

        Returns
        -------
        The rows, typed and masked. Empty, with the same columns, when nothing matched, and also
        when the logs could not be read: that is said here and in the verdict. Of several log
        groups, one that is not there is left out, which is said.
        """
        if not target.groups:
            return typed([], columns)
        question = Question(name, text, target.groups, window or self.window, columns)
        (rows,) = self._asking.queries([question])
        return rows

    def query_before_and_after(
        self, name: str, text: str, target: Target, *, columns: Mapping[str, str]
    ) -> pd.DataFrame:
        """Ask the same question of the time before and after the deployment.

        Without a deployment in the window, of its first and its second half; of a window that is
        too short to be cut, nothing.

        Returns
        -------
        The rows of both answers, with a first column ``part`` (str) that says which.
        """
        named = parts(self.window, target.deployed_at)
        if not named:
            display(show.note(f"{name}: the window is too short to be cut in two."))
            return typed([], {"part": "text", **columns})
        frames = self._asking.queries(
            [
                Question(f"{name}, {word}", text, target.groups, part, columns)
                for word, part in named
            ]
        )
        for (word, _), rows in zip(named, frames, strict=True):
            rows.insert(0, "part", word)
        return pd.concat(frames, ignore_index=True)

    def metrics(
        self,
        wanted: Sequence[metrics.Metric],
        *,
        name: str = "metrics",
        window: Window | None = None,
    ) -> metrics.MetricAnswer:
        """Fetch metrics over the window.

        Parameters
        ----------
        name
            Short, for people; it names the evidence.
        window
            Another than the run's, to compare with: what is missing there is said, and hides
            nothing that decides.

        Returns
        -------
        The points that came, and for each metric whether all did. What could not be seen is said
        here and in the verdict.
        """
        return self._asking.metrics(
            wanted, name=name, window=window or self.window, beside=window is not None
        )

    def see(
        self,
        name: str,
        look: Callable[Concatenate[aws.Connection, _Given], _Seen],
        *args: _Given.args,
        **kwargs: _Given.kwargs,
    ) -> _Seen:
        """Have something looked at that is neither a query nor a metric, and keep it as evidence.

        Parameters
        ----------
        name
            Short, for people; it names the evidence.
        look
            A function of a connection, as those of `opslib.streams` are; the rest of the arguments
            is for it.

        Returns
        -------
        What ``look`` saw. What it could not see is said here and in the verdict.
        """
        found = look(self._connection, *args, **kwargs)
        self._asking.keep(name, found, text=call(look, args, kwargs))
        return found

    def note(self, sentences: Iterable[str]) -> None:
        """Say, here and beside the verdict, what hides nothing that decides."""
        for sentence in sentences:
            self._result.note(sentence)

    def propose(self, plans: Iterable[Plan | None]) -> show.Shown:
        """Show the plans that would mend what was found, and keep them. Nothing is changed.

        None among them is a remedy that does not apply here.
        """
        given = [plan for plan in plans if plan is not None]
        at, aws_command = self.identity.at, self.system.aws_command
        self._result.plans = [plan.as_dict(shown_at=at, aws=aws_command) for plan in given]
        self._result.save()
        return show.plans(self._result.plans, found=self._result.found, over=self._result.over)

    def plot(self, panels: Sequence[plots.Panel], *, target: Target | None) -> show.Shown:
        """Draw panels over the window, with what changed, described in words and numbers."""
        marks = target.marks if target else []
        figure = plots.timeline(panels, window=self.window, marks=marks)
        words = plots.describe(panels, window=self.window, marks=marks)
        return show.picture(plots.png(figure), alt=words)

    def conclude(
        self, findings: Iterable[Finding | None], *, checks: Iterable[Check] = ()
    ) -> show.Shown:
        """Say what it all comes to, and keep it.

        Parameters
        ----------
        findings
            What the notebook's questions gave; None, or none at all, means that all was well.
        checks
            Rows of the health table; their findings are added.

        Returns
        -------
        The verdict with its findings, causes before consequences, and what to open next.
        """
        checks = list(checks)
        ranked = [
            replace(finding, notebook=None) if finding.notebook == self.notebook else finding
            for finding in tree.ranked(_given([*findings, *(check.finding for check in checks)]))
        ]
        verdicts = [finding.severity for finding in ranked] + [check.verdict for check in checks]
        result = self._result
        result.unseen(checks)
        if not (result.blind or checks or result.queries or result.metrics):
            result.say("Nothing was asked of AWS.", reason="skipped")
        verdicts += [Verdict.UNKNOWN] * bool(result.blind)
        verdict = worst(verdicts, default=Verdict.HEALTHY)
        result.conclude(verdict, ranked)
        title = "Everything that was looked at is within its thresholds."
        if verdict is Verdict.UNKNOWN:
            title = "Not everything that decides could be seen."
        elif ranked:
            title = f"{ranked[0].title}."
        return show.verdict(
            verdict.value,
            title=title,
            findings=[finding.as_dict() for finding in ranked],
            links=self._links(ranked),
            limits=[str(limit["what"]) for limit in result.blind],
            notes=[str(limit["what"]) for limit in result.limits if limit not in result.blind],
        )

    def remedies(self, findings: Iterable[Finding | None]) -> show.Shown:
        """Show, as text only, what would mend the findings. Nothing is changed."""
        system = self.system
        words = tree.remedies(
            _given(findings),
            aws=system.aws_command,
            groups=self._groups,
            deploy=system.deploy or "",
            back=system.go_back or "",
        )
        return show.markdown(words or "Nothing to mend.")

    def _links(self, ranked: Sequence[Finding]) -> list[tuple[str, str]]:
        named = dict.fromkeys(finding.notebook for finding in ranked if finding.notebook)
        return [(name, f"{name}.ipynb") for name in named]


def _given(findings: Iterable[Finding | None]) -> list[Finding]:
    return [finding for finding in findings if finding is not None]
