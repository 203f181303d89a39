"""The kernel's half of the run folder."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from opslib.evidence import Folder
from opslib.masking import Masks

ROWS = pd.DataFrame({"p95_ms": [1.5, 2.5], "part": ["before", "after"]})


def test_an_answer_is_kept_as_parquet_csv_text_and_receipt(tmp_path: Path) -> None:
    folder = Folder(tmp_path)

    folder.keep("durations, before", ROWS, text="stats count(*)\n", receipt={"rows": 2})

    kept = tmp_path / "evidence"
    assert sorted(path.name for path in kept.iterdir()) == [
        "01-durations-before.csv",
        "01-durations-before.json",
        "01-durations-before.parquet",
        "01-durations-before.txt",
    ]
    assert (kept / "01-durations-before.csv").read_text() == "p95_ms,part\n1.5,before\n2.5,after\n"
    assert (kept / "01-durations-before.txt").read_text() == "stats count(*)\n"
    assert json.loads((kept / "01-durations-before.json").read_text()) == {"rows": 2}
    assert pd.read_parquet(kept / "01-durations-before.parquet").to_dict("list") == {
        "p95_ms": [1.5, 2.5],
        "part": ["before", "after"],
    }


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    Folder(tmp_path).keep("../../etc/x", ROWS, text="", receipt={})

    assert {path.parent for path in tmp_path.rglob("*.csv")} == {tmp_path / "evidence"}


def test_the_result_is_replaced_whole(tmp_path: Path) -> None:
    folder = Folder(tmp_path)

    folder.write_result({"verdict": "unknown"})
    folder.write_result({"verdict": "healthy"})

    assert json.loads((tmp_path / "result.json").read_text()) == {"verdict": "healthy"}
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_result_with_a_number_that_is_none_is_refused_and_the_old_one_stays(
    tmp_path: Path,
) -> None:
    folder = Folder(tmp_path)
    folder.write_result({"value": 1})

    with pytest.raises(ValueError, match="Out of range float values"):
        folder.write_result({"value": float("nan")})

    assert json.loads((tmp_path / "result.json").read_text()) == {"value": 1}


def test_without_a_run_folder_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPSLIB_RUN_DIR", raising=False)
    monkeypatch.chdir(tmp_path)

    folder = Folder.of_this_process()
    folder.keep("durations", ROWS, text="", receipt={})
    folder.write_result({})

    assert list(tmp_path.iterdir()) == []


def test_the_run_folder_is_the_one_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSLIB_RUN_DIR", str(tmp_path))

    Folder.of_this_process().write_result({"schema": 1})

    assert json.loads((tmp_path / "result.json").read_text()) == {"schema": 1}


def test_secrets_do_not_reach_the_disk_and_the_kept_rows_come_back(tmp_path: Path) -> None:
    rows = pd.DataFrame({"@message": ["password=hunter2"], "body": ["order 7 of Alice"]})
    secret = "password=hunter2"

    folder = Folder(tmp_path)
    kept = folder.keep(secret, rows, text=secret, receipt={"name": secret})
    folder.write_result({"verdict": "unknown", "limits": [{"what": secret}]})

    assert kept.to_dict("list") == {
        "@message": ["password=[masked: password]"],
        "body": ["[masked: payload]"],
    }
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 5
    assert [path.name for path in files if b"hunter2" in path.read_bytes()] == []
    assert [path.name for path in files if b"Alice" in path.read_bytes()] == []
    assert [path.name for path in files if "hunter2" in path.name] == []


def test_rows_are_masked_without_a_folder_too() -> None:
    kept = Folder(None).keep("x", pd.DataFrame({"m": ["pwd=a"]}), text="", receipt={})

    assert kept["m"].tolist() == ["pwd=[masked: password]"]


def test_a_folder_takes_the_masks_of_a_system(tmp_path: Path) -> None:
    folder = Folder(tmp_path, masks=Masks([("order", r"order-\d+")]))

    kept = folder.keep("x", pd.DataFrame({"m": ["order-7"]}), text="", receipt={})

    assert kept["m"].tolist() == ["[masked: order]"]


def test_csv_is_read_and_not_obeyed_and_parquet_stays_exact(tmp_path: Path) -> None:
    hostile = [
        '=HYPERLINK("https://evil.example","x")',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1+1",
        "\x1b]0;owned\x07\x1b[2J",
        "\x9b2J a\u202eb",
        'plain, with "quotes" and a\nline = 1',
    ]
    rows = pd.DataFrame({"@message": hostile})

    Folder(tmp_path).keep("lines", rows, text="", receipt={})

    with (tmp_path / "evidence" / "01-lines.csv").open(newline="") as file:
        heading, *cells = [row[0] for row in csv.reader(file)]
    assert heading == "@message"
    assert cells == [
        '\'=HYPERLINK("https://evil.example","x")',
        "'+1+cmd|' /C calc'!A0",
        "'-2+3",
        "'@SUM(A1)",
        "'\t=1",
        "␍=1",
        "'\n=1",
        "'＝1+1",
        "␛]0;owned␇␛[2J",
        "�2J a⟨U+202E⟩b",
        'plain, with "quotes" and a\nline = 1',
    ]
    kept = pd.read_parquet(tmp_path / "evidence" / "01-lines.parquet")
    assert kept["@message"].tolist() == hostile


def test_numbers_of_a_csv_stay_numbers_negative_ones_too(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "change_ms": [-1.5, None],
            "count": [-2, 3],
            "at": pd.to_datetime(["2026-10-14T00:07:00Z", ""]),
            "text": ["-12.5e3", "-"],
            "word": pd.Series(["+5", None], dtype="string"),
        }
    )

    Folder(tmp_path).keep("changes", rows, text="", receipt={})

    assert (tmp_path / "evidence" / "01-changes.csv").read_text() == (
        "change_ms,count,at,text,word\n-1.5,-2,2026-10-14 00:07:00+00:00,-12.5e3,+5\n,3,,'-,\n"
    )
