"""A run folder: named by its run, written whole or not at all, checkable afterwards."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_projects import ROOT

from opslib import run_folder
from opslib.errors import BadInput

AT = datetime(2026, 10, 14, 3, 7, 0, tzinfo=UTC)


def _sealed(out: Path) -> Path:
    folder = run_folder.create(out, started_at=AT, notebook="20-duration", system="ZAEL-demo")
    (folder / "evidence").mkdir()
    run_folder.write(folder / "evidence" / "01-a.csv", "a\n")
    run_folder.write(folder / "report.html", "<p>old</p>")
    return run_folder.seal(folder)


def test_a_folder_is_partial_until_it_is_sealed(tmp_path: Path) -> None:
    folder = run_folder.create(tmp_path, started_at=AT, notebook="20-duration", system="ZAEL-demo")

    sealed = run_folder.seal(folder)

    assert folder.name == "20261014T030700Z-20-duration-ZAEL-demo.partial"
    assert sealed.name == "20261014T030700Z-20-duration-ZAEL-demo"
    assert [path.name for path in tmp_path.iterdir()] == [sealed.name]


def test_runs_of_one_second_get_different_folders(tmp_path: Path) -> None:
    first = run_folder.create(tmp_path, started_at=AT, notebook="20", system="A")
    second = run_folder.create(tmp_path, started_at=AT, notebook="20", system="A")
    run_folder.seal(first)

    third = run_folder.create(tmp_path, started_at=AT, notebook="20", system="A")

    assert second.name == "20261014T030700Z-20-A-2.partial"
    assert third.name == "20261014T030700Z-20-A-3.partial"


def test_runs_that_start_at_once_get_different_folders(tmp_path: Path) -> None:
    at_once = threading.Barrier(8)

    def made_and_sealed(_: int) -> str:
        at_once.wait(60)
        folder = run_folder.create(tmp_path, started_at=AT, notebook="20", system="A")
        run_folder.write_json(folder / "result.json", {})
        return run_folder.seal(folder).name

    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            assert len(set(pool.map(made_and_sealed, range(8)))) == 8

    assert len([*tmp_path.iterdir()]) == 160


def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder = run_folder.create(tmp_path, started_at=AT, notebook="20", system="../../etc pass")

    assert folder.parent == tmp_path
    assert folder.name == "20261014T030700Z-20-..-..-etc-pass-65de2be9.partial"


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInput) as refused:
        run_folder.create(tmp_path / "file" / "runs", started_at=AT, notebook="20", system="A")

    assert str(refused.value) == (
        f"Nothing ran: no run folder can be made in {tmp_path}/file/runs: Not a directory. "
        "Name another one with --out."
    )


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    run_folder.write_json(path, {"verdict": "healthy"})

    with pytest.raises(ValueError, match="Out of range float"):
        run_folder.write_json(path, {"verdict": float("nan")})

    assert json.loads(path.read_text()) == {"verdict": "healthy"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_the_manifest_holds_the_sha256_of_every_other_file(tmp_path: Path) -> None:
    sealed = _sealed(tmp_path)

    manifest = json.loads((sealed / "manifest.json").read_text())

    assert manifest == {
        "schema": 1,
        "run_id": "20261014T030700Z-20-duration-ZAEL-demo",
        "sha256": {
            # printf 'a\n' | sha256sum; printf '<p>old</p>' | sha256sum
            "evidence/01-a.csv": "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7",
            "report.html": "d9cf2422b35b8f3dafe9ae7f7eff7b7349630701989600b60be0d426d1d86ea3",
        },
    }


KILLED = """\
import os, sys
from pathlib import Path
from opslib import run_folder
class Content(str):
    def encode(self):
        os.kill(os.getpid(), 9)
run_folder.write(Path(sys.argv[1]), Content())
"""


def test_what_a_killed_kernel_was_just_writing_is_not_sealed(tmp_path: Path) -> None:
    folder = run_folder.create(tmp_path, started_at=AT, notebook="20-duration", system="ZAEL-demo")
    (folder / "evidence").mkdir()
    subprocess.run(
        [sys.executable, "-c", KILLED, str(folder / "evidence" / "01-a.csv")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    left = len([*(folder / "evidence").iterdir()])

    sealed = run_folder.seal(folder)

    assert left == 1
    assert [*(sealed / "evidence").iterdir()] == []
    assert run_folder.differences(sealed) == []


def test_a_whole_folder_has_no_differences(tmp_path: Path) -> None:
    assert run_folder.differences(_sealed(tmp_path)) == []


def test_what_was_changed_removed_or_added_is_named(tmp_path: Path) -> None:
    sealed = _sealed(tmp_path)
    (sealed / "report.html").write_text("<p>new</p>")
    (sealed / "evidence" / "01-a.csv").unlink()
    (sealed / "evidence" / "02-b.csv").write_text("")

    found = run_folder.differences(sealed)

    assert found == [
        "evidence/01-a.csv is missing.",
        "evidence/02-b.csv was added after the run.",
        "report.html was changed after the run.",
    ]


def test_replacing_one_file_does_not_vouch_for_another(tmp_path: Path) -> None:
    sealed = _sealed(tmp_path)
    (sealed / "evidence" / "01-a.csv").write_text("b\n")

    run_folder.replace_sealed(sealed, "report.html", "<p>new</p>")

    assert run_folder.differences(sealed) == ["evidence/01-a.csv was changed after the run."]


def test_an_unfinished_folder_cannot_be_compared(tmp_path: Path) -> None:
    folder = run_folder.create(tmp_path, started_at=AT, notebook="20", system="A")

    with pytest.raises(BadInput) as refused:
        run_folder.differences(folder)

    assert str(refused.value) == (
        f"Nothing was compared: {folder} has no manifest.json, so that run never finished. "
        "Nothing in it counts as a verdict; run the notebook again."
    )


@pytest.mark.parametrize("text", ["[]", "{}", '{"sha256": []}', "not JSON"])
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    sealed = _sealed(tmp_path)
    (sealed / "manifest.json").write_text(text)

    with pytest.raises(BadInput) as refused:
        run_folder.differences(sealed)

    assert "is not a manifest of opslib" in str(refused.value)


def test_two_names_of_letters_that_no_file_name_holds_stay_two() -> None:
    names = [run_folder.file_name(name) for name in ("数据", "系统", "orders")]

    assert names == ["--5440f742", "--5b50d7c4", "orders"]


def test_json_says_what_a_terminal_would_obey_as_escapes_and_reads_back_the_same(
    tmp_path: Path,
) -> None:
    title = "\x1b[2J\x9b2J\u202eé"

    run_folder.write_json(tmp_path / "result.json", {"title": title})
    run_folder.audit(tmp_path, at="2026-10-14T03:07:00Z", event="x", title=title)

    kept = (tmp_path / "result.json").read_text()
    line = (tmp_path / "audit.jsonl").read_text()
    assert kept == '{\n  "title": "\\u001b[2J\\u009b2J\\u202eé"\n}\n'
    assert json.loads(kept)["title"] == json.loads(line)["title"] == title
    assert "\x9b" not in line
