"""A DuckDB relation answers as the same events in a list do, and its connection keeps nothing."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from opslib import cwli
from opslib.errors import BadInput

BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC
COLUMNS = '"timestamp", message, "logStream", log, "ingestionTime"'
QUERIES = [
    "fields @timestamp, @message | sort @timestamp desc | limit 20",
    "stats count(*) as n, avg(n), max(n), min(level), pct(n, 90) by level",
    "stats count(*) by bin(5m) as b, level",
    'filter level in ["ERROR", "é"] | stats sum(n / 3) as s, sum(7 / 2) as t',
    "sort level, n | fields level, n, m.k.1.z | limit 200",
    "dedup level, n | limit 50",
    'filter @type = "REPORT" | stats avg(@duration), max(@maxMemoryUsed / 1000) by bin(1h)',
    'parse @message "user=* *" as user, rest | filter user like /u/ | stats count(*) by user',
    "stats earliest(@timestamp), latest(n), sortsFirst(level), values(level) by @logStream",
    'fields formatDate(@timestamp, "%Y-%m-%d %H:%M", "Europe/Berlin") as f, n % 2 as m | limit 30',
    'filter level = "warn" or level = "INFO" | stats count(*)',
    "fields n / 0 as z, 1 / 3 as q, 5 / 2 as h, @log, @ingestionTime | limit 3",
    "parse @message /(?<word>[a-z]+)/ multi | stats count(*) by word",
    "fields now() as a, queryStartTime() as s, queryTimeRange() as r | limit 1",
    "stats count(*) as n by bin(1m) | fillmissing with 0 for n | limit 50",
]
FEW = [QUERIES[i] for i in (1, 3, 8, 9)]
"""Those that settings have changed: order, division, names without case, the calendar."""
SETTINGS = [
    *("TimeZone = 'America/New_York'", "default_null_order = 'nulls_first'"),
    *("default_order = 'desc'", "integer_division = true", "default_collation = 'nocase'"),
    *("ieee_floating_point_ops = false", "Calendar = 'japanese'", "threads = 1"),
    *("preserve_insertion_order = false", "lock_configuration = true"),
]


def made() -> list[dict[str, Any]]:
    random = Random(20_261_122)  # noqa: S311 - a test's choices, not a secret
    found = []
    for i in range(400):
        level = random.choice(["INFO", "ERROR", "Warn", "é"])
        value = random.choice([1, 2.5, "x", None, True, -3, 7])
        message = [
            json.dumps({"level": level, "n": value, "m": {"k": [1, {"z": "q"}]}}),
            f"REPORT RequestId: r-{i}\tDuration: {i}.5 ms\tBilled Duration: 15 ms\t"
            "Memory Size: 128 MB\tMax Memory Used: 67 MB\t\n",
            f"plain text {i} user=u{i % 7} ERROR",
            f'[INFO] x {{"level":"info","n":{i}}} y',
        ][i % 4]
        found.append(
            {
                "timestamp": BASE_MS + i // 3 * 5000,
                "message": message,
                "logStream": f"s{i % 2}",
                "log": "000000000000:/aws/lambda/f",
                "ingestionTime": BASE_MS + i,
            }
        )
    return found


EVENTS = made()
EXPECTED = {text: cwli.query(text, EVENTS, now=BASE_MS) for text in QUERIES}


def stored(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        'CREATE TABLE log_lines ("timestamp" BIGINT, message VARCHAR, "logStream" VARCHAR, '
        'log VARCHAR, "ingestionTime" BIGINT)'
    )
    rows = [list(event.values()) for event in EVENTS]
    connection.executemany("INSERT INTO log_lines VALUES (?, ?, ?, ?, ?)", rows)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect()
    stored(opened)
    yield opened
    opened.close()


def left_in(connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """Return all that a query could leave behind in a connection."""
    return [
        connection.execute(sql).fetchall()
        for sql in (
            "SELECT name, value FROM duckdb_settings() ORDER BY name",
            "SELECT table_name FROM duckdb_tables() ORDER BY 1",
            "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1",
            "SELECT function_name FROM duckdb_functions() WHERE NOT internal ORDER BY 1",
            "SELECT * FROM duckdb_variables()",
            "SELECT database_name FROM duckdb_databases() ORDER BY 1",
        )
    ]


def differing(relation: duckdb.DuckDBPyRelation, queries: list[str] = QUERIES) -> list[str]:
    return [q for q in queries if cwli.query(q, relation, now=BASE_MS) != EXPECTED[q]]


def test_a_table_and_a_query_answer_as_the_list_and_leave_nothing_behind(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute("SET VARIABLE query_now_ms = 5")
    before = left_in(connection)

    of_table = differing(connection.table("log_lines"))
    of_query = differing(connection.sql(f"SELECT {COLUMNS} FROM log_lines"))  # noqa: S608

    assert of_table == of_query == []
    assert left_in(connection) == before


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_setting_of_the_connection_changes_an_answer_or_is_changed(
    connection: duckdb.DuckDBPyConnection, setting: str
) -> None:
    connection.execute(f"SET {setting}")
    before = left_in(connection)

    found = differing(connection.table("log_lines"), FEW)

    assert found == []
    assert left_in(connection) == before


def test_the_events_of_a_span_come_from_a_relation_with_both_ends(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    start, end = BASE_MS + 5000, BASE_MS + 10_000

    of_list = cwli.run("stats count(*) as n", EVENTS, start=start, end=end)
    found = cwli.run("stats count(*) as n", connection.table("log_lines"), start=start, end=end)

    assert found == of_list
    assert (found.rows, found.scanned) == ([{"n": "6"}], 6)


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("fields n", 400),
        ('filter @message like "user"', 100),
        ('filter @message like "user" | stats count(*) by @logStream', 100),
        ('filter @message like "user" | stats count(*) as c by @logStream | filter c > 999', 100),
        ('filter @message like "user" | stats count(*) as c by bin(1m) | stats max(c)', 100),
        ('filter @message like "user" | filter @message like "u3" | limit 500', 14),
        ('filter @message like "user" | limit 3 | fields n', 100),
        ('filter @message like "user" | limit 500 | filter @message like "u3"', 100),
        ('filter @message like "user" | limit 500 | stats count(*)', 100),
        ('filter @message like "user" | dedup @logStream', 100),
        ('filter @message like "user" | parse @message /(?<x>[0-9])/ multi | limit 900', 100),
        ('filter level = "info" | parse @message /(?<x>[0-9])/ multi | filter n = 7', 100),
        ('filter @message like "nobody" | stats count(*) by @logStream', 0),
        ('filter @message like "nobody" | stats count(*) as c by n | sort c | limit 1', 0),
        ('filter @message like "nobody"', 0),
    ],
)
def test_matched_events_are_those_that_passed_the_filters_whatever_comes_after(
    connection: duckdb.DuckDBPyConnection, text: str, matched: int
) -> None:
    size = sum(len(event["message"].encode()) for event in EVENTS)

    of_list = cwli.run(text, EVENTS)
    of_table = cwli.run(text, connection.table("log_lines"))

    assert (of_list.matched, of_list.scanned, of_list.scanned_bytes) == (matched, 400, size)
    assert of_table == of_list


def test_the_bytes_of_a_span_are_those_of_its_events() -> None:
    spans = [(None, BASE_MS), (BASE_MS, BASE_MS), (BASE_MS + 660_000, None), (1, 2)]
    within = [
        [
            event["message"]
            for event in EVENTS
            if (start or 0) <= event["timestamp"] <= (end or event["timestamp"])
        ]
        for start, end in spans
    ]

    answers = [cwli.run("fields n", EVENTS, start=start, end=end) for start, end in spans]

    assert [answer.scanned for answer in answers] == [len(each) for each in within] == [3, 3, 4, 0]
    assert [answer.scanned_bytes for answer in answers] == [
        sum(len(message.encode()) for message in each) for each in within
    ]


def test_an_open_transaction_sees_its_own_rows_and_stays_open(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute("BEGIN")
    connection.execute("INSERT INTO log_lines VALUES (1795309200000, 'new', NULL, NULL, NULL)")

    rows = cwli.query('filter @message = "new"', connection.table("log_lines"))
    with pytest.raises(cwli.QueryStopped):
        run_away(connection)
    connection.execute("ROLLBACK")

    assert [row["@message"] for row in rows] == ["new"]
    assert connection.execute("SELECT count(*) FROM log_lines").fetchall() == [(400,)]


def run_away(connection: duckdb.DuckDBPyConnection) -> None:
    multiplied = " | ".join(f"parse @message /(.)/ as {name} multi" for name in "abcde")
    relation = connection.table("log_lines")
    cwli.query(f"{multiplied} | stats count(*) as n by a, b", relation, deadline_s=0.2)


def test_a_deadline_stops_a_query_on_a_relation_and_leaves_its_connection_usable(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    began = time.monotonic()

    with pytest.raises(cwli.QueryStopped):
        run_away(connection)

    assert time.monotonic() - began < 60
    assert connection.execute("SELECT count(*) FROM log_lines").fetchall() == [(400,)]
    assert differing(connection.table("log_lines"), FEW) == []


def test_a_database_that_may_only_be_read_answers(tmp_path: Path) -> None:
    path = tmp_path / "log.duckdb"
    with duckdb.connect(str(path)) as writing:
        stored(writing)

    with duckdb.connect(str(path), read_only=True) as reading:
        found = differing(reading.table("log_lines"), FEW)

    assert found == []


def test_several_threads_query_one_database_at_once(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    wrong: list[list[str]] = []

    def ask(own: duckdb.DuckDBPyConnection) -> None:
        wrong.append(differing(own.table("log_lines"), FEW))
        own.close()

    threads = [threading.Thread(target=ask, args=[connection.cursor()]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == [[], [], []]


CONDITIONS = [
    *('level = "ERROR"', '"ERROR" = level', 'level = "1"', "n = 1", 'n = "1"', 'n = "true"'),
    *('level != "ERROR"', 'level like "R"', "level not like /R/", 'level in ["é", 7]'),
    *("not level in [7]", 'not (level = "ERROR")', "ispresent(level)", "not ispresent(level)"),
    *('level = "ERROR" or @message like "user"', 'level = "ERROR" and n > 1', "n", "not n"),
    *('level = "ERROR" or not ispresent(n)', 'm.k.1.z = "q"', 'm.k.1.z = "q" or n = 7'),
    *('@type = "REPORT"', '@type = "REPORT" or level = "Warn"', '@type = "report"', "@type in [1]"),
    *('n = "2.5"', 'n = "2.50"', "n = level", 'level = ""', "level < n", 'level > "E"'),
    *('`@@level` = "x"', 'action = "REJECT"', 'action like "A"', 'q = "a/b"', 'q = "tab\there"'),
    *('version = "2"', "`a/b` = 1", "`a~b` = 1", '`"q"` = 1', "(n = 1) = (level = 'ERROR')"),
    *('q = "12345"', "q = 12345", '"12345.0" = q', 'q = "1"', "q = 1", "q = 0", "q = -12345"),
    *("coalesce(level, 'none') = 'none'", "if(ispresent(n), 0, 1) = 1", "isempty(level)"),
    "q = 0.1000000000000000055",
]
SPELT = [
    *('{"\\u006cevel":"ERROR"}', '{"level":"\\u00e9"}', '{"q":"a\\/b"}', '{"q":"tab\\there"}'),
    *('{"n":1.0}', '{"n":true}', '{"n":"true"}', '{"n":2.50}', '{"@level":"x"}', '{"level":""}'),
    *('{"a/b":1,"a~b":1}', '{"\\"q\\"":1}', '{"m":{"k.1.z":"q"}}', '{"m.k":[0,{"z":"q"}]}'),
    "2 123456789012 eni-0a 10.0.0.1 10.0.0.2 443 5000 6 3 400 1 2 REJECT OK",
    *('{"q":12345.0}', '{"q":1.2345e4}', '{"q":"012345"}', '{"q":" 12345 "}', '{"q":"+12345"}'),
    *('{"q":"12344.9999999999999999"}', '{"q":"\\u00312345"}', '{"q":"0.12345E+5"}', '{"q":"1"}'),
    *('{"q":1234500e-2}', '{"q":true}', '{"q":false}', '{"q":-12345}', '{"q":-1.2345e4}'),
    *(
        '{"q":0.1}',
        '{"version":2}',
        "{'level':'ERROR'}",
        'say level "ERROR" {"level":"ERROR"',
        "level ERROR",
    ),
]


def test_a_filter_keeps_the_events_for_which_its_condition_is_a_column_that_holds(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    spelt = [[BASE_MS, message, None, None, None] for message in SPELT]
    connection.executemany("INSERT INTO log_lines VALUES (?, ?, ?, ?, ?)", spelt)
    relation = connection.table("log_lines")

    kept = {c: cwli.query(f"filter {c} | fields 1 as one", relation) for c in CONDITIONS}
    # A column that the query defined itself says nothing about the text of a message.
    columns = ", ".join(f"if({c}, 1, 0) as h{i}" for i, c in enumerate(CONDITIONS))
    rows = cwli.query(f"fields {columns}", relation)
    told = {
        c: [{"one": "1", "@ptr": row["@ptr"]} for row in rows if row.get(f"h{i}") == "1"]
        for i, c in enumerate(CONDITIONS)
    }

    assert [c for c in CONDITIONS if kept[c] != told[c]] == []
    assert sum(map(bool, kept.values())) > len(CONDITIONS) // 2


def test_a_connection_with_an_unfinished_result_is_said_and_keeps_the_result(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute("SELECT i FROM range(300000) AS numbers(i)").fetchone()

    with pytest.raises(BadInput) as caught:
        cwli.query("stats count(*) as n", connection.table("log_lines"))

    assert "Fetch or close what it has begun" in caught.value.message
    assert len(connection.fetchall()) == 299_999
