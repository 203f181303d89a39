"""The filter pattern language: what each documented form asks for, and what is refused."""

import json
import time

import pytest

from opslib.sandbox.logs.matching import matcher
from opslib.sandbox.logs.patterns import MalformedPattern
from opslib.sandbox.logs.reading import parse


def _found(pattern: str, messages: list[str]) -> list[str]:
    matches = matcher(parse(pattern))
    return [message for message in messages if matches(message)]


_LINES = {
    "refused": "[ERROR] 400 refused BAD request",
    "denied": "[ERROR] 401 denied request",
    "missing": "[ERROR] 419 missing ARGUMENTS",
    "warned": "[WARN] slow request",
    "lower": "an error in lower case",
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["refused", "denied", "missing", "warned", "lower"]),
        ("   ", ["refused", "denied", "missing", "warned", "lower"]),
        ('" "', ["refused", "denied", "missing", "warned", "lower"]),
        ("ERROR", ["refused", "denied", "missing"]),
        ("error", ["lower"]),
        ("ERR", ["refused", "denied", "missing"]),
        ("ERROR request", ["refused", "denied"]),
        ("request ERROR", ["refused", "denied"]),
        ('"denied request"', ["denied"]),
        ('"request denied"', []),
        ('"[ERROR]"', ["refused", "denied", "missing"]),
        ('"[ERROR]" -BAD', ["denied", "missing"]),
        ("ERROR -BAD -ARGUMENTS", ["denied"]),
        ('-"[ERROR]"', ["warned", "lower"]),
        ("?denied ?slow", ["denied", "warned"]),
        ('?"[WARN]" ?ARGUMENTS', ["missing", "warned"]),
        # Next to other terms, those with a question mark have no effect.
        ("?denied ?slow request", ["refused", "denied", "warned"]),
        ("?denied -BAD", ["denied", "missing", "warned", "lower"]),
    ],
)
def test_terms_match_as_documented(pattern: str, expected: list[str]) -> None:
    assert _found(pattern, list(_LINES.values())) == [_LINES[name] for name in expected]


def test_a_quote_and_a_backslash_in_a_phrase_are_escaped() -> None:
    lines = ['said "no" twice', "said no twice", r"C:\temp"]

    assert _found(r'"\"no\""', lines) == ['said "no" twice']
    assert _found(r'"C:\\t"', lines) == [r"C:\temp"]


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("%UTHOR%", "401 UNAUTHORIZED", True),
        ("%UTHOR%", "401 Unauthorized", False),
        ("%^[hc]at%", "hat trick", True),
        ("%^[hc]at%", "a hat", False),
        ("%[hc]at$%", "a hat", True),
        ("%[hc]at$%", "hat trick", False),
        ("%colou?r%", "color", True),
        ("%^a{3,5}$%", "aaaa", True),
        ("%^a{3,5}$%", "aa", False),
        ("%^a{,2}$%", "aa", True),
        ("%^a{,2}$%", "aaa", False),
        ("%^starting|^shutting down%", "shutting down now", True),
        ("%^starting|^shutting down%", "not starting", False),
        (r"%\[.\]%", "at [7] now", True),
        (r"%10\.10\.0\.1%", "10010,051", False),
        ("%10.10.0.1%", "10010,051", True),
        ("%ab*c%", "ac", True),
        ("%ab+c%", "ac", False),
        (r"%took \d+ ms%", "took 15 ms", True),
        (r"%took\s\D+%", "took\tlong", True),
        (r"%^\w\W$%", "_-", True),
        (r"%\x28%", "f(x)", True),
        (r"%\x28%", "f[x]", False),
    ],
)
def test_a_regular_expression_matches_as_documented(
    pattern: str, message: str, expected: bool
) -> None:
    assert matcher(parse(pattern))(message) is expected


def test_a_regular_expression_that_others_run_away_on_ends_at_once() -> None:
    matches = matcher(parse("%a*a*a*a*a*a*b%"))
    began = time.monotonic()

    found = matches("a" * 100_000)

    assert found is False
    assert time.monotonic() - began < 60


def test_a_message_cut_within_a_character_is_searched_all_the_same() -> None:
    assert _found("%cut%", ["cut \ud83d"]) == ["cut \ud83d"]


_EVENT = json.dumps(
    {
        "level": "ERROR",
        "detail-type": "Order Placed",
        "cluster.name": "blue",
        "ip": "10.0.17.4",
        "status": 404,
        "took_ms": 12.5,
        "count": "3",
        "cold": True,
        "user": None,
        "items": [{"sku": "a-1", "n": 1}, {"sku": "b-2", "n": 20}],
        "tags": ["red", "green"],
        "grid": [[0, 1], [2, 3]],
    }
)


