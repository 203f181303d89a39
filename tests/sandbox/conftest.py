"""One server a scenario and clock for the whole session, in a project of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opslib.errors import OpsError
from opslib.kernel.server import serving
from opslib.sandbox import launcher
from opslib.sandbox.api import Sandbox
from sandbox.projects import MakeProject, SandboxProject, lay_out, reset


@pytest.fixture(scope="session", autouse=True)
def _kernels() -> Iterator[None]:
    """Fork the kernels of this worker from one that has imported everything.

    Each is a process of its own; what differs from `opslib run` is where its modules come from.
    """
    with serving():
        yield


@pytest.fixture(scope="session")
def _sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeProject]:
    up: dict[tuple[str, str], SandboxProject] = {}
    failed: dict[tuple[str, str], OpsError] = {}

    def of(*, scenario: str, clock: str) -> SandboxProject:
        if (scenario, clock) in failed:
            raise failed[scenario, clock]
        if (scenario, clock) not in up:
            root = tmp_path_factory.mktemp(scenario)
            lay_out(root)
            try:
                sandbox = launcher.up(
                    scenario=scenario,
                    clock=clock,
                    home=root / "runs" / "sandbox",
                    progress=lambda sentence: print(sentence, file=sys.stderr),  # noqa: T201
                    tied=True,
                )
            except OpsError as error:
                failed[scenario, clock] = error
                raise
            up[scenario, clock] = SandboxProject(root=root, sandbox=sandbox)
        return up[scenario, clock]

    yield of
    for project in up.values():
        launcher.down(project.sandbox.home)


@pytest.fixture
def sandbox_project(
    _sandboxes: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeProject]:
    """Give a project whose sandbox shows a scenario, and make it this test's OPSLIB_HOME.

    The server is shared by the session; whatever faults a test orders end with it.
    """
    given: list[Sandbox] = []

    def make(scenario: str, *, clock: str = "pinned") -> SandboxProject:
        project = _sandboxes(scenario=scenario, clock=clock)
        monkeypatch.setenv("OPSLIB_HOME", str(project.root))
        given.append(project.sandbox)
        return project

    yield make
    for sandbox in given:
        sandbox.clear_faults()


@pytest.fixture
def empty(sandbox_project: MakeProject) -> Iterator[Sandbox]:
    """Give a sandbox with nothing deployed and a pinned clock, to be seeded with plain boto3.

    It is emptied again after the test.
    """
    sandbox = sandbox_project("empty").sandbox
    yield sandbox
    reset(sandbox)


@pytest.fixture
def project_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project without a sandbox, and make it this test's OPSLIB_HOME."""
    lay_out(tmp_path)
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))
    return tmp_path
