"""The local Logs Insights engine against SQL written by hand, on 1, 3 and 10 million events.

Prints a table: query, events, seconds of each side, their ratio, peak memory of each side. It
asserts that both sides give the same rows, never a time. Run it on an otherwise idle machine:
``make bench``, or ``python bench/cwli.py --events 0.2`` for a quick look; README.md beside this
file holds the last table.

The events are made inside DuckDB, the same each time, and stand in a table of a database file, so
that what a table takes in memory is DuckDB's bounded cache. Each measurement is a process of its
own: it opens the file with the same settings on either side, runs twice on all events (the engine
once on none before, since imports and grammar are not the query), and reports its better time and
its own peak. The sides take turns: three, or two of more than a million events.

The SQL by hand is what someone would write who knows the table and DuckDB: it trusts that a line
that begins with a brace is JSON, that no field of interest hides behind a backslash, and tests for
a substring before it parses.
"""

# ruff: noqa: S608 -- every SQL is written here; an assertion is what a bench stops on.

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from opslib import cwli

ROUNDS, ROUNDS_OF_MANY = 3, 2
RUNS = 2
SETTINGS: dict[str, Any] = {"memory_limit": "1GB", "threads": min(4, os.cpu_count() or 1)}
BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC
SPAN_MS = 24 * 3_600_000
LISTED = 1_000_000
"""Most events of the list of mappings whose loading is measured."""

# Twenty lines a group: an invocation of the aggregator, as it prints them, then lines of workers
# and plain text. ``h`` and ``g`` are noise that is the same each time.
_LINES = """
CASE i % 20
WHEN 0 THEN 'START RequestId: ' || id || ' Version: $LATEST'
WHEN 1 THEN '{"timestamp": "' || iso || '", "level": "INFO", "logger":
 "zae_limiter_aggregator.handler", "message": "Lambda invocation started", "request_id": "' || id ||
 '", "function_name": "ZAEL-demo-aggregator", "record_count": ' || h % 100 || ', "table_name":
 "ZAEL-demo", "snapshot_windows": ["hourly", "daily"], "enable_archival": false,
 "archive_bucket": null}'
WHEN 2 THEN '{"timestamp": "' || iso || '", "level": "INFO", "logger":
 "zae_limiter_aggregator.processor", "message": "Batch processing started", "record_count": ' ||
 h % 100 || ', "windows": ["hourly", "daily"], "table_name": "ZAEL-demo"}'
WHEN 9 THEN '{"timestamp": "' || iso || '", "level": "DEBUG", "logger":
 "zae_limiter_aggregator.processor", "message": "Refill skipped - sufficient tokens",
 "resource": "api"}'
WHEN 10 THEN '{"timestamp": "' || iso || '", "level": "INFO", "logger":
 "zae_limiter_aggregator.processor", "message": "Batch processing completed", "processed_count": '
 || h % 100 || ', "deltas_extracted": ' || g % 200 || ', "snapshots_updated": ' || g % 400 ||
 ', "refills_written": 0, "error_count": ' || (h % 97 = 0)::INTEGER ||
 ', "processing_time_ms": ' || (h % 120000) / 100.0 || '}'
WHEN 11 THEN '{"timestamp": "' || iso || '", "level": "INFO", "logger":
 "zae_limiter_aggregator.handler", "message": "Lambda invocation completed", "request_id": "' || id
 || '", "processed": ' || h % 100 || ', "snapshots_updated": 0, "refills_written": 0,
 "events_archived": 0, "s3_objects_created": 0, "error_count": 0, "processing_time_ms": ' ||
 (h % 120000) / 100.0 || '}'
WHEN 12 THEN 'END RequestId: ' || id
WHEN 13 THEN 'REPORT RequestId: ' || id || chr(9) || 'Duration: ' || (h % 300000) / 100.0 || ' ms'
 || chr(9) || 'Billed Duration: ' || (h % 300000) // 100 + 1 || ' ms' || chr(9) ||
 'Memory Size: 256 MB' || chr(9) || 'Max Memory Used: ' || 60 + g % 90 || ' MB' || chr(9) ||
 CASE WHEN (i // 20) % 40 = 0 THEN 'Init Duration: ' || 200 + (g % 40000) / 100.0 || ' ms' || chr(9)
 ELSE '' END || chr(10)
WHEN 14 THEN '{"level": "info", "msg": "batch done", "campaignId": "' || 12000 + g % 1000 ||
 '", "count": {"in": ' || h % 500 || ', "out": ' || h % 480 || ', "failed": ' || h % 7 || '}}'
WHEN 15 THEN '{"level": "info", "msg": "verdict sent", "campaignId": "' || 12000 + g % 1000 ||
 '", "queue": "verdicts", "tries": 1}'
WHEN 16 THEN iso || chr(9) || id || chr(9) || 'INFO' || chr(9) || 'Fetched ' || h % 50 ||
 ' items from the table in ' || g % 90 || ' ms'
WHEN 17 THEN iso || chr(9) || id || chr(9) || 'INFO' || chr(9) ||
 'response {"status": 200, "items": ' || h % 50 || '} from https://api.example.com/v1/items'
WHEN 18 THEN CASE WHEN h % 50 = 0 THEN '[ERROR] ' || iso || ' ' || id ||
 ' ClientError: An error occurred (ProvisionedThroughputExceededException)'
 ELSE '10.0.3.' || h % 250 || ' - - [22/Nov/2026:01:00:00 +0000] "GET /v1/items/' || g % 9000 ||
 ' HTTP/1.1" 200 ' || h % 9000 || ' "-" "curl/8.5"' END
WHEN 19 THEN 'cache ' || CASE WHEN h % 3 = 0 THEN 'miss' ELSE 'hit' END || ' for key item:' ||
 g % 9000 || ' after ' || h % 40 || ' us'
ELSE '{"timestamp": "' || iso || '", "level": "DEBUG", "logger":
 "zae_limiter_aggregator.processor", "message": "Snapshot updated", "entity_id": "user-' ||
 g % 5000 || '", "resource": "api", "limit_name": "rpm", "window": "hourly", "window_key":
 "2026-11-22T01:00:00Z", "tokens_delta": ' || h % 60 || '}'
END
""".replace("\n ", " ")  # the lines above are folded; no message holds a line break of theirs

