"""Reading the filter patterns of CloudWatch Logs.

In: a pattern as FilterLogEvents, metric filters and subscription filters take it. Out: a pattern of
`patterns`; `MalformedPattern` for a text that is none. Must not know messages, or calls.

Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters,
filter log events, and Live Tail"; the wording of refusals as the service's users quote it. Where
the guide is silent the pattern is refused, rather than guessed at: ``EXISTS`` and ``IS NOT`` are
named there as unsupported.
"""

import re
from collections.abc import Callable
from typing import NoReturn

from opslib.sandbox.logs.patterns import (
    Absent,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Delimited,
    Every,
    Is,
    Json,
    Literal,
    MalformedPattern,
    Pattern,
    Search,
    Selector,
    Step,
    Terms,
)

LENGTH_LIMIT = 1024
REGEX_LIMIT = 2
WILDCARD_LIMIT = 3

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<symbol>&&|\|\||!=|<=|>=|\.\.\.|[=<>(),])
      | (?P<selector>\$(?:\.\[[^\]]*\]|\[[^\]]*\]|\.\*|\.[A-Za-z0-9_-]+)+)
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | %(?P<regex>[^%]*)%
      | (?P<word>[A-Za-z0-9_*+-](?:[A-Za-z0-9_*+.-]*[A-Za-z0-9_*+-])?)
    )""",
    re.VERBOSE | re.DOTALL,
)
_STEP = re.compile(
    r"""\.?\[(?:(?P<index>\d{1,9})|(?P<every>\*)|'(?P<single>[^']+)'|"(?P<double>[^"]+)")\]
      | \.(?P<name>[A-Za-z0-9_-]+|\*)""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PART = re.compile(r'(?P<sign>[?-]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s"]+))(?=\s|$)')
_NOT_OF_A_TERM = re.compile(r"[^A-Za-z0-9_]+")
_OF_A_REGEX = re.compile(
    r"""(?:[A-Za-z0-9 :_\#=@/;,^$?\[\]{}|*+.-]      # itself, or an operator
        | \\[dDsSwW] | \\x[0-9A-Fa-f]{2}
        | \\[:_\#=@/;,^$?\[\]{}|\\*+.-] )*""",
    re.VERBOSE,
)
_EQUALITIES = frozenset({"=", "!="})
_ORDERS = frozenset({"<", "<=", ">", ">="})
_IS = {"NULL": None, "TRUE": True, "FALSE": False}


def parse(text: str) -> Pattern:
    """Read a filter pattern; a blank one asks for nothing, and so matches everything.

    Raises
    ------
    MalformedPattern
        It is no pattern, or exceeds a quota.
    """
    if len(text) > LENGTH_LIMIT:
        _refuse(f"it is longer than {LENGTH_LIMIT} characters")
    bare = text.strip()
    for opening, closing in (("{", "}"), ("[", "]")):
        if bare.startswith(opening):
            if not bare.endswith(closing):
                _refuse(f"If a filter pattern starts with '{opening}' it must end with '{closing}'")
            inside = _Reader(bare[1:-1])
            pattern = inside.json() if opening == "{" else inside.delimited()
            inside.within_quotas()
            return pattern
    if bare.startswith("%"):
        if len(bare) < 3 or not bare.endswith("%") or "%" in bare[1:-1]:
            _refuse("a regular expression stands alone between two % signs")
        return Search(regex=checked_regex(bare[1:-1]))
    return _terms(bare)


def worth(text: str) -> float | None:
    """Tell what a text is worth as a number: None for one that is no number."""
    return float(text) if _NUMBER.fullmatch(text) else None


def checked_regex(text: str) -> str:
    """Give a regular expression back as RE2 takes it.

    Raises
    ------
    MalformedPattern
        It is empty, or holds what the guide does not list: parentheses, ``!``, other escapes.
    """
    supported = _OF_A_REGEX.match(text)
    upto = supported.end() if supported else 0
    if not text or upto < len(text):
        _refuse(f"Invalid character(s) in term '{text[upto : upto + 1]}'")
    # RE2 would take a bound without its lower end for plain characters.
    return re.sub(r"(?<!\\)\{,", "{0,", text)


