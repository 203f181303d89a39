"""A whole system at a glance: what is asked of whom, and what must never pass for well."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from fakes.clients import refusal

from opslib import aws, fleet
from opslib.health import Check, Finding, Verdict
from opslib.metrics import Metric, MetricAnswer
from opslib.system import load
from opslib.window import Window

NOW = datetime(2026, 10, 14, 3, 0, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(hours=3), NOW)
PLACE = {"account": "123456789012", "region": "eu-west-1", "environment": "staging"}


def _scope(*functions: Mapping[str, Any], name: str = "", **more: Any) -> fleet.Scope:
    system = {"name": "orders", **PLACE, "functions": list(functions), **more}
    return fleet.scope(load(system), name)


def _many(size: int = 11, **first: Any) -> fleet.Scope:
    return _scope({"name": "f-0", **first}, *({"name": f"f-{n}"} for n in range(1, size)))


def _mapping(filters: int) -> dict[str, Any]:
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/s"
    criteria = {"Filters": [{"Pattern": "{}"}] * filters}
    return {"UUID": "u", "EventSourceArn": arn, "FunctionArn": "arn", "FilterCriteria": criteria}


@dataclass
class _Lambda:
    """The ``lambda`` client; functions that are not in ``timeouts_s`` are not there."""

    timeouts_s: dict[str, int] = field(default_factory=dict)
    mappings: list[dict[str, Any]] = field(default_factory=list)
    reserved: int | None = None
    calls: Counter[str] = field(default_factory=Counter)
    aliases: Any = ()
    aliased: list[dict[str, Any]] = field(default_factory=list)
    filters: Any = ()

    def get_paginator(self, operation: str) -> Any:
        assert operation in ("list_aliases", "list_event_source_mappings")
        return self

    def paginate(self, *, FunctionName: str, PaginationConfig: Any = None) -> Any:
        if PaginationConfig is not None:
            self.calls["ListEventSourceMappings"] += 1
            if isinstance(self.filters, Exception):
                raise self.filters
            return [{"EventSourceMappings": [_mapping(each) for each in self.filters]}]
        if isinstance(self.aliases, Exception):
            raise self.aliases
        return [{"Aliases": [{"Name": name} for name in self.aliases]}]

    def get_function_configuration(self, *, FunctionName: str, Qualifier: str = "") -> Any:
        self.calls[FunctionName] += 1
        FunctionName = ":".join(filter(None, (FunctionName, Qualifier)))
        if FunctionName not in self.timeouts_s:
            raise refusal("ResourceNotFoundException")
        return {"Timeout": self.timeouts_s[FunctionName], "MemorySize": 128}

    def get_function_concurrency(self, *, FunctionName: str) -> Any:
        return {} if self.reserved is None else {"ReservedConcurrentExecutions": self.reserved}

    def list_event_source_mappings(self, *, FunctionName: str) -> Any:
        aliased = FunctionName == "f:live"
        return {"EventSourceMappings": self.aliased if aliased else self.mappings}


@dataclass
class _Alarms:
    """The ``cloudwatch`` client, of which only alarms are asked."""

    alarms: list[dict[str, Any]]
    muted: Any = None

    def describe_alarms(self, **asked: Any) -> Any:
        assert asked["StateValue"] == "ALARM"
        return {"MetricAlarms": self.alarms}

    def list_alarm_mute_rules(self, *, AlarmName: str, Statuses: list[str]) -> Any:
        if isinstance(self.muted, Exception):
            raise self.muted
        return {"AlarmMuteRuleSummaries": [{}] if self.muted else []}


class _Missing:
    """``sqs`` and ``dynamodb`` clients of an account that has neither queue nor table."""

    def get_queue_url(self, *, QueueName: str) -> Any:
        raise refusal("AWS.SimpleQueueService.NonExistentQueue")

    def describe_table(self, *, TableName: str) -> Any:
        raise refusal("ResourceNotFoundException")


@dataclass
class _Connection:
    clients: dict[str, Any]
    identity: aws.Identity = field(
        default_factory=lambda: aws.Identity("123456789012", "arn", "eu-west-1", NOW)
    )

    def client(self, service: str) -> Any:
        return self.clients.get(service) or _Missing()


def _answer(scope: fleet.Scope, **values: float) -> MetricAnswer:
    """Answer every metric of a scope with one value every five minutes, by indicator."""
    wanted = fleet.metrics_of(scope, WINDOW)
    rows = [
        (metric.name, NOW - timedelta(minutes=5 * n), values[metric.name.split(" of ")[0]])
        for metric in wanted
        for n in range(36, 0, -1)
        if metric.name.split(" of ")[0] in values
    ]
    points = pd.DataFrame(rows, columns=["metric", "at", "value"]).astype({"metric": "str"})
    points["at"] = pd.to_datetime(points["at"], utc=True)
    return MetricAnswer(points, {m.name: "Complete" for m in wanted}, (), (), tuple(wanted))


WELL = {"invocations": 30.0, "errors": 0.0, "throttles": 0.0, "duration_p95_ms": 40.0}


def _read(scope: fleet.Scope, lambda_: _Lambda, **values: float) -> fleet.Readings:
    connection: Any = _Connection({"lambda": lambda_})
    return fleet.read(connection, scope, _answer(scope, **values), window=WINDOW)


def _rows(scope: fleet.Scope, readings: fleet.Readings) -> dict[tuple[str, str], Check]:
    checks = fleet.checks_of(scope, readings, window=WINDOW)
    return {(check.indicator, check.subject): check for check in checks}


def test_a_thousand_plain_functions_need_eight_calls_of_metrics() -> None:
    wanted = fleet.metrics_of(_many(1000), WINDOW)

    assert len(wanted) == 4000
    assert {metric.period_s for metric in wanted} == {300}


def test_throttles_of_the_tables_of_a_small_system_are_asked_by_the_minute() -> None:
    scope = _scope({"name": "f", "table": "t"}, tables=[{"name": "t"}])

    periods = {each.name: each.period_s for each in fleet.metrics_of(scope, WINDOW)}

    assert periods["write_throttles of t"] == periods["read_throttles of t"] == 60
    assert periods["table_writes of t"] == 300


def test_a_function_is_asked_for_with_what_feeds_it_and_takes_its_failures() -> None:
    listed: Any = {"queues": [{"name": "q"}, {"name": "other"}], "tables": [{"name": "t"}]}
    scope = _scope(
        {"name": "f", "table": "t", "dead_letter_queue": "q"}, {"name": "g"}, name="f", **listed
    )

    names = [metric.name for metric in fleet.metrics_of(scope, WINDOW)]

    assert names == [
        "invocations of f",
        "errors of f",
        "throttles of f",
        "duration_p95_ms of f",
        "iterator_age_ms of f",
        "dead_letters of q",
        "queue_age_ms of q",
        "table_writes of t",
        "read_throttles of t",
        "write_throttles of t",
        "dead_letter_errors of f",
        "delivery_failures of f",
        *(
            f"{what} {operation} of t"
            for operation in (
                "GetItem",
                "PutItem",
                "UpdateItem",
                "Query",
                "BatchGetItem",
                "BatchWriteItem",
                "TransactWriteItems",
            )
            for what in ("system_errors", "latency_p99_ms")
        ),
        "user_errors of DynamoDB in this account",
    ]


def test_tables_beyond_what_a_call_holds_are_not_asked_by_operation_and_that_is_said() -> None:
    few = _scope({"name": "f"}, tables=[{"name": f"t{n}"} for n in range(35)])
    many = _scope({"name": "f"}, tables=[{"name": f"t{n}"} for n in range(36)])

    asked = {metric.metric for metric in fleet.metrics_of(many, WINDOW)}

    assert len(fleet.metrics_of(few, WINDOW)) == 4 + 35 * 17 + 1
    assert "SystemErrors" not in asked
    assert fleet.unasked(few) == ()
    assert fleet.unasked(many)[0].startswith("Not asked: errors and latency of DynamoDB itself")


def test_whether_a_work_queue_is_fed_and_drained_is_asked_of_few_functions() -> None:
    queues: list[dict[str, Any]] = [{"name": "q"}]
    few = _scope(*({"name": f"f-{n}"} for n in range(10)), queues=queues)
    many = _scope(*({"name": f"f-{n}"} for n in range(11)), queues=queues)

    asked = [
        [(each.metric, each.stat) for each in fleet.metrics_of(scope, WINDOW, only=["q"])]
        for scope in (few, many)
    ]

    always = [
        ("ApproximateNumberOfMessagesVisible", "Maximum"),
        ("ApproximateAgeOfOldestMessage", "Maximum"),
    ]
    flow = [("NumberOfMessagesSent", "Sum"), ("NumberOfMessagesDeleted", "Sum")]
    assert asked == [always + flow, always]


def test_what_only_few_functions_are_asked_is_said_of_many() -> None:
    tables: list[dict[str, Any]] = [{"name": "t"}]
    dlq = {"dead_letter_queue": "q"}
    queues: list[dict[str, Any]] = [{"name": "q", "kind": "dead-letter"}]
    few = _scope(*({"name": f"f-{n}"} | dlq for n in range(10)), tables=tables, queues=queues)
    many = _scope(*({"name": f"f-{n}"} | dlq for n in range(11)), tables=tables, queues=queues)
    bare = _scope(*({"name": f"f-{n}"} for n in range(11)))

    asked = {metric.metric for metric in fleet.metrics_of(many, WINDOW)}

    assert not asked & {"DeadLetterErrors", "DestinationDeliveryFailures", "UserErrors"}
    assert fleet.unasked(many) == (
        "Not asked: dead letters that Lambda could not deliver (DeadLetterErrors, "
        "DestinationDeliveryFailures), for there are more than 10 functions. Give `function` and "
        "run again. What waits in the queues is.",
        "Not asked: requests that DynamoDB refuses as wrong (UserErrors), for there are more than "
        "10 functions. Give `function` and run again.",
    )
    assert (fleet.unasked(few), fleet.unasked(bare)) == ((), ())


@pytest.mark.parametrize(
    ("filters", "verdict", "said"),
    [
        ((), Verdict.CRITICAL, "so records wait unread"),
        ((0,), Verdict.CRITICAL, "so records wait unread"),
        ((1, 0), Verdict.CRITICAL, "so records wait unread"),
        ((2,), Verdict.UNKNOWN, "its mapping has a filter, which may have dropped every record"),
        (
            refusal("AccessDeniedException"),
            Verdict.UNKNOWN,
            "its mapping was not looked at: a filter of it may have dropped every record",
        ),
    ],
)
def test_silence_is_critical_only_where_no_filter_can_have_dropped_what_was_written(
    filters: Any, verdict: Verdict, said: str
) -> None:
    scope = _scope({"name": "f", "table": "t"}, tables=[{"name": "t", "stream": True}])
    answer = _answer(scope, errors=0.0, table_writes=9.0)
    once = pd.DataFrame({"metric": ["invocations of f"], "at": [WINDOW.start], "value": [3.0]})
    points = pd.concat([answer.points, once.astype({"metric": "str"})], ignore_index=True)
    lambda_ = _Lambda(timeouts_s={"f": 10}, filters=filters)
    connection: Any = _Connection({"lambda": lambda_})

    readings = fleet.read(connection, scope, replace(answer, points=points), window=WINDOW)

    finding = _rows(scope, readings)["Invocations", "f"].finding
    assert finding is not None
    assert (finding.id, finding.severity) == ("invocations.none", verdict)
    assert said in finding.detail


def test_mappings_are_asked_only_of_what_is_silent_though_written_for() -> None:
    scope = _scope({"name": "f", "table": "t"}, tables=[{"name": "t", "stream": True}])
    lambda_ = _Lambda(timeouts_s={"f": 10})

    _read(scope, lambda_, **(WELL | {"table_writes": 9.0}))

    assert lambda_.calls["ListEventSourceMappings"] == 0


def test_of_many_functions_none_is_read_whose_durations_no_timeout_could_be_near() -> None:
    lambda_, scope = _Lambda(), _many()

    readings = _read(scope, lambda_, **WELL)

    assert lambda_.calls == {}
    row = _rows(scope, readings)["Duration", "f-3"]
    assert (row.shown, row.verdict) == ("4 % of the timeout", Verdict.HEALTHY)
    assert "no timeout is below 1 s" in row.note


def test_of_many_slow_functions_two_are_read_and_the_others_are_not_called_well() -> None:
    lambda_ = _Lambda(timeouts_s={f"f-{n}": 60 for n in range(11)})
    scope = _many()

    readings = _read(scope, lambda_, **(WELL | {"duration_p95_ms": 3000.0}))

    rows = _rows(scope, readings)
    verdicts = [rows["Duration", f"f-{n}"].verdict for n in range(11)]
    assert lambda_.calls.total() == 2
    assert verdicts == [Verdict.HEALTHY] * 2 + [Verdict.UNKNOWN] * 9


def test_a_timeout_that_the_file_declares_is_taken_and_said() -> None:
    lambda_, scope = _Lambda(), _many(timeout_s=5)

    readings = _read(scope, lambda_, **(WELL | {"duration_p95_ms": 4500.0}))

    row = _rows(scope, readings)["Duration", "f-0"]
    assert "f-0" not in lambda_.calls
    assert row.verdict is Verdict.CRITICAL
    assert row.note.endswith("timeout 5.0 s as the params file says")


def test_an_idle_function_is_well_only_if_it_is_there() -> None:
    scope = _scope({"name": "f"}, {"name": "idle"}, {"name": "mistyped"})
    answer = _answer(scope, **WELL)
    kept = answer.points[answer.points["metric"].str.endswith(" of f")]
    lambda_ = _Lambda(timeouts_s={"f": 10, "idle": 10})
    connection: Any = _Connection({"lambda": lambda_})
    seen = MetricAnswer(kept, answer.status, (), (), answer.metrics)

    readings = fleet.read(connection, scope, seen, window=WINDOW)

    rows = _rows(scope, readings)
    assert rows["Invocations", "idle"].verdict is Verdict.HEALTHY
    assert rows["Invocations", "mistyped"].verdict is Verdict.UNKNOWN
    assert "the configuration of mistyped" in readings.limits[0]


def test_a_function_that_is_refused_everything_is_not_called_idle() -> None:
    scope = _scope({"name": "f"}, {"name": "stopped"})
    answer = _answer(scope, **(WELL | {"throttles": 12.0}))
    stopped = answer.points["metric"].str.endswith(" of stopped")
    refused = answer.points["metric"].str.startswith("throttles")
    kept = answer.points[~stopped | refused]
    connection: Any = _Connection({"lambda": _Lambda(timeouts_s={"f": 10, "stopped": 10})})
    seen = MetricAnswer(kept, answer.status, (), (), answer.metrics)

    readings = fleet.read(connection, scope, seen, window=WINDOW)

    rows = _rows(scope, readings)
    assert rows["Invocations", "stopped"].verdict is Verdict.UNKNOWN
    assert rows["Throttles", "stopped"].verdict is Verdict.CRITICAL
    assert fleet.maybe_stopped(scope, readings, ["f"]) == ["f", "stopped"]


def test_a_queue_and_a_table_that_are_not_there_are_never_called_empty() -> None:
    scope = _scope({"name": "f"}, queues=[{"name": "q"}], tables=[{"name": "t"}])

    readings = _read(scope, _Lambda(timeouts_s={"f": 10}), **WELL)

    rows = _rows(scope, readings)
    assert rows["Oldest message", "q"].verdict is Verdict.UNKNOWN
    assert rows["Write throttles", "t"].verdict is Verdict.UNKNOWN
    assert [limit.split(".")[0] for limit in readings.limits] == [
        "Not seen: the depth of q",
        "Not seen: whether there is a table t",
    ]


def test_a_work_queue_that_waits_and_a_stream_that_refuses_are_findings() -> None:
    streams: Any = {"queues": [{"name": "q"}], "streams": [{"name": "s"}]}
    scope = _scope({"name": "f", "stream": "s", "queues": ["q"]}, **streams)
    values = {"queue_age_ms": 1000.0, "queue_depth": 5.0, "stream_throttles": 7.0}

    readings = _read(scope, _Lambda(timeouts_s={"f": 10}), **(WELL | values))

    rows = _rows(scope, readings)
    assert rows["Oldest message", "q"].verdict is Verdict.CRITICAL
    assert rows["Queue depth", "q"].verdict is Verdict.HEALTHY
    finding = rows["Throttled writes", "s"].finding
    assert finding is not None
    assert (finding.id, finding.severity) == ("stream.write-throttled", Verdict.CRITICAL)
    assert finding.evidence == ("stream_throttles of s",)


def test_throttled_invocations_are_a_finding_though_they_are_no_errors() -> None:
    scope = _scope({"name": "f"})

    readings = _read(scope, _Lambda(timeouts_s={"f": 10}), **(WELL | {"throttles": 11.0}))

    rows = _rows(scope, readings)
    assert rows["Error rate", "f"].verdict is Verdict.HEALTHY
    assert rows["Throttles", "f"].verdict is Verdict.CRITICAL


def test_the_worst_stand_first_where_there_are_many() -> None:
    scope = _many()

    readings = _read(scope, _Lambda(), **(WELL | {"errors": 3.0}))

    checks = fleet.checks_of(scope, readings, window=WINDOW)
    assert [check.indicator for check in checks[:11]] == ["Error rate"] * 11
    assert fleet.suspects(scope, checks) == ["f-0"]


def test_a_queue_in_trouble_points_to_the_function_whose_failures_it_takes() -> None:
    queues: Any = {"queues": [{"name": "q", "kind": "dead-letter"}]}
    scope = _scope({"name": "f"}, {"name": "g", "dead_letter_queue": "q"}, **queues)
    lambda_ = _Lambda(timeouts_s={"f": 10, "g": 10})

    readings = _read(scope, lambda_, **(WELL | {"dead_letters": 20.0}))

    assert fleet.suspects(scope, fleet.checks_of(scope, readings, window=WINDOW)) == ["g"]


def test_the_day_before_stands_beside_and_a_dash_where_nothing_came() -> None:
    scope = _scope({"name": "f"})
    readings = _read(scope, _Lambda(timeouts_s={"f": 1}), **(WELL | {"errors": 3.0}))
    checks = fleet.checks_of(scope, readings, window=WINDOW)
    wanted: list[Metric] = fleet.metrics_of(scope, WINDOW)
    then = MetricAnswer.unseen(wanted, reason="forbidden")

    dashes = fleet.beside(checks, fleet.checks_before(scope, readings, then, window=WINDOW))
    same = fleet.beside(checks, checks)

    assert dashes["day_before"].tolist() == ["–"] * 4
    assert same.loc[same["indicator"] == "Error rate", "day_before"].tolist() == [
        "10 % of invocations"
    ]


def _alarm(name: str = "f-errors", subject: str = "f", **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "StateUpdatedTimestamp": NOW - timedelta(minutes=9),
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": [{"Name": "FunctionName", "Value": subject}],
        "AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:page"],
        **more,
    }


def _firing(*alarms: dict[str, Any], muted: Any = None, **file: Any) -> pd.DataFrame:
    connection: Any = _Connection({"cloudwatch": _Alarms(list(alarms), muted=muted)})
    return fleet.firing(connection, _scope({"name": "f"}, {"name": "g"}, **file)).rows


def test_only_alarms_about_the_system_are_told() -> None:
    rows = _firing(_alarm(), _alarm("theirs", "another-teams"))

    assert rows[["alarm", "subject", "told"]].to_numpy().tolist() == [["f-errors", "f", "yes"]]


@pytest.mark.parametrize(
    ("more", "muted", "told"),
    [
        ({}, True, "muted"),
        ({}, refusal("InvalidAction"), "not seen"),
        ({"ActionsEnabled": False}, None, "actions off"),
        ({"AlarmActions": []}, None, "no action"),
    ],
)
def test_whether_anybody_heard_of_an_alarm_is_told(
    more: dict[str, Any], muted: Any, told: str
) -> None:
    rows = _firing(_alarm(**more), muted=muted)

    assert rows["told"].tolist() == [told]


def _known(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "AWS/Lambda", "metric": "Errors", "threshold": "> 1", **more}


def test_beside_an_alarm_stands_what_the_file_says_to_do_then() -> None:
    alarms = [
        _known("High Error Rate", severity="high", action="Page.", channel="desk", deployed=False),
        _known("Theirs", action="Look away.", watches=["g"], deployed=False),
        _known("f-own", severity="low", action="Read it."),
    ]
    channels = [{"name": "desk", "kind": "slack", "severity": "high"}]
    fires = (_alarm(), _alarm("f-own"), _alarm("f-slow", MetricName="Duration"))

    rows = _firing(*fires, alarms=alarms, channels=channels)

    shown = rows[["alarm", "severity", "action", "channel"]].fillna("-").to_numpy().tolist()
    assert shown == [
        ["f-errors", "high", "Page.", "desk"],
        ["f-own", "low", "Read it.", "-"],
        ["f-slow", "", "-", "-"],
    ]


def test_whom_to_call_is_the_most_urgent_channel_first_and_then_the_contacts() -> None:
    channels = [
        {
            "name": "chat",
            "kind": "slack",
            "severity": "low",
            "address": "#f",
            "told": ["a", "b"],
        },
        {"name": "duty", "kind": "pagerduty", "severity": "high"},
    ]
    some = _scope({"name": "f"}, channels=channels, contacts={"on_call": "see the schedule"})

    rows = fleet.people(some.system)

    assert rows.fillna("-").to_numpy().tolist() == [
        ["duty", "high", "pagerduty", "-"],
        ["chat", "low", "slack #f", "a; b"],
        ["on call", "-", "see the schedule", "-"],
    ]
    assert len(fleet.people(_scope({"name": "f"}).system)) == 0


def test_an_alarm_that_a_finding_explains_is_no_finding_and_another_is() -> None:
    failing = Finding(
        id="errors.rate", severity=Verdict.CRITICAL, title="T", detail="D.", subject="f"
    )
    rows = _firing(_alarm(), _alarm("f-slow", MetricName="Duration"))

    found, explained = fleet.alarm_findings(rows, [failing])

    assert explained == ["errors.rate", ""]
    assert [(each.id, each.severity) for each in found] == [("alarms.firing", Verdict.WARNING)]
    assert "f-slow" in found[0].title


def test_what_could_not_be_seen_explains_no_alarm() -> None:
    unseen = Finding(
        id="errors.swallowed-records", severity=Verdict.UNKNOWN, title="T", detail="D", subject="f"
    )

    found, explained = fleet.alarm_findings(_firing(_alarm()), [unseen])

    assert explained == [""]
    assert [each.id for each in found] == ["alarms.firing"]


def _opened(lambda_: _Lambda, **known: Any) -> fleet.Opened:
    connection: Any = _Connection({"lambda": lambda_})
    return fleet.opened(connection, ["f"], window=WINDOW, **known)


def test_a_function_that_is_stopped_is_a_change_that_stands_open() -> None:
    found = fleet.opened_findings(_opened(_Lambda(reserved=0)).rows)

    assert [(each.id, each.severity.value, each.title) for each in found] == [
        ("change.temporary", "critical", "f: reserved concurrency is 0")
    ]


@pytest.mark.parametrize(("off_h_ago", "what"), [(20, []), (30, ["a mapping is disabled"])])
def test_what_stands_open_today_is_no_change_of_yesterdays_window(
    off_h_ago: int, what: list[str]
) -> None:
    at = NOW - timedelta(hours=off_h_ago)
    mapping = {"State": "Disabled", "LastModified": at, "EventSourceArn": "arn:aws:sqs:r:1:q"}
    connection: Any = _Connection({"lambda": _Lambda(reserved=0, mappings=[mapping])})

    found = fleet.opened(connection, ["f"], window=WINDOW.before(timedelta(days=1)))

    assert found.rows["what"].tolist() == what
    assert found.limits == ()
    assert (
        "f: reserved concurrency is 0 now, which need not have been so in this window: it ended at "
        "2026-10-13 03:00 UTC."
    ) in found.notes


def test_a_disabled_mapping_of_an_alias_stands_open_too() -> None:
    off = {
        "UUID": "m",
        "State": "Disabled",
        "LastModified": NOW - timedelta(hours=1),
        "EventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:q",
    }

    found = _opened(_Lambda(aliases=["live"], aliased=[off]))
    refused = _Lambda(aliases=refusal("InternalFailure"), mappings=[off])
    unseen = _opened(refused)
    known = _opened(refused, mappings={"f": [off]})

    assert found.rows["detail"].tolist() == ["Nothing is read from q while it is Disabled."]
    assert found.limits == ()
    assert (known.rows["what"].tolist(), known.limits) == (["a mapping is disabled"], ())
    assert unseen.rows["what"].tolist() == ["a mapping is disabled"]
    assert [limit.split(".")[0] for limit in unseen.limits] == ["Not seen: the aliases of f"]


def test_some_reserved_concurrency_stops_nothing() -> None:
    assert _opened(_Lambda(reserved=1)).rows.empty


@pytest.mark.parametrize(("age_h", "dated"), [(1, True), (5, False)])
def test_a_disabled_mapping_stands_open_and_is_dated_only_within_the_window(
    age_h: int, dated: bool
) -> None:
    at = NOW - timedelta(hours=age_h)
    mapping = {"State": "Disabled", "LastModified": at, "EventSourceArn": "arn:aws:sqs:r:1:q"}

    (finding,) = fleet.opened_findings(_opened(_Lambda(mappings=[mapping])).rows)

    assert finding.title == "f: a mapping is disabled"
    assert finding.since == (at if dated else None)


def test_changes_of_several_functions_stand_together_oldest_first() -> None:
    at = pd.to_datetime(["", "2026-10-14T03:00Z", "2026-10-14T02:00Z"], utc=True)
    both = pd.DataFrame({"at": at, "what": ["alias", "edited", "edited"]})

    rows = fleet.together({"f": both[:2], "g": both[2:]})

    assert rows[["function", "what"]].to_numpy().tolist() == [
        ["g", "edited"],
        ["f", "edited"],
        ["f", "alias"],
    ]


def test_where_no_function_was_looked_at_closely_the_columns_of_changes_stay() -> None:
    rows = fleet.together({})

    assert rows.columns.tolist() == ["at", "function", "what", "detail"]
    assert rows.empty


def _long(hours: int, **values: list[float]) -> dict[tuple[str, str], Check]:
    """Judge twelve critical functions over days, given a value an hour of each indicator."""
    functions = [{"name": f"f-{n}", "critical": True} for n in range(12)]
    scope, window = _scope(*functions), Window(NOW - timedelta(hours=hours), NOW)
    wanted = fleet.metrics_of(scope, window)
    rows = [
        (metric.name, window.start + timedelta(hours=hour), value)
        for metric in wanted
        for hour, value in enumerate(values.get(metric.name.split(" of ")[0], []))
        if value >= 0
    ]
    points = pd.DataFrame(rows, columns=["metric", "at", "value"]).astype({"metric": "str"})
    points["at"] = pd.to_datetime(points["at"], utc=True)
    answer = MetricAnswer(points, {m.name: "Complete" for m in wanted}, (), (), tuple(wanted))
    connection: Any = _Connection({"lambda": _Lambda()})
    readings = fleet.read(connection, scope, answer, window=window)
    checks = fleet.checks_of(scope, readings, window=window)
    return {(check.indicator, check.subject): check for check in checks}


def test_an_hour_lies_between_hourly_datapoints_and_is_no_silence() -> None:
    steady = [36_000.0] * 72

    rows = _long(72, invocations=steady)
    paused = _long(72, invocations=[*steady[:40], -1, *steady[41:]])

    assert rows["Invocations", "f-3"].verdict is Verdict.HEALTHY
    finding = paused["Invocations", "f-3"].finding
    assert finding is not None
    assert finding.title == "f-3 was not invoked for 60 min"
    assert finding.since == NOW - timedelta(hours=32)


@pytest.mark.parametrize(
    ("hourly", "value", "verdict"),
    [
        (11.0, 11 / 12, Verdict.WARNING),
        (120.0, 10.0, Verdict.WARNING),
        (132.0, 11.0, Verdict.CRITICAL),
    ],
)
def test_throttles_of_an_hour_are_not_held_against_a_limit_of_five_minutes(
    hourly: float, value: float, verdict: Verdict
) -> None:
    rows = _long(72, invocations=[36_000.0] * 72, throttles=[0.0] * 71 + [hourly])

    row = rows["Throttles", "f-3"]
    assert row.value == pytest.approx(value)
    assert row.verdict is verdict
    assert row.note == (
        f"{hourly:,.0f} in the window, at most {hourly:,.0f} in 1 h; at least so many in 5 min"
    )


def test_a_function_is_not_idle_where_its_throttles_were_not_seen() -> None:
    scope = _scope({"name": "f"}, {"name": "g"})
    answer = _answer(scope, **WELL)
    kept = answer.points[answer.points["metric"].str.endswith(" of f")]
    connection: Any = _Connection({"lambda": _Lambda(timeouts_s={"f": 10, "g": 10})})
    status = {**answer.status, "throttles of g": "Forbidden"}
    seen = MetricAnswer(kept, status, (), (), answer.metrics)

    readings = fleet.read(connection, scope, seen, window=WINDOW)

    rows = _rows(scope, readings)
    assert rows["Invocations", "g"].verdict is Verdict.UNKNOWN
    assert rows["Throttles", "g"].verdict is Verdict.UNKNOWN


def test_a_function_behind_an_alias_is_held_against_the_timeout_of_that() -> None:
    scope = _scope({"name": "f", "alias": "live"})

    readings = _read(
        scope, _Lambda(timeouts_s={"f": 300, "f:live": 60}), **(WELL | {"duration_p95_ms": 5e4})
    )

    row = _rows(scope, readings)["Duration", "f"]
    assert (row.shown, row.verdict) == ("83 % of the timeout", Verdict.CRITICAL)


def _logged(scope: fleet.Scope, **values: float) -> list[tuple[str, Verdict]]:
    """Judge what the logs say, when none of them has a line."""
    readings = _read(scope, _Lambda(timeouts_s={"f": 10}), **values)
    none = pd.DataFrame({"log": pd.Series(dtype="string")})
    found = fleet.log_findings(scope, readings, batches=none, reports=none)
    return [(each.id, each.severity) for each in found]


def test_a_function_that_ran_and_has_no_log_is_unknown_and_an_idle_one_is_not() -> None:
    scope = _scope({"name": "f"})

    ran, idle = _logged(scope, **WELL), _logged(scope)

    assert ran == [("logs.metrics-disagree", Verdict.UNKNOWN)]
    assert idle == []


def test_only_a_function_that_says_so_has_to_report_its_batches() -> None:
    silent = _scope({"name": "f", "table": "t"}, tables=[{"name": "t"}])
    tells = _scope({"name": "f", "table": "t", "batch_lines": True}, tables=[{"name": "t"}])

    assert ("errors.swallowed-records", Verdict.UNKNOWN) not in _logged(silent, **WELL)
    assert ("errors.swallowed-records", Verdict.UNKNOWN) in _logged(tells, **WELL)


def test_failed_records_of_many_functions_whose_logs_are_not_read_are_unknown() -> None:
    tells = _scope(
        {"name": "f-0", "table": "t", "batch_lines": True},
        *({"name": f"f-{n}"} for n in range(1, 11)),
        tables=[{"name": "t"}],
    )

    assert _logged(tells, **WELL) == [("errors.swallowed-records", Verdict.UNKNOWN)]
    assert _logged(_many(), **WELL) == []


class _Queues:
    """The ``sqs`` client; of six messages somebody looks at two, and one is delayed."""

    def get_queue_url(self, *, QueueName: str) -> Any:
        return {"QueueUrl": f"https://sqs/{QueueName}"}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> Any:
        told = {
            "ApproximateNumberOfMessages": "3",
            "ApproximateNumberOfMessagesNotVisible": "2",
            "ApproximateNumberOfMessagesDelayed": "1",
        }
        return {"Attributes": {name: told[name] for name in AttributeNames}}


def test_dead_letters_that_somebody_looks_at_are_counted_too() -> None:
    scope = _scope({"name": "f", "dead_letter_queue": "q"}, queues=[{"name": "q"}])
    connection: Any = _Connection({"lambda": _Lambda(timeouts_s={"f": 10}), "sqs": _Queues()})

    readings = fleet.read(connection, scope, _answer(scope, **WELL), window=WINDOW)

    row = _rows(scope, readings)["Dead letters", "q"]
    assert (row.value, row.verdict) == (6.0, Verdict.WARNING)


@dataclass
class _Tables:
    """The ``dynamodb`` client; each table has one global secondary index, ``by-day``."""

    names: tuple[str, ...]

    def describe_table(self, *, TableName: str) -> Any:
        if TableName not in self.names:
            raise refusal("ResourceNotFoundException")
        return {"Table": {"GlobalSecondaryIndexes": [{"IndexName": "by-day"}]}}


def test_an_index_that_refuses_writes_is_a_finding_of_its_table() -> None:
    plain = _scope({"name": "f"}, {"name": "g", "table": "t"}, tables=[{"name": "t"}])
    connection: Any = _Connection(
        {"dynamodb": _Tables(("t",)), "lambda": _Lambda(timeouts_s={"f": 10, "g": 10})}
    )

    scope = fleet.indexes(connection, plain).scope
    asked = [each for each in fleet.metrics_of(scope, WINDOW) if "by-day" in each.name]
    answer = _answer(scope, **WELL, table_writes=9.0, write_throttles=4.0)
    kept = answer.points[answer.points["metric"] != "write_throttles of t"]
    seen = MetricAnswer(kept, answer.status, (), (), answer.metrics)
    readings = fleet.read(connection, scope, seen, window=WINDOW)

    rows = _rows(scope, readings)
    assert [(each.metric, each.dimensions) for each in asked] == [
        ("ReadThrottleEvents", {"TableName": "t", "GlobalSecondaryIndexName": "by-day"}),
        ("WriteThrottleEvents", {"TableName": "t", "GlobalSecondaryIndexName": "by-day"}),
    ]
    assert rows["Write throttles", "t"].verdict is Verdict.HEALTHY
    assert ("Read throttles", "t, index by-day") not in rows
    check = rows["Write throttles", "t, index by-day"]
    assert check.finding is not None
    assert (check.verdict, check.finding.id, check.finding.subject) == (
        Verdict.CRITICAL,
        "dynamodb.write-throttled",
        "t",
    )
    assert fleet.suspects(scope, [check]) == ["g"]


def test_indexes_are_asked_of_few_tables_and_what_is_refused_is_said() -> None:
    few = _scope({"name": "f"}, tables=[{"name": "t"}, {"name": "u"}])
    many = _scope({"name": "f"}, tables=[{"name": f"t-{n}"} for n in range(11)])
    connection: Any = _Connection({"dynamodb": _Tables(("t", "t-1"))})

    found, unasked = fleet.indexes(connection, few), fleet.indexes(connection, many)

    assert found.rows.to_numpy().tolist() == [["t", "by-day"]]
    assert [limit.split(".")[0] for limit in found.limits] == [
        "Not seen: whether there is a table u"
    ]
    assert (len(unasked.rows), unasked.limits) == (0, ())


def test_a_backlog_that_does_not_grow_is_told_as_deep_as_it_is() -> None:
    scope = _scope({"name": "f", "queues": ["q"]}, queues=[{"name": "q"}])

    readings = _read(scope, _Lambda(timeouts_s={"f": 10}), **WELL, queue_depth=5000.0)

    row = _rows(scope, readings)["Queue depth", "q"]
    assert (row.value, row.verdict) == (5000.0, Verdict.HEALTHY)
    assert row.note == "5,000 at first, 5,000 at the end"


def test_of_a_log_group_that_others_share_only_own_lines_are_asked() -> None:
    shared = [{"name": name, "log_group": "/app"} for name in ("f", "g")]

    alone = _read(_scope({"name": "f"}), _Lambda(timeouts_s={"f": 10}), **WELL)
    both = _read(_scope(*shared, {"name": "h"}), _Lambda(), **WELL)

    assert (alone.own, both.functions_of["/app"]) == ("", ("f", "g"))
    assert both.own == (
        'filter @log like ":/aws/lambda/h" or @logStream like "/f[" or @logStream like "/g["\n| '
    )


def _read_until(minute: int, *, written: int) -> Check:
    """Judge the age of a stream that was read well until then; the window ends at minute 180."""
    scope = _scope({"name": "f", "table": "t"}, tables=[{"name": "t"}])
    answer = _answer(scope, **WELL, iterator_age_ms=200.0, table_writes=5.0)
    start = NOW - timedelta(hours=3)
    minutes = (answer.points["at"] - start) / timedelta(minutes=1)
    name = answer.points["metric"]
    gone = name.str.startswith("iterator_age_ms") & (minutes >= minute)
    gone |= name.str.startswith("table_writes") & (minutes >= written)
    seen = MetricAnswer(answer.points[~gone], answer.status, (), (), answer.metrics)
    connection: Any = _Connection({"lambda": _Lambda(timeouts_s={"f": 10})})

    return _rows(scope, fleet.read(connection, scope, seen, window=WINDOW))["Iterator age", "f"]


def test_an_age_from_before_what_is_not_read_is_not_called_well() -> None:
    row = _read_until(140, written=180)

    assert (row.verdict, row.value) == (Verdict.UNKNOWN, None)
    assert row.note.startswith("nothing read since ")


@pytest.mark.parametrize(("minute", "written"), [(180, 180), (140, 140), (170, 180)])
def test_an_age_is_well_where_nothing_has_waited_for_long(minute: int, written: int) -> None:
    row = _read_until(minute, written=written)

    assert row.verdict is Verdict.HEALTHY


def test_a_function_that_does_not_exist_is_not_said_to_be_silent() -> None:
    scope = _scope({"name": "ghost", "table": "t"}, {"name": "f"}, tables=[{"name": "t"}])
    answer = _answer(scope, **WELL, table_writes=5.0)
    seen = MetricAnswer(
        answer.points[~answer.points["metric"].str.endswith(" of ghost")],
        *(answer.status, (), (), answer.metrics),
    )
    connection: Any = _Connection({"lambda": _Lambda(timeouts_s={"f": 10})})

    rows = _rows(scope, fleet.read(connection, scope, seen, window=WINDOW))

    row = rows["Invocations", "ghost"]
    assert (row.verdict, row.finding) == (Verdict.UNKNOWN, None)
    assert row.note == "there is no such function, in this account and region"
    assert ("Error rate", "ghost") not in rows
    assert rows["Invocations", "f"].verdict is Verdict.HEALTHY
