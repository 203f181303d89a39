"""The real aws command line, as a second client, gets the same rows as boto3."""

import json
import os
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from opslib.sandbox.api import Sandbox

# 2026-10-14T03:00:00Z.
_S = 1_791_946_800
_TEXT = (
    'filter @type = "REPORT" | stats max(@duration) as slowest, count() as n by bin(5m) as at'
    " | sort at desc"
)


def _aws(sandbox: Sandbox, *arguments: str) -> dict[str, Any]:
    """Run aws-cli with the config file that `up` wrote, and nothing else to go by."""
    ran = subprocess.run(
        [str(Path(sys.executable).parent / "aws"), "logs", *arguments, "--output", "json"],
        env={
            "PATH": os.defpath,
            "AWS_CONFIG_FILE": str(sandbox.home / "aws-config"),
            "AWS_PROFILE": "opslib-sandbox",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.stderr == ""
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


@pytest.fixture
def group(empty: Sandbox) -> str:
    logs = empty.client("logs")
    name = f"/aws/lambda/cli-{uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    report = "REPORT RequestId: r\tDuration: {} ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t\n"
    logs.put_log_events(
        logGroupName=name,
        logStreamName="s",
        logEvents=[
            {"timestamp": (_S + after_s) * 1000, "message": report.format(duration)}
            for after_s, duration in [(0, "12.50"), (10, "11.00"), (400, "9000.25")]
        ],
    )
    return name


def test_the_aws_command_line_gets_the_rows_that_boto3_gets(empty: Sandbox, group: str) -> None:
    logs = empty.client("logs")
    with_boto3 = logs.start_query(
        logGroupName=group, startTime=_S, endTime=_S + 900, queryString=_TEXT
    )["queryId"]
    while (by_boto3 := logs.get_query_results(queryId=with_boto3))["status"] == "Running":
        time.sleep(0.05)

    with_aws = _aws(
        empty,
        "start-query",
        f"--log-group-name={group}",
        f"--start-time={_S}",
        f"--end-time={_S + 900}",
        f"--query-string={_TEXT}",
    )["queryId"]
    by_aws = _aws(empty, "get-query-results", f"--query-id={with_aws}")

    assert by_aws["status"] == "Complete"
    assert by_aws["results"] == by_boto3["results"]
    assert by_aws["results"] == [
        [
            {"field": "at", "value": "2026-10-14 03:05:00.000"},
            {"field": "slowest", "value": "9000.25"},
            {"field": "n", "value": "1"},
        ],
        [
            {"field": "at", "value": "2026-10-14 03:00:00.000"},
            {"field": "slowest", "value": "12.5"},
            {"field": "n", "value": "2"},
        ],
    ]


def test_the_aws_command_line_pages_through_what_matches_a_pattern(
    empty: Sandbox, group: str
) -> None:
    found = _aws(
        empty,
        "filter-log-events",
        f"--log-group-name={group}",
        "--filter-pattern=[kind = REPORT, id_label, id, label, ms < 100, ...]",
        "--page-size=1",
    )["events"]

    assert [event["timestamp"] for event in found] == [_S * 1000, (_S + 10) * 1000]
    assert ["Duration: 12.50 ms" in found[0]["message"], "11.00" in found[1]["message"]] == [
        True
    ] * 2


def test_the_emulator_is_the_one_whose_inside_is_known() -> None:
    # opslib.sandbox.emulator reaches into this very release. Before raising the pin, read
    # _log_groups, _evict_old_metrics and app.app in the new one, and run these tests.
    assert metadata.version("ministack") == "1.5.33"