def _terms(text: str) -> Terms:
    found: dict[str, list[str]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            _refuse(f"Invalid character(s) in term '{text[at:].split()[0]}'")
        term = part["word"]
        if term is None:
            term = re.sub(r"\\(.)", r"\1", part["quoted"], flags=re.DOTALL)
            if not term:
                _refuse("Invalid character(s) in term '\"\"'")
        elif wrong := _NOT_OF_A_TERM.search(term):
            _refuse(f"Invalid character(s) in term '{wrong[0]}'")
        # The guide: a quoted blank matches everything.
        if term.strip():
            found[part["sign"]].append(term)
        at = part.end()
        at += len(text[at:]) - len(text[at:].lstrip())
    if found[""] or found["-"]:
        # The guide: next to other terms, those with a question mark have no effect.
        return Terms(required=tuple(found[""]), excluded=tuple(found["-"]))
    return Terms(optional=tuple(found["?"]))


class _Reader:
    """Reads what stands between the braces or brackets, one token at a time."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        at, text = 0, text.rstrip()
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                _refuse(f"Invalid character(s) in term '{text[at:].strip()[:1]}'")
            self._tokens.append((str(token.lastgroup), token[str(token.lastgroup)]))
            at = token.end()

    def json(self) -> Json:
        """Read a whole condition on JSON."""
        condition = self._any_of(self._of_json)
        if self._at < len(self._tokens):
            _refuse(f"Unexpected '{self._next()[1]}'")
        return Json(condition=condition)

    def delimited(self) -> Delimited:
        """Read a whole list of fields."""
        fields: list[Condition | None] = []
        ellipsis_at: int | None = None
        while self._tokens:
            if self._took("..."):
                if ellipsis_at is not None:
                    _refuse("a pattern takes one ellipsis")
                ellipsis_at = len(fields)
            else:
                fields.append(self._field())
            if self._at == len(self._tokens):
                break
            self._must(",")
            if self._at == len(self._tokens):
                fields.append(None)
                break
        if ellipsis_at is None:
            if not fields:
                return Delimited(first=(), last=())
            return Delimited(first=tuple(fields))
        return Delimited(first=tuple(fields[:ellipsis_at]), last=tuple(fields[ellipsis_at:]))

    def within_quotas(self) -> None:
        """Refuse more regular expressions or wildcards than the service takes."""
        if sum(kind == "regex" for kind, _ in self._tokens) > REGEX_LIMIT:
            _refuse(f"a pattern takes {REGEX_LIMIT} regular expressions")
        wildcards = 0
        for kind, text in self._tokens:
            if kind == "selector":
                of_this = sum(step is Every.ONE for step in _selector(text).steps)
                if of_this > 1:
                    _refuse("a property selector takes one wildcard")
                wildcards += of_this
        if wildcards > WILDCARD_LIMIT:
            _refuse(f"a pattern takes {WILDCARD_LIMIT} wildcard selectors")

    def _field(self) -> Condition | None:
        kind, text = self._peek()
        if text == "," and kind == "symbol":
            return None
        following = self._tokens[self._at + 1 : self._at + 2]
        if kind == "word" and following in ([], [("symbol", ",")]):
            return self._named(self._next()[1], None)
        names: list[str] = []

        def of_field() -> Condition:
            name = self._word()
            self._named(name, None)
            names.append(name)
            op = self._operator()
            return Compare(subject=None, op=op, literal=self._literal(op))

        condition = self._any_of(of_field)
        if len(set(names)) > 1:
            _refuse(f"the conditions of a field name it alone, not {' and '.join(names)}")
        return condition

    def _named(self, name: str, condition: Condition | None) -> Condition | None:
        if not _FIELD.fullmatch(name):
            _refuse(f"'{name}' is no name of a field")
        return condition

    def _any_of(self, leaf: Callable[[], Condition]) -> Condition:
        parts = [self._all_of(leaf)]
        while self._took("||"):
            parts.append(self._all_of(leaf))
        return parts[0] if len(parts) == 1 else AnyOf(parts=tuple(parts))

    def _all_of(self, leaf: Callable[[], Condition]) -> Condition:
        parts = [self._one(leaf)]
        while self._took("&&"):
            parts.append(self._one(leaf))
        return parts[0] if len(parts) == 1 else AllOf(parts=tuple(parts))

    def _one(self, leaf: Callable[[], Condition]) -> Condition:
        if self._took("("):
            condition = self._any_of(leaf)
            self._must(")")
            return condition
        return leaf()

    def _of_json(self) -> Condition:
        kind, text = self._next()
        if kind != "selector":
            _refuse(f"Expected a property selector, such as $.name, not '{text}'")
        subject = _selector(text)
        kind, text = self._peek()
        if kind == "word":
            self._next()
            other = self._word()
            if text == "IS" and other in _IS:
                return Is(subject=subject, value=_IS[other])
            if (text, other) == ("NOT", "EXISTS"):
                return Absent(subject=subject)
            _refuse(f"'{text} {other}' is not supported")
        op = self._operator()
        return Compare(subject=subject, op=op, literal=self._literal(op))

    def _operator(self) -> str:
        kind, text = self._next()
        if kind != "symbol" or text not in _EQUALITIES | _ORDERS:
            _refuse(f"Expected an operator, not '{text}'")
        return text

    def _literal(self, op: str) -> Literal:
        kind, text = self._next()
        if kind == "regex":
            literal = Literal(text=checked_regex(text), regex=True)
        elif kind == "quoted":
            literal = Literal(text=re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL))
        elif kind == "word":
            literal = Literal(text=text, number=worth(text))
        else:
            _refuse(f"Expected a value, not '{text}'")
        if op in _ORDERS and literal.number is None:
            _refuse(f"'{op}' takes a number, not '{text}'")
        return literal

    def _word(self) -> str:
        kind, text = self._next()
        if kind != "word":
            _refuse(f"Unexpected '{text}'")
        return text

    def _took(self, symbol: str) -> bool:
        if self._tokens[self._at : self._at + 1] == [("symbol", symbol)]:
            self._at += 1
            return True
        return False

    def _must(self, symbol: str) -> None:
        if not self._took(symbol):
            _refuse(f"Expected '{symbol}', not '{self._peek()[1]}'")

    def _peek(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            _refuse("it ends too early")
        return self._tokens[self._at]

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token


def _selector(text: str) -> Selector:
    steps: list[Step] = []
    at = 1
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            _refuse(f"'{text}' is no property selector")
        if step["index"]:
            steps.append(int(step["index"]))
        elif step["every"] or step["name"] == "*":
            steps.append(Every.ONE)
        else:
            steps.append(step["single"] or step["double"] or step["name"])
        at = step.end()
    return Selector(steps=tuple(steps))


def _refuse(reason: str) -> NoReturn:
    raise MalformedPattern(f"Invalid filter pattern: {reason}.", reason=reason)
