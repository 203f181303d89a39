"""What a failure is: the operations guide's error table as rules, and how a line shows its end.

In: one line of a log, as far as a query gives it (its shape, status, error type, words). Out: its
kind (`kind_of`), how it tells of the end of an invocation (`ending_of`), and its words without what
is different each time (`signature_of`). Pure; knows no client and no frame.

A line is classified by its shape, not by the word ERROR: a timeout, a kill for lack of memory and a
failed initialization do not carry it, and a record that fails inside an invocation that succeeds is
logged at WARNING.

Sources
-------
Table of errors: Lambda aggregator operations guide, Error Rate Issues. Lines of the platform: AWS
Lambda developer guide, Telemetry API schema (``platform.report``, ``platform.initReport``); text
lines as captured from real functions ("Task timed out", "Runtime exited with error: signal:
killed", ``Status:`` and ``Error Type:`` of REPORT). The last words of an uncaught exception:
``[ERROR] Type: words`` (Python), ``ERROR Invoke Error`` and ``Uncaught Exception`` (Node.js), a
JSON line with ``errorType`` (all runtimes that log JSON). A logger's line about an exception that
was caught has ``errorType`` too, and beside it the logger's own ``level`` and ``message``; the
runtime's has ``log_level`` and no message, or a message that begins with "Invoke Error" (sources of
awslambdaric and of the runtime for Node.js). An initialization that takes over 10 s is ended
and done again inside the first invocation (Lambda developer guide, Execution environments).
Services that are called: what Node.js, axios, got and fetch, Python's urllib, requests, httpx and
botocore raise when one is away, slow or answers 408, 429 or 5xx, and the errors of Slack's Web API
about a token or a channel. Other 4xx stay with the code: the request was at fault.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Ending = Literal["report", "last words", "uncaught", "init", "logged", "done"]
"""How a line tells of an invocation's end.

