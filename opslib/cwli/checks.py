"""What the grammar lets through and the language forbids, refused before anything runs.

In: a plan. Out: nothing, or ``MalformedQuery``. Checked are: functions and their arguments, where
aggregates may stand, and which names are still visible after ``stats``. Which command may follow
which is in ``order``.

Must not know lark, SQL or events.

Source
------
CWL_QuerySyntax-Stats (nothing else visible afterwards), -FilterIndex, -Sessionize, -Fillmissing;
published error messages for ``stats`` and ``sort``.
"""

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from opslib.cwli import arguments, order, plan
from opslib.cwli.aggregates import AGGREGATES
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.functions import FUNCTIONS, OTHER_FUNCTIONS, TIME_FUNCTIONS
from opslib.cwli.refusals import REFUSED_FUNCTIONS, refused
from opslib.cwli.slips import misplaced, no_function
from opslib.cwli.switches import Switches

MAX_DEPTH = 50
"""Deepest nesting of operators and calls. Chains of ``and`` and ``or`` count as one level."""

MAX_STAGES = 100
"""Most commands in a query. AWS names no bound; DuckDB nests only so many."""

MAX_SORT_KEYS = 50
"""Most fields of one ``sort``. AWS names no bound; each is several terms of SQL."""


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
    order.check(query, switches=switches)


def is_aggregate(expr: plan.Expr) -> TypeGuard[plan.Call]:
    """Whether an expression is a call of an aggregate."""
    return isinstance(expr, plan.Call) and expr.name.lower() in AGGREGATES


def has_bin(expr: plan.Expr) -> bool:
    """Whether an expression is a bin."""
    return isinstance(expr, plan.Call) and expr.name.lower() == "bin"


