"""A local engine for the CloudWatch Logs Insights query language (CWLI), on DuckDB.

In: the text of a query, and log events. Out: rows as the API sends them: every value a string,
missing fields absent, ``@ptr`` on rows that are events. What the engine does not know it refuses,
with the place; no stage is ever skipped.

A query goes through these rooms in order: ``parser`` (with ``grammar.lark``, ``builder``) makes a
``plan``; ``checks`` refuses what the grammar cannot; ``compile`` makes SQL, with ``expressions``,
``functions``, ``aggregates``, ``spans``, ``discovery`` and ``values``; ``events`` loads;
``results`` prints; ``engine`` holds them together. ``switches`` names what nobody outside AWS could
verify.

Imports from the rest of opslib: ``errors`` only. lark, DuckDB and pyarrow are imported on
first use.
"""

from opslib.cwli.engine import Answer, query, run
from opslib.cwli.errors import MalformedQuery
from opslib.cwli.parser import parse
from opslib.cwli.switches import Switches

__all__ = ["Answer", "MalformedQuery", "Switches", "parse", "query", "run"]
