"""Fields that nobody defined: found in the log line when a query names them.

In: field names, as the compiler meets them. Out: SQL columns of the event relation, only for the
names that were asked for. System fields come from the event, Lambda's from its tab separated lines,
all else from the first JSON object in the line, by dot paths; ``line_formats`` has the names that a
line of VPC flow or Route 53 logs gives too.

An event's own columns here: ``ts`` and ``ingested`` (BIGINT, epoch milliseconds), ``msg``,
``stream``, ``grp``, ``id`` (VARCHAR), ``n`` (BIGINT, position in the input).

Must not know the plan.

Source
------
CWL_AnalyzeLogData-discoverable-fields: names, 200 fields an event, the first fragment only. Memory
in units of 10^6 for a MB, booleans as 1 and 0: captures of outputs.
"""

import re
from collections.abc import Collection
from itertools import product

from opslib.cwli import documents, line_formats
from opslib.cwli.switches import Switches
from opslib.cwli.values import MISSING, Kind, TooLong, Value, once, quoted

MAX_PATHS = 1_000
"""JSON pointers one query may read; a name with dots takes several."""

_FEW_PATHS = 3
"""Of so many at most, what stands at each is read where it is wanted; of more, in one list."""

_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_LINE = "^(?:START|END|REPORT) RequestId: (\\S+)"
_APPLICATION = f"^\\S+\\t({_UUID})\\t|^\\S+ ({_UUID}) Task timed out"
_NUMBER = "([0-9.]+)"

_EVENT = {
    "@timestamp": Value("ts", Kind.INSTANT),
    "@message": Value("msg", Kind.TEXT),
    "@logStream": Value("stream", Kind.TEXT),
    "@log": Value("grp", Kind.TEXT),
    "@ingestionTime": Value("ingested", Kind.INSTANT),
    # ``@log`` is account:group. Region, entity, data source and tags are no part of an event here.
    "@aws.account": Value("nullif(regexp_extract(grp, '^([0-9]{12}):', 1), '')", Kind.TEXT),
    "@ptr": Value(
        "to_base64(encode(concat_ws('|', coalesce(grp, ''), coalesce(stream, ''), ts, "
        "coalesce(id, CAST(n AS VARCHAR)))))",
        Kind.TEXT,
    ),
}

_PLATFORM = ("REPORT", "START", "END")

# What a REPORT line holds: the pattern, the same in a platform.report object, a factor.
_REPORT = {
    "@duration": (f"\\tDuration: {_NUMBER} ms", "durationMs", 1),
    "@billedDuration": (f"\\tBilled Duration: {_NUMBER} ms", "billedDurationMs", 1),
    "@initDuration": (f"\\tInit Duration: {_NUMBER} ms", "initDurationMs", 1),
    "@memorySize": (f"\\tMemory Size: {_NUMBER} MB", "memorySizeMB", 1_000_000),
    "@maxMemoryUsed": (f"\\tMax Memory Used: {_NUMBER} MB", "maxMemoryUsedMB", 1_000_000),
}
_TRACE = {
    "@xrayTraceId": "XRAY TraceId: (\\S+)",
    "@xraySegmentId": "SegmentId: (\\S+)",
}


OBJECT_LETTERS = "dz"
"""What names of columns begin with: of fields that any stage reads, of those only shown."""


