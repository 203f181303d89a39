"""Clients for one system, after it is certain that they are where it pins them.

In: a System, which pins account, region and partition. Out: a `Connection` with the caller's
identity and clients with timeouts and retries; or a refusal. `calling` turns what botocore raises
into a sentence, once, at the edge. The only ``import boto3`` of the package; must not know Lambda
or notebooks.

Facts leaned on
---------------
A denial reads "... is not authorized to perform: ACTION on resource: ARN because no identity-based
policy allows the ACTION action"; an explicit deny says "with an explicit deny" (IAM user guide,
"Troubleshoot access denied error messages"). ``endpoint_url`` given to a client outranks the
profile's and the environment's (AWS SDKs guide, service-specific endpoints).
"""

import functools
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from os import devnull
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore import exceptions
from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader
from botocore.parsers import ResponseParserError

from opslib import __version__
from opslib.errors import CouldNotLook, GuardRefused
from opslib.system import System
from opslib.window import wall_now

_CONNECT_TIMEOUT_S = 3
_READ_TIMEOUT_S = 10
_BRIEF_TIMEOUT_S = 3
_ATTEMPTS = 3
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_IDENTITY = "sts:GetCallerIdentity"

_FORBIDDEN = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "UnauthorizedOperation",
}
_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_THROTTLED = {
    "LimitExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_MISSING = {
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "ResourceNotFoundException",
}
_SIGN_IN = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.ConfigNotFound,
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
)
_TIMED_OUT = (exceptions.ReadTimeoutError,)
_UNREACHABLE = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.ConnectionClosedError,
)
_DENIAL = re.compile(r"not authorized to perform: (\S+?)(?: on resource: (\S+?))?(?:[\s.,]|$)")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class _ReadOnce(JSONFileLoader):  # type: ignore[misc]
    """Reads a description of a service once a process, instead of once a session."""

    load_file = functools.cache(JSONFileLoader.load_file)


_DESCRIPTIONS = _ReadOnce()


def read_descriptions(services: Iterable[str]) -> None:
    """Read what botocore needs for clients of services (``logs``), before the first is made."""
    loader = Loader(file_loader=_DESCRIPTIONS)
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        loader.load_data(name)
    for service in services:
        for kind in ("service-2", "endpoint-rule-set-1"):
            loader.load_service_model(service, kind)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asking, where, and when by the service's own clock.

    ``at`` is the ``Date`` header of the answer (whole seconds), which is ``now`` for the run: a
    laptop's clock may be wrong by minutes, and the logs are stamped by the service.
    """

    account: str
    arn: str
    region: str
    at: datetime

    def as_dict(self) -> dict[str, str]:
        """Return account, arn and region, as result.json holds them."""
        return {"account": self.account, "arn": self.arn, "region": self.region}


@dataclass(frozen=True)
class Connection:
    """A way to one system, guarded. Make one with `connect`."""

    system: System
    identity: Identity
    _session: Any = field(repr=False)
    _endpoint_url: str | None = field(default=None, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service (``logs``), in the system's region; made once.

        It gives up a connection after 3 s and an answer after 10 s, and tries three times.
        """
        if service not in self._clients:
            self._clients[service] = _client(
                self._session, service, endpoint_url=self._endpoint_url, read_s=_READ_TIMEOUT_S
            )
        return self._clients[service]

    def brief_client(self, service: str) -> Any:
        """Return a client for what nothing rests on: it waits 3 s for an answer and tries once."""
        return _client(
            self._session,
            service,
            endpoint_url=self._endpoint_url,
            read_s=_BRIEF_TIMEOUT_S,
            attempts=1,
        )


def connect(system: System, *, deadline_s: float = 15) -> Connection:
    """Open a connection, after asking STS who the caller is.

    Parameters
    ----------
    system
        Its profile and config file say with which credentials; without a profile they are the
        machine's own. Its account, region and partition are what must be found.
    deadline_s
        About how long STS is given to answer, in seconds, three tries together.

    Raises
    ------
    GuardRefused
        The caller is in another account or partition, or the profile is for another region.
    CouldNotLook
        STS did not answer, or there are no credentials it takes.
    """
    config_path = system.config_path
    if config_path is not None and not config_path.is_file():
        raise CouldNotLook(
            f"Not looked: {system.name} is reached with the AWS config file {system.config_file}, "
            f"which is not there.{_sandbox_hint(system)}",
            operation=_IDENTITY,
            reason="unreachable",
        )
    try:
        with calling(_IDENTITY, f"the caller's identity for {system.name}"):
            session = botocore.session.Session(profile=system.profile)
            if config_path is not None:
                session.set_config_variable("config_file", str(config_path))
                # A profile of the same name in ~/.aws/credentials would outrank this file.
                session.set_config_variable("credentials_file", devnull)
            profile = session.get_scoped_config()
            _refuse_region(system, profile.get("region"))
            endpoint_url = profile.get("endpoint_url") if system.profile else None
            session.get_component("data_loader").file_loader = _DESCRIPTIONS
            boto = boto3.Session(botocore_session=session, region_name=system.region)
            client = _client(
                boto, "sts", endpoint_url=endpoint_url, read_s=max(deadline_s / _ATTEMPTS - 1, 1)
            )
            answer = client.get_caller_identity()
    except CouldNotLook as error:
        if error.reason != "unreachable" or system.environment != "sandbox":
            raise
        raise CouldNotLook(
            f"{error.message}{_sandbox_hint(system)}",
            operation=error.operation,
            reason=error.reason,
        ) from error
    identity = _identity(answer, region=client.meta.region_name)
    _refuse_caller(system, identity)
    return Connection(system, identity, boto, endpoint_url)


