"""Invocations that were cut off: which, their last words, and what a timeout would have to be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from opslib.health import cutoffs
from opslib.system import Thresholds

A, B, C = (f"3a753edf-e680-4612-b024-f0df8c7a51e{n}" for n in "abc")
AT = datetime(2026, 10, 14, 2, 17, 16, tzinfo=UTC)


def _report(request_id: str, more: str, *, used: int = 97) -> str:
    return (
        f"REPORT RequestId: {request_id}\tDuration: 2000.00 ms\tBilled Duration: 2000 ms\t"
        f"Memory Size: 256 MB\tMax Memory Used: {used} MB\t{more}\n"
    )


def _lines(*rows: tuple[str, str], status: str = "", stream: str = "s") -> pd.DataFrame:
    texts = {
        "stream": [stream] * len(rows),
        "shape": [shape for shape, _ in rows],
        "status": [status] * len(rows),
        "error_type": [""] * len(rows),
        "said": [said for _, said in rows],
    }
    at = pd.date_range(AT, periods=len(rows), freq="1s")
    return pd.DataFrame({"at": at, **texts}).astype(dict.fromkeys(texts, "string"))


def test_two_lines_about_one_invocation_are_one_row() -> None:
    cuts = cutoffs.cut_off(
        _lines(
            ("", f"2026-10-14T02:17:16.645Z {A} Task timed out after 2.00 seconds\n"),
            ("REPORT", _report(A, "Status: timeout")),
            ("REPORT", _report(B, "")),
        )
    )

    assert cuts[["request_id", "how", "worked_ms", "used_mb"]].to_numpy().tolist() == [
        [A, "timeout", 2000.0, 97.0]
    ]


def test_an_older_runtime_and_a_json_log_tell_of_it_too() -> None:
    old = cutoffs.cut_off(
        _lines(("", f"2026-10-14T02:17:16Z {A} Task timed out after 3.00 seconds"))
    )
    line = '{"record":{"requestId":"' + B + '","metrics":{"durationMs":2000.5}}}'
    in_json = cutoffs.cut_off(_lines(("platform.report", line), status="timeout"))

    assert old[["request_id", "worked_ms"]].to_numpy().tolist() == [[A, 3000.0]]
    assert in_json[["request_id", "worked_ms"]].to_numpy().tolist() == [[B, 2000.5]]


def test_a_kill_for_lack_of_memory_is_told_apart() -> None:
    cuts = cutoffs.cut_off(
        _lines(
            ("", f"RequestId: {A} Error: Runtime exited with error: signal: killed\n"),
            ("REPORT", _report(A, "Status: error\tError Type: Runtime.ExitError", used=256)),
            ("REPORT", _report(B, "Status: error\tError Type: Runtime.ExitError", used=90)),
        )
    )

    assert cuts[["request_id", "how"]].to_numpy().tolist() == [[A, "out of memory"]]


def test_a_failed_init_and_an_application_that_quotes_the_words_are_not_cut_off() -> None:
    cuts = cutoffs.cut_off(
        _lines(
            ("", "INIT_REPORT Init Duration: 10000.20 ms\tPhase: init\tStatus: timeout\n"),
            ("", f"[ERROR]\t2026-10-14T02:17:16Z\t{C}\tpeer said: Task timed out after 3 s"),
        )
    )

    assert list(cuts) == ["at", "request_id", "stream", "how", "worked_ms", "used_mb"]
    assert cuts.empty


def _cuts(*worked_ms: float, stream: str = "s") -> pd.DataFrame:
    said = [
        ("", f"2026-10-14T02:17:16Z {A[:-1]}{n} Task timed out after {each / 1000:.2f} seconds")
        for n, each in enumerate(worked_ms)
    ]
    return cutoffs.cut_off(_lines(*said, stream=stream))


def _said(*rows: tuple[float, str, str, int | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "at": pd.to_datetime([AT.timestamp() + s for s, _, _, _ in rows], unit="s", utc=True),
            "stream": pd.Series([stream for _, stream, _, _ in rows], dtype="string"),
            "said": pd.Series([said for _, _, said, _ in rows], dtype="string"),
            "records": pd.Series([count for _, _, _, count in rows], dtype="Int64"),
        }
    )


def test_the_last_line_is_of_the_same_stream_and_of_the_same_invocation() -> None:
    told = cutoffs.last_words(
        _cuts(2000.0),
        _said(
            (-3.0, "s", "of the one before", 9),
            (-1.9, "s", "Batch processing started", 4),
            (-1.5, "s", "Snapshot updated", None),
            (-0.1, "other", "of another environment", None),
        ),
    )

    assert told[["said_last", "records", "silent_ms"]].to_numpy().tolist() == [
        ["Snapshot updated", 4, 1500.0]
    ]


def test_an_invocation_that_said_nothing_has_no_last_line() -> None:
    told = cutoffs.last_words(_cuts(2000.0), _said())

    assert told["said_last"].isna().tolist() == [True]
    assert told["records"].isna().tolist() == [True]


def test_stream_names_stand_in_a_query_quoted_and_each_once() -> None:
    assert cutoffs.streams_of(_cuts(2000.0, 2000.0, stream='a"b[$LATEST]')) == (
        '["a\\"b[$LATEST]"]'
    )
    assert cutoffs.streams_of(_cuts()) == '[""]'


@pytest.mark.parametrize(
    ("timeout_ms", "longest_ms", "enough"),
    [
        (2000.0, 2300.0, 5),
        (2000.0, None, 4),
        (2000.0, float("nan"), 4),
        (10_000.0, 640.0, 20),
        (600_000.0, None, 900),
        (900_000.0, None, None),
        (float("nan"), 2300.0, None),
    ],
)
def test_a_timeout_is_twice_what_it_has_to_hold(
    timeout_ms: float, longest_ms: float | None, enough: int | None
) -> None:
    assert cutoffs.enough_s(timeout_ms=timeout_ms, longest_ms=longest_ms) == enough


def _finding(
    *, invocations: float | None = 50, deployed_at: datetime | None = None, before: float = 640.0
) -> tuple[str, str, str]:
    (finding,) = cutoffs.cut_off_findings(
        _cuts(2000.0, 2000.0),
        invocations=invocations,
        timeout_ms=2000.0,
        longest_before_ms=before,
        thresholds=Thresholds(),
        subject="f",
        deployed_at=deployed_at,
    )
    return finding.id, finding.severity.value, finding.detail


def test_what_was_cut_off_is_judged_by_its_share() -> None:
    assert _finding()[:2] == ("errors.timeout", "critical")
    assert _finding(invocations=1000)[:2] == ("errors.timeout", "warning")
    assert _finding(invocations=None)[:2] == ("errors.timeout", "warning")


def test_a_change_before_the_first_is_named_and_one_that_lowered_the_timeout_too() -> None:
    changed = AT.replace(minute=10)

    assert _finding()[2].endswith("No deployment of the function was seen in this window.")
    assert (
        "All of them after the change of 2026-10-14 02:10 UTC" in _finding(deployed_at=changed)[2]
    )
    assert "was lowered" not in _finding(deployed_at=changed)[2]
    assert (
        "2.3 s, more than the timeout allows now: the timeout was lowered"
        in _finding(deployed_at=changed, before=2300.0)[2]
    )
    assert "They began before the change" in _finding(deployed_at=AT.replace(minute=30))[2]


def test_what_is_cut_off_in_bursts_says_in_how_many_minutes_it_was_seen() -> None:
    cuts = pd.concat([_cuts(2000.0)] * 6, ignore_index=True)
    cuts["at"] = [AT + timedelta(minutes=each) for each in (0, 1, 20, 21, 40, 41)]

    (finding,) = cutoffs.cut_off_findings(
        cuts,
        invocations=50,
        timeout_ms=2000.0,
        longest_before_ms=None,
        thresholds=Thresholds(),
        subject="f",
    )

    assert finding.detail.endswith(" Seen in 6 of 42 minutes, in 3 bursts.")


def test_nothing_cut_off_is_no_finding() -> None:
    found = cutoffs.cut_off_findings(
        _cuts(),
        invocations=50,
        timeout_ms=2000.0,
        longest_before_ms=None,
        thresholds=Thresholds(),
        subject="f",
    )

    assert found == []


def test_a_table_that_refuses_writes_is_named_as_what_they_wait_for() -> None:
    at = pd.date_range(AT, periods=2, freq="1min")

    told: dict[str, Any] = {"table": "t", "looked_until": AT + timedelta(minutes=10)}

    finding = cutoffs.refused_finding(pd.DataFrame({"at": at, "value": [0.0, 7.0]}), **told)

    assert finding is not None
    assert (finding.id, finding.title) == ("dynamodb.write-throttled", "t refused 7 writes")
    assert finding.since == AT.replace(minute=18)
    assert finding.detail.endswith(
        "a longer timeout mends nothing, and more memory only what is killed for lack of it."
    )
    assert finding.until is None
    assert cutoffs.refused_finding(pd.DataFrame({"at": at, "value": [0.0, 0.0]}), **told) is None


def test_a_table_that_refused_writes_until_some_minute_says_so_to_that_minute() -> None:
    at = pd.date_range(AT, periods=2, freq="1min")
    looked_until = AT + timedelta(minutes=30)

    finding = cutoffs.refused_finding(
        pd.DataFrame({"at": at, "value": [3.0, 7.0]}), table="t", looked_until=looked_until
    )

    assert finding is not None
    assert finding.title == "t refused 10 writes until 2026-10-14 02:19 UTC"
    assert finding.until == AT + timedelta(minutes=2)
    assert finding.detail.endswith(
        "None was seen after 2026-10-14 02:19 UTC; what followed was looked at until "
        "2026-10-14 02:47 UTC."
    )
