"""SOURCE reads the log groups it names, and the plan says which."""

from typing import Any

import pytest

from opslib import cwli

BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC


def events() -> list[dict[str, Any]]:
    groups = ["111122223333:/aws/lambda/f", "/aws/lambda/g", "111122223333:other", None]
    return [
        {"timestamp": BASE_MS + i, "message": text, "log": group}
        for i, (text, group) in enumerate(zip("abcd", groups, strict=True))
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("SOURCE '/aws/lambda/f'", "a"),
        ('source "/aws/lambda/g"', "b"),
        ("SOURCE other", "c"),
        ("SOURCE `/aws/lambda/f`", "a"),
        ("SOURCE '/aws/lambda'", ""),
        ("SOURCE '/aws/lambda/f' | SOURCE 'other'", "ac"),
        ("SOURCE 'arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f'", "a"),
        ("SOURCE 'arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f:*'", "a"),
        ("SOURCE 'arn:aws:logs:eu-west-1:444455556666:log-group:/aws/lambda/f'", ""),
        ("SOURCE logGroups(namePrefix: ['/aws/', 'oth'])", "abc"),
        ("SOURCE logGroups(namePrefix: ['/aws/lambda/g'])", "b"),
        ("SOURCE logGroups()", "abcd"),
        ("SOURCE 'it''s' ", None),
    ],
)
def test_a_source_reads_the_events_of_its_log_groups(source: str, expected: str | None) -> None:
    text = f"{source} | fields @message | sort @timestamp"
    if expected is None:
        with pytest.raises(cwli.MalformedQuery):
            cwli.parse(text)
        return

    rows = cwli.query(text, events())

    assert "".join(row["@message"] for row in rows) == expected


def test_only_the_events_of_the_source_are_scanned() -> None:
    answer = cwli.run("SOURCE other | filter @message like 'z'", events())

    assert (answer.rows, answer.matched, answer.scanned, answer.scanned_bytes) == ([], 0, 1, 1)


def test_a_query_of_appended_columns_reads_its_own_source() -> None:
    text = """SOURCE '/aws/lambda/f' | stats count(*) as n, max(@message) as m
        | appendcols (SOURCE logGroups(namePrefix: ['/aws', 'other']) | stats count(*) as all)"""

    assert cwli.query(text, events()) == [{"n": "1", "m": "a", "all": "3"}]


def test_the_plan_says_which_log_groups_to_read() -> None:
    plan = cwli.parse(
        "SOURCE 'arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f:*' "
        "| SOURCE logGroups(namePrefix: ['/ecs', 'x']) | fields @message"
    )

    first, second = plan.sources
    assert (first.group, first.account, first.prefixes) == ("/aws/lambda/f", "111122223333", ())
    assert (second.group, second.account, second.prefixes) == (None, None, ("/ecs", "x"))
    assert cwli.parse("fields @message").sources == ()


def test_a_quote_in_the_name_of_a_log_group_is_no_sql() -> None:
    rows = cwli.query("""SOURCE "x' OR '1'='1" | fields @message""", events())

    assert rows == []
