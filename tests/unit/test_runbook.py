"""What a run makes of what it sees and of what it is refused: the verdict, and what is kept."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fakes.clients import CloudWatch, Lambda, Logs, Tables, Trail, refusal

from opslib import aws, runbook
from opslib.errors import BadInput
from opslib.evidence import Folder
from opslib.health import Check, Finding, Verdict
from opslib.metrics import Metric
from opslib.plots import Line, Panel
from opslib.system import load
from opslib.window import Window

WINDOW = Window(datetime(2026, 10, 14, 0, 7, tzinfo=UTC), datetime(2026, 10, 14, 3, 7, tzinfo=UTC))
SYSTEM = {
    "name": "orders",
    "environment": "staging",
    "account": "123456789012",
    "region": "eu-west-1",
    "functions": [{"name": "ingest"}],
}
CONFIGURATION = {"Timeout": 10, "MemorySize": 256, "LastModified": "2026-10-14T01:52:00.000+0000"}
STATISTICS = {"recordsMatched": 3.0, "recordsScanned": 9.0, "bytesScanned": 2e6}
PANEL = Panel(pd.DataFrame({"at": [WINDOW.start], "n": [1.0]}), [Line("n", "n")], "N", "count", 60)
COLUMNS = {"invocations": "int"}
DENIED = (
    "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: logs:StartQuery on "
    "resource: arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/ingest because no "
    "identity-based policy allows the logs:StartQuery action"
)


def _answer(*values: int) -> dict[str, Any]:
    rows = [[{"field": "invocations", "value": str(value)}] for value in values]
    return {"status": "Complete", "results": rows, "statistics": STATISTICS}


@dataclass
class _Connection:
    """A connection whose clients are the fakes it was given."""

    clients: dict[str, Any]
    system: Any = field(default_factory=lambda: load(SYSTEM))
    identity: aws.Identity = field(
        default_factory=lambda: aws.Identity(
            "123456789012", "arn:aws:iam::123456789012:user/ada", "eu-west-1", WINDOW.end
        )
    )

    def client(self, service: str) -> Any:
        return self.clients[service]

    def brief_client(self, service: str) -> Any:
        return self.clients[service]


class _Aliased(Lambda):
    """The ``lambda`` client of a function that was edited, and whose alias still has a version."""

    def __init__(self) -> None:
        super().__init__(CONFIGURATION | {"Timeout": 300, "Version": "$LATEST"})

    def get_function_configuration(self, **asked: Any) -> Any:
        if asked.get("Qualifier") == "live":
            return {"Timeout": 60, "MemorySize": 256, "Version": "6"}
        return super().get_function_configuration(**asked)


def _run(folder: Path | None = None, **clients: Any) -> runbook.Run:
    given = {
        "logs": Logs(_answer(3)),
        "lambda": Lambda(CONFIGURATION),
        "cloudtrail": Trail(),
    } | clients
    return runbook.Run(
        "20-duration",
        connection=_Connection(given),  # type: ignore[arg-type]
        window=WINDOW,
        folder=Folder(folder),
    )


def _result(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


def _finding(identifier: str, severity: Verdict) -> Finding:
    return Finding(id=identifier, severity=severity, title="T", detail="D.", subject="ingest")


def test_a_run_that_does_not_conclude_is_unknown(tmp_path: Path) -> None:
    _run(tmp_path)

    result = _result(tmp_path)
    assert result["verdict"] == "unknown"
    assert result["limits"] == [
        {
            "what": "The run did not reach its conclusion.",
            "operation": "",
            "reason": "unfinished",
        }
    ]


def test_nothing_found_and_nothing_hidden_is_healthy(tmp_path: Path) -> None:
    run = _run(tmp_path)
    run.query("durations", "stats 1", run.look_at(), columns=COLUMNS)

    shown = run.conclude([None])

    assert shown.text == "✔ HEALTHY: Everything that was looked at is within its thresholds."
    assert (_result(tmp_path)["verdict"], _result(tmp_path)["limits"]) == ("healthy", [])


def test_a_refused_query_gives_an_empty_frame_and_an_unknown_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _run(tmp_path, logs=Logs(starts=[refusal("AccessDeniedException", DENIED)]))
    target = run.look_at()

    rows = run.query("durations", "stats count(*) as invocations", target, columns=COLUMNS)
    shown = run.conclude([])

    assert rows.columns.tolist() == ["invocations"]
    assert str(rows["invocations"].dtype) == "Int64"
    assert rows.empty
    result = _result(tmp_path)
    assert result["verdict"] == "unknown"
    assert [(limit["operation"], limit["reason"]) for limit in result["limits"]] == [
        ("logs:StartQuery", "forbidden")
    ]
    assert '"Action": "logs:StartQuery"' in shown.text
    assert "lacks logs:StartQuery" in capsys.readouterr().out


@dataclass(frozen=True)
class _Groups:
    """Functions whose logs are asked together."""

    groups: tuple[str, ...]


MISSING = "Log group '/aws/lambda/ingest-new' does not exist for account ID '123456789012'"


def test_a_log_group_that_is_not_there_costs_the_others_nothing(tmp_path: Path) -> None:
    logs = Logs(_answer(3), starts=[refusal("ResourceNotFoundException", MISSING)])
    run = _run(tmp_path, logs=logs)
    both = _Groups(("/aws/lambda/ingest", "/aws/lambda/ingest-new"))

    rows = run.query("durations", "stats 1", both, columns=COLUMNS)
    run.conclude([])

    assert rows["invocations"].tolist() == [3]
    assert logs.started[1]["logGroupNames"] == ["/aws/lambda/ingest"]
    result = _result(tmp_path)
    assert (result["verdict"], result["limits"]) == (
        "healthy",
        [
            {
                "what": "There is no log group /aws/lambda/ingest-new; the others were asked.",
                "operation": "",
                "reason": "note",
            }
        ],
    )


def test_a_note_is_kept_and_leaves_the_verdict_as_it_is(tmp_path: Path) -> None:
    run = _run(tmp_path)
    run.query("durations", "stats 1", run.look_at(), columns=COLUMNS)

    run.note(["The params file leaves open: the alias of ingest."])
    shown = run.conclude([])

    result = _result(tmp_path)
    assert (result["verdict"], [limit["reason"] for limit in result["limits"]]) == (
        "healthy",
        ["note"],
    )
    assert "The params file leaves open: the alias of ingest." in shown.text


def test_the_only_log_group_that_is_not_there_leaves_the_verdict_unknown(tmp_path: Path) -> None:
    logs = Logs(starts=[refusal("ResourceNotFoundException", MISSING)])
    run = _run(tmp_path, logs=logs)

    rows = run.query("durations", "stats 1", _Groups(("/aws/lambda/ingest-new",)), columns=COLUMNS)
    run.conclude([])

    assert (len(rows), len(logs.started)) == (0, 1)
    assert _result(tmp_path)["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("severity", "verdict"), [(Verdict.WARNING, "unknown"), (Verdict.CRITICAL, "critical")]
)
def test_what_could_not_be_seen_outranks_a_warning_and_not_a_critical(
    tmp_path: Path, severity: Verdict, verdict: str
) -> None:
    run = _run(tmp_path, cloudwatch=CloudWatch(refusal("AccessDenied", "")))
    run.metrics([Metric("invocations", "AWS/Lambda", "Invocations", {}, "Sum")])

    run.conclude([_finding("duration.near-timeout", severity)])

    assert _result(tmp_path)["verdict"] == verdict


def test_a_row_of_the_table_that_was_not_seen_makes_the_verdict_unknown(tmp_path: Path) -> None:
    row = Check(
        indicator="Duration",
        subject="ingest",
        value=None,
        unit="%",
        healthy="",
        warning="",
        critical="",
        verdict=Verdict.UNKNOWN,
        source="test",
    )

    _run(tmp_path).conclude([], checks=[row])

    assert _result(tmp_path)["verdict"] == "unknown"
    assert [limit["what"] for limit in _result(tmp_path)["limits"]] == [
        "Duration of ingest: not seen."
    ]


def test_a_query_that_was_cut_off_makes_the_verdict_unknown(tmp_path: Path) -> None:
    run = _run(tmp_path, logs=Logs(_answer(3, 4)))

    run.query(
        "each", "fields 1 as invocations | limit 2", run.look_at(), columns={"invocations": "int"}
    )
    run.conclude([])

    result = _result(tmp_path)
    assert result["verdict"] == "unknown"
    assert result["limits"][0]["what"] == "Query each was cut off at 2 rows."


def test_a_query_is_kept_with_its_receipt_and_asked_of_the_functions_own_group(
    tmp_path: Path,
) -> None:
    logs = Logs(_answer(3))
    run = _run(tmp_path, logs=logs)

    rows = run.query("durations", "\nstats 1\n", run.look_at(), columns=COLUMNS)

    assert rows["invocations"].tolist() == [3]
    assert logs.started[0]["logGroupNames"] == ["/aws/lambda/ingest"]
    assert logs.started[0]["endTime"] == WINDOW.end_s - 1
    assert _result(tmp_path)["queries"] == [
        {
            "name": "durations",
            "text": "stats 1",
            "query_id": "query-1",
            "status": "Complete",
            "rows": 1,
            "matched": 3,
            "scanned": 9,
            "scanned_bytes": 2000000,
            "truncated": False,
            "completeness": "Every row came.",
            "groups": ["/aws/lambda/ingest"],
            "window": WINDOW.as_dict(),
        }
    ]
    assert (tmp_path / "evidence" / "01-durations.csv").read_text() == "invocations\n3\n"


def test_a_deployment_in_the_window_cuts_it_in_two() -> None:
    logs = Logs(_answer(3), _answer(4))
    run = _run(logs=logs)

    rows = run.query_before_and_after("durations", "stats 1", run.look_at(), columns=COLUMNS)

    cut_s = int(datetime(2026, 10, 14, 1, 52, tzinfo=UTC).timestamp())
    assert rows.to_dict("list") == {
        "part": ["before the deployment", "after the deployment"],
        "invocations": [3, 4],
    }
    assert [(asked["startTime"], asked["endTime"]) for asked in logs.started] == [
        (WINDOW.start_s, cut_s - 1),
        (cut_s, WINDOW.end_s - 1),
    ]


class _InOrder(Logs):
    """The ``logs`` client, that tells in which order it was called."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(*answers)
        self.order: list[str] = []

    def start_query(self, **arguments: Any) -> Any:
        self.order.append("start")
        return super().start_query(**arguments)

    def get_query_results(self, **arguments: Any) -> Any:
        self.order.append("read")
        return super().get_query_results(**arguments)


