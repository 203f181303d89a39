"""The value of an expression on one row.

Conditions are True, False or None (unknown) inside ``truth``, and 1, 0 or missing as values.

Source
------
CloudWatch Logs User Guide, CWL_QuerySyntax-operations-functions; the switches for the rest.
"""

import math
import re
from collections.abc import Callable

from cwli.oracle import spans
from cwli.oracle.encodings import ENCODINGS
from cwli.oracle.functions import LENIENT, STRICT
from cwli.oracle.terms import (
    Aggregate,
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Like,
    Logical,
    Member,
    Name,
    Negative,
    Not,
    Number,
    Path,
    Pattern,
    Span,
    Text,
    Truth,
)
from cwli.oracle.values import (
    LONG_DIGITS,
    Instant,
    Logged,
    Undetermined,
    Value,
    inside,
    number_of,
    ordering,
    passed_on,
    taken,
)
from opslib.cwli.switches import Switches

Lookup = Callable[[str], Value]
Fold = Callable[[Aggregate], Value]
CONDITIONS = (Comparison, Member, Like, Logical, Not)


def _literal(expression: Text | Number | Truth) -> Value:
    match expression:
        case Text(text):
            return text
        case Number(written):
            return Logged(written) if LONG_DIGITS.fullmatch(written) else float(written)
        case Truth(value):
            return float(value)


class Row:
    """Evaluates expressions over one row, whose names ``lookup`` resolves."""

    def __init__(self, lookup: Lookup, switches: Switches, fold: Fold | None = None) -> None:
        self.lookup = lookup
        self.switches = switches
        self.fold = fold

    def value(self, expression: Expression) -> Value:
        match expression:
            case Text() | Number() | Truth():
                return _literal(expression)
            case Name(name):
                return self.lookup(name)
            case Path(of, steps):
                return inside(self.value(of), steps)
            case Negative(of):
                number = number_of(self.value(of))
                return None if number is None else -number
            case Arithmetic(left, operator, right):
                return self.arithmetic(self.value(left), operator, self.value(right))
            case Call(function, arguments):
                return self.call(function, arguments)
            case Span(amount, unit, of, function):
                return self.span(amount, unit, of, function)
            case Aggregate() if self.fold is not None:
                return self.fold(expression)
            case _ if isinstance(expression, CONDITIONS):
                held = self.truth(expression)
                return None if held is None else float(held)
        raise TypeError(expression)

    def truth(self, expression: Expression) -> bool | None:
        match expression:
            case Logical(left, operator, right):
                held = self.truth(left), self.truth(right)
                decisive = operator == "or"
                if decisive in held:
                    return decisive
                return None if None in held else not decisive
            case Not(of):
                inner = self.truth(of)
                return None if inner is None else not inner
            case Comparison(left, operator, right):
                return self.compared(self.value(left), operator, self.value(right))
            case Member(left, among, negated):
                return self.member(left, among, negated=negated)
            case Like(left, what, operator):
                return self.like(self.value(left), what, negated=operator == "not like")
        value = self.value(expression)
        if value is None:
            return None
        number = number_of(value)
        if number is None:
            raise Undetermined("is a text that is no number true?")
        return number != 0

    def _unknown(self) -> bool | None:
        return None if self.switches.missing_in_comparison == "unknown" else False

    def compared(self, left: Value, operator: str, right: Value) -> bool | None:
        if left is None or right is None:
            return self._unknown()
        order = ordering(left, right, self.switches)
        return {
            "=": order == 0,
            "==": order == 0,
            "!=": order != 0,
            "<": order < 0,
            "<=": order <= 0,
            ">": order > 0,
            ">=": order >= 0,
        }[operator]

    def member(
        self, left: Expression, among: tuple[Expression, ...], *, negated: bool
    ) -> bool | None:
        value = self.value(left)
        if value is None:
            return self._unknown()
        listed = [self.value(each) for each in among]
        if None in listed:
            raise Undetermined("a missing value in a list")
        found = any(ordering(value, each, self.switches) == 0 for each in listed)
        return found != negated

    def like(self, value: Value, what: Text | Pattern, *, negated: bool) -> bool | None:
        text = taken(value, self.switches)
        if text is None:
            return self._unknown()
        if isinstance(what, Text):
            return (what.text in text) != negated
        return bool(re.search(what.python, text, re.ASCII)) != negated

    def arithmetic(self, left: Value, operator: str, right: Value) -> Value:
        a, b = number_of(left), number_of(right)
        if a is None or b is None or (operator in "/%" and b == 0):
            return None
        try:
            match operator:
                case "+":
                    result = a + b
                case "-":
                    result = a - b
                case "*":
                    result = a * b
                case "/":
                    result = a / b
                case "%" if self.switches.remainder_sign == "the dividend's":
                    result = math.fmod(a, b)
                case "%":
                    result = a % b
                case _:
                    result = math.pow(a, b)
        except (ValueError, OverflowError):
            return None
        return result if math.isfinite(result) else None

    def call(self, function: str, arguments: tuple[Expression, ...]) -> Value:
        if function in ("if", "case"):
            return self.choice(function, arguments)
        values = [self.value(each) for each in arguments]
        if function in LENIENT:
            return LENIENT[function](self.switches, *values)
        if None in values:
            if function in ("isNumeric", "jsonArrayContains"):
                raise Undetermined("what is a missing value here?")
            return None
        return {**STRICT, **ENCODINGS}[function](self.switches, *values)

    def choice(self, function: str, arguments: tuple[Expression, ...]) -> Value:
        rest = list(arguments)
        while len(rest) > 1:
            condition, result = rest.pop(0), rest.pop(0)
            if self.truth(condition):
                return passed_on(self.value(result))
        return passed_on(self.value(rest[0])) if rest else None

    def span(self, amount: int, unit: str, of: Expression | None, function: str) -> Value:
        at = self.lookup("@timestamp") if of is None else self.value(of)
        if at is None:
            return None
        if not isinstance(at, Instant):
            raise Undetermined("a span of what is no instant")
        cut = spans.ceiling if function == "dateceil" else spans.floor
        return cut(at, amount, unit, self.switches)
