"""One system as its params file has it: account, region, functions, queues, thresholds, guard.

In: a name (``sandbox`` is ``params/sandbox.yaml``), a path, or the mapping itself. Out: a validated
`System`. Everything wrong is said before any AWS call, with file, line, key and what is allowed.
Reads that one file and does no other I/O; must not know AWS clients.

``thresholds`` says how values are judged, ``parts`` what stands in a list of the file, ``models``
what holds them together, ``masks`` what its outputs must not hold, ``files`` how a file is read,
``problems`` how it is told what is wrong with it, ``json_schema`` what an editor needs.
"""

from opslib.system.files import load, load_params, read_yaml
from opslib.system.json_schema import schema
from opslib.system.masks import Mask
from opslib.system.model import Environment, Partition, Severity
from opslib.system.models import System
from opslib.system.parts import Alarm, Bucket, Channel, Function, Guard, Queue, Stream, Table
from opslib.system.project import project_root
from opslib.system.thresholds import Level, Threshold, Thresholds

__all__ = [
    "Alarm",
    "Bucket",
    "Channel",
    "Environment",
    "Function",
    "Guard",
    "Level",
    "Mask",
    "Partition",
    "Queue",
    "Severity",
    "Stream",
    "System",
    "Table",
    "Threshold",
    "Thresholds",
    "load",
    "load_params",
    "project_root",
    "read_yaml",
    "schema",
]