def test_both_parts_are_asked_side_by_side() -> None:
    logs = _InOrder(_answer(3), _answer(4))
    run = _run(logs=logs)

    run.query_before_and_after("durations", "stats 1", run.look_at(), columns=COLUMNS)

    assert logs.order == ["start", "start", "read", "read"]


def test_what_mappings_tables_and_cloudtrail_tell_is_seen_noted_and_drawn(tmp_path: Path) -> None:
    lowered_at = datetime(2026, 10, 14, 1, 0, tzinfo=UTC)
    units = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 2, "LastDecreaseDateTime": lowered_at}
    mapping = {"UUID": "m", "LastModified": datetime(2026, 10, 14, 4, 0, tzinfo=UTC)}
    run = _run(
        tmp_path,
        **{"lambda": Lambda(CONFIGURATION, mappings=[{"EventSourceMappings": [mapping]}])},
        dynamodb=Tables(orders={"ProvisionedThroughput": units}),
        cloudtrail=Trail(refusals=[refusal("AccessDeniedException", "")] * 20),
    )

    target = run.look_at(tables=["orders"])
    shown = run.plot([PANEL], target=target)

    assert target.changes.rows["what"].tolist() == [
        "table capacity lowered",
        "code or configuration edited",
    ]
    assert target.deployed_at == datetime(2026, 10, 14, 1, 52, tzinfo=UTC)
    limits = _result(tmp_path)["limits"]
    assert [limit["reason"] for limit in limits if limit["reason"] != "unfinished"] == ["note"] * 2
    assert [limit["what"][:42] for limit in limits[:2]] == [
        "After the window, at 2026-10-14T04:00:00Z:",
        "CloudTrail does not say who changed what. ",
    ]
    assert "Changes: table capacity lowered 01:00; deployment 01:52." in shown.text


