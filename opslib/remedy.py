"""What a remedy would change, written down exactly: `Plan`. Carrying one out is not here yet.

In: an action, its subject, the API calls with their arguments, the state it starts from and the
state it leads to. Out: a `Plan` with a token that names it and nothing else: another starting
state, account or argument makes another token. Pure: does no I/O and knows no service; what can be
changed in which service stands in `opslib.remedies`.

The token is ``plan-`` and the first eight hexadecimal digits of a SHA-256 over action, subject,
calls, starting state, account and region. The prefix keeps papermill and YAML from reading it as a
number.
"""

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore import xform_name

from opslib.window import iso

#: For how long a plan that was shown may be named; the state it starts from is read again anyway.
VALID = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call.

    Parameters
    ----------
    service
        As boto3 names its client: ``lambda``.
    operation
        As the API names it: ``UpdateFunctionConfiguration``.
    arguments
        JSON types only.
    """

    service: str
    operation: str
    arguments: Mapping[str, object]

    def cli(self, aws: str) -> str:
        """Return the same call for the aws command, quoted for a POSIX shell.

        Parameters
        ----------
        aws
            How the command begins, `System.aws_command`: a line that does not name its region and
            profile changes whatever account the reader's shell is in.
        """
        words = [aws, self.service, xform_name(self.operation, "-")]
        for name, value in self.arguments.items():
            option = f"--{xform_name(name, '-')}"
            if isinstance(value, bool):
                words.append(option if value else option.replace("--", "--no-", 1))
                continue
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            words += [option, shlex.quote(text)]
        return " ".join(words)

    def as_dict(self) -> dict[str, object]:
        """Return the call with JSON types."""
        return {
            "service": self.service,
            "operation": self.operation,
            "arguments": dict(self.arguments),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One change, exactly.

    Parameters
    ----------
    action
        A sentence in the imperative with both values: "Raise the memory of f from 256 to 512 MB".
    subject
        The ARN of what is changed.
    calls
        In order; each of them changes something.
    before, after
        The state it starts from and the state it leads to, by name; JSON types only. ``before``
        holds whatever makes the plan stale when it changes (a RevisionId, a queue's depth).
    touches
        The blast radius: what else feels it.
    check
        What is looked at afterwards, and what it must show.
    undo_calls
        What takes it back, in order; for the reader, not part of the token.
    undo
        How it is taken back in words, or what the calls that do so leave; with neither it cannot
        be taken back.
    first
        What has to be done or known before; empty when nothing.
    account, region
        Where.
    """

    action: str
    subject: str
    calls: tuple[Call, ...]
    before: Mapping[str, object]
    after: Mapping[str, object]
    touches: str
    check: str
    undo_calls: tuple[Call, ...] = ()
    undo: str = ""
    first: tuple[str, ...] = ()
    account: str
    region: str

    @property
    def reversible(self) -> bool:
        """Whether it can be taken back."""
        return bool(self.undo or self.undo_calls)

    @property
    def token(self) -> str:
        """The name of this very plan."""
        named = {
            "action": self.action,
            "subject": self.subject,
            "calls": [call.as_dict() for call in self.calls],
            "before": dict(self.before),
            "account": self.account,
            "region": self.region,
        }
        canonical = json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"plan-{hashlib.sha256(canonical.encode()).hexdigest()[:8]}"

    def as_dict(self, *, shown_at: datetime, aws: str) -> dict[str, object]:
        """Return the plan as result.json, schema 1, holds it.

        Parameters
        ----------
        aws
            How its commands begin, as for `Call.cli`. The token does not know it.
        """
        lines = " && ".join(call.cli(aws) for call in self.undo_calls)
        return {
            "token": self.token,
            "action": self.action,
            "subject": self.subject,
            "before": dict(self.before),
            "after": dict(self.after),
            "reversible": self.reversible,
            "expires": iso(shown_at + VALID),
            "cli": [call.cli(aws) for call in self.calls],
            "touches": self.touches,
            "check": self.check,
            "undo": "; ".join(part for part in (lines, self.undo) if part),
            "first": list(self.first),
        }
