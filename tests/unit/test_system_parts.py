"""The parts of a system, how they hold together, and the two real systems that are shipped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opslib.errors import BadInput
from opslib.system import Guard, System, Threshold, load

PARAMS = Path(__file__).parents[2] / "params"

HEAD = """\
system:
  name: orders
  environment: production
  account: "123456789012"
  region: us-east-1
"""
WHOLE = f"""{HEAD}\
  functions:
    - name: ingest
      known_as: loader
      dead_letter_queue: ingest-dlq
      stream: inbox
      queues: [jobs]
      buckets: [drop]
      thresholds:
        error_rate: {{critical: 5, source: agreed}}
    - name: count
      table: totals
  queues:
    - name: ingest-dlq
    - name: jobs
      fed_by: [count]
  streams:
    - name: inbox
  tables:
    - name: totals
  buckets:
    - name: drop
  alarms:
    - {{name: late, namespace: AWS/Lambda, metric: IteratorAge, threshold: "> 1 h",
       severity: high, channel: on-call, watches: [ingest, jobs, inbox, totals]}}
  channels:
    - {{name: on-call, kind: pagerduty, severity: high}}
  thresholds:
    error_rate: {{warning: 1, critical: 3, source: ours}}
    throttles: {{critical: 50, source: ours}}
  guard:
    environments: [staging]
    protected: [totals, "*-dlq"]
    most_messages: 20
    largest_factor: 2
  masks:
    - name: fan id
      pattern: '(?P<kept>"fanId": ?")[^"]+'
  payload_fields: [fan_profile]
  mask_email: true
  gaps: [Nobody knows the eighth function.]