def test_a_table_that_may_not_be_described_leaves_the_verdict_unknown(tmp_path: Path) -> None:
    run = _run(tmp_path, dynamodb=Tables(orders=refusal("AccessDeniedException", "")))

    run.look_at(tables=["orders"])
    run.conclude([])

    assert _result(tmp_path)["verdict"] == "unknown"
    assert '"Action": "dynamodb:DescribeTable"' in _result(tmp_path)["limits"][0]["what"]


def test_a_look_from_afar_asks_neither_cloudtrail_nor_the_log_group() -> None:
    trail = Trail()
    run = _run(cloudtrail=trail)

    target = run.look_at(closely=False)
    asked = len(trail.asked)
    closely, again = run.look_at(), run.look_at(closely=False)

    assert asked == 0
    assert [each.shape.log_class for each in (target, closely, again)] == ["", "STANDARD", ""]


def test_runs_of_one_triage_ask_cloudtrail_once_and_others_each_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, first, second = Trail(), Trail(), Trail()
    _run(cloudtrail=alone).look_at()
    monkeypatch.setenv("OPSLIB_SHARED_DIR", str(tmp_path))

    _run(cloudtrail=first).look_at()
    _run(cloudtrail=second).look_at()

    assert [len(trail.asked) for trail in (alone, first, second)] == [9, 9, 0]