_MAKE = f"""
CREATE TABLE events AS
SELECT at_ms AS "timestamp", {_LINES} AS message,
       '2026/11/22/[$LATEST]' || md5(CAST((i // 20) % 50 AS VARCHAR)) AS "logStream",
       '000000000000:/aws/lambda/ZAEL-demo-aggregator' AS log,
       at_ms + 1500 AS "ingestionTime"
FROM (SELECT i, at_ms, hash(i) % 1000003 AS h, hash(i + 7) % 1000033 AS g,
             strftime(make_timestamp(at_ms * 1000), '%Y-%m-%dT%H:%M:%S.%gZ') AS iso,
             d[1:8] || '-' || d[9:12] || '-4' || d[14:16] || '-8' || d[18:20] || '-' || d[21:32]
             AS id
      FROM (SELECT i, {BASE_MS} + i * {SPAN_MS} // $events AS at_ms,
                   md5(CAST(i // 20 AS VARCHAR)) AS d
            FROM range($events) numbers(i)))
"""

_AT = "strftime(make_timestamp({} * 1000), '%Y-%m-%d %H:%M:%S.%g')"
_NEWEST = '"timestamp" DESC, rowid DESC'


@dataclass(frozen=True, kw_only=True)
class Case:
    """One query: its text, and the best SQL by hand that gives the same columns and rows."""

    name: str
    text: str
    sql: str


