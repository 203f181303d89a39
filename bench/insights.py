"""50,000 rows out of Logs Insights: `opslib.insights` against awswrangler's ``read_logs``.

Prints walls and their ratio; asserts no time. Both ask the same sandbox (scenario ``empty``,
pinned, in a folder of its own) for the same events, in turn, in this process. Run it on an
otherwise idle machine.

``read_logs`` reads one page of one query: 10,000 rows, whatever its ``limit``, without a word about
the rest. So it is called as someone would who knows that, and how many events there are: once for
each of as few equal parts of the window as keep every answer below 10,000 rows. opslib is asked one
question. The rows of both are compared, so a fast wrong answer stops the program.
"""

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import awswrangler
import boto3
import pandas as pd

from opslib.insights import Insights
from opslib.sandbox import launcher
from opslib.sandbox.api import Sandbox
from opslib.window import Window

EVENTS = 50_000
STREAMS = 5
PARTS = 6
ROUNDS = 5
GROUP = "/bench/batches"
QUERIES = {
    "lines": (
        "fields @timestamp, @log, @logStream, @message",
        {"@timestamp": "time", "@log": "text", "@logStream": "text", "@message": "text"},
    ),
    "discovered fields": (
        "fields @timestamp, @logStream, level, processing_time_ms, processed_count",
        {
            "@timestamp": "time",
            "@logStream": "text",
            "level": "text",
            "processing_time_ms": "float",
            "processed_count": "int",
        },
    ),
}


def _fill(sandbox: Sandbox, window: Window) -> None:
    """Log 50,000 batches, evenly over the window, as the aggregator prints them."""
    rng = random.Random(20261014)  # noqa: S311 - the same events each time
    logs = sandbox.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    span_ms = round(window.length.total_seconds() * 1000)
    for stream in range(STREAMS):
        name = f"2026/10/14/[$LATEST]{stream}"
        logs.create_log_stream(logGroupName=GROUP, logStreamName=name)
        events = [
            {
                "timestamp": window.start_s * 1000 + place * span_ms // EVENTS,
                "message": json.dumps(
                    {
                        "level": rng.choice(["INFO", "INFO", "WARNING"]),
                        "message": "Batch processing completed",
                        "processed_count": rng.randrange(1, 101),
                        "processing_time_ms": rng.randrange(1_000, 900_000) / 1000,
                    }
                ),
            }
            for place in range(stream, EVENTS, STREAMS)
        ]
        for first in range(0, len(events), 5_000):
            logs.put_log_events(
                logGroupName=GROUP, logStreamName=name, logEvents=events[first : first + 5_000]
            )


def _session(sandbox: Sandbox) -> boto3.Session:
    """Give a session that finds the sandbox by the config file that it wrote."""
    os.environ["AWS_CONFIG_FILE"] = str(sandbox.home / "aws-config")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"):
        os.environ.pop(name, None)
    return boto3.Session(profile_name="opslib-sandbox")


def _read_logs(session: boto3.Session, text: str, start: datetime, end: datetime) -> pd.DataFrame:
    return awswrangler.cloudwatch.read_logs(
        query=text,
        log_group_names=[GROUP],
        start_time=start,
        # Its milliseconds are inclusive.
        end_time=end - timedelta(milliseconds=1),
        boto3_session=session,
    )


def _in_parts(session: boto3.Session, text: str, window: Window) -> pd.DataFrame:
    cuts = [window.start + window.length * part / PARTS for part in range(PARTS + 1)]
    parts = [_read_logs(session, text, *ends) for ends in reversed(list(pairwise(cuts)))]
    return pd.concat(parts, ignore_index=True)


def _same(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    """Tell whether the two are the same rows in the same order."""
    if not len(ours) == len(theirs) == EVENTS:
        return False
    columns = []
    for name, found in ours.items():
        other = theirs[str(name).replace("@", "", 1)]
        plain = found.dt.tz_localize(None) if str(name) == "@timestamp" else found
        columns.append((plain == other.astype(plain.dtype)).all())
    return all(columns)


def _measure(
    name: str, sandbox: Sandbox, session: boto3.Session, window: Window, *, rounds: int
) -> None:
    text, columns = QUERIES[name]
    insights = Insights(sandbox.client("logs"))
    calls: dict[str, Callable[[], pd.DataFrame]] = {
        "opslib.insights, one question": lambda: (
            insights.query(name, text, groups=[GROUP], window=window, columns=columns).rows
        ),
        f"read_logs, {PARTS} windows": lambda: _in_parts(session, text, window),
        "read_logs, one call": lambda: _read_logs(session, text, window.start, window.end),
    }
    walls: dict[str, list[float]] = {call: [] for call in calls}
    answers: dict[str, pd.DataFrame] = {}
    for _ in range(rounds):
        for label, call in calls.items():
            began = time.perf_counter()
            answers[label] = call()
            walls[label].append(time.perf_counter() - began)
    ours, theirs, once = calls
    if not _same(answers[ours], answers[theirs]):
        sys.exit(f"{name}: the answers differ.")
    print(f"{name}: {EVENTS:,} rows of {len(columns)} columns, {rounds} rounds in turn")
    for label, seconds in walls.items():
        print(
            f"  {label:30} {len(answers[label]):6,} rows  "
            f"median {statistics.median(seconds):.2f} s  min {min(seconds):.2f} s"
        )
    ratios = [of(walls[theirs]) / of(walls[ours]) for of in (statistics.median, min)]
    print(f"  ratio of medians {ratios[0]:.1f}, of minima {ratios[1]:.1f} times as fast")
    print(f"  {once}: {EVENTS - len(answers[once]):,} rows are left out, and it does not say so")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="opslib-bench-") as folder:
        home = Path(folder) / "sandbox"
        sandbox = launcher.up(
            scenario="empty", clock="pinned", home=home, progress=lambda _: None, tied=True
        )
        try:
            window = Window.between("-3h", "now", now=sandbox.clock.now())
            _fill(sandbox, window)
            session = _session(sandbox)
            print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}")
            for name in QUERIES:
                _measure(name, sandbox, session, window, rounds=rounds)
        finally:
            launcher.down(home)


if __name__ == "__main__":
    main()
