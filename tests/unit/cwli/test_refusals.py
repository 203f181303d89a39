"""A refusal says where, what stands there, where that ends, and what could stand there."""

import pytest

from opslib import cwli
from opslib.cwli import refusals


def refusal(text: str) -> cwli.MalformedQuery:
    with pytest.raises(cwli.MalformedQuery) as caught:
        cwli.parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "column", "found"),
    [
        ("fields a | frobnicate a", 1, 12, "frobnicate"),
        ("fields a\n  | pattern @message", 2, 5, "pattern"),
        ("fields a\n| filter b ==== 1", 2, 14, "="),
        ("fields a | filter a like /x/i", 1, 29, "i"),
        ("# first\n\nfields a |\nfilter `b c` ` d`", 4, 14, "` d`"),
        ('fields a "two words"', 1, 10, '"two words"'),
        ("fields a | limit 0", 1, 18, "0"),
        ("fields a |", 1, 11, ""),
        ("", 1, 1, ""),
        ("stats count(*) as n by a | filter é.b = 1", 1, 35, "é.b"),
        ("stats count(*) as n by a | filter x.`y z`.w = 1", 1, 35, "x.`y z`.w"),
        ("fields nope(a)", 1, 8, "nope"),
        ("parse logfmt @message", 1, 14, "@message"),
        ("filter a in (SOURCE 'x')", 1, 13, "("),
        ("filter a = 'never closed\n| limit 1", 1, 12, "'never closed"),
    ],
)
def test_a_refusal_holds_the_offending_text_and_its_place(
    text: str, line: int, column: int, found: str
) -> None:
    error = refusal(text)

    assert (error.line, error.column, error.found) == (line, column, found)
    assert text[error.position : error.end] == found
    assert f"Line {line}, column {column}:" in error.message


def test_a_refusal_says_what_could_have_stood_there() -> None:
    assert refusal("autoregress a q=1").expected == ("the end of the query", "as", "p=", "`|`")
    assert refusal("addtotals = 1").expected == (
        "the end of the query", "col=", "fieldname=", "a field name", "row=", "`|`",
    )  # fmt: skip
    assert refusal("fields a | pattern b").expected == ()
    assert refusal("filter a = $Saved()").expected == ()
    assert refusal("SOURCE logGroupTags([1]) | fields a").expected == ()


@pytest.mark.parametrize("name", sorted(refusals.REFUSED_COMMANDS))
def test_every_refused_command_is_refused_by_name_with_its_reason(name: str) -> None:
    error = refusal(f"fields a | {name} b")

    assert error.found == name
    assert f"the command `{name}` is not in this local engine: " in error.message
    assert refusals.REFUSED_COMMANDS[name] in error.message
    assert name not in {command.lower() for command in refusals.COMMANDS}


@pytest.mark.parametrize("name", refusals.COMMANDS)
def test_every_command_that_is_said_to_run_is_in_the_grammar(name: str) -> None:
    error = refusal(f"fields a | {name} |")

    assert "is not" not in error.message


def test_a_position_beyond_the_text_has_no_offending_text() -> None:
    error = cwli.MalformedQuery("nothing is there.", 7, text="short")

    assert (error.found, error.end) == ("", 7)
