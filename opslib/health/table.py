"""The health table of the operations guides as a frame. Does no I/O.

In: `Check` rows, as `functions` and `feeds` make them. Out: a frame of text.
"""

from collections.abc import Iterable

import pandas as pd

from opslib.health.verdicts import Check


def rows(checks: Iterable[Check]) -> pd.DataFrame:
    """Return the health table as a frame of text, one row a check, in the order given."""
    return pd.DataFrame(
        [
            {
                "indicator": check.indicator,
                "value": check.shown,
                "verdict": check.verdict.value,
                "healthy": check.healthy,
                "warning": check.warning,
                "critical": check.critical,
                "note": check.note,
            }
            for check in checks
        ],
        dtype="str",
    )
