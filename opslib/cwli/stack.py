"""Common table expressions, one on top of the other, and the names that are visible on the top.

In: SQL of a step, and values to define under names. Out: the name of the topmost relation, and the
value of any name there. Every field a query defines is a column ``cN``, every discovered one
``dN``, so no name of a user is ever part of the SQL. A column stays what it is for ever: a name
that is given another value gets another column.

Must not know commands.
"""

# ruff: noqa: S608 -- every name in the SQL is made here, every literal by values.quoted.

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from opslib.cwli import plan
from opslib.cwli.discovery import OBJECT_LETTERS, Discovery
from opslib.cwli.expressions import Scope
from opslib.cwli.switches import Switches
from opslib.cwli.values import Kind, TooLong, Value, flat, once, within

MAX_STEPS = 400
"""Most common table expressions of a statement; DuckDB binds no more than a thousand or so."""

MAX_COLUMNS = 2_000
"""Most columns the stages of a query define; DuckDB plans so many in a few seconds, during which
nothing can stop it."""

LONG_SQL = 1_000
"""Characters beyond which the SQL of part of an expression becomes a column."""

BY_TIME = ("ts DESC", "n DESC")
"""How events are ordered as long as nothing says otherwise."""

_COLUMN = re.compile(r"[a-z][0-9]+")
_TERM = re.compile(r"(.*?)((?: ASC| DESC)?(?: NULLS FIRST| NULLS LAST)?)", re.DOTALL)
_SHORT_TERM = 20
"""Characters beyond which what rows are ordered by becomes a column."""


@dataclass(frozen=True, kw_only=True)
class Bin:
    """The bin that a ``stats`` grouped by: its name, its width and how much it is shifted."""

    name: str
    span: plan.Duration
    offset: plan.Duration | None


def no_aggregate(_: plan.Call) -> Value | None:
    """Know no aggregate, as everywhere but in ``stats``."""
    return None


