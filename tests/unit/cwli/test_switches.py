"""Each unverified point of the language, turned both ways."""

from dataclasses import fields, replace
from typing import Any

import pytest

from opslib import cwli
from opslib.cwli.switches import DEFAULT

BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC

REPORT = (
    '{"type":"platform.report","record":{"metrics":{"durationMs":12.5,"billedDurationMs":13,'
    '"memorySizeMB":128,"maxMemoryUsedMB":40,"initDurationMs":99}}}'
)
APPLICATION = "2026-11-22T01:00:00Z\t40c9ba54-b78f-4c01-b215-995e91848786\tINFO\thello"

# switch, the other setting, messages, query, rows by default, rows under the other setting.
# None stands for a refusal.
Rows = list[dict[str, str]] | None
TURNS: list[tuple[str, Any, list[str], str, Rows, Rows]] = [
    (
        "missing_in_comparison",
        "false",
        ['{"a":1}', '{"b":1}'],
        "filter not a = 1 | stats count(*) as n",
        [],
        [{"n": "1"}],
    ),
    (
        "numbers_in_text",
        "compare as text",
        ['{"a":"9"}', '{"a":"10"}'],
        'filter a < "10" | stats count(*) as n',
        [{"n": "1"}],
        [],
    ),
    (
        "percentile",
        "nearest rank",
        ['{"a":1}', '{"a":2}'],
        "stats pct(a, 50) as p, median(a) as m",
        [{"p": "1.5", "m": "1.5"}],
        [{"p": "1", "m": "1"}],
    ),
    (
        "standard_deviation",
        "sample",
        ['{"a":1}', '{"a":3}'],
        "stats stddev(a) as d",
        [{"d": "1"}],
        [{"d": "1.4142"}],
    ),
    (
        "missing_group_key",
        "dropped",
        ['{"a":1}', "x"],
        "stats count(*) as n by a",
        [{"a": "1", "n": "1"}, {"n": "1"}],
        [{"a": "1", "n": "1"}],
    ),
    ("stats_of_nothing", "one row", [], "stats count(*) as n", [], [{"n": "0"}]),
    (
        "stats_order",
        "oldest bin first",
        ["x", "y"],
        "stats count(*) by bin(1s) as t | display t",
        [{"t": "2026-11-22 01:00:01.000"}, {"t": "2026-11-22 01:00:00.000"}],
        [{"t": "2026-11-22 01:00:00.000"}, {"t": "2026-11-22 01:00:01.000"}],
    ),
    (
        "sort_by_timestamp_after_bin",
        "refused",
        ["x"],
        "stats count(*) as n by bin(1h) | sort @timestamp desc | display n",
        [{"n": "1"}],
        None,
    ),
    (
        "sort_direction",
        "desc",
        ['{"a":1}', '{"a":2}'],
        "fields a | sort a",
        [{"a": "1"}, {"a": "2"}],
        [{"a": "2"}, {"a": "1"}],
    ),
    (
        "missing_sorts",
        "first",
        ['{"a":1}', "x"],
        "fields a | sort a asc",
        [{"a": "1"}, {}],
        [{}, {"a": "1"}],
    ),
    (
        "star_in_glob",
        "greedy",
        ["a:b:c."],
        'parse @message "*:*." as x, y | display x, y',
        [{"x": "a", "y": "b:c"}],
        [{"x": "a:b", "y": "c"}],
    ),
    (
        "empty_capture",
        "missing",
        ["latency := 12"],
        "parse @message /latency := (?<l>.*?)/ | display l",
        [{"l": ""}],
        [{}],
    ),
    (
        "string_escapes",
        "none",
        ['say "hi"'],
        r'filter @message like "\"hi" | display 1 as one',
        [{"one": "1"}],
        [],
    ),
    ("unary_minus", "refused", ['{"a":2}'], "fields -a as b", [{"b": "-2"}], None),
    (
        "remainder_sign",
        "the divisor's",
        ['{"a":7}'],
        "fields -7 % 3 as x, a % -3 as y, 7 % 3 as z, -7 % 7 as w",
        [{"x": "-1", "y": "1", "z": "1", "w": "0"}],
        [{"x": "2", "y": "-2", "z": "1", "w": "0"}],
    ),
    (
        "not_binds",
        "tighter than comparison",
        ['{"a":0}', '{"a":5}'],
        "fields a | filter not a = 0",
        [{"a": "5"}],
        [{"a": "5"}],
    ),
    (
        "mixed_and_or",
        "refused",
        ['{"a":1}'],
        "fields a | filter a = 1 or a = 2 and a = 3",
        [{"a": "1"}],
        None,
    ),
    (
        "bin_of_a_field",
        "refused",
        ["x"],
        "fields bin(@timestamp, 1h) as t",
        [{"t": "2026-11-22 01:00:00.000"}],
        None,
    ),
    (
        "week_starts",
        "thursday",
        ["x"],
        "fields bin(1w) as t",
        [{"t": "2026-11-16 00:00:00.000"}],
        [{"t": "2026-11-19 00:00:00.000"}],
    ),
    (
        "timestamp_aggregates",
        "formatted",
        ["x"],
        "stats max(@timestamp) as a, earliest(@timestamp) as b",
        [{"a": "1795309200000", "b": "1795309200000"}],
        [{"a": "2026-11-22 01:00:00.000", "b": "2026-11-22 01:00:00.000"}],
    ),
    (
        "decimals",
        2,
        ["x"],
        'fields 2 / 3 as a, concat(a, "s") as b, a like "0.6667" as c',
        [{"a": "0.6667", "b": "0.6667s", "c": "1"}],
        [{"a": "0.67", "b": "0.67s", "c": "0"}],
    ),
    (
        "numbers_made_text",
        "every digit",
        ["x"],
        'fields 2 / 3 as a, concat(a, "s") as b, a like "0.6667" as c, a * 3 as d',
        [{"a": "0.6667", "b": "0.6667s", "c": "1", "d": "2"}],
        [{"a": "0.6667", "b": "0.6666666666666666s", "c": "0", "d": "2"}],
    ),
    (
        "request_id_in_application_lines",
        "only in START, END and REPORT",
        [APPLICATION],
        "fields @requestId",
        [{"@requestId": "40c9ba54-b78f-4c01-b215-995e91848786"}],
        [{}],
    ),
    (
        "report_fields_in_json_logs",
        "derived",
        [REPORT],
        "fields @duration, @initDuration, @memorySize",
        [{}],
        [{"@duration": "12.5", "@initDuration": "99", "@memorySize": "128000000"}],
    ),
    (
        "stages_after_limit",
        "refused",
        ["x"],
        "fields 1 as a | limit 1 | filter a = 1",
        [{"a": "1"}],
        None,
    ),
    (
        "running_order",
        "by time",
        ['{"a":1}', '{"a":2}'],
        "fields a | accum a as t | display a, t",
        [{"a": "2", "t": "2"}, {"a": "1", "t": "3"}],
        [{"a": "2", "t": "3"}, {"a": "1", "t": "1"}],
    ),
    (
        "accum_without_name",
        "_accum",
        ['{"a":1}', '{"a":2}'],
        "fields a | sort @timestamp | accum a",
        [{"a": "1"}, {"a": "3"}],
        [{"a": "1", "_accum": "1"}, {"a": "2", "_accum": "3"}],
    ),
    (
        "accum_without_number",
        "carried",
        ['{"a":1}', "x"],
        "sort @timestamp | accum a as t | display t",
        [{"t": "1"}, {}],
        [{"t": "1"}, {"t": "1"}],
    ),
    (
        "empty_list",
        "one row",
        ['{"a":[]}'],
        "fields jsonParse(@message) as j | unnest j.a into b | display 1 as one, b",
        [],
        [{"one": "1"}],
    ),
    (
        "extracted_fields",
        "when named",
        ["a=1"],
        'parse @message "a=*" as a | filter a = 1',
        [{"a": "1"}],
        [{"@timestamp": "2026-11-22 01:00:00.000", "@message": "a=1"}],
    ),
    (
        "bin_offset",
        "moves the boundaries",
        ["x"],
        "stats count(*) as n by bin(1h) as t offset 30m",
        [{"t": "2026-11-22 01:30:00.000", "n": "1"}],
        [{"t": "2026-11-22 00:30:00.000", "n": "1"}],
    ),
    (
        "fields_after_stats",
        "replace",
        ["x"],
        "stats count(*) as n, max(2) as m | fields n * 2 as twice",
        [{"n": "1", "m": "2", "twice": "2"}],
        [{"twice": "2"}],
    ),
    (
        "header_spaces",
        "collapsed",
        ["x"],
        "stats count(\n *)",
        [{"count(\n *)": "1"}],
        [{"count( *)": "1"}],
    ),
    ("missing_in_concat", "missing", ["x"], 'fields concat("a", b) as c', [{"c": "a"}], [{}]),
    ("missing_in_greatest", "missing", ["x"], "fields greatest(1, b) as c", [{"c": "1"}], [{}]),
    (
        "integers_out_of_range",
        "clamped",
        ["x"],
        'fields toInt(3000000000) as a, toInt(-3000000000) as b, toLong("9e18") as c',
        [{"c": "9000000000000000000"}],
        [{"a": "2147483647", "b": "-2147483648", "c": "9000000000000000000"}],
    ),
    (
        "groups_in_replacement",
        "$1",
        ["x"],
        r'fields regexReplace("a-b", "(a)-(b)", "\2$1") as c',
        [{"c": "b$1"}],
        [{"c": r"\2a"}],
    ),
    (
        "plus_in_urls",
        "a space",
        ["x"],
        'fields urlencode("a b+c") as e, urldecode("a+b") as d',
        [{"e": "a%20b%2Bc", "d": "a+b"}],
        [{"e": "a+b%2Bc", "d": "a b"}],
    ),
    (
        "size_of_no_list",
        "zero",
        ["x"],
        'fields jsonArraySize("x") as a, jsonArraySize("[]") as b',
        [{"b": "0"}],
        [{"a": "0", "b": "0"}],
    ),
    (
        "repeated_json_key",
        "last",
        ['{"a":1,"a":2}', 'x {"a":1,"a":2}', '{"a":1,"a":2,"b":[' + "0," * 300 + "0]}"],
        "fields a",
        [{"a": "1"}, {"a": "1"}, {"a": "1"}],
        [{"a": "2"}, {"a": "2"}, {"a": "2"}],
    ),
    (
        "json_lists_in_lines",
        "searched",
        ['[{"a":1}]', 'x [{"a":2}]', '[7] {"a":3}', '[INFO] {"a":4}'],
        "fields a",
        [{"a": "4"}, {"a": "3"}, {}, {}],
        [{"a": "4"}, {"a": "3"}, {"a": "2"}, {"a": "1"}],
    ),
    (
        "values_of_a_group",
        "all",
        ['{"a":2}', '{"a":10}', '{"a":2}'],
        "stats values(a) as v",
        [{"v": '["2","10"]'}],
        [{"v": '["2","2","10"]'}],
    ),
    (
        "topk_gives",
        "values and counts",
        ['{"a":"x"}', '{"a":"y"}', '{"a":"y"}'],
        "stats topk(2, a) as t",
        [{"t": '["y","x"]'}],
        [{"t": '{"y":2,"x":1}'}],
    ),
    (
        "rate_counts",
        "the sum",
        ['{"a":1}', '{"a":4}', '{"a":5}'],
        "stats rate(a, 1s) as r",
        [{"r": "2"}],
        [{"r": "5"}],
    ),
    (
        "histogram_after_by",
        "refused",
        ['{"a":7}', '{"a":19}'],
        "stats count(*) as n by histogram(a, 10) as h | sort h",
        [{"h": "0", "n": "1"}, {"h": "10", "n": "1"}],
        None,
    ),
    (
        "private_addresses",
        "also reserved",
        ["x"],
        'fields isReservedIP("10.0.0.1") as a, isPublicIP("10.0.0.1") as b',
        [{"a": "0", "b": "0"}],
        [{"a": "1", "b": "0"}],
    ),
]