``report``: REPORT or platform.report with a status; ``last words``: the platform's own line about
a process that ended; ``uncaught``: the exception that ended it; ``init``: an initialization that
failed; ``logged``: an application's own line, whose invocation may well have succeeded; ``done``:
platform.runtimeDone, which says what the platform.report behind it says again.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the error table.

    Parameters
    ----------
    kind
        Its name for people.
    finding
        The finding it leads to; empty for a line that is only told.
    shows
        Pattern of the line that shows it.
    cause, solution
        One sentence each.
    notebook
        Where it is looked into.
    """

    kind: str
    finding: str
    shows: re.Pattern[str]
    cause: str
    solution: str
    notebook: str


def _rule(kind: str, finding: str, shows: str, *, cause: str, solution: str, notebook: str) -> Rule:
    return Rule(kind, finding, re.compile(shows), cause, solution, notebook)


# Statuses that a caller cannot help. A number alone is none: it has to be said to be one.
_STATUS = r"(?:408|429|5\d\d)\b"
_AWAY = (
    r"\b(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|E(?:SOCKET)?TIMEDOUT|ENOTFOUND|EAI_AGAIN"
    r"|EHOSTUNREACH|ENETUNREACH)\b|socket hang up|\bfetch failed|timeout of \d+ ?ms exceeded"
    r"|Connection refused|Connection reset by peer|Connection(?:Refused|Reset)Error"
    r"|Name or service not known|name resolution|Max retries exceeded with url|Read timed out"
    # What Python's sockets and urllib say.
    r"|(?:read|write|handshake) operation timed out|(?:socket\.timeout|TimeoutError): timed out"
    r"|urlopen error timed out|\[Errno 110\]"
    r"|\b(?:Connect|Read)Timeout(?:Error)?\b|EndpointConnectionError|RemoteDisconnected"
    r"|\((?:InternalServerError|InternalFailure|ServiceUnavailable\w*)\)"
    rf"|(?:[Ss]tatus code|HTTP Error|Response code|StatusCodeError):? {_STATUS}"
    rf"|\b{_STATUS} (?:Client|Server) Error|(?:Client|Server) error '{_STATUS}|\bratelimited\b"
    r"|429 Too Many|500 Internal Server|502 Bad Gateway|503 Service|504 Gateway"
)
_REFUSED = (
    r"\b(?:invalid_auth|not_authed|token_expired|token_revoked|account_inactive|missing_scope"
    r"|not_in_channel|channel_not_found)\b|ExpiredToken|TokenExpired|jwt expired"
    r"|UnrecognizedClient|InvalidClientTokenId|[Ss]tatus code:? 401\b|HTTP Error 401\b"
    r"|\b401 Client Error|Client error '401\b"
)

#: In the order in which they are tried; the last two take what no other did.
RULES = (
    _rule(
        "slow init",
        "errors.init-timeout",
        r"^INIT_REPORT Status: timeout",
        cause="The initialization took over 10 s: it was ended, and done again in an invocation.",
        solution="See what it imports and asks for at its start; load less, or raise the memory.",
        notebook="40-cold-starts",
    ),
    _rule(
        "init failed",
        "errors.init-failed",
        r"^INIT_REPORT|platform\.init|Runtime\.(ImportModuleError|HandlerNotFound"
        r"|UserCodeSyntaxError|MalformedHandlerName|InvalidEntrypoint|InvalidWorkingDir)"
        r"|Extension\.(Crash|InitError)",
        cause="The package does not load: a module is missing, or the handler's name is wrong.",
        solution="Go back to the version before; compare what the deployment packed.",
        notebook="13-code-error",
    ),
    _rule(
        "timeout",
        "errors.timeout",
        r"Task timed out after|Sandbox\.Timedout|Status: timeout",
        cause="The work, or what it waits for, takes longer than the timeout.",
        solution="See what it waited for; then raise timeout or memory, or halve the batch.",
        notebook="12-timeout",
    ),
    _rule(
        "out of memory",
        "errors.out-of-memory",
        r"Runtime\.OutOfMemory|signal: killed|memory at the limit|\bMemoryError\b"
        r"|heap out of memory|OutOfMemoryError",
        cause="It needs more memory than it has and was killed; nothing it did was finished.",
        solution="Raise the memory; halve the batch if that is what grew.",
        notebook="12-timeout",
    ),
    _rule(
        "permission denied",
        "errors.permission-denied",
        r"AccessDenied|not authorized to perform|UnauthorizedOperation|AuthorizationError"
        r"|Encoded authorization failure",
        cause="The role lacks a permission, or a policy denies it.",
        solution="Grant the one action on the one resource.",
        notebook="11-permission-denied",
    ),
    _rule(
        "throttled downstream",
        "errors.dynamodb",
        r"ProvisionedThroughputExceeded|Throttling|RequestLimitExceeded|TooManyRequests"
        r"|Rate exceeded",
        cause="The table, or another service that it calls, refuses the rate.",
        solution="See which table, index or key is throttled, and why.",
        notebook="60-dynamodb-throttling",
    ),
    _rule(
        "condition failed",
        "errors.dynamodb",
        r"ConditionalCheckFailed|TransactionCanceled|TransactionConflict",
        cause="Two writers met: the item was not as the write required.",
        solution="Retries settle it, unless one key is written by everybody.",
        notebook="60-dynamodb-throttling",
    ),
    _rule(
        "missing resource",
        "errors.missing-resource",
        r"ResourceNotFound|NonExistentQueue|QueueDoesNotExist|NoSuchBucket|NoSuchKey"
        r"|TableNotFound",
        cause="A table, stream, queue or object that it names is not there.",
        solution="Compare the name in its environment with what exists; redeploy the stack.",
        notebook="10-error-rate",
    ),
    _rule(
        "invalid request",
        "errors.validation",
        r"ValidationException|ValidationError|ParamValidationError|InvalidParameter",
        cause="A request that the service does not accept: often the schema or the data changed.",
        solution="See which record and since when; go back, or mend the source of the data.",
        notebook="13-code-error",
    ),
    _rule(
        "token refused",
        "errors.dependency",
        _REFUSED,
        cause="A service that it calls does not take its token: expired, revoked or not allowed.",
        solution="Renew the token, or give it what it lacks; another version has the same one.",
        notebook="10-error-rate",
    ),
    _rule(
        "service failing",
        "errors.dependency",
        _AWAY,
        cause="A service that it calls is away, too slow, or answers that it fails.",
        solution="See which one, and wait for it; check the retries. Going back mends nothing.",
        notebook="10-error-rate",
    ),
    _rule(
        "process ended",
        "errors.code",
        r"Runtime exited|Process exited before|Runtime\.ExitError",
        cause="The process ended without an answer: an exit, or a crash in native code.",
        solution="See its last lines; go back to the version before.",
        notebook="13-code-error",
    ),
)
CODE = _rule(
    "code error",
    "errors.code",
    r"",
    cause="An exception that nothing in the code catches.",
    solution="See the trace and the deployment before it; go back to the version before.",
    notebook="13-code-error",
)
LOGGED = _rule(
    "only logged",
    "",
    r"",
    cause="The application says that something is wrong, and its invocation goes on.",
    solution="Read it; count it only where records are lost.",
    notebook="",
)

_UNCAUGHT = re.compile(
    r"^\[ERROR\] \w|\tERROR\t(?:Invoke Error|Uncaught Exception|Unhandled Promise)"
)
_LAST_WORDS = re.compile(
    r"^\S+ \S+ Task timed out after|^RequestId: \S+ (?:Error: Runtime exited|Process exited)"
    r"|^RequestId: \S+ Error: Task timed out"
)
_HEAD = re.compile(
    r"^(?:\[ERROR\]\s+|\S+Z\t\S+\tERROR\t|\[(?:WARNING|CRITICAL)\]\t)(?:\S+Z\t\S+\t)?"
    r"(?:Invoke Error\s+|Uncaught Exception\s+)?|^\S+ \S+ (?=Task timed out)"
    r"|^RequestId: \S+ (?:Error: )?"
)
_REPORTED = re.compile(r"\tStatus: (\w+)(?:\tError Type: (\S+))?")
_USED = re.compile(r"Max Memory Used: (\d+) MB|\"maxMemoryUsedMB\":\s?(\d+)")
_SIZE = re.compile(r"Memory Size: (\d+) MB|\"memorySizeMB\":\s?(\d+)")
_ANSWERED = (
    r"(?P<answer>(?:[Ss]tatus code|HTTP Error|Response code|StatusCodeError):? \d{3}\b"
    r"|\b\d{3} (?:Client|Server) Error)"
)
_DIFFERS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{12,}\b"), "<id>"),
    # Of the numbers only the status of an answer says what failed; a digit at a word names (S3).
    (
        re.compile(rf"{_ANSWERED}|(?<![A-Za-z_\d])\d+(?:\.\d+)?|(?<=[A-Za-z_])\d\d+"),
        lambda m: m["answer"] or "<n>",
    ),
)
_LONGEST = 240


def ending_of(*, shape: str, error_type: str, said: str, caught: bool = False) -> Ending:
    """Return how a line tells of the end of an invocation.

    Parameters
    ----------
    shape
        ``@type`` of a text line, ``type`` of a JSON line; empty for an application's.
    error_type
        ``errorType`` of a JSON line; empty when it has none.
    said
        Its words, whole or their beginning.
    caught
        Whether a logger wrote it: a JSON line with a ``level`` and a ``message`` of its own.
    """
    if shape == "REPORT" or shape == "platform.report":
        return "report"
    if shape == "platform.runtimeDone":
        return "done"
    if said.startswith("INIT_REPORT") or shape.startswith("platform."):
        return "init"
    if _LAST_WORDS.search(said):
        return "last words"
    if caught:
        return "logged"
    if _UNCAUGHT.search(said) or error_type:
        return "uncaught"
    return "logged"


def kind_of(*, ending: Ending, status: str, error_type: str, said: str) -> Rule | None:
    """Return the rule that says what a line is about.

    Parameters
    ----------
    ending
        As `ending_of` has it.
    status, error_type
        Of a JSON line; those of a text REPORT are read from ``said``.
    said
        Its words.

    Returns
    -------
    The first of `RULES` that shows in it; else `CODE` for an uncaught exception and `LOGGED` for
    an application's line. None for a report that says only that it failed: the exception has a
    line of its own, which says why; and for what a report says again.
    """
    if ending == "done":
        return None
    text = said
    if ending in ("report", "init"):
        found = _REPORTED.search(said)
        status, error_type = (found[1], found[2] or "") if found else (status, error_type)
        # Of a platform line the rest is numbers, which must not look like words.
        head = "INIT_REPORT" if ending == "init" else "REPORT"
        text = f"{head} Status: {status} {error_type}"
        if error_type == "Runtime.ExitError" and _is_at_limit(said):
            text += ", memory at the limit"
    elif error_type:
        text = f"{error_type}: {said}"
    for rule in RULES:
        if rule.shows.search(text):
            return rule
    if ending == "report":
        return None
    return LOGGED if ending == "logged" else CODE


def signature_of(said: str, *, error_type: str = "") -> str:
    """Return the first line of a message without what is different each time.

    Ids become ``<id>``, instants ``<time>``, numbers ``<n>`` but for the status of an answer; the
    runtime's head (``[ERROR]``, instant and request id) goes; at most 240 characters are kept.
    """
    # A text that is cut in the middle of an ARN still groups: the cut is the same for all.
    lines = said.strip().splitlines()
    first = _HEAD.sub("", lines[0]) if lines else ""
    reported = _REPORTED.search(first)
    if reported:
        first = f"{first.split(maxsplit=1)[0]}{reported[0].replace(chr(9), ' ')}"
    elif error_type and not first.startswith(error_type):
        first = f"{error_type}: {first}"
    for pattern, put in _DIFFERS:
        first = pattern.sub(put, first)
    first = re.sub(r"\s+", " ", first).strip()
    return first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"


def _is_at_limit(said: str) -> bool:
    used, size = _USED.search(said), _SIZE.search(said)
    if not used or not size:
        return False
    return int(used[1] or used[2]) >= int(size[1] or size[2])