class Stack:
    """The relation a query has made so far.

    Attributes
    ----------
    top
        The topmost relation.
    grouped
        Whether its rows are groups, no longer events.
    fields
        Names to show, in order, as long as ``display`` is None; empty for the usual ones.
    display
        Names that the last ``display`` shows.
    order
        SQL terms by which its rows are ordered; ``ordered`` makes columns of them.
    is_sorted
        Whether a ``sort`` made that order.
    moments
        SQL terms that order events by time: the time itself, then place in the input, then place
        in a list that was unnested.
    keys
        The names that the last ``stats`` grouped by.
    bin
        The bin of the last ``stats``.
    instant_key
        The name of the first group key that is a time, a bin or not.
    below
        Steps of other queries that stand below these, each with its own bottom.
    matched_from
        The last relation whose rows are the matched events; None as long as that is ``top``.
    tested
        SQL that filters of events ask of a message before they read a field.
    alone
        Whether no row depends on another so far, so that one may be left out at the bottom.
    bottom_tests
        SQL over an event, without which it would be left out further up.
    counts
        Whether the first ``stats`` is to count its rows, which are the matched events.
    counted
        The relation and the column where it did.
    first_limit
        The rows of the ``limit`` that ended the matched events, if one did.
    """

    def __init__(
        self, switches: Switches, mentioned: Sequence[str], *, serial: "count[int] | None" = None
    ) -> None:
        self.switches = switches
        self.mentioned = tuple(mentioned)
        self.serial = count(1) if serial is None else serial
        self.discovery = Discovery(switches)
        self._announced = Discovery(switches)
        self.below: list[str] = []
        self.ctes: list[str] = []
        self.bottom = self.fresh("b")
        self.top = self.bottom
        self.scope: dict[str, Value] = {}
        self.grouped = False
        self.fields: list[str] = []
        self.display: list[str] | None = None
        self.moments: tuple[str, ...] = ("ts", "n")
        self.order: tuple[str, ...] = BY_TIME
        self.is_sorted = False
        self.keys: tuple[str, ...] = ()
        self.bin: Bin | None = None
        self.instant_key: str | None = None
        self.limited = False
        self.matched_from: str | None = None
        self.filters = False
        self.tested: set[str] = set()
        self.alone = True
        self.bottom_tests: list[str] = []
        self.counts = False
        self.counted: tuple[str, str] | None = None
        self.first_limit: int | None = None
        self.needs_json = False
        self._columns = 0
        self._pending: list[tuple[str, Value]] = []
        self._reached: dict[tuple[str, tuple[str | int, ...]], Value] = {}
        self._order_columns: dict[str, str] = {}
        self._cut: tuple[str, tuple[str, ...], int] | None = None

    # Names

    def field(self, name: str) -> Value:
        """Return the value of a flat name, discovered in the log line when nobody defined it."""
        if name in self.scope:
            value = self.scope[name]
            if any(column == value.sql for column, _ in self._pending):
                self.flush()
            return value
        if self.grouped:
            raise LookupError(f"{name} is not visible, which checks should have refused")
        return self.discovery.field(name)

    def announce(self, name: str) -> None:
        """Hear of a field that is only shown; it is looked for in the rows of the answer alone."""
        if name not in self.scope and not self.grouped:
            self._announced.field(name)  # refuses too many

    def is_discovered(self, field: plan.Field) -> bool:
        """Whether nobody defined a field, so that it is looked for in the log line."""
        return field.name not in self.scope and not self.grouped and not self.is_path(field)

    def shown_columns(self, names: Sequence[str], rows: int) -> list[Value]:
        """Keep the first rows, and return the values of the columns to show in them."""
        self.cut(rows)
        if self.grouped:
            return [self.field(name) for name in names]
        late = Discovery(self.switches, letter=OBJECT_LETTERS[1])
        known = {name for name in names if name in self.scope or self.discovery.has(name)}
        values = {name: (self if name in known else late).field(name) for name in names}
        self.flush()
        if late.needs_json:
            for column in late.json_columns():
                self.push(f"SELECT *, {column} FROM {self.top}")
        if late.columns():
            self.push(f"SELECT *, {', '.join(late.columns())} FROM {self.top}")
        return [values[name] for name in names]

    def at(self, field: plan.Field) -> Value:
        """Return a field, or what its path reaches within a map or list that has a name."""
        if field.name not in self.scope:
            base = plan.base_of(field, self._maps())
            if base is not None:
                name, steps = base
                return self._member(self.field(name), steps)
        return self.field(field.name)

    def is_path(self, field: plan.Field) -> bool:
        """Whether a name leads into a map or list that has a name."""
        return plan.base_of(field, self._maps()) is not None

    def _maps(self) -> set[str]:
        return {name for name, value in self.scope.items() if value.kind is Kind.JSON}

    def _member(self, of: Value, steps: tuple[str | int, ...]) -> Value:
        """Return what a path reaches, as a column of its own: its SQL names its root often."""
        key = (of.sql, steps)
        if key not in self._reached:
            self.flush()
            column = self.fresh("c")
            self.push(f"SELECT *, {once(within(of, steps).sql)} AS {column} FROM {self.top}")
            self._reached[key] = Value(column, Kind.JSON)
        return self._reached[key]

    def value(
        self, expr: plan.Expr, aggregate: Callable[[plan.Call], Value | None] = no_aggregate
    ) -> Value:
        """Return the value of an expression."""
        scope = Scope(field=self.at, aggregate=aggregate, short=self._short, switches=self.switches)
        return scope.value(expr)

    def _short(self, value: Value) -> Value:
        """Make a column of a value whose SQL is long, before others name it several times."""
        if value.literal is not None:
            return value
        sql, logged = (
            self.add(part) if part is not None and len(part) > LONG_SQL else part
            for part in (value.sql, value.logged)
        )
        return replace(value, sql=sql or value.sql, logged=logged)

    def define(self, name: str, value: Value) -> Value:
        """Make a value a column under a name; return it as that column."""
        if _COLUMN.fullmatch(value.sql):
            # Already a column, which stays what it is.
            self.scope[name] = value
            return value
        self._columns += 1
        if self._columns > MAX_COLUMNS:
            raise TooLong
        column = self.fresh("c")
        self._pending.append((column, value))
        # What the value was logged as is made of columns below, which stay too.
        self.scope[name] = replace(value, sql=column, literal=None)
        return self.scope[name]

    def show(self, names: Iterable[str]) -> None:
        """Add columns to the answer, unless ``display`` has chosen them."""
        self.fields.extend(names)

    def shown(self) -> list[str]:
        """Return the names of the columns of the answer, in order."""
        names = self.display if self.display is not None else self.fields
        if not names and not self.grouped:
            names = ["@timestamp", "@message"]
        return list(dict.fromkeys(names))

    # Relations

    def fresh(self, letter: str) -> str:
        """Return a name that nothing else in the statement has."""
        return f"{letter}{next(self.serial)}"

    def flush(self) -> None:
        """Make the columns that were defined."""
        if self._pending:
            columns = ", ".join(f"{once(value.sql)} AS {column}" for column, value in self._pending)
            self._pending = []
            self.push(f"SELECT *, {columns} FROM {self.top}")

    def push(self, sql: str) -> None:
        """Put a relation on top."""
        if len(self.ctes) >= MAX_STEPS:
            raise TooLong
        name = self.fresh("s")
        self.ctes.append(f"{name} AS NOT MATERIALIZED ({sql})")
        self.top = name

    def pin(self) -> str:
        """Have the top computed once, because it is about to be read twice; return it.

        Otherwise each of several such stages would double the work, and the time to plan it.
        """
        self.flush()
        if self.ctes:
            self.ctes[-1] = self.ctes[-1].replace("AS NOT MATERIALIZED", "AS MATERIALIZED", 1)
        return self.top

    def add(self, sql: str, letter: str = "c") -> str:
        """Add a column at once; return its name."""
        self.flush()
        column = self.fresh(letter)
        self.push(f"SELECT *, {once(sql)} AS {column} FROM {self.top}")
        return column

    def multiply(self, elements: str) -> str:
        """Make a row for each element of a list, in its order; return the column of elements.

        Parameters
        ----------
        elements
            SQL of a list; a row whose list is empty or missing goes away.
        """
        self.event_stage_ends()
        listed = self.add(elements, "l")
        element, place = self.fresh("c"), self.fresh("e")
        self.push(
            f"SELECT *, unnest({listed}) AS {element}, "
            f"generate_subscripts({listed}, 1) AS {place} FROM {self.top}"
        )
        self.moments = (*self.moments, place)
        self.order = (*self.order, place)
        return element

    def event_stage_ends(self) -> None:
        """Remember the last relation whose rows are the matched events."""
        self.flush()
        if self.matched_from is None:
            self.matched_from = self.top
        # What is left out further up must not be missing there.
        self.alone = False

    def is_by_time(self) -> bool:
        """Whether its rows are events as they came, newest first, and none was multiplied."""
        return not (self.grouped or self.is_sorted) and self.order == BY_TIME

    def row_order(self) -> str:
        """Return the SQL terms by which a row comes before or after another."""
        if not (self.grouped or self.is_sorted) and self.switches.running_order == "by time":
            return ", ".join(self.moments)
        return self.ordered()

    def ordered(self) -> str:
        """Return the SQL terms of the order, the long ones as columns, made where there are none.

        They stand at every window and limit and at the end, and would be computed at each.
        """
        self.flush()
        matches = [match for term in self.order if (match := _TERM.fullmatch(term))]
        parts = [(match[1], match[2]) for match in matches]
        long = [of for of, _ in parts if len(of) > _SHORT_TERM and of not in self._order_columns]
        made = {of: self.fresh("p") for of in dict.fromkeys(long)}
        if made:
            columns = ", ".join(f"{once(of)} AS {column}" for of, column in made.items())
            self.push(f"SELECT *, {columns} FROM {self.top}")
            self._order_columns |= made
        return ", ".join(self._order_columns.get(of, of) + ends for of, ends in parts)

    def rows_added(self) -> None:
        """Forget the columns of the order, which rows that were added to the top do not have."""
        self._order_columns = {}

    def cut(self, rows: int) -> None:
        """Keep the first rows, unless no more were kept just now."""
        order = self.ordered()
        if self._cut is not None and self._cut[:2] == (self.top, self.order):
            rows = min(rows, self._cut[2])
            if rows == self._cut[2]:
                return
        self.push(f"SELECT * FROM {self.top} ORDER BY {order} LIMIT {rows}")
        self._cut = (self.top, self.order, rows)

    def base(self, condition: str | None) -> list[str]:
        """Return the common table expressions below the first.

        Parameters
        ----------
        condition
            SQL over the columns of events, which must hold for those that are read.
        """
        ctes = []
        below = "events"
        tests = [*([condition] if condition is not None else []), *self.bottom_tests]
        if tests:
            below = self.fresh("b")
            kept = f"SELECT * FROM events WHERE {' AND '.join(tests)}"
            ctes.append(f"{below} AS NOT MATERIALIZED ({kept})")
        if self.discovery.needs_json:
            for column in self.discovery.json_columns(tested=self.tested):
                name = self.fresh("b")
                ctes.append(f"{name} AS NOT MATERIALIZED (SELECT *, {column} FROM {below})")
                below = name
        columns = ", ".join(["*", *self.discovery.columns()])
        ctes.append(f"{self.bottom} AS NOT MATERIALIZED (SELECT {columns} FROM {below})")
        return ctes


def group_key(value: Value) -> Value:
    """Return what rows are grouped or told apart by: a map or list is missing there."""
    return flat(value)
