"""Triage of a system of several things, seeded with plain boto3: alarms and what stands open."""

from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from opslib import headless
from opslib.parameters import collect, declared
from opslib.sandbox.api import Sandbox
from sandbox.functions import make
from sandbox.projects import MakeProject

NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
BUSY, STOPPED = "busy", "stopped"


def _measure(sandbox: Sandbox, name: str, **values: float) -> None:
    entries = [
        {
            "MetricName": metric,
            "Dimensions": [{"Name": "FunctionName", "Value": name}],
            "Timestamp": NOW - timedelta(minutes=5 * n),
            "Value": value,
        }
        for n in range(36, 0, -1)
        for metric, value in values.items()
    ]
    sandbox.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=entries)


def _alarm(sandbox: Sandbox, name: str, **settings: Any) -> None:
    client = sandbox.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/Lambda",
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
        **settings,
    )
    client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="told")


def test_triage_tells_what_stands_open_and_the_alarm_that_nothing_explains(
    sandbox_project: MakeProject, empty: Sandbox
) -> None:
    project = sandbox_project("empty")
    for name in (BUSY, STOPPED):
        make(empty, name, source="def handler(event, context): return None")
        empty.set_lambda_history(name, last_modified_at=NOW - timedelta(days=9))
        empty.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
    _measure(empty, BUSY, Invocations=30, Errors=3, Throttles=0, Duration=40)
    _measure(empty, STOPPED, Throttles=12)
    empty.client("lambda").put_function_concurrency(
        FunctionName=STOPPED, ReservedConcurrentExecutions=0
    )
    for metric in ("Errors", "DeadLetterErrors"):
        dimensions = [{"Name": "FunctionName", "Value": BUSY}]
        _alarm(empty, f"{BUSY}-{metric}", MetricName=metric, Dimensions=dimensions)
    params = yaml.safe_load((project.root / "params" / "sandbox.yaml").read_text())
    functions = [{"name": BUSY}, {"name": STOPPED}]
    params["system"] |= {"functions": functions, "queues": [], "tables": []}
    (project.root / "params" / "seeded.yaml").write_text(yaml.safe_dump(params))
    path = project.root / "notebooks" / "00-triage.ipynb"

    result = headless.run(
        path, collect(declared(path), notebook=path.stem, files=["seeded"])
    ).result

    found = {(finding["id"], finding["subject"]): finding for finding in result["findings"]}
    assert result["verdict"] == "critical"
    assert {("change.temporary", STOPPED), ("errors.rate", BUSY)} <= found.keys()
    assert {("invocations.throttled", STOPPED), ("alarms.firing", BUSY)} <= found.keys()
    assert f"{BUSY}-DeadLetterErrors" in found["alarms.firing", BUSY]["title"]
    assert result["findings"][0]["id"] == "change.temporary"
    assert found["change.temporary", STOPPED]["severity"] == "critical"
