"""JSON in log lines as the engine finds it, against a reader that goes character by character.

``DOCUMENT_LINES=100000 pytest tests/unit/cwli/test_documents.py`` tries so many a query, others
each time.
"""

import json
import os
import time
from random import Random

import pytest

from cwli.oracle.documents import fields_of
from opslib import cwli

BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC
WANTED = int(os.environ.get("DOCUMENT_LINES", "0"))
SEED = time.time_ns() if WANTED else 20_261_122

KEYS = ["a", "b", "c", "key", "é", "a.b", "b.a", "0"]
SCALARS = [
    *(
        "1",
        "-2.50",
        "1e3",
        "0",
        "true",
        "false",
        "null",
        "12345678901234567899",
    ),
    *('"x"', '"{"', '"}"', '"a\\"b"', '"\\\\"', '"[1]"', '"é"', '"\\u00e9"', '""', '"\\ud83d"'),
    *('"{\\"a\\":1}"', '"line\\nbreak"', '"\\ud83d\\ude00"', '"http:\\/\\/x"', "01", "+1", ".5"),
]
JUNK = [
    *("{", "}", "[", "]", '"', "\\", ":", ",", " ", "a", "text ", "\t", "\n", "1", "%s", "'", "é"),
    *(
        "{a:1}",
        "[INFO] ",
        "[1,2]",
        "{}",
        "[]",
        '{"a":NaN}',
        '{"a":1,}',
        '["a"]',
        '[{"a":5}]',
        '"a"',
    ),
    *('{"a"}', "{'a': 1}", '{"a":"\t"}'),
]
NAMES = [
    *("a", "b", "a.a", "a.b", "b.a", "key", "c", "a.0", "b.0", "a.1", "a.0.a", "key.a", "c.0.b"),
    *("key.a.1", "key.a.b", "f1", "f199"),
]


def a_value(random: Random, depth: int) -> str:
    kind = random.random()
    if depth and kind < 0.25:
        return an_object(random, depth - 1)
    if depth and kind < 0.4:
        items = [a_value(random, depth - 1) for _ in range(random.randrange(4))]
        return f"[{random.choice([',', ' , ']).join(items)}]"
    return random.choice(SCALARS[:-4] if random.random() < 0.95 else SCALARS)


def an_object(random: Random, depth: int) -> str:
    blank = random.choice(["", " "])
    members = [
        json.dumps(random.choice(KEYS), ensure_ascii=random.random() < 0.5)
        + f"{blank}:{blank}{a_value(random, depth)}"
        for _ in range(random.choice([0, 1, 2, 2, 3, 5]))
    ]
    return f"{{{blank}{f',{blank}'.join(members)}{blank}}}"


def junk(random: Random) -> str:
    return "".join(random.choice(JUNK) for _ in range(random.randrange(8)))


def wide(random: Random) -> str:
    count = random.choice([190, 198, 199, 200, 201, 300])
    members = [f'"f{i}":{a_value(random, 1)}' for i in range(count)]
    head = random.choice(["", '"key":{"a":[1,2]},'])
    return f'{{{head}{",".join(members)},"a":1,"b":{{"a":2}}}}'


def a_line(random: Random) -> str:
    kind = random.randrange(8)
    one = wide(random) if random.random() < 0.02 else an_object(random, 3)
    if kind == 0:
        return one
    if kind == 1:
        return junk(random)
    if kind == 2:
        return one + junk(random)
    if kind == 3:
        return f"{junk(random)}{one}{junk(random)}{an_object(random, 2)}{junk(random)}"
    if kind > 4:
        return junk(random) + one
    broken = list(one)
    for _ in range(random.randrange(1, 4)):
        broken[random.randrange(len(broken))] = random.choice('{}[]",:1a\\ ')
    return f"{junk(random)}{''.join(broken)}{junk(random)}{an_object(random, 1)}"


def shown(names: list[str], lines: list[str]) -> list[dict[str, str]]:
    events = [{"timestamp": BASE_MS + i, "message": line} for i, line in enumerate(lines)]
    text = f"fields 1 as row, {', '.join(names)} | sort @timestamp asc | limit 100000"
    rows = cwli.query(text, events)
    return [{key: row[key] for key in row if key not in ("row", "@ptr")} for row in rows]


