"""Every query of both operations guides, as printed there, on lines the real aggregator printed."""

import json
from pathlib import Path
from typing import Any

from opslib import cwli

RECORDED: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "fixtures" / "recorded.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]

ERRORS = r"""
fields @timestamp, @message
| filter @message like /ERROR/
| sort @timestamp desc
| limit 50
"""

DURATION = r"""
fields @timestamp, @message
| filter @message like /Batch processing completed/
| parse @message /processing_time_ms":(?<duration>[\d.]+)/
| stats avg(duration) as avg_ms,
        pct(duration, 50) as p50_ms,
        pct(duration, 95) as p95_ms,
        pct(duration, 99) as p99_ms
  by bin(1h)
| sort @timestamp desc
"""

COLD_STARTS = r"""
fields @timestamp, @message, @duration
| filter @type = "REPORT"
| filter @message like /Init Duration/
| parse @message /Init Duration: (?<init_duration>[\d.]+) ms/
| stats count() as cold_starts,
        avg(init_duration) as avg_init_ms
  by bin(1h)
"""

WORKER_ERRORS = """
fields @timestamp, @message
| filter @message like /ERROR/
| sort @timestamp desc
"""

WORKER_COUNTS = """
fields @timestamp, count.in, count.out, count.failed
| filter @message like /count/
| sort @timestamp desc
"""

WORKER_CAMPAIGN = """
fields @timestamp, @message
| filter campaignId = "12345"
| sort @timestamp desc
"""


def event(timestamp: int, message: str) -> dict[str, Any]:
    return {"timestamp": timestamp, "message": message}


def without_ptr(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "@ptr"} for row in rows]


def test_the_error_query_finds_nothing_because_error_count_is_no_error() -> None:
    rows = cwli.query(ERRORS, RECORDED)

    assert rows == []


def test_the_error_query_finds_a_line_that_says_error() -> None:
    line = "[ERROR] 2026-11-22T01:40:00.000Z Task failed"

    rows = cwli.query(ERRORS, [*RECORDED, event(1_795_311_600_000, line)])

    assert without_ptr(rows) == [{"@timestamp": "2026-11-22 01:40:00.000", "@message": line}]


def test_the_guides_duration_query_finds_no_duration() -> None:
    rows = cwli.query(DURATION, RECORDED)

    # The seven events are there; the pattern lacks the blank that json.dumps puts after the colon.
    assert rows == [{"bin(1h)": "2026-11-22 01:00:00.000"}]


def test_the_duration_query_with_a_blank_finds_the_durations() -> None:
    corrected = DURATION.replace('_ms":(', r'_ms":\s*(')

    rows = cwli.query(corrected, RECORDED)

    # 4.34 4.35 4.37 4.4 186.16 234.98 1081.76: the sum is 1520.36;
    # p95 is 234.98 + 0.7 * 846.78, p99 is 234.98 + 0.94 * 846.78.
    assert rows == [
        {
            "bin(1h)": "2026-11-22 01:00:00.000",
            "avg_ms": "217.1943",
            "p50_ms": "4.4",
            "p95_ms": "827.726",
            "p99_ms": "1030.9532",
        }
    ]


def test_the_duration_query_on_the_discovered_field_says_the_same() -> None:
    discovered = """
        filter message = "Batch processing completed"
        | stats avg(processing_time_ms) as avg_ms, pct(processing_time_ms, 95) as p95_ms
          by bin(1h)
    """

    rows = cwli.query(discovered, RECORDED)

    assert rows == [
        {"bin(1h)": "2026-11-22 01:00:00.000", "avg_ms": "217.1943", "p95_ms": "827.726"}
    ]


def test_the_cold_start_query_finds_none_in_an_emulator_that_reports_none() -> None:
    rows = cwli.query(COLD_STARTS, RECORDED)

    assert rows == []


def test_the_cold_start_query_counts_reports_with_an_init_duration() -> None:
    report = RECORDED[6]["message"]
    cold = [
        event(1_795_311_160_000, report + "\tInit Duration: 400.5 ms\t\n"),
        event(1_795_311_161_000, report + "\tInit Duration: 500.25 ms\t\n"),
        event(1_795_314_800_000, report + "\tInit Duration: 300 ms\t\n"),
    ]

    rows = cwli.query(COLD_STARTS, [*RECORDED, *cold])

    assert rows == [
        {"bin(1h)": "2026-11-22 02:00:00.000", "cold_starts": "1", "avg_init_ms": "300"},
        {"bin(1h)": "2026-11-22 01:00:00.000", "cold_starts": "2", "avg_init_ms": "450.375"},
    ]


def test_the_workers_error_query_finds_what_the_aggregators_finds() -> None:
    line = '{"level": "ERROR", "msg": "slack"}'

    rows = cwli.query(WORKER_ERRORS, [*RECORDED, event(1_795_311_600_000, line)])

    assert without_ptr(rows) == [{"@timestamp": "2026-11-22 01:40:00.000", "@message": line}]


def test_the_workers_count_query_shows_times_alone_where_nothing_counts_in_and_out() -> None:
    rows = cwli.query(WORKER_COUNTS, RECORDED)

    assert without_ptr(rows) == [
        {"@timestamp": "2026-11-22 01:32:36.117"},
        {"@timestamp": "2026-11-22 01:32:36.117"},
        {"@timestamp": "2026-11-22 01:32:36.117"},
        {"@timestamp": "2026-11-22 01:32:36.117"},
        {"@timestamp": "2026-11-22 01:32:36.103"},
        {"@timestamp": "2026-11-22 01:32:36.088"},
        {"@timestamp": "2026-11-22 01:32:36.074"},
        {"@timestamp": "2026-11-22 01:32:36.058"},
        {"@timestamp": "2026-11-22 01:32:35.811"},
        {"@timestamp": "2026-11-22 01:32:34.713"},
        {"@timestamp": "2026-11-22 01:32:34.713"},
        {"@timestamp": "2026-11-22 01:32:34.713"},
        {"@timestamp": "2026-11-22 01:32:34.713"},
    ]


def test_the_workers_count_query_shows_nested_counts() -> None:
    line = '{"count": {"in": 12, "out": 11, "failed": 1}}'

    rows = cwli.query(WORKER_COUNTS, [event(1_795_311_600_000, line)])

    assert without_ptr(rows) == [
        {
            "@timestamp": "2026-11-22 01:40:00.000",
            "count.in": "12",
            "count.out": "11",
            "count.failed": "1",
        }
    ]


def test_the_workers_campaign_query_matches_the_id_as_text_and_as_number() -> None:
    lines = ['{"campaignId": "12345"}', '{"campaignId": 12345}', '{"campaignId": "123456"}']
    campaigns = [event(1_795_311_600_000 + i, line) for i, line in enumerate(lines)]

    rows = cwli.query(WORKER_CAMPAIGN, [*RECORDED, *campaigns])

    assert without_ptr(rows) == [
        {"@timestamp": "2026-11-22 01:40:00.001", "@message": '{"campaignId": 12345}'},
        {"@timestamp": "2026-11-22 01:40:00.000", "@message": '{"campaignId": "12345"}'},
    ]


def test_report_lines_of_the_recording_give_their_durations() -> None:
    rows = cwli.query(
        'filter @type = "REPORT" | stats count(*) as n, max(@duration) as longest, '
        "pct(@duration, 50) as p50, max(@memorySize) / 1000 / 1000 as mb",
        RECORDED,
    )

    # Durations 13 14 14 15 246 897 1097.
    assert rows == [{"n": "7", "longest": "1097", "p50": "15", "mb": "256"}]
