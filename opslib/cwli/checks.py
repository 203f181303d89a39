"""What the grammar lets through and the language forbids, refused before anything runs.

In: a plan. Out: nothing, or ``MalformedQuery``. Checked are: functions and their arguments, where
aggregates may stand, the order of commands, and which names are still visible after ``stats``.

Must not know lark, SQL or events.

Source
------
CWL_QuerySyntax-Stats (ten stats, nothing else visible afterwards, no sort or limit before the
last), -Dedup (only limit may follow); published error messages for ``stats`` and ``sort``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeGuard

from opslib.cwli import plan
from opslib.cwli.aggregates import AGGREGATES
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.functions import FUNCTIONS, OTHER_FUNCTIONS, TIME_FUNCTIONS
from opslib.cwli.switches import Switches

MAX_DEPTH = 50
"""Deepest nesting of operators and calls. Chains of ``and`` and ``or`` count as one level."""

MAX_STAGES = 100
"""Most commands in a query. AWS names no bound; DuckDB nests only so many."""

MAX_SORT_KEYS = 50
"""Most fields of one ``sort``. AWS names no bound; each is several terms of SQL."""

MAX_STATS = 10
"""Most ``stats`` commands in a query."""


def check(query: plan.Query, *, switches: Switches) -> None:
    """Refuse a plan that breaks a rule of the language.

    Raises
    ------
    MalformedQuery
        At the first offence, in the order of the text as far as the rules allow.
    """
    if len(query.stages) > MAX_STAGES:
        found = f"this engine runs at most {MAX_STAGES} commands in a query."
        raise MalformedQuery(found, query.stages[MAX_STAGES].at, text=query.text)
    checker = _Checker(query, switches)
    for stage in query.stages:
        checker.stage(stage)
    checker.order()


def is_aggregate(expr: plan.Expr) -> TypeGuard[plan.Call]:
    """Whether an expression is a call of an aggregate."""
    return isinstance(expr, plan.Call) and expr.name.lower() in AGGREGATES


def has_bin(expr: plan.Expr) -> bool:
    """Whether an expression is a bin."""
    return isinstance(expr, plan.Call) and expr.name.lower() == "bin"


class _Checker:
    """Walks the stages in order; ``_visible`` is None as long as every field is."""

    def __init__(self, query: plan.Query, switches: Switches) -> None:
        self._query = query
        self._switches = switches
        self._visible: set[str] | None = None
        self._binned = False

    def _refuse(self, message: str, at: int, *, expected: tuple[str, ...] = ()) -> MalformedQuery:
        return MalformedQuery(message, at, text=self._query.text, expected=expected)

    def stage(self, stage: plan.Stage) -> None:
        """Check one stage and see which names it leaves visible."""
        match stage:
            case plan.Stats():
                self._stats(stage)
            case plan.Fields() | plan.Display():
                self._items(stage.items)
            case plan.Filter():
                self._scalar(stage.condition)
            case plan.Sort():
                if len(stage.keys) > MAX_SORT_KEYS:
                    found = f"this engine sorts by at most {MAX_SORT_KEYS} fields."
                    raise self._refuse(found, stage.keys[MAX_SORT_KEYS].at)
                for key in stage.keys:
                    self._sort_key(key)
            case plan.Dedup():
                for field in stage.names:
                    self._known(field)
            case plan.Parse():
                self._known(stage.source)
                self._add(name for _, name in stage.names)

    def _items(self, items: tuple[plan.Item, ...]) -> None:
        for item in items:
            self._scalar(item.expr)
            self._add([item.name])

    def _add(self, names: Iterable[str]) -> None:
        if self._visible is not None:
            self._visible.update(names)

    def _known(self, field: plan.Field) -> None:
        if self._visible is not None and field.name not in self._visible:
            raise self._unknown(field.name, field.at, self._visible)

    def _unknown(self, name: str, at: int, visible: set[str]) -> MalformedQuery:
        known = ", ".join(f"`{n}`" for n in sorted(visible))
        found = f"`{name}` is not known in or after stats, which leaves only {known}."
        return self._refuse(found, at)

    def _sort_key(self, key: plan.SortKey) -> None:
        if self._visible is None or key.name in self._visible:
            return
        as_the_bin = self._switches.sort_by_timestamp_after_bin == "the bin"
        if not (key.name == "@timestamp" and self._binned and as_the_bin):
            raise self._unknown(key.name, key.at, self._visible)

    def _scalar(self, expr: plan.Expr, *, within: str = "") -> None:
        """Check an expression in which no aggregate may stand."""
        self._depth(expr)
        for node in walk(expr):
            if isinstance(node, plan.Field):
                self._known(node)
            elif is_aggregate(node):
                place = within or "outside stats"
                raise self._refuse(f"the aggregate `{node.name}` cannot stand {place}.", node.at)
            else:
                self._node(node)

    def _node(self, node: plan.Expr) -> None:
        if isinstance(node, plan.Call):
            self._call(node)

    def _depth(self, expr: plan.Expr) -> None:
        level, depth = [expr], 0
        while level:
            depth += 1
            if depth > MAX_DEPTH:
                found = f"the expression is nested more than {MAX_DEPTH} levels deep."
                raise self._refuse(found, expr.at)
            level = [child for node in level for child in node.children()]

    def _call(self, call: plan.Call) -> None:
        name = call.name.lower()
        if name in TIME_FUNCTIONS:
            self._time_call(call)
            return
        function = FUNCTIONS.get(name)
        if function is None:
            if name in OTHER_FUNCTIONS:
                found = f"the function `{call.name}` is not in this local engine."
            else:
                found = f"`{call.name}` is not a function."
            raise self._refuse(found, call.at)
        self._plain_arguments(call.args, call.name)
        self._arity(call, function.fewest, function.most)
        texts = [arg.value if isinstance(arg, plan.Text) else None for arg in call.args]
        for position, read in function.literals.items():
            if position < len(call.args):
                self._literal(call, position, texts, read)

    def _literal(
        self,
        call: plan.Call,
        position: int,
        texts: list[str | None],
        read: Callable[[Sequence[str | None]], object],
    ) -> None:
        """Check an argument that must be a string of the query."""
        at = call.args[position].at
        if texts[position] is None:
            found = f"argument {position + 1} of `{call.name}` must be a string, in quotes."
            raise self._refuse(found, at)
        try:
            read(texts)
        except ValueError as error:
            found = str(error).rstrip(".")
            raise self._refuse(f"{found}.", at) from None

    def _arity(self, call: plan.Call, fewest: int, most: int | None) -> None:
        count = len(call.args)
        if count < fewest or (most is not None and count > most):
            if most is None:
                wanted = f"at least {fewest}"
            else:
                wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            found = f"`{call.name}` takes {wanted} arguments, not {count}."
            raise self._refuse(found, call.at)

    def _plain_arguments(self, args: tuple[plan.Expr, ...], name: str) -> None:
        for arg in args:
            if isinstance(arg, plan.Star):
                raise self._refuse(f"`*` is no argument of `{name}`.", arg.at)
            if isinstance(arg, plan.Duration):
                raise self._refuse(f"a duration is no argument of `{name}`.", arg.at)

    def _time_call(self, call: plan.Call) -> None:
        name = call.name.lower()
        if name == "bin" and len(call.args) == 1:
            if self._visible is not None and "@timestamp" not in self._visible:
                found = "bin needs @timestamp, which an earlier stats did not keep."
                raise self._refuse(found, call.at)
        elif name == "bin" and self._switches.bin_of_a_field == "refused":
            raise self._refuse("bin takes one argument, a duration such as 5m.", call.at)
        else:
            self._arity(call, 2, 2)
        *values, span = call.args or (None,)
        if not isinstance(span, plan.Duration):
            at = span.at if span is not None else call.at
            raise self._refuse(f"`{call.name}` ends with a duration such as 5m.", at)
        self._plain_arguments(tuple(v for v in values if v is not None), call.name)

    def _stats(self, stage: plan.Stats) -> None:
        for key in stage.keys:
            self._scalar(key.expr, within="after by")
        known = {key.name for key in stage.keys}
        for item in stage.items:
            self._depth(item.expr)
            self._over_groups(item.expr, known)
            if item.name in known:
                raise self._refuse(f"two columns of stats are named `{item.name}`.", item.at)
            known.add(item.name)
        self._binned = any(has_bin(key.expr) for key in stage.keys)
        self._visible = known

    def _over_groups(self, expr: plan.Expr, known: set[str]) -> None:
        """Check an expression over groups: aggregates, earlier aliases, keys, literals."""
        pending = [expr]
        while pending:
            node = pending.pop()
            if is_aggregate(node):
                self._aggregate(node)
                continue
            if isinstance(node, plan.Field) and node.name not in known:
                raise self._unknown(node.name, node.at, known)
            if isinstance(node, plan.Call) and node.name.lower() in TIME_FUNCTIONS:
                if len(node.args) == 1:
                    found = "bin can stand after by, or inside an aggregate, but not beside them."
                    raise self._refuse(found, node.at)
                self._time_call(node)
            else:
                self._node(node)
            pending.extend(reversed(node.children()))

    def _aggregate(self, call: plan.Call) -> None:
        aggregate = AGGREGATES[call.name.lower()]
        if call.name.lower() == "count" and [type(a) for a in call.args] == [plan.Star]:
            return
        self._plain_arguments(call.args, call.name)
        self._arity(call, aggregate.fewest, aggregate.most)
        for arg in call.args:
            self._scalar(arg, within="inside another aggregate")
        if aggregate.literals:
            percent = call.args[-1]
            if not isinstance(percent, plan.Number) or not 0 <= percent.value <= 100:
                found = f"`{call.name}` takes a percentage from 0 to 100 as its second argument."
                raise self._refuse(found, percent.at)
        if aggregate.needs_time and self._visible is not None:
            found = f"`{call.name}` needs event times, which an earlier stats did not keep."
            raise self._refuse(found, call.at)

    def order(self) -> None:
        """Check which command may follow which."""
        stages = self._query.stages
        all_stats = [i for i, stage in enumerate(stages) if isinstance(stage, plan.Stats)]
        if len(all_stats) > MAX_STATS:
            found = f"a query has at most {MAX_STATS} stats commands."
            raise self._refuse(found, stages[all_stats[MAX_STATS]].at)
        limited = False
        for i, stage in enumerate(stages):
            after = stages[i + 1] if i + 1 < len(stages) else None
            if isinstance(stage, plan.Dedup) and after and not isinstance(after, plan.Limit):
                found = "only limit may follow dedup."
                raise self._refuse(found, after.at, expected=("limit",))
            ordered = isinstance(stage, plan.Sort | plan.Limit)
            if ordered and len(all_stats) > 1 and i < all_stats[-1]:
                found = "sort and limit cannot stand before the last of several stats."
                raise self._refuse(found, stage.at)
            if limited and self._switches.stages_after_limit == "refused":
                raise self._refuse("nothing may follow limit.", stage.at)
            limited = isinstance(stage, plan.Limit)


def walk(expr: plan.Expr) -> Iterator[plan.Expr]:
    """Yield an expression and everything below it, in the order it is written."""
    pending = [expr]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children()))
