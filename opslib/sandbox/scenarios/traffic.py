"""Real traffic through the running pipeline.

In: a sandbox with the pipeline deployed. Out: stream records written by the product's own client,
and invocations that really ran. Must not know stories.
"""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from opslib.errors import CouldNotLook, OpsError
from opslib.sandbox.api import Sandbox
from opslib.sandbox.scenarios.pipeline import LOG_GROUP, TABLE
from opslib.sandbox.scenarios.recorded import LAST

# Run, not imported: see there.
_LIMITER = Path(__file__).with_name("limiter.py")
# What comes to pass is seen at once; on a very busy machine it takes long to come.
_DEADLINE_S = 180.0
_PAUSE_S = 0.1
_REPORT = re.compile(r"REPORT RequestId: \S+\tDuration: (?P<duration_ms>[\d.]+) ms\t")


@dataclass(frozen=True, kw_only=True)
class Reported:
    """One invocation that really ran, as its REPORT line tells it.

    Parameters
    ----------
    started_at
        Its end, as the line is stamped, less its duration; tz-aware UTC.
    duration_ms
        Milliseconds.
    """

    started_at: datetime
    duration_ms: float


@dataclass(frozen=True, kw_only=True)
class Written:
    """Stream records that requests have made.

    Parameters
    ----------
    records
        How many the mapping delivers.
    at
        When the last was written, or a little later, by the wall's clock.
    """

    records: int
    at: datetime


def drive(
    sandbox: Sandbox, *, entities: int, acquisitions: int, fresh: bool = True, pause_s: float = 0.0
) -> Written:
    """Make rate-limited requests, so that the table's stream carries real records.

    An entity's first request inserts its bucket, which the mapping's filter drops; each later one
    is a record that it delivers. The client runs in a process of its own and knows nothing of the
    caller's environment.

    Parameters
    ----------
    sandbox
        With the pipeline deployed.
    entities
        How many users ask.
    acquisitions
        How many requests they make in all.
    fresh
        Whether these users have never asked before.
    pause_s
        How long each takes its time over what it was granted, seconds.

    Raises
    ------
    OpsError
        A request was not granted, or the client could not reach the table.
    """
    request = {
        "table": TABLE,
        "region": sandbox.region,
        "endpoint": sandbox.endpoint,
        "entities": entities,
        "acquisitions": acquisitions,
        "pause_s": pause_s,
    }
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own program
            [sys.executable, "-P", str(_LIMITER), json.dumps(request)],
            env={
                "AWS_ACCESS_KEY_ID": sandbox.access_key_id,
                "AWS_SECRET_ACCESS_KEY": sandbox.secret_access_key,
                "AWS_EC2_METADATA_DISABLED": "true",
                # Without these the files of the person's own home would be read.
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                # On loopback what does not answer at once does not answer.
                "AWS_MAX_ATTEMPTS": "2",
            },
            capture_output=True,
            text=True,
            timeout=_DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OpsError(
            f"The traffic through {TABLE} was given up: the rate limiter's client was not done "
            f"after {_DEADLINE_S:.0f} s. The machine may be very busy; start the sandbox "
            "again.",
            deadline_s=_DEADLINE_S,
        ) from error
    if done.returncode != 0:
        raise OpsError(
            f"No traffic was driven through {TABLE}: the rate limiter's client ended with "
            f"{done.returncode} and said: {done.stdout or 'nothing'}. Is the pipeline deployed?",
            exit_code=done.returncode,
        )
    inserted = entities if fresh else 0
    return Written(records=acquisitions - inserted, at=datetime.now(UTC))


def wait_for(
    sandbox: Sandbox, written: Written, *, since: datetime, deadline_s: float = _DEADLINE_S
) -> list[Reported]:
    """Wait until the function has processed every record that was written.

    Parameters
    ----------
    sandbox
        With the mapping enabled.
    written
        What it is to process.
    since
        What was logged earlier does not count; by the wall's clock.
    deadline_s
        How long to wait, seconds.

    Returns
    -------
    The invocations that did it, oldest first.

    Raises
    ------
    CouldNotLook
        Not all were processed in time.
    """
    until = time.monotonic() + deadline_s
    while True:
        messages = messages_since(sandbox, since)
        processed = sum(_processed(message) for _, message in messages)
        if processed >= written.records:
            return _reports(messages)
        if time.monotonic() > until:
            raise CouldNotLook(
                f"The pipeline was not seen at work: {processed} of {written.records} records were "
                f"processed within {deadline_s:.0f} s. The machine may be very busy; start the "
                "sandbox again.",
                operation="logs:FilterLogEvents",
                reason="timeout",
                processed=processed,
            )
        time.sleep(_PAUSE_S)


def wait_until_reported(
    sandbox: Sandbox, *, since: datetime, deadline_s: float = _DEADLINE_S
) -> list[Reported]:
    """Wait until the function has reported an invocation, whatever became of it.

    Raises
    ------
    CouldNotLook
        None was reported in time.
    """
    until = time.monotonic() + deadline_s
    while True:
        reported = _reports(messages_since(sandbox, since))
        if reported:
            return reported
        if time.monotonic() > until:
            raise CouldNotLook(
                f"The pipeline was not seen at work: no invocation was reported within "
                f"{deadline_s:.0f} s. The machine may be very busy; start the sandbox again.",
                operation="logs:FilterLogEvents",
                reason="timeout",
            )
        time.sleep(_PAUSE_S)


def messages_since(sandbox: Sandbox, since: datetime) -> list[tuple[int, str]]:
    """Read what the function logged since an instant: epoch milliseconds and message, in order."""
    pages = (
        sandbox.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=LOG_GROUP, startTime=round(since.timestamp() * 1000))
    )
    return [
        (event["timestamp"], event["message"].rstrip("\n"))
        for page in pages
        for event in page["events"]
    ]


def _processed(message: str) -> int:
    """Tell how many records the invocation processed whose last line this is; any other line, 0."""
    if not message.startswith("{"):
        return 0
    line = json.loads(message)
    return int(line["processed"]) if line["message"] == LAST else 0


def _reports(messages: list[tuple[int, str]]) -> list[Reported]:
    found = []
    for timestamp, message in messages:
        report = _REPORT.match(message)
        if report:
            duration_ms = float(report["duration_ms"])
            ended_at = datetime.fromtimestamp(timestamp / 1000, tz=UTC)
            started_at = ended_at - timedelta(milliseconds=duration_ms)
            found.append(Reported(started_at=started_at, duration_ms=duration_ms))
    return sorted(found, key=lambda reported: reported.started_at)