def rows_of(messages: list[str], query: str, switches: cwli.Switches) -> Rows:
    events = [{"timestamp": BASE_MS + 1000 * i, "message": m} for i, m in enumerate(messages)]
    try:
        rows = cwli.query(query, events, switches=switches)
    except cwli.MalformedQuery:
        return None
    return [{name: value for name, value in row.items() if name != "@ptr"} for row in rows]


@pytest.mark.parametrize("turn", [pytest.param(turn, id=turn[0]) for turn in TURNS])
def test_a_switch_decides_its_point(turn: tuple[str, Any, list[str], str, Rows, Rows]) -> None:
    name, other, messages, query, by_default, turned = turn
    switches = replace(DEFAULT, **{name: other})

    assert rows_of(messages, query, DEFAULT) == by_default
    assert rows_of(messages, query, switches) == turned


def test_a_tightly_binding_not_negates_the_operand() -> None:
    switches = replace(DEFAULT, not_binds="tighter than comparison")

    loose = rows_of(['{"a":0}', '{"a":5}'], "fields a | filter not a = 5", DEFAULT)
    tight = rows_of(['{"a":0}', '{"a":5}'], "fields a | filter not a = 1", switches)

    assert loose == [{"a": "0"}]
    assert tight == [{"a": "0"}]


@pytest.mark.parametrize(
    ("setting", "expected"), [("the smaller", 2), ("the text's", 3), ("the call's", 2)]
)
def test_the_smaller_limit_of_text_and_call_counts(setting: Any, expected: int) -> None:
    events = [{"timestamp": BASE_MS + i, "message": "x"} for i in range(5)]
    switches = replace(DEFAULT, api_limit=setting)

    answer = cwli.run("fields @message | limit 3", events, limit=2, switches=switches)

    assert len(answer.rows) == expected


def test_the_calls_limit_can_also_be_the_larger() -> None:
    events = [{"timestamp": BASE_MS + i, "message": "x"} for i in range(5)]
    switches = replace(DEFAULT, api_limit="the call's")

    smaller = cwli.run("fields @message | limit 3", events, limit=4)
    calls = cwli.run("fields @message | limit 3", events, limit=4, switches=switches)

    assert (len(smaller.rows), len(calls.rows)) == (3, 4)


def test_every_switch_is_turned_by_a_test() -> None:
    turned = {turn[0] for turn in TURNS} | {"api_limit"}

    assert turned == {each.name for each in fields(DEFAULT)}
