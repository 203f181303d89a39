"""A run folder to one HTML file: the verdict first, then the runbook, then every question asked.

In: a run folder with ``result.json``, ``notebook.ipynb`` and ``evidence/``. Out: the text of
``report.html``, which opens offline, asks nobody for anything and holds no script at all; `pdf`
prints it.

Log text is hostile input. Everything the template prints is masked, made visible and escaped; what
a cell shows as HTML or Markdown passes an allow-list that knows no script, no handler, no remote
picture and no style that could cover the verdict; and the page forbids all of it once more by a
content security policy.

Must not run a notebook, know AWS, or judge. `page` is the whole, `cells` the notebook in it,
`cleaning` the allow-list, `console` the links to the console.
"""

from opslib.report import pdf
from opslib.report.cleaning import clean
from opslib.report.page import WORDS, render

__all__ = ["WORDS", "clean", "pdf", "render"]
