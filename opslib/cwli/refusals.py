"""What CloudWatch runs and this engine refuses, each by name with the reason; and what went wrong.

In: the text of a query, the place where it cannot go on, and what could stand there. Out: one
sentence that says what was found and what to do.

Must not know lark, the plan or SQL.

Source
------
CWL_QuerySyntax, one page a command; CWL_Insights-Saving-Queries. ``head``, ``tail``, ``order`` and
``search`` are known only from the parser's own error messages.
"""

import re
from difflib import get_close_matches

from opslib.cwli.slips import slip

COMMANDS = (
    "fields", "display", "filter", "where", "filterIndex", "stats", "sort", "limit", "dedup",
    "parse", "unnest", "expand", "accum", "addtotals", "appendcols", "autoregress", "filldown",
    "fillmissing", "sessionize", "countFrequent", "SOURCE",
)  # fmt: skip
"""Commands this engine runs."""

_OLD = "it is left from an earlier form of the language and documented nowhere"
REFUSED_COMMANDS = {
    "anomaly": "it needs a model that AWS trains on the log group",
    "cidrlookup": "it reads a table that is kept in an AWS account",
    "diff": "it compares the clusters of `pattern`, which are AWS's own, with an earlier time",
    "estimate": "it asks AWS how much a query would scan, and nothing is billed here",
    "head": f"{_OLD}; write limit",
    "join": "it reads other log groups beside those of the call",
    "logcompare": "it reads an earlier time, outside the start and end of the call",
    "lookup": "it reads a table that is kept in an AWS account",
    "order": f"{_OLD}; write sort",
    "outlier": "what AWS takes for an outlier is not documented",
    "pattern": "its clusters come from a method of AWS's own, which nothing here could repeat",
    "relevantfields": "it ranks fields by a method of AWS's own",
    "search": f"{_OLD}; write filter @message like",
    "tail": f"{_OLD}; write sort and limit",
    "unmask": "it needs the data protection policy of a log group and the right to read past it",
}
"""Commands of CloudWatch that this engine refuses, and why."""

REFUSED_FUNCTIONS = {
    "cidrlookup": REFUSED_COMMANDS["cidrlookup"],
    "unmask": REFUSED_COMMANDS["unmask"],
}
"""Functions of CloudWatch that this engine refuses, and why."""

_SUBQUERY = (
    "a list in [ ] follows `in`; subqueries are not in this local engine: "
    "they read other log groups in a run of their own."
)
_LIST = "the values behind `in` stand in [ ], also a single one."
_GROUPS = (
    "`{}` is not in this local engine: which log groups those are, only AWS "
    "knows. Name the log group, or write logGroups(namePrefix: [...])."
)
_SAVED = (
    "`$` calls a saved query, and those are kept in an AWS account: "
    "write the text of the query itself."
)
_PARAMETER = (
    "`{{` begins a parameter of a saved query, whose value only AWS knows: write the value itself."
)


def refused(kind: str, name: str, why: str) -> str:
    """Say that something is known and refused."""
    return f"the {kind} `{name}` is not in this local engine: {why}."


def complaint(terminals: set[str], rest: str, word: str, *, before: str) -> str:
    """Say in one sentence what is wrong.

    Parameters
    ----------
    terminals
        Names of the terminals of ``grammar.lark`` that could have stood here.
    rest
        The text from here on.
    word
        The word that ``rest`` begins with, or an empty string.
    before
        The text up to here.
    """
    if not rest.strip():
        return "the query is empty." if not before.strip() else "the query ends too early."
    if rest[0] == "$":
        return _SAVED
    if rest.startswith("{{"):
        return _PARAMETER
    if _at_stage_start(terminals) and word:
        return _no_command(word)
    return (
        _never_closed(rest, terminals)
        or _of_signs(rest, before)
        or _of_in(rest, terminals, before)
        or _of_source(rest, word, before)
        or _of_parse(word, terminals, before)
        or _of_sort(rest, terminals)
        or slip(terminals, rest, word, before=before, commands=COMMANDS)
        or f"`{word or rest[0]}` cannot stand here."
    )


