"""A second, deliberately plain implementation of Logs Insights, to compare the engine with.

It takes a query as a tree (``terms``, ``syntax``), which is rendered to text for the engine and
interpreted as it stands (``interpreter``), so that it shares no parser with the engine; it works on
one dict a row, so that it shares no DuckDB either. ``strategies`` makes the queries and events,
``compare`` judges the two answers.

Written from the documentation of CloudWatch Logs and from the switches of ``opslib.cwli``, never
from the engine's source. Where neither says what is right, the interpreter raises ``Undetermined``
rather than follow the engine.
"""