@pytest.mark.parametrize("names", [["a"], ["b.0", "key", "a.b"], NAMES], ids=len)
def test_the_fields_of_a_line_are_those_that_a_plain_reader_finds(names: list[str]) -> None:
    random = Random(f"{SEED} {names}")  # noqa: S311 - a test's choices, not a secret
    lines = [a_line(random) for _ in range(WANTED or 2000)]

    found = shown(names, lines)

    expected = [fields_of(line, names) for line in lines]
    wrong = [
        (line, row, wanted)
        for line, row, wanted in zip(lines, found, expected, strict=True)
        if row != wanted
    ]
    assert wrong[:3] == [], SEED
    assert sum(map(bool, expected)) > len(lines) // 30


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('\ufeff{"a":1}', {"a": "1"}),
        ('  \n{"a":1}\r\n', {"a": "1"}),
        ('{"b":2}{"a":1}', {"b": "2"}),
        ('{} {"a":1}', {}),
        ('[1] {"a":1}', {"a": "1"}),
        ('it"s {"a":"x"} "', {"a": "x"}),
        ('{"\\u0061":1}', {"a": "1"}),
        ('{"a":"\\ud83d"} {"b":1}', {"b": "1"}),
        ('{"a":"x\ty"} {"b":1}', {"b": "1"}),
        ('{"a":{"b":1},"a":2}', {}),
        ('{"a":null,"b":[]}', {}),
    ],
)
def test_of_a_line_the_first_object_counts_and_nothing_else(
    line: str, found: dict[str, str]
) -> None:
    assert shown(["a", "b"], [line]) == [found]


def test_what_a_parser_takes_beside_json_is_found_too() -> None:
    lines = ['{"a":NaN,"b":1}', '{"a":1,}', '{"a":[1,],"b":-Infinity}', "{'a': 1}", "{a:1}"]

    assert shown(["a", "b"], lines) == [
        {"a": "NaN", "b": "1"},
        {"a": "1"},
        {"b": "-Infinity"},
        {},
        {},
    ]


def test_an_object_is_found_behind_63_pieces_that_look_like_one() -> None:
    of = '{"a":1} tail }'

    found = shown(["a"], ['{"x":y} ' * 63 + of, '["x"] ' * 63 + of, "{x} " * 500 + of])

    assert found == [{"a": "1"}, {"a": "1"}, {"a": "1"}]


def test_an_object_between_brackets_is_found_however_deep() -> None:
    nested = ['{"a":1,"x":' + '{"b":' * n + "1" + "}" * n + "} tail }" for n in (31, 500)]

    assert shown(["a"], nested) == [{"a": "1"}, {"a": "1"}]


def test_a_list_of_what_is_no_number_in_json_is_passed_over_too() -> None:
    assert shown(["a"], ['[NaN, {"a":1}] {"a":2}', '[-inf] {"a":3}']) == [{"a": "2"}, {"a": "3"}]


def test_a_quote_left_open_hides_no_object_behind_it() -> None:
    assert shown(["a"], ['{"x": "y } {"a":1} tail }', '{"a":"x \\']) == [{"a": "1"}, {}]


def test_the_longer_a_message_the_fewer_pieces_are_tried_of_it() -> None:
    long = " " * 90_000
    second = f'{{"x":y}} {long}{{"a":1}} tail }}'
    third = f'{{"x":y}} {long}{{"x":y}} {{"a":1}} tail }}'
    fourth = f'{{"x":y}} {long}{{"x":y}} {long}{{"x":y}} {{"a":1}} tail }}'

    assert shown(["a"], [second, third, fourth]) == [{"a": "1"}, {}, {}]


def test_a_message_of_thousands_of_brackets_is_not_searched_but_read_if_it_is_an_object() -> None:
    many = "[]," * 5000
    of = [
        f'{{"a":1,"b":[{many}[]]}} tail }}',
        f'{{"a":1,"b":[{many}[]]}}',
        f"{of_list(4000)} tail }}",
    ]

    assert shown(["a"], [*of, f"text {of[1]} tail"]) == [{}, {"a": "1"}, {"a": "1"}, {"a": "1"}]


