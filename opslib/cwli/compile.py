"""The plan of a query to one SQL statement.

In: ``plan.Query``. Out: ``Compiled``: a statement over the relation ``events`` (see ``events``),
the names of its columns, and what else the run must know. Each stage is one or two common table
expressions on top of the one before; every field a query defines is a column ``cN``, every
discovered one ``dN``, so no name of a user is ever part of the SQL.

A discovered column is computed at the bottom, once, and only when some stage asked for it; DuckDB
pushes filters below it and drops what nothing reads.

Must not know where events come from.
"""

# ruff: noqa: S608 -- every name in the SQL is made here, every literal by values.quoted.

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opslib.cwli import plan
from opslib.cwli.aggregates import AGGREGATES
from opslib.cwli.checks import has_bin, is_aggregate, walk
from opslib.cwli.discovery import WHOLE, Discovery
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.expressions import Scope
from opslib.cwli.results import printed
from opslib.cwli.switches import DEFAULT, Switches
from opslib.cwli.values import (
    Kind,
    TooLong,
    Value,
    as_condition,
    as_text,
    natural_order,
    quoted,
    within,
)

DEFAULT_LIMIT = 10_000
"""Rows of a query without ``limit``. Source: CWL_QuerySyntax-Limit."""

MAX_ROWS = 100_000
"""Most rows of any answer. Source: GetQueryResults."""

MAX_STEPS = 400
"""Most common table expressions of a statement; DuckDB binds no more than a thousand or so."""

