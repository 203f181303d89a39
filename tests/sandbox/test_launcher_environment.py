"""Nothing of the caller's environment reaches the sandbox; the sandbox's exports lead there."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from opslib.sandbox import environment, launcher, record
from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.clock import Clock
from sandbox import functions
from sandbox.projects import processes_of

_SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEXAMPLE",
    "AWS_PROFILE": "production-profile",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9/somewhere-else",
    "MY_DATABASE_PASSWORD": "hunter2-hunter2",
    "HTTP_PROXY": "http://127.0.0.1:9/proxy",
}


_SOURCE = "import os\ndef handler(event, context): return dict(os.environ)"


class _Handler:
    """A function that returns its whole environment, or does what it is told."""

    name = "handler"

    def __init__(self, source: str = _SOURCE) -> None:
        self._source = source

    def build(self, sandbox: Sandbox, *, progress: Progress) -> None:
        functions.make(sandbox, "tell", source=self._source)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, value in _SECRETS.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "sandbox"
    yield folder
    launcher.down(folder)


def test_no_credential_of_the_caller_reaches_the_server_or_a_handler(home: Path) -> None:
    sandbox = launcher.start(
        _Handler(), clock="live", home=home, progress=lambda _: None, tied=True
    )
    known = record.read(home)
    assert known is not None

    of_the_server = Path(f"/proc/{known.pid}/environ").read_bytes().decode()
    answer = sandbox.client("lambda").invoke(FunctionName="tell")
    of_the_handler = json.loads(answer["Payload"].read())

    leaked_to_the_server = [secret for secret in _SECRETS.values() if secret in of_the_server]
    leaked_to_the_handler = [
        secret for secret in _SECRETS.values() if secret in str(of_the_handler)
    ]
    assert leaked_to_the_server == []
    assert leaked_to_the_handler == []
    assert Path(f"/proc/{known.pid}/cwd").readlink() == home
    assert of_the_handler["AWS_ENDPOINT_URL"] == sandbox.endpoint
    assert of_the_handler["HOME"] == str(home / "state")
    assert of_the_handler["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_whatever_the_server_and_its_functions_write_is_in_the_sandboxs_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_the_caller = tmp_path / "temporary"
    of_the_caller.mkdir()
    monkeypatch.setenv("TMPDIR", str(of_the_caller))
    source = (
        "import tempfile\n"
        "def handler(event, context): return tempfile.mkstemp(dir=tempfile.gettempdir())[1]"
    )
    sandbox = launcher.start(
        _Handler(source), clock="live", home=home, progress=lambda _: None, tied=True
    )

    written = json.loads(sandbox.client("lambda").invoke(FunctionName="tell")["Payload"].read())

    assert Path(written).is_relative_to(home / "tmp")
    assert list(of_the_caller.iterdir()) == []
    assert launcher.down(home).left == ()


def test_the_readme_says_that_a_functions_code_runs_as_the_user() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()

    assert "The function's code runs as you, without a sandbox of its own." in readme


def test_what_would_listen_on_every_interface_or_reach_docker_is_off(tmp_path: Path) -> None:
    # The broker listens only where `cryptography` is installed, which another package may bring.
    made = environment.server_environment(home=tmp_path, port=4567)

    assert made["IOT_MTLS_ENABLED"] == "0"
    assert made["SFTP_ENABLED"] == "0"
    assert made["BIND_HOST"] == "127.0.0.1"
    assert made["DOCKER_HOST"] == "unix:///nonexistent.sock"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_functions_worker_ends_with_the_server_however_that_ends(
    home: Path, number: signal.Signals
) -> None:
    sandbox = launcher.start(
        _Handler(), clock="live", home=home, progress=lambda _: None, tied=True
    )
    sandbox.client("lambda").invoke(FunctionName="tell")
    known = record.read(home)
    assert known is not None
    before = processes_of(home)

    os.kill(known.pid, number)
    deadline = time.monotonic() + 60
    while processes_of(home) and time.monotonic() < deadline:
        record.alive(known.pid)  # collects it, since it is this process's child
        time.sleep(0.05)

    assert len(before) == 2
    assert processes_of(home) == []


@pytest.mark.usefixtures("project_root")
def test_the_exports_of_up_point_the_aws_command_line_at_the_sandbox(tmp_path: Path) -> None:
    hostile = {**os.environ, **_SECRETS, "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"}
    opslib = f"{sys.executable} -c 'from opslib.sandbox.commands import sandbox; sandbox()'"
    aws = str(Path(sys.executable).parent / "aws")
    script = (
        f'eval "$({opslib} up --scenario empty --clock pinned)" || exit 9\n'
        f"{aws} sts get-caller-identity --output json; code=$?\n"
        f"{opslib} down\nexit $code\n"
    )

    ran = subprocess.run(
        ["bash", "-c", script],
        env=hostile,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ran.stderr == ""
    assert ran.returncode == 0
    assert json.loads(ran.stdout)["Account"] == "000000000000"
    assert not (tmp_path / "runs" / "sandbox").exists()


def test_exports_are_quoted_for_a_shell_and_except_loopback_from_a_proxy() -> None:
    sandbox = Sandbox(
        endpoint="http://127.0.0.1:4567",
        region="us-east-1",
        account="000000000000",
        access_key_id="opslib-sandbox",
        secret_access_key="it's a dummy",
        clock=Clock(),
        home=Path("anywhere"),
    )
    caller = {"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "corp.example"}

    lines = environment.exports(sandbox, caller=caller)

    assert "export AWS_SECRET_ACCESS_KEY='it'\"'\"'s a dummy'" in lines
    assert "export NO_PROXY=corp.example,127.0.0.1" in lines
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4567" in lines
    assert lines[0].startswith("unset AWS_PROFILE ")


_OWNER = """
import sys, time
from pathlib import Path
from opslib.sandbox import launcher
from sandbox.test_launcher_environment import _Handler

sandbox = launcher.start(
    _Handler(), clock="live", home=Path(sys.argv[1]), progress=lambda _: None,
    tied=sys.argv[2] == "tied",
)
sandbox.client("lambda").invoke(FunctionName="tell")
print("up", flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize(("how", "left"), [("tied", 0), ("free", 2)])
def test_a_server_that_is_tied_ends_with_its_starter_even_if_that_is_killed(
    home: Path, how: str, left: int
) -> None:
    paths = os.pathsep.join(str(Path(__file__).parents[up]) for up in (1, 2))
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(home), how],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as owner:
        assert owner.stdout is not None
        said = owner.stdout.readline()
        before = processes_of(home)

        owner.kill()
    deadline = time.monotonic() + (60 if how == "tied" else 0.5)
    while len(processes_of(home)) > left and time.monotonic() < deadline:
        time.sleep(0.05)

    assert said == "up\n"
    assert len(before) == 2
    assert len(processes_of(home)) == left


def test_a_server_that_is_tied_ends_even_when_its_starter_is_killed_before_it_answers(
    home: Path,
) -> None:
    story = "type('S', (), {'name': 's', 'build': lambda self, sandbox, *, progress: 0})()"
    code = (
        "import os, sys; from pathlib import Path; from opslib.sandbox import launcher, record\n"
        "record.answers = lambda _: print('asked', flush=True) or os.kill(os.getpid(), 9)\n"
        f"launcher.start({story}, clock='live', home=Path(sys.argv[1]), progress=print, tied=True)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=False
    )
    deadline = time.monotonic() + 60
    while record.servers(home) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert (done.returncode, done.stdout) == (-9, "asked\n")
    assert record.servers(home) == []
