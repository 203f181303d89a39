"""The runbooks on a function that logs JSON: its durations are in platform.report lines alone."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from opslib import headless
from opslib.parameters import collect, declared
from opslib.sandbox.api import Sandbox
from sandbox.functions import make, settle
from sandbox.projects import MakeProject, SandboxProject

NAME = "ingest"
START = datetime(2026, 10, 14, 0, 7, tzinfo=UTC)
WARM, COLD, CUT, FAILED = 50, 20, 10, 5
STREAM = "2026/10/14/[$LATEST]0123456789abcdef0123456789abcdef"


@pytest.fixture
def seeded(sandbox_project: MakeProject, empty: Sandbox) -> SandboxProject:
    """Give an empty sandbox with one function that logs JSON, and a params file for it."""
    project = sandbox_project("empty")
    make(empty, NAME, source="def handler(event, context): return None")
    lambda_ = empty.client("lambda")
    lambda_.update_function_configuration(
        FunctionName=NAME, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "INFO"}
    )
    settle(lambda_, NAME)
    empty.set_lambda_history(NAME, last_modified_at=START - timedelta(days=9))
    params = yaml.safe_load((project.root / "params" / "sandbox.yaml").read_text())
    params["system"] |= {"functions": [{"name": NAME}], "queues": [], "tables": []}
    (project.root / "params" / "json.yaml").write_text(yaml.safe_dump(params))
    _write(empty)
    return project


def _write(sandbox: Sandbox) -> None:
    """Write an invocation every two minutes: most are warm, one in a few is not or goes wrong."""
    kinds = [*["warm"] * WARM, *["cold"] * COLD, *["cut"] * CUT, *["failed"] * FAILED]
    # In another order, the same each time: every kind all over the window.
    ordered = [kinds[place * 37 % len(kinds)] for place in range(len(kinds))]
    told = [
        (START + timedelta(minutes=2 * place, seconds=30), line, kind)
        for place, kind in enumerate(ordered)
        for line in _lines(kind, f"3a5b9c10-0000-4000-8000-{place:012}")
    ]
    logs, group = sandbox.client("logs"), f"/aws/lambda/{NAME}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=STREAM)
    logs.put_log_events(
        logGroupName=group,
        logStreamName=STREAM,
        logEvents=[
            {"timestamp": int(at.timestamp() * 1000), "message": json.dumps(line)}
            for at, line, _ in told
        ],
    )
    points = [(at, kind) for at, line, kind in told if line.get("type") == "platform.report"]
    sandbox.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "FunctionName", "Value": NAME}],
                "Timestamp": at,
                "Value": 1,
            }
            for at, kind in points
            for name in ("Invocations", *(["Errors"] if kind in ("cut", "failed") else []))
        ],
    )


def _lines(kind: str, request: str) -> list[dict[str, Any]]:
    metrics = {"durationMs": 100.0, "billedDurationMs": 100, "memorySizeMB": 128}
    metrics |= {"maxMemoryUsedMB": 60}
    status = "success"
    more: list[dict[str, object]] = []
    if kind == "cold":
        metrics |= {"initDurationMs": 900.5}
    elif kind == "cut":
        metrics |= {"durationMs": 10_000.0, "billedDurationMs": 10_000, "maxMemoryUsedMB": 90}
        status = "timeout"
    elif kind == "failed":
        status = "error"
        more = [
            {
                "level": "ERROR",
                "errorType": "ZeroDivisionError",
                "errorMessage": "division by zero",
                "requestId": request,
                "stackTrace": ['  File "/var/task/index.py", line 8, in handler\n    1 / 0\n'],
            }
        ]
    record = {"requestId": request, "status": status, "metrics": metrics}
    if status != "success":
        # Sent at WARN where it failed, at DEBUG where it did not.
        more.append({"type": "platform.runtimeDone", "record": record})
    return [*more, {"type": "platform.report", "record": record}]


def _run(root: Path, notebook: str) -> headless.Outcome:
    path = root / "notebooks" / f"{notebook}.ipynb"
    return headless.run(path, collect(declared(path), notebook=notebook, files=["json"]))


def _rows(outcome: headless.Outcome, name: str) -> list[dict[str, str]]:
    """Return the rows that a question of the run had, by the name of its evidence."""
    (path,) = Path(outcome.folder).glob(f"evidence/*-{name}.csv")
    return list(csv.DictReader(path.read_text().splitlines()))


def _found(outcome: headless.Outcome) -> dict[str, str]:
    return {finding["id"]: finding["severity"] for finding in outcome.result["findings"]}


def test_durations_and_memory_are_those_of_the_platforms_reports(seeded: SandboxProject) -> None:
    outcome = _run(seeded.root, "20-duration")

    (whole,) = _rows(outcome, "durations")
    assert (whole["invocations"], whole["p50_ms"], whole["max_ms"]) == ("85", "100.0", "10000.0")
    (memory,) = _rows(outcome, "memory")
    assert (memory["most_mb"], memory["median_mb"]) == ("90.0", "60.0")
    (billed,) = _rows(outcome, "time-in-batches")
    assert billed["billed_ms"] == "107500.0"
    assert _found(outcome)["duration.timed-out"] == "critical"
    assert "logs.metrics-disagree" not in _found(outcome)


def test_cold_starts_are_those_whose_report_has_an_init_duration(seeded: SandboxProject) -> None:
    outcome = _run(seeded.root, "40-cold-starts")

    (whole,) = _rows(outcome, "cold-starts")
    assert (whole["invocations"], whole["cold_starts"], whole["max_init_ms"]) == (
        "85",
        "20",
        "900.5",
    )
    assert [(row["cold"], row["invocations"]) for row in _rows(outcome, "cold-and-warm")] == [
        ("0", "65"),
        ("1", "20"),
    ]
    assert _found(outcome) == {"cold-starts.frequent": "warning"}


def test_errors_are_those_of_the_code_and_of_the_platform_each_once(seeded: SandboxProject) -> None:
    outcome = _run(seeded.root, "10-error-rate")

    found = {finding["id"]: finding for finding in outcome.result["findings"]}
    assert set(found) == {"errors.code", "errors.timeout", "errors.rate"}
    assert "5 of 85 invocations" in found["errors.code"]["detail"]
    assert "10 of 85 invocations" in found["errors.timeout"]["detail"]
