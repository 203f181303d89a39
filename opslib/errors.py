"""The errors a person reads at 3 a.m., and nothing else.

Every message says what was not done, what was found, and what to do next, in that order and in
plain sentences. It never carries a log line, a payload, a secret or ANSI codes. The facts of the
message are also attributes, so that a program need not parse the sentence.

Must not import opslib.
"""


class OpsError(Exception):
    """Something was not done. A notebook shows the message alone, without a traceback."""

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __str__(self) -> str:
        return self.message

    def _render_traceback_(self) -> list[str]:
        """Let IPython print the message alone, instead of a traceback."""
        return [self.message]


class BadInput(OpsError):
    """A parameter, a parameter file or a command line is wrong. Nothing was asked of AWS."""


class GuardRefused(OpsError):
    """The caller is not in the account and region that the system pins. Nothing was read."""


class CouldNotLook(OpsError):
    """AWS was asked and did not answer: unreachable, forbidden, throttled, timed out, or gone.

    Parameters
    ----------
    message
        What could not be seen, why, and what would mend it.
    operation
        The IAM action, as ``logs:StartQuery``.
    reason
        ``unreachable``, ``forbidden``, ``throttled``, ``timeout``, ``missing`` or ``failed``.
    """

    def __init__(self, message: str, *, operation: str, reason: str, **facts: object) -> None:
        super().__init__(message, operation=operation, reason=reason, **facts)
        self.operation = operation
        self.reason = reason