CASES = [
    Case(
        name="errors (guide)",
        text="""fields @timestamp, @message
            | filter @message like /ERROR/ | sort @timestamp desc | limit 50""",
        sql=f"""SELECT {_AT.format('"timestamp"')} AS "@timestamp", message AS "@message"
            FROM events WHERE contains(message, 'ERROR') ORDER BY {_NEWEST} LIMIT 50""",
    ),
    Case(
        name="durations (guide)",  # with the blank that json.dumps prints, which the guide forgot
        text=r"""fields @timestamp, @message
            | filter @message like /Batch processing completed/
            | parse @message /processing_time_ms":\s*(?<duration>[\d.]+)/
            | stats avg(duration) as avg_ms, pct(duration, 50) as p50_ms,
                    pct(duration, 95) as p95_ms, pct(duration, 99) as p99_ms by bin(1h)
            | sort @timestamp desc""",
        sql=rf"""SELECT {_AT.format("hour")} AS "bin(1h)", average AS avg_ms,
                quantiles[1] AS p50_ms, quantiles[2] AS p95_ms, quantiles[3] AS p99_ms
            FROM (SELECT hour, avg(ms) AS average, quantile_cont(ms, [0.5, 0.95, 0.99]) AS quantiles
                FROM (SELECT "timestamp" // 3600000 * 3600000 AS hour, CAST(regexp_extract(
                        message, 'processing_time_ms":\s*([\d.]+)', 1) AS DOUBLE) AS ms
                    FROM events WHERE contains(message, 'Batch processing completed'))
                GROUP BY hour)
            ORDER BY hour DESC""",
    ),
    Case(
        name="cold starts (guide)",
        text=r"""fields @timestamp, @message, @duration | filter @type = "REPORT"
            | filter @message like /Init Duration/
            | parse @message /Init Duration: (?<init_duration>[\d.]+) ms/
            | stats count() as cold_starts, avg(init_duration) as avg_init_ms by bin(1h)""",
        sql=rf"""SELECT {_AT.format("hour")} AS "bin(1h)", cold_starts, avg_init_ms
            FROM (SELECT hour, count(*) AS cold_starts, avg(ms) AS avg_init_ms
                FROM (SELECT "timestamp" // 3600000 * 3600000 AS hour, CAST(regexp_extract(
                        message, 'Init Duration: ([\d.]+) ms', 1) AS DOUBLE) AS ms
                    FROM events WHERE starts_with(message, 'REPORT RequestId: ')
                        AND contains(message, 'Init Duration'))
                GROUP BY hour)
            ORDER BY hour DESC""",
    ),
    Case(
        name="counts (guide)",
        text="""fields @timestamp, count.in, count.out, count.failed
            | filter @message like /count/ | sort @timestamp desc""",
        sql=f"""SELECT {_AT.format('"timestamp"')} AS "@timestamp", found[1] AS "count.in",
                found[2] AS "count.out", found[3] AS "count.failed"
            FROM (SELECT "timestamp", n, CASE WHEN starts_with(message, '{{') THEN
                    json_extract_string(message, ['/count/in', '/count/out', '/count/failed'])
                    END AS found
                FROM (SELECT "timestamp", rowid AS n, message FROM events
                    WHERE contains(message, 'count') ORDER BY {_NEWEST} LIMIT 10000))
            ORDER BY "timestamp" DESC, n DESC""",
    ),
    Case(
        name="campaign (guide)",
        text="""fields @timestamp, @message
            | filter campaignId = "12345" | sort @timestamp desc""",
        sql=f"""SELECT {_AT.format('"timestamp"')} AS "@timestamp", message AS "@message"
            FROM events WHERE contains(message, '12345') AND contains(message, 'campaignId"')
                AND CASE WHEN starts_with(message, '{{')
                    THEN json_extract_string(message, '/campaignId') = '12345' END
            ORDER BY {_NEWEST} LIMIT 10000""",
    ),
    Case(
        name="dedup",
        text="""fields @timestamp, entity_id, tokens_delta
            | filter ispresent(entity_id) | dedup entity_id""",
        # Only places are grouped; the few events of the answer are read again. A long needle with
        # a quote in front is slower to find.
        sql=f"""SELECT {_AT.format("last[1]")} AS "@timestamp", found[1] AS entity_id,
                found[2] AS tokens_delta
            FROM (SELECT last, json_extract_string(message, ['/entity_id', '/tokens_delta'])
                    AS found
                FROM events JOIN (SELECT max(("timestamp", rowid)) AS last FROM events
                    WHERE starts_with(message, '{{') AND contains(message, 'entity_id"')
                    GROUP BY json_extract_string(message, '/entity_id')) AS newest
                ON events.rowid = last[2])
            ORDER BY last DESC LIMIT 10000""",
    ),
    Case(
        name="two stats",
        text="""filter @type = "REPORT"
            | stats count(*) as n, max(@duration) as longest by bin(5m) as t, @logStream
            | stats sum(n) as invocations, avg(longest) as usual by t | sort t desc | limit 100""",
        sql=rf"""SELECT {_AT.format("t")} AS t, sum(n) AS invocations, avg(longest) AS usual
            FROM (SELECT "timestamp" // 300000 * 300000 AS t, "logStream", count(*) AS n,
                    max(CAST(regexp_extract(message, '\tDuration: ([0-9.]+) ms', 1) AS DOUBLE))
                    AS longest
                FROM events WHERE starts_with(message, 'REPORT RequestId: ')
                GROUP BY t, "logStream")
            GROUP BY t ORDER BY t DESC LIMIT 100""",
    ),
    Case(
        name="sort + limit",
        text="""fields @timestamp, @requestId, @duration | filter @type = "REPORT"
            | sort @duration desc | limit 25""",
        sql=rf"""SELECT {_AT.format('"timestamp"')} AS "@timestamp",
                regexp_extract(message, '^REPORT RequestId: (\S+)', 1) AS "@requestId",
                ms AS "@duration"
            FROM (SELECT "timestamp", rowid AS n, message, CAST(regexp_extract(
                        message, '\tDuration: ([0-9.]+) ms', 1) AS DOUBLE) AS ms
                FROM events WHERE starts_with(message, 'REPORT RequestId: ')
                ORDER BY ms DESC, "timestamp" DESC, rowid DESC LIMIT 25)
            ORDER BY ms DESC, "timestamp" DESC, n DESC""",
    ),
]
_BY_NAME = {case.name: case for case in CASES}


