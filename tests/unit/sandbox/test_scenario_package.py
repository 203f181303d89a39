"""The deployment package and the requests, when what they need is not there."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from opslib.errors import OpsError
from opslib.sandbox.api import Sandbox
from opslib.sandbox.clock import Clock
from opslib.sandbox.scenarios import product, traffic


def test_a_kept_package_is_taken_as_it_is(tmp_path: Path) -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    kept = tmp_path / f"zae-limiter-{version('zae-limiter')}-aggregator-py{python}.zip"
    kept.write_bytes(b"kept")

    assert product.package(tmp_path) == b"kept"


def test_a_package_that_cannot_be_made_is_said_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens there, and pip is not to ask twice or look in what it kept.
    for name, value in {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(OpsError) as raised:
        product.package(tmp_path / "cache")

    assert str(raised.value).startswith(
        "The aggregator was not deployed: its package could not be made. "
    )
    assert list((tmp_path / "cache").iterdir()) == []


def test_requests_that_reach_nothing_are_said_without_a_traceback(tmp_path: Path) -> None:
    nowhere = Sandbox(
        endpoint="http://127.0.0.1:9",
        region="us-east-1",
        account="000000000000",
        access_key_id="testing",
        secret_access_key="testing",
        clock=Clock(),
        home=tmp_path,
    )

    with pytest.raises(OpsError) as raised:
        traffic.drive(nowhere, entities=1, acquisitions=1)

    assert "No traffic was driven through ZAEL-demo" in str(raised.value)
    assert "127.0.0.1:9" in str(raised.value)
    assert "Traceback" not in str(raised.value)