@pytest.mark.parametrize("at", ["2026-10-13T01:52:00.000+0000", "2026-10-14T00:07:30.000+0000"])
def test_without_a_deployment_that_leaves_two_parts_it_is_cut_in_the_middle(at: str) -> None:
    run = _run(
        None,
        logs=Logs(_answer(3), _answer(4)),
        **{"lambda": Lambda({**CONFIGURATION, "LastModified": at})},
    )

    rows = run.query_before_and_after("durations", "stats 1", run.look_at(), columns=COLUMNS)

    assert rows["part"].tolist() == ["first half", "second half"]


def test_an_unseen_configuration_leaves_the_limits_unknown_and_the_verdict_too(
    tmp_path: Path,
) -> None:
    run = _run(tmp_path, **{"lambda": Lambda(refusal("AccessDeniedException", ""))})

    target = run.look_at()
    run.conclude([])

    assert str(target.timeout_ms) == "nan"
    assert target.shape.group == "/aws/lambda/ingest"
    assert _result(tmp_path)["verdict"] == "unknown"


def test_a_function_behind_an_alias_is_read_as_its_traffic_has_it() -> None:
    function = {"name": "ingest", "alias": "live"}
    connection = _Connection({"logs": Logs(), "lambda": _Aliased(), "cloudtrail": Trail()})
    connection.system = load(SYSTEM | {"functions": [function]})
    given: Any = connection
    run = runbook.Run("20-duration", connection=given, window=WINDOW, folder=Folder(None))

    target = run.look_at()

    assert (target.timeout_ms, target.deployed_at) == (60_000, None)


def test_the_conclusion_ranks_causes_first_and_never_points_to_itself(tmp_path: Path) -> None:
    findings = [
        _finding("stream.lag", Verdict.CRITICAL),
        _finding("cold-starts.frequent", Verdict.WARNING),
        _finding("duration.near-timeout", Verdict.CRITICAL),
    ]

    shown = _run(tmp_path).conclude(findings)

    result = _result(tmp_path)
    assert [(f["id"], f["next"]["notebook"]) for f in result["findings"]] == [
        ("duration.near-timeout", None),
        ("stream.lag", "50-stream-lag"),
        ("cold-starts.frequent", "40-cold-starts"),
    ]
    assert shown.text.splitlines()[0] == "✖ CRITICAL: T."
    assert shown.text.splitlines()[-2:] == [
        "  Next: 50-stream-lag (50-stream-lag.ipynb)",
        "  Next: 40-cold-starts (40-cold-starts.ipynb)",
    ]


def test_remedies_name_the_group_that_was_read_and_how_the_system_is_deployed() -> None:
    elsewhere = {"LoggingConfig": {"LogGroup": "/shared/ingest"}}
    system = load(SYSTEM | {"deploy": "make deploy", "go_back": "make deploy TO=VERSION_BEFORE"})
    clients = {"logs": Logs(), "lambda": Lambda(CONFIGURATION | elsewhere), "cloudtrail": Trail()}
    run = runbook.Run(
        "10-error-rate",
        connection=_Connection(clients, system=system),  # type: ignore[arg-type]
        window=WINDOW,
        folder=Folder(None),
    )
    names = ("errors.rate", "memory.headroom", "errors.code")
    found = [
        replace(_finding(name, Verdict.CRITICAL), subject=run.look_at().name) for name in names
    ]

    text = run.remedies(found).text

    assert " logs tail /shared/ingest --since 1h\n" in text
    assert "change it there too (`make deploy`).\n" in text
    assert "```\nmake deploy TO=VERSION_BEFORE\n```\n" in text


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((None,), "No plan here; see the words above."),
        ((WINDOW.start, None), "No plan here; see the words above."),
        ((WINDOW.start,), "No plan: what was found is over, and what is over needs none."),
    ],
)
def test_without_a_plan_it_is_said_whether_that_is_because_all_is_over(
    ends: tuple[datetime | None, ...], said: str
) -> None:
    run = _run()
    run.conclude(replace(_finding("errors.timeout", Verdict.CRITICAL), until=end) for end in ends)

    assert run.propose([]).text == said


