"""A local engine for the CloudWatch Logs Insights query language (CWLI), on DuckDB.

In: the text of a query, and log events. Out: rows as the API sends them: every value a string,
missing fields absent, ``@ptr`` on rows that are events. What the engine does not know it refuses,
with the place; no stage is ever skipped.

A query goes through these rooms in order: ``parser`` (with ``grammar.lark``, ``builder``,
``stage_rules``, ``parse_rules``, ``draft``) makes a ``plan`` of ``terms``, or ``refusals`` say what
is wrong with the text;
``checks`` and ``order`` refuse what the grammar cannot; ``compile`` makes SQL: of stages with
``stages``, ``extraction``, ``grouping`` and ``windows`` on a ``stack``, of values with
``expressions``, ``functions``, ``aggregates``, ``spans``, ``discovery`` and ``values``; ``events``
and ``tables`` load; ``results`` prints; ``engine`` holds them together and to a ``deadline``.
``switches`` names what nobody outside AWS could verify.

Imports from the rest of opslib: ``errors`` only. lark, DuckDB and pyarrow are imported on
first use.
"""

from opslib.cwli.engine import Answer, Written, query, run, write
from opslib.cwli.errors import MalformedQuery, QueryStopped
from opslib.cwli.parser import parse
from opslib.cwli.switches import Switches
from opslib.cwli.tables import Held, held, together

__all__ = [
    "Answer",
    "Held",
    "MalformedQuery",
    "QueryStopped",
    "Switches",
    "Written",
    "held",
    "parse",
    "query",
    "run",
    "together",
    "write",
]
