"""Failures grouped, counted once each, judged, and held against the metric; on the query's rows."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from opslib import cwli
from opslib.health import Finding, Verdict, errors
from opslib.health.error_rules import CODE, RULES
from opslib.insights import typed
from opslib.system import Thresholds
from opslib.tree import branch

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "10-error-rate.ipynb"
COLUMNS = dict.fromkeys(
    ["version", "shape", "status", "level", "error_type", "said", "named"], "text"
) | {
    "caught": "int",
    "lines": "int",
    "first_at": "time",
    "last_at": "time",
}
GUIDE = "fields @timestamp, @message | filter @message like /ERROR/ | sort @timestamp desc"
AT = 1_791_944_000_000
IDS = [f"3a753edf-e680-4612-b024-f0df8c7a51e{n}" for n in range(10)]
DENIED = (
    "Error updating snapshot: An error occurred (AccessDeniedException) when calling the "
    "UpdateItem operation: User: arn:aws:sts::000000000000:assumed-role/r/f is not authorized"
)


def _report(request_id: str, more: str, *, used: int = 97) -> str:
    return (
        f"REPORT RequestId: {request_id}\tDuration: 2000.00 ms\tBilled Duration: 2000 ms\t"
        f"Memory Size: 256 MB\tMax Memory Used: {used} MB\t{more}\n"
    )


# One line of each shape, as real functions write them.
TIMED_OUT = [
    f"2026-10-14T02:17:16.645Z {IDS[0]} Task timed out after 2.00 seconds\n",
    _report(IDS[0], "Status: timeout"),
]
KILLED = [
    f"RequestId: {IDS[1]} Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n",
    _report(IDS[1], "Status: error\tError Type: Runtime.ExitError", used=256),
]
NOT_LOADED = [
    "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'\n",
    "INIT_REPORT Init Duration: 412.41 ms\tPhase: init\tStatus: error\t"
    "Error Type: Runtime.ImportModuleError\n",
    "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'\n",
    "INIT_REPORT Init Duration: 398.02 ms\tPhase: invoke\tStatus: error\t"
    "Error Type: Runtime.ImportModuleError\n",
    _report(IDS[2], "Status: error\tError Type: Runtime.ImportModuleError"),
]
RAISED = [
    "[ERROR] AttributeError: 'R' object has no attribute 'n'\nTraceback (most recent call last):\n",
    _report(IDS[3], ""),
]
SWALLOWED = [
    '{"timestamp": "2026-10-14T02:17:16.645Z", "level": "WARNING", "message": "' + DENIED + '"}\n',
    '{"level": "INFO", "message": "Batch processing completed", "error_count": 1}\n',
    _report(IDS[4], ""),
]
JSON_LOGS = [
    '{"timestamp":"2026-10-14T02:17:16Z","level":"ERROR","errorMessage":"bad","errorType":'
    '"ValueError","requestId":"' + IDS[5] + '","stackTrace":[]}\n',
    '{"time":"2026-10-14T02:17:17Z","type":"platform.report","record":{"requestId":"'
    + IDS[5]
    + '","metrics":{"durationMs":3.1},"status":"error"}}\n',
    '{"time":"2026-10-14T02:17:18Z","type":"platform.report","record":{"requestId":"'
    + IDS[6]
    + '","metrics":{"durationMs":2000.0},"status":"timeout"}}\n',
]
# Of an invocation that fails the platform says so twice, from WARN on.
JSON_DONE = [
    JSON_LOGS[0],
    JSON_LOGS[1].replace("platform.report", "platform.runtimeDone"),
    JSON_LOGS[1],
    JSON_LOGS[2].replace("platform.report", "platform.runtimeDone"),
    JSON_LOGS[2],
]
WELL = [
    f"START RequestId: {IDS[7]} Version: $LATEST\n",
    '{"level": "INFO", "message": "no ERROR here", "error_count": 0}\n',
    _report(IDS[7], ""),
    '{"type":"platform.report","record":{"metrics":{"durationMs":3.1},"status":"success"}}\n',
]


def _events(lines: list[str], *, version: str = "$LATEST") -> list[dict[str, object]]:
    stream = f"2026/10/14/[{version}]0123456789abcdef0123456789abcdef"
    return [
        {"timestamp": AT + 1000 * n, "message": line, "logStream": stream}
        for n, line in enumerate(lines)
    ]


def _query() -> str:
    """Return the text of the query ``failures`` as it stands in the notebook."""
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code" and '"failures"' in cell.source:
            call = next(n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Call))
            # What keeps a function's own lines, `{own}`, is empty in a group of its own.
            parts = ast.walk(call.args[1])
            return "".join(str(p.value) for p in parts if isinstance(p, ast.Constant)).strip()
    raise AssertionError("the notebook has no query of that name")


def _kinds(lines: list[str], *, version: str = "$LATEST") -> pd.DataFrame:
    rows = cwli.query(_query(), _events(lines, version=version))
    return errors.kinds(errors.signatures(typed(rows, COLUMNS)))


def _counted(kinds: pd.DataFrame) -> dict[str, tuple[int, int]]:
    return {row["kind"]: (row["invocations"], row["lines"]) for row in kinds.to_dict("records")}


@pytest.mark.parametrize(
    ("lines", "counted"),
    [
        (TIMED_OUT, {"timeout": (1, 2)}),
        (KILLED, {"out of memory": (1, 2)}),
        (NOT_LOADED, {"init failed": (1, 5)}),
        (RAISED, {"code error": (1, 1)}),
        (SWALLOWED, {"permission denied": (0, 1)}),
        (JSON_LOGS, {"code error": (1, 1), "timeout": (1, 1)}),
        (JSON_DONE, {"code error": (1, 1), "timeout": (1, 1)}),
        (WELL, {}),
    ],
    ids=["timeout", "memory", "init", "code", "swallowed", "json", "json done", "well"],
)
def test_each_failed_invocation_is_counted_once_though_several_lines_tell_of_it(
    lines: list[str], counted: dict[str, tuple[int, int]]
) -> None:
    assert _counted(_kinds(lines)) == counted


def test_the_guides_query_misses_what_the_notebooks_finds() -> None:
    missed = [*TIMED_OUT, *KILLED, *NOT_LOADED[3:], *SWALLOWED]

    by_guide = cwli.query(GUIDE, _events(missed))

    assert by_guide == []
    assert _counted(_kinds(missed)) == {
        "timeout": (1, 2),
        "out of memory": (1, 2),
        "init failed": (1, 2),
        "permission denied": (0, 1),
    }


def test_a_killed_process_whose_report_says_only_that_it_ended_is_one_kill() -> None:
    lines = [KILLED[0], _report(IDS[1], "Status: error\tError Type: Runtime.ExitError", used=90)]

    counted = _counted(_kinds(lines))

    assert counted["out of memory"] == (1, 1)
    assert counted["process ended"] == (0, 1)


def test_the_version_is_that_of_the_log_stream() -> None:
    kinds = _kinds(RAISED, version="7")

    assert kinds.loc[0, "versions"] == "7"
    assert kinds.loc[0, "first_at"] == pd.Timestamp(AT, unit="ms", tz="UTC")


def test_lines_that_differ_in_ids_alone_are_one_signature() -> None:
    lines = [
        f"2026-10-14T02:17:16.645Z {request} Task timed out after 2.00 seconds\n"
        for request in IDS[:4]
    ]

    found = errors.signatures(typed(cwli.query(_query(), _events(lines)), COLUMNS))

    assert found[["signature", "lines"]].to_numpy().tolist() == [
        ["Task timed out after <n> seconds", 4]
    ]
    assert (found["last_at"] - found["first_at"]).tolist() == [pd.Timedelta("3s")]


def test_without_lines_the_columns_stay() -> None:
    kinds = errors.kinds(errors.signatures(typed([], COLUMNS)))

    assert list(kinds) == [
        "kind",
        "invocations",
        "lines",
        "first_at",
        "last_at",
        "versions",
        "cause",
        "solution",
        "next",
        "mostly",
    ]
    assert errors.explained(kinds) == 0


def _judged(
    lines: list[str], *, invocations: float | None = 100, failed_records: int | None = None
) -> dict[str, str]:
    findings = errors.error_findings(
        _kinds(lines),
        invocations=invocations,
        failed_records=failed_records,
        thresholds=Thresholds(),
        subject="f",
    )
    return {finding.id: finding.severity.value for finding in findings}


@pytest.mark.parametrize(
    ("lines", "finding"),
    [
        (TIMED_OUT, "errors.timeout"),
        (KILLED, "errors.out-of-memory"),
        (NOT_LOADED, "errors.init-failed"),
        (RAISED, "errors.code"),
    ],
)
def test_what_ends_invocations_is_judged_by_its_share(lines: list[str], finding: str) -> None:
    assert _judged(lines, invocations=50) == {finding: "critical"}
    assert _judged(lines, invocations=200) == {finding: "warning"}
    assert _judged(lines, invocations=None) == {finding: "warning"}


def test_what_is_only_logged_is_critical_when_records_are_lost_with_it() -> None:
    assert _judged(SWALLOWED, failed_records=1) == {"errors.permission-denied": "critical"}
    assert _judged(SWALLOWED, failed_records=0) == {"errors.permission-denied": "warning"}
    assert _judged(SWALLOWED, failed_records=None) == {"errors.permission-denied": "warning"}


def test_contention_that_retries_settle_is_no_finding() -> None:
    line = '{"level": "WARNING", "message": "(ConditionalCheckFailedException) tried again"}\n'

    assert _judged([line]) == {}
    assert _judged(["[ERROR] ClientError: (ConditionalCheckFailedException)\n"]) == {
        "errors.dynamodb": "warning"
    }


def test_a_finding_says_how_many_since_when_and_in_which_version() -> None:
    (finding,) = errors.error_findings(
        _kinds(RAISED, version="7"),
        invocations=50,
        failed_records=None,
        thresholds=Thresholds(),
        subject="f",
    )

    assert finding.title == "1 invocation of f failed: code error"
    assert finding.detail == (
        "Mostly “AttributeError: 'R' object has no attribute 'n'”. 1 of 50 invocations, 2 %, in "
        "version 7: the first at 2026-10-14 02:13 UTC, the last at 2026-10-14 02:13 UTC. An "
        "exception that nothing in the code catches."
    )
    assert finding.since == datetime(2026, 10, 14, 2, 13, 20, tzinfo=UTC)


def test_every_rule_leads_to_a_row_of_the_tree_with_its_notebook() -> None:
    wrong = [rule.kind for rule in (*RULES, CODE) if rule.notebook != branch(rule.finding).notebook]

    assert wrong == []


def _series(*values: float) -> pd.DataFrame:
    at = pd.date_range("2026-10-14T02:00Z", periods=len(values), freq="1min")
    return pd.DataFrame({"at": at, "value": values})


@pytest.mark.parametrize(
    ("failed", "ran", "found"),
    [
        (0.0, 100.0, {}),
        (1.0, 100.0, {"errors.rate": "warning"}),
        (2.0, 100.0, {"errors.rate": "critical"}),
        (None, 100.0, {"errors.rate": "unknown"}),
        (None, None, {"invocations.none": "unknown"}),
        (0.0, 0.0, {"invocations.none": "unknown"}),
    ],
)
def test_the_rate_has_three_answers_and_silence_is_none_of_them(
    failed: float | None, ran: float | None, found: dict[str, str]
) -> None:
    findings = errors.rate_findings(
        errors=failed,
        invocations=ran,
        since=_series(0, failed or 0),
        thresholds=Thresholds(),
        subject="f",
    )

    assert {finding.id: finding.severity.value for finding in findings} == found


@pytest.mark.parametrize(
    ("by_lines", "by_metric", "severity"),
    [
        (10, 10.0, None),
        (10, 12.0, None),
        (10, 13.0, Verdict.WARNING),
        (100, 105.0, None),
        (100, 107.0, Verdict.WARNING),
        (12, 10.0, None),
        (0, None, None),
        (3, None, Verdict.UNKNOWN),
    ],
)
def test_what_stays_unexplained_is_said(
    by_lines: int, by_metric: float | None, severity: Verdict | None
) -> None:
    finding = errors.unexplained_finding(by_lines=by_lines, by_metric=by_metric, subject="f")

    assert (finding.severity if finding else None) is severity


def test_throttled_invocations_are_told_apart_from_errors() -> None:
    finding = errors.throttled_finding(_series(0, 4), thresholds=Thresholds(), subject="f")

    assert finding is not None
    assert (finding.id, finding.title) == (
        "invocations.throttled",
        "4 invocations of f were throttled",
    )
    assert finding.since == datetime(2026, 10, 14, 2, 1, tzinfo=UTC)
    for none in (_series(), _series(0, 0)):
        assert errors.throttled_finding(none, thresholds=Thresholds(), subject="f") is None


@pytest.mark.parametrize(
    ("a_minute", "severity"),
    [
        ([2] * 5, Verdict.WARNING),
        ([2] * 4 + [3], Verdict.CRITICAL),
        ([6, 0, 0, 0, 0, 6], Verdict.WARNING),
    ],
)
def test_throttles_are_judged_by_the_worst_five_minutes(
    a_minute: list[float], severity: Verdict
) -> None:
    finding = errors.throttled_finding(_series(*a_minute), thresholds=Thresholds(), subject="f")

    assert finding is not None
    assert finding.severity is severity


CAUGHT = (
    '{"timestamp": "2026-10-14T02:17:16Z", "level": "ERROR", "message": "tried again", "logger": '
    '"root", "stackTrace": [], "errorType": "ValueError", "errorMessage": "bad", "requestId": "r"}'
)
UNCAUGHT = (
    '{"timestamp": "2026-10-14T02:17:16Z", "log_level": "ERROR", "errorMessage": "bad", '
    '"errorType": "ValueError", "requestId": "r", "stackTrace": []}'
)
OF_NODE = (
    '{"timestamp": "2026-10-14T02:17:16Z", "level": "ERROR", "message": "Invoke Error \\tTypeError'
    '", "errorType": "TypeError", "errorMessage": "x is not a function", "stackTrace": []}'
)


def test_an_exception_that_a_logger_tells_of_ended_nothing() -> None:
    assert _counted(_kinds([CAUGHT, CAUGHT])) == {"only logged": (0, 2)}
    assert _counted(_kinds([UNCAUGHT])) == {"code error": (1, 1)}
    assert _counted(_kinds([OF_NODE])) == {"code error": (1, 1)}


def test_no_more_invocations_failed_than_the_metric_counts() -> None:
    def judged(failed: float | None) -> tuple[str, str]:
        (finding,) = errors.error_findings(
            _kinds(["[ERROR] ValueError: bad\n"] * 120),
            invocations=3600,
            failed_records=None,
            failed=failed,
            thresholds=Thresholds(),
            subject="f",
        )
        return finding.severity.value, finding.title

    assert judged(None) == ("critical", "120 invocations of f failed: code error")
    assert judged(2.0) == ("warning", "2 invocations of f failed: code error")
    assert judged(0.0) == (
        "warning",
        "f logs 120 failures inside invocations that succeed: code error",
    )


@pytest.mark.parametrize(
    "line",
    [
        f"[CRITICAL]\t2026-10-14T02:17:16.645Z\t{IDS[0]}\tno disk",
        f"[WARNING]\t2026-10-14T02:17:16.645Z\t{IDS[0]}\tno disk",
        f"2026-10-14T02:17:16.645Z\t{IDS[0]}\tWARN\tno disk",
        f"2026-10-14T02:17:16.645Z\t{IDS[0]}\tFATAL\tno disk",
    ],
)
def test_lines_of_text_at_any_level_that_matters_are_seen(line: str) -> None:
    found = errors.signatures(typed(cwli.query(_query(), _events([line])), COLUMNS))

    assert found[["kind", "tells"]].to_numpy().tolist() == [["only logged", "logged"]]


def test_a_heap_that_is_full_is_out_of_memory_whoever_says_so() -> None:
    kinds = _kinds(["Exception in thread main java.lang.OutOfMemoryError: Java heap space\n"])

    assert _counted(kinds) == {"out of memory": (0, 1)}


def test_a_denial_in_another_field_than_the_message_is_told_and_named() -> None:
    line = (
        '{"level": "ERROR", "message": "Failed to write record", "exception_name": "ClientError", '
        '"exception": "Traceback ... (AccessDeniedException) when calling the PutItem operation"}'
    )

    found = errors.signatures(typed(cwli.query(_query(), _events([line])), COLUMNS))

    assert found[["kind", "signature"]].to_numpy().tolist() == [
        ["permission denied", "Failed to write record (AccessDeniedException)"]
    ]


def _found(severity: Verdict, since: datetime | None) -> Finding:
    return Finding(
        id="errors.code", severity=severity, title="T", detail="D", subject="f", since=since
    )


def test_going_back_helps_only_what_began_with_a_change() -> None:
    changed, before, after = (datetime(2026, 10, 14, hour, tzinfo=UTC) for hour in (2, 1, 3))

    assert errors.began_after([None, _found(Verdict.WARNING, after)], changed)
    assert not errors.began_after([_found(Verdict.CRITICAL, before)], changed)
    assert not errors.began_after([_found(Verdict.CRITICAL, after)], None)
    assert not errors.began_after([_found(Verdict.UNKNOWN, after)], changed)
    assert not errors.began_after([_found(Verdict.CRITICAL, None)], changed)


def test_only_what_was_counted_and_is_none_is_silence() -> None:
    found = [errors.silence_finding(invocations=ran, subject="f") for ran in (0, 7, None)]

    assert [each and each.id for each in found] == ["invocations.none", None, None]
