"""Kernels forked from one process: each on its own, all of them gone with whoever asked."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from small_projects import CONCLUDE, MINUTE_S, ROOT, Clock, alive, project

from opslib import headless
from opslib.kernel import server
from opslib.kernel import watch as watching
from opslib.kernel.manager import kernels
from opslib.kernel.watch import Watch
from opslib.stop import heeded


@pytest.fixture(scope="module", name="forking")
def _forking() -> Iterator[server.Server]:
    with server.serving():
        forking = server.current()
        assert forking is not None
        yield forking


def _pid(forking: server.Server) -> int:
    assert forking.process is not None
    return forking.process.pid


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))


def _printed(outcome: headless.Outcome) -> str:
    node = nbformat.read(outcome.folder / "notebook.ipynb", as_version=4)
    cells = [cell for cell in node.cells if cell.cell_type == "code"]
    return "".join(o.text for cell in cells for o in cell.outputs if o.output_type == "stream")


LOOK = """\
import os, sys
loaded = {"pandas", "pyarrow", "matplotlib", "opslib.runbook", "boto3"} <= sys.modules.keys()
print(os.getppid(), loaded, os.getcwd(), os.environ["COLOUR"], "UNSET" in os.environ)"""


def test_a_forked_kernel_has_all_imports_and_the_environment_of_its_run(
    tmp_path: Path, forking: server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLOUR", "blue")
    notebook = project(tmp_path, [LOOK, CONCLUDE % "healthy"])

    outcome = headless.run(notebook, {})

    assert _printed(outcome) == f"{_pid(forking)} True {tmp_path}/notebooks blue False\n"
    assert outcome.exit_code == 0


HELD = """\
import os
from pathlib import Path
from ipykernel.connect import get_connection_info
server = Path("/proc", str(os.getppid()))
number = server.joinpath("cmdline").read_text().split("\\0")[-2]
held = [os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
transport = get_connection_info(unpack=True)["transport"]
print(transport, os.readlink(server / "fd" / number) in held)"""


def test_a_kernel_waits_for_no_port_that_another_could_take_nor_holds_its_servers_socket(
    tmp_path: Path, forking: server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 20)))
    (tmp_path / ("long" * 20)).mkdir()

    outcome = headless.run(project(tmp_path, [HELD, CONCLUDE % "healthy"]), {})

    assert _printed(outcome) == "ipc False\n"
    assert outcome.exit_code == 0
    assert alive(_pid(forking))


@pytest.mark.parametrize("length", [82, 83, 100])
def test_the_sockets_of_a_kernel_fit_wherever_temporary_files_are_kept(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with heeded() as stop, tempfile.TemporaryDirectory(dir="/tmp", prefix="a b ") as short:
        kept = Path(short, "x" * (length - len(short) - 1))
        kept.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(kept))

        with kernels({}, Watch(stop, deadline_s=MINUTE_S, cell_s=MINUTE_S)) as manager:
            path = f"{manager().ip}-5"
            mode = Path(path).parent.stat().st_mode & 0o777

        left = Path(path).parent.exists()

    assert len(path) <= 107
    assert (mode, left) == (0o700, False)


def test_without_a_temporary_folder_the_run_says_so_and_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))

    outcome = headless.run(project(tmp_path, [CONCLUDE % "healthy"]), {})

    assert [limit["what"] for limit in outcome.result["limits"]] == [
        "No kernel was started: its sockets need a temporary folder. No such file or directory. "
        "Make room, or set TMPDIR to a folder that can be written."
    ]
    assert outcome.exit_code == 3


def test_the_server_has_one_thread_so_that_a_fork_takes_everything_along(
    tmp_path: Path, forking: server.Server
) -> None:
    headless.run(project(tmp_path, [CONCLUDE % "healthy"]), {})

    threads = list(Path(f"/proc/{_pid(forking)}/task").iterdir())

    assert [thread.name for thread in threads] == [str(_pid(forking))]


def test_a_forked_kernel_that_dies_leaves_the_server_for_the_next(
    tmp_path: Path, forking: server.Server
) -> None:
    dies = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"

    dead = headless.run(project(tmp_path / "a", [dies]), {"system": str(_params(tmp_path / "a"))})
    lives = headless.run(
        project(tmp_path / "b", [CONCLUDE % "warning"]), {"system": str(_params(tmp_path / "b"))}
    )

    assert dead.result["limits"][0]["what"] == (
        "The kernel died under “Looking”: it was killed, or ran out of memory."
    )
    assert lives.exit_code == 1
    assert alive(_pid(forking))


def _params(folder: Path) -> Path:
    return folder / "params" / "sandbox.yaml"


def test_a_forked_kernel_that_ignores_interrupts_is_killed_with_what_it_started(
    tmp_path: Path, forking: server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "GRACE_S", 0.3)
    deaf = "import os, signal, subprocess, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    deaf += "child = subprocess.Popen(['sleep', '300'])\nopen('../draft', 'w').write("
    deaf += "f'{os.getpid()} {child.pid}')\nos.rename('../draft', '../pids')\ntime.sleep(300)"

    outcome = headless.run(
        project(tmp_path, [deaf]),
        {},
        cell_s=1.0,
        deadline_s=20_000,
        monotonic=Clock(tmp_path / "pids"),
    )

    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert outcome.result["limits"][0]["what"] == (
        "The run was stopped: a cell took longer than 1 s under “Looking”."
    )
    assert [alive(pid) for pid in pids] == [False, False]


def test_a_kernel_starts_by_itself_when_the_server_is_gone(tmp_path: Path) -> None:
    notebook = project(tmp_path, ["import os\nprint(os.getppid())"])
    with server.Server().up() as forking:
        forking.start()
        os.kill(_pid(forking), signal.SIGKILL)

        outcome = headless.run(notebook, {})

    assert _printed(outcome) == f"{os.getpid()}\n"


_ASKS = """\
import json, os, time
from pathlib import Path
from opslib.kernel import server
ports = {f"{name}_port": 0 for name in ("shell", "iopub", "stdin", "control", "hb")}
Path("file").write_text(json.dumps({"ip": "127.0.0.1", "transport": "tcp", "key": "k", **ports}))
with server.serving():
    kernel = server.current().fork(["-f", "file"], folder=os.getcwd(), environment=dict(os.environ))
    print(server.current().process.pid, kernel.pid, flush=True)
    print(kernel.wait())
"""


@pytest.mark.parametrize("whom", ["asker", "server"])
def test_nothing_is_left_when_the_asker_or_the_server_is_killed(tmp_path: Path, whom: str) -> None:
    asker = subprocess.Popen(
        [sys.executable, "-c", _ASKS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert asker.stdout is not None
    forking, kernel = (int(pid) for pid in asker.stdout.readline().split())

    os.kill({"asker": asker.pid, "server": forking}[whom], signal.SIGKILL)
    said, _ = asker.communicate(timeout=MINUTE_S)

    ends = time.monotonic() + MINUTE_S
    while time.monotonic() < ends and (alive(kernel) or alive(forking)):
        time.sleep(0.05)
    assert (alive(kernel), alive(forking)) == (False, False)
    # How a kernel ended, only the server could know; that it was killed is what it comes to.
    assert said == {"asker": "", "server": "-9\n"}[whom]
