"""The environment of the server process: made from nothing, never inherited.

In: the sandbox's home folder and port. Out: the complete environment, and the exports that point
a caller's shell at the sandbox. Must not start anything.

The emulator hands its whole environment to every Lambda handler, so nothing of the caller's may be
in it. Source: ministack 1.5.33, ``app.main``, ``lambda_svc``, ``core.lambda_runtime``.
"""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from opslib.sandbox.api import Sandbox

REGION = "us-east-1"
ACCOUNT = "000000000000"
# An access key of twelve digits would open another account of the emulator.
ACCESS_KEY_ID = "opslib-sandbox"
SECRET_ACCESS_KEY = "opens-nothing"  # noqa: S105 - a dummy that opens nothing

_LEADS_AWAY = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CA_BUNDLE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
_PROXIES = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def temporary(home: Path) -> Path:
    """Name the folder for the emulator's temporary files, Lambda code among them."""
    return home / "tmp"


def state(home: Path) -> Path:
    """Name the folder for the emulator's state, and the HOME of every handler."""
    return home / "state"


def profile(home: Path) -> Path:
    """Name the file of `aws_config`."""
    return home / "aws-config"


def server_environment(*, home: Path, port: int) -> dict[str, str]:
    """Make the complete environment of the server process."""
    return {
        # The emulator starts some handlers with whatever `python3` is first.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), *os.defpath.split(os.pathsep)]),
        "HOME": str(state(home)),
        "TMPDIR": str(temporary(home)),
        "STATE_DIR": str(state(home)),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        # Both would listen on every interface, whatever BIND_HOST says.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # With a Docker daemon it removes containers at boot.
        "DOCKER_HOST": "unix:///nonexistent.sock",
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "WARNING",
        # A handler's SDK must find no file, and no metadata service, of the caller's.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def exports(sandbox: Sandbox, *, caller: Mapping[str, str]) -> list[str]:
    """Write the shell lines that point any AWS client at the sandbox.

    Parameters
    ----------
    caller
        The environment of the shell that will read them: what there would lead a client away from
        the sandbox (a profile, a service's own endpoint, a proxy) is unset, or loopback excepted.
    """
    unset = [
        *_LEADS_AWAY,
        *sorted(name for name in caller if name.startswith("AWS_ENDPOINT_URL_")),
    ]
    values = {
        "AWS_ENDPOINT_URL": sandbox.endpoint,
        "AWS_ACCESS_KEY_ID": sandbox.access_key_id,
        "AWS_SECRET_ACCESS_KEY": sandbox.secret_access_key,
        "AWS_DEFAULT_REGION": sandbox.region,
        "AWS_REGION": sandbox.region,
    }
    if any(caller.get(name) for name in _PROXIES):
        excepted = caller.get("NO_PROXY") or caller.get("no_proxy") or ""
        loopback = ",".join(filter(None, [excepted, "127.0.0.1"]))
        values |= {"NO_PROXY": loopback, "no_proxy": loopback}
    lines = [f"unset {' '.join(unset)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return lines


def aws_config(sandbox: Sandbox) -> str:
    """Write the AWS shared config file whose profile ``opslib-sandbox`` is this sandbox."""
    return (
        "[profile opslib-sandbox]\n"
        f"region = {sandbox.region}\n"
        f"endpoint_url = {sandbox.endpoint}\n"
        f"aws_access_key_id = {sandbox.access_key_id}\n"
        f"aws_secret_access_key = {sandbox.secret_access_key}\n"
    )
