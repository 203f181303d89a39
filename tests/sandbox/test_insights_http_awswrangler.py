"""awswrangler, as a third client: it sends identifiers and milliseconds, and reads a frame."""

from datetime import UTC, datetime, timedelta
from typing import Any

import awswrangler
import boto3
import pytest

from opslib.sandbox.api import Sandbox
from sandbox.log_groups import S, fill

_AT = datetime.fromtimestamp(S, UTC)
_REPORT = "REPORT RequestId: r\tDuration: {} ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t\n"


@pytest.fixture
def session(empty: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a session that finds the sandbox by the config file that `up` wrote."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(empty.home / "aws-config"))
    # A key in the environment would go before the profile's.
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return boto3.Session(profile_name="opslib-sandbox")


@pytest.fixture
def group(empty: Sandbox) -> str:
    told = [(at_s * 1000, _REPORT.format(ms)) for at_s, ms in [(0, 12.5), (10, 11), (400, 9000.25)]]
    return fill(empty, {"s": told})


def test_read_logs_gives_the_rows_as_a_frame(session: Any, group: str) -> None:
    bins = awswrangler.cloudwatch.read_logs(
        query="stats max(@duration) as slowest, count() as n by bin(5m) as at | sort at asc",
        log_group_names=[group],
        start_time=_AT,
        end_time=_AT + timedelta(minutes=15),
        boto3_session=session,
    )

    assert bins.to_dict("records") == [
        {"at": "2026-10-14 03:00:00.000", "slowest": "12.5", "n": "2"},
        {"at": "2026-10-14 03:05:00.000", "slowest": "9000.25", "n": "1"},
    ]


def test_read_logs_by_arn_keeps_to_its_milliseconds(session: Any, group: str) -> None:
    reports = awswrangler.cloudwatch.read_logs(
        query="fields @timestamp, @duration | sort @timestamp desc",
        log_group_names=[f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"],
        start_time=_AT + timedelta(milliseconds=1),
        end_time=_AT + timedelta(seconds=400),
        boto3_session=session,
    )

    assert list(reports["timestamp"]) == [
        datetime(2026, 10, 14, 3, 6, 40),  # noqa: DTZ001 - awswrangler's are naive
        datetime(2026, 10, 14, 3, 0, 10),  # noqa: DTZ001
    ]
    assert list(reports["duration"]) == ["9000.25", "11"]


def test_read_logs_obeys_its_limit(session: Any, group: str) -> None:
    reports = awswrangler.cloudwatch.read_logs(
        query="fields @duration | sort @timestamp asc",
        log_group_names=[group],
        start_time=_AT,
        end_time=_AT + timedelta(hours=1),
        limit=2,
        boto3_session=session,
    )

    assert list(reports["duration"]) == ["12.5", "11"]


def test_filter_log_events_finds_what_matches(session: Any, group: str) -> None:
    events = awswrangler.cloudwatch.filter_log_events(
        log_group_name=group, filter_pattern='"9000.25 ms"', boto3_session=session
    )

    assert list(events["message"]) == [_REPORT.format(9000.25)]
