"""The three runbooks as cron runs them, on the real sandbox: verdicts, findings, and every number.

The numbers are computed again here from the raw events, with regular expressions, numpy and
pandas, and nothing of the engine or the runbooks.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opslib import headless
from opslib.parameters import collect, declared
from opslib.sandbox import scenarios
from opslib.sandbox.api import Sandbox
from sandbox.projects import MakeProject

NOTEBOOKS = ("00-triage", "20-duration", "40-cold-starts")
GROUP = "/aws/lambda/ZAEL-demo-aggregator"
START = pd.Timestamp("2026-10-14T00:07:00Z")
END = pd.Timestamp("2026-10-14T03:07:00Z")
DEPLOYED = pd.Timestamp("2026-10-14T01:52:00Z")

Ran = Callable[[str, str], headless.Outcome]


def _run(root: Path, notebook: str) -> headless.Outcome:
    path = root / "notebooks" / f"{notebook}.ipynb"
    values = collect(declared(path), notebook=notebook, files=["sandbox"])
    return headless.run(path, values)


Events = list[tuple[pd.Timestamp, str]]

_EVENTS: Events = []
_OUTCOMES: dict[tuple[str, str], headless.Outcome] = {}


@pytest.fixture
def ran(sandbox_project: MakeProject) -> Ran:
    """Run a notebook on a scenario once in this session, and give what it left behind."""

    def outcome(scenario: str, notebook: str) -> headless.Outcome:
        root = sandbox_project(scenario).root
        if (scenario, notebook) not in _OUTCOMES:
            _OUTCOMES[scenario, notebook] = _run(root, notebook)
        return _OUTCOMES[scenario, notebook]

    return outcome


def _rows(outcome: headless.Outcome, query: str) -> pd.DataFrame:
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", query)
    (path,) = [p for p in (outcome.folder / "evidence").glob("*.parquet") if p.stem[3:] == name]
    return pd.read_parquet(path)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_what_is_slow_gets_the_verdict_and_findings_it_declares(notebook: str, ran: Ran) -> None:
    wanted = scenarios.load("slow").expected[notebook]

    outcome = ran("slow", notebook)

    found = {finding["id"] for finding in outcome.result["findings"]}
    assert outcome.result["verdict"] == wanted.verdict
    assert found >= wanted.findings
    assert outcome.result["limits"] == []
    assert outcome.exit_code == {"warning": 1, "critical": 2}[wanted.verdict]


def test_bare_papermill_takes_a_params_file_as_it_stands(
    sandbox_project: MakeProject, tmp_path: Path
) -> None:
    root = sandbox_project("slow").root
    papermill = Path(sys.executable).with_name("papermill")
    files = ["notebooks/20-duration.ipynb", f"{tmp_path}/out.ipynb", "-f", "params/sandbox.yaml"]

    done = subprocess.run(
        [papermill, *files], cwd=root, capture_output=True, text=True, check=False
    )

    outputs = [
        output["data"]["text/plain"]
        for cell in json.loads((tmp_path / "out.ipynb").read_text())["cells"]
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert done.returncode == 0, done.stderr
    assert "unknown parameter" not in done.stderr
    assert "takes 96 % of its timeout" in "".join(line for text in outputs for line in text)


def test_triage_names_duration_as_the_cause_and_points_to_its_notebook(ran: Ran) -> None:
    first = ran("slow", "00-triage").result["findings"][0]

    assert first["id"] == "duration.near-timeout"
    assert first["next"]["notebook"] == "20-duration"
    assert "01:52" in first["detail"]


def test_the_window_is_three_hours_to_the_services_now(ran: Ran) -> None:
    result = ran("slow", "20-duration").result

    assert result["window"] == {"start": "2026-10-14T00:07:00Z", "end": "2026-10-14T03:07:00Z"}
    assert result["identity"]["account"] == "000000000000"


class TestNumbersEqualThoseOfTheRawEvents:
    """Each figure of the reports, computed again from the events."""

    @pytest.fixture
    def events(self, sandbox_project: MakeProject) -> Events:
        if not _EVENTS:
            _EVENTS.extend(_raw_events(sandbox_project("slow").sandbox))
        return _EVENTS

    def test_durations_over_the_window(self, ran: Ran, events: Events) -> None:
        reports = _reports(events)

        row = _rows(ran("slow", "20-duration"), "durations").iloc[0]

        assert row["invocations"] == len(reports)
        assert [row["p50_ms"], row["p95_ms"], row["p99_ms"], row["max_ms"]] == pytest.approx(
            np.percentile(reports["duration_ms"], [50, 95, 99, 100]), abs=1e-4
        )

    def test_durations_by_bin(self, ran: Ran, events: Events) -> None:
        reports = _reports(events)
        by_bin = reports.groupby(reports["at"].dt.floor("5min"))["duration_ms"]

        rows = _rows(ran("slow", "20-duration"), "durations by bin").set_index("at")

        assert rows["invocations"].to_dict() == by_bin.size().to_dict()
        for column, share in {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}.items():
            expected = by_bin.quantile(share)
            assert rows[column].to_dict() == pytest.approx(expected.to_dict(), abs=1e-4)

    def test_durations_before_and_after_the_deployment(self, ran: Ran, events: Events) -> None:
        reports = _reports(events)
        after = reports["at"] >= DEPLOYED

        outcome = ran("slow", "20-duration")

        for part, chosen in (("before", ~after), ("after", after)):
            row = _rows(outcome, f"durations, {part} the deployment").iloc[0]
            assert row["invocations"] == chosen.sum()
            assert row["p95_ms"] == pytest.approx(
                np.percentile(reports.loc[chosen, "duration_ms"], 95), abs=1e-4
            )

    def test_work_in_the_batches(self, ran: Ran, events: Events) -> None:
        batches = pd.DataFrame(
            {"at": at, **json.loads(line)}
            for at, line in events
            if '"message": "Batch processing completed"' in line
        )
        by_bin = batches.groupby(batches["at"].dt.floor("5min"))
        spent_ms, records = by_bin["processing_time_ms"].sum(), by_bin["processed_count"].sum()

        rows = _rows(ran("slow", "20-duration"), "batches by bin").set_index("at")

        assert rows["batches"].to_dict() == by_bin.size().to_dict()
        assert rows["per_record_ms"].to_dict() == pytest.approx(
            (spent_ms / records).to_dict(), abs=1e-3
        )
        assert rows["records_per_batch"].to_dict() == pytest.approx(
            (records / by_bin.size()).to_dict(), abs=1e-3
        )

    def test_memory(self, ran: Ran, events: Events) -> None:
        reports = _reports(events)

        row = _rows(ran("slow", "20-duration"), "memory").iloc[0]

        assert row["most_mb"] == reports["used_mb"].max()
        assert row["median_mb"] == reports["used_mb"].median()

    def test_cold_starts(self, ran: Ran, events: Events) -> None:
        reports = _reports(events)
        inits = reports["init_ms"].dropna()

        outcome = ran("slow", "40-cold-starts")

        row = _rows(outcome, "cold starts").iloc[0]
        assert (row["invocations"], row["cold_starts"]) == (len(reports), len(inits))
        assert [row["p50_init_ms"], row["p95_init_ms"], row["max_init_ms"]] == pytest.approx(
            np.percentile(inits, [50, 95, 100]), abs=1e-4
        )
        each = _rows(outcome, "each cold start")
        assert each["init_ms"].tolist() == inits.tolist()
        assert each["at"].tolist() == reports.loc[inits.index, "at"].tolist()

    def test_cold_and_warm(self, ran: Ran, events: Events) -> None:
        reports = _reports(events)
        kinds = reports.groupby(reports["init_ms"].notna().astype(int))["duration_ms"]

        rows = _rows(ran("slow", "40-cold-starts"), "cold and warm").set_index("cold")

        assert rows["invocations"].to_dict() == kinds.size().to_dict()
        assert rows["p95_ms"].to_dict() == pytest.approx(kinds.quantile(0.95).to_dict(), abs=1e-4)

    def test_the_metrics_that_triage_judges(self, ran: Ran, events: Events) -> None:
        reports = _reports(events)
        begun = pd.to_datetime([at for at, line in events if line.startswith("START ")])

        points = _rows(ran("slow", "00-triage"), "metrics")

        values = points.set_index(["metric", "at"])["value"]
        invocations = values["invocations of ZAEL-demo-aggregator"].sum()
        assert invocations == len(begun[(begun >= START) & (begun < END)])
        assert abs(invocations - len(reports)) <= 2
        assert values["errors of ZAEL-demo-aggregator"].sum() == 0


def _raw_events(sandbox: Sandbox) -> Events:
    """Read every event of the window stream by stream, past any query."""
    logs = sandbox.client("logs")
    found = []
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=GROUP)
    for name in [stream["logStreamName"] for page in pages for stream in page["logStreams"]]:
        wanted = {"logGroupName": GROUP, "logStreamName": name, "startFromHead": True}
        page = logs.get_log_events(**wanted)
        while page["events"]:
            found += [(event["timestamp"], event["message"]) for event in page["events"]]
            page = logs.get_log_events(**wanted, nextToken=page["nextForwardToken"])
    events = [(pd.Timestamp(ms, unit="ms", tz="UTC"), line) for ms, line in sorted(found)]
    return [(at, line) for at, line in events if START <= at < END]


def _reports(events: Events) -> pd.DataFrame:
    patterns = {
        "duration_ms": r"\tDuration: ([\d.]+) ms",
        "init_ms": r"\tInit Duration: ([\d.]+) ms",
        "used_mb": r"\tMax Memory Used: (\d+) MB",
    }
    rows = [(at, line) for at, line in events if line.startswith("REPORT ")]
    frame = pd.DataFrame({"at": [at for at, _ in rows]})
    for column, pattern in patterns.items():
        found = [re.search(pattern, line) for _, line in rows]
        frame[column] = [float(match[1]) if match else float("nan") for match in found]
    return frame


@pytest.mark.parametrize(
    ("notebook", "operation", "said"),
    [
        ("00-triage", "cloudwatch:GetMetricData", "cloudwatch:GetMetricData"),
        ("00-triage", "logs:StartQuery", "logs:StartQuery"),
        ("20-duration", "logs:StartQuery", "logs:StartQuery"),
        ("20-duration", "lambda:GetFunctionConfiguration", "lambda:GetFunctionConfiguration"),
        ("40-cold-starts", "logs:GetQueryResults", "logs:GetQueryResults"),
    ],
)
def test_a_denied_permission_is_said_by_name_and_never_healthy(
    notebook: str, operation: str, said: str, sandbox_project: MakeProject
) -> None:
    project = sandbox_project("healthy")
    project.sandbox.set_fault(operation, code="AccessDenied")

    outcome = _run(project.root, notebook)

    limits = " ".join(limit["what"] for limit in outcome.result["limits"])
    assert outcome.exit_code == 3
    assert said in limits
    assert '"Effect": "Allow"' in limits
    assert said in (outcome.folder / "report.html").read_text()


def test_a_critical_that_was_seen_stands_though_something_else_was_denied(
    sandbox_project: MakeProject,
) -> None:
    project = sandbox_project("slow")
    project.sandbox.set_fault("logs:StartQuery", code="AccessDenied")

    outcome = _run(project.root, "00-triage")

    assert outcome.exit_code == 2
    assert "logs:StartQuery" in outcome.result["limits"][0]["what"]


def test_with_the_sandbox_down_the_run_could_not_look_and_says_how_to_start_it(
    project_root: Path,
) -> None:
    outcome = _run(project_root, "00-triage")

    assert outcome.exit_code == 3
    assert "opslib sandbox up" in (outcome.folder / "report.html").read_text()


def test_a_caller_in_another_account_is_refused_before_anything_is_read(
    sandbox_project: MakeProject,
) -> None:
    project = sandbox_project("healthy")
    path = project.root / "params" / "other.yaml"
    text = (project.root / "params" / "sandbox.yaml").read_text()
    path.write_text(text.replace('"000000000000"', '"111111111111"'))
    notebook = project.root / "notebooks" / "20-duration.ipynb"
    values = collect(declared(notebook), notebook="20-duration", files=[path])

    outcome = headless.run(notebook, values)

    assert outcome.exit_code == 3
    assert outcome.result["queries"] == []
    assert "account 111111111111" in outcome.result["limits"][0]["what"]
