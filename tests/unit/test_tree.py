"""The decision tree: what comes first, where to go, what mends it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from opslib.errors import BadInput
from opslib.health import Finding, Verdict
from opslib.tree import BRANCHES, NOTEBOOKS, branch, next_notebook, ranked, remedies

FOLDER = Path(__file__).parents[2] / "notebooks"


def _finding(name: str, severity: Verdict = Verdict.CRITICAL, subject: str = "f") -> Finding:
    return Finding(id=name, severity=severity, title=name, detail="", subject=subject)


def test_the_table_holds_each_finding_once() -> None:
    assert sorted(row.finding for row in BRANCHES) == [
        "alarms.firing",
        "change.temporary",
        "cold-starts.frequent",
        "cold-starts.init-slower",
        "dead-letters.expiring",
        "dead-letters.trimmed",
        "dead-letters.undelivered",
        "dead-letters.waiting",
        "duration.near-timeout",
        "duration.rising",
        "duration.timed-out",
        "dynamodb.hot-key",
        "dynamodb.read-throttled",
        "dynamodb.slow",
        "dynamodb.user-errors",
        "dynamodb.write-throttled",
        "errors.code",
        "errors.dependency",
        "errors.dynamodb",
        "errors.init-failed",
        "errors.init-timeout",
        "errors.missing-resource",
        "errors.out-of-memory",
        "errors.permission-denied",
        "errors.rate",
        "errors.swallowed-records",
        "errors.timeout",
        "errors.unexplained",
        "errors.validation",
        "invocations.none",
        "invocations.throttled",
        "logs.metrics-disagree",
        "memory.headroom",
        "queue.backlog",
        "stream.age",
        "stream.lag",
        "stream.mapping-disabled",
        "stream.mapping-problem",
        "stream.stuck-shard",
        "stream.write-throttled",
    ]


def test_the_notebooks_that_are_linked_are_there() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == sorted(NOTEBOOKS)


def test_what_a_finding_may_explain_is_a_finding() -> None:
    known = {row.finding for row in BRANCHES}

    assert {other for row in BRANCHES for other in row.explains} - known == set()


def test_slow_invocations_come_before_the_lag_that_follows_from_them() -> None:
    findings = ranked([_finding("stream.lag"), _finding("duration.near-timeout", Verdict.WARNING)])

    assert [finding.id for finding in findings] == ["duration.near-timeout", "stream.lag"]
    assert next_notebook(findings) == "20-duration"


@pytest.mark.parametrize(
    "cause", ["errors.timeout", "errors.code", "duration.rising", "dynamodb.write-throttled"]
)
def test_a_backlog_is_what_comes_of_a_consumer_that_fails_or_is_slow(cause: str) -> None:
    findings = ranked([_finding("queue.backlog"), _finding(cause, Verdict.WARNING)])

    assert [finding.id for finding in findings] == [cause, "queue.backlog"]


def test_invocations_that_were_cut_off_come_before_what_follows_from_them() -> None:
    names = ["dead-letters.waiting", "duration.near-timeout", "errors.rate", "duration.timed-out"]

    findings = ranked([_finding(name) for name in names])

    assert [finding.id for finding in findings] == [
        "errors.rate",
        "duration.timed-out",
        "duration.near-timeout",
        "dead-letters.waiting",
    ]


def test_a_service_that_fails_is_waited_for_and_no_version_is_gone_back_to() -> None:
    names = ["errors.rate", "errors.code", "errors.timeout", "errors.dependency"]

    findings = ranked([_finding(name) for name in [*names, "errors.permission-denied"]])

    assert [finding.id for finding in findings] == [
        "errors.permission-denied",
        "errors.dependency",
        "errors.code",
        "errors.timeout",
        "errors.rate",
    ]
    said = remedies([_finding("errors.dependency")])
    assert said.startswith("#### Wait for the service, or renew the token (f)\n")
    assert "Do not go back to another version of `f`" in said
    assert "update-alias" not in said


def test_a_backlog_leads_to_no_notebook_but_to_what_to_look_at() -> None:
    (finding,) = ranked([_finding("queue.backlog", subject="jobs")])

    assert (finding.notebook, finding.remedy) == (None, "Look at what reads the queue")
    said = remedies([finding])
    assert "1. Is it invoked? No mapping, or one that is not `Enabled`" in said
    assert "contains(EventSourceArn, 'jobs')" in said


def test_what_explains_nothing_worse_comes_after_what_is_worse() -> None:
    findings = [
        _finding("cold-starts.frequent", Verdict.WARNING),
        _finding("stream.lag"),
        _finding("memory.headroom", Verdict.UNKNOWN),
        _finding("duration.rising", Verdict.WARNING),
    ]

    assert [finding.id for finding in ranked(findings)] == [
        "duration.rising",
        "stream.lag",
        "cold-starts.frequent",
        "memory.headroom",
    ]


def test_a_notebook_that_is_not_there_yet_is_not_linked() -> None:
    nowhere = replace(branch("errors.rate"), notebook="99-nowhere")

    assert not nowhere.is_there
    assert branch("errors.rate").is_there


def test_the_next_notebook_is_that_of_the_first_cause() -> None:
    findings = [_finding("cold-starts.frequent", Verdict.WARNING), _finding("errors.rate")]

    assert next_notebook(findings) == "10-error-rate"


def test_a_ranked_finding_names_its_notebook_and_its_remedy() -> None:
    finding = ranked([_finding("duration.near-timeout")])[0]

    assert finding.as_dict()["next"] == {
        "notebook": "20-duration",
        "remedy": "Go back if a deployment began it; else raise the memory or reduce the batch",
    }


def test_nothing_found_leads_nowhere() -> None:
    assert (ranked([]), next_notebook([]), remedies([])) == ([], None, "")


def test_a_finding_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        ranked([_finding("duration.odd")])

    assert "'duration.odd' is not a finding of the tree" in refused.value.message


def test_a_remedy_is_text_about_its_subject_and_shown_once() -> None:
    text = remedies(
        [_finding("duration.near-timeout"), _finding("duration.rising", Verdict.WARNING)]
    )

    assert text.startswith(
        "#### Go back if a deployment began it; else raise the memory or reduce the batch (f)\n\n"
        "If it began with a deployment of `f`, going back is quicker"
    )
    # A number would lower what a function has that has more.
    assert text.count("--function-name f --memory-size MEMORY_MB") == 1
    assert text.count("--batch-size RECORDS") == 1
    assert "{" not in text.replace("'{", "").replace("config '{}'", "")


def test_what_could_not_be_seen_has_no_remedy() -> None:
    assert remedies([_finding("duration.near-timeout", Verdict.UNKNOWN)]) == ""


def test_every_command_of_a_remedy_names_its_region_and_profile() -> None:
    text = remedies([_finding("duration.near-timeout")], aws="aws --region eu-west-1 --profile p")

    commands = [line for line in text.splitlines() if line.startswith("aws ")]
    assert len(commands) == 5
    assert [
        line for line in commands if "aws --region eu-west-1 --profile p lambda" not in line
    ] == []


def test_only_a_system_that_says_how_it_is_deployed_is_told_to_be_deployed_so() -> None:
    found = [_finding("duration.rising"), _finding("errors.missing-resource")]

    plain = remedies(found)
    named = remedies(found, deploy="make deploy", back="git checkout VERSION_BEFORE\nmake deploy\n")

    assert "deploy the version before, the function only, as your deployment does it.\n" in plain
    assert "sets it back: change it there too.\n" in plain
    assert "make deploy" not in plain
    assert (
        "the function only:\n\n```\ngit checkout VERSION_BEFORE\nmake deploy\n```\n\n- Where"
        in named
    )
    assert "sets it back: change it there too (`make deploy`).\n" in named
    assert "deploy the stack again (`make deploy`).\n" in named


def test_no_remedy_names_a_product_or_leaves_a_name_open() -> None:
    everything = remedies([_finding(each.finding) for each in BRANCHES])

    assert "zae" not in everything
    assert re.findall(r"\{[a-z]+\}", everything) == []


def test_lines_are_read_where_they_were_found() -> None:
    found = [_finding("errors.rate")]
    own = {found[0].subject: "/shared/logs"}

    assert "aws logs tail /shared/logs --since 1h" in remedies(found, groups=own)
    assert f"aws logs tail /aws/lambda/{found[0].subject} --since 1h" in remedies(found)


@pytest.mark.parametrize(
    ("finding", "said", "not_said"),
    [
        ("memory.headroom", "It changes `$LATEST` only", "--qualifier"),
        ("duration.near-timeout", "six times the", "--timeout 60 "),
        ("errors.timeout", "an alias does not move with it", "{subject}"),
        ("cold-starts.frequent", "--qualifier ALIAS", "--qualifier $LATEST"),
        ("dead-letters.waiting", "Do not invoke the function", "aws lambda invoke"),
        ("dead-letters.waiting", "MessageRetentionPeriod", "purge-queue"),
        ("dead-letters.waiting", "get-queue-attributes", "ApproximateAgeOfOldestMessage"),
    ],
)
def test_where_the_guide_is_wrong_the_remedy_is_right(
    finding: str, said: str, not_said: str
) -> None:
    text = remedies([_finding(finding)])

    assert said in text
    assert not_said not in text
