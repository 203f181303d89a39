"""What a notebook's setup cell opens: one system, one window, one account, and what was found.

In: the notebook's parameters. Out: a `Run` that asks (queries, metrics, configuration, changes),
keeps the evidence, shows what it kept, and concludes with a verdict. What AWS refuses to show
does not end the run: the frame comes back empty but with its columns, the reason is said on the
spot, and the verdict can no longer be healthy.

Must not know one branch of the tree: what is asked and how it is judged stands in the notebook, in
`health` and in `tree`.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
from IPython.core.getipython import get_ipython
from IPython.display import display

from opslib import aws, changes, insights, masking, metrics, parameters, plots, show, tree
from opslib import system as systems
from opslib.errors import BadInput, CouldNotLook
from opslib.evidence import Folder
from opslib.health import Check, Finding, Verdict, worst
from opslib.insights import Insights, Question, typed
from opslib.remedy import Plan
from opslib.result import Result, Seen, told
from opslib.target import Logged, Target, read
from opslib.window import Window, require_possible, wall_now

#: What the text of a look tells of its arguments; frames and the like stand in the evidence.
_PLAIN = (str, int, float)

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
        self._insights = Insights(connection.client("logs"), time.sleep, time.monotonic)
        self._trail: changes.Trail | None = None
        self._folder = folder
        self._result = Result(
            notebook,
            system=self.system.name,
            window=window,
            identity=self.identity,
            folder=folder,
        )

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
            self._trail = changes.Trail(self._connection.brief_client("cloudtrail"), self.window)
        target = read(
            self._connection,
            named,
            configuration=configuration,
            window=self.window,
            tables=tables,
            trail=self._trail if closely else None,
            beside=beside,
        )
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
        (rows,) = self._ask([question])
        return rows

    def _ask(self, questions: Sequence[Question]) -> list[pd.DataFrame]:
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
        if self.window.length < timedelta(seconds=2 * self.window.period_s):
            display(show.note(f"{name}: the window is too short to be cut in two."))
            return typed([], {"part": "text", **columns})
        cut = target.deployed_at
        words = ("before the deployment", "after the deployment")
        least = timedelta(seconds=self.window.period_s)
        if cut is None or not self.window.start + least <= cut < self.window.end:
            cut, words = self.window.start + self.window.length / 2, ("first half", "second half")
        parts = zip(words, self.window.split(cut), strict=True)
        frames = self._ask(
            [
                Question(f"{name}, {word}", text, target.groups, part, columns)
                for word, part in parts
            ]
        )
        for word, rows in zip(words, frames, strict=True):
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
        client = self._connection.client("cloudwatch")
        try:
            answer = metrics.fetch(client, wanted, window or self.window)
        except CouldNotLook as error:
            reason = error.reason if window is None else "note"
            self._result.say(error.message, operation=error.operation, reason=reason)
            return metrics.MetricAnswer.unseen(wanted, reason=error.reason)
        for sentence in answer.limits:
            self._result.say(sentence, reason="incomplete" if window is None else "note")
        entries = answer.as_dicts()
        if window is None:
            self._result.metrics.extend(entries)
        names = "\n".join(f"{m.name}: {m.namespace} {m.metric} {m.stat}" for m in wanted)
        self._folder.keep(name, answer.points, text=names, receipt={"metrics": entries})
        return answer

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
        for sentence in found.limits:
            self._result.say(sentence, reason="unseen")
        values = [*(("", each) for each in args), *((f"{key}=", kwargs[key]) for key in kwargs)]
        given = ", ".join(f"{key}{each}" for key, each in values if isinstance(each, _PLAIN))
        text = f"{look.__module__}.{look.__name__}({given})"
        self._folder.keep(name, found.rows, text=text, receipt={"rows": len(found.rows)})
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
        return show.plans(self._result.plans, found=self._result.found)

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
            limits=[str(limit["what"]) for limit in result.limits],
        )

    def remedies(self, findings: Iterable[Finding | None]) -> show.Shown:
        """Show, as text only, what would mend the findings. Nothing is changed."""
        words = tree.remedies(_given(findings), aws=self.system.aws_command)
        return show.markdown(words or "Nothing to mend.")

    def _links(self, ranked: Sequence[Finding]) -> list[tuple[str, str]]:
        named = dict.fromkeys(finding.notebook for finding in ranked if finding.notebook)
        return [(name, f"{name}.ipynb") for name in named]


def open(  # noqa: A001 - the notebooks read `runbook.open`
    notebook: str,
    *,
    system: str | Mapping[str, object],
    start: str,
    end: str,
    approve: str = "",
) -> Run:
    """Open one run: read the parameters, check the account, fix the window, say so in one line.

    Parameters
    ----------
    notebook
        Its name, ``20-duration``.
    system
        A name in params/, a path, or the mapping itself.
    start, end
        ISO 8601 with a zone, or relative to now: ``-3h``, ``now``.
    approve
        The token of a plan. No notebook has one to apply yet, so only nothing is taken.

    Raises
    ------
    BadInput
        A parameter is wrong or unknown. Nothing was asked of AWS, but for a window that lies in the
        future by AWS's own clock.
    GuardRefused
        The caller is in another account or region than the system pins.
    CouldNotLook
        AWS does not say who the caller is, so nothing else would be answered either.
    """
    shell = get_ipython()
    if shell is not None:
        parameters.check_injected(shell.user_ns.get("In", []), notebook=notebook)
    if approve:
        raise BadInput(
            f"{notebook} applies nothing: it shows its remedy as text, and `approve` is {approve}. "
            "Leave `approve` empty. Nothing ran.",
            parameter="approve",
        )
    named = systems.load(system)
    # What `now` is, the service says; a window that cannot be at any time costs it no call.
    require_possible(start, end, wall=wall_now(), known=False)
    connection = aws.connect(named)
    masks = masking.of(connection.system)
    show.mask_with(masks)
    window = Window.between(start, end, now=connection.identity.at)
    folder = Folder.of_this_process(masks=masks)
    run = Run(notebook, connection=connection, window=window, folder=folder)
    display(
        show.banner(
            [
                f"{run.system.name} ({run.system.environment})",
                f"account {run.identity.account}, {run.identity.region}",
                window.title,
                f"as {run.identity.arn}",
            ]
        )
    )
    return run


def _given(findings: Iterable[Finding | None]) -> list[Finding]:
    return [finding for finding in findings if finding is not None]
