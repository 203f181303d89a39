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

from opslib.cwli import checks, refusals
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.plan import Query
from opslib.cwli.switches import DEFAULT, Switches

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

MAX_CHARACTERS = 10_000
"""Longest query text StartQuery takes."""

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
    "COLON": "`:`",
    "WILDCARD": "a wildcard such as cpu*",
    "PATH": "a key such as .name or [0]",
    "FILTER_INDEX": "filterindex",
    "COUNT_FREQUENT": "countfrequent",
    "LOG_GROUPS": "loggroups",
    "LOGFMT_ALONE": "logfmt",
    "CSV_ALONE": "csv",
    "JSON_FIELD": "json field=",
    "$END": "the end of the query",
}
# Shown in this order; a list of twenty operators helps nobody, so arithmetic comes as one phrase.
_ARITHMETIC = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "CARET"})
_OPERATORS = _ARITHMETIC | {"AND", "OR", "COMPARE", "LIKE", "MATCH", "IN", "NOT"}


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
    return _parsed(text, switches)


@lru_cache(maxsize=128)
def _parsed(text: str, switches: Switches) -> Query:
    """Read a query; whoever checks a text before running it reads it once. A plan never changes."""
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
    before, rest = text[:position], text[position:]
    word = re.match(r"[@\w]+", rest)
    return MalformedQuery(
        refusals.complaint(terminals, rest, word.group() if word else "", before=before),
        position,
        text=text,
        expected=() if refusals.says_all(terminals, rest, before=before) else _in_words(terminals),
    )


def _in_words(terminals: set[str]) -> tuple[str, ...]:
    """Name terminals as a person would, most telling first."""
    if terminals >= _OPERATORS:
        return (*_in_words(terminals - _OPERATORS), "an operator")
    words = [_word(t) for t in sorted(terminals - _ARITHMETIC)]
    if terminals >= _ARITHMETIC:
        words.append("an arithmetic operator")
    else:
        words.extend(_WORDS[t] for t in sorted(terminals & _ARITHMETIC))
    return tuple(dict.fromkeys(words))


def _word(terminal: str) -> str:
    if terminal.endswith("_IS"):
        return f"{terminal.removesuffix('_IS').lower()}="
    return _WORDS.get(terminal, terminal.lower())
