"""What a stream's throughput is made of: each setting, its value now, and what changing it does.

In: mappings, shards and room as `opslib.streams` saw them. Out: a frame for people. Does no I/O and
must not judge.

Source: AWS Lambda developer guide, "Using Lambda to process records from DynamoDB streams" and the
Kinesis chapter (ranges, what each does); the aggregator's guide to stream processing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from opslib.streams.mappings import Seen

_COLUMNS = ["source", "setting", "now", "allowed", "more of it", "less of it"]


def tuning(read: Seen, shards: Seen, room: Seen, *, memory_mb: float) -> pd.DataFrame:
    """Return the settings of each stream mapping, one row a setting.

    Parameters
    ----------
    memory_mb
        The function's memory; NaN when it was not seen.

    Returns
    -------
    ``source``, ``setting``, ``now``, ``allowed``, ``more of it``, ``less of it``, all text.
    Empty when no stream mapping was seen.
    """
    rows: list[tuple[str, ...]] = []
    streams = read.rows[read.rows["kind"].isin(["dynamodb", "kinesis"])]
    by_source = shards.rows.set_index("source_arn")
    for mapping in streams.to_dict("records"):
        arn = mapping["source_arn"]
        known = by_source.loc[arn] if arn in by_source.index else None
        kinesis = mapping["kind"] == "kinesis"
        rows += [(str(mapping["source"]), *row) for row in _of_mapping(mapping)]
        rows.append(
            (
                str(mapping["source"]),
                "open shards",
                "not seen" if known is None else str(known["open"]),
                "UpdateShardCount" if kinesis else "by DynamoDB itself",
                "more batches at once, in order by key",
                "-",
            )
        )
    if rows:
        rows += [("the function", *row) for row in _of_function(room, memory_mb)]
    return pd.DataFrame(rows, columns=_COLUMNS, dtype="str")


def _of_mapping(mapping: Mapping[Any, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    def now(name: str, unit: str = "") -> str:
        value = mapping[name]
        return "not seen" if pd.isna(value) else f"{value}{unit}"

    retries = "for ever" if now("retries") == "-1" else now("retries")
    yield (
        "retries",
        retries,
        "0-10,000, -1 for ever",
        "fewer batches given up for what passes by itself",
        "a poison batch holds its shard for a shorter time",
    )
    yield (
        "bisect on error",
        "on" if mapping["bisects"] is True else "off",
        "on, off",
        "a failing batch is halved until the bad record is alone",
        "one bad record takes its whole batch along",
    )
    yield (
        "batch size",
        now("batch"),
        "1-10,000 records",
        "fewer invocations, each longer",
        "each ends sooner; a failure repeats less",
    )
    yield (
        "batching window",
        now("window_s", " s"),
        "0-300 s",
        "fuller batches, records wait for them",
        "records are read at once",
    )
    yield (
        "parallelization factor",
        now("at_once"),
        "1-10",
        "as many batches of a shard at once, in order only by key; no help for one hot key",
        "less concurrency taken",
    )


def _of_function(room: Seen, memory_mb: float) -> Iterator[tuple[str, str, str, str, str]]:
    reserved, shared = "not seen", ""
    if len(room.rows):
        row = room.rows.iloc[0]
        reserved = "none" if pd.isna(row["reserved"]) else str(row["reserved"])
        shared = "" if pd.isna(row["unreserved"]) else f"; {row['unreserved']} are shared"
    yield (
        "reserved concurrency",
        f"{reserved}{shared}",
        "at least open shards x factor",
        "fewer throttles; taken from what others share",
        "fewer at once; 0 stops it",
    )
    yield (
        "memory",
        "not seen" if pd.isna(memory_mb) else f"{memory_mb:.0f} MB",
        "128-10,240 MB",
        "more CPU, which helps what computes and not what waits",
        "cheaper, slower",
    )
