"""Log files in, rows out: what ``opslib query`` does.

In: the text of a query and the names of files, folders, globs or ``-``. Out: the answer of
`opslib.cwli`, and what of the files could not be read, with file and line. A file's format is
recognised by its content alone. Rooms: ``sources`` finds and opens, ``formats`` recognises,
``json_logs``, ``text_logs``, ``csv_logs`` and ``parquet_logs`` read, ``events`` collects,
``loading`` holds them together, ``printing`` writes rows, ``asking`` runs the query and says what
came of it.

Must not know AWS clients.
"""

from opslib.query.asking import Query, pointed, summary
from opslib.query.loading import Loaded, load
from opslib.query.printing import FORMATS, printed
from opslib.query.sources import awaited, told

__all__ = [
    "FORMATS",
    "Loaded",
    "Query",
    "awaited",
    "load",
    "pointed",
    "printed",
    "summary",
    "told",
]
