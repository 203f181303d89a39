"""How full shards are: what was written, against what they take, and what they refused."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from opslib.health import Verdict
from opslib.health.shards import fullness, refused_findings
from opslib.streams import Seen, shard_metrics
from opslib.system import Threshold

AT = datetime(2026, 10, 14, 2, 0, tzinfo=UTC)
KINESIS = "arn:aws:kinesis:us-east-1:000000000000:stream/scores"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-10-14T00:00:00.000"
SHARDS = pd.DataFrame({"source_arn": [TABLE, KINESIS], "open": pd.array([4, 2], dtype="Int64")})
NONE = Threshold(critical=0, unit="throttled writes in 5 min", source="the guide")


def _points(**values: list[float]) -> pd.DataFrame:
    """Make points a minute apart; a name's underscores are blanks, its stream is added."""
    rows = [
        (f"{name.replace('_', ' ')} of scores", AT + timedelta(minutes=place), value)
        for name, told in values.items()
        for place, value in enumerate(told)
    ]
    points = pd.DataFrame(rows, columns=["metric", "at", "value"])
    return points.astype({"metric": "str", "at": "datetime64[ns, UTC]", "value": "float64"})


def test_a_stream_is_as_full_as_its_fullest_period() -> None:
    # 2 shards take 2,000 records and 2 MB a second.
    points = _points(records=[6_000, 90_000, 30_000], bytes=[3e6, 30e6, 12e6], refused_reads=[7])

    full = fullness(points, SHARDS, period_s=60)

    assert full.to_dict("records") == [
        {
            "stream": "scores",
            "open": 2,
            "records_per_s": 1_500.0,
            "records_pct": 75.0,
            "mb_per_s": 0.5,
            "bytes_pct": 25.0,
            "refused_writes": 0.0,
            "refused_reads": 7.0,
        }
    ]


def test_what_was_not_published_is_missing_and_not_zero() -> None:
    full = fullness(_points(), SHARDS, period_s=60)

    assert full[["records_pct", "bytes_pct"]].isna().all(axis=None)
    assert full["refused_writes"].tolist() == [0.0]
    assert refused_findings(full, _points(), period_s=60, threshold=NONE) == []


def test_the_stream_of_a_table_has_no_such_limit() -> None:
    full = fullness(_points(), SHARDS[:1], period_s=60)

    assert full.empty
    assert full["records_pct"].dtype == "float64"


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (114_000, "At its fullest it took 95 % of what its 2 open shards can. More is written"),
        (12_000, "At its fullest it took 10 % of what its 2 open shards can. There was room"),
    ],
)
def test_refused_records_are_of_too_few_shards_or_of_one_key(records: float, said: str) -> None:
    points = _points(records=[records], refused_writes=[0, 0, 30, 0, 12])

    (finding,) = refused_findings(
        fullness(points, SHARDS, period_s=60), points, period_s=60, threshold=NONE
    )

    assert (finding.id, finding.severity) == ("stream.write-throttled", Verdict.CRITICAL)
    assert (finding.title, finding.subject) == ("scores refused 42 records", "scores")
    assert finding.detail.startswith(said)
    assert finding.evidence == ("refused writes of scores",)
    assert finding.since == AT + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("refused", "severity"),
    [([4, 6, 0, 0, 0, 10], Verdict.WARNING), ([4, 6, 1, 0, 0, 10], Verdict.CRITICAL)],
)
def test_refused_records_of_five_minutes_count_together(
    refused: list[float], severity: Verdict
) -> None:
    points = _points(refused_writes=refused)
    limit = Threshold(warning=1, critical=10, unit=NONE.unit, source="the guide")

    (finding,) = refused_findings(
        fullness(points, SHARDS, period_s=60), points, period_s=60, threshold=limit
    )

    assert finding.severity is severity


def test_only_kinesis_is_asked_how_full_it_is() -> None:
    wanted = shard_metrics(Seen(SHARDS), period_s=300)

    assert [(each.name, each.metric, each.dimensions, each.stat) for each in wanted] == [
        ("records of scores", "IncomingRecords", {"StreamName": "scores"}, "Sum"),
        ("bytes of scores", "IncomingBytes", {"StreamName": "scores"}, "Sum"),
        (
            "refused writes of scores",
            "WriteProvisionedThroughputExceeded",
            {"StreamName": "scores"},
            "Sum",
        ),
        (
            "refused reads of scores",
            "ReadProvisionedThroughputExceeded",
            {"StreamName": "scores"},
            "Sum",
        ),
    ]
    assert {(each.namespace, each.period_s) for each in wanted} == {("AWS/Kinesis", 300)}