_EVENT_ORDER = "ts, n"
_NEWEST_FIRST = "ts DESC, n DESC"


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A statement and how to read its rows.

    ``matched_sql`` counts the events that pass every filter before the first ``stats``, ``dedup``
    or ``limit``; it is None when there is no such filter, so that every event matches. ``columns``
    are the names of the columns in order; every column is VARCHAR.
    """

    sql: str
    matched_sql: str | None
    columns: tuple[str, ...]
    needs_json: bool


def compile_query(
    query: plan.Query, *, limit: int | None = None, switches: Switches = DEFAULT
) -> Compiled:
    """Compile a plan.

    Parameters
    ----------
    limit
        The limit of the call, beside any in the text; see ``switches.api_limit``.

    Raises
    ------
    MalformedQuery
        When the SQL would be unreasonably long.
    """
    compiler = _Compiler(limit, switches)
    at = 0
    try:
        for stage in query.stages:
            at = stage.at
            compiler.stage(stage)
        return compiler.finish()
    except TooLong:
        found = "the expressions of this command are too large to run."
        raise MalformedQuery(found, at, text=query.text) from None


def _no_aggregate(_: plan.Call) -> None:
    return None


class _Compiler:
    """Stacks common table expressions; ``_from`` is the topmost."""

    def __init__(self, limit: int | None, switches: Switches) -> None:
        self._limit = limit
        self._switches = switches
        self._discovery = Discovery(switches)
        self._ctes: list[str] = []
        self._from = "discovered"
        self._serial = 0
        self._scope: dict[str, Value] = {}
        self._pending: list[tuple[str, Value]] = []
        self._grouped = False
        self._fields: list[str] = []
        self._display: list[str] | None = None
        self._order = _NEWEST_FIRST
        self._bin: str | None = None
        self._limited = False
        self._matched_from: str | None = None
        self._filters = False

    # Scope

    def _field(self, name: str) -> Value:
        if name in self._scope:
            value = self._scope[name]
            if any(column == value.sql for column, _ in self._pending):
                self._flush()
            return value
        if self._grouped:
            raise LookupError(f"{name} is not visible, which checks should have refused")
        return self._discovery.field(name)

    def _reached(self, field: plan.Field) -> Value:
        """Return a field, or what its path reaches within a map or list that has a name."""
        if field.name not in self._scope:
            for end in range(len(field.parts) - 1, 0, -1):
                base = plan.joined(field.parts[:end])
                if base in self._scope and self._scope[base].kind is Kind.JSON:
                    return within(self._field(base), field.parts[end:])
        return self._field(field.name)

    def _value(self, expr: plan.Expr) -> Value:
        return self._scoped(_no_aggregate).value(expr)

    def _scoped(self, aggregate: Callable[[plan.Call], Value | None]) -> Scope:
        return Scope(field=self._reached, aggregate=aggregate, switches=self._switches)

    def _define(self, name: str, value: Value) -> None:
        """Make a value a column under a name; it exists once the pending columns are flushed."""
        column = self._fresh("c")
        self._pending.append((column, value))
        self._scope[name] = Value(column, value.kind)

    def _flush(self) -> None:
        if self._pending:
            columns = ", ".join(f"{value.sql} AS {column}" for column, value in self._pending)
            self._pending = []
            self._stack(f"SELECT *, {columns} FROM {self._from}")

    def _fresh(self, letter: str) -> str:
        self._serial += 1
        return f"{letter}{self._serial}"

    def _stack(self, sql: str) -> None:
        if len(self._ctes) >= MAX_STEPS:
            raise TooLong
        name = self._fresh("s")
        self._ctes.append(f"{name} AS NOT MATERIALIZED ({sql})")
        self._from = name

    def _event_stage_ends(self) -> None:
        """Remember the last relation whose rows are the matched events."""
        if self._matched_from is None:
            self._matched_from = self._from

    # Stages

    def stage(self, stage: plan.Stage) -> None:
        """Add one stage."""
        match stage:
            case plan.Fields():
                self._fields_stage(stage)
            case plan.Display():
                self._display = self._columns(stage.items)
            case plan.Filter():
                self._filters = self._filters or self._matched_from is None
                condition = as_condition(self._value(stage.condition))
                self._stack(f"SELECT * FROM {self._from} WHERE {condition}")
            case plan.Stats():
                self._stats(stage)
            case plan.Sort():
                self._sort(stage)
            case plan.Limit():
                self._limit_stage(stage)
            case plan.Dedup():
                self._dedup(stage)
            case plan.Parse():
                self._parse(stage)
            case _:
                raise TypeError(f"no rule for {type(stage).__name__}")
        self._flush()

    def _limit_stage(self, stage: plan.Limit) -> None:
        self._event_stage_ends()
        self._limited = True
        rows = stage.rows
        if self._limit is not None and self._switches.api_limit == "the call's":
            rows = self._limit
        self._stack(f"SELECT * FROM {self._from} ORDER BY {self._order} LIMIT {rows}")

    def _columns(self, items: Sequence[plan.Item]) -> list[str]:
        """Define what the items compute; return their names."""
        for item in items:
            value = self._value(item.expr)
            if item.aliased or not isinstance(item.expr, plan.Field):
                self._define(item.name, value)
        return [item.name for item in items]

    def _fields_stage(self, stage: plan.Fields) -> None:
        names = self._columns(stage.items)
        if self._grouped and self._switches.fields_after_stats == "replace":
            self._fields = []
        self._fields.extend(names)

    def _sort(self, stage: plan.Sort) -> None:
        terms = []
        descending = False
        for key in stage.keys:
            descending = key.descending is True
            if key.descending is None:
                descending = self._switches.sort_direction == "desc"
            direction = "DESC" if descending else "ASC"
            nulls = self._switches.missing_sorts.upper()
            of = self._sort_field(key.name)
            terms += [f"({of.sql} IS NULL) {'ASC' if nulls == 'LAST' else 'DESC'}"]
            terms += [f"{term} {direction} NULLS {nulls}" for term in natural_order(of)]
        # Descending is the exact reverse of ascending, ties included.
        last = "DESC" if descending else "ASC"
        if self._grouped:
            terms.append(self._order)
        else:
            terms += [f"{term} {last}" for term in _EVENT_ORDER.split(", ")]
        self._order = ", ".join(terms)

    def _sort_field(self, name: str) -> Value:
        if self._grouped and name == "@timestamp" and name not in self._scope and self._bin:
            return self._scope[self._bin]
        return self._field(name)

    def _dedup(self, stage: plan.Dedup) -> None:
        self._event_stage_ends()
        keys = [self._field(field.name) for field in stage.names]
        missing = " OR ".join(f"{key.sql} IS NULL" for key in keys)
        partition = ", ".join(key.sql for key in keys)
        rank = f"row_number() OVER (PARTITION BY {partition} ORDER BY {self._order})"
        self._stack(f"SELECT * FROM {self._from} QUALIFY {missing} OR {rank} = 1")

    def _parse(self, stage: plan.Parse) -> None:
        text = as_text(self._field(stage.source.name))
        regex = quoted(stage.pattern.regex)
        groups = ", ".join(f"'g{i}'" for i in range(1, len(stage.pattern.groups) + 1))
        matched, captures = self._fresh("c"), self._fresh("c")
        self._stack(f"SELECT *, {text} AS {matched}t FROM {self._from}")
        self._stack(
            f"SELECT *, regexp_matches({matched}t, {regex}) AS {matched}, "
            f"regexp_extract({matched}t, {regex}, [{groups}]) AS {captures} FROM {self._from}"
        )
        for i, name in stage.names:
            captured = f"{captures}['g{i}']"
            if self._switches.empty_capture == "missing":
                captured = f"nullif({captured}, '')"
            self._define(name, Value(f"CASE WHEN {matched} THEN {captured} END", Kind.TEXT))

    def _stats(self, stage: plan.Stats) -> None:
        self._event_stage_ends()
        keys = [(key.name, self._value(key.expr)) for key in stage.keys]
        key_columns = [(self._fresh("k"), name, value) for name, value in keys]
        calls: dict[int, tuple[str, Value]] = {}
        for item in stage.items:
            for call in _aggregates(item.expr):
                calls[id(call)] = (self._fresh("a"), self._aggregate(call))
        self._group(key_columns, list(calls.values()))
        self._scope = {name: Value(column, value.kind) for column, name, value in key_columns}
        self._grouped = True
        self._display = None
        by_id = {key: Value(column, value.kind) for key, (column, value) in calls.items()}
        over_groups = self._scoped(lambda call: by_id.get(id(call)))
        for item in stage.items:
            self._define(item.name, over_groups.value(item.expr))
        self._fields = [key.name for key in stage.keys] + [item.name for item in stage.items]
        self._set_group_order(stage, key_columns)

    def _aggregate(self, call: plan.Call) -> Value:
        aggregate = AGGREGATES[call.name.lower()]
        args = [arg for arg in call.args if not isinstance(arg, plan.Star)]
        literals = [arg.value for arg in args[len(args) - aggregate.literals :]
                    if isinstance(arg, plan.Number)] if aggregate.literals else []  # fmt: skip
        values = [self._value(arg) for arg in args[: len(args) - aggregate.literals]]
        return aggregate.build(values, literals, _EVENT_ORDER, self._switches)

    def _group(self, keys: list[tuple[str, str, Value]], calls: list[tuple[str, Value]]) -> None:
        if keys:
            computed = ", ".join(f"{value.sql} AS {column}" for column, _, value in keys)
            self._stack(f"SELECT *, {computed} FROM {self._from}")
        selected = [column for column, _, _ in keys]
        selected += [f"{value.sql} AS {column}" for column, value in calls]
        sql = f"SELECT {', '.join(selected) or '1 AS one'} FROM {self._from}"
        if keys:
            columns = ", ".join(column for column, _, _ in keys)
            if self._switches.missing_group_key == "dropped":
                sql += " WHERE " + " AND ".join(f"{column} IS NOT NULL" for column, _, _ in keys)
            sql += f" GROUP BY {columns}"
        elif self._switches.stats_of_nothing == "no row":
            sql += " HAVING count(*) > 0"
        self._stack(sql)

    def _set_group_order(self, stage: plan.Stats, keys: list[tuple[str, str, Value]]) -> None:
        bins = [key.name for key in stage.keys if has_bin(key.expr)]
        bins += [name for _, name, value in keys if value.kind is Kind.INSTANT]
        self._bin = bins[0] if bins else None
        newest = "DESC" if self._switches.stats_order == "newest bin first" else "ASC"
        terms = []
        for column, name, value in keys:
            direction = newest if name in bins else "ASC"
            terms.append(f"({column} IS NULL)")
            terms += [
                f"{term} {direction} NULLS LAST"
                for term in natural_order(Value(column, value.kind))
            ]
        self._order = ", ".join(terms) or "1"

    # The statement

    def finish(self) -> Compiled:
        """Select the columns to show and put the statement together."""
        self._flush()
        names = self._shown()
        rows = self._rows()
        selected = [f"{printed(self._field(name), self._switches)} AS o{i}"
                    for i, name in enumerate(names)]  # fmt: skip
        if not self._grouped and "@ptr" not in names:
            names.append("@ptr")
            selected.append(f"{self._discovery.field('@ptr').sql} AS o{len(selected)}")
        final = (
            f"SELECT {', '.join(selected)} FROM {self._from} ORDER BY {self._order} LIMIT {rows}"
        )
        with_ = f"WITH {', '.join([*self._base(), *self._ctes])} "
        matched = f"SELECT count(*) FROM {self._matched_from or self._from}"
        return Compiled(
            sql=with_ + final,
            matched_sql=with_ + matched if self._filters else None,
            columns=tuple(names),
            needs_json=self._discovery.needs_json,
        )

    def _shown(self) -> list[str]:
        names = self._display if self._display is not None else self._fields
        if not names and not self._grouped:
            names = ["@timestamp", "@message"]
        return list(dict.fromkeys(names))

    def _rows(self) -> int:
        texts = self._limited and self._switches.api_limit == "the text's"
        if self._limit is not None and not texts:
            return self._limit
        return MAX_ROWS if self._limited else DEFAULT_LIMIT

    def _base(self) -> list[str]:
        """Return the common table expressions below the first stage."""
        ctes = []
        below = "events"
        if self._discovery.needs_json:
            whole = f"CASE WHEN {WHOLE} THEN msg END"
            ctes.append(
                "json AS NOT MATERIALIZED (SELECT *, json_extract(coalesce("
                "CASE WHEN json_valid(fragment) THEN fragment END, "
                f"{whole}), {self._discovery.json_paths()}) AS found FROM {below})"
            )
            below = "json"
        columns = ", ".join(["*", *self._discovery.columns()])
        ctes.append(f"discovered AS NOT MATERIALIZED (SELECT {columns} FROM {below})")
        return ctes


def _aggregates(expr: plan.Expr) -> list[plan.Call]:
    return [node for node in walk(expr) if is_aggregate(node)]