class _Checker:
    """Walks the stages in order; ``_visible`` is None as long as every field is.

    ``_later`` are the visible names that may hold a map: those defined after ``stats``, and those
    of its aggregates that are maps or lists.
    """

    def __init__(self, query: plan.Query, switches: Switches) -> None:
        self._query = query
        self._switches = switches
        self._visible: set[str] | None = None
        self._later: set[str] = set()
        self._binned = False
        self._has_bin = False

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
                if stage.indexed:
                    self._indexed(stage.condition)
            case plan.Sort():
                if len(stage.keys) > MAX_SORT_KEYS:
                    found = f"this engine sorts by at most {MAX_SORT_KEYS} fields."
                    raise self._refuse(found, stage.keys[MAX_SORT_KEYS].at)
                for key in stage.keys:
                    self._sort_key(key)
            case plan.Dedup():
                self._all_known(stage.names)
            case _:
                self._extraction(stage)

    def _extraction(self, stage: plan.Stage) -> None:
        """Check a stage that takes a value apart."""
        match stage:
            case plan.Parse():
                self._known(stage.source)
                self._add(name for _, name in stage.names)
            case plan.ParseLogfmt() | plan.ParseJson():
                self._known(stage.source)
                self._add([stage.name])
            case plan.ParseCsv():
                self._known(stage.source)
                self._add(stage.names)
            case plan.Unnest():
                self._known(stage.of)
                self._add([stage.name])
            case plan.Expand():
                self._known(stage.of)
                self._add([stage.of.name])
            case _:
                self._window(stage)

    def _window(self, stage: plan.Stage) -> None:
        """Check a stage that looks at more than one row."""
        match stage:
            case plan.Accum():
                self._known(stage.of)
                self._add([stage.name])
            case plan.Autoregress():
                self._known(stage.of)
                self._add(name for name, _ in stage.lags)
            case plan.AddTotals():
                self._all_known(stage.names)
                self._add([stage.total])
            case plan.FillDown():
                self._all_known(field for field in stage.names if "*" not in field.name)
            case plan.FillMissing():
                self._fill_missing(stage)
            case plan.Sessionize():
                self._all_known(stage.names)
                if self._visible is not None:
                    found = "sessionize needs event times, which an earlier stats did not keep."
                    raise self._refuse(found, stage.at)
                self._add([stage.name])
            case plan.CountFrequent():
                self._all_known(stage.names)
                self._visible = {*(field.name for field in stage.names), "_approxcount"}
                self._later, self._binned, self._has_bin = set(), False, False
            case plan.AppendCols():
                self._append(stage)

    def _append(self, stage: plan.AppendCols) -> None:
        for inner in stage.query.stages:
            if isinstance(inner, plan.AppendCols):
                raise self._refuse("a query within appendcols cannot hold another.", inner.at)
        inner_query = plan.Query(text=self._query.text, stages=stage.query.stages)
        check(inner_query, switches=self._switches)
        if inner_query.sources and not self._query.sources:
            found = (
                "SOURCE within appendcols reads log groups beside those of the call, which this "
                "engine cannot tell apart; begin the whole query with a SOURCE of its own."
            )
            raise self._refuse(found, inner_query.sources[0].at)
        self._add(order.shown(inner_query, switches=self._switches))

    def _fill_missing(self, stage: plan.FillMissing) -> None:
        if not self._has_bin:
            found = "fillmissing needs a bin in the `by` of the stats before it."
            raise self._refuse(found, stage.at)
        self._all_known(field for field, _ in stage.values)

    def _indexed(self, condition: plan.Expr) -> None:
        """Check that an index could answer a condition: only equality can be looked up."""
        pending = [condition]
        while pending:
            node = pending.pop()
            if isinstance(node, plan.AnyOf | plan.AllOf):
                pending.extend(reversed(node.parts))
                continue
            equal = isinstance(node, plan.Compare) and node.op == "="
            listed = isinstance(node, plan.InList) and not node.negated
            if not equal and not listed:
                raise self._refuse("filterIndex takes only = and in.", node.at)

    def _all_known(self, fields: Iterable[plan.Field]) -> None:
        for field in fields:
            self._known(field)

    def _items(self, items: tuple[plan.Item, ...]) -> None:
        for item in items:
            self._scalar(item.expr)
            self._add([item.name])

    def _add(self, names: Iterable[str]) -> None:
        if self._visible is not None:
            added = set(names)
            self._visible |= added
            self._later |= added

    def _known(self, field: plan.Field) -> None:
        if self._visible is None or field.name in self._visible:
            return
        if plan.base_of(field, self._later) is None:
            raise self._unknown(field.name, field.at, self._visible)

    def _unknown(self, name: str, at: int, visible: set[str]) -> MalformedQuery:
        known = ", ".join(f"`{n}`" for n in sorted(visible))
        found = (
            f"Unknown symbols found in or after stats: {name}; "
            f"`{name}` is not known in or after stats, which leaves only {known}."
        )
        return self._refuse(found, at)

    def _sort_key(self, key: plan.SortKey) -> None:
        if self._visible is None or key.name in self._visible:
            return
        if plan.base_of(key.field, self._later) is not None:
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
            elif is_aggregate(node) and not self._as_key(node, within):
                raise self._refuse(misplaced(node.name, within), node.at)
            else:
                self._node(node)

    def _as_key(self, call: plan.Call, within: str) -> bool:
        """Whether a function that is also an aggregate stands where only groups are made."""
        accepted = self._switches.histogram_after_by == "width"
        return accepted and within == "after by" and call.name.lower() in FUNCTIONS

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
            why = REFUSED_FUNCTIONS.get(name)
            if why is not None:
                raise self._refuse(refused("function", call.name, why), call.at)
            if name in OTHER_FUNCTIONS:
                found = f"the function `{call.name}` is not in this local engine."
            else:
                found = no_function(call.name, {*FUNCTIONS, *TIME_FUNCTIONS, *AGGREGATES})
            raise self._refuse(found, call.at)
        self._plain_arguments(call.args, call.name)
        self._arity(call, function.fewest, function.most)
        self._complain(arguments.of_function(call, function))

    def _complain(self, complaint: arguments.Complaint | None) -> None:
        if complaint is not None:
            raise self._refuse(*complaint)

    def _arity(self, call: plan.Call, fewest: int, most: int | None) -> None:
        count = len(call.args)
        if count < fewest or (most is not None and count > most):
            if most is None:
                wanted = f"at least {fewest}"
            else:
                wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            noun = "argument" if wanted == "1" else "arguments"
            found = f"`{call.name}` takes {wanted} {noun}, not {count}."
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
        elif name == "bin" and not call.args:
            raise self._refuse("`bin` takes a duration such as 5m.", call.at)
        elif name == "bin" and self._switches.bin_of_a_field == "refused":
            raise self._refuse("bin takes one argument, a duration such as 5m.", call.at)
        else:
            self._arity(call, 2, 2)
        *values, span = call.args or (None,)
        if not isinstance(span, plan.Duration):
            at = span.at if span is not None else call.at
            quotes = ", without quotes" if isinstance(span, plan.Text) else ""
            raise self._refuse(f"`{call.name}` ends with a duration such as 5m{quotes}.", at)
        self._plain_arguments(tuple(v for v in values if v is not None), call.name)

    def _stats(self, stage: plan.Stats) -> None:
        for key in stage.keys:
            self._scalar(key.expr, within="after by")
        self._complain(arguments.beside(stage))
        known = {key.name for key in stage.keys}
        for item in stage.items:
            self._depth(item.expr)
            self._over_groups(item.expr, known)
            if item.name in known:
                raise self._refuse(f"two columns of stats are named `{item.name}`.", item.at)
            known.add(item.name)
        self._binned = any(has_bin(key.expr) for key in stage.keys)
        self._has_bin = self._binned
        if stage.offset is not None and not self._binned:
            found = "offset moves bins, and there is none after by."
            raise self._refuse(found, stage.offset.at)
        self._visible = known
        self._later = {
            item.name
            for item in stage.items
            if is_aggregate(item.expr) and AGGREGATES[item.expr.name.lower()].structure
        }

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
        if aggregate.star and [type(a) for a in call.args] == [plan.Star]:
            return
        self._arity(call, aggregate.fewest, aggregate.most)
        values = tuple(a for i, a in enumerate(call.args) if i not in aggregate.literals)
        self._plain_arguments(values, call.name)
        for arg in values:
            self._scalar(arg, within="inside another aggregate")
        self._complain(arguments.of_aggregate(call, aggregate))
        if aggregate.needs_time and self._visible is not None:
            found = f"`{call.name}` needs event times, which an earlier stats did not keep."
            raise self._refuse(found, call.at)


def walk(expr: plan.Expr) -> Iterator[plan.Expr]:
    """Yield an expression and everything below it, in the order it is written."""
    pending = [expr]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children()))