"""

Load = Callable[[str], System]
Refusal = Callable[[str], str]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    (tmp_path / "params").mkdir()
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))

    def system(text: str) -> System:
        (tmp_path / "params" / "orders.yaml").write_text(text)
        return load("orders")

    return system


@pytest.fixture
def refusal(read: Load) -> Refusal:
    def message(text: str) -> str:
        with pytest.raises(BadInput) as refused:
            read(text)
        return refused.value.message

    return message


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], System]:
    monkeypatch.setenv("OPSLIB_HOME", str(PARAMS.parent))
    return load


def test_a_whole_system_is_read_as_it_is_written(read: Load) -> None:
    system = read(WHOLE)

    ingest, count = system.functions
    assert (ingest.queues, ingest.buckets, ingest.stream) == (("jobs",), ("drop",), "inbox")
    assert (ingest.reads_stream, count.reads_stream) == (True, True)
    assert (ingest.alias, ingest.critical, ingest.timeout_s, ingest.log_group) == (
        None, False, None, None,
    )  # fmt: skip
    assert [(queue.name, queue.kind) for queue in system.queues] == [
        ("ingest-dlq", "dead-letter"),
        ("jobs", "work"),
    ]
    assert system.partition == "aws"
    assert system.alarms[0].watches == ("ingest", "jobs", "inbox", "totals")
    assert system.gaps == ("Nobody knows the eighth function.",)


def test_a_function_that_reads_no_stream_has_no_iterator_age(read: Load) -> None:
    system = read(f"{HEAD}  functions:\n    - {{name: f, queues: [q]}}\n  queues:\n    - name: q\n")

    assert system.function().reads_stream is False


def test_a_function_is_found_by_either_of_its_names(read: Load) -> None:
    system = read(WHOLE)

    assert system.function("loader") is system.function("ingest")
    with pytest.raises(BadInput) as refused:
        system.function("")
    assert refused.value.message == (
        "Nothing was read: no function is named; it has ingest (loader), count."
    )


def test_an_arn_is_of_the_partition_that_is_pinned(read: Load) -> None:
    china = HEAD.replace("us-east-1", "cn-north-1\n  partition: aws-cn")

    assert read(HEAD).arn("sqs", "jobs") == "arn:aws:sqs:us-east-1:123456789012:jobs"
    assert (
        read(china).arn("lambda", "function:ingest")
        == "arn:aws-cn:lambda:cn-north-1:123456789012:function:ingest"
    )


def test_thresholds_of_a_function_stand_before_the_systems_and_these_before_the_guides(
    read: Load,
) -> None:
    system = read(WHOLE)

    ingest, count = system.thresholds_of("ingest"), system.thresholds_of("count")

    assert (ingest.error_rate.warning, ingest.error_rate.critical) == (None, 5)
    assert (count.error_rate.warning, count.error_rate.critical) == (1, 3)
    assert (ingest.throttles.critical, count.throttles.critical) == (50, 50)
    assert (ingest.queue_age_ms.critical, ingest.dead_letters.critical) == (900_000, 10)


def test_the_guard_protects_by_name_and_by_pattern(read: Load) -> None:
    guard = read(WHOLE).guard

    assert (guard.environments, guard.most_messages, guard.largest_factor) == (("staging",), 20, 2)
    assert [name for name in ("totals", "ingest-dlq", "ingest", "Totals") if guard.protects(name)] \
        == ["totals", "ingest-dlq"]  # fmt: skip


def test_without_a_word_a_guard_lets_changes_be_made_in_a_sandbox_alone() -> None:
    guard = Guard()

    assert (guard.environments, guard.protected) == (("sandbox",), ())


def test_what_outputs_must_not_hold_is_given_by_name(read: Load) -> None:
    system = read(WHOLE)

    assert system.mask_patterns["fan id"] == '(?P<kept>"fanId": ?")[^"]+'
    assert list(system.mask_patterns) == ["e-mail address", "fan id"]
    assert system.payload_fields == ("fan_profile",)
    assert read(HEAD).mask_patterns == {}


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        (
            "stream: inbox",
            "stream: outbox",
            "line 10: `functions.0.stream`: stream outbox of ingest is not listed in streams; "
            "listed are inbox.",
        ),
        (
            "queues: [jobs]",
            "queues: [jobs, jbos]",
            "line 11: `functions.0.queues.1`: queues jbos of ingest is not listed in queues; "
            "listed are ingest-dlq, jobs.",
        ),
        (
            "buckets: [drop]",
            "buckets: [drip]",
            "line 12: `functions.0.buckets.0`: buckets drip of ingest is not listed in buckets; "
            "listed are drop.",
        ),
        (
            "table: totals",
            "table: total",
            "line 16: `functions.1.table`: table total of count is not listed in tables; "
            "listed are totals.",
        ),
        (
            "fed_by: [count]",
            "fed_by: [cuont]",
            "line 20: `queues.1.fed_by.0`: fed_by cuont of jobs is not listed in functions; "
            "listed are count, ingest.",
        ),
        (
            "channel: on-call",
            "channel: on_call",
            "line 29: `alarms.0.channel`: channel on_call of late is not listed in channels; "
            "listed are on-call.",
        ),
        (
            "watches: [ingest,",
            "watches: [drop,",
            "line 29: `alarms.0.watches.0`: watches drop of late is not listed in functions, "
            "queues, streams or tables; listed are count, inbox, ingest, ingest-dlq, jobs, totals.",
        ),
        (
            "- name: count",
            "- name: ingest",
            "line 15: `functions.1.name`: ingest is listed twice in functions.",
        ),
        (
            "known_as: loader",
            "known_as: count",
            "line 8: `functions.0.known_as`: count is what another function is called.",
        ),
        (
            "- name: ingest-dlq",
            "- {name: ingest-dlq, kind: work}",
            "line 9: `functions.0.dead_letter_queue`: ingest-dlq is where failures of ingest go, "
            "but its kind is work; say kind: dead-letter, or name another queue.",
        ),
        (
            "- name: totals",
            "- {name: totals, stream: false}",
            "line 16: `functions.1.table`: count reads the stream of totals, which says "
            "stream: false; say stream: true, or leave out the table here.",
        ),
        (
            "region: us-east-1",
            "region: cn-north-1",
            "line 5: `region`: region cn-north-1 is in partition aws-cn, not aws; "
            "say partition: aws-cn, or correct the region.",
        ),
        (
            "environments: [staging]",
            "environments: [stage]",
            "line 36: `guard.environments.0` is 'stage'; it takes 'sandbox', 'development', "
            "'staging' or 'production'.",
        ),
        (
            "most_messages: 20",
            "most_messages: -1",
            "line 38: `guard.most_messages` is -1; it takes at least 0.",
        ),
        (
            "most_messages: 20",
            'most_messages: "20"',
            "line 38: `guard.most_messages` is the text '20'; it takes a whole number",
        ),
        (
            "mask_email: true",
            "mask_email: no",
            "line 44: `mask_email` is the text 'no'; it takes true or false",
        ),
        (
            """'(?P<kept>"fanId": ?")[^"]+'""",
            "'fan(Id'",
            "line 42: `masks.0.pattern`: 'fan(Id' is no regular expression of Python: "
            "missing ), unterminated subpattern at character 4.",
        ),
        (
            """'(?P<kept>"fanId": ?")[^"]+'""",
            "'[0-9]*'",
            "line 42: `masks.0.pattern`: '[0-9]*' matches where nothing is, so it would mask",
        ),
        (
            "critical: 50, source: ours",
            "critical: 50, worse: below, source: ours",
            "line 32: `thresholds`: throttles is worse above, not below.",
        ),
        (
            "throttles: {critical",
            "dead_letter_hours_left: {warning: 2, critical",
            "line 34: `thresholds.dead_letter_hours_left`: warning 2 is below critical 50, and "
            "less is worse here.",
        ),
        (
            "throttles: {critical",
            "throtles: {critical",
            "line 34: `throtles` is not a key of thresholds; it takes error_rate, swallowed_",
        ),
        (
            "kind: pagerduty",
            "kind: phone",
            "line 31: `channels.0.kind` is 'phone'; it takes 'pager",
        ),
        (
            "- name: inbox",
            "- name: 007",
            'line 22: `name` is the number 007; quote it: name: "007"',
        ),
        (
            "- name: inbox",
            "- name: 7",
            'line 22: `streams.0.name` is the number 7; quote it: name: "7"',
        ),
        ("- name: inbox", "- {}", "line 22: `streams.0.name` is missing."),
        (
            "queues: [jobs]",
            "queues: jobs",
            "line 11: `functions.0.queues` is the text 'jobs'; it takes a list",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_there_is(
    refusal: Refusal, was: str, becomes: str, said: str
) -> None:
    assert WHOLE.count(was) == 1

    message = refusal(WHOLE.replace(was, becomes))

    assert message.startswith(f"params/orders.yaml, {said}")
    assert message.endswith("Nothing ran.")


def test_names_that_do_not_hold_together_are_all_told_at_once(refusal: Refusal) -> None:
    message = refusal(WHOLE.replace("name: inbox", "name: in").replace("name: drop", "name: dr"))

    assert len(message.splitlines()) == 4
    assert "`functions.0.stream`" in message
    assert "`functions.0.buckets.0`" in message
    assert "`alarms.0.watches.2`" in message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("0x1F", "0x1F"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("2026-10-14", "2026-10-14"),
        ("'007'", "007"),
    ],
)
def test_what_only_some_readers_of_yaml_take_for_more_is_text(
    read: Load, text: str, value: str
) -> None:
    assert read(HEAD.replace("name: orders", f"name: {text}")).name == value


def test_a_number_of_any_usual_form_is_a_number(read: Load) -> None:
    texts = {"5": 5.0, "0.5": 0.5, "1e3": 1000.0, "+2.": 2.0, ".5": 0.5, "0": 0.0}

    read_as = {
        text: read(
            f"{HEAD}  thresholds:\n    throttles: {{critical: {text}, source: us}}\n"
        ).thresholds.throttles.critical
        for text in texts
    }

    assert read_as == texts


def test_less_is_worse_where_time_runs_out() -> None:
    left = Threshold(warning=12, critical=4, unit="h", source="us", worse="below")

    assert [left.level(hours) for hours in (12, 11.9, 4, 3.9, 0)] == [
        "healthy", "warning", "warning", "critical", "critical",
    ]  # fmt: skip


class TestTheWorkersOfVfApi:
    @pytest.fixture
    def system(self, shipped: Load) -> System:
        return shipped("vf-api-workers")

    def test_seven_functions_are_there_and_the_eighth_is_a_gap(self, system: System) -> None:
        called = [function.known_as or function.name for function in system.functions]

        assert called == [
            "loadScoresToDynamoDB",
            "loadScoresToStream",
            "processSavedScores",
            "verdictReporter",
            "saveFanlistScores",
            "saveEntryScoring",
            "proxyCampaignService",
        ]
        assert "The eighth function: the guide counts eight and names seven." in system.gaps

    def test_what_the_guide_wants_watched_and_nothing_here_sees_stands_among_the_gaps(
        self, system: System
    ) -> None:
        told = {gap.partition(":")[0] for gap in system.gaps}

        assert told >= {
            "Custom metrics",
            "The Entry Service, the Campaign Service and Slack",
            "Canaries",
            "Dead-letter queues",
        }
        assert system.contacts["rollback"].startswith("the GitLab pipeline of ")

    def test_what_feeds_a_function_is_what_the_guide_says(self, system: System) -> None:
        fed = {
            function.name: [function.stream or function.table, *function.queues]
            for function in system.functions
            if function.reads_stream or function.queues
        }

        assert fed == {
            "prd2011-qa1-us-east-1-api-load-db-tmaws": ["prd2011-qa1-api-scores-stream"],
            "processSavedScores": ["prd2011-qa1-demand-table"],
            "verdictReporter": [None, "prd2011-qa1-verdict-reporter-queue"],
        }
        assert system.queues[0].fed_by == ("loadScoresToStream", "saveFanlistScores")
        assert {function.memory_mb for function in system.functions} == {2048}
        assert system.function("loadScoresToStream").timeout_s == 900

    def test_its_thresholds_are_its_guides(self, system: System) -> None:
        stated = {
            name: (
                getattr(system.thresholds, name).warning,
                getattr(system.thresholds, name).critical,
                getattr(system.thresholds, name).periods,
            )
            for name in system.thresholds.model_fields_set
        }

        assert stated == {
            "error_rate": (None, 5, 1),
            "duration_of_timeout": (None, 80, 1),
            "throttles": (0, 10, 1),
            "iterator_age_ms": (None, 3_600_000, 1),
            "stream_age_ms": (None, 3_600_000, 1),
            "silence_ms": (None, 3_600_000, 1),
            "stream_write_throttles": (None, 0, 1),
            "queue_age_ms": (None, 900_000, 1),
            "queue_depth": (None, 100, 1),
            "dynamodb_throttles": (0, 10, 1),
            "dynamodb_system_errors": (None, 0, 1),
        }
        assert system.thresholds.queue_depth.rising is True
        assert all(getattr(system.thresholds, name).source.startswith("guide, ") for name in stated)

    def test_its_alarms_page_or_tell_the_team_and_none_need_exist(self, system: System) -> None:
        told = {alarm.name: (alarm.metric, alarm.channel) for alarm in system.alarms}

        assert told == {
            "High Error Rate": ("Errors", "on-call"),
            "Lambda Throttling": ("Throttles", "team"),
            "Long Duration": ("Duration", "team"),
            "No Invocations": ("Invocations", "team"),
            "Consumer Lag": ("IteratorAge", "on-call"),
            "Stream Write Throttling": ("WriteProvisionedThroughputExceeded", "team"),
            "Queue Age High": ("ApproximateAgeOfOldestMessage", "team"),
            "Queue Depth Growing": ("ApproximateNumberOfMessagesVisible", "team"),
            "Throttled Requests": ("ThrottledRequests", "team"),
        }
        assert not any(alarm.deployed for alarm in system.alarms)

    def test_nothing_may_be_changed_until_somebody_says_so(self, system: System) -> None:
        assert system.guard.environments == ()


class TestTheAggregator:
    def test_its_alarms_are_those_of_its_stack(self, shipped: Load) -> None:
        system = shipped("zael-aggregator")

        told = {alarm.name: (alarm.metric, alarm.watches) for alarm in system.alarms}

        function, queue, table = "ZAEL-prod-aggregator", "ZAEL-prod-aggregator-dlq", "ZAEL-prod"
        assert told == {
            "ZAEL-prod-aggregator-dlq-alarm": ("ApproximateNumberOfMessagesVisible", (queue,)),
            "ZAEL-prod-aggregator-error-rate": ("Errors", (function,)),
            "ZAEL-prod-aggregator-duration": ("Duration", (function,)),
            "ZAEL-prod-stream-iterator-age": ("IteratorAge", (function,)),
            "ZAEL-prod-read-throttle": ("ReadThrottleEvents", (table,)),
            "ZAEL-prod-write-throttle": ("WriteThrottleEvents", (table,)),
        }
        assert all(alarm.deployed for alarm in system.alarms)

    def test_production_is_not_among_the_environments_that_may_be_changed(
        self, shipped: Load
    ) -> None:
        system = shipped("zael-aggregator")

        assert system.environment == "production"
        assert system.environment not in system.guard.environments
        assert system.guard.protects("ZAEL-prod")


def test_the_sandbox_may_be_changed(shipped: Load) -> None:
    system: Any = shipped("sandbox")

    assert system.environment in system.guard.environments
    assert system.queues[0].kind == "dead-letter"
