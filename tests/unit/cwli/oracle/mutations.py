"""Queries spoilt at random: what a tired person types, and what nobody would.

In: a corpus and a ``Random``. Out: texts. The same ``Random`` gives the same texts.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

CORPUS = tuple(
    each.strip("\n")
    for each in (Path(__file__).parent / "corpus.txt").read_text(encoding="utf-8").split("---\n")
)
LONGEST = 4000
TOKEN = re.compile(
    r"""\s+|\#.*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|/(?:\\.|[^/\\\n])+/|[\w@.]+|.""",
    re.DOTALL,
)
PIECES = (
    *"|,()[]{}`'\"/*#\\.@-+%^!=<>~:;$&? \n\t",
    "and", "or", "not", "like", "in", "as", "by", "asc", "multi", "into", "with", "for",
    "where", "stats", "fields", "filter", "sort", "parse", "dedup", "limit", "display",
    "unnest", "expand", "accum", "addtotals", "appendcols", "autoregress", "filldown",
    "fillmissing", "sessionize", "countFrequent", "pattern", "diff", "join", "lookup", "SOURCE",
    "logfmt", "csv", "json", "head", "count(*)", "sum(", "bin(5m)", "bin(0x)", "5m", "1e5",
    "007", "0.", ".5", "9" * 400, "true", "null", "@timestamp", "a", "a.b.0", "``", '""', "''",
    "//", "/x/i", "/(/", "/[/", "/(?=x)/", "(?<x>", "/(?<x>a)(?<x>b)/", "=~", "==", "!=", "<>",
    "&&", "||", "/*", "*/", "--", "p=1-4", "é", "日本", "🙂", "\u00a0", "\u2028", "\u200b",
    "\ufeff", "\x00", "\x7f", "\ud800", "\r\n", "٣", "“", "”", "‘", "｜", "−", "ſ", "K", "İ",
)  # fmt: skip


def mutated(random: Random, corpus: Sequence[str] = CORPUS) -> str:
    """Return a query of the corpus with one to four things done to it."""
    text = random.choice(corpus)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        text = random.choice(WAYS)(text, random, corpus)[:LONGEST]
    return text


def texts(seed: int, count: int) -> Iterator[str]:
    random = Random(seed)  # noqa: S311 - a test's choices, not a secret
    for _ in range(count):
        yield mutated(random)


def _cut(text: str, random: Random) -> tuple[list[str], int]:
    tokens = TOKEN.findall(text) or [""]
    return tokens, random.randrange(len(tokens))


def _delete(text: str, random: Random, corpus: Sequence[str]) -> str:
    tokens, at = _cut(text, random)
    del tokens[at : at + random.choice((1, 1, 1, 2, 5))]
    return "".join(tokens)


def _insert(text: str, random: Random, corpus: Sequence[str]) -> str:
    tokens, at = _cut(text, random)
    tokens.insert(at, random.choice(PIECES) + random.choice(("", " ")))
    return "".join(tokens)


def _replace(text: str, random: Random, corpus: Sequence[str]) -> str:
    tokens, at = _cut(text, random)
    tokens[at] = random.choice(PIECES)
    return "".join(tokens)


def _swap(text: str, random: Random, corpus: Sequence[str]) -> str:
    tokens, at = _cut(text, random)
    other = random.randrange(len(tokens))
    tokens[at], tokens[other] = tokens[other], tokens[at]
    return "".join(tokens)


def _splice(text: str, random: Random, corpus: Sequence[str]) -> str:
    tokens, at = _cut(text, random)
    theirs, start = _cut(random.choice(corpus), random)
    return "".join(tokens[:at] + theirs[start:])


def _chain(text: str, random: Random, corpus: Sequence[str]) -> str:
    return text + " | " + random.choice(corpus)


def _truncate(text: str, random: Random, corpus: Sequence[str]) -> str:
    return text[: random.randrange(len(text) + 1)]


def _behead(text: str, random: Random, corpus: Sequence[str]) -> str:
    return text[random.randrange(len(text) + 1) :]


def _character(text: str, random: Random, corpus: Sequence[str]) -> str:
    at = random.randrange(len(text) + 1)
    sign = chr(random.choice((random.randrange(128), random.randrange(0x3000), 0x1F600)))
    return text[:at] + sign + text[at + random.choice((0, 1)) :]


def _case(text: str, random: Random, corpus: Sequence[str]) -> str:
    tokens, at = _cut(text, random)
    tokens[at] = tokens[at].swapcase()
    return "".join(tokens)


def _nest(text: str, random: Random, corpus: Sequence[str]) -> str:
    tokens, at = _cut(text, random)
    depth = random.choice((1, 2, 60))
    tokens[at] = "(" * depth + tokens[at] + ")" * random.choice((depth, depth - 1))
    return "".join(tokens)


def _repeat(text: str, random: Random, corpus: Sequence[str]) -> str:
    tokens, at = _cut(text, random)
    end = at + random.choice((1, 2, 4))
    return "".join(tokens[:at] + tokens[at:end] * random.choice((2, 3, 40)) + tokens[end:])


WAYS = (
    _delete, _delete, _insert, _insert, _replace, _replace, _swap, _swap, _splice, _splice, _chain,
    _truncate, _behead, _character, _character, _case, _nest, _repeat,
)  # fmt: skip
