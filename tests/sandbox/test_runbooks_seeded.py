"""The runbooks on functions that are unlike the aggregator, seeded with plain boto3."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from opslib import headless
from opslib.parameters import collect, declared
from opslib.sandbox.api import Sandbox
from sandbox.functions import make, package, settle
from sandbox.projects import MakeProject, SandboxProject
from sandbox.streams import mapping

NAME = "ingest"
START = datetime(2026, 10, 14, 0, 7, tzinfo=UTC)


@pytest.fixture
def seeded(sandbox_project: MakeProject, empty: Sandbox) -> SandboxProject:
    """Give an empty sandbox with one function, deployed long ago, and a params file for it."""
    project = sandbox_project("empty")
    make(empty, NAME, source="def handler(event, context): return None")
    empty.set_lambda_history(NAME, last_modified_at=START - timedelta(days=9))
    params = yaml.safe_load((project.root / "params" / "sandbox.yaml").read_text())
    params["system"] |= {"functions": [{"name": NAME}], "queues": [], "tables": []}
    (project.root / "params" / "seeded.yaml").write_text(yaml.safe_dump(params))
    return project


def _report(sandbox: Sandbox, *tails: str, own: int | None = None) -> None:
    """Write one REPORT line every two minutes, and metrics for the function's ``own`` of them."""
    logs, group = sandbox.client("logs"), f"/aws/lambda/{NAME}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    at = [START + timedelta(minutes=2 * n, seconds=30) for n in range(len(tails))]
    logs.put_log_events(
        logGroupName=group,
        logStreamName="s",
        logEvents=[
            {
                "timestamp": int(when.timestamp() * 1000),
                "message": f"REPORT RequestId: r-{n}\t{tail}\t\n",
            }
            for n, (when, tail) in enumerate(zip(at, tails, strict=True))
        ],
    )
    sandbox.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "Invocations",
                "Dimensions": [{"Name": "FunctionName", "Value": NAME}],
                "Timestamp": when,
                "Value": 1,
            }
            for when in at[:own]
        ],
    )


def _run(root: Path, notebook: str, **changed: str) -> headless.Outcome:
    path = root / "notebooks" / f"{notebook}.ipynb"
    values = collect(declared(path), notebook=notebook, files=["seeded"])
    return headless.run(path, values | changed)


def _found(outcome: headless.Outcome) -> dict[str, str]:
    return {finding["id"]: finding["severity"] for finding in outcome.result["findings"]}


def _tail(duration_ms: float, more: str = "") -> str:
    return (
        f"Duration: {duration_ms:.2f} ms\tBilled Duration: {duration_ms:.0f} ms\t"
        f"Memory Size: 128 MB\tMax Memory Used: 60 MB{more}"
    )


def test_invocations_that_reach_the_timeout_are_critical_however_few(
    seeded: SandboxProject,
) -> None:
    lambda_ = seeded.sandbox.client("lambda")
    timeout_ms = lambda_.get_function_configuration(FunctionName=NAME)["Timeout"] * 1000
    _report(
        seeded.sandbox,
        *[_tail(100.0)] * 60,
        _tail(timeout_ms, "\tStatus: timeout"),
        *[_tail(100.0)] * 20,
    )

    outcome = _run(seeded.root, "20-duration")

    assert _found(outcome)["duration.timed-out"] == "critical"
    assert outcome.exit_code == 2


def test_restores_from_a_snapshot_are_cold_starts(seeded: SandboxProject) -> None:
    restored = _tail(100.0, "\tRestore Duration: 900.00 ms\tBilled Restore Duration: 900 ms")
    _report(seeded.sandbox, *[restored, _tail(100.0)] * 40)

    outcome = _run(seeded.root, "40-cold-starts")

    assert _found(outcome) == {"cold-starts.frequent": "warning"}
    assert "40 of 80 invocations" in outcome.result["findings"][0]["detail"]


def test_a_window_without_anything_is_never_healthy(seeded: SandboxProject) -> None:
    seeded.sandbox.client("logs").create_log_group(logGroupName=f"/aws/lambda/{NAME}")

    codes = [_run(seeded.root, name).exit_code for name in ("20-duration", "40-cold-starts")]

    assert codes == [3, 3]


def test_a_function_without_queue_or_table_can_be_healthy(seeded: SandboxProject) -> None:
    _report(seeded.sandbox, *[_tail(100.0)] * 80)

    outcome = _run(seeded.root, "20-duration")

    assert (_found(outcome), outcome.result["limits"], outcome.exit_code) == ({}, [], 0)


def test_a_log_group_shared_with_other_functions_is_not_taken_for_the_functions_own(
    seeded: SandboxProject,
) -> None:
    _report(seeded.sandbox, *[_tail(100.0)] * 80, own=40)

    outcome = _run(seeded.root, "40-cold-starts")

    assert _found(outcome) == {"logs.metrics-disagree": "warning"}


def test_a_long_window_is_judged_by_the_alarms_periods_too(seeded: SandboxProject) -> None:
    _report(seeded.sandbox, *[_tail(100.0)] * 40, *[_tail(9500.0)] * 4, *[_tail(100.0)] * 44)

    outcome = _run(seeded.root, "20-duration", start="-7d")

    assert _found(outcome)["duration.near-timeout"] == "critical"