# In a process of its own


def _peak_mb() -> float:
    """Return the most memory this process has held; /proc counts from its own beginning."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("This kernel does not tell the peak memory of a process.")


def _best_s(measured: Any, runs: int) -> tuple[float, Any]:
    best, result = math.inf, None
    for _ in range(runs):
        began = time.perf_counter()
        result = measured()
        best = min(best, time.perf_counter() - began)
    return best, result


def _by_hand(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or []]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in cursor.fetchall()
    ]


def _child(side: str, name: str, database: Path, rows_to: Path) -> None:
    if side == "make":
        with duckdb.connect(str(database), config={**SETTINGS, "memory_limit": "2GB"}) as made:
            made.execute(_MAKE, {"events": int(name)})
        return
    connection = duckdb.connect(str(database), read_only=True, config=SETTINGS)
    if side == "scan":
        reading = "SELECT sum(strlen(message)), count(*) FROM events"
        seconds, rows = _best_s(lambda: connection.execute(reading).fetchall()[0], RUNS)
    elif side == "load":
        relation = connection.table("events").limit(LISTED)
        names = relation.columns
        events = [dict(zip(names, row, strict=True)) for row in relation.fetchall()]
        cwli.query(_BY_NAME[name].text, events[:1])
        seconds, rows = _best_s(lambda: cwli.query(_BY_NAME[name].text, events), RUNS)
    elif side == "hand":
        seconds, rows = _best_s(lambda: _by_hand(connection, _BY_NAME[name].sql), RUNS)
    else:
        ask = cwli.run if side == "run" else cwli.query
        ask(_BY_NAME[name].text, connection.table("events").limit(0))
        table = connection.table("events")
        runs = 1 if side == "run" else RUNS  # it is no part of the ratio that counts
        seconds, rows = _best_s(lambda: ask(_BY_NAME[name].text, table), runs)
        rows = rows.rows if isinstance(rows, cwli.Answer) else rows
    rows_to.write_text(json.dumps(rows), encoding="utf-8")
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_mb()}))


# In the process that prints


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one process reported."""

    seconds: float
    peak_mb: float
    rows: Any


def _measured(side: str, name: str, database: Path) -> Measured:
    rows_to = database.with_suffix(".rows.json")
    command = [sys.executable, __file__, "--child", side, name, str(database), str(rows_to)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side} {name} failed:\n{done.stderr}")
    if side == "make":
        return Measured(seconds=0, peak_mb=0, rows=None)
    rows = json.loads(rows_to.read_text(encoding="utf-8"))
    return Measured(**json.loads(done.stdout), rows=rows)


def _best(measurements: list[Measured]) -> Measured:
    return Measured(
        seconds=min(each.seconds for each in measurements),
        peak_mb=max(each.peak_mb for each in measurements),
        rows=measurements[0].rows,
    )