class Discovery:
    """The discovered fields one query uses, in order of first use.

    ``letter`` begins the names of their columns.
    """

    def __init__(self, switches: Switches, *, letter: str = OBJECT_LETTERS[0]) -> None:
        self._switches = switches
        self._letter = letter
        self._columns: dict[str, Value] = {}
        self._paths: dict[str, int] = {}
        self._pointers_of: dict[str, list[str]] = {}

    @property
    def needs_json(self) -> bool:
        """Whether any field can only come from JSON."""
        return bool(self._paths)

    def has(self, name: str) -> bool:
        """Whether a field has its column already."""
        return name in self._columns

    def field(self, name: str) -> Value:
        """Return the value of a field; its column exists in ``columns`` from now on."""
        if name not in self._columns:
            self._columns[name] = self._found(name)
        value = self._columns[name]
        if value is MISSING:
            return value
        column = f"{self._letter}{list(self._columns).index(name)}"
        pointers = self._pointers_of.get(name)
        if pointers is None:
            return Value(column, value.kind)
        places = [f"{self._letter}found[{self._paths[pointer]}]" for pointer in pointers]
        tree = places[0] if len(places) == 1 else f"coalesce({', '.join(places)})"
        return Value(column, value.kind, logged=self._as_logged(column, pointers), tree=tree)

    def columns(self) -> list[str]:
        """Return the SQL of every discovered column, as ``sql AS dN``."""
        return [
            f"{once(self._with_leaves(value.sql))} AS {self._letter}{position}"
            for position, value in enumerate(self._columns.values())
            if value is not MISSING
        ]

    def json_columns(self, *, tested: Collection[str] = ()) -> list[str]:
        """Return SQL of what the columns that come from JSON read, one on top of the other.

        ``dobject`` is the JSON object of the message, ``dfound`` the list of its values by path.
        Below, ``dholds`` is whether the message can hold any, ``dwhole`` the values of a message
        that is one object. ``dobject`` is missing for such a message.

        Parameters
        ----------
        tested
            SQL of what a filter has made sure of, which need not be asked again.
        """
        paths = "[" + ", ".join(quoted(path) for path in self._paths) + "]"
        holds, whole, obj = (f"{self._letter}{name}" for name in ("holds", "whole", "object"))
        found = f"json_extract({documents.cut(obj, self._switches)}, {paths})"
        test = documents.holds_any(self._paths)
        columns = [f"{'true' if test in tested else once(test)} AS {holds}"]
        searched = documents.found_object(holds, self._switches)
        if self._switches.repeated_json_key == "first":
            columns.append(f"{once(documents.whole_message(holds, paths))} AS {whole}")
            searched = f"CASE WHEN {whole} IS NULL THEN {searched} END"
            found = f"CASE WHEN {whole} IS NOT NULL THEN {whole} ELSE {found} END"
        columns += [f"{once(searched)} AS {obj}", f"{once(found)} AS {self._letter}found"]
        if self._many_leaves:
            leaves = f"list_transform({self._letter}found, lambda x: {_leaf('x')})"
            columns.append(f"{once(leaves)} AS {self._letter}leaf")
        return columns

    @property
    def _many_leaves(self) -> bool:
        return len(self._paths) > _FEW_PATHS

    def _with_leaves(self, sql: str) -> str:
        """Write out the leaves in the SQL of a column, unless they are many and so have their own.

        To bind the SQL of one takes DuckDB half a millisecond.
        """
        if self._many_leaves:
            return sql
        return re.sub(
            rf"\b{self._letter}leaf(\[[0-9]+\])",
            lambda place: _leaf(f"{self._letter}found{place[1]}"),
            sql,
        )

    def _as_logged(self, column: str, pointers: list[str]) -> str:
        """Return SQL of a JSON field with a number's own digits: 1.50 where DuckDB says 1.5.

        Only numbers with a point or an exponent are looked up again; no other is written two ways.
        """
        listed = "[" + ", ".join(quoted(pointer) for pointer in pointers) + "]"
        # The field may also come from a line that is no JSON at all, see ``line_formats``.
        # Where no object was cut out of the message, it is one.
        logged = _quoted_numbers(f"coalesce({self._letter}object, msg)")
        texts = f"TRY(json_extract_string({logged}, {listed}))"
        same = f"lambda x: try_cast(x AS DOUBLE) = try_cast({column} AS DOUBLE)"
        again = f"coalesce(list_filter({texts}, {same})[1], {column})"
        number = quoted("-?[0-9]+([.].*|[eE].*)")
        test = f"NOT regexp_full_match({column}, {number})"
        if len(pointers) == 1:
            test += f" OR {_stands_so(pointers[0], column)}"
        found = f"CASE WHEN {test} THEN {column} ELSE {again} END"
        # Nearly every other text is told by its first character.
        return f"CASE WHEN {column} < ':' THEN {found} ELSE {column} END"

    def _found(self, name: str) -> Value:
        if name in _EVENT:
            return _EVENT[name]
        if name in _REPORT:
            return self._of_report(name)
        if name in _TRACE:
            return _matched("REPORT ", _TRACE[name])
        if name == "@type":
            whens = (f"WHEN starts_with(msg, '{t} RequestId: ') THEN '{t}'" for t in _PLATFORM)
            return Value(f"CASE {' '.join(whens)} END", Kind.TEXT)
        if name == "@requestId":
            return self._request_id()
        if name.startswith("@") and not name.startswith("@@"):
            return MISSING
        logged = name[1:] if name.startswith("@@") else name
        self._pointers_of[name] = _pointers(logged)
        found = self._of_json(logged)
        others = line_formats.readings(logged)
        if not others:
            return found
        return Value(f"coalesce({', '.join([found.sql, *others])})", Kind.TEXT)

    def _of_report(self, name: str) -> Value:
        pattern, metric, factor = _REPORT[name]
        text = _matched("REPORT ", pattern).sql
        sql = f"try_cast({text} AS DOUBLE) * {factor}"
        if self._switches.report_fields_in_json_logs == "derived":
            of_json = self._of_json(f"record.metrics.{metric}").sql
            is_report = f"({self._of_json('type').sql}) = 'platform.report'"
            derived = f"CASE WHEN {is_report} THEN try_cast({of_json} AS DOUBLE) * {factor} END"
            sql = f"coalesce({sql}, {derived})"
        return Value(sql, Kind.NUMBER)

    def _request_id(self) -> Value:
        found = f"nullif(regexp_extract(msg, {quoted(_LINE)}, 1), '')"
        if self._switches.request_id_in_application_lines == "found":
            pattern = quoted(_APPLICATION)
            rest = (f"nullif(regexp_extract(msg, {pattern}, {i}), '')" for i in (1, 2))
            found = f"coalesce({found}, {', '.join(rest)})"
        return Value(found, Kind.TEXT)

    def _of_json(self, name: str) -> Value:
        """Read a dot path. A dot may also be part of a key, so every way to split is tried."""
        elements = []
        for pointer in _pointers(name):
            position = self._paths.setdefault(pointer, len(self._paths) + 1)
            # ``_with_leaves`` sees to it.
            elements.append(f"{self._letter}leaf[{position}]")
        if len(self._paths) > MAX_PATHS:
            raise TooLong
        return Value(
            elements[0] if len(elements) == 1 else f"coalesce({', '.join(elements)})", Kind.TEXT
        )