def says_all(terminals: set[str], rest: str, *, before: str) -> bool:
    """Whether the complaint needs no list of what could have stood here."""
    if rest.startswith(("$", "{{", "&")) or _never_closed(rest or " ", terminals):
        return True
    found = re.match(r"[@\w]*", rest)
    word = found.group() if found else ""
    if rest and _of_source(rest, word, before):
        return True
    if rest.strip() and slip(terminals, rest, word, before=before, commands=COMMANDS):
        return True
    return _at_stage_start(terminals) and bool(rest.strip())


def _at_stage_start(terminals: set[str]) -> bool:
    return {"FIELDS", "STATS"} <= terminals


def _no_command(word: str) -> str:
    why = REFUSED_COMMANDS.get(word.lower())
    if why is not None:
        return refused("command", word, why)
    near = get_close_matches(word.lower(), [name.lower() for name in COMMANDS], n=1)
    if near:
        return f"`{word}` is not a command; the nearest is {near[0]}."
    return f"`{word}` is not a command; this engine has {', '.join(COMMANDS)}."


def _never_closed(rest: str, terminals: set[str]) -> str:
    """Name what opens at the beginning of ``rest`` and never ends, or return an empty string."""
    opened = ""
    if rest[0] in "\"'":
        closes = re.match(r"\"(\\[\s\S]|[^\"\\])*\"|'(\\[\s\S]|[^'\\])*'", rest)
        opened = "" if closes else "string"
    elif rest[0] == "`" and "`" not in rest[1:]:
        opened = "name in backticks"
    elif rest[0] == "/" and "REGEX" in terminals:
        opened = "regular expression"
    return opened and f"the {opened} that opens here is never closed."


def _of_signs(rest: str, before: str) -> str:
    if rest.startswith("&"):
        return "`&` is not in the language; write and."
    if rest.startswith("|") and before.endswith("|"):
        return "`||` is not in the language; write or, or one `|` before the next command."
    return ""


def _of_in(rest: str, terminals: set[str], before: str) -> str:
    if terminals != {"LSQB"} or not re.search(r"\bin\s*$", before, re.IGNORECASE):
        return ""
    # A subquery is a query: it has a command or more of them.
    commands = "|".join(COMMANDS)
    return _SUBQUERY if re.match(rf"\(\s*({commands})\b", rest, re.IGNORECASE) else _LIST


def _of_source(rest: str, word: str, before: str) -> str:
    named = re.search(r"\bsource\s+(dataSource|logGroupTags)\s*$", before, re.IGNORECASE)
    if named and rest[0] == "(":
        return _GROUPS.format(named.group(1))
    among = re.search(r"\bsource\s+logGroups\s*\([^|]*$", before, re.IGNORECASE)
    if among and word.lower() in ("datasource", "loggrouptags"):
        return _GROUPS.format(word)
    timed = re.match(r"(start|end)\s*=", rest, re.IGNORECASE)
    if timed and re.search(r"\bsource\b[^|]*$", before, re.IGNORECASE):
        return f"`{timed.group(1)}` is not in this local engine: the call says start and end."
    return ""


def _of_parse(word: str, terminals: set[str], before: str) -> str:
    form = re.search(r"\bparse\s+(logfmt|csv)\s+$", before, re.IGNORECASE)
    if form and word:
        return f"the field stands before the form: parse {word} {form.group(1)} as ..."
    if word and before.endswith("/") and "AND" in terminals:
        return (
            f"flags such as `{word}` after the closing / are not in the language; "
            "write (?i) inside the regular expression."
        )
    return ""


def _of_sort(rest: str, terminals: set[str]) -> str:
    if rest[0] == "(" and {"ASC", "DESC"} <= terminals:
        return "sort takes field names, not expressions; name the expression with `as` first."
    return ""