def _same(printed: str, value: Any) -> bool:
    """Whether a text of the engine is a value of the SQL; the engine prints four decimals."""
    if isinstance(value, str):
        return printed == value
    return math.isclose(float(printed), value, rel_tol=1e-12, abs_tol=5.1e-5)


def _assert_same(name: str, ours: list[dict[str, str]], theirs: list[dict[str, Any]]) -> None:
    shown = [{k: v for k, v in row.items() if k != "@ptr"} for row in ours]
    assert len(shown) == len(theirs) > 0, f"{name}: {len(shown)} rows, by hand {len(theirs)}"
    for mine, other in zip(shown, theirs, strict=True):
        assert list(mine) == list(other), f"{name}: {list(mine)}, by hand {list(other)}"
        assert all(_same(mine[key], other[key]) for key in mine), f"{name}: {mine} is not {other}"


_ROW = "| {:20} | {:>6} | {:>8} | {:>7} | {:>6} | {:>6} | {:>9} | {:>8} |"


def _compare(case: Case, millions: str, database: Path, rounds: int) -> None:
    taken: dict[str, list[Measured]] = {"query": [], "run": [], "hand": []}
    for turn in range(rounds):
        sides = ("query", "hand") if turn % 2 else ("hand", "query")
        for side in (*sides, "run") if turn == 0 else sides:
            taken[side].append(_measured(side, case.name, database))
    ours, counted, theirs = (_best(taken[side]) for side in ("query", "run", "hand"))
    _assert_same(case.name, ours.rows, theirs.rows)
    _assert_same(case.name, counted.rows, theirs.rows)
    print(
        _ROW.format(
            case.name,
            f"{millions} M",
            f"{ours.seconds:.3f}",
            f"{theirs.seconds:.3f}",
            f"{ours.seconds / theirs.seconds:.2f}",
            f"{counted.seconds / theirs.seconds:.2f}",
            f"{ours.peak_mb:.0f}",
            f"{theirs.peak_mb:.0f}",
        ),
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", default="1,3,10", help="sizes in millions (default: 1,3,10)")
    parser.add_argument("--rounds", type=int, help="turns of each side (default: 3, or 2)")
    parser.add_argument("--only", default="", help="part of the names of the queries to run")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        side, name, database, rows_to = asked.child
        _child(side, name, Path(database), Path(rows_to))
        return
    load = f"load {os.getloadavg()[0]:.1f}"
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {load}; Python "
        f"{platform.python_version()}, DuckDB {duckdb.__version__}; {SETTINGS}\n"
        "s of the best turn, highest peak MB; `run` also counts what it scanned.\n"
    )
    heads = ("query", "events", "engine s", "hand s", "ratio", "run", "engine MB", "hand MB")
    with tempfile.TemporaryDirectory(prefix="bench-cwli-") as folder:
        sizes = asked.events.split(",")
        made: list[str] = []
        print(_ROW.format(*heads))
        print("|" + "---|" * len(heads))
        for millions in sizes:
            database = Path(folder) / f"{millions}.duckdb"
            began = time.perf_counter()
            _measured("make", str(int(float(millions) * 1e6)), database)
            took_s = time.perf_counter() - began
            scan = _measured("scan", "-", database)
            made.append(
                f"{millions} M events: {scan.rows[0] / 1e6:,.0f} MB of messages, a file of "
                f"{database.stat().st_size / 1e6:,.0f} MB made in {took_s:.0f} s; reading every "
                f"message once takes {scan.seconds:.3f} s and {scan.peak_mb:.0f} MB."
            )
            rounds = asked.rounds or (ROUNDS if float(millions) <= 1 else ROUNDS_OF_MANY)
            for case in CASES:
                if asked.only in case.name:
                    _compare(case, millions, database, rounds)
            if millions == sizes[0]:
                listed = _measured("load", "errors (guide)", database)
                made.append(
                    f"A list of {min(LISTED, scan.rows[1]):,} mappings: loaded and asked for "
                    f"errors in {listed.seconds:.2f} s; {listed.peak_mb:.0f} MB with the list."
                )
            database.unlink()
        print("\n" + "\n".join(made))


if __name__ == "__main__":
    main()
