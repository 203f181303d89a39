"""The whole tree, followed: 00-triage, then every notebook its findings name, on one index page.

In: values for 00-triage. Out: a run folder for each notebook, and one of the tree with
``index.html``, which opens offline, and ``index.json``. Every notebook sees the window that
00-triage saw. Runs notebooks through `headless` only; must not know AWS or judge.
"""

from opslib.triage.follow import FIRST, follow
from opslib.triage.index import Outcome
from opslib.triage.members import index_of, page_of, runs_of

__all__ = ["FIRST", "Outcome", "follow", "index_of", "page_of", "runs_of"]