@pytest.mark.parametrize(
    "condition",
    [
        '$.level = "ERROR"',
        "$.level = ERROR",
        '$.level != "INFO"',
        '$.level = "ERR*"',
        '$.level = "*OR"',
        '$.level = "*RR*"',
        "$.level = *",
        "$.level = %^ERR%",
        "$.level != %INFO%",
        '$.detail-type = "Order Placed"',
        "$.['cluster.name'] = \"blue\"",
        '$.["cluster.name"] = blue',
        "$.ip != 10.1.*",
        "$.ip = 10.0.*",
        "$.status = 404",
        "$.status = 404.0",
        "$.status = 4.04e2",
        "$.status = +404",
        "$.status = 4*",
        '$.status = "404"',
        "$.status != 500",
        "$.status >= 404 && $.status <= 404",
        "$.took_ms > 12 && $.took_ms < 13",
        "$.count = 3",
        "$.cold IS TRUE",
        "$.user IS NULL",
        "$.nobody NOT EXISTS",
        "$.items[5].sku NOT EXISTS",
        "$.level.deeper NOT EXISTS",
        '$.items[1].sku = "b-2"',
        "$.items[*].n = 20",
        '$.tags[*] = "green"',
        "$.grid[1][0] = 2",
        r"$.* = %10\.0\.1[0-9]\.%",
        "($.status = 1 || $.status = 404) && $.level = ERROR",
        "$.level = ERROR || $.status = 1 && $.status = 2",
        "(($.level = ERROR))",
    ],
)
def test_a_json_condition_holds(condition: str) -> None:
    matches = matcher(parse(f"{{ {condition} }}"))

    assert matches(_EVENT)
    assert matches(f"{_EVENT}\n")
    assert not matches(f"at 03:00 {_EVENT}")


@pytest.mark.parametrize(
    "condition",
    [
        "$.level = error",
        '$.level = "E*R"',
        '$.level != "ERROR"',
        "$.level > 1",
        "$.status < 404",
        '$.status = "4040"',
        "$.count > 1",
        # What is missing, null, true, an object or a list satisfies no comparison.
        "$.nobody != 1",
        "$.user != 1",
        "$.user = *",
        "$.cold = true",
        "$.cold != false",
        "$.items != 1",
        "$.items[0] != 1",
        "$.tags = red",
        "$.cold IS FALSE",
        "$.nobody IS NULL",
        "$.level NOT EXISTS",
        "$.user NOT EXISTS",
        "$.items[2].n != 1",
        "($.level = ERROR || $.status = 1) && $.status = 2",
    ],
)
def test_a_json_condition_does_not_hold(condition: str) -> None:
    assert not matcher(parse(f"{{ {condition} }}"))(_EVENT)


@pytest.mark.parametrize("message", ["", "plain", "[1, 2]", '{"level": ', '"level"', "[" * 100_000])
def test_a_json_pattern_matches_nothing_that_is_no_json_object(message: str) -> None:
    assert not matcher(parse("{ $.level NOT EXISTS }"))(message)


