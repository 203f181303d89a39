"""The engine's edges: what comes in, what is counted, and what it costs to import."""

import base64
import json
import subprocess
import sys
from typing import Any

import duckdb
import pytest

from opslib import cwli
from opslib.errors import BadInput, OpsError

BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC


def events(*messages: str) -> list[dict[str, Any]]:
    return [{"timestamp": BASE_MS + i, "message": m} for i, m in enumerate(messages)]


def test_a_row_that_is_an_event_ends_with_its_pointer_and_a_group_has_none() -> None:
    event_rows = cwli.query("fields @message, nothing", events("x"))
    group_rows = cwli.query("stats count(*) as n", events("x"))

    assert list(event_rows[0]) == ["@message", "@ptr"]
    assert group_rows == [{"n": "1"}]


def test_pointers_tell_equal_events_apart_and_stay_when_more_are_asked() -> None:
    same = [{"timestamp": BASE_MS, "message": "x"}] * 2

    all_rows = cwli.query("fields @message", same)
    again = cwli.query("fields @message | limit 1", same)

    assert all_rows[0]["@ptr"] != all_rows[1]["@ptr"]
    assert again[0]["@ptr"] == all_rows[0]["@ptr"]


def test_the_pointer_of_an_event_with_an_id_stays_wherever_the_event_stands() -> None:
    own = {"timestamp": BASE_MS, "message": "x", "logStream": "s", "log": "1:/a", "eventId": "e|1"}

    (alone,) = cwli.query("fields @message", [own])
    among = cwli.query("fields @message", [*events("y", "z"), own])

    assert base64.b64decode(alone["@ptr"]) == b"1:/a|s|1795309200000|e|1"
    assert [row["@ptr"] for row in among if row["@message"] == "x"] == [alone["@ptr"]]


def test_events_of_one_millisecond_come_last_read_first_and_upwards_in_order() -> None:
    same = [{"timestamp": BASE_MS, "message": text} for text in ("START", "END", "REPORT")]

    downwards = cwli.query("fields @message", same)
    upwards = cwli.query("fields @message | sort @timestamp asc", same)

    assert [row["@message"] for row in downwards] == ["REPORT", "END", "START"]
    assert [row["@message"] for row in upwards] == ["START", "END", "REPORT"]


def test_both_ends_of_the_span_are_inclusive() -> None:
    answer = cwli.run(
        "fields @message | sort @timestamp asc",
        events("a", "b", "c", "d"),
        start=BASE_MS + 1,
        end=BASE_MS + 2,
    )

    assert [row["@message"] for row in answer.rows] == ["b", "c"]
    assert answer.scanned == 2


def test_statistics_count_events_and_bytes_not_rows() -> None:
    answer = cwli.run('filter @message like "ä" | stats count(*) as n', events("ä", "aä", "xyz"))

    assert answer.rows == [{"n": "2"}]
    assert (answer.matched, answer.scanned, answer.scanned_bytes) == (2, 3, 8)


def test_matched_counts_what_passes_the_filters_before_limit() -> None:
    answer = cwli.run('filter @message like "a" | limit 1', events("a", "aa", "b"))

    assert len(answer.rows) == 1
    assert answer.matched == 2


def test_every_event_matches_when_nothing_filters() -> None:
    answer = cwli.run("fields @message | limit 1", events("a", "b"))

    assert answer.matched == 2


def test_stream_group_and_ingestion_time_are_fields() -> None:
    event = {
        "timestamp": BASE_MS,
        "message": "x",
        "logStream": "s/1",
        "log": "000000000000:/aws/lambda/f",
        "ingestionTime": BASE_MS + 1500,
    }

    rows = cwli.query("fields @logStream, @log, @ingestionTime", [event])

    assert {name: value for name, value in rows[0].items() if name != "@ptr"} == {
        "@logStream": "s/1",
        "@log": "000000000000:/aws/lambda/f",
        "@ingestionTime": "2026-11-22 01:00:01.500",
    }


