"""`opslib sandbox`: standard output is for the shell, standard error for a person who watches."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from opslib.sandbox import launcher
from opslib.sandbox.commands import sandbox as command
from opslib.sandbox.record import State


@pytest.fixture
def root(project_root: Path) -> Iterator[Path]:
    yield project_root
    launcher.down(project_root / "runs" / "sandbox")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_up_prints_exports_only_and_keeps_its_files_in_runs(root: Path) -> None:
    result = _run("up", "--scenario", "empty", "--at", "2026-10-14T09:30:00Z")

    lines = result.stdout.splitlines()
    status = launcher.status(root / "runs" / "sandbox")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert {line.split()[0] for line in lines} == {"unset", "export"}
    assert status.sandbox is not None
    assert f"export AWS_ENDPOINT_URL={status.sandbox.endpoint}" in lines
    assert status.record is not None
    assert status.record.clock == "2026-10-14T09:30:00+00:00"


def test_status_says_what_runs_by_its_code_too(root: Path) -> None:
    before = _run("status")
    _run("up", "--scenario", "empty")
    during = _run("status")
    _run("down")
    after = _run("status")

    assert [result.exit_code for result in (before, during, after)] == [3, 0, 3]
    assert before.stdout == "No sandbox is up.\n"
    assert during.stdout.startswith("The sandbox is up: scenario empty, clock live, since ")
    assert not (root / "runs" / "sandbox").exists()


def _down_while_a_person_watches() -> str:
    """Run it with a terminal for its standard error; give what the terminal showed."""
    terminal, its_end = os.openpty()
    try:
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from opslib.sandbox.commands import sandbox; sandbox()",
                "down",
            ],
            cwd=Path(__file__).parents[2],
            stderr=its_end,
            timeout=120,
            check=True,
        )
        # A line of ours, so that there is an end to read to.
        os.write(its_end, b"over\n")
        shown = b""
        while not shown.endswith(b"over\r\n"):
            shown += os.read(terminal, 10_000)
        return shown.decode().replace("\r\n", "\n").removesuffix("over\n")
    finally:
        os.close(its_end)
        os.close(terminal)


def test_down_says_to_a_person_what_it_did_in_one_line(root: Path) -> None:
    home = root / "runs" / "sandbox"
    _run("up", "--scenario", "empty")
    known = launcher.status(home).record
    assert known is not None

    of_one_up = _down_while_a_person_watches()
    of_none_up = _down_while_a_person_watches()
    _run("up", "--scenario", "empty")
    (home / "mine.txt").write_text("keep")
    known_beside_mine = launcher.status(home).record
    assert known_beside_mine is not None
    os.kill(known_beside_mine.pid, signal.SIGKILL)
    while launcher.status(home).state is not State.DEAD:
        time.sleep(0.02)
    of_a_dead_one = _down_while_a_person_watches()

    assert of_one_up == (
        f"The sandbox was stopped: scenario empty, clock live, since {known.started_at}, "
        f"process {known.pid} at 127.0.0.1:{known.port}.\n"
    )
    assert of_none_up == "No sandbox was up; nothing was stopped.\n"
    assert of_a_dead_one.startswith("No sandbox was up; the last one ended unasked, and its files")
    assert of_a_dead_one.endswith(f"Left in {home}, for no sandbox made it: mine.txt.\n")
    assert of_a_dead_one.count("\n") == 1


def test_a_record_that_cannot_be_read_is_said_by_status_and_by_down(root: Path) -> None:
    written = root / "runs" / "sandbox" / "record.json"
    written.parent.mkdir(parents=True)
    written.write_text("{")

    status, down = _run("status"), _run("down")

    sentence = f"The sandbox's record {written} cannot be read. No server of this folder runs."
    assert (status.exit_code, status.stdout) == (3, f"{sentence}\n")
    assert (down.exit_code, down.stdout) == (0, "")
    assert down.stderr == f"{sentence} Nothing was stopped; the record was removed.\n"
    assert not written.parent.exists()


@pytest.mark.parametrize("plain", ["runs", "runs/sandbox"])
def test_a_plain_file_where_the_folder_should_be_is_said_and_kept(root: Path, plain: str) -> None:
    folder, plain_file = root / "runs" / "sandbox", root / plain
    shutil.rmtree(root / "runs", ignore_errors=True)
    plain_file.parent.mkdir(exist_ok=True)
    plain_file.write_text("mine")

    result = _run("up", "--scenario", "empty")

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == (
        f"The sandbox was neither started nor stopped: {plain_file} is not a folder, "
        f"and it keeps its files in {folder}. Move it out of the way.\n"
    )
    assert plain_file.read_text() == "mine"


def test_another_scenario_is_refused_in_one_sentence_and_prints_no_export(root: Path) -> None:
    _run("up", "--scenario", "empty")

    result = _run("up", "--scenario", "healthy")

    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.startswith("Scenario healthy (clock live) was not started.")
    assert result.stderr.endswith("Stop it first with: opslib sandbox down\n")
    assert result.stderr.count("\n") == 1
    assert (root / "runs" / "sandbox" / "record.json").exists()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("at", ["yesterday", "2026-10-14T09:30:00", "0001-01-01T00:00:00+05:00"])
def test_an_instant_that_is_none_is_refused_before_anything_starts(at: str) -> None:
    result = _run("up", "--scenario", "empty", "--at", at)

    assert result.exit_code == 3
    assert result.stderr.startswith("The sandbox's clock was not set: ")


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_clock_of_another_age_is_refused_before_anything_starts(root: Path, at: str) -> None:
    result = _run("up", "--scenario", "empty", "--at", at)

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"The sandbox was not started: its clock is {at}, more than 10")
    assert not (root / "runs" / "sandbox").exists()


def test_a_live_clock_at_an_instant_is_refused_as_a_contradiction(root: Path) -> None:
    result = _run("up", "--scenario", "empty", "--clock", "live", "--at", "2026-10-14T09:30:00Z")

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == (
        "The sandbox was not started: --clock live and --at contradict each other, for a live "
        "clock does not stand at an instant. Leave one of them out.\n"
    )
    assert not (root / "runs" / "sandbox").exists()


@pytest.mark.usefixtures("root")
def test_a_scenario_that_does_not_exist_is_refused_with_those_that_do() -> None:
    result = _run("up", "--scenario", "slwo")

    assert result.exit_code == 3
    assert result.stderr.startswith(
        "No sandbox was started: 'slwo' is not a scenario. There are slow, healthy, "
    )
    assert result.stderr.endswith(", empty.\n")


@pytest.mark.usefixtures("root")
def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ministack", None)

    result = _run("up")

    assert result.exit_code == 3
    assert result.stderr == (
        "The sandbox was not started: ministack is not installed. "
        "Install what it needs with: pip install 'opslib[local]'\n"
    )


def test_scenarios_are_listed_one_a_line() -> None:
    result = _run("scenarios")

    names = [line.split()[0] for line in result.stdout.splitlines()]
    assert names[:1] == ["slow"]
    assert {"slow", "healthy", "empty"} <= set(names)


def test_a_scenario_is_told_with_its_cause_and_its_verdicts() -> None:
    lines = _run("scenarios", "--scenario", "stream-lag").stdout.splitlines()

    assert lines[0] == "stream-lag: One batch holds its shard, and everything behind it waits."
    assert lines[3] == "Since when: 65 minutes before now."
    assert "  50-stream-lag  critical  stream.lag stream.stuck-shard" in lines
