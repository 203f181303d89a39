"""What a cell of a runbook shows: a banner, a table, a plot, a plan, the path, the verdict.

In: plain values and frames. Out: a `Shown`, which Jupyter draws as HTML or as a picture and which
every other reader (a terminal, nbval, a diff) sees as plain text that says the same. All text that
comes from outside is masked and escaped: a log line is hostile input, and may hold a secret. Must
not compute an answer or know AWS.

`shown` is the one place for masks and escaping; `tables`, `verdicts`, `plans` and `paths` each know
one kind of thing.
"""

from opslib.show.paths import hypotheses, tree
from opslib.show.plans import plan, plans
from opslib.show.shown import (
    WORDS,
    Shown,
    banner,
    markdown,
    mask_with,
    masks,
    note,
    picture,
    visible,
)
from opslib.show.tables import MOST_ROWS, facts, table
from opslib.show.verdicts import verdict

__all__ = [
    "MOST_ROWS",
    "WORDS",
    "Shown",
    "banner",
    "facts",
    "hypotheses",
    "markdown",
    "mask_with",
    "masks",
    "note",
    "picture",
    "plan",
    "plans",
    "table",
    "tree",
    "verdict",
    "visible",
]
