"""What triage of 1, 10, 100 and 1,000 functions asks of AWS, and what memory it takes.

Runs the code cells of 00-triage, as committed, each size in a process of its own, against clients
that answer at once and count: a page of an answer is a call. Prints calls by operation, peak memory
and time; asserts nothing. (The sandbox takes minutes to be told of a thousand functions.) Each
function has metrics every five minutes for three hours; one in ten reads a table's stream and has a
dead-letter queue; durations are 40 ms, but those of one in a hundred, which are 3 s. Told twice:
all is well, and the first function fails.
"""

import ast
import contextlib
import io
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opslib import aws, runbook
from opslib.evidence import Folder
from opslib.system import load
from opslib.window import Window

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "00-triage.ipynb"
SIZES = (1, 10, 100, 1000)
READS_EVERY, SLOW_EVERY = 10, 100
NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(hours=3), NOW)
# GetMetricData gives so many points a page.
MOST_POINTS = 100_800
VALUES = {
    "Invocations": 30.0,
    "Errors": 0.0,
    "Throttles": 0.0,
    "Duration": 40.0,
    "IteratorAge": 200.0,
    "ConsumedWriteCapacityUnits": 60.0,
    "ApproximateNumberOfMessagesVisible": 0.0,
}


class Client:
    """Every client: answers by operation, and counts what it is asked."""

    def __init__(self, calls: Counter[str], *, failing: bool) -> None:
        self._calls = calls
        self._failing = failing

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation.startswith("_") or operation == "meta":
            raise AttributeError(operation)
        answers = {
            "get_metric_data": self._metrics,
            "get_function_configuration": lambda **asked: _configuration(asked["FunctionName"]),
            "get_query_results": lambda **_: self._rows(),
        }
        plain: dict[str, Any] = {
            "describe_alarms": {"MetricAlarms": []},
            "get_function_concurrency": {},
            "list_event_source_mappings": {"EventSourceMappings": []},
            "get_queue_url": {"QueueUrl": "q"},
            "get_queue_attributes": {"Attributes": {"ApproximateNumberOfMessages": "0"}},
            "start_query": {"queryId": "q"},
            "describe_table": {"Table": {}},
            "describe_log_groups": {"logGroups": []},
            "lookup_events": {"Events": []},
        }

        def call(**asked: Any) -> Any:
            self._calls[operation] += 1
            return answers[operation](**asked) if operation in answers else plain[operation]

        return call

    def get_paginator(self, operation: str) -> "Pages":
        return Pages(self._calls, operation)

    def _metrics(self, **asked: Any) -> Any:
        results = []
        for query in asked["MetricDataQueries"]:
            stat = query["MetricStat"]
            value = self._value(stat["Metric"])
            step = timedelta(seconds=stat["Period"])
            points = int((asked["EndTime"] - asked["StartTime"]) / step) if value is not None else 0
            results.append(
                {
                    "Id": query["Id"],
                    "StatusCode": "Complete",
                    "Timestamps": [asked["StartTime"] + step * n for n in range(points)],
                    "Values": [value] * points,
                }
            )
        held = sum(len(result["Values"]) for result in results)
        self._calls["get_metric_data"] += max(0, -(-held // MOST_POINTS) - 1)
        return {"MetricDataResults": results}

    def _value(self, metric: Mapping[str, Any]) -> float | None:
        name, dimensions = metric["MetricName"], metric["Dimensions"]
        if not dimensions:  # of the whole account
            return None
        subject = dimensions[0]["Value"]
        number = int(subject.split("-")[1])
        if name == "Duration" and number % SLOW_EVERY == SLOW_EVERY - 1:
            return 3000.0
        if name == "Errors" and number == 0 and self._failing:
            return 3.0
        return VALUES.get(name)

    def _rows(self) -> Any:
        statistics = {"recordsMatched": 0.0, "recordsScanned": 0.0, "bytesScanned": 0.0}
        return {"status": "Complete", "results": [], "statistics": statistics}


class Pages:
    """A paginator of one page."""

    def __init__(self, calls: Counter[str], operation: str) -> None:
        self._calls = calls
        self._operation = operation

    def paginate(self, **_: Any) -> Iterator[Mapping[str, Any]]:
        self._calls[self._operation] += 1
        yield {"Versions": [], "Aliases": [], "EventSourceMappings": []}


class Connection:
    """As `opslib.aws.connect` gives it, after its one call."""

    def __init__(self, size: int, calls: Counter[str], *, failing: bool) -> None:
        self.system = load(_system(size))
        arn = "arn:aws:iam::123456789012:user/ada"
        self.identity = aws.Identity("123456789012", arn, "eu-west-1", NOW)
        calls["get_caller_identity"] += 1
        self._client = Client(calls, failing=failing)

    def client(self, service: str) -> Client:
        return self._client

    def brief_client(self, service: str) -> Client:
        return self._client


def _system(size: int) -> dict[str, Any]:
    names = [f"f-{number}" for number in range(size)]
    readers = names[::READS_EVERY]
    return {
        "name": "fleet",
        "environment": "staging",
        "account": "123456789012",
        "region": "eu-west-1",
        "functions": [
            {"name": name}
            | ({"table": f"t{name}", "dead_letter_queue": f"q{name}"} if name in readers else {})
            for name in names
        ],
        "queues": [{"name": f"q{name}"} for name in readers],
        "tables": [{"name": f"t{name}"} for name in readers],
    }


def _configuration(name: str) -> dict[str, Any]:
    modified = (NOW - timedelta(days=9)).isoformat()
    return {"FunctionName": name, "Timeout": 10, "MemorySize": 128, "LastModified": modified}


def _run(size: int, *, failing: bool) -> dict[str, Any]:
    """Run the notebook's code with a run that was opened on the counting clients."""
    calls: Counter[str] = Counter()
    connection: Any = Connection(size, calls, failing=failing)
    run = runbook.Run("00-triage", connection=connection, window=WINDOW, folder=Folder(None))
    held: dict[str, Any] = {"run": run}
    began = time.perf_counter()
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        tree.body = [line for line in tree.body if "runbook.open(" not in ast.unparse(line)]
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(tree, "00-triage", "exec"), held)  # noqa: S102 - our own notebook
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"calls": calls, "peak_mb": peak_mb, "wall_s": time.perf_counter() - began}


def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("00-triage of a system, 3 h: API calls, peak memory, time; answers come at once")
    for word in ("well", "failing"):
        print("all is well" if word == "well" else "the first function fails")
        for size in SIZES:
            command = [sys.executable, __file__, str(size), word]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found = json.loads(told.splitlines()[-1])
            said = ", ".join(f"{name} {n}" for name, n in sorted(found["calls"].items()))
            print(
                f"  {size:5,} functions  {sum(found['calls'].values()):3} calls  "
                f"{found['peak_mb']:5.0f} MB  {found['wall_s']:5.1f} s   {said}"
            )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(_run(int(sys.argv[1]), failing=sys.argv[2] == "failing")))
    else:
        main()
