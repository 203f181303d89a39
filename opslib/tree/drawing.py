"""The tree as data for a picture: the questions, what each came to, and the path taken.

In: findings and the health table. Out: nested mappings, as `opslib.show.tree` takes them. Does no
I/O.

Source: Lambda aggregator operations guide, Decision Tree; what it lacks, streams and throttled
tables, is of its sister pages.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from opslib.health import Check, Finding, Verdict, worst
from opslib.tree.branch import NOTEBOOKS

_BAD = (Verdict.CRITICAL, Verdict.WARNING, Verdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the tree.

    Parameters
    ----------
    label
        The question.
    findings
        Ids of the findings that answer it with no good.
    notebook
        Where it is answered in full; empty when nowhere else.
    indicators
        Rows of the health table that answer it.
    below
        The questions that it leads to.
    """

    label: str
    findings: tuple[str, ...] = ()
    notebook: str = ""
    indicators: tuple[str, ...] = ()
    below: tuple["Question", ...] = ()


#: The tree as the guide draws it; each finding stands in one place.
QUESTIONS = (
    Question(
        "Does something stand open that was meant for a while?",
        ("change.temporary",),
    ),
    Question(
        "Do invocations fail?",
        ("errors.rate", "errors.swallowed-records", "errors.unexplained"),
        "10-error-rate",
        ("Error rate",),
        (
            Question("Is something denied?", ("errors.permission-denied",), "11-permission-denied"),
            Question("Are they cut off?", ("errors.timeout",), "12-timeout"),
            Question("Is memory out, or no start?", ("errors.out-of-memory", "errors.init-failed")),
            Question("Is it DynamoDB?", ("errors.dynamodb", "errors.missing-resource")),
            Question("Is it a service it calls?", ("errors.dependency",)),
            Question("Is it the code?", ("errors.code", "errors.validation"), "13-code-error"),
        ),
    ),
    Question(
        "Are invocations slow?",
        ("duration.near-timeout", "duration.rising", "duration.timed-out", "memory.headroom"),
        "20-duration",
        ("Duration",),
    ),
    Question(
        "Do they wait for a start?",
        ("cold-starts.frequent", "cold-starts.init-slower", "errors.init-timeout"),
        "40-cold-starts",
    ),
    Question(
        "Do records wait in a stream or queue?",
        (
            "stream.lag",
            "stream.age",
            "stream.stuck-shard",
            "stream.mapping-disabled",
            "stream.mapping-problem",
            "stream.write-throttled",
            "queue.backlog",
            "invocations.none",
            "invocations.throttled",
        ),
        "50-stream-lag",
        (
            "Invocations",
            "Throttles",
            "Iterator age",
            "Stream age",
            "Oldest message",
            "Queue depth",
        ),
    ),
    Question(
        "Does a table refuse requests?",
        (
            "dynamodb.write-throttled",
            "dynamodb.read-throttled",
            "dynamodb.hot-key",
            "dynamodb.slow",
            "dynamodb.user-errors",
        ),
        "60-dynamodb-throttling",
        (
            "Read throttles",
            "Write throttles",
            "Throttled writes",
            "System errors",
            "Latency",
            "User errors",
        ),
    ),
    Question(
        "Are there dead letters?",
        (
            "dead-letters.waiting",
            "dead-letters.expiring",
            "dead-letters.trimmed",
            "dead-letters.undelivered",
        ),
        "30-dead-letters",
        ("Dead letters", "Oldest dead letter", "Undelivered letters"),
    ),
    Question(
        "Does anything fire that nothing here explains?",
        ("alarms.firing", "logs.metrics-disagree"),
    ),
)


def drawn(
    findings: Iterable[Finding], *, checks: Sequence[Check] = (), looked: Iterable[str] = ()
) -> list[dict[str, object]]:
    """Return the tree with the path taken.

    Parameters
    ----------
    checks
        Rows of the health table: a question that has one was asked.
    looked
        Ids of findings that were looked for otherwise, and would have been found.

    Returns
    -------
    A mapping a question: ``label``, ``verdict`` (nothing for what was not asked), ``detail``,
    ``taken``, ``link``, ``steps``.
    """
    held = list(findings)
    asked = set(looked)
    return [_step(question, held, checks, asked) for question in QUESTIONS]


def _step(
    question: Question, held: Sequence[Finding], checks: Sequence[Check], asked: set[str]
) -> dict[str, object]:
    ours = [finding for finding in held if finding.id in question.findings]
    rows = [check for check in checks if check.indicator in question.indicators]
    steps = [_step(below, held, checks, asked) for below in question.below]
    verdicts = [finding.severity for finding in ours] + [check.verdict for check in rows]
    if not verdicts and asked & set(question.findings):
        verdicts = [Verdict.HEALTHY]
    below = [str(step["verdict"]) for step in steps if step["taken"]]
    verdict = worst([*verdicts, *map(Verdict, below)]) if verdicts or below else None
    return {
        "label": question.label,
        "verdict": None if verdict is None else verdict.value,
        "detail": "; ".join(finding.title for finding in ours) or _unseen(rows),
        "taken": bool(below) or any(finding.severity in _BAD for finding in ours),
        "link": question.notebook if question.notebook in NOTEBOOKS else "",
        "steps": steps,
    }


def _unseen(rows: Sequence[Check]) -> str:
    said = [f"{row.indicator} of {row.subject}" for row in rows if row.verdict is Verdict.UNKNOWN]
    more = f" and {len(said) - 3} more" if len(said) > 3 else ""
    return f"not seen: {', '.join(said[:3])}{more}" if said else ""


def placed() -> Mapping[str, str]:
    """Return each finding's id to the question that it answers."""

    def walk(questions: Iterable[Question]) -> Iterable[tuple[str, str]]:
        for question in questions:
            yield from ((finding, question.label) for finding in question.findings)
            yield from walk(question.below)

    return dict(walk(QUESTIONS))