def _quoted_numbers(column: str) -> str:
    """Return SQL of a JSON object with every number in quotes.

    A text is followed by two marks, which go away; a number stands between two, which become its
    quotes. JSON holds no such character itself.
    """
    pattern = quoted(r'("(?:[^"\\]|\\.)*")|(-?[0-9][0-9.eE+-]*)')
    marked = f"regexp_replace({column}, {pattern}, '\\1' || chr(1) || '\\2' || chr(1), 'g')"
    return f"replace(replace({marked}, chr(1) || chr(1), ''), chr(1), '\"')"


def _stands_so(pointer: str, column: str) -> str:
    """Return SQL of whether a number surely stands in the message as it stands in a column.

    The last key of its path is in the message once, spelled as it is, and the number is behind it,
    to its end. Most numbers with a point are told so, for a tenth of what it takes to look them up.
    """
    key = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
    if key.isdigit() or not documents.is_written_as_it_is(key):
        return "false"
    name = f'"{key}"'
    once_there = f"strlen(replace(msg, {quoted(name)}, '')) = strlen(msg) - {len(name.encode())}"
    written = [
        f"contains(msg, {quoted(name + colon)} || {column} || '{end}')"
        for colon in (": ", ":")
        for end in ",}"
    ]
    return f"({' OR '.join(written)}) AND {once_there} AND NOT {documents.BACKSLASH}"


def _matched(begins: str, pattern: str) -> Value:
    """Return the first group of a pattern, on lines with a beginning that it does not fit."""
    # Two tests of a few characters are much cheaper than one pattern from the beginning.
    found = f"nullif(regexp_extract(msg, {quoted(pattern)}, 1), '')"
    return Value(f"CASE WHEN starts_with(msg, {quoted(begins)}) THEN {found} END", Kind.TEXT)


def _leaf(element: str) -> str:
    """Return SQL of a JSON leaf as text: booleans 1 and 0; an object, list or null is missing."""
    return (
        f"CASE left(CAST({element} AS VARCHAR), 1) "
        f"WHEN '\"' THEN json_extract_string({element}, '$') "
        f"WHEN 't' THEN '1' WHEN 'f' THEN '0' WHEN '{{' THEN NULL WHEN '[' THEN NULL "
        f"WHEN 'n' THEN NULL ELSE CAST({element} AS VARCHAR) END"
    )


def json_pointers(name: str) -> list[str]:
    """Return the JSON pointers a field is read at; none when it may come from elsewhere too."""
    if name.startswith("@") and not name.startswith("@@"):
        return []
    logged = name[1:] if name.startswith("@@") else name
    return [] if line_formats.readings(logged) else _pointers(logged)


_MAX_SPLIT = 6


def _pointers(name: str) -> list[str]:
    """Return JSON pointers for a dot path, the fully nested one first.

    With more than six dots only one run of parts is joined at a time, which keeps the list short.
    """
    parts = [part.replace("~", "~0").replace("/", "~1") for part in name.split(".")]
    gaps = len(parts) - 1
    if gaps <= _MAX_SPLIT:
        choices = sorted(product("/.", repeat=gaps), key=lambda choice: choice.count("."))
    else:
        runs = [(i, j) for i in range(gaps) for j in range(i, gaps)]
        choices = [("/",) * gaps]
        choices += [tuple("." if i <= k <= j else "/" for k in range(gaps)) for i, j in runs]
    return [
        "/" + parts[0] + "".join(a + b for a, b in zip(choice, parts[1:], strict=True))
        for choice in choices
    ]