_ACCESS = '10.0.0.7 - frank [10/Oct/2026:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
_REPORT = "REPORT RequestId: r-1\tDuration: 14.97 ms\tBilled Duration: 15 ms\t\n"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("[ip, id, user, at, request, status, size]", _ACCESS),
        ("[ip, id, user, at, request = *.html*, status = 4*, size > 1000]", _ACCESS),
        ('[ip, id, user, at, request = "GET /index.html HTTP/1.0", status, size]', _ACCESS),
        ('[ip, id, user, at = "10/Oct/2026:13:25:15 -0700", request, status, size]', _ACCESS),
        (r"[ip = %^10\.0\.0\.[1-9]$%, ...]", _ACCESS),
        ("[..., status = 404, size]", _ACCESS),
        ("[ip, ..., size = 1534]", _ACCESS),
        ("[..., status = 404 || status = 410, size]", _ACCESS),
        ("[..., status >= 400 && status < 500, size]", _ACCESS),
        ("[..., (status = 404 || status = 410) && status != 410, size]", _ACCESS),
        ("[..., request = *.html*, status = 4*,]", _ACCESS),
        ('[ip, id, rest = "frank 1534"]', "10.0.0.7 - frank 1534"),
        ("[w1 = ERROR, w2]", "ERROR 03:00:02 failed to process"),
        ("[w1 != ERROR && w1 != WARNING, w2]", "INFO all is well"),
        ("[]", "anything"),
        # A field by the name of ERROR, of which nothing is asked: not the phrase.
        ("[ERROR]", "all is well"),
        ('[kind = "REPORT", k1 = "RequestId:", id, k2 = "Duration:", ms > 14, unit, ...]', _REPORT),
    ],
)
def test_a_delimited_pattern_matches(pattern: str, message: str) -> None:
    assert matcher(parse(pattern))(message)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("[ip, id, user, at, request, status, size, more]", _ACCESS),
        ("[a, b, c, d, e, f, g, h, ...]", _ACCESS),
        ("[ip, ..., status = 404]", _ACCESS),
        ("[..., size > 2000]", _ACCESS),
        ("[..., size > 1]", "ten of many"),
        ("[w1 = ERROR, w2]", "ERROR"),
        ("[w1 = ERROR]", "ERROR 03:00:02"),
        ("[w1 = ERROR, w2]", "INFO ERROR"),
        ("[a]", ""),
        ("[w1 = nan, w2]", "1 2"),
        ("[w1 > 1, w2]", "inf 2"),
    ],
)
def test_a_delimited_pattern_does_not_match(pattern: str, message: str) -> None:
    assert not matcher(parse(pattern))(message)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("Status:", "Invalid character(s) in term ':'"),
        ("a,b", "Invalid character(s) in term ','"),
        ("foo(bar)", "Invalid character(s) in term '('"),
        ("naïve", "Invalid character(s) in term 'ï'"),
        ('""', "Invalid character(s) in term '\"\"'"),
        ('"not closed', "Invalid character(s) in term '\"not'"),
        ("- ERROR", "Invalid character(s) in term '-'"),
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("[a, b", "If a filter pattern starts with '[' it must end with ']'"),
        ("{ }", "it ends too early"),
        ("{ $.a }", "it ends too early"),
        ("{ $.a = }", "it ends too early"),
        ("{ $.a = 1 && }", "it ends too early"),
        ("{ ($.a = 1 }", "it ends too early"),
        ("{ a = 1 }", "Expected a property selector, such as $.name, not 'a'"),
        ("{ $.a == 1 }", "Expected a value, not '='"),
        ("{ $.a = 1 $.b = 2 }", "Unexpected '$.b'"),
        ("{ $.a = 1, $.b = 2 }", "Unexpected ','"),
        ('{ $."detail-type" = 1 }', "Invalid character(s) in term '$'"),
        ("{ $.a[x] = 1 }", "'$.a[x]' is no property selector"),
        ("{ $.a IS MAYBE }", "'IS MAYBE' is not supported"),
        ("{ $.a IS NOT NULL }", "'IS NOT' is not supported"),
        ("{ $.a EXISTS }", "it ends too early"),
        ("{ $.a > high }", "'>' takes a number, not 'high'"),
        ('{ $.a > "1" }', "'>' takes a number, not '\"1\"'"),
        ("{ $.*.b[*] = 1 }", "a property selector takes one wildcard"),
        (
            "{ $.a[*] = 1 || $.b[*] = 1 || $.c[*] = 1 || $.d[*] = 1 }",
            "a pattern takes 3 wildcard selectors",
        ),
        ("{ $.a = %x% || $.b = %y% || $.c = %z% }", "a pattern takes 2 regular expressions"),
        ("[a, ..., b, ...]", "a pattern takes one ellipsis"),
        ("[a = 1 b]", "Expected ',', not 'b'"),
        ("[a = 1 || b = 2]", "the conditions of a field name it alone, not a and b"),
        ("[1a, b]", "'1a' is no name of a field"),
        ("[a = ]", "it ends too early"),
        ("[a !ERROR]", "Invalid character(s) in term '!'"),
        ("%ERROR", "a regular expression stands alone between two % signs"),
        ("%a% ERROR", "a regular expression stands alone between two % signs"),
        ("%%", "a regular expression stands alone between two % signs"),
        ("%stop!%", "Invalid character(s) in term '!'"),
        ("%(ab)+%", "Invalid character(s) in term '('"),
        (r"%\bword%", r"Invalid character(s) in term '\'"),
        ("%naïve%", "Invalid character(s) in term 'ï'"),
        ("%[a%", "'[a' is no regular expression"),
        ("%a++%", "'a++' is no regular expression"),
        ("a" * 1025, "it is longer than 1024 characters"),
    ],
)
def test_a_malformed_pattern_is_refused_with_its_reason(pattern: str, reason: str) -> None:
    with pytest.raises(MalformedPattern) as caught:
        matcher(parse(pattern))

    assert str(caught.value) == f"Invalid filter pattern: {reason}."