def of_list(brackets: int) -> str:
    return f'{{"a":1,"b":[{"[]," * brackets}[]]}}'


def test_an_object_is_cut_behind_its_two_hundredth_value_however_it_is_nested() -> None:
    ones = "11," * 198
    last = f'{{"c":[{ones}11],"a":12345,"b":6}}'
    deep = f'{{"d":{"[" * 500}1{"]" * 500},"c":[{ones}11],"a":1}}'
    deeper = f'{{"d":{"[" * 1500}1{"]" * 1500},"c":[{ones}11],"a":1}}'
    open_ = f'{{"c":{{"d":[{ones}{{"e":[1,"a"]}}],"x":1}},"a":1,"b":2}}'

    # Only one nested deeper than anything is stays whole.
    found = shown(["a", "b"], [last, deep, deeper, open_])

    assert found == [{"a": "12345"}, {}, {"a": "1"}, {}]


def test_pieces_of_many_brackets_are_tried_twice() -> None:
    rest = "{}" * 3000
    second, third = ('{"x":y} ' * n + f'{{"a":1}} {rest} tail }}' for n in (1, 2))

    assert shown(["a"], [second, third]) == [{"a": "1"}, {}]


def test_an_odd_line_changes_nothing_of_the_lines_beside_it() -> None:
    lines = ['{"a":1,"b":[2]}', 'text {"a":{"b":3}}', "plain", '{"a":"}{"}\n', '{"b":1.50} ']
    names = ["a", "b", "a.b", "b.0"]
    expected = [{"a": "1", "b.0": "2"}, {"a.b": "3"}, {}, {"a": "}{"}, {"b": "1.50"}]
    wide = "{" + ",".join(f'"f{i}":{i}' for i in range(201)) + ',"a":1}'

    assert shown(names, lines) == expected
    assert shown(names, [*lines, '{x} {"a":1} {x}']) == [*expected, {"a": "1"}]
    assert shown(names, [*lines, wide]) == [*expected, {}]


def test_a_number_has_its_own_digits_also_where_they_stand_elsewhere_in_the_line() -> None:
    lines = [
        '{"a": 1.50, "b": {"x": 1.5}}',
        '{"b": {"a": 1.5}, "a": 1.50}',
        '{"b":{"a":1.5},"a":1.50}',
        '{"b": ["a"], "a": 1.5}',
        r'{"b": {"a": 1.5}, "\u0061": 1.50}',
        r'{"a": 1.50, "b": "\"a\": 1.5,"}',
        '{"a": 1.5e0, "b": {"a": 1.5}}',
        'x "a": 1.5, {"a": 1.50}',
        '{"a" : 1.50}',
        '{"a": "1.50"}',
        '{"a": -0.5, "b": 1}',
    ]
    expected = ["1.50"] * 3 + ["1.5"] + ["1.50"] * 2 + ["1.5e0"] + ["1.50"] * 3 + ["-0.5"]

    assert [row.get("a") for row in shown(["a"], lines)] == expected
    assert shown(["b.a", "`x`"], lines[:5]) == [{}, *[{"b.a": "1.5"}] * 2, {}, {"b.a": "1.5"}]


HOSTILE = [
    *(
        "[{" * 50_000 + "}",
        '"' * 100_000 + "{}",
        "\\" * 100_000 + "{}",
        '{"a":"' + '\\"' * 49_000 + "}",
    ),
    *(
        '{"a":y} ' * 12_000,
        '{"a":' * 70 + '"' + "y " * 40_000 + '"} }',
        '{"a":' * 4000 + "}" * 4000 + " }",
    ),
    *('{"b":' + "[" * 40_000 + "]" * 40_000 + ',"c":[' + "1," * 300 + '1],"a":1}',),
]


def test_hostile_messages_of_100_kb_take_little_longer_than_others() -> None:
    lines = [*HOSTILE * 3, '{"a":1}']
    began_s = time.process_time()

    found = shown(["a"], lines)

    assert found[-1] == {"a": "1"}
    assert found[0] == found[1] == found[2] == {}
    assert time.process_time() - began_s < 5
