"""The environment every test and every kernel it starts lives in: no real AWS can be reached."""

import contextlib
import os

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
    for _name in ("AWS_PROFILE", "AWS_REGION", "AWS_CA_BUNDLE", "OPSLIB_RUN_DIR", "OPSLIB_HOME"):
        os.environ.pop(_name, None)


def pytest_configure(config: pytest.Config) -> None:
    """Put the committed notebooks on the sandbox they were recorded on, when nbval runs them."""
    if not config.getoption("nbval", default=False) or hasattr(config, "workerinput"):
        return
    from opslib.sandbox import project
    from opslib.sandbox.notebooks import SCENARIO

    held = contextlib.ExitStack()
    config.add_cleanup(held.close)
    os.environ["OPSLIB_HOME"] = str(held.enter_context(project.temporary(SCENARIO)))
