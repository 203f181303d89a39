"""The environment every test and every kernel it starts lives in: no real AWS can be reached."""

import contextlib
import importlib
import os
import tempfile
from pathlib import Path

import pytest

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    # Whatever forgets to name its endpoint fails at once, on the discard port of this machine.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_PAGER": "",
    "TZ": "UTC",
    "MPLBACKEND": "agg",
}

os.environ.update(_ENVIRONMENT)
# A worker of xdist has the environment that was made here, with the project it is to use.
if "PYTEST_XDIST_WORKER" not in os.environ:
    for _name in (
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_CA_BUNDLE",
        "OPSLIB_RUN_DIR",
        "OPSLIB_SHARED_DIR",
        "OPSLIB_HOME",
    ):
        os.environ.pop(_name, None)


def _scenario(item: pytest.Item) -> str:
    """Return the scenario whose sandbox a committed notebook's cell runs on, or nothing."""
    from opslib.sandbox.notebooks import scenario_of

    nbval = item.config.getoption("nbval", default=False) and item.path.suffix == ".ipynb"
    return scenario_of(item.path.stem) if nbval else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the notebooks of a scenario together, so that its sandbox is started once."""
    items.sort(key=_scenario)


class _Sandbox:
    """The sandbox that nbval's kernels meet: that of the notebook whose turn it is."""

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()
        self._scenario = ""

    def show(self, scenario: str) -> None:
        from opslib.sandbox import project

        if scenario != self._scenario:
            self.end()
            folder = self._held.enter_context(project.temporary(scenario))
            os.environ["OPSLIB_HOME"] = str(folder)
            self._scenario = scenario

    def end(self) -> None:
        if self._scenario:
            self._scenario = ""
            del os.environ["OPSLIB_HOME"]
            self._held.close()


def _list_fonts() -> None:
    """Have matplotlib find the fonts once; each process that has to says so when it takes long."""
    import matplotlib as mpl

    if not [*Path(mpl.get_cachedir()).glob("fontlist-*.json")]:
        importlib.import_module("matplotlib.font_manager")


_SANDBOX = pytest.StashKey[_Sandbox]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep IPython out of the user's home; have whatever sandbox is up at the end taken down."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        # What a user has his own kernels do as they start is not for those of tests.
        home = tempfile.TemporaryDirectory(prefix="opslib-ipython-")
        os.environ["IPYTHONDIR"] = home.name
        config.add_cleanup(home.cleanup)
        _list_fonts()
    config.stash[_SANDBOX] = _Sandbox()
    config.add_cleanup(config.stash[_SANDBOX].end)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Put a committed notebook on the sandbox it was recorded on, before nbval starts a kernel."""
    if scenario := _scenario(item):
        item.config.stash[_SANDBOX].show(scenario)
