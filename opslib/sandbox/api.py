"""The handle on a running sandbox: where it is, what time it is there, what it shall pretend.

In: the endpoint and dummy credentials of a server that is up. Out: boto3 clients of it, and calls
to its control endpoints (``/_opslib/...``). Must not know how the server is started or what a
scenario is.
"""

import http.client
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

from opslib.errors import CouldNotLook
from opslib.sandbox.clock import Clock

Progress = Callable[[str], None]
"""Told a short sentence as each step of something slow begins."""

IDENTITY_PATH = "/_opslib/identity"
FAULTS_PATH = "/_opslib/faults"
QUERY_QUOTA_PATH = "/_opslib/query-quota"
LAMBDA_HISTORY_PATH = "/_opslib/lambda-history"
STREAM_HISTORY_PATH = "/_opslib/stream-history"
CHANGE_HISTORY_PATH = "/_opslib/change-history"
WAITS_PATH = "/_opslib/waits"
RESET_PATH = "/_ministack/reset"
"""The emulator's own; ours is forgotten with it."""

_CONTROL_DEADLINE_S = 60.0


@cache
def _loader() -> botocore.loaders.Loader:
    """Read each service's model once a process; it takes longer than most calls."""
    return botocore.loaders.create_loader()


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A running sandbox.

    Parameters
    ----------
    endpoint
        ``http://127.0.0.1:PORT``: every service, and the control endpoints, answer there.
    region, account
        Where its resources live; the account is twelve digits.
    access_key_id, secret_access_key
        Dummies. They open nothing anywhere else.
    clock
        The sandbox's time.
    home
        Folder of everything the sandbox keeps on disk.
    started
        Whether the call that gave this started it; otherwise it was up already.
    """

    endpoint: str
    region: str
    account: str
    access_key_id: str
    secret_access_key: str
    clock: Clock
    home: Path
    started: bool = field(default=False, compare=False)

    def client(self, service: str) -> Any:
        """Make a boto3 client of one emulated service.

        Nothing of the caller's environment has a say: credentials, region and endpoint are
        explicit. A call has 60 s, and two retries of what the service says may be retried.
        """
        # Else a profile named in the environment, and the caller's files, would be read.
        nothing: dict[str, tuple[None, None, str | None, None]] = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
        core = botocore.session.Session(session_vars=nothing)
        core.register_component("data_loader", _loader())
        session = boto3.session.Session(
            botocore_session=core,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name=self.region,
        )
        return session.client(
            service,
            endpoint_url=self.endpoint,
            config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"total_max_attempts": 3, "mode": "standard"},
                # botocore honours the proxies of the environment even for loopback.
                proxies={},
                use_fips_endpoint=False,
                use_dualstack_endpoint=False,
                s3={"addressing_style": "path"},
            ),
        )

    def set_lambda_history(
        self, function: str, *, last_modified_at: datetime, qualifier: str = "$LATEST"
    ) -> None:
        """Tell when a function or one of its versions was last modified.

        The emulator stamps the wall's time on every change; a story needs its own.

        Parameters
        ----------
        function
            Name of the function, not its ARN. It need not exist yet.
        last_modified_at
            The instant that ``LastModified`` shall say from now on.
        qualifier
            A version number, or ``$LATEST``. An alias answers for the version it points to.
        """
        self._control(
            "PUT",
            LAMBDA_HISTORY_PATH,
            {
                "function": function,
                "qualifier": qualifier,
                "last_modified": last_modified_at.astimezone(UTC).isoformat(),
            },
        )

    def set_stream_history(self, stream_arn: str, written_at: Mapping[str, datetime]) -> None:
        """Tell when records of a table's stream were written; after 24 hours they are trimmed.

        Parameters
        ----------
        stream_arn
            Of the stream.
        written_at
            By sequence number, tz-aware.
        """
        records = {number: at.astimezone(UTC).isoformat() for number, at in written_at.items()}
        self._control("PUT", STREAM_HISTORY_PATH, {"stream": stream_arn, "records": records})

    def set_changed_at(self, name: str, at: datetime) -> None:
        """Tell when an event source mapping was last changed, or a table was made.

        Parameters
        ----------
        name
            The mapping's UUID, or the table's name. A later change made through the API ends what
            was told of a mapping.
        at
            Tz-aware.
        """
        self._control("PUT", CHANGE_HISTORY_PATH, {"changed": name, "at": _spelled(at)})

    def record_change(self, event: str, *, at: datetime, user: str, asked: dict[str, Any]) -> None:
        """Let CloudTrail tell of a change.

        Parameters
        ----------
        event
            Its name in CloudTrail: ``UpdateTable``.
        at
            Tz-aware.
        user
            Who made it.
        asked
            The parameters of the request, as CloudTrail spells them.
        """
        self._control(
            "PUT",
            CHANGE_HISTORY_PATH,
            {"event": event, "at": _spelled(at), "user": user, "asked": asked},
        )

    def set_fault(
        self,
        operation: str,
        *,
        code: str | None = None,
        times: int | None = None,
        latency_ms: int = 0,
        caller: str | None = None,
    ) -> None:
        """Let an operation fail or answer late. A later call for the same operation replaces it.

        Parameters
        ----------
        operation
            As IAM writes it: ``logs:StartQuery``, ``cloudwatch:GetMetricData``. ``service:*`` means
            every operation of that service.
        code
            ``AccessDenied`` or ``Throttling``, answered in the service's own words and shape; or
            None to answer truly, only late.
        times
            How many calls are affected; None means all until `clear_faults`.
        latency_ms
            How long every affected call waits before it is answered, milliseconds.
        caller
            ARN of a function's role session. Only calls that a function makes are affected then,
            and a denial names it as the user.
        """
        self._control(
            "PUT",
            FAULTS_PATH,
            {
                "operation": operation,
                "code": code,
                "times": times,
                "latency_ms": latency_ms,
                "caller": caller,
            },
        )

    def clear_faults(self) -> None:
        """Let every operation answer truly and at once again."""
        self._control("DELETE", FAULTS_PATH, None)

    def let_pass(self, seconds: float) -> None:
        """Let a waiting time pass at once, such as the minute between two purges of a queue.

        The sandbox's clock stays as it is, and so do the times that the emulator itself counts.
        """
        self._control("PUT", WAITS_PATH, {"seconds": seconds})

    def forget(self) -> None:
        """Let the running server forget everything: all services' state, faults, queries, dates."""
        self._control("POST", RESET_PATH, None)

    def set_query_quota(self, concurrent: int | None) -> None:
        """Say how many Logs Insights queries may be under way at once, in each account.

        Parameters
        ----------
        concurrent
            1 to 100; None for AWS's own 100.
        """
        self._control("PUT", QUERY_QUOTA_PATH, {"concurrent": concurrent})

    def _control(self, method: str, path: str, body: dict[str, object] | None) -> None:
        host = urlsplit(self.endpoint).netloc
        connection = http.client.HTTPConnection(host, timeout=_CONTROL_DEADLINE_S)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
        except OSError as error:
            raise CouldNotLook(
                f"The sandbox was not told {path}: nothing answers at {self.endpoint}. "
                "Start it with: opslib sandbox up",
                operation=f"sandbox:{path}",
                reason="unreachable",
            ) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise CouldNotLook(
                f"The sandbox refused {method} {path}: {text}",
                operation=f"sandbox:{path}",
                reason="failed",
                status=answer.status,
            )


def _spelled(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