@contextmanager
def calling(operation: str, subject: str, *, resource: str = "*") -> Iterator[None]:
    """Turn whatever botocore raises inside into one `CouldNotLook`.

    Parameters
    ----------
    operation
        The IAM action of the call, as ``logs:StartQuery``.
    subject
        What is looked at, as a person names it; it stands in the message.
    resource
        The ARN that a policy would have to name, for when the denial itself does not.

    Raises
    ------
    CouldNotLook
        With the reason; when forbidden, ``facts["statement"]`` is the smallest IAM statement (JSON
        text) that mends it, unless a policy denies it explicitly, which no statement mends.
    """
    try:
        yield
    except exceptions.ClientError as error:
        raise _refused(error, operation, subject, resource) from error
    except _SIGN_IN as error:
        raise CouldNotLook(
            f"Not seen: {subject}. There are no credentials to ask with: {_plain(error)}. "
            "Sign in (aws sso login, or your own way) and run again.",
            operation=operation,
            reason="forbidden",
        ) from error
    except _TIMED_OUT as error:
        raise CouldNotLook(
            f"Not seen: {subject}. {operation} was asked and no answer came in time. Run again.",
            operation=operation,
            reason="timeout",
        ) from error
    except _UNREACHABLE as error:
        raise CouldNotLook(
            f"Not seen: {subject}. {operation} could not be reached: {_plain(error)}.",
            operation=operation,
            reason="unreachable",
        ) from error
    except (exceptions.BotoCoreError, ResponseParserError) as error:
        raise CouldNotLook(
            f"Not seen: {subject}. {operation} failed: {_plain(error)}.",
            operation=operation,
            reason="failed",
        ) from error


def _refused(
    error: exceptions.ClientError, operation: str, subject: str, resource: str
) -> CouldNotLook:
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = _plain(error.response.get("Error", {}).get("Message", ""))
    head = f"Not seen: {subject}."
    facts: dict[str, object] = {"code": code}
    if code in _FORBIDDEN:
        reason = "forbidden"
        denied = _DENIAL.search(said)
        action = denied[1] if denied else operation
        arn = (denied[2] if denied else None) or resource
        if "explicit deny" in said:
            tail = (
                f"A policy denies {action} on {arn} explicitly; whoever owns it has to lift that."
            )
        else:
            facts["statement"] = json.dumps({"Effect": "Allow", "Action": action, "Resource": arn})
            tail = f"The caller lacks {action} on {arn}; this statement grants it: "
            tail += str(facts["statement"])
    elif code in _CREDENTIALS:
        reason = "forbidden"
        tail = f"The credentials were not taken ({code}): sign in again and run again."
    elif code in _THROTTLED:
        reason = "throttled"
        tail = f"{operation} was throttled ({code}) to the last try. Wait a minute and run again."
    elif code in _MISSING:
        reason = "missing"
        tail = f"{operation} found no such thing ({code}). Check its name, account and region."
    else:
        reason = "failed"
        tail = f"{operation} failed: {code}: {said}"
    return CouldNotLook(f"{head} {tail}", operation=operation, reason=reason, **facts)


def _client(
    session: Any,
    service: str,
    *,
    endpoint_url: str | None,
    read_s: float,
    attempts: int = _ATTEMPTS,
) -> Any:
    loopback = endpoint_url is not None and urlsplit(endpoint_url).hostname in _LOOPBACK
    config = Config(
        # A proxy of the environment would look for 127.0.0.1 on its own machine.
        proxies={} if loopback else None,
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=read_s,
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent_extra=f"opslib/{__version__}",
    )
    return session.client(service, endpoint_url=endpoint_url, config=config)


def _refuse_region(system: System, found: str | None) -> None:
    # Calls go to the system's region anyway; but the aws-cli lines of a remedy, pasted into a shell
    # with this profile, would not.
    if system.profile and found and found != system.region:
        raise GuardRefused(
            f"Not opened: {system.name} is in {system.region}, and profile {system.profile} is for "
            f"{found}. Use a profile for {system.region}, or correct the params file.",
            expected=system.region,
            found=found,
        )


def _refuse_caller(system: System, identity: Identity) -> None:
    # arn:PARTITION:service:region:account:resource; an account's number says nothing of it.
    partition = identity.arn.partition(":")[2].partition(":")[0]
    pinned = (
        ("account", system.account, identity.account, system.account),
        ("partition", system.partition, partition, f"partition {system.partition}"),
    )
    for kind, expected, found, place in pinned:
        if found != expected:
            profile = f" as profile {system.profile}" if system.profile else ""
            raise GuardRefused(
                f"Not opened: {system.name} is in {kind} {expected}, and the caller is "
                f"{identity.arn} in {kind} {found or 'none'}. Sign in to {place}{profile}, "
                "or use the params file of the account you are in.",
                expected=expected,
                found=found,
            )


def _identity(answer: dict[str, Any], *, region: str) -> Identity:
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    at = parsedate_to_datetime(date).astimezone(UTC) if date else wall_now().replace(microsecond=0)
    return Identity(str(answer["Account"]), str(answer["Arn"]), region, at)


def _sandbox_hint(system: System) -> str:
    return " Start it with: opslib sandbox up" if system.environment == "sandbox" else ""


def _plain(said: object) -> str:
    """Return a foreign message on one line, printable, without its full stop, at most 300 long."""
    text = _UNPRINTABLE.sub(" ", str(said)).strip().rstrip(".")
    return text if len(text) <= 300 else f"{text[:299]}…"