def test_an_approval_is_refused_since_nothing_can_be_applied_yet() -> None:
    with pytest.raises(BadInput) as refused:
        runbook.open("20-duration", system=SYSTEM, start="-3h", end="now", approve="plan-1")

    assert refused.value.message == (
        "20-duration applies nothing: it shows its remedy as text, and `approve` is plan-1. "
        "Leave `approve` empty. Nothing ran."
    )


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("-1h", "-2h", "there is no whole period of 60 s"),
        ("-40d", "now", "is 40 d, and 31 d is the longest"),
        ("9999-01-01T00:00:00Z", "now", "more than 10 years in the future"),
    ],
)
def test_a_window_that_cannot_be_is_refused_before_aws_is_asked(
    start: str, end: str, said: str
) -> None:
    # Nobody answers where tests look for AWS: a call would be a CouldNotLook.
    with pytest.raises(BadInput) as refused:
        runbook.open("20-duration", system=SYSTEM, start=start, end=end)

    assert said in refused.value.message


def test_nothing_asked_is_not_healthy(tmp_path: Path) -> None:
    run = _run(tmp_path)

    run.conclude([])

    result = _result(tmp_path)
    assert result["verdict"] == "unknown"
    assert result["limits"][0]["what"] == "Nothing was asked of AWS."


def test_a_window_too_short_to_be_cut_gives_no_parts_and_goes_on() -> None:
    run = _run()
    run.window = Window(WINDOW.start, datetime(2026, 10, 14, 0, 8, tzinfo=UTC))

    rows = run.query_before_and_after("durations", "stats 1", run.look_at(), columns=COLUMNS)

    assert rows.columns.tolist() == ["part", "invocations"]
    assert rows.empty


def test_an_edit_after_the_window_leaves_the_verdict_unknown(tmp_path: Path) -> None:
    edited = {**CONFIGURATION, "LastModified": "2026-10-14T04:00:00.000+0000"}
    run = _run(tmp_path, **{"lambda": Lambda(edited)})

    run.query("durations", "stats 1", run.look_at(), columns=COLUMNS)
    run.conclude([])

    result = _result(tmp_path)
    assert result["verdict"] == "unknown"
    assert (
        "ingest was edited at 2026-10-14T04:00:00Z, after the window"
        in (result["limits"][0]["what"])
    )


def test_what_could_not_be_seen_is_kept_even_if_the_run_never_concludes(tmp_path: Path) -> None:
    run = _run(tmp_path, logs=Logs(starts=[refusal("AccessDeniedException", DENIED)]))

    run.query("durations", "stats 1", run.look_at(), columns=COLUMNS)

    reasons = [limit["reason"] for limit in _result(tmp_path)["limits"]]
    assert reasons == ["forbidden", "unfinished"]


@pytest.mark.parametrize(
    "logs_less",
    [
        {"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "WARN"}},
        {"CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {}}},
    ],
)
def test_logs_that_cannot_show_every_invocation_are_never_healthy(
    tmp_path: Path, logs_less: dict[str, Any]
) -> None:
    run = _run(tmp_path, **{"lambda": Lambda(CONFIGURATION | logs_less)})

    run.query("durations", "stats 1", run.look_at(), columns=COLUMNS)
    run.conclude([])

    assert _result(tmp_path)["verdict"] == "unknown"


def test_what_a_query_brings_back_holds_no_secret_and_neither_does_the_result(
    tmp_path: Path,
) -> None:
    rows = [[{"field": "line", "value": "password=hunter2"}]]
    answer = {"status": "Complete", "results": rows, "statistics": STATISTICS}
    run = _run(tmp_path, logs=Logs(answer))

    seen = run.query("lines", "fields @message as line", run.look_at(), columns={"line": "text"})
    shown = run.conclude([replace(_finding("stream.lag", Verdict.WARNING), detail=seen["line"][0])])

    assert seen["line"].tolist() == ["password=[masked: password]"]
    assert "password=[masked: password]" in shown.text
    assert "hunter2" not in (tmp_path / "result.json").read_text()
