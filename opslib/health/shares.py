"""Where an invocation's time goes, and what more memory would cost. Does no I/O.

In: sums of durations, in milliseconds. Out: small frames for people. These are bounds and
assumptions, said as such, never measurements of what was not measured.

Sources
-------
GB-seconds: memory in GB (1,024 MB) times billed seconds (Lambda developer guide, pricing). Price of
a GB-second, on demand, first tier, us-east-1, as published in 2024: 0.0000166667 USD on x86_64,
0.0000133334 USD on arm64 (https://aws.amazon.com/lambda/pricing/). No other region's is assumed.
CPU comes with memory (Lambda developer guide, configuring memory).
"""

from datetime import timedelta

import pandas as pd

_USD = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
_PRICED = "us-east-1"
_DAY = timedelta(days=1)


def time_shares(
    *, invoked_ms: float, in_batches_ms: float, at_table_ms: float | None
) -> pd.DataFrame:
    """Say how much of the invocations' time was in their batches, and at most at the table.

    Parameters
    ----------
    invoked_ms
        All durations together.
    in_batches_ms
        What the function's own lines state as time in batches; NaN when it writes none.
    at_table_ms
        All the time that DynamoDB took for answers about the function's table, whoever asked: no
        more can have been the function's. Without the network, and without waits between tries.
        None when not seen.

    Returns
    -------
    ``part`` (string), ``total_ms``, ``share_pct`` (float64, of all durations; NaN when not known).
    """
    parts = {
        "all invocations": invoked_ms,
        "in their batches": in_batches_ms,
        "outside of batches": invoked_ms - in_batches_ms,
        "answers of the table, at most": float("nan") if at_table_ms is None else at_table_ms,
    }
    whole = invoked_ms or float("nan")
    return pd.DataFrame(
        {
            "part": pd.Series(list(parts), dtype="string"),
            "total_ms": pd.Series(list(parts.values()), dtype="float64"),
            "share_pct": pd.Series([ms / whole * 100 for ms in parts.values()], dtype="float64"),
        }
    )


def memory_costs(
    *, billed_ms: float, memory_mb: float, length: timedelta, architecture: str, region: str
) -> pd.DataFrame:
    """Estimate what the invocations cost now and with twice the memory.

    Parameters
    ----------
    billed_ms
        All billed durations of the window together.
    length
        Of the window; the estimate is for a day of the same.
    architecture
        ``x86_64`` or ``arm64``.

    Returns
    -------
    ``case`` (string), ``memory_mb``, ``gb_seconds_a_day``, ``usd_a_day`` (float64; NaN where no
    price is known). As it is; twice the memory when all the time is computing, so that it takes
    half as long; twice the memory when all of it is waiting, so that it takes as long as before.
    The truth lies between the last two. Empty when nothing was billed or the memory is not known.
    """
    days = length / _DAY
    price = _USD.get(architecture, float("nan")) if region == _PRICED else float("nan")
    rows = []
    for case, times, slower in (
        ("as it is", 1, 1.0),
        ("twice the memory, if it computes all the time", 2, 0.5),
        ("twice the memory, if it waits all the time", 2, 1.0),
    ):
        used = billed_ms / 1000 * slower * memory_mb * times / 1024 / days
        rows.append((case, memory_mb * times, used, used * price))
    columns = ["case", "memory_mb", "gb_seconds_a_day", "usd_a_day"]
    known = billed_ms > 0 and memory_mb > 0
    return pd.DataFrame(rows if known else [], columns=columns).astype(
        {"case": "string", **dict.fromkeys(columns[1:], "float64")}
    )
