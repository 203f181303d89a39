"""From the text of a query to its plan, or to a refusal with a place.

In: the query text. Out: ``plan.Query``. The grammar is ``grammar.lark``, built once a process on
first use. What the grammar lets through and the language forbids (a ``sort`` between two ``stats``,
an aggregate in ``filter``) is refused in ``checks``.

Must not know events or SQL.

Source
------
CWL_QuerySyntax and its pages, one a command; StartQuery: at most 10,000 characters.
"""

import re
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from opslib.cwli import checks
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.plan import Query
from opslib.cwli.switches import DEFAULT, Switches

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

MAX_CHARACTERS = 10_000
"""Longest query text StartQuery takes."""

COMMANDS = (
    "fields", "display", "filter", "where", "stats", "sort", "limit", "dedup", "parse",
)  # fmt: skip
"""Commands this engine runs."""

OTHER_COMMANDS = frozenset(
    {
        "accum", "addtotals", "anomaly", "appendcols", "autoregress", "cidrlookup", "countfrequent",
        "diff", "estimate", "expand", "filldown", "fillmissing", "filterindex", "head", "join",
        "logcompare", "lookup", "order", "outlier", "pattern", "relevantfields", "search",
        "sessionize", "source", "tail", "unmask", "unnest",
    }
)  # fmt: skip
"""Commands of CloudWatch that this engine refuses by name."""

_OTHER_WORDS = frozenset({"csv", "json", "logfmt", "multi", "offset"})
"""Words of CloudWatch's ``parse`` and ``stats`` that this engine refuses by name."""

_WORDS = {
    "NAME": "a field name",
    "STRING": "a string",
    "NUMBER": "a number",
    "REGEX": "a /regular expression/",
    "DURATION": "a duration such as 5m",
    "COMPARE": "a comparison",
    "MATCH": "`=~`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "STAR": "`*`",
    "SLASH": "`/`",
    "PERCENT": "`%`",
    "CARET": "`^`",
    "BANG": "`!`",
    "VBAR": "`|`",
    "COMMA": "`,`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "$END": "the end of the query",
}
# Shown in this order; a list of twenty operators helps nobody, so arithmetic comes as one phrase.
_ARITHMETIC = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "CARET"})


def parse(text: str, *, switches: Switches = DEFAULT) -> Query:
    """Read a query.

    Parameters
    ----------
    text
        The query, as it would be given to StartQuery.
    switches
        The unverified points of the language.

    Returns
    -------
    The plan: stages in order, every expression typed, every offset kept.

    Raises
    ------
    MalformedQuery
        When the text is not in the language, or uses a command or function this engine lacks.
    """
    from lark.exceptions import UnexpectedInput, VisitError

    _check_characters(text)
    try:
        tree = _grammar(switches.not_binds == "tighter than comparison").parse(text)
    except UnexpectedInput as error:
        raise _explained(error, text) from None
    try:
        plan: Query = _builder()(text, switches).transform(tree)
    except VisitError as error:
        if isinstance(error.orig_exc, MalformedQuery):
            raise error.orig_exc from None
        raise
    checks.check(plan, switches=switches)
    return plan


def _check_characters(text: str) -> None:
    """Refuse what StartQuery would not even read."""
    if len(text) > MAX_CHARACTERS:
        found = f"the text has {len(text):,} characters; {MAX_CHARACTERS:,} is the limit."
        raise MalformedQuery(found, MAX_CHARACTERS, text=text)
    lone = re.search("[\ud800-\udfff\x00]", text)
    if lone:
        found = "a character that no text may hold (NUL, or half of a surrogate pair)."
        raise MalformedQuery(found, lone.start(), text=text)


@lru_cache(maxsize=2)
def _grammar(not_binds_tightly: bool) -> "Lark":
    """Build the parser from ``grammar.lark``; takes a tenth of a second, once."""
    from lark import Lark

    rules = files("opslib.cwli").joinpath("grammar.lark").read_text(encoding="utf-8")
    if not_binds_tightly:
        rules = rules.replace("?negation: NOT negation  -> negate\n         | ", "?negation: ")
        rules = rules.replace("BANG unary  -> negate", "(BANG | NOT) unary  -> negate")
    return Lark(
        rules, parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True
    )


@lru_cache(maxsize=1)
def _builder() -> "type":
    """Import the plan builder, which needs lark, when the first query comes."""
    from opslib.cwli.builder import PlanBuilder

    return PlanBuilder


def _explained(error: "UnexpectedInput", text: str) -> MalformedQuery:
    """Turn lark's error into ours: what stands there, why it cannot, and what could."""
    position = error.pos_in_stream
    token = getattr(error, "token", None)
    if position is None or position < 0 or (token is not None and token.type == "$END"):
        position = len(text)
    terminals = set(getattr(error, "accepts", None) or ()) or set(
        getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    )
    rest = text[position:]
    word = re.match(r"[@\w]+", rest)
    return MalformedQuery(
        _complaint(terminals, rest, word.group() if word else "", before=text[:position]),
        position,
        text=text,
        expected=() if _at_stage_start(terminals) and word else _in_words(terminals),
    )


def _at_stage_start(terminals: set[str]) -> bool:
    return {"FIELDS", "STATS"} <= terminals


def _complaint(terminals: set[str], rest: str, word: str, *, before: str) -> str:
    """Say what is wrong with ``rest`` in one sentence."""
    if not rest.strip():
        return "the query is empty." if not before.strip() else "the query ends too early."
    if _at_stage_start(terminals) and word:
        known = ", ".join(COMMANDS)
        if word.lower() in OTHER_COMMANDS:
            return f"the command `{word}` is not in this local engine, which has {known}."
        return f"`{word}` is not a command; this engine has {known}."
    opened = _never_closed(rest, terminals)
    if opened:
        return f"the {opened} that opens here is never closed."
    if rest[0] == "(" and terminals == {"LSQB"}:
        return "a list in [ ] follows `in`; subqueries are not in this local engine."
    if word.lower() in _OTHER_WORDS:
        return f"`{word}` is not in this local engine."
    if word and before.endswith("/") and "AND" in terminals:
        return (
            f"flags such as `{word}` after the closing / are not in the language; "
            "write (?i) inside the regular expression."
        )
    if rest[0] == "(" and {"ASC", "DESC"} <= terminals:
        return "sort takes field names, not expressions; name the expression with `as` first."
    return f"`{word or rest[0]}` cannot stand here."


def _never_closed(rest: str, terminals: set[str]) -> str:
    """Name what opens at the beginning of ``rest`` and never ends, or return an empty string."""
    if rest[0] in "\"'":
        closes = re.match(r"\"(\\[\s\S]|[^\"\\])*\"|'(\\[\s\S]|[^'\\])*'", rest)
        return "" if closes else "string"
    if rest[0] == "`" and "`" not in rest[1:]:
        return "name in backticks"
    if rest[0] == "/" and "REGEX" in terminals:
        return "regular expression"
    return ""


def _in_words(terminals: set[str]) -> tuple[str, ...]:
    """Name terminals as a person would, most telling first."""
    words = [_WORDS.get(t, t.lower()) for t in sorted(terminals - _ARITHMETIC)]
    if terminals >= _ARITHMETIC:
        words.append("an arithmetic operator")
    else:
        words.extend(_WORDS[t] for t in sorted(terminals & _ARITHMETIC))
    return tuple(words)