def test_records_that_a_stream_refused_are_seen_where_triage_sends_to(
    seeded: SandboxProject,
) -> None:
    _report(seeded.sandbox, _tail(100.0))
    seeded.sandbox.client("kinesis").create_stream(StreamName="scores", ShardCount=2)
    told = {"IncomingRecords": [6_000, 90_000, 30_000]}
    told |= {"WriteProvisionedThroughputExceeded": [0, 42, 0]}
    _written(seeded.sandbox, "scores", told)
    source = f"arn:aws:kinesis:us-east-1:{seeded.sandbox.account}:stream/scores"
    mapping(seeded.sandbox, NAME, source)
    path = seeded.root / "params" / "seeded.yaml"
    params = yaml.safe_load(path.read_text())
    functions = [{"name": NAME, "stream": "scores"}]
    params["system"] |= {"functions": functions, "streams": [{"name": "scores"}]}
    path.write_text(yaml.safe_dump(params))

    outcome = _run(seeded.root, "50-stream-lag")

    (finding,) = [
        each for each in outcome.result["findings"] if each["id"] == "stream.write-throttled"
    ]
    assert (finding["severity"], finding["subject"]) == ("critical", "scores")
    assert finding["since"] == "2026-10-14T00:12:00Z"
    # The fullest minute took 90,000 of the 120,000 records that two shards can.
    assert "At its fullest it took 75 % of what its 2 open shards can." in finding["detail"]


def _written(sandbox: Sandbox, stream: str, told: dict[str, list[int]]) -> None:
    """Publish metrics of a stream, a value every five minutes from the window's start."""
    sandbox.client("cloudwatch").put_metric_data(
        Namespace="AWS/Kinesis",
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": "StreamName", "Value": stream}],
                "Timestamp": START + timedelta(minutes=5 * place),
                "Value": value,
            }
            for metric, values in told.items()
            for place, value in enumerate(values)
        ],
    )


def _raise(sandbox: Sandbox, *minutes: int) -> None:
    """Write an uncaught exception at each of these minutes of the window."""
    sandbox.client("logs").put_log_events(
        logGroupName=f"/aws/lambda/{NAME}",
        logStreamName="s",
        logEvents=[
            {
                "timestamp": int((START + timedelta(minutes=minute)).timestamp() * 1000),
                "message": "[ERROR] KeyError: 'id'\nTraceback (most recent call last):\n"
                '\xa0\xa0File "/var/task/index.py", line 7, in handler\n',
            }
            for minute in minutes
        ],
    )


def test_failures_that_a_deployment_ended_are_told_as_over_and_offer_no_way_back(
    seeded: SandboxProject,
) -> None:
    lambda_ = seeded.sandbox.client("lambda")
    lambda_.publish_version(FunctionName=NAME)
    lambda_.update_function_code(
        FunctionName=NAME, ZipFile=package("def handler(event, context): return 2")
    )
    settle(lambda_, NAME)
    lambda_.publish_version(FunctionName=NAME)
    lambda_.create_alias(FunctionName=NAME, Name="live", FunctionVersion="2")
    old = START - timedelta(days=9)
    for version, at in (("1", old), ("2", old + timedelta(days=1))):
        seeded.sandbox.set_lambda_history(NAME, last_modified_at=at, qualifier=version)
    mended_at = START + timedelta(minutes=60)
    seeded.sandbox.set_lambda_history(NAME, last_modified_at=mended_at)
    _report(seeded.sandbox, *[_tail(100.0)] * 80)
    _raise(seeded.sandbox, *range(10, 60, 2))

    outcome = _run(seeded.root, "13-code-error")

    (finding,) = [each for each in outcome.result["findings"] if each["id"] == "errors.code"]
    assert finding["title"] == (
        "25 invocations of ingest failed: code error, until 2026-10-14 01:05 UTC"
    )
    assert "The deployment of 2026-10-14 01:07 UTC ended it" in finding["detail"]
    assert finding["next"] == {"notebook": None, "remedy": None}
    assert outcome.result["plans"] == []


def test_what_a_timeout_cut_off_stays_critical_after_the_edit_that_raised_it(
    seeded: SandboxProject,
) -> None:
    lambda_ = seeded.sandbox.client("lambda")
    for minute, seconds in ((1, 3), (90, 30)):
        lambda_.update_function_configuration(FunctionName=NAME, Timeout=seconds)
        settle(lambda_, NAME)
        _edited(seeded.sandbox, START + timedelta(minutes=minute), timeout=seconds)
    cut_off = _tail(3_000.0, "\tStatus: timeout")
    _report(seeded.sandbox, _tail(100.0), *[cut_off] * 3, *[_tail(2_900.0)] * 86)

    outcome = _run(seeded.root, "20-duration")

    raised = "Until 2026-10-14 01:37 UTC its timeout was 3.0 s, as CloudTrail has it."
    ended = f"{raised} The change of 2026-10-14 01:37 UTC ended it: going back repeats it."
    timed_out, near = outcome.result["findings"]
    assert _found(outcome) == dict.fromkeys(
        ["duration.timed-out", "duration.near-timeout"], "critical"
    )
    assert "reached the timeout of 3.0 s and were cut off until" in timed_out["title"]
    assert near["title"] == f"{NAME} took 97 % of its timeout until 2026-10-14 01:35 UTC"
    assert ended in near["detail"]
    assert outcome.exit_code == 2


def _edited(sandbox: Sandbox, at: datetime, **asked: object) -> None:
    """Date the last edit of the configuration, and let CloudTrail tell of it."""
    sandbox.set_lambda_history(NAME, last_modified_at=at)
    sandbox.record_change(
        "UpdateFunctionConfiguration20150331v2",
        at=at,
        user="on-call",
        asked={"functionName": NAME, **asked},
    )