def test_a_duckdb_relation_answers_as_the_same_events_do() -> None:
    connection = duckdb.connect()
    relation = connection.sql(
        "SELECT * FROM (VALUES (1795309200000, '{\"a\":1}', 's'), (1795309200001, 'x', 's'))"
        ' v("timestamp", message, "logStream")'
    )

    rows = cwli.query("fields a, @logStream, @log | filter a = 1", relation)
    connection.close()

    assert [{k: v for k, v in row.items() if k != "@ptr"} for row in rows] == [
        {"a": "1", "@logStream": "s"}
    ]


def test_a_relation_without_messages_is_refused() -> None:
    connection = duckdb.connect()
    relation = connection.sql('SELECT 1 AS "timestamp"')

    with pytest.raises(BadInput) as caught:
        cwli.query("fields a", relation)
    connection.close()

    assert "the relation has no column message" in caught.value.message


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({"timestamp": BASE_MS}, "no 'message'"),
        ({"message": "x"}, "no 'timestamp'"),
        ({"timestamp": "2026", "message": "x"}, "wrong type"),
        ({"timestamp": BASE_MS, "message": 5}, "wrong type"),
    ],
)
def test_an_event_that_is_none_is_refused(event: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        cwli.query("fields a", [event])

    assert complaint in caught.value.message
    assert "2026" not in caught.value.message


def test_a_limit_of_the_call_outside_the_range_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        cwli.run("fields a", events("x"), limit=0)

    assert "from 1 to 100,000" in caught.value.message


def test_no_events_give_no_rows() -> None:
    answer = cwli.run("fields a.b | sort a.b desc", [])

    columns = ("a.b", "@ptr")
    assert answer == cwli.Answer(rows=[], columns=columns, matched=0, scanned=0, scanned_bytes=0)


def test_any_iterable_of_events_will_do() -> None:
    rows = cwli.query("stats count(*) as n", (event for event in events("a", "b")))

    assert rows == [{"n": "2"}]


def test_without_limit_ten_thousand_rows_come_back() -> None:
    many = events(*["x"] * 10_001)

    by_default = cwli.query("fields @message", many)
    asked = cwli.query("fields @message | limit 100000", many)

    assert (len(by_default), len(asked)) == (10_000, 10_001)


def test_only_the_first_200_json_fields_of_an_event_are_discovered() -> None:
    wide = json.dumps({f"f{i}": i for i in range(300)})

    rows = cwli.query("fields f0, f199, f200, f299", events(wide, f"text {wide}"))

    assert [{k: v for k, v in row.items() if k != "@ptr"} for row in rows] == [
        {"f0": "0", "f199": "199"},
        {"f0": "0", "f199": "199"},
    ]


def test_an_object_of_many_fields_nested_beyond_all_measure_keeps_to_the_first_200() -> None:
    deep = '{"a":' * 990 + '{"x":[' + "1," * 300 + "1]}" + ', "b":5}' * 990

    few = deep.replace("1," * 300, "1,")

    rows = cwli.query("fields b, a.b", events(deep, f"text {deep}", few, f"text {few}"))

    # Of the many, 301 stand in the list and so before the first b; of the few, the outermost b is
    # the 992nd field.
    assert [{k: v for k, v in row.items() if k != "@ptr"} for row in rows] == [{}, {}, {}, {}]


def test_an_object_nested_deep_is_read_alone_and_at_the_end_of_a_line() -> None:
    deep = '{"a":' * 990 + '{"x":[1,1]}' + "}" * 989 + ', "b":5}'

    rows = cwli.query("fields b", events(deep, f"text {deep}"))

    assert [row.get("b") for row in rows] == ["5", "5"]


def test_values_and_names_of_a_query_never_become_sql() -> None:
    hostile = """fields "x'; DROP TABLE events; --" as `a"; DROP TABLE events; --`, `b'"c`
        | filter @message like "'" and @message like /'"/ and `b'"c` = "'" """

    rows = cwli.query(hostile, events("""{"b'\\"c": "'"} '" """))

    assert [{k: v for k, v in row.items() if k != "@ptr"} for row in rows] == [
        {'a"; DROP TABLE events; --': "x'; DROP TABLE events; --", "b'\"c": "'"}
    ]


def test_a_message_cut_within_a_character_is_read_with_a_replacement() -> None:
    rows = cwli.query("fields @message", events("cut \ud83d"))

    assert rows[0]["@message"] == "cut ?"


def test_an_unruly_message_is_text_and_nothing_else() -> None:
    odd = events("{" * 5000, "[" * 5000, '{"a": NaN}', '{"a": "\\ud800"}', "", "{}")

    rows = cwli.query("fields a | filter a > 0 and isNumeric(a)", odd)

    assert rows == []


def test_a_logged_number_beyond_all_bounds_is_shown_but_not_summed() -> None:
    huge = events('{"a":1e999}', '{"a":2}')

    shown = cwli.query("fields a | sort @timestamp asc | limit 1", huge)
    summed = cwli.query("stats sum(a) as s, max(a * 10 ^ 308) as m", huge)

    assert shown[0]["a"] == "1e999"
    assert summed == [{"s": "2"}]


def test_a_refusal_is_an_error_of_opslib_with_its_place() -> None:
    with pytest.raises(OpsError) as caught:
        cwli.parse("fields a\n| filter b ==== 1")

    error = caught.value
    assert isinstance(error, cwli.MalformedQuery)
    assert (error.position, error.line, error.column) == (22, 2, 14)
    assert "a number" in error.expected
    assert error.message.startswith("Query not run. Line 2, column 14: `=` cannot stand here.")


def test_a_text_longer_than_the_api_takes_is_refused() -> None:
    with pytest.raises(cwli.MalformedQuery) as caught:
        cwli.parse("fields a" + " " * 10_000)

    assert caught.value.position == 10_000


@pytest.mark.parametrize(
    "text",
    [
        "filter " + "not " * 400 + "a",
        "fields " + "abs(" * 400 + "a" + ")" * 400,
        "fields " + "(" * 4000 + "a" + ")" * 4000,
        "fields " + "a = (" * 40 + "b" + ")" * 40,
        "fields " + "a+" * 2000 + "a",
        "filter " + " or ".join(["a = b"] * 900),
    ],
)
def test_deep_and_long_expressions_run_or_are_refused(text: str) -> None:
    try:
        rows = cwli.query(text, events("x"))
    except cwli.MalformedQuery:
        rows = []

    assert len(rows) <= 1


def test_importing_the_engine_loads_neither_lark_nor_duckdb_nor_pyarrow() -> None:
    code = (
        "import sys, opslib.cwli;"
        "print(sorted({'lark', 'duckdb', 'pyarrow', 'pandas'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_an_answer_is_the_same_each_time() -> None:
    many = [
        {"timestamp": BASE_MS + i % 7, "message": json.dumps({"k": i % 5, "v": i * 0.1})}
        for i in range(2000)
    ]
    text = "stats sum(v) as s, avg(v) as a, stddev(v) as d, latest(v) as l by k"

    answers = [cwli.query(text, many) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert [row["k"] for row in answers[0]] == ["0", "1", "2", "3", "4"]


def test_a_name_of_sixteen_parts_is_found_and_one_of_thousands_is_refused_at_once() -> None:
    deep = ".".join("b" * 16)
    line: Any = 7
    for _ in range(16):
        line = {"b": line}

    rows = cwli.query(f"display {deep} as x", events(json.dumps(line)))

    assert [row["x"] for row in rows] == ["7"]
    with pytest.raises(cwli.MalformedQuery) as caught:
        cwli.query("fields " + ".".join("b" * 2000), events("x"))
    assert caught.value.position == 7


def test_many_long_names_are_refused_rather_than_tried_in_every_way() -> None:
    names = ", ".join(".".join([f"a{i}", *"b" * 15]) for i in range(250))

    with pytest.raises(cwli.MalformedQuery) as caught:
        cwli.query(f"fields 1 as one | fields {names}", events("x"))

    assert "too large" in caught.value.message
    assert caught.value.position == 18


@pytest.mark.parametrize(
    ("text", "position", "complaint"),
    [
        (" | ".join(["limit 5"] * 1000), 1000, "at most 100 commands"),
        ("sort " + ", ".join(["a"] * 51), 155, "at most 50 fields"),
        ("fields 1 as a" + ", a+1 as a" * 900, 0, "too large"),
        ("fields a" + " | autoregress a p=1-100" * 21, 491, "too large"),
    ],
)
def test_a_query_of_too_many_parts_is_refused_with_a_place(
    text: str, position: int, complaint: str
) -> None:
    with pytest.raises(cwli.MalformedQuery) as caught:
        cwli.query(text, events("x"))

    assert complaint in caught.value.message
    assert caught.value.position == position


def test_nesting_what_names_its_operands_often_does_not_make_the_query_too_large() -> None:
    one = events('{"m":"0","n":5,"e":"{\\"k\\":3}"}')
    same = "jsonParse(e).k = jsonParse(e).k"

    rows = cwli.query(f'stats min(case(m = "0", n, {same}, 0)) as least, max({same}) as same', one)
    deep = cwli.query("fields " + "(n = " * 12 + "n" + ")" * 12 + " as x", one)

    assert rows == [{"least": "5", "same": "1"}]
    # n = n is 1, 5 = 1 is 0, and 5 = 0 is 0 however often.
    assert deep[0]["x"] == "0"


def test_totals_of_totals_do_not_double_the_work_each_time() -> None:
    rows = cwli.query("fields a" + " | addtotals col=true a" * 40, events('{"a":1}'))

    # Each adds a row that holds the sum of all before it: 1, 1, 2, 4, ... 2 ^ 39.
    assert len(rows) == 41
    assert rows[-1]["a"] == "549755813888"


def test_queries_within_queries_are_refused_at_the_first() -> None:
    with pytest.raises(cwli.MalformedQuery) as caught:
        cwli.parse("appendcols (" * 300 + "fields a" + ")" * 300)

    assert caught.value.position == 12


def test_a_query_of_as_many_parts_as_may_be_runs() -> None:
    longest = " | ".join(["fields 1 as a", *["limit 5"] * 98, "sort " + ", ".join(["a"] * 50)])

    assert len(cwli.query(longest, events("x"))) == 1


@pytest.mark.parametrize("name", ["timestamp", "ingestionTime"])
def test_a_time_that_is_no_integer_is_refused(name: str) -> None:
    event = {"timestamp": BASE_MS, "message": "x", name: float(BASE_MS)}
    connection = duckdb.connect()
    relation = connection.sql(
        f'SELECT * REPLACE (1.5::DOUBLE AS "{name}") FROM '  # noqa: S608
        '(SELECT 1::BIGINT AS "timestamp", 2::BIGINT AS "ingestionTime", \'x\' AS message)'
    )

    for given in ([event], relation):
        with pytest.raises(BadInput) as caught:
            cwli.query("fields a", given)
        assert "integers (epoch ms)" in caught.value.message
    connection.close()


def test_a_limit_behind_rows_that_were_multiplied_counts_those() -> None:
    event = {"timestamp": BASE_MS, "message": "abcdefg"}

    rows = cwli.query("limit 1 | parse @message /(?<x>[a-z])/ multi | limit 3 | display x", [event])

    assert [row["x"] for row in rows] == ["a", "b", "c"]
