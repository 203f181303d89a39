"""One run at a time of a notebook on a system: held by a process, and gone with it."""

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_projects import ROOT

from opslib.errors import BadInput, OpsError
from opslib.headless import lock

AT = datetime(2026, 10, 14, 3, 7, 0, tzinfo=UTC)
_HOLDS = """\
import sys, time
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from opslib.headless import lock
since = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
with lock.taken(Path(sys.argv[1]), notebook="20-duration", system="ZAEL/demo", since=since) as held:
    held.note("runs/first.partial")
    print("held", flush=True)
    time.sleep(60)
"""
_FORKS = """\
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from opslib.headless import lock
def taken():
    return lock.taken(Path(sys.argv[1]), notebook="20", system="ZAEL", since=datetime.now(UTC))
with taken():
    child = os.fork()
    if child == 0:
        # As each process between its fork and the program that it becomes.
        signal.pause()
try:
    with taken():
        print("free", flush=True)
finally:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def _taken(
    folder: Path, notebook: str = "20-duration", system: str = "ZAEL/demo"
) -> AbstractContextManager[lock.Lock]:
    return lock.taken(folder, notebook=notebook, system=system, since=AT)


def test_a_lock_of_another_process_says_who_has_it_and_is_free_when_that_is_killed(
    tmp_path: Path,
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert holder.stdout is not None
    holder.stdout.readline()

    with pytest.raises(OpsError) as refused, _taken(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with _taken(tmp_path):
        note = next(tmp_path.iterdir()).read_text()

    assert refused.value.facts["pid"] == holder.pid
    assert refused.value.facts["since"] == "2026-10-14T03:07:00Z"
    assert str(refused.value).endswith(
        f"(process {holder.pid}) since 2026-10-14T03:07:00Z, in runs/first.partial. "
        f"Wait for it, or end it with: kill {holder.pid}"
    )
    assert f'"pid": {os.getpid()}' in note


def test_locks_of_other_notebooks_and_systems_are_others(tmp_path: Path) -> None:
    with (
        _taken(tmp_path),
        _taken(tmp_path, notebook="40-cold-starts"),
        _taken(tmp_path, system="other"),
    ):
        names = sorted(path.name for path in tmp_path.iterdir())

    assert names == [
        "20-duration-ZAEL-demo-80165535.lock",
        "20-duration-other.lock",
        "40-cold-starts-ZAEL-demo-4a3c9dc5.lock",
    ]


def test_runs_of_one_triage_hold_a_lock_together_until_the_last_lets_go(tmp_path: Path) -> None:
    together = lock.Together()

    with together.taken(tmp_path, notebook="20-duration", system="ZAEL/demo", since=AT):
        with together.taken(tmp_path, notebook="20-duration", system="ZAEL/demo", since=AT):
            pass
        with pytest.raises(OpsError) as refused, _taken(tmp_path):
            pass
    with _taken(tmp_path):
        after = "free"

    assert (refused.value.facts["pid"], after) == (os.getpid(), "free")


def test_a_process_begun_meanwhile_does_not_keep_the_lock(tmp_path: Path) -> None:
    # In a process of its own, which has one thread: a fork of more is a risk.
    done = subprocess.run(
        [sys.executable, "-c", _FORKS, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("free\n", "")


def test_a_run_that_fails_leaves_no_note_of_who_had_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), _taken(tmp_path):
        1 / 0  # noqa: B018 - what a run may come to

    assert [path.read_text() for path in tmp_path.iterdir()] == [""]


def test_notes_of_two_runs_at_once_do_not_mix(tmp_path: Path) -> None:
    names = ["runs/one.partial", "runs/a-much-longer-one.partial"]
    met = threading.Barrier(2)
    mixed = []
    with _taken(tmp_path) as held, ThreadPoolExecutor(2) as pool:

        def note(name: str) -> None:
            met.wait(10)
            held.note(name)

        for _ in range(300):
            list(pool.map(note, names))
            (path,) = tmp_path.iterdir()
            try:
                mixed += [json.loads(path.read_text())["folder"] not in names]
            except ValueError:
                mixed += [True]

    assert mixed == [False] * 300


def test_a_note_that_finds_no_room_keeps_nothing_from_running(tmp_path: Path) -> None:
    with _taken(tmp_path):
        (path,) = tmp_path.iterdir()
    path.unlink()
    path.symlink_to("/dev/full")

    with _taken(tmp_path) as held:
        held.note("runs/first.partial")

    assert isinstance(held, lock.Lock)


def test_a_folder_that_cannot_hold_locks_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInput) as refused, _taken(tmp_path / "file" / ".locks"):
        pass

    assert "cannot be opened: Not a directory." in str(refused.value)
