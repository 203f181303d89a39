"""How full the shards of a Kinesis stream are, and what they refused.

In: points of metrics by the names that `opslib.streams.shard_metrics` gives them, and shards as
`opslib.streams.shards` saw them. Out: a frame for people, and findings. Does no I/O.

A period's sum by its seconds is an average: seconds that were fuller are in none of these numbers,
and neither is how records fall on shards. Refused records show both.

Sources
-------
A shard takes 1,000 records and 1 MB a second of writes: Kinesis Data Streams developer guide,
quotas and limits; operations guide of vf-api-workers, Kinesis Shard Calculation.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opslib.frames import frame
from opslib.health.series import in_five_minutes
from opslib.health.verdicts import Finding, Verdict, judge, number, points_of
from opslib.system import Threshold

RECORDS_A_SECOND = 1_000
BYTES_A_SECOND = 1_000_000
# Below this much of the limit, what is refused falls on few shards or in few seconds.
_FULL_PCT = 80.0
_FIVE_MINUTES_S = 300
_COLUMNS = {
    "stream": "string",
    "open": "Int64",
    "records_per_s": "float64",
    "records_pct": "float64",
    "mb_per_s": "float64",
    "bytes_pct": "float64",
    "refused_writes": "float64",
    "refused_reads": "float64",
}


def fullness(points: pd.DataFrame, shards: pd.DataFrame, *, period_s: int) -> pd.DataFrame:
    """Return what was written to each Kinesis stream, against what its open shards take.

    Parameters
    ----------
    points
        ``metric``, ``at``, ``value``, named as `opslib.streams.shard_metrics` does.
    shards
        ``source_arn``, ``open``.
    period_s
        Length of a point.

    Returns
    -------
    One row a Kinesis stream: ``stream``, ``open`` (shards now), ``records_per_s`` and ``mb_per_s``
    (of the fullest period), ``records_pct`` and ``bytes_pct`` (of what the open shards take),
    ``refused_writes`` (records) and ``refused_reads`` (calls), both in the whole window. What was
    not published is missing, and of what was refused none. Empty without a Kinesis stream.
    """
    rows: list[Mapping[str, object]] = []
    for row in shards[shards["source_arn"].str.contains(":kinesis:", na=False)].to_dict("records"):
        name = str(row["source_arn"]).rpartition("/")[2]
        records = _values(points, f"records of {name}").max() / period_s
        sent = _values(points, f"bytes of {name}").max() / period_s
        rows.append(
            {
                "stream": name,
                "open": row["open"],
                "records_per_s": records,
                "records_pct": records / (row["open"] * RECORDS_A_SECOND) * 100,
                "mb_per_s": sent / 1_000_000,
                "bytes_pct": sent / (row["open"] * BYTES_A_SECOND) * 100,
                "refused_writes": _values(points, f"refused writes of {name}").sum(),
                "refused_reads": _values(points, f"refused reads of {name}").sum(),
            }
        )
    return frame(rows, _COLUMNS)


def refused_findings(
    full: pd.DataFrame,
    points: pd.DataFrame,
    *,
    period_s: int,
    threshold: Threshold,
) -> list[Finding]:
    """Return a finding for each stream that refused records.

    Parameters
    ----------
    full
        As `fullness` returns it.
    threshold
        Of refused records in 5 minutes.
    """
    found = []
    for row in full.to_dict("records"):
        refused = points[points["metric"] == f"refused writes of {row['stream']}"]
        width_s = max(period_s, _FIVE_MINUTES_S)
        bins = refused["value"].groupby(refused["at"].dt.floor(f"{width_s}s")).sum()
        per_bin = points_of(bins.rename("value").reset_index(), "value")
        severity = judge(in_five_minutes(per_bin, threshold, period_s=width_s), threshold)
        if severity in (Verdict.HEALTHY, Verdict.UNKNOWN):
            continue
        found.append(
            Finding(
                id="stream.write-throttled",
                severity=severity,
                title=f"{row['stream']} refused {row['refused_writes']:,.0f} records",
                detail=_said(row),
                subject=str(row["stream"]),
                evidence=(f"refused writes of {row['stream']}",),
                since=refused.loc[refused["value"] > 0, "at"].min().to_pydatetime(),
            )
        )
    return found


def _said(row: Mapping[Any, Any]) -> str:
    """Say how full it was, and so whether more shards would mend it."""
    fullest = pd.Series([row["records_pct"], row["bytes_pct"]], dtype="float64").max()
    many = f"{row['open']} open shard{'s' if row['open'] != 1 else ''}"
    if pd.isna(fullest):
        return f"How much was written to its {many} was not published."
    told = f"At its fullest it took {number(fullest)} % of what its {many} can."
    if fullest >= _FULL_PCT:
        return f"{told} More is written than they take: more shards would."
    return (
        f"{told} There was room on the whole: one key takes one shard, which more shards do not "
        "mend, or it came in bursts of seconds."
    )


def _values(points: pd.DataFrame, name: str) -> "pd.Series[float]":
    return points.loc[points["metric"] == name, "value"].astype("float64")
