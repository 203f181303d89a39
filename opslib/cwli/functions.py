"""The functions of the language, by name.

In: nothing. Out: tables that ``checks`` holds calls to and ``expressions`` builds them with. What a
function does is in the room of its kind: ``functions_general``, ``functions_numbers``,
``functions_text``, ``functions_time``, ``functions_json``, ``functions_ip``. Functions of time with
a duration are in ``expressions``, aggregates in ``aggregates``.

Must not know stages, fields or events.

Source
------
CWL_QuerySyntax-operations-functions.
"""

from opslib.cwli.functions_call import Function
from opslib.cwli.functions_general import GENERAL
from opslib.cwli.functions_ip import IPS
from opslib.cwli.functions_json import JSON
from opslib.cwli.functions_numbers import NUMBERS
from opslib.cwli.functions_text import TEXTS
from opslib.cwli.functions_time import TIMES

FUNCTIONS: dict[str, Function] = {**GENERAL, **NUMBERS, **TEXTS, **TIMES, **JSON, **IPS}
"""By lower-case name."""

TIME_FUNCTIONS = frozenset({"bin", "datefloor", "dateceil"})
"""Functions whose argument is a duration."""

OTHER_FUNCTIONS = frozenset({"cidrlookup", "unmask"})
"""Functions of CloudWatch that this engine refuses by name."""
